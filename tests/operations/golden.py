"""What people and programs get, against files in `golden/` that a person has read.

What they are made of fits botocore's model and is not recorded from AWS. `GOLDEN=write` writes the files anew: look at
their diff.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def matches(name: str, text: str) -> None:
    """Fails when a text is not that of its file."""
    if os.environ.get("GOLDEN") == "write":
        (FOLDER / name).write_text(text, encoding="utf-8")
    assert text == (FOLDER / name).read_text(encoding="utf-8")
