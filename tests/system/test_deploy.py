"""The deploy script as a process, over HTTP, against a local AWS of its own: the story of one environment."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support import commands
from tests.support.commands import Words
from tests.support.deployments import LOCAL, SHARED, LocalAccount, account

__all__ = ["account"]


@pytest.fixture(scope="module")
def failed(account: LocalAccount) -> subprocess.CompletedProcess[str]:
    """The very first deployment, with a resource that cannot be created in a nested stack."""
    account.reset()
    account.breaking("notifications.json")
    return account.deploy("apply")


@pytest.fixture(scope="module")
def created(account: LocalAccount, failed: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """The deployment after the failed one."""
    assert failed.returncode == 1, failed.stderr
    assert account.stacks()[LOCAL] == "ROLLBACK_COMPLETE"
    account.reset()
    return account.deploy("apply")


def test_a_failed_creation_names_the_one_cause(failed: subprocess.CompletedProcess[str]) -> None:
    assert failed.returncode == 1, failed.stderr
    output = failed.stdout
    assert f"{LOCAL} could not be created; nothing of it is left (ROLLBACK_COMPLETE" in output
    assert f"\n  {LOCAL} > Notifications > Broken  AWS::SSM::Parameter\n" in output
    assert "purpose: Something that SSM refuses." in output
    assert output.count("    reason: ") == 1 and "reserved parameter name" in output


def test_the_good_deployment_after_it_creates_everything(
    account: LocalAccount, created: subprocess.CompletedProcess[str]
) -> None:
    assert created.returncode == 0, created.stdout + created.stderr
    stacks = account.stacks()
    assert len(stacks) > 12 and set(stacks.values()) == {"CREATE_COMPLETE"}
    assert account.change_sets() == []
    assert re.search(rf"\n  PublicUrl +{re.escape(account.output('PublicUrl'))}\n", created.stdout)
    assert created.stdout.splitlines()[-1].startswith("local AWS: http://localhost:")


def test_the_packaging_bucket_and_the_record(account: LocalAccount, created: subprocess.CompletedProcess[str]) -> None:
    assert created.returncode == 0
    bucket = {"Bucket": "cloud-health-dashboard-templates-123456789012-us-east-1"}
    assert account.aws.call("s3", "get_bucket_versioning", **bucket)["Status"] == "Enabled"
    block = account.aws.call("s3", "get_public_access_block", **bucket)["PublicAccessBlockConfiguration"]
    assert list(block.values()) == [True] * 4
    rules = account.aws.call("s3", "get_bucket_encryption", **bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    listed = account.aws.call("s3", "list_objects_v2", Prefix=f"deployments/{LOCAL}/", **bucket)["Contents"]
    records = [
        json.loads(account.aws.call("s3", "get_object", Key=summary["Key"], **bucket)["Body"].read())
        for summary in listed
    ]
    assert [record["status"] for record in records][:2] == ["ROLLBACK_COMPLETE", "CREATE_COMPLETE"]
    version = json.loads((ROOT / "templates/environment.json").read_text())["Metadata"]["Generator"]["Version"]
    assert all(
        record["version"] == version and record["who"].startswith("arn:") and record["commit"] for record in records
    )


def test_again_nothing_changes(account: LocalAccount, created: subprocess.CompletedProcess[str]) -> None:
    assert created.returncode == 0
    again = account.deploy("apply")
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.splitlines()[:-1] == [f"{SHARED}: no changes", f"{LOCAL}: no changes"]
    assert account.change_sets() == []


def test_one_parameter_is_one_change(account: LocalAccount, created: subprocess.CompletedProcess[str]) -> None:
    assert created.returncode == 0
    account.parameters(LogRetentionDays="60")
    try:
        changed = account.deploy("apply")
    finally:
        account.reset()
    assert changed.returncode == 0, changed.stdout + changed.stderr
    lines = changed.stdout.splitlines()
    assert "    LogRetentionDays: 30 → 60" in lines
    # Alike changes share a line.
    certain = [line for line in lines if re.match(r" +[+~-] .*AWS::", line)]
    assert certain
    assert {line.split()[-1] for line in certain} == {"AWS::Logs::LogGroup", "AWS::S3::Bucket"}
    groups = account.aws.call("logs", "describe_log_groups")["logGroups"]
    assert groups and {group["retentionInDays"] for group in groups} == {60}


def test_a_failed_update_goes_back_and_the_next_good_one_succeeds(
    account: LocalAccount, created: subprocess.CompletedProcess[str]
) -> None:
    assert created.returncode == 0
    account.reset()
    before = account.deploy("apply", "--allow-delete", "LogRetentionDays")
    assert before.returncode == 0, before.stderr
    account.breaking("monitoring.json")
    try:
        failed = account.deploy("apply")
    finally:
        account.reset()
    assert failed.returncode == 1, failed.stderr
    assert f"\n  {LOCAL} > Monitoring > Broken  AWS::SSM::Parameter\n" in failed.stdout
    assert account.stacks()[LOCAL] == "UPDATE_ROLLBACK_COMPLETE" and account.change_sets() == []
    later = json.loads(account.deploy("explain", "--format", "json").stdout)["result"]
    assert later[SHARED]["good"] and later[LOCAL]["cause"]["path"] == [LOCAL, "Monitoring", "Broken"]
    below = account.deploy("explain", "--stack", "Monitoring").stdout
    assert f"\n  {LOCAL} > Monitoring > Broken  AWS::SSM::Parameter\n" in below
    happened = account.deploy("events", "--failed", "--since", "1h").stdout
    assert "  Monitoring > Broken  AWS::SSM::Parameter\n" in happened
    again = account.deploy("apply")
    assert again.returncode == 0 and f"{LOCAL}: no changes" in again.stdout


def test_files_are_checked_before_anything_happens(
    account: LocalAccount, created: subprocess.CompletedProcess[str]
) -> None:
    assert created.returncode == 0
    account.parameters(TaskCpu="300")
    try:
        refused = account.deploy("apply")
    finally:
        account.reset()
    assert refused.returncode == 3 and 'TaskCpu = "300" is not allowed' in refused.stderr and refused.stdout == ""


def test_status_and_outputs(account: LocalAccount, created: subprocess.CompletedProcess[str]) -> None:
    assert created.returncode == 0
    status = account.deploy("status")
    assert status.returncode == 0 and re.search(r"\n  Backend +(CREATE|UPDATE)_COMPLETE\n", status.stdout)
    assert json.loads(account.deploy("outputs", "--format", "json").stdout)["result"]["environment"]["PublicUrl"]
    shown = account.deploy("outputs")
    assert shown.returncode == 0
    assert f"{account.output('PublicUrl')}  Public address of the environment" in shown.stdout


def test_destroy_comes_last_and_keeps_what_holds_data(
    account: LocalAccount, created: subprocess.CompletedProcess[str]
) -> None:
    assert created.returncode == 0
    gone = account.deploy("destroy")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert f"{LOCAL} is deleted (DELETE_COMPLETE" in gone.stdout
    assert "Data > Clients" in gone.stdout.partition("kept, because it contains data")[2]
    assert list(account.stacks()) == [SHARED] and account.change_sets() == []
    assert len(account.aws.call("dynamodb", "list_tables")["TableNames"]) == 5
    assert f"{LOCAL} does not exist" in account.deploy("destroy").stdout


def test_nothing_is_started_to_look_at_nothing(tmp_path: Path) -> None:
    words = ["status", "local", "--local-aws", str(tmp_path / "none.json")]
    ended = commands.run(Words(commands.DEPLOY, words))
    assert ended.returncode == 3 and "The local AWS is not running." in ended.stderr
    assert not list(tmp_path.iterdir())
