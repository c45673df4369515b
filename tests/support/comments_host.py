"""A stand-in of a host's API for comments, over loopback: it keeps what is written and says what was asked; and the
program that writes a comment, alone or in this process.

For CodeCommit it answers the calls of botocore's model (2015-04-13) that are about comments of a pull request.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import patch

from scripts.ci.comment import main
from tests.conftest import ROOT

Start = Callable[[Sequence[str], Path, Mapping[str, str]], subprocess.CompletedProcess[str]]


@dataclass
class Host:
    """What a host holds: comments by id, and every request as (method, path, token); of CodeCommit as (operation, "",
    author). `author` is who asks: a comment of CodeCommit can be changed by its author alone."""

    comments: dict[int, str] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    status: int = 200
    url: str = ""
    author: str = "one"
    authors: dict[int, str] = field(default_factory=dict)
    people: set[int] = field(default_factory=set)  # the comments that persons wrote; all others are the token's
    endless: bool = False  # every page of comments is full

    def codecommit(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and answer of one call."""
        self.requests.append((operation, "", self.author))
        number = int(request.get("commentId", 0))
        if operation == "GetPullRequest":
            target = {"repositoryName": "delivery", "destinationCommit": "d" * 40, "sourceCommit": "s" * 40}
            return 200, {"pullRequest": {"pullRequestId": request["pullRequestId"], "pullRequestTargets": [target]}}
        if operation == "GetCommentsForPullRequest":
            comments = [
                {"commentId": str(number), "content": content, "deleted": not content}
                for number, content in self.comments.items()
            ]
            return 200, {"commentsForPullRequestData": [{"comments": comments}]}
        if operation == "PostCommentForPullRequest":
            assert (request["beforeCommitId"], request["afterCommitId"]) == ("d" * 40, "s" * 40)
            number = 100 + len(self.comments)
            self.authors[number] = self.author
        if operation == "UpdateComment" and self.authors[number] != self.author:
            return 400, {"__type": "CommentNotCreatedByCallerException", "message": "You cannot modify this comment."}
        self.comments[number] = request.get("content", "")
        return 200, {"comment": {"commentId": str(number)}}


@contextmanager
def running() -> Iterator[Host]:
    """A host that answers while the context is open."""
    host = Host()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def _answer(self, value: Any, status: int = 0) -> None:
            body = json.dumps(value).encode()
            self.send_response(status or host.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _body(self) -> str:
            token = self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN") or ""
            host.requests.append((self.command, self.path.partition("?")[0], token))
            length = int(self.headers.get("Content-Length") or 0)
            return str(json.loads(self.rfile.read(length))["body"]) if length else ""

        def do_GET(self) -> None:
            self._body()
            if self.path.endswith("/user"):
                self._answer({"id": 5})
                return
            if host.endless:
                self._answer([{"id": number, "body": "words"} for number in range(100)])
                return
            self._answer(
                [
                    {
                        "id": number,
                        "body": body,
                        "user": {"type": "User" if number in host.people else "Bot"},
                        "author": {"id": 6 if number in host.people else 5},
                    }
                    for number, body in host.comments.items()
                ]
            )

        def do_POST(self) -> None:
            if target := self.headers.get("X-Amz-Target"):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = host.codecommit(target.removeprefix("CodeCommit_20150413."), request)
                self._answer(answer, status)
                return
            number = 100 + len(host.comments)
            host.comments[number] = self._body()
            self._answer({"id": number})

        def _change(self) -> None:
            host.comments[int(self.path.rpartition("/")[2])] = self._body()
            self._answer({})

        do_PATCH = do_PUT = _change

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()


def alone(words: Sequence[str], folder: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The program as a workflow runs it: isolated, in a folder that is no checkout, with these variables alone."""
    command = [sys.executable, "-I", str(ROOT / "scripts/ci/comment.py"), *words]
    return subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, check=False)


def in_process(words: Sequence[str], folder: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The same in this process, which is quicker."""
    out, errors = io.StringIO(), io.StringIO()
    with patch.dict(os.environ, variables, clear=True), chdir(folder), redirect_stdout(out), redirect_stderr(errors):
        status = main(list(words))
    return subprocess.CompletedProcess(words, status, out.getvalue(), errors.getvalue())
