"""What changes in who can reach what: the cells of the matrix in `docs/reachability.md` of two revisions.

The page is made from the templates, and the gate refuses one that is stale; so nothing is searched here again.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from scripts.review import revision
from scripts.review.model import ReachChange

PAGE = "docs/reachability.md"
NONE = "·"  # of a cell: no way


def changes(folder: Path, base: str, head: str) -> tuple[ReachChange, ...]:
    """The cells that differ between two revisions, new ways first; an empty `head` is the working tree. Raises
    `RefusedError`."""
    return tuple(sorted(compare(_text(folder, base), _text(folder, head)), key=lambda change: not change.opened))


def compare(before: str, after: str) -> Iterator[ReachChange]:
    """The cells that differ between two texts of the page, in the order of the later one. Nothing where one of them has
    no matrix: then there is nothing to compare with."""
    old, new = _cells(before), _cells(after)
    if not old or not new:
        return
    for place in dict.fromkeys((*new, *old)):
        sides = old.get(place, NONE), new.get(place, NONE)
        if sides[0] != sides[1]:
            yield ReachChange(*place, *sides)


def _cells(text: str) -> Mapping[tuple[str, str], str]:
    """Each cell of the matrix by identity and asset."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assets: list[str] = []
    cells = {}
    for line in lines:
        first, *rest = (cell.strip().replace("**", "") for cell in re.split(r"(?<!\\)\|", line)[1:-1])
        if not first and not assets:
            assets = rest
        elif assets and len(rest) == len(assets) and not set(first) <= {"-"}:
            cells.update({(first, asset): cell for asset, cell in zip(assets, rest, strict=True)})
        elif assets and len(rest) != len(assets):
            break  # the next table
    return cells


def _text(folder: Path, name: str) -> str:
    """The page of a revision; empty where it has none."""
    if name:
        return revision.text(folder, name, PAGE)
    file = folder / PAGE
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
