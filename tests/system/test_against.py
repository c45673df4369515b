"""`delivery review BASE --against ENVIRONMENT`: beside what is deployed, on a local AWS."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts import cli
from tests.support.accounts import Account
from tests.support.accounts import account as account_in
from tests.support.pull_requests import NAMED

Deployed = dict[str, Any]


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, title: str) -> str:
    git(folder, "add", "templates", "params")
    git(folder, *NAMED, "commit", "-qm", title)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """A checkout of a small project whose first commit is deployed."""
    with account_in(tmp_path_factory.mktemp("against")) as account:
        account.write("first")
        git(account.folder, "init", "-q", "-b", "main")
        first = commit(account.folder, "one")
        with pytest.MonkeyPatch.context() as patch:
            _sign_in(account, patch)
            folders = [word for name in ("templates", "params") for word in (f"--{name}", str(account.folder / name))]
            assert cli.main(["apply", "staging", "--yes", "--allow-broader", "--quiet", *folders]) == 0
        # The record names the commit of the folder of the command itself: here it is the project's.
        bucket = "accounts-templates-123456789012-eu-west-1"
        [entry] = account.aws.call("s3", "list_objects_v2", Bucket=bucket, Prefix="deployments/")["Contents"]
        body = json.loads(account.aws.call("s3", "get_object", Bucket=bucket, Key=entry["Key"])["Body"].read())
        content = json.dumps({**body, "commit": first}).encode()
        account.aws.call("s3", "put_object", Bucket=bucket, Key=entry["Key"], Body=content)
        yield account


def _sign_in(account: Account, patch: pytest.MonkeyPatch) -> None:
    for name, value in account.variables.items():
        if name.startswith("AWS_"):
            patch.setenv(name, value)


@pytest.fixture
def against(account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    _sign_in(account, monkeypatch)

    def against(*words: str) -> tuple[Deployed, str]:
        """What is said of what is deployed, as a value and as Markdown."""
        command = ["review", *words, "--project", str(account.folder), "--against", "staging"]
        assert cli.main([*command, "--format", "json"]) == 0
        value: Deployed = json.loads(capsys.readouterr().out)["result"]["deployed"]
        assert cli.main([*command, "--format", "markdown"]) == 0
        return value, capsys.readouterr().out

    return against


def test_a_plan_says_the_same_and_the_commits_in_between_are_named(account: Account, against: Any) -> None:
    account.write("second")
    commit(account.folder, "two")
    deployed, text = against("HEAD~1")
    assert deployed["different"] == deployed["drifted"] == deployed["unknown"] == []
    assert [line.partition(" ")[2] for line in deployed["commits"]] == ["two"] and deployed["missing"] == 0
    assert "## What is deployed of staging" in text and "- a plan says the same" in text
    assert not account.aws.call("cloudformation", "list_change_sets", StackName=account.stack)["Summaries"]


def test_what_a_plan_would_do_besides_is_said(account: Account, against: Any) -> None:
    """The base has a change already that is not deployed."""
    account.write("third")
    commit(account.folder, "three")
    account.write("third", tags={"Team": "other"})
    deployed, text = against("HEAD")
    assert "Data.Note: changed by the plan, nothing by the review" in "\n".join(deployed["different"])
    assert "staging DIFFERS from what is deployed" in text.splitlines()[0]


def test_drift_under_the_change_is_seen(account: Account, against: Any) -> None:
    git(account.folder, "checkout", "-q", "-f", "main")
    account.aws.call("ssm", "put_parameter", Name="/accounts/note", Value="by hand", Type="String", Overwrite=True)
    account.write("fourth")
    deployed, text = against("main")
    assert deployed["drifted"] == ["Data.Note: /Value"] and "🛑 changed outside the stacks" in text
    account.aws.call("ssm", "put_parameter", Name="/accounts/note", Value="first", Type="String", Overwrite=True)


def test_what_cannot_be_asked_is_said(
    account: Account, against: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    account.write("fifth")
    deployed, _ = against("main", "main")
    assert any("another revision is reviewed" in reason for reason in deployed["unknown"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    deployed, text = against("main")
    assert deployed["status"] == "" and "- not known: " in text and "plan says the same" not in text
    assert "not everything is known of what is deployed" in text.splitlines()[0]
    command = ["review", "main", "--project", str(account.folder), "--against", "nowhere"]
    assert cli.main(command) == 64
    assert "There are: shared, staging" in capsys.readouterr().err
