"""Drift: what changed outside of CloudFormation is found stack by stack, and shown in a change set that asks for it."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.support import Aws
from tests.local_aws.trees import LEAVES, leaf, root


@pytest.fixture(scope="module")
def leaves(aws: Aws) -> str:
    """The nested stack of a root, whose retention and versioning were changed from outside."""
    aws.deploy("adrift", root(aws))
    stack = str(aws.resources("adrift")["Leaves"]["PhysicalResourceId"])
    resources = aws.resources(stack)
    logs, bucket = (resources[name]["PhysicalResourceId"] for name in ("Logs", "Bucket"))
    aws.client("logs").put_retention_policy(logGroupName=logs, retentionInDays=90)
    aws.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    return stack


def detected(aws: Aws, stack: str, **more: Any) -> Any:
    detection = aws.stacks.detect_stack_drift(StackName=stack, **more)["StackDriftDetectionId"]
    until = time.monotonic() + 120
    while True:
        status = aws.stacks.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if status["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            return status
        assert time.monotonic() < until
        time.sleep(0.02)


def test_what_nobody_touched_is_in_sync(aws: Aws) -> None:
    aws.deploy("calm", LEAVES, parameters={"Versioning": "Enabled", "Days": "7"})
    shown = aws.stacks.describe_stacks(StackName="calm")["Stacks"][0]["DriftInformation"]
    assert shown == {"StackDriftStatus": "NOT_CHECKED"}
    status = detected(aws, "calm")
    assert (status["StackDriftStatus"], status["DriftedStackResourceCount"]) == ("IN_SYNC", 0)
    drifts = aws.stacks.describe_stack_resource_drifts(StackName="calm")["StackResourceDrifts"]
    assert {drift["LogicalResourceId"]: drift["StackResourceDriftStatus"] for drift in drifts} == dict.fromkeys(
        ("Bucket", "Key", "Logs"), "IN_SYNC"
    )
    aws.delete("calm")


def test_changes_from_outside_are_found(aws: Aws, leaves: str) -> None:
    detection = detected(aws, leaves)
    assert (detection["StackDriftStatus"], detection["DriftedStackResourceCount"]) == ("DRIFTED", 2)
    more: dict[str, Any] = {"StackResourceDriftStatusFilters": ["MODIFIED"], "MaxResults": 1}
    first = aws.stacks.describe_stack_resource_drifts(StackName=leaves, **more)
    second = aws.stacks.describe_stack_resource_drifts(StackName=leaves, NextToken=first["NextToken"], **more)
    assert "NextToken" not in second
    drifts = {drift["LogicalResourceId"]: drift for page in (first, second) for drift in page["StackResourceDrifts"]}
    assert set(drifts) == {"Logs", "Bucket"}
    [difference] = drifts["Logs"]["PropertyDifferences"]
    assert difference == {
        "PropertyPath": "/RetentionInDays",
        "ExpectedValue": "7",
        "ActualValue": "90",
        "DifferenceType": "NOT_EQUAL",
    }
    assert json.loads(drifts["Logs"]["ActualProperties"])["RetentionInDays"] == 90
    [difference] = drifts["Bucket"]["PropertyDifferences"]
    assert (difference["PropertyPath"], difference["ActualValue"]) == ("/VersioningConfiguration/Status", "Suspended")
    listed = aws.stacks.list_stack_resources(StackName=leaves)["StackResourceSummaries"]
    status = {
        resource["LogicalResourceId"]: resource["DriftInformation"]["StackResourceDriftStatus"] for resource in listed
    }
    assert status == {"Logs": "MODIFIED", "Bucket": "MODIFIED", "Key": "IN_SYNC"}
    assert detected(aws, "adrift")["StackDriftStatus"] == "NOT_CHECKED", "not into nested stacks"


@pytest.mark.usefixtures("leaves")
def test_a_change_set_shows_drift_and_is_not_executed(aws: Aws) -> None:
    plan = aws.plan("adrift", root(aws), parameters={"Days": "7"}, DeploymentMode="REVERT_DRIFT")
    nested = aws.described(leaf(plan, "Leaves")["ChangeSetId"])
    assert (nested["DeploymentMode"], nested["StackDriftStatus"]) == ("REVERT_DRIFT", "DRIFTED")
    change = leaf(nested, "Logs")
    assert (change["Action"], change["ResourceDriftStatus"]) == ("Modify", "MODIFIED")
    [detail] = change["Details"]
    assert detail["Target"]["Drift"]["ActualValue"] == detail["Target"]["BeforeValue"] == "90"
    assert (detail["Target"]["BeforeValueFrom"], detail["Target"]["AfterValue"]) == ("ACTUAL_STATE", "7")
    assert "Key" not in {change["ResourceChange"]["LogicalResourceId"] for change in nested["Changes"]}
    with pytest.raises(ClientError, match="cannot revert it"):
        aws.stacks.execute_change_set(ChangeSetName=plan["ChangeSetId"])
    aws.stacks.delete_change_set(ChangeSetName=plan["ChangeSetId"])
    plain = aws.plan("adrift", root(aws))
    assert plain["Status"] == "FAILED", "without the mode, nothing has changed"


def test_what_is_gone_is_deleted_and_one_resource_can_be_asked(aws: Aws, leaves: str) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"Tags": [{"Key": "a", "Value": "b"}]}}
    logs = {"Type": "AWS::Logs::LogGroup", "Properties": {}}
    stack = aws.deploy("lost", {"Resources": {"Logs": logs, "Bucket": bucket}})
    aws.s3.delete_bucket_tagging(Bucket=aws.resources("lost")["Bucket"]["PhysicalResourceId"])
    drift = aws.stacks.detect_stack_resource_drift(StackName="lost", LogicalResourceId="Bucket")["StackResourceDrift"]
    assert drift["StackResourceDriftStatus"] == "MODIFIED", "a part that is gone is not the whole"
    assert [difference["DifferenceType"] for difference in drift["PropertyDifferences"]] == ["REMOVE"]
    aws.client("logs").delete_log_group(logGroupName=aws.resources("lost")["Logs"]["PhysicalResourceId"])
    drift = aws.stacks.detect_stack_resource_drift(StackName="lost", LogicalResourceId="Logs")["StackResourceDrift"]
    assert drift["StackResourceDriftStatus"] == "DELETED"
    with pytest.raises(ClientError, match="not supported for drift detection"):
        aws.stacks.detect_stack_resource_drift(StackName="adrift", LogicalResourceId="Leaves")
    with pytest.raises(ClientError, match="does not exist"):
        aws.stacks.detect_stack_resource_drift(StackName=leaves, LogicalResourceId="Nobody")
    assert aws.delete(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
