"""What differs inside a long value (a buildspec, a policy, a dashboard), and two values on one line.

Two different values never look alike: what both begin and end with is left out before anything is cut.
"""

import difflib
import json
from collections.abc import Iterator
from typing import Any

from generator.cfn.difference import values
from generator.cfn.places import spell

LONGEST = 100  # characters of a value on a line
AROUND = 20  # characters that stay beside a difference
MOST = 20  # lines of one difference
HEADS = ("---", "+++", "@@ ")  # of a unified diff


def pair(before: str | None, after: str | None) -> tuple[str | None, str | None]:
    """Both sides short enough for a line; cut around the first and last place where they differ."""
    if before is None or after is None:
        return _end(before), _end(after)
    if max(len(before), len(after)) <= LONGEST:
        return before, after
    start = next(
        (n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    limit = min(len(before), len(after)) - start
    tail = next((n for n in range(limit) if before[-1 - n] != after[-1 - n]), limit)
    return _around(before, start, tail), _around(after, start, tail)


def _around(value: str, start: int, tail: int) -> str:
    first, last = max(0, start - AROUND), min(len(value), len(value) - tail + AROUND)
    middle = value[first:last]
    if len(middle) > 2 * LONGEST:
        middle = f"{middle[:LONGEST]}…({len(middle) - 2 * LONGEST} characters)…{middle[-LONGEST:]}"
    return f"{'…' if first else ''}{middle}{'…' if last < len(value) else ''}"


def _end(value: str | None) -> str | None:
    if value is None or len(value) <= LONGEST:
        return value
    return f"{value[:LONGEST]}…({len(value) - LONGEST} more characters)"


def inside(before: str | None, after: str | None) -> list[str]:
    """The lines that differ inside a long document; empty for values that fit on a line or stand on one side alone."""
    if before is None or after is None or max(len(before), len(after)) <= LONGEST:
        return []
    old, new = _parsed(before), _parsed(after)
    if old is not None and new is not None and type(old) is type(new):
        lines = [*_structure(old, new)]
    elif "\n" in before or "\n" in after:
        lines = [*_lines(before, after)]
    else:
        return []
    return lines if len(lines) <= MOST else [*lines[:MOST], f"… and {len(lines) - MOST} more lines"]


def _parsed(value: str) -> Any:
    if value[:1] not in "[{":
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _structure(old: Any, new: Any) -> Iterator[str]:
    for _, place, before, after in values(old, new):
        start = f"{spell(place)}: " if place else ""
        if isinstance(before, list) and isinstance(after, list):
            yield from (f"- {start}{_end(_text(part))}" for part in before if part not in after)
            yield from (f"+ {start}{_end(_text(part))}" for part in after if part not in before)
            if sorted(map(_text, before)) == sorted(map(_text, after)):
                yield f"  {start}the same in another order"
        elif any("\n" in side for side in (before, after) if isinstance(side, str)):
            yield from (f"{line[:1]} {start}{line[1:]}" for line in _lines(_text(before), _text(after)))
        else:
            was, now = pair(*(None if side is None else _text(side) for side in (before, after)))
            yield from (f"{sign} {start}{side}" for sign, side in (("-", was), ("+", now)) if side is not None)


def _lines(before: str, after: str) -> Iterator[str]:
    difference = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    yield from (line for line in difference if not line.startswith(HEADS))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
