"""The local AWS as a process of its own on loopback: start, stop, status, and who may use it.

A run file that only its owner can read tells later commands where it answers and the key that it takes. Neither calls
nor answers go through a proxy. Before a command trusts what answers on the port, that has to prove that it knows the
key: another process may have taken the port since.
"""

import fcntl
import hashlib
import hmac
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from scripts.loopback import urlopen

HOST = "localhost"  # path-style template addresses need the name
ROOT = Path(__file__).resolve().parents[2]
RUN_FILE = ROOT / ".cache" / "local_aws.json"
ACCOUNT, REGION = "123456789012", "us-east-1"
PATIENCE, TIMEOUT = 60.0, 10.0  # seconds
PREFIX = "/local-aws/"  # of the server's own pages
KEY_HEADER, KEY_VARIABLE = "X-Local-AWS-Key", "LOCAL_AWS_KEY"
# What the server's process takes over of the user's environment: nothing that may hold credentials.
ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_", "TZ", "TMPDIR", "PYTHON", "COV_")


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
    """Where the local AWS answers, what account it is, and the access key id that it takes, with any secret."""

    url: str
    account: str
    region: str
    key: str
    log: str = ""

    @property
    def page(self) -> str:
        """The address of its page for people."""
        return f"{self.url}/?key={self.key}"

    def ask(self, page: str, method: str = "GET", body: bytes | None = None) -> Any:
        """What one of the server's own pages answers to a call. Raises `urllib.error.HTTPError`."""
        request = urllib.request.Request(self.url + PREFIX + page, body, {KEY_HEADER: self.key}, method=method)
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def exceptions(self) -> list[dict[str, str]]:
        """What moto does not hold of what exists: stack, resource, type, property and what is kept instead."""
        entries: list[dict[str, str]] = self.ask("exceptions")
        return entries

    def environment(self) -> dict[str, str]:
        """The variables with which the AWS command line and the SDKs use it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": self.region,
        }


@dataclass(frozen=True)
class Run:
    """The run file: the process, its port, its log and the key that it takes."""

    pid: int
    port: int
    log: str
    key: str

    @property
    def endpoint(self) -> Endpoint:
        """Where it answers."""
        return Endpoint(f"http://{HOST}:{self.port}", ACCOUNT, REGION, self.key, self.log)


def status(run_file: Path = RUN_FILE) -> Run | None:
    """The running server. None without a run file and for a stale one: its process is gone, or another process has
    its port, which cannot prove that it knows the key. Raises `ServerError` for one that hangs."""
    run = _read(run_file)
    if run is None:
        return None
    try:
        return run if _answers(run) else None
    except TimeoutError as error:
        what = f"port {run.port} of the local AWS takes calls and does not answer, see {run.log}"
        raise ServerError(f"{what}; end it with `kill {run.pid}` and start again") from error


def lost(run_file: Path = RUN_FILE, used: Endpoint | None = None) -> str:
    """What to tell about a server that ended without being stopped, and of one that is `used` also when it was stopped;
    empty when there is none."""
    run = _read(run_file)
    if used and (run is None or run.key != used.key):
        return f"The local AWS was stopped: what was in it is lost. Its log: {used.log}"
    try:
        if run is None or status(run_file):
            return ""
    except ServerError:  # it hangs, and holds everything still
        return ""
    return f"The local AWS (process {run.pid}) has ended: what was in it is lost. Its log: {run.log}"


def ensure(run_file: Path, tell: Callable[[str], object] = lambda _: None) -> Endpoint:
    """The endpoint of the running local AWS, which is started if it is not. `tell` takes a line about one that ended
    without being stopped. Raises `ServerError`."""
    with _alone(run_file):
        run = status(run_file)
        if run is None:
            if text := lost(run_file):
                tell(text.replace(str(run_file.with_suffix(".log")), str(ended_log(run_file))))
            run = _start(_free(None), run_file)
    return run.endpoint


def ended_log(run_file: Path) -> Path:
    """Where the log of the server before is kept."""
    return run_file.with_suffix(".ended.log")


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
    log, key = run_file.with_suffix(".log"), f"LOCAL{secrets.token_hex(16).upper()}"
    if log.exists():  # it may say why the one before has ended
        log.replace(ended_log(run_file))
    process = launch(port, log, key)
    run = Run(process.pid, port, str(log), key)
    try:
        _wait(process, run)
        temporary = run_file.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        private = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(private, "w", encoding="utf-8") as file:
            json.dump(asdict(run), file)
        temporary.replace(run_file)
    except BaseException:
        process.kill()
        raise
    process.returncode = 0  # it lives on without us: no warning when this object goes
    return run


def launch(port: int, log: Path, key: str) -> Process:
    """Starts the process that serves on a port, detached, and does not wait for it."""
    command = [sys.executable, "-m", "scripts.local_aws", "serve", "--port", str(port)]
    log.touch(mode=0o600)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment() | {KEY_VARIABLE: key},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def environment() -> dict[str, str]:
    """The variables of the server's process: it knows no credentials of the user, in variables or files."""
    # The modules are this folder's, whatever the user says of the path of Python.
    names = (name for name in os.environ if name.startswith(ENVIRONMENT) and name != "PYTHONSAFEPATH")
    kept = {name: os.environ[name] for name in names}
    files = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    return {**kept, **files, "AWS_EC2_METADATA_DISABLED": "true"}


