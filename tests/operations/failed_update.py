"""An update that fails, in the events of its stacks, and an account that shows them second by second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from generator.cfn.templates import STACK
from scripts.deployment.aws import Answer
from tests.support.service import Prepared, arn

NAME = "dashboard-staging"
START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BACKEND, NETWORK = "dashboard-staging-Backend-1", "dashboard-staging-Network-1"
ECHO = f"Embedded stack {arn('stack', BACKEND)} was not successfully updated. Currently in UPDATE_ROLLBACK_COMPLETE"


def event(
    stack: str, second: float, logical_id: str, status: str, reason: str = "", kind: str = "", physical: str = ""
) -> Answer:
    own = logical_id == stack
    answers = {
        "StackId": arn("stack", stack),
        "EventId": f"{stack}-{logical_id}-{second}-{status}",
        "StackName": stack,
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": arn("stack", stack) if own else physical,
        "ResourceType": STACK if own else kind,
        "Timestamp": START + timedelta(seconds=second),
        "ResourceStatus": status,
    }
    return answers | ({"ResourceStatusReason": reason} if reason else {})


def child(second: float, logical_id: str, stack: str, status: str, reason: str = "") -> Answer:
    return event(NAME, second, logical_id, status, reason, STACK, arn("stack", stack))


def leaf(stack: str, second: float, logical_id: str, status: str, reason: str = "") -> Answer:
    return event(stack, second, logical_id, status, reason, "AWS::ECS::Service", "x")


# An update in which Service fails while Task of another child is on its way; the oldest event first.
FAILED_UPDATE = {
    NAME: [
        event(NAME, -900, NAME, "UPDATE_COMPLETE"),
        event(NAME, 0, NAME, "UPDATE_IN_PROGRESS", "User Initiated"),
        child(1, "Backend", BACKEND, "UPDATE_IN_PROGRESS"),
        child(1, "Network", NETWORK, "UPDATE_IN_PROGRESS"),
        child(8, "Network", NETWORK, "UPDATE_FAILED", "Resource update cancelled"),
        child(9, "Backend", BACKEND, "UPDATE_FAILED", ECHO),
        event(NAME, 10, NAME, "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Backend]."),
        event(NAME, 20, NAME, "UPDATE_ROLLBACK_COMPLETE"),
    ],
    BACKEND: [
        leaf(BACKEND, -800, "Service", "UPDATE_FAILED", "a failure of an operation before this one"),
        event(BACKEND, 2, BACKEND, "UPDATE_IN_PROGRESS"),
        leaf(BACKEND, 3, "Service", "UPDATE_IN_PROGRESS"),
        leaf(BACKEND, 7, "Service", "UPDATE_FAILED", "Service did not stabilize: tasks fail their health check"),
        leaf(BACKEND, 12, "Task", "UPDATE_FAILED", "a failure of the rollback, later"),
        event(BACKEND, 15, BACKEND, "UPDATE_ROLLBACK_COMPLETE"),
    ],
    NETWORK: [
        event(NETWORK, 2, NETWORK, "UPDATE_IN_PROGRESS"),
        leaf(NETWORK, 7.5, "Vpc", "UPDATE_FAILED", "Resource update cancelled"),
        event(NETWORK, 15, NETWORK, "UPDATE_ROLLBACK_COMPLETE"),
    ],
}


class Stacks(Prepared):
    """Stacks whose events appear second by second, a page of two events at a time, the newest first."""

    def __init__(self, events: dict[str, list[Answer]], **answers: Any) -> None:
        super().__init__(
            cloudformation__describe_stack_events=self.events, cloudformation__describe_stacks=self.stack, **answers
        )
        self.all, self.now = events, 0.0

    def shown(self, stack_id: str) -> list[Answer]:
        known = next(events for name, events in self.all.items() if stack_id in (name, arn("stack", name)))
        return [event for event in known if event["Timestamp"] <= START + timedelta(seconds=self.now)][::-1]

    def events(self, StackName: str, NextToken: str = "0") -> Answer:
        shown, first = self.shown(StackName), int(NextToken)
        more = {"NextToken": str(first + 2)} if first + 2 < len(shown) else {}
        return {"StackEvents": shown[first : first + 2], **more}

    def stack(self, StackName: str) -> Answer:
        own = next(event for event in self.shown(StackName) if event["PhysicalResourceId"] == event["StackId"])
        stack = {"StackName": NAME, "StackId": own["StackId"], "StackStatus": own["ResourceStatus"]}
        return {"Stacks": [{**stack, "CreationTime": START}]}
