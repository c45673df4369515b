"""How far an operation is: one value, folded from its events. Pure: times are AWS's, now is given by the caller."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from generator.cfn.templates import STACK
from scripts.operations.diagnose.cause import echo
from scripts.operations.following import Event

RUNNING, DONE, FAILED, WAITING = "running", "done", "failed", "waiting"


@dataclass
class Part:
    """A resource or nested stack that something has happened to."""

    path: tuple[str, ...]
    type: str
    physical_id: str
    state: str
    status: str
    began: datetime
    ended: datetime | None = None

    def seconds(self, now: datetime) -> float:
        """How long it took, or has taken so far."""
        return max(0.0, ((self.ended or now) - self.began).total_seconds())


@dataclass(frozen=True)
class Line:
    """A nested stack, or the root's own resources (`name` empty), in numbers of resources."""

    name: str
    state: str
    done: int
    running: int
    waiting: int
    seconds: float


@dataclass
class Progress:
    """The operation so far. `planned` are the resources that change for certain, as far as the plan is known."""

    planned: frozenset[tuple[str, ...]] = frozenset()
    parts: dict[tuple[str, ...], Part] = field(default_factory=dict)
    began: datetime | None = None
    undoing: bool = False  # it is rolling back
    failures: list[Event] = field(default_factory=list)  # but for those that only repeat another one

    def fold(self, events: Iterable[Event]) -> None:
        """Takes in what has happened."""
        for event in events:
            self.began = self.began or event.time
            if not event.path:
                if event.status.endswith("ROLLBACK_IN_PROGRESS") and not self.undoing:
                    self.undoing, self.parts = True, {}
            elif not event.own:  # its parent says the same
                self._resource(event)

    def seconds(self, now: datetime) -> float:
        """How long the operation has taken so far."""
        return max(0.0, (now - self.began).total_seconds()) if self.began else 0.0

    def _resource(self, event: Event) -> None:
        part = self.parts.get(event.path)
        if part is None or (part.state != RUNNING and event.running):
            part = Part(event.path, event.type, event.physical_id, RUNNING, event.status, event.time)
            self.parts[event.path] = part
        part.status, part.physical_id = event.status, event.physical_id or part.physical_id
        if not event.running:
            part.state = FAILED if event.failed else DONE
            part.ended = event.time
        if event.failed and not echo(event):
            self.failures.append(event)

    def running(self) -> list[Part]:
        """The resources in work, the slowest first; a nested stack only where nothing in it is."""
        parts = [part for part in self.parts.values() if part.state == RUNNING]
        above = {part.path[:depth] for part in parts for depth in range(1, len(part.path))}
        return sorted((part for part in parts if part.path not in above), key=lambda part: part.began)

    def lines(self, now: datetime) -> list[Line]:
        """Every nested stack that something happens to or will, in the order in which they began."""
        paths = dict.fromkeys((*self.parts, *sorted(self._waiting())))
        names = dict.fromkeys(path[0] for path in paths if self._nested(path))
        own = [path for path in paths if path[0] not in names]
        rows = [self._line(name, [path for path in paths if path[0] == name and len(path) > 1], now) for name in names]
        return [*([self._line("", own, now)] if own else []), *rows]

    def counts(self) -> tuple[int, int, int]:
        """How many resources, nested stacks left out, are done, running and waiting."""
        states = [part.state for part in self.parts.values() if part.type != STACK]
        return states.count(DONE), states.count(RUNNING), len(self._waiting())

    def _nested(self, path: tuple[str, ...]) -> bool:
        return len(path) > 1 or (path in self.parts and self.parts[path].type == STACK)

    def _waiting(self) -> frozenset[tuple[str, ...]]:
        return frozenset() if self.undoing else self.planned - self.parts.keys()

    def _line(self, name: str, paths: Sequence[tuple[str, ...]], now: datetime) -> Line:
        parts = [self.parts[path] for path in paths if path in self.parts and self.parts[path].type != STACK]
        states = [part.state for part in parts]
        waiting = sum(path not in self.parts for path in paths)
        stack = self.parts.get((name,))
        if stack is None:  # the root's own resources, or a nested stack that has not begun
            known = [state for state in (FAILED, RUNNING) if state in states]
            state = known[0] if known else WAITING if waiting else DONE
            return Line(name, state, states.count(DONE), states.count(RUNNING), waiting, 0.0)
        waiting = waiting if stack.state == RUNNING else 0
        return Line(name, stack.state, states.count(DONE), states.count(RUNNING), waiting, stack.seconds(now))
