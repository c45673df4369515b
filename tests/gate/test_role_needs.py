"""What each role needs, on our own rendered templates. Actions taken away, one by one: test_role_needs_faults.py."""

from __future__ import annotations

from typing import Any

import pytest

from generator.cfn.role_needs.row import Row
from generator.cfn.role_needs.rows import ROWS
from generator.gate.role_needs import collect
from generator.gate.role_needs.compare import Gap, compare
from tests.support.role_needs import APPLICATIONS, ROLES, TEMPLATES, Bodies, allows, gaps


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
