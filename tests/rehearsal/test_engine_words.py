"""What each engine is told about a container: all words of its start, of the question before it, and of its removal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from scripts.rehearsal.builds.engines import Engine
from scripts.rehearsal.errors import NotJudgedError
from scripts.rehearsal.runtime import application, engine_containers
from scripts.rehearsal.runtime.application import Launch, ProcessError
from scripts.rehearsal.runtime.containers import LISTENING
from scripts.rehearsal.runtime.engine_containers import NO_PROGRAM, EngineCannotRunError, EngineTask, start_container

DEFINITION = {
    "user": 10001,
    "readonlyRootFilesystem": True,
    "linuxParameters": {
        "capabilities": {"drop": ["ALL", "X"]},
        "tmpfs": [
            {"containerPath": "/tmp", "size": 64, "mountOptions": ["rw", "noexec"]},
            {"containerPath": "/run", "size": 1},
        ],
    },
}
IMAGE = {"Entrypoint": ["run"], "Cmd": ["serve", "it"], "Env": ["PYTHONPATH=/image", "A=b=c"]}
CLIENTS = {"PATH": "/users/bin", "HOME": "/users"}


@dataclass(frozen=True)
class PreparedEngine(Engine):
    """An engine that answers as a test says, and keeps what it is asked."""

    calls: list[str] = field(default_factory=list)
    answers: list[tuple[int, str, str]] = field(default_factory=list)

    def quietly(self, *words: str) -> subprocess.CompletedProcess[str]:
        self.calls.append(" ".join(words))
        status, output, error = self.answers.pop(0) if self.answers else (127, "", f"no such file {NO_PROGRAM}")
        return subprocess.CompletedProcess(words, status, output, error)


@dataclass
class Starts:
    """What was started, or why that failed."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)
    problem: Exception | None = None
    record: str | None = None
    folder: Path | None = None

    def start(self, launch: Launch, *words: Any) -> str:
        assert launch.bundle.is_dir()
        self.folder = launch.bundle.with_name(f"{launch.bundle.name}.listening")
        assert self.folder.stat().st_mode & 0o777 == 0o777, "the container's user is another one"
        if self.record is not None:
            (self.folder / "sockets").write_text(self.record)
        self.calls.append((launch, *words))
        if self.problem:
            raise self.problem
        return "running"


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Starts:
    own = Starts()
    monkeypatch.setattr(engine_containers, "start", own.start)
    monkeypatch.setattr(engine_containers, "environment", lambda: dict(CLIENTS))
    return own


def task(engine: Engine, definition: Any = DEFINITION, image: Any = IMAGE) -> EngineTask:
    return EngineTask(engine, "sha256:1", image, definition, 8000)


VOLUMES = f"--network host --volume {LISTENING}:/rehearsal/python:ro --volume FOLDER:/rehearsal/record"
LIMITS = "--user 10001 --cap-drop ALL --cap-drop X"
IN_MEMORY = "--tmpfs /tmp:rw,noexec,size=64m --tmpfs /run:size=1m"
MOUNTED = "--mount type=tmpfs,destination=/tmp,tmpfs-mode=1777 --mount type=tmpfs,destination=/run,tmpfs-mode=1777"
NAMES = "--env WORD --env PATH=/own --env PYTHONPATH --env REHEARSAL_LISTENING"
RECORD = '{"record": "/rehearsal/record/sockets", "port": 8000, "bound_port": 4321}'
OWN = {"WORD": "s3cret", "PATH": "/own", "PYTHONPATH": "/rehearsal/python:/image", "REHEARSAL_LISTENING": RECORD}
VALUES = " ".join(f"--env {name}={value}" for name, value in OWN.items())


@pytest.mark.parametrize(
    ("name", "options", "probe", "run_and_remove"),
    [
        ("docker", f"{VOLUMES} --pull never --read-only {LIMITS} {IN_MEMORY} {NAMES}",
         [f"run --rm OPTIONS --entrypoint {NO_PROGRAM} sha256:1"],
         ("run --rm --name NAME OPTIONS sha256:1", "rm --force NAME")),
        ("podman",
         f"{VOLUMES} --pull never --read-only --read-only-tmpfs=false --stop-timeout=0 {LIMITS} {IN_MEMORY} {NAMES}",
         [f"run --rm OPTIONS --entrypoint {NO_PROGRAM} sha256:1"],
         ("run --rm --name NAME OPTIONS sha256:1", "rm --force NAME")),
        ("buildah", f"{VOLUMES} {LIMITS} {MOUNTED} {VALUES}",
         ["from --pull-never --name NAME sha256:1", f"run OPTIONS NAME -- {NO_PROGRAM}"],
         ("run OPTIONS NAME -- run serve it", "rm NAME")),
    ],
)  # fmt: skip
def test_a_container_is_held_to_its_definition_in_the_words_of_its_engine(
    tmp_path: Path, starts: Starts, name: str, options: str, probe: list[str], run_and_remove: tuple[str, str]
) -> None:
    run, remove = run_and_remove
    answers = [(0, "", ""), (127, f"{NO_PROGRAM}: not found", "")] if name == "buildah" else []
    engine = PreparedEngine(name, f"/bin/{name}", answers=answers)
    launch = Launch(tmp_path / "task", {"WORD": "s3cret", "PATH": "/own"}, 4321)
    assert start_container(task(engine), launch) == "running"  # type: ignore[comparison-overlap]
    [(started, command, title, environment, problem, removal)] = starts.calls
    assert started is launch and command[:4] == [sys.executable, "-I", "-c", application.RUN_CONTAINER]
    words, removing = json.loads(command[4])
    [container] = re.findall(r"rehearsal-[0-9a-f]{12}", " ".join(removing))

    def filled(text: str) -> str:
        text = text.replace("OPTIONS", options).replace("NAME", container)
        return text.replace("FOLDER", str(tmp_path / "task.listening"))

    assert engine.calls == [filled(text) for text in probe]
    assert " ".join(words) == filled(f"/bin/{name} {run}")
    assert removal == removing == filled(f"/bin/{name} {remove}").split()
    assert title == f"`run serve it` in a container of {name}"
    assert environment == (CLIENTS if name == "buildah" else {**CLIENTS, **OWN, "PATH": "/users/bin"})
    assert problem() == ""
    (tmp_path / "task.listening/sockets").write_text('{"host": "127.0.0.1", "port": 8000, "six_only": false}\n')
    assert problem().startswith("listens on 127.0.0.1")


