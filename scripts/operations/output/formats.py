"""The formats in which a verb shows its value: for a person, or as JSON for programs."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

TERMINAL, JSON = "terminal", "json"


def add(parser: ArgumentParser, *formats: str) -> None:
    """The option `--format`; the first of `formats` is the default."""
    choices = formats or (TERMINAL, JSON)
    parser.add_argument("--format", choices=choices, default=choices[0], help=f"how to show it ({choices[0]})")


def document(value: Any) -> Iterator[str]:
    """A document as the lines of a JSON text."""
    yield json.dumps(value, indent=2, ensure_ascii=False)
