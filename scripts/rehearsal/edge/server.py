"""The public address of an environment on loopback: an HTTP server that behaves as a CloudFront distribution.

Simulated are behaviours and their methods, functions of viewer requests and responses, the default root object, the S3
and the API origin, the managed policies of `edge.distribution`, the edge cache with invalidations, gzip, and what a
load balancer between CloudFront and the API adds. The address stands for the HTTPS one; the distribution's HTTP address
is another one, and what the application says about either of them is translated. Not simulated: Brotli, which no
browser asks for over HTTP; a cached copy for errors (CloudFront keeps some for 10 s); parts of objects (`Range` gets
the whole, as HTTP allows). Sources: of the Amazon CloudFront Developer Guide the pages named in `edge.distribution`,
Invalidation, RequestAndResponseBehaviorCustomOrigin and using-https-viewers-to-cloudfront.
"""

import gzip
import html
import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

from scripts.rehearsal.edge.distribution import Behavior, Distribution
from scripts.rehearsal.edge.functions import (
    FunctionError,
    Functions,
    Headers,
    viewer_request_event,
    viewer_response_event,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HOST = "127.0.0.1"
PORTS = {"http": "80", "https": "443"}
ORIGIN_SECONDS = 30.0
DRAIN_SECONDS = 5.0  # that requests on their way have, when their backend is to end
# Between two machines only, and what the server writes itself.
HOP_BY_HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te",
              "trailer", "transfer-encoding", "upgrade", "expect"}  # fmt: skip
# An origin request has a body, its description and nothing else of the viewer's, unless a policy says more.
BODY_HEADERS = {"content-type", "content-length", "content-md5"}
COMPRESSED_SIZES = range(1_000, 10_000_001)
# Of ServingCompressedFiles' list those that a web application has.
COMPRESSED_TYPES = {"application/javascript", "application/json", "application/xml", "image/svg+xml", "text/css",
                    "text/csv", "text/html", "text/javascript", "text/plain", "text/xml"}  # fmt: skip
# What S3 answers for a missing key to somebody who may not list the bucket.
ACCESS_DENIED = b"<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
NO_SUCH_KEY = (
    b"<?xml version='1.0'?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
)
# CloudFront's own words.
BAD_METHOD = (
    "This distribution is not configured to allow the HTTP request method that was used for this request. "
    "The distribution supports only cachable requests."
)


class NoSuchKeyError(Exception):
    """There is no such object, and CloudFront may know that: it may list the bucket."""


@dataclass(frozen=True)
class StoredObject:
    """An object of the bucket with what S3 sends as its headers."""

    body: bytes
    content_type: str
    cache_control: str | None = None


@dataclass(frozen=True)
class ViewerRequest:
    """What a viewer asks for: `target` is path and query as they were sent, `viewer` an IP address."""

    method: str
    target: str
    headers: Headers
    body: bytes
    viewer: str

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


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
        """The same with this header instead of all of that name."""
        others = [(key, old) for key, old in self.headers if key.lower() != name.lower()]
        return replace(self, headers=[*others, (name, value)])


def _error_page(status: int, text: str) -> Answer:
    body = f"<h1>{status} ERROR</h1>\n<p>{html.escape(text)}</p>\n".encode()
    return Answer(status, [("Content-Type", "text/html")], body, "Error")


