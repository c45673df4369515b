"""What looks like a secret is shown nowhere: in no form of a plan, in no drift, event, cause or saved file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.local_aws.faults import ResourceFault
from tests.support.accounts import Account, account, parameter

SECRET = "hunter2-hunter2"
TOKEN = "ghp_" + "a1B2" * 8  # by its form, whatever it is called
# Where a secret may stand in what a template sets, by the name of a resource.
PLACES: dict[str, str] = {
    "UnderItsName": json.dumps({"db": {"host": "db", "password": SECRET}}),
    "BesideItsName": json.dumps([{"Name": "HOST", "Value": "db"}, {"Name": "DB_PASSWORD", "Value": SECRET}]),
    "InJsonInJson": json.dumps({"body": json.dumps({"token": SECRET})}),
    "InAUrl": f"postgres://app:{SECRET}@db/app",
    "ByItsForm": json.dumps(["x", TOKEN]),
    "AsAText": TOKEN,
}


def task(secret: str) -> dict[str, Any]:
    """A task definition with a variable that is called like a secret."""
    variables = [{"Name": "HOST", "Value": "db"}, {"Name": "DB_PASSWORD", "Value": secret}]
    container = {"Name": "app", "Image": "app", "Memory": 128, "Environment": variables}
    return {"Type": "AWS::ECS::TaskDefinition", "Properties": {"Family": "app", "ContainerDefinitions": [container]}}


def holding(values: dict[str, str], secret: str) -> Any:
    def change(bodies: dict[str, Any]) -> None:
        notes = {name: parameter(f"/accounts/{name}", value) for name, value in values.items()}
        bodies["data"]["Resources"] |= {**notes, "Task": task(secret)}

    return change


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """A living environment without any secret, whose templates are about to bring them in."""
    with account(tmp_path_factory.mktemp("secrets")) as local_account:
        local_account.write(change=holding(dict.fromkeys(PLACES, "nothing"), "nothing"))
        created = local_account.run("apply", "--yes")
        assert created.returncode == 0, created.stdout + created.stderr
        local_account.write(change=holding(PLACES, SECRET))
        yield local_account


def shows_none(text: str) -> bool:
    return SECRET not in text and TOKEN not in text


@pytest.mark.parametrize("form", ["terminal", "markdown", "json"])
def test_no_form_of_a_plan_shows_one(mine: Account, form: str) -> None:
    shown = mine.run("plan", "--format", form)
    assert shown.returncode == 2 and shows_none(shown.stdout + shown.stderr), shown.stdout + shown.stderr
    # Both sides of the variable: it is a secret by its name, whatever it holds. A terminal shows what is alike once.
    alike = 2 if form == "terminal" else 0
    assert shown.stdout.count("(not shown: it ") == len(PLACES) + 2 - alike, shown.stdout
    assert shown.stdout.count("(not shown: it holds a secret, by its name)") == 3 - alike


def test_a_saved_plan_holds_none(mine: Account, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    assert mine.run("plan", "--out", str(file)).returncode == 2
    assert shows_none(file.read_text(encoding="utf-8"))
    assert mine.run("plan", "--discard", str(file)).returncode == 0


def test_drift_shows_none(mine: Account) -> None:
    mine.aws.call("ssm", "put_parameter", Name="/accounts/AsAText", Value=PLACES["UnderItsName"], Overwrite=True)
    for words in (("plan", "--drift"), ("drift",), ("drift", "--format", "json")):
        shown = mine.run(*words)
        assert shown.returncode == 2 and shows_none(shown.stdout + shown.stderr), shown.stdout + shown.stderr
        assert "nothing" in shown.stdout and "(not shown: it holds a secret, by its name)" in shown.stdout


def test_no_reason_repeats_one(mine: Account) -> None:
    """A service may say which value it did not take."""
    reason = f"Value '{TOKEN}' does not fit, nor does postgres://app:{SECRET}@db/app."
    with mine.faults(resources=(ResourceFault("update", "AsAText", reason=reason),)):
        failed = mine.run("apply", "--yes", "--verbose")
    assert failed.returncode == 1, failed.stdout + failed.stderr
    later = [mine.run(*words) for words in (("explain",), ("events",), ("events", "--format", "json"))]
    for shown in (failed, *later):
        assert shows_none(shown.stdout + shown.stderr)
        assert "Value '(not shown: an access token)' does not fit" in shown.stdout, shown.stdout
