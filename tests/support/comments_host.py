"""A stand-in of a host's API for comments, over loopback: it keeps what is written and says what was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Host:
    """What a host holds: comments by id, and every request as (method, path, token)."""

    comments: dict[int, str] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    status: int = 200
    url: str = ""


@contextmanager
def running() -> Iterator[Host]:
    """A host that answers while the context is open."""
    host = Host()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def _answer(self, value: Any) -> None:
            body = json.dumps(value).encode()
            self.send_response(host.status)
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
            self._answer([{"id": number, "body": body} for number, body in host.comments.items()])

        def do_POST(self) -> None:
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
