"""One way to git, to a person, and to what stands on this machine: read in the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

# Where each may stand. `scripts/ci/comment.py` runs by itself on a git host's machine, and asks that host;
# `scripts/pin_base_image.py` asks the public registry of a base image, and what is on this computer by `loopback`.
# The core of a deployment stands by itself, and reads what is typed. `input` and `getpass` may lose an early Ctrl-C.
GIT = {"scripts/git.py"}
PEOPLE = {"scripts/terminal/prompt.py", "scripts/deployment/guards.py"}
NETWORK = {"scripts/loopback.py", "scripts/ci/comment.py", "scripts/pin_base_image.py"}
RULES = {"git": GIT, "input": set[str](), "getpass": set[str](), "sys.stdin.readline": PEOPLE}
RULES |= {"urllib.request.urlopen": NETWORK, "urlopen": NETWORK}


def used(source: str) -> Iterator[str]:
    """What of `RULES` a source uses: lists that begin with "git" and calls by their dotted names."""
    tree = ast.parse(source)
    ours = any(isinstance(node, ast.ImportFrom) and node.module == "scripts.loopback" for node in ast.walk(tree))
    for node in ast.walk(tree):
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
