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
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any

from scripts.rehearsal.errors import Unsupported

PHASES = ("install", "pre_build", "build", "post_build")
SECONDS_OF_A_COMMAND = 60.0
ARTIFACT_KEYS = {"base-directory", "files", "name", "secondary-artifacts"}
REPORT_KEYS = {"base-directory", "files", "file-format"}


class UnsupportedError(Unsupported):
    """The buildspec uses something that this runner does not imitate; the message names it."""


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
    seconds: float = 0.0

    @property
    def succeeded(self) -> bool:
        return all(self.phases.values()) and not self.errors

    def results(self) -> list[str]:
        """The lines of the log in which our buildspecs say how a step ended."""
        return [line for line in self.log.splitlines() if line.startswith(("RESULT", "ERROR", "GREEN", "RED"))]


class _Shell:
    """The state that is carried from command to command."""

    def __init__(
        self, state: Path, source: Path, environment: Mapping[str, str], say: Callable[[str], None], limit: float
    ) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self._state, self._say, self._limit, self.seconds = state, say, limit, 0.0
        self._bash = shutil.which("bash", path=environment["PATH"])
        if self._bash is None:
            raise UnsupportedError(f"no bash on {environment['PATH']}")
        (state / "env").write_text("")
        for name, value in environment.items():
            self.export(name, value)
        (state / "dir").write_text(f"{source}\n")

    def export(self, name: str, value: str) -> None:
        """Sets a variable for the commands to come."""
        with (self._state / "env").open("a") as file:
            file.write(f"export {name}={shlex.quote(value)}\n")

    def run(self, command: str, say: Callable[[str], None] | None = None) -> tuple[int, str]:
        """Status and output of one command; status 124 when it ran out of time."""
        state = shlex.quote(str(self._state))
        script = self._state / "script"
        script.write_text(
            f'cd "$(<{state}/dir)"\n. {state}/env\nset -a\n{command}\nCODEBUILD_LAST_EXIT=$?\n'
            f"export -p > {state}/env\npwd > {state}/dir\nexit $CODEBUILD_LAST_EXIT\n"
        )
        started, output = time.monotonic(), []
        with subprocess.Popen(
            [str(self._bash), str(script)],
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            late = Timer(self._limit - self.seconds, os.killpg, (process.pid, signal.SIGKILL))
            late.start()
            try:
                for line in process.stdout or ():
                    output.append(line)
                    (say or self._say)(line)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
            finally:
                late.cancel()
        self.seconds += time.monotonic() - started
        if self.seconds >= self._limit:
            return 124, "".join([*output, f"[out of time after {self._limit:.1f} s]\n"])
        return process.returncode, "".join(output)

    def value(self, expression: str) -> str:
        """A text with its variables and commands replaced. Raises `UnsupportedError` when bash cannot."""
        status, output = self.run(f'set -u; printf %s "{expression}"', lambda _: None)
        if status:
            raise UnsupportedError(f"{expression}: {output}")
        return output


def run(
    buildspec: Mapping[str, Any],
    source: Path,
    environment: Mapping[str, str],
    state: Path,
    say: Callable[[str], None] = lambda _: None,
    limit: float = SECONDS_OF_A_COMMAND,
) -> Outcome:
    """Runs a buildspec in the folder `source`.

    `environment` is what the build container has: PATH, HOME, the project's variables and CodeBuild's own; it wins
    over the buildspec's `env.variables`. `state` is a folder outside `source` for the runner's own files. `say` gets
    each line as it is printed, `limit` are the seconds that all commands may take. Raises `UnsupportedError` for
    on-failure values other than ABORT, for other shells than bash and for keys of artifacts that are not imitated.
    """
    env = buildspec.get("env", {})
    if env.get("shell") != "bash":
        raise UnsupportedError(f"env.shell is {env.get('shell')!r}, only bash is imitated")
    given = {**env.get("variables", {}), **environment, "CODEBUILD_SRC_DIR": str(source)}
    shell, outcome = _Shell(state, source, given, say, limit), Outcome()
    try:
        _build(buildspec, source, shell, outcome)
    finally:
        outcome.seconds = shell.seconds
    return outcome


def _build(buildspec: Mapping[str, Any], source: Path, shell: _Shell, outcome: Outcome) -> None:
    env = buildspec.get("env", {})
    outcome.cache_key = shell.value(buildspec.get("cache", {}).get("key", ""))
    for name in PHASES:
        phase = buildspec["phases"].get(name)
        if phase is None:
            continue
        if phase.get("on-failure", "ABORT") != "ABORT":
            raise UnsupportedError(f"phases.{name}.on-failure is {phase['on-failure']}, only ABORT is imitated")
        for runtime, version in phase.get("runtime-versions", {}).items():
            outcome.runtimes[runtime] = shell.value(str(version))
        shell.export("CODEBUILD_BUILD_SUCCEEDING", str(int(outcome.succeeded)))
        outcome.phases[name] = _phase(shell, phase, outcome)
        if not outcome.phases[name] and ("on-failure" in phase or name in ("install", "pre_build")):
            return
    exported = {name: shell.value(f"${{{name}-}}") for name in env.get("exported-variables", [])}
    outcome.variables = {name: value for name, value in exported.items() if value}
    for group, report in buildspec.get("reports", {}).items():
        outcome.reports[group] = list(_files(source, report, f"report {group}", outcome, REPORT_KEYS).values())
    if "artifacts" in buildspec:
        primary = buildspec["artifacts"]
        outcome.artifacts[""] = _files(source, primary, "the primary artifact", outcome)
        for identifier, artifact in primary.get("secondary-artifacts", {}).items():
            outcome.artifacts[identifier] = _files(source, artifact, f"artifact {identifier}", outcome)


def _phase(shell: _Shell, phase: Mapping[str, Any], outcome: Outcome) -> bool:
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
    source: Path, wanted: Mapping[str, Any], what: str, outcome: Outcome, known: set[str] = ARTIFACT_KEYS
) -> dict[str, Path]:
    """The files of a report or an artifact by their relative path; every location must match one or more."""
    if unknown := sorted(wanted.keys() - known):
        raise UnsupportedError(f"{what}: {', '.join(unknown)} is not imitated, only {', '.join(sorted(known))}")
    base = source / wanted.get("base-directory", ".")
    found: dict[str, Path] = {}
    for pattern in wanted["files"]:
        if re.search(r"[$~]", pattern):
            raise UnsupportedError(f"{what}: {pattern} would have to be expanded, which AWS does not document")
        matches = {str(path.relative_to(base)): path for path in base.glob(pattern) if path.is_file()}
        if not matches:
            outcome.errors.append(f"{what}: no file matches {pattern} in {wanted.get('base-directory', '.')}")
        found.update(matches)
    return found
