"""Two scripts at once, a service that throttles, random sequences; and what stands when an update cannot be undone."""

from __future__ import annotations

from scripts.deployment.errors import Exit
from tests.destructive.conftest import Drive


def test_two_scripts_at_once_start_one_operation(drive: Drive) -> None:
    """The second one follows the first, finds nothing left to do, or is told that the first was faster."""
    found = drive("scenes", "together")
    assert len(found) == 6
    for one in found:
        assert one["begun"] == 1 and one["again"] == Exit.DONE and one["text"] == "text", one
        assert Exit.DONE in one["ends"] and set(one["ends"]) <= {Exit.DONE, Exit.REFUSED, Exit.MANUAL}, one


def test_a_third_of_the_calls_may_be_throttled(drive: Drive) -> None:
    found = drive("scenes", "throttled")
    assert found["ends"] == [0, 0] and 0.2 < found["refused"] / found["calls"] < 0.4
    assert found["state"]["values"] == {"first": "text", "second": "text again"}


def test_whatever_happens_a_run_that_nobody_disturbs_makes_what_the_files_say(drive: Drive) -> None:
    told = drive("scenes", "sequences")
    assert len(told) == 8 and sum(map(len, told)) > 16
