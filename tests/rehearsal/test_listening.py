"""Where the sockets of an application of a rehearsal are bound, and what is written down of what it asked for."""

from __future__ import annotations

import importlib.util
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

MODULE = ROOT / "scripts/rehearsal/runtime/listening/sitecustomize.py"
STREAM, DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
FOUR, SIX = socket.AF_INET, socket.AF_INET6


class Played:
    """A socket of a family and a type."""

    def __init__(self, family: int, kind: int, *, six_only: int = 0) -> None:
        self.family, self.type, self.six_only = family, kind, six_only

    def getsockopt(self, level: int, name: int) -> int:
        assert (self.family, level, name) == (SIX, socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        return self.six_only


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """What is really bound: socket and address."""
    calls: list[tuple[Any, Any]] = []
    monkeypatch.setattr(socket.socket, "bind", lambda *words: calls.append(words))
    return calls


def start() -> None:
    """What Python does at its start: under another name, as there may be one of this name already."""
    spec = importlib.util.spec_from_file_location("listening", MODULE)
    assert spec and spec.loader
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


HERE, SIX_ONLY, BOTH = "127.0.0.1", "::1", "::ffff:127.0.0.1"


@pytest.mark.parametrize(
    ("played", "addresses", "written"),
    [
        (Played(FOUR, STREAM), (("0.0.0.0", 8000), (HERE, 4321)), ("0.0.0.0", 8000, False)),
        (Played(FOUR, STREAM | socket.SOCK_CLOEXEC), (("", 8000), (HERE, 4321)), ("", 8000, False)),
        (Played(FOUR, STREAM), (("0.0.0.0", 9000), (HERE, 0)), ("0.0.0.0", 9000, False)),
        (Played(FOUR, STREAM), (("127.0.0.1", 8000), (HERE, 0)), ("127.0.0.1", 8000, False)),
        (Played(FOUR, STREAM), (("localhost", 8000), (HERE, 0)), ("localhost", 8000, False)),
        (Played(SIX, STREAM), (("::", 8000, 0, 0), (BOTH, 4321)), ("::", 8000, False)),
        (Played(SIX, STREAM), (("::1", 8000, 0, 0), (BOTH, 0)), ("::1", 8000, False)),
        (Played(SIX, STREAM, six_only=1), (("::", 8000, 0, 0), (SIX_ONLY, 0)), ("::", 8000, True)),
        (Played(FOUR, STREAM), (("0.0.0.0", 0), ("0.0.0.0", 0)), None),
        (Played(FOUR, STREAM), ("no pair", "no pair"), None),
        (Played(FOUR, DATAGRAM), (("0.0.0.0", 8000), ("0.0.0.0", 8000)), None),
        (Played(socket.AF_UNIX, STREAM), ("/run/app.sock", "/run/app.sock"), None),
        (Played(socket.AF_UNIX, STREAM), (("/run", 1), ("/run", 1)), None),
    ],
    ids=lambda value: str(value) if isinstance(value, tuple | str) else "",
)
def test_a_socket_is_bound_to_this_machine_alone(
    bound: list[tuple[Any, Any]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    played: Any,
    addresses: tuple[Any, Any],
    written: tuple[str, int, bool] | None,
) -> None:
    record = tmp_path / "record"
    record.write_text("{}\n", encoding="utf-8")
    settings = {"record": str(record), "port": 8000, "bound_port": 4321}
    monkeypatch.setenv("REHEARSAL_LISTENING", json.dumps(settings))
    start()
    address, there = addresses
    socket.socket.bind(played, address)
    assert bound == [(played, there)]
    lines = [dict(zip(("host", "port", "six_only"), written, strict=True))] if written else []
    assert [json.loads(line) for line in record.read_text("utf-8").splitlines()] == [{}, *lines]


def test_outside_of_a_rehearsal_nothing_changes(bound: list[tuple[Any, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REHEARSAL_LISTENING", raising=False)
    before = socket.socket.bind
    start()
    assert socket.socket.bind is before and bound == []
