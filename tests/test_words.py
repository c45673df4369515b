"""Words that must not come back as names: a value is called by its noun, and what has got a better word keeps it."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sources import nodes

ROOT = Path(__file__).resolve().parent.parent
# What a name must not be: verbs and numerals in the place of a noun ...
NO_NOUNS = {"one", "found", "made", "held", "given", "wanted", "told", "asked", "said", "heard"}
# ... and words for which the glossary has a better one (docs/developing.md).
RETIRED = {"embedded", "memo", "settle", "settled", "survivors", "witness", "needsperson", "world", "seam", "suffer"}
BANNED = NO_NOUNS | RETIRED


def names(tree: ast.AST) -> Iterator[str]:
    """Every name that a module binds: variables, parameters, functions, classes, imports under another name."""
    for node in nodes(tree):
        match node:
            case ast.Name(id=name, ctx=context):
                if isinstance(context, ast.Store):
                    yield name
            case ast.Constant() | ast.Attribute() | ast.Call():  # most of them, which bind nothing
                continue
            case ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.alias(asname=str() as name):
                yield name
            case ast.ExceptHandler(name=str() as name) | ast.MatchAs(name=str() as name):
                yield name


def banned_names(folder: str) -> list[str]:
    """`file: name` for each banned name below a folder, file names included."""
    places = []
    for file in sorted((ROOT / folder).rglob("*.py")):
        bound = [file.stem, *names(ast.parse(file.read_text(encoding="utf-8")))]
        places += [f"{file.relative_to(ROOT)}: {name}" for name in bound if name.strip("_").lower() in BANNED]
    return places


def test_names_are_nouns_of_the_field() -> None:
    places = [place for folder in ("generator", "scripts", "tests") for place in banned_names(folder)]
    assert not places, "call them by their nouns:\n" + "\n".join(places[:40])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("for one in x: pass", ["one"]),
        ("f = lambda given: 1", ["f", "given"]),
        ("[found for found in x]", ["found"]),
        ("class Survivors: told: int = 1", ["Survivors", "told"]),
        ("def asked(*, made=1, **held): pass", ["asked", "made", "held"]),
        ("import a as said\ntry: pass\nexcept E as heard: pass", ["said", "heard"]),
        ("found.one(given=1)", []),
    ],
)
def test_the_test_sees_every_kind_of_binding(source: str, expected: list[str]) -> None:
    assert sorted(names(ast.parse(source))) == sorted(expected)


def test_no_source_is_cited_that_is_not_in_the_repository() -> None:
    """A citation such as F and two numbers with a dot points to a page that a reader does not have."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    files = [ROOT / name for name in listed.split("\0") if name.endswith((".py", ".md", ".json", ".yml"))]
    texts = {file: file.read_text(encoding="utf-8") for file in files if file.is_file()}
    assert len(texts) > 100
    cited = [file.relative_to(ROOT) for file, text in texts.items() if re.search(r"\bF [0-9]+\.[0-9]+", text)]
    assert not cited
