"""Resources under new names: what is the same but for its logical id is one change, all else is gone and new."""

from __future__ import annotations

from typing import Any

import pytest

from generator.cfn.templates import Resource, from_bodies
from scripts.review import rename
from scripts.review.rename import MOST, applied, applied_to_set, renames

TOPIC, POLICY, DASHBOARD = "AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::CloudWatch::Dashboard"


def resources(**bodies: dict[str, Any]) -> dict[str, Resource]:
    """By path, `__` for the dot behind a stack."""
    result = {}
    for name, body in bodies.items():
        stack, _, logical_id = name.rpartition("__")
        template = from_bodies({stack or "environment": {"Resources": {logical_id: body}}})[stack or "environment"]
        result[f"{stack}.{logical_id}" if stack else logical_id] = template.resources[logical_id]
    return result


def topic(**properties: Any) -> dict[str, Any]:
    return {"Type": TOPIC, "Properties": properties}


def policy(of: str, **properties: Any) -> dict[str, Any]:
    return {"Type": POLICY, "Properties": {"Topics": [f"${{{of}}}"], **properties}}


def dashboard(name: str) -> dict[str, Any]:
    """A resource with its own name inside: `Dashboard` is a part of the type's name too."""
    return {"Type": DASHBOARD, "Properties": {"DashboardName": f"x-{name}", "DashboardBody": "{}"}}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {}, {}),
        ({"A": topic(n="1")}, {"B": topic(n="1")}, {"A": "B"}),
        ({"A": topic(n="1")}, {"B": topic(n="2")}, {}),
        ({"A": topic(n="1")}, {"A": topic(n="1"), "B": topic(n="1")}, {}),
        ({"A": topic()}, {"B": {"Type": "AWS::SQS::Queue", "Properties": {}}}, {}),
        # What only explains is no content.
        (
            {"A": {**topic(), "Metadata": {"Description": "one"}, "DependsOn": "X"}},
            {"B": {**topic(), "Metadata": {"Description": "two"}}},
            {"A": "B"},
        ),
        ({"A": {**topic(), "DeletionPolicy": "Retain"}}, {"B": topic()}, {}),
        # Two that are alike: nobody knows which became which.
        ({"A": topic()}, {"B": topic(), "C": topic()}, {}),
        ({"A": topic(n="1"), "B": topic(n="2")}, {"C": topic(n="2"), "D": topic(n="1")}, {"A": "D", "B": "C"}),
        # What names another one follows it.
        ({"A": topic(n="1"), "P": policy("A")}, {"B": topic(n="1"), "Q": policy("B")}, {"A": "B", "P": "Q"}),
        ({"A": topic(n="1"), "P": policy("A")}, {"B": topic(n="2"), "Q": policy("B")}, {}),
        ({"P": policy("A")}, {"Q": policy("B")}, {}),
        # A name stands in other words, too, and follows there or not.
        ({"Dashboard": dashboard("Dashboard")}, {"Overview": dashboard("Overview")}, {"Dashboard": "Overview"}),
        ({"Dashboard": dashboard("x")}, {"Overview": dashboard("x")}, {"Dashboard": "Overview"}),
        # Within one stack, or a stack under another name as a whole.
        ({"One__A": topic()}, {"Two__A": topic()}, {"One.A": "Two.A"}),
        (
            {"One__A": topic(n="1"), "One__B": topic(n="2")},
            {"Two__A": topic(n="1"), "Two__B": topic(n="2")},
            {"One.A": "Two.A", "One.B": "Two.B"},
        ),
        ({"One__A": topic()}, {"Two__B": topic()}, {}),
        ({"One__A": topic()}, {"Two__A": topic(), "Three__A": topic()}, {}),
        ({"One__A": topic()}, {"One__B": topic()}, {"One.A": "One.B"}),
        ({"A": topic()}, {"One__A": topic()}, {}),
    ],
)
def test_what_became_what(old: dict[str, Any], new: dict[str, Any], expected: dict[str, str]) -> None:
    assert renames(resources(**old), resources(**new)) == expected


@pytest.mark.parametrize(("count", "expected"), [(MOST, MOST), (MOST + 1, 0)])
def test_many_at_once_are_followed_up_to_a_limit(count: int, expected: int) -> None:
    old, new = (resources(**{f"{name}{n}": topic(n=f"{n}") for n in range(count)}) for name in ("A", "B"))
    assert len(renames(old, new)) == expected


def test_where_nothing_is_renamed_resources_and_sets_stay_what_they_are() -> None:
    old = resources(A=topic())
    templates = from_bodies({"environment": {"Resources": {"A": topic()}}})
    assert applied(old, {}) == old and applied_to_set(templates, {}) is templates


def test_resources_stand_under_their_new_names_and_are_referred_to_by_them() -> None:
    old = resources(
        A=policy("One.B", Arn="${One.B.Arn} ${One.Bee} ${A} ${AWS::Region} $A"), One__B=topic(n="1"), C=topic(n="2")
    )
    new = applied(old, {"A": "Ann", "One.B": "Two.Bob"})
    assert {path: (each.template, each.logical_id) for path, each in new.items()} == {
        "Ann": ("environment", "Ann"),
        "Two.Bob": ("Two", "Bob"),
        "C": ("environment", "C"),
    }
    assert dict(new["Ann"].properties) == {
        "Topics": ["${Two.Bob}"],
        "Arn": "${Two.Bob.Arn} ${One.Bee} ${Ann} ${AWS::Region} $A",
    }
    assert new["C"].body == old["C"].body


def test_a_set_has_its_resources_in_the_stacks_of_their_new_names() -> None:
    templates = from_bodies(
        {
            "environment": {"Resources": {"A": policy("One.B"), "C": topic()}},
            "One": {"Resources": {"B": topic(n="1"), "A": topic(n="2")}},
        }
    )
    after = applied_to_set(templates, {"A": "Ann", "One.B": "Two.Bob"})
    assert {template.name: dict(template.body["Resources"]) for template in after} == {
        "environment": {"Ann": policy("Two.Bob"), "C": topic()},
        "Two": {"Bob": topic(n="1")},
        "One": {"A": topic(n="2")},
    }


def test_pairs_are_looked_at_up_to_a_limit_and_what_was_known_by_then_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the others that may be the same is a pair, in every round again."""
    old = resources(A=topic(n="1"), B=topic(n="2"), P=policy("A"))
    new = resources(C=topic(n="1"), D=topic(n="2"), Q=policy("C"))
    topics = {"A": "C", "B": "D"}
    for limit, expected in ((1, {}), (2, {"A": "C"}), (3, topics), (4, topics), (5, {**topics, "P": "Q"})):
        monkeypatch.setattr(rename, "PAIRS", limit)
        assert renames(old, new) == expected
