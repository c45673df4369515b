"""Which tests know the Cloud Health Dashboard: they are left out, and told, while the facts are another application's.

A test module knows it when it has one of its names, or a module of the tests that it uses has. All others follow the
facts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "cloud-health-dashboard"
# Its names, its variables and tables, and the sample that stands for it.
WORDS = re.compile(
    r"cloud.?health|dashboard|\bClients\b|CLIENTS_TABLE|JWT_SECRET|LOG_LEVEL|LogLevel|REACT_APP|SENDER|CORS_ORIGINS"
    r"|applications/sample|SAMPLE",
    re.IGNORECASE,
)
# What names it in passing, and follows the facts all the same.
SHARED = frozenset(("tests/conftest.py", "tests/support/dashboard.py"))
# Files that know it without a name: their numbers, counts and committed results are its own.
ITS_OWN = frozenset[str]()


def knows(file: Path) -> bool:
    """Whether a test module knows the dashboard."""
    return file.relative_to(ROOT).as_posix() in ITS_OWN or any(map(_names, _used(file)))


def _used(file: Path) -> set[Path]:
    """A module, and every module of the tests that it imports, directly or not."""
    used, waiting = set[Path](), [file]
    while waiting:
        here = waiting.pop()
        if here not in used:
            used.add(here)
            waiting += _imported(here)
    return used


@cache
def _imported(file: Path) -> tuple[Path, ...]:
    names = [
        name
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests.")
        for name in (str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names))
    ]
    return tuple(dict.fromkeys(place for name in names for place in _places(name) if place.is_file()))


def _places(name: str) -> Iterator[Path]:
    path = ROOT / name.replace(".", "/")
    yield from (path.with_suffix(".py"), path / "__init__.py")


@cache
def _names(file: Path) -> bool:
    return file.relative_to(ROOT).as_posix() not in SHARED and bool(WORDS.search(file.read_text(encoding="utf-8")))
