"""The operation that runs on a stack: whose it is and since when."""

import time
from dataclasses import dataclass
from datetime import datetime

from scripts.deployment import author, statuses
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.deployment.execute import Running
from scripts.deployment.follow import Beginning, beginning
from scripts.deployment.stacks import Stack


@dataclass(frozen=True)
class Operation:
    """What runs on `stack`: `who` is the ARN of the caller as far as it is known, `begun` where its events begin."""

    stack: Stack
    who: str
    begun: Beginning

    def told(self, now: datetime) -> str:
        """Who does what since when."""
        minutes = int((now - self.begun.time).total_seconds() // 60)
        since = f"{self.begun.time:%H:%M:%S} UTC, {minutes} min ago" if minutes else f"{self.begun.time:%H:%M:%S} UTC"
        return f"{self.stack.name} {self.stack.meaning.text}, started by {self.who or 'somebody'} at {since}"

    def running(self) -> Running:
        """To be watched."""
        wanted = {"DELETE_COMPLETE"} if self.stack.status == "DELETE_IN_PROGRESS" else statuses.DEPLOYED
        return Running(self.stack, self.begun.after, frozenset(wanted), time.monotonic())


def current(aws: Aws, stack: Stack) -> Operation | None:
    """The operation that runs on a stack or, when none does, the last one; None before the first."""
    begun = beginning(aws, stack.id)
    if begun is None:
        return None
    return Operation(stack, _who(aws, stack), begun)


def _who(aws: Aws, stack: Stack) -> str:
    """From the change set that is being executed; a deletion has none."""
    if not stack.change_set or stack.status.startswith("DELETE"):
        return ""
    try:
        described = aws.call("cloudformation", "describe_change_set", ChangeSetName=stack.change_set)
    except AwsError as error:
        if error.code == "ChangeSetNotFound":
            return ""
        raise
    by = author.read(described.get("Description", ""))
    return by.who if by else ""
