"""The documents that `--format json` gives, against their committed schemas in `docs/schemas`."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry, Resource

from tests.conftest import ROOT

SCHEMAS = ROOT / "docs/schemas"


def problems(document: dict[str, Any]) -> list[str]:
    """What is wrong with a document: also a key that its schema does not describe. Schemas themselves leave room for
    more keys, because a version may gain some."""
    validator = Draft202012Validator(_schema(document["schema"].split("/")[1]), registry=_registry())
    return [
        f"{deepest.json_path}: {deepest.message}"
        for error in validator.iter_errors(document)
        if (deepest := _deepest(error))
    ]


def _deepest(error: ValidationError) -> ValidationError:
    """Where a document is wrong, and not the whole alternative that does not fit."""
    below = [inner for inner in error.context or () if inner.json_path != error.json_path]
    return _deepest(max(below, key=lambda inner: len(inner.absolute_path))) if below else error


@cache
def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    closed: dict[str, Any] = _closed(schema)
    return closed


@cache
def _registry() -> Registry[Any]:
    return Registry().with_resources([("common.json", Resource.from_contents(_schema("common")))])


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(part) for key, part in schema.items()}
    if closed.get("type") == "object" and "properties" in closed:
        closed.setdefault("additionalProperties", False)
    return closed
