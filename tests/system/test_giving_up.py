"""What ends badly or never: a failed update that stays, a sign-in without its code, a connection nobody completed."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.local_aws.faults import CallFault, ResourceFault
from tests.support import commands
from tests.support.accounts import SECONDS, Account


def test_a_failed_update_that_somebody_kept_is_rolled_back(mine: Account, tmp_path: Path) -> None:
    """Somebody executed a change set in the console and kept what failed: UPDATE_FAILED."""
    before = mine.note()
    mine.write("kept")
    assert mine.run("plan", "--out", str(tmp_path / "plan.json")).returncode == 2
    [saved] = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))["stacks"]
    with mine.faults(resources=(ResourceFault("update", "Note", reason="out of order"),)):
        mine.aws.call("cloudformation", "execute_change_set", ChangeSetName=saved["change_set"], DisableRollback=True)
        end = time.monotonic() + SECONDS
        while mine.statuses()[mine.stack] != "UPDATE_FAILED" and time.monotonic() < end:
            time.sleep(0.1)
    refused = mine.run("apply", "--yes")
    assert refused.returncode == 4 and "(UPDATE_FAILED)" in refused.stderr and "continue" in refused.stderr
    with mine.faults():
        brought = mine.run("continue", "--yes")
        calls = mine.calls()
    assert brought.returncode == 0 and "UPDATE_ROLLBACK_COMPLETE" in brought.stdout, brought.stdout + brought.stderr
    assert "cloudformation.RollbackStack" in calls and "cloudformation.ContinueUpdateRollback" not in calls
    assert mine.note() == before
    again = mine.run("continue", "--yes")
    assert again.returncode == 0 and "nothing to continue" in again.stdout, again.stdout


def test_a_profile_whose_code_nobody_gives_ends_with_what_to_do(mine: Account, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile us]\naws_access_key_id = x\naws_secret_access_key = x\n"
        "[profile deploy]\nregion = eu-west-1\nsource_profile = us\n"
        "role_arn = arn:aws:iam::123456789012:role/deploy\nmfa_serial = arn:aws:iam::123456789012:mfa/me\n",
        encoding="utf-8",
    )
    without_keys = {name: text for name, text in mine.variables.items() if "ACCESS_KEY" not in name}
    variables = without_keys | {"AWS_CONFIG_FILE": str(config), "HOME": str(tmp_path)}
    ended = commands.run(replace(mine.words("status", "--profile", "deploy"), variables=variables))
    assert ended.returncode == 3, ended.stdout + ended.stderr
    assert "nobody gave the code of the MFA device" in ended.stderr and "on a terminal" in ended.stderr


@pytest.mark.parametrize(
    ("text", "more", "status", "names"),
    [
        ("[profile deploy\n", {}, 64, "Unable to parse config file"),
        ("[default]\ns3 = \n  no value\n", {}, 64, "Unable to parse config file"),
        ("", {"AWS_WEB_IDENTITY_TOKEN_FILE": "/no/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/r"}, 3, "/no/token"),
    ],
    ids=["no section", "no value", "a token that is missing"],
)
def test_a_configuration_that_cannot_be_used_is_told_as_that(
    mine: Account, tmp_path: Path, text: str, more: dict[str, str], status: int, names: str
) -> None:
    (tmp_path / "config").write_text(text, encoding="utf-8")
    keys = {} if more else {name: value for name, value in mine.variables.items() if "ACCESS_KEY" in name}
    usual = {name: value for name, value in mine.variables.items() if "ACCESS_KEY" not in name}
    variables = usual | keys | {"AWS_CONFIG_FILE": str(tmp_path / "config")} | more
    ended = commands.run(replace(mine.words("status", "--region", "eu-west-1"), variables=variables))
    assert ended.returncode == status and names in ended.stderr, ended.stdout + ended.stderr
    assert "Correct" in ended.stderr and "Traceback" not in ended.stderr, ended.stderr


@pytest.mark.parametrize(("status", "ends"), [("AVAILABLE", 0), ("PENDING", 3)])
def test_preflight_looks_at_the_connection(mine: Account, status: str, ends: int) -> None:
    answer = {"Connection": {"ConnectionName": "source", "ConnectionStatus": status}}
    with mine.faults(CallFault("answer", on="codeconnections.GetConnection", times=0, answer=answer)):
        ended = mine.run("preflight", "--format", "json")
    [check] = [entry for entry in json.loads(ended.stdout)["result"] if entry["what"] == "connection"]
    assert ended.returncode == ends, ended.stdout + ended.stderr
    assert (f"source is {status}" in check["found"]) is bool(ends) and ("console" in check["remedy"]) is bool(ends)
