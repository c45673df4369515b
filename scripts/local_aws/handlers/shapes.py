"""CloudFormation properties folded into the input of a service's API, and compared with what the service answers. Pure.

CloudFormation names most things as the API does, but for case; shapes differ in a few regular ways (tags, JSON as
text, CloudFront's `Quantity`/`Items`), which are known here once. What differs otherwise stands in a row's `rename`.
"""

import json
from collections.abc import Mapping
from typing import Any

from scripts.local_aws.template import InvalidTemplateError

Shape = Any  # botocore's shapes carry no types


class NoPlaceError(InvalidTemplateError):
    """A property that the service's input has no place for."""


def place(shape: Shape, name: str, rename: Mapping[str, str], path: str = "") -> tuple[str, ...] | None:
    """The members that lead to property `name` in a structure, or None. `path` is where `name` stands."""
    if shape is None or not hasattr(shape, "members"):
        return None
    steps = rename.get(f"{path}.{name}".lstrip("."), name).split(".")
    members = {member.lower(): member for member in shape.members}
    for candidate in (steps[0].lower(), f"tag{steps[0]}".lower()):
        if candidate in members:
            return (members[candidate], *steps[1:])
    return None


def fold(value: Any, shape: Shape, rename: Mapping[str, str], path: str = "") -> Any:
    """`value` in the form of `shape`. Raises `NoPlaceError` with the path of a property that finds none."""
    kind = shape.type_name
    if kind == "structure":
        return _structure(value, shape, rename, path)
    if kind == "map":
        if isinstance(value, list):
            value = {item["Key"]: item["Value"] for item in value}
        return {key: fold(inner, shape.value, rename, f"{path}.{key}") for key, inner in value.items()}
    if kind == "list":
        if isinstance(value, dict) and {"Key", "Value"} <= set(getattr(shape.member, "members", ())):
            value = [{"Key": key, "Value": inner} for key, inner in value.items()]
        return [fold(item, shape.member, rename, path) for item in (value if isinstance(value, list) else [value])]
    if kind in ("integer", "long"):
        return int(value)
    if kind in ("float", "double"):
        return float(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else value == "true"
    if kind == "string":
        return value if isinstance(value, str) else json.dumps(value)
    return value.encode() if kind == "blob" and isinstance(value, str) else value


def _structure(value: Any, shape: Shape, rename: Mapping[str, str], path: str) -> dict[str, Any]:
    if isinstance(value, list) and "Items" in shape.members:
        folded = {"Items": fold(value, shape.members["Items"], rename, path)}
        return {"Quantity": len(value), **folded} if "Quantity" in shape.members else folded
    if not isinstance(value, dict):
        raise NoPlaceError(f"{path}: expected an object, found {value!r}")
    result: dict[str, Any] = {}
    for name, inner in value.items():
        way = place(shape, name, rename, path)
        if way is None:
            raise NoPlaceError(f"{path}.{name}".lstrip("."))
        target, part = result, shape
        for step in way[:-1]:
            target, part = target.setdefault(step, {}), _member(part, step)
        target[way[-1]] = fold(inner, _member(part, way[-1]), rename, f"{path}.{name}".lstrip("."))
    return result


def _member(shape: Shape, name: str) -> Shape:
    return shape.value if shape.type_name == "map" else shape.members[name]


def lost(expected: Any, actual: Any, path: str = "") -> list[str]:
    """Where `actual`, an answer of the service, does not hold what is `expected`; it may hold more."""
    expected, actual = _plain(expected), _plain(actual)
    if isinstance(expected, dict) and expected:
        if not isinstance(actual, dict):
            return [path]
        keys = {key.lower(): key for key in actual}
        return [
            place
            for key, inner in expected.items()
            for place in lost(inner, actual.get(keys.get(key.lower(), key)), f"{path}.{key}".lstrip("."))
        ]
    if isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            return [path] if expected or actual else []
        left, places = list(actual), []
        for item in expected:
            match = next((number for number, other in enumerate(left) if not lost(item, other)), None)
            if match is None:
                places += sorted((lost(item, other, path) for other in left), key=len)[0]
            else:
                del left[match]
        return sorted(set(places))
    return [] if (not expected and not actual and expected != 0) or _text(expected) == _text(actual) else [path]


def tags(value: Any) -> dict[str, str]:
    """Tags in any of AWS's forms as one dictionary."""
    if isinstance(value, dict):
        value = value.get("Items", value)
    if isinstance(value, dict):
        return {str(key): str(inner) for key, inner in value.items()}
    pairs = [{key.lower().removeprefix("tag"): inner for key, inner in item.items()} for item in value or ()]
    return {pair["key"]: pair["value"] for pair in pairs}


def _plain(value: Any) -> Any:
    """Without the wrappings that API and template disagree on."""
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, str) and value[:1] in "{[" and value:
        try:
            return json.loads(value)
        except ValueError:
            return value
    if isinstance(value, dict) and "Quantity" in value and value.keys() <= {"Quantity", "Items"}:
        return list(value.get("Items", ()))
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float) or (isinstance(value, str) and value.isdigit()):
        return str(float(value))
    return str(value)
