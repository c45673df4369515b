"""One process of `worker.py` in a checkout: tests run in forks of it, with a time limit, and leave nothing behind."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

WORKER = Path(__file__).with_name("worker.py")
MARK = "COV_MUTANTS_TRIAL"  # a variable of every process that tests start; the local AWS keeps what begins with COV_


@dataclass(frozen=True)
class Outcome:
    """How some tests ended: pytest's exit status, None when they took too long; the tests that failed, in their order;
    the seconds of each test, and those of processor of all."""

    status: int | None
    failed: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    processor: float = 0.0


class Forks:
    """The worker of a checkout, started when it is needed first. `logs` is a folder for what pytest writes."""

    def __init__(self, folder: Path, logs: Path) -> None:
        self.folder, self.logs = folder, logs
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def path(self) -> str:
        """Where Python looks for modules: in the checkout first."""
        return os.pathsep.join([str(self.folder), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)

    def run(
        self, names: Sequence[str], limit: float, variables: Mapping[str, str] | None = None, *, stops: bool = True
    ) -> Outcome:
        """Runs tests for at most `limit` seconds; `stops` ends them at the first that fails."""
        mark, report = uuid.uuid4().hex, self.logs / "report.json"
        self.logs.mkdir(parents=True, exist_ok=True)
        report.unlink(missing_ok=True)
        order = {
            "names": list(names),
            "variables": {"PYTHONPATH": self.path, MARK: mark, **(variables or {})},
            "log": str(self.logs / "log"),
            "report": str(report),
            "stops": stops,
            "traceback": "no" if stops else "short",
        }
        orders, answers = self._pipes()
        orders.write(json.dumps(order).encode() + b"\n")
        process = int(answers.readline())
        in_time = bool(select.select([answers], [], [], limit)[0])
        if not in_time:
            with suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
        _end(mark)
        status, processor = answers.readline().split()
        if not in_time:
            return Outcome(None, processor=float(processor))
        body = json.loads(report.read_text("utf-8")) if report.exists() else {"failed": [], "seconds": {}}
        return Outcome(int(status), body["failed"], body["seconds"], float(processor))

    def close(self) -> None:
        """Ends the worker."""
        if self._process and self._process.stdin and self._process.stdout:
            self._process.stdin.close()
            self._process.wait(10)
            self._process.stdout.close()
        self._process = None

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, str(WORKER)],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": self.path},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        assert self._process.stdin and self._process.stdout
        return self._process.stdin, self._process.stdout


def _end(mark: str) -> None:
    """Ends what tests have left running, servers above all, wherever the system says what runs (Linux)."""
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"{MARK}={mark}".encode() in entry.read_bytes().split(b"\0"):
                os.kill(int(entry.parent.name), signal.SIGKILL)
