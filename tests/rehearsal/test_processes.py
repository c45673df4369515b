"""An application as a process: how it is started, when it counts as running, what is told when it does not."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.deployment.aws import Aws
from scripts.loopback import urlopen
from scripts.rehearsal.permissions import PermissionChecker
from scripts.rehearsal.runtime import application
from scripts.rehearsal.runtime.application import ApplicationProcess, Launch, ProcessError, health_problem, start
from tests.support.processes import gone
from tests.support.rehearsal.prepared_aws import ACCOUNT, aws
from tests.support.rehearsal.releases import Account, Checks

# Answers with its environment and folder; a path that is a number is the status.
SERVER = """import http.server, json, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = self.path[1:]
        body = json.dumps({"environment": dict(os.environ), "folder": os.getcwd()}).encode()
        self.send_response(int(status) if status.isdigit() else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
print("it serves", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApplicationProcess]:
    folder = tmp_path_factory.mktemp("server") / "bundle"
    folder.mkdir()
    (folder / "serve.py").write_text(SERVER, encoding="utf-8")
    running = serve(launch(folder))
    yield running
    running.stop()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "serve.py").write_text(SERVER, encoding="utf-8")
    return folder


def launch(bundle: Path, **more: Any) -> Launch:
    return Launch(bundle, {"LEVEL": "INFO"}, application.free_port(), **more)


def serve(own: Launch, *words: str, **more: Any) -> ApplicationProcess:
    """Starts a script of the bundle, with the port as its word, unless it has other words."""
    command = [sys.executable, "-c", application.RUN_WORDS, sys.executable, *(words or ("serve.py", str(own.port)))]
    return start(own, command, "the server", dict(own.environment), **more)


