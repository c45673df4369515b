"""Compares what a service answers with what was asked of it."""

from collections.abc import Mapping
from typing import Any

import jmespath

from scripts.local_aws import fold
from scripts.local_aws.resources import Thing
from scripts.local_aws.types import held


def unheld(thing: Thing, state: Mapping[str, Any]) -> dict[str, str]:
    """The paths of properties that the service does not show as they were asked for, with what is kept instead; nothing
    for a path that is no named exception."""
    kind = thing.row.kind
    if kind in held.TYPES:
        return {held.WHOLE: held.TYPES[kind]}
    named = {**held.WITHHELD.get(kind, {}), **held.NOT_SHOWN.get(kind, {})}
    paths = [path for name, value in thing.properties.items() for path in _lost(thing, name, value, state)]
    return {path: next((named[one] for one in named if f"{path}.".startswith(f"{one}.")), "") for path in paths}


def _lost(thing: Thing, name: str, value: Any, state: Mapping[str, Any]) -> list[str]:
    if name in held.WITHHELD.get(thing.row.kind, {}):
        return [name]
    keys = {key.lower(): key for key in state}
    if name in ("Tags", "ResourceTags"):
        shown = next((state[keys[key]] for key in ("tags", "tagset", "taglist", "resourcetags") if key in keys), None)
        return [] if fold.tags(shown) == fold.tags(value) else [name]
    if name in thing.row.seen:
        seen = thing.row.seen[name]
        if isinstance(seen, str):
            return fold.lost(value, jmespath.search(seen, state), name)
        return [] if seen(value, state) else [name]
    if isinstance(value, str) and (
        value in thing.physical.split("|") or (name == thing.row.named and value in thing.physical)
    ):
        return []
    found = []
    for key, inner in thing.prepared({name: value}).items():
        setting = next((one for one in thing.row.settings if one.name == key), None)
        operation = thing.row.create if thing.takes(thing.row.create, key) or not setting else setting.put
        if not isinstance(operation, str):
            return [name]
        expected = thing.folded(operation, {key: inner})
        for member, part in expected.get(thing.row.wrap, expected).items():
            found += fold.lost(part, state.get(keys.get(member.lower(), "")), name)
    return found
