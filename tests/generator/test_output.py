"""The output of `python -m generator`: where it cannot be written, what was asked for is done all the same, and the
status tells it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from tests.conftest import ROOT


def listed(*words: str, output: IO[str] | int) -> tuple[int, str]:
    """The status of the command, and what it says on standard error."""
    command = [sys.executable, "-m", "generator", *words]
    done = subprocess.run(command, cwd=ROOT, stdout=output, stderr=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.skipif(not os.access("/dev/full", os.W_OK), reason="no /dev/full")
def test_an_output_that_is_full_is_told_and_has_a_status() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        assert listed("--list", output=full) == (74, "The output could not be written: No space left on device.\n")
        status, message = listed("--list", "--gate", output=full)
    assert status == 64 and message.endswith("python -m generator: --list goes with nothing else\n")


def test_a_reader_that_has_seen_enough_is_no_failure() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    assert listed("--list", output=writer) == (0, "")
    os.close(writer)
