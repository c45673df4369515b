"""The buildspecs as the templates carry them: line by line, so that a change of one line is a one-line diff."""

from __future__ import annotations

from pathlib import Path

from troposphere import Join

FOLDER = Path(__file__).resolve().parents[3] / "buildspecs"


def inline(name: str) -> Join:
    """The text of `buildspecs/<name>.yml` as lines. Raises `FileNotFoundError` naming the file."""
    return Join("\n", (FOLDER / f"{name}.yml").read_text(encoding="utf-8").splitlines())
