"""An application's folder on its way into the repository: real git, a bare repository in CodeCommit's place."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session

from generator.cfn.templates import load
from scripts.deployment import environment
from scripts.deployment.aws import Aws
from scripts.deployment.errors import Exit, ManualActionRequiredError, RefusedError
from scripts.operations import application, credentials
from scripts.operations.verbs import migrate
from tests.conftest import ROOT
from tests.support.account import Account
from tests.support.runs import verb_options, verb_run

URL = "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/dashboard"
BRANCHES = ("develop", "main")


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The sample as a repository with both branches and a tag."""
    folder = tmp_path / "application"
    shutil.copytree(ROOT / "tests/applications/sample", folder, ignore=shutil.ignore_patterns("node_modules", "build"))
    git(tmp_path, "init", "-q", "-b", "main", str(folder))
    git(folder, "config", "user.name", "somebody")
    git(folder, "config", "user.email", "somebody@cloud-health.test")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "All of it")
    git(folder, "branch", "develop")
    git(folder, "tag", "v1")
    return folder


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that git reaches under CodeCommit's address."""
    repository = tmp_path / "bare.git"
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(repository))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{repository}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", URL)
    return repository


class CodeCommit(Account):
    """An account whose shared stack is as it should be."""

    def __init__(self) -> None:
        self.branch: str | None = None
        super().__init__(
            codecommit__get_repository=lambda **_: {
                "repositoryMetadata": {"defaultBranch": self.branch} if self.branch else {}
            },
            codecommit__update_default_branch=self.turn,
        )

    def turn(self, defaultBranchName: str, **_: Any) -> dict[str, Any]:
        self.branch = defaultBranchName
        return {}

    def stack(self, StackName: str) -> dict[str, Any]:
        stack = super().stack(StackName)
        stack["Stacks"][0]["Outputs"].append({"OutputKey": "CloneUrlHttp", "OutputValue": URL})
        return stack

    @property
    def session(self) -> Session:
        session = Session()
        session.set_credentials("key", "secret")
        return session


def run(there: Aws, folder: Path, params: Path = ROOT / "params") -> Exit:
    shared = environment.load("shared", ROOT / "templates", params)
    return migrate.run(replace(verb_run(there, shared), params=params), verb_options(migrate, app=folder))


