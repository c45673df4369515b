"""One mutant meets the tests, in a clone of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from generator.cfn import verdict
from tests.mutants.operators import Mutation

KILLED, TIMED_OUT, SURVIVED, NOT_RUN = "killed", "timed out", "survived", "not run"
UNDECIDED = "undecided"  # the tests took too long, and do so without the fault: on a machine that is busy
SEEN = (KILLED, TIMED_OUT)
MARK = "MUTANTS_TRIAL"  # a variable of every process that a trial starts
# Seconds for the tests that run the line, and for the whole files that they stand in.
NEAR, WIDE = 90.0, 300.0
MOST_NEAR = 60  # tests; more of them say the same


@dataclass(frozen=True)
class Verdict:
    """How a mutant ended: one of the words above, the test that saw it, and the seconds that it took."""

    how: str
    by: str
    seconds: float


def clone(root: Path, folder: Path) -> Path:
    """A copy of what is committed, with the environments of the checkout and the gate's verdict."""
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["git", "clone", "--quiet", "--shared", str(root), str(folder)], check=True)
    for environment in root.glob(".venv*"):
        (folder / environment.name).symlink_to(environment.resolve())
    for file in folder.glob("setup.*"):  # make would set up an environment anew that is older than they are
        os.utime(file, (0, 0))
    record = root / verdict.FILE
    if record.exists():
        (folder / verdict.FILE).parent.mkdir(exist_ok=True)
        shutil.copy(record, folder / verdict.FILE)
    return folder


class Trials:
    """Tries mutants of the checkout at `root`; `work` holds the clones."""

    def __init__(self, root: Path, work: Path, near: float = NEAR, wide: float = WIDE) -> None:
        self.root, self.work, self.near, self.wide = root, work, near, wide
        self._good: dict[tuple[str, ...], bool] = {}
        self._clean: Path | None = None

    def verdict(self, mutation: Mutation, tests: Sequence[str], files: Sequence[str]) -> Verdict:
        """Lets the tests that run the line look first, then whole test files. A test that fails without the fault, too,
        has seen nothing, and the rest is asked."""
        began = time.monotonic()
        folder = clone(self.root, self.work / "mutant")
        try:
            file = folder / mutation.path
            file.write_bytes(mutation.applied(file.read_bytes()))
            rounds = ((list(tests[:MOST_NEAR]), self.near), (list(files), self.wide))
            how, by = (SURVIVED if tests or files else NOT_RUN), ""
            for names, limit in rounds:
                while names:
                    status, by = self._run(folder, names, limit)
                    if status in (0, None) or self._is_good([by] if by else names):
                        break
                    if not by:  # not one of them can be run, with the fault or without it
                        names = []
                    names = [name for name in names if name != by and name != by.partition("::")[0]]
                    status, by = 0, ""
                if names and status is None:
                    how = TIMED_OUT if self._in_time(names, limit) else UNDECIDED
                elif names and status not in (0, None):
                    how = KILLED
                if how in SEEN:
                    break
            return Verdict(how, by if how == KILLED else "", round(time.monotonic() - began, 1))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _run(self, folder: Path, names: Sequence[str], limit: float) -> tuple[int | None, str]:
        """pytest's exit status for some tests, None for one that took too long, and the first test that failed."""
        mark = uuid.uuid4().hex
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-rfE", "-p", "no:cacheprovider", "--tb=no", *names]
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder), MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            _end(mark)
            process.communicate()
            return None, ""
        finally:
            _end(mark)
        failed = re.search(r"^(?:FAILED|ERROR) (\S+?)(?: - .*)?$", output, re.MULTILINE)
        return process.returncode, failed[1] if failed else ""

    def _is_good(self, names: Sequence[str]) -> bool:
        """Whether tests pass without any fault; asked once."""
        key = tuple(names)
        if key not in self._good:
            self._good[key] = self._run(self._unharmed(), names, self.near + self.wide)[0] == 0
        return self._good[key]

    def _in_time(self, names: Sequence[str], limit: float) -> bool:
        """Whether the same tests end in that time without the fault."""
        return self._run(self._unharmed(), names, limit)[0] is not None

    def _unharmed(self) -> Path:
        """A clone without any fault, made once."""
        if self._clean is None:
            self._clean = clone(self.root, self.work / "clean")
        return self._clean


def _end(mark: str) -> None:
    """Ends what a trial has left running, servers above all, wherever the system says what runs (Linux)."""
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"{MARK}={mark}".encode() in entry.read_bytes().split(b"\0"):
                os.kill(int(entry.parent.name), signal.SIGKILL)
