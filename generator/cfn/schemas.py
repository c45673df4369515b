"""The schemas of AWS's resource types that cfn-lint carries: which properties a type has, and which of them can only be
set at its creation.

Read as files: importing cfn-lint takes a second, which neither a review nor the local AWS need pay, nor a gate that has
nothing to lint. tests/cfn/test_schemas.py compares with what cfn-lint reads.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

REGION = "us-east-1"
# Custom resources have the schema of the type that they may also be written as (CloudFormation User Guide, Custom
# resources).
CUSTOM, CUSTOM_RESOURCE = "Custom::", "AWS::CloudFormation::CustomResource"


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
def schema(resource_type: str) -> Mapping[str, Any]:
    """The schema of a type; empty for a type that the schemas do not know. Raises `SchemasError`."""
    name = CUSTOM_RESOURCE if resource_type.startswith(CUSTOM) else resource_type
    if name not in _types():
        return {}
    try:
        text = (_folder() / f"resources/{_types()[name]}.json").read_text(encoding="utf-8")
    except OSError as error:
        raise SchemasError(f"the schemas of cfn-lint cannot be read: {error}") from error
    document: Mapping[str, Any] = json.loads(text)
    return document


@cache
def create_only(resource_type: str) -> tuple[tuple[str, ...], ...]:
    """The paths of `createOnlyProperties` of a type; none for a type that the schemas do not know. Raises
    `SchemasError`."""
    return _paths(resource_type, "createOnlyProperties")


@cache
def conditional_create_only(resource_type: str) -> tuple[tuple[str, ...], ...]:
    """The paths of `conditionalCreateOnlyProperties`: a change of them replaces a resource in some cases, and which
    those are the schemas do not say. Raises `SchemasError`."""
    return _paths(resource_type, "conditionalCreateOnlyProperties")


@cache
def identifier(resource_type: str) -> tuple[tuple[str, ...], ...]:
    """The paths of `primaryIdentifier`: what no two resources of the type have in common. Raises `SchemasError`."""
    return _paths(resource_type, "primaryIdentifier")


def _paths(resource_type: str, key: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(path.removeprefix("/properties/").split("/")) for path in schema(resource_type).get(key) or ())
