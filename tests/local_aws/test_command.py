"""`python -m scripts.local_aws VERB`, when a stack takes no call that changes it, and what was judged of roles."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.local_aws import __main__ as command
from scripts.local_aws import roles, server
from scripts.local_aws.api import require_settled
from scripts.local_aws.values import RefusedCallError


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


def test_what_was_judged_of_a_role_comes_with_its_context() -> None:
    request = ["arn:role", "s3:GetObject", "arn:object", {"aws:ResourceTag/Environment": ["staging"]}]
    body = {"used": [["arn:role", "s3:GetObject", "arn:object"]], "denied": [], "unjudged": [], "requests": [request]}
    judged = roles.judged(cast(Any, SimpleNamespace(ask=lambda _: body)))
    assert judged.used == {("arn:role", "s3:GetObject", "arn:object")}
    [(role, asked_for)] = judged.requests
    assert [role, asked_for.action, asked_for.resource, asked_for.context] == request


@pytest.mark.parametrize(
    ("status", "review", "refused"),
    [
        ("UPDATE_IN_PROGRESS", True, True),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", False, True),
        ("REVIEW_IN_PROGRESS", False, True),
        ("REVIEW_IN_PROGRESS", True, False),
        ("UPDATE_COMPLETE", False, False),
        ("DELETE_FAILED", False, False),
    ],
)
def test_a_stack_that_something_goes_on_with_is_left_alone(status: str, review: bool, refused: bool) -> None:
    stack = cast(Any, SimpleNamespace(id="arn", status=status))
    if refused:
        with pytest.raises(RefusedCallError, match=f"Stack:arn is in {status} state and can not be updated"):
            require_settled(stack, review)
    else:
        require_settled(stack, review)
