"""Which test files a change may reach: by what they import, however far, and by the files whose names they spell.

Read in the sources alone, so that it costs a second. A module that is imported by its name in a text counts as
imported (`scripts/cli.py` loads verbs so), and a file counts as read where a text is its path, its name, or a folder on
its path: too many tests rather than too few.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

FOLDERS = ("generator", "scripts", "tests")
OTHERS = "tests/applications"  # the programs that rehearsals play
WIDE = {"tests", "scripts", "generator", ""}  # names that say nothing of a file


@dataclass(frozen=True)
class Source:
    """A Python file of the repository: the files that it imports, and every text in it."""

    imports: frozenset[str]
    texts: frozenset[str]


def read(root: Path) -> dict[str, Source]:
    """The Python files below `root`, by their paths from there."""
    paths = [
        path.relative_to(root).as_posix()
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*.py"))
        if not path.relative_to(root).as_posix().startswith(f"{OTHERS}/")
    ]
    modules = {_module(path): path for path in paths}
    return {path: _source((root / path).read_text(encoding="utf-8"), modules) for path in paths}


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _source(text: str, modules: Mapping[str, str]) -> Source:
    imports: set[str] = set()
    texts: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imports |= {modules[alias.name] for alias in node.names if alias.name in modules}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
            imports |= {modules[name] for name in names & modules.keys()}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.add(node.value)
            if (named := modules.get(node.value.rstrip("."))) is None:
                continue
            imports.add(named)
            if named.endswith("/__init__.py") and "." in node.value:  # its modules are named when it runs
                imports |= {path for path in modules.values() if path.startswith(named.removesuffix("__init__.py"))}
    return Source(frozenset(imports), frozenset(texts))


def reached(sources: Mapping[str, Source], changed: Iterable[str]) -> dict[str, str]:
    """The test files that a change of these paths may reach, each with the path that reaches it first."""
    reasons: dict[str, str] = {}
    importers: dict[str, set[str]] = {}
    for path, source in sources.items():
        for imported in source.imports:
            importers.setdefault(imported, set()).add(path)
    for change in changed:
        left = [path for path in sources if path == change or _spells(sources[path], change)]
        if change.endswith("conftest.py"):
            left += [path for path in sources if PurePosixPath(change).parent in PurePosixPath(path).parents]
        seen: set[str] = set()
        while left:
            path = left.pop()
            if path in seen:
                continue
            seen.add(path)
            left += importers.get(path, ())
            if path.endswith("conftest.py"):
                left += [other for other in sources if PurePosixPath(path).parent in PurePosixPath(other).parents]
            if PurePosixPath(path).name.startswith("test_"):
                reasons.setdefault(path, change)
    return reasons


def _spells(source: Source, path: str) -> bool:
    """Whether a file is named in a source: by its path, its name, or a folder on its path. Python is copied by the path
    of its folder, and the folder's name alone says nothing of it."""
    pure = PurePosixPath(path)
    folders = {str(folder) for folder in pure.parents}
    folders = {folder for folder in folders if "/" in folder} if pure.suffix == ".py" else folders | {*pure.parts[:-1]}
    names = set() if pure.name in ("__init__.py", "conftest.py") else {pure.name}
    return not source.texts.isdisjoint({path, *names, *(folders - WIDE - {"."})})
