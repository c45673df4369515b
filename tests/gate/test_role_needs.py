"""What each role needs: our own rendered templates, and every action of them taken away."""

from __future__ import annotations

from typing import Any

import pytest

from generator.cfn.role_needs.row import Row
from generator.cfn.role_needs.rows import ROWS
from generator.gate.role_needs import collect
from generator.gate.role_needs.compare import Gap, compare
from tests.support.role_needs import APPLICATIONS, ROLES, TEMPLATES, Bodies, allows, gaps

# Which bucket the bundle of a version lies in, and which commit a record is of, is known when it is looked up: any
# statement may be the one.
AT_RUN_TIME = {
    ("build.VerifyRole", "s3:GetObject"),
    ("build.PushRole", "s3:GetObject"),
    ("build.PushRole", "s3:PutObject"),
}


def test_our_roles_have_what_they_need_and_nothing_else() -> None:
    assert len(ROLES) >= 10
    assert [str(gap) for gap in compare(TEMPLATES)] == []


def test_every_row_has_a_source_and_names_actions() -> None:
    rows = [row for result in ROWS.values() for row in result]
    assert len(rows) > 30
    assert all(row.source and row.actions and row.on for row in rows)


def test_every_row_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    requested: set[str] = set()

    class Recorder(dict[str, tuple[Row, ...]]):
        def get(self, thing: str, default: Any = None) -> Any:
            requested.add(thing)
            return super().get(thing, default)

    monkeypatch.setattr(collect, "ROWS", Recorder(ROWS))
    compare(TEMPLATES)
    assert requested == set(ROWS)


def occurrences(number: int) -> list[tuple[str, int, str]]:
    """The occurrence of that number of every action of every role: role, number of the statement, action.

    Taken away together, and yet each by itself: an action that stands in several statements keeps the others.
    """
    result = []
    for role in ROLES:
        seen: dict[str, int] = {}
        for position, allow in enumerate(allows(TEMPLATES.bodies(), role)):
            for action in allow["Action"]:
                seen[action] = seen.get(action, 0) + 1
                if seen[action] == number and role not in APPLICATIONS and (role, action) not in AT_RUN_TIME:
                    result.append((role, position, action))
    return result


@pytest.mark.parametrize("number", range(1, 8))
def test_an_action_that_is_taken_away_is_named(number: int) -> None:
    taken = occurrences(number)

    def mutate(bodies: Bodies) -> None:
        for role, position, action in taken:
            allows(bodies, role)[position]["Action"].remove(action)

    named = {(gap.role, gap.action) for gap in gaps(mutate) if gap.message.startswith("lacks ") and gap.source}
    assert taken != []
    assert {(role, action) for role, _, action in taken} <= named


def test_no_action_stands_in_an_eighth_statement() -> None:
    assert occurrences(8) == []


def offered() -> dict[str, str]:
    """The first statement of each role that has one, by its Sid."""
    bodies = TEMPLATES.bodies()
    return {role: allows(bodies, role)[0]["Sid"] for role in ROLES if allows(bodies, role)}


def test_an_action_that_nothing_needs_is_named_but_in_the_applications_own_roles() -> None:
    """Added to all roles at once, and yet each by itself: what one of them may, no other one needs."""

    def mutate(bodies: Bodies) -> None:
        for role in offered():
            allows(bodies, role)[0]["Action"].append("sqs:SendMessage")

    assert gaps(mutate) == sorted(
        Gap(role, "sqs:SendMessage", f"may sqs:SendMessage by {sid}, and nothing needs it", sid)
        for role, sid in offered().items()
        if role not in APPLICATIONS
    )


def test_the_applications_own_permissions_are_its_own() -> None:
    """The test before this one offers both its roles an action, too."""
    assert {*APPLICATIONS} <= offered().keys()
