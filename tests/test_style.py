"""ruff and mypy over everything, with the settings of .ruff.toml and setup.cfg."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.set_up import requirements

BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]],
    ids=["ruff check", "ruff format", "mypy"],
)
def test_clean(command: list[str], repository: Path) -> None:
    result = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=repository, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_ruff_would_find_a_fault(tmp_path: Path, repository: Path) -> None:
    """The settings reach ruff: an unused import is a finding."""
    (tmp_path / "faulty.py").write_text("import os\n", encoding="utf-8")
    result = subprocess.run(
        [str(BIN / "ruff"), "check", "--config", str(repository / ".ruff.toml"), str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1 and "F401" in result.stdout


def test_every_requirement_is_pinned_to_a_range() -> None:
    lines = [line for extra in ("", "local", "test", "checkov") for line in requirements(extra)]
    assert len(lines) > 8
    assert not [line for line in lines if "~=" not in line]
