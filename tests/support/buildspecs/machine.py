"""The machine that tests build on: programs on PATH that are stand-ins, what they answer and what they were asked."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

# All that the buildspecs may use besides the stand-ins; PATH has nothing else.
TOOLS = ("bash", "cat", "cp", "date", "find", "grep", "mkdir", "rm", "sha256sum", "sleep", "wc")
PLAYED = ("docker", "npm", "codebuild-hash-files")
PLAYED_MODULES = ("coverage",)
EXPORTERS = ("uv", "poetry")  # pip lays them beside Python; what they export is how they were asked
PREPARED_MODULES = ("pip", "flake8", "bandit")

STUBS = Path(__file__).resolve().with_name("stubs.py")

# A build starts dozens of these, so a prepared answer is given without starting Python.
NOTE = r"""(IFS=$(printf '\037'); printf '%s\n' "$*") >> "$machine/calls" """
ANSWER = """for call in "$1 $2 $3" "$1 $2" "$1"; do
  if [ -d "$machine/answers/$call" ]; then
    cat "$machine/answers/$call/output"; cat "$machine/answers/$call/error" >&2
    exit "$(cat "$machine/answers/$call/status")"
  fi
done"""
AWS = f"""set -- aws "$@"; {NOTE}; shift
case "$*" in *--query*|s3api*) exec "$python" "$stubs" "$machine" aws "$@" ;; esac
{ANSWER}
echo "no answer was prepared for aws $*" >&2; exit 252"""
PYTHON = f"""case "$1:$2" in -I:-m) shift ;; esac
case "$1:$2" in
  {"|".join(f"-m:{name}" for name in PLAYED_MODULES)}) shift; {NOTE}; exec "$python" "$stubs" "$machine" "$@" ;;
  {"|".join(f"-m:{name}" for name in PREPARED_MODULES)}) shift; {NOTE}
    {ANSWER}
    for name in {" ".join(EXPORTERS)}; do
      case "$*" in *"/release-$name.txt") cp "$machine/exporters/$name" "${{0%/*}}/$name" ;; esac
    done
    exit 0 ;;
  -m:venv) for folder; do :; done; mkdir -p "$folder/bin"; cp "$0" "$folder/bin/python"; exit 0 ;;
esac
case "$1:$2" in -I:*/release-import.py) set -- release-import "$2"; {NOTE}; {ANSWER}; exit 0 ;; esac
exec "$python" "$@" """


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
        self.forget()
        for tool in TOOLS:
            program = shutil.which(tool)
            if program is None:
                raise FileNotFoundError(f"{tool} is needed to run the buildspecs")
            (self.programs / tool).symlink_to(program)
        for name in PLAYED:
            self._program(name, f'set -- {name} "$@"; {NOTE}\nexec "$python" "$stubs" "$machine" "$@"')
        self._program("aws", AWS)
        self._program("python", PYTHON)
        self._program("python3", PYTHON)

        (self.folder / "exporters").mkdir()
        for name in EXPORTERS:
            exports = f'(shift; set -- {name} "$PWD" "$@"; {NOTE})\n{{ {ANSWER}; }}\necho "$*"'
            self._program(f"../exporters/{name}", f'set -- {name} "$@"\n{exports}')

    def _program(self, name: str, script: str) -> None:
        path = self.programs / name
        path.write_text(
            f'#!/bin/sh\nmachine="{self.folder}" python="{sys.executable}" stubs="{STUBS}"\n{script}\n',
            encoding="utf-8",
        )
        path.chmod(0o755)

    def answer(self, call: str, output: object = None, status: int = 0, error: str = "") -> None:
        """What a call answers, `answer("ecs describe-services", {...})`; files for the ones that write files. A build
        that runs meanwhile reads each as it was or as it is."""
        folder = self.folder / "answers" / call
        folder.mkdir(parents=True, exist_ok=True)
        texts = {
            "output": "" if output is None else f"{json.dumps(output)}\n",
            "error": f"{error}\n" if error else "",
            "status": str(status),
        }
        for name, text in texts.items():
            file = folder / f"{name}.new"
            file.write_text(text)
            file.replace(folder / name)

    def calls(self, *beginning: str) -> list[list[str]]:
        """The calls so far that begin with these words, as program and arguments."""
        calls = [line.split("\037") for line in (self.folder / "calls").read_text().splitlines()]
        return [call for call in calls if call[: len(beginning)] == list(beginning)]

    def stored(self) -> dict[str, str]:
        """The text of what was put into S3, by key."""
        folder = self.folder / "stored"
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in files}

    def forget(self) -> None:
        """Forgets the calls so far."""
        (self.folder / "calls").write_text("")

    def variables(self, call: str) -> dict[str, str]:
        """The environment of the last call of a program that `stubs.py` plays, `variables("npm test")`."""
        return dict(json.loads((self.folder / f"{call}.json").read_text()))
