"""How long a policy of a template can become."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

UNKNOWN = "x" * 64  # a name that nothing limits to less


def longest(value: Any, names: Mapping[str, str]) -> Any:
    """A value of a template with the longer branch of each condition, and `names` in the place of what is referred to;
    what has none is as long as `UNKNOWN`."""
    if isinstance(value, list):
        return [longest(entry, names) for entry in value]
    if not isinstance(value, dict):
        return value
    if "Fn::If" in value:
        branches = [longest(branch, names) for branch in value["Fn::If"][1:]]
        return max(branches, key=lambda branch: len(json.dumps(branch)))
    if "Ref" in value:
        return names.get(value["Ref"], UNKNOWN)
    if "Fn::Sub" in value:
        text, own = (value["Fn::Sub"], {}) if isinstance(value["Fn::Sub"], str) else value["Fn::Sub"]
        known = {**names, **{name: str(longest(inner, names)) for name, inner in own.items()}}
        return re.sub(r"\$\{([^}]+)\}", lambda match: known.get(match[1], UNKNOWN), text)
    return {key: longest(inner, names) for key, inner in value.items()}