@dataclass
class ServedDistribution:
    """A distribution that is served. `backend_url` may be set again: the next request goes there.

    `objects` gives the object of a key or None; `clock` tells the age of what is cached, in seconds.
    """

    distribution: Distribution
    objects: Callable[[str], StoredObject | None]
    backend_url: str
    functions: Functions
    clock: Callable[[], float] = time.monotonic
    _server: BaseWSGIServer | None = None
    _http_server: BaseWSGIServer | None = None
    _cache: dict[tuple[str, str], tuple[float, Answer]] = field(default_factory=dict)
    _on_their_way: Counter[str] = field(default_factory=Counter)
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    def start(self) -> None:
        """Serves on free ports of loopback."""
        self._server, self._http_server = _server(self._serve), _server(self._serve_http)

    @property
    def url(self) -> str:
        """The address that stands for the distribution's HTTPS one."""
        assert self._server, "not started"
        return f"http://{HOST}:{self._server.server_port}"

    @property
    def http_url(self) -> str:
        """The address that stands for the distribution's HTTP one: for a browser another origin, as in AWS."""
        assert self._http_server, "not started"
        return f"http://{HOST}:{self._http_server.server_port}"

    def lead_to(self, backend_url: str) -> None:
        """Sends the next request to another backend; returns when the former one has answered those that are on their
        way to it, as a load balancer waits for a target that it takes out (Elastic Load Balancing user guide,
        deregistration delay)."""
        with self._arrived:
            former, self.backend_url = self.backend_url, backend_url
            if former != backend_url:
                self._arrived.wait_for(lambda: not self._on_their_way[former], DRAIN_SECONDS)

    @contextmanager
    def _backend(self) -> Iterator[str]:
        """The backend that a request goes to, and that waits for it."""
        with self._arrived:
            url = self.backend_url
            self._on_their_way[url] += 1
        try:
            yield url
        finally:
            with self._arrived:
                self._on_their_way[url] -= 1
                self._arrived.notify_all()

    def stop(self) -> None:
        """Ends the servers and the functions. Repeatable."""
        for server in filter(None, (self._server, self._http_server)):
            server.shutdown()
            server.server_close()
        self.functions.stop()

    def invalidate(self, paths: Iterable[str]) -> None:
        """Forgets what is cached for these paths; they begin with `/`, and `*` at the end stands for anything.

        As in CloudFront the paths are those after a function rewrote them. Raises `ValueError`.
        """
        for path in paths:
            if not path.startswith("/"):
                raise ValueError(f"invalidation path {path!r} must begin with /")
            prefix = path.removesuffix("*")
            for key in list(self._cache):
                if key[1] == path or (path != prefix and key[1].startswith(prefix)):
                    self._cache.pop(key, None)

    def answer(self, request: ViewerRequest) -> Answer:
        """What the viewer gets. Also when the origin or a function fails: then a page that says so."""
        behavior = self.distribution.behavior(request.path)
        try:
            answer = self._after_function(behavior, request, self._answer(behavior, request))
        except FunctionError as error:
            answer = _error_page(503, str(error))
        except TimeoutError:
            answer = _error_page(504, f"the origin did not answer within {ORIGIN_SECONDS:.0f} s")
        except (OSError, http.client.HTTPException) as error:
            answer = _error_page(502, f"CloudFront wasn't able to connect to the origin: {error}")
        accepted = [value for name, value in request.headers if name.lower() == "accept-encoding"]
        if behavior.compresses and "gzip" in " ".join(accepted) and request.method != "HEAD":
            answer = _compressed(answer)
        for name, (value, overrides) in behavior.headers.items():
            if overrides or not answer.header(name):
                answer = answer.with_header(name, value)
        return answer.with_header("X-Cache", f"{answer.source} from cloudfront")

    def _answer(self, behavior: Behavior, request: ViewerRequest) -> Answer:
        if request.method not in behavior.methods:
            return _error_page(403, BAD_METHOD)
        reading = request.method in ("GET", "HEAD")
        if request.body and reading:
            return _error_page(403, "A GET request has no body.")
        path = request.path
        if behavior.request_function:
            path = self.functions.rewritten_uri(behavior.request_function, _event(request))
        if path == "/" and self.distribution.root:
            path = f"/{self.distribution.root}"
        key = (behavior.pattern, path)
        cached = self._cache.get(key) if reading else None
        if cached and self.clock() < cached[0]:
            return replace(cached[1], source="Hit")
        answer = self._stored(request.method, path) if behavior.on_s3 else self._forwarded(behavior, path, request)
        seconds = behavior.cache.seconds(answer.header("Cache-Control"))
        if seconds and request.method == "GET" and answer.status == 200:
            self._cache[key] = (self.clock() + seconds, answer)
        return answer

    def _after_function(self, behavior: Behavior, request: ViewerRequest, answer: Answer) -> Answer:
        """What the function of the viewer response makes of an answer. CloudFront does not call it when the origin
        answered with 400 or above (Developer Guide, edge-function-restrictions-all)."""
        if behavior.response_function is None or answer.status >= 400:
            return answer
        event = viewer_response_event(_event(request), answer.status, answer.headers)
        headers = self.functions.changed_headers(behavior.response_function, event)
        before: dict[str, list[str]] = {}
        for name, value in answer.headers:
            before.setdefault(name.lower(), []).append(value)
        # Whether the policy comes before the function or after it matters for what the function changes alone.
        touched = {name for name in {*before, *headers} - {"set-cookie"} if before.get(name) != headers.get(name)}
        if unclear := {name.lower() for name in behavior.headers} & touched:
            raise FunctionError(f"headers that a policy adds, too, in an order that is not documented: {unclear}")
        cookies = [(name, value) for name, value in answer.headers if name.lower() == "set-cookie"]
        changed = [(name.title(), value) for name, values in headers.items() for value in values]
        return replace(answer, headers=[*changed, *cookies])

    def _stored(self, method: str, path: str) -> Answer:
        if method not in ("GET", "HEAD"):
            return _error_page(501, f"The rehearsal does not simulate {method} on an S3 origin.")
        try:
            stored = self.objects(unquote(path[1:]))
        except NoSuchKeyError:
            return Answer(404, [("Content-Type", "application/xml"), ("Server", "AmazonS3")], NO_SUCH_KEY, "Error")
        if stored is None:
            return Answer(403, [("Content-Type", "application/xml"), ("Server", "AmazonS3")], ACCESS_DENIED, "Error")
        headers = [("Content-Type", stored.content_type), ("Server", "AmazonS3")]
        if stored.cache_control:
            headers.append(("Cache-Control", stored.cache_control))
        return Answer(200, headers, stored.body)

    def _forwarded(self, behavior: Behavior, path: str, request: ViewerRequest) -> Answer:
        """The API's answer, through the load balancer."""
        headers: dict[str, str] = {}
        for name, value in request.headers:
            lower = name.lower()
            if lower in BODY_HEADERS or (behavior.all_viewer and lower not in HOP_BY_HOP):
                headers[lower] = f"{headers[lower]}, {value}" if lower in headers else value
        headers["x-forwarded-for"] = ", ".join(filter(None, (headers.get("x-forwarded-for"), request.viewer)))
        headers |= behavior.origin_headers
        # A load balancer writes the protocol and port of its own client, which is CloudFront, whatever the viewer used
        # (Elastic Load Balancing user guide, x-forwarded-headers).
        headers["x-forwarded-proto"] = behavior.protocol
        headers["x-forwarded-port"] = PORTS[behavior.protocol]
        target = path + (f"?{request.query}" if request.query and behavior.all_viewer else "")
        with self._backend() as url:
            backend = urlsplit(url)
            connection = http.client.HTTPConnection(backend.hostname or HOST, backend.port, timeout=ORIGIN_SECONDS)
            with closing(connection):
                connection.request(request.method, target, request.body or None, headers)
                response = connection.getresponse()
                passed = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP]
                return Answer(response.status, passed, response.read(), "Miss" if response.status < 400 else "Error")

    def _serve(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if "HTTP_TRANSFER_ENCODING" in environ or "HTTP_UPGRADE" in environ:
            answer = _error_page(501, "The rehearsal simulates neither chunked requests nor upgrades.")
        else:
            answer = self._local(self.answer(_viewer_request(environ)))
        return _respond(answer, environ, start_response)

    def _serve_http(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """What a viewer gets who asks over HTTP, by the behaviour's ViewerProtocolPolicy."""
        request = _viewer_request(environ)
        match self.distribution.behavior(request.path).viewer_protocol:
            case "redirect-to-https":
                status = 301 if request.method in ("GET", "HEAD") else 307
                answer = Answer(status, [("Location", self.url + request.target)], b"", "Redirect")
            case "https-only":
                answer = _error_page(403, "Bad request. We can't connect to the server for this app or website.")
            case _:
                answer = self._local(self.answer(request))
        return _respond(answer, environ, start_response)

    def _local(self, answer: Answer) -> Answer:
        """An answer whose redirects to the distribution itself lead to where it is served here."""
        location, own = urlsplit(answer.header("Location")), urlsplit(self.url)
        if location.netloc != own.netloc:
            return answer
        base = urlsplit(self.url if location.scheme == "https" else self.http_url)
        return answer.with_header("Location", location._replace(scheme=base.scheme, netloc=base.netloc).geturl())


def _server(application: "WSGIApplication") -> BaseWSGIServer:
    server = make_server(HOST, 0, application, threaded=True, request_handler=_SilentHandler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server


def _respond(answer: Answer, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    head = environ["REQUEST_METHOD"] == "HEAD"
    if not (head and answer.header("Content-Length")):
        answer = answer.with_header("Content-Length", str(len(answer.body)))
    response = Response(b"" if head else answer.body, answer.status)
    response.headers.clear()
    response.headers.extend(answer.headers)
    response.automatically_set_content_length = False
    return response(environ, start_response)


class _SilentHandler(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Nothing: the rehearsal prints what it asks itself."""


def _viewer_request(environ: "WSGIEnvironment") -> ViewerRequest:
    headers = [
        (name.removeprefix("HTTP_").replace("_", "-").title(), value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    ]
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return ViewerRequest(environ["REQUEST_METHOD"], environ["REQUEST_URI"], headers, body, environ["REMOTE_ADDR"])


def _event(request: ViewerRequest) -> dict[str, Any]:
    return viewer_request_event(request.method, request.path, request.query, request.headers, request.viewer)


def _compressed(answer: Answer) -> Answer:
    """ServingCompressedFiles: by type and size, and never twice."""
    plain = answer.header("Content-Encoding") or answer.header("Content-Type").split(";")[0] not in COMPRESSED_TYPES
    if plain or len(answer.body) not in COMPRESSED_SIZES:
        return answer
    smaller = replace(answer, body=gzip.compress(answer.body, 6, mtime=0))
    return smaller.with_header("Content-Encoding", "gzip").with_header("Vary", "Accept-Encoding")
