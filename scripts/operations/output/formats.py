"""Values as JSON, for programs."""

from typing import Any

from scripts.terminal import console


def show(value: Any) -> None:
    """Shows a value as a JSON text."""
    console.document(console.json_text(value))
