"""With a real engine on this machine the task is a container of it, held to what the task definition says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scripts.loopback import urlopen
from scripts.rehearsal.builds import images as images_module
from scripts.rehearsal.builds.engines import QUESTIONS, Engine, engines
from scripts.rehearsal.builds.images import Images
from scripts.rehearsal.builds.programs import ProgramCall
from scripts.rehearsal.errors import ActionFailedError
from scripts.rehearsal.runtime.application import Launch, free_port
from scripts.rehearsal.runtime.ecs import EcsTasks
from scripts.rehearsal.runtime.engine_containers import NO_PROGRAM, EngineCannotRunError, EngineTask, start_container
from tests.conftest import NO_ENGINE
from tests.support.rehearsal.prepared_aws import ROLE, PreparedAws, allow, aws, role_checker

TAG = "111122223333.dkr.ecr.us-east-1.amazonaws.com/images:0123"
# Answers what a container is: its user, whether it may write, its folder, its environment, whether it is process 1.
SERVER = """import http.server, json, os, sys
def writes(path):
    try:
        open(path, "w").close()
    except OSError as error:
        return error.strerror
    return "written"
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        facts = {"user": os.getuid(), "tmp": writes("/tmp/x"), "root": writes("/srv/x"), "folder": os.getcwd(),
                 "colour": os.environ.get("COLOUR"), "image": os.environ.get("IMAGE"), "home": os.path.exists("HERE")}
        self.wfile.write(json.dumps(facts).encode())
http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""
DOCKERFILE = """FROM scratch
COPY machine /
COPY --chown=10001 server.py /srv/
RUN ["/usr/local/bin/python3", "-c", "import os; os.chown('/srv', 10001, 10001)"]
ENV PATH=/usr/local/bin:/bin IMAGE=own
WORKDIR /srv
ENTRYPOINT ["python3", "server.py"]
CMD ["0.0.0.0", "8000"]
"""
SKIPPED = shutil.ignore_patterns(
    "site-packages", "test", "tests", "idlelib", "lib2to3", "ensurepip", "__pycache__", "config-*", "tkinter", "*.a"
)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This Python with the libraries that it takes, as the files of an image: nothing is pulled."""
    root = tmp_path_factory.mktemp("context")
    program, library = Path(sys.executable).resolve(), Path(os.__file__).parent

    def put(file: Path) -> None:
        target = root / "machine" / str(file).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file.resolve(), target)

    shutil.copytree(library, root / "machine" / str(library).lstrip("/"), ignore=SKIPPED)
    for file in (program, *library.glob("lib-dynload/*.so")):
        put(file)
        listed = subprocess.run(["ldd", file], capture_output=True, text=True, check=True).stdout
        for path in re.findall(r"(/\S+) \(0x", listed):
            put(Path(path))
    link = root / "machine/usr/local/bin/python3"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists():
        link.symlink_to(program)
    (root / "server.py").write_text(SERVER, encoding="utf-8")
    return root


class Account(PreparedAws):
    """A registry, and a service of one task."""

    endpoint = None

    def call(self, service: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        if operation == "put_image":
            self.answers["ecr.put_image"] = {}
            self.answers["ecr.batch_get_image"] = {"images": [{"imageManifest": arguments["imageManifest"]}]}
        return super().call(service, operation, **arguments)


CONTAINER = {
    "name": "api",
    "image": TAG,
    "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/logs"}},
    "user": "10001",
    "readonlyRootFilesystem": True,
    "environment": [{"name": "COLOUR", "value": "blue\nand green"}],
    "linuxParameters": {
        "capabilities": {"drop": ["ALL"]},
        "tmpfs": [{"containerPath": "/tmp", "size": 64, "mountOptions": ["rw", "noexec", "nosuid", "nodev"]}],
    },
}


@dataclass(frozen=True)
class Rehearsed:
    """A release by one engine: its tasks, what was noted, and what builds the image."""

    engine: Engine
    context: Path
    images: Images
    tasks: EcsTasks
    notes: list[str]
    lines: list[str]

    def release(self, dockerfile: str) -> None:
        (self.context / "Dockerfile").write_text(dockerfile, encoding="utf-8")
        docker = self.images.docker(self.tasks.checker, ROLE)
        for words in (["build", "--file", "Dockerfile", "--tag", TAG, "."], ["push", TAG]):
            done = docker(ProgramCall(words, self.context))
            assert done.status == 0, done.error
        self.tasks.reconcile("cluster", "service")


@pytest.fixture(params=QUESTIONS)
def rehearsed(
    request: pytest.FixtureRequest, machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rehearsed]:
    for name in ("DOCKER_HOST", "CONTAINER_HOST", "CONTAINERS_STORAGE_CONF"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BUILDAH_ISOLATION", "chroot")  # which takes no runtime
    answering = [engine for engine in engines() if engine.name == request.param]
    if not answering:
        pytest.skip(f"{NO_ENGINE}: {request.param}")
    monkeypatch.setattr(images_module, "find_engine", lambda: answering[0])
    balancers = [{"containerName": "api", "containerPort": 8000, "targetGroupArn": "group"}]
    service = {
        "serviceArn": "arn:service",
        "clusterArn": "arn:cluster/c",
        "desiredCount": 1,
        "taskDefinition": "task:1",
        "loadBalancers": balancers,
    }
    account = Account(
        {
            "ecs.describe_services": {"services": [service]},
            "ecs.describe_task_definition": {
                "taskDefinition": {"executionRoleArn": ROLE, "containerDefinitions": [CONTAINER]}
            },
            "elbv2.describe_target_groups": {"TargetGroups": [{"HealthCheckPath": "/"}]},
        }
    )
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "*"}]}
    checker = role_checker(allow("All", ["*"], "*"), trust=trust)
    notes: list[str] = []
    lines: list[str] = []
    images = Images(aws(account), tmp_path / "images", notes.append)
    (tmp_path / "logs").mkdir()
    tasks = EcsTasks(aws(account), checker, images, tmp_path / "logs", tmp_path / "venvs", None, lines.append)
    try:
        yield Rehearsed(answering[0], machine, images, tasks, notes, lines)
    finally:
        tasks.stop()


def prepared_engine(folder: Path, script: str) -> Engine:
    """A program in docker's place, which notes what it is asked."""
    program = folder / "docker"
    program.write_text(f'#!/bin/sh\necho "$@" >> "$0.asked"\n{script}\n', encoding="utf-8")
    program.chmod(0o755)
    return Engine("docker", str(program))


