"""The events of one operation over nested stacks, the one cause among them, and what a person reads."""

from __future__ import annotations

import io
import json
import re

import pytest

from generator.cfn import sources
from generator.cfn.stacks import Stack
from generator.cfn.templates import Template, load
from scripts.deployment import environment, execute
from scripts.deployment.aws import pauses
from scripts.deployment.errors import AwsError, Exit, ManualActionRequiredError, UsageError
from scripts.deployment.plan import Plan
from scripts.operations import following
from scripts.operations.diagnose.cause import cause, diagnose
from scripts.operations.diagnose.operation import read_events
from scripts.operations.output import outcomes
from scripts.operations.output.progress_view import Lines
from scripts.operations.verbs import explain
from tests.conftest import ROOT
from tests.operations.failed_update import BACKEND, FAILED_UPDATE, NAME, NETWORK, START, Stacks, child, event
from tests.support.runs import Watching, running, verb_run
from tests.support.service import Prepared, arn, refusal

SERVICE_LINE = str(sources.find("generator.stacks.backend.ecs", "Service"))


@pytest.fixture(scope="module")
def root() -> Template:
    return load(ROOT / "templates")["environment"]


def stop(_: Stack) -> None:
    raise AssertionError("nobody interrupts")


def ticking(aws: Stacks, monkeypatch: pytest.MonkeyPatch, seconds: float = 1.0) -> list[float]:
    slept: list[float] = []

    def sleep(pause: float) -> None:
        slept.append(pause)
        aws.now += seconds

    monkeypatch.setattr("scripts.operations.following.time.sleep", sleep)
    monkeypatch.setattr("scripts.operations.following.time.monotonic", lambda: aws.now)
    return slept


def test_every_event_of_the_operation_once_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Stacks(FAILED_UPDATE)
    aws.now = -1
    after = execute.Running.next(aws, Stack(NAME, arn("stack", NAME), ""), frozenset()).after
    ticking(aws, monkeypatch)
    batches: list[int] = []
    events, stack = following.follow(
        aws, running(NAME, after), Watching(lambda fresh: batches.append(len(fresh)), stop)
    )
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert len(events) == len({event.id for event in events}) == 7 + 5 + 3 == sum(batches)
    assert not any("before this one" in event.reason for event in events)
    assert next(event.path for event in events if event.failed) == ("Backend", "Service")


