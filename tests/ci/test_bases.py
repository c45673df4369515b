"""What the review of a pull request compares with: the commit of the base branch that the checkout has, not an older
one that the host's event names, so that nothing that others merged meanwhile is shown as the pull request's."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.ci import command
from tests.support import pull_requests

# In the place of the command: it writes down what it is asked to compare with.
DELIVERY = '#!/bin/sh\necho "$2" >> compared\n'


class Checkout:
    """A repository whose base branch moved on after a pull request was opened; `bases` are its two commits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / ".venv/bin/delivery"
        program.parent.mkdir(parents=True)
        program.write_text(DELIVERY, encoding="utf-8")
        program.chmod(0o755)
        self.git("init", "--quiet", "--initial-branch=main")
        opened = self.commit("first")
        self.git("checkout", "--quiet", "-b", "topic")
        self.topic = self.commit("topic")
        self.git("checkout", "--quiet", "main")
        self.bases = (opened, self.commit("somebody-else"))

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *pull_requests.NAMED, *words], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, name: str) -> str:
        (self.folder / name).touch()
        self.git("add", name)
        self.git("commit", "--quiet", "--message", name)
        return self.git("rev-parse", "HEAD")

    def merged(self) -> None:
        """Checks the merge out that a host makes of a pull request."""
        self.git("checkout", "--quiet", "--detach", self.bases[1])
        self.git("merge", "--quiet", "--no-ff", "--message", "merge", self.topic)

    def run(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder), **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def compared(self) -> list[str]:
        return (self.folder / "compared").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def parsed(host: str, ending: str) -> Any:
    [text] = [text for path, text in command.files(host) if path.endswith(ending)]
    return yaml.safe_load(text)


def steps_of_github() -> tuple[str, list[str]]:
    """The step that looks for the base, and the two that compare."""
    scripts = [step["run"] for step in parsed("github", "review.yml")["jobs"]["gate"]["steps"] if "run" in step]
    [find] = [script for script in scripts if "GITHUB_ENV" in script]
    return find, [script for script in scripts if "delivery review" in script]


def test_github_compares_with_the_commit_that_it_merged_into(checkout: Checkout) -> None:
    checkout.merged()
    find, compare = steps_of_github()
    names = {"GITHUB_ENV": str(checkout.folder / "env"), "GITHUB_STEP_SUMMARY": str(checkout.folder / "summary")}
    assert checkout.run(find, **names).returncode == 0
    variables = dict(line.split("=", 1) for line in (checkout.folder / "env").read_text(encoding="utf-8").splitlines())
    assert len(compare) == 2
    for script in compare:
        assert checkout.run(script, **names, **variables).returncode == 0
    assert checkout.compared() == [checkout.bases[1]] * 2


def test_github_compares_nothing_where_the_checkout_is_no_merge(checkout: Checkout) -> None:
    find, _ = steps_of_github()
    assert checkout.run(find, GITHUB_ENV=str(checkout.folder / "env")).returncode != 0
    assert not (checkout.folder / "env").exists()


@pytest.mark.parametrize("is_merged", [True, False], ids=["merged results", "merge request"])
def test_gitlab_compares_with_the_commit_that_it_merged_into(checkout: Checkout, is_merged: bool) -> None:
    """In a merge request pipeline the checkout is the head of the branch, and the base is that of the diff."""
    if is_merged:
        checkout.merged()
    else:
        checkout.git("checkout", "--quiet", checkout.topic)
    lines = [line for line in parsed("gitlab", ".gitlab-ci.yml")["gate"]["script"] if "MERGED_INTO" in line]
    target = {"CI_MERGE_REQUEST_TARGET_BRANCH_SHA": checkout.bases[1]} if is_merged else {}
    script = "\n".join(lines)  # GitLab runs the lines of a job in one shell
    assert checkout.run(script, CI_MERGE_REQUEST_DIFF_BASE_SHA=checkout.bases[0], **target).returncode == 0
    assert checkout.compared() == [checkout.bases[1 if is_merged else 0]] * 2


def test_codebuild_compares_with_the_commit_that_both_have(checkout: Checkout) -> None:
    checkout.git("checkout", "--quiet", "--detach", checkout.topic)
    checkout.git("remote", "add", "origin", ".")
    (checkout.folder / ".cache").mkdir()
    commands = parsed("codebuild", "codebuild.yml")["phases"]["build"]["commands"]
    [find] = [line for line in commands if "merge-base" in line]
    assert checkout.run(find, BASE="refs/heads/main").returncode == 0
    assert (checkout.folder / ".cache/base").read_text(encoding="utf-8").strip() == checkout.bases[0]
