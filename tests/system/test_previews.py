"""AWS's previews say too much: what a sibling gives is unknown in them, in either spelling, and looks like a change or
a replacement. The deploy script says the same under each: three deployments of the real set, in the suite where both
spellings are mixed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.local_aws import faults, server
from tests import prepared
from tests.support import commands
from tests.support.commands import Words

ROOT = Path(__file__).resolve().parents[2]


class LocalAccount:
    """A local AWS that previews in one way, and the parameter files that are deployed to it."""

    def __init__(self, folder: Path) -> None:
        self.run_file, self.params = folder / "local_aws.json", folder / "params"
        shutil.copytree(ROOT / "params", self.params)
        self.endpoint = prepared.ensure(self.run_file)

    def set(self, name: str, value: str) -> None:
        file = self.params / "local.json"
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        [place] = [number for number, line in enumerate(lines) if line.lstrip().startswith(f'"{name}":')]
        lines[place] = f'    "{name}": "{value}"' + (",\n" if lines[place].rstrip().endswith(",") else "\n")
        file.write_text("".join(lines), encoding="utf-8")

    def run(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        where = ["--local-aws", str(self.run_file), "--params", str(self.params)]
        return commands.run(Words(commands.DEPLOY, [verb, "local", *where, *words]))


@pytest.fixture
def account(tmp_path: Path) -> Iterator[LocalAccount]:
    account = LocalAccount(tmp_path)
    try:
        yield account
    finally:
        server.stop(account.run_file)


@pytest.mark.parametrize(
    ("unknown", "spurious"),
    [
        ("mixed", True),
        pytest.param("change set", False, marks=pytest.mark.soak),
        pytest.param("intrinsic", True, marks=pytest.mark.soak),
    ],
)
def test_three_deployments_are_right_under_each_preview(account: LocalAccount, unknown: str, spurious: bool) -> None:
    faults.behave(account.endpoint, unknown=unknown, spurious=spurious, deletion_seconds=0.3, seed=5)
    created = account.run("apply")
    assert created.returncode == 0, created.stdout[-3000:] + created.stderr
    again = account.run("apply")
    assert again.returncode == 0 and again.stdout.count(": no changes") == 2, again.stdout
    account.set("LogRetentionDays", "60")
    plan = account.run("plan")
    assert plan.returncode == 2, plan.stdout + plan.stderr
    assert "LogRetentionDays: 30 → 60" in plan.stdout
    certain = plan.stdout.partition("  ? ")[0]
    assert "replaced" not in certain and "{{" not in plan.stdout, plan.stdout
    # Changes that are alike share a line; the lines of one stack are those of its log groups.
    assert "RetentionInDays: 30 → 60" in certain, plan.stdout
    changed = account.run("apply")
    assert changed.returncode == 0, (
        "no guard takes what only might change for a loss\n" + changed.stdout + changed.stderr
    )
    last = account.run("apply")
    assert last.returncode == 0 and last.stdout.count(": no changes") == 2, last.stdout


def test_a_first_plan_that_is_dropped_leaves_nothing(account: LocalAccount) -> None:
    """The nested stacks of a first change set go after it; the root is deleted once they have."""
    faults.behave(account.endpoint, deletion_seconds=1.0)
    assert account.run("plan").returncode == 2
    import boto3

    keys = {"aws_access_key_id": account.endpoint.key, "aws_secret_access_key": "any"}
    cloudformation = boto3.client(
        "cloudformation", endpoint_url=account.endpoint.url, region_name=account.endpoint.region, **keys
    )
    stacks = cloudformation.describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in stacks if stack["StackStatus"] == "REVIEW_IN_PROGRESS"] == []
