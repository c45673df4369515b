"""`python -m scripts.deployment`, the small script, in this process and on an account of prepared answers.

As a process of its own it is in tests/system/test_core_alone.py.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.broadening import Grant
from generator.cfn.changes import Difference, PlannedChange
from generator.cfn.losses import Loss
from generator.cfn.masking import scrubbed
from generator.cfn.statuses import meaning
from scripts.deployment import __main__ as core
from scripts.deployment import deploy_root, environment
from scripts.deployment.aws import Endpoint
from scripts.deployment.errors import Exit, UsageError
from scripts.deployment.guards import Consent
from scripts.deployment.plan import UPDATE, Notice, Plan
from tests.conftest import ROOT
from tests.support.account import NOW, SHARED, STAGING, Account
from tests.support.gate import pass_gate
from tests.support.service import arn

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


CHANGE = PlannedChange(
    ("Data", "Clients"), "AWS::DynamoDB::Table", "Modify", differences=(Difference("Name", "a", "b"),)
)
ANEW = Difference("Name", "a", "b", recreates="Always")
WHOLE = Plan(
    "staging",
    "id",
    UPDATE,
    "change-set",
    "name",
    "digest",
    (
        CHANGE,
        PlannedChange(("Site", "Page"), "AWS::S3::Bucket", "Modify", "True", differences=(ANEW,)),
        PlannedChange(("Site", "Might"), "AWS::S3::Bucket", "Modify"),
        PlannedChange(("Old",), "AWS::SQS::Queue", "Remove"),
    ),
    parameters=(Difference("TaskCpu", "256", "512"),),
    tags=(Difference("CostCenter", "1", "2"),),
    notices=(Notice("comparison", "Login", "its value is not shown"),),
    gained=(Grant("Job", "Allow", ("s3:*",), broader=True), Grant("Other", "Allow", ("s3:Get*",))),
    losses=(Loss("Data.Clients", "AWS::DynamoDB::Table", "replaced", "holds data"),),
)


def test_a_plan_says_what_changes_and_what_has_to_be_agreed_to() -> None:
    """What only might change is not in it."""
    assert list(deploy_root.plain_plan(WHOLE)) == [
        "staging: update",
        "  TaskCpu: 256 → 512",
        "  CostCenter: 1 → 2",
        "  Modify Data.Clients  AWS::DynamoDB::Table",
        "  Modify Site.Page  AWS::S3::Bucket (replaced)",
        "  Remove Old  AWS::SQS::Queue",
        "  comparison: Login: its value is not shown",
        "  broader permission: Job: s3:*",
        "  lost: Data.Clients holds data and is replaced: --allow-replace Data.Clients",
    ]
    assert list(deploy_root.plain_plan(Plan("staging", "id", UPDATE, "", "", "digest", empty=True))) == [
        "staging: no changes"
    ]


def test_what_is_typed_reaches_the_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what is not typed is agreed to by nobody. An interrupt ends it without a traceback."""
    contexts: list[deploy_root.Context] = []

    def deploy(context: deploy_root.Context) -> Exit:
        contexts.append(context)
        raise KeyboardInterrupt

    monkeypatch.setattr(deploy_root, "deploy", deploy)
    monkeypatch.setattr(core, "Aws", lambda *_: Account())
    options = ["--yes", "--allow-replace", "A", "--allow-replace", "B", "--allow-delete", "C", "--allow-broader"]
    typed = ["apply", "staging", *options, "--change-set"]
    for words in (["apply", "staging"], typed):
        assert core.main(words) is Exit.REFUSED
        assert capsys.readouterr().err == "Interrupted; nothing of it is running.\n"
    plain, whole = contexts
    assert (plain.consent, plain.change_set) == (Consent(), False)
    assert (whole.consent, whole.change_set) == (Consent(True, ("A", "B"), ("C",), True), True)
    assert list(plain.roots) == ["access", "shared", "edge", "environment"]
    for option in (["--templates", str(tmp_path)], ["--params", str(tmp_path)]):
        assert core.main(["apply", "staging", *option]) in (Exit.REFUSED, Exit.USAGE)
        assert str(tmp_path) in capsys.readouterr().err and len(contexts) == 2


