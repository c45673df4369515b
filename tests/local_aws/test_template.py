"""Parameters, conditions, functions and structure, as CloudFormation reads them; what it refuses, word for word."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.unknown import KNOWN_AFTER_APPLY
from scripts.local_aws.template import LONGEST_VALUE, NOTHING, InvalidTemplateError, Scope, parameters, read

BASE: dict[str, Any] = {
    "Parameters": {
        "Name": {"Type": "String", "AllowedPattern": "[a-z]+", "Default": "abc"},
        "Names": {"Type": "CommaDelimitedList", "Default": "a, b"},
        "Number": {"Type": "Number", "Default": 5},
        "Image": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/image"},
        "Images": {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/images,x"},
    },
    "Conditions": {"Long": {"Fn::Equals": [{"Ref": "Name"}, "abc"]}, "Never": {"Fn::Not": [{"Condition": "Long"}]}},
    "Mappings": {"Sizes": {"small": {"Cpu": "256"}}},
    "Resources": {
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {}}},
    },
}
PSEUDO = {"AWS::Region": "us-east-1", "AWS::AccountId": "123456789012", "AWS::StackName": "app"}
SMALL: dict[str, Any] = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}


def scope(preview: bool = False) -> Scope:
    template = read(json.dumps(BASE))
    values = parameters(template, {}, lambda name: f"value of {name}")
    checked = Scope(template, values, PSEUDO, zones=("us-east-1a", "us-east-1b"), preview=preview).check()
    if not preview:
        checked.existing["Bucket"] = ("the-bucket", {"Arn": "arn:aws:s3:::the-bucket", "Empty": ""})
    return checked


def reason(call: Callable[[], object]) -> str:
    """Why a call is refused."""
    with pytest.raises(InvalidTemplateError) as refused:
        call()
    return str(refused.value)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Ref": "Name"}, "abc"),
        ({"Ref": "Number"}, "5"),
        ({"Ref": "Names"}, ["a", "b"]),
        ({"Ref": "Image"}, "value of /image"),
        ({"Ref": "Images"}, ["value of /images", "x"]),
        ({"Ref": "AWS::NoValue"}, NOTHING),
        ({"Ref": "AWS::AccountId"}, "123456789012"),
        ({"Ref": "Bucket"}, "the-bucket"),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "arn:aws:s3:::the-bucket"),
        ({"Fn::GetAtt": ["Bucket", {"Fn::Join": ["", ["A", "rn"]]}]}, "arn:aws:s3:::the-bucket"),
        ({"Fn::GetAtt": "Bucket.Arn"}, "arn:aws:s3:::the-bucket"),
        ({"Fn::GetAtt": ["Bucket", "Empty"]}, ""),
        (
            {"Fn::Sub": "${Name}-${Bucket.Arn}-${!Literal}-${AWS::Region}"},
            "abc-arn:aws:s3:::the-bucket-${Literal}-us-east-1",
        ),
        ({"Fn::Sub": ["${One} ${Two} ${Name}", {"One": {"Ref": "Name"}, "Two": True}]}, "abc true abc"),
        ({"Fn::Join": ["-", ["a", 1, True, {"Ref": "Number"}]]}, "a-1-true-5"),
        ({"Fn::Join": ["-", {"Ref": "Names"}]}, "a-b"),
        ({"Fn::Select": [0, ["a", "b"]]}, "a"),
        ({"Fn::Select": ["1", {"Fn::Split": [",", "a,b"]}]}, "b"),
        ({"Fn::Split": [",", "a,b,"]}, ["a", "b", ""]),
        ({"Fn::If": ["Long", "yes", "no"]}, "yes"),
        ({"Fn::If": ["Never", "yes", "no"]}, "no"),
        ({"Fn::FindInMap": ["Sizes", "small", "Cpu"]}, "256"),
        ({"Fn::Base64": "a"}, "YQ=="),
        ({"Fn::GetAZs": ""}, ["us-east-1a", "us-east-1b"]),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"Fn::Cidr": ["10.0.0.0/24", "3", "5"]}, ["10.0.0.0/27", "10.0.0.32/27", "10.0.0.64/27"]),
        ({"Fn::Cidr": ["2001:db8::/56", 1, 64]}, ["2001:db8::/64"]),
        ({"Fn::Cidr": [KNOWN_AFTER_APPLY, 2, 8]}, [KNOWN_AFTER_APPLY, KNOWN_AFTER_APPLY]),
        ([{"Ref": "AWS::NoValue"}, {"Fn::If": ["Never", 1, {"Ref": "AWS::NoValue"}]}, 2], [2]),
        ({"A": {"Ref": "AWS::NoValue"}, "B": 1}, {"B": 1}),
        ({"A": {"Ref": "Name", "B": {"Ref": "Name"}}}, {"A": {"Ref": "Name", "B": "abc"}}),
        ({"Condition": {"Ref": "Name"}}, {"Condition": "abc"}),
    ],
)
def test_functions(expression: Any, value: Any) -> None:
    assert scope().resolve(expression) == value


def test_a_template_has_the_values_of_its_parameters_as_texts() -> None:
    values = parameters(read(json.dumps(BASE)), {"Name": "xyz"}, lambda name: f"value of {name}")
    expected = {"Name": "xyz", "Names": "a, b", "Number": "5", "Image": "value of /image"}
    assert values == {**expected, "Images": "value of /images,x"}
    unknown = parameters(read(json.dumps(BASE)), {"Name": KNOWN_AFTER_APPLY, "Image": KNOWN_AFTER_APPLY}, str.upper)
    assert unknown == {**expected, "Name": KNOWN_AFTER_APPLY, "Image": KNOWN_AFTER_APPLY, "Images": "/IMAGES,X"}


def test_what_is_not_created_yet_is_unknown_at_preview() -> None:
    preview = scope(preview=True)
    assert preview.resolve({"Ref": "Bucket"}) == KNOWN_AFTER_APPLY
    other = replace(preview, unknown="intrinsic")
    assert other.resolve({"Ref": "Bucket"}) == "{{IntrinsicFunction:app/Bucket/Ref}}"
    assert other.resolve({"Fn::GetAtt": ["Bucket", "Arn"]}) == "{{IntrinsicFunction:app/Bucket.Arn/Fn::GetAtt}}"
    mixed = replace(preview, unknown="mixed")
    assert mixed.resolve({"Ref": "Bucket"}) == mixed.resolve({"Ref": "Policy"}) == KNOWN_AFTER_APPLY
    assert mixed.resolve({"Fn::GetAtt": ["Bucket", "Name"]}) == "{{IntrinsicFunction:app/Bucket.Name/Fn::GetAtt}}"
    assert preview.resolve({"Fn::Sub": "x-${Bucket.Arn}"}) == f"x-{KNOWN_AFTER_APPLY}"
    preview.existing["Bucket"] = ("the-bucket", {"Arn": "the-arn"})
    assert [preview.resolve({"Fn::GetAtt": ["Bucket", "Arn"]}), preview.resolve({"Ref": "Bucket"})] == [
        "the-arn",
        "the-bucket",
    ]
    message = "Template error: resource Bucket does not support attribute type Name in Fn::GetAtt"
    assert reason(lambda: preview.resolve({"Fn::GetAtt": ["Bucket", "Name"]})) == message
    preview.existing["Bucket"] = ("the-bucket", {})
    assert preview.resolve({"Fn::GetAtt": ["Bucket", "Name"]}) == KNOWN_AFTER_APPLY, "hidden: it is about to change"


FUNCTIONS = "Fn::Base64, Fn::Cidr, Fn::FindInMap, Fn::GetAZs, Fn::Join, Fn::Select, Fn::Split"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ({"Ref": "Nobody"}, "Template format error: Unresolved dependencies [Nobody]. Cannot reference resources"),
        (
            {"Fn::GetAtt": ["Bucket", "Colour"]},
            "Template error: resource Bucket does not support attribute type Colour in Fn::GetAtt",
        ),
        ({"Fn::GetAtt": ["Bucket", "Outputs.Name"]}, "Output 'Name' not found in stack the-bucket"),
        ({"Fn::ImportValue": "x"}, f"Template error: Fn::ImportValue is not supported; supported: {FUNCTIONS}"),
        ({"Fn::Select": [7, ["a"]]}, "Template error: Fn::Select cannot select nonexistent value at index 7"),
        ({"Fn::Select": [1, ["a"]]}, "Template error: Fn::Select cannot select nonexistent value at index 1"),
        ({"Fn::Select": [-1, ["a"]]}, "Template error: Fn::Select cannot select nonexistent value at index -1"),
        (
            {"Fn::Select": [0, {"Ref": "Bucket"}]},
            "Template error: Fn::Select requires a list argument with two elements, not 'the-bucket'",
        ),
        ({"Fn::FindInMap": ["Sizes", "large", "Cpu"]}, "Template error: Fn::FindInMap cannot be evaluated: 'large'"),
        (
            {"Fn::Cidr": ["10.0.0.1/16", 1, 8]},
            "Template error: Fn::Cidr cannot be evaluated: 10.0.0.1/16 has host bits set",
        ),
        ({"Ref": "Policy"}, "Policy does not exist yet"),
        ({"Fn::Sub": "${Names}"}, "Template error: Fn::Sub needs a string for ${Names}, not ['a', 'b']"),
    ],
)
def test_what_cannot_be_resolved_is_refused(expression: Any, message: str) -> None:
    assert reason(lambda: scope().resolve(expression)) == message


def test_what_a_condition_leaves_out_cannot_be_referred_to() -> None:
    body = copy.deepcopy(BASE)
    body["Resources"]["Bucket"]["Condition"] = "Never"
    template = read(json.dumps(body))
    values = parameters(template, {}, lambda name: f"value of {name}")
    left_out = Scope(template, values, PSEUDO, preview=True).check()
    assert left_out.conditions == {"Long": True, "Never": False}
    assert [left_out.exists(resource) for resource in body["Resources"].values()] == [False, True]
    for expression in ({"Ref": "Bucket"}, {"Fn::GetAtt": ["Bucket", "Arn"]}):
        message = "Template format error: Unresolved resource dependencies [Bucket]: its condition is false"
        assert reason(lambda expression=expression: left_out.resolve(expression)) == message  # type: ignore[misc]


@pytest.mark.parametrize(
    ("declared", "supplied", "message"),
    [
        ({}, {"Nobody": "x", "Also": "y"}, "Parameters: [Also, Nobody] do not exist in the template"),
        ({}, {"Name": "ABC"}, "Parameter 'Name' must match [a-z]+"),
        (
            {"ConstraintDescription": "has small letters"},
            {"Name": "ABC"},
            "Parameter Name failed to satisfy constraint: has small letters",
        ),
        ({"Default": "ABC"}, {}, "Parameter 'Name' must match [a-z]+"),
        ({"AllowedValues": ["a", "b"]}, {"Name": "c"}, "Parameter 'Name' must be one of AllowedValues"),
        (
            {"Type": "Number", "AllowedPattern": ".*", "MinValue": 3},
            {"Name": "2"},
            "Parameter 'Name' must be at least 3",
        ),
        ({"Default": None}, {}, "Parameters: [Name] must have values"),
    ],
)
def test_parameters_are_checked(declared: dict[str, Any], supplied: dict[str, str], message: str) -> None:
    body = copy.deepcopy(BASE)
    body["Parameters"]["Name"] |= declared
    if declared.get("Default", "") is None:
        del body["Parameters"]["Name"]["Default"]
    assert reason(lambda: parameters(read(json.dumps(body)), supplied, str)) == message


def changed(*path: str, value: Any) -> str:
    """The text of the base with another value at a place."""
    body = copy.deepcopy(BASE)
    inner = body
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return json.dumps(body)


BUCKET = ("Resources", "Bucket")
EMPTY = "Template format error: At least one Resources member must be defined."
UNTYPED = "Template format error: [/Resources/Bucket] Every Resources object must contain a Type member."
NO_TEMPLATE = "Template format error: unsupported structure."
UNRESOLVED = "Template format error: Unresolved resource dependencies"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed(*BUCKET, "DependsOn", value="Policy"), "Circular dependency between resources: [Bucket, Policy]"),
        (
            changed(*BUCKET, "DependsOn", value=["Nobody"]),
            f"{UNRESOLVED} [Nobody] in the Resources block of the template",
        ),
        (changed(*BUCKET, "DependsOn", value="Name"), f"{UNRESOLVED} [Name] in the Resources block of the template"),
        (
            changed(*BUCKET, "Properties", value={"BucketName": {"Fn::GetAtt": ["Name", "Arn"]}}),
            f"{UNRESOLVED} [Name] in the Resources block of the template",
        ),
        (
            changed("Outputs", value={"Out": {"Value": {"Ref": "Nobody"}}}),
            f"{UNRESOLVED} [Nobody] in the Outputs block of the template",
        ),
        (
            changed(*BUCKET, "Condition", value="Nobody"),
            "Template error: Unresolved condition dependency Nobody in Resources.Bucket",
        ),
        (
            changed(*BUCKET, value={"Type": "AWS::S3::Bucket", "Colour": "red", "Age": 3}),
            "Invalid template resource property 'Age' in Bucket",
        ),
        (
            changed(*BUCKET, "DeletionPolicy", value="Keep"),
            "Template error: Unrecognized DeletionPolicy Keep for resource Bucket",
        ),
        (
            changed(*BUCKET, "UpdateReplacePolicy", value="RetainExceptOnCreate"),
            "Template error: Unrecognized UpdateReplacePolicy RetainExceptOnCreate for resource Bucket",
        ),
        (changed(*BUCKET, value={}), UNTYPED),
        (changed(*BUCKET, value={"Type": 3}), UNTYPED),
        (changed(*BUCKET, value="AWS::S3::Bucket"), UNTYPED),
        (changed("Resources", value={}), EMPTY),
        (changed("Resources", value=[{"Type": "AWS::S3::Bucket"}]), EMPTY),
        ('{"Parameters": {}}', EMPTY),
        (changed("Colour", value={}), "Invalid template property or properties [Colour]"),
        (
            changed("Outputs", value={f"Out{n}": {"Value": "x"} for n in range(201)}),
            "Template format error: Number of outputs, 201, is greater than maximum allowed, 200",
        ),
        (
            '{"Resources": ',
            "Template format error: JSON not well-formed. (Expecting value: line 1 column 15 (char 14))",
        ),
        (
            "Resources: [",
            "Template format error: YAML not well-formed. (while parsing a flow node\nexpected the node content, but "
            "found '<stream end>'\n  in \"<unicode string>\", line 1, column 13:\n    Resources: [\n                ^)",
        ),
        ("a text", NO_TEMPLATE),
        ("", NO_TEMPLATE),
        ("- a list", NO_TEMPLATE),
    ],
)
def test_structure_is_checked(text: str, message: str) -> None:
    assert reason(lambda: read(text)) == message


@pytest.mark.parametrize("policy", ["Delete", "Retain", "RetainExceptOnCreate", "Snapshot"])
def test_what_a_template_may_say(policy: str) -> None:
    """Every section and attribute, each policy, and as many outputs as there may be."""
    resource = {
        "Type": "AWS::S3::Bucket",
        "Properties": {},
        "Metadata": {},
        "DependsOn": [],
        "Condition": "Yes",
        "DeletionPolicy": policy,
        "UpdateReplacePolicy": policy.removesuffix("ExceptOnCreate"),
        "CreationPolicy": {},
        "UpdatePolicy": {},
    }
    body = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "d",
        "Metadata": {},
        "Mappings": {},
        "Parameters": {},
        "Rules": {},
        "Conditions": {"Yes": {"Fn::Equals": ["a", "a"]}},
        "Resources": {"Bucket": resource},
        "Outputs": {f"Out{n}": {"Value": "x"} for n in range(200)},
    }
    assert read(json.dumps(body)).body == body
    assert read(json.dumps(body)) is read(json.dumps(body)), "one value for the same text"


def test_yaml_is_read_as_aws_reads_it() -> None:
    text = "AWSTemplateFormatVersion: 2010-09-09\nResources:\n  Bucket: {Type: 'AWS::S3::Bucket'}\n"
    assert read(text).body == {"AWSTemplateFormatVersion": "2010-09-09", **SMALL}
    assert read(f"\n {json.dumps(SMALL)}").body == SMALL


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"Rules": {"Short": {"Assertions": [{"Assert": {"Fn::Equals": [{"Ref": "Name"}, "z"]}}]}}},
            "Template validation error: Rule Short: assertion 0 does not hold",
        ),
        (
            {"Conditions": {"Odd": {"Fn::Equals": ["z"]}}},
            "Template error: Conditions.Odd.Fn::Equals: expected a list of 2 to 2",
        ),
    ],
)
def test_rules_and_conditions_that_do_not_hold_or_cannot_be_evaluated_are_refused(body: Any, message: str) -> None:
    template = read(json.dumps({**BASE, **body}))
    assert reason(lambda: Scope(template, parameters(template, {}, str), PSEUDO).check()) == message


def test_a_rule_is_about_the_value_that_a_name_of_systems_manager_stands_for() -> None:
    assertion = {"Assert": {"Fn::Contains": [["x"], {"Ref": "Image"}]}, "AssertDescription": "it is x"}
    template = read(json.dumps({**BASE, "Rules": {"Known": {"Assertions": [assertion]}}}))
    assert Scope(template, parameters(template, {}, lambda _: "x"), PSEUDO).check()
    message = "Template validation error: Rule Known: it is x"
    assert reason(lambda: Scope(template, parameters(template, {}, lambda _: "y"), PSEUDO).check()) == message


def test_the_length_of_a_value_is_that_of_the_quota() -> None:
    """CloudFormation user guide, "Understand CloudFormation quotas": 4,096 bytes of a parameter's value."""
    assert LONGEST_VALUE == 4096
