"""Start, stop and status of the process: stale run files, taken ports, a process that does not come up."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scripts.local_aws import server
from scripts.local_aws.__main__ import main


def test_it_answers_on_loopback_and_is_found_again(tmp_path: Path) -> None:
    run_file = tmp_path / "local_aws.json"
    assert server.status(run_file) is None
    assert server.stop(run_file) is False
    first = server.ensure(run_file)
    assert first.url.startswith("http://localhost:")
    assert server.ensure(run_file) == first
    assert first.exceptions() == []
    run = server.status(run_file)
    assert run is not None
    with pytest.raises(server.ServerError, match=f"runs already: process {run.pid}"):
        server.start(run_file=run_file)
    assert server.stop(run_file) is True
    assert server.status(run_file) is None
    assert not run_file.exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"pid": 1}', json.dumps({"pid": 1, "port": 9, "log": "x", "key": "k"})]
)
def test_a_stale_or_broken_run_file_counts_as_none(tmp_path: Path, text: str) -> None:
    run_file = tmp_path / "local_aws.json"
    run_file.write_text(text)
    assert server.status(run_file) is None


def test_another_process_on_the_port_is_not_taken_for_it(tmp_path: Path, endpoint: server.Endpoint) -> None:
    run_file = tmp_path / "local_aws.json"
    port = int(endpoint.url.rpartition(":")[2])
    run_file.write_text(json.dumps({"pid": os.getpid(), "port": port, "log": "x", "key": "k"}))
    assert server.status(run_file) is None
    assert server.stop(run_file) is False, "and it is not ended"


def test_a_server_that_hangs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "TIMEOUT", 0.2)
    run_file = tmp_path / "local_aws.json"
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        run_file.write_text(json.dumps({"pid": 1, "port": deaf.getsockname()[1], "log": "x", "key": "k"}))
        with pytest.raises(server.ServerError, match="takes calls and does not answer"):
            server.ensure(run_file)
    assert run_file.exists()


def test_one_that_ended_is_told_with_what_is_lost_and_its_log(tmp_path: Path) -> None:
    run_file, messages = tmp_path / "local_aws.json", list[str]()
    server.ensure(run_file, messages.append)
    run = server.status(run_file)
    assert run is not None and messages == []
    os.kill(run.pid, signal.SIGKILL)
    while server.status(run_file):
        time.sleep(0.02)
    assert server.lost(run_file) == (
        f"The local AWS (process {run.pid}) has ended: what was in it is lost. Its log: {run.log}"
    )
    server.ensure(run_file, messages.append)
    assert messages == [server.lost(run_file) or messages[0]] and str(tmp_path / "local_aws.ended.log") in messages[0]
    assert (tmp_path / "local_aws.ended.log").exists()
    assert server.stop(run_file) and server.lost(run_file) == "", "what was stopped is not lost"


@pytest.mark.soak
def test_a_proxy_is_for_the_network_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    run_file = tmp_path / "local_aws.json"
    assert server.ensure(run_file).exceptions() == []
    assert server.stop(run_file)


@pytest.mark.soak
def test_two_commands_at_once_start_one_server(tmp_path: Path) -> None:
    run_file = tmp_path / "local_aws.json"
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(server.ensure, [run_file, run_file])
    assert first == second
    assert server.stop(run_file)


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(server.ServerError, match=f"port {port} is taken"):
            server.start(port, tmp_path / "local_aws.json")


def test_a_process_that_ends_is_told_with_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no module named moto\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(server.ServerError, match="no module named moto"):
        server.start(run_file=tmp_path / "local_aws.json")


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(server.status, "__defaults__", (tmp_path / "none.json",))
    assert main(["status"]) == 1
    assert capsys.readouterr().err == "local AWS is not running\n"
    shown = subprocess.run(
        [sys.executable, "-m", "scripts.local_aws", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=server.ROOT,
    )
    assert "start,stop,status,environment,serve" in shown.stdout
