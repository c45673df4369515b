"""`python -m scripts.deployment`, the small script, in this process and on an account of prepared answers.

As a process of its own it is in tests/system/test_core_alone.py.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from scripts.deployment import __main__ as core
from scripts.deployment.errors import Exit
from tests.conftest import ROOT
from tests.deployment.account import SHARED, Account
from tests.support.gate import pass_gate


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
