"""Whether a role may do something, over its policies as they are deployed, and what of them was used.

Policies of the role and its permissions boundary are looked at: no resource policy, session policy or policy of an
organisation. What a role may do is what both allow (IAM user guide, access_policies_boundaries).
A bucket's policy that denies is judged by the bucket (`moto_patches`).
Source of the words: IAM user guide, troubleshoot_access-denied.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from threading import Lock
from typing import Any

from generator.cfn.evaluate import DENIED, Decision, Request, decide, like, matches_action, statements
from generator.cfn.permissions import Permission
from scripts.local_aws import moto_patches

IDENTITY, BOUNDARY = "an identity-based policy", "a permissions boundary"


@dataclass(frozen=True)
class Refusal:
    """A request that a role, by its name, may not make, in AWS's words. `missing` is the statement that would allow it,
    as JSON, empty where a statement denies it; `near` are statements that allow the action and yet do not apply, each
    with the reason."""

    message: str
    role: str
    action: str
    resource: str
    missing: str
    near: tuple[str, ...]


@dataclass
class Judge:
    """The judge of one server. `excluded` are permissions by resource type, as in `roles.enforce`. `requests` are what
    each role was judged for."""

    excluded: Mapping[str, frozenset[str]]
    used: set[tuple[str, str, str]] = field(default_factory=set)
    denied: list[Refusal] = field(default_factory=list)
    unjudged: Counter[str] = field(default_factory=Counter)
    requests: dict[tuple[str, str, str, tuple[tuple[str, str], ...]], None] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def refusal(self, role: str, caller: str, requests: Iterable[Request]) -> str:
        """AWS's words for the first of some requests that a role, by its ARN, may not make; empty when it may make all.
        `caller` is the ARN of the session."""
        name, attached, limit = role.rpartition("/")[2], policies(role), boundary(role)
        for request in requests:
            permissions = attached.about(request.action)
            decision = decide(request, permissions)
            bounded = decide(request, limit.about(request.action)) if decision.allowed and limit else None
            with self.lock:
                context = tuple(sorted((key, str(value)) for key, value in request.context.items()))
                self.requests[name, request.action, request.resource, context] = None
                if decision.allowed and (bounded is None or bounded.allowed):
                    self.used.update((name, sid, action) for sid, action in _allowing(permissions, request))
                    continue
                refusal = _refusal(name, caller, request, bounded, BOUNDARY) if bounded else None
                self.denied.append(refusal or _refusal(name, caller, request, decision))
                return self.denied[-1].message
        return ""

    def skip(self, what: str) -> None:
        """Counts what cannot be judged."""
        with self.lock:
            self.unjudged[what] += 1

    def report(self) -> dict[str, Any]:
        """What the server's page shows."""
        with self.lock:
            return {
                "used": sorted(self.used),
                "denied": [asdict(each) for each in self.denied],
                "unjudged": dict(self.unjudged),
                "requests": [[*request[:3], dict(request[3])] for request in self.requests],
            }


def _refusal(role: str, caller: str, request: Request, decision: Decision, policy: str = IDENTITY) -> Refusal:
    """The refusal of a call; `policy` is the kind of policy that does not allow it."""
    why = (
        f"with an explicit deny in {policy}"
        if decision.outcome == DENIED
        else f"because no {policy.partition(' ')[2]} allows the {request.action} action"
    )
    text = f"User: {caller} is not authorized to perform: {request.action} on resource: {request.resource} {why}"
    # What is missing is a statement of the role; a boundary is written for all roles.
    missing = decision.missing if policy == IDENTITY else ""
    return Refusal(text, role, request.action, request.resource, missing, decision.near)


def _allowing(permissions: Iterable[Permission], request: Request) -> Iterator[tuple[str, str]]:
    """Each statement that allows a request by itself, with its action."""
    for permission in permissions:
        if decide(request, [permission]).allowed:
            yield from (
                (permission.sid, item) for item in permission.actions if like(item.lower(), request.action.lower())
            )


JUDGES: list[Judge] = []  # none, or the server's one


class Policies:
    """The statements of a role. Raises `EvaluationError` when it is made for what cannot be judged in any of them."""

    def __init__(self, permissions: Iterable[Permission]) -> None:
        self.permissions = tuple(permissions)
        self._about: dict[str, tuple[Permission, ...]] = {}
        decide(Request("none:None"), self.permissions)

    def about(self, action: str) -> tuple[Permission, ...]:
        """The statements on an action."""
        if action not in self._about:
            self._about[action] = tuple(each for each in self.permissions if matches_action(each, action))
        return self._about[action]


def policies(role: str) -> Policies:
    """The statements of a role, by its ARN, as they are now; none where there is no such role."""
    return _read(role.rpartition("/")[2], tuple(moto_patches.role_policies(role)))


def boundary(role: str) -> Policies | None:
    """The statements of the permissions boundary of a role, by its ARN; None for a role without one."""
    limit = moto_patches.role_boundary(role)
    return _read(role.rpartition("/")[2], (limit,)) if limit else None


@lru_cache(maxsize=64)
def _read(name: str, texts: tuple[tuple[str, str], ...]) -> Policies:
    documents = ((title, moto_patches.document(text)) for title, text in texts)
    return Policies(each for title, document in documents for each in statements(name, {title: document}))
