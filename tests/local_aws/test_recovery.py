"""Ways out of an operation: cancellation, rollback by hand and its continuation, forced deletion."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.local_aws.faults import ResourceFault
from tests.local_aws.support import Aws, failing, reasons
from tests.local_aws.trees import LEAVES, READER, broken, root

INITIAL = {"Versioning": "Enabled", "Days": "7"}
LATER = {"Days": "30", "Text": "bye"}


def retention(aws: Aws, stack: str) -> int:
    groups = aws.client("logs").describe_log_groups(logGroupNamePrefix=f"/leaves/{stack}")["logGroups"]
    return int(groups[0]["retentionInDays"])


def stuck(aws: Aws, name: str) -> tuple[str, str]:
    """A root in UPDATE_ROLLBACK_FAILED whose nested Leaves/Logs does not go back; its id and that of Leaves."""
    created = aws.deploy(name, root(aws))
    listed = (
        ResourceFault("update", f"{name}/Reader/Note", reason="too long"),
        ResourceFault("rollback", f"{name}/Leaves/Logs", reason="cannot go back", refused=True),
    )
    with failing(aws, *listed):
        stack = aws.deploy(name, root(aws), "UPDATE", parameters=LATER)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    return created["StackId"], aws.resources(name)["Leaves"]["PhysicalResourceId"]


def statuses(aws: Aws, *stacks: str) -> list[str]:
    return [aws.stacks.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] for stack in stacks]


def test_a_rollback_that_failed_is_continued_once_its_cause_is_gone(aws: Aws) -> None:
    stack, leaves = stuck(aws, "mended")
    reader = aws.resources("mended")["Reader"]["PhysicalResourceId"]
    assert statuses(aws, stack, leaves, reader) == [
        "UPDATE_ROLLBACK_FAILED",
        "UPDATE_ROLLBACK_FAILED",
        "UPDATE_ROLLBACK_COMPLETE",
    ]
    assert reasons(aws, leaves, "UPDATE_FAILED")[-1] == ("Logs", "cannot go back")
    assert "Currently in UPDATE_ROLLBACK_FAILED" in reasons(aws, stack, "UPDATE_FAILED")[-1][1]
    assert retention(aws, "mended") == 30
    with pytest.raises(ClientError, match="is in UPDATE_ROLLBACK_FAILED state and can not be updated"):
        aws.plan("mended", root(aws), parameters=LATER)
    with failing(aws, ResourceFault("rollback", "mended/Leaves/Logs", reason="still not")):
        aws.stacks.continue_update_rollback(StackName="mended")
        assert aws.wait("mended")["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert reasons(aws, leaves, "UPDATE_FAILED")[-1] == ("Logs", "still not")
    aws.stacks.continue_update_rollback(StackName="mended")
    assert aws.wait("mended")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    with pytest.raises(ClientError, match="can not continue rolling back"):
        aws.stacks.continue_update_rollback(StackName="mended")
    assert statuses(aws, leaves, reader) == ["UPDATE_ROLLBACK_COMPLETE"] * 2
    assert retention(aws, "mended") == 7
    last = aws.stacks.describe_stacks(StackName="mended")["Stacks"][0]["LastOperations"][0]["OperationType"]
    assert last == "CONTINUE_ROLLBACK"
    assert aws.deploy("mended", root(aws), "UPDATE", parameters=LATER)["StackStatus"] == "UPDATE_COMPLETE"
    aws.delete("mended")


@pytest.mark.parametrize("force", [False, True])
def test_what_resists_is_skipped(aws: Aws, force: bool) -> None:
    name = f"skipped-{force}".lower()
    _, leaves = stuck(aws, name)
    resisting = f"{leaves.split('/')[1]}.Logs"
    for wrong in (["Logs"], ["Leaves.Logs"], ["Leaves"], [resisting, "Reader"]):
        with pytest.raises(ClientError, match="cannot be skipped"):
            aws.stacks.continue_update_rollback(StackName=name, ResourcesToSkip=wrong)
    with pytest.raises(ClientError, match="child stacks"):
        aws.stacks.continue_update_rollback(StackName=leaves)
    with pytest.raises(ClientError, match="mutually exclusive"):
        aws.stacks.continue_update_rollback(StackName=name, ResourcesToSkip=[resisting], ForceRollback=True)
    more: dict[str, Any] = {"ForceRollback": True} if force else {"ResourcesToSkip": [resisting]}
    with failing(aws, ResourceFault("rollback", f"{name}/Leaves/Logs", reason="still not")):
        aws.stacks.continue_update_rollback(StackName=name, **more)
        assert aws.wait(name)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert aws.resources(leaves)["Logs"]["ResourceStatus"] == "UPDATE_COMPLETE"
    assert retention(aws, name) == 30, "the resource stays as the update left it"
    aws.delete(name)


def test_a_running_update_is_cancelled_and_rolled_back(aws: Aws) -> None:
    aws.deploy("stopped", root(aws))
    leaves = aws.resources("stopped")["Leaves"]["PhysicalResourceId"]
    with pytest.raises(ClientError, match="cannot be called from current stack status CREATE_COMPLETE"):
        aws.stacks.cancel_update_stack(StackName="stopped")
    with failing(aws, ResourceFault("update", "stopped/Leaves/Logs", seconds=60)):
        plan = aws.plan("stopped", root(aws), parameters=LATER)
        aws.starts(plan, "Logs", leaves, DisableRollback=False)
        with pytest.raises(ClientError, match="nested stack"):
            aws.stacks.cancel_update_stack(StackName=leaves)
        aws.stacks.cancel_update_stack(StackName="stopped")
        stack = aws.wait("stopped")
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert reasons(aws, leaves, "UPDATE_FAILED") == [("Logs", "Resource update cancelled")]
    assert ("stopped", "User Initiated") in reasons(aws, "stopped", "UPDATE_ROLLBACK_IN_PROGRESS")
    assert retention(aws, "stopped") == 7
    aws.delete("stopped")


def test_a_running_creation_is_deleted(aws: Aws) -> None:
    with failing(aws, ResourceFault("create", "given-up/Logs", seconds=60)):
        plan = aws.plan("given-up", LEAVES, "CREATE", parameters=INITIAL)
        aws.starts(plan, "Logs", "given-up")
        assert aws.delete("given-up")["StackStatus"] == "DELETE_COMPLETE"
    assert "ROLLBACK_IN_PROGRESS" not in {event["ResourceStatus"] for event in aws.events(plan["StackId"])}
    groups = aws.client("logs").describe_log_groups(logGroupNamePrefix="/leaves/given-up")["logGroups"]
    assert groups == []


def test_an_update_without_rollback_is_rolled_back_by_hand(aws: Aws) -> None:
    aws.deploy("kept", root(aws))
    with failing(aws, ResourceFault("update", "kept/Reader/Note", reason="no", refused=True)):
        plan = aws.plan("kept", root(aws), parameters=LATER)
        assert aws.execute(plan, DisableRollback=True)["StackStatus"] == "UPDATE_FAILED"
    children = [aws.resources("kept")[name]["PhysicalResourceId"] for name in ("Leaves", "Reader")]
    assert statuses(aws, *children) == ["UPDATE_COMPLETE", "UPDATE_FAILED"]
    assert retention(aws, "kept") == 30
    answer = aws.stacks.rollback_stack(StackName="kept")
    assert aws.wait("kept")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert retention(aws, "kept") == 7
    events = aws.stacks.describe_events(OperationId=answer["OperationId"])["OperationEvents"]
    assert {event["ResourceStatus"] for event in events} >= {"UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"}
    aws.delete("kept")


def test_an_update_without_rollback_is_tried_again(aws: Aws) -> None:
    aws.deploy("retried", root(aws))
    with failing(aws, ResourceFault("update", "retried/Reader/Note", reason="no", refused=True)):
        assert aws.execute(aws.plan("retried", root(aws), parameters=LATER), DisableRollback=True)
    plan = aws.plan("retried", root(aws), parameters=LATER)
    with pytest.raises(ClientError, match="only an execution with DisableRollback"):
        aws.stacks.execute_change_set(ChangeSetName=plan["ChangeSetId"])
    assert aws.execute(plan, DisableRollback=True)["StackStatus"] == "UPDATE_COMPLETE"
    aws.delete("retried")


def test_a_creation_without_rollback_is_tried_again_or_rolled_back(aws: Aws) -> None:
    plan = aws.plan("begun", broken(LEAVES), "CREATE", parameters=INITIAL)
    assert aws.execute(plan, DisableRollback=True)["StackStatus"] == "CREATE_FAILED"
    plan = aws.plan("begun", LEAVES, parameters=INITIAL)
    assert aws.execute(plan, DisableRollback=True)["StackStatus"] == "UPDATE_COMPLETE"
    aws.delete("begun")
    plan = aws.plan("begun", broken(READER), "CREATE", parameters={"KeyArn": "a", "Text": "b"})
    assert aws.execute(plan, DisableRollback=True)["StackStatus"] == "CREATE_FAILED"
    aws.stacks.rollback_stack(StackName="begun")
    assert aws.wait(plan["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_a_deletion_is_forced(aws: Aws) -> None:
    aws.deploy("forced", root(aws))
    with pytest.raises(ClientError, match="only allowed in DELETE_FAILED"):
        aws.stacks.delete_stack(StackName="forced", DeletionMode="FORCE_DELETE_STACK")
    with failing(aws, ResourceFault("delete", "forced/Leaves/Logs", reason="in use")):
        stack = aws.delete("forced")
        assert stack["StackStatus"] == "DELETE_FAILED"
        aws.stacks.delete_stack(StackName="forced", DeletionMode="FORCE_DELETE_STACK")
        assert aws.wait(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert retention(aws, "forced") == 7, "left behind"
