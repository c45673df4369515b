"""`.ci/run`: what a git host runs, on a bare machine as on one that has all of it, and what stops it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

# Notes how it was called; ends with 1 where a file of its name says so.
STAND_IN = '#!/bin/sh\necho "${{STRICT:+STRICT=$STRICT }}{name} $*" >> "$CALLS"\n[ ! -e "$CALLS.{name}" ] || exit 1\n'
INSTALLED = ["apt-get update -qq", "apt-get install -y -qq --no-install-recommends make git python3-venv chromium"]
TESTED = ["STRICT=1 make test", 'STRICT=1 make soak SEEDS=3 PYTEST=--dist loadfile -m "soak and not long"']
COMPARED = ["version ", "compare "]


class Machine:
    """A clone of one commit with the script, on a machine whose programs are stand-ins."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.notes, self.programs = folder / "clone", folder / "calls", folder / "bin"
        (self.folder / ".ci").mkdir(parents=True)
        self.programs.mkdir()
        shutil.copy(ROOT / ".ci/run", self.folder / ".ci")
        for name in ("make", "apt-get"):
            self.put(self.programs / name, name)
        for name in ("version", "compare"):
            self.put(self.folder / ".ci" / name, name)
        self.user("0")
        self.git("init", "--quiet")
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", "one")

    def put(self, file: Path, name: str) -> None:
        file.write_text(STAND_IN.format(name=name), encoding="utf-8")
        file.chmod(0o755)

    def user(self, number: str) -> None:
        (self.programs / "id").write_text(f"#!/bin/sh\necho {number}\n", encoding="utf-8")
        (self.programs / "id").chmod(0o755)

    def fails(self, name: str) -> None:
        Path(f"{self.notes}.{name}").touch()

    def git(self, *words: str) -> None:
        own = ["-c", "user.name=me", "-c", "user.email=me@cloud-health.test"]
        subprocess.run(["git", *own, *words], cwd=self.folder, check=True)

    def run(self) -> subprocess.CompletedProcess[str]:
        variables = {"PATH": f"{self.programs}:{os.environ['PATH']}", "CALLS": str(self.notes)}
        return subprocess.run(
            ["bash", str(self.folder / ".ci/run")],
            env=variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self) -> list[str]:
        return self.notes.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_bare_machine_gets_what_debian_has_and_everything_is_asked(machine: Machine) -> None:
    done = machine.run()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert machine.calls() == [*INSTALLED, *TESTED, *COMPARED]


def test_nothing_is_installed_by_anybody_but_root(machine: Machine) -> None:
    machine.user("1000")
    assert machine.run().returncode == 0
    assert machine.calls() == [*TESTED, *COMPARED]


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("apt-get", INSTALLED[:1]),
        ("make", [*INSTALLED, TESTED[0]]),
        ("version", [*INSTALLED, *TESTED, COMPARED[0]]),
        ("compare", [*INSTALLED, *TESTED, *COMPARED]),
    ],
)
def test_the_first_failure_ends_it(machine: Machine, name: str, calls: list[str]) -> None:
    machine.fails(name)
    assert machine.run().returncode != 0
    assert machine.calls() == calls


@pytest.mark.parametrize("file", ["left.txt", ".ci/version"])
def test_what_the_tests_leave_behind_is_a_failure(machine: Machine, file: str) -> None:
    """A file that nobody commits, or another content of one that somebody has."""
    path = machine.folder / file
    path.write_text(f"{path.read_text(encoding='utf-8') if path.exists() else ''}# more\n", encoding="utf-8")
    done = machine.run()
    assert done.returncode == 1
    mark = "??" if file == "left.txt" else " M"
    assert done.stderr == f"the tests left the tree dirty:\n{mark} {file}\n"


def test_without_its_history_a_clone_compares_no_version_and_says_so(machine: Machine, tmp_path: Path) -> None:
    machine.git("commit", "--quiet", "--allow-empty", "--message", "two")
    whole = machine.folder.rename(tmp_path / "whole")
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{whole}", machine.folder], check=True)
    done = machine.run()
    assert (done.returncode, done.stdout) == (0, "version not compared: this clone has a part of the history\n")
    assert machine.calls() == [*INSTALLED, *TESTED, COMPARED[1]]
