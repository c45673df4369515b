"""Two people at once: the second one is told who deploys since when; what was lost on the way has begun or not."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any

import pytest

from generator.cfn.environments import Environment
from generator.cfn.stacks import Stack
from scripts.deployment import environment, execute
from scripts.deployment.errors import AwsError, ManualActionRequiredError, RefusedError
from scripts.operations import following, origin
from scripts.operations.diagnose import history
from scripts.operations.diagnose.cause import FailureObserver, diagnose
from scripts.operations.diagnose.operation import last_operation
from scripts.operations.verbs import apply
from tests.conftest import ROOT
from tests.support.account import STAGING, Account, arguments
from tests.support.running_update import EVENTS, PLAN, START, TOKEN, own
from tests.support.runs import Watching, running
from tests.support.service import ME, Prepared, arn, refusal


@pytest.fixture(scope="module")
def loaded() -> dict[str, Environment]:
    return environment.load("staging", ROOT / "templates", ROOT / "params")


class Busy(Account):
    """An account in which somebody deploys staging."""

    def __init__(self, who: str, **answers: Any) -> None:
        super().__init__("UPDATE_IN_PROGRESS", **answers)
        self.who = who

    def stack(self, StackName: str) -> dict[str, Any]:
        stack = super().stack(StackName)
        return {"Stacks": [{**stack["Stacks"][0], "ChangeSetId": arn("changeSet", TOKEN)}]}

    def events(self, StackName: str) -> dict[str, Any]:
        return {"StackEvents": EVENTS} if STAGING in StackName else super().events(StackName)

    def change_set(self, ChangeSetName: str, **_: Any) -> dict[str, Any]:
        if TOKEN in ChangeSetName:
            return {"Description": f"{origin.this_run(self.who)}; commit 0", "ExecutionStatus": "EXECUTE_IN_PROGRESS"}
        return super().change_set(ChangeSetName)


def test_the_second_one_is_told_who_deploys_since_when(loaded: dict[str, Environment]) -> None:
    aws = Busy("arn:aws:sts::0:assumed-role/Deploy/alice")
    with pytest.raises(ManualActionRequiredError) as raised:
        apply.run(*arguments(aws, loaded))
    message = f"{STAGING} is being updated, started by arn:aws:sts::0:assumed-role/Deploy/alice at"
    ago = re.search(r" (\d+) min ago", raised.value.reason)
    assert raised.value.reason.startswith(message) and ago
    assert 12 <= int(ago[1]) <= (datetime.now(UTC) - START) / timedelta(minutes=1)
    assert "`follow` follows it" in raised.value.remedy and "--follow" in raised.value.remedy
    assert not any(
        request.get("StackName") == STAGING for name, request in aws.asked if name.endswith("create_change_set")
    )


def test_what_another_run_started_is_found_from_its_beginning() -> None:
    aws = Busy(ME.arn)
    stack = Stack(STAGING, arn("stack", STAGING), "UPDATE_IN_PROGRESS", change_set=arn("changeSet", TOKEN))
    operation = last_operation(aws, stack.id)
    assert operation and (operation.token, operation.after) == (TOKEN, EVENTS[1]["EventId"])
    assert history.operator(aws, stack) == ME.arn


@pytest.mark.parametrize(
    ("change_set", "begun"),
    [
        *(({"ExecutionStatus": status}, True) for status in execute.BEGUN),
        ({"ExecutionStatus": "OBSOLETE"}, False),  # somebody else was faster
        ({"ExecutionStatus": "AVAILABLE"}, False),
        (refusal("x", "ChangeSetNotFound"), False),
    ],
)
def test_an_execution_whose_answer_was_lost_has_begun_or_not(change_set: Any, begun: bool) -> None:
    """Botocore sends the call again, and CloudFormation refuses the second one."""
    aws = Prepared(
        cloudformation__execute_change_set=refusal("x", "InvalidChangeSetStatus"),
        cloudformation__describe_stack_events={"StackEvents": EVENTS[1:]},
        cloudformation__describe_change_set=change_set,
    )
    if begun:
        assert execute.start(aws, PLAN).stack.name == STAGING
    else:
        with pytest.raises(RefusedError, match="has changed since this was planned"):
            execute.start(aws, PLAN)


def test_when_nobody_can_say_whether_it_began_somebody_has_to_look() -> None:
    lost = refusal("x", "EndpointConnectionError")
    aws = Prepared(
        cloudformation__execute_change_set=lost,
        cloudformation__describe_stack_events={"StackEvents": EVENTS[1:]},
        cloudformation__describe_change_set=lost,
    )
    with pytest.raises(ManualActionRequiredError, match="is not known"):
        execute.start(aws, PLAN)


def test_a_look_that_fails_is_repeated_for_some_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polling never makes a good deployment fail."""
    now = [0.0]
    monkeypatch.setattr("scripts.operations.following.time.sleep", lambda seconds: now.append(now.pop() + seconds))
    monkeypatch.setattr("scripts.operations.following.time.monotonic", lambda: now[0])
    ended = {"StackEvents": [own("UPDATE_COMPLETE", 9), own("UPDATE_IN_PROGRESS", 0)]}
    stack = {"StackName": STAGING, "StackStatus": "UPDATE_COMPLETE", "CreationTime": START}
    lost = refusal("x", "EndpointConnectionError")
    aws = Prepared(
        cloudformation__describe_stack_events=[*[lost] * 20, ended],
        cloudformation__describe_stacks={"Stacks": [{**stack, "StackId": arn("stack", STAGING)}]},
    )
    events, ending = following.follow(aws, running(STAGING), Watching(interrupted=lambda _: None))
    assert len(events) == 2 and ending.status == "UPDATE_COMPLETE"
    for code, seconds in (("EndpointConnectionError", execute.PATIENCE), ("ExpiredToken", 0.0)):
        now[:] = [0.0]
        lost = refusal("x", code)
        aws = Prepared(cloudformation__describe_stack_events=lost, cloudformation__describe_stacks=lost)
        with pytest.raises(AwsError, match=code):
            following.follow(aws, running(STAGING), Watching(interrupted=lambda _: None))
        assert seconds <= now[0] <= seconds + 10


