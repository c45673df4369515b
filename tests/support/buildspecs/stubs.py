"""Stand-ins for the programs of the build image that have more to do than to give a prepared answer.

Run as `stubs.py FOLDER PROGRAM ARGUMENT...` by the executables that `machine.Machine` lays on PATH. What a call answers
stands in the folder `answers/CALL`. Imports what only one program needs where it is needed: a build starts dozens.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

NOTHING_COLLECTED = 5
SAVED = "an archive of an image\n"  # what `docker save` writes
NO_COVERAGE = '<coverage line-rate="0" lines-covered="0" lines-valid="1"><packages/></coverage>\n'


def prepared(folder: Path, call: str) -> tuple[Any, int]:
    """Output and status that were prepared for a call, success when nothing was; prints its error."""
    answer = folder / "answers" / call
    if not answer.is_dir():
        return None, 0
    sys.stderr.write((answer / "error").read_text())
    return json.loads((answer / "output").read_text() or "null"), int((answer / "status").read_text())


def aws(folder: Path, arguments: list[str]) -> int:
    """The AWS command line where it has more to do than to print JSON: `--query`, `--output text`, s3api's files."""
    call = " ".join(arguments[: 3 if arguments[1] == "wait" else 2])
    if not (folder / "answers" / call).is_dir():
        print(f"no answer was prepared for aws {call}", file=sys.stderr)
        return 252
    output, status = prepared(folder, call)
    if status:
        return status
    if call == "s3api get-object":
        answer = output if isinstance(output, dict) else {"Body": output}
        body = base64.b64decode(answer["Base64"]) if "Base64" in answer else answer.pop("Body").encode()
        Path(arguments[-1]).write_bytes(body)
        answer.pop("Base64", None)
        size = len(body)
        output = {**answer, "ContentLength": size}
    if call == "s3api put-object":
        file = folder / "stored" / arguments[arguments.index("--key") + 1]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(Path(arguments[arguments.index("--body") + 1]).read_bytes())
    if "--query" in arguments:
        import jmespath

        output = jmespath.search(arguments[arguments.index("--query") + 1], output)
    if arguments[-2:] != ["--output", "text"]:
        output = json.dumps(output)
    elif isinstance(output, list):
        output = "\t".join(str(item) for item in output)
    print(output)
    return 0


def docker(folder: Path, arguments: list[str]) -> int:
    """Docker: `build` wants its Dockerfile and context, `login` takes the password from its input, `save` writes."""
    if arguments[0] == "login":
        sys.stdin.read()
    if arguments[0] == "build":
        file, context = arguments[arguments.index("--file") + 1], arguments[-1]
        if not Path(file).is_file() or not Path(context).is_dir():
            print(f"no {file} or no {context}", file=sys.stderr)
            return 1
    output, status = prepared(folder, f"docker {arguments[0]}")
    if arguments[0] == "push" and not status:  # after it the registry answers otherwise
        for call, answer in (output or {}).items():
            (folder / "answers" / call / "output").write_text(json.dumps(answer))
    if arguments[0] == "save" and not status:
        Path(arguments[arguments.index("--output") + 1]).write_text(SAVED, encoding="utf-8")
    return status


def package_manager(folder: Path, arguments: list[str], program: str = "npm") -> int:
    """npm, or another that it installed: `run build` writes the prepared files, `run test` the prepared results where
    Jest or Vitest is told to, `install PACKAGE` a program of the package's name that is played too."""
    call = " ".join([program, *arguments[: 2 if arguments[0] == "run" else 1]])
    (folder / f"{call}.json").write_text(json.dumps(dict(os.environ)))
    output, status = prepared(folder, call)
    if call.endswith(" run build"):
        for name, text in (output or {}).items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text, encoding="utf-8")
    if call.endswith(" run test") and output is not None:
        options = dict(word.split("=", 1) for word in arguments if word.startswith("--outputFile"))
        for results in options.values():
            Path(results).write_text(output if isinstance(output, str) else json.dumps(output), encoding="utf-8")
    if call == "npm install" and not status:
        name = arguments[-1].rpartition("@")[0].rpartition("/")[2]
        name = "yarn" if name == "cli-dist" else name
        programs = Path(arguments[arguments.index("--prefix") + 1]) / "node_modules/.bin"
        programs.mkdir(parents=True)
        played = (folder / "bin/npm").read_text().replace("set -- npm ", f"set -- {name} ")
        (programs / name).write_text(played)
        (programs / name).chmod(0o755)
    return status


def coverage(_folder: Path, arguments: list[str]) -> int:
    """coverage.py: `run` runs pytest unmeasured, `xml` writes an empty report.

    Folders without a file get pytest's status for nothing collected at once, because starting pytest takes long.
    """
    if arguments[0] == "xml":
        Path(arguments[arguments.index("-o") + 1]).write_text(NO_COVERAGE, encoding="utf-8")
        return 0
    pytest = arguments[arguments.index("-m") :]
    places = [Path(word) for word in pytest[2:] if not word.startswith("-")]
    files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*")) if file.is_file()]
    if not files and not Path("pytest.ini").exists():
        return NOTHING_COLLECTED
    import subprocess

    return subprocess.call([sys.executable, *pytest])


def hash_files(_folder: Path, patterns: list[str]) -> int:
    """codebuild-hash-files: one SHA-256 over the files that the patterns match."""
    import hashlib

    files = sorted({path for pattern in patterns for path in Path().glob(pattern) if path.is_file()})
    print(hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest())
    return 0


if __name__ == "__main__":
    played = {"aws": aws, "docker": docker, "coverage": coverage, "codebuild-hash-files": hash_files}
    if sys.argv[2] in ("npm", "pnpm", "yarn", "bun"):
        sys.exit(package_manager(Path(sys.argv[1]), sys.argv[3:], sys.argv[2]))
    sys.exit(played[sys.argv[2]](Path(sys.argv[1]), sys.argv[3:]))
