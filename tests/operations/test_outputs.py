"""The outputs of the stacks, for people, programs and shells."""

from __future__ import annotations

import json
import subprocess

import pytest

from scripts.deployment import environment
from scripts.operations.verbs import outputs
from tests.conftest import ROOT
from tests.support.account import SHARED, STAGING, Account, Roots
from tests.support.runs import verb_run
from tests.support.service import REGION, arn


@pytest.fixture(scope="module")
def loaded() -> Roots:
    return environment.load("staging", ROOT / "templates", ROOT / "params")


@pytest.fixture(scope="module")
def two(loaded: Roots) -> Roots:
    """One root that exists and one that may not."""
    return {name: loaded[name] for name in ("shared", "environment")}


def test_outputs(two: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    assert outputs.run(verb_run(Account(), two), outputs.Options("table")) == 0
    console = f"https://{REGION}.console.aws.amazon.com/cloudformation/home?region={REGION}"
    table = capsys.readouterr().out.splitlines()
    assert table[0] == SHARED and table[-1] == f"{STAGING} does not exist"
    assert f"  (console)       {console}#/stacks/stackinfo?stackId={arn('stack', SHARED)}" in table
    assert "  RepositoryName  dashboard  CodeCommit repository that holds the application" in table
    outputs.run(verb_run(Account("CREATE_COMPLETE"), two), outputs.Options("json"))
    by_root = json.loads(capsys.readouterr().out)
    assert list(by_root) == ["shared", "environment"] and by_root["environment"]["RepositoryName"] == "dashboard"
    outputs.run(verb_run(Account(), two), outputs.Options("shell"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"# {SHARED}" and lines[-1] == f"# {STAGING} does not exist"
    assert [line.partition("=")[0] for line in lines[1:-1]] == sorted(by_root["shared"])
    # A shell reads what AWS said, whatever is in it.
    read = subprocess.run(
        ["bash", "-c", "\n".join([*lines, 'printf %s "$ApprovalRule"'])], capture_output=True, text=True, check=True
    )
    assert read.stdout == by_root["shared"]["ApprovalRule"] and '"' in read.stdout


def test_no_two_roots_give_an_output_of_one_name(loaded: Roots) -> None:
    """In a shell the later one would hide the other."""
    names = [name for root in loaded.values() for name in root.root.outputs]
    assert len(names) > 15 and len(names) == len(set(names))


@pytest.mark.parametrize("form", ["table", "json", "shell"])
def test_as_it_is_shown(form: str, loaded: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    """A root that nobody needs and that is not there is left out; one that is needed and not there is named."""
    rule = '{"Statements": [{"NumberOfApprovalsNeeded": 0}]}'
    place = f"https://{REGION}.console.aws.amazon.com/cloudformation/home?region={REGION}#/stacks/stackinfo?stackId="
    about = loaded["shared"].root.outputs
    shown = {
        "table": [
            f"{STAGING}-access does not exist",
            SHARED,
            f"  (console)       {place}{arn('stack', SHARED)}",
            f"  ApprovalRule    {rule}  {about['ApprovalRule']['Description']}",
            f"  RepositoryName  dashboard  {about['RepositoryName']['Description']}",
            f"{STAGING} does not exist",
        ],
        "shell": [
            f"# {STAGING}-access does not exist",
            f"# {SHARED}",
            f"ApprovalRule='{rule}'",
            "RepositoryName=dashboard",
            f"# {STAGING} does not exist",
        ],
    }
    assert outputs.run(verb_run(Account(), loaded), outputs.Options(form)) == 0
    text = capsys.readouterr().out
    if form == "json":
        values = {"RepositoryName": "dashboard", "ApprovalRule": rule}
        assert json.loads(text) == {"access": None, "shared": values, "environment": None}
    else:
        assert text.splitlines() == shown[form]
