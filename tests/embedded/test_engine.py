"""Creation, update, rollback and deletion over HTTP with a real client; every answer is checked in shape by `Aws`."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.embedded.evaluate import UNKNOWN
from tests.embedded.support import Aws, outputs

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


@pytest.fixture(scope="module")
def made(aws: Aws) -> Iterator[Any]:
    yield aws.deploy("tree", root(aws), Tags=[{"Key": "Owner", "Value": "team"}])
    assert aws.delete("tree")["StackStatus"] == "DELETE_COMPLETE"


def leaf(change_set: Any, name: str) -> Any:
    [found] = [
        one["ResourceChange"] for one in change_set["Changes"] if one["ResourceChange"]["LogicalResourceId"] == name
    ]
    return found


def test_a_nested_creation(aws: Aws, made: Any) -> None:
    assert made["StackStatus"] == "CREATE_COMPLETE"
    bucket = outputs(made)["BucketName"]
    assert bucket.startswith("tree-leaves-")
    assert aws.s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    children = aws.resources("tree")
    [child] = aws.stacks.describe_stacks(StackName=children["Leaves"]["PhysicalResourceId"])["Stacks"]
    assert (child["ParentId"], child["RootId"]) == (made["StackId"], made["StackId"])
    note = aws.client("ssm").get_parameter(Name=outputs(made)["Note"])["Parameter"]["Value"]
    assert note == f"hello {aws.client('kms').describe_key(KeyId=note.split()[1])['KeyMetadata']['Arn']}"


def test_stack_tags_reach_the_leaves(aws: Aws, made: Any) -> None:
    tags = aws.s3.get_bucket_tagging(Bucket=outputs(made)["BucketName"])["TagSet"]
    assert tags == [{"Key": "Owner", "Value": "team"}]


def test_events_tell_every_resource(aws: Aws, made: Any) -> None:
    events = aws.events(made["StackId"])
    own = [one["ResourceStatus"] for one in events if one["LogicalResourceId"] == "tree"]
    assert own == ["REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    leaves = [one for one in events if one["LogicalResourceId"] == "Leaves"]
    assert [one["ResourceStatus"] for one in leaves] == ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert len({one["OperationId"] for one in leaves}) == 1
    newest = aws.stacks.describe_stack_events(StackName="tree")["StackEvents"]
    assert [one["EventId"] for one in newest] == [one["EventId"] for one in events[::-1]]


def test_no_change_is_failed_with_awss_text(aws: Aws, made: Any) -> None:
    plan = aws.plan("tree", root(aws), Tags=made["Tags"])
    assert (plan["Status"], plan["StatusReason"], plan["ExecutionStatus"]) == ("FAILED", NO_CHANGES, "UNAVAILABLE")
    with pytest.raises(ClientError, match="cannot be executed in its current status"):
        aws.stacks.execute_change_set(ChangeSetName=plan["ChangeSetId"])
    aws.stacks.delete_change_set(ChangeSetName=plan["ChangeSetId"])
    assert aws.stacks.list_change_sets(StackName="tree")["Summaries"] == []


def test_a_nested_plan_shows_values_before_and_after(aws: Aws, made: Any) -> None:
    plan = aws.plan("tree", root(aws), Tags=made["Tags"], parameters={"Days": "30"})
    leaves = leaf(plan, "Leaves")
    child = aws.described(leaves["ChangeSetId"])
    assert (child["ParentChangeSetId"], child["RootChangeSetId"]) == (plan["ChangeSetId"], plan["ChangeSetId"])
    assert child["ExecutionStatus"] == "UNAVAILABLE"
    [change] = child["Changes"]
    detail = change["ResourceChange"]["Details"][0]
    assert (change["ResourceChange"]["Action"], change["ResourceChange"]["Replacement"]) == ("Modify", "False")
    assert detail["Target"]["Path"] == "/Properties/RetentionInDays"
    assert (detail["Target"]["BeforeValue"], detail["Target"]["AfterValue"]) == ("7", "30")
    assert (detail["ChangeSource"], detail["CausingEntity"]) == ("ParameterReference", "Days")
    # What a sibling gives is not known while the sibling changes.
    reader = aws.described(leaf(plan, "Reader")["ChangeSetId"])
    assert {one["ParameterKey"]: one["ParameterValue"] for one in reader["Parameters"]}["KeyArn"] == UNKNOWN
    plain = aws.stacks.describe_change_set(ChangeSetName=child["ChangeSetId"])
    assert "BeforeValue" not in plain["Changes"][0]["ResourceChange"]["Details"][0]["Target"]
    aws.stacks.delete_change_set(ChangeSetName=plan["ChangeSetId"])
    with pytest.raises(ClientError, match="ChangeSetNotFound"):
        aws.described(child["ChangeSetId"])


def test_a_nested_update_and_a_replacement(aws: Aws) -> None:
    first = aws.deploy("moving", root(aws))
    second = aws.deploy("moving", root(aws), "UPDATE", parameters={"Days": "30", "Text": "bye"})
    assert second["StackStatus"] == "UPDATE_COMPLETE"
    [group] = aws.client("logs").describe_log_groups(logGroupNamePrefix="/leaves/moving-")["logGroups"]
    assert group["retentionInDays"] == 30
    leaves = copy.deepcopy(LEAVES)
    leaves["Resources"]["Bucket"]["Properties"]["BucketName"] = "moved-elsewhere"
    plan = aws.plan("moving", root(aws, leaves, suffix="-moved"), parameters={"Days": "30", "Text": "bye"})
    change = leaf(aws.described(leaf(plan, "Leaves")["ChangeSetId"]), "Bucket")
    assert (change["Replacement"], change["PolicyAction"]) == ("True", "ReplaceAndRetain")
    assert aws.execute(plan)["StackStatus"] == "UPDATE_COMPLETE"
    buckets = {one["Name"] for one in aws.s3.list_buckets()["Buckets"]}
    assert {"moved-elsewhere", outputs(first)["BucketName"]} <= buckets
    assert aws.delete("moving")["StackStatus"] == "DELETE_COMPLETE"
    assert "moved-elsewhere" in {one["Name"] for one in aws.s3.list_buckets()["Buckets"]}, "retained"


def broken(template: dict[str, Any]) -> dict[str, Any]:
    """With a resource that its service refuses, made last."""
    found = copy.deepcopy(template)
    found["Resources"]["Zz"] = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": "no-such-bucket", "PolicyDocument": {"Statement": []}},
    }
    return found


def test_a_failed_creation_leaves_nothing(aws: Aws) -> None:
    before = {one["Name"] for one in aws.s3.list_buckets()["Buckets"]}
    stack = aws.deploy("fallen", root(aws, broken(LEAVES), suffix="-broken"))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    failed = {one["LogicalResourceId"]: one for one in aws.events("fallen") if one["ResourceStatus"] == "CREATE_FAILED"}
    assert failed["Leaves"]["ResourceStatusReason"].startswith("Embedded stack arn:aws:cloudformation:")
    child = failed["Leaves"]["PhysicalResourceId"]
    reasons = [one.get("ResourceStatusReason") for one in aws.events(child) if one["LogicalResourceId"] == "Zz"]
    assert any("The specified bucket does not exist" in (reason or "") for reason in reasons if reason)
    assert {one["Name"] for one in aws.s3.list_buckets()["Buckets"]} == before, "RetainExceptOnCreate was deleted"
    [gone] = aws.stacks.describe_stacks(StackName=child)["Stacks"]
    assert gone["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        aws.plan("fallen", root(aws))
    assert aws.delete("fallen")["StackStatus"] == "DELETE_COMPLETE"
    assert aws.deploy("fallen", root(aws))["StackStatus"] == "CREATE_COMPLETE"
    aws.delete("fallen")


@pytest.mark.parametrize(("policy", "status"), [("DELETE", "DELETE_COMPLETE"), ("DO_NOTHING", "CREATE_FAILED")])
def test_on_stack_failure(aws: Aws, policy: str, status: str) -> None:
    name = f"policy-{policy.lower().replace('_', '-')}"
    stack = aws.deploy(name, broken(LEAVES), OnStackFailure=policy, parameters={"Versioning": "Enabled", "Days": "7"})
    assert stack["StackStatus"] == status


def test_a_failed_update_is_rolled_back_over_all_nested_stacks(aws: Aws) -> None:
    aws.deploy("back", root(aws))
    child = aws.resources("back")["Leaves"]["PhysicalResourceId"]
    stack = aws.deploy("back", root(aws, reader=broken(READER), suffix="-bad"), "UPDATE", parameters={"Days": "90"})
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    [nested] = aws.stacks.describe_stacks(StackName=child)["Stacks"]
    assert nested["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    [group] = aws.client("logs").describe_log_groups(logGroupNamePrefix="/leaves/back-")["logGroups"]
    assert group["retentionInDays"] == 7, "the old value is back"
    assert set(aws.resources(aws.resources("back")["Reader"]["PhysicalResourceId"])) == {"Note"}
    assert aws.deploy("back", root(aws), "UPDATE", parameters={"Days": "14"})["StackStatus"] == "UPDATE_COMPLETE"
    aws.delete("back")


def test_what_a_failed_update_made_goes_with_it(aws: Aws) -> None:
    """RetainExceptOnCreate in a nested stack that the failed update itself made."""
    flat = root(aws)
    late = copy.deepcopy(flat["Resources"].pop("Leaves"))
    flat["Resources"] = {"Group": {"Type": "AWS::Logs::LogGroup"}}
    flat["Outputs"] = {}
    assert aws.deploy("growing", flat)["StackStatus"] == "CREATE_COMPLETE"
    before = {one["Name"] for one in aws.s3.list_buckets()["Buckets"]}
    grown = {**flat, "Resources": {**flat["Resources"], "Leaves": late, **broken(flat)["Resources"]}}
    grown["Resources"]["Zz"]["DependsOn"] = "Leaves"
    assert aws.deploy("growing", grown, "UPDATE")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert {one["Name"] for one in aws.s3.list_buckets()["Buckets"]} == before
    assert set(aws.resources("growing")) == {"Group"}
    aws.delete("growing")


def test_a_failed_plan_leaves_no_stacks_behind(aws: Aws) -> None:
    reader: dict[str, Any] = copy.deepcopy(READER)
    del reader["Parameters"]["Text"]
    reader["Resources"]["Note"]["Properties"]["Value"] = {"Ref": "KeyArn"}
    plan = aws.plan("unplanned", root(aws, reader=reader, suffix="-unplanned"), "CREATE")
    assert "Parameters: [Text] do not exist in the template" in plan["StatusReason"]
    aws.stacks.delete_change_set(ChangeSetName=plan["ChangeSetId"])
    aws.delete("unplanned")
    left = [one for one in aws.stacks.list_stacks()["StackSummaries"] if one["StackName"].startswith("unplanned")]
    assert left
    assert {one["StackStatus"] for one in left} == {"DELETE_COMPLETE"}


def test_removal_of_a_nested_stack(aws: Aws) -> None:
    aws.deploy("shrinking", root(aws))
    reader = aws.resources("shrinking")["Reader"]["PhysicalResourceId"]
    smaller = root(aws)
    del smaller["Resources"]["Reader"], smaller["Outputs"]["Note"]
    plan = aws.plan("shrinking", smaller)
    change = leaf(plan, "Reader")
    assert (change["Action"], change["PolicyAction"]) == ("Remove", "Delete")
    assert leaf(aws.described(change["ChangeSetId"]), "Note")["Action"] == "Remove"
    assert aws.execute(plan)["StackStatus"] == "UPDATE_COMPLETE"
    [gone] = aws.stacks.describe_stacks(StackName=reader)["Stacks"]
    assert gone["StackStatus"] == "DELETE_COMPLETE"
    aws.delete("shrinking")


def test_without_nested_change_sets(aws: Aws) -> None:
    """As `aws cloudformation deploy` does it: a nested stack then always counts as changed."""
    more: dict[str, Any] = {"IncludeNestedStacks": False}
    assert aws.deploy("flat", root(aws), **more)["StackStatus"] == "CREATE_COMPLETE"
    plan = aws.plan("flat", root(aws), parameters={"Days": "30"}, **more)
    change = leaf(plan, "Leaves")
    assert "ChangeSetId" not in change
    assert leaf(plan, "Reader")["Action"] == "Modify"
    assert aws.execute(plan, DisableRollback=False)["StackStatus"] == "UPDATE_COMPLETE"
    [group] = aws.client("logs").describe_log_groups(logGroupNamePrefix="/leaves/flat-")["logGroups"]
    assert group["retentionInDays"] == 30
    aws.delete("flat")


@pytest.mark.parametrize("host", ["https://templates.s3.us-east-1.amazonaws.com", "https://s3.amazonaws.com/templates"])
def test_template_addresses_of_either_style(aws: Aws, host: str) -> None:
    aws.put("styled.json", {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}})
    summary = aws.stacks.get_template_summary(TemplateURL=f"{host}/styled.json")
    assert summary["ResourceTypes"] == ["AWS::S3::Bucket"]
    with pytest.raises(ClientError, match=r"S3 error: .*NotFound"):
        aws.stacks.get_template_summary(TemplateURL=f"{host}/nothing.json")


def test_what_cannot_be_cleaned_up_stays_behind_and_is_told(aws: Aws) -> None:
    template: dict[str, Any] = {"Resources": {name: {"Type": "AWS::S3::Bucket"} for name in ("One", "Two")}}
    aws.deploy("untidy", template)
    bucket = aws.resources("untidy")["Two"]["PhysicalResourceId"]
    aws.s3.put_object(Bucket=bucket, Key="left", Body=b"")
    del template["Resources"]["Two"]
    assert aws.deploy("untidy", template, "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    [failed] = [one for one in aws.events("untidy") if one["ResourceStatus"] == "DELETE_FAILED"]
    assert "not empty" in failed["ResourceStatusReason"]
    assert set(aws.resources("untidy")) == {"One"}
    aws.s3.put_object(Bucket=aws.resources("untidy")["One"]["PhysicalResourceId"], Key="left", Body=b"")
    assert aws.delete("untidy")["StackStatus"] == "DELETE_FAILED"
    aws.stacks.delete_stack(StackName="untidy", RetainResources=["One"])
    [stack] = [one for one in aws.stacks.list_stacks()["StackSummaries"] if one["StackName"] == "untidy"]
    assert aws.wait(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_cancelling_is_for_updates_under_way(aws: Aws, made: Any) -> None:
    assert made
    with pytest.raises(ClientError, match="cannot be called from current stack status CREATE_COMPLETE"):
        aws.stacks.cancel_update_stack(StackName="tree")


def test_create_and_update_without_change_sets(aws: Aws) -> None:
    body: dict[str, Any] = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {}}}}
    made = aws.stacks.create_stack(StackName="plain", TemplateBody=json.dumps(body))
    assert aws.wait(made["StackId"])["StackStatus"] == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="No updates are to be performed"):
        aws.stacks.update_stack(StackName="plain", TemplateBody=json.dumps(body))
    body["Resources"]["Bucket"]["Properties"]["Tags"] = [{"Key": "a", "Value": "b"}]
    aws.stacks.update_stack(StackName="plain", TemplateBody=json.dumps(body))
    assert aws.wait("plain")["StackStatus"] == "UPDATE_COMPLETE"
    with pytest.raises(ClientError, match="already exists"):
        aws.stacks.create_stack(StackName="plain", TemplateBody=json.dumps(body))
    aws.delete("plain")


def test_deleting_a_creation_that_was_only_planned(aws: Aws) -> None:
    plan = aws.plan("planned", root(aws), "CREATE")
    child = leaf(plan, "Leaves")["PhysicalResourceId"]
    aws.stacks.delete_change_set(ChangeSetName=plan["ChangeSetId"])
    assert aws.stacks.describe_stacks(StackName=child)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
    assert aws.stacks.describe_stacks(StackName="planned")["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert aws.delete("planned")["StackStatus"] == "DELETE_COMPLETE"


ONE = {"Type": "AWS::S3::Bucket", "Properties": {}}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ({"Type": "AWS::S3::Barrel"}, r"Unrecognized resource types: \[AWS::S3::Barrel\]"),
        ({**ONE, "DependsOn": "Nobody"}, r"Unresolved resource dependencies \[Nobody\]"),
        (ROLE, r"Requires capabilities : \[CAPABILITY_IAM\]"),
        ({**ROLE, "Properties": {"RoleName": "x"}}, r"Requires capabilities : \[CAPABILITY_NAMED_IAM\]"),
    ],
)
def test_what_aws_refuses_at_once(aws: Aws, resource: Any, reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        aws.plan("refused", {"Resources": {"One": resource}}, "CREATE", Capabilities=[])


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"Colour": "red"}, "extraneous key [Colour] is not permitted"),
        ({"VersioningConfiguration": {"Status": "Perhaps"}}, "Perhaps is not a valid enum value"),
        ({"VersioningConfiguration": {}}, "required key [Status] not found"),
        ({"Arn": "arn:aws:s3:::x"}, "readonly property [Arn] cannot be specified"),
        ({"BucketName": {"Fn::Select": [3, ["a"]]}}, "nonexistent value at index 3"),
    ],
)
def test_what_makes_a_change_set_fail(aws: Aws, properties: Any, reason: str) -> None:
    plan = aws.plan("invalid", {"Resources": {"One": {**ONE, "Properties": properties}}}, "CREATE")
    assert plan["Status"] == "FAILED"
    assert reason in plan["StatusReason"]
    if "Select" not in json.dumps(properties):
        [event] = aws.stacks.describe_events(ChangeSetName=plan["ChangeSetId"])["OperationEvents"]
        assert reason in event["ValidationStatusReason"]
    aws.delete("invalid")


def test_a_fault_in_a_child_fails_the_root(aws: Aws) -> None:
    leaves = copy.deepcopy(LEAVES)
    leaves["Resources"]["Logs"]["Properties"]["Colour"] = "red"
    plan = aws.plan("faulty", root(aws, leaves, suffix="-faulty"), "CREATE")
    assert plan["StatusReason"].endswith("was not successfully created: Currently in FAILED.")
    aws.delete("faulty")


def test_a_type_without_a_row_is_an_error_with_a_reason(aws: Aws) -> None:
    stack = aws.deploy("rowless", {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {}}}})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    [event] = [one for one in aws.events("rowless") if one["ResourceStatus"] == "CREATE_FAILED"]
    assert "AWS::SQS::Queue has no row" in event["ResourceStatusReason"]
    aws.delete("rowless")


def test_termination_protection_policies_and_templates(aws: Aws, made: Any) -> None:
    aws.stacks.update_termination_protection(StackName="tree", EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        aws.stacks.delete_stack(StackName="tree")
    aws.stacks.update_termination_protection(StackName="tree", EnableTerminationProtection=False)
    aws.stacks.set_stack_policy(StackName="tree", StackPolicyBody='{"Statement": []}')
    assert aws.stacks.get_stack_policy(StackName="tree")["StackPolicyBody"] == '{"Statement": []}'
    assert aws.stacks.get_template(StackName="tree")["TemplateBody"] == root(aws)
    summary = aws.stacks.get_template_summary(TemplateBody=json.dumps(LEAVES))
    assert summary["ResourceTypes"] == ["AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::S3::Bucket"]
    assert len(aws.stacks.validate_template(TemplateBody=json.dumps(LEAVES))["Parameters"]) == 2
    assert made["StackId"] in {one["StackId"] for one in aws.stacks.list_stacks()["StackSummaries"]}
    assert len(aws.stacks.list_stack_resources(StackName="tree")["StackResourceSummaries"]) == 2
    detail = aws.stacks.describe_stack_resource(StackName="tree", LogicalResourceId="Leaves")["StackResourceDetail"]
    assert detail["ResourceStatus"] == "CREATE_COMPLETE"
    assert aws.stacks.describe_events(StackName="tree")["OperationEvents"]


def test_parameters_of_ssm_types_previous_values_and_dynamic_references(aws: Aws) -> None:
    aws.client("ssm").put_parameter(Name="/given/text", Value="from ssm", Type="String")
    secret = aws.client("secretsmanager").create_secret(Name="given", SecretString='{"word": "hush"}')["ARN"]
    template: dict[str, Any] = {
        "Parameters": {
            "Text": {"Type": "AWS::SSM::Parameter::Value<String>"},
            "Other": {"Type": "String", "NoEcho": True},
        },
        "Resources": {
            "Note": {
                "Type": "AWS::SSM::Parameter",
                "Properties": {
                    "Type": "String",
                    "Name": "/made/note",
                    "Value": {
                        "Fn::Sub": f"${{Text}} ${{Other}} {{{{resolve:secretsmanager:{secret}:SecretString:word}}}}="
                    },
                },
            }
        },
    }
    stack = aws.deploy("given", template, parameters={"Text": "/given/text", "Other": "one"})
    assert aws.client("ssm").get_parameter(Name="/made/note")["Parameter"]["Value"] == "from ssm one hush="
    shown = {one["ParameterKey"]: one for one in stack["Parameters"]}
    assert (shown["Text"]["ResolvedValue"], shown["Other"]["ParameterValue"]) == ("from ssm", "****")
    template["Resources"]["Note"]["Properties"]["Description"] = "more"
    previous = [{"ParameterKey": name, "UsePreviousValue": True} for name in ("Text", "Other")]
    made = aws.stacks.create_change_set(
        StackName="given", ChangeSetName="again", TemplateBody=json.dumps(template), Parameters=previous
    )
    assert aws.execute(aws.described(made["Id"]))["StackStatus"] == "UPDATE_COMPLETE"
    assert aws.client("ssm").get_parameter(Name="/made/note")["Parameter"]["Value"] == "from ssm one hush="
    aws.delete("given")


def test_shapes_were_checked(aws: Aws, made: Any) -> None:
    assert made
    assert {"CreateChangeSet", "DescribeChangeSet", "DescribeStackEvents", "DescribeStacks"} <= set(aws.checked)
