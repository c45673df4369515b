"""What a rehearsal adds to the runner of buildspecs, whose other tests are in tests/buildspecs: lines as they are
printed, and an end to builds that take too long."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from scripts.rehearsal.builds.phases import Outcome, Runner, run_buildspec
from scripts.rehearsal.errors import UnsupportedError
from tests.conftest import ROOT


def build(folder: Path, commands: list[str], lines: list[str], limit: float = 60, **more: Any) -> Outcome:
    spec = {"version": 0.2, "env": {"shell": "bash"}, "phases": {"build": {"commands": commands}}, **more}
    (folder / "src").mkdir()
    return run_buildspec(
        spec, folder / "src", {"PATH": os.environ["PATH"]}, Runner(folder / "state", lines.append, limit)
    )


def test_lines_are_said_as_they_are_printed(tmp_path: Path) -> None:
    lines: list[str] = []
    outcome = build(tmp_path, ["echo one; echo two >&2", "echo three"], lines)
    assert lines == ["one\n", "two\n", "three\n"]
    assert outcome.succeeded and outcome.seconds > 0


def test_a_build_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    began, lines = time.monotonic(), list[str]()
    outcome = build(tmp_path, ["sleep 30 & sleep 30", "echo not reached"], lines, limit=0.3)
    assert time.monotonic() - began < 25
    assert not outcome.succeeded
    assert "out of time after 0.3 s" in outcome.log and "not reached" not in outcome.log.splitlines()


def test_keys_of_artifacts_that_are_not_imitated_are_refused(tmp_path: Path) -> None:
    artifacts = {"files": ["*"], "exclude-paths": ["x"]}
    with pytest.raises(UnsupportedError, match="the primary artifact: exclude-paths is not simulated"):
        build(tmp_path, ["true"], [], artifacts=artifacts)


@pytest.mark.parametrize(
    ("command", "failure"),
    [
        ("echo; echo what went wrong; echo; false", "phase build failed: what went wrong"),
        ("echo one; echo two; echo; echo three; false", "phase build failed: two; three"),
        ("echo RESULT x; echo ERROR y; echo; false", "phase build failed: ERROR y"),
        ("false", "phase build failed: [command failed with status 1] false"),
    ],
)
def test_a_failure_says_what_the_build_said_last(tmp_path: Path, command: str, failure: str) -> None:
    assert build(tmp_path, [command], []).failure == failure


@pytest.mark.parametrize("name", ["LC_ALL", "LANG"])
def test_what_is_no_ascii_is_kept_whatever_the_locale(tmp_path: Path, name: str) -> None:
    """A shell of a server or of cron has no locale, and Python takes it at its word when it is told to."""
    code = (
        "import pathlib, os, sys\nfrom scripts.rehearsal.builds.phases import *\n"
        "phases = {'build': {'commands': ['echo \"$WORD \\xe9\"']}}\n"
        "spec = {'version': 0.2, 'env': {'shell': 'bash'}, 'phases': phases}\n"
        "folder = pathlib.Path(sys.argv[1]); (folder / 'src').mkdir()\n"
        "variables = {'PATH': os.environ['PATH'], 'WORD': '\\xfc'}\n"
        "done = run_buildspec(spec, folder / 'src', variables, Runner(folder / 'state'))\n"
        "assert done.log == '\\xfc \\xe9\\n', ascii(done.log)\n"
    )
    plain = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", name: "C"}
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG"))}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=environment | plain, cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
