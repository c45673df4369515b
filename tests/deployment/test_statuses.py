"""Every status that botocore knows has a meaning and a defined action."""

from __future__ import annotations

import pytest

from generator.cfn.statuses import DEPLOYED, RESTORED, STATUSES, Action, meaning
from scripts.deployment.errors import Exit
from tests.support.service import model

STUCK = (Action.CONTINUE, Action.MANUAL)
KNOWN = model("cloudformation").shape_for("StackStatus").enum


def test_the_table_is_complete() -> None:
    """A status that a newer botocore brings must be thought about."""
    assert len(KNOWN) > 20
    assert set(STATUSES) == set(KNOWN)


@pytest.mark.parametrize("status", KNOWN)
def test_a_status_is_waited_for_exactly_while_something_runs(status: str) -> None:
    running = status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"
    assert meaning(status).ended is not running
    # A person is told what comes next wherever nothing can be planned.
    assert bool(meaning(status).remedy) is (meaning(status).action in (Action.WAIT, Action.RECREATE, *STUCK))


def test_nothing_that_may_hold_data_is_deleted() -> None:
    """Deleted and made anew is only what was never complete and has nothing left."""
    assert [name for name, status in STATUSES.items() if status.action is Action.RECREATE] == ["ROLLBACK_COMPLETE"]


def test_ends_are_good_or_restored_or_for_a_person() -> None:
    assert set(KNOWN) >= DEPLOYED | RESTORED and not DEPLOYED & RESTORED
    harmless = DEPLOYED | RESTORED | {"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"}
    others = {name for name, status in STATUSES.items() if status.ended} - harmless
    assert {STATUSES[name].action for name in others} == set(STUCK)


def test_only_what_cloudformation_can_continue_is_continued() -> None:
    """ContinueUpdateRollback and RollbackStack, API reference; after a failed creation the latter would delete."""
    assert {name for name, status in STATUSES.items() if status.action is Action.CONTINUE} == {
        "UPDATE_FAILED",
        "UPDATE_ROLLBACK_FAILED",
    }


def test_unknown_and_absent() -> None:
    assert meaning(None).action is Action.CREATE
    assert meaning("TELEPORT_COMPLETE").action is Action.MANUAL


def test_exit_statuses_have_a_meaning() -> None:
    assert [int(status) for status in Exit] == [0, 1, 2, 3, 4, 64, 70, 74]
    assert all(status.meaning for status in Exit)
