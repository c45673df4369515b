"""What stands on this machine is reached whatever the proxy is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from scripts import loopback

PROXY = "http://127.0.0.1:9"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"here")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_no_proxy_stands_between(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, PROXY)
    with loopback.urlopen(url, timeout=10) as answer:
        assert answer.read() == b"here"


@pytest.mark.parametrize(
    ("lower", "upper", "after"),
    [
        ("", "", "localhost,127.0.0.1,::1"),
        ("example.test", "", "example.test,localhost,127.0.0.1,::1"),
        ("", "example.test", "example.test,localhost,127.0.0.1,::1"),
        ("one.test,two.test", "two.test,three.test", "one.test,two.test,three.test,localhost,127.0.0.1,::1"),
        ("localhost, .internal", "", "localhost,.internal,127.0.0.1,::1"),
        ("a.test b.test", "", "a.test,b.test,localhost,127.0.0.1,::1"),
        ("*", "a.test", "*"),
    ],
)
def test_other_programs_are_told(url: str, monkeypatch: pytest.MonkeyPatch, lower: str, upper: str, after: str) -> None:
    monkeypatch.setenv("NO_PROXY", upper)
    monkeypatch.setenv("no_proxy", lower)
    monkeypatch.setenv("http_proxy", PROXY)
    loopback.without_proxy()
    import os
    import urllib.request

    assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == after
    assert urllib.request.urlopen(url, timeout=10).read() == b"here"
