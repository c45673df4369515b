"""What differs inside a long value: a buildspec, a policy, a dashboard. Two cut texts would tell nobody anything."""

import difflib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from generator.cfn.changes import Difference
from generator.cfn.difference import values
from generator.cfn.places import spell
from generator.cfn.unknown import is_unknown
from generator.cfn.visible import visible
from scripts.terminal.text import short

HEADS = ("---", "+++", "@@ ")  # of a unified diff
NONE, LATER = "(none)", "(known only then)"
MOST = 20  # lines of one document
LONGEST = 100  # characters of a value that stands on a line with another one
WHOLE = 400  # characters of a value that has a line of its own
AROUND = 20  # characters before the first one that differs


def inside(difference: Difference) -> list[str]:
    """The differences inside a long document, a line each; nothing for a value that fits on a line."""
    sides = (difference.before, difference.after)
    if not all(sides) or not any(len(side) > LONGEST or "\n" in side for side in sides) or is_unknown(difference.after):
        return []
    before, after = map(_content, sides)
    if before is not None and after is not None and type(before) is type(after):
        lines = [*_json(before, after)]
    elif any("\n" in side for side in sides):
        lines = [*_lines(difference.before, difference.after)]
    else:
        lines = [*_middle(difference.before, difference.after)]
    return lines if len(lines) <= MOST else [*lines[:MOST], f"… and {len(lines) - MOST} more"]


def short_value(value: str) -> str:
    """One side of a difference on a line."""
    return LATER if is_unknown(value) else short(value) or NONE


def _content(text: str) -> Any:
    if text[:1] not in "[{":
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _json(before: Any, after: Any) -> Iterator[str]:
    for _action, place, old, new in values(before, after):
        start = f"{spell(place)}: " if place else ""
        if isinstance(old, list) and isinstance(new, list) and _texts(old) == _texts(new):
            yield f"{start}the same in another order"
        elif _plain(old) and _plain(new):
            yield from (f"- {start}{short(text)}" for text in (_texts(old) - _texts(new)).elements())
            yield from (f"+ {start}{short(text)}" for text in (_texts(new) - _texts(old)).elements())
        elif old is not None and new is not None and max(len(_text(old)), len(_text(new))) > LONGEST:
            yield from (f"{start}{line}" for line in _lines(*(json.dumps(side, indent=1) for side in (old, new))))
        else:
            old_text, new_text = (NONE if side is None else short(_text(side)) for side in (old, new))
            yield f"{start}{old_text} → {new_text}"


def _lines(before: str, after: str) -> Iterator[str]:
    """The lines that differ."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    yield from (short(line) for line in lines if not line.startswith(HEADS))


def _plain(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(element, dict | list) for element in value)


def _texts(values: list[Any]) -> Counter[str]:
    """What a list has, and how often."""
    return Counter(map(_text, values))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _middle(before: str, after: str) -> Iterator[str]:
    """Two long values, each on a line of its own: whole, or without what they begin and end with alike. Dots stand only
    where something is left out."""
    if max(len(before), len(after)) <= WHOLE:
        yield from (f"- {visible(before)}", f"+ {visible(after)}")
        return
    pairs = enumerate(zip(before, after, strict=False))
    start = max(0, next((n for n, (a, b) in pairs if a != b), min(len(before), len(after))) - AROUND)
    ends = enumerate(zip(before[:start:-1], after[:start:-1], strict=False))
    alike = next((n for n, (a, b) in ends if a != b), min(len(before), len(after)) - start - 1)
    for sign, text in (("-", before), ("+", after)):
        middle = text[start : len(text) - alike]
        yield f"{sign} {'…' if start else ''}{short(middle, WHOLE)}{'…' if alike else ''}"
