"""Stand-ins for the programs of the build image, so that buildspecs run without network, AWS, Docker and Node.

Run as `stubs.py PROGRAM ARGUMENT...` by the executables that `Machine` lays on PATH. Each call is noted in
`calls.jsonl`; what a program answers stands in `answers.json`, and a call without an answer fails loudly.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# All that the buildspecs may use besides the stand-ins; PATH has nothing else.
TOOLS = ("bash", "cat", "cp", "date", "find", "grep", "mkdir", "rm", "sha256sum", "sleep", "wc")
STANDING_IN = ("aws", "docker", "npm", "codebuild-hash-files")
MODULES = ("pip", "flake8", "bandit", "coverage")

PACKAGE_COVERAGE = '<coverage line-rate="0" lines-covered="0" lines-valid="1"><packages/></coverage>\n'


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
        call = f'exec "{sys.executable}" "{Path(__file__).resolve()}" "{self.folder}"'
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


def aws(arguments: list[str], answers: dict[str, Any]) -> int:
    """The AWS command line: a canned answer, with its real `--query` and `--output text`."""
    answer = answers.get(" ".join(arguments[:3])) or answers.get(" ".join(arguments[:2]))
    if answer is None:
        print(f"no answer was prepared for aws {' '.join(arguments)}", file=sys.stderr)
        return 252
    if answer["status"]:
        print(answer["error"], file=sys.stderr)
        return int(answer["status"])
    output = answer["output"]
    if arguments[:2] == ["s3api", "get-object"]:
        Path(arguments[-1]).write_text(output)
        output = {"ContentLength": len(output)}
    if "--query" in arguments:
        import jmespath  # type: ignore[import-untyped]  # late: the other programs start faster without it

        output = jmespath.search(arguments[arguments.index("--query") + 1], output)
    if "text" not in arguments[-1:]:
        output = output if isinstance(output, str) else json.dumps(output)
    elif isinstance(output, list):
        output = "\t".join(str(item) for item in output)
    print(output)
    return 0


def docker(arguments: list[str], answers: dict[str, Any]) -> int:
    """Docker: `build` wants its Dockerfile and context, `login` takes the password from its input."""
    if arguments[0] == "login":
        sys.stdin.read()
    if arguments[0] == "build":
        file, context = arguments[arguments.index("--file") + 1], arguments[-1]
        if not Path(file).is_file() or not Path(context).is_dir():
            print(f"no {file} or no {context}", file=sys.stderr)
            return 1
    return status_of(f"docker {arguments[0]}", answers)


def npm(arguments: list[str], answers: dict[str, Any]) -> int:
    """npm: `run build` writes the prepared files, `test` writes the prepared results where Jest is told to."""
    call = f"npm {arguments[0]}" if arguments[0] != "run" else f"npm run {arguments[1]}"
    output = answers.get(call, {}).get("output")
    if call == "npm run build":
        for name, text in (output or {}).items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text)
    if call == "npm test" and output is not None:
        results = next(word for word in arguments if word.startswith("--outputFile="))
        Path(results.removeprefix("--outputFile=")).write_text(json.dumps(output))
    return status_of(call, answers)


def coverage(arguments: list[str], _answers: dict[str, Any]) -> int:
    """coverage.py: `run` runs the module unmeasured, `xml` writes an empty report."""
    if arguments[0] == "xml":
        Path(arguments[arguments.index("-o") + 1]).write_text(PACKAGE_COVERAGE)
        return 0
    return subprocess.run([sys.executable, *arguments[arguments.index("-m") :]]).returncode


def hash_files(patterns: list[str], _answers: dict[str, Any]) -> int:
    """codebuild-hash-files: one SHA-256 over the files that the patterns match."""
    files = sorted({path for pattern in patterns for path in Path().glob(pattern) if path.is_file()})
    print(hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest())
    return 0


def status_of(call: str, answers: dict[str, Any]) -> int:
    """The prepared status of a call, success when nothing was prepared."""
    answer = answers.get(call, {})
    print(answer.get("error", "") or f"({call})")
    return int(answer.get("status", 0))


def main(folder: Path, program: str, arguments: list[str]) -> int:
    """Notes the call and plays the program."""
    with (folder / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps({"call": [program, *arguments], "variables": dict(os.environ)}) + "\n")
    answers = json.loads((folder / "answers.json").read_text())
    played: dict[str, Callable[[list[str], dict[str, Any]], int]] = {
        "aws": aws,
        "docker": docker,
        "npm": npm,
        "coverage": coverage,
        "codebuild-hash-files": hash_files,
    }
    if program in played:
        return played[program](arguments, answers)
    return status_of(program, answers)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
