"""The application as a process: the built bundle under uvicorn or its own command, configured and checked as the
service that runs it would do."""

import atexit
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.deployment.aws import Aws
from scripts.loopback import urlopen
from scripts.rehearsal.errors import ActionFailedError
from scripts.rehearsal.permissions import PermissionChecker
from scripts.rehearsal.runtime.toolchains import minimal_environment

HOST = "127.0.0.1"
START_SECONDS = 30.0
STOP_SECONDS = 5.0
SHOWN_LINES = 20

# The application ends with its parent however that ends, so its standard input is a pipe that only the parent holds
# open. `python -c` puts the working directory on sys.path as `python -m uvicorn` does.
WATCH_PARENT = """
import os, runpy, signal, subprocess, sys, threading
def watch():
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
"""
# The command is asked to end with its group, and is waited for.
RUN_WORDS = f"""{WATCH_PARENT}signal.signal(signal.SIGTERM, lambda *_: None)
try:
    sys.exit(subprocess.call(sys.argv[1:]))
except OSError as error:
    sys.exit(f"exec {{sys.argv[1]}}: {{error.strerror}}")
"""
RUN_COMMAND = f"""{WATCH_PARENT}signal.signal(signal.SIGTERM, lambda *_: None)
sys.exit(subprocess.call(["/bin/sh", "-c", sys.argv[1]]))
"""
# An engine runs a container outside of the client's group: it is removed when the parent ends.
RUN_CONTAINER = """
import json, os, signal, subprocess, sys, threading
command, remove = json.loads(sys.argv[1])
def watch():
    while os.read(0, 1):
        pass
    subprocess.run(remove, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
signal.signal(signal.SIGTERM, lambda *_: None)
sys.exit(subprocess.call(command, stdin=subprocess.DEVNULL))
"""

SETTLED_SECONDS = 1.0


class ProcessError(ActionFailedError):
    """The application cannot be started; the message ends with the last lines of its log."""


@dataclass
class ApplicationProcess:
    """An application that answers: where, and where its log is; `remove` is a command that removes its container."""

    port: int
    log: Path
    process: "subprocess.Popen[bytes]" = field(repr=False)
    remove: Sequence[str]
    stopped: bool = False

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def stop(self) -> None:
        """Ends the process and all it started: SIGTERM first, SIGKILL after `STOP_SECONDS`. Repeatable."""
        if self.stopped:
            return
        self.stopped = True
        atexit.unregister(self.stop)
        if self.alive:
            _signal_group(self.process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        if self.remove:  # one that has ended is gone already
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(self.remove, capture_output=True, timeout=START_SECONDS, check=False)
        _signal_group(self.process, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)
        if self.process.stdin:
            self.process.stdin.close()
        deadline = time.monotonic() + STOP_SECONDS
        while not is_port_free(self.port) and time.monotonic() < deadline:  # its children end a moment later
            time.sleep(0.02)


@dataclass(frozen=True)
class Launch:
    """What is started, and how: the bundle's folder, the port where the application listens.

    `environment` is all that the application gets, besides what starting a program takes
    (`toolchains.minimal_environment`); `patience` are the seconds that it has to answer. The log is `<bundle>.log`
    beside the bundle. `folder` is where it starts, when that is not the bundle.
    """

    bundle: Path
    environment: Mapping[str, str]
    port: int
    patience: float = START_SECONDS
    folder: Path | None = None


def start_command(launch: Launch, command: str, programs: Path) -> ApplicationProcess:
    """Starts a line of a shell in the bundle, and returns when it answers HTTP, whatever it answers.

    `programs` is a folder that goes before all others on PATH. Raises `ProcessError` when the port is taken, when the
    process ends, or when it does not answer in time.
    """
    path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    argv = [sys.executable, "-c", RUN_COMMAND, command]
    return start(launch, argv, f"`{command}`", {**launch.environment, "PATH": path})


def start(
    launch: Launch,
    command: Sequence[str],
    name: str,
    environment: Mapping[str, str],
    problem: Callable[[], str] = lambda: "",
    remove: Sequence[str] = (),
) -> ApplicationProcess:
    """Starts the words of a command and returns when it answers HTTP; `name` is what messages call it, `problem` says
    why the process will never answer, if it knows, `remove` is the command that removes its container. Raises
    `ProcessError`."""
    bundle, port = launch.bundle, launch.port
    if not is_port_free(port):
        raise ProcessError(f"port {port} is taken by another process; stop that one or give another port")
    log = bundle.with_name(f"{bundle.name}.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=launch.folder or bundle,
            env={**minimal_environment(bundle.with_name(f"{bundle.name}.home")), **environment},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = ApplicationProcess(port, log, process, remove)
    atexit.register(running.stop)
    deadline = time.monotonic() + launch.patience
    while not _answers(port):
        status, unreachable = process.poll(), problem()
        # Servers bind several sockets one after the other.
        unreachable_for_good = unreachable and log.stat().st_mtime < time.time() - SETTLED_SECONDS
        if status is not None or time.monotonic() > deadline or unreachable_for_good:
            running.stop()
            end = f"ended with status {status}"
            if status is None:
                end = unreachable or f"did not answer within {launch.patience:.0f} s"
            lines = log.read_text("utf-8", "replace").splitlines()[-SHOWN_LINES:]
            raise ProcessError(f"{name} {end}, the end of {log}:\n" + "\n".join(lines))
        time.sleep(0.05)
    return running


def credentials(aws: Aws) -> dict[str, str]:
    """How the application reaches the local AWS, instead of its role's own credentials."""
    endpoint = aws.endpoint
    if endpoint is None:
        return {}
    return {"AWS_ACCESS_KEY_ID": endpoint.key, "AWS_SECRET_ACCESS_KEY": "local", "AWS_ENDPOINT_URL": endpoint.url}


def stored_value(aws: Aws, checker: PermissionChecker, role: str, source: str, where: str = "task") -> str:
    """The value of a parameter or secret by its ARN, read in the name of a role, for a task or for an instance. Raises
    `AccessDeniedError`."""
    parts = source.split(":")
    if parts[2] == "ssm":
        checker.check_operation(role, f"{where} parameter", {"ValueFrom": source})
        name = source.partition(":parameter")[2]
        return str(aws.call("ssm", "get_parameter", Name=name, WithDecryption=True)["Parameter"]["Value"])
    arn, key = ":".join(parts[:7]), (parts[7:] or [""])[0]
    checker.check_operation(role, "task secret", {"ValueFrom": arn})
    kms_key = aws.call("secretsmanager", "describe_secret", SecretId=arn).get("KmsKeyId", "")
    if kms_key.startswith("arn:"):
        checker.check_operation(role, "task secret with a key", {"Key": kms_key})
    text = aws.call("secretsmanager", "get_secret_value", SecretId=arn)["SecretString"]
    return str(json.loads(text)[key] if key else text)


def health_problem(url: str, path: str, expected: str) -> str:
    """What is wrong with the health check of `path` at `url`; empty when its status is one of `expected`, which is a
    list with commas."""
    try:
        status = str(urlopen(url + path, timeout=10).status)
    except urllib.error.HTTPError as error:
        status = str(error.code)
    except OSError as error:
        status = str(error)
    return "" if status in expected.split(",") else f"the health check GET {path} got {status}, expected {expected}"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_port_free(port: int) -> bool:
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


def _signal_group(process: "subprocess.Popen[bytes]", number: int) -> None:
    """To the whole group, which may already be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