def test_what_a_task_definition_says_is_said_to_the_engine(tmp_path: Path) -> None:
    """And no value of the environment stands among its words, which everybody on the machine can read."""
    serve = (
        "import http.server, json, os; "
        "port = json.loads(os.environ['REHEARSAL_LISTENING'])['bound_port']; "
        "print(os.environ['SECRET'], flush=True); "
        "http.server.HTTPServer(('127.0.0.1', port), http.server.SimpleHTTPRequestHandler).serve_forever()"
    )
    refuses = f"case \"$*\" in *{NO_PROGRAM}*) echo 'exec {NO_PROGRAM}: no such file' >&2; exit 127 ;; esac"
    engine = prepared_engine(tmp_path, f'{refuses}\n[ "$1" != run ] || exec {sys.executable} -c "{serve}"')
    task = EngineTask(engine, "sha256:1", {"Cmd": ["x"], "Env": ["PYTHONPATH=/own"]}, CONTAINER, 8000)
    launch = Launch(tmp_path / "task", {"SECRET": "s3cret", "PATH": "/own/bin"}, free_port())
    running = start_container(task, launch)
    running.stop()
    probe, run, removal = (tmp_path / "docker.asked").read_text().splitlines()
    assert "s3cret" in running.log.read_text() and "s3cret" not in probe + run
    name = run.split()[3]
    assert run.split()[:3] == ["run", "--rm", "--name"] and run.endswith(" sha256:1")
    assert removal == f"rm --force {name}"
    for words in (
        "--network host --volume",
        "--pull never --read-only --user 10001 --cap-drop ALL --tmpfs /tmp:rw,noexec,nosuid,nodev,size=64m",
        "--env SECRET --env PATH=/own/bin --env PYTHONPATH --env REHEARSAL_LISTENING",
    ):
        assert words in run and words in probe


def test_an_engine_that_starts_no_container_is_told_apart(tmp_path: Path) -> None:
    engine = prepared_engine(tmp_path, "echo 'Error: runtime: operation not permitted' >&2; exit 126")
    task = EngineTask(engine, "sha256:1", {"Cmd": ["x"]}, CONTAINER, 8000)
    with pytest.raises(EngineCannotRunError, match="docker: Error: runtime: operation not permitted"):
        start_container(task, Launch(tmp_path / "task", {}, free_port()))


@pytest.mark.soak
def test_a_task_is_a_container_held_to_its_definition(rehearsed: Rehearsed) -> None:
    rehearsed.release(DOCKERFILE)
    answer = json.loads(urlopen(f"http://127.0.0.1:{rehearsed.tasks.port}/", timeout=10).read())
    writable = rehearsed.engine.name == "buildah"  # which cannot, and says so
    assert answer == {
        "user": 10001,
        "tmp": "written",
        "root": "written" if writable else "Read-only file system",
        "folder": "/srv",
        "colour": "blue\nand green",
        "image": "own",
        "home": False,
    }
    assert any("can write their root file system" in note for note in rehearsed.notes) is writable
    assert f"a container of {rehearsed.engine.name} on http://127.0.0.1:" in rehearsed.lines[-1]
    assert not any("runs as a process" in note for note in rehearsed.notes)
    rehearsed.tasks.stop()
    with pytest.raises(OSError, match="refused"):
        urlopen(f"http://127.0.0.1:{rehearsed.tasks.port}/", timeout=10)
    listed = rehearsed.engine.quietly(*(("containers",) if writable else ("ps", "--all")))
    assert listed.returncode == 0 and "rehearsal-" not in listed.stdout


@pytest.mark.soak
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"8000"', '"80"', "listens on port 80, and the load balancer asks port 8000"),
        ("0.0.0.0", "127.0.0.1", "listens on 127.0.0.1, which nobody outside of the container reaches"),
        ('"python3"', '"pythom"', "pythom"),
    ],
)
def test_a_container_that_does_not_serve_is_told(rehearsed: Rehearsed, old: str, new: str, message: str) -> None:
    with pytest.raises(ActionFailedError, match=message):
        rehearsed.release(DOCKERFILE.replace(old, new))
