"""Update, replacement, removal and rollback over nested stacks; every answer is checked in shape by `Aws`."""

import copy
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.local_aws import cleanup
from tests.local_aws.support import Aws, outputs, reasons
from tests.local_aws.trees import LEAVES, READER, broken, leaf, root


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
    buckets = {bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"]}
    assert {"moved-elsewhere", outputs(first)["BucketName"]} <= buckets
    assert aws.delete("moving")["StackStatus"] == "DELETE_COMPLETE"
    assert "moved-elsewhere" in {bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"]}, "retained"


def test_a_failed_creation_leaves_nothing(aws: Aws) -> None:
    before = {bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"]}
    stack = aws.deploy("fallen", root(aws, broken(LEAVES), suffix="-broken"))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    failed = {
        event["LogicalResourceId"]: event
        for event in aws.events("fallen")
        if event["ResourceStatus"] == "CREATE_FAILED"
    }
    assert failed["Leaves"]["ResourceStatusReason"].startswith("Embedded stack arn:aws:cloudformation:")
    child = failed["Leaves"]["PhysicalResourceId"]
    reasons = [event.get("ResourceStatusReason") for event in aws.events(child) if event["LogicalResourceId"] == "Zz"]
    assert any("The specified bucket does not exist" in (reason or "") for reason in reasons if reason)
    assert {bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"]} == before, "RetainExceptOnCreate was deleted"
    [gone] = aws.stacks.describe_stacks(StackName=child)["Stacks"]
    assert gone["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        aws.plan("fallen", root(aws))
    assert aws.delete("fallen")["StackStatus"] == "DELETE_COMPLETE"
    assert aws.deploy("fallen", root(aws))["StackStatus"] == "CREATE_COMPLETE"
    aws.delete("fallen")


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


def test_what_cannot_be_cleaned_up_stays_behind_and_is_told(aws: Aws) -> None:
    template: dict[str, Any] = {"Resources": {name: {"Type": "AWS::S3::Bucket"} for name in ("One", "Two")}}
    aws.deploy("untidy", template)
    bucket = aws.resources("untidy")["Two"]["PhysicalResourceId"]
    aws.s3.put_object(Bucket=bucket, Key="left", Body=b"")
    del template["Resources"]["Two"]
    assert aws.deploy("untidy", template, "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    tries = reasons(aws, "untidy", "DELETE_FAILED")
    assert [name for name, _ in tries] == ["Two"] * 3
    assert all("not empty" in reason for _, reason in tries)
    assert aws.events("untidy")[-1]["ResourceStatusReason"] == cleanup.LEFT_BEHIND
    assert set(aws.resources("untidy")) == {"One"}
    aws.s3.put_object(Bucket=aws.resources("untidy")["One"]["PhysicalResourceId"], Key="left", Body=b"")
    assert aws.delete("untidy")["StackStatus"] == "DELETE_FAILED"
    aws.stacks.delete_stack(StackName="untidy", RetainResources=["One"])
    [stack] = [stack for stack in aws.stacks.list_stacks()["StackSummaries"] if stack["StackName"] == "untidy"]
    assert aws.wait(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
