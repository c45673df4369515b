"""From a template to the bytes that are committed.

The same on every machine: keys sorted, lists in the author's order, two spaces, UTF-8, one final newline. Nothing
of it depends on hash seed, locale, time zone or the order in which resources were added.
"""

import json
from collections.abc import Mapping
from json.encoder import encode_basestring


def text(template: Mapping[str, object]) -> str:
    """The canonical JSON of a template that is already plain dicts, lists and scalars.

    Exactly what `json.dumps` writes with `indent=2, sort_keys=True, ensure_ascii=False` (a test compares them), in half
    the time: with an indent, `json` leaves its C encoder.
    """
    return _write(template, "\n") + "\n"


def _write(value: object, margin: str) -> str:
    if isinstance(value, str):
        return encode_basestring(value)
    inner = margin + "  "
    if isinstance(value, Mapping) and value:
        items = [f"{encode_basestring(key)}: {_write(value[key], inner)}" for key in sorted(value)]
        return f"{{{inner}{f',{inner}'.join(items)}{margin}}}"
    if isinstance(value, list) and value:
        return f"[{inner}{f',{inner}'.join([_write(item, inner) for item in value])}{margin}]"
    return json.dumps(value, allow_nan=False)
