"""Whether a role may do something, over its policies as they are deployed, and what of them was used.

Policies of the role alone are looked at: no resource policy, boundary, session policy or policy of an organisation.
A bucket's policy that denies is judged by the bucket (`moto_patches`).
Source of the words: IAM user guide, troubleshoot_access-denied.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import Any

from generator.cfn.evaluate import DENIED, Request, decide, like, matches_action, statements
from generator.cfn.permissions import Permission
from scripts.local_aws import moto_patches


@dataclass
class Judge:
    """The judge of one server. `unneeded` are permissions by resource type, as in `roles.enforce`."""

    unneeded: Mapping[str, frozenset[str]] = field(default_factory=dict)
    used: set[tuple[str, str, str]] = field(default_factory=set)
    denied: list[str] = field(default_factory=list)
    unjudged: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)

    def refusal(self, role: str, caller: str, requests: Iterable[Request]) -> str:
        """AWS's words for the first of some requests that a role, by its ARN, may not make; empty when it may make all.
        `caller` is the ARN of the session."""
        name, permissions = role.rpartition("/")[2], _statements(role)
        for request in requests:
            decision = decide(request, permissions)
            with self.lock:
                if decision.allowed:
                    self.used.update((name, sid, action) for sid, action in _allowing(permissions, request))
                    continue
                why = (
                    "with an explicit deny in an identity-based policy"
                    if decision.outcome == DENIED
                    else f"because no identity-based policy allows the {request.action} action"
                )
                text = f"User: {caller} is not authorized to perform: {request.action} on resource: {request.resource}"
                self.denied.append(f"{text} {why}")
                return self.denied[-1]
        return ""

    def skip(self, what: str) -> None:
        """Counts what cannot be judged."""
        with self.lock:
            self.unjudged[what] += 1

    def report(self) -> dict[str, Any]:
        """What the server's page shows."""
        with self.lock:
            return {"used": sorted(self.used), "denied": list(self.denied), "unjudged": dict(self.unjudged)}


def _allowing(permissions: Iterable[Permission], request: Request) -> Iterator[tuple[str, str]]:
    """Each statement that allows a request by itself, with its action."""
    for permission in permissions:
        if matches_action(permission, request.action) and decide(request, [permission]).allowed:
            yield from (
                (permission.sid, item) for item in permission.actions if like(item.lower(), request.action.lower())
            )


JUDGES: list[Judge] = []  # none, or the server's one


def _statements(role: str) -> list[Permission]:
    """The statements of a role as they are now."""
    return [each for name, text in moto_patches.role_policies(role) for each in _read(role, name, text)]


@lru_cache(maxsize=256)
def _read(role: str, name: str, text: str) -> tuple[Permission, ...]:
    return tuple(statements(role.rpartition("/")[2], {name: moto_patches.document(text)}))
