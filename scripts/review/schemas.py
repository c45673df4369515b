"""Which properties of a resource type can only be set at its creation, from the schemas that cfn-lint carries.

Read as files: importing cfn-lint takes a second, and a review of a small change reads a handful of types.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

REGION = "us-east-1"


class SchemasError(Exception):
    """The schemas of the installed cfn-lint are not where they are expected."""


@cache
def _folder() -> Path:
    spec = find_spec("cfnlint")
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise SchemasError("cfn-lint is not installed: run `make templates` once")
    return Path(next(iter(folders))) / "data/schemas"


@cache
def _types() -> Mapping[str, str]:
    try:
        types: Mapping[str, str] = json.loads((_folder() / f"providers/{REGION}.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise SchemasError(f"the schemas of cfn-lint cannot be read: {error}") from error
    return types


@cache
def create_only(resource_type: str) -> tuple[tuple[str, ...], ...]:
    """The paths of `createOnlyProperties` of a type; none for a type that the schemas do not know. Raises
    `SchemasError`."""
    return _paths(resource_type, "createOnlyProperties")


@cache
def identifier(resource_type: str) -> tuple[tuple[str, ...], ...]:
    """The paths of `primaryIdentifier`: what no two resources of the type have in common. Raises `SchemasError`."""
    return _paths(resource_type, "primaryIdentifier")


def _paths(resource_type: str, key: str) -> tuple[tuple[str, ...], ...]:
    if resource_type not in _types():
        return ()
    file = _folder() / f"resources/{_types()[resource_type]}.json"
    try:
        schema: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SchemasError(f"the schemas of cfn-lint cannot be read: {error}") from error
    return tuple(tuple(path.removeprefix("/properties/").split("/")) for path in schema.get(key) or ())
