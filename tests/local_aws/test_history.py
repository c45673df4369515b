"""New versions of this repository on a living environment: an earlier set of our own templates is deployed on the local
AWS and updated to today's."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.conftest import NO_HISTORY, ROOT
from tests.local_aws.matrix import Living

# The last set of version 0.1.0 and the first of 0.2.0, with an environment each: tables stay when one is deleted.
FIRST_OF_0_2 = "aa8ee03ad77c306f1a81c217121b17cbb548448b"
LAST_OF_0_1 = f"{FIRST_OF_0_2}^"
DATA = (
    "AWS::DynamoDB::Table",
    "AWS::ECR::Repository",
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
)


def earlier(revision: str, folder: Path) -> Path:
    """The templates and files of parameters of a revision, in a folder. Skips in a clone without its history, and fails
    where the history is there and the revision is not."""
    shallow = subprocess.run(
        ["git", "rev-parse", "--is-shallow-repository"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if shallow.stdout.strip() != "false":
        pytest.skip(NO_HISTORY)
    archive = ["git", "archive", "--format=tar", revision, "templates", "params"]
    content = subprocess.run(archive, cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def updated(revision: str, name: str, folder: Path) -> None:
    """Deploys an environment as a revision describes it and updates it to today's templates and parameters: nothing
    fails, nothing that holds data is replaced, no request is lost."""
    living = Living(name, f"-{revision[:7]}", earlier(revision, folder))
    assert living.create() == "CREATE_COMPLETE"
    before = {path: resource.physical for path, resource in living.resources().items() if resource.kind in DATA}
    assert before
    living.folder = ROOT
    happened = living.change(living.file_values())
    assert happened.status == "UPDATE_COMPLETE", happened.failures
    assert not happened.failures, "and everything was tidied up"
    after = {path: resource.physical for path, resource in living.resources().items()}
    assert {path: after.get(path) for path in before} == before
    assert happened.client.sent
    assert happened.client.lost == 0
    assert living.delete() == "DELETE_COMPLETE"


def test_the_set_before_this_one_is_updated_to_todays(tmp_path: Path) -> None:
    updated(FIRST_OF_0_2, "staging", tmp_path)


@pytest.mark.soak
def test_the_first_set_is_updated_to_todays(tmp_path: Path) -> None:
    updated(LAST_OF_0_1, "bluegreen", tmp_path)
