"""What a machine cannot run is said on the last line, and with STRICT=1 it is a failure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import DEAREST_OF_UNIT, LONGEST, ROOT

SAMPLE = """
import pytest

def test_runs():
    pass

def test_needs_a_browser():
    pytest.skip("no browser on this machine")
"""


@pytest.mark.parametrize("words", [[], ["-p", "xdist.plugin", "-n", "1"]], ids=["alone", "in parallel"])
@pytest.mark.parametrize(("strict", "status"), [("0", 0), ("1", 1)])
def test_a_skipped_test_does_not_look_green(
    words: list[str], strict: str, status: int, tmp_path: Path, repository: Path
) -> None:
    shutil.copy(repository / "tests/conftest.py", tmp_path / "conftest.py")
    (tmp_path / "test_sample.py").write_text(SAMPLE, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "STRICT": strict},
        capture_output=True,
        text=True,
    )
    assert result.returncode == status, result.stdout
    last = result.stdout.rstrip().splitlines()[-1]
    if strict == "0":
        assert last == "not run: test_sample.py::test_needs_a_browser (no browser on this machine)"
    else:
        assert last == "not run: nothing"
        assert "STRICT=1: this must run here" in result.stdout and "no browser on this machine" in result.stdout


def test_the_longest_files_are_there() -> None:
    names = (*LONGEST, *DEAREST_OF_UNIT)
    assert names and [name for name in names if not (ROOT / "tests" / name).is_file()] == []
