"""One way to git, to a person, and to what stands on this machine: read in the sources."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.sources import nodes

# Where each may stand. `scripts/ci/comment.py` runs by itself on a git host's machine, and asks that host;
# `scripts/pin_base_image.py` asks the public registry of a base image, and what is on this computer by `loopback`.
# The core of a deployment stands by itself, and reads what is typed. `input` and `getpass` may lose an early Ctrl-C.
GIT = {"scripts/git.py"}
PEOPLE = {"scripts/terminal/prompt.py", "scripts/deployment/guards.py"}
NETWORK = {"scripts/loopback.py", "scripts/ci/comment.py", "scripts/pin_base_image.py"}
RULES = {"git": GIT, "input": set[str](), "getpass": set[str](), "sys.stdin.readline": PEOPLE}
RULES |= {"urllib.request.urlopen": NETWORK, "urlopen": NETWORK}
# A source in which none of these words stands uses nothing of it, and need not be read as a tree.
WORDS = re.compile(r"""["']git["']|input|getpass|readline|urlopen""")
TEXTS = re.compile(r"read_text|write_text|\bopen\b|\btext\s*=|universal_newlines")


def used(source: str) -> Iterator[str]:
    """What of `RULES` a source uses: lists that begin with "git" and calls by their dotted names."""
    if not WORDS.search(source):
        return
    tree = [*nodes(ast.parse(source))]
    ours = any(isinstance(node, ast.ImportFrom) and node.module == "scripts.loopback" for node in tree)
    for node in tree:
        if isinstance(node, ast.List) and node.elts and isinstance(node.elts[0], ast.Constant):
            if node.elts[0].value == "git":
                yield "git"
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in RULES and not (name == "urlopen" and ours):
                yield name
            elif name.startswith("getpass."):
                yield "getpass"


@pytest.mark.parametrize("file", sorted((ROOT / "scripts").rglob("*.py")), ids=lambda file: str(file.relative_to(ROOT)))
def test_there_is_one_way(file: Path) -> None:
    place = str(file.relative_to(ROOT))
    assert not [name for name in used(file.read_text(encoding="utf-8")) if place not in RULES[name]]


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ('import subprocess\nsubprocess.run(["git", "-C", folder, "log"])', ["git"]),
        ('answer = input("yes? ")', ["input"]),
        ("import getpass\ngetpass.getpass()", ["getpass"]),
        ("import sys\nanswer = sys.stdin.readline()", ["sys.stdin.readline"]),
        ("import urllib.request\nurllib.request.urlopen(url)", ["urllib.request.urlopen"]),
        ("from urllib.request import urlopen\nurlopen(url)", ["urlopen"]),
        ("from scripts.loopback import urlopen\nurlopen(url)", []),
    ],
)
def test_another_way_would_be_seen(source: str, places: list[str]) -> None:
    assert list(used(source)) == places


def without_encoding(source: str) -> Iterator[int]:
    """The lines that read or write text as this machine's locale has it: what a person has set there decides then."""
    if not TEXTS.search(source):
        return
    for node in nodes(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        words = {keyword.arg for keyword in node.keywords}
        texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        modes = [text for text in texts if isinstance(text, str) and re.fullmatch("[rwax][+]?[bt]?", text)]
        is_text = (name == "read_text" and not node.args) or (name == "write_text" and len(node.args) == 1)
        is_text |= (name == "open" and any("b" not in mode for mode in modes)) or bool(
            words & {"text", "universal_newlines"}
        )
        if is_text and "encoding" not in words and not ast.unparse(node.func).startswith(("tarfile.", "console.")):
            yield node.lineno


@pytest.mark.parametrize("folder", ["generator", "scripts"])
def test_text_is_read_and_written_whatever_the_locale(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert not [f"{file}:{line}" for file in files for line in without_encoding(file.read_text(encoding="utf-8"))]
    assert sorted(
        without_encoding("a.read_text()\nrun(text=True)\nopen(b, 'w')\nopen(b, 'rb')\nc.write_text(d, 'utf-8')")
    ) == [1, 2, 3]
