"""The plan of a root that nobody needs any more: what goes with it, what stays, and what has to be named."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from generator.cfn.changes import Difference
from generator.cfn.losses import Loss
from generator.cfn.stacks import Stack
from generator.cfn.templates import STACK
from scripts.operations.deletion import plan_deletion
from scripts.operations.plan_document import summary
from tests.support.account import NOW
from tests.support.service import Prepared, arn

EDGE, INSIDE = Stack("s-edge", arn("stack", "s-edge"), "UPDATE_COMPLETE", protected=True), arn("stack", "inside")
LISTED = {
    EDGE.id: [
        ("Alarm", "AWS::CloudWatch::Alarm", "alarm", "CREATE_COMPLETE"),
        ("Page", "AWS::CloudFront::Distribution", "E1", "CREATE_COMPLETE"),
        ("Kept", "AWS::CloudFront::Distribution", "E2", "CREATE_COMPLETE"),
        ("Inside", STACK, INSIDE, "CREATE_COMPLETE"),
        ("Gone", "AWS::SNS::Topic", "topic", "DELETE_COMPLETE"),
        ("Never", "AWS::SNS::Topic", "", "CREATE_FAILED"),
    ],
    INSIDE: [
        ("Table", "AWS::DynamoDB::Table", "table", "CREATE_COMPLETE"),
        ("Disk", "AWS::EC2::Volume", "vol-1", "CREATE_COMPLETE"),
        ("Unknown", "AWS::SNS::Topic", "other", "CREATE_COMPLETE"),
    ],
}
BODIES: dict[str, Any] = {
    EDGE.id: {"Alarm": {}, "Page": {}, "Kept": {"DeletionPolicy": "Retain"}, "Inside": {}},
    INSIDE: {"Table": {"DeletionPolicy": "RetainExceptOnCreate"}, "Disk": {"DeletionPolicy": "Snapshot"}},
}


def listed(StackName: str) -> dict[str, Any]:
    return {
        "StackResourceSummaries": [
            {"LogicalResourceId": name, "ResourceType": kind, "ResourceStatus": status, "LastUpdatedTimestamp": NOW}
            | ({"PhysicalResourceId": physical} if physical else {})
            for name, kind, physical, status in LISTED[StackName]
        ]
    }


def test_what_goes_what_stays_and_what_has_to_be_named() -> None:
    aws = Prepared(
        cloudformation__list_stack_resources=listed,
        cloudformation__get_template=lambda StackName, **_: {
            "TemplateBody": json.dumps({"Resources": BODIES[StackName]})
        },
        cloudformation__get_stack_policy={},
    )
    plan = plan_deletion(aws, EDGE)
    assert [
        (change.name, change.type, change.action, change.policy, change.physical_id) for change in plan.changes
    ] == [
        ("Alarm", "AWS::CloudWatch::Alarm", "Remove", "Delete", "alarm"),
        ("Page", "AWS::CloudFront::Distribution", "Remove", "Delete", "E1"),
        ("Kept", "AWS::CloudFront::Distribution", "Remove", "Retain", "E2"),
        ("Inside.Table", "AWS::DynamoDB::Table", "Remove", "Retain", "table"),
        ("Inside.Disk", "AWS::EC2::Volume", "Remove", "Retain", "vol-1"),
        ("Inside.Unknown", "AWS::SNS::Topic", "Remove", "Delete", "other"),
    ]
    assert summary(plan) == "no longer needed: delete 3 resources, keep 3"
    assert plan.losses == (Loss("Page", "AWS::CloudFront::Distribution", "deleted", "users see its address"),)
    assert plan.setting_changes == (Difference("termination protection", "on", "off"),)
    # The same for the same resources, and no change set: it is the deletion itself that is agreed to.
    names = sorted(change.name for change in plan.changes)
    digest = hashlib.sha256(json.dumps([EDGE.id, *names]).encode()).hexdigest()
    assert (plan.stack, plan.stack_id, plan.kind, plan.change_set) == ("s-edge", EDGE.id, "DELETE", "")
    assert (plan.digest, plan.name) == (digest, f"delete-{digest[:8]}")
    assert aws.calls().count("cloudformation.get_template") == 2  # once for each stack
