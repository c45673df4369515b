"""A person looks on while an operation runs: what they are shown, and what Ctrl-C may mean."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from generator.cfn.changes import Difference, PlannedChange
from generator.cfn.stacks import Stack
from generator.cfn.templates import Template, from_bodies
from scripts.deployment.errors import ManualActionRequiredError
from scripts.deployment.execute import leave
from scripts.deployment.plan import Plan
from scripts.operations.options import WatchOptions
from scripts.operations.output.progress_view import Lines, Live
from scripts.operations.watching import Ask, Audience, Nothing
from scripts.terminal import prompt
from tests.support.service import Prepared, arn, refusal

RUNNING = Stack("s", arn("stack", "s"), "UPDATE_IN_PROGRESS")
GOING = Stack("s", arn("stack", "s"), "UPDATE_ROLLBACK_IN_PROGRESS")
ALL = "[w]atch on, [c]ancel: everything goes back, [l]eave it running? "
SOME = "[w]atch on, [l]eave it running? "
NOBODY = prompt.NobodyAnsweredError()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def root() -> Template:
    return from_bodies({"environment": {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}})["environment"]


# What is answered, and what it means: cancel, watch on, or leave it running.
@pytest.mark.parametrize(
    ("stack", "typed", "meaning"),
    [
        (RUNNING, ["watch"], "watch"),
        (RUNNING, ["Leave"], "leave"),
        (RUNNING, ["cancel"], "cancel"),
        (RUNNING, ["", "x", "C"], "cancel"),
        (RUNNING, [NOBODY], "leave"),
        (RUNNING, [KeyboardInterrupt()], "leave"),
        # A rollback, a creation and what is cleaned up cannot be cancelled (API reference, CancelUpdateStack).
        (GOING, ["c", "w"], "watch"),
        (GOING, ["l"], "leave"),
    ],
)
def test_ctrl_c_is_answered(
    stack: Stack, typed: list[Any], meaning: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replies, questions, paused = iter(typed), list[str](), list[str]()
    aws = Prepared(cloudformation__cancel_update_stack={})

    def answer(question: str) -> str:
        assert paused == ["away"]  # there is room for the question
        questions.append(question)
        reply = next(replies)
        if isinstance(reply, BaseException):
            raise reply
        return str(reply)

    monkeypatch.setattr(prompt, "answer", answer)
    ask = Ask(aws, lambda: paused.append("away"))
    if meaning == "leave":
        with pytest.raises(ManualActionRequiredError, match="s is left running"):
            ask(stack)
    else:
        ask(stack)
    cancelled = [("cloudformation.cancel_update_stack", {"StackName": stack.id})]
    assert aws.asked == (cancelled if meaning == "cancel" else [])
    assert questions == [ALL if stack is RUNNING else SOME] * len(typed)
    how = ["s is being updated (UPDATE_IN_PROGRESS)."]
    if stack is GOING:
        how = [
            "s could not be updated and is rolling back (UPDATE_ROLLBACK_IN_PROGRESS).",
            "It cannot be cancelled: it goes on to its end, and takes back what it made if it fails.",
        ]
    assert capsys.readouterr().out.splitlines() == ["", *how]


def test_an_update_that_has_ended_meanwhile_is_watched_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prompt, "answer", lambda _: "c")
    late = refusal("cloudformation.CancelUpdateStack", "ValidationError", "it is not being updated")
    Ask(Prepared(cloudformation__cancel_update_stack=late), lambda: None)(RUNNING)
    message = "It was not cancelled: cloudformation.CancelUpdateStack: ValidationError: it is not being updated"
    assert capsys.readouterr().out.splitlines()[-1] == message


def screen(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal with somebody in front of it."""
    out = Terminal()
    for name, value in (("TERM", "xterm"), ("COLUMNS", "80"), ("LINES", "20"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(prompt, "attended", lambda: True)
    return out


def test_who_sits_at_a_terminal_has_a_view_and_is_asked(root: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    """The view knows the resources that change for sure, and what services say of themselves."""
    out, change = screen(monkeypatch), Difference("Name", "a", "b")
    sure = PlannedChange(("Topic",), "AWS::SNS::Topic", "Modify", differences=(change,))
    perhaps = PlannedChange(("Other",), "AWS::SNS::Topic", "Modify")
    plan = Plan("s", "id", "UPDATE", "cs", "n", "d", (sure, perhaps))
    observer = Audience(Prepared(), WatchOptions()).observer(root, plan)
    assert isinstance(observer.view, Live) and isinstance(observer.answer, Ask)
    observer.see([])
    assert "0 resources done, 0 running, 1 waiting" in out.getvalue()
    assert isinstance(Audience(Prepared(), WatchOptions()).observer(root).view, Live)


def test_who_wants_it_otherwise(root: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    out = screen(monkeypatch)
    quiet = Audience(Prepared(), WatchOptions(quiet=True)).observer(root)
    assert isinstance(quiet.view, Nothing) and isinstance(quiet.answer, Ask)
    quiet.see([])
    quiet.view.pause()
    verbose = Audience(Prepared(), WatchOptions(verbose=True)).observer(root)
    assert isinstance(verbose.view, Lines)
    monkeypatch.setattr(prompt, "attended", lambda: False)
    assert Audience(Prepared(), WatchOptions()).observer(root).answer is leave
    monkeypatch.setattr(prompt, "attended", lambda: True)
    monkeypatch.setattr(sys, "stdout", io.StringIO())  # a file: whoever types sees no question
    observer = Audience(Prepared(), WatchOptions()).observer(root)
    assert isinstance(observer.view, Lines) and observer.answer is leave
    assert out.getvalue() == ""
