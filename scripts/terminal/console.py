"""Where lines are shown: on a terminal as wide as it is and in colour, otherwise plain and unfolded.

rich is imported when something is shown on a terminal, and not before. Hints are spelled as
they can be typed. `NO_COLOR`, `FORCE_COLOR`, `TERM=dumb` and
`COLUMNS` are read as rich reads them.
"""

import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, TextIO

from generator.cfn.visible import visible
from scripts.terminal import hints
from scripts.terminal.text import STEP, Line, escaped

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

NEWS = 15.0  # seconds of silence, at most, while something is done and there is no terminal
WIDTH = 80  # columns of a terminal that does not say how wide it is
HANG = 2  # columns by which a folded line goes on farther right


def show(lines: Iterable[Line | str], out: TextIO | None = None) -> None:
    """Shows lines as they come."""
    for line in lines:
        show_line(line, out)


def show_line(line: Line | str, out: TextIO | None = None) -> None:
    """Shows one line. A line that is wider than the terminal is folded between words; a word stays whole."""
    out = out or sys.stdout
    if interactive(out) or os.environ.get("FORCE_COLOR"):
        _print_folded(line, out)
    else:
        out.write(f"{plain(line)}\n")  # at once: builds that run at the same time share the output
        out.flush()


def plain(line: Line | str) -> str:
    """A line as a file or a pipe gets it."""
    return hints.spelled(str(line) if isinstance(line, Line) else visible(line))


def document(text: str, out: TextIO | None = None) -> None:
    """Prints a text that programs read, or another page shows (JSON, Markdown): as it is, on whatever is there."""
    print(text, file=out or sys.stdout, flush=True)


def json_text(value: Any, sort_keys: bool = False) -> str:
    """A value as JSON that the output can hold: where its encoding lacks a sign, JSON's own escapes stand for it, and
    always for what a terminal would obey."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    text = json.dumps(value, indent=2, sort_keys=sort_keys, ensure_ascii=encoding != "utf8")
    return escaped(text)


def interactive(out: TextIO | None = None) -> bool:
    """Whether a person looks on who can be shown colours and lines that change."""
    return bool((out or sys.stdout).isatty()) and os.environ.get("TERM") not in ("dumb", "unknown")


@cache
def console(out: TextIO) -> "Console":
    """rich's console for an output. Our lines are no markup, and nothing in them is highlighted or replaced."""
    from rich.console import Console

    console = Console(file=out, markup=False, highlight=False, emoji=False, soft_wrap=False, legacy_windows=False)
    if console.width < 1:  # COLUMNS=0, as some terminals without a size say: rich would show nothing at all
        console.width = WIDTH
    return console


def folded(line: Line | str, out: TextIO) -> "list[Text]":
    """The lines of a terminal that a line takes: folded between words, and farther right from the second on. A word
    that is longer than the terminal is wide stays whole, so that it can be copied."""
    from rich.text import Text

    text = Text(end="")
    if isinstance(line, str):
        body = hints.spelled(visible(line))
        indent = len(body) - len(body.lstrip(" "))
        text.append(body.strip(" "))
    else:
        indent = STEP * line.depth
        for part, style in line.parts:
            text.append(hints.spelled(part), style or None)
    text.rstrip()
    pieces = [text]
    width = console(out).width
    if out.isatty() and indent + text.cell_len > width:
        pieces = _columns(text, max(width - indent - HANG, 1))
    for number, piece in enumerate(pieces):
        piece.rstrip()
        piece.pad_left(indent if number == 0 else indent + HANG)
    return pieces


def _columns(text: "Text", room: int) -> "list[Text]":
    """A text in lines of `room` columns: folded between what stands in columns, two spaces or more apart, and only
    where one of these is too wide, between words."""
    lines: list[Text] = []
    gaps = [place for match in re.finditer(r" {2,}", text.plain) for place in match.span()]
    between: list[Text | str] = []  # as it stands where there is room for it: columns stay columns
    for number, cell in enumerate(text.divide(gaps)):
        if number % 2:
            between = [cell, "  "]
            continue
        space = next((each for each in between if lines[-1].cell_len + len(each) + cell.cell_len <= room), None)
        if space is None:
            lines.append(cell)
        else:
            lines[-1].append(str(space)).append_text(cell)
    return [piece for line in lines for piece in line.divide(_breaks(line.plain, room))]


def _breaks(text: str, room: int) -> Iterator[int]:
    """Where a text is folded so that its lines take `room` columns; rich's own folding cuts words that are longer."""
    from rich.cells import cell_len

    taken = 0
    for word in re.finditer(r"\S+\s*", text):
        if taken and taken + cell_len(word[0].rstrip()) > room:
            yield word.start()
            taken = 0
        taken += cell_len(word[0])


def _print_folded(line: Line | str, out: TextIO) -> None:
    # What comes while a line shows that something is done has to go above that line.
    terminal = _live[0] if _live and interactive(out) else console(out)
    for piece in folded(line, out):
        terminal.print(piece, crop=False, no_wrap=True, overflow="ignore")
    out.flush()


@contextmanager
def working(what: str) -> Iterator[None]:
    """Says what is done and for how long, as long as it is: a line that goes away on a terminal, otherwise a line each
    `NEWS` seconds. It stands on standard error, beside what the command gives."""
    out = sys.stderr
    if interactive(out) and not _BUSY.acquire(blocking=False):
        yield  # something else is shown already, of a build beside this one
    elif interactive(out):
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.table import Column

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False, table_column=Column(overflow="fold")),
            TimeElapsedColumn(),
        )
        _live.append(console(out))
        try:
            with Progress(*columns, console=_live[0], transient=True) as progress:
                progress.add_task(visible(what), total=None)
                yield
        finally:
            _live.clear()
            _BUSY.release()
    else:
        ended = Event()
        Thread(target=_tell, args=(what, ended, out), daemon=True).start()
        try:
            yield
        finally:
            ended.set()


_BUSY, _live = Lock(), list["Console"]()  # the console on which something is shown as being done


def _tell(what: str, ended: Event, out: TextIO) -> None:
    began = time.monotonic()
    while not ended.wait(NEWS):
        show_line(f"{datetime.now():%H:%M:%S}  {what} ({time.monotonic() - began:.0f} s)", out)