@pytest.mark.parametrize("key", ["", "somebody"])
def test_the_local_aws_is_where_the_variables_say(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    contexts: list[deploy_root.Context] = []

    def deploy(context: deploy_root.Context) -> Exit:
        contexts.append(context)
        return Exit.DONE

    monkeypatch.setattr(deploy_root, "deploy", deploy)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    assert core.main(["apply", "local"]) is Exit.REFUSED
    assert capsys.readouterr().err.splitlines() == [
        "AWS_ENDPOINT_URL does not say where the local AWS is.",
        'Start it, and run `eval "$(python -m scripts.local_aws environment)"`, or use `delivery`.',
    ]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    if key:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    assert core.main(["apply", "local"]) is Exit.DONE
    [context] = contexts
    assert context.aws.endpoint == Endpoint("http://127.0.0.1:9", "us-east-1", key=key or "local")


def test_a_plan_ends_with_whether_anything_waits(command: Core, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(Account(), "plan", "shared") is Exit.DONE
    assert capsys.readouterr().out == f"{SHARED}: no changes\n"
    account = Account()
    assert command(account, "plan", "staging") is Exit.CHANGES
    shown = capsys.readouterr().out.splitlines()
    assert (shown[0], shown[1], shown[-1]) == (
        f"{SHARED}: no changes",
        f"{STAGING}: create",
        "What comes after it can be planned when it exists.",
    )
    assert account.statuses[STAGING] == "DELETE_COMPLETE"  # the empty stack of a first change set is gone with it


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        ("UPDATE_IN_PROGRESS", "is being updated (UPDATE_IN_PROGRESS)."),
        ("UPDATE_ROLLBACK_FAILED", "could not be updated, and its rollback failed (UPDATE_ROLLBACK_FAILED)."),
        ("DELETE_FAILED", "could not be deleted completely (DELETE_FAILED)."),
        ("ROLLBACK_COMPLETE", "could not be created; nothing of it is left (ROLLBACK_COMPLETE)."),
        ("REVIEW_IN_PROGRESS", ""),
    ],
)
def test_nothing_is_planned_for_a_stack_that_has_to_be_brought_in_order_first(
    command: Core, capsys: pytest.CaptureFixture[str], status: str, refusal: str
) -> None:
    """One that is empty, because its first change set was never executed, is to be created."""
    account = Account(status)
    assert command(account, "plan", "staging") is (Exit.MANUAL if refusal else Exit.CHANGES)
    lines = capsys.readouterr().err.splitlines()
    requests = [request for name, request in account.asked if name.endswith("create_change_set")]
    assert [request["ChangeSetType"] for request in requests] == ([] if refusal else ["CREATE"])
    if refusal:
        assert lines[0] == f"{STAGING} {refusal}" and lines[1]
    if status == "ROLLBACK_COMPLETE":
        assert lines[1] == "`apply` deletes it first and creates it again."


class Executing(Account):
    """An account in which the execution of staging ends in `end`, with these outputs and events, the newest first."""

    def __init__(self, end: str, outputs: dict[str, str], *events: dict[str, Any]) -> None:
        super().__init__()
        self.end, self.outputs = end, outputs
        own = {"StackId": arn("stack", STAGING), "StackName": STAGING, "Timestamp": NOW, "EventId": "0"}
        self.own = own | {"LogicalResourceId": STAGING, "PhysicalResourceId": own["StackId"], "ResourceStatus": end}
        self.news = [{**own, **event, "EventId": str(number)} for number, event in enumerate(events, 2)]
        self.answers["cloudformation.execute_change_set"] = self.execute

    def execute(self, **_: Any) -> dict[str, Any]:
        self.statuses[STAGING] = self.end
        return {}

    def events(self, StackName: str) -> dict[str, Any]:
        if SHARED in StackName:
            return super().events(StackName)
        before = {**self.own, "EventId": "1", "ResourceStatus": "REVIEW_IN_PROGRESS"}
        ended = [self.own, *self.news] if self.statuses[STAGING] == self.end else []
        return {"StackEvents": [*ended, before]}

    def stack(self, StackName: str) -> dict[str, Any]:
        described = super().stack(StackName)
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]
        return described if SHARED in StackName else {"Stacks": [{**described["Stacks"][0], "Outputs": outputs}]}


