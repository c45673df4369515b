"""`import`: who is asked before the repository becomes the shared stack's, and what is left when nobody agrees."""

from __future__ import annotations

import json
import re
from importlib import import_module
from typing import Any

import pytest

from generator.cfn.changes import PlannedChange
from scripts.deployment import environment
from scripts.deployment.errors import Exit, ManualActionRequiredError, NotConfirmedError, OvertakenError, RefusedError
from scripts.deployment.plan import CREATE, Plan
from scripts.operations.options import WatchOptions
from scripts.terminal import results
from tests.conftest import ROOT
from tests.support.account import SHARED, Account, Roots
from tests.support.runs import verb_run
from tests.support.service import ACCOUNT, REGION, arn, refusal

verb = import_module("scripts.operations.verbs.import_")
REPOSITORY = PlannedChange(("Repository",), "AWS::CodeCommit::Repository", "Import")
PLAN = Plan(SHARED, arn("stack", SHARED), CREATE, arn("changeSet", "import"), "deploy-1", "digest", (REPOSITORY,))


@pytest.fixture(scope="module")
def shared() -> Roots:
    return {"shared": environment.load("shared", ROOT / "templates", ROOT / "params")["shared"]}


class Importing(Account):
    """An account without the shared stack, in which its import ends like this."""

    def __init__(self, end: str = "IMPORT_COMPLETE") -> None:
        super().__init__()
        self.statuses[SHARED], self.end = "", end
        self.answers |= {
            "cloudformation.execute_change_set": self.execute,
            "cloudformation.describe_stack_events": lambda **_: (
                self.events(SHARED) if self.statuses[SHARED] else {"StackEvents": []}
            ),
            "cloudformation.delete_change_set": {},
            "cloudformation.describe_change_set": refusal("x", "ChangeSetNotFound"),
        }

    def execute(self, **_: Any) -> dict[str, Any]:
        self.statuses[SHARED] = self.end
        return {}


def run(monkeypatch: pytest.MonkeyPatch, aws: Account, roots: Roots, *, yes: bool = True) -> Exit:
    monkeypatch.setattr(verb, "plan_import", lambda *_: PLAN)
    ended: Exit = verb.run(verb_run(aws, roots), verb.Options(yes, WatchOptions(quiet=True)))
    return ended


@pytest.mark.parametrize(("end", "status"), [("IMPORT_COMPLETE", Exit.DONE), ("IMPORT_ROLLBACK_COMPLETE", Exit.FAILED)])
def test_a_repository_is_taken_over_and_what_comes_next_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shared: Roots, end: str, status: Exit
) -> None:
    aws = Importing(end)
    assert run(monkeypatch, aws, shared) is status
    assert aws.calls()[-1] == "cloudformation.delete_change_set"
    lines = [re.sub(r"\d+\.\d s", "N s", line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == f"{SHARED}: import 1 resource" and "Repository" in lines[1]
    ended = "has imported resources" if status is Exit.DONE else "could not import resources and was rolled back"
    assert lines[2:] == [f"{SHARED} {ended} ({end}, N s)", *([f"  {verb.NEXT}"] if status is Exit.DONE else [])]


def test_a_program_gets_the_plan_and_how_it_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shared: Roots
) -> None:
    with results.document("import", "shared", RefusedError("interrupted")) as document:
        document.exit = run(monkeypatch, Importing(), shared)
    written = json.loads(capsys.readouterr().out)["result"]
    assert [each["stack"] for each in written["plans"]] == [SHARED]
    assert [(each["stack"], each["status"]) for each in written["operations"]] == [(SHARED, "IMPORT_COMPLETE")]


def test_nobody_is_left_with_a_change_set_that_nobody_agreed_to(monkeypatch: pytest.MonkeyPatch, shared: Roots) -> None:
    questions: list[str] = []
    monkeypatch.setattr("scripts.terminal.prompt.attended", lambda: True)
    monkeypatch.setattr("scripts.terminal.prompt.confirmed", questions.append)
    aws = Importing()
    with pytest.raises(NotConfirmedError):
        run(monkeypatch, aws, shared, yes=False)
    assert questions == [f"Take it over in account {ACCOUNT}, {REGION}? (yes/no) "]
    assert "cloudformation.delete_change_set" in aws.calls()


@pytest.mark.parametrize(("begun", "error"), [("AVAILABLE", OvertakenError), ("", ManualActionRequiredError)])
def test_what_may_be_running_keeps_its_change_set(
    monkeypatch: pytest.MonkeyPatch, shared: Roots, begun: str, error: type[Exception]
) -> None:
    """And what was not started has none any more."""
    aws = Importing()
    aws.answers |= {
        "cloudformation.execute_change_set": refusal("x", "InvalidChangeSetStatus"),
        "cloudformation.describe_change_set": {"ExecutionStatus": begun, "Status": "DELETE_FAILED"}
        if begun
        else refusal("x", "AccessDenied"),
    }
    with pytest.raises(error):
        run(monkeypatch, aws, shared)
    assert ("cloudformation.delete_change_set" in aws.calls()) is bool(begun)


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_IN_PROGRESS"])
def test_a_shared_stack_that_is_there_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, shared: Roots, status: str
) -> None:
    aws = Importing()
    aws.statuses[SHARED] = status
    with pytest.raises(RefusedError) as raised:
        run(monkeypatch, aws, shared)
    assert raised.value.reason.startswith(f"{SHARED} exists already and is ")
    assert raised.value.remedy == "`apply shared` updates it." and aws.calls() == ["cloudformation.describe_stacks"]
