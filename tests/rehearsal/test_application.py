"""The sample's backend as a real process, with the environment that it is given and no more."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from scripts.rehearsal.runtime import application, toolchains
from tests.support.processes import gone
from tests.support.rehearsal.serving import (
    ROOT,
    ask,
    clients_table,
    production,
    sample_bundle,
    sample_python,
    start_module,
)

# What starting it adds.
ADDED = ("HOME", "PYTHONPATH", "PYTHONUNBUFFERED", "REHEARSAL_LISTENING")


@pytest.fixture(scope="module")
def python() -> Path:
    return sample_python()


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture(scope="module")
def sample(
    python: Path, aws: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[application.ApplicationProcess]:
    """The sample in production, on an AWS without tables; the parent has a variable that it must not see."""
    os.environ["PARENTS_OWN"] = "secret"
    bundle = sample_bundle(tmp_path_factory.mktemp("sample"))
    (bundle / "app" / "seen.py").write_text(
        "import json, os\nfrom .main import app\napp.get('/seen')(lambda: dict(os.environ))\n"
    )
    running = start_module(application.Launch(bundle, production(aws), application.free_port()), "app.seen:app", python)
    del os.environ["PARENTS_OWN"]
    yield running
    running.stop()


def answer(
    running: application.ApplicationProcess, path: str, method: str = "GET", body: str = "", **headers: str
) -> tuple[int, Any]:
    response = ask(running.url + path, method, body.encode() or None, **headers)
    return response.status, json.loads(response.body)


def test_it_has_exactly_the_environment_that_it_is_given(sample: application.ApplicationProcess, aws: str) -> None:
    seen = answer(sample, "/seen")[1]
    own = {name: value for name, value in seen.items() if name not in (*toolchains.INHERITED, *ADDED)}
    assert own.pop("LC_CTYPE", "C.UTF-8") == "C.UTF-8"  # Python sets it itself where there is no locale
    assert own == production(aws)


def test_health_is_200_and_healthy_while_every_table_is_missing(sample: application.ApplicationProcess) -> None:
    status, body = answer(sample, "/health")
    assert (status, body["status"], body["database"]) == (200, "healthy", "connected")
    assert answer(sample, "/api/v1/email/verify?token=x")[0] == 400
    login = '{"email": "a", "password": "b"}'
    assert answer(sample, "/api/v1/auth/login", "POST", login, Content_Type="application/json")[0] == 401
    assert ask(f"{sample.url}/api/v1/dashboard", Authorization="Bearer x").status == 500


def test_the_command_of_a_procfile_runs_with_all_that_it_starts(python: Path, aws: str, tmp_path: Path) -> None:
    port = application.free_port()
    command = f"uvicorn app.main:app --host 127.0.0.1 --port {port} --workers 2"
    running = application.start_command(
        application.Launch(sample_bundle(tmp_path), production(aws), port), command, python.parent
    )
    try:
        assert answer(running, "/health")[1]["database"] == "connected"
    finally:
        running.stop()
    assert application.is_port_free(port)


def test_health_is_200_and_unhealthy_without_aws(python: Path, tmp_path: Path) -> None:
    environment = {**production("http://127.0.0.1:1"), "AWS_MAX_ATTEMPTS": "1"}
    running = start_module(
        application.Launch(sample_bundle(tmp_path), environment, application.free_port()), "app.main:app", python
    )
    try:
        status, body = answer(running, "/health")
        assert (status, body["status"], body["database"]) == (200, "unhealthy", "disconnected")
    finally:
        running.stop()


def test_it_reads_and_writes_the_tables_that_it_is_told(sample: application.ApplicationProcess, aws: str) -> None:
    with clients_table(aws) as client:
        token = {"Authorization": "Bearer x"}
        assert answer(sample, "/api/v1/dashboard", **token) == (200, {"clients": 0, "environment": "production"})
        assert (
            answer(sample, "/api/v1/clients", "POST", '{"name": "one"}', **token, Content_Type="application/json")[0]
            == 201
        )
        assert answer(sample, "/api/v1/dashboard", **token)[1]["clients"] == 1
        assert answer(sample, "/api/v1/dashboard")[0] == 401
        assert client.scan(TableName="live-clients")["Count"] == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param({"JWT_SECRET_KEY": "x" * 31}, "JWT_SECRET_KEY needs 32 characters or more", id="short secret"),
        pytest.param({"ENCRYPTION_KEY": "x" * 44}, "ENCRYPTION_KEY", id="no Fernet key", marks=pytest.mark.soak),
        pytest.param({"ENCRYPTION_KEY": None}, "Field required", id="missing key"),
        pytest.param(
            {"CORS_ORIGINS": "https://example.com"},
            'error parsing value for field "CORS_ORIGINS"',
            id="plain origin",
            marks=pytest.mark.soak,
        ),
    ],
)
def test_values_that_it_does_not_accept_end_it_and_the_log_says_why(
    python: Path, tmp_path: Path, change: dict[str, str | None], named: str
) -> None:
    variables: dict[str, str | None] = {**production("http://127.0.0.1:1"), **change}
    environment = {name: value for name, value in variables.items() if value is not None}
    with pytest.raises(application.ProcessError, match=r"ended with status 1, the end of .*bundle.log") as error:
        start_module(
            application.Launch(sample_bundle(tmp_path), environment, application.free_port()), "app.main:app", python
        )
    assert named in str(error.value)


def small(folder: Path, text: str) -> Path:
    """A bundle with an application of a few lines."""
    bundle = folder / "bundle"
    bundle.mkdir()
    (bundle / "small.py").write_text(text)
    return bundle


ANSWERS = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})
"""


