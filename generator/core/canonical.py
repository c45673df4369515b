"""From a template to the bytes that are committed.

The same on every machine: keys sorted, lists in the author's order, two spaces, UTF-8, one final newline. Nothing
of it depends on hash seed, locale, time zone or the order in which resources were added.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from json.encoder import encode_basestring as quoted

encoded = json.JSONEncoder(allow_nan=False).encode  # `json.dumps` makes one for each value


def text(template: Mapping[str, object]) -> str:
    """The canonical JSON of a template that is already plain dicts, lists and scalars.

    Exactly what `json.dumps` writes with `indent=2, sort_keys=True, ensure_ascii=False` (a test compares them), in a
    third of the time: with an indent, `json` leaves its C encoder, which would be a fifth of rendering.
    """
    return _text(template, "\n") + "\n"


def _text(value: object, margin: str) -> str:
    """A value as JSON; `margin` is the line break before what closes it."""
    if isinstance(value, str):
        return quoted(value)
    inner = margin + "  "
    if isinstance(value, dict) and value:
        if len(value) == 1:  # `{"Ref": …}` and its like are most objects
            [(key, item)] = value.items()
            return f"{{{inner}{quoted(key)}: {quoted(item) if type(item) is str else _text(item, inner)}{margin}}}"
        lines = [
            f"{quoted(key)}: {quoted(item) if type(item) is str else _text(item, inner)}"
            for key, item in sorted(value.items())
        ]
        return f"{{{inner}{f',{inner}'.join(lines)}{margin}}}"
    if isinstance(value, list) and value:
        items = [quoted(item) if type(item) is str else _text(item, inner) for item in value]
        return f"[{inner}{f',{inner}'.join(items)}{margin}]"
    return encoded(value)
