"""The operation that runs on a stack, or ran last: where it begins, and its events."""

import time
from dataclasses import dataclass
from datetime import datetime

from generator.cfn.stacks import Stack
from generator.cfn.statuses import DEPLOYED
from scripts.deployment.aws import Answer, Aws
from scripts.deployment.execute import Running
from scripts.operations.following import Event, EventStream

# How a stack itself begins an operation; a rollback belongs to what it rolls back. Source: `StackStatus` in botocore's
# model of CloudFormation.
BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS")


@dataclass(frozen=True)
class Operation:
    """The operation that runs on a stack, or the last one that ran: its first event, with the client's token, and the
    newest event before it (`after`), None when there is none."""

    after: str | None
    time: datetime
    token: str

    def running(self, stack: Stack) -> Running:
        """To be watched."""
        expected = frozenset({"DELETE_COMPLETE"}) if stack.status == "DELETE_IN_PROGRESS" else DEPLOYED
        return Running(stack, self.after, expected, time.monotonic())


def last_operation(aws: Aws, stack_id: str) -> Operation | None:
    """The operation that runs on a stack or, when none does, the last one; None before the first."""
    begin: Answer | None = None
    for page in aws.pages("cloudformation", "describe_stack_events", StackName=stack_id):
        for answer in page["StackEvents"]:
            if answer.get("PhysicalResourceId") != answer["StackId"]:
                continue  # what the stack says of a resource
            if begin and not _is_same(answer, begin):
                return Operation(answer["EventId"], begin["Timestamp"], begin.get("ClientRequestToken", ""))
            if answer["ResourceStatus"] in BEGINNINGS:
                begin = answer
    return Operation(None, begin["Timestamp"], begin.get("ClientRequestToken", "")) if begin else None


def _is_same(answer: Answer, begin: Answer) -> bool:
    """Whether an older event belongs to the same operation: by its id where AWS gives one, otherwise as long as it says
    the same, because a stack may say twice that it begins."""
    if "OperationId" in answer and "OperationId" in begin:
        return bool(answer["OperationId"] == begin["OperationId"])
    return bool(answer["ResourceStatus"] == begin["ResourceStatus"])


def read_events(aws: Aws, stack_id: str, after: str | None) -> list[Event]:
    """The events of a root stack that came after `after`, nested stacks included, in the order of time."""
    stream = EventStream(aws, stack_id, after)
    stream.read()
    return stream.events