def test_time_in_which_somebody_thinks_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an hour at the question of Ctrl-C, one call without an answer ends nothing."""
    now = [0.0]
    monkeypatch.setattr("scripts.operations.following.time.monotonic", lambda: now[0])
    naps = iter([KeyboardInterrupt])

    def rest(seconds: float) -> None:
        now[0] += seconds
        for interrupt in naps:
            raise interrupt

    monkeypatch.setattr("scripts.operations.following.time.sleep", rest)
    ended = {"StackEvents": [own("UPDATE_COMPLETE", 9), own("UPDATE_IN_PROGRESS", 0)]}
    stack = {"StackName": STAGING, "CreationTime": START, "StackId": arn("stack", STAGING)}
    going, good = (
        {"Stacks": [{**stack, "StackStatus": status}]} for status in ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")
    )
    aws = Prepared(
        cloudformation__describe_stack_events=ended,
        cloudformation__describe_stacks=[going, going, refusal("x", "EndpointConnectionError"), good, good],
    )

    def think(_: Any) -> None:
        now[0] += 3600.0

    _, ending = following.follow(aws, running(STAGING), Watching(interrupted=think))
    assert ending.status == "UPDATE_COMPLETE"


def interrupt_at(number: int) -> Callable[[FrameType, str, Any], Any]:
    """A trace that raises Ctrl-C once, before the line of that number of those that follow it."""
    left = [number]

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        others = ("failed", "leave", "left_running", "watch")  # around it, and a look at an event, later
        if frame.f_code.co_filename != following.__file__ or frame.f_code.co_name in others:
            return None
        if event == "line":
            left[0] -= 1
            if left[0] == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    return trace


FAILURE = own("UPDATE_FAILED", 4) | {
    "LogicalResourceId": "Backend",
    "PhysicalResourceId": "backend",
    "EventId": "failure",
    "ResourceStatusReason": "out of order",
}


def watched(number: int) -> tuple[int, set[str], following.FollowedOutcome]:
    """A failing update that is watched, with one answer lost and Ctrl-C before line `number`, after which the person
    watches on: how often it was asked, what was shown, and the outcome."""
    ends = [own("UPDATE_ROLLBACK_COMPLETE", 9), own("UPDATE_ROLLBACK_IN_PROGRESS", 5)]
    happened = [*ends, FAILURE, own("UPDATE_IN_PROGRESS", 0)]
    looks, questions, shown = [0], [0], set[str]()

    def events(**_: Any) -> dict[str, Any]:
        looks[0] += 1
        if looks[0] == 2:
            raise refusal("x", "EndpointConnectionError")
        return {"StackEvents": happened[-looks[0] :]}

    def stack(**_: Any) -> dict[str, Any]:
        status = "UPDATE_ROLLBACK_COMPLETE" if looks[0] > 3 else "UPDATE_IN_PROGRESS"
        body = {"StackName": STAGING, "StackId": arn("stack", STAGING), "StackStatus": status}
        return {"Stacks": [{**body, "CreationTime": START}]}

    def watch_on(_: Stack) -> None:
        questions[0] += 1

    aws = Prepared(cloudformation__describe_stack_events=events, cloudformation__describe_stacks=stack)
    watcher = FailureObserver(aws, lambda fresh: shown.update(event.status for event in fresh), watch_on)
    before = sys.gettrace()
    sys.settrace(interrupt_at(number))
    try:
        outcome = following.watch(aws, running(STAGING), watcher)
    finally:
        sys.settrace(before)
    return questions[0], shown, outcome


def test_whenever_ctrl_c_comes_watching_on_misses_nothing(
    loaded: dict[str, Environment], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a pause, of a reading, of a call that failed. Between two rounds of the loop, where Python
    cannot catch it, the operation is said to be left running."""
    monkeypatch.setattr("scripts.operations.following.time.sleep", lambda _: None)
    monkeypatch.setattr("scripts.operations.following.READING", 0.0)
    root = loaded["environment"].root
    _, everything, usual = watched(0)
    cause = diagnose(usual, root).cause
    assert len(everything) == 4 and cause and cause.reason == "out of order"
    number, questions, left = 0, 1, 0
    while questions:
        number += 1
        try:
            questions, shown, outcome = watched(number)
        except ManualActionRequiredError as error:
            assert error.reason == f"{STAGING} is left running."
            left += 1
            continue
        assert (outcome.status, diagnose(outcome, root).cause, shown) == (usual.status, cause, everything), number
    assert number > 150 and left < number / 15


