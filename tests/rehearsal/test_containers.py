"""A container as a process of this machine: the words, paths and environment that it starts with, and what it needs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from scripts.rehearsal.builds.container import Container
from scripts.rehearsal.errors import NotJudgedError
from scripts.rehearsal.runtime import application, containers
from scripts.rehearsal.runtime.application import Launch, ProcessError
from scripts.rehearsal.runtime.containers import LISTENING, start_image, unreachable

PYTHON = shutil.which("python3") or sys.executable


@dataclass
class Started:
    """What a container was started with."""

    launch: Launch
    command: list[str]
    name: str
    environment: dict[str, str]
    problem: Callable[[], str]

    @property
    def words(self) -> list[str]:
        """The words of the container's own command."""
        assert self.command[:4] == [sys.executable, "-I", "-c", application.RUN_WORDS]
        return self.command[4:]


@dataclass
class Machine:
    """The files of an image, the programs of its requirements, and a place for its log."""

    folder: Path

    @property
    def files(self) -> Path:
        return self.folder / "files"

    def put(self, path: str, text: str, mode: int = 0o644) -> Path:
        file = self.files / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")
        file.chmod(mode)
        return file

    def start(self, container: Container, **environment: str) -> Started:
        launch = Launch(self.folder / "task", environment, 4321)
        started: Any = start_image(launch, self.files, container, self.folder / "programs", 8000)
        assert isinstance(started, Started)
        return started

    def failure(self, container: Container, kind: type[Exception] = ProcessError) -> str:
        with pytest.raises(kind) as failed:
            self.start(container)
        assert type(failed.value) is kind
        return str(failed.value)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(containers, "start", Started)
    own = Machine(tmp_path)
    own.put("srv/app.py", "print()")
    (tmp_path / "programs").mkdir()
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "users"), os.environ["PATH"]]))
    return own


def program(folder: Path, name: str) -> str:
    """A program of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)
    return str(folder / name)


def test_a_container_starts_with_its_own_variables_and_those_of_the_task(machine: Machine) -> None:
    environment = {"PYTHONPATH": "/srv:/lib", "LEVEL": "DEBUG", "FILE": "/srv/app.py", "PATH": "/own/bin::/srv"}
    container = Container(["python3", "app.py", "/srv/data", "x"], "/srv", environment)
    started = machine.start(container, LEVEL="INFO", WORD="swordfish")
    files = machine.files
    assert started.words == [PYTHON, "app.py", f"{files}/srv/data", "x"]
    assert started.name == "`python3 app.py /srv/data x`"
    assert started.launch == Launch(
        machine.folder / "task", {"LEVEL": "INFO", "WORD": "swordfish"}, 4321, folder=files / "srv"
    )
    record = str(machine.folder / "task.listening")
    path = [str(machine.folder / "programs"), str(files / "own/bin"), str(files / "srv"), os.environ["PATH"]]
    assert started.environment == {
        "LEVEL": "INFO",
        "WORD": "swordfish",
        "FILE": f"{files}/srv/app.py",
        "PATH": os.pathsep.join(path),
        "PYTHONPATH": os.pathsep.join([str(LISTENING), f"{files}/srv:/lib"]),
        "REHEARSAL_LISTENING": json.dumps({"record": record, "port": 8000, "bound_port": 4321}),
    }
    assert started.problem() == ""
    Path(record).write_text('{"host": "127.0.0.1", "port": 8000, "six_only": false}\n', encoding="utf-8")
    assert started.problem().startswith("listens on 127.0.0.1")


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("/srv", "<>/srv"),
        ("/srv/a:/srv", "<>/srv/a:<>/srv"),
        ("'/srv/a' \"/srv\"; (/srv)&/srv|/srv", "'<>/srv/a' \"<>/srv\"; (<>/srv)&<>/srv|<>/srv"),
        ("/srvx /src", "/srvx /src"),
        ("a/srv ./srv ../srv x.srv/srv", "a/srv ./srv ../srv x.srv/srv"),
        ("/opt/x", "/opt/x"),
        ("--dir=/srv", "--dir=<>/srv"),
    ],
)
def test_paths_of_the_image_are_those_of_this_machine(machine: Machine, text: str, inside: str) -> None:
    started = machine.start(Container(["python3", text]))
    assert started.words[1] == inside.replace("<>", str(machine.files))


def test_an_image_without_files_has_no_paths(machine: Machine) -> None:
    shutil.rmtree(machine.files)
    assert machine.start(Container(["python3", "/srv"])).words[1] == "/srv"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["python3", "x"], [PYTHON, "x"]),
        (["python", "x"], [PYTHON, "x"]),
        (["python3.99", "x"], [PYTHON, "x"]),
        (["/usr/local/bin/python3", "x"], [PYTHON, "x"]),
        (["server", "x"], ["PROGRAMS/server", "x"]),
        (["/venv/bin/server", "x"], ["PROGRAMS/server", "x"]),
        (["uv", "run", "server"], ["PROGRAMS/server"]),
        (["/bin/uv", "run", "--no-sync", "--package", "p", "--env-file", "e", "-p", "3", "server", "-x"],
         ["PROGRAMS/server", "-x"]),
        (["poetry", "run", "server"], ["PROGRAMS/server"]),
        (["pdm", "run", "server"], ["PROGRAMS/server"]),
        (["pipenv", "run", "server"], ["PROGRAMS/server"]),
        (["server", "run", "--x"], ["PROGRAMS/server", "run", "--x"]),
    ],
)  # fmt: skip
def test_a_program_of_the_image_is_one_of_this_machines(machine: Machine, command: list[str], words: list[str]) -> None:
    """The requirements' first; Python by whatever version; a runner of packages is passed over."""
    program(machine.folder / "programs", "server")
    program(machine.folder / "users", "server")
    expected = [word.replace("PROGRAMS", str(machine.folder / "programs")) for word in words]
    assert machine.start(Container(command)).words == expected


