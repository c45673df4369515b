"""`python -m scripts.local_aws VERB`: what it says of a server that runs, and of one that does not."""

from __future__ import annotations

import pytest

from scripts.local_aws import __main__ as command
from scripts.local_aws import server


@pytest.mark.parametrize(
    ("ran", "says"), [(True, "local AWS stopped\n"), (False, "local AWS was not running\n")], ids=["ran", "did not"]
)
def test_stop_says_whether_anything_ran(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ran: bool, says: str
) -> None:
    monkeypatch.setattr(server, "stop", lambda: ran)
    assert command.main(["stop"]) == 0 and capsys.readouterr().out == says


@pytest.mark.parametrize("verb", ["status", "environment"])
def test_what_does_not_run_is_a_failure_and_sets_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    monkeypatch.setattr(server, "status", lambda: None)
    monkeypatch.setattr(server, "lost", lambda: "")
    assert command.main([verb]) == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "local AWS is not running\n")
