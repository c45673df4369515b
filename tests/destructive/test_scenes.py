"""Two scripts at once, a service that throttles, random sequences; and what stands when an update cannot be undone."""

from __future__ import annotations

import pytest

from scripts.deployment.errors import Exit
from tests.destructive.conftest import Drive


def test_two_scripts_at_once_start_one_operation(drive: Drive) -> None:
    """The second one follows the first, finds nothing left to do, or is told that the first was faster."""
    rounds = drive("scenes", "together")
    assert len(rounds) == 6
    for ended in rounds:
        assert ended["begun"] == 1 and ended["again"] == Exit.DONE and ended["text"] == "text", ended
        assert Exit.DONE in ended["ends"] and set(ended["ends"]) <= {Exit.DONE, Exit.REFUSED, Exit.MANUAL}, ended


def test_a_third_of_the_calls_may_be_throttled(drive: Drive) -> None:
    answer = drive("scenes", "throttled")
    assert answer["ends"] == [0, 0] and 0.2 < answer["refused"] / answer["calls"] < 0.4
    assert answer["state"]["values"] == {"first": "text", "second": "text again"}


@pytest.mark.soak
def test_whatever_happens_a_run_that_nobody_disturbs_makes_what_the_files_say(drive: Drive) -> None:
    statuses = drive("scenes", "sequences")
    assert len(statuses) == 8 and sum(map(len, statuses)) > 16