def test_an_application_has_what_it_is_given_and_what_starting_a_program_takes(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    running = serve(launch(bundle))
    try:
        answer = json.loads(urlopen(f"{running.url}/200", timeout=5).read())
        assert (running.url, running.alive) == (f"http://127.0.0.1:{running.port}", True)
        assert running.log == bundle.parent / "bundle.log" and running.log.read_text() == "it serves\n"
        assert answer["folder"] == str(bundle)
        environment = answer["environment"]
        assert (environment["LEVEL"], environment["HOME"]) == ("INFO", str(bundle.parent / "bundle.home"))
        assert "AWS_SECRET_ACCESS_KEY" not in environment
        with pytest.raises(ProcessError) as taken:
            serve(Launch(bundle, {}, running.port))
        problem = f"port {running.port} is taken by another process; stop that one or give another port"
        assert str(taken.value) == problem
        assert running.log.read_text() == "it serves\n", "the log of what runs stays"
    finally:
        running.stop()
    assert not running.alive and application.is_port_free(running.port)
    assert cast(Any, running.process.stdin).closed
    running.stop()


def test_it_starts_in_the_folder_that_is_named(bundle: Path, tmp_path: Path) -> None:
    port = application.free_port()
    running = serve(Launch(bundle, {}, port, folder=tmp_path), "bundle/serve.py", str(port))
    try:
        assert json.loads(urlopen(f"{running.url}/200", timeout=5).read())["folder"] == str(tmp_path)
        assert running.log == tmp_path / "bundle.log"
    finally:
        running.stop()


def test_one_that_ends_is_told_with_the_end_of_its_log(bundle: Path) -> None:
    (bundle / "ends.py").write_text("for number in range(30): print('line', number)\nraise SystemExit(3)")
    with pytest.raises(ProcessError) as failed:
        serve(launch(bundle), "ends.py")
    lines = "\n".join(f"line {number}" for number in range(10, 30))
    assert str(failed.value) == f"the server ended with status 3, the end of {bundle.parent / 'bundle.log'}:\n{lines}"


def test_a_program_that_there_is_not_is_told(bundle: Path) -> None:
    command = [sys.executable, "-c", application.RUN_WORDS, "/no/such/program"]
    with pytest.raises(ProcessError) as failed:
        start(launch(bundle), command, "`it`", {})
    log = bundle.parent / "bundle.log"
    problem = "exec /no/such/program: No such file or directory"
    assert str(failed.value) == f"`it` ended with status 1, the end of {log}:\n{problem}"


def test_one_that_does_not_answer_in_time_is_ended(bundle: Path) -> None:
    (bundle / "waits.py").write_text("import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    with pytest.raises(ProcessError) as failed:
        serve(launch(bundle, patience=0.6), "waits.py")
    head, number = str(failed.value).split("\n")
    assert head == f"the server did not answer within 1 s, the end of {bundle.parent / 'bundle.log'}:"
    assert gone(int(number))


def test_whoever_takes_a_connection_has_not_answered_yet(bundle: Path) -> None:
    listen = "listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))"
    (bundle / "closes.py").write_text(f"import socket, sys\n{listen}\nwhile True: listener.accept()[0].close()\n")
    own = launch(bundle, patience=0.6)
    with pytest.raises(ProcessError, match="the server did not answer within 1 s"):
        serve(own, "closes.py", str(own.port))
    assert application.is_port_free(own.port)


def test_one_that_will_never_answer_is_not_waited_for(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it has said nothing for a moment, because servers bind several sockets one after the other."""
    (bundle / "waits.py").write_text("import time; time.sleep(60)")
    monkeypatch.setattr(application, "SETTLED_SECONDS", 0.2)
    calls: list[float] = []

    def problem() -> str:
        calls.append(time.monotonic())
        return "listens elsewhere"

    with pytest.raises(ProcessError) as failed:
        serve(launch(bundle), "waits.py", problem=problem)
    assert str(failed.value).startswith("the server listens elsewhere, the end of ")
    assert 0.1 < calls[-1] - calls[0] < 20


def test_a_line_of_a_shell_finds_its_programs_first(bundle: Path, tmp_path: Path) -> None:
    """And ends with all that it started."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/server").write_text(f'#!/bin/sh\nexec {sys.executable} serve.py "$@"\n')
    (tmp_path / "bin/server").chmod(0o755)
    own = launch(bundle)
    command = f"sleep 60 & echo $!; server {own.port}"
    running = application.start_command(own, command, tmp_path / "bin")
    try:
        child = int(running.log.read_text().split()[0])
        environment = json.loads(urlopen(f"{running.url}/200", timeout=5).read())["environment"]
        assert environment["PATH"].split(os.pathsep)[0] == str(tmp_path / "bin")
        assert environment["LEVEL"] == "INFO" and not gone(child, 0)
    finally:
        running.stop()
    assert gone(child)
    with pytest.raises(ProcessError, match=r"^`exit 4` ended with status 4, "):
        application.start_command(launch(bundle), "exit 4", tmp_path / "bin")


def test_a_container_that_is_stopped_is_removed(bundle: Path, tmp_path: Path) -> None:
    """Whatever becomes of the removal."""
    for remove in (["touch", str(tmp_path / "removed")], ["/no/such/engine"]):
        running = serve(launch(bundle), remove=remove)
        assert running.remove == remove
        running.stop()
        assert not running.alive
    assert (tmp_path / "removed").exists()


def test_one_that_does_not_end_when_it_is_asked_is_killed(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "STOP_SECONDS", 0.3)
    (bundle / "stays.py").write_text("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVER)
    own = launch(bundle)
    running = serve(own, "stays.py", str(own.port))
    running.stop()
    assert not running.alive and application.is_port_free(own.port)


@pytest.mark.parametrize(
    ("path", "expected", "problem"),
    [
        ("/200", "200", ""),
        ("/204", "200,204", ""),
        ("/404", "404", ""),
        ("/500", "200", "the health check GET /500 got 500, expected 200"),
        ("/200", "204", "the health check GET /200 got 200, expected 204"),
    ],
)
def test_a_health_check_takes_the_status_that_it_expects(
    server: ApplicationProcess, path: str, expected: str, problem: str
) -> None:
    assert health_problem(server.url, path, expected) == problem


def test_a_port_is_free_while_nobody_listens_there() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not application.is_port_free(port)
    assert application.is_port_free(port)
    assert len({application.free_port() for _ in range(5)}) > 1


def test_the_application_reaches_the_local_aws_with_its_key_alone() -> None:
    endpoint = SimpleNamespace(key="KEY", url="http://local")
    account = cast(Aws, SimpleNamespace(endpoint=endpoint))
    variables = {"AWS_ACCESS_KEY_ID": "KEY", "AWS_SECRET_ACCESS_KEY": "local", "AWS_ENDPOINT_URL": "http://local"}
    assert application.credentials(account) == variables
    assert application.credentials(cast(Aws, SimpleNamespace(endpoint=None))) == {}


PLACE = f"us-east-1:{ACCOUNT}"
SECRET = f"arn:aws:secretsmanager:{PLACE}:secret:app-1"
KEY = f"arn:aws:kms:{PLACE}:key/1"
PARAMETER = f"arn:aws:ssm:{PLACE}:parameter/app/word"


@pytest.mark.parametrize(
    ("source", "where", "key", "value", "checks", "calls"),
    [
        (PARAMETER, "task", "", "swordfish", [("task parameter", {"ValueFrom": PARAMETER})],
         [("ssm.get_parameter", {"Name": "/app/word", "WithDecryption": True})]),
        (PARAMETER, "instance", "", "swordfish", [("instance parameter", {"ValueFrom": PARAMETER})],
         [("ssm.get_parameter", {"Name": "/app/word", "WithDecryption": True})]),
        (SECRET, "task", "alias/aws/secretsmanager", '{"token": 42}', [("task secret", {"ValueFrom": SECRET})],
         [("secretsmanager.describe_secret", {"SecretId": SECRET}),
          ("secretsmanager.get_secret_value", {"SecretId": SECRET})]),
        (f"{SECRET}:token::", "task", KEY, "42",
         [("task secret", {"ValueFrom": SECRET}), ("task secret with a key", {"Key": KEY})],
         [("secretsmanager.describe_secret", {"SecretId": SECRET}),
          ("secretsmanager.get_secret_value", {"SecretId": SECRET})]),
    ],
)  # fmt: skip
def test_a_value_of_a_store_is_read_as_the_role(
    source: str, where: str, key: str, value: str, checks: list[Any], calls: list[Any]
) -> None:
    account = Account(
        {
            "ssm.get_parameter": {"Parameter": {"Value": "swordfish"}},
            "secretsmanager.describe_secret": {"KmsKeyId": key} if key else {},
            "secretsmanager.get_secret_value": {"SecretString": '{"token": 42}'},
        }
    )
    checker = Checks()
    words = (aws(account), cast(PermissionChecker, checker), "role", source)
    assert application.stored_value(*words, *([where] if where != "task" else [])) == value
    assert checker.calls == [("role", *check) for check in checks]
    assert account.calls == calls
