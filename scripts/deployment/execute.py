"""Executing a plan, deleting a stack, and following what runs over all nested stacks to its end. The result is a value,
however it ends.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from generator.cfn.masking import scrubbed
from generator.cfn.statuses import DEPLOYED, RESTORED, meaning
from generator.cfn.templates import STACK
from scripts.deployment.aws import FIRST_PAUSE, Answer, Aws, longer
from scripts.deployment.errors import AwsError, Exit, ManualActionRequiredError, RefusedError
from scripts.deployment.plan import Plan
from scripts.deployment.stacks import Stack, read

RESUME = "`status` shows how far it is, `follow` follows it until it ends; the same command continues from there."
# What CloudFormation answers when somebody else was faster: the change set is gone or is being executed. Source:
# botocore's model of CloudFormation, `ExecuteChangeSet`. A busy stack has no code of its own.
OVERTAKEN, BUSY = ("ChangeSetNotFound", "InvalidChangeSetStatus"), "can not be updated"
# `ExecutionStatus` of a change set whose execution has begun, in the same model.
BEGUN = ("EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE", "EXECUTE_FAILED")
# Seconds for which nothing may come of a running operation before watching it is given up; it runs on all the same.
PATIENCE = 300.0
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


def leave(stack: Stack) -> None:
    """What Ctrl-C means where nobody can be asked. Raises `ManualActionRequiredError`."""
    raise ManualActionRequiredError(f"{stack.name} is left running.", RESUME)


class SilentObserver:
    """Shows nothing; Ctrl-C leaves the operation running."""

    def see(self, events: list[Event], /) -> None:
        pass

    def interrupted(self, stack: Stack, /) -> None:
        leave(stack)


@dataclass(frozen=True)
class Outcome:
    """How an operation ended: `status` is the stack's, `good` whether it is the one that was expected."""

    stack_name: str
    status: str
    good: bool
    seconds: float
    stack: Stack
    events: tuple[Event, ...] = ()

    @property
    def exit(self) -> Exit:
        if self.good:
            return Exit.DONE
        return Exit.FAILED if self.status in RESTORED else Exit.MANUAL

    @property
    def retained(self) -> tuple[tuple[str, ...], ...]:
        """The resources that outlive their stack."""
        return tuple(sorted({event.path for event in self.events if event.status == "DELETE_SKIPPED"}))


@dataclass(frozen=True)
class Running:
    """An operation on a root stack: where its events begin, and what its end should be."""

    stack: Stack
    after: str | None
    expected: frozenset[str]
    started: float  # by `time.monotonic`


def start(aws: Aws, plan: Plan) -> Running:
    """Starts the execution of a plan; the change set may survive it.

    Raises `RefusedError` when it was not started and `ManualActionRequiredError` when nobody can say whether it was.
    """
    stack = Stack(plan.stack, plan.stack_id, "")
    after, started = newest(aws, plan.stack_id), time.monotonic()
    names = {"ChangeSetName": plan.change_set, "ClientRequestToken": plan.name}
    try:
        # DisableRollback is always explicit: the API reference of ExecuteChangeSet calls True the default.
        aws.call("cloudformation", "execute_change_set", **names, DisableRollback=False)
    except AwsError as error:
        # The answer may have been lost on the way: then the call was sent again, and refused, although the first one
        # had started it.
        if not _begun(aws, plan):
            if error.code in OVERTAKEN or BUSY in error.message:
                raise RefusedError(
                    f"{plan.stack} has changed since this was planned ({error.message}).",
                    "Nothing was started. Run the same command again: it plans again, or shows who deploys now.",
                ) from error
            raise
    except KeyboardInterrupt:
        if _begun(aws, plan):
            leave(stack)
        raise
    return Running(stack, after, DEPLOYED, started)


@contextmanager
def left_running(running: Running) -> Iterator[None]:
    """Ctrl-C in here leaves the operation running. Raises `ManualActionRequiredError`."""
    try:
        yield
    except KeyboardInterrupt:
        leave(running.stack)


def _begun(aws: Aws, plan: Plan) -> bool:
    """Whether the plan is being executed, or was. Raises `ManualActionRequiredError`."""
    try:
        answer = aws.call("cloudformation", "describe_change_set", ChangeSetName=plan.change_set)
    except AwsError as error:
        if error.code == "ChangeSetNotFound":
            return False
        raise ManualActionRequiredError(
            f"Whether the change of {plan.stack} was started is not known: {error.reason}", f"{error.remedy} {RESUME}"
        ) from error
    return answer["ExecutionStatus"] in BEGUN


def destroy(aws: Aws, stack: Stack, retain: Sequence[str] = (), role: str = "") -> Running:
    """Starts the deletion of a stack; `retain` are resources of one in DELETE_FAILED that are to be left behind, `role`
    is what CloudFormation acts with instead of the stack's own. Raises `AwsError`."""
    after, started = newest(aws, stack.id), time.monotonic()
    options: dict[str, Any] = {"RetainResources": list(retain)} if retain else {}
    options |= {"RoleARN": role} if role else {}
    aws.call("cloudformation", "delete_stack", StackName=stack.id, **options)
    return Running(stack, after, frozenset({"DELETE_COMPLETE"}), started)


def watch(aws: Aws, running: Running, observer: Observer) -> Outcome:
    """Follows an operation to its end. Raises `ManualActionRequiredError` when it cannot be followed any more."""
    name = running.stack.name
    try:
        with left_running(running):  # Ctrl-C once more, before the first one was answered
            events, stack = follow(aws, running, observer)
    except AwsError as error:
        reason, remedy = f"{name} is left running: {error.reason}", f"{error.remedy} {RESUME}"
        raise ManualActionRequiredError(reason, remedy) from error
    seconds = time.monotonic() - running.started
    return Outcome(name, stack.status, stack.status in running.expected, seconds, stack, tuple(events))


def follow(aws: Aws, running: Running, observer: Observer) -> tuple[list[Event], Stack]:
    """Every event of the operation, each shown to `observer` as soon as it is known, and the stack at the end.

    The observer answers Ctrl-C, whenever it comes. Calls that fail are repeated for
    `PATIENCE` seconds, unless nothing gets better by waiting; then their `AwsError` is raised.
    """
    stack_id, see, failing = running.stack.id, observer.see, None
    stream, pause, last = EventStream(aws, stack_id, running.after), FIRST_PAUSE, time.monotonic()
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
            observer.interrupted(read(aws, stack_id) or running.stack)


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


@dataclass
class _Watch:
    """A stack whose events are read; `seen` is the newest event known."""

    path: tuple[str, ...]
    seen: str | None = None
    running: bool = True


class EventStream:
    """The events of one operation on a root stack, nested stacks included, each once and in the order of time.

    `after` is the newest event of the root before the operation, as `newest` names it: what came
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
            for stack_id in todo:
                done.add(stack_id)
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


def newest(aws: Aws, stack_id: str) -> str | None:
    """The id of the newest event of a stack, None when it has none."""
    events = aws.call("cloudformation", "describe_stack_events", StackName=stack_id)["StackEvents"]
    return events[0]["EventId"] if events else None
