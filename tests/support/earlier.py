"""Earlier sets of our own templates, out of the history of the repository."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.conftest import NO_HISTORY, ROOT

# The last set of version 0.1.0 and the first of 0.2.0.
FIRST_OF_0_2 = "aa8ee03ad77c306f1a81c217121b17cbb548448b"
LAST_OF_0_1 = f"{FIRST_OF_0_2}^"
DATA = (
    "AWS::DynamoDB::Table",
    "AWS::ECR::Repository",
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
)


def unpack(revision: str, folder: Path) -> Path:
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
