"""A nested stack that somebody deleted: neither updated nor brought back to life; under a new logical id it is made
anew, and the old one is dropped."""

from typing import Any

import pytest

from tests.local_aws.support import Aws, reasons
from tests.local_aws.trees import root


@pytest.fixture
def orphaned(aws: Aws) -> dict[str, Any]:
    """A root whose nested stack Reader is gone; gives its template."""
    template = root(aws, suffix="-by-hand")
    assert aws.deploy("by-hand", template)["StackStatus"] == "CREATE_COMPLETE"
    reader = aws.resources("by-hand")["Reader"]["PhysicalResourceId"]
    aws.stacks.delete_stack(StackName=reader)
    aws.stacks.get_waiter("stack_delete_complete").wait(StackName=reader, WaiterConfig={"Delay": 0, "MaxAttempts": 100})
    return template


def test_it_is_neither_updated_nor_revived_and_has_a_way_on(aws: Aws, orphaned: dict[str, Any]) -> None:
    plan = aws.plan("by-hand", orphaned, "UPDATE", parameters={"Text": "other"})
    assert plan["Status"] == "FAILED" and "does not exist (nested stack Reader)" in plan["StatusReason"]
    aws.stacks.update_stack(StackName="by-hand", UsePreviousTemplate=True)
    assert aws.wait("by-hand")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "does not exist" in dict(reasons(aws, "by-hand", "UPDATE_FAILED"))["Reader"]
    renamed = {**orphaned, "Resources": dict(orphaned["Resources"]), "Outputs": {}}
    renamed["Resources"]["ReaderAgain"] = renamed["Resources"].pop("Reader")
    assert aws.deploy("by-hand", renamed, "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    assert set(aws.resources("by-hand")) == {"Leaves", "ReaderAgain"}
    assert aws.delete("by-hand")["StackStatus"] == "DELETE_COMPLETE"
