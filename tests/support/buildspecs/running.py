"""What the tests of the buildspecs share: the files, the sample application and a machine to build it on."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from generator.gate.buildspec_schema import load
from generator.stacks.codebuild.buildspecs import lines
from scripts.rehearsal.builds.phases import Outcome, Runner, run_buildspec
from tests.support.buildspecs.machine import Machine

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "tests" / "applications" / "sample"
NAMES = ("backend", "changes", "frontend", "publish", "push", "raise", "seal", "verify", "verify_frontend")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "111122223333.dkr.ecr.us-east-1.amazonaws.com/cloud-health-dashboard"


def text(name: str) -> str:
    """The text of one of our buildspecs, as the templates carry it."""
    return "\n".join(lines(f"{name}.yml")).encode("ascii").decode() + "\n"


@cache
def buildspec(name: str) -> dict[str, Any]:
    """One of our buildspecs, parsed once; do not change it."""
    return cast(dict[str, Any], load(text(name)))


@dataclass(frozen=True)
class Workshop:
    """A workspace with a copy of an application, and the machine that builds it."""

    source: Path
    machine: Machine

    def build(self, name: str, variables: dict[str, str]) -> Outcome:
        """Runs one of our buildspecs here with these project variables."""
        environment = {
            "PATH": str(self.machine.programs),
            "HOME": str(self.machine.folder),
            "AWS_DEFAULT_REGION": "us-east-1",
            "CODEBUILD_RESOLVED_SOURCE_VERSION": COMMIT,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            **variables,
        }
        return run_buildspec(buildspec(name), self.source, environment, Runner(self.machine.folder / "shell"))

    def write(self, path: str, content: str) -> None:
        """Adds a file to the application."""
        file = self.source / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


def workshop(folder: Path, application: Path | None) -> Workshop:
    """A workshop in `folder` with a copy of the application, or with an empty workspace."""
    source = folder / "src"
    if application:
        shutil.copytree(application, source, ignore=shutil.ignore_patterns("conftest.py", "__pycache__"))
    else:
        source.mkdir(parents=True)
    machine = Machine(folder / "machine")
    machine.install()
    return Workshop(source, machine)
