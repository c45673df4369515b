"""Stand-ins for the programs of the build image, so that buildspecs run without network, AWS, Docker and Node.

Run as `stubs.py FOLDER PROGRAM ARGUMENT...` by the executables that `machine.Machine` lays on PATH. Each call is noted
in `calls.jsonl`; what a program answers stands in `answers.json`, and an AWS call without an answer fails loudly.
Imports what only one program needs where it is needed: a build starts dozens of these.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

NOTHING_COLLECTED = 5
PACKAGE_COVERAGE = '<coverage line-rate="0" lines-covered="0" lines-valid="1"><packages/></coverage>\n'


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
        import jmespath  # type: ignore[import-untyped]

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
    """coverage.py: `run` runs pytest unmeasured, `xml` writes an empty report.

    Folders without a file get pytest's status for nothing collected at once, because starting pytest takes long.
    """
    if arguments[0] == "xml":
        Path(arguments[arguments.index("-o") + 1]).write_text(PACKAGE_COVERAGE)
        return 0
    pytest = arguments[arguments.index("-m") :]
    if not any(path.is_file() for path in Path(pytest[2]).rglob("*")) and not Path("pytest.ini").exists():
        return NOTHING_COLLECTED
    os.execv(sys.executable, [sys.executable, *pytest])


def hash_files(patterns: list[str], _answers: dict[str, Any]) -> int:
    """codebuild-hash-files: one SHA-256 over the files that the patterns match."""
    import hashlib

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
    played = {
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
