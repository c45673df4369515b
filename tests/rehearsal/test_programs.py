"""The programs that a rehearsal imitates, and what it copies of what AWS answers."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from scripts.rehearsal.builds import programs as programs_module
from scripts.rehearsal.builds.programs import (
    Program,
    ProgramCall,
    ProgramResult,
    ProgramServer,
    hash_files,
    serve_programs,
)
from scripts.rehearsal.deployments import REGISTERED_KEYS
from scripts.rehearsal.permissions import AccessDeniedError
from scripts.rehearsal.runtime.toolchains import Node
from tests.support.service import model


def test_nothing_is_served_after_the_build_however_it_ended() -> None:
    before = set(threading.enumerate())
    with pytest.raises(KeyError), serve_programs() as programs:
        assert programs.port
        raise KeyError
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


def test_a_revision_keeps_all_that_can_be_registered() -> None:
    """Every member of TaskDefinition that RegisterTaskDefinition takes, too (botocore's model of ECS)."""
    ecs = model("ecs")
    taken = set(ecs.operation_model("RegisterTaskDefinition").input_shape.members)
    assert set(REGISTERED_KEYS) == taken & set(ecs.shape_for("TaskDefinition").members)


def echo(call: ProgramCall) -> ProgramResult:
    return ProgramResult(f"{call.arguments} in {call.folder}: {call.input}", "warned\n", 7)


def fails(_: ProgramCall) -> ProgramResult:
    raise AccessDeniedError("the role may not")


def breaks(_: ProgramCall) -> ProgramResult:
    raise KeyError("gone")


SIMULATED: dict[str, Program] = {"docker": echo, "aws": fails, "codebuild-hash-files": breaks}


def run(folder: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """A program of the folder, called from the folder above it."""
    command = [str(folder / words[0]), *words[1:]]
    return subprocess.run(command, cwd=folder.parent, input=typed, capture_output=True, text=True, check=False)


def test_a_build_reaches_its_own_programs_and_no_others(tmp_path: Path) -> None:
    with serve_programs() as programs:
        programs.install(tmp_path / "bin", SIMULATED, None, None)
        done = run(tmp_path / "bin", "docker", "login", "--password-stdin", "a b", typed="secret")
        output = f"['login', '--password-stdin', 'a b'] in {tmp_path}: secret"
        assert (done.returncode, done.stdout, done.stderr) == (7, output, "warned\n")
        assert run(tmp_path / "bin", "docker", "ps", typed="unread").stdout == f"['ps'] in {tmp_path}: "
        denied = run(tmp_path / "bin", "aws", "s3", "ls")
        assert (denied.returncode, denied.stdout, denied.stderr) == (254, "", "the role may not\n")
        broken = run(tmp_path / "bin", "codebuild-hash-files")
        assert (broken.returncode, broken.stderr) == (70, "the rehearsal itself failed: KeyError('gone')\n")
        programs.install(tmp_path / "new/other", {"aws": echo}, None, None)
        assert run(tmp_path / "new/other", "aws").returncode == 7, "each build has its own"
        [token] = [token for token, builds in programs.builds.items() if "docker" in builds]
        request = {"folder": str(tmp_path), "input": ""}
        unknown = ProgramResult(error="npm was not installed for this build\n", status=127)
        assert programs.answer({**request, "token": token, "command": ["npm"]}) == unknown
        forged = ProgramResult(error="docker was not installed for this build\n", status=127)
        assert programs.answer({**request, "token": "forged", "command": ["docker"]}) == forged


def test_python_node_and_what_the_caller_gives_instead_are_programs_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[bool] = []

    def recorded() -> Node:
        searches.append(True)
        return Node("/own/node", ("/own/node", "/own/npm-cli.js"))

    monkeypatch.setattr(programs_module, "find_node", recorded)
    server = ProgramServer(1234)
    server.install(tmp_path / "plain", {"aws": echo}, None, None)
    texts = {path.name: path.read_text() for path in (tmp_path / "plain").iterdir()}
    [token] = server.builds
    assert len(token) == 32
    assert texts == {
        "aws": f'#!/bin/sh\nexec "{sys.executable}" -IS "{programs_module.CLIENT}" 1234 {token} aws "$@"\n',
        "python": f'#!/bin/sh\nexec "{sys.executable}" "$@"\n',
        "python3": f'#!/bin/sh\nexec "{sys.executable}" "$@"\n',
        "pip": f'#!/bin/sh\nexec "{sys.executable}" -m pip "$@"\n',
        "node": '#!/bin/sh\nexec "/own/node" "$@"\n',
        "npm": '#!/bin/sh\nexec "/own/node" "/own/npm-cli.js" "$@"\n',
    }
    assert all(path.stat().st_mode & 0o777 == 0o755 for path in (tmp_path / "plain").iterdir())
    substitutes = tmp_path / "substitutes"
    substitutes.mkdir()
    (substitutes / "python").write_text("own")
    server.install(tmp_path / "first", {"aws": echo}, Path("/own/python"), substitutes)
    assert (tmp_path / "first/python").read_text() == "own" and len(searches) == 2
    assert (tmp_path / "first/python3").read_text() == '#!/bin/sh\nexec "/own/python" "$@"\n'
    assert (tmp_path / "first/pip").read_text() == '#!/bin/sh\nexec "/own/python" -m pip "$@"\n'
    (substitutes / "npm").write_text("own")
    server.install(tmp_path / "second", {"aws": echo}, None, substitutes)
    assert len(searches) == 2, "the caller's npm needs no Node.js"
    assert not (tmp_path / "second/node").exists() and (tmp_path / "second/npm").read_text() == "own"


def test_files_are_hashed_together_whatever_the_order_of_the_patterns(tmp_path: Path) -> None:
    """And each once; a folder is none."""
    (tmp_path / "a.lock").write_text("1")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/b.lock").write_text("2")
    digest = hashlib.sha256(b"12").hexdigest() + "\n"
    for patterns in (["a.lock", "b/b.lock"], ["**/*.lock", "a.lock"], ["*", "b/*"]):
        assert hash_files(ProgramCall(patterns, tmp_path)) == ProgramResult(digest)
    assert hash_files(ProgramCall(["gone"], tmp_path)).output == hashlib.sha256(b"").hexdigest() + "\n"
