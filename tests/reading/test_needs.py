"""What each role needs: our own rendered templates, and every action of them taken away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from generator.reading.needs import Gap, compare
from generator.reading.needs_rows import ROWS

from .needing import APPLICATION, ROLES, TEMPLATES, Bodies, allows, gaps


def test_our_roles_have_what_they_need_and_nothing_else() -> None:
    assert len(ROLES) >= 10
    assert [str(gap) for gap in compare(TEMPLATES)] == []


def test_every_row_has_a_source_and_names_actions() -> None:
    rows = [row for found in ROWS.values() for row in found]
    assert len(rows) > 30
    assert all(row.source and row.actions and row.on for row in rows)


def removals() -> Iterator[dict[str, tuple[int, str]]]:
    """For each role one action to take away, as (number of its statement, action), until none is left."""
    todo = {
        role: [
            (number, action) for number, one in enumerate(allows(TEMPLATES.bodies(), role)) for action in one["Action"]
        ]
        for role in ROLES
        if role != APPLICATION
    }
    while any(todo.values()):
        yield {role: found.pop() for role, found in todo.items() if found}


ROUNDS = list(removals())


@pytest.mark.parametrize("taken", ROUNDS, ids=[str(number) for number, _ in enumerate(ROUNDS)])
def test_an_action_that_is_taken_away_is_named(taken: dict[str, tuple[int, str]]) -> None:
    def mutate(bodies: Bodies) -> None:
        for role, (number, action) in taken.items():
            allows(bodies, role)[number]["Action"].remove(action)

    found = {(gap.role, gap.action) for gap in gaps(mutate) if f"lacks {gap.action}" in gap.message and gap.source}
    assert {(role, action) for role, (_, action) in taken.items()} <= found


@pytest.mark.parametrize("role", [one for one in ROLES if one != APPLICATION])
def test_an_action_that_nothing_needs_is_named(role: str) -> None:
    found = gaps(lambda bodies: allows(bodies, role)[0]["Action"].append("sqs:SendMessage"))
    sid = allows(TEMPLATES.bodies(), role)[0]["Sid"]
    assert Gap(role, "sqs:SendMessage", f"may sqs:SendMessage by {sid}, and nothing needs it", sid) in found


def test_the_applications_own_permissions_are_its_own() -> None:
    found = gaps(lambda bodies: allows(bodies, APPLICATION)[0]["Action"].append("sqs:SendMessage"))
    assert APPLICATION not in {gap.role for gap in found}
