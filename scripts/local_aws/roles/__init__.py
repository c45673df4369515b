"""Deploying as the roles that will deploy: calls of assumed roles, and what the engine does as a stack's role, judged.

`PUT /local-aws/roles` switches it on for a server, `DELETE` off; it is off at first. `GET` tells what was judged.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scripts.local_aws.server import Endpoint


@dataclass(frozen=True)
class Judged:
    """What was judged since it was switched on.

    `used` are role name, statement id and action of each statement that allowed something; `denied` the refusals in
    AWS's words; `unjudged` what could not be judged, each with how often it came.
    """

    used: frozenset[tuple[str, str, str]]
    denied: tuple[str, ...]
    unjudged: Mapping[str, int]


def enforce(endpoint: Endpoint, unneeded: Mapping[str, list[str]]) -> None:
    """Switches it on, from nothing. `unneeded` are, by resource type, the permissions that its handlers name and that
    nothing in the templates asks for."""
    endpoint.ask("roles", "PUT", json.dumps({"unneeded": dict(unneeded)}).encode())


def stop(endpoint: Endpoint) -> None:
    """Switches it off."""
    endpoint.ask("roles", "DELETE")


def judged(endpoint: Endpoint) -> Judged:
    """What was judged. Raises `urllib.error.HTTPError` while it is off."""
    body: dict[str, Any] = endpoint.ask("roles")
    return Judged(frozenset(map(tuple, body["used"])), tuple(body["denied"]), body["unjudged"])
