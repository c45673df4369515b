"""Which tests run which line: quick test files under coverage.py, each in a process of its own, kept until it changes.

A line that only a server runs (the local AWS serves many tests from one process) belongs to the whole test file.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import importlib
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from tests.conftest import LONGEST, SLOW, marker
from tests.mutants.forks import Forks
from tests.mutants.nearby import LEFT_OUT

SETTINGS = """
[run]
branch = false
parallel = true
sigterm = true
source = generator, scripts
data_file = {data}
context = ${{COV_MUTANTS_CONTEXT-}}
concurrency = thread
patch = _exit, fork
"""
# Of coverage.py's data file, as its documentation describes the tables.
QUERY = """
select file.path, context.context, line_bits.numbits from line_bits
join file on file.id = line_bits.file_id join context on context.id = line_bits.context_id
"""
LIMIT = 900.0  # seconds for a test file
# Folders whose tests are quick enough to be measured beside those without servers.
QUICK = (
    "tests/bootstrap/",
    "tests/buildspecs/test_base_image.py",
    "tests/buildspecs/test_pinned_tools.py",
    "tests/ci/",
    "tests/cli/test_command.py",
    "tests/cli/test_console.py",
    "tests/local_aws/",
    "tests/onboarding/",
    "tests/operations/test_migrate.py",
    "tests/rehearsal/",
)
WAITING = ("tests/local_aws/test_impatience.py", "tests/local_aws/test_proof.py")  # for real time
QUICK_TEST = 1.0  # seconds; those that take longer come after those that do not
# What compares all that a folder makes with what is committed.
GOLDEN = {
    "generator/": "tests/generator/test_rendering.py",
    "generator/cfn/effects/": "tests/gate/test_parameter_page.py",
}
IMPORTING = ""  # the name of the test during which modules are imported


@dataclass(frozen=True)
class Context:
    """What a test file runs: for each source file the text that was measured, and for each test (or for the file as a
    whole) the lines of it, from 1. `seconds` are those of each test, `red` the tests that failed; `fresh` says whether
    the file is still the same."""

    file: str
    seconds: dict[str, float]
    red: list[str]
    lines: dict[str, dict[str, list[int]]]  # source file -> test -> lines
    fresh: bool

    @property
    def total(self) -> float:
        return sum(self.seconds.values())


@dataclass
class Choice:
    """The tests for a line: those that run it, those of files that run it while they import its module, and whole files
    in which a server runs it; each the likeliest and quickest first. `measured` files need not be asked otherwise."""

    running: list[str] = field(default_factory=list)
    importing: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def names_of_tests(root: Path) -> list[str]:
    """The files of the suite, as paths from the root of the checkout."""
    names = sorted(str(path.relative_to(root)) for path in (root / "tests").rglob("test_*.py"))
    return [name for name in names if not name.startswith(LEFT_OUT) and "tests/applications" not in name]


def is_quick(root: Path, name: str) -> bool:
    """Whether a test file is measured without being asked for."""
    short = name.removeprefix("tests/") not in (*LONGEST, *SLOW) and name not in WAITING
    return short and (marker(root / name) == "unit" or name.startswith(QUICK))


class Contexts:
    """The contexts of test files, kept in `cache`, with the texts of the source files that were measured."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.root, self.cache = root, cache

    def measure(self, forks: Forks, names: list[str]) -> Iterator[str]:
        """Measures in the checkout of `forks` those of the files that are not known yet; a line for each. What was
        measured before an interrupt is kept."""
        (self.cache / "sources").mkdir(parents=True, exist_ok=True)
        for name in names:
            if not self._kept(name).exists() or json.loads(self._kept(name).read_text("utf-8"))["digest"] != _digest(
                self.root / name
            ):
                body, processor = self._measure(forks, name)
                if not body["seconds"]:
                    yield f"{name}: no test of it runs, see {forks.logs / 'log'}"
                    continue
                self._kept(name).write_text(json.dumps({"digest": _digest(self.root / name), **body}), encoding="utf-8")
                red = f", red: {', '.join(body['red'])}" if body["red"] else ""
                yield f"{name}: {len(body['seconds'])} tests, {processor:.0f} s of processor{red}"

    @cached_property
    def all(self) -> list[Context]:
        """What was measured."""
        result = []
        for name in names_of_tests(self.root):
            if self._kept(name).exists():
                body = json.loads(self._kept(name).read_text("utf-8"))
                fresh = body["digest"] == _digest(self.root / name)
                result.append(Context(name, body["seconds"], body["red"], body["lines"], fresh))
        return result

    @cached_property
    def green(self) -> dict[str, float]:
        """The tests that passed without any fault, with their seconds."""
        fresh = [context for context in self.all if context.fresh]
        return {
            test: seconds
            for each in fresh
            for test, seconds in each.seconds.items()
            if test not in (*each.red, each.file)
        }

    @cached_property
    def green_files(self) -> dict[str, float]:
        """The files whose tests all passed without any fault, with their seconds."""
        return {context.file: context.total for context in self.all if context.fresh and not context.red}

    def _kept(self, name: str) -> Path:
        return self.cache / f"{name.replace('/', '+')}.json"

    def _measure(self, forks: Forks, name: str) -> tuple[dict[str, Any], float]:
        work = self.cache / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        (work / "rc").write_text(SETTINGS.format(data=work / "data"), encoding="utf-8")
        # Every process that starts is measured (`site/sitecustomize.py`), the first one too.
        variables = {
            "COV_MUTANTS": str(work / "rc"),
            "COV_MUTANTS_FILE": name,
            "COVERAGE_PROCESS_START": str(work / "rc"),
            "PYTHONPATH": os.pathsep.join([str(forks.folder / "tests/mutants/site"), forks.path]),
        }
        outcome = forks.run([name], LIMIT, variables, stops=False)
        # An empty file is that of a process which was killed before it wrote.
        lines = self._lines(forks.folder, sorted(file for file in work.glob("data*") if file.stat().st_size))
        return {"seconds": outcome.seconds, "red": outcome.failed, "lines": lines}, outcome.processor

    def _lines(self, folder: Path, files: list[Path]) -> dict[str, dict[str, list[int]]]:
        """The lines that each test ran, from coverage.py's files."""
        numbers = importlib.import_module("coverage.numbits").numbits_to_nums
        sources: dict[str, str] = {}  # the text of each, by its digest
        result: dict[str, dict[str, set[int]]] = {}
        for file in files:
            with closing(sqlite3.connect(file)) as data:
                for source, context, bits in data.execute(QUERY):
                    if not Path(source).exists():  # a test ran a text under a name
                        continue
                    # That of a process that was started, and behind a bar that of a command it was forked for.
                    _, inner, forked_for = context.rpartition("|tests/")
                    test = f"tests/{forked_for}" if inner else context
                    if source not in sources:
                        sources[source] = self._keep_source(Path(source))
                    key = f"{os.path.relpath(source, folder)}@{sources[source]}"
                    result.setdefault(key, {}).setdefault(test, set()).update(numbers(bits))
        return {
            source: {test: sorted(lines) for test, lines in tests.items()} for source, tests in sorted(result.items())
        }

    def _keep_source(self, source: Path) -> str:
        """Keeps the text that was measured, and gives its digest."""
        text = source.read_bytes()
        digest = hashlib.sha256(text).hexdigest()
        (self.cache / "sources" / digest).write_bytes(text)
        return digest

    def choice(self, path: str, source: bytes, first: int, last: int) -> Choice:
        """The tests for the lines from `first` to `last` of a source file as it is now."""
        result = self._choice(path, source, first, last)
        if not (result.running or result.importing or result.files):
            result = self._choice(path, source, *statement(source, first, last))
        return result

    def _choice(self, path: str, source: bytes, first: int, last: int) -> Choice:
        result = Choice()
        own, beside = Path(path).stem.strip("_"), f"tests/{'/'.join(Path(path).parts[1:2])}"
        named = str(Path("tests", *Path(path).parts[1:-1][:1], f"test_{own}.py"))
        running: list[tuple[int, bool, int, float, str]] = []
        importing: list[tuple[int, bool, int, float, str]] = []
        names = [own, defined(source, first), module_pattern(path)]
        for context in self.all:
            is_golden = any(context.file == file for folder, file in GOLDEN.items() if path.startswith(folder))
            unlikely = 0 if is_golden else self.unlikely(context.file, *names)
            for known, tests in context.lines.items():
                name, _, digest = known.partition("@")
                moved = Path(name).name == Path(path).name and not (self.root / name).exists()
                if name != path and not moved:
                    continue
                numbers = _lines_before((self.cache / "sources" / digest).read_bytes(), source, first, last)
                ran = [test for test, lines in tests.items() if not numbers.isdisjoint(lines)]
                single = sorted((context.seconds[test], test) for test in ran if test in context.seconds)
                if context.fresh:
                    running += [(unlikely, each[0] > QUICK_TEST, number, *each) for number, each in enumerate(single)]
                elif single:
                    result.files.append(context.file)
                if context.file in ran:
                    result.files.append(context.file)
                # What runs once in a process, such as what is put into a library, counts for the first test alone.
                if context.fresh and (IMPORTING in ran or (ran and context.file == named)):
                    order = sorted((test not in tests, seconds, test) for test, seconds in context.seconds.items())
                    for number, entry in enumerate(order):
                        importing.append((unlikely, entry[0], number, *entry[1:]))
        result.running = list(dict.fromkeys(entry[-1] for entry in sorted(running)))
        result.importing = list(dict.fromkeys(entry[-1] for entry in sorted(importing)))
        total = {context.file: context.total for context in self.all}
        result.files = sorted(
            dict.fromkeys(result.files), key=lambda file: (own not in file, not file.startswith(beside), total[file])
        )
        return result

    def unlikely(self, file: str, own: str, name: str, module: str) -> int:
        """How unlikely it is that a test file is about a line: 0 for one that has the name of what the line defines, or
        the module's in its own; 1 for one that imports the module, 2 for any other."""
        text = (self.root / file).read_text(encoding="utf-8") if (self.root / file).exists() else ""
        if own in file or (name and re.search(rf"\b{name}\b", text)):
            return 0
        return 1 if re.search(module, text) else 2


def defined(source: bytes, line: int) -> str:
    """The name that the statement of a module defines in a line; empty for none."""
    for node in ast.parse(source).body:
        if node.lineno <= line <= (node.end_lineno or node.lineno):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
            return next((name for each in targets if (name := getattr(each, "id", getattr(each, "name", "")))), "")
    return ""


def module_pattern(path: str) -> str:
    """What imports a module, as a regular expression."""
    parts = Path(path).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    package, own = ".".join(parts[:-1]), parts[-1]
    several = rf"(?:\([\s\w,]*|[^\n]*)\b{re.escape(own)}\b"
    return rf"\b{re.escape('.'.join(parts))}\b|from {re.escape(package)} import {several}"


def statement(source: bytes, first: int, last: int) -> tuple[int, int]:
    """The lines of the innermost statement around some lines; of one with a body, those before the body."""
    best = (first, last)
    size = 1 << 30
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.stmt):
            continue
        body = getattr(node, "body", None)
        begin = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
        end = body[0].lineno - 1 if body else node.end_lineno or node.lineno
        if begin <= first and last <= max(begin, end) and end - begin < size:
            best, size = (begin, max(begin, end)), end - begin
    return best


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


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
