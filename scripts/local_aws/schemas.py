"""What AWS's resource schemas, as cfn-lint carries them, say about a type: known, required, read-only, create-only."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from generator.cfn import schemas
from generator.cfn.unknown import is_unknown

Schema = Mapping[str, Any]


class UnknownTypeError(Exception):
    """No resource type of this name."""


def schema(kind: str) -> Schema:
    """The schema of a resource type. Raises `UnknownTypeError`."""
    document = schemas.schema(kind)
    if not document:
        raise UnknownTypeError(kind)
    return document


def names(kind: str, listing: str) -> frozenset[str]:
    """Dotted paths of `createOnlyProperties`, `conditionalCreateOnlyProperties`, `readOnlyProperties`, …"""
    return frozenset(path.removeprefix("/properties/").replace("/", ".") for path in schema(kind).get(listing) or ())


def identifiers(kind: str) -> list[str]:
    """The properties that identify a resource, in order."""
    return [path.removeprefix("/properties/") for path in schema(kind).get("primaryIdentifier", ())]


def replaces(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """The changed paths that force a replacement, by the schema."""
    return {path for path in names(kind, "createOnlyProperties") if _at(before, path) != _at(after, path)}


def is_deleted_first(kind: str) -> bool:
    """Whether a replacement of this type is made only when the old resource is gone, by the schema's
    `replacementStrategy`: of the types here that is EC2's attachment of a gateway and association of a route table."""
    return bool(schema(kind).get("replacementStrategy") == "delete_then_create")


def tagging(kind: str) -> str:
    """The property that holds the tags of a type, whether it can be tagged or not."""
    place = (schema(kind).get("tagging") or {}).get("tagProperty", "/properties/Tags")
    return str(place).removeprefix("/properties/")


def tagged(kind: str, properties: dict[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    """The properties with a stack's tags added where the type can be tagged; the resource's own tags win."""
    name, can = tagging(kind), (schema(kind).get("tagging") or {}).get("taggable")
    if not tags or not (name in schema(kind)["properties"] if can is None else can):
        return properties
    own = properties.get(name, [])
    if isinstance(own, dict) or schema(kind)["properties"].get(name, {}).get("type") == "object":
        return {**properties, name: {**tags, **dict(own)}}
    present = {tag["Key"] for tag in own}
    return {
        **properties,
        name: [*own, *({"Key": key, "Value": tags[key]} for key in sorted(tags) if key not in present)],
    }


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def faults(kind: str, properties: Mapping[str, Any]) -> list[str]:
    """What the schema refuses in resolved properties, each with its place; values still unknown are passed over."""
    root = schema(kind)
    problems = list(_faults(root, root, properties, "#"))
    for name in sorted(names(kind, "readOnlyProperties") & properties.keys()):
        problems.append(f"#: readonly property [{name}] cannot be specified")
    return problems


def _faults(root: Schema, part: Any, value: Any, place: str) -> Iterator[str]:
    while isinstance(part, dict) and "$ref" in part:
        target: Any = root
        for step in part["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        part = target
    if not isinstance(part, dict) or is_unknown(value):
        return
    kinds = part.get("type", [])
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    if isinstance(value, dict) and kinds != {"string"}:
        if kinds and "object" not in kinds:
            yield f"{place}: expected type: {' or '.join(sorted(kinds))}, found: JSONObject"
        yield from _object(root, part, value, place)
    elif isinstance(value, list):
        if kinds and "array" not in kinds:
            yield f"{place}: expected type: {' or '.join(sorted(kinds))}, found: JSONArray"
        for number, item in enumerate(value):
            yield from _faults(root, part.get("items"), item, f"{place}/{number}")
    else:
        yield from _scalar(part, kinds, value, place)


def _object(root: Schema, part: Schema, value: Mapping[str, Any], place: str) -> Iterator[str]:
    known, patterns = part.get("properties", {}), part.get("patternProperties", {})
    for name in part.get("required", ()):
        if name not in value:
            yield f"{place}: required key [{name}] not found"
    for name, inner in value.items():
        pattern = next((pattern for pattern in patterns if _matches(pattern, name)), None)
        if name in known:
            yield from _faults(root, known[name], inner, f"{place}/{name}")
        elif pattern is not None:
            yield from _faults(root, patterns[pattern], inner, f"{place}/{name}")
        elif part.get("additionalProperties", not known) is False or (known and "additionalProperties" not in part):
            yield f"{place}: extraneous key [{name}] is not permitted"


def _matches(pattern: str, name: str) -> bool:
    """Patterns are written for Java; one that Python cannot read (`\\p{L}`) is taken to match."""
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return True


def _scalar(part: Schema, kinds: set[str], value: Any, place: str) -> Iterator[str]:
    # CloudFormation converts between strings, numbers and booleans; only what cannot be converted is refused.
    text = json.dumps(value) if not isinstance(value, str) else value
    if kinds and not kinds & {"string", "boolean", "integer", "number"}:
        yield f"{place}: expected type: {' or '.join(sorted(kinds))}, found: {type(value).__name__}"
    elif kinds == {"boolean"} and text not in ("true", "false"):
        yield f"{place}: expected type: Boolean, found: {text}"
    elif kinds in ({"integer"}, {"number"}) and not re.fullmatch(r"-?\d+(\.\d+)?", text):
        yield f"{place}: expected type: Number, found: {text}"
    elif "enum" in part and text not in [
        str(choice) if isinstance(choice, str) else json.dumps(choice) for choice in part["enum"]
    ]:
        yield f"{place}: {text} is not a valid enum value; valid: {', '.join(map(str, part['enum']))}"