def test_all_branches_and_tags_arrive_and_a_second_time_changes_nothing(
    folder: Path, bare: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = CodeCommit()
    assert run(there, folder) is Exit.DONE
    refs = git(bare, "for-each-ref", "--format=%(refname) %(objectname)")
    assert [line.split()[0] for line in refs.splitlines()] == ["refs/heads/develop", "refs/heads/main", "refs/tags/v1"]
    assert there.branch == "main" and "the default branch is main" in capsys.readouterr().out
    there.asked.clear()
    assert run(there, folder) is Exit.DONE
    assert git(bare, "for-each-ref", "--format=%(refname) %(objectname)") == refs
    assert "codecommit.update_default_branch" not in there.calls()


def test_a_push_that_fails_is_told(folder: Path, bare: Path) -> None:
    shutil.rmtree(bare)
    with pytest.raises(ManualActionRequiredError, match="refs/heads/main` ended with status"):
        run(CodeCommit(), folder)


def _untracked(folder: Path) -> None:
    (folder / "notes.txt").write_text("x", encoding="utf-8")


def _committed(*changes: Callable[[Path], object]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for change in changes:
            change(folder)
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", "x")

    return change


def _without(name: str) -> Callable[[Path], None]:
    return _committed(lambda folder: (folder / name).unlink())


def _with(name: str, text: str) -> Callable[[Path], None]:
    return _committed(lambda folder: (folder / name).write_text(text, encoding="utf-8"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_untracked, "the tree is not clean: 1 changed or untracked, such as notes.txt"),
        (lambda folder: git(folder, "branch", "-D", "develop"), "there is no branch develop; there are: main"),
        (_without("requirements.txt"), "Pipfile.lock, pyproject.toml is in backend/ or above it"),
        (_without("frontend/package-lock.json"), "no lock file is in frontend/ or above it"),
        (_without("backend/app/main.py"), "backend/app/main.py is missing"),
        (_with("frontend/package.json", "{}"), "has no script build"),
        (_with("frontend/package.json", "{"), "package.json cannot be read"),
        (_with("frontend/package.json", "[]"), "package.json is a list, not an object"),
        (_with("frontend/package.json", '{"scripts": null}'), "has no script build"),
        (_with("frontend/package.json", "[" * 200_000), "package.json cannot be read"),
        (_with(".gitattributes", "*.png filter=lfs"), "Git LFS"),
        (_with("frontend/.gitattributes", "*.png filter=lfs"), "Git LFS"),
        (
            lambda folder: (
                git(folder, "update-ref", "refs/remotes/origin/develop", "develop"),
                git(folder, "branch", "-D", "develop"),
            ),
            "the branch develop is only in origin/develop: `git branch develop origin/develop` brings it here",
        ),
        (
            lambda folder: (folder / ".git/shallow").write_text(git(folder, "rev-parse", "HEAD"), encoding="utf-8"),
            "`git fetch --unshallow`",
        ),
    ],
)
def test_what_the_pipeline_would_miss_is_refused_first(
    folder: Path, change: Callable[[Path], Any], message: str
) -> None:
    change(folder)
    there = CodeCommit()
    with pytest.raises(RefusedError) as raised:
        run(there, folder)
    assert message in raised.value.reason and there.calls() == []


def _moved(folder: Path) -> None:
    (folder / "backend/app/main").mkdir()
    (folder / "backend/app/main.py").rename(folder / "backend/app/main/__init__.py")


@pytest.mark.parametrize(
    "change",
    [
        _committed(_moved),
        lambda folder: git(folder, "tag", "develop"),
        lambda folder: git(folder, "branch", "feature/ü#1"),
        lambda folder: git(folder, "checkout", "-q", "--detach"),
        lambda folder: git(folder, "worktree", "add", "-q", str(folder.with_name("worktree")), "HEAD"),
    ],
    ids=["module", "tag", "name", "detached", "worktree"],
)
@pytest.mark.usefixtures("bare")
def test_what_the_build_takes_is_taken(folder: Path, change: Callable[[Path], Any]) -> None:
    change(folder)
    other = folder.with_name("worktree")
    assert run(CodeCommit(), other if other.exists() else folder) is Exit.DONE


def test_own_buildspecs_are_checked_first(folder: Path, tmp_path: Path) -> None:
    """Where an environment takes them from the application's repository."""
    params = tmp_path / "params"
    shutil.copytree(ROOT / "params", params)
    body = json.loads((params / "staging.json").read_text(encoding="utf-8"))
    body["Parameters"]["BuildspecSource"] = "REPOSITORY"
    (params / "staging.json").write_text(json.dumps(body), encoding="utf-8")
    there = CodeCommit()
    with pytest.raises(RefusedError) as raised:
        run(there, folder, params)
    assert "backend/buildspec.yml: is missing, and BuildspecSource is REPOSITORY" in raised.value.reason
    assert there.calls() == []


@pytest.mark.parametrize(
    ("text", "encoding", "is_named"),
    [
        ("fastapi\nuvicorn\n", "utf-8", True),
        ("fastapi[standard]\n", "utf-8", True),
        ("FastAPI [all, standard]\n", "utf-8", True),
        ("fastapi-cli\n", "utf-8", True),
        ("-r base.txt\n", "utf-8", True),
        ("-e .\n", "utf-8", True),
        ("uvicorn\n", "utf-16", True),
        ("uvicorn\n", "utf-8-sig", True),
        ("fastapi\n# uvicorn\n", "utf-8", False),
    ],
)
@pytest.mark.usefixtures("bare")
def test_whatever_brings_uvicorn_is_taken_and_nothing_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, encoding: str, is_named: bool
) -> None:
    _committed(lambda folder: (folder / "requirements.txt").write_text(text, encoding=encoding))(folder)
    assert run(CodeCommit(), folder) is Exit.DONE
    assert ("names neither uvicorn nor" in capsys.readouterr().out) is not is_named


@pytest.mark.usefixtures("bare")
def test_what_is_only_good_to_know_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(CodeCommit(), folder) is Exit.DONE
    output = capsys.readouterr().out
    assert "Dockerfile is missing: the build brings one" in output and "has no script lint" in output


def test_no_repository_no_folder(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="not a git repository"):
        run(CodeCommit(), tmp_path)


def test_the_facts_are_the_projects() -> None:
    facts = application.facts(load(ROOT / "templates"))
    assert facts["BACKEND_DIRECTORY"] == "backend" and facts["FRONTEND_DIRECTORY"] == "frontend"


def test_credentials_are_those_of_the_aws_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the moment at which the command line signed, the signature is the same."""
    for name, value in (("ACCESS_KEY_ID", "AKID"), ("SECRET_ACCESS_KEY", "secret"), ("SESSION_TOKEN", "token")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    program = ROOT / ".venv-awscli/bin/python"
    words = f"protocol=https\nhost=git-codecommit.eu-west-1.amazonaws.com\npath={URL.split('/', 3)[3]}\n\n"
    code = "import sys; from awscli.clidriver import main; sys.exit(main())"
    log = subprocess.run(
        [str(program), "-c", code, "codecommit", "credential-helper", "get"],
        input=words,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    theirs = dict(line.split("=", 1) for line in log.splitlines())
    moment = theirs["password"].partition("Z")[0]

    class Then(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Then:
            return cls.strptime(moment, "%Y%m%dT%H%M%S").replace(tzinfo=tz)

    monkeypatch.setattr(credentials, "datetime", Then)
    assert credentials.git_credentials(Aws(), URL) == (theirs["username"], theirs["password"])
