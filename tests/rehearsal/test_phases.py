"""What a rehearsal adds to the runner of buildspecs, whose other tests are in tests/buildspecs: lines as they are
printed, and an end to builds that take too long."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from scripts.rehearsal.builds.phases import Outcome, Runner, run_buildspec
from scripts.rehearsal.errors import UnsupportedError


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
