"""The steps of the workflow files as a runner runs them: in a clone, a shell for each, with a stand-in of a host's API.

What a runner does by itself (checkout, Python, artifacts) is done here by hand; every command in the files is run as it
stands there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.ci import command
from tests.conftest import ROOT
from tests.support import pull_requests
from tests.support.comments_host import Host, running

pytestmark = pytest.mark.soak
# A wrapper in the place of what `make` installs: the packages of this environment with the code of the clone.
PYTHON = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
DELIVERY = (
    f'#!/bin/sh\nexec {sys.executable} -c "from scripts.cli import delivery; raise SystemExit(delivery())" "$@"\n'
)


class Runner:
    """A clone with a pull request, and the files that its steps write."""

    def __init__(self, repository: Path, folder: Path, host: Host) -> None:
        self.folder, self.host, self.summary = folder / "clone", host, folder / "summary.md"
        subprocess.run(["git", "clone", "--quiet", str(repository), str(self.folder)], check=True)
        self.base = self.git("rev-parse", "HEAD")
        binaries = self.folder / ".venv/bin"
        binaries.mkdir(parents=True)
        for name, text in (("python", PYTHON), ("delivery", DELIVERY)):
            (binaries / name).write_text(text, encoding="utf-8")
            (binaries / name).chmod(0o755)
        for mark in ("ready", "local", "test"):
            (self.folder / ".venv" / mark).touch()
        (self.folder / ".cache").mkdir()
        if (memory := repository / ".cache/gate.json").exists():  # what cfn-lint has said of these templates already
            shutil.copy(memory, self.folder / ".cache")

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *pull_requests.NAMED, *words], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def push(self) -> None:
        self.git("commit", "--quiet", "--all", "--message", "a push")

    def step(self, script: str, **variables: str) -> str:
        """Runs one script as the hosts do: by a shell that ends at the first failure."""
        words = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "GIT_"))}
        own = {"GITHUB_STEP_SUMMARY": str(self.summary), "no_proxy": "127.0.0.1", **variables}
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script],
            cwd=self.folder,
            env=words | own,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout


def parsed(host: str, ending: str) -> Any:
    [text] = [text for path, text in command.files(host) if path.endswith(ending)]
    return yaml.safe_load(text)


def of_github(runner: Runner) -> str:
    """The jobs `gate` and `comment` of a pull request; what the last step says. `gate` has a merge checked out."""
    head = runner.git("rev-parse", "HEAD")
    runner.git("checkout", "--quiet", "--detach", runner.base)
    runner.git("merge", "--quiet", "--no-ff", "--message", "merge", head)
    values = {
        "${{ github.event.pull_request.base.sha }}": runner.base,
        "${{ github.event.pull_request.head.sha }}": head,
        "${{ github.event.pull_request.number }}": "7",
        "${{ github.token }}": "t0ken",
    }
    noted = runner.folder.parent / "github-env"
    own = {"GITHUB_REPOSITORY": "team/delivery", "GITHUB_API_URL": runner.host.url, "GITHUB_ENV": str(noted)}
    jobs, output = parsed("github", "review.yml")["jobs"], ""
    (runner.folder / "review").mkdir(exist_ok=True)
    for name in ("gate", "comment"):
        noted.write_text("", encoding="utf-8")
        for step in jobs[name]["steps"]:
            if "run" in step and step.get("if") != "failure()":
                variables = {key: values[value] for key, value in step.get("env", {}).items()}
                variables |= dict(line.split("=", 1) for line in noted.read_text(encoding="utf-8").splitlines())
                output = runner.step(step["run"], **own, **variables)
        if name == "gate":  # the artifact of one job is a folder of the other
            shutil.copy(runner.folder / "review.md", runner.folder / "review")
    runner.git("checkout", "--quiet", "--detach", head)
    return output


def of_gitlab(runner: Runner) -> str:
    own = {
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": runner.base,
        "CI_COMMIT_SHA": runner.git("rev-parse", "HEAD"),
        "CI_MERGE_REQUEST_IID": "7",
        "CI_PROJECT_ID": "42",
        "CI_API_V4_URL": runner.host.url,
        "REVIEW_TOKEN": "t0ken",
    }
    jobs = parsed("gitlab", ".gitlab-ci.yml")
    # The lines of a job run in one shell.
    return [runner.step("\n".join(jobs[name]["script"]), **own) for name in ("gate", "comment")][-1]


def of_codebuild(runner: Runner) -> str:
    """The commands of a build that EventBridge has started, up to the comment; the suite is not run in a test."""
    program = ROOT / ".venv-awscli/bin/aws"
    if not program.exists():
        pytest.skip("the AWS command line is not installed: make .venv-awscli/ready")
    own = {
        "BASE": "refs/heads/work",
        "PULL_REQUEST": "7",
        "AWS_ENDPOINT_URL": runner.host.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "s",
        "PATH": f"{program.parent}:{os.environ['PATH']}",
    }
    commands = parsed("codebuild", "codebuild.yml")["phases"]["build"]["commands"]
    [comment] = [place for place, command in enumerate(commands) if "comment.py" in command]
    subprocess.run(["git", "-C", str(runner.folder), "remote", "set-url", "origin", "."], check=True)
    runner.git("branch", "--force", "work", runner.base)
    outputs = [runner.step(command, **own) for command in commands[: comment + 1]]
    shutil.copy(runner.folder / ".cache/review.html", runner.folder)
    return outputs[-1]


@pytest.mark.parametrize("steps", [of_github, of_gitlab, of_codebuild], ids=["github", "gitlab", "codebuild"])
def test_two_pushes_are_checked_and_make_one_comment(steps: Any, repository: Path, tmp_path: Path) -> None:
    with running() as host:
        runner = Runner(repository, tmp_path, host)
        for tasks, says in (("3", "comment created"), ("5", "comment updated")):
            pull_requests.params(runner.folder, "small", MaximumTasks=tasks)
            runner.push()
            assert steps(runner).strip() == says
        [comment] = host.comments.values()
        lines = comment.splitlines()
        assert lines[0] == "<!-- delivery review -->"
        assert "**Environments:** small: MaximumTasks 1 → " in lines[1], lines[1]
        assert "`MaximumTasks`: `1` → `5` (in the parameter file)" in comment
        assert "gate: passed" in lines[5]
    assert (runner.folder / "review.html").read_text(encoding="utf-8").startswith("<!doctype html>")
