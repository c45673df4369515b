"""Work in a process of its own, beside what this one does: on two cores the gate takes half the time."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from typing import Any


@contextmanager
def started(work: Sequence[Callable[[], Any]]) -> Iterator[Callable[[], Any]]:
    """Begins some functions of modules, one after the other, and yields a function that waits for the next result.

    That raises what the function of the result raised, and `EOFError` where the process was ended. Leaving the context
    ends the process; it never outlives this one for longer than its work, because nothing but the work keeps it.
    """
    results, sending = Pipe(duplex=False)
    process = Process(target=_carry_out, args=(sending, work), daemon=True)
    process.start()
    sending.close()

    def result() -> Any:
        value = results.recv()
        if isinstance(value, Exception):
            raise value
        return value

    try:
        yield result
    finally:
        process.terminate()
        process.join()
        results.close()


def _carry_out(results: Connection, work: Sequence[Callable[[], Any]]) -> None:
    # An interrupt ends this process without a word: the one that waits says what there is to say.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for function in work:
        try:
            results.send(function())
        except Exception as error:
            results.send(error)
