"""From a template to the bytes that are committed.

The same on every machine: keys sorted, lists in the author's order, two spaces, UTF-8, one final newline. Nothing
of it depends on hash seed, locale, time zone or the order in which resources were added.
"""

from __future__ import annotations

import json
from collections.abc import Mapping


def text(template: Mapping[str, object]) -> str:
    """The canonical JSON of a template that is already plain dicts, lists and scalars."""
    return json.dumps(template, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
