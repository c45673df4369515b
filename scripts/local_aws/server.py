"""The local AWS as a process of its own on loopback: start, stop, status, and what runs inside it.

A run file tells later commands where it answers. Moto's own pages stay reachable below `/moto-api`;
`/local-aws/exceptions` tells what moto does not hold of what exists, and `/local-aws/faults` and
`/local-aws/calls` are those of `faults`.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

HOST = "localhost"  # path-style template addresses need the name
ROOT = Path(__file__).resolve().parents[2]
RUN_FILE = ROOT / ".cache" / "local_aws.json"
ACCOUNT, REGION = "123456789012", "us-east-1"
PATIENCE, TIMEOUT = 60.0, 10.0


class Process(Protocol):
    """What starting needs of a process, as `Popen` has it."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None: ...

    def kill(self) -> None: ...


class ServerError(Exception):
    """The local AWS cannot be started, stopped or used; the message says what to do."""


@dataclass(frozen=True)
class Endpoint:
    """Where the local AWS answers and what account it is; any access key is accepted."""

    url: str
    account: str
    region: str

    def exceptions(self) -> list[dict[str, str]]:
        """What moto does not hold of what exists: stack, resource, type, property and what is kept instead."""
        with urllib.request.urlopen(f"{self.url}/local-aws/exceptions", timeout=30) as answer:
            found: list[dict[str, str]] = json.load(answer)
        return found


@dataclass(frozen=True)
class Run:
    """The run file: the process, its port and its log."""

    pid: int
    port: int
    log: str

    @property
    def endpoint(self) -> Endpoint:
        """Where it answers."""
        return Endpoint(f"http://{HOST}:{self.port}", ACCOUNT, REGION)


def status(run_file: Path = RUN_FILE) -> Run | None:
    """The running server. None without a run file and for a stale one: its process is gone, or another process has
    its id or its port, which is seen by asking the port who answers. Raises `ServerError` for one that hangs."""
    try:
        run = Run(**json.loads(run_file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    try:
        return run if _who(run.port) == run.pid else None
    except TimeoutError as error:
        what = f"port {run.port} of the local AWS takes calls and does not answer, see {run.log}"
        raise ServerError(f"{what}; end it with `kill {run.pid}` and start again") from error


def ensure(run_file: Path = RUN_FILE) -> Endpoint:
    """The endpoint of the running local AWS, which is started if it is not. Raises `ServerError`."""
    with _alone(run_file):
        run = status(run_file) or _start(_free(None), run_file)
    return run.endpoint


def start(port: int | None = None, run_file: Path = RUN_FILE) -> Run:
    """Starts the server detached and waits until it answers.

    `port` is a port to use; a free one is chosen without it. Raises `ServerError` when it runs already, when the
    port is taken, and when the process ends before it answers (with the end of its log).
    """
    with _alone(run_file):
        if run := status(run_file):
            raise ServerError(f"the local AWS runs already: process {run.pid}, port {run.port}")
        return _start(_free(port), run_file)


def _start(port: int, run_file: Path) -> Run:
    log = run_file.with_suffix(".log")
    log.unlink(missing_ok=True)
    process = launch(port, log)
    run = Run(process.pid, port, str(log))
    try:
        _wait(process, run)
        temporary = run_file.with_suffix(".new")
        temporary.write_text(json.dumps(asdict(run)), encoding="utf-8")
        temporary.replace(run_file)
    except BaseException:
        process.kill()
        raise
    process.returncode = 0  # it lives on without us: no warning when this object goes
    return run


def launch(port: int, log: Path) -> Process:
    """Starts the process that serves on a port, detached, and does not wait for it."""
    command = [sys.executable, "-m", "scripts.local_aws", "serve", "--port", str(port)]
    with log.open("ab") as output:
        return subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )


def _wait(process: Process, run: Run) -> None:
    """Until it answers. Raises `ServerError` with the end of its log when it ended or takes too long."""
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until:
        with suppress(TimeoutError):
            if _who(run.port) == run.pid:
                return
        time.sleep(0.05)
    tail = "\n".join(Path(run.log).read_text(encoding="utf-8", errors="replace").splitlines()[-5:])
    raise ServerError(f"the local AWS did not start; the end of {run.log}:\n{tail}")


def stop(run_file: Path = RUN_FILE) -> bool:
    """Ends the server and removes the run file; False when none was running. Raises `ServerError`."""
    with _alone(run_file):
        run = status(run_file)
        if run:
            os.kill(run.pid, signal.SIGTERM)
            until = time.monotonic() + 10
            while _who(run.port) == run.pid:
                if time.monotonic() > until:
                    raise ServerError(f"process {run.pid} does not end; end it with `kill -9 {run.pid}`")
                time.sleep(0.05)
        run_file.unlink(missing_ok=True)
    return run is not None


@contextmanager
def _alone(run_file: Path) -> Iterator[None]:
    """One command at a time: two that start at once would leave one server without a run file."""
    run_file.parent.mkdir(parents=True, exist_ok=True)
    with run_file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _free(port: int | None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port or 0))
        except OSError as error:
            raise ServerError(f"port {port} is taken: {error.strerror}; give another one, or none") from error
        return int(probe.getsockname()[1])


def _who(port: int) -> int | None:
    """The process that answers on a port as the local AWS does. Raises `TimeoutError` for one that hangs."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/local-aws/status", timeout=TIMEOUT) as answer:
            return int(json.load(answer)["pid"])
    except TimeoutError:
        raise
    except (OSError, ValueError, KeyError, TypeError):
        return None


def serve(port: int) -> None:
    """Runs the server in this process until it is ended."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    from scripts.local_aws import application

    application.make(port).serve_forever()
