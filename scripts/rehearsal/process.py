"""The backend as a real process: the built bundle under uvicorn or its own command, with the environment that the
service that runs it would give it."""

import atexit
import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scripts.rehearsal.errors import Failed

HOST = "127.0.0.1"
PATIENCE = 30.0
GRACE = 5.0
TAIL = 20

# The application ends with its parent however that ends, so its standard input is a pipe that only the parent holds
# open. `python -c` puts the working directory on sys.path as `python -m uvicorn` does.
WATCH = """
import os, runpy, signal, subprocess, sys, threading
def watch():
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
"""
WATCHED = f'{WATCH}runpy.run_module("uvicorn", run_name="__main__", alter_sys=True)'
# The command is asked to end with its group, and is waited for.
WATCHED_COMMAND = f"""{WATCH}signal.signal(signal.SIGTERM, lambda *_: None)
sys.exit(subprocess.call(["/bin/sh", "-c", sys.argv[1]]))
"""

# What the image's Dockerfile sets beside the task's environment, and what a program needs to be started at all.
IMAGE = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
MINIMUM = ("PATH", "HOME", "LANG", "TMPDIR")


class ProcessError(Failed):
    """The application cannot be started; the message ends with the last lines of its log."""


@dataclass
class Running:
    """A backend that answers: where, and what it writes."""

    port: int
    log: Path
    process: "subprocess.Popen[bytes]" = field(repr=False)
    stopped: bool = False

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def stop(self) -> None:
        """Ends the process and all it started: it is asked first and killed after `GRACE` seconds. Repeatable."""
        if self.stopped:
            return
        self.stopped = True
        atexit.unregister(self.stop)
        if self.process.poll() is None:
            _signal(self.process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(GRACE)
        _signal(self.process, signal.SIGKILL)
        self.process.wait(GRACE)
        if self.process.stdin:
            self.process.stdin.close()
        until = time.monotonic() + GRACE
        while not free(self.port) and time.monotonic() < until:  # what it has started ends a moment later
            time.sleep(0.02)


def start(
    bundle: Path, environment: Mapping[str, str], module: str, port: int, python: Path, patience: float = PATIENCE
) -> Running:
    """Starts `uvicorn MODULE` in the bundle and returns when it answers HTTP, whatever it answers.

    `environment` is all that the application gets, besides what the image sets (`IMAGE`) and what starting a program
    takes (`MINIMUM`, from this process unless the environment has it). `module` is like `app.main:app`, `python` an
    interpreter that has the application's requirements. The log stands beside the bundle as `<bundle>.log`.

    Raises `ProcessError` when the port is taken, when the process ends, or when it does not answer in time.
    """
    command = [str(python), "-c", WATCHED, module, "--host", HOST, "--port", str(port)]
    return _started(bundle, command, module, {**IMAGE, **environment}, port, patience)


def start_command(
    bundle: Path, environment: Mapping[str, str], command: str, port: int, programs: Path, patience: float = PATIENCE
) -> Running:
    """Starts a line of a shell in the bundle; as `start`, without what an image sets.

    `programs` is a folder that goes before all others, `port` the one on which the command makes the application
    listen.
    """
    path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    argv = [sys.executable, "-c", WATCHED_COMMAND, command]
    return _started(bundle, argv, f"`{command}`", {**environment, "PATH": path}, port, patience)


def _started(
    bundle: Path, command: list[str], what: str, environment: Mapping[str, str], port: int, patience: float
) -> Running:
    if not free(port):
        raise ProcessError(f"port {port} is taken by another process; stop that one or give another port")
    log = bundle.with_name(f"{bundle.name}.log")
    minimum = {name: os.environ[name] for name in MINIMUM if name in os.environ}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=bundle,
            env={**minimum, **environment},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Running(port, log, process)
    atexit.register(running.stop)
    until = time.monotonic() + patience
    while not _answers(port):
        status = process.poll()
        if status is not None or time.monotonic() > until:
            running.stop()
            ended = f"did not answer within {patience:.0f} s" if status is None else f"ended with status {status}"
            lines = log.read_text("utf-8", "replace").splitlines()[-TAIL:]
            raise ProcessError(f"{what} {ended}, the end of {log}:\n" + "\n".join(lines))
        time.sleep(0.05)
    return running


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def free(port: int) -> bool:
    """Whether nobody listens on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _signal(process: "subprocess.Popen[bytes]", number: int) -> None:
    """To the whole group, which may already be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
