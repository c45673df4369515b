"""Deploying as the roles that will deploy: calls of assumed roles, and what the engine does as a stack's role, judged.

`PUT /local-aws/roles` switches it on for a server, `DELETE` off; it is off at first. `GET` tells what was judged.
Who may assume a role is not judged: the local AWS knows no second factor and no single sign-on.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from generator.cfn.evaluate import Request
from scripts.local_aws.roles.judge import Refusal
from scripts.local_aws.server import Endpoint


@dataclass(frozen=True)
class Judged:
    """What was judged since it was switched on.

    `used` are role name, statement id and action of each statement that allowed something; `unjudged` what could not
    be judged, each with how often it came; `requests` role name and request of all that was judged.
    """

    used: frozenset[tuple[str, str, str]]
    denied: tuple[Refusal, ...]
    unjudged: Mapping[str, int]
    requests: tuple[tuple[str, Request], ...]


def excluded(access: Mapping[str, Any]) -> dict[str, list[str]]:
    """What `enforce` takes, by the template of the root `access`, which says it with reasons
    (`generator/roots/access/handler_permissions/`); empty for a template that does not."""
    return {kind: sorted(reasons) for kind, reasons in access.get("Metadata", {}).get("Excluded", {}).items()}


def enforce(endpoint: Endpoint, excluded: Mapping[str, list[str]]) -> None:
    """Switches it on, from nothing. `excluded` are, by resource type, the permissions that its handlers name and that
    nothing in the templates asks for."""
    endpoint.ask("roles", "PUT", json.dumps({"excluded": dict(excluded)}).encode())


def stop(endpoint: Endpoint) -> None:
    """Switches it off."""
    endpoint.ask("roles", "DELETE")


def judged(endpoint: Endpoint) -> Judged:
    """What was judged. Raises `urllib.error.HTTPError` while it is off."""
    body: dict[str, Any] = endpoint.ask("roles")
    return Judged(
        frozenset(map(tuple, body["used"])),
        tuple(Refusal(**{**each, "near": tuple(each["near"])}) for each in body["denied"]),
        body["unjudged"],
        tuple((role, Request(action, resource, context)) for role, action, resource, context in body["requests"]),
    )
