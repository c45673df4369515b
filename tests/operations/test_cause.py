"""The one cause of a failure and what kept it from being undone: which event, and everything that is said of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from generator.cfn.stacks import Stack
from generator.cfn.templates import STACK, Template, from_bodies
from scripts.deployment.errors import ManualActionRequiredError
from scripts.operations.diagnose.cause import (
    BY_A_PERSON,
    SERVICE,
    Cause,
    Diagnosis,
    FailureObserver,
    cause,
    diagnose,
    echo,
    obstacle,
    sentence,
    template_at,
)
from scripts.operations.following import Event, FollowedOutcome
from tests.support.service import Prepared

START, TOPIC = datetime(2026, 11, 23, tzinfo=UTC), "AWS::SNS::Topic"


@pytest.fixture(scope="module")
def root() -> Template:
    def nested(name: str) -> dict[str, Any]:
        return {"Type": STACK, "Properties": {"TemplateURL": f"{name}.json"}}

    topic = {"Type": TOPIC, "Metadata": {"Description": "Says it."}}
    outer = {
        "Metadata": {"Generator": {"Module": "our.backend"}},
        "Resources": {"Topic": topic, "Inner": nested("inner")},
    }
    bodies: dict[str, Any] = {
        "environment": {"Resources": {"Backend": nested("backend"), "Queue": {"Type": "AWS::SQS::Queue"}}},
        "backend": outer,
        "inner": {"Resources": {"Deep": topic}},
    }
    return from_bodies(bodies)["environment"]


def event(second: float, path: str, status: str, reason: str = "", kind: str = "") -> Event:
    steps = tuple(filter(None, path.split(".")))
    kind = kind or (TOPIC if len(steps) > 1 else STACK)
    return Event(steps, f"{second}{path}", f"id-{path}", kind, status, reason, START + timedelta(seconds=second))


FAILED = event(2, "Backend.Topic", "UPDATE_FAILED", "it broke")
ECHOES = [
    event(3, "Backend.Other", "UPDATE_FAILED", "Resource update cancelled"),
    event(4, "Backend", "UPDATE_FAILED", "Embedded stack arn:x was not successfully updated"),
    event(1, "Queue", "UPDATE_FAILED", "Operation was cancelled"),
    event(5, "", "UPDATE_FAILED", "The following resource(s) failed to update: [Backend]"),
]
BACK = event(6, "", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Backend].")


def where(explained: Cause | None) -> str:
    return " > ".join(explained.path) if explained else ""


@pytest.mark.parametrize(
    ("events", "path"),
    [
        ([FAILED, *ECHOES, BACK], "s > Backend > Topic"),
        ([*ECHOES, FAILED][::-1], "s > Backend > Topic"),
        # The first of several in time, not in the order in which they came.
        ([event(9, "Backend.Late", "UPDATE_FAILED", "x"), FAILED], "s > Backend > Topic"),
        # Without anything inside, the innermost stack that failed.
        ([event(1, "Backend", "UPDATE_FAILED", "no parameter X"), ECHOES[3]], "s > Backend"),
        ([event(1, "Backend", "UPDATE_FAILED", "Embedded stack arn:x"), ECHOES[3]], "s > Backend"),
        ([event(1, "", "CREATE_FAILED", "too many")], "s"),
        ([], ""),
        ([event(1, "Backend", "UPDATE_COMPLETE")], ""),
        ([ECHOES[0], ECHOES[2]], ""),
        # What fails while it is rolled back is no cause.
        ([BACK, event(7, "Backend.Topic", "UPDATE_FAILED", "in the rollback")], ""),
        ([event(1, "Backend", "UPDATE_ROLLBACK_IN_PROGRESS"), FAILED], "s > Backend > Topic"),
        # A deletion is tried again.
        ([event(1, "Queue", "DELETE_FAILED", "busy"), event(2, "Queue", "DELETE_COMPLETE")], ""),
        ([event(1, "Queue", "DELETE_FAILED", "busy"), event(2, "Queue", "DELETE_FAILED", "busy")], "s > Queue"),
        ([event(1, "", "DELETE_FAILED", "busy"), event(2, "", "DELETE_COMPLETE")], "s"),
    ],
)
def test_which_failure_it_is(root: Template, events: list[Event], path: str) -> None:
    assert where(cause(events, "s", root)) == path


def test_somebody_who_cancelled_it_is_the_cause(root: Template) -> None:
    cancelled = [ECHOES[0], event(6, "", "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")]
    remedy = "Run the same command again when it is wanted."
    assert cause(cancelled, "s", root) == Cause(("s",), STACK, BY_A_PERSON, "", "", remedy)
    assert where(cause([FAILED, *cancelled], "s", root)) == "s > Backend > Topic"
    assert cause([event(6, "Backend", "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")], "s", root) is None


def test_everything_that_is_said_of_it(root: Template) -> None:
    correct = "Correct the resource in our.backend, render the templates and run the same command again."
    expected = Cause(("s", "Backend", "Topic"), TOPIC, "it broke", "Says it.", "our.backend", correct)
    assert cause([FAILED], "s", root) == expected
    silent = replace(FAILED, reason="")
    assert cause([silent], "s", root) == replace(expected, reason="AWS gives no reason")
    known = cause([replace(FAILED, reason="Rate exceeded")], "s", root)
    assert known and known.remedy == "The service was busy or failed: run the same command again."
    messages = {FAILED.path: ["task 1 stopped: x"]}
    says = "Its stopped task says why, above: correct that in the application or its configuration."
    explained = replace(expected, remedy=says, service_messages=("task 1 stopped: x",))
    assert cause([FAILED], "s", root, messages) == explained
    nobody = {FAILED.path: ["no stopped task is known"]}
    unknown = replace(expected, service_messages=("no stopped task is known",))
    assert cause([FAILED], "s", root, nobody) == unknown
    # What the templates no longer have: nothing is said of it.
    gone = event(1, "Old.Topic", "DELETE_FAILED", "it broke")
    assert cause([gone], "s", root) == Cause(("s", "Old", "Topic"), TOPIC, "it broke", "", "", "")
    unnamed = event(1, "Backend.New", "CREATE_FAILED", "it broke")
    assert cause([unnamed], "s", root) == replace(expected, path=("s", "Backend", "New"), sentence="")
    inner = event(1, "Backend.Inner", "CREATE_FAILED", "no parameter", kind=STACK)
    stack = cause([inner], "s", root)
    assert stack and stack.remedy.startswith("Correct the stack in our.backend, render")


STUCK = event(8, "Backend.Topic", "UPDATE_FAILED", "Rate exceeded")
ENDED = event(9, "", "UPDATE_ROLLBACK_FAILED", "The following resource(s) failed to update: [Backend].")


def test_what_kept_it_from_being_undone(root: Template) -> None:
    explained = obstacle([ENDED, STUCK, BACK, FAILED], "s", root)
    busy = "The service was busy or failed: run the same command again."
    assert explained == Cause(("s", "Backend", "Topic"), TOPIC, "Rate exceeded", "Says it.", "our.backend", busy)
    # Only what the reason itself asks for is a next step: no deployment is taken now.
    plain = obstacle([BACK, replace(STUCK, reason="it broke"), ENDED], "s", root)
    assert plain and plain.remedy == ""
    undone = event(10, "", "UPDATE_ROLLBACK_COMPLETE")
    assert obstacle([BACK, STUCK, undone], "s", root) is None
    assert obstacle([FAILED, ECHOES[3]], "s", root) is None  # nothing was rolled back
    assert obstacle([BACK, ENDED], "s", root) == Cause(("s",), STACK, ENDED.reason, "", "", "")


def test_a_rollback_that_was_continued_begins_anew(root: Template) -> None:
    again = event(20, "", "UPDATE_ROLLBACK_IN_PROGRESS")
    other = event(21, "Queue", "UPDATE_FAILED", "in use", kind="AWS::SQS::Queue")
    end = event(22, "", "UPDATE_ROLLBACK_FAILED", "The following resource(s) failed to update: [Queue].")
    assert where(obstacle([BACK, STUCK, ENDED, again, other, end], "s", root)) == "s > Queue"
    assert obstacle([BACK, STUCK, ENDED, again, event(23, "", "UPDATE_ROLLBACK_COMPLETE")], "s", root) is None


def test_what_went_well_has_neither(root: Template) -> None:
    def outcome(good: bool) -> FollowedOutcome:
        return FollowedOutcome(Stack("s", "id", "UPDATE_ROLLBACK_FAILED"), good, 1.0, (FAILED, BACK, STUCK, ENDED))

    assert diagnose(outcome(good=True), root) == Diagnosis()
    messages = {FAILED.path: ["task 1 stopped: x"]}
    diagnosis = diagnose(outcome(good=False), root, messages)
    assert diagnosis.cause and diagnosis.obstacle
    assert (diagnosis.cause.reason, diagnosis.obstacle.reason) == ("it broke", "Rate exceeded")
    assert diagnosis.cause.service_messages == diagnosis.obstacle.service_messages == ("task 1 stopped: x",)


@pytest.mark.parametrize(
    ("reason", "only_repeats"),
    [
        ("Resource update cancelled", True),
        ("Operation was cancelled by somebody", True),
        ("Embedded stack arn:x", True),
        ("The following resource(s) failed to update: [A]", True),
        ("it says: Embedded stack arn:x", False),
        ("it broke", False),
        ("", False),
    ],
)
def test_what_only_repeats_a_failure(reason: str, only_repeats: bool) -> None:
    assert echo(replace(FAILED, reason=reason)) is only_repeats


def test_what_a_resource_is_for(root: Template) -> None:
    assert sentence(root, ("Backend", "Topic")) == sentence(root, ("Backend", "Inner", "Deep")) == "Says it."
    for path in ((), ("Queue",), ("Nothing",), ("Old", "Topic"), ("Backend", "Topic", "X"), ("Queue", "Topic")):
        assert sentence(root, path) == "", path
    inner = template_at(root, ("Backend", "Inner"))
    assert template_at(root, ()) is root and inner and list(inner.resources) == ["Deep"]
    assert template_at(root, ("Backend", "Old", "X")) is None


def test_an_observer_shows_everything_and_asks_about_each_failed_service_once() -> None:
    shown: list[list[Event]] = []
    answered: list[Stack] = []
    observer = FailureObserver(Prepared(), shown.append, answered.append)
    failed = event(1, "Backend.Service", "CREATE_FAILED", "x", kind=SERVICE)
    others = [
        replace(failed, path=("A",), status="CREATE_COMPLETE"),
        replace(failed, path=("B",), type=TOPIC),
        replace(failed, path=("C",), reason="Resource creation cancelled"),
    ]
    observer.see([failed, *others])
    observer.see([failed])
    assert shown == [[failed, *others], [failed]]
    assert observer.service_messages == {("Backend", "Service"): []}
    stack = Stack("s", "id", "UPDATE_IN_PROGRESS")
    observer.interrupted(stack)
    assert answered == [stack]
    with pytest.raises(ManualActionRequiredError, match="s is left running"):
        FailureObserver(Prepared(), shown.append).interrupted(stack)
