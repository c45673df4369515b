"""Parameters, conditions, functions and structure, as CloudFormation reads them."""

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.unknown import KNOWN_AFTER_APPLY
from scripts.local_aws.template import NOTHING, InvalidTemplateError, Scope, parameters, read

BASE: dict[str, Any] = {
    "Parameters": {
        "Name": {"Type": "String", "AllowedPattern": "[a-z]+", "Default": "abc"},
        "Names": {"Type": "CommaDelimitedList", "Default": "a, b"},
        "Image": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/image"},
    },
    "Conditions": {"Long": {"Fn::Equals": [{"Ref": "Name"}, "abc"]}, "Never": {"Fn::Not": [{"Condition": "Long"}]}},
    "Mappings": {"Sizes": {"small": {"Cpu": "256"}}},
    "Resources": {
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {}}},
    },
}
PSEUDO = {"AWS::Region": "us-east-1", "AWS::AccountId": "123456789012", "AWS::StackName": "app"}


def scope(preview: bool = False) -> Scope:
    template = read(json.dumps(BASE))
    values = parameters(template, {}, lambda name: f"value of {name}")
    checked = Scope(template, values, PSEUDO, zones=("us-east-1a", "us-east-1b"), preview=preview).check()
    if not preview:
        checked.existing["Bucket"] = ("the-bucket", {"Arn": "arn:aws:s3:::the-bucket"})
    return checked


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Ref": "Name"}, "abc"),
        ({"Ref": "Names"}, ["a", "b"]),
        ({"Ref": "Image"}, "value of /image"),
        ({"Ref": "AWS::NoValue"}, NOTHING),
        ({"Ref": "Bucket"}, "the-bucket"),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "arn:aws:s3:::the-bucket"),
        ({"Fn::GetAtt": "Bucket.Arn"}, "arn:aws:s3:::the-bucket"),
        (
            {"Fn::Sub": "${Name}-${Bucket.Arn}-${!Literal}-${AWS::Region}"},
            "abc-arn:aws:s3:::the-bucket-${Literal}-us-east-1",
        ),
        ({"Fn::Sub": ["${One}", {"One": {"Ref": "Name"}}]}, "abc"),
        ({"Fn::Join": ["-", ["a", 1, True]]}, "a-1-true"),
        ({"Fn::Select": ["1", {"Fn::Split": [",", "a,b"]}]}, "b"),
        ({"Fn::If": ["Long", "yes", "no"]}, "yes"),
        ({"Fn::FindInMap": ["Sizes", "small", "Cpu"]}, "256"),
        ({"Fn::Base64": "a"}, "YQ=="),
        ({"Fn::GetAZs": ""}, ["us-east-1a", "us-east-1b"]),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ([{"Ref": "AWS::NoValue"}, {"Fn::If": ["Never", 1, {"Ref": "AWS::NoValue"}]}, 2], [2]),
        ({"A": {"Ref": "AWS::NoValue"}, "B": 1}, {"B": 1}),
    ],
)
def test_functions(expression: Any, value: Any) -> None:
    assert scope().resolve(expression) == value


