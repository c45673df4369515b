"""Stack policies: what an update may do to a resource. Pure.

Grammar and evaluation: user guide, "Prevent updates to stack resources". A policy is that of its own stack: to it a
nested stack is one resource of type AWS::CloudFormation::Stack, and what is in there has that stack's own policy.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from scripts.local_aws.template import InvalidTemplateError

ACTIONS = ("Update:Modify", "Update:Replace", "Update:Delete", "Update:*")
PREFIX = "LogicalResourceId/"
Statement = Mapping[str, Any]


def check(text: str, logical_ids: Collection[str]) -> None:
    """Raises `InvalidTemplateError` for a policy that AWS refuses for a template with these logical ids."""
    try:
        statements = [dict(statement) for statement in _statements(text)]
    except (ValueError, AttributeError, TypeError) as error:
        raise InvalidTemplateError("Error validating stack policy: Invalid stack policy") from error
    for statement in statements:
        known = statement.get("Effect") in ("Allow", "Deny") and statement.get("Principal") == "*"
        if not known or not {*_listed(statement, "Action"), *_listed(statement, "NotAction")} <= set(ACTIONS):
            raise InvalidTemplateError("Error validating stack policy: Invalid stack policy")
        for named in (*_listed(statement, "Resource"), *_listed(statement, "NotResource")):
            if "*" not in named and named.removeprefix(PREFIX) not in logical_ids:
                raise InvalidTemplateError(
                    f"Error validating stack policy: Unknown logical id '{named}' in statement {{}} - "
                    "stack policies can only be applied to logical ids referenced in the template"
                )


def refusal(text: str | None, action: str, logical: str, kind: str) -> str:
    """Why a policy refuses an action, one of `ACTIONS`, on a resource of a type; empty when it allows it. Without a
    policy, or with one that says nothing, everything is allowed."""
    fitting = [pair for pair in enumerate(_statements(text or "{}"), 1) if _fits(pair[1], action, logical, kind)]
    for number, statement in fitting:
        if statement["Effect"] == "Deny":
            denied = ", ".join(_listed(statement, "Action")) or action
            what = f"Statement [#{number}] does not allow [{denied}] for resource [{PREFIX}{logical}]"
            return f"Action denied by stack policy: {what};"
    if fitting or not any(_statements(text or "{}")):
        return ""
    return f"Action not allowed by stack policy: [{action}] for resource [{PREFIX}{logical}]"


def _statements(text: str) -> Iterator[Statement]:
    statements = json.loads(text).get("Statement", [])
    yield from statements if isinstance(statements, list) else [statements]


def _listed(statement: Statement, name: str) -> list[str]:
    value = statement.get(name, [])
    return value if isinstance(value, list) else [value]


def _fits(statement: Statement, action: str, logical: str, kind: str) -> bool:
    return (
        _chosen(statement, "Action", action)
        and _chosen(statement, "Resource", PREFIX + logical)
        and all(
            any(
                fnmatchcase(kind, pattern) if how == "StringLike" else kind == pattern
                for pattern in _listed(condition, key)
            )
            for how, condition in statement.get("Condition", {}).items()
            for key in condition
        )
    )


def _chosen(statement: Statement, name: str, value: str) -> bool:
    """Whether a value is among those of an element, or not among those of its `Not` form."""
    if f"Not{name}" in statement:
        return not any(fnmatchcase(value, pattern) for pattern in _listed(statement, f"Not{name}"))
    return any(fnmatchcase(value, pattern) for pattern in _listed(statement, name))
