"""Puts a review into a pull request: one comment, brought up to date by each push.

    comment.py github|gitlab|codecommit FILE

Standard library alone, and no other module of this repository: a workflow runs it with a token, isolated
(`python3 -I`) from what the pull request brings. Address, repository and token come from the host's own variables; for
CodeCommit the program `aws` has the rights of the build's role.

The text was written by the pull request's own program. So the first line is ours: it says from git alone, by
BASE_COMMIT and HEAD_COMMIT in the folder where this runs, whether the pull request changes that program.
Sources: GitHub REST API, "Issue comments"; GitLab REST API, "Notes", "Users"; GitLab Docs, "GitLab quick actions";
botocore's model of CodeCommit (2015-04-13).
"""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

MARKER = "<!-- delivery review -->"
# Characters that a comment takes. GitHub: 65,536. CodeCommit User Guide, "Quotas": 10,240.
LIMITS = {"github": 65_000, "gitlab": 65_000, "codecommit": 10_240}
PAGE, PAGES = 100, 50  # comments a page, pages that are looked at
SECONDS = 30
STATUS_USAGE, STATUS_REFUSED = 64, 3
# What a review is made of, and no code; and the code, by the names that the first line has for it.
DATA = ("templates/", "params/", "docs/", "tests/", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE")
CODE = (
    "generator/",
    "scripts/",
    "buildspecs/",
    ".github/",
    ".ci/",
    ".gitlab-ci.yml",
    "Makefile",
    "setup.py",
    "setup.cfg",
)
OTHER = "other files"
BY_CHANGED_CODE = (
    "🛑 **This review was made by code that this pull request changes** ({names}): "
    "believe it only after reading that code."
)
NOT_KNOWN = "🛑 **Whether this pull request changes the code that made this review is not known**: {reason}."
GIT = ("git", "--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
# What a host or a screen obeys: controls but for tab and newline, what turns text round, what is no Unicode.
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class CommentError(Exception):
    """The comment could not be written; the message says why and what to do."""


class Host(NamedTuple):
    """How one host names things. `update` is the verb for changing a comment, `header` carries the token."""

    api: str
    repository: str
    token: str
    comments: str
    comment: str
    update: str
    header: str


HOSTS = {
    "github": Host(
        "GITHUB_API_URL",
        "GITHUB_REPOSITORY",
        "GITHUB_TOKEN",
        "/repos/{repository}/issues/{number}/comments",
        "/repos/{repository}/issues/comments/{id}",
        "PATCH",
        "Authorization",
    ),
    "gitlab": Host(
        "CI_API_V4_URL",
        "CI_PROJECT_ID",
        "REVIEW_TOKEN",
        "/projects/{repository}/merge_requests/{number}/notes",
        "/projects/{repository}/merge_requests/{number}/notes/{id}",
        "PUT",
        "PRIVATE-TOKEN",
    ),
}


class Client:
    """One pull request at one host. `environment` are the variables that the host sets. Raises `CommentError`."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        self.host = HOSTS[name]
        needed = (self.host.api, self.host.repository, self.host.token, "PULL_REQUEST")
        if missing := [variable for variable in needed if not environment.get(variable)]:
            raise CommentError(f"{', '.join(missing)} must be set: the workflow of `delivery ci-files` does")
        self.number = environment["PULL_REQUEST"]
        if not re.fullmatch(r"\d{1,18}", self.number):
            raise CommentError(f"PULL_REQUEST must be a number, and is {self.number!r}")
        self.repository = environment[self.host.repository]
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", self.repository):
            raise CommentError(f"{self.host.repository} must be a repository, and is {self.repository!r}")
        self.api = environment[self.host.api].rstrip("/")
        if not re.match(r"https://|http://(127\.0\.0\.1|localhost)[:/]", self.api):
            raise CommentError(f"{self.host.api} must begin with https://, and is {self.api!r}")
        self.token = environment[self.host.token]

    def write(self, text: str) -> str:
        """Creates the comment, or changes the one that is there; returns which of both."""
        body = {"body": f"{MARKER}\n{text}"}
        if (present := self._present()) is None:
            self._ask("POST", self._path(self.host.comments), body)
            return "created"
        self._ask(self.host.update, self._path(self.host.comment, present), body)
        return "updated"

    def _present(self) -> int | None:
        """The id of our comment; None when there is none yet."""
        for page in range(1, PAGES + 1):
            comments = self._ask("GET", f"{self._path(self.host.comments)}?per_page={PAGE}&page={page}")
            if not isinstance(comments, list):
                raise CommentError("the host's list of comments is not a list")
            for comment in comments:
                if str(comment.get("body", "")).startswith(MARKER) and self._is_ours(comment):
                    return int(comment["id"])
            if len(comments) < PAGE:
                return None
        raise CommentError(f"the pull request has more than {PAGE * PAGES} comments")

    def _is_ours(self, comment: Mapping[str, Any]) -> bool:
        """Whether a comment with our first line is of ours, and not of a person who could change it afterwards."""
        if self.host.update == "PATCH":  # GitHub: the token of a workflow is an app's, whose comments are of a bot
            return (comment.get("user") or {}).get("type") != "User"
        return bool((comment.get("author") or {}).get("id") == self._ask("GET", "/user").get("id"))

    def _path(self, form: str, comment: int = 0) -> str:
        return form.format(repository=self.repository, number=self.number, id=comment)

    def _ask(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:
        token = f"Bearer {self.token}" if self.host.header == "Authorization" else self.token
        headers = {self.host.header: token, "Content-Type": "application/json", "User-Agent": "delivery"}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.api}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            why = {
                401: "the token is not accepted",
                403: "the token may not write comments",
                404: "there is no such pull request, or the token may not see it",
            }
            raise CommentError(f"{method} {path}: {error.code}: {why.get(error.code, error.reason)}") from error
        except (OSError, ValueError) as error:
            raise CommentError(f"{method} {path}: {error}") from error


class CodeCommit:
    """One pull request of CodeCommit, asked through the AWS command line. Raises `CommentError`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.number = environment.get("PULL_REQUEST", "")
        if not re.fullmatch(r"\d{1,18}", self.number):
            raise CommentError(f"PULL_REQUEST must be a number, and is {self.number!r}")

    def write(self, text: str) -> str:
        """Creates the comment, or changes the one that is there; returns which of both.

        A comment can be changed by its author alone (`CommentNotCreatedByCallerException`), and each build has a
        session of its own: where that makes it another author, the old comment is emptied and a new one written.
        """
        body = f"{MARKER}\n{text}"
        present = self._present()
        if present:
            try:
                self._ask("update-comment", "--comment-id", present, "--content", body)
                return "updated"
            except CommentError as error:
                if "CommentNotCreatedByCallerException" not in str(error):
                    raise
            self._ask("delete-comment-content", "--comment-id", present)
        self._ask("post-comment-for-pull-request", *self._difference(), "--content", body)
        return "replaced" if present else "created"

    def _present(self) -> str:
        """The id of our comment; empty where there is none yet."""
        answer = self._ask("get-comments-for-pull-request", "--pull-request-id", self.number)
        for place in answer.get("commentsForPullRequestData") or ():
            for comment in place.get("comments") or ():
                if not comment.get("deleted") and str(comment.get("content", "")).startswith(MARKER):
                    return str(comment["commentId"])
        return ""

    def _difference(self) -> list[str]:
        """What the comment is about: the whole difference that the pull request is for."""
        answer = self._ask("get-pull-request", "--pull-request-id", self.number)
        try:
            target = answer["pullRequest"]["pullRequestTargets"][0]
            commits = ["--before-commit-id", target["destinationCommit"], "--after-commit-id", target["sourceCommit"]]
            return ["--pull-request-id", self.number, "--repository-name", target["repositoryName"], *commits]
        except (LookupError, TypeError) as error:
            raise CommentError(f"pull request {self.number} has no target") from error

    def _ask(self, *words: str) -> dict[str, Any]:
        command = ["aws", "codecommit", *words, "--output", "json"]
        try:
            done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=4 * SECONDS, check=False)
            answer = json.loads(done.stdout or "{}") if not done.returncode else {}
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise CommentError(f"aws codecommit {words[0]}: {error}") from error
        if done.returncode:
            raise CommentError(f"aws codecommit {words[0]}: {' '.join(done.stderr.split())}")
        return answer if isinstance(answer, dict) else {}


def first_line(folder: Path, environment: Mapping[str, str]) -> str:
    """What stands above a review: that the pull request changes the code that wrote it, or that nobody knows; empty
    where it changes none."""
    commits = [environment.get(name, "") for name in ("BASE_COMMIT", "HEAD_COMMIT")]
    if not all(re.fullmatch(r"[0-9a-f]{40,64}", commit) for commit in commits):
        return NOT_KNOWN.format(reason="the workflow names no commits; `delivery ci-files --force` renews it")
    try:
        start = _git(folder, "merge-base", *commits).strip()
        # Of two trees alone: no file of the checkout is read, and no filter or driver that a repository names is run.
        paths = _git(folder, "diff-tree", "-r", "-z", "--no-renames", "--name-only", start, commits[1]).split("\0")
    except (OSError, subprocess.SubprocessError):
        return NOT_KNOWN.format(reason="git cannot compare its commits")
    changed = {_kind(path) for path in paths if path and not path.startswith(DATA)}
    names = ", ".join(name for name in (*CODE, OTHER) if name in changed)
    return BY_CHANGED_CODE.format(names=names) if names else ""


def _kind(path: str) -> str:
    return next((name for name in CODE if path.startswith(name)), OTHER)


def _git(folder: Path, *words: str) -> str:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        [*GIT, "-C", str(folder), *words],
        env={**variables, "GIT_ALLOW_PROTOCOL": "", "GIT_NO_REPLACE_OBJECTS": "1"},
        capture_output=True,
        timeout=SECONDS,
        check=True,
    )
    return done.stdout.decode("utf-8", "replace")


