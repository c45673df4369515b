"""The one way to ask a person. Whoever is not there or closes the input has not agreed."""

import sys
from collections.abc import Callable

from scripts.terminal.text import visible


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
    return _answered(question, input)


def secret(question: str) -> str:
    """The same for what must not be seen; without a terminal it is the first line of standard input. Raises
    `NobodyAnsweredError`."""
    import getpass

    if attended():
        return _answered(question, getpass.getpass)
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


def _answered(question: str, read: Callable[[str], str]) -> str:
    if not attended():
        raise NobodyAnsweredError
    prompt = visible(question)
    if not sys.stdout.isatty():  # the question is seen where a person looks, even when the output goes to a file
        sys.stderr.write(prompt)
        sys.stderr.flush()
        prompt = ""
    try:
        return read(prompt).strip()
    except EOFError as error:  # the end of the input, as Ctrl-D on a terminal, agrees to nothing
        print(file=sys.stdout if prompt else sys.stderr)
        raise NobodyAnsweredError from error
    except KeyboardInterrupt:
        print(file=sys.stdout if prompt else sys.stderr)
        raise