@pytest.mark.parametrize("words", [["uv", "run"], ["uv", "run", "--no-sync"], ["uv", "sync"]])
def test_a_runner_that_runs_nothing_is_a_program_itself(machine: Machine, words: list[str]) -> None:
    uv = program(machine.folder / "programs", "uv")
    assert machine.start(Container(words)).words == [uv, *words[1:]]


def test_a_program_of_the_users_path_is_the_last(machine: Machine) -> None:
    own = program(machine.folder / "users", "tool")
    assert machine.start(Container(["tool"])).words == [own]
    inside = program(machine.files / "venv/bin", "tool")
    assert machine.start(Container(["tool"], environment={"PATH": "/venv/bin"})).words == [inside]


def test_a_file_of_the_image_is_started_where_it_stands(machine: Machine) -> None:
    script = machine.put("srv/go.sh", "#!/bin/sh\nexec /srv/app.py /opt/x\n", 0o755)
    for name in ("/srv/go.sh", "./go.sh", "../srv/go.sh"):
        [word] = machine.start(Container([name], "/srv")).words
        assert Path(word).samefile(script)
    assert script.read_text() == f"#!/bin/sh\nexec {machine.files}/srv/app.py /opt/x\n", "with its paths"
    assert script.stat().st_mode & 0o777 == 0o755


def test_a_script_that_another_program_reads_has_its_paths_too(machine: Machine) -> None:
    """But no file that is none."""
    script = machine.put("srv/go.sh", "#!/bin/bash\ncat /srv/app.py\n")
    data = machine.put("srv/data", "cat /srv/app.py\n")
    large = machine.put("srv/large", "#!/bin/sh\n/srv/app.py\n" + "#" * 65_536)
    machine.start(Container(["sh", "/srv/go.sh", "/srv/data", "/srv/large", "/srv"]))
    assert script.read_text() == f"#!/bin/bash\ncat {machine.files}/srv/app.py\n"
    assert data.read_text() == "cat /srv/app.py\n" and str(machine.files) not in large.read_text()


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ("#!/no/such/folder/sh", ["SH"]),
        ("#!/no/such/folder/sh -e -u", ["SH", "-e", "-u"]),
        ("#!/bin/sh -e", []),
        ("#!/no/such/program", []),
        ("no script", []),
    ],
)
def test_a_script_has_an_interpreter_of_this_machine(machine: Machine, first: str, words: list[str]) -> None:
    machine.put("srv/go", f"{first}\n", 0o755)
    shell = shutil.which("sh") or ""
    expected = [shell if word == "SH" else word for word in words]
    assert machine.start(Container(["/srv/go", "x"])).words == [*expected, f"{machine.files}/srv/go", "x"]


