"""The comment of a pull request of CodeCommit, through a program `aws` that writes down what it is asked."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.comments_host import alone, in_process

TARGET = {"destinationCommit": "d" * 40, "sourceCommit": "s" * 40, "repositoryName": "shop"}
PULL_REQUEST = {"pullRequest": {"pullRequestTargets": [TARGET]}}
DIFFERENCE = ["--before-commit-id", "d" * 40, "--after-commit-id", "s" * 40]
NOTHING: dict[str, Any] = {"commentsForPullRequestData": []}
OURS = {"commentId": "c1", "content": "<!-- delivery review -->\nold"}
GONE = {**OURS, "commentId": "c0", "deleted": True}
ANOTHER = {"commentId": "c2", "content": "words"}
NOT_OURS = "An error occurred (CommentNotCreatedByCallerException):\n not yours"
PRESENT = {"commentsForPullRequestData": [{}, {"comments": [ANOTHER, GONE]}, {"comments": [OURS]}]}


def body(file: Path) -> str:
    return f"<!-- delivery review -->\n{NOTICE}\n\n{file.read_text(encoding='utf-8')}"


NOTICE = (
    "🛑 **Whether this pull request changes the code that made this review is not known**: "
    "the workflow names no commits; `delivery ci-files --force` renews it."
)


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    """The program with the `aws` of a folder, and its review."""
    variables = {"PATH": f"{folder}:{os.environ['PATH']}", "PULL_REQUEST": "7"}
    return in_process(["codecommit", str(folder / "review.md")], folder, variables)


def comment(folder: Path, **answers: Any) -> tuple[int, str, str, list[list[str]]]:
    """Status, output and errors of the program, and what it asked of `aws codecommit`. An answer that is a text is an
    error."""
    cases = [
        f"{name.replace('_', '-')}) "
        + (
            f"echo {shlex.quote(answer)} >&2; exit 254"
            if isinstance(answer, str)
            else f"printf %s {shlex.quote(json.dumps(answer))}"
        )
        + ";;"
        for name, answer in answers.items()
    ]
    script = [
        "#!/bin/sh",
        f'printf "%s\\0" "$@" >> {folder}/calls; printf "\\1" >> {folder}/calls',
        'case "$2" in',
        *cases,
        "esac",
    ]
    (folder / "aws").write_text("\n".join(script), encoding="utf-8")
    (folder / "aws").chmod(0o755)
    (folder / "review.md").write_text("new *words* @all", encoding="utf-8")
    done = run(folder)
    file = folder / "calls"
    calls = (
        [call.split("\0")[:-1] for call in file.read_text(encoding="utf-8").split("\1")[:-1]] if file.exists() else []
    )
    assert all(words[:1] == ["codecommit"] and words[-2:] == ["--output", "json"] for words in calls)
    return done.returncode, done.stdout, done.stderr, [words[1:-2] for words in calls]


LOOK = ["get-comments-for-pull-request", "--pull-request-id", "7"]
ABOUT = ["get-pull-request", "--pull-request-id", "7"]


def posted(folder: Path) -> list[str]:
    words = ["post-comment-for-pull-request", "--pull-request-id", "7", "--repository-name", "shop", *DIFFERENCE]
    return [*words, "--content", body(folder / "review.md")]


def test_the_first_comment_is_about_the_whole_difference(tmp_path: Path) -> None:
    ended = comment(tmp_path, get_comments_for_pull_request=NOTHING, get_pull_request=PULL_REQUEST)
    assert ended == (0, "comment created\n", "", [LOOK, ABOUT, posted(tmp_path)])


def test_the_next_push_changes_it(tmp_path: Path) -> None:
    ended = comment(tmp_path, get_comments_for_pull_request=PRESENT)
    update = ["update-comment", "--comment-id", "c1", "--content", body(tmp_path / "review.md")]
    assert ended == (0, "comment updated\n", "", [LOOK, update])


def test_what_another_session_wrote_is_emptied_and_written_anew(tmp_path: Path) -> None:
    status, out, _, calls = comment(
        tmp_path, get_comments_for_pull_request=PRESENT, get_pull_request=PULL_REQUEST, update_comment=NOT_OURS
    )
    assert (status, out) == (0, "comment replaced\n")
    assert calls[0] == LOOK and calls[1][0] == "update-comment"
    assert calls[2:] == [["delete-comment-content", "--comment-id", "c1"], ABOUT, posted(tmp_path)]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        (
            {"get_comments_for_pull_request": "it is\n denied"},
            "aws codecommit get-comments-for-pull-request: it is denied",
        ),
        (
            {"get_comments_for_pull_request": PRESENT, "update_comment": "it is denied"},
            "aws codecommit update-comment: it is denied",
        ),
        (
            {"get_comments_for_pull_request": NOTHING, "get_pull_request": {"pullRequest": {}}},
            "pull request 7 has no target",
        ),
        (
            {"get_comments_for_pull_request": [], "get_pull_request": {"pullRequest": {"pullRequestTargets": [{}]}}},
            "pull request 7 has no target",
        ),
        ({"get_comments_for_pull_request": ["no object"]}, "pull request 7 has no target"),
    ],
)
def test_a_refusal_is_told(answers: dict[str, Any], error: str, tmp_path: Path) -> None:
    status, out, shown, _ = comment(tmp_path, **answers)
    assert (status, out, shown) == (3, "", f"{error}\n")


def test_an_answer_that_is_no_json_is_told(tmp_path: Path) -> None:
    status, _, shown, _ = comment(tmp_path, get_comments_for_pull_request=NOTHING, get_pull_request=PULL_REQUEST)
    assert (status, shown) == (0, "")
    script = (tmp_path / "aws").read_text(encoding="utf-8").replace("commentsForPullRequestData", '"')
    (tmp_path / "aws").write_text(script, encoding="utf-8")
    done = run(tmp_path)
    assert done.returncode == 3 and done.stderr.startswith("aws codecommit get-comments-for-pull-request: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "status", "shown"),
    [
        ([], 64, "usage: comment.py github|gitlab|codecommit FILE\n"),
        (["github"], 64, "usage: comment.py github|gitlab|codecommit FILE\n"),
        (["nowhere", "review.md"], 3, "there is no host 'nowhere'; valid: github, gitlab, codecommit\n"),
        (["codecommit", "none.md"], 3, "none.md cannot be read: No such file or directory\n"),
        (["codecommit", "review.md"], 3, "PULL_REQUEST must be a number, and is ''\n"),
        (["codecommit", "long.md"], 3, "long.md has 10216 characters; a comment takes 10240\n"),
    ],
)
def test_what_is_typed_wrongly_is_told(words: list[str], status: int, shown: str, tmp_path: Path) -> None:
    for name, text in (("review.md", "x"), ("long.md", "x" * (10_240 - 24 - len(NOTICE) - 2))):
        (tmp_path / name).write_text(text, encoding="utf-8")
    for start in (alone, in_process):
        done = start(words, tmp_path, {"PATH": os.environ["PATH"]})
        assert (done.returncode, done.stdout, done.stderr) == (status, "", shown)
