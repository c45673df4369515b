"""Watching one operation over all nested stacks, from its first event to its last."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from generator.cfn.masking import scrubbed
from generator.cfn.templates import STACK
from scripts.deployment.aws import Answer, Aws
from scripts.deployment.errors import AwsError
from scripts.deployment.stacks import Stack, read
from scripts.deployment.statuses import meaning


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


# Seconds for which nothing may be heard of a running operation before watching it is given up; it runs on all the same.
PATIENCE = 300.0
TICK = 1.0
# Seconds between two readings of the events, at least: each is a call for every nested stack that works. Until then the
# root alone is asked whether it has ended.
READING = 1.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between two looks


def longer(pause: float, most: float = LONGEST_PAUSE) -> float:
    """The pause after `pause`, in seconds: a quarter longer, so that a look comes at most about a fifth of the elapsed
    time late."""
    return min(pause * 1.25, most)


def pauses(first: float = FIRST_PAUSE, most: float = LONGEST_PAUSE) -> Iterator[float]:
    """How long to wait between looks, in seconds. An interrupt inside a generator ends it: whoever goes on after an
    interrupt keeps the pause itself."""
    pause = first
    while True:
        yield pause
        pause = longer(pause, most)


@dataclass
class _Watch:
    """A stack whose events are read; `seen` is the newest event known."""

    path: tuple[str, ...]
    seen: str | None = None
    running: bool = True


class EventStream:
    """The events of one operation on a root stack, nested stacks included, each once and in the order of time.

    `after` is the newest event of the root before the operation, as `newest` or `beginning` told it: what came later
    belongs to it. Nested stacks are found through the root's events; their older events are those before the
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
        looked: set[str] = set()
        while todo := [one for one, watch in self._watched.items() if watch.running and one not in looked]:
            for stack_id in todo:
                looked.add(stack_id)
                self._read(stack_id, self._watched[stack_id])

    def _read(self, stack_id: str, watch: _Watch) -> None:
        answers = list(self._unseen(stack_id, watch))[::-1]
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

    def _unseen(self, stack_id: str, watch: _Watch) -> Iterator[Answer]:
        """Newest first, as CloudFormation gives them."""
        for page in self._aws.pages("cloudformation", "describe_stack_events", StackName=stack_id):
            for answer in page["StackEvents"]:
                if answer["EventId"] == watch.seen or (self._start and answer["Timestamp"] < self._start):
                    return
                yield answer


def read_events(aws: Aws, stack_id: str, after: str | None) -> list[Event]:
    """The events of a root stack that came after `after`, nested stacks included, in the order of time."""
    stream = EventStream(aws, stack_id, after)
    stream.read()
    return stream.events


def newest(aws: Aws, stack_id: str) -> str | None:
    """The id of the newest event of a stack, None when it has none."""
    events = aws.call("cloudformation", "describe_stack_events", StackName=stack_id)["StackEvents"]
    return events[0]["EventId"] if events else None


@dataclass(frozen=True)
class Beginning:
    """Where the last operation of a stack begins: its first event, with the client's token, and the newest one before
    it (`after`), None when there is none."""

    after: str | None
    time: datetime
    token: str


def beginning(aws: Aws, stack_id: str) -> Beginning | None:
    """The beginning of the operation that runs, or of the last one that ran; None for a stack without events.

    An operation's events end with a status after which nothing runs, so the one before it ended where the next such
    status of the stack itself stands.
    """
    first: Answer | None = None
    for page in aws.pages("cloudformation", "describe_stack_events", StackName=stack_id):
        for answer in page["StackEvents"]:
            own = answer.get("PhysicalResourceId") == answer["StackId"]
            if first and own and meaning(answer["ResourceStatus"]).ended:
                return Beginning(answer["EventId"], first["Timestamp"], first.get("ClientRequestToken", ""))
            first = answer
    return Beginning(None, first["Timestamp"], first.get("ClientRequestToken", "")) if first else None


def follow(
    aws: Aws, stack_id: str, after: str | None, see: Callable[[list[Event]], None], interrupted: Callable[[], None]
) -> tuple[list[Event], Stack]:
    """Every event of the operation, each given to `see` as soon as it is known, and the stack at the end.

    `interrupted` answers Ctrl-C, whenever it comes: it returns to go on, or raises. Calls that fail are repeated for
    `PATIENCE` seconds, unless nothing gets better by waiting; then their `AwsError` is raised.
    """
    stream, pause, failing, last = EventStream(aws, stack_id, after), FIRST_PAUSE, None, time.monotonic()
    events: dict[str, Event] = {}
    while True:
        try:
            try:
                if time.monotonic() - last >= READING or _ended(aws, stack_id):
                    stream.read()
                    last = time.monotonic()
                    fresh = [event for event in stream.events if event.id not in events]
                    see(fresh)
                    events |= {event.id: event for event in fresh}
                    # The stack's last event may come before its status; the status decides.
                    if stream.status and meaning(stream.status).ended and (stack := _ended(aws, stack_id)):
                        return list(events.values()), stack
                failing = None
            except AwsError as error:
                failing = failing or time.monotonic()
                if error.final or time.monotonic() - failing > PATIENCE:
                    raise
            _rest(pause, see)
            pause = longer(pause)
        except KeyboardInterrupt:
            interrupted()


def _ended(aws: Aws, stack_id: str) -> Stack | None:
    """The stack, when nothing runs on it."""
    stack = read(aws, stack_id)
    return stack if stack and stack.meaning.ended else None


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
