"""Work that two processes share: on two cores the gate takes half the time."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from typing import Any

Work = Sequence[Callable[[], Any]]


@contextmanager
def shared(work: Work) -> Iterator[list[Callable[[], Any]]]:
    """Begins some functions of modules in a process of its own, one after the other, and yields for each a function
    that returns its result.

    Whoever asks for a result that is not there carries out in this process what nobody has begun, instead of waiting.
    So nothing may depend on which process a function runs in, and the longest one stands first.

    The function of a result raises what the work raises: that is called again here, because not every error can be sent
    from one process to another; and so is what the other process was at when it was ended, as by a machine without
    memory. Leaving the context ends that process; it never outlives this one for longer than its work, because nothing
    but the work keeps it.
    """
    receiving, sending = Pipe(duplex=False)
    waiting, filling = Pipe(duplex=False)  # the numbers of the functions that no process has begun, a byte each
    os.write(filling.fileno(), bytes(range(len(work))))
    filling.close()
    process = Process(target=_carry_out, args=(sending, waiting, work), daemon=True)
    process.start()
    sending.close()
    outcomes: dict[int, tuple[bool, Any]] = {}

    def result(number: int) -> Any:
        while number not in outcomes:
            own = _next(waiting)
            done, outcome = _received(receiving, number) if own is None else (own, _outcome(work[own]))
            outcomes[done] = outcome
        failed, value = outcomes[number]
        return work[number]() if failed else value

    try:
        yield [partial(result, number) for number in range(len(work))]
    finally:
        process.terminate()
        process.join()
        receiving.close()
        waiting.close()


def _received(results: Connection, number: int) -> tuple[int, tuple[bool, Any]]:
    """The next outcome of the other process; that `number` failed there where it was ended."""
    try:
        outcome: tuple[int, tuple[bool, Any]] = results.recv()
    except (EOFError, OSError):  # the latter in the middle of an outcome
        return number, (True, None)
    return outcome


def _carry_out(results: Connection, waiting: Connection, work: Work) -> None:
    # An interrupt ends this process without a word: the one that waits says what there is to say. Where nobody listens
    # to an interrupt, as in the background of a script, this process does not either.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # A pipe takes some 64 KiB, and the other end looks at it only when it has nothing else to do: what is longer is
    # sent while the work goes on. What cannot be sent ends with this process, and is carried out again in the other.
    with ThreadPoolExecutor(1) as sender:
        while (number := _next(waiting)) is not None:
            sender.submit(results.send, (number, _outcome(work[number])))


def _next(waiting: Connection) -> int | None:
    """The number of the next function that no process has begun, which is begun now: no byte is read by both processes.
    None where there is none."""
    number = os.read(waiting.fileno(), 1)
    return number[0] if number else None


def _outcome(function: Callable[[], Any]) -> tuple[bool, Any]:
    """Whether a function failed, and what it returned."""
    try:
        return False, function()
    except Exception:
        return True, None
