"""The container engines of this machine: which answers, what each is asked, and what it knows of the user."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scripts.rehearsal.builds.engines import Engine, engines, environment, find_engine, unreached_registry

CONFIGURATION = {"Env": ["A=1"], "Cmd": ["serve"]}


def program(folder: Path, name: str, script: str) -> None:
    """A program in an engine's place, which notes where and what it is asked."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f'#!/bin/sh\necho "$PWD $@" >> "$0.calls"\n{script}\n', encoding="utf-8")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("docker", [{"Config": CONFIGURATION}], "image inspect sha256:1"),
        ("podman", [{"Config": CONFIGURATION}], "image inspect sha256:1"),
        ("buildah", {"OCIv1": {"config": CONFIGURATION}}, "inspect --type image sha256:1"),
    ],
)
def test_an_engine_says_what_an_image_starts(tmp_path: Path, name: str, answer: Any, words: str) -> None:
    (tmp_path / "answer").write_text(json.dumps(answer))
    program(tmp_path, name, f"cat {tmp_path}/answer")
    engine = Engine(name, str(tmp_path / name))
    assert engine.configuration("sha256:1") == CONFIGURATION
    assert (tmp_path / f"{name}.calls").read_text() == f"{Path.cwd()} {words}\n"
    program(tmp_path, name, "exit 125")
    assert engine.configuration("sha256:1") is None


def test_an_engine_builds_in_the_folder_and_leaves_the_id(tmp_path: Path) -> None:
    program(tmp_path, "docker", "echo built; echo warned >&2; exit 3")
    (tmp_path / "work").mkdir()
    done = Engine("docker", str(tmp_path / "docker")).build(["--tag", "a:1", "."], tmp_path / "work", Path("/id"))
    assert (done.returncode, done.stdout, done.stderr) == (3, "built\n", "warned\n")
    assert (tmp_path / "docker.calls").read_text() == f"{tmp_path / 'work'} build --iidfile /id --tag a:1 .\n"


@pytest.mark.parametrize(
    ("statuses", "answering"),
    [
        ({"docker": 0, "podman": 0}, ["docker", "podman"]),
        ({"docker": 1, "podman": 0, "buildah": 0}, ["podman", "buildah"]),
        ({"buildah": 0}, ["buildah"]),
        ({"docker": 1}, []),
        ({}, []),
    ],
)
def test_the_first_engine_that_answers_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statuses: dict[str, int], answering: list[str]
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, status in statuses.items():
        program(folder, name, f"exit {status}")
    monkeypatch.setenv("PATH", str(folder))
    expected = [Engine(name, str(folder / name)) for name in answering]
    assert list(engines()) == expected
    assert find_engine() == (expected[0] if answering else None)


def test_an_engine_is_asked_briefly_and_without_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[list[str], dict[str, Any]]] = []

    def run(command: list[str], **settings: Any) -> Any:
        calls.append((command, settings))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("subprocess.run", run)
    for name in ("DOCKER_HOST", "CONTAINER_HOST", "CONTAINERS_CONF", "BUILDAH_ISOLATION", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, "own")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    engine = Engine("docker", "/bin/docker")
    engine.quietly("ps")
    engine.build(["."], tmp_path, tmp_path / "id")
    (_, quiet), (_, build) = calls
    assert (quiet["timeout"], build["timeout"]) == (30, None), "a build takes as long as it takes"
    assert (quiet["cwd"], build["cwd"]) == (None, tmp_path)
    for settings in (quiet, build):
        assert settings["stdin"] == subprocess.DEVNULL and settings["errors"] == "replace"
        assert settings["env"] == environment()
        assert "AWS_SECRET_ACCESS_KEY" not in settings["env"]
        assert {"DOCKER_HOST", "CONTAINERS_CONF", "XDG_RUNTIME_DIR", "HOME", "PATH"} <= settings["env"].keys()


@pytest.mark.parametrize(
    ("line", "unreached"),
    [
        ("ERROR: failed to do request: Head: dial tcp: lookup x", True),
        ("pinging container registry x: connection refused", True),
        ("pinging container registry x: connection reset by peer", True),
        ("failed to do request: no such host", True),
        ("failed to do request: i/o timeout", True),
        ("failed to do request: TLS handshake timeout", True),
        ("failed to do request: 404 not found", False),
        ("pip: connection refused", False),
    ],
)
def test_a_registry_that_does_not_answer_is_known_by_its_line(line: str, unreached: bool) -> None:
    assert unreached_registry(f"#1 load\n  {line}  \n#2 done\n") == (line if unreached else "")
