"""The backend as a real process: the built bundle under uvicorn, with the environment that the task would give it."""

import atexit
import contextlib
import http.client
import os
import signal
import socket
import subprocess
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
WATCHED = """
import os, runpy, signal, threading
def watch():
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
runpy.run_module("uvicorn", run_name="__main__", alter_sys=True)
"""

# What the image's Dockerfile sets beside the task's environment, and what a program needs to be started at all.
IMAGE = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
MINIMUM = ("PATH", "HOME", "LANG", "TMPDIR")


class ProcessError(Failed):
    """The application cannot be started; the message ends with the last lines of its log."""


@dataclass
class Running:
    """A backend that answers: where, and what it writes."""

    url: str
    log: Path
    process: "subprocess.Popen[bytes]" = field(repr=False)
    stopped: bool = False

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


def start(
    bundle: Path, environment: Mapping[str, str], module: str, port: int, python: Path, patience: float = PATIENCE
) -> Running:
    """Starts `uvicorn MODULE` in the bundle and returns when it answers HTTP, whatever it answers.

    `environment` is all that the application gets, besides what the image sets (`IMAGE`) and what starting a program
    takes (`MINIMUM`, from this process unless the environment has it). `module` is like `app.main:app`, `python` an
    interpreter that has the application's requirements. The log stands beside the bundle as `<bundle>.log`.

    Raises `ProcessError` when the port is taken, when the process ends, or when it does not answer in time.
    """
    if not _free(port):
        raise ProcessError(f"port {port} is taken by another process; stop that one or give another port")
    log = bundle.with_name(f"{bundle.name}.log")
    minimum = {name: os.environ[name] for name in MINIMUM if name in os.environ}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(python), "-c", WATCHED, module, "--host", HOST, "--port", str(port)],
            cwd=bundle,
            env={**minimum, **IMAGE, **environment},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Running(f"http://{HOST}:{port}", log, process)
    atexit.register(running.stop)
    until = time.monotonic() + patience
    while not _answers(port):
        status = process.poll()
        if status is not None or time.monotonic() > until:
            running.stop()
            what = f"did not answer within {patience:.0f} s" if status is None else f"ended with status {status}"
            lines = log.read_text("utf-8", "replace").splitlines()[-TAIL:]
            raise ProcessError(f"{module} {what}, the end of {log}:\n" + "\n".join(lines))
        time.sleep(0.05)
    return running


def _free(port: int) -> bool:
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
