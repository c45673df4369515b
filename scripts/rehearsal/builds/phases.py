"""Runs the phases of a buildspec as CodeBuild does, in the strictest reading of what is known about it.

- Every command is run by a bash of its own that is given the working directory and the exported variables of the
  one before, with `set -a`; functions and shell options are not carried over. AWS's user guide speaks of one shell;
  logs of its agent (CODEBUILD_LAST_EXIT beside OLDPWD) show this. What works here works in one shell too.
- A failed command ends its phase, after the phase's `finally` commands (build-spec-ref.html).
- A failed install or pre_build phase ends the build; after a failed build phase post_build still runs with
  CODEBUILD_BUILD_SUCCEEDING=0, unless `on-failure` is ABORT (view-build-details.html). ABORT also ends the build
  before reports and artifacts are collected.
- A report or artifact without files fails the build.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any

from scripts.rehearsal.errors import UnsupportedError

PHASES = ("install", "pre_build", "build", "post_build")
COMMAND_SECONDS = 60.0
TIMED_OUT = 124  # the status that timeout(1) ends with
ARTIFACT_KEYS = {"base-directory", "files", "name", "secondary-artifacts"}
REPORT_KEYS = {"base-directory", "files", "file-format"}


@dataclass(frozen=True)
class Runner:
    """How commands are run.

    `state` is a folder outside the source for the runner's own files; `print_line` gets each line as it is printed;
    `limit` are the seconds that all commands of a build may take; `guard` is given the process group of each command
    and sees to it that the group ends when this process does.
    """

    state: Path
    print_line: Callable[[str], None] = lambda _: None
    limit: float = COMMAND_SECONDS
    guard: Callable[[int], AbstractContextManager[None]] = lambda _: nullcontext()


@dataclass
class Outcome:
    """How a build ended.

    `phases` says of every phase that ran whether it succeeded, `errors` what went wrong after them. `variables` are
    the exported ones that were set. `artifacts` maps identifiers ("" is the primary one) to the files by their path
    inside the artifact, `reports` the report groups to their files. `seconds` is the time of the commands alone.
    """

    phases: dict[str, bool] = field(default_factory=dict)
    log: str = ""
    errors: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    runtimes: dict[str, str] = field(default_factory=dict)
    cache_key: str = ""
    artifacts: dict[str, dict[str, Path]] = field(default_factory=dict)
    reports: dict[str, list[Path]] = field(default_factory=dict)
    seconds: float = field(init=False)

    @property
    def succeeded(self) -> bool:
        return all(self.phases.values()) and not self.errors

    def result_lines(self) -> list[str]:
        """The lines of the log in which our buildspecs say how a step ended."""
        return [line for line in self.log.splitlines() if line.startswith(("RESULT", "ERROR", "GREEN", "RED"))]

    @property
    def failure(self) -> str:
        """Why it failed, on one line: what the build says itself, else the last two lines before its end that say
        something."""
        failed = [name for name, succeeded in self.phases.items() if not succeeded]
        if not failed:
            return "; ".join(self.errors)
        reasons = [line for line in self.result_lines() if line.startswith(("ERROR", "RED"))]
        log = self.log.splitlines()
        end = next((number for number, line in enumerate(log) if line.startswith("[command failed")), len(log))
        last = [line.strip() for line in log[:end] if line.strip()][-2:]
        return f"phase {failed[0]} failed: {'; '.join(reasons or last or log[end:])}"


def run_buildspec(
    buildspec: Mapping[str, Any], source: Path, environment: Mapping[str, str], runner: Runner
) -> Outcome:
    """Runs a buildspec in the folder `source`.

    `environment` is what the build container has: PATH, HOME, the project's variables and CodeBuild's own; it wins
    over the buildspec's `env.variables`. Raises `UnsupportedError` for on-failure values other than ABORT, for other
    shells than bash and for keys of artifacts that are not simulated.
    """
    env = buildspec.get("env", {})
    if env.get("shell") != "bash":
        raise UnsupportedError(f"env.shell is {env.get('shell')!r}, only bash is simulated")
    variables = {**env.get("variables", {}), **environment, "CODEBUILD_SRC_DIR": str(source)}
    shell, outcome = _Shell(runner, source, variables), Outcome()
    try:
        _run_build(buildspec, source, shell, outcome)
    finally:
        outcome.seconds = shell.seconds
    return outcome


class _Shell:
    """The state that is carried from command to command."""

    def __init__(self, runner: Runner, source: Path, environment: Mapping[str, str]) -> None:
        self._runner, self._state, self.seconds = runner, runner.state, 0.0
        self._state.mkdir(parents=True, exist_ok=True)
        self._bash = shutil.which("bash", path=environment["PATH"])
        if self._bash is None:
            raise UnsupportedError(f"no bash on {environment['PATH']}")
        (self._state / "env").write_text("", encoding="utf-8")
        for name, value in environment.items():
            self.export(name, value)
        (self._state / "dir").write_text(f"{source}\n", encoding="utf-8", errors="surrogateescape")

    def export(self, name: str, value: str) -> None:
        """Sets a variable for the commands to come."""
        with (self._state / "env").open("a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(f"export {name}={shlex.quote(value)}\n")

    def run(self, command: str, print_line: Callable[[str], None] | None = None) -> tuple[int, str]:
        """Status and output of one command; status `TIMED_OUT` when it ran out of time."""
        state = shlex.quote(str(self._state))
        script = self._state / "script"
        script.write_text(
            f'cd "$(<{state}/dir)"\n. {state}/env\nset -a\n{command}\nCODEBUILD_LAST_EXIT=$?\n'
            f"export -p > {state}/env\npwd > {state}/dir\nexit $CODEBUILD_LAST_EXIT\n",
            encoding="utf-8",
            errors="surrogateescape",
        )
        started, output = time.monotonic(), []
        with subprocess.Popen(
            [str(self._bash), str(script)],
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        ) as process:
            timer = Timer(self._runner.limit - self.seconds, os.killpg, (process.pid, signal.SIGKILL))
            timer.start()
            try:
                with self._runner.guard(process.pid):
                    for line in process.stdout or ():
                        output.append(line)
                        (print_line or self._runner.print_line)(line)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
            finally:
                timer.cancel()
        self.seconds += time.monotonic() - started
        if self.seconds >= self._runner.limit:
            return TIMED_OUT, "".join([*output, f"[out of time after {self._runner.limit:.1f} s]\n"])
        return process.returncode, "".join(output)

    def expand(self, expression: str) -> str:
        """A text with its variables and commands replaced. Raises `UnsupportedError` when bash cannot."""
        status, output = self.run(f'set -u; printf %s "{expression}"', lambda _: None)
        if status:
            raise UnsupportedError(f"{expression}: {output}")
        return output


def _run_build(buildspec: Mapping[str, Any], source: Path, shell: _Shell, outcome: Outcome) -> None:
    outcome.cache_key = shell.expand(buildspec.get("cache", {}).get("key", ""))
    for name in PHASES:
        phase = buildspec["phases"].get(name)
        if phase is None:
            continue
        if phase.get("on-failure", "ABORT") != "ABORT":
            raise UnsupportedError(f"phases.{name}.on-failure is {phase['on-failure']}, only ABORT is simulated")
        for runtime, version in phase.get("runtime-versions", {}).items():
            outcome.runtimes[runtime] = shell.expand(str(version))
        shell.export("CODEBUILD_BUILD_SUCCEEDING", str(int(outcome.succeeded)))
        outcome.phases[name] = _run_phase(shell, phase, outcome)
        if not outcome.phases[name] and ("on-failure" in phase or name in ("install", "pre_build")):
            return
    _collect(buildspec, source, shell, outcome)


def _collect(buildspec: Mapping[str, Any], source: Path, shell: _Shell, outcome: Outcome) -> None:
    """Exported variables, reports and artifacts."""
    names = buildspec.get("env", {}).get("exported-variables", [])
    exported = {name: shell.expand(f"${{{name}-}}") for name in names}
    outcome.variables = {name: value for name, value in exported.items() if value}
    for group, report in buildspec.get("reports", {}).items():
        outcome.reports[group] = list(_files(source, report, f"report {group}", REPORT_KEYS, outcome.errors).values())
    if "artifacts" in buildspec:
        primary = buildspec["artifacts"]
        outcome.artifacts[""] = _files(source, primary, "the primary artifact", ARTIFACT_KEYS, outcome.errors)
        for identifier, artifact in primary.get("secondary-artifacts", {}).items():
            files = _files(source, artifact, f"artifact {identifier}", ARTIFACT_KEYS, outcome.errors)
            outcome.artifacts[identifier] = files


def _run_phase(shell: _Shell, phase: Mapping[str, Any], outcome: Outcome) -> bool:
    succeeded = True
    for command in phase["commands"]:
        status, output = shell.run(command)
        outcome.log += output
        if status:
            outcome.log += f"[command failed with status {status}] {command.splitlines()[0]}\n"
            succeeded = False
            break
    for command in phase.get("finally", []):
        status, output = shell.run(command)
        outcome.log += output
        succeeded = succeeded and not status
    return succeeded


def _files(
    source: Path, block: Mapping[str, Any], name: str, simulated: set[str], errors: list[str]
) -> dict[str, Path]:
    """The files of a report or an artifact by their relative path; every location must match one or more."""
    if unknown := sorted(block.keys() - simulated):
        raise UnsupportedError(f"{name}: {', '.join(unknown)} is not simulated, only {', '.join(sorted(simulated))}")
    base = source / block.get("base-directory", ".")
    files: dict[str, Path] = {}
    for pattern in block["files"]:
        if re.search(r"[$~]", pattern):
            raise UnsupportedError(f"{name}: {pattern} would have to be expanded, which AWS does not document")
        matches = {str(path.relative_to(base)): path for path in base.glob(pattern) if path.is_file()}
        if not matches:
            errors.append(f"{name}: no file matches {pattern} in {block.get('base-directory', '.')}")
        files.update(matches)
    return files
