"""Templates as they are in one environment."""

from __future__ import annotations

import json
from typing import Any

import pytest

from generator.cfn.instance import Instance, known_text, stack_instances
from generator.cfn.templates import TemplateSet, from_bodies, load
from tests.conftest import ROOT

PARENT: dict[str, Any] = {
    "Parameters": {"Size": {"Type": "String", "Default": "2"}, "Mail": {"Type": "String"}},
    "Conditions": {"Big": {"Fn::Equals": [{"Ref": "Size"}, "2"]}, "Small": {"Fn::Not": [{"Condition": "Big"}]}},
    "Resources": {
        "First": {"Type": "T", "Condition": "Big"},
        "Second": {"Type": "T", "Condition": "Small", "DependsOn": "First"},
        "Third": {"Type": "T", "DependsOn": ["First", "Second"], "Properties": {"A": {"Fn::If": ["Big", "x", "y"]}}},
        "Child": {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {
                "TemplateURL": "child.json",
                "Parameters": {
                    "Name": {"Fn::Sub": "n-${Size}-${AWS::Region}"},
                    "Mail": {"Ref": "Mail"},
                    "Arn": {"Fn::GetAtt": ["First", "Arn"]},
                },
            },
        },
    },
    "Outputs": {"Gone": {"Condition": "Small", "Value": "1"}, "There": {"Value": {"Ref": "Size"}}},
}
CHILD: dict[str, Any] = {
    "Parameters": {name: {"Type": "String"} for name in ("Name", "Mail", "Arn")},
    "Conditions": {
        "HasMail": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Mail"}, ""]}]},
        "HasArn": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Arn"}, ""]}]},
    },
    "Resources": {
        "Always": {"Type": "T", "Properties": {"Name": {"Ref": "Name"}, "Arn": {"Ref": "Arn"}}},
        "Post": {"Type": "T", "Condition": "HasMail"},
        "Wired": {"Type": "T", "Condition": "HasArn"},
    },
}


def by_path(**values: str) -> dict[tuple[str, ...], Instance]:
    root = from_bodies({"parent": PARENT, "child": CHILD})["parent"]
    return {
        stack_instance.path: stack_instance
        for stack_instance in stack_instances(root, {"AWS::Region": "eu-west-1", **values})
    }


def test_conditions_are_decided_and_what_they_leave_out_is_gone() -> None:
    result = by_path(Mail="")
    parent = result[()].template
    assert set(parent.resources) == {"First", "Third", "Child"} and set(parent.outputs) == {"There"}
    assert parent.resources["Third"].properties == {"A": "x"} and parent.resources["Third"].depends_on == ("First",)
    assert not parent.conditions and "Condition" not in json.dumps(parent.body)
    assert set(result["Child",].template.resources) == {"Always", "Wired"}
    assert set(by_path(Size="1", Mail="")[()].template.resources) == {"Second", "Third", "Child"}


def test_a_root_of_which_nothing_is_left_is_no_stack() -> None:
    resource = {"Type": "T", "Condition": "Never"}
    body = {"Conditions": {"Never": {"Fn::Equals": ["a", "b"]}}, "Resources": {"One": resource}}
    assert stack_instances(from_bodies({"root": body})["root"], {}) == []


def test_values_are_known_as_far_as_they_can_be() -> None:
    child = by_path(Mail="a@b.c")["Child",]
    assert child.values["Name"] == "n-2-eu-west-1" and "Arn" not in child.values
    always = child.template.resources["Always"]
    assert child.text(always.get("Name")) == "n-2-eu-west-1" and child.text(always.get("Arn")) is None
    assert "Post" in child.template.resources
    assert child.number(always, "Missing", default=3.0) == 3.0


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1"), (True, "true"), ({"Ref": "A"}, "a"), ({"Ref": "B"}, None), ({"Fn::Sub": "${A}${B}"}, None), ([], None)],
)
def test_known(value: object, text: str | None) -> None:
    assert known_text(value, {"A": "a"}) == text


