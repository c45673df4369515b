"""Phrases that people must not have to read: each has a better one, in the style rules of docs/developing.md.

Read are the string constants of the scripts and of the parts of the generator that print, and the pages that are
written by hand. Docstrings, regular expressions and generated pages are not read.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sources import nodes

ROOT = Path(__file__).resolve().parent.parent
# The phrase as a pattern, and what to write instead. The only place where they are listed.
BANNED = {
    r"made anew": "replaced, created again",
    r"\bgoes back to what\b|\bbrings? \w+ back\b|\bbrought back\b": "rolls back",
    r"\btells?\b|\btold\b": "shows, reports, says",
    r"\bheld\b|\bnot held\b": "stored, contained, simulated",
    r"\bstands?\b": "is",
    r"house rules?": "project rules",
    r"(?<!there )(?<!There )\bis no (?!longer|effect)": "is not a, invalid",
    r"AWS (on|of) this machine|[Ee]mbedded AWS": "local AWS",
    r"\bunless said\b": "by default",
    r"found by this script": "computed parameters",
    r"\bwhat it is for\b": "purpose",
    r"stood in for": "simulated",
    r"\bnot told\b": "unknown",
}
PRINTING = (
    "scripts/**/*.py",
    "generator/*.py",
    "generator/gate/*.py",
    "generator/cfn/*.py",
    "generator/core/wiring.py",
)
# Texts of JSON documents that programs read, which stay as they are.
DOCUMENTS = {"not told"}
GENERATED = {"permissions.md", "permissions-ledger.md", "parameters.md", "reachability.md"}


def printed(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each string constant that has a space in it and is no docstring."""
    tree = ast.parse(source)
    documented = ast.Module | ast.ClassDef | ast.FunctionDef
    docstrings = {
        id(node.body[0].value)
        for node in nodes(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in nodes(tree):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)) or id(node) in docstrings:
            continue
        # A text with a backslash or a group is a pattern: it is matched, and not shown.
        pattern = "\\" in node.value or "(?" in node.value
        if node.value not in DOCUMENTS and " " in node.value and not pattern:
            yield node.lineno, node.value


def phrases(text: str) -> list[str]:
    """The banned phrases in a text, with what to write instead."""
    return [
        f"{match[0]!r}: write {better}" for pattern, better in BANNED.items() if (match := re.search(pattern, text))
    ]


def test_printed_texts_have_no_banned_phrase() -> None:
    places = [
        f"{file.relative_to(ROOT)}:{line}: {phrase}"
        for pattern in PRINTING
        for file in sorted(ROOT.glob(pattern))
        for line, text in printed(file.read_text(encoding="utf-8"))
        for phrase in phrases(text)
    ]
    assert not places, "\n".join(places)


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_pages_have_no_banned_phrase(page: Path) -> None:
    if page.name in GENERATED:
        return
    lines = page.read_text(encoding="utf-8").splitlines()
    places = [f"{page.name}:{number}: {phrase}" for number, line in enumerate(lines, 1) for phrase in phrases(line)]
    assert not places, "\n".join(places)


@pytest.mark.parametrize(
    ("source", "caught"),
    [
        ('print("it is made anew")', True),
        ('print(f"{name} is no folder")', True),
        ('"""A bucket that is made anew."""', False),
        ('print("there is no folder")', False),
        ('re.compile(r"(?:is told) ")', False),
    ],
)
def test_what_is_printed_is_caught(source: str, caught: bool) -> None:
    assert any(phrases(text) for _, text in printed(source)) is caught
