"""`python -m scripts.deployment`, the small script, in this process and on an account of prepared answers.

As a process of its own it is in tests/system/test_core_alone.py.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.deployment import __main__ as core
from scripts.deployment.errors import Exit
from tests.conftest import ROOT
from tests.deployment.account import NOW, SHARED, STAGING, Account
from tests.deployment.service import arn
from tests.support.gate import pass_gate

Core = Callable[..., Exit]


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Core:
    """The command on an account, with templates that the gate has passed, and the typed line if somebody is there."""
    templates = shutil.copytree(ROOT / "templates", tmp_path / "templates")
    params = shutil.copytree(ROOT / "params", tmp_path / "params")
    pass_gate(templates)

    def run(account: Account, *words: str, typed: str = "") -> Exit:
        monkeypatch.setattr(core, "Aws", lambda *_: account)
        monkeypatch.setattr(sys, "stdin", Terminal(typed) if typed else io.StringIO())
        return core.main([*words, "--templates", str(templates), "--params", str(params)])

    return run


class Bare(Account):
    """An account in which nothing was deployed."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses[SHARED] = ""

    def change_set(self, ChangeSetName: str, **_: Any) -> dict[str, Any]:
        added = {"Action": "Add", "LogicalResourceId": "Repository", "ResourceType": "AWS::CodeCommit::Repository"}
        changes = [{"Type": "Resource", "ResourceChange": added}]
        status = {"Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE"}
        return {**status, "ChangeSetId": ChangeSetName, "Changes": changes}


def test_it_plans_what_comes_first_with_the_profile_and_the_region_that_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What comes after a root that does not exist needs its outputs."""
    signed_in: list[tuple[str | None, str | None]] = []
    account = Bare()

    def sign_in(profile: str | None, region: str | None) -> Account:
        signed_in.append((profile, region))
        return account

    monkeypatch.setattr(core, "Aws", sign_in)
    templates = shutil.copytree(ROOT / "templates", tmp_path / "templates")
    pass_gate(templates)
    words = ["plan", "staging", "--templates", str(templates), "--params", str(ROOT / "params")]
    assert core.main([*words, "--profile", "deployer", "--region", "eu-west-1"]) is Exit.CHANGES
    assert signed_in == [("deployer", "eu-west-1")]
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == f"{SHARED}: create" and "  Add Repository  AWS::CodeCommit::Repository" in shown
    assert shown[-1] == "What comes after it can be planned when it exists."
    assert len([line for line in shown if not line.startswith(" ")]) == 2
    planned = {request["StackName"] for name, request in account.asked if name.endswith("create_change_set")}
    assert planned == {SHARED}


def test_production_is_left_to_the_command_that_checks_who_deploys_it(
    command: Core, capsys: pytest.CaptureFixture[str]
) -> None:
    account = Account()
    assert command(account, "apply", "production", "--yes") is Exit.REFUSED
    shown = capsys.readouterr()
    assert not shown.out and "`delivery apply production` does it." in shown.err
    assert not {name.partition(".")[2] for name in account.calls()} & {"create_change_set", "execute_change_set"}


@pytest.mark.parametrize("answer", ["no", "y", "YES", "\n"])
def test_it_asks_on_the_terminal_and_takes_only_the_word(
    command: Core, capsys: pytest.CaptureFixture[str], answer: str
) -> None:
    account = Account()
    assert command(account, "apply", "staging", typed=f"{answer}\n") is Exit.CHANGES
    shown = capsys.readouterr()
    assert shown.out.endswith(f"Change {STAGING} in account 000000000000, eu-west-1? (yes/no) ")  # the answer's line
    assert shown.err == f"{STAGING} was not changed.\n"
    assert "cloudformation.execute_change_set" not in account.calls()


def test_what_failed_is_shown_with_its_reasons_the_first_one_first(
    command: Core, capsys: pytest.CaptureFixture[str]
) -> None:
    account = Account()
    own = {"StackId": arn("stack", STAGING), "StackName": STAGING, "Timestamp": NOW}
    ended = {"ResourceType": "AWS::CloudFormation::Stack", "PhysicalResourceId": own["StackId"]}
    before = {**own, **ended, "EventId": "1", "LogicalResourceId": STAGING, "ResourceStatus": "REVIEW_IN_PROGRESS"}
    events = [before]

    def execute(**_: Any) -> dict[str, Any]:
        account.statuses[STAGING] = "ROLLBACK_COMPLETE"
        failed = {**own, "ResourceType": "AWS::S3::Bucket", "ResourceStatus": "CREATE_FAILED"}
        first = {**failed, "EventId": "2", "LogicalResourceId": "Logs", "ResourceStatusReason": "logs exists already"}
        second = {**failed, "EventId": "3", "LogicalResourceId": "Site"}
        last = {**before, "EventId": "4", "ResourceStatus": "ROLLBACK_COMPLETE"}
        events[:0] = [last, second, first]
        return {}

    account.answers |= {
        "cloudformation.execute_change_set": execute,
        "cloudformation.describe_stack_events": lambda **_: {"StackEvents": events},
    }
    assert command(account, "apply", "staging", typed="yes\n") is Exit.FAILED
    shown = capsys.readouterr().out
    assert "(ROLLBACK_COMPLETE, " in shown
    assert "\n  Logs  CREATE_FAILED  logs exists already\n  Site  CREATE_FAILED  \n" in shown


@pytest.mark.parametrize(
    ("parameters", "count"),
    [({"LogLevel": "LOUD"}, "one problem"), ({"LogLevel": "LOUD", "NatGatewayCount": "9"}, "2 problems")],
)
def test_the_problems_of_a_file_are_counted(
    command: Core, tmp_path: Path, capsys: pytest.CaptureFixture[str], parameters: dict[str, str], count: str
) -> None:
    file = tmp_path / "params/staging.json"
    body = json.loads(file.read_text(encoding="utf-8"))
    body["Parameters"] |= parameters
    file.write_text(json.dumps(body), encoding="utf-8")
    assert command(Account(), "plan", "staging") is Exit.REFUSED
    shown = capsys.readouterr().err
    assert f"Correct {count} and run again." in shown and all(name in shown for name in parameters)


def test_what_the_core_does_not_deploy_is_named(command: Core, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(Account(), "plan", "beanstalk") is Exit.REFUSED
    assert "a backend on Elastic Beanstalk" in capsys.readouterr().err
