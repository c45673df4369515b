"""Resources that fail or take long by the plan of faults."""

import json

import pytest

from scripts.local_aws.faults import ResourceFault
from tests.local_aws.support import Aws, failing, reasons
from tests.local_aws.trees import LEAVES, root


@pytest.mark.parametrize("refused", [False, True])
def test_a_resource_that_fails_to_be_created(aws: Aws, refused: bool) -> None:
    fault = ResourceFault("create", "Leaves/Bucket", reason="no room", refused=refused)
    with failing(aws, fault):
        stack = aws.deploy("unmade", root(aws))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    [(_, reason)] = reasons(aws, "unmade", "CREATE_FAILED")[:1]
    child = reason.removeprefix("Embedded stack ").split(" ")[0]
    assert reasons(aws, child, "CREATE_FAILED")[0] == ("Bucket", "no room")
    buckets = [event for event in aws.events(child) if event["LogicalResourceId"] == "Bucket"]
    assert any(event.get("PhysicalResourceId") for event in buckets) is not refused
    aws.delete("unmade")


def test_a_rollback_that_fails(aws: Aws) -> None:
    listed = (
        ResourceFault("create", type="AWS::Logs::LogGroup", reason="late", seconds=2),
        ResourceFault("rollback", "clinging/Bucket", reason="kept"),
    )
    with failing(aws, *listed):
        stack = aws.deploy("clinging", LEAVES, parameters={"Versioning": "Enabled", "Days": "7"})
        assert stack["StackStatus"] == "ROLLBACK_FAILED"
        assert reasons(aws, "clinging", "DELETE_FAILED") == [("Bucket", "kept")]
    assert aws.delete("clinging")["StackStatus"] == "DELETE_COMPLETE"


def test_a_deletion_that_fails(aws: Aws) -> None:
    aws.deploy("undying", LEAVES, parameters={"Versioning": "Enabled", "Days": "7"})
    with failing(aws, ResourceFault("delete", "undying/Logs", reason="in use")):
        assert aws.delete("undying")["StackStatus"] == "DELETE_FAILED"
    assert aws.client("logs").describe_log_groups(logGroupNamePrefix="/leaves/undying")["logGroups"]
    assert aws.delete("undying")["StackStatus"] == "DELETE_COMPLETE"


def test_a_slow_resource_is_seen_and_gives_way_to_the_end_of_the_plan(aws: Aws) -> None:
    with failing(aws, ResourceFault("create", "slow/Logs", seconds=60)):
        plan = aws.plan("slow", LEAVES, "CREATE", parameters={"Versioning": "Enabled", "Days": "7"})
        aws.starts(plan, "Logs", "slow")
        aws.reaches("slow", "Bucket", "CREATE_COMPLETE")
        assert aws.resources("slow")["Logs"]["ResourceStatus"] == "CREATE_IN_PROGRESS"
    assert aws.wait("slow")["StackStatus"] == "CREATE_COMPLETE"
    aws.delete("slow")


def test_after_a_failure_nothing_more_is_begun(aws: Aws) -> None:
    """Of five that no service would be asked for, whichever comes first."""
    wrong = {"Type": "AWS::S3::Bucket", "Properties": {"Colour": "red"}}
    body = json.dumps({"Resources": {f"Bucket{number}": wrong for number in range(5)}})
    aws.stacks.create_stack(StackName="wrong", TemplateBody=body)
    assert aws.wait("wrong")["StackStatus"] == "ROLLBACK_COMPLETE"
    [(_, reason)] = reasons(aws, "wrong", "CREATE_FAILED")
    assert "Colour" in reason
    aws.delete("wrong")


def test_a_service_that_creates_nothing_and_does_not_say_so_is_a_failure(aws: Aws) -> None:
    """EC2 answers with what was unsuccessful (API reference, CreateFlowLogs)."""
    logs = {"ResourceType": "VPC", "TrafficType": "ALL", "LogDestinationType": "s3"}
    flow = {**logs, "ResourceId": {"Ref": "Vpc"}, "LogDestination": "arn:aws:s3:::there-is-no-such-bucket"}
    resources = {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.8.0.0/16"}},
        "Flow": {"Type": "AWS::EC2::FlowLog", "Properties": flow},
    }
    assert aws.deploy("unlogged", {"Resources": resources})["StackStatus"] == "ROLLBACK_COMPLETE"
    [(name, reason)] = reasons(aws, "unlogged", "CREATE_FAILED")
    assert name == "Flow" and "made nothing" in reason and "there-is-no-such-bucket" in reason
    aws.delete("unlogged")
