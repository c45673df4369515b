"""What a stack has been through: whose operation runs or ran last, and its events; stacks and nested stacks found by
their names and paths.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from generator.cfn.environments import Environment
from generator.cfn.stacks import Stack
from generator.cfn.templates import STACK
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError, UsageError
from scripts.deployment.stacks import read, resources
from scripts.operations.diagnose.operation import Operation, last_operation, read_events
from scripts.operations.following import Event
from scripts.operations.origin import read_author
from scripts.operations.run import Run

UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Subject:
    """A stack that a person asks about: a root, or a nested stack at `path` below it."""

    environment: Environment
    stack: Stack
    path: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return " > ".join((self.environment.stack, *self.path))


def subjects(run: Run, path: str = "") -> list[Subject]:
    """Every root of the environment that exists or existed; with a path that one stack, whose first step may be the
    name of a root. Raises `UsageError` for a path that leads nowhere."""
    if not path:
        stacks = ((root, stack_or_last(run.at(root).aws, root.stack)) for root in run.roots.values())
        return [Subject(root, stack) for root, stack in stacks if stack]
    first, *rest = steps(path) or ("",)
    root = run.roots.get(first, run.environment)
    below = tuple(rest) if first in run.roots else steps(path)
    aws = run.at(root).aws
    stack = stack_or_last(aws, root.stack)
    if stack is None:
        raise UsageError(f"{root.stack} does not exist, and none was deleted in the last 90 days.")
    return [Subject(root, nested(aws, stack, below), below)]


def last_events(aws: Aws, stack: Stack) -> list[Event]:
    """The events of the stack's last operation, nested stacks included, in the order of time; none when there was
    no operation. A nested stack that is deleted is read by its id."""
    operation = last_operation(aws, stack.id)
    return read_events(aws, stack.id, operation.after) if operation else []


def all_events(aws: Aws, stack: Stack) -> list[Event]:
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


# --- the operation that runs


def operator(aws: Aws, stack: Stack) -> str:
    """Who deploys to a stack, or did last: the ARN in the change set that was executed; empty for a deletion, which has
    none, and where nobody can say."""
    if not stack.change_set or stack.status.startswith("DELETE"):
        return ""
    try:
        answer = aws.call("cloudformation", "describe_change_set", ChangeSetName=stack.change_set)
    except AwsError as error:
        if error.code == "ChangeSetNotFound":
            return ""
        raise
    author = read_author(answer.get("Description", ""))
    return author.who if author else ""


def describe(stack: Stack, operation: Operation, who: str, now: datetime) -> str:
    """Who does what since when."""
    minutes = int((now - operation.time).total_seconds() // 60)
    since = f"{operation.time:%H:%M:%S} UTC"
    since += f", {minutes} min ago" if minutes else ""
    return f"{stack.name} {stack.meaning.text}, started by {who or 'somebody'} at {since}"


# --- stacks by their names and paths


def stack_or_last(aws: Aws, name: str) -> Stack | None:
    """The stack of that name; when it does not exist any more, the one that was deleted last. None for neither."""
    if stack := read(aws, name):
        return stack
    deleted = [
        summary
        for page in aws.pages("cloudformation", "list_stacks", StackStatusFilter=["DELETE_COMPLETE"])
        for summary in page["StackSummaries"]
        if summary["StackName"] == name
    ]
    newest = max(deleted, key=lambda summary: summary["DeletionTime"], default=None)
    return read(aws, newest["StackId"]) if newest else None


def steps(path: str) -> tuple[str, ...]:
    """A path as people write it: `Backend`, `Backend/Service`, `Backend.Service`, `Backend > Service`."""
    return tuple(filter(None, re.split(r"\s*[/.>]\s*", path.strip())))


def nested(aws: Aws, stack: Stack, path: tuple[str, ...]) -> Stack:
    """The nested stack at a path, also one that is deleted: the events of its parent still know its id. Raises
    `UsageError` with the names that there are."""
    for step in path:
        ids = {
            event["LogicalResourceId"]: event["PhysicalResourceId"]
            for page in aws.pages("cloudformation", "describe_stack_events", StackName=stack.id)
            for event in reversed(page["StackEvents"])
            if event["ResourceType"] == STACK and event.get("PhysicalResourceId") not in (None, "", stack.id)
        }
        for resource in resources(aws, stack.id):
            if resource.type == STACK and resource.physical_id:
                ids[resource.path[-1]] = resource.physical_id
        below = read(aws, ids[step]) if step in ids else None
        if below is None:
            names = f"There are: {', '.join(sorted(ids))}." if ids else "It has no nested stacks."
            raise UsageError(f"{stack.name} has no nested stack {step}.", names)
        stack = below
    return stack