def test_one_that_does_not_answer_in_time_is_ended(python: Path, tmp_path: Path) -> None:
    bundle = small(tmp_path, "import os, time\nprint('process', os.getpid())\ntime.sleep(60)\n")
    with pytest.raises(application.ProcessError, match=r"did not answer within \d+ s[\s\S]*process \d+") as error:
        start_module(application.Launch(bundle, {}, application.free_port(), 2.0), "small:app", python)
    assert gone(int(str(error.value).split()[-1]))


def test_one_that_says_nothing_while_it_starts_is_waited_for(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "SETTLED_SECONDS", 0.1)
    bundle = small(tmp_path, f"import time\ntime.sleep(0.5)\n{ANSWERS}")
    start_module(application.Launch(bundle, {}, application.free_port()), "small:app", python).stop()


def test_a_port_that_is_taken_is_said_before_anything_starts(
    sample: application.ApplicationProcess, tmp_path: Path
) -> None:
    port = int(sample.url.rsplit(":", 1)[1])
    with pytest.raises(application.ProcessError, match=f"port {port} is taken"):
        start_module(application.Launch(tmp_path, {}, port), "small:app", sample_python())


def test_stop_ends_what_the_application_started_too(python: Path, tmp_path: Path) -> None:
    child = "import signal, subprocess\nchild = subprocess.Popen(['sleep', '60'])\nprint(child.pid)\n"
    bundle = small(tmp_path, f"{child}{ANSWERS}")
    running = start_module(application.Launch(bundle, {}, application.free_port()), "small:app", python)
    number = int(running.log.read_text().split()[0])
    assert not gone(number, 0)
    running.stop()
    running.stop()
    assert gone(number) and gone(running.process.pid)


@pytest.mark.parametrize("number", [None, signal.SIGTERM, signal.SIGKILL], ids=["exit", "SIGTERM", "SIGKILL"])
def test_it_does_not_outlive_its_parent(python: Path, tmp_path: Path, number: signal.Signals | None) -> None:
    bundle, port = small(tmp_path, ANSWERS), application.free_port()
    parent = (
        "import sys, time\nfrom pathlib import Path\nfrom scripts.rehearsal.runtime import application\n"
        "from tests.support.rehearsal.serving import start_module\n"
        f"launch = application.Launch(Path({str(bundle)!r}), {{}}, {port})\n"
        f"running = start_module(launch, 'small:app', Path({str(python)!r}))\n"
        f"print(running.process.pid, flush=True)\ntime.sleep({60 if number else 0})\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent], cwd=ROOT, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout
        child = int(started.stdout.readline())
        if number:
            started.send_signal(number)
    assert gone(child)


@pytest.mark.soak
def test_requirements_that_cannot_be_installed_are_an_error(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("./nothing-here\n")
    with pytest.raises(
        toolchains.ToolchainError,
        match=r"requirements.txt cannot be installed.*pip install.* failed:\n[\s\S]*nothing-here",
    ):
        toolchains.application_python(requirements, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*/ready"))