def test_nested_stacks_are_read_only_while_they_run(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Stacks(FAILED_UPDATE)
    ticking(aws, monkeypatch)
    following.follow(aws, running(NAME), Watching(interrupted=stop))
    stacks = [request["StackName"] for name, request in aws.asked if name.endswith("events")]
    assert 10 < stacks.count(arn("stack", NETWORK)) < stacks.count(arn("stack", NAME))


def test_nobody_sleeps_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Stacks(FAILED_UPDATE)
    aws.now = 100
    slept = ticking(aws, monkeypatch)
    following.follow(aws, running(NAME), Watching(interrupted=stop))
    assert slept == []


def test_time_that_goes_by_is_shown_every_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses become longer than that; a view has its clock."""
    aws = Stacks(FAILED_UPDATE)
    slept = ticking(aws, monkeypatch, 0.1)
    batches: list[int] = []
    following.follow(aws, running(NAME), Watching(lambda fresh: batches.append(len(fresh)), stop))
    assert max(slept) == 1.0 and slept.count(1.0) > 10
    assert batches.count(0) * 5 >= slept.count(1.0) * 4  # a pause of five seconds ends with a look


def test_looks_start_fast_and_slow_down() -> None:
    waits = pauses()
    lengths = [next(waits) for _ in range(60)]
    assert lengths[0] <= 0.1 and lengths[-1] == 5.0 and lengths == sorted(lengths)


def test_the_cause(root: Template) -> None:
    aws = Stacks(FAILED_UPDATE)
    aws.now = 100
    explained = cause(read_events(aws, arn("stack", NAME), FAILED_UPDATE[NAME][0]["EventId"]), NAME, root)
    assert explained is not None
    assert explained.path == (NAME, "Backend", "Service")
    assert explained.reason == "Service did not stabilize: tasks fail their health check"
    assert explained.sentence == "Keeps the backend's tasks running and replaces them release by release."
    assert explained.module == "generator.stacks.backend.ecs" and explained.remedy


def test_a_child_that_is_refused_as_a_whole_is_the_cause(root: Template) -> None:
    reason = "Parameters: [X] must have values"
    events = {NAME: [event(NAME, 0, NAME, "CREATE_IN_PROGRESS"), child(1, "Backend", "", "CREATE_FAILED", reason)]}
    events[NAME][1]["PhysicalResourceId"] = ""
    aws = Stacks(events)
    aws.now = 100
    explained = cause(read_events(aws, arn("stack", NAME), None), NAME, root)
    assert explained and (explained.path, explained.reason) == ((NAME, "Backend"), reason)


def test_no_failure_has_no_cause(root: Template) -> None:
    aws = Stacks({NAME: FAILED_UPDATE[NAME][:3], BACKEND: FAILED_UPDATE[BACKEND][1:3]})
    aws.now = 1
    assert cause(read_events(aws, arn("stack", NAME), None), NAME, root) is None


PLAN = Plan(NAME, arn("stack", NAME), "UPDATE", arn("changeSet", NAME), "deploy-0-1", "digest")


def test_a_failed_update_from_execution_to_text(root: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Stacks(FAILED_UPDATE, cloudformation__execute_change_set={})
    aws.now = -1
    ticking(aws, monkeypatch)
    out = io.StringIO()
    progress = Lines(out, lambda: START)
    outcome = following.watch(aws, execute.start(aws, PLAN), Watching(progress))
    diagnosis = diagnose(outcome, root)
    assert outcome.exit is Exit.FAILED and diagnosis.cause
    request = next(request for name, request in aws.asked if name.endswith("execute_change_set"))
    assert request == {"ChangeSetName": PLAN.change_set, "ClientRequestToken": PLAN.name, "DisableRollback": False}
    lines = [re.sub(r"^\d\d:\d\d:\d\d  ", "", line) for line in out.getvalue().splitlines()]
    assert lines == [
        "Backend > Service  UPDATE_FAILED: Service did not stabilize: tasks fail their health check",
        "failed, rolling back",
        "Backend > Task  UPDATE_FAILED: a failure of the rollback, later",
    ]
    text = list(map(str, outcomes.outcome_lines(outcome, diagnosis)))
    assert re.sub(r"[\d.]+ s", "N s", text[0]) == (
        f"{NAME} could not be updated and was rolled back (UPDATE_ROLLBACK_COMPLETE, N s)"
    )
    assert text[1:] == [
        f"  {NAME} > Backend > Service  AWS::ECS::Service",
        "    purpose: Keeps the backend's tasks running and replaces them release by release.",
        "    reason: Service did not stabilize: tasks fail their health check",
        f"    defined in: {SERVICE_LINE}",
        "    next step: Look at the resource itself: it did not become ready.",
    ]


@pytest.mark.parametrize("trouble", [refusal("x", "ExpiredToken"), KeyboardInterrupt()])
def test_an_operation_that_cannot_be_followed_is_left_running(trouble: BaseException) -> None:
    """Polling never makes a good deployment fail."""
    aws = Stacks(FAILED_UPDATE, cloudformation__execute_change_set={})
    seen = []

    def see(_: object) -> None:
        seen.append(1)
        raise trouble

    with pytest.raises(ManualActionRequiredError, match="left running") as raised:
        following.watch(aws, execute.start(aws, PLAN), Watching(see))
    assert raised.value.status is Exit.MANUAL and seen
    assert isinstance(trouble, KeyboardInterrupt | AwsError)


def test_where_nothing_is_and_was_there_is_nothing_to_explain(capsys: pytest.CaptureFixture[str]) -> None:
    absent = refusal("x", "ValidationError", "Stack does not exist")
    aws = Prepared(cloudformation__describe_stacks=absent, cloudformation__list_stacks={"StackSummaries": []})
    run = verb_run(aws, environment.load("staging", ROOT / "templates", ROOT / "params"))
    assert explain.run(run, explain.Options()) is Exit.DONE
    staging = run.environment.stack
    nothing = f"{staging} does not exist, and none was deleted in the last 90 days"
    assert capsys.readouterr().out == f"{nothing}\n"
    assert explain.run(run, explain.Options(format="json")) is Exit.DONE
    assert json.loads(capsys.readouterr().out) == {}
    for path, name in (("Backend", staging), ("shared", "cloud-health-dashboard-shared")):
        with pytest.raises(UsageError) as raised:
            explain.run(run, explain.Options(stack=path))
        assert raised.value.reason == nothing.replace(staging, name) + "."
