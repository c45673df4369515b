"""Where lines are shown: on a terminal as wide as it is and in colour, otherwise plain and unfolded.

rich is imported when something is shown on a terminal, and not before. `NO_COLOR`, `FORCE_COLOR`, `TERM=dumb` and
`COLUMNS` are read as rich reads them.
"""

import os
import sys
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, TextIO

from scripts.terminal.text import STEP, Line, visible

if TYPE_CHECKING:
    from rich.console import Console

HANG = 2  # columns by which a folded line goes on farther right


def show(lines: Iterable[Line | str], out: TextIO | None = None) -> None:
    """Shows lines as they come."""
    for line in lines:
        show_line(line, out)


def show_line(line: Line | str, out: TextIO | None = None) -> None:
    """Shows one line. A line that is wider than the terminal is folded between words; a word stays whole."""
    out = out or sys.stdout
    if interactive(out) or os.environ.get("FORCE_COLOR"):
        _folded(line, out)
    else:
        print(plain(line), file=out, flush=True)


def plain(line: Line | str) -> str:
    """A line as a file or a pipe gets it."""
    return str(line) if isinstance(line, Line) else visible(line)


def document(text: str, out: TextIO | None = None) -> None:
    """Prints a text that programs read, or another page shows (JSON, Markdown): as it is, on whatever is there."""
    print(text, file=out or sys.stdout, flush=True)


def interactive(out: TextIO | None = None) -> bool:
    """Whether a person looks on who can be shown colours and lines that change."""
    return bool((out or sys.stdout).isatty()) and os.environ.get("TERM") not in ("dumb", "unknown")


@cache
def console(out: TextIO) -> "Console":
    """rich's console for an output. Our lines are no markup, and nothing in them is highlighted or replaced."""
    from rich.console import Console

    return Console(file=out, markup=False, highlight=False, emoji=False, soft_wrap=False, legacy_windows=False)


def _folded(line: Line | str, out: TextIO) -> None:
    from rich.text import Text

    terminal = console(out)
    text = Text(end="", no_wrap=False, overflow="ignore")
    if isinstance(line, str):
        body = visible(line)
        text.append(body.lstrip(" "))
        indent = len(body) - len(body.lstrip(" "))
    else:
        indent = STEP * line.depth
        for part, style in line.parts:
            text.append(part, style or None)
    pieces = [text]
    if out.isatty() and indent + text.cell_len > terminal.width:
        pieces = [*text.wrap(terminal, max(terminal.width - indent - HANG, 1), overflow="ignore")]
    for number, piece in enumerate(pieces):
        piece.rstrip()
        before = Text(" " * (indent if number == 0 else indent + HANG))
        terminal.print(before + piece, crop=False, no_wrap=True, overflow="ignore")
    out.flush()
