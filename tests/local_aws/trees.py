"""The stacks that these tests deploy: a root of two nested stacks, the second of which needs the first."""

import copy
from typing import Any

from tests.local_aws.support import Aws

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."

STACK = "AWS::CloudFormation::Stack"

LEAVES: dict[str, Any] = {
    "Parameters": {"Versioning": {"Type": "String"}, "Days": {"Type": "String"}},
    "Resources": {
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "DeletionPolicy": "RetainExceptOnCreate",
            "UpdateReplacePolicy": "Retain",
            "Properties": {"VersioningConfiguration": {"Status": {"Ref": "Versioning"}}},
        },
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {
                "Description": {"Fn::Sub": "for ${Bucket}"},
                "EnableKeyRotation": True,
                "KeyPolicy": {"Version": "2012-10-17", "Statement": []},
                "PendingWindowInDays": 7,
            },
        },
        "Logs": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {
                "LogGroupName": {"Fn::Sub": "/leaves/${AWS::StackName}"},
                "RetentionInDays": {"Ref": "Days"},
            },
        },
    },
    "Outputs": {"BucketName": {"Value": {"Ref": "Bucket"}}, "KeyArn": {"Value": {"Fn::GetAtt": ["Key", "Arn"]}}},
}

READER = {
    "Parameters": {"KeyArn": {"Type": "String"}, "Text": {"Type": "String"}},
    "Resources": {
        "Note": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Type": "String", "Value": {"Fn::Sub": "${Text} ${KeyArn}"}},
        }
    },
    "Outputs": {"Note": {"Value": {"Ref": "Note"}}},
}


def root(aws: Aws, leaves: Any = LEAVES, reader: Any = READER, suffix: str = "") -> dict[str, Any]:
    """A root of two nested stacks, the second of which needs the first."""
    nested = {
        "Leaves": {
            "TemplateURL": aws.put(f"leaves{suffix}.json", leaves),
            "Parameters": {"Versioning": {"Ref": "Versioning"}, "Days": {"Ref": "Days"}},
        },
        "Reader": {
            "TemplateURL": aws.put(f"reader{suffix}.json", reader),
            "Parameters": {"KeyArn": {"Fn::GetAtt": ["Leaves", "Outputs.KeyArn"]}, "Text": {"Ref": "Text"}},
        },
    }
    return {
        "Parameters": {
            "Versioning": {"Type": "String", "AllowedValues": ["Enabled", "Suspended"], "Default": "Enabled"},
            "Days": {"Type": "Number", "Default": 7},
            "Text": {"Type": "String", "Default": "hello"},
        },
        "Resources": {name: {"Type": STACK, "Properties": properties} for name, properties in nested.items()},
        "Outputs": {
            "BucketName": {"Value": {"Fn::GetAtt": ["Leaves", "Outputs.BucketName"]}},
            "Note": {"Value": {"Fn::GetAtt": ["Reader", "Outputs.Note"]}},
        },
    }


def leaf(change_set: Any, name: str) -> Any:
    [change] = [
        change["ResourceChange"]
        for change in change_set["Changes"]
        if change["ResourceChange"]["LogicalResourceId"] == name
    ]
    return change


def broken(template: dict[str, Any]) -> dict[str, Any]:
    """With a resource that its service refuses, made last."""
    faulty = copy.deepcopy(template)
    faulty["Resources"]["Zz"] = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": "no-such-bucket", "PolicyDocument": {"Statement": []}},
    }
    return faulty
