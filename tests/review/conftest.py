"""A checkout with one commit of this repository's templates, parameter files and buildspecs, to be edited by a test."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from generator.cfn import verdict
from tests.support.pull_requests import NAMED


@pytest.fixture
def checkout(tmp_path: Path, repository: Path) -> Path:
    """The folder of the checkout; its commit is called `base`, and the gate has passed for it."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("templates", "params", "buildspecs"):
        shutil.copytree(repository / name, folder / name)
    for words in (["init", "-q", "-b", "main"], ["add", "."], [*NAMED, "commit", "-qm", "one"], ["tag", "base"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    (folder / ".cache").mkdir()
    record = {"templates": verdict.template_digests(folder / "templates")}
    (folder / verdict.FILE).write_text(json.dumps(record), encoding="utf-8")
    (folder / ".git/info/exclude").write_text(".cache/\n", encoding="utf-8")
    return folder
