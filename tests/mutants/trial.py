"""One mutant meets the tests, in a clone that all mutants of a lane share, one after the other."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from generator.cfn import verdict
from tests.mutants.forks import Forks, Outcome
from tests.mutants.operators import Mutation

KILLED, TIMED_OUT, SURVIVED, NOT_RUN = "killed", "timed out", "survived", "not run"
UNDECIDED = "undecided"  # the tests took too long, and do so without the fault: on a machine that is busy
SEEN = (KILLED, TIMED_OUT)
# Seconds for whole files of which nobody knows how long they take; and the least for tests of which it is known.
WIDE, LEAST = 300.0, 90.0
LIMIT = 900.0  # for all tests that saw a fault
SURE = 2.0  # a test that takes less and passes without the fault is believed when it fails
SLACK = 8.0  # how many times longer than measured tests may take, before that says something


@dataclass(frozen=True)
class Verdict:
    """How a mutant ended: one of the words above, the test that saw it, the seconds that it took, those of the
    processor, and whether the tests that nobody measured were asked too."""

    how: str
    by: str
    seconds: float
    processor: float = 0.0
    wide: bool = True


@dataclass(frozen=True)
class Round:
    """Tests that look together, in the order in which they look, for at most `limit` seconds; `wide` are those that
    nobody measured."""

    names: Sequence[str]
    limit: float
    wide: bool = False


def clone(root: Path, folder: Path) -> Path:
    """A copy of what is committed, with the environments of the checkout and the gate's verdict. A copy that is there
    is brought to that state: what Python has compiled of it stays."""
    folder = folder.resolve()
    commit = _git(root, "rev-parse", "HEAD")
    if (folder / ".git").is_dir():
        _git(folder, "fetch", "--quiet", str(root), "HEAD")
        _git(folder, "reset", "--quiet", "--hard", commit)
        _git(folder, "clean", "-fdq")
    else:
        shutil.rmtree(folder, ignore_errors=True)
        _git(root, "clone", "--quiet", "--shared", str(root), str(folder))
    for environment in root.glob(".venv*"):
        if not (folder / environment.name).is_symlink():
            (folder / environment.name).symlink_to(environment.resolve())
    for file in folder.glob("setup.*"):  # make would set up an environment anew that is older than they are
        os.utime(file, (0, 0))
    record = root / verdict.FILE
    if record.exists():
        (folder / verdict.FILE).parent.mkdir(exist_ok=True)
        shutil.copy(record, folder / verdict.FILE)
    return folder


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True).stdout.strip()


class Trials:
    """Tries mutants of the checkout at `root` in a clone below `work`. `green` are tests and files that are known to
    pass without any fault, with their seconds: a test that fails without the fault, too, has seen nothing."""

    def __init__(self, root: Path, work: Path, green: Mapping[str, float] | None = None) -> None:
        self.root, self.work, self.green = root, work, green or {}
        self._good: dict[tuple[str, ...], bool] = {}
        self.folder = clone(root, work / "clone")
        self.forks = Forks(self.folder, work / "logs")
        self._processor = 0.0

    def close(self) -> None:
        """Ends the processes of the lane."""
        self.forks.close()

    def verdict(self, mutation: Mutation, rounds: Iterable[Round]) -> Verdict:
        """Lets the rounds look, one after the other, until a test fails which passes without the fault."""
        began, self._processor = time.monotonic(), 0.0
        how, by, wide = NOT_RUN, "", False
        for each in rounds:
            wide = wide or each.wide
            result, by = self._round(mutation, each)
            how = SURVIVED if how == NOT_RUN and each.names else how
            if result in SEEN:
                how = result
                break
            how = result or how
        return Verdict(
            how, by if how == KILLED else "", round(time.monotonic() - began, 1), round(self._processor, 1), wide
        )

    def failing(self, names: Sequence[str]) -> list[str]:
        """Those of the tests that fail without any fault; all of them, when they take too long."""
        outcome = self.forks.run(names, LIMIT, stops=False)
        return list(names) if outcome.status is None else outcome.failed

    def _round(self, mutation: Mutation, tests: Round) -> tuple[str, str]:
        """How a round ends: nothing where no test saw the fault."""
        names = list(tests.names)
        while names:
            outcome = self._run(mutation, names, tests.limit)
            if outcome.status == 0:
                return "", ""
            if outcome.status is None:
                return (TIMED_OUT if self._run(None, names, tests.limit).status is not None else UNDECIDED), ""
            by = outcome.failed[0] if outcome.failed else ""
            if self._is_good([by] if by else names, tests.limit) and self._fails_again(mutation, by, tests.limit):
                return KILLED, by
            if not by:  # not one of them can be run, with the fault or without it
                return "", ""
            names = [name for name in names if name not in (by, by.partition("::")[0])]
        return "", ""

    def _is_good(self, names: Sequence[str], limit: float) -> bool:
        """Whether tests pass without any fault; asked once."""
        if all(name in self.green for name in names):
            return True
        key = tuple(names)
        if key not in self._good:
            self._good[key] = self._run(None, names, limit).status == 0
        return self._good[key]

    def _fails_again(self, mutation: Mutation, by: str, limit: float) -> bool:
        """Whether a test fails once more, unless it is known and quick: those of servers may fail for want of time."""
        quick = self.green.get(by, SURE) < SURE
        return not by or quick or self._run(mutation, [by], limit).status != 0

    def _run(self, mutation: Mutation | None, names: Sequence[str], limit: float) -> Outcome:
        if mutation is None:
            outcome = self.forks.run(names, limit)
        else:
            file = self.folder / mutation.path
            try:
                file.write_bytes(mutation.applied(file.read_bytes()))
                self._forget(file)
                outcome = self.forks.run(names, limit)
            finally:
                _git(self.folder, "checkout", "--quiet", "--", ".")
                self._forget(file)
        _git(self.folder, "clean", "-fdq")
        self._processor += outcome.processor
        return outcome

    @staticmethod
    def _forget(file: Path) -> None:
        """Takes away what Python compiled of a file: it tells versions apart by size and second only."""
        with suppress(FileNotFoundError):
            Path(importlib.util.cache_from_source(str(file))).unlink()
