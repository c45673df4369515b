"""A container as an engine of this machine runs it: with the user, the read-only root file system, the folders in
memory and the environment of the task definition.

It shares this machine's network, because the local AWS answers on the loopback address alone. So Python binds its
sockets there too, as it does without an engine, and nobody else reaches the application.
"""

import json
import shlex
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.rehearsal.builds.engines import Engine, environment
from scripts.rehearsal.errors import NotJudgedError
from scripts.rehearsal.runtime.application import RUN_CONTAINER, ApplicationProcess, Launch, ProcessError, start
from scripts.rehearsal.runtime.containers import LISTENING, unreachable

# Where the container has what makes its sockets reachable here, and where they are written down.
INSIDE = "/rehearsal"
# A program that no image has: an engine that names it in its refusal has come as far as starting it.
NO_PROGRAM = "/no-program-of-a-rehearsal"


class EngineCannotRunError(Exception):
    """The engine starts no container on this machine; the message is what it says."""


@dataclass(frozen=True)
class EngineTask:
    """What is run: an engine, the id of its image with what the image says, the container's part of a task definition,
    and the port that the load balancer asks."""

    engine: Engine
    image: str
    configuration: Mapping[str, Any]
    definition: Mapping[str, Any]
    port: int

    @property
    def command(self) -> list[str]:
        """The words that the container starts."""
        return [*(self.configuration.get("Entrypoint") or ()), *(self.configuration.get("Cmd") or ())]

    @property
    def unseen(self) -> list[str]:
        """What a container of this engine is not held to."""
        if self.engine.name == "buildah" and self.definition.get("readonlyRootFilesystem"):
            return ["buildah run: its containers can write their root file system, a task cannot"]
        return []


def start_container(task: EngineTask, launch: Launch) -> ApplicationProcess:
    """Runs a container, and returns when it answers HTTP at `launch.port`. Raises `ProcessError`, `NotJudgedError`
    where the engine's network is not this machine's, and `EngineCannotRunError`."""
    name = f"rehearsal-{uuid.uuid4().hex[:12]}"
    folder = launch.bundle.with_name(f"{launch.bundle.name}.listening")
    folder.mkdir()
    folder.chmod(0o777)  # the container's user is another one
    record = folder / "sockets"
    names, values = _variables(task, launch)
    remove = [task.engine.program, *(("rm",) if task.engine.name == "buildah" else ("rm", "--force")), name]
    options = [*_options(task, folder), *names]
    _probe(task, name, options, remove[1:])
    launch.bundle.mkdir(exist_ok=True)
    try:
        return start(
            launch,
            [sys.executable, "-I", "-c", RUN_CONTAINER, json.dumps([_words(task, name, options), remove])],
            f"`{shlex.join(task.command)}` in a container of {task.engine.name}",
            {**environment(), **values},
            lambda: unreachable(record, task.port),
            remove,
        )
    except ProcessError as error:
        # It listens rightly, and this machine does not reach it: a remote engine, say.
        if "did not answer" in str(error) and record.exists() and not unreachable(record, task.port):
            raise NotJudgedError(f"the network of {task.engine.name} is not that of this machine: {error}") from error
        raise


def _probe(task: EngineTask, name: str, options: list[str], remove: list[str]) -> None:
    """Asks the engine for a container of that kind whose program does not exist, which tells apart an engine that
    starts none here. For buildah it also makes the container. Raises `EngineCannotRunError`."""
    engine = task.engine
    if engine.name == "buildah":
        done = engine.quietly("from", "--pull-never", "--name", name, task.image)
        if done.returncode == 0:
            done = engine.quietly("run", *options, name, "--", NO_PROGRAM)
    else:
        done = engine.quietly("run", "--rm", *options, "--entrypoint", NO_PROGRAM, task.image)
    answer = done.stdout + done.stderr
    if NO_PROGRAM not in answer:
        engine.quietly(*remove)
        raise EngineCannotRunError(f"{engine.name}: {(answer.strip().splitlines() or ['it says nothing'])[-1]}")


def _words(task: EngineTask, name: str, options: list[str]) -> list[str]:
    if task.engine.name == "buildah":
        return [task.engine.program, "run", *options, name, "--", *task.command]
    return [task.engine.program, "run", "--rm", "--name", name, *options, task.image]


def _options(task: EngineTask, folder: Path) -> Iterator[str]:
    """What the task definition says about a container, in the words of the engine."""
    buildah, definition = task.engine.name == "buildah", task.definition
    yield from ("--network", "host")
    yield from ("--volume", f"{LISTENING}:{INSIDE}/python:ro", "--volume", f"{folder}:{INSIDE}/record")
    if not buildah:
        yield from ("--pull", "never")
        if definition.get("readonlyRootFilesystem"):
            yield "--read-only"
            if task.engine.name == "podman":  # it would make /tmp and others writable by itself
                yield "--read-only-tmpfs=false"
        if task.engine.name == "podman":  # what is removed has had its time to end
            yield "--stop-timeout=0"
    if definition.get("user"):
        yield from ("--user", str(definition["user"]))
    linux = definition.get("linuxParameters", {})
    for capability in linux.get("capabilities", {}).get("drop", ()):
        yield from ("--cap-drop", capability)
    for mount in linux.get("tmpfs", ()):
        if buildah:
            yield from ("--mount", f"type=tmpfs,destination={mount['containerPath']},tmpfs-mode=1777")
        else:
            settings = [*mount.get("mountOptions", ()), f"size={mount['size']}m"]
            yield from ("--tmpfs", f"{mount['containerPath']}:{','.join(settings)}")


def _variables(task: EngineTask, launch: Launch) -> tuple[list[str], dict[str, str]]:
    """Options that name the container's variables, and their values for the client's own environment, from which it
    takes them: in an option everybody on this machine could read them. Those that the client itself needs are given
    with their values, and all of them to buildah, which takes no others (buildah-run(1), `--env`)."""
    own = dict(entry.partition("=")[::2] for entry in task.configuration.get("Env") or ())
    listening = {"record": f"{INSIDE}/record/sockets", "port": task.port, "bound_port": launch.port}
    values = {
        **launch.environment,
        "PYTHONPATH": ":".join(
            filter(None, [f"{INSIDE}/python", launch.environment.get("PYTHONPATH", own.get("PYTHONPATH", ""))])
        ),
        "REHEARSAL_LISTENING": json.dumps(listening),
    }
    clients = values if task.engine.name == "buildah" else environment()
    options = []
    for name, value in values.items():
        options += ["--env", f"{name}={value}" if name in clients else name]
    return options, {name: value for name, value in values.items() if name not in clients}
