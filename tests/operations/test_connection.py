"""A source behind a connection: what the script finds, asks and leaves alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from generator.cfn.environments import Environment
from scripts.deployment import environment
from scripts.deployment.environment import COMPUTED, Computation
from scripts.deployment.errors import NotConfirmedError, RefusedError
from scripts.operations.verbs import apply
from tests.conftest import ROOT
from tests.support.account import SHARED, Account, arguments
from tests.support.computed import aws, values

CONNECTION = f"arn:aws:codeconnections:eu-west-1:000000000000:connection/{'0f' * 4}-0000-4000-8000-{'0f' * 6}"


def behind_a_connection(folder: Path) -> dict[str, Environment]:
    """Staging, with its source at another provider."""
    shutil.copytree(ROOT / "params", folder / "params")
    content = json.loads((ROOT / "params/staging.json").read_text(encoding="utf-8"))
    choices = {"SourceProvider": "CONNECTION", "ConnectionArn": CONNECTION, "SourceRepository": "acme/dashboard"}
    content["Parameters"] |= choices
    (folder / "params/staging.json").write_text(json.dumps(content), encoding="utf-8")
    return environment.load("staging", ROOT / "templates", folder / "params")


def test_a_source_behind_a_connection_needs_no_repository(tmp_path: Path) -> None:
    computed = values(Computation(aws(), behind_a_connection(tmp_path)["environment"]).values())
    assert computed["RepositoryName"] == ("none", COMPUTED)


def test_a_connection_has_to_be_completed_and_the_shared_stack_is_left_alone(tmp_path: Path) -> None:
    roots = behind_a_connection(tmp_path)
    aws = Account(codeconnections__get_connection={"Connection": {"ConnectionStatus": "PENDING"}})
    with pytest.raises(RefusedError, match="is PENDING; nothing of") as raised:
        apply.run(*arguments(aws, roots))
    assert "Update pending connection" in raised.value.remedy
    aws.answers["codeconnections.get_connection"] = {"Connection": {"ConnectionStatus": "AVAILABLE"}}
    with pytest.raises(NotConfirmedError):
        apply.run(*arguments(aws, roots))
    assert "codecommit.get_branch" not in aws.calls()
    # Read alone: whether its images are signed.
    assert {name for name, request in aws.asked if request.get("StackName") == SHARED} == {
        "cloudformation.describe_stacks"
    }
