"""The life of the server as its commands see it, with a process and a server that are played: what stands in the run
file, what is told of a server that ended, hangs or does not come up, and what it takes over of the environment."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from scripts.local_aws import __main__ as command
from scripts.local_aws import application, server
from scripts.local_aws.server import Endpoint, Run, ServerError

NOBODY = 4_194_305  # no process has such a number: the kernel's limit is 4194304


class Played:
    """A process that serves; what it answers to the challenge can be changed."""

    pid = NOBODY
    returncode: int | None = None

    def __init__(self, port: int, log: Path, key: str, body: dict[str, Any] | bytes | None = None) -> None:
        self.port, self.log, self.key, self.killed = port, log, key, False
        log.write_text("begins\n", encoding="utf-8")
        process = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                place = urlsplit(self.path)
                assert place.path == "/local-aws/status"
                challenge = parse_qs(place.query)["challenge"][0]
                assert re.fullmatch("[0-9a-f]{32}", challenge)
                own = {"pid": process.pid, "proof": server.proof(process.key, challenge)}
                text = body if isinstance(body, bytes) else json.dumps({**own, **(body or {})}).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = HTTPServer(("127.0.0.1", port), Handler)
        Thread(target=self._http.serve_forever, daemon=True).start()

    def poll(self) -> int | None:
        return None

    def kill(self) -> None:
        self.killed = True

    def end(self) -> None:
        """Answers no more."""
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    return tmp_path / "home/cache/local_aws.json"


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Played]]:
    """The processes that were started, newest last; a signal ends the newest."""
    processes: list[Played] = []
    signals: list[tuple[int, int]] = []

    def launch(port: int, log: Path, key: str) -> Played:
        processes.append(Played(port, log, key))
        return processes[-1]

    def kill(pid: int, number: int) -> None:
        signals.append((pid, number))
        processes[-1].end()

    monkeypatch.setattr(server, "launch", launch)
    monkeypatch.setattr("os.kill", kill)
    yield processes
    assert set(signals) <= {(NOBODY, signal.SIGTERM)}
    for process in processes[len(signals) :]:
        process.end()


def test_a_server_is_started_found_again_and_stopped(run_file: Path, launched: list[Played]) -> None:
    endpoint = server.ensure(run_file)
    [process] = launched
    log = str(run_file.with_suffix(".log"))
    run = {"pid": NOBODY, "port": process.port, "log": log, "key": process.key}
    assert json.loads(run_file.read_text("utf-8")) == run and stat.S_IMODE(run_file.stat().st_mode) == 0o600
    assert re.fullmatch("LOCAL[0-9A-F]{32}", process.key) and process.returncode == 0 and not process.killed
    assert endpoint == Endpoint(f"http://localhost:{process.port}", "123456789012", "us-east-1", process.key, log)
    assert server.ensure(run_file) == endpoint and len(launched) == 1
    assert server.status(run_file) == Run(**run)  # type: ignore[arg-type]
    with pytest.raises(ServerError) as refused:
        server.start(run_file=run_file)
    assert str(refused.value) == f"the local AWS runs already: process {NOBODY}, port {process.port}"
    assert server.lost(run_file) == ""
    assert server.stop(run_file) is True and not run_file.exists() and server.stop(run_file) is False
    assert server.lost(run_file) == "" and server.lost(run_file, endpoint) == (
        f"The local AWS was stopped: what was in it is lost. Its log: {log}"
    )


def test_what_ended_is_told_once_with_its_log(run_file: Path, launched: list[Played]) -> None:
    messages: list[str] = []
    first = server.ensure(run_file, messages.append)
    launched[0].end()
    log, kept = run_file.with_suffix(".log"), run_file.with_suffix(".ended.log")
    lost = f"The local AWS (process {NOBODY}) has ended: what was in it is lost. Its log: "
    assert server.lost(run_file) == server.lost(run_file, first) == f"{lost}{log}" and messages == []
    log.write_text("why it ended\n", encoding="utf-8")
    second = server.ensure(run_file, messages.append)
    assert messages == [f"{lost}{kept}"] and kept.read_text("utf-8") == "why it ended\n"
    assert second.key != first.key and server.lost(run_file, second) == ""
    assert server.lost(run_file, first) == f"The local AWS was stopped: what was in it is lost. Its log: {log}"
    server.stop(run_file)
    launched.pop(0)


@pytest.mark.parametrize(
    "body",
    [{"pid": 1}, {"proof": "forged"}, b"no JSON", b"[]", {"pid": None}],
    ids=["pid", "proof", "text", "list", "none"],
)
def test_who_cannot_prove_that_it_knows_the_key_is_not_it(tmp_path: Path, body: Any) -> None:
    process = Played(server._free(None), tmp_path / "log", "LOCALKEY", body)
    run_file = tmp_path / "run.json"
    run_file.write_text(json.dumps({"pid": NOBODY, "port": process.port, "log": "x", "key": "LOCALKEY"}))
    try:
        assert server._answers(Run(NOBODY, process.port, "x", "LOCALKEY")) is False
        assert server.status(run_file) is None and server.stop(run_file) is False
    finally:
        process.end()


def test_a_server_that_hangs_is_told_with_what_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "TIMEOUT", 0.1)
    run_file = tmp_path / "run.json"
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        port = deaf.getsockname()[1]
        run_file.write_text(json.dumps({"pid": 7, "port": port, "log": "/the/log", "key": "k"}))
        with pytest.raises(ServerError) as refused:
            server.status(run_file)
        assert server.lost(run_file) == ""
    assert str(refused.value) == (
        f"port {port} of the local AWS takes calls and does not answer, see /the/log; "
        "end it with `kill 7` and start again"
    )


def test_a_process_that_does_not_come_up_is_ended_and_told(run_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    class Broken:
        pid, returncode = NOBODY, 1

        def poll(self) -> int | None:
            return 1

        def kill(self) -> None:
            ended.append("killed")

    def launch(_port: int, log: Path, _key: str) -> Broken:
        log.write_text("\n".join(f"line {number}" for number in range(7)), encoding="utf-8")
        return Broken()

    monkeypatch.setattr(server, "launch", launch)
    with pytest.raises(ServerError) as refused:
        server.start(run_file=run_file)
    tail = "\n".join(f"line {number}" for number in range(2, 7))
    assert str(refused.value) == f"the local AWS did not start; the end of {run_file.with_suffix('.log')}:\n{tail}"
    assert ended == ["killed"] and not run_file.exists()


def test_a_process_that_takes_too_long_is_ended(run_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PATIENCE", 0.0)
    processes: list[Played] = []

    def launch(port: int, log: Path, key: str) -> Played:
        processes.append(Played(port, log, key))
        return processes[-1]

    monkeypatch.setattr(server, "launch", launch)
    with pytest.raises(ServerError, match="did not start"):
        server.start(run_file=run_file)
    processes[0].end()
    assert processes[0].killed


def test_a_server_that_does_not_end_is_told(
    run_file: Path, launched: list[Played], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.ensure(run_file)
    clock = iter([0.0, 10.0, 10.5])
    monkeypatch.setattr("os.kill", lambda _pid, _number: None)
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with pytest.raises(ServerError) as refused:
        server.stop(run_file)
    assert str(refused.value) == f"process {NOBODY} does not end; end it with `kill -9 {NOBODY}`"
    assert next(clock, None) is None and run_file.exists() and launched


def test_stopping_waits_until_the_process_neither_answers_nor_runs(
    run_file: Path, launched: list[Played], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.ensure(run_file)
    ended, sleeps = os.kill, list[float]()
    lives = iter([True, True, False])

    def kill(pid: int, number: int) -> None:
        ended(pid, number)
        raise ProcessLookupError

    monkeypatch.setattr("os.kill", kill)
    monkeypatch.setattr(server, "_lives", lambda pid: next(lives) and pid == NOBODY)
    monkeypatch.setattr("time.sleep", sleeps.append)
    assert server.stop(run_file) is True and not run_file.exists() and launched
    assert next(lives, None) is None and sleeps == [0.05, 0.05]


def test_a_server_may_take_its_time_to_answer(
    run_file: Path, launched: list[Played], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: Iterator[TimeoutError | bool] = iter([TimeoutError(), False, True])
    sleeps: list[float] = []

    def slow(run: Run) -> bool:
        assert run.pid == NOBODY
        answer = next(answers)
        if isinstance(answer, bool):
            return answer
        raise answer

    monkeypatch.setattr(server, "_answers", slow)
    monkeypatch.setattr("time.sleep", sleeps.append)
    run_file.parent.mkdir(parents=True)
    run_file.with_suffix(".new").write_text("of a start that was killed", encoding="utf-8")
    assert server.start(run_file=run_file).key == launched[0].key
    assert next(answers, None) is None and sleeps == [0.05, 0.05]
    assert json.loads(run_file.read_text("utf-8"))["key"] == launched[0].key
    assert not run_file.with_suffix(".new").exists()
    launched.pop().end()


def test_a_port_is_free_as_soon_as_its_server_has_ended() -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        address = listener.getsockname()
        with socket.create_connection(address) as client:
            listener.accept()[0].close()  # who closes first keeps the port for a minute
            assert client.recv(1) == b""
    assert server._free(address[1]) == address[1]


def test_a_page_of_the_server_is_asked_for_with_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[Any] = []

    def urlopen(request: Any, timeout: float) -> io.BytesIO:
        headers = dict(request.header_items())
        requests.append((request.full_url, request.get_method(), request.data, headers, timeout))
        return io.BytesIO(b'[{"stack": "app"}]')

    monkeypatch.setattr(server, "urlopen", urlopen)
    endpoint = Endpoint("http://localhost:1", "1", "us-east-1", "LOCALKEY")
    assert endpoint.exceptions() == endpoint.ask("roles", "PUT", b"{}") == [{"stack": "app"}]
    key = {"X-local-aws-key": "LOCALKEY"}
    assert requests == [
        ("http://localhost:1/local-aws/exceptions", "GET", None, key, 30),
        ("http://localhost:1/local-aws/roles", "PUT", b"{}", key, 30),
    ]


def test_a_process_of_which_nobody_noticed_the_end_does_not_run() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is still there
        assert server._lives(process.pid) is False
    assert server._lives(os.getpid()) is True and server._lives(NOBODY) is False


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ServerError) as refused:
        server.stop(tmp_path / "file/run.json")
    assert str(refused.value) == (
        f"{tmp_path / 'file'} cannot be written: File exists; look at the space that is left there, and at its rights"
    )


def test_a_port_that_is_taken_is_told(run_file: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServerError) as refused:
            server.start(port, run_file)
    assert str(refused.value) == f"port {port} is taken: Address already in use; give another one, or none"


def test_the_process_is_started_by_itself_without_the_credentials_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[tuple[list[str], dict[str, Any]]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda words, **options: commands.append((words, options)))
    kept = {
        "PATH": "/bin",
        "HOME": "/home",
        "LANG": "C",
        "LC_ALL": "C",
        "TZ": "UTC",
        "TMPDIR": "/t",
        "PYTHONPATH": "/p",
    }
    others = {
        "AWS_PROFILE": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "GITHUB_TOKEN": "x",
        "PYTHONSAFEPATH": "1",
        "XLANG": "x",
    }
    for name in os.environ:
        monkeypatch.delenv(name)
    for name, value in {**kept, **others}.items():
        monkeypatch.setenv(name, value)
    server.launch(1234, tmp_path / "log", "LOCALKEY")
    [(words, options)] = commands
    assert words == [sys.executable, "-m", "scripts.local_aws", "serve", "--port", "1234"]
    output = options.pop("stdout")
    assert output is options.pop("stderr") and output.name == str(tmp_path / "log") and output.mode == "ab"
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) & 0o077 == 0
    nothing = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    assert options == {
        "cwd": server.ROOT,
        "env": {**kept, **nothing, "AWS_EC2_METADATA_DISABLED": "true", "LOCAL_AWS_KEY": "LOCALKEY"},
        "stdin": subprocess.DEVNULL,
        "start_new_session": True,
    }


def test_what_serves_ends_at_once_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Any] = []

    class Server:
        def serve_forever(self) -> None:
            done.append("serves")

    def make(port: int, key: str) -> Server:
        done.append((port, key))
        return Server()

    monkeypatch.setattr(application, "make", make)
    monkeypatch.setattr(signal, "signal", lambda number, handler: done.append((number, handler)))
    monkeypatch.setattr(os, "_exit", lambda status: done.append(f"exit {status}"))
    server.serve(1234, "LOCALKEY")
    (number, handler), *rest = done
    assert number == signal.SIGTERM and rest == [(1234, "LOCALKEY"), "serves"]
    handler(number, None)
    assert done[-1] == "exit 0"


RUN = Run(7, 1234, "/the/log", "LOCAL KEY")
SHOWN = "local AWS: http://localhost:1234/?key=LOCAL KEY  process 7, log /the/log\n"
VARIABLES = """\
export AWS_ENDPOINT_URL=http://localhost:1234
export AWS_ACCESS_KEY_ID='LOCAL KEY'
export AWS_SECRET_ACCESS_KEY=local
export AWS_DEFAULT_REGION=us-east-1
"""


@pytest.mark.parametrize(
    ("words", "running", "lost", "ended"),
    [
        (["start"], None, "", (0, SHOWN, "")),
        (["start", "--port", "5"], None, "", (0, SHOWN.replace("1234", "5"), "")),
        (["start", "--port", "6"], None, "", (1, "", "error: port 6 is taken\n")),
        (["stop"], RUN, "", (0, "local AWS stopped\n", "")),
        (["stop"], None, "", (0, "local AWS was not running\n", "")),
        (["status"], RUN, "", (0, SHOWN, "")),
        (["environment"], RUN, "", (0, VARIABLES, "")),
        (["status"], None, "", (1, "", "local AWS is not running\n")),
        (["environment"], None, "it has ended", (1, "", "it has ended\n")),
    ],
)
def test_what_the_commands_say(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    running: Run | None,
    lost: str,
    ended: tuple[int, str, str],
) -> None:
    def start(port: int | None) -> Run:
        if port == 6:
            raise ServerError("port 6 is taken")
        return Run(7, port or 1234, "/the/log", "LOCAL KEY")

    monkeypatch.setattr(server, "start", start)
    monkeypatch.setattr(server, "stop", lambda: running is not None)
    monkeypatch.setattr(server, "status", lambda: running)
    monkeypatch.setattr(server, "lost", lambda: lost)
    status = command.main(words)
    assert (status, *capsys.readouterr()) == ended


def test_serving_takes_the_key_out_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[tuple[int, str]] = []
    monkeypatch.setenv("LOCAL_AWS_KEY", "LOCALKEY")
    monkeypatch.setattr(server, "serve", lambda port, key: served.append((port, key)))
    assert command.main(["serve", "--port", "1234"]) == 0
    assert served == [(1234, "LOCALKEY")] and "LOCAL_AWS_KEY" not in os.environ


@pytest.mark.parametrize("words", [[], ["other"], ["start", "--port", "x"]])
def test_other_words_are_a_mistake(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(words)
    assert ended.value.code == 2 and "usage: python -m scripts.local_aws" in capsys.readouterr().err


def test_how_long_a_server_is_waited_for() -> None:
    """A minute until it answers for the first time, ten seconds for each answer."""
    assert (server.PATIENCE, server.TIMEOUT) == (60, 10)
