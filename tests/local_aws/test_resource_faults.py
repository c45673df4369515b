"""Resources that fail or take long by the plan of faults."""

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
