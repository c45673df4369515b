"""A served distribution as tests change it: its bucket, its backend, its clock, and another configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from scripts.rehearsal.edge import distribution as edge
from scripts.rehearsal.edge import server as serve
from scripts.rehearsal.edge.server import NoSuchKeyError, StoredObject
from tests.support.rehearsal.serving import Backend, Response, ask, distribution, echoing, serve_distribution

PAGE = b"<!DOCTYPE html>\n<title>one</title>\n"
SCRIPT = b"var text = 'text';\n" * 200
LASTING = "public, max-age=31536000, immutable"


@dataclass
class Site:
    """Our own distribution is started once; one with another configuration lives until the next test."""

    backend: Backend
    bucket: dict[str, StoredObject] = field(default_factory=dict)
    now: float = 0.0
    reads: list[str] = field(default_factory=list)
    lists: bool = False  # whether the bucket's policy lets CloudFront list it
    ours: serve.ServedDistribution | None = None
    other: serve.ServedDistribution | None = None

    @property
    def served(self) -> serve.ServedDistribution:
        running = self.other or self.ours
        assert running
        return running

    def start(
        self, config: dict[str, Any], sources: dict[str, str], policies: dict[str, edge.AddedHeaders]
    ) -> serve.ServedDistribution:
        """Serves a configuration over this bucket and backend."""
        return serve_distribution((config, sources, policies), self.stored, self.backend.url, lambda: self.now)

    def serve(self, config: dict[str, Any], sources: dict[str, str]) -> None:
        """From now on to the end of the test this configuration is asked, with our own response headers policy."""
        if self.other:
            self.other.stop()
        self.other = self.start(config, sources, distribution()[2])

    def reset(self) -> None:
        """As at the beginning."""
        if self.other:
            self.other.stop()
        self.other, self.now, self.reads, self.lists = None, 1_000.0, [], False
        self.backend.status, self.backend.headers = 200, {}
        self.bucket = {
            "index.html": StoredObject(PAGE, "text/html", "no-cache"),
            "static/js/main.0a1b.js": StoredObject(SCRIPT, "text/javascript", LASTING),
            "a b.txt": StoredObject(b"blank", "text/plain"),
        }
        self.served.backend_url = self.backend.url
        self.served.invalidate(["/*"])

    def stored(self, key: str) -> StoredObject | None:
        self.reads.append(key)
        if self.lists and key not in self.bucket:
            raise NoSuchKeyError(key)
        return self.bucket.get(key)

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Response:
        """What the viewer gets."""
        return ask(self.served.url + path, method, body, **headers)

    def ask_http(self, path: str, method: str = "GET") -> Response:
        """What a viewer gets over HTTP."""
        return ask(self.served.http_url + path, method)

    def echo(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> dict[str, Any]:
        """What the backend was asked."""
        request: dict[str, Any] = json.loads(self.ask(path, method, body, **headers).body)
        return request


@contextmanager
def sites() -> Iterator[Site]:
    """Our distribution over an echoing backend."""
    with echoing() as backend:
        site = Site(backend)
        site.ours = site.start(*distribution())
        yield site
        site.reset()
        site.ours.stop()
