"""The events of a running operation: as timestamped lines, or as one view that stays in its place on a terminal."""

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TextIO

from generator.cfn.templates import STACK, Template
from scripts.operations.diagnose.cause import echo, sentence
from scripts.operations.following import Event
from scripts.operations.output.progress import DONE, FAILED, RUNNING, Progress
from scripts.terminal import console
from scripts.terminal.text import BOLD, DIM, GREEN, PLAIN, RED, Line, count, line

WORDS = {
    "CREATE_COMPLETE": "created",
    "UPDATE_COMPLETE": "updated",
    "DELETE_COMPLETE": "deleted",
    "DELETE_SKIPPED": "kept",
    "IMPORT_COMPLETE": "taken over",
}
MARKS = {RUNNING: ("▸", BOLD), DONE: ("✓", GREEN), FAILED: ("✗", RED)}
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
        self, out: TextIO | None = None, now: Callable[[], datetime] = utc, verbose: bool = False, more: More = nothing
    ) -> None:
        self._out, self._now, self._verbose, self._more = out or sys.stdout, now, verbose, more
        self._progress, self._told, self._said = Progress(), now(), set[str]()

    def __call__(self, events: Sequence[Event]) -> None:
        for event in events:
            before = self._progress.undoing
            self._progress.fold([event])
            if self._progress.undoing and not before:
                self._say(undoing(self._progress), RED)
            if self._verbose:
                reason = f": {event.reason}" if event.reason else ""
                self._say(f"{' > '.join(event.path) or 'the stack itself'}  {event.type}  {event.status}{reason}")
            elif text := self._ended(event):
                self._say(text, RED if event.failed else PLAIN)
        for text in self._more(self._progress):
            if text not in self._said:
                self._said.add(text)
                self._say(text)
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
            return "" if echo(event) else text
        if len(event.path) > 1:
            return ""
        part = self._progress.parts[event.path]
        below = sum(
            path[:-1] == event.path and resource.state == DONE for path, resource in self._progress.parts.items()
        )
        inside = f", {count(below, 'resource')}" if event.type == STACK else ""
        restored = self._progress.undoing and event.status == "UPDATE_COMPLETE"
        word = "restored" if restored else WORDS.get(event.status, event.status)
        return f"{event.path[0]} {word}{inside} ({part.seconds(event.time):.1f} s)"

    def _say(self, text: str, style: str = PLAIN) -> None:
        self._told = self._now()
        console.show_line(line(f"{self._told.astimezone():%H:%M:%S}  ", (text, style)), self._out)


class Live:
    """One view that is drawn again and again in the same place; failures stay above it, and the last view stays."""

    def __init__(
        self,
        root: Template,
        planned: Iterable[tuple[str, ...]],
        out: TextIO | None = None,
        now: Callable[[], datetime] = utc,
        more: More = nothing,
    ) -> None:
        self._root, self._out, self._now, self._more = root, out or sys.stdout, now, more
        self._progress = Progress(frozenset(planned))
        self._failures = 0
        self._drawn = list[int]()  # how long each line of the view is that stands there

    def __call__(self, events: Sequence[Event]) -> None:
        self._progress.fold(events)
        fresh = self._progress.failures[self._failures :]
        self._failures += len(fresh)
        view = [*view_lines(self._progress, self._root, self._now()), *more_lines(self._more(self._progress))]
        self.pause()
        for event in fresh:
            console.show_line(line((f"{' > '.join(event.path)}  {event.status}: {event.reason}", RED)), self._out)
        terminal = console.console(self._out)
        # What is higher than the screen could not be drawn over.
        drawn = [piece for row in view for piece in console.folded(row, self._out)][: max(terminal.height - 1, 1)]
        for piece in drawn:
            terminal.print(piece, crop=False, no_wrap=True, overflow="ignore")
        self._drawn = [piece.cell_len for piece in drawn]

    def pause(self) -> None:
        """Takes the view away until it is drawn again."""
        if self._drawn:
            # A terminal that has become narrower since has folded what stood there.
            width = console.console(self._out).width
            rows = sum(max(1, math.ceil(length / width)) for length in self._drawn)
            print(UP.format(rows) + ERASE, end="", file=self._out, flush=True)
        self._drawn = []


def undoing(progress: Progress) -> str:
    """What a rollback is called. Without a failure somebody asked for it: the update was cancelled, or `continue`
    resumes the rollback."""
    return "failed, rolling back" if progress.failures else "rolling back"


def view_lines(progress: Progress, root: Template, now: datetime) -> list[Line]:
    """The whole view: numbers, every nested stack, and the resources that take longest with what they are for."""
    done, running, waiting = progress.counts()
    head = line(f"{clock(progress.seconds(now))}  ")
    if progress.undoing:
        head = head.followed_by((f"{undoing(progress)}, ", RED))
    left = f", {waiting} waiting" if waiting else ""
    head = head.followed_by(
        (f"{count(done, 'resource')} done, {running} running{left}", PLAIN if progress.undoing else BOLD)
    )
    stacks = progress.lines(now)
    width = max((len(stack.name or "(root)") for stack in stacks), default=0)
    rows = [head]
    for stack in stacks:
        mark, style = MARKS.get(stack.state, (" ", DIM))
        total = stack.done + stack.running + stack.waiting
        numbers = f"{stack.done:3} of {total:<3}" if stack.state != DONE or total else " " * 10
        took = f"  {clock(stack.seconds)}" if stack.seconds >= 1 else ""
        rows.append(line((mark, style), f" {stack.name or '(root)':{width}}  {numbers}{took}", depth=1))
    for part in progress.running()[:SLOWEST]:
        text = f"{clock(part.seconds(now))}  {' > '.join(part.path)}"
        rows.append(line(text, (f"  {sentence(root, part.path)}", DIM), depth=2))
    return rows


def more_lines(texts: Sequence[str]) -> list[Line]:
    """What others know of what is in work."""
    return [line(text, depth=1) for text in texts]


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60:2}:{int(seconds) % 60:02}"
