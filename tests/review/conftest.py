"""A checkout with one commit of this repository's templates, parameter files and buildspecs, to be edited by a test."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NAMED = ("-c", "user.name=n", "-c", "user.email=e@x.test", "-c", "commit.gpgsign=false")


@pytest.fixture
def checkout(tmp_path: Path, repository: Path) -> Path:
    """The folder of the checkout; its commit is called `base`."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("templates", "params", "buildspecs"):
        shutil.copytree(repository / name, folder / name)
    for words in (["init", "-q", "-b", "main"], ["add", "."], [*NAMED, "commit", "-qm", "one"], ["tag", "base"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    return folder
