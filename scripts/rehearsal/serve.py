"""The public address of an environment on loopback: an HTTP server that behaves as a CloudFront distribution.

Played are behaviours and their methods, viewer-request functions, the default root object, the S3 and the API origin,
the managed policies of `edge`, the edge cache with invalidations, and gzip. The address stands for the HTTPS one.
Not played: Brotli, which no browser asks for over HTTP; a cached copy for errors (CloudFront keeps some for 10 s);
parts of objects (`Range` is answered with the whole, as HTTP allows); the load balancer between CloudFront and the
backend. Sources: of the Amazon CloudFront Developer Guide the pages named in `edge`, Invalidation and
RequestAndResponseBehaviorCustomOrigin.
"""

import gzip
import html
import http.client
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from scripts.rehearsal import edge
from scripts.rehearsal.functions import FunctionError, Functions, Headers, event

HOST = "127.0.0.1"
ORIGIN_SECONDS = 30.0
# Between two machines only, and what the server writes itself.
HOP_BY_HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te",
              "trailer", "transfer-encoding", "upgrade", "expect"}  # fmt: skip
# An origin request has a body, its description and nothing else of the viewer's, unless a policy says more.
DESCRIBES_BODY = {"content-type", "content-length", "content-md5"}
COMPRESSED_SIZES = range(1_000, 10_000_001)
# Of ServingCompressedFiles' list those that a web application has.
COMPRESSED_TYPES = {"application/javascript", "application/json", "application/xml", "image/svg+xml", "text/css",
                    "text/csv", "text/html", "text/javascript", "text/plain", "text/xml"}  # fmt: skip
# What S3 answers for a missing key to somebody who may not list the bucket.
ACCESS_DENIED = b"<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
# CloudFront's own words.
BAD_METHOD = (
    "This distribution is not configured to allow the HTTP request method that was used for this request. "
    "The distribution supports only cachable requests."
)


@dataclass(frozen=True)
class StoredObject:
    """An object of the bucket with what S3 sends as its headers."""

    body: bytes
    content_type: str
    cache_control: str | None = None


@dataclass(frozen=True)
class Answer:
    """A response on its way to the viewer; `source` is what X-Cache says."""

    status: int
    headers: Headers
    body: bytes
    source: str = "Miss"

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def with_header(self, name: str, value: str) -> "Answer":
        """The same with this header in the place of all of that name."""
        others = [(key, old) for key, old in self.headers if key.lower() != name.lower()]
        return replace(self, headers=[*others, (name, value)])


def _own(status: int, text: str) -> Answer:
    body = f"<h1>{status} ERROR</h1>\n<p>{html.escape(text)}</p>\n".encode()
    return Answer(status, [("Content-Type", "text/html")], body, "Error")


