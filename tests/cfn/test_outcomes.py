"""What happens to each resource between two settled versions of an environment."""

from __future__ import annotations

from typing import Any

import pytest

from generator.cfn.effects.outcomes import Outcome, at, outcomes, replaced
from generator.cfn.templates import Resource

TABLE, QUEUE = "AWS::DynamoDB::Table", "AWS::SQS::Queue"
CREATE_ONLY = {TABLE: (("TableName",), ("Keys", "*", "Name")), QUEUE: (("QueueName",), ("Source",))}
Bodies = dict[str, dict[str, Any]]


def queue(**properties: Any) -> dict[str, Any]:
    return {"Type": QUEUE, "Properties": properties}


def table(name: str, **attributes: Any) -> dict[str, Any]:
    return {"Type": TABLE, "Properties": {"TableName": name}, **attributes}


def resources(bodies: Bodies) -> dict[str, Resource]:
    return {path: Resource("t", path, body) for path, body in bodies.items()}


def happens(before: Bodies, after: Bodies) -> list[Outcome]:
    return outcomes(resources(before), resources(after), lambda kind: CREATE_ONLY.get(kind, ()))


RETAINED = {"DeletionPolicy": "Retain"}
NAMING = {"Q": queue(Target="${A.T.Arn}"), "R": queue(Target="${A.Tx}"), "S": queue(Source="${A.T}")}


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        ({"Q": queue()}, {"Q": queue()}, []),
        ({}, {"Q": queue()}, [Outcome("Q", QUEUE, "added")]),
        ({}, {"T": table("a", **RETAINED)}, [Outcome("T", TABLE, "added")]),
        ({"Q": queue()}, {}, [Outcome("Q", QUEUE, "removed")]),
        ({"T": table("a", **RETAINED)}, {}, [Outcome("T", TABLE, "removed", kept=True)]),
        (
            {"Q": queue(Delay=1, Size=1, Old=1)},
            {"Q": queue(Delay=2, Size=1, New=1)},
            [Outcome("Q", QUEUE, "changed", properties=("Delay", "New", "Old"))],
        ),
        ({"Q": queue(P={"a": 1, "b": 2})}, {"Q": queue(P={"b": 2, "a": 1})}, []),
        ({"T": table("a")}, {"T": table("b")}, [Outcome("T", TABLE, "replaced")]),
        (
            {"T": table("a", UpdateReplacePolicy="Delete")},
            {"T": table("b", UpdateReplacePolicy="Retain")},
            [Outcome("T", TABLE, "replaced")],  # the policy of the old one counts
        ),
        (
            {"T": table("a", UpdateReplacePolicy="RetainExceptOnCreate")},
            {"T": table("b")},
            [Outcome("T", TABLE, "replaced", kept=True)],
        ),
        ({"Q": queue()}, {"Q": table("a")}, [Outcome("Q", TABLE, "replaced")]),
        # Whoever names what is replaced changes, or is replaced with it.
        (
            {"A.T": table("a"), **NAMING},
            {"A.T": table("b"), **NAMING},
            [
                Outcome("A.T", TABLE, "replaced"),
                Outcome("Q", QUEUE, "changed", properties=("Target",)),
                Outcome("S", QUEUE, "replaced"),
            ],
        ),
        (
            {"A.T": table("a"), "R": queue(Source="${S}"), "S": queue(Source="${A.T}")},
            {"A.T": table("b"), "R": queue(Source="${S}"), "S": queue(Source="${A.T}")},
            [Outcome("A.T", TABLE, "replaced"), Outcome("R", QUEUE, "replaced"), Outcome("S", QUEUE, "replaced")],
        ),
        # A table that leaves the stack and stays is the same by its name and by its ARN.
        (
            {"T": table("a", **RETAINED), "Q": queue(Target="${T.Arn}", Name="${T}")},
            {"Q": queue(Target="arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/a", Name="a")},
            [Outcome("T", TABLE, "removed", kept=True)],
        ),
        (
            {"T": table("a", **RETAINED), "Q": queue(Name="${T}")},
            {"Q": queue(Name="b")},
            [Outcome("Q", QUEUE, "changed", properties=("Name",)), Outcome("T", TABLE, "removed", kept=True)],
        ),
        ({"Q": queue(Name="a")}, {"Q": queue(Name="${T}"), "T": table("a")}, [Outcome("T", TABLE, "added")]),
    ],
)
def test_what_happens(before: Bodies, after: Bodies, outcome: list[Outcome]) -> None:
    assert happens(before, after) == outcome


def test_what_forces_a_replacement_is_named() -> None:
    def keyed(name: str, *keys: str) -> Resource:
        return Resource("t", name, {"Type": TABLE, "Properties": {"Keys": [{"Name": key} for key in keys]}})

    before = {"K": keyed("K", "a"), "S": Resource("t", "S", queue(Source="${K}")), "X": Resource("t", "X", queue())}
    after = {**before, "K": keyed("K", "a", "b"), "X": Resource("t", "X", table("x")), "New": keyed("New", "a")}
    assert replaced(before, after, lambda kind: CREATE_ONLY[kind]) == {
        "K": ("Keys.*.Name",),
        "S": ("Source",),
        "X": ("Type",),
    }


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("A",), [{"B": 1}, {"B": [{"C": 2}]}, "text"]),
        (("A", "*", "B"), [1, [{"C": 2}], None]),
        (("A", "*", "B", "*", "C"), [None, [2], None]),
        (("X", "Y"), None),
        (("A", "B"), None),
        ((), {"A": [{"B": 1}, {"B": [{"C": 2}]}, "text"]}),
    ],
)
def test_the_value_at_a_path_of_a_schema(path: tuple[str, ...], value: Any) -> None:
    assert at({"A": [{"B": 1}, {"B": [{"C": 2}]}, "text"]}, path) == value
