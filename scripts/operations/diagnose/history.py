"""What a stack has been through, read from its events afterwards."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scripts.deployment.aws import Answer, Aws
from scripts.deployment.environment import Environment
from scripts.deployment.errors import UsageError
from scripts.deployment.follow import Event, read_events
from scripts.deployment.stacks import Stack
from scripts.operations.diagnose.inventory import nested, stack_or_last, steps
from scripts.operations.run import Run

# How a stack itself begins an operation; a rollback belongs to what it rolls back. Source: `StackStatus` in botocore's
# model of CloudFormation.
BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Subject:
    """A stack that a person asks about: a root, or a nested stack at `path` below it."""

    wanted: Environment
    stack: Stack
    path: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return " > ".join((self.wanted.stack, *self.path))


def subjects(run: Run, path: str = "") -> list[Subject]:
    """Every root of the environment that exists or existed; with a path that one stack, whose first step may be the
    name of a root. Raises `UsageError` for a path that leads nowhere."""
    if not path:
        found = ((wanted, stack_or_last(run.of(wanted).aws, wanted.stack)) for wanted in run.roots.values())
        return [Subject(wanted, stack) for wanted, stack in found if stack]
    first, *rest = steps(path) or ("",)
    wanted = run.roots.get(first, run.wanted)
    below = tuple(rest) if first in run.roots else steps(path)
    aws = run.of(wanted).aws
    stack = stack_or_last(aws, wanted.stack)
    if stack is None:
        raise UsageError(f"{wanted.stack} does not exist, and none was deleted in the last 90 days.")
    return [Subject(wanted, nested(aws, stack, below), below)]


def last(aws: Aws, stack: Stack) -> list[Event]:
    """The events of the stack's last operation, nested stacks included, in the order of time; none when there was
    no operation. A nested stack that is deleted is read by its id."""
    after, begun = None, None
    for answer in _own(aws, stack.id):
        if begun and not _same(answer, begun):
            after = answer["EventId"]
            break
        if answer["ResourceStatus"] in BEGINNINGS:
            begun = answer
    return read_events(aws, stack.id, after) if begun else []


def everything(aws: Aws, stack: Stack) -> list[Event]:
    """Every event that CloudFormation still has: those of 90 days."""
    return read_events(aws, stack.id, None)


def since(text: str, now: datetime | None = None) -> datetime:
    """The moment that a person means: `30m`, `2h`, `7d` ago, or a date and time. Raises `UsageError`."""
    amount, unit = text[:-1], UNITS.get(text[-1:])
    if unit and amount.isdigit():
        return (now or datetime.now(UTC)) - timedelta(**{unit: int(amount)})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f'Invalid time "{text}".', "Give 30m, 2h or 7d, or a time such as 2026-11-23T12:00.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _own(aws: Aws, stack_id: str) -> Iterator[Answer]:
    """What the stack says of itself, the newest first."""
    for page in aws.pages("cloudformation", "describe_stack_events", StackName=stack_id):
        for answer in page["StackEvents"]:
            if answer.get("PhysicalResourceId") == answer["StackId"]:
                yield answer


def _same(answer: Answer, begun: Answer) -> bool:
    """Whether an older event belongs to the same operation: by its id where AWS gives one, otherwise as long as it says
    the same, because a stack may say twice that it begins."""
    if "OperationId" in answer and "OperationId" in begun:
        return bool(answer["OperationId"] == begun["OperationId"])
    return bool(answer["ResourceStatus"] == begun["ResourceStatus"])
