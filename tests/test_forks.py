"""Tests in forks: each has its result, whatever becomes of the process that runs it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

GOOD = """
import os
import pytest

@pytest.fixture(scope="session")
def process(tmp_path_factory):
    yield os.getpid()
    print("the end in", tmp_path_factory.getbasetemp().name)

@pytest.mark.parametrize("number", range(20))
def test_is_good(number, process):
    print("captured", number)
    assert process == os.getpid()
"""
BAD = """
def test_is_bad():
    print("what it wrote")
    assert 1 == 2

def test_is_skipped():
    import pytest
    pytest.skip("no reason")
"""
ENDS = """
import os

def test_comes_before():
    pass

def test_ends_its_process():
    os._exit(7)

def test_comes_after():
    pass
"""


def run(folder: Path, files: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "tests/conftest.py", folder / "conftest.py")
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "tests.support.forks", *words]
    command += ["-W", "ignore::pytest.PytestUnknownMarkWarning"]  # the settings are those of no project
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    environment.pop("STRICT", None)  # what is left out there is meant to be
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def results(shown: str) -> str:
    """The last line of the summary, without its time."""
    return str(re.findall(r"=+ (.*) in [\d.]+s", shown)[-1])


@pytest.mark.parametrize("forks", ["1", "3"])
def test_the_results_are_those_of_one_process(forks: str, tmp_path: Path) -> None:
    run_in_forks = run(tmp_path, {"bad": BAD, "one": GOOD, "other": GOOD, "third": GOOD}, "--forks", forks)
    assert run_in_forks.returncode == 1 and results(run_in_forks.stdout) == "1 failed, 60 passed, 1 skipped"
    assert "assert 1 == 2" in run_in_forks.stdout and "what it wrote" in run_in_forks.stdout
    assert "captured" not in run_in_forks.stdout, "what a good test writes is not shown"
    assert run_in_forks.stdout.rstrip().endswith("not run: test_bad.py::test_is_skipped (no reason)")


def test_a_file_is_run_by_one_process_and_fixtures_of_a_session_are_taken_down(tmp_path: Path) -> None:
    shown = run(tmp_path, {"one": GOOD, "other": GOOD}, "--forks", "2", "-rP").stdout
    ends = re.findall(r"the end in (fork\d)", shown)
    assert results(shown) == "40 passed" and 1 <= len(ends) == len({*ends})


def test_a_test_without_a_result_is_failed(tmp_path: Path) -> None:
    shown = run(tmp_path, {"ends": ENDS, "one": GOOD}, "--forks", "2")
    assert shown.returncode == 1
    for name in ("test_ends_its_process", "test_comes_after"):
        assert f"FAILED test_ends.py::{name}" in shown.stdout
    assert "it has no result: the process that ran its file has ended with status 7" in shown.stdout
    assert "20 passed" in results(shown.stdout), "the other process goes on"
    alone = run(tmp_path, {"ends": ENDS, "one": GOOD}, "--forks", "1")  # nobody is left for the other file
    assert results(alone.stdout) == "23 failed" and alone.returncode == 1
    assert "it was not run: no process is left" in alone.stdout


def test_the_first_failure_ends_the_run_where_that_is_asked_for(tmp_path: Path) -> None:
    shown = run(tmp_path, {"bad": BAD, "one": GOOD, "other": GOOD}, "--forks", "1", "-x")
    assert shown.returncode == 1 and "1 failed" in results(shown.stdout) and "stopping after 1 failures" in shown.stdout


def test_what_cannot_be_collected_is_an_error(tmp_path: Path) -> None:
    shown = run(tmp_path, {"bad": "import nothing_of_this_name", "one": GOOD}, "--forks", "2")
    assert shown.returncode == 2 and "1 error" in results(shown.stdout)
