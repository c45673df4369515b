"""A stack and its resources, as CloudFormation's answers describe them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from generator.cfn.stacks import Stack, StackResource
from generator.cfn.statuses import STATUSES

BARE = {
    "StackName": "shop",
    "StackId": "arn:shop",
    "StackStatus": "ROLLBACK_FAILED",
    "CreationTime": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
}


def test_a_stack_with_everything() -> None:
    answer = {
        **BARE,
        "StackStatusReason": "because",
        "LastUpdatedTime": datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC),
        "Outputs": [{"OutputKey": "Url", "OutputValue": "https://x"}],
        "Parameters": [{"ParameterKey": "Size", "ParameterValue": "1"}, {"ParameterKey": "Unknown"}],
        "Tags": [{"Key": "Owner", "Value": "ada"}],
        "ChangeSetId": "arn:set",
        "EnableTerminationProtection": True,
        "NotificationARNs": ["arn:topic"],
        "RoleARN": "arn:role",
    }
    assert Stack.described(answer) == Stack(
        name="shop",
        id="arn:shop",
        status="ROLLBACK_FAILED",
        reason="because",
        since="2026-02-03 04:05:06 UTC",
        outputs={"Url": "https://x"},
        parameters={"Size": "1", "Unknown": ""},
        tags={"Owner": "ada"},
        change_set="arn:set",
        protected=True,
        topics=("arn:topic",),
        role="arn:role",
    )


def test_a_stack_with_what_there_always_is() -> None:
    stack = Stack.described(BARE)
    assert stack == Stack("shop", "arn:shop", "ROLLBACK_FAILED", since="2026-01-02 03:04:05 UTC")
    assert stack.meaning is STATUSES["ROLLBACK_FAILED"]
    assert (
        stack.remedy == "Look at what is left in the stack, then delete it by hand; resources with data are retained."
    )


def test_a_resource_of_a_stack() -> None:
    entry = {"LogicalResourceId": "Queue", "ResourceType": "AWS::SQS::Queue", "ResourceStatus": "CREATE_COMPLETE"}
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    full = {**entry, "PhysicalResourceId": "q-1", "LastUpdatedTimestamp": moment}
    assert StackResource.listed(full, "arn:child") == StackResource(
        ("Queue",), "AWS::SQS::Queue", "q-1", "CREATE_COMPLETE", "arn:child", moment
    )
    bare = StackResource.listed(entry, "arn:shop")
    assert bare == StackResource(("Queue",), "AWS::SQS::Queue", "", "CREATE_COMPLETE", "arn:shop", None)
    assert str(replace(bare, path=("Data", "Queue"))) == "Data > Queue"
