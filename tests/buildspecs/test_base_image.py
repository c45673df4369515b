"""The image that the default Dockerfile starts from: which one it is stands in a file, and is renewed by a command."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts.pin_base_image import FILE, TYPES, main

CHALLENGE = 'Bearer realm="{}",service="here",scope="aws"'
DIGEST = f"sha256:{hashlib.sha256(b'{}').hexdigest()}"  # of the manifest that a registry has at first


@dataclass
class Registry:
    """A registry on this machine that gives a manifest to whoever has the token that it gives to anybody.

    `digest` is what it says of the manifest, and empty for what is true; `realm` is where it sends for a token, and
    empty for itself; `kind` is the type of what it sends.
    """

    address: str = ""
    manifest: bytes = b"{}"
    digest: str = ""
    realm: str = ""
    kind: str = TYPES[0]
    token: bytes = b'{"token": "open"}'
    requests: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)

    def answer(self, path: str, token: str, accepted: str = "") -> tuple[int, dict[str, str], bytes]:
        self.requests.append(path)
        self.accepted.append(accepted)
        if path.startswith("/token?"):
            return 200, {}, self.token
        if token != "Bearer open":
            realm = self.realm or f"http://{self.address}/token"
            return 401, {"WWW-Authenticate": CHALLENGE.format(realm)}, b""
        if path != "/v2/library/python/manifests/3.11-slim":
            return 404, {}, b"MANIFEST_UNKNOWN"
        digest = self.digest or f"sha256:{hashlib.sha256(self.manifest).hexdigest()}"
        return 200, {"Content-Type": self.kind, "Docker-Content-Digest": digest}, self.manifest


@pytest.fixture
def registry() -> Iterator[Registry]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = here.answer(
                self.path, self.headers.get("Authorization", ""), self.headers.get("Accept", "")
            )
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    here = Registry()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.address = f"127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield here
    server.shutdown()
    server.server_close()


@pytest.fixture
def pins(tmp_path: Path, registry: Registry) -> Path:
    """A file with an image of that registry, pinned earlier."""
    file = tmp_path / "base_images.json"
    file.write_text(json.dumps({f"{registry.address}/library/python:3.11-slim": "sha256:" + "0" * 64}))
    return file


def test_the_file_has_one_digest_for_each_image() -> None:
    body = json.loads(FILE.read_text(encoding="utf-8"))
    assert len(set(body.values())) == len(body) >= 4
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in body.values())


@pytest.mark.parametrize("token", [b'{"token": "open"}', b'{"access_token": "open"}'])
@pytest.mark.parametrize("kind", [*TYPES, f"{TYPES[0]}; charset=utf-8"])
def test_the_command_writes_the_digest_that_the_tag_has_now(
    registry: Registry, pins: Path, capsys: pytest.CaptureFixture[str], token: bytes, kind: str
) -> None:
    registry.manifest, registry.token, registry.kind = b'{"schemaVersion": 2}', token, kind
    digest = f"sha256:{hashlib.sha256(registry.manifest).hexdigest()}"
    image = f"{registry.address}/library/python:3.11-slim"
    assert main([], pins) == 0
    assert pins.read_text(encoding="utf-8") == f'{{\n  "{image}": "{digest}"\n}}\n'
    assert capsys.readouterr().out.splitlines() == [
        f"{image}: sha256:{'0' * 64} -> {digest}",
        "buildspecs/base_images.json is renewed: run `python -m generator`",
    ]
    manifest = "/v2/library/python/manifests/3.11-slim"
    assert registry.requests == [manifest, "/token?service=here&scope=aws", manifest]
    assert registry.accepted[0] == registry.accepted[2] == ", ".join(TYPES)
    assert main([], pins) == 0 and capsys.readouterr().out == "unchanged\n"


def test_an_image_that_is_named_is_added_in_its_place(
    registry: Registry, pins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = f"{registry.address}/library/python:3.11-slim"
    pins.write_text("{}", encoding="utf-8")
    digest = f"sha256:{hashlib.sha256(registry.manifest).hexdigest()}"
    assert main([image, image], pins) == 0 and json.loads(pins.read_text(encoding="utf-8")) == {image: digest}
    assert capsys.readouterr().out.splitlines()[0] == f"{image}: new -> {digest}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"digest": f"sha256:{'dead' * 16}"}, f"the registry says sha256:{'dead' * 16}, and what it sent is {DIGEST}"),
        ({"kind": "text/html"}, "the registry sent text/html, no manifest"),
        *(
            (
                {"realm": realm},
                f"the registry asks for {CHALLENGE.format(realm)!r}, and only an anonymous token is fetched",
            )
            for realm in ("http://elsewhere.test/token", "file:///etc/passwd")
        ),
        *(({"token": token}, "http://ADDRESS/token gives no token (200)") for token in (b"<html>", b"{}", b"[]")),
        ({"token": b'{"token": "closed"}'}, "the registry answers 401 b''"),
    ],
)
def test_a_registry_that_is_not_believed_changes_nothing(
    registry: Registry, pins: Path, capsys: pytest.CaptureFixture[str], change: dict[str, str], message: str
) -> None:
    before = pins.read_text(encoding="utf-8")
    for name, value in change.items():
        setattr(registry, name, value)
    assert main([], pins) == 1
    image = f"{registry.address}/library/python:3.11-slim"
    assert capsys.readouterr().err == f"pin_base_image: {image}: {message.replace('ADDRESS', registry.address)}\n"
    assert pins.read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            "{address}/library/python:9.9-slim",
            "{address}/library/python:9.9-slim: the registry answers 404 b'MANIFEST_UNKNOWN'\n",
        ),
        ("python:3.11-slim", "python:3.11-slim is not HOST/NAME:TAG\n"),
        (
            "127.0.0.1:1/library/python:3.11-slim",
            "http://127.0.0.1:1/v2/library/python/manifests/3.11-slim: no answer, "
            "<urlopen error [Errno 111] Connection refused>\n",
        ),
    ],
)
def test_an_image_without_a_digest_changes_nothing(
    registry: Registry, pins: Path, capsys: pytest.CaptureFixture[str], image: str, message: str
) -> None:
    before = pins.read_text(encoding="utf-8")
    assert main([image.format(address=registry.address)], pins) == 1
    assert capsys.readouterr().err == f"pin_base_image: {message.format(address=registry.address)}"
    assert pins.read_text(encoding="utf-8") == before
