"""The plain wait of the core: for the end of the operation that began, not for a status that was there before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from generator.cfn.stacks import Stack
from generator.cfn.statuses import DEPLOYED
from scripts.deployment import execute
from scripts.deployment.errors import AwsError, DeployError, Exit, ManualActionRequiredError, OvertakenError, remedy
from scripts.deployment.execute import Running
from scripts.deployment.plan import Plan
from tests.support.service import Prepared, arn, refusal

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


def test_time_in_which_nobody_asked_is_no_failure(seconds: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was stopped, and then one call without an answer: the network comes back, too."""
    monkeypatch.setattr("scripts.deployment.execute.time.sleep", lambda _: seconds.append(seconds.pop() + 1000.0))
    ends = ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")
    aws = Prepared(
        cloudformation__describe_stacks=[
            described(BEFORE),
            refusal("x", "EndpointConnectionError"),
            described(ends[1]),
        ],
        cloudformation__describe_stack_events=[events(), events(*ends)],
    )
    assert execute.watch(aws, running()).good


@pytest.mark.parametrize(
    "options", [{}, {"RetainResources": ["Data", "Logs"]}, {"RoleARN": "arn:aws:iam::0:role/Other"}]
)
def test_a_deletion_begins_after_what_was_before_it(options: dict[str, Any]) -> None:
    aws = Prepared(cloudformation__describe_stack_events=events("UPDATE_COMPLETE"), cloudformation__delete_stack={})
    stack = Stack(NAME, arn("stack", NAME), "ROLLBACK_COMPLETE")
    begun = execute.destroy(aws, stack, **options)
    assert (begun.stack, begun.after, begun.expected, begun.started) == (
        stack,
        "1",
        frozenset({"DELETE_COMPLETE"}),
        0.0,
    )
    named = {"StackName": stack.id}
    assert aws.asked == [
        ("cloudformation.describe_stack_events", named),
        ("cloudformation.delete_stack", {**named, **options}),
    ]


def test_an_execution_begins_after_what_was_before_it() -> None:
    """A rollback is asked for by name: the API reference of ExecuteChangeSet calls its absence the default."""
    plan = Plan(NAME, arn("stack", NAME), "CREATE", arn("changeSet", NAME), "deploy-1", "digest")
    aws = Prepared(cloudformation__describe_stack_events={"StackEvents": []}, cloudformation__execute_change_set={})
    begun = execute.start(aws, plan)
    assert begun == Running(Stack(NAME, plan.stack_id, ""), None, DEPLOYED, 0.0)
    sent = {"ChangeSetName": plan.change_set, "ClientRequestToken": "deploy-1", "DisableRollback": False}
    assert aws.asked[1] == ("cloudformation.execute_change_set", sent)


NOT_OURS = "is not known: cloudformation.describe_change_set: AccessDenied: no"


@pytest.mark.parametrize(
    ("answer", "code", "message", "error", "reason"),
    [
        ({"ExecutionStatus": "AVAILABLE"}, "Throttling", "slow", AwsError, "cloudformation.x: Throttling: slow"),
        (
            {"ExecutionStatus": "AVAILABLE"},
            "ValidationError",
            "it can not be updated",
            OvertakenError,
            f"{NAME} has changed since this was planned (it can not be updated).",
        ),
        (
            refusal("cloudformation.describe_change_set", "AccessDenied", "no"),
            "Throttling",
            "slow",
            ManualActionRequiredError,
            f"Whether the change of {NAME} was started {NOT_OURS}",
        ),
    ],
)
def test_an_execution_that_is_refused_is_said_for_what_it_is(
    answer: Any, code: str, message: str, error: type[DeployError], reason: str
) -> None:
    aws = Prepared(
        cloudformation__describe_stack_events={"StackEvents": []},
        cloudformation__execute_change_set=refusal("cloudformation.x", code, message),
        cloudformation__describe_change_set=answer,
    )
    plan = Plan(NAME, arn("stack", NAME), "UPDATE", arn("changeSet", NAME), "deploy-1", "digest")
    with pytest.raises(error) as raised:
        execute.start(aws, plan)
    assert type(raised.value) is error and raised.value.reason == reason
    again = "Nothing was started. Run the same command again: it plans again, or shows who deploys now."
    unknown = f"{remedy('AccessDenied')} {execute.RESUME}"
    assert raised.value.remedy == {OvertakenError: again, ManualActionRequiredError: unknown}.get(error, "")


def test_what_cannot_be_followed_any_more_is_left_running_with_the_way_back_to_it() -> None:
    with pytest.raises(ManualActionRequiredError) as raised:
        execute.leave(running().stack, refusal("x.y", "ExpiredToken", "old"))
    assert raised.value.reason == f"{NAME} is left running: x.y: ExpiredToken: old"
    assert raised.value.remedy == f"{remedy('ExpiredToken')} {execute.RESUME}"
    with pytest.raises(ManualActionRequiredError) as raised:
        execute.leave(running().stack)
    assert (raised.value.reason, raised.value.remedy) == (f"{NAME} is left running.", execute.RESUME)


def test_the_events_of_an_operation_end_where_it_began() -> None:
    """On whatever page that is."""
    pages = [events("A", "B"), events()]
    first = {**pages[0], "StackEvents": pages[0]["StackEvents"][:1], "NextToken": "2"}
    second = {"StackEvents": pages[0]["StackEvents"][1:]}
    aws = Prepared(cloudformation__describe_stack_events=[first, second])
    assert [each["ResourceStatus"] for each in execute.events_since(aws, running())] == ["B", "A"]


def test_seconds_and_the_end_that_was_expected_decide_the_outcome(seconds: list[float]) -> None:
    seconds[0] = 42.0
    for status, expected, good in (("UPDATE_COMPLETE", DEPLOYED, True), ("UPDATE_COMPLETE", frozenset[str](), False)):
        aws = Prepared(
            cloudformation__describe_stacks=described(status), cloudformation__describe_stack_events=events(status)
        )
        outcome = execute.watch(aws, replace(running(), expected=expected, started=2.0))
        assert (outcome.status, outcome.good, outcome.seconds) == (status, good, 40.0)
        assert outcome.exit is (Exit.DONE if good else Exit.MANUAL)
