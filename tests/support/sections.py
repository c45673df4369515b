"""A file of texts that a person has read, with a section for each thing that they are about.

`GOLDEN=write` writes it anew: look at its diff.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path


class Sections:
    """The sections of a file, in the order of `names`."""

    def __init__(self, file: Path, names: Iterable[str]) -> None:
        self._file, self._names = file, list(names)

    def sections(self) -> dict[str, list[str]]:
        """The lines of each section, by its name."""
        text = self._file.read_text(encoding="utf-8") if self._file.exists() else ""
        parts = re.findall(r"^== (\S+)\n((?:(?!== ).*\n)*)", text, re.MULTILINE)
        return {name: lines.splitlines() for name, lines in parts}

    def holds(self, name: str, lines: Iterable[str]) -> None:
        """Compares the lines of a section."""
        lines, sections = list(lines), self.sections()
        if os.environ.get("GOLDEN") == "write":
            sections[name] = lines
            texts = ["\n".join([f"== {each}", *sections[each], ""]) for each in self._names if each in sections]
            self._file.write_text("".join(texts), encoding="utf-8")
        assert lines == sections[name]
