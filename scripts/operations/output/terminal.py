"""What every view on a terminal is made of. The plain text stands by itself; colour only repeats what it says."""

import os
import textwrap
from collections.abc import Callable
from typing import TextIO

LONGEST = 100  # characters of a value
WIDTH = 110

# SGR codes: ECMA-48.
CODES = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
Paint = Callable[[str, str], str]


def painter(out: TextIO) -> Paint:
    """Colours for a terminal that wants them (`NO_COLOR`, no-color.org), otherwise none."""
    if not out.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return lambda text, _style: text
    return lambda text, style: f"\x1b[{CODES[style]}m{text}\x1b[0m"


def plain(text: str, _style: str) -> str:
    """No colour."""
    return text


def wrapped(text: str, depth: int) -> str:
    """A line, indented by `depth` steps, folded at the width of a page."""
    first, more = "  " * depth, "  " * (depth + 1)
    return textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent=more, break_on_hyphens=False)


def short(value: str, longest: int = LONGEST) -> str:
    """A value on one line, cut where it is too long to read: after `longest` characters."""
    text = value.replace("\n", " ")
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def count(number: int, what: str) -> str:
    """`1 resource`, `2 resources`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
