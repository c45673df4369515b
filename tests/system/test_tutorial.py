"""The tutorial can be followed as printed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from generator.gate import cache
from tests.support.replay import Command, Edit, run, steps, unlike

PARTS = ("generator", "templates", "docs", "params", "buildspecs", "scripts", "setup.cfg", "Makefile")


@pytest.fixture
def checkout(repository: Path, tmp_path: Path) -> Path:
    """A copy with the environment of Python that the tests run in, in which cfn-lint has passed everything: that it
    does is proved by tests/gate/test_lint.py."""
    for part in PARTS:
        if (repository / part).is_dir():
            shutil.copytree(repository / part, tmp_path / part)
        else:
            shutil.copy(repository / part, tmp_path / part)
    (tmp_path / ".venv").symlink_to((repository / ".venv").resolve())
    cache.remember_linted(tmp_path, ())
    return tmp_path


@pytest.mark.soak  # a minute of processor time
def test_the_tutorial_can_be_followed_as_printed(repository: Path, checkout: Path) -> None:
    page = steps((repository / "docs/tutorial.md").read_text(encoding="utf-8"))
    assert len([step for step in page if isinstance(step, Command)]) > 12
    parameters = checkout / "params/local.json"
    try:
        for step in page:
            if isinstance(step, Edit):
                text = parameters.read_text(encoding="utf-8")
                assert step.before in text
                parameters.write_text(text.replace(step.before, step.after), encoding="utf-8")
            else:
                output = run(checkout, step.line)
                line = unlike(step.output, output)
                assert line is None, f"$ {step.line}\nprinted no line\n{line}\nbut\n{output}"
    finally:
        run(checkout, "make local-stop")


def test_the_readme_shows_output_that_the_tutorial_shows(repository: Path) -> None:
    commands = {
        step.line: step.output
        for step in steps((repository / "docs/tutorial.md").read_text(encoding="utf-8"))
        if isinstance(step, Command)
    }
    shown = [
        step for step in steps((repository / "README.md").read_text(encoding="utf-8")) if isinstance(step, Command)
    ]
    assert shown
    for step in shown:
        assert set(step.output) <= set(commands[step.line]), step.line


@pytest.mark.parametrize(
    ("shown", "output", "wrong"),
    [
        (["a", "..."], "a\nb\n", None),
        (["...", "b"], "a\nb\n", None),
        (["a"], "a\nb\n", "(nothing), and the output goes on: b"),
        (["a", "b"], "a\n", "b"),
        (["...", "c", "..."], "a\nb\n", "c"),
        (["on ..."], "on this machine\n", None),
        (["17:00:01  done (1.5 s)"], "18:30:59  done (0.2 s)\n", None),
        (["17:00:01  done (1.5 s)"], "18:30:59  failed (0.2 s)\n", "TIME  done (SECONDS)"),
    ],
)
def test_a_page_that_shows_other_output_is_refused(shown: list[str], output: str, wrong: str | None) -> None:
    assert unlike(shown, output) == wrong