def _read(run_file: Path) -> Run | None:
    try:
        return Run(**json.loads(run_file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _wait(process: Process, run: Run) -> None:
    """Until it answers. Raises `ServerError` with the end of its log when it ended or takes too long."""
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until:
        with suppress(TimeoutError):
            if _answers(run):
                return
        time.sleep(0.05)
    tail = "\n".join(Path(run.log).read_text(encoding="utf-8", errors="replace").splitlines()[-5:])
    raise ServerError(f"the local AWS did not start; the end of {run.log}:\n{tail}")


def stop(run_file: Path = RUN_FILE) -> bool:
    """Ends the server and removes the run file; False when none was running. Raises `ServerError`."""
    with _alone(run_file):
        run = status(run_file)
        if run:
            with suppress(ProcessLookupError):
                os.kill(run.pid, signal.SIGTERM)
            until = time.monotonic() + 10
            while _answers(run) or _lives(run.pid):
                if time.monotonic() > until:
                    raise ServerError(f"process {run.pid} does not end; end it with `kill -9 {run.pid}`")
                time.sleep(0.05)
        run_file.unlink(missing_ok=True)
    return run is not None


def _lives(pid: int) -> bool:
    """Whether a process runs still; one whose end nobody has noticed does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


@contextmanager
def _alone(run_file: Path) -> Iterator[None]:
    """One command at a time: two that start at once would leave one server without a run file. Raises `ServerError`
    where nothing can be written."""
    try:
        run_file.parent.mkdir(parents=True, exist_ok=True)
        with run_file.with_suffix(".lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        what = f"{error.filename or run_file.parent} cannot be written: {error.strerror}"
        raise ServerError(f"{what}; look at the space that is left there, and at its rights") from error


def _free(port: int | None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port or 0))
        except OSError as error:
            raise ServerError(f"port {port} is taken: {error.strerror}; give another one, or none") from error
        return int(probe.getsockname()[1])


def _answers(run: Run) -> bool:
    """Whether the process of a run answers on its port and proves that it knows the key. Raises `TimeoutError` for one
    that hangs."""
    challenge = secrets.token_hex(16)
    url = f"http://{HOST}:{run.port}{PREFIX}status?challenge={challenge}"
    try:
        with urlopen(url, timeout=TIMEOUT) as answer:
            body = json.load(answer)
            return bool(body["pid"] == run.pid and hmac.compare_digest(body["proof"], proof(run.key, challenge)))
    except TimeoutError:
        raise
    except (OSError, ValueError, KeyError, TypeError):
        return False


def proof(key: str, challenge: str) -> str:
    """What only somebody who knows the key can answer to a challenge."""
    return hmac.new(key.encode(), challenge.encode(), hashlib.sha256).hexdigest()


def serve(port: int, key: str) -> None:
    """Runs the server in this process until it is ended."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    from scripts.local_aws import application

    application.make(port, key).serve_forever()
