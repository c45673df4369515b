"""The formats in which a verb shows its value: for a person, or as JSON for programs."""

from argparse import ArgumentParser
from typing import Any

from scripts.terminal import console

TERMINAL, JSON = "terminal", "json"


def add(parser: ArgumentParser, *formats: str) -> None:
    """The option `--format`; the first of `formats` is the default."""
    choices = formats or (TERMINAL, JSON)
    parser.add_argument("--format", choices=choices, default=choices[0], help=f"how to show it ({choices[0]})")


def show(value: Any) -> None:
    """Shows a value as a JSON text."""
    console.document(console.json_text(value))