RUN, COPY = "RUN apt-get install tool", "COPY --from=base tool: that image was not looked at"
NOT_HERE = "is not on this machine, and"
UNKNOWN = "a rehearsal does not know without a Docker engine"
MAY_CHANGE = "cannot be started as it is in the repository, and `RUN x` may change it: " + UNKNOWN


@pytest.mark.parametrize(
    ("container", "kind", "problem"),
    [
        (Container(["nothing"]), ProcessError, "exec: 'nothing': executable file not found in $PATH"),
        (Container(["nothing"], base="python:3.11"), ProcessError,
         "exec: 'nothing': executable file not found in $PATH"),
        (Container(["nothing"], base="team/image"), NotJudgedError,
         f"nothing {NOT_HERE} team/image may have it: {UNKNOWN}"),
        (Container(["nothing"], unseen=["RUN x", RUN, "ADD x: nothing was fetched"], base="team/image"), NotJudgedError,
         f"nothing {NOT_HERE} `{RUN}` may have put it into the image: {UNKNOWN}"),
        (Container(["nothing"], unseen=[COPY]), NotJudgedError,
         f"nothing {NOT_HERE} `{COPY}` may have put it into the image: {UNKNOWN}"),
        (Container(["nothing"], unseen=["ADD x: nothing was fetched"]), ProcessError,
         "exec: 'nothing': executable file not found in $PATH"),
        (Container([], unseen=["RUN x", "the command that team/image brings along"]), NotJudgedError,
         "the command that team/image brings along: a rehearsal does not know it without a Docker engine"),
        (Container(["/srv/app.py"]), ProcessError,
         "exec /srv/app.py: permission denied: its file in the repository is not executable"),
        (Container(["/srv/app.py"], unseen=[COPY]), ProcessError,
         "exec /srv/app.py: permission denied: its file in the repository is not executable"),
        (Container(["/srv/app.py"], unseen=["RUN x"]), NotJudgedError, f"/srv/app.py {MAY_CHANGE}"),
        (Container(["/srv/windows"]), ProcessError,
         "exec windows: no such file or directory: its lines end with CR LF"),
        (Container(["/srv/windows"], unseen=["RUN x"]), NotJudgedError, f"windows {MAY_CHANGE}"),
    ],
)  # fmt: skip
def test_what_cannot_be_started_says_whether_a_task_could(
    machine: Machine, container: Container, kind: type[Exception], problem: str
) -> None:
    machine.put("srv/windows", "#!/bin/sh\r\necho\r\n", 0o755)
    assert machine.failure(replace(container, folder="/srv"), kind) == problem


def socket_line(port: int, host: str = "0.0.0.0", six_only: bool = False) -> str:
    return json.dumps({"host": host, "port": port, "six_only": six_only}) + "\n"


NOBODY = "which nobody outside of the container reaches; the load balancer asks port 8000 of the task's IPv4 address"


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (None, ""),
        ("", ""),
        (socket_line(8000), ""),
        (socket_line(8000, "::"), ""),
        (socket_line(8000, "10.0.0.1"), ""),
        (socket_line(8000, "127.0.0.1") + socket_line(8000), ""),
        (socket_line(8000, "127.0.0.1"), f"listens on 127.0.0.1, {NOBODY}: listen on 0.0.0.0"),
        (socket_line(8000, "::1"), f"listens on ::1, {NOBODY}: listen on 0.0.0.0"),
        (socket_line(8000, "localhost"), f"listens on localhost, {NOBODY}: listen on 0.0.0.0"),
        (socket_line(8000, "::", six_only=True),
         "listens on IPv6 alone; the load balancer asks port 8000 of the task's IPv4 address: listen on 0.0.0.0"),
        (socket_line(90) + socket_line(80) + socket_line(90),
         "listens on port 80, 90, and the load balancer asks port 8000"),
        (socket_line(80) + socket_line(8000, "127.0.0.1"), f"listens on 127.0.0.1, {NOBODY}: listen on 0.0.0.0"),
        (socket_line(80) + '{"host": "0.0', "listens on port 80, and the load balancer asks port 8000"),
    ],
)  # fmt: skip
def test_where_an_application_listens_is_judged_by_its_sockets(tmp_path: Path, lines: str | None, problem: str) -> None:
    """A line that is half written is none yet."""
    if lines is not None:
        (tmp_path / "record").write_text(lines)
    assert unreachable(tmp_path / "record", 8000) == problem
