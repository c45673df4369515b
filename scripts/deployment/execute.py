"""Executing a plan, deleting a stack, and waiting until what runs has ended. The result is a value, however it ends;
`scripts/operations/following.py` shows what happens meanwhile."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from generator.cfn.stacks import Stack
from generator.cfn.statuses import DEPLOYED, RESTORED, meaning
from scripts.deployment.aws import Answer, Aws, pauses
from scripts.deployment.errors import AwsError, Exit, ManualActionRequiredError, OvertakenError
from scripts.deployment.plan import Plan
from scripts.deployment.stacks import read

RESUME = "`status` shows how far it is, `follow` follows it until it ends; the same command continues from there."
# What CloudFormation answers when somebody else was faster: the change set is gone or is being executed. Source:
# botocore's model of CloudFormation, `ExecuteChangeSet`. A busy stack has no code of its own.
OVERTAKEN, BUSY = ("ChangeSetNotFound", "InvalidChangeSetStatus"), "can not be updated"
# `ExecutionStatus` of a change set whose execution has begun, in the same model.
BEGUN = ("EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE", "EXECUTE_FAILED")
# Seconds for which nothing may come of a running operation before watching it is given up; it runs on all the same.
PATIENCE = 300.0


@dataclass(frozen=True)
class Outcome:
    """How an operation ended: the stack then, and whether its status is the one that was expected."""

    stack: Stack
    good: bool
    seconds: float

    @property
    def status(self) -> str:
        return self.stack.status

    @property
    def exit(self) -> Exit:
        if self.good:
            return Exit.DONE
        return Exit.FAILED if self.status in RESTORED else Exit.MANUAL


@dataclass(frozen=True)
class Running:
    """An operation on a root stack: the newest event before it, what its end should be, when it began."""

    stack: Stack
    after: str | None
    expected: frozenset[str]
    started: float  # by `time.monotonic`

    @classmethod
    def next(cls, aws: Aws, stack: Stack, expected: frozenset[str]) -> "Running":
        """The operation that the next call starts."""
        events = aws.call("cloudformation", "describe_stack_events", StackName=stack.id)["StackEvents"]
        return cls(stack, events[0]["EventId"] if events else None, expected, time.monotonic())


def start(aws: Aws, plan: Plan) -> Running:
    """Starts the execution of a plan; the change set may survive it.

    Raises `OvertakenError` when it was not started and `ManualActionRequiredError` when nobody can say whether it was.
    """
    running = Running.next(aws, Stack(plan.stack, plan.stack_id, ""), DEPLOYED)
    names = {"ChangeSetName": plan.change_set, "ClientRequestToken": plan.name}
    try:
        # DisableRollback is always explicit: the API reference of ExecuteChangeSet calls True the default.
        aws.call("cloudformation", "execute_change_set", **names, DisableRollback=False)
    except AwsError as error:
        # The answer may have been lost on the way: then the call was sent again, and refused, although the first one
        # had started it.
        if not _begun(aws, plan):
            if error.code in OVERTAKEN or BUSY in error.message:
                raise OvertakenError(
                    f"{plan.stack} has changed since this was planned ({error.message}).",
                    "Nothing was started. Run the same command again: it plans again, or shows who deploys now.",
                ) from error
            raise
    except KeyboardInterrupt:
        if _begun(aws, plan):
            leave(running.stack)
        raise
    return running


def leave(stack: Stack, error: AwsError | None = None) -> NoReturn:
    """Leaves what runs on a stack to itself, after Ctrl-C where nobody can be asked, or because of an error. Raises
    `ManualActionRequiredError`."""
    reason, remedy = (f": {error.reason}", f"{error.remedy} {RESUME}") if error else (".", RESUME)
    raise ManualActionRequiredError(f"{stack.name} is left running{reason}", remedy) from error


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


def destroy(aws: Aws, stack: Stack, **options: Any) -> Running:
    """Starts the deletion of a stack, with what else `DeleteStack` takes. Raises `AwsError`."""
    running = Running.next(aws, stack, frozenset({"DELETE_COMPLETE"}))
    aws.call("cloudformation", "delete_stack", StackName=stack.id, **options)
    return running


def watch(aws: Aws, running: Running) -> Outcome:
    """Waits for the end of an operation. Calls are repeated for `PATIENCE` seconds from the first that fails, unless
    waiting does not help. Raises `ManualActionRequiredError` when it cannot be followed any more."""
    waits, failing = pauses(), None
    with left_running(running):
        while True:
            try:
                if stack := _ended(aws, running):
                    return Outcome(stack, stack.status in running.expected, time.monotonic() - running.started)
                failing = None
            except AwsError as error:
                if error.final or time.monotonic() - (failing := failing or time.monotonic()) > PATIENCE:
                    leave(running.stack, error)
            time.sleep(next(waits))


def ended(aws: Aws, stack_id: str) -> Stack | None:
    """The stack, when nothing runs on it."""
    stack = read(aws, stack_id)
    return stack if stack and stack.meaning.ended else None


def _ended(aws: Aws, running: Running) -> Stack | None:
    """The stack, when the operation has ended: its status may still be that of before, so that its own last event has
    to say the same."""
    stack = ended(aws, running.stack.id)
    own = (each for each in events_since(aws, running) if each.get("PhysicalResourceId") == each["StackId"])
    return stack if stack and (last := next(own, None)) and meaning(last["ResourceStatus"]).ended else None


def events_since(aws: Aws, running: Running) -> Iterator[Answer]:
    """The events of a root stack since an operation began, the newest first."""
    for page in aws.pages("cloudformation", "describe_stack_events", StackName=running.stack.id):
        for answer in page["StackEvents"]:
            if answer["EventId"] == running.after:
                return
            yield answer
