"""A container as a process of this machine: what its image starts, with the paths of the image, listening where a
rehearsal reaches it."""

import json
import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.rehearsal.builds.container import BARE, Container
from scripts.rehearsal.errors import NotJudgedError
from scripts.rehearsal.runtime.application import RUN_WORDS, ApplicationProcess, Launch, ProcessError, start

# A folder for PYTHONPATH, with which an application's sockets are bound where a rehearsal reaches them.
LISTENING = Path(__file__).parent / "listening"
# Options of `uv run` that have a value behind them (uv's documentation, "CLI reference").
RUNNER_VALUES = (
    "--directory",
    "--project",
    "--package",
    "--extra",
    "--group",
    "--env-file",
    "--with",
    "-p",
    "--python",
)
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def start_image(launch: Launch, files: Path, container: Container, programs: Path, port: int) -> ApplicationProcess:
    """Starts what an image starts, and returns when it answers HTTP.

    `files` are the image's, `launch.bundle` a place for its log beside them, `programs` the folder of the programs that
    its requirements brought, `port` the one of the container that the load balancer asks: whatever the application
    binds, it is reached at `launch.port` when it is that port on an address that others reach. Raises `ProcessError`,
    and `NotJudgedError` for a program that this machine does not have and that a RUN may have installed.
    """
    inside = _Inside(files, programs)
    words = inside.command(container)
    record = launch.bundle.with_name(f"{launch.bundle.name}.listening")
    listening = {"record": str(record), "port": port, "bound_port": launch.port}
    values = {name: inside.text(value) for name, value in container.environment.items()}
    paths = [str(LISTENING), *filter(None, [values.pop("PYTHONPATH", "")])]
    environment = {
        **values,
        **launch.environment,
        "PATH": inside.path(container),
        "PYTHONPATH": os.pathsep.join(paths),
        "REHEARSAL_LISTENING": json.dumps(listening),
    }
    return start(
        replace(launch, folder=inside.file(container.folder)),
        [sys.executable, "-I", "-c", RUN_WORDS, *words],
        f"`{shlex.join(container.command)}`",
        environment,
        lambda: unreachable(record, port),
    )


def unreachable(record: Path, port: int) -> str:
    """What is wrong with what an application listens on; empty while it may still begin to listen rightly."""
    if not record.exists():
        return ""
    sockets = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    for bound in sockets:
        if bound["port"] == port and bound["host"] not in LOOPBACK and not bound["six_only"]:
            return ""
    for bound in sockets:
        if bound["port"] == port:
            why = (
                "IPv6 alone" if bound["six_only"] else f"{bound['host']}, which nobody outside of the container reaches"
            )
            return f"listens on {why}; the load balancer asks port {port} of the task's IPv4 address: listen on 0.0.0.0"
    ports = sorted({str(bound["port"]) for bound in sockets})
    return f"listens on port {', '.join(ports)}, and the load balancer asks port {port}" if ports else ""


def _unseen_runs(container: Container) -> list[str]:
    """What was not looked at and may have put files into the image."""
    return [text for text in container.unseen if text.startswith(("RUN ", "COPY --from"))]


def _without_runner(command: list[str]) -> list[str]:
    """What `uv run`, `poetry run`, `pdm run` and `pipenv run` start: the environment of a task has its packages."""
    if Path(command[0]).name not in ("uv", "poetry", "pdm", "pipenv") or command[1:2] != ["run"]:
        return command
    rest = command[2:]
    while rest and rest[0].startswith("-"):
        rest = rest[2:] if rest[0] in RUNNER_VALUES else rest[1:]
    return rest or command


@dataclass(frozen=True)
class _Inside:
    """Paths of an image on this machine: `files` is its root, `programs` has what its requirements brought."""

    files: Path
    programs: Path

    def file(self, path: str) -> Path:
        return self.files / path.lstrip("/")

    def text(self, text: str) -> str:
        """A text in which absolute paths of the image are those of this machine."""
        tops = [re.escape(path.name) for path in self.files.iterdir()] if self.files.is_dir() else []
        if not tops:
            return text
        return re.sub(
            rf"(?<![\w./-])/(?:{'|'.join(tops)})(?=[/\s\"':;&|)]|$)", lambda match: f"{self.files}{match[0]}", text
        )

    def path(self, container: Container) -> str:
        own = [str(self.file(folder)) for folder in container.environment.get("PATH", "").split(":") if folder]
        return os.pathsep.join([str(self.programs), *own, os.environ.get("PATH", os.defpath)])

    def command(self, container: Container) -> list[str]:
        """The words of the command, its program one of this machine's. Raises `ProcessError` and `NotJudgedError`."""
        if not container.command:
            raise NotJudgedError(f"{container.unseen[-1]}: a rehearsal does not know it without a Docker engine")
        first, *rest = _without_runner(container.command)
        program = self._program(first, container)
        words = [program, *(self.text(word) for word in rest)]
        if program.startswith(str(self.files)):
            return self._script(Path(program), words, container)
        for word in words[1:]:
            if word.startswith(str(self.files)) and Path(word).is_file():
                self._localise(Path(word))
        return words

    def _program(self, name: str, container: Container) -> str:
        own = self.file(name) if name.startswith("/") else self.file(container.folder) / name
        if "/" in name and own.is_file():
            if not os.access(own, os.X_OK):
                self._may_be_changed(name, container)
                raise ProcessError(f"exec {name}: permission denied: its file in the repository is not executable")
            return str(own)
        # The image's Python is told by its version; this machine has the one that its requirements were installed for.
        here = "python3" if re.fullmatch(r"python3?(\.\d+)?", Path(name).name) else Path(name).name
        if program := shutil.which(here, path=self.path(container)):
            return program
        if runs := _unseen_runs(container):
            raise NotJudgedError(
                f"{name} is not on this machine, and `{runs[-1]}` may have put it into the image: a rehearsal does not "
                "know without a Docker engine"
            )
        if container.base and not BARE.search(container.base):
            raise NotJudgedError(
                f"{name} is not on this machine, and {container.base} may have it: a rehearsal does not know without a "
                "Docker engine"
            )
        raise ProcessError(f"exec: {name!r}: executable file not found in $PATH")

    def _may_be_changed(self, name: str, container: Container) -> None:
        """Raises `NotJudgedError` for a file that a command of the image's, which was not looked at, may change."""
        if runs := [run for run in _unseen_runs(container) if run.startswith("RUN ")]:
            raise NotJudgedError(
                f"{name} cannot be started as it is in the repository, and `{runs[-1]}` may change it: a rehearsal "
                "does not know without a Docker engine"
            )

    def _script(self, script: Path, words: list[str], container: Container) -> list[str]:
        """A script of the image under an interpreter of this machine."""
        self._localise(script)
        first = script.read_bytes()[:200].split(b"\n")[0].decode("utf-8", "replace")
        if first.startswith("#!"):
            interpreter = first[2:].split()
            if first.endswith("\r"):
                self._may_be_changed(script.name, container)
                raise ProcessError(f"exec {script.name}: no such file or directory: its lines end with CR LF")
            if not Path(interpreter[0]).exists() and (other := shutil.which(Path(interpreter[0]).name)):
                return [other, *interpreter[1:], *words]
        return words

    def _localise(self, script: Path) -> None:
        data = script.read_bytes()
        if data.startswith(b"#!") and len(data) < 65_536:
            mode = script.stat().st_mode
            script.write_text(self.text(data.decode("utf-8", "replace")), encoding="utf-8", newline="")
            script.chmod(mode)
