"""A test that hangs fails by its name and the others run; tests run in any order that a seed says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

HANGING = """
import subprocess
import time

def test_sleeps():
    time.sleep(600)

def test_waits_for_a_program_and_swallows_everything():
    for _ in range(2):
        try:
            subprocess.run(["sleep", "600"])
        except Exception:
            pass

def test_is_well():
    pass
"""


def run(folder: Path, *words: str, **variables: str) -> str:
    shutil.copy(ROOT / "tests/conftest.py", folder / "conftest.py")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", *words]
    command += ["-p", "xdist.plugin"] if "-n" in words else []
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **variables}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    ).stdout


@pytest.mark.parametrize("words", [[], ["-n", "1"]], ids=["alone", "in parallel"])
def test_a_test_that_hangs_is_named_and_the_rest_runs(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "test_hanging.py").write_text(HANGING, encoding="utf-8")
    shown = run(tmp_path, *words, TEST_LIMIT="1")
    for name in ("test_sleeps", "test_waits_for_a_program_and_swallows_everything"):
        assert f"Failed: test_hanging.py::{name} took longer than 1 s" in shown, shown
    assert "2 failed, 1 passed" in shown


def test_a_seed_says_the_order(tmp_path: Path) -> None:
    for name in "abc":
        tests = "".join(f"def test_{name}{number}():\n    pass\n" for number in range(5))
        (tmp_path / f"test_{name}.py").write_text(tests, encoding="utf-8")

    def order(*words: str) -> list[str]:
        return re.findall(r"::(test_\w+) PASSED", run(tmp_path, *words))

    usual, first, again, other = order(), order("--shuffle", "1"), order("--shuffle", "1"), order("--shuffle", "2")
    assert first == again and len({*map(tuple, (usual, first, other))}) == 3
    assert sorted(first) == sorted(usual) and len(usual) == 15
    files = [name[5] for name in first]
    assert [files[at] for at in (0, 5, 10)] == list(dict.fromkeys(files))