@dataclass
class Running:
    """A distribution that is served. `backend_url` may be set again: the next request goes there."""

    distribution: edge.Distribution
    objects: Callable[[str], StoredObject | None]
    backend_url: str
    clock: Callable[[], float] = time.monotonic
    url: str = ""
    _functions: Functions = field(default_factory=lambda: Functions({}))
    _server: ThreadingHTTPServer | None = None
    _kept: dict[tuple[str, str], tuple[float, Answer]] = field(default_factory=dict)

    def stop(self) -> None:
        """Ends the server and the functions. Repeatable."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        self._functions.stop()

    def invalidate(self, paths: Iterable[str]) -> None:
        """Forgets what is kept for these paths; they begin with `/`, and `*` at the end stands for anything.

        As in CloudFront the paths are those after a function rewrote them. Raises `ValueError`.
        """
        for path in paths:
            if not path.startswith("/"):
                raise ValueError(f"invalidation path {path!r} must begin with /")
            wanted = path.removesuffix("*")
            for key in list(self._kept):
                if key[1] == path or (path != wanted and key[1].startswith(wanted)):
                    self._kept.pop(key, None)

    def answer(self, method: str, target: str, headers: Headers, body: bytes, viewer: str) -> Answer:
        """What the viewer gets. Also when the origin or a function fails: then a page that says so."""
        behavior = self.distribution.behavior(target.partition("?")[0])
        try:
            answer = self._answer(behavior, method, target, headers, body, viewer)
        except FunctionError as error:
            answer = _own(503, str(error))
        except TimeoutError:
            answer = _own(504, f"the origin did not answer within {ORIGIN_SECONDS:.0f} s")
        except (OSError, http.client.HTTPException) as error:
            answer = _own(502, f"CloudFront wasn't able to connect to the origin: {error}")
        accepted = [value for name, value in headers if name.lower() == "accept-encoding"]
        if behavior.compresses and "gzip" in " ".join(accepted) and method != "HEAD":
            answer = _compressed(answer)
        for name, (value, always) in behavior.headers.items():
            if always or not answer.header(name):
                answer = answer.with_header(name, value)
        return answer.with_header("X-Cache", f"{answer.source} from cloudfront")

    def _answer(
        self, behavior: edge.Behavior, method: str, target: str, headers: Headers, body: bytes, viewer: str
    ) -> Answer:
        if method not in behavior.methods:
            return _own(403, BAD_METHOD)
        if body and method in ("GET", "HEAD"):
            return _own(403, "A GET request has no body.")
        path, _, query = target.partition("?")
        if behavior.function:
            path = self._functions.uri(behavior.function, event(method, path, query, headers, viewer))
        if path == "/" and self.distribution.root:
            path = f"/{self.distribution.root}"
        key = (behavior.pattern, path)
        kept = self._kept.get(key) if method in ("GET", "HEAD") else None
        if kept and self.clock() < kept[0]:
            return replace(kept[1], source="Hit")
        sent = (behavior, method, path, query, headers, body, viewer)
        answer = self._stored(method, path) if behavior.on_s3 else self._forwarded(*sent)
        seconds = behavior.cache.seconds(answer.header("Cache-Control"))
        if seconds and method == "GET" and answer.status == 200:
            self._kept[key] = (self.clock() + seconds, answer)
        return answer

    def _stored(self, method: str, path: str) -> Answer:
        if method not in ("GET", "HEAD"):
            return _own(501, f"The rehearsal does not play {method} on an S3 origin.")
        found = self.objects(unquote(path[1:]))
        if found is None:
            return Answer(403, [("Content-Type", "application/xml"), ("Server", "AmazonS3")], ACCESS_DENIED, "Error")
        headers = [("Content-Type", found.content_type), ("Server", "AmazonS3")]
        if found.cache_control:
            headers.append(("Cache-Control", found.cache_control))
        return Answer(200, headers, found.body)

    def _forwarded(
        self, behavior: edge.Behavior, method: str, path: str, query: str, headers: Headers, body: bytes, viewer: str
    ) -> Answer:
        backend = urlsplit(self.backend_url)
        sent: dict[str, str] = {}
        for name, value in headers:
            lower = name.lower()
            if lower in DESCRIBES_BODY or (behavior.all_viewer and lower not in HOP_BY_HOP):
                sent[lower] = f"{sent[lower]}, {value}" if lower in sent else value
        sent["x-forwarded-for"] = ", ".join(filter(None, (sent.get("x-forwarded-for"), viewer)))
        connection = http.client.HTTPConnection(backend.hostname or HOST, backend.port, timeout=ORIGIN_SECONDS)
        try:
            target = path + (f"?{query}" if query and behavior.all_viewer else "")
            connection.request(method, target, body or None, sent)
            response = connection.getresponse()
            kept = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP]
            return Answer(response.status, kept, response.read(), "Miss" if response.status < 400 else "Error")
        finally:
            connection.close()


def start(
    config: Mapping[str, Any],
    functions: Mapping[str, str],
    policies: Mapping[str, edge.Added],
    objects: Callable[[str], StoredObject | None],
    backend_url: str,
    port: int = 0,
    clock: Callable[[], float] = time.monotonic,
) -> Running:
    """Serves a distribution on loopback, on a free port unless one is given.

    `config` is a DistributionConfig as `cloudfront get-distribution-config` answers it, `functions` their JavaScript by
    ARN, `policies` what response headers policies add by id, `objects` gives the object of a key or None, `backend_url`
    is the API origin; `clock` tells the age of what is kept. Raises `edge.UnmodelledError` and `FunctionError`.
    """
    distribution = edge.read(config, functions, policies)
    running = Running(distribution, objects, backend_url, clock, _functions=Functions(functions))
    handler = type("BoundHandler", (_Handler,), {"running": running})
    try:
        running._server = _Server((HOST, port), handler)
    except OSError:
        running.stop()
        raise
    running.url = f"http://{HOST}:{running._server.server_port}"
    threading.Thread(target=running._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return running


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # a browser opens many connections at once


class _Handler(BaseHTTPRequestHandler):
    running: Running
    protocol_version = "HTTP/1.1"
    timeout = 30

    def _serve(self) -> None:
        if self.headers.get("Transfer-Encoding") or self.headers.get("Upgrade"):
            answer = _own(501, "The rehearsal plays neither chunked requests nor upgrades.")
            self.close_connection = True
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = self.running.answer(self.command, self.path, self.headers.items(), body, self.client_address[0])
        self.send_response_only(answer.status)
        if answer.status not in (204, 304) and not (self.command == "HEAD" and answer.header("Content-Length")):
            answer = answer.with_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_OPTIONS = do_PUT = do_PATCH = do_POST = do_DELETE = _serve

    def log_message(self, *_: object) -> None:
        """Silent: the rehearsal shows what it asks itself."""


def _compressed(answer: Answer) -> Answer:
    """ServingCompressedFiles: by type and size, and never twice."""
    plain = answer.header("Content-Encoding") or answer.header("Content-Type").split(";")[0] not in COMPRESSED_TYPES
    if plain or len(answer.body) not in COMPRESSED_SIZES:
        return answer
    smaller = replace(answer, body=gzip.compress(answer.body, 6, mtime=0))
    return smaller.with_header("Content-Encoding", "gzip").with_header("Vary", "Accept-Encoding")
