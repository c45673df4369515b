"""The buildspecs as the templates carry them: line by line, so that a change of one line is a one-line diff."""

from __future__ import annotations

from troposphere import Join

# Without pathlib, whose import would be a twentieth of rendering.
FOLDER = __file__.rpartition("generator")[0] + "buildspecs"


def inline(name: str) -> Join:
    """The text of `buildspecs/<name>.yml` as lines. Raises `FileNotFoundError` naming the file."""
    with open(f"{FOLDER}/{name}.yml", encoding="utf-8") as file:  # noqa: PTH123
        return Join("\n", file.read().splitlines())