def test_ctrl_c_while_it_is_recorded_leaves_it_running(loaded: dict[str, Environment]) -> None:
    """Between the execution and the first look at it."""
    aws = Account()

    def execute_change_set(**_: Any) -> dict[str, Any]:
        aws.statuses[STAGING] = "CREATE_IN_PROGRESS"
        return {}

    def put(Key: str, **options: Any) -> dict[str, Any]:
        if Key.startswith("deployments/"):
            raise KeyboardInterrupt
        return aws.bucket.put(Key, **options)

    aws.answers |= {"cloudformation.execute_change_set": execute_change_set, "s3.put_object": put}
    with pytest.raises(ManualActionRequiredError, match=f"{STAGING} is left running"):
        apply.run(*arguments(aws, loaded, yes=True))
    assert aws.statuses[STAGING] == "CREATE_IN_PROGRESS"


def test_ctrl_c_while_it_is_sent_leaves_it_running_if_it_began() -> None:
    def interrupted(**_: Any) -> Any:
        raise KeyboardInterrupt

    for status, ends in (("EXECUTE_IN_PROGRESS", ManualActionRequiredError), ("AVAILABLE", KeyboardInterrupt)):
        aws = Prepared(
            cloudformation__execute_change_set=interrupted,
            cloudformation__describe_stack_events={"StackEvents": EVENTS[1:]},
            cloudformation__describe_change_set={"ExecutionStatus": status},
        )
        with pytest.raises(ends):
            execute.start(aws, PLAN)
