"""Following what runs over all nested stacks to its end, event by event. The result is a value, however it ends."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Protocol

from generator.cfn.masking import scrubbed
from generator.cfn.stacks import Stack
from generator.cfn.statuses import meaning
from generator.cfn.templates import STACK
from scripts.deployment.aws import Answer, Aws, pauses
from scripts.deployment.errors import AwsError
from scripts.deployment.execute import PATIENCE, Outcome, Running, ended, leave, left_running
from scripts.deployment.stacks import read

TICK = 1.0
# Seconds between two readings of the events, at least: each is a call for every nested stack that works. Until then the
# root alone is asked whether it has ended.
READING = 1.0


@dataclass(frozen=True)
class Event:
    """One event. `path` leads from the root to the resource by logical ids; it is empty for the root stack itself.
    What a nested stack says of itself (`own`) has the path of the resource that it is to its parent."""

    path: tuple[str, ...]
    id: str
    physical_id: str
    type: str
    status: str
    reason: str
    time: datetime
    own: bool = False

    @property
    def failed(self) -> bool:
        return self.status.endswith("_FAILED")

    @property
    def running(self) -> bool:
        return self.status.endswith("_IN_PROGRESS")


class Observer(Protocol):
    """Who looks on while an operation runs."""

    def see(self, events: list[Event], /) -> None:
        """Is shown events as they come, none when time goes by."""

    def interrupted(self, stack: Stack, /) -> None:
        """Answers Ctrl-C: returns to go on watching, or raises `ManualActionRequiredError`."""


@dataclass(frozen=True)
class FollowedOutcome(Outcome):
    """How an operation ended, with every event of it."""

    events: tuple[Event, ...]

    @property
    def retained(self) -> tuple[tuple[str, ...], ...]:
        """The resources that outlive their stack."""
        return tuple(sorted({event.path for event in self.events if event.status == "DELETE_SKIPPED"}))


def watch(aws: Aws, running: Running, observer: Observer) -> FollowedOutcome:
    """Follows an operation to its end. Raises `ManualActionRequiredError` when it cannot be followed any more."""
    try:
        with left_running(running):  # Ctrl-C once more, before the first one was answered
            events, stack = follow(aws, running, observer)
    except AwsError as error:
        leave(running.stack, error)
    seconds = time.monotonic() - running.started
    return FollowedOutcome(stack, stack.status in running.expected, seconds, tuple(events))


def follow(aws: Aws, running: Running, observer: Observer) -> tuple[list[Event], Stack]:
    """Every event of the operation, each shown to `observer` as soon as it is known, and the stack at the end.

    The observer answers Ctrl-C, whenever it comes. Calls are repeated for `PATIENCE` seconds from the first one that
    fails, however long somebody thought before, unless nothing gets better by waiting; then their `AwsError` is raised.
    """
    stack_id, see, failing = running.stack.id, observer.see, None
    stream, waits, last = EventStream(aws, stack_id, running.after), pauses(), time.monotonic()
    events: dict[str, Event] = {}
    while True:
        try:
            try:
                if time.monotonic() - last >= READING or ended(aws, stack_id):
                    stream.read()
                    last = time.monotonic()
                    fresh = [event for event in stream.events if event.id not in events]
                    see(fresh)
                    events |= {event.id: event for event in fresh}
                    # The stack's last event may come before its status; the status decides.
                    if stream.status and meaning(stream.status).ended and (stack := ended(aws, stack_id)):
                        return list(events.values()), stack
                failing = None
            except AwsError as error:
                if error.final or time.monotonic() - (failing := failing or time.monotonic()) > PATIENCE:
                    raise
            _rest(next(waits), see)
        except KeyboardInterrupt:
            observer.interrupted(read(aws, stack_id) or running.stack)


def _rest(seconds: float, see: Callable[[list[Event]], None]) -> None:
    """Waits for the next look; meanwhile `see` may show that time goes by."""
    while seconds > TICK:
        time.sleep(TICK)
        seconds -= TICK
        see([])
    time.sleep(seconds)


def _event(answer: Answer, path: tuple[str, ...]) -> Event:
    own = answer.get("PhysicalResourceId") == answer["StackId"]
    return Event(
        path if own else (*path, answer["LogicalResourceId"]),
        answer["EventId"],
        answer.get("PhysicalResourceId", ""),
        answer["ResourceType"],
        answer["ResourceStatus"],
        scrubbed(answer.get("ResourceStatusReason", "")),
        answer["Timestamp"],
        own,
    )


@dataclass
class _Watch:
    """A stack whose events are read; `seen` is the newest event known."""

    path: tuple[str, ...]
    seen: str | None = None
    running: bool = True


class EventStream:
    """The events of one operation on a root stack, nested stacks included, each once and in the order of time.

    `after` is the newest event of the root before the operation, None where it has none: what came
    later belongs to it. Nested stacks are found through the root's events; their older events are those before the
    operation's first. A `read` that a failed call or Ctrl-C ended loses nothing: the next one goes on from there.
    """

    def __init__(self, aws: Aws, stack_id: str, after: str | None) -> None:
        self._aws, self.stack_id = aws, stack_id
        self._watched = {stack_id: _Watch((), after)}
        self._start: datetime | None = None
        self._events: dict[str, Event] = {}
        self.status = ""  # of the root, by its events

    @property
    def events(self) -> list[Event]:
        """Everything that was read, in the order of time."""
        return sorted(self._events.values(), key=lambda event: event.time)

    def read(self) -> None:
        """Reads what has happened since the last call."""
        done: set[str] = set()
        while todo := [each for each, watch in self._watched.items() if watch.running and each not in done]:
            done.update(todo)
            for stack_id, answers in zip(todo, self._aws.at_once(self._unseen, todo), strict=True):
                self._take(self._watched[stack_id], answers)

    def _take(self, watch: _Watch, answers: Sequence[Answer]) -> None:
        if not answers:
            return
        if self._start is None:
            self._start = answers[0]["Timestamp"]
        for event in (_event(answer, watch.path) for answer in answers):
            self._events[event.id] = event
            if event.own:
                watch.running = event.running or not watch.path  # the root is read until nobody asks any more
                if not watch.path:
                    self.status = event.status
            elif event.type == STACK and event.physical_id:
                below = self._watched.setdefault(event.physical_id, _Watch(event.path))
                below.running |= event.running
        # Last: what an interrupt ends before is read again.
        watch.seen = answers[-1]["EventId"]

    def _unseen(self, stack_id: str) -> Sequence[Answer]:
        """What was not read yet of one stack, oldest first; CloudFormation gives the newest first."""
        pages = self._aws.pages("cloudformation", "describe_stack_events", StackName=stack_id)
        answers, seen = (answer for page in pages for answer in page["StackEvents"]), self._watched[stack_id].seen
        unseen = takewhile(
            lambda each: each["EventId"] != seen and not (self._start and each["Timestamp"] < self._start), answers
        )
        return list(unseen)[::-1]
