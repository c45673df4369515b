"""Which test files a change may reach: by what they import, however far, and by the files whose names they spell.

Read in the sources alone. A module that is imported by its name in a text counts as
imported (`scripts/cli.py` loads verbs so), and a file counts as read where a text is its path, its name, or a folder on
its path: too many tests rather than too few.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

FOLDERS = ("generator", "scripts", "tests")
OTHERS = "tests/applications"  # the programs that rehearsals play
CACHE = Path(".cache/reach.json")
READER = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
WIDE = {"tests", "scripts", "generator", ""}  # names that say nothing of a file


@dataclass(frozen=True)
class Source:
    """A Python file of the repository: the files that it imports, and every text in it that could name a file."""

    imports: frozenset[str]
    texts: frozenset[str]


Names = tuple[list[str], list[str]]  # of what a file imports, and the texts in it that could name a file


def read(root: Path) -> dict[str, Source]:
    """The Python files below `root`, by their paths from there. What was read of a file is kept, by its content."""
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*.py"))
        if not path.relative_to(root).as_posix().startswith(f"{OTHERS}/")
    }
    kept = _kept(root / CACHE)
    keys = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    names = {key: kept[key] if key in kept else _names(files[path]) for path, key in keys.items()}
    if names.keys() != kept.keys():
        _keep(root / CACHE, names)
    modules = {_module(path): path for path in files}
    return {path: _source(*names[key], modules) for path, key in keys.items()}


def _kept(file: Path) -> dict[str, Names]:
    """What was read before, by the digest of what it was read from; nothing when another reader than this wrote it."""
    try:
        content = json.loads(file.read_bytes())
        return dict(content["names"]) if content["reader"] == READER else {}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _keep(file: Path, names: Mapping[str, Names]) -> None:
    file.parent.mkdir(exist_ok=True)
    beside = file.with_name(f"{file.name}.{os.getpid()}")  # two workers may write at once
    beside.write_text(json.dumps({"reader": READER, "names": names}), encoding="utf-8")
    beside.replace(file)


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _names(content: bytes) -> Names:
    imports: set[str] = set()
    texts: set[str] = set()
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imports |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value.split()) == 1:
            texts.add(node.value)
    return sorted(imports), sorted(texts)


def _source(imported: Iterable[str], texts: Collection[str], modules: Mapping[str, str]) -> Source:
    imports = {modules[name] for name in imported if name in modules}
    for text in texts:
        if (named := modules.get(text.rstrip("."))) is None:
            continue
        imports.add(named)
        if named.endswith("/__init__.py") and "." in text:  # its modules are named when it runs
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
        spellings = _spellings(change)
        left = [path for path in sources if path == change or not sources[path].texts.isdisjoint(spellings)]
        if change.endswith("conftest.py"):
            left += _beside(change, sources)
        seen: set[str] = set()
        while left:
            path = left.pop()
            if path in seen:
                continue
            seen.add(path)
            left += importers.get(path, ())
            if path.endswith("conftest.py"):
                left += _beside(path, sources)
            if path.rpartition("/")[2].startswith("test_"):
                reasons.setdefault(path, change)
    return reasons


def near(sources: Mapping[str, Source], changed: Iterable[str]) -> set[str]:
    """The test files that are about these paths: changed themselves, or with an import or the name of one of them."""
    paths = set(changed)
    names = paths | {path.rpartition("/")[2] for path in paths if not path.endswith("__init__.py")}
    tests = {path: source for path, source in sources.items() if path.rpartition("/")[2].startswith("test_")}
    return {path for path, source in tests.items() if path in paths or source.imports & paths or source.texts & names}


def _beside(path: str, sources: Iterable[str]) -> list[str]:
    """The files in the folder of a file, and below it."""
    folder = path[: path.rfind("/") + 1]
    return [other for other in sources if other.startswith(folder)]


def _spellings(path: str) -> frozenset[str]:
    """The texts that name a file in a source: its path, its name, or a folder on its path. Python is copied by the path
    of its folder, and the folder's name alone says nothing of it."""
    pure = PurePosixPath(path)
    folders = {str(folder) for folder in pure.parents}
    folders = {folder for folder in folders if "/" in folder} if pure.suffix == ".py" else folders | {*pure.parts[:-1]}
    names = set() if pure.name in ("__init__.py", "conftest.py") else {pure.name}
    return frozenset({path, *names, *(folders - WIDE - {"."})})
