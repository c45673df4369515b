"""The plain wait of the core: for the end of the operation that began, not for a status that was there before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from generator.cfn.stacks import Stack
from generator.cfn.statuses import DEPLOYED
from scripts.deployment import execute
from scripts.deployment.errors import Exit, ManualActionRequiredError
from scripts.deployment.execute import Running
from tests.deployment.service import Prepared, arn, refusal

NAME = "dashboard-staging"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
BEFORE = "UPDATE_COMPLETE"


@pytest.fixture(autouse=True)
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock, which goes on by every pause."""
    now = [0.0]
    monkeypatch.setattr("scripts.deployment.execute.time.sleep", lambda pause: now.append(now.pop() + pause))
    monkeypatch.setattr("scripts.deployment.execute.time.monotonic", lambda: now[0])
    return now


def described(status: str) -> dict[str, Any]:
    return {"Stacks": [{"StackName": NAME, "StackId": arn("stack", NAME), "StackStatus": status, "CreationTime": NOW}]}


def events(*statuses: str) -> dict[str, Any]:
    """The newest first; what came before the operation is the oldest."""
    own = {"StackId": arn("stack", NAME), "StackName": NAME, "PhysicalResourceId": arn("stack", NAME)}
    return {
        "StackEvents": [
            {**own, "EventId": f"{number}", "LogicalResourceId": NAME, "ResourceStatus": status, "Timestamp": NOW}
            for number, status in [*reversed([*enumerate((BEFORE, *statuses))])]
        ]
    }


def running() -> Running:
    return Running(Stack(NAME, arn("stack", NAME), ""), "0", DEPLOYED, 0.0)


def test_the_status_from_before_is_no_end() -> None:
    """CloudFormation may show it for a moment, and an event before the status."""
    ends = ("UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE")
    aws = Prepared(
        cloudformation__describe_stacks=[described(each) for each in (BEFORE, BEFORE, ends[0], ends[1], ends[1])],
        cloudformation__describe_stack_events=[events(), events(ends[0]), events(ends[0]), events(*ends)],
    )
    outcome = execute.watch(aws, running())
    assert (outcome.status, outcome.good, outcome.exit) == (ends[1], False, Exit.FAILED)
    assert len([name for name in aws.calls() if name.endswith("describe_stacks")]) == 5


@pytest.mark.parametrize(("code", "most"), [("EndpointConnectionError", execute.PATIENCE + 10), ("ExpiredToken", 0.0)])
def test_calls_that_fail_are_repeated_while_waiting_may_help(code: str, most: float, seconds: list[float]) -> None:
    lost = refusal("x", code)
    with pytest.raises(ManualActionRequiredError, match=f"{NAME} is left running"):
        execute.watch(Prepared(cloudformation__describe_stacks=lost), running())
    assert seconds[0] <= most and (seconds[0] >= execute.PATIENCE or not most)
