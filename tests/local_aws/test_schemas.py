"""What a resource schema refuses, property by property, and what it says about a type."""

from typing import Any

import pytest

from generator.cfn import schemas as documents
from generator.cfn.unknown import KNOWN_AFTER_APPLY
from scripts.local_aws import schemas

TAGGED = {"type": "array", "items": {"type": "object"}}
SCHEMA: dict[str, Any] = {
    "definitions": {
        "Rule": {
            "type": "object",
            "required": ["Name"],
            "properties": {"Name": {"type": "string"}, "Next": {"$ref": "#/definitions/Rule"}},
            "additionalProperties": False,
        }
    },
    "properties": {
        "Text": {"type": "string", "enum": ["a", "b", 3]},
        "Flag": {"type": "boolean"},
        "Count": {"type": "integer"},
        "Share": {"type": "number"},
        "Either": {"type": ["object", "string"]},
        "Number": {"type": ["integer", "string"]},
        "Rules": {"type": "array", "items": {"$ref": "#/definitions/Rule"}},
        "Loose": {"type": "array"},
        "Map": {
            "type": "object",
            "patternProperties": {"^[a-z]+$": {"type": "integer"}, "^\\p{L}+$": {"type": "boolean"}},
            "additionalProperties": False,
        },
        "Open": {"type": "object"},
        "Free": {"type": "object", "properties": {"Known": {"type": "integer"}}, "additionalProperties": True},
        "Closed": {"type": "object", "properties": {"Known": {"type": "integer"}}},
        "Nothing": {"type": "object", "additionalProperties": False},
        "Any": {},
        "Odd": True,
        "Id": {"type": "string"},
        "Arn": {"type": "string"},
    },
    "readOnlyProperties": ["/properties/Id", "/properties/Arn"],
    "required": ["Text"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, ["#: required key [Text] not found"]),
        ({"Text": "a", "Colour": "red"}, ["#: extraneous key [Colour] is not permitted"]),
        ({"Text": "c"}, ["#/Text: c is not a valid enum value; valid: a, b, 3"]),
        ({"Text": "3"}, []),
        ({"Text": 3}, []),
        ({"Text": KNOWN_AFTER_APPLY, "Flag": KNOWN_AFTER_APPLY, "Rules": KNOWN_AFTER_APPLY}, []),
        ({"Text": "a", "Flag": True}, []),
        ({"Text": "a", "Flag": "false"}, []),
        ({"Text": "a", "Flag": "yes"}, ["#/Flag: expected type: Boolean, found: yes"]),
        ({"Text": "a", "Flag": 1}, ["#/Flag: expected type: Boolean, found: 1"]),
        ({"Text": "a", "Count": "12", "Share": -1.5}, []),
        ({"Text": "a", "Count": "12x"}, ["#/Count: expected type: Number, found: 12x"]),
        ({"Text": "a", "Share": "1."}, ["#/Share: expected type: Number, found: 1."]),
        ({"Text": "a", "Share": True}, ["#/Share: expected type: Number, found: true"]),
        ({"Text": "a", "Number": "12x"}, []),
        ({"Text": "a", "Count": []}, ["#/Count: expected type: integer, found: JSONArray"]),
        ({"Text": "a", "Count": {}}, ["#/Count: expected type: integer, found: JSONObject"]),
        ({"Text": "a", "Number": {}}, ["#/Number: expected type: integer or string, found: JSONObject"]),
        ({"Text": {"a": "b"}}, ['#/Text: {"a": "b"} is not a valid enum value; valid: a, b, 3']),
        ({"Text": "a", "Either": {"any": "thing"}}, []),
        ({"Text": "a", "Either": ["x"]}, ["#/Either: expected type: object or string, found: JSONArray"]),
        ({"Text": "a", "Open": "text"}, ["#/Open: expected type: object, found: str"]),
        ({"Text": "a", "Rules": "text"}, ["#/Rules: expected type: array, found: str"]),
        ({"Text": "a", "Rules": [{"Name": "x"}, {"Name": "y", "Next": {"Name": "z"}}]}, []),
        (
            {"Text": "a", "Rules": [{"Name": "x"}, {"Next": {"Name": "z", "Colour": 1}}]},
            ["#/Rules/1: required key [Name] not found", "#/Rules/1/Next: extraneous key [Colour] is not permitted"],
        ),
        ({"Text": "a", "Loose": [1, {"a": "b"}]}, []),
        ({"Text": "a", "Map": {"abc": 1, "Äb": True}}, []),
        ({"Text": "a", "Map": {"abc": "x"}}, ["#/Map/abc: expected type: Number, found: x"]),
        ({"Text": "a", "Map": {"A1": "x"}}, ["#/Map/A1: expected type: Boolean, found: x"]),
        ({"Text": "a", "Open": {"any": {"thing": 1}}}, []),
        ({"Text": "a", "Free": {"Known": 1, "More": 2}}, []),
        ({"Text": "a", "Free": {"Known": "x"}}, ["#/Free/Known: expected type: Number, found: x"]),
        ({"Text": "a", "Closed": {"Known": 1, "More": 2}}, ["#/Closed: extraneous key [More] is not permitted"]),
        ({"Text": "a", "Nothing": {"More": 2}}, ["#/Nothing: extraneous key [More] is not permitted"]),
        ({"Text": "a", "Any": {"a": [1]}, "Odd": {"a": [1]}}, []),
        (
            {"Text": "a", "Id": "x", "Arn": "y"},
            ["#: readonly property [Arn] cannot be specified", "#: readonly property [Id] cannot be specified"],
        ),
    ],
)
def test_what_a_schema_refuses(
    monkeypatch: pytest.MonkeyPatch, properties: dict[str, Any], expected: list[str]
) -> None:
    monkeypatch.setattr(documents, "schema", {"My::Own::Type": SCHEMA}.get)
    assert schemas.faults("My::Own::Type", properties) == expected


