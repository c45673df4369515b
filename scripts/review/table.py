"""A review as rows, for a table that can be filtered: what happens to which resource, permission and parameter, and to
what the application gets, in which environments.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from scripts.review.documents import pair
from scripts.review.model import ADDED, CHANGED, REMOVED, REPLACED, EnvironmentReview, Review
from scripts.review.verdict import ANY_ENVIRONMENT, BAD, GOOD, LOOK

KINDS = ("at risk", "protection", "resource", "permission", "parameter", "application", "limit")


@dataclass(frozen=True)
class Row:
    """One change: `kind` is one of `KINDS`, `name` what it is about, `what` how it changes, `detail` in which way.
    `environments` are those to which the same happens; `places` the lines that make it, as `file:line`."""

    kind: str
    name: str
    what: str
    detail: str
    weight: str
    environments: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


def rows(review: Review) -> tuple[Row, ...]:
    """The rows of all environments, by kind and name; the same change of several environments is one row."""
    shared: dict[Row, list[Row]] = {}
    for environment in review.changed:
        for row in _rows(environment):
            nameless = re.sub(rf"\b{re.escape(environment.name)}\b", ANY_ENVIRONMENT, row.detail)
            shared.setdefault(replace(row, detail=nameless, environments=()), []).append(row)
    merged = [
        members[0]
        if len(members) == 1
        else replace(row, environments=tuple(name for member in members for name in member.environments))
        for row, members in shared.items()
    ]
    for change in review.quotas:
        weight = BAD if change.exceeded else LOOK
        what = "too many" if change.exceeded else "near"
        detail = f"{change.before:,} → {change.after:,} of {change.most:,} {change.what}"
        merged.append(Row("limit", change.path, what, detail, weight, change.environments))
    return tuple(sorted(merged, key=lambda row: (KINDS.index(row.kind), row.name, row.detail)))


def _rows(environment: EnvironmentReview) -> Iterator[Row]:
    names = (environment.name,)
    for risk in environment.risks:
        yield Row("at risk", risk.path, risk.what, risk.type, BAD, names)
    for risk in environment.weaker:
        yield Row("protection", risk.path, risk.what, risk.type, BAD, names)
    for change in environment.resources:
        hurts = change.action in (REPLACED, REMOVED)
        weight = BAD if hurts and change.value else LOOK if hurts or change.action == ADDED else GOOD
        properties = ", ".join(change.because or (value.place for value in change.values))
        was = f"was {change.before}" if change.before else ""
        what = change.effect if change.action == CHANGED else change.action
        detail = "; ".join(filter(None, (change.type, was, properties)))
        yield Row("resource", change.path, what, detail, weight, names, change.places)
    for word, grants in (("gained", environment.gained), ("lost", environment.lost)):
        for grant in grants:
            detail = str(grant).removeprefix(f"{grant.holder}: ")
            what = "broader" if grant.broader else word
            yield Row("permission", grant.holder, what, detail, BAD if grant.broader else GOOD, names)
    origins = {"file": "in the parameter file", "default": "by its default", "gone": "no longer a parameter"}
    for parameter in environment.parameters:
        detail = _sides(parameter.before, parameter.after)
        yield Row("parameter", parameter.name, origins[parameter.origin], detail, LOOK, names)
    for variable in environment.variables:
        yield Row("application", variable.place, "gets", _sides(variable.before, variable.after), LOOK, names)


def _sides(before: str | None, after: str | None) -> str:
    return " → ".join("(none)" if side is None else side for side in pair(before, after))
