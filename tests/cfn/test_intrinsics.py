"""Intrinsic functions as text, and what `Fn::If` decides."""

import pytest

from generator.cfn.intrinsics import choices, decide, outcomes, render
from generator.cfn.templates import from_bodies

NOTHING = {"Ref": "AWS::NoValue"}


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
    value = {"a": {"Fn::If": ["C", "yes", NOTHING]}, "b": [{"Fn::If": ["C", {"Fn::If": ["D", 1, 2]}, 3]}]}
    assert list(choices(value)) == [
        (("C", "D"), {"a": "yes", "b": [1]}),
        (("C", "not D"), {"a": "yes", "b": [2]}),
        (("not C",), {"b": [3]}),
    ]
    assert list(choices(value, ("not C",))) == [(("not C",), {"b": [3]})]
    assert list(choices("plain")) == [((), "plain")]


def test_deciding_leaves_other_conditions_alone() -> None:
    value = [{"Fn::If": ["C", 1, NOTHING]}, {"Fn::If": ["D", 2, NOTHING]}]
    assert decide(value, {"C": False}) == [{"Fn::If": ["D", 2, NOTHING]}]


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
    found = {tuple(outcome.values()) for outcome in outcomes(from_bodies({"t": body})["t"])}
    assert found == {
        (True, False, True, True),
        (True, False, True, False),
        (False, True, True, False),
        (False, False, False, False),
    }


def test_a_template_without_conditions_has_one_outcome() -> None:
    assert outcomes(from_bodies({"t": {"Resources": {"A": {"Type": "AWS::SQS::Queue"}}}})["t"]) == ({},)