def harmless(text: str) -> str:
    """A text in which nothing is obeyed: no control, and no line that GitLab takes for a command, as `/merge`."""
    text = OBEYED.sub("\ufffd", text)
    return re.sub(r"^([^\S\n]*)/", r"\1\\/", text, flags=re.MULTILINE)


def main(words: list[str]) -> int:
    """Writes the comment; returns the exit status: 0 done, 3 refused, 64 bad usage."""
    if len(words) != 2:
        print(f"usage: comment.py {'|'.join(LIMITS)} FILE", file=sys.stderr)
        return STATUS_USAGE
    try:
        name, text = words[0], Path(words[1]).read_text(encoding="utf-8", errors="replace")
        text = harmless(text)
        if name not in LIMITS:
            raise CommentError(f"there is no host {name!r}; valid: {', '.join(LIMITS)}")
        if notice := first_line(Path.cwd(), os.environ):
            text = f"{notice}\n\n{text}"
        if len(text) + len(MARKER) >= LIMITS[name]:
            raise CommentError(f"{words[1]} has {len(text)} characters; a comment takes {LIMITS[name]}")
        host = CodeCommit(os.environ) if name == "codecommit" else Client(name, os.environ)
        print(f"comment {host.write(text)}")
    except OSError as error:
        print(f"{words[1]} cannot be read: {error.strerror}", file=sys.stderr)
        return STATUS_REFUSED
    except CommentError as error:
        print(error, file=sys.stderr)
        return STATUS_REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
