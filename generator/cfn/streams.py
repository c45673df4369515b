"""Output that never ends a command: an encoding that lacks a sign, a reader that has gone, a disk that is full.

Standard library only.
"""

import codecs
import errno
import io
import os
import sys
from collections.abc import Callable, Collection
from typing import NoReturn, TextIO

# What stands for a sign that an encoding lacks; anything else becomes a question mark.
PLAIN = {"→": "->", "←": "<-", "…": "...", "·": "-", "✓": "v", "✗": "x", "▸": ">", "≥": ">=", "≤": "<="}
PLAIN |= {"│": "|", "├": "|", "└": "`", "─": "-", "━": "-", "╸": "-", "╺": "-", "•": "*", "“": '"', "”": '"'}
ERRORS = "plain"


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(PLAIN.get(sign, "?") for sign in text), error.end


class Output(io.RawIOBase):
    """A file descriptor that takes everything. `failure` is why it could not be written, None while it could."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self.failure = descriptor, None if descriptor >= 0 else OSError(errno.EBADF, "closed")

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._descriptor >= 0 and os.isatty(self._descriptor)

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: object, /) -> int:
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        if self.failure is None:
            try:
                return os.write(self._descriptor, view)
            except OSError as error:
                self.failure = error
        return len(view)

    @property
    def lost(self) -> OSError | None:
        """What kept the output from being written where somebody waits for it: a reader that has seen enough, as
        `head` has, is no loss."""
        return None if self.failure is None or self.failure.errno in (errno.EPIPE, errno.EBADF) else self.failure


def prepare() -> list[Output]:
    """Puts such outputs in the place of this process's own, and gives what was closed a place to go: a file that is
    opened later must not become somebody's standard output. Returns both outputs, stdout first."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    codecs.register_error(ERRORS, _plain)
    outputs = [Output(1), Output(2)]
    sys.stdin = sys.stdin or open(0, encoding="utf-8", errors="replace")  # noqa: SIM115
    sys.stdout, sys.stderr = (
        _stream(output, stream) for output, stream in zip(outputs, (sys.stdout, sys.stderr), strict=True)
    )
    return outputs


def _stream(output: Output, like: TextIO | None) -> TextIO:
    if like is not None:
        like.flush()
    encoding = getattr(like, "encoding", None) or "utf-8"
    # What goes to a file waits in a buffer; what comes on a terminal, and what is wrong, comes line by line.
    by_line = output.isatty() or output.fileno() == 2
    return io.TextIOWrapper(io.BufferedWriter(output), encoding, ERRORS, line_buffering=by_line)


def end_with(run: Callable[[], int], good: Collection[int], unwritten: int) -> NoReturn:
    """Ends this process with the exit status that `run` returns. Output that cannot be written or shown never ends
    `run`; where somebody waits for it, a status among `good` becomes `unwritten`."""
    outputs = prepare()
    try:
        status = run()
    except SystemExit as error:  # argparse's, after help or bad usage; without a number it was ended by something else
        status = error.code if isinstance(error.code, int) else os.EX_USAGE
    sys.stdout.flush()
    sys.stderr.flush()
    if (lost := outputs[0].lost) and status in good:
        print(f"The output could not be written: {lost.strerror}.", file=sys.stderr, flush=True)
        status = unwritten
    sys.exit(status)
