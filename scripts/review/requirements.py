"""Which rows of the requirements a change touches: those of `docs/conformance.md`, by their ids."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from scripts.review import revision
from scripts.review.model import RequirementChange

TABLE = "docs/conformance.md"
ROW = re.compile(r"\| ([A-Z]{3}-\d+) \| ([a-z]+) \| .*\|")


def changes(folder: Path, base: str, head: str) -> tuple[RequirementChange, ...]:
    """The rows that differ between two revisions, in the order of their ids; an empty `head` is the working tree.
    Raises `RefusedError`."""
    return tuple(compare(_text(folder, base), _text(folder, head)))


def compare(before: str, after: str) -> Iterator[RequirementChange]:
    """The rows that differ between two texts of the table."""
    old, new = _rows(before), _rows(after)
    for name in sorted({*old, *new}, key=_place):
        if old.get(name) != new.get(name):
            yield RequirementChange(name, old.get(name, ("", ""))[0], new.get(name, ("", ""))[0])


def _rows(text: str) -> Mapping[str, tuple[str, str]]:
    """Status and whole line of each row by its id."""
    return {match[1]: (match[2], match[0]) for line in text.splitlines() if (match := ROW.fullmatch(line.strip()))}


def _place(name: str) -> tuple[str, int]:
    section, _, number = name.partition("-")
    return section, int(number)


def _text(folder: Path, name: str) -> str:
    """The page of a revision; empty where it has none."""
    if name:
        return revision.text(folder, name, TABLE)
    file = folder / TABLE
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
