"""Intrinsic functions as text, and what `Fn::If` decides."""

import pytest

from generator.cfn.intrinsics import (
    KEEP,
    NOTHING,
    Names,
    choices,
    conditions_in,
    decide,
    decided,
    met,
    outcomes,
    render,
    resolve,
)
from generator.cfn.templates import from_bodies

NO_VALUE = {"Ref": "AWS::NoValue"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        ({"Ref": "KeyArn"}, "${KeyArn}"),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "${Bucket.Arn}"),
        ({"Fn::GetAtt": "Bucket.Arn"}, "${Bucket.Arn}"),
        ({"Fn::Sub": "arn:${AWS::Partition}:s3:::${Bucket}"}, "arn:${AWS::Partition}:s3:::${Bucket}"),
        ({"Fn::Sub": ["${own}/${Bucket}", {"own": {"Ref": "KeyArn"}}]}, "${KeyArn}/${Bucket}"),
        ({"Fn::Join": ["/", [{"Fn::GetAtt": ["Bucket", "Arn"]}, "*"]]}, "${Bucket.Arn}/*"),
        ({"Fn::Select": [0, {"Ref": "List"}]}, '{"Fn::Select": [0, {"Ref": "List"}]}'),
    ],
)
def test_a_value_is_rendered_as_one_stable_text(value: object, text: str) -> None:
    assert render(value) == text


def test_choices_are_every_outcome_that_can_be() -> None:
    value = {"a": {"Fn::If": ["C", "yes", NO_VALUE]}, "b": [{"Fn::If": ["C", {"Fn::If": ["D", 1, 2]}, 3]}]}
    assert list(choices(value)) == [
        (("C", "D"), {"a": "yes", "b": [1]}),
        (("C", "not D"), {"a": "yes", "b": [2]}),
        (("not C",), {"b": [3]}),
    ]
    assert list(choices(value, ("not C",))) == [(("not C",), {"b": [3]})]
    assert list(choices("plain")) == [((), "plain")]


def test_deciding_leaves_other_conditions_alone() -> None:
    value = [{"Fn::If": ["C", 1, NO_VALUE]}, {"Fn::If": ["D", 2, NO_VALUE]}]
    assert decide(value, {"C": False}) == [{"Fn::If": ["D", 2, NO_VALUE]}]


class Some(Names):
    """Knows the name A, a list L, an attribute and a condition."""

    def reference(self, name: str) -> object:
        return {"A": "a", "L": ["x", "y"]}.get(name, KEEP)

    def attribute(self, name: str, attribute: str) -> object:
        return f"{name}/{attribute}" if name == "A" else KEEP

    def holds(self, condition: str) -> bool | None:
        return {"Yes": True, "No": False}.get(condition)


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ({"Ref": "A"}, "a"),
        ({"Ref": "Unknown"}, {"Ref": "Unknown"}),
        ({"Fn::GetAtt": "A.Arn.Part"}, "A/Arn.Part"),
        ({"Fn::GetAtt": ["A", "Arn", "Part"]}, "A/Arn.Part"),
        ({"Fn::If": ["Yes", {"Ref": "A"}, 1]}, "a"),
        ([1, {"Fn::If": ["No", 2, NO_VALUE]}], [1]),
        ({"Fn::If": ["Open", {"Ref": "A"}, NO_VALUE]}, {"Fn::If": ["Open", "a", NO_VALUE]}),
        ({"Fn::Join": [":", ["x", {"Ref": "A"}, 7]]}, "x:a:7"),
        ({"Fn::Join": [":", ["x", {"Ref": "B"}]]}, {"Fn::Join": [":", ["x", {"Ref": "B"}]]}),
        ({"Fn::Sub": "${A}-${A.Arn}-${!A}"}, "a-A/Arn-${!A}"),
        ({"Fn::Sub": ["${Own}${A}", {"Own": {"Ref": "A"}}]}, "aa"),
        ({"Fn::Sub": "${A}${B}"}, {"Fn::Sub": "${A}${B}"}),
        ({"Fn::Sub": "${A}${L}"}, {"Fn::Sub": "${A}${L}"}),
        ({"Fn::Select": [0, {"Ref": "L"}]}, {"Fn::Select": [0, ["x", "y"]]}),
        # No form of its function: kept, for cfn-lint to refuse.
        ({"Fn::If": ["Yes", 1]}, {"Fn::If": ["Yes", 1]}),
        ({"Ref": ["A"]}, {"Ref": ["A"]}),
        ({"Fn::GetAtt": 1}, {"Fn::GetAtt": 1}),
        ({"Fn::Join": "x"}, {"Fn::Join": "x"}),
        ({"Fn::Sub": 1}, {"Fn::Sub": 1}),
    ],
)
def test_what_is_known_is_carried_out_and_the_rest_is_kept(value: object, resolved: object) -> None:
    assert resolve(value, Some()) == resolved


