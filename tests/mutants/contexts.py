"""Which tests run which line: each test file once under coverage.py, kept until the file changes.

A line that only a server runs (the local AWS serves many tests from one process) belongs to the whole test file.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.mutants.nearby import LEFT_OUT

RC = """
[run]
branch = false
parallel = true
sigterm = true
source = generator, scripts
data_file = {data}
context = ${{MUTANTS_CONTEXT-}}
concurrency = thread
patch = _exit, fork
"""
LIMIT = 1800  # seconds for a test file


@dataclass(frozen=True)
class Context:
    """What one test file runs: for each source file the text that was measured, and for each test (or for the file as a
    whole) the lines of it, from 1. `seconds` are those of each test."""

    file: str
    seconds: dict[str, float]
    lines: dict[str, dict[str, list[int]]]  # source file -> test -> lines


def test_files(root: Path) -> list[str]:
    """The files of the suite, as paths from the root of the checkout."""
    names = sorted(str(path.relative_to(root)) for path in (root / "tests").rglob("test_*.py"))
    return [name for name in names if not name.startswith(LEFT_OUT) and "tests/applications" not in name]


class Contexts:
    """The contexts of all test files, kept in `cache`, with the texts of the source files that were measured."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.root, self.cache = root, cache
        self._all: list[Context] = []

    def measure(self, clone: Path) -> Iterator[str]:
        """Measures in `clone` what is not known yet, and reads the rest; a line for each file that is measured. What
        was measured before an interrupt is kept."""
        self.cache.mkdir(parents=True, exist_ok=True)
        for name in test_files(self.root):
            kept = self.cache / f"{name.replace('/', '+')}.json"
            digest = hashlib.sha256((self.root / name).read_bytes()).hexdigest()
            if not kept.exists() or json.loads(kept.read_text("utf-8"))["digest"] != digest:
                body = self._measure(clone, name)
                kept.write_text(json.dumps({"digest": digest, **body}), encoding="utf-8")
                yield f"{name}: {len(body['seconds'])} tests, {sum(body['seconds'].values()):.0f} s"
            body = json.loads(kept.read_text("utf-8"))
            self._all.append(Context(name, body["seconds"], body["lines"]))

    def read(self) -> None:
        """Reads what was measured, and measures nothing."""
        for name in test_files(self.root):
            kept = self.cache / f"{name.replace('/', '+')}.json"
            if kept.exists():
                body = json.loads(kept.read_text("utf-8"))
                self._all.append(Context(name, body["seconds"], body["lines"]))

    def _measure(self, clone: Path, name: str) -> dict[str, Any]:
        work = self.cache / "work"
        work.mkdir(exist_ok=True)
        for old in work.glob("*"):
            old.unlink()
        (work / "rc").write_text(RC.format(data=work / "data"), encoding="utf-8")
        python, rc = [sys.executable, "-m"], f"--rcfile={work / 'rc'}"
        path = os.pathsep.join([str(clone / "tests/mutants/site"), os.environ.get("PYTHONPATH", "")])
        # Every process that starts is measured (`site/sitecustomize.py`), the first one too.
        variables = os.environ | {
            "MUTANTS_RC": str(work / "rc"),
            "MUTANTS_SECONDS": str(work / "seconds.json"),
            "PYTHONPATH": path.rstrip(os.pathsep),
        }
        pytest = [*python, "pytest", "-q", "-p", "tests.mutants.plugin", "-p", "no:cacheprovider", name]
        combine = [*python, "coverage", "combine", "-q", rc]
        report = [*python, "coverage", "json", "-q", rc, "--show-contexts", "-o", str(work / "report.json")]
        with (self.cache / "log").open("w", encoding="utf-8") as log:
            for command, environment in ((pytest, variables), (combine, os.environ), (report, os.environ)):
                with suppress(subprocess.TimeoutExpired):
                    subprocess.run(
                        command, cwd=clone, env=environment, stdout=log, stderr=log, timeout=LIMIT, check=False
                    )
        seconds = json.loads((work / "seconds.json").read_text("utf-8")) if (work / "seconds.json").exists() else {}
        report_file = work / "report.json"
        measured = json.loads(report_file.read_text("utf-8"))["files"] if report_file.exists() else {}
        lines: dict[str, dict[str, list[int]]] = {}
        for source, body in measured.items():
            relative = os.path.relpath(clone / source, clone)
            text = (clone / relative).read_bytes()
            digest = hashlib.sha256(text).hexdigest()
            (self.cache / "sources").mkdir(exist_ok=True)
            (self.cache / "sources" / digest).write_bytes(text)
            for line, tests in body.get("contexts", {}).items():
                for test in tests:
                    if test:  # not what runs while modules are imported
                        lines.setdefault(f"{relative}@{digest}", {}).setdefault(test, []).append(int(line))
        return {"seconds": seconds, "lines": lines}

    def tests(self, path: str, source: bytes, first: int, last: int) -> tuple[list[str], list[str]]:
        """The tests that run one of the lines from `first` to `last` of a source file as it is now, quickest first; and
        the test files that have such tests or run it in a server, the quickest first. A line that runs while its module
        is imported belongs to every test that runs anything of the module."""
        tests, files = self._tests(path, lambda measured: _lines_before(measured, source, first, last))
        return (tests, files) if files else self._tests(path, lambda _: None)

    def _tests(self, path: str, lines_of: Callable[[bytes], frozenset[int] | None]) -> tuple[list[str], list[str]]:
        """As `tests`, for the lines that `lines_of` says of a text that was measured; None for all of them."""
        single: dict[str, float] = {}
        whole: dict[str, float] = {}
        for context in self._all:
            for known, tests in context.lines.items():
                name, _, digest = known.partition("@")
                moved = Path(name).name == Path(path).name and not (self.root / name).exists()
                if name != path and not moved:
                    continue
                lines = lines_of((self.cache / "sources" / digest).read_bytes())
                for test, ran in tests.items():
                    if lines is not None and lines.isdisjoint(ran):
                        continue
                    whole[context.file] = sum(context.seconds.values())
                    if test in context.seconds:
                        single[test] = context.seconds[test]
        return sorted(single, key=single.__getitem__), sorted(whole, key=whole.__getitem__)


@cache
def _lines_before(measured: bytes, source: bytes, first: int, last: int) -> frozenset[int]:
    """Which lines of the text that was measured the lines from `first` to `last` of the text of now were."""
    if measured == source:
        return frozenset(range(first, last + 1))
    matcher = difflib.SequenceMatcher(None, measured.splitlines(), source.splitlines(), autojunk=False)
    return frozenset(
        block.a + line - block.b
        for block in matcher.get_matching_blocks()
        for line in range(first, last + 1)
        if block.b <= line - 1 < block.b + block.size
    )
