"""The tests that are left out in a checkout with another application's facts."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.conftest import ROOT
from tests.support.dashboard import ITS_OWN, knows


def test_tests_that_are_the_dashboards_own_are_there() -> None:
    """They are left out while other facts are here: a name that is no test's would leave nothing out."""
    assert len(ITS_OWN) > 20
    for module, name in (entry.split("::") for entry in ITS_OWN):
        file = ROOT / "tests" / f"{module}.py"
        tree = ast.parse(file.read_text(encoding="utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, name
        assert knows(file, name) and not knows(file, "test_of_nobody")
    assert not knows(Path("/elsewhere/test_of_somebody.py"), "test_it")
