"""Which test files are likely to see a fault in a module: those that import it, the nearest and quickest first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from tests.check import reach
from tests.check.reach import Source
from tests.conftest import LONGEST, marker

# Not about behaviour, or never killers: style, coverage of documents, the tools themselves.
LEFT_OUT = (
    "tests/bench",
    "tests/check",
    "tests/mutants",
    "tests/rehearsal/test_create_react_app.py",
    "tests/test_architecture.py",
    "tests/test_limits.py",
    "tests/test_not_run.py",
    "tests/test_style.py",
)
NEAR, WIDE = 16, 16  # files
# Where the tests of a folder stand that are not in the folder of the same name.
BESIDE = {"terminal": "cli", "stacks": "generator", "roots": "generator"}
BESIDE |= {"core": "generator", "constructs": "generator"}


class Nearby:
    """The tests of a checkout by what they import.

    Likely killers are a module's own tests (`test_NAME.py`), then those of its folder, then the nearest of the quick
    ones.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sources = reach.read(root)
        self._importers = importers(self._sources)

    def tests(self, path: str) -> tuple[list[str], list[str]]:
        """The test files that reach a module: the likeliest, and then others, those that take longest last."""
        steps = distances(self._importers, path)
        steps |= {name: steps.get(name, 1) for name in reach.reached(self._sources, [path])}
        files = [name for name in steps if _is_test(name) and not name.startswith(LEFT_OUT)]
        own = f"test_{PurePosixPath(path).stem.strip('_')}"
        folder = (PurePosixPath(path).parts[1:-1] or ("cli",))[0]
        beside = f"tests/{BESIDE.get(folder, folder)}/"
        files.sort(key=lambda name: (not name.startswith(beside), own not in name, steps[name], name))
        long = [name for name in files if name.removeprefix("tests/") in LONGEST and f"{beside}{own}" not in name]
        likely = [
            name
            for name in files
            if name not in long and (own in name or name.startswith(beside) or marker(self._root / name) == "unit")
        ]
        others = [name for name in files if name not in (*likely[:NEAR], *long)]
        others.sort(
            key=lambda name: (not name.startswith("tests/system/"), steps[name], name)
        )  # whole commands see most
        return likely[:NEAR], [*others, *long][:WIDE]


def _is_test(path: str) -> bool:
    return PurePosixPath(path).name.startswith("test_")


def importers(sources: Mapping[str, Source]) -> dict[str, set[str]]:
    """The files that import each file."""
    result: dict[str, set[str]] = {}
    for path, source in sources.items():
        for imported in source.imports:
            result.setdefault(imported, set()).add(path)
    return result


def distances(importers: Mapping[str, set[str]], path: str) -> dict[str, int]:
    """Over how many imports each file reaches a module."""
    steps, level = {path: 0}, [path]
    while level:
        level = sorted({name for each in level for name in importers.get(each, ()) if name not in steps})
        steps |= dict.fromkeys(level, max(steps.values()) + 1)
    return steps