def test_a_definition_that_says_nothing_leaves_the_engine_its_own(tmp_path: Path, starts: Starts) -> None:
    launch = Launch(tmp_path / "task", {"PYTHONPATH": "/task"}, 4321)
    start_container(task(PreparedEngine("docker", "/bin/docker"), {}, {"Entrypoint": None, "Cmd": ["x"]}), launch)
    [(_, command, title, environment, *_)] = starts.calls
    volumes = VOLUMES.replace("FOLDER", str(tmp_path / "task.listening"))
    words = " ".join(json.loads(command[4])[0])
    assert f" {volumes} --pull never --env PYTHONPATH --env REHEARSAL_LISTENING sha256:1" in words
    assert environment["PYTHONPATH"] == "/rehearsal/python:/task" and title == "`x` in a container of docker"


def test_without_a_path_of_its_own_python_has_the_rehearsals_alone(tmp_path: Path, starts: Starts) -> None:
    start_container(task(PreparedEngine("docker", "/bin/docker"), {}, {}), Launch(tmp_path / "task", {}, 4321))
    assert starts.calls[0][3]["PYTHONPATH"] == "/rehearsal/python"


@pytest.mark.parametrize(
    ("name", "answers", "problem", "calls"),
    [
        ("docker", [(126, "", "first\nError: not permitted\n")], "docker: Error: not permitted", 2),
        ("docker", [(0, "", "")], "docker: it says nothing", 2),
        ("buildah", [(125, "", "no image")], "buildah: no image", 2),
        ("buildah", [(0, "", ""), (1, "no runtime", "")], "buildah: no runtime", 3),
    ],
)
def test_an_engine_that_starts_nothing_here_is_left_as_it_was(
    tmp_path: Path, starts: Starts, name: str, answers: list[Any], problem: str, calls: int
) -> None:
    engine = PreparedEngine(name, f"/bin/{name}", answers=[*answers, (0, "", "")])
    with pytest.raises(EngineCannotRunError) as failed:
        start_container(task(engine), Launch(tmp_path / "task", {}, 4321))
    assert (str(failed.value), starts.calls, len(engine.calls)) == (problem, [], calls)
    assert re.fullmatch(r"rm (--force )?rehearsal-[0-9a-f]{12}", engine.calls[-1])


RIGHT = '{"host": "0.0.0.0", "port": 8000, "six_only": false}\n'
WRONG = RIGHT.replace("0.0.0.0", "127.0.0.1")
SILENT = "`run serve it` did not answer within 30 s, the end of the log"


@pytest.mark.parametrize(
    ("record", "message", "judged"),
    [
        (RIGHT, SILENT, False),
        (WRONG, SILENT, True),
        (None, SILENT, True),
        (RIGHT, "`run serve it` ended with status 1", True),
    ],
)
def test_a_container_that_listens_rightly_and_is_not_reached_is_not_judged(
    tmp_path: Path, starts: Starts, record: str | None, message: str, judged: bool
) -> None:
    """The engine's network is another machine's, say."""
    starts.problem, starts.record = ProcessError(message), record
    with pytest.raises(ProcessError if judged else NotJudgedError) as failed:
        start_container(task(PreparedEngine("docker", "/bin/docker")), Launch(tmp_path / "task", {}, 4321))
    assert str(failed.value) == (message if judged else f"the network of docker is not that of this machine: {message}")


@pytest.mark.parametrize(
    ("name", "definition", "unseen"),
    [
        ("buildah", DEFINITION, ["buildah run: its containers can write their root file system, a task cannot"]),
        ("buildah", {}, []),
        ("docker", DEFINITION, []),
    ],
)
def test_what_a_container_is_not_held_to_is_told(name: str, definition: Any, unseen: list[str]) -> None:
    assert task(Engine(name, name), definition).unseen == unseen
