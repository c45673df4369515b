"""What a person sees before anything happens, and has to say: the deploy script as a process, over HTTP."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployments import LOCAL, SHARED, LocalAccount, account

__all__ = ["account"]
Run = subprocess.CompletedProcess[str]
OLD, NEW = "CloudHealthClients-local", "New-CloudHealthClients-local"


@pytest.fixture(scope="module")
def created(account: LocalAccount) -> LocalAccount:
    """A living environment, after it was planned for the first time."""
    account.reset()
    before = account.deploy("plan")
    assert before.returncode == 2, before.stderr
    assert f"{SHARED}: create 1 resource" in before.stdout
    assert f"{LOCAL}: not planned yet, {SHARED} has to exist first" in before.stdout
    assert account.stacks() == {}
    applied = account.deploy("apply")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    return account


@pytest.fixture(autouse=True)
def as_in_the_repository(created: LocalAccount) -> Iterator[None]:
    """Each test begins with the folders as they are, and with what they deploy: what a test has deployed is taken back,
    with the table that it left."""
    created.reset()
    yield
    created.reset()
    plan = created.deploy("plan")
    if plan.returncode == 2:
        named = []
        shorter = ["--allow-delete", "LogRetentionDays"] if "--allow-delete LogRetentionDays" in plan.stdout else []
        if NEW in created.aws.call("dynamodb", "list_tables")["TableNames"]:
            created.aws.call("dynamodb", "delete_table", TableName=OLD)
            named = ["--allow-replace", "Data.Clients"]
        back = created.deploy("apply", "--allow-broader", *shorter, *named)
        assert back.returncode == 0, back.stdout + back.stderr
        if named:
            created.aws.call("dynamodb", "delete_table", TableName=NEW)


def document(shown: Run) -> dict[str, Any]:
    assert shown.returncode == 2, shown.stderr
    stack: dict[str, Any] = json.loads(shown.stdout)["result"]["stacks"][-1]
    return stack


def test_no_changes_and_changes(created: LocalAccount) -> None:
    nothing = created.deploy("plan")
    assert (nothing.returncode, nothing.stdout) == (0, f"{SHARED}: no changes\n{LOCAL}: no changes\n")
    created.parameters(LogRetentionDays="60")
    shown = document(created.deploy("plan", "--format", "json"))
    certain = [resource for resource in shown["resources"] if resource["certain"]]
    assert len(certain) > 3 and all(resource["differences"] for resource in certain)
    assert not [resource for resource in shown["resources"] if resource["follows"]]
    assert created.change_sets() == []
    assert "- `LogRetentionDays`: `30` → `60`" in created.deploy("plan", "--format", "markdown").stdout


@pytest.mark.soak  # with more cases in test_saved_plans.py
def test_exactly_the_reviewed_plan_is_executed(created: LocalAccount, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    created.parameters(LogRetentionDays="60")
    assert created.deploy("plan", "--out", str(file)).returncode == 2
    [planned] = json.loads(file.read_text(encoding="utf-8"))["stacks"]
    edited = tmp_path / "edited.json"
    edited.write_text(file.read_text(encoding="utf-8").replace('"60"', '"90"'), encoding="utf-8")
    created.reset()
    for plan, why in ((file, "changed after the plan was saved"), (edited, "was changed after it was written")):
        refused = created.deploy("apply", "--plan", str(plan))
        assert refused.returncode == 3 and why in refused.stderr
    created.parameters(LogRetentionDays="60")
    done = created.deploy("apply", "--plan", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    stack = created.aws.call("cloudformation", "describe_stacks", StackName=LOCAL)["Stacks"][0]
    assert stack["ChangeSetId"] == planned["change_set"] and created.change_sets() == []
    again = created.deploy("apply", "--plan", str(file))
    assert again.returncode == 3 and f"{LOCAL} has changed since the plan was made" in again.stderr


def test_a_stale_plan_is_refused_and_discarded(created: LocalAccount, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    created.parameters(LogRetentionDays="90")
    assert created.deploy("plan", "--out", str(file)).returncode == 2
    assert len(created.change_sets()) > 1
    assert created.deploy("plan", "--discard", str(file)).returncode == 0
    assert created.change_sets() == []
    gone = created.deploy("apply", "--plan", str(file))
    assert gone.returncode == 3 and "does not exist any more" in gone.stderr


def rename(body: Any) -> None:
    """Makes CloudFormation replace a table."""
    body["Resources"]["Clients"]["Properties"]["TableName"] = {"Fn::Sub": "New-${ClientsTable}"}


@pytest.mark.soak  # by the rules: tests/operations/test_guards.py
def test_what_holds_data_is_named(created: LocalAccount) -> None:
    created.edit("templates/data.json", rename)
    refused = created.deploy("apply")
    assert refused.returncode == 3
    assert "Data.Clients (AWS::DynamoDB::Table, holds data) would be replaced. To allow this: --allow-replace Data" in (
        refused.stderr
    )
    wrong = created.deploy("apply", "--allow-replace", "Data.Client")
    assert wrong.returncode == 3 and "Valid names: Data.Clients." in wrong.stderr
    assert created.change_sets() == []
    assert created.deploy("apply", "--allow-replace", "Data.Clients").returncode == 0
    tables = created.aws.call("dynamodb", "list_tables")["TableNames"]
    assert {OLD, NEW} <= set(tables)


@pytest.mark.soak  # by the rules: tests/operations/test_guards.py
def test_broader_permissions_are_allowed(created: LocalAccount) -> None:
    def widen(body: Any) -> None:
        statement = {"Sid": "More", "Effect": "Allow", "Action": "dynamodb:DeleteTable", "Resource": "*"}
        policies = body["Resources"]["TaskRole"]["Properties"]["Policies"]
        next(properties for properties in policies if "PolicyName" in properties)["PolicyDocument"]["Statement"].append(
            statement
        )

    created.edit("templates/backend.json", widen)
    refused = created.deploy("apply")
    assert refused.returncode == 3 and "it would allow more permissions" in refused.stderr
    assert "    + Backend.TaskRole: dynamodb:DeleteTable on * (broader)" in refused.stdout.splitlines()
    allowed = created.deploy("apply", "--allow-broader")
    assert allowed.returncode == 0, allowed.stdout + allowed.stderr


def test_what_would_hurt_is_refused(created: LocalAccount) -> None:
    """A secret that would be generated anew, and tags that would reach the VPC origin."""

    def longer(body: Any) -> None:
        body["Resources"]["EncryptionSeed"]["Properties"]["GenerateSecretString"]["PasswordLength"] = 50

    created.edit("templates/configuration.json", longer)
    created.edit("params/local.json", lambda body: body.update(Tags={"CostCenter": "1"}))
    refused = created.deploy("apply")
    assert refused.returncode == 3
    assert "Configuration.EncryptionSeed: the secret would get another value" in refused.stderr
    assert "Delivery.ApiOrigin: the tags of the stack reach this VPC origin" in refused.stderr
    assert created.change_sets() == []
