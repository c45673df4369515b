"""Puts a review into a pull request: one comment, brought up to date by each push.

    comment.py github|gitlab FILE

Standard library alone, and no other module of this repository: a workflow runs it with a token, isolated
(`python3 -I`) from what the pull request brings. Address, repository and token come from the host's own variables.
Sources: GitHub REST API, "Issue comments"; GitLab REST API, "Notes".
"""

import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

MARKER = "<!-- delivery review -->"
LIMIT = 65_000  # characters; GitHub takes 65,536
PAGE, PAGES = 100, 50  # comments a page, pages that are looked at
SECONDS = 30
STATUS_USAGE, STATUS_REFUSED = 64, 3


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
        if name not in HOSTS:
            raise CommentError(f"there is no host {name!r}; valid: {', '.join(HOSTS)}")
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
                if str(comment.get("body", "")).startswith(MARKER):
                    return int(comment["id"])
            if len(comments) < PAGE:
                return None
        raise CommentError(f"the pull request has more than {PAGE * PAGES} comments")

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


def main(words: list[str]) -> int:
    """Writes the comment; returns the exit status: 0 done, 3 refused, 64 bad usage."""
    if len(words) != 2:
        print(f"usage: comment.py {'|'.join(HOSTS)} FILE", file=sys.stderr)
        return STATUS_USAGE
    try:
        text = Path(words[1]).read_text(encoding="utf-8")
        if len(text) > LIMIT:
            raise CommentError(f"{words[1]} has {len(text)} characters; a comment takes {LIMIT}")
        print(f"comment {Client(words[0], os.environ).write(text)}")
    except OSError as error:
        print(f"{words[1]} cannot be read: {error.strerror}", file=sys.stderr)
        return STATUS_REFUSED
    except CommentError as error:
        print(error, file=sys.stderr)
        return STATUS_REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