def test_an_end_that_is_good_is_shown_with_its_outputs(command: Core, capsys: pytest.CaptureFixture[str]) -> None:
    account = Executing("CREATE_COMPLETE", {"Url": "https://a.test", "Api": "https://b.test"})
    assert command(account, "apply", "staging", "--yes") is Exit.DONE
    shown = re.sub(r"\d+\.\d s", "1.0 s", capsys.readouterr().out).splitlines()
    assert shown == [
        f"{SHARED}: no changes",
        f"{STAGING}: create",
        *shown[2:-3],
        f"{STAGING} is created (CREATE_COMPLETE, 1.0 s)",
        "  Api = https://b.test",
        "  Url = https://a.test",
    ]
    assert "  Add Storage.Logs  AWS::S3::Bucket" in shown


def test_what_failed_is_shown_with_its_reasons_the_first_one_first(
    command: Core, capsys: pytest.CaptureFixture[str]
) -> None:
    """And with what a person has to do, where the stack has to be brought in order. No secret is in a reason."""
    failed = {"ResourceType": "AWS::S3::Bucket", "ResourceStatus": "CREATE_FAILED"}
    secret = "postgres://me:correct-horse-battery@db/x exists"
    account = Executing(
        "ROLLBACK_FAILED",
        {"Url": "https://a.test"},
        {**failed, "LogicalResourceId": "Site"},
        {**failed, "LogicalResourceId": "Going", "ResourceStatus": "DELETE_COMPLETE"},
        {**failed, "LogicalResourceId": "Logs", "ResourceStatusReason": secret},
    )
    assert command(account, "apply", "staging", "--yes") is Exit.MANUAL
    shown = re.sub(r"\d+\.\d s", "1.0 s", capsys.readouterr().out).splitlines()
    logs = f"  Logs  CREATE_FAILED  {scrubbed(secret)}"
    assert shown[-5:] == [
        f"{STAGING} could not be created, nor removed completely (ROLLBACK_FAILED, 1.0 s)",
        logs,
        "  Site  CREATE_FAILED  ",
        f"  {STAGING}  ROLLBACK_FAILED  ",
        meaning("ROLLBACK_FAILED").remedy,
    ]
    assert "correct-horse" not in logs


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


@pytest.mark.parametrize(("files", "there"), [(("staging", "shared"), "shared, staging"), (("shared",), "shared")])
def test_an_environment_without_a_file_is_told_which_have_one(tmp_path: Path, files: list[str], there: str) -> None:
    for name in files:
        shutil.copy(ROOT / "params" / f"{name}.json", tmp_path)
    with pytest.raises(UsageError) as raised:
        environment.load("nowhere", ROOT / "templates", tmp_path)
    assert str(raised.value) == f"There is no parameter file {tmp_path}/nowhere.json.\nThere are: {there}."


def test_a_folder_without_parameter_files_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There are: none\.$"):
        environment.load("shared", ROOT / "templates", tmp_path)


def test_its_help_says_what_each_option_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        core.main(["--help"])
    options = re.findall(r"^  (?:-h, )?(--[a-z-]+)(?: [A-Z]+)?\s+(\w.*)$", capsys.readouterr().out, re.M)
    assert dict(options) == {
        "--help": "show this help message and exit",
        "--yes": "agree to the plan in advance",
        "--allow-replace": "may be replaced",
        "--allow-delete": "may be deleted",
        "--allow-broader": "permissions may become broader",
        "--change-set": "make a change set although nothing seems to change",
        "--profile": "profile of the AWS CLI's configuration",
        "--region": "region (otherwise AWS_REGION, or the profile's)",
        "--templates": "folder of rendered templates",
        "--params": "folder of parameter files",
    }
