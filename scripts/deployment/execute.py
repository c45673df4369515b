"""Doing it: a plan is executed, a stack is deleted, a running operation is followed. The result is a value, however it
ends."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from generator.cfn.templates import Template
from scripts.deployment import statuses
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError, Exit, ManualActionRequiredError, RefusedError
from scripts.deployment.follow import Event, beginning, follow, newest
from scripts.deployment.plan import Plan
from scripts.deployment.stacks import Stack, read
from scripts.operations.diagnose.cause import Cause, Said, Witness, cause, obstacle

RESUME = "`status` shows how far it is, `follow` follows it until it ends; the same command continues from there."
# What CloudFormation answers when somebody else was faster: the change set is gone or is being executed. Source:
# botocore's model of CloudFormation, `ExecuteChangeSet`. A busy stack has no code of its own.
OVERTAKEN, BUSY = ("ChangeSetNotFound", "InvalidChangeSetStatus"), "can not be updated"


@dataclass(frozen=True)
class Watcher:
    """Who looks on: `see` is given the events as they come, `interrupted` answers Ctrl-C, returning to go on watching
    or raising `ManualActionRequiredError`."""

    see: Callable[[list[Event]], None]
    interrupted: Callable[[Stack], None]


def leave(stack: Stack) -> None:
    """What Ctrl-C means where nobody can be asked. Raises `ManualActionRequiredError`."""
    raise ManualActionRequiredError(f"{stack.name} is left running.", RESUME)


@dataclass(frozen=True)
class Outcome:
    """How an operation ended: `status` is the stack's, `good` whether it is the one that was wanted. `retained` are
    resources that outlive their stack; `obstacle` is what kept a failed operation from being undone."""

    stack: str
    status: str
    good: bool
    seconds: float
    held: Stack
    cause: Cause | None = None
    retained: tuple[tuple[str, ...], ...] = ()
    obstacle: Cause | None = None

    @property
    def exit(self) -> Exit:
        if self.good:
            return Exit.DONE
        return Exit.FAILED if self.status in statuses.RESTORED else Exit.MANUAL


@dataclass(frozen=True)
class Running:
    """An operation on a root stack: where its events begin, and what its end should be."""

    stack: Stack
    after: str | None
    wanted: frozenset[str]
    started: float  # by `time.monotonic`


def apply(aws: Aws, plan: Plan) -> Running:
    """Starts the execution of a plan; the change set may survive it.

    Raises `RefusedError` when it was not started and `ManualActionRequiredError` when nobody can say whether it was.
    """
    stack = Stack(plan.stack, plan.stack_id, "")
    after, started = newest(aws, plan.stack_id), time.monotonic()
    try:
        aws.call(
            "cloudformation",
            "execute_change_set",
            ChangeSetName=plan.change_set,
            ClientRequestToken=plan.name,
            # Always explicit: the API reference (ExecuteChangeSet) calls True the default.
            DisableRollback=False,
        )
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
    return Running(stack, after, frozenset(statuses.DEPLOYED), started)


@contextmanager
def left_running(running: Running) -> Iterator[None]:
    """Ctrl-C in here leaves the operation running. Raises `ManualActionRequiredError`."""
    try:
        yield
    except KeyboardInterrupt:
        leave(running.stack)


def _begun(aws: Aws, plan: Plan) -> bool:
    """Whether the stack's last operation is the execution of this plan. Raises `ManualActionRequiredError`."""
    try:
        last = beginning(aws, plan.stack_id)
    except AwsError as error:
        raise ManualActionRequiredError(
            f"Whether the change of {plan.stack} was started is not known: {error.reason}", f"{error.remedy} {RESUME}"
        ) from error
    return bool(last and last.token == plan.name)


def destroy(aws: Aws, stack: Stack, retain: Sequence[str] = ()) -> Running:
    """Starts the deletion of a stack; `retain` are resources of one in DELETE_FAILED that are to be left behind. Raises
    `AwsError`."""
    after, started = newest(aws, stack.id), time.monotonic()
    left = {"RetainResources": list(retain)} if retain else {}
    aws.call("cloudformation", "delete_stack", StackName=stack.id, **left)
    return Running(stack, after, frozenset({"DELETE_COMPLETE"}), started)


def watch(aws: Aws, running: Running, root: Template, watcher: Watcher) -> Outcome:
    """Follows an operation to its end. Raises `ManualActionRequiredError` when it cannot be followed any more."""
    name, stack_id, witness = running.stack.name, running.stack.id, Witness(aws, watcher.see)
    try:
        with left_running(running):  # Ctrl-C once more, before the first one was answered
            events, stack = follow(
                aws, stack_id, running.after, witness, lambda: watcher.interrupted(read(aws, stack_id) or running.stack)
            )
    except AwsError as error:
        raise ManualActionRequiredError(
            f"{name} is left running: {error.reason}", f"{error.remedy} {RESUME}"
        ) from error
    good, seconds = stack.status in running.wanted, time.monotonic() - running.started
    return ended(events, stack, good, name, root, seconds, witness.said)


def ended(
    events: Sequence[Event], stack: Stack, good: bool, name: str, root: Template, seconds: float, said: Said
) -> Outcome:
    """The outcome that the events of an operation add up to; `name` is the root's, `said` what a witness heard."""
    return Outcome(
        name,
        stack.status,
        good,
        seconds,
        stack,
        None if good else cause(events, name, root, said),
        tuple(sorted({event.path for event in events if event.status == "DELETE_SKIPPED"})),
        None if good else obstacle(events, name, root, said),
    )
