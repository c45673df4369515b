"""What goes into a change set and what is refused; every answer is checked in shape by `Aws`."""

import copy
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.support import Aws
from tests.local_aws.trees import LEAVES, READER, leaf, root


def test_a_failed_plan_leaves_no_stacks_behind(aws: Aws) -> None:
    reader: dict[str, Any] = copy.deepcopy(READER)
    del reader["Parameters"]["Text"]
    reader["Resources"]["Note"]["Properties"]["Value"] = {"Ref": "KeyArn"}
    plan = aws.plan("unplanned", root(aws, reader=reader, suffix="-unplanned"), "CREATE")
    assert "Parameters: [Text] do not exist in the template" in plan["StatusReason"]
    aws.stacks.delete_change_set(ChangeSetName=plan["ChangeSetId"])
    aws.delete("unplanned")
    left = [stack for stack in aws.stacks.list_stacks()["StackSummaries"] if stack["StackName"].startswith("unplanned")]
    assert left
    assert {stack["StackStatus"] for stack in left} == {"DELETE_COMPLETE"}


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


def test_create_and_update_without_change_sets(aws: Aws) -> None:
    body: dict[str, Any] = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {}}}}
    answer = aws.stacks.create_stack(StackName="plain", TemplateBody=json.dumps(body))
    assert aws.wait(answer["StackId"])["StackStatus"] == "CREATE_COMPLETE"
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


PLAIN_BUCKET = {"Type": "AWS::S3::Bucket", "Properties": {}}

ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ({"Type": "AWS::S3::Barrel"}, r"Unrecognized resource types: \[AWS::S3::Barrel\]"),
        ({**PLAIN_BUCKET, "DependsOn": "Nobody"}, r"Unresolved resource dependencies \[Nobody\]"),
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
    plan = aws.plan("invalid", {"Resources": {"One": {**PLAIN_BUCKET, "Properties": properties}}}, "CREATE")
    assert plan["Status"] == "FAILED"
    if "Select" in json.dumps(properties):
        assert reason in plan["StatusReason"]
    else:
        assert "[AWS::EarlyValidation::PropertyValidation]" in plan["StatusReason"]
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
    [event] = [event for event in aws.events("rowless") if event["ResourceStatus"] == "CREATE_FAILED"]
    assert "AWS::SQS::Queue has no row" in event["ResourceStatusReason"]
    aws.delete("rowless")


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
    shown = {parameter["ParameterKey"]: parameter for parameter in stack["Parameters"]}
    assert (shown["Text"]["ResolvedValue"], shown["Other"]["ParameterValue"]) == ("from ssm", "****")
    template["Resources"]["Note"]["Properties"]["Description"] = "more"
    previous = [{"ParameterKey": name, "UsePreviousValue": True} for name in ("Text", "Other")]
    answer = aws.stacks.create_change_set(
        StackName="given", ChangeSetName="again", TemplateBody=json.dumps(template), Parameters=previous
    )
    assert aws.execute(aws.described(answer["Id"]))["StackStatus"] == "UPDATE_COMPLETE"
    assert aws.client("ssm").get_parameter(Name="/made/note")["Parameter"]["Value"] == "from ssm one hush="
    aws.delete("given")


def test_a_changed_policy_alone_is_a_change_with_its_detail(aws: Aws) -> None:
    body = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    aws.deploy("policy-alone", body)
    kept = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "DeletionPolicy": "Retain"}}}
    change = leaf(aws.plan("policy-alone", kept, "UPDATE"), "Topic")
    assert (change["Action"], change["Replacement"], change["Scope"]) == ("Modify", "False", ["DeletionPolicy"])
    assert [detail["Target"]["Attribute"] for detail in change["Details"]] == ["DeletionPolicy"]
    assert change["Details"][0]["ChangeSource"] == "DirectModification"
