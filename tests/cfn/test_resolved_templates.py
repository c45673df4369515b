"""An environment's templates for certain values: conditions, parameters, outputs of siblings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

import pytest

from generator.cfn import parameters
from generator.cfn.assertions import NotEvaluableError, as_text
from generator.cfn.instance import resolved_templates
from generator.cfn.permissions import permissions
from generator.cfn.templates import STACK, Template, UnknownNameError, from_bodies, load
from tests.conftest import ROOT

PSEUDO = {"AWS::Region": "eu-west-1", "AWS::Partition": "aws"}


def nested(name: str, **more: Any) -> dict[str, Any]:
    return {"Type": STACK, "Properties": {"TemplateURL": f"{name}.json", **more}}


SET: dict[str, Any] = {
    "root": {
        "Parameters": {"Own": {"Type": "String"}, "Names": {"Type": "CommaDelimitedList"}},
        "Conditions": {"New": {"Fn::Equals": [{"Ref": "Own"}, ""]}},
        "Resources": {
            "Key": nested("key") | {"Condition": "New"},
            "Data": nested(
                "data",
                Parameters={"KeyArn": {"Fn::If": ["New", {"Fn::GetAtt": ["Key", "Outputs.Arn"]}, {"Ref": "Own"}]}},
            ),
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"Names": {"Ref": "Names"}}},
        },
    },
    "key": {
        "Resources": {"Key": {"Type": "AWS::KMS::Key"}},
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Key", "Arn"]}}},
    },
    "data": {
        "Parameters": {"KeyArn": {"Type": "String"}, "Size": {"Type": "Number", "Default": 1}},
        "Conditions": {"HasKey": {"Fn::Not": [{"Fn::Equals": [{"Ref": "KeyArn"}, ""]}]}},
        "Resources": {
            "Other": {"Type": "AWS::SQS::Queue"},
            "Table": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {
                    "Key": {"Fn::If": ["HasKey", {"Ref": "KeyArn"}, {"Ref": "AWS::NoValue"}]},
                    "Size": {"Ref": "Size"},
                    "Text": {"Fn::Sub": ["${Other}/${Key}/${AWS::Region}/${!Literal}", {"Key": {"Ref": "KeyArn"}}]},
                    "Joined": {"Fn::Join": [":", ["a", {"Fn::GetAtt": "Other.Arn"}]]},
                    "Kept": {"Fn::Select": [0, {"Fn::GetAZs": ""}]},
                },
            },
        },
    },
}


def table(**values: str) -> dict[str, Any]:
    result = resolved_templates(from_bodies(SET)["root"], {"Names": "a, b", **values})
    return dict(result["Data"].resources["Table"].properties)


def test_what_a_sibling_gives_has_one_text_everywhere() -> None:
    result = table(Own="")
    assert result["Key"] == "${Key.Key.Arn}"
    assert result["Text"] == "${Data.Other}/${Key.Key.Arn}/${AWS::Region}/${!Literal}"
    assert result["Joined"] == "a:${Data.Other.Arn}" and result["Size"] == "1"
    assert result["Kept"] == {"Fn::Select": [0, {"Fn::GetAZs": ""}]}


def test_parameters_decide_what_there_is() -> None:
    result = resolved_templates(from_bodies(SET)["root"], {"Own": "arn:mine", "Names": "a, b"})
    assert list(result.templates) == ["Data", "root"]
    assert result["Data"].resources["Table"].properties["Key"] == "arn:mine"
    assert result["root"].resources["Topic"].properties["Names"] == ["a", "b"]


def test_what_is_missing_is_told() -> None:
    bodies = {name: body for name, body in SET.items() if name != "data"}
    with pytest.raises(UnknownNameError, match="Data"):
        resolved_templates(from_bodies(bodies)["root"], {"Own": "", "Names": ""})
    with pytest.raises(NotEvaluableError, match="Own"):
        resolved_templates(from_bodies(SET)["root"], {"Names": ""})


def results_with_memory(root: Template, sets_of_values: Iterable[Mapping[str, str]]) -> int:
    """How many different results a root has under some sets of values, after each was compared with the one that is
    spelled out with what the sets before it left behind."""
    known: dict[Any, Any] = {}
    results: list[dict[str, Any]] = []
    for values in sets_of_values:
        alone, remembering = (
            {template.name: template.body for template in resolved_templates(root, values, PSEUDO, memory)}
            for memory in (None, known)
        )
        assert remembering == alone
        results += [alone] if alone not in results else []
    return len(results)


def test_what_is_remembered_of_other_values_changes_nothing() -> None:
    root = {**SET["root"], "Outputs": {"Own": {"Value": {"Ref": "Own"}, "Condition": "New"}}}
    root["Resources"] = {
        **SET["root"]["Resources"],
        "Told": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"Name": {"Fn::If": ["New", "new", "old"]}, "Key": {"Fn::GetAtt": ["Data", "Outputs.Key"]}},
        },
    }
    data = {**SET["data"], "Outputs": {"Key": {"Value": {"Ref": "KeyArn"}, "Condition": "HasKey"}}}
    template = from_bodies({**SET, "root": root, "data": data})["root"]
    values = [{"Own": own, "Names": names} for own, names in product(("", "arn:a", "arn:b", ""), ("a", "a, b"))]
    assert results_with_memory(template, values) == 6


def test_nor_does_it_in_our_own_environments() -> None:
    root = load(ROOT / "templates")["environment"]
    files = [parameters.read(ROOT / f"params/{name}.json") for name in ("staging", "beanstalk")]
    values = [dict(parameters.effective(file, root.body)) for file in files]
    values += [
        {**values[0], name: as_text(declared["AllowedValues"][-1])}
        for name, declared in root.parameters.items()
        if "AllowedValues" in declared
    ]
    assert results_with_memory(root, values) > 10


def test_our_own_environments_are_settled_to_the_last_permission() -> None:
    root = load(ROOT / "templates")["environment"]
    for name in ("staging", "production"):
        values = parameters.effective(parameters.read(ROOT / f"params/{name}.json"), root.body)
        pseudo = {"AWS::Region": "eu-west-1", "AWS::AccountId": "0", "AWS::Partition": "aws"}
        stated = permissions(resolved_templates(root, values, pseudo))
        assert len(stated) > 50 and not any(permission.when for permission in stated)
        tables = [permission for permission in stated if "${Data.Clients.Arn}" in permission.resources]
        assert {table.holder for table in tables} == {"Backend.TaskRole"}


def test_an_output_that_a_nested_stack_does_not_give_stays_a_name() -> None:
    bodies = from_bodies(SET)["root"].family
    root = {**bodies["root"].body, "Outputs": {"Lost": {"Value": {"Fn::GetAtt": ["Data", "Outputs.Lost"]}}}}
    root["Resources"] = {**root["Resources"], "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}}}
    root["Resources"]["Queue"]["Properties"]["Name"] = {"Fn::GetAtt": ["Data", "Outputs.Lost"]}
    templates = from_bodies({**SET, "root": root})
    resolved = resolved_templates(templates["root"], {"Own": "arn:mine", "Names": ""})
    assert resolved["root"].resources["Queue"].properties["Name"] == "${Data.Outputs.Lost}"