def test_a_type_without_a_schema_is_unknown() -> None:
    with pytest.raises(schemas.UnknownTypeError, match=r"^AWS::S3::Barrel$"):
        schemas.schema("AWS::S3::Barrel")


def test_what_identifies_a_type_and_what_forces_its_replacement() -> None:
    assert schemas.identifiers("AWS::S3::Bucket") == ["BucketName"]
    assert schemas.identifiers("AWS::ApplicationAutoScaling::ScalingPolicy") == ["Arn", "ScalableDimension"]
    assert {"Arn", "RegionalDomainName", "MetadataTableConfiguration.S3TablesDestination.TableArn"} <= schemas.names(
        "AWS::S3::Bucket", "readOnlyProperties"
    )
    assert schemas.names("AWS::S3::Bucket", "createOnlyProperties") == {
        "BucketName",
        "BucketNamePrefix",
        "BucketNamespace",
    }
    assert schemas.names("AWS::S3::Bucket", "noSuchListing") == frozenset()
    before = {"BucketName": "a", "AccessControl": "Private"}
    assert schemas.replaces("AWS::S3::Bucket", before, {**before, "AccessControl": "PublicRead"}) == set()
    assert schemas.replaces("AWS::S3::Bucket", before, {}) == {"BucketName"}
    name = "EncryptionConfiguration"
    encrypted, other = ({name: {"EncryptionType": "KMS", "KmsKey": key}} for key in ("a", "b"))
    assert schemas.replaces("AWS::ECR::Repository", encrypted, encrypted) == set()
    assert schemas.replaces("AWS::ECR::Repository", encrypted, other) == {name, f"{name}.KmsKey"}
    assert schemas.replaces("AWS::ECR::Repository", {}, {name: "text"}) == {name}
    first = {
        kind
        for kind in ("AWS::S3::Bucket", "AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPCGatewayAttachment")
        if schemas.is_deleted_first(kind)
    }
    assert first == {"AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPCGatewayAttachment"}


PAIRS = [{"Key": "a", "Value": "own"}]


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        ("AWS::S3::Bucket", {}, {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}),
        ("AWS::S3::Bucket", {"Tags": PAIRS}, {"Tags": [*PAIRS, {"Key": "b", "Value": "2"}]}),
        ("AWS::SSM::Parameter", {"Value": "x"}, {"Value": "x", "Tags": {"a": "1", "b": "2"}}),
        ("AWS::SSM::Parameter", {"Tags": {"a": "own"}}, {"Tags": {"a": "own", "b": "2"}}),
        ("AWS::S3::BucketPolicy", {"Bucket": "x"}, {"Bucket": "x"}),
    ],
)
def test_a_stacks_tags_are_added_and_a_resources_own_win(kind: str, properties: Any, expected: Any) -> None:
    assert schemas.tagged(kind, properties, {"b": "2", "a": "1"}) == expected
    assert schemas.tagged(kind, properties, {}) == properties


def test_the_property_of_tags_is_that_of_the_schema() -> None:
    kinds = ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::Backup::BackupVault")
    assert [schemas.tagging(kind) for kind in kinds] == ["Tags", "Tags", "BackupVaultTags"]