def test_what_is_not_made_yet_is_unknown_at_preview() -> None:
    preview = scope(preview=True)
    assert preview.resolve({"Ref": "Bucket"}) == KNOWN_AFTER_APPLY
    other = replace(preview, unknown="intrinsic")
    assert other.resolve({"Ref": "Bucket"}) == "{{IntrinsicFunction:app/Bucket/Ref}}"
    assert other.resolve({"Fn::GetAtt": ["Bucket", "Arn"]}) == "{{IntrinsicFunction:app/Bucket.Arn/Fn::GetAtt}}"
    mixed = replace(preview, unknown="mixed")
    assert len({mixed.resolve({"Ref": "Bucket"}), mixed.resolve({"Ref": "Policy"})}) == 1
    assert len({mixed.resolve({"Ref": "Bucket"}), mixed.resolve({"Fn::GetAtt": ["Bucket", "Name"]})}) == 2
    assert preview.resolve({"Fn::Sub": "x-${Bucket.Arn}"}) == f"x-{KNOWN_AFTER_APPLY}"
    with pytest.raises(InvalidTemplateError, match="Fn::Select requires a list"):
        preview.resolve({"Fn::Select": [0, {"Fn::GetAtt": ["Bucket", "Arn"]}]})


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ({"Ref": "Nobody"}, r"Unresolved dependencies \[Nobody\]"),
        ({"Fn::GetAtt": ["Bucket", "Colour"]}, "does not support attribute type Colour"),
        ({"Fn::ImportValue": "x"}, "Fn::ImportValue is not supported"),
        ({"Fn::Select": [7, ["a"]]}, "nonexistent value at index 7"),
        ({"Fn::FindInMap": ["Sizes", "large", "Cpu"]}, "Fn::FindInMap cannot be evaluated"),
        ({"Ref": "Policy"}, "Policy does not exist yet"),
    ],
)
def test_what_cannot_be_resolved_is_refused(expression: Any, reason: str) -> None:
    with pytest.raises(InvalidTemplateError, match=reason):
        scope().resolve(expression)


def test_what_a_condition_leaves_out_cannot_be_referred_to() -> None:
    body = copy.deepcopy(BASE)
    body["Resources"]["Bucket"]["Condition"] = "Never"
    template = read(json.dumps(body))
    values = parameters(template, {}, lambda name: f"value of {name}")
    left_out = Scope(template, values, PSEUDO, preview=True).check()
    for expression in ({"Ref": "Bucket"}, {"Fn::GetAtt": ["Bucket", "Arn"]}):
        with pytest.raises(InvalidTemplateError, match=r"\[Bucket\]: its condition is false"):
            left_out.resolve(expression)


@pytest.mark.parametrize(
    ("supplied", "reason"),
    [
        ({"Nobody": "x"}, r"Parameters: \[Nobody\] do not exist in the template"),
        ({"Name": "ABC"}, "Parameter 'Name' must match"),
    ],
)
def test_parameters_are_checked(supplied: dict[str, str], reason: str) -> None:
    with pytest.raises(InvalidTemplateError, match=reason):
        parameters(read(json.dumps(BASE)), supplied, str)


def test_a_parameter_without_a_value_is_refused() -> None:
    body = copy.deepcopy(BASE)
    del body["Parameters"]["Name"]["Default"]
    with pytest.raises(InvalidTemplateError, match=r"Parameters: \[Name\] must have values"):
        parameters(read(json.dumps(body)), {}, str)


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (["Resources", "Bucket", "DependsOn"], "Policy", r"Circular dependency between resources: \[Bucket, Policy\]"),
        (["Resources", "Bucket", "DependsOn"], "Nobody", r"Unresolved resource dependencies \[Nobody\]"),
        (["Resources", "Bucket", "Condition"], "Nobody", "Unresolved condition dependency Nobody"),
        (["Resources", "Bucket", "Colour"], "red", "Invalid template resource property 'Colour'"),
        (["Resources", "Bucket", "DeletionPolicy"], "Keep", "Unrecognized DeletionPolicy Keep"),
        (["Resources", "Bucket"], {}, "Bucket has no Type"),
        (["Resources"], {}, "at least one entry in Resources"),
        (["Colour"], {}, r"Invalid template property or properties \[Colour\]"),
    ],
)
def test_structure_is_checked(path: list[str], value: Any, reason: str) -> None:
    body = copy.deepcopy(BASE)
    inner = body
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(InvalidTemplateError, match=reason):
        read(json.dumps(body))


def test_a_rule_that_does_not_hold_is_refused() -> None:
    body = {**BASE, "Rules": {"Short": {"Assertions": [{"Assert": {"Fn::Equals": [{"Ref": "Name"}, "z"]}}]}}}
    template = read(json.dumps(body))
    with pytest.raises(InvalidTemplateError, match="Rule Short"):
        Scope(template, parameters(template, {}, str), PSEUDO).check()
