"""`continue` and `follow`: what is shown before anybody agrees, what is asked of CloudFormation, and how it ends."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest

from generator.cfn.templates import STACK
from scripts.deployment import environment
from scripts.deployment.errors import Exit, NotConfirmedError, RefusedError, UsageError
from scripts.operations.verbs import continue_, follow
from scripts.terminal import results
from tests.conftest import ROOT
from tests.support.account import NOW, STAGING, Account, Roots
from tests.support.runs import verb_options, verb_run
from tests.support.service import ACCOUNT, REGION, arn

NESTED = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STAGING}-Backend-1X/0"


@pytest.fixture(scope="module")
def two() -> Roots:
    """A root that needs nothing, and one that does."""
    roots = environment.load("staging", ROOT / "templates", ROOT / "params")
    return {name: roots[name] for name in ("shared", "environment")}


def entry(name: str, kind: str, physical: str, reason: str) -> dict[str, Any]:
    where = {"LogicalResourceId": name, "ResourceType": kind, "PhysicalResourceId": physical}
    return {**where, "ResourceStatus": "UPDATE_FAILED", "ResourceStatusReason": reason, "LastUpdatedTimestamp": NOW}


class Stuck(Account):
    """An account in which the rollback of staging has failed, and goes on to `end` when it is continued."""

    def __init__(self, end: str = "UPDATE_ROLLBACK_COMPLETE") -> None:
        super().__init__("UPDATE_ROLLBACK_FAILED")
        self.end, self.sent = end, list[dict[str, Any]]()
        inside = [entry("Service", "AWS::ECS::Service", "s", "it did not stabilize")]
        own = [entry("Backend", STACK, NESTED, "nested"), entry("Topic", "AWS::SNS::Topic", "t", "no permission")]
        self.answers |= {
            "cloudformation.list_stack_resources": lambda StackName: {
                "StackResourceSummaries": inside if StackName == NESTED else own
            },
            "cloudformation.continue_update_rollback": self.goes_on,
        }

    def events(self, StackName: str) -> dict[str, Any]:
        [event] = super().events(StackName)["StackEvents"]
        return {"StackEvents": [{**event, "EventId": str(len(self.sent))}]}

    def goes_on(self, **request: Any) -> dict[str, Any]:
        self.sent.append(request)
        self.statuses[STAGING] = self.end
        return {}


def run(aws: Account, roots: Roots, **options: Any) -> Exit:
    return continue_.run(verb_run(aws, roots), verb_options(continue_, **options))


@pytest.mark.parametrize(("end", "status"), [("UPDATE_ROLLBACK_COMPLETE", Exit.DONE), ("UPDATE_ROLLBACK_FAILED", 4)])
def test_a_rollback_goes_on_and_the_command_ends_as_it_ends(
    two: Roots, capsys: pytest.CaptureFixture[str], end: str, status: int
) -> None:
    aws = Stuck(end)
    assert run(aws, two, yes=True, quiet=True) == status
    [request] = aws.sent
    assert request.pop("ClientRequestToken").startswith("deploy-continue-") and request == {
        "StackName": arn("stack", STAGING)
    }
    lines = [re.sub(r"\d+\.\d s", "N s", line) for line in capsys.readouterr().out.splitlines()]
    failed = f"{STAGING} could not be updated, and its rollback failed"
    skip = "To give up on these resources: `continue --skip Backend.Service --skip Topic`."
    stays = "What is skipped stays out of sync until a deployment changes it."
    good = end == "UPDATE_ROLLBACK_COMPLETE"
    assert lines[:9] == [
        "cloud-health-dashboard-shared is created (CREATE_COMPLETE): nothing to continue",
        f"{failed} (UPDATE_ROLLBACK_FAILED)",
        "  Backend > Service  AWS::ECS::Service",
        "    reason: it did not stabilize",
        "    purpose: Keeps the backend's tasks running and replaces them release by release.",
        "  Topic  AWS::SNS::Topic",
        "    reason: no permission",
        f"  Fix the cause, then run `continue`. {skip} {stays}",
        f"{STAGING} could not be updated and was rolled back ({end}, N s)" if good else f"{failed} ({end}, N s)",
    ]
    assert bool(lines[9:]) is not good


def test_a_resource_can_be_given_up_by_the_name_that_was_shown(two: Roots, monkeypatch: pytest.MonkeyPatch) -> None:
    """CloudFormation calls it otherwise. A name that is given twice counts once; whoever is asked is told of it."""
    aws = Stuck()
    assert run(aws, two, yes=True, quiet=True, skip=("Topic", "Backend.Service", "Topic")) is Exit.DONE
    assert aws.sent[0]["ResourcesToSkip"] == ["Topic", f"{STAGING}-Backend-1X.Service"]
    questions: list[str] = []
    monkeypatch.setattr("scripts.terminal.prompt.attended", lambda: True)
    monkeypatch.setattr("scripts.terminal.prompt.confirmed", questions.append)
    for skip in ((), ("Topic", "Backend.Service")):
        with pytest.raises(NotConfirmedError):
            run(aws := Stuck(), two, skip=skip)
        assert aws.sent == []
    back = f"Bring {STAGING} back to what it was"
    assert questions == [f"{back}? (yes/no) ", f"{back}, but for Topic, Backend.Service? (yes/no) "]


def test_what_is_not_in_the_way_cannot_be_given_up(two: Roots) -> None:
    aws = Stuck()
    with pytest.raises(UsageError) as raised:
        run(aws, two, yes=True, skip=("Backend",))
    assert raised.value.reason == "--skip Backend: this resource does not block the rollback."
    assert raised.value.remedy == "There are: Backend.Service, Topic." and aws.sent == []
    aws.answers["cloudformation.list_stack_resources"] = {"StackResourceSummaries": []}
    with pytest.raises(UsageError, match=r"There are: none that can be skipped\."):
        run(aws, two, yes=True, skip=("Backend",))


def test_a_stack_that_is_not_there_has_nothing_to_continue(two: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Account(), two, yes=True) is Exit.DONE
    assert capsys.readouterr().out.splitlines()[1] == f"{STAGING} does not exist: nothing to continue"


def test_a_program_gets_what_is_in_the_way_and_how_it_ended(two: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    with results.document("continue", "staging", RefusedError("interrupted")) as document:
        document.exit = run(Stuck(), two, yes=True, quiet=True)
    written = json.loads(capsys.readouterr().out)
    assert written["exit"]["status"] == 0
    service = {"path": ["Backend", "Service"], "type": "AWS::ECS::Service", "reason": "it did not stabilize"}
    topic = {"path": ["Topic"], "type": "AWS::SNS::Topic", "reason": "no permission", "skip": "Topic"}
    skip = f"{STAGING}-Backend-1X.Service"
    assert written["result"]["stuck"] == [{"stack": STAGING, **service, "skip": skip}, {"stack": STAGING, **topic}]
    [operation] = written["result"]["operations"]
    assert (operation["stack"], operation["status"]) == (STAGING, "UPDATE_ROLLBACK_COMPLETE")
    with results.document("continue", "staging", RefusedError("interrupted")) as document:
        document.exit = run(Account(), two, yes=True)
    assert json.loads(capsys.readouterr().out)["result"] == {"stuck": [], "operations": []}


# --- follow


class Busy(Account):
    """An account in which an update of staging runs, and ends in `end` after some looks."""

    def __init__(self, end: str) -> None:
        super().__init__("UPDATE_IN_PROGRESS")
        self.end, self.looks = end, 0

    def events(self, StackName: str) -> dict[str, Any]:
        if STAGING not in StackName:
            return super().events(StackName)
        self.looks += 1
        self.statuses[STAGING] = self.end if self.looks > 3 else "UPDATE_IN_PROGRESS"
        own = {"StackId": arn("stack", STAGING), "StackName": STAGING, "LogicalResourceId": STAGING, "Timestamp": NOW}
        own |= {"PhysicalResourceId": own["StackId"], "ResourceType": STACK}
        statuses = [("1", "CREATE_COMPLETE"), ("2", "UPDATE_IN_PROGRESS"), ("3", self.end)][
            : 3 if self.looks > 3 else 2
        ]
        return {"StackEvents": [{**own, "EventId": id, "ResourceStatus": each} for id, each in reversed(statuses)]}


@pytest.mark.parametrize(("end", "status"), [("UPDATE_COMPLETE", Exit.DONE), ("UPDATE_ROLLBACK_COMPLETE", Exit.FAILED)])
def test_what_runs_is_followed_to_its_end(
    two: Roots, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], end: str, status: Exit
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr("scripts.operations.following.READING", 0.0)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert follow.run(verb_run(Busy(end), two), verb_options(follow, quiet=True)) is status
    lines = capsys.readouterr().out.splitlines()
    text = "is updated" if status is Exit.DONE else "could not be updated and was rolled back"
    assert [re.sub(r"\d+\.\d s|\d+ min", "N", line) for line in lines] == [
        "cloud-health-dashboard-shared: nothing is running",
        f"{STAGING} is being updated, started by somebody at 12:00:00 UTC, N ago",
        f"{STAGING} {text} ({end}, N)",
    ]
    with results.document("follow", "staging", RefusedError("interrupted")) as document:
        document.exit = follow.run(verb_run(Busy(end), two), verb_options(follow, quiet=True))
    [operation] = json.loads(capsys.readouterr().out)["result"]["operations"]
    assert (operation["stack"], operation["status"]) == (STAGING, end)
    assert follow.run(verb_run(Account(), two), verb_options(follow)) is Exit.DONE
    assert capsys.readouterr().out.splitlines()[1] == f"{STAGING}: nothing is running"
