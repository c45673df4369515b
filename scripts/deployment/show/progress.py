"""The events of a running operation as timestamped lines."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

from generator.reading.templates import STACK
from scripts.deployment.explain import echo
from scripts.deployment.follow import Event
from scripts.deployment.show.terminal import count, painter

DONE = {
    "CREATE_COMPLETE": "created",
    "UPDATE_COMPLETE": "updated",
    "DELETE_COMPLETE": "deleted",
    "DELETE_SKIPPED": "kept",
    "IMPORT_COMPLETE": "taken over",
}
QUIET = 15.0  # seconds after which a long silence is broken


@dataclass
class Running:
    """Something that has started: when by AWS's clock and by ours. `inside` counts what has ended below."""

    start: datetime
    since: float
    inside: int = 0


class Progress:
    """Events as timestamped lines: each nested stack when it ends, each failure, and who is waited for."""

    def __init__(self, out: TextIO = sys.stdout, clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._clock, self._paint = out, clock, painter(out)
        self._running: dict[tuple[str, ...], Running] = {}
        self._told, self._words = clock(), DONE

    def __call__(self, events: Sequence[Event]) -> None:
        for event in events:
            self._event(event)
        if not events and self._clock() - self._told > QUIET:
            below = [path for path in self._running if not any(other[:-1] == path for other in self._running)]
            waiting = (f"{' > '.join(path)} ({self._clock() - self._running[path].since:.0f} s)" for path in below)
            self._say(f"waiting for {', '.join(waiting) or 'CloudFormation'}")

    def _event(self, event: Event) -> None:
        if not event.path:
            if event.status.endswith("ROLLBACK_IN_PROGRESS"):
                self._say(self._paint("it failed: everything goes back to what it was", "red"))
                self._words = {**DONE, "UPDATE_COMPLETE": "restored"}
        elif event.own:
            return  # its parent says the same
        elif event.running:
            self._running.setdefault(event.path, Running(event.time, self._clock()))
        elif event.failed:
            self._running.pop(event.path, None)
            if not echo(event):
                self._say(self._paint(f"{' > '.join(event.path)}  {event.status}: {event.reason}", "red"))
        else:
            running = self._running.pop(event.path, Running(event.time, self._clock()))
            if event.path[:-1] in self._running:
                self._running[event.path[:-1]].inside += 1
            if len(event.path) == 1:
                inside = f", {count(running.inside, 'resource')}" if event.type == STACK else ""
                done = self._words.get(event.status, event.status)
                took = (event.time - running.start).total_seconds()
                self._say(f"{event.path[0]} {done}{inside} ({took:.1f} s)")

    def _say(self, line: str) -> None:
        self._told = self._clock()
        print(f"{time.strftime('%H:%M:%S')}  {line}", file=self._out, flush=True)
