"""The machine that tests build on: programs on PATH that are stand-ins, what they answer and what they were asked."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

# All that the buildspecs may use besides the stand-ins; PATH has nothing else.
TOOLS = ("bash", "cat", "cp", "date", "find", "grep", "mkdir", "rm", "sha256sum", "sleep", "wc")
STANDING_IN = ("aws", "docker", "npm", "codebuild-hash-files")
MODULES = ("pip", "flake8", "bandit", "coverage")

STUBS = Path(__file__).resolve().with_name("stubs.py")


@dataclass(frozen=True)
class Machine:
    """A folder of programs for PATH, what they shall answer and what they were asked."""

    folder: Path

    @property
    def programs(self) -> Path:
        return self.folder / "bin"

    def install(self) -> None:
        """Lays the programs out. Raises `FileNotFoundError` when this computer lacks one of `TOOLS`."""
        self.programs.mkdir(parents=True)
        (self.folder / "answers.json").write_text("{}")
        (self.folder / "calls.jsonl").touch()
        for tool in TOOLS:
            found = shutil.which(tool)
            if found is None:
                raise FileNotFoundError(f"{tool} is needed to run the buildspecs")
            (self.programs / tool).symlink_to(found)
        call = f'exec "{sys.executable}" "{STUBS}" "{self.folder}"'
        for name in STANDING_IN:
            self._program(name, f'{call} {name} "$@"')
        modules = "|".join(f"-m:{name}" for name in MODULES)
        python = f'case "$1:$2" in {modules}) shift; {call} "$@" ;; esac\nexec "{sys.executable}" "$@"'
        for name in ("python", "python3"):
            self._program(name, python)

    def _program(self, name: str, script: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def answer(self, call: str, output: object = None, status: int = 0, error: str = "") -> None:
        """What a call answers, `answer("ecs describe-services", {...})`; files for the ones that write files."""
        file = self.folder / "answers.json"
        answers = json.loads(file.read_text())
        answers[call] = {"output": output, "status": status, "error": error}
        file.write_text(json.dumps(answers))

    def calls(self, *beginning: str) -> list[list[str]]:
        """The calls so far that begin with these words, as program and arguments."""
        lines = (self.folder / "calls.jsonl").read_text().splitlines()
        calls = [json.loads(line)["call"] for line in lines]
        return [call for call in calls if call[: len(beginning)] == list(beginning)]

    def variables(self, *beginning: str) -> dict[str, str]:
        """The environment of the last call that begins with these words."""
        lines = (self.folder / "calls.jsonl").read_text().splitlines()
        notes = [json.loads(line) for line in lines]
        found = [note["variables"] for note in notes if note["call"][: len(beginning)] == list(beginning)]
        return dict(found[-1])
