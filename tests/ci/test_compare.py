"""`.ci/compare`: permissions are compared with a base, and where there is none, that is a failure and no silence.
`.ci/version`: the version is compared with the last that has a tag. `.ci/release`: what gets a tag."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

LEDGER = "docs/permissions-ledger.md"


class Clone:
    """A repository with the script, in which a stand-in for Python says what it was called with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / ".ci").mkdir(parents=True)
        (folder / "docs").mkdir()
        (folder / "generator").mkdir()
        for script in ("compare", "version", "release"):
            shutil.copy(ROOT / ".ci" / script, folder / ".ci")
        self.python = folder / "python"
        self.python.write_text('#!/bin/sh\necho "called: $*"\ncat .cache/permissions.md\n', encoding="utf-8")
        self.python.chmod(0o755)
        self.git("init", "--quiet", "--initial-branch=work")

    def git(self, *words: str) -> str:
        own = ["-c", "user.name=me", "-c", "user.email=me@cloud-health.test"]
        return subprocess.run(
            ["git", *own, *words], cwd=self.folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, text: str, ledger: str = "") -> str:
        if ledger:
            (self.folder / LEDGER).write_text(ledger, encoding="utf-8")
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "--message", text)
        return self.git("rev-parse", "HEAD")

    def version(self, version: str) -> str:
        """A commit with the set's version, and its line in the change log."""
        (self.folder / "generator/version.py").write_text(f'VERSION = "{version}"\n', encoding="utf-8")
        (self.folder / "CHANGELOG.md").write_text(f"## {version}\n", encoding="utf-8")
        return self.commit(version)

    def compare(self, base: str = "") -> tuple[int, str]:
        return self.run("compare", base)

    def run(self, script: str, base: str = "") -> tuple[int, str]:
        """Runs one of the scripts; its status and what it says."""
        environment = {**os.environ, "BASE": base, "PYTHON": str(self.python)}
        ended = subprocess.run(
            ["bash", f".ci/{script}"], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        return ended.returncode, ended.stdout + ended.stderr


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clone")


def test_the_commit_before_is_the_base_where_no_branch_is_known(clone: Clone) -> None:
    clone.commit("first", ledger="the first ledger")
    clone.commit("second", ledger="the second ledger")
    status, output = clone.compare()
    assert status == 0
    assert "called: -m generator --check --base .cache/permissions.md\nthe first ledger" in output


def test_the_branch_that_a_pull_request_is_for_goes_before(clone: Clone) -> None:
    for number in (1, 2, 3):
        commit = clone.commit(f"number {number}", ledger=f"ledger {number}")
        if number == 1:
            clone.git("update-ref", "refs/remotes/origin/main", commit)
    assert clone.compare() == (0, clone.compare("origin/main")[1])
    assert "\nledger 1" in clone.compare()[1]


def test_a_clone_that_knows_no_base_fails(clone: Clone) -> None:
    clone.commit("only", ledger="the ledger")
    status, output = clone.compare()
    assert status == 1 and "this clone knows neither origin/main nor the commit before" in output
    assert clone.compare("NONE") == (0, "permissions are not compared, because BASE is NONE\n")


def test_a_base_that_is_no_base_fails(clone: Clone) -> None:
    first = clone.commit("without a ledger")
    head = clone.commit("with", ledger="the ledger")
    for base, reason in (
        ("", f"{first} has no ledger of them"),
        ("nowhere", "BASE=nowhere is no revision that this clone knows"),
        (head, f"BASE={head} is this commit or comes after it"),
    ):
        status, output = clone.compare(base)
        assert status == 1 and reason in output and "called" not in output


@pytest.mark.parametrize("tags", [[], ["notes"], ["v0.1"]])
def test_without_the_tag_of_a_version_the_last_commit_with_another_is_the_base(clone: Clone, tags: list[str]) -> None:
    says_what_it_is_called_with(clone)
    first = clone.version("0.1.0")
    for tag in tags:
        clone.git("tag", tag)
    assert clone.run("version") == (0, "version not compared: this history has no other version\n")
    clone.version("0.2.0")
    clone.commit("more of it", ledger="any")
    status, output = clone.run("version")
    assert status == 0 and output.endswith(f"no version has a tag yet\ncalled: -m scripts.cli version {first}\n")


def test_a_part_of_the_history_is_no_base(clone: Clone, tmp_path: Path) -> None:
    for version in ("0.1.0", "0.2.0"):
        clone.version(version)
    shallow = Clone(tmp_path / "shallow")
    shallow.git("fetch", "--quiet", "--depth", "1", clone.folder.as_uri())
    shallow.git("reset", "--hard", "--quiet", "FETCH_HEAD")
    status, output = shallow.run("version")
    assert status == 1 and "this clone has a part of the history" in output


def says_what_it_is_called_with(clone: Clone) -> None:
    clone.python.write_text('#!/bin/sh\necho "called: $*"\n', encoding="utf-8")


def refused(why: str) -> tuple[int, str]:
    return 1, f"no release: {why}\n"


def test_a_release_is_a_tag_with_version_and_digest_and_is_made_once(clone: Clone) -> None:
    says_what_it_is_called_with(clone)
    (clone.folder / "templates").mkdir()
    (clone.folder / "templates/site.json").write_text("{}", encoding="utf-8")
    clone.version("0.1.0")
    clone.version("0.2.0")
    assert clone.run("release") == refused("releases are made on main")
    clone.git("branch", "--move", "main")
    status, output = clone.run("release")
    assert status == 0 and output.endswith("push it: git push origin v0.2.0\n"), output
    assert "called: -m generator --check --gate\n" in output and "called: -m scripts.cli version" in output
    message = clone.git("tag", "--list", "--format=%(contents)", "v0.2.0")
    assert message == f"0.2.0, templates {clone.git('rev-parse', 'HEAD:templates')}"
    assert clone.run("release") == refused(
        "v0.2.0 is released; the next change sets another version in generator/version.py"
    )
    clone.version("0.3.0")
    (clone.folder / "CHANGELOG.md").write_text("", encoding="utf-8")
    assert clone.run("release") == refused("the working tree has changes")
    clone.commit("no line")
    assert clone.run("release") == refused("CHANGELOG.md has no heading `## 0.3.0`")
    clone.version("next")
    assert clone.run("release") == refused("generator/version.py has no version such as 1.2.3")
    clone.version("0.3.1")
    clone.python.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    clone.commit("the gate has findings")
    assert clone.run("release") == refused("the templates are stale, or the gate has findings")
    assert clone.git("tag") == "v0.2.0"


def test_the_version_is_compared_with_the_last_that_has_a_tag(clone: Clone) -> None:
    for tag in ("v0.1.0", "v0.2.0"):
        clone.commit(tag, ledger=tag)
        clone.git("tag", tag)
    clone.commit("after it")
    says_what_it_is_called_with(clone)
    assert clone.run("version") == (0, "version compared with v0.2.0\ncalled: -m scripts.cli version v0.2.0\n")


def test_a_version_that_is_too_low_fails(clone: Clone) -> None:
    clone.commit("first", ledger="any")
    clone.git("tag", "v0.1.0")
    clone.python.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    assert clone.run("version")[0] == 3
