"""The plan of a root that nobody needs any more: what goes with it, what stays, and what has to be named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.changes import Difference
from generator.cfn.losses import Loss
from generator.cfn.packaging import Bucket, PackagedSet
from generator.cfn.stacks import Stack
from generator.cfn.templates import STACK
from scripts.deployment.deploy_root import Context, RootDeployment
from scripts.deployment.environment import load
from scripts.deployment.errors import Exit
from scripts.deployment.package import GateVerdict
from scripts.deployment.plan import Plan
from scripts.operations import deletion, deploying
from scripts.operations.deletion import plan_deletion
from scripts.operations.plan_document import summary
from tests.conftest import ROOT
from tests.support.account import NOW
from tests.support.service import ME, REGION, Prepared, arn

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
ROLE, OTHER_ROLE = (f"arn:aws:iam::{ME.account}:role/x/{name}" for name in ("Executor", "Former"))
PLAN = Plan("s-edge", EDGE.id, "DELETE", "", "delete-1", "d")
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


def described_role(name: str) -> dict[str, Any]:
    """A role as IAM describes it."""
    about = {"Path": "/x/", "RoleName": name, "RoleId": "A" * 16, "CreateDate": NOW}
    return {**about, "Arn": f"arn:aws:iam::{ME.account}:role/x/{name}"}


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


@pytest.mark.parametrize(
    ("status", "ends", "left"), [("DELETE_COMPLETE", Exit.DONE, False), ("DELETE_FAILED", Exit.FAILED, True)]
)
@pytest.mark.parametrize("own", ["", ROLE, OTHER_ROLE])
def test_the_deletion_is_carried_out_with_a_role_that_is_there(
    status: str, ends: Exit, left: bool, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the stack's own where that is the access stack's; of a stack that is gone nothing is given back."""
    begun: list[Any] = []
    stack = replace(EDGE, role=own, status=status)

    def execute(root: RootDeployment, plan: Plan, begin: Callable[[Any, Plan], object]) -> tuple[Exit, Stack]:
        assert (root, plan) == (standing, PLAN)
        begin(root.aws, plan)
        return ends, stack

    monkeypatch.setattr(deletion, "execute", execute)
    monkeypatch.setattr(deletion, "destroy", lambda *arguments, **options: begun.append((*arguments, options)))
    roots = load("staging", ROOT / "templates", ROOT / "params")
    aws = Prepared(iam__get_role={})
    aws.answers["iam.get_role"] = lambda RoleName: {"Role": described_role(RoleName)}
    access = Stack("access", "id", "UPDATE_COMPLETE", outputs={"CloudFormationRoleArn": ROLE})
    context = Context(aws, roots, GateVerdict({}), access=access)
    bucket = Bucket.of("dashboard", ME.account, REGION)
    standing = RootDeployment(context, roots["edge"], aws, bucket, PackagedSet(()), previous=replace(EDGE, role=own))
    # The deletion is what carries out every plan of its kind.
    assert deploying.execute_image_first(standing, PLAN) == (ends, stack if left else None)
    options = {"RoleARN": ROLE} if own == OTHER_ROLE else {}
    assert begun == [(aws, standing.previous, options)]
