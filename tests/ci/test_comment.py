"""A review becomes one comment of a pull request, whatever the number of pushes."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.comments_host import Host, Start, alone, in_process, running

HOSTS = {
    "github": {"GITHUB_REPOSITORY": "team/delivery", "GITHUB_TOKEN": "t0ken"},
    "gitlab": {"CI_PROJECT_ID": "42", "REVIEW_TOKEN": "t0ken"},
}
API = {"github": "GITHUB_API_URL", "gitlab": "CI_API_V4_URL"}


def commits(folder: Path, *paths: str) -> dict[str, str]:
    """The variables of a pull request that adds files, in a repository at `folder`."""
    folder.mkdir(exist_ok=True)
    names = {"BASE_COMMIT": "", "HEAD_COMMIT": ""}
    git = ("git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=n@x.test")
    subprocess.run([*git, "init", "--quiet"], check=True)
    for name, added in zip(names, (("README.md", "generator/a.py"), paths), strict=True):
        for path in added:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(name, encoding="utf-8")
        subprocess.run([*git, "add", "--all"], check=True)
        subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", name], check=True)
        done = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
        names[name] = done.stdout.strip()
    return names


def comment(
    host: Host, name: str, file: Path, start: Start = in_process, /, **changed: str
) -> subprocess.CompletedProcess[str]:
    """What becomes of the program; `start` says whether it runs as a workflow runs it."""
    own = {**HOSTS[name], API[name]: host.url} if name in HOSTS else {}
    variables = {"PATH": os.environ["PATH"], **own, "PULL_REQUEST": "7", "no_proxy": "127.0.0.1", **changed}
    return start([name, str(file)], file.parent, variables)


@pytest.mark.parametrize("start", [alone, in_process])
@pytest.mark.parametrize("name", HOSTS)
def test_two_pushes_make_one_comment(name: str, start: Start, tmp_path: Path) -> None:
    file, known = tmp_path / "review.md", commits(tmp_path, "params/a.json")
    with running() as host:
        host.comments[1] = "somebody's words"
        for text, says in (("first", "comment created"), ("second ``` @you", "comment updated")):
            file.write_text(text, encoding="utf-8")
            done = comment(host, name, file, start, **known)
            assert (done.returncode, done.stdout.strip()) == (0, says), done.stderr
        assert host.comments == {1: "somebody's words", 101: "<!-- delivery review -->\nsecond ``` @you"}
        assert {token for _, _, token in host.requests} == {"Bearer t0ken" if name == "github" else "t0ken"}


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["params/a.json", "templates/b.json", "docs/c.md", "tests/d.py"], ""),
        (["scripts/x.py", "params/a.json", "generator/a.py"], "generator/, scripts/"),
        (["buildspecs/x.yml", ".github/workflows/review.yml", "Makefile"], "buildspecs/, .github/, Makefile"),
        ([".gitlab-ci.yml", ".ci/codebuild.yml"], ".ci/, .gitlab-ci.yml"),
        (["json.py"], "other files"),
        (["scripts/\udcff\n**harmless**.py"], "scripts/"),
    ],
)
@pytest.mark.parametrize("name", HOSTS)
def test_the_first_line_says_that_the_code_of_the_review_changes(
    name: str, paths: list[str], names: str, tmp_path: Path
) -> None:
    file = tmp_path / "review.md"
    file.write_text("- ✅ all is well", encoding="utf-8")
    with running() as host:
        done = comment(host, name, file, **commits(tmp_path, *paths))
        assert done.returncode == 0, done.stderr
        [_, *lines] = host.comments[100].splitlines()
    first = f"🛑 **This review was made by code that this pull request changes** ({names}): "
    assert lines[-1] == "- ✅ all is well" and (lines[0].startswith(first) if names else len(lines) == 1), lines


@pytest.mark.parametrize("changed", [{}, {"BASE_COMMIT": "0" * 40}, {"HEAD_COMMIT": "--output=x"}])
def test_commits_that_git_does_not_know_are_no_good_sign(changed: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "review.md"
    file.write_text("- ✅ all is well", encoding="utf-8")
    with running() as host:
        comment(host, "github", file, **({**commits(tmp_path), **changed} if changed else {}))
        assert "is not known**: " in host.comments[100].splitlines()[1]


def test_a_review_that_somebody_forged_commands_nothing(tmp_path: Path) -> None:
    """GitLab obeys a line such as `/merge` with the rights of who comments."""
    file = tmp_path / "review.md"
    file.write_bytes(b"text\n/approve\n \t/merge\r\na/b\xff\0\x1b[2J \xe2\x80\xae\r/close")
    with running() as host:
        done = comment(host, "gitlab", file, **commits(tmp_path))
        assert done.returncode == 0, done.stderr
        text = host.comments[100]
    assert text.endswith("text\n\\/approve\n \t\\/merge\na/b\ufffd\ufffd\ufffd[2J \ufffd\n\\/close")


@pytest.mark.parametrize("name", HOSTS)
def test_a_comment_that_a_person_began_like_ours_is_not_taken_for_it(name: str, tmp_path: Path) -> None:
    """Its author could change afterwards what the review says."""
    file = tmp_path / "review.md"
    file.write_text("text", encoding="utf-8")
    with running() as host:
        host.comments[1], host.people = "<!-- delivery review -->\nmine", {1}
        done = comment(host, name, file, **commits(tmp_path))
        assert done.stdout.strip() == "comment created", done.stderr
        assert host.comments[1].endswith("mine")


@pytest.mark.soak
def test_a_comment_of_codecommit_is_changed_by_its_author_and_replaced_by_another(
    repository: Path, tmp_path: Path
) -> None:
    """Each build has a session of its own; whether that makes it another author, AWS does not say."""
    program = repository / ".venv-awscli/bin/aws"
    if not program.exists():
        pytest.skip("the AWS command line is not installed: make .venv-awscli/ready")
    file = tmp_path / "review.md"
    known = commits(tmp_path, "params/a.json")
    keys = {**known, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1"}
    path = {"PATH": f"{program.parent}:{os.environ['PATH']}", "AWS_DEFAULT_REGION": "us-east-1", "HOME": str(tmp_path)}
    with running() as host:
        for author, text, says in (
            ("one", "first", "created"),
            ("one", "second", "updated"),
            ("two", "@all", "replaced"),
        ):
            host.author = author
            file.write_text(text, encoding="utf-8")
            done = comment(host, "codecommit", file, alone, **keys, **path, AWS_ENDPOINT_URL=host.url)
            assert (done.returncode, done.stdout.strip()) == (0, f"comment {says}"), done.stderr
    assert host.comments == {100: "", 101: "<!-- delivery review -->\n@all"}


def test_what_codecommit_cannot_take_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "review.md"
    with running() as host:
        for text, number, says in (
            ("x" * 10_240, "7", f"{file} has 10\\d{{3}} characters; a comment takes 10240"),
            ("x", "7 --debug", "PULL_REQUEST must be a number, and is '7 --debug'"),
        ):
            file.write_text(text, encoding="utf-8")
            done = comment(host, "codecommit", file, PULL_REQUEST=number)
            assert done.returncode == 3 and not host.requests
            assert re.fullmatch(f"{says}\n", done.stderr), done.stderr


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"PULL_REQUEST": "7/../../other"}, "PULL_REQUEST must be a number, and is '7/../../other'"),
        (
            {"PULL_REQUEST": "", "GITHUB_TOKEN": ""},
            "GITHUB_TOKEN, PULL_REQUEST must be set: the workflow of `delivery ci-files` does",
        ),
        ({"GITHUB_REPOSITORY": "a/b/../../c"}, "GITHUB_REPOSITORY must be a repository, and is 'a/b/../../c'"),
        (
            {"GITHUB_API_URL": "http://example.test"},
            "GITHUB_API_URL must begin with https://, and is 'http://example.test'",
        ),
    ],
)
def test_variables_that_lead_elsewhere_are_refused_before_anything_is_sent(
    changed: dict[str, str], says: str, tmp_path: Path
) -> None:
    file = tmp_path / "review.md"
    file.write_text("text", encoding="utf-8")
    with running() as host:
        done = comment(host, "github", file, **changed)
        assert (done.returncode, done.stderr) == (3, f"{says}\n")
        assert not host.requests


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "the token is not accepted"),
        (403, "the token may not write comments"),
        (404, "there is no such pull request, or the token may not see it"),
        (500, "Internal Server Error"),
    ],
)
def test_a_refusal_of_the_host_is_told(status: int, says: str, tmp_path: Path) -> None:
    file = tmp_path / "review.md"
    file.write_text("text", encoding="utf-8")
    with running() as host:
        host.status = status
        done = comment(host, "github", file)
    path = "/repos/team/delivery/issues/7/comments?per_page=100&page=1"
    assert (done.returncode, done.stderr) == (3, f"GET {path}: {status}: {says}\n"), "and no token"


def test_of_too_many_comments_none_is_added(tmp_path: Path) -> None:
    """Ours may be behind those that were looked at: every push would add another one."""
    file = tmp_path / "review.md"
    file.write_text("text", encoding="utf-8")
    with running() as host:
        host.endless = True
        done = comment(host, "github", file)
        assert {method for method, _, _ in host.requests} == {"GET"} and len(host.requests) == 50
    assert (done.returncode, done.stderr) == (3, "the pull request has more than 5000 comments\n")


def test_a_review_that_a_comment_cannot_take_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "review.md"
    file.write_text("x" * 70_000, encoding="utf-8")
    with running() as host:
        done = comment(host, "github", file)
        assert done.returncode == 3 and not host.requests
        assert re.fullmatch(rf"{file} has 70\d\d\d characters; a comment takes 65000\n", done.stderr), done.stderr
