"""The process that keeps page and API of what is released up, after the rehearsal that released it."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from scripts.deployment.errors import RefusedError
from scripts.rehearsal.context import RehearsalOptions
from scripts.rehearsal.engine import KEPT
from scripts.terminal.endings import PROJECT

KEEP_SECONDS = 120
# Nothing here takes as long as in AWS, so a red check has not to be waited for as long.
SHORTER_WAITS: Mapping[str, str] = {"WAIT_SECONDS": "10", "PAUSE_SECONDS": "0.5"}


def command_line(local_aws: Path, options: RehearsalOptions, pipeline: str | None, keeps: bool) -> list[str]:
    """The command line of a rehearsal with these options, for executions that somebody else starts; `local_aws` is the
    run file, `keeps` says that page and API stay up after it."""
    command = [sys.executable, "-m", "scripts.rehearse", "--local-aws", str(local_aws.resolve())]
    command += ["--app", str(options.application), "--cache", str(options.cache)]
    for name, value in (("--pipeline", pipeline), ("--programs", options.programs)):
        command += [name, str(value)] if value else []
    for name, value in options.variables.items():
        if SHORTER_WAITS.get(name) != value:
            command += ["--set", f"{name}={value}"]
    return [*command, "--keep"] if keeps else command


def kept_addresses(cache: Path) -> dict[str, str]:
    """Where each public address answers on this machine, by the public one; empty while nothing is kept up."""
    try:
        addresses: dict[str, str] = json.loads((cache / KEPT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return addresses


def keep_up(cache: Path, command: list[str]) -> dict[str, str]:
    """Starts the process that keeps page and API up; returns where they answer, as `kept_addresses`. Raises
    `RefusedError`."""
    from scripts.local_aws import server

    (cache / KEPT).unlink(missing_ok=True)
    log = cache / "kept.log"
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [*command, "--serve"],
            cwd=PROJECT,
            env=server.environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + KEEP_SECONDS
    while not (cache / KEPT).exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RefusedError("The application does not stay up.", f"Its log is {log}.")
        time.sleep(0.1)
    process.returncode = 0  # it lives on without us: no warning when this object goes
    return kept_addresses(cache)
