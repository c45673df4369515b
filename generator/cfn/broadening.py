"""When does a set of templates permit more than another one?

Definition. `after` is broader than `before` where, for one holder (a resource, by its address):

- an Allow of `after` is not covered: some combination of its actions, resources and principals is in no single
  Allow of `before` whose conditions it keeps. So a new statement, a new action, resource or principal, a wider
  pattern, a removed or loosened condition all count; splitting, merging, sorting and renaming statements do not;
- a Deny of `before` is not covered by the Denies of `after` in the same sense (lost or narrowed), unless its holder
  is a role, user or group that is gone altogether;
- a managed policy is attached that was not (`ManagedPolicyArns`, or `Roles`, `Users`, `Groups` of a policy); one that
  only denies broadens when it is attached no more;
- a permissions boundary is gone or another one.

Everything compares as rendered text; two texts for one ARN count as different, and what cannot be decided counts as
broader: the error is always to the side of asking. Of a living environment both sides are `instances`, so that its
parameters decide conditions and an ARN has one text wherever it is handed on to.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any

from generator.cfn.intrinsics import choices, render
from generator.cfn.names import NO_BOUNDARY
from generator.cfn.permissions import Condition, Permission, permissions
from generator.cfn.templates import Resource, TemplateSet

PRINCIPAL_TYPES = ("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group")
POLICY_TYPES = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
_LISTS = dict.fromkeys(PRINCIPAL_TYPES, ("ManagedPolicyArns",)) | dict.fromkeys(
    POLICY_TYPES, ("Roles", "Users", "Groups")
)
WILD = re.compile("[*?]")
Side = str | frozenset[str]  # a pattern, or everything but those patterns


@dataclass(frozen=True)
class Grant:
    """What one holder may do on one side of a comparison and not on the other, by one statement or attachment.

    `effect` is Allow or Deny, or `policy` and `boundary` for a managed policy and a permissions boundary, which stand
    in `actions` then. `broader` says whether the change permits more, by the definition above. `without` are the
    conditions under which alone the other side permits the same.
    """

    holder: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    when: tuple[str, ...] = ()
    sid: str = ""
    broader: bool = False
    without: tuple[Condition, ...] = ()

    def __str__(self) -> str:
        what = {"Deny": "must not ", "policy": "has the managed policy ", "boundary": "is bound by "}.get(
            self.effect, ""
        )
        on = f" on {', '.join(self.resources)}" if self.resources else ""
        who = f" for {', '.join(self.principals)}" if self.principals else ""
        only = f" if {' and '.join(map(str, self.conditions))}" if self.conditions else ""
        under = f" [{', '.join(self.when)}]" if self.when else ""
        return f"{self.holder}: {what}{', '.join(self.actions)}{on}{who}{only}{under}{self.loosened}"

    @property
    def loosened(self) -> str:
        """The conditions that are gone, in words with a comma before them; empty where there are none."""
        return f", no longer only if {' and '.join(map(str, self.without))}" if self.without else ""


@cache
def covers(pattern: str, other: str) -> bool:
    """Whether everything that `other` matches is matched by `pattern` (`*` any text, `?` any one character)."""
    start = WILD.split(pattern, maxsplit=1)[0]
    if len(start) == len(pattern) or not other.startswith(start):
        return pattern == other
    parts = {"*": ".*", "?": "[^*]"}
    pieces = (parts.get(piece) or re.escape(piece) for piece in re.split(r"([*?])", pattern))
    return bool(re.fullmatch("".join(pieces), other, re.DOTALL))


def broadened(before: TemplateSet, after: TemplateSet) -> list[Grant]:
    """What `after` permits beyond `before`, by the definition above; empty when nothing."""
    gained, lost = compare(before, after)
    return [grant for grant in (*gained, *lost) if grant.broader]


def compare(before: TemplateSet, after: TemplateSet) -> tuple[list[Grant], list[Grant]]:
    """What is gained and what is lost between two sets, holder by holder; what merely moved between statements of one
    holder is neither. Gained Denies and boundaries narrow, lost ones broaden."""
    if before is after:
        return [], []
    old, new = permissions(before), permissions(after)
    gone = {r.address for r in before.resources(*PRINCIPAL_TYPES)} - {r.address for r in after.resources()}
    gained = [*_grants(new, old, lambda permission: permission.allows)]
    lost = [*_grants(old, new, lambda permission: not permission.allows and permission.holder not in gone)]
    for kind, pairs_of in (("policy", _attached), ("boundary", _boundaries)):
        here, there = pairs_of(before), pairs_of(after)
        denying = _denying((*old, *new)) if kind == "policy" else set()
        gained += [
            Grant(at, kind, (policy,), broader=kind == "policy" and at not in denying)
            for at, policy in sorted(there - here)
        ]
        lost += [
            Grant(at, kind, (policy,), broader=at in denying or (kind == "boundary" and at not in gone))
            for at, policy in sorted(here - there)
        ]
    return sorted(gained, key=_place), sorted(lost, key=_place)


def _place(grant: Grant) -> tuple[str, ...]:
    return (grant.holder, grant.effect, grant.sid, *grant.actions)


def _grants(
    these: Iterable[Permission], others: Iterable[Permission], broader: Callable[[Permission], bool]
) -> Iterator[Grant]:
    """The part of each statement that the other side does not cover, with resources of the same actions together."""
    kept = list(others)
    same = set(kept)
    alike: dict[tuple[str, str], list[Permission]] = {}  # of one holder and effect: nothing else can cover a statement
    for other in kept:
        alike.setdefault((other.holder, other.effect), []).append(other)
    for permission in (permission for permission in these if permission not in same):
        by_place: dict[tuple[str, str], list[str]] = {}
        candidates = alike.get((permission.holder, permission.effect), [])
        for action, resource, principal in uncovered(permission, candidates):
            by_place.setdefault((resource, principal), []).append(action)
        by_actions: dict[tuple[str, ...], list[tuple[str, str]]] = {}
        for place, actions in by_place.items():
            by_actions.setdefault(tuple(actions), []).append(place)
        for same_actions, places in by_actions.items():
            resources, principals = (tuple(dict.fromkeys(filter(None, side))) for side in zip(*places, strict=True))
            what = (permission.conditions, permission.when, permission.sid, broader(permission))
            lost = _conditions_lost(permission, candidates) if permission.allows and broader(permission) else ()
            yield Grant(permission.holder, permission.effect, same_actions, resources, principals, *what, lost)


def _conditions_lost(permission: Permission, others: Iterable[Permission]) -> tuple[Condition, ...]:
    """The conditions of a statement that permits the same as this one, and that this one does not have; of several
    such statements, of the one with the fewest."""
    lost = [
        tuple(condition for condition in other.conditions if condition not in permission.conditions)
        for other in others
        if other.conditions and not uncovered(replace(permission, conditions=other.conditions), [other])
    ]
    return min(lost, key=len, default=())


def uncovered(narrow: Permission, candidates: Iterable[Permission]) -> list[tuple[str, ...]]:
    """The combinations of action, resource and principal of one statement that no candidate covers, as text."""
    broad = [
        candidate for candidate in candidates if (candidate.holder, candidate.kind) == (narrow.holder, narrow.kind)
    ]
    sides = _sides(narrow)
    covering = []
    for candidate in broad:
        if set(candidate.when) <= set(narrow.when) and _keeps(candidate.conditions, narrow.conditions):
            covered = [_covered(wide, side) for wide, side in zip(_sides(candidate), sides, strict=True)]
            if all(len(parts) == len(set(side)) for parts, side in zip(covered, sides, strict=True)):
                return []
            if all(covered):
                covering.append(covered)
    spelled = {action.lower(): action for action in narrow.actions}
    return [
        tuple(
            spelled.get(part, part) if isinstance(part, str) else f"all but {', '.join(sorted(part))}" for part in parts
        )
        for parts in product(*sides)
        if not any(parts[0] in first and parts[1] in second and parts[2] in third for first, second, third in covering)
    ]


def _covered(wide: tuple[Side, ...], side: tuple[Side, ...]) -> set[Side]:
    """Which actions, resources or principals of a statement those of another one cover. Most are the same texts."""
    same = set(wide)
    patterns = [each for each in wide if not isinstance(each, str) or "*" in each or "?" in each]
    return {part for part in side if part in same or any(_within(pattern, part) for pattern in patterns)}


def _sides(permission: Permission) -> tuple[tuple[Side, ...], ...]:
    """Actions, resources and principals; IAM compares actions without regard to case."""
    actions = tuple(action.lower() for action in permission.actions)
    return (
        actions or (frozenset(action.lower() for action in permission.not_actions),),
        permission.resources or (frozenset(permission.not_resources) or "",),
        permission.principals or (frozenset(permission.not_principals) or "",),
    )


def _within(broad: Side, narrow: Side) -> bool:
    if isinstance(broad, str):
        return covers(broad, narrow) if isinstance(narrow, str) else broad == "*"
    return not isinstance(narrow, str) and all(any(covers(pattern, left) for pattern in narrow) for left in broad)


def _keeps(broad: tuple[Condition, ...], narrow: tuple[Condition, ...]) -> bool:
    """Whether each condition of the broad statement stands in the narrow one, as strict or stricter."""
    return all(any(_stricter(kept, condition) for kept in narrow) for condition in broad)


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


def _denying(permissions: Iterable[Permission]) -> set[str]:
    """The holders of which every statement denies: a policy that protects."""
    all_of_them, allowing = set[str](), set[str]()
    for permission in permissions:
        (allowing if permission.allows else all_of_them).add(permission.holder)
    return all_of_them - allowing


def _attached(templates: TemplateSet) -> set[tuple[str, str]]:
    return {
        (resource.address, render(entry))
        for resource in templates.resources(*_LISTS)
        for name in _LISTS[resource.type]
        for _, listed in choices(resource.get(name, default=[]))
        # A list that a parameter names is one entry, until its value is known.
        for entry in (listed if isinstance(listed, list) else _split(listed))
    }


def _split(listed: Any) -> list[Any]:
    """The names in `Fn::Split` of a text, or the function itself while its text is not known; none for no value."""
    match listed:
        case {"Fn::Split": [str() as separator, str() as text]}:
            return text.split(separator)
        case {"Ref": "AWS::NoValue"} | None:
            return []
    return [listed]


def _boundaries(templates: TemplateSet) -> set[tuple[str, str]]:
    """What bounds whom; AWS's policy that allows everything bounds nobody."""

    def boundary(resource: Resource) -> set[str]:
        arns = {render(arn) for _, arn in choices(resource.get("PermissionsBoundary")) if arn}
        return {arn for arn in arns if not arn.endswith(f":iam::aws:policy/{NO_BOUNDARY}")}

    return {(resource.address, arn) for resource in templates.resources(*PRINCIPAL_TYPES) for arn in boundary(resource)}
