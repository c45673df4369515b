"""The buildspecs as the templates carry them: line by line, so that a change of one line is a one-line diff.

What two of them share is a file of its own beside them, which stands in them as a line `#: NAME.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from troposphere import Join

# Without pathlib, whose import would be a twentieth of rendering.
FOLDER = __file__.rpartition("generator")[0] + "buildspecs"
SHARED = re.compile(r"( *)#: (\w+\.py)")


def inline(name: str) -> Join:
    """The text of `buildspecs/<name>.yml` as lines. Raises `FileNotFoundError` naming the file."""
    return Join("\n", list(lines(f"{name}.yml")))


def lines(file: str) -> Iterator[str]:
    """The lines of a file of that folder, with those of the files that it names. Raises `FileNotFoundError`."""
    with open(f"{FOLDER}/{file}", encoding="utf-8") as text:  # noqa: PTH123
        for line in text.read().splitlines():
            shared = SHARED.fullmatch(line)
            if shared is None:
                yield line
                continue
            for inner in lines(shared[2]):
                yield f"{shared[1]}{inner}" if inner else ""
