"""ruff and mypy over everything, with the settings of .ruff.toml and setup.cfg."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
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
    """The settings reach ruff: an unused import is a finding. As JSON, because for people newer versions write the name
    of the rule in the place of its code."""
    (tmp_path / "faulty.py").write_text("import os\n", encoding="utf-8")
    result = subprocess.run(
        [str(BIN / "ruff"), "check", "--config", str(repository / ".ruff.toml"), "--output-format=json", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert [finding["code"] for finding in json.loads(result.stdout)] == ["F401"]


def test_no_exception_to_a_rule_outlives_its_need(repository: Path) -> None:
    """Each file that is excused from a rule breaks it: without the exceptions, ruff has a finding for every one."""
    settings = tomllib.loads((repository / ".ruff.toml").read_text(encoding="utf-8"))
    excused = settings["lint"]["per-file-ignores"]
    assert excused
    for file, rules in excused.items():
        command = [str(BIN / "ruff"), "check", "--isolated", "--select", ",".join(rules), "--output-format", "concise"]
        limit = f"lint.pylint.max-args={settings['lint']['pylint']['max-args']}"
        result = subprocess.run(
            [*command, "--config", limit, str(repository / file)], capture_output=True, text=True, check=False
        )
        assert all(rule in result.stdout for rule in rules), f"{file} breaks {rules} no more"


def test_every_requirement_is_pinned_to_a_range() -> None:
    lines = [line for extra in ("", "local", "test", "checkov") for line in requirements(extra)]
    assert len(lines) > 8
    assert not [line for line in lines if "~=" not in line]