def test_our_own_templates_hold_nothing_conditional() -> None:
    templates: TemplateSet = load(ROOT / "templates")
    stacks = stack_instances(templates["environment"], {"Environment": "x", "AWS::Region": "eu-west-1"})
    assert len(stacks) > 12
    for stack in stacks:
        assert "Fn::If" not in json.dumps(stack.template.body), stack.path


def test_the_whole_template_of_an_environment() -> None:
    """What is gone leaves nothing behind: no reason of its statements, no dependency, no parameter, no form."""
    explained = {"Reasons": {"Kept": "a", "Lost": "b"}, "Wildcards": {"Lost": "c"}, "Other": {"Lost": "d"}}
    statements = [{"Sid": "Kept"}, {"Fn::If": ["Big", {"Ref": "AWS::NoValue"}, {"Sid": "Lost"}]}]
    parent = {
        **PARENT,
        "Description": "text",
        "Rules": {"R": {}},
        "Metadata": {"AWS::CloudFormation::Interface": {"ParameterGroups": []}, "Generator": {"Version": "1"}},
        "Resources": {
            **PARENT["Resources"],
            "Policy": {"Type": "T", "Metadata": explained, "Properties": {"Statement": statements}},
        },
    }
    root = from_bodies({"parent": parent, "child": CHILD})["parent"]
    child_parameters = {"Name": {"Fn::Sub": "n-${Size}-${AWS::Region}"}, "Arn": {"Fn::GetAtt": ["First", "Arn"]}}
    stacks = stack_instances(root, {"AWS::Region": "eu-west-1", "Mail": "a@b.c"})
    assert [(stack.path, stack.values) for stack in stacks] == [
        ((), {"AWS::Region": "eu-west-1", "Size": "2", "Mail": "a@b.c"}),
        (("Child",), {"AWS::Region": "eu-west-1", "Name": "n-2-eu-west-1", "Mail": "a@b.c"}),
    ]
    assert stacks[0].template.body == {
        "Description": "text",
        "Resources": {
            "First": {"Type": "T"},
            "Third": {"Type": "T", "DependsOn": ["First"], "Properties": {"A": "x"}},
            "Child": {
                "Type": "AWS::CloudFormation::Stack",
                "Properties": {"TemplateURL": "child.json", "Parameters": child_parameters},
            },
            "Policy": {
                "Type": "T",
                "Metadata": {"Reasons": {"Kept": "a"}, "Wildcards": {}, "Other": {"Lost": "d"}},
                "Properties": {"Statement": [{"Sid": "Kept"}]},
            },
        },
        "Outputs": {"There": {"Value": {"Ref": "Size"}}},
        "Parameters": {"Size": PARENT["Parameters"]["Size"]},
        "Metadata": {"Generator": {"Version": "1"}},
    }
    assert stacks[1].template.body == {
        "Resources": {"Always": CHILD["Resources"]["Always"], "Post": {"Type": "T"}, "Wired": {"Type": "T"}},
        "Outputs": {},
        "Parameters": {name: {"Type": "String"} for name in ("Name", "Arn")},
        "Metadata": {},
    }


def test_a_number_of_a_resource() -> None:
    """The default stands for what is not there, and for what only AWS knows."""
    properties = {"A": 2, "B": "3.5", "C": {"Ref": "Known"}, "D": {"Ref": "Unknown"}, "E": [{"F": "7"}], "Zero": 0}
    body = {"Resources": {"R": {"Type": "T", "Properties": properties}}}
    template = from_bodies({"t": body})["t"]
    instance, resource = Instance((), template, {"Known": "4"}), template.resources["R"]
    numbers = {name: instance.number(resource, name, default=9.0) for name in "ABCDX"}
    assert numbers == {"A": 2.0, "B": 3.5, "C": 4.0, "D": 9.0, "X": 9.0}
    assert (instance.number(resource, "E", 0, "F", default=9.0), instance.number(resource, "Zero", default=9.0)) == (
        7.0,
        0.0,
    )
