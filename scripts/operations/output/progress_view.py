"""The events of a running operation: as timestamped lines, or as one view that stays in its place on a terminal."""

import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TextIO

from generator.cfn.templates import STACK, Template
from scripts.deployment.follow import Event
from scripts.operations.diagnose.cause import echo, sentence
from scripts.operations.output.progress import DONE, FAILED, RUNNING, Progress
from scripts.operations.output.terminal import Paint, count, painter

WORDS = {
    "CREATE_COMPLETE": "created",
    "UPDATE_COMPLETE": "updated",
    "DELETE_COMPLETE": "deleted",
    "DELETE_SKIPPED": "kept",
    "IMPORT_COMPLETE": "taken over",
}
MARKS = {RUNNING: ("▸", "bold"), DONE: ("✓", "green"), FAILED: ("✗", "red")}
QUIET = timedelta(seconds=15)  # after which a long silence is broken
SLOWEST = 4  # resources that are named while they are in work
# Control sequences of ECMA-48: cursor up by lines, erase to the end of the screen.
UP, ERASE = "\x1b[{}F", "\x1b[J"

More = Callable[[Progress], Sequence[str]]


def utc() -> datetime:
    """Now."""
    return datetime.now(UTC)


def nothing(_progress: Progress) -> Sequence[str]:
    """Nothing more is known than what CloudFormation says."""
    return ()


class Lines:
    """Timestamped lines: each nested stack when it ends, each failure, and who is waited for. With `verbose` every
    event. `more` tells more of what is in work than CloudFormation does."""

    def __init__(
        self, out: TextIO = sys.stdout, now: Callable[[], datetime] = utc, verbose: bool = False, more: More = nothing
    ) -> None:
        self._out, self._now, self._verbose, self._more = out, now, verbose, more
        self._progress, self._paint, self._told, self._said = Progress(), painter(out), now(), set[str]()

    def __call__(self, events: Sequence[Event]) -> None:
        for event in events:
            before = self._progress.undoing
            self._progress.fold([event])
            if self._progress.undoing and not before:
                self._say(self._paint("it failed: everything goes back to what it was", "red"))
            if self._verbose:
                reason = f": {event.reason}" if event.reason else ""
                self._say(f"{' > '.join(event.path) or 'the stack itself'}  {event.type}  {event.status}{reason}")
            elif line := self._ended(event):
                self._say(line)
        for line in self._more(self._progress):
            if line not in self._said:
                self._said.add(line)
                self._say(line)
        if not events and self._now() - self._told > QUIET:
            running = self._progress.running()
            waiting = (f"{' > '.join(part.path)} ({part.seconds(self._now()):.0f} s)" for part in running)
            self._say(f"waiting for {', '.join(waiting) or 'CloudFormation'}")

    def pause(self) -> None:
        """There is always room below."""

    def _ended(self, event: Event) -> str:
        if not event.path or event.own or event.running:
            return ""
        if event.failed:
            text = f"{' > '.join(event.path)}  {event.status}: {event.reason}"
            return "" if echo(event) else self._paint(text, "red")
        if len(event.path) > 1:
            return ""
        part = self._progress.parts[event.path]
        below = sum(path[:-1] == event.path and one.state == DONE for path, one in self._progress.parts.items())
        inside = f", {count(below, 'resource')}" if event.type == STACK else ""
        restored = self._progress.undoing and event.status == "UPDATE_COMPLETE"
        word = "restored" if restored else WORDS.get(event.status, event.status)
        return f"{event.path[0]} {word}{inside} ({part.seconds(event.time):.1f} s)"

    def _say(self, line: str) -> None:
        self._told = self._now()
        print(f"{self._told.astimezone():%H:%M:%S}  {line}", file=self._out, flush=True)


class Live:
    """One view that is drawn again and again in the same place; failures stay above it, and the last view stays."""

    def __init__(
        self,
        root: Template,
        planned: Iterable[tuple[str, ...]] = (),
        out: TextIO = sys.stdout,
        now: Callable[[], datetime] = utc,
        more: More = nothing,
    ) -> None:
        self._root, self._out, self._now, self._more = root, out, now, more
        self._progress, self._paint = Progress(frozenset(planned)), painter(out)
        self._drawn = self._failures = 0

    def __call__(self, events: Sequence[Event]) -> None:
        self._progress.fold(events)
        size = shutil.get_terminal_size()
        fresh = self._progress.failures[self._failures :]
        self._failures += len(fresh)
        told = [self._paint(f"{' > '.join(one.path)}  {one.status}: {one.reason}", "red") for one in fresh]
        view = view_lines(self._progress, self._root, self._now(), self._paint)
        more = [f"  {line}" for line in self._more(self._progress)]
        # A line that the terminal would fold, or a view higher than the screen, could not be drawn over.
        view = [cut(line, size.columns - 1) for line in [*view, *more]][: size.lines - 1]
        self.pause()
        print(*told, *view, sep="\n", file=self._out, flush=True)
        self._drawn = len(view)

    def pause(self) -> None:
        """Takes the view away until it is drawn again."""
        if self._drawn:
            print(UP.format(self._drawn) + ERASE, end="", file=self._out, flush=True)
        self._drawn = 0


def view_lines(progress: Progress, root: Template, now: datetime, paint: Paint) -> list[str]:
    """The whole view: numbers, every nested stack, and the resources that take longest with what they are for."""
    done, running, waiting = progress.counts()
    left = f", {waiting} waiting" if waiting else ""
    goes = paint("it failed: everything goes back to what it was, ", "red") if progress.undoing else ""
    head = f"{clock(progress.seconds(now))}  {goes}{count(done, 'resource')} done, {running} running{left}"
    lines = progress.lines(now)
    width = max((len(line.name or "(root)") for line in lines), default=0)
    rows = [paint(head, "bold") if not progress.undoing else head]
    for line in lines:
        mark, style = MARKS.get(line.state, (" ", "dim"))
        total = line.done + line.running + line.waiting
        numbers = f"{line.done:3} of {total:<3}" if line.state != DONE or total else " " * 10
        took = f"  {clock(line.seconds)}" if line.seconds >= 1 else ""
        rows.append(f"  {paint(mark, style)} {line.name or '(root)':{width}}  {numbers}{took}".rstrip())
    slow = progress.running()[:SLOWEST]
    for part in slow:
        text = paint(f"  {sentence(root, part.path)}", "dim")
        rows.append(f"    {clock(part.seconds(now))}  {' > '.join(part.path)}{text}")
    return rows


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60:2}:{int(seconds) % 60:02}"


def cut(line: str, width: int) -> str:
    """A line that fits; control sequences take no room, and colour ends with it."""
    shown, inside, kept = 0, False, list[str]()
    for character in line:
        inside = inside or character == "\x1b"
        if not inside:
            shown += 1
            if shown > width:
                return "".join(kept) + ("\x1b[0m" if "\x1b" in line else "")
        kept.append(character)
        if inside and character.isalpha():
            inside = False
    return line