def test_no_value_is_nothing() -> None:
    assert resolve(NO_VALUE, Names()) is NOTHING
    assert resolve({"a": NO_VALUE, "b": [NO_VALUE]}, Names()) == {"b": []}
    assert decide({"Fn::If": ["C", 1, NO_VALUE]}, {"C": False}) == NO_VALUE


def test_outcomes_are_those_that_parameter_values_can_give() -> None:
    def equals(parameter: str, value: str) -> object:
        return {"Fn::Equals": [{"Ref": parameter}, value]}

    body = {
        "Resources": {"A": {"Type": "AWS::SQS::Queue"}},
        "Parameters": {"Target": {"Type": "String"}, "Mode": {"Type": "String"}},
        "Conditions": {
            "Ecs": equals("Target", "ECS"),
            "Beanstalk": equals("Target", "EB"),
            "Any": {"Fn::Or": [{"Condition": "Ecs"}, {"Condition": "Beanstalk"}]},
            "Fast": {"Fn::And": [{"Fn::Not": [equals("Mode", "slow")]}, {"Condition": "Ecs"}]},
        },
    }
    result = {tuple(outcome.values()) for outcome in outcomes(from_bodies({"t": body})["t"])}
    assert result == {
        (True, False, True, True),
        (True, False, True, False),
        (False, True, True, False),
        (False, False, False, False),
    }


def test_a_template_without_conditions_has_one_outcome() -> None:
    assert outcomes(from_bodies({"t": {"Resources": {"A": {"Type": "AWS::SQS::Queue"}}}})["t"]) == ({},)


@pytest.mark.parametrize(
    ("when", "outcome", "result"),
    [
        ((), {}, True),
        (("A",), {"A": True}, True),
        (("A",), {"A": False}, False),
        (("A",), {}, False),
        (("not A",), {"A": True}, False),
        (("not A",), {"A": False}, True),
        (("not A",), {}, True),
        (("A", "not B"), {"A": True, "B": False}, True),
        (("A", "not B"), {"A": True, "B": True}, False),
        (("A", "not B"), {"A": False, "B": False}, False),
        (("Nothing",), {"Nothing": True}, True),  # only `not ` with its space turns it around
    ],
)
def test_outcomes_that_are_met(when: tuple[str, ...], outcome: dict[str, bool], result: bool) -> None:
    assert met(when, outcome) is result


def test_conditions_come_in_the_order_in_which_they_stand() -> None:
    value = {
        "a": [{"Fn::If": ["A", {"Fn::If": ["B", 1, 2]}, {"x": {"Fn::If": ["C", 1, 2]}}]}, "text"],
        "b": {"Fn::If": ["D", 1, {"Ref": "Nothing"}]},
    }
    assert [*conditions_in(value)] == ["A", "B", "C", "D"]
    assert [*conditions_in("text")] == []


def test_an_outcome_that_is_decided_already_is_not_repeated() -> None:
    value = [{"Fn::If": ["C", 1, 2]}, {"Fn::If": ["D", 3, 4]}]
    assert [*choices(value, ("C",))] == [(("C", "D"), [1, 3]), (("C", "not D"), [1, 4])]
    assert [*choices(value, ("not D", "not C"))] == [(("not D", "not C"), [2, 4])]


def test_who_knows_nothing_keeps_everything() -> None:
    value = {
        "a": {"Ref": "A"},
        "b": {"Fn::GetAtt": ["A", "B"]},
        "c": {"Fn::Sub": "${A}-${A.B}"},
        "d": {"Fn::If": ["C", {"Fn::Join": ["-", [1, True, "x"]]}, {"Ref": "AWS::NoValue"}]},
        "e": {"Fn::Other": [{"Fn::Sub": "plain"}]},
    }
    assert decided(value, Names()) == {
        **value,
        "d": {"Fn::If": ["C", "1-true-x", NO_VALUE]},
        "e": {"Fn::Other": ["plain"]},
    }
    assert decided(NO_VALUE, Names()) == NO_VALUE


@pytest.mark.parametrize(
    "value",
    [
        {"Fn::Sub": ["${A}"]},
        {"Fn::Sub": ["${A}", {}, {}]},
        {"Fn::Sub": [1, {}]},
        {"Fn::Sub": ["${A}", []]},
        {"Fn::Join": ["-", "x"]},
        {"Fn::If": ["Yes", 1, 2, 3]},
        {"Fn::GetAtt": []},
    ],
)
def test_what_is_no_form_of_its_function_stays_as_it_is(value: object) -> None:
    assert resolve(value, Some()) == value
