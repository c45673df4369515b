"""When does a set of templates permit more than another one?

Definition. `after` is broader than `before` where, for one holder (a resource, by its address):

- an Allow of `after` is not covered: some combination of its actions, resources and principals is in no single
  Allow of `before` whose conditions it keeps. So a new statement, a new action, resource or principal, a wider
  pattern, a removed or loosened condition all count; splitting, merging, sorting and renaming statements do not;
- a Deny of `before` is not covered by the Denies of `after` in the same sense (lost or narrowed), unless its holder
  is a role, user or group that is gone altogether;
- a managed policy is attached that was not (`ManagedPolicyArns`, or `Roles`, `Users`, `Groups` of a policy);
- a permissions boundary is gone or another one.

Everything compares as rendered text; two texts for one ARN count as different, and what cannot be decided counts as
broader: the error is always to the side of asking.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import product

from generator.reading.permissions import Condition, Permission, permissions
from generator.reading.templates import Resource, TemplateSet
from generator.reading.values import choices, render

PRINCIPAL_TYPES = ("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group")
POLICY_TYPES = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
_LISTS = dict.fromkeys(PRINCIPAL_TYPES, ("ManagedPolicyArns",)) | dict.fromkeys(
    POLICY_TYPES, ("Roles", "Users", "Groups")
)
Side = str | frozenset[str]  # a pattern, or everything but those patterns


@dataclass(frozen=True)
class Broadening:
    """One thing that is permitted now and was not, or no longer denied."""

    holder: str
    what: str
    permission: Permission | None = None  # the Allow that grew or the Deny that shrank; None for attachments

    def __str__(self) -> str:
        return f"{self.holder}: {self.what}"


@cache
def covers(pattern: str, other: str) -> bool:
    """Whether everything that `other` matches is matched by `pattern` (`*` any text, `?` any one character)."""
    parts = {"*": ".*", "?": "[^*]"}
    return bool(re.fullmatch("".join(parts.get(one, re.escape(one)) for one in pattern), other, re.DOTALL))


def broadened(before: TemplateSet, after: TemplateSet) -> list[Broadening]:
    """What `after` permits beyond `before`, by the definition above; empty when nothing."""
    old, new = permissions(before), permissions(after)
    gone = {r.address for r in before.resources(*PRINCIPAL_TYPES)} - {r.address for r in after.resources()}
    found = []
    for permission in (one for one in new if one.allows):
        more = uncovered(permission, (one for one in old if one.allows))
        found += [Broadening(permission.holder, f"{permission.sid} allows more: {', '.join(more)}", permission)] * bool(
            more
        )
    for permission in (one for one in old if not one.allows and one.holder not in gone):
        less = uncovered(permission, (one for one in new if not one.allows))
        found += [Broadening(permission.holder, f"{permission.sid} denies less: {', '.join(less)}", permission)] * bool(
            less
        )
    for address, policy in sorted(_attached(after) - _attached(before)):
        found.append(Broadening(address, f"attached: {policy}"))
    for address, boundary in sorted(_boundaries(before) - _boundaries(after)):
        if address not in gone:
            found.append(Broadening(address, f"the permissions boundary {boundary} is gone or another one"))
    return found


def uncovered(narrow: Permission, candidates: Iterable[Permission]) -> list[str]:
    """The combinations of one statement that no candidate covers, as text."""
    broad = [one for one in candidates if (one.holder, one.kind) == (narrow.holder, narrow.kind)]
    broad = [one for one in broad if set(one.when) <= set(narrow.when) and _keeps(one.conditions, narrow.conditions)]
    return [
        " ".join(part if isinstance(part, str) else f"all but {sorted(part)}" for part in parts if part)
        for parts in product(*_sides(narrow))
        if not any(
            all(any(_within(b, p) for b in bs) for bs, p in zip(_sides(one), parts, strict=True)) for one in broad
        )
    ]


def _sides(permission: Permission) -> tuple[tuple[Side, ...], ...]:
    """Actions, resources and principals; IAM compares actions without regard to case."""
    actions = tuple(one.lower() for one in permission.actions)
    return (
        actions or (frozenset(one.lower() for one in permission.not_actions),),
        permission.resources or (frozenset(permission.not_resources) or "",),
        permission.principals or (frozenset(permission.not_principals) or "",),
    )


def _within(broad: Side, narrow: Side) -> bool:
    if isinstance(broad, str):
        return covers(broad, narrow) if isinstance(narrow, str) else broad == "*"
    return not isinstance(narrow, str) and all(any(covers(one, left) for one in narrow) for left in broad)


def _keeps(broad: tuple[Condition, ...], narrow: tuple[Condition, ...]) -> bool:
    """Whether each condition of the broad statement stands in the narrow one, as strict or stricter."""
    return all(any(_stricter(kept, one) for kept in narrow) for one in broad)


def _stricter(narrow: Condition, broad: Condition) -> bool:
    if (narrow.operator, narrow.key.lower()) != (broad.operator, broad.key.lower()):
        return False
    if "Not" in narrow.operator:
        return set(narrow.values) >= set(broad.values)
    if narrow.operator.removesuffix("IfExists").endswith(("Like", "ArnEquals")):
        return all(any(covers(pattern, value) for pattern in broad.values) for value in narrow.values)
    if narrow.operator.removesuffix("IfExists").endswith(("StringEquals", "StringEqualsIgnoreCase")):
        return set(narrow.values) <= set(broad.values)
    return narrow.values == broad.values


def _attached(templates: TemplateSet) -> set[tuple[str, str]]:
    return {
        (resource.address, render(one))
        for resource in templates.resources(*_LISTS)
        for name in _LISTS[resource.type]
        for _, listed in choices(resource.get(name, default=[]))
        for one in listed
    }


def _boundaries(templates: TemplateSet) -> set[tuple[str, str]]:
    def boundary(resource: Resource) -> set[str]:
        return {render(one) for _, one in choices(resource.get("PermissionsBoundary")) if one}

    return {(resource.address, one) for resource in templates.resources(*PRINCIPAL_TYPES) for one in boundary(resource)}
