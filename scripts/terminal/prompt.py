"""The one way to ask a person. Whoever is not there or closes the input has not agreed."""

import os
import select
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TextIO

from generator.cfn.visible import visible


class NobodyAnsweredError(Exception):
    """There is no terminal to ask on, or whoever sits there ended the question instead of answering it."""


def attended() -> bool:
    """Whether somebody can be asked: standard input is a terminal."""
    try:
        return sys.stdin is not None and sys.stdin.isatty()
    except ValueError:  # it is closed
        return False


def answer(question: str) -> str:
    """What somebody answers, without the white space around it. Raises `NobodyAnsweredError`."""
    return _answered(question, hidden=False)


def secret(question: str) -> str:
    """The same for what must not be seen; without a terminal it is the first line of standard input. Raises
    `NobodyAnsweredError`."""
    if attended():
        return _answered(question, hidden=True)
    line = sys.stdin.readline() if sys.stdin else ""
    if not line:
        raise NobodyAnsweredError
    return line.strip()


def confirmed(question: str, expected: str = "yes") -> bool:
    """Whether somebody answers with exactly the word that the question asks for; False where nobody answers."""
    try:
        return answer(question) == expected
    except NobodyAnsweredError:
        return False


def _answered(question: str, *, hidden: bool) -> str:
    if not attended():
        raise NobodyAnsweredError
    # The question is seen where a person looks, even when the output goes to a file.
    screen = sys.stdout if sys.stdout.isatty() else sys.stderr
    try:
        with _without_echo() if hidden else nullcontext():
            line = read_line(visible(question), screen)
    except EOFError as error:  # the end of the input, as Ctrl-D on a terminal, agrees to nothing
        print(file=screen)
        raise NobodyAnsweredError from error
    except KeyboardInterrupt:
        print(file=screen)
        raise
    if hidden:  # the end of the line was not seen either
        print(file=screen)
    return line.strip()


def read_line(question: str, screen: TextIO) -> str:
    """What is typed after `question`, on a terminal. Raises `EOFError` at the end of the input.

    Ctrl-C always ends it. `input` loses a signal that comes after the question is shown and before reading begins: it
    looks for signals only when reading is interrupted (CPython, Parser/myreadline.c). So the signal is waited for, too.
    """
    signals, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    before = signal.set_wakeup_fd(wakeup)
    try:
        print(question, end="", file=screen, flush=True)
        while sys.stdin not in select.select([sys.stdin, signals], [], [])[0]:
            os.read(signals, 1)  # a signal that ended nothing
    finally:
        signal.set_wakeup_fd(before)
        os.close(signals)
        os.close(wakeup)
    if line := sys.stdin.readline():
        return line
    raise EOFError


@contextmanager
def _without_echo() -> Iterator[None]:
    """The terminal does not show what is typed; what was typed before is forgotten."""
    before = termios.tcgetattr(sys.stdin)
    changed = [*before]
    changed[3] &= ~termios.ECHO  # the local modes (termios, tcgetattr)
    termios.tcsetattr(sys.stdin, termios.TCSAFLUSH, changed)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
