"""What CloudFormation says of a change set beyond its changes: hooks that look at it, and early validation."""

from __future__ import annotations

from typing import Any

from generator.cfn.changes import PlannedChange
from generator.cfn.templates import STACK
from scripts.deployment.plan import Notice, Plan
from scripts.operations.change_set_notices import change_set_notices
from tests.support.service import Prepared, arn

ROOT, INNER, QUIET = arn("changeSet", "root"), arn("changeSet", "inner"), arn("changeSet", "quiet")


def hook(name: str, mode: str, target: str) -> dict[str, Any]:
    details = {"TargetDetails": {"ResourceTargetDetails": {"LogicalResourceId": target}}} if target else {}
    return {"TypeName": name, "FailureMode": mode, **details}


def hooks(ChangeSetName: str, NextToken: str = "") -> dict[str, Any]:
    if ChangeSetName == INNER:
        return {"Hooks": [hook("Our::Inner", "FAIL", "Bucket")]}
    pages = {"": {"Hooks": [hook("Our::First", "WARN", "Topic")], "NextToken": "2"}}
    return pages.get(NextToken, {"Hooks": [hook("Our::Second", "FAIL", "")]})


def events(ChangeSetName: str) -> dict[str, Any]:
    assert ChangeSetName == INNER
    at = {"EventId": "1", "StackId": arn("stack", "s"), "EventType": "VALIDATION_ERROR", "LogicalResourceId": "Bucket"}
    reason = {"ValidationPath": "/Resources/Bucket", "ValidationStatusReason": "The bucket is not empty"}
    return {"OperationEvents": [{**at, **reason}, {**at, "EventType": "STACK_EVENT"}]}


def nested(name: str, change_set: str, *children: PlannedChange) -> PlannedChange:
    return PlannedChange((name,), STACK, "Modify", children=children, nested=True, change_set=change_set)


BUCKET = PlannedChange(("Inner", "Bucket"), "AWS::S3::Bucket", "Remove", hooks=1)
NEW = PlannedChange(("Quiet", "Bucket"), "AWS::S3::Bucket", "Add")
GONE = PlannedChange(("Quiet", "Topic"), "AWS::SNS::Topic", "Remove")


def plan(*changes: PlannedChange, **more: Any) -> Plan:
    return Plan("s", arn("stack", "s"), "UPDATE", more.pop("change_set", ROOT), "n", "d", changes, **more)


def test_hooks_and_warnings_of_nested_change_sets_come_first() -> None:
    topic = PlannedChange(("Topic",), "AWS::SNS::Topic", "Modify", hooks=2)
    aws = Prepared(cloudformation__describe_change_set_hooks=hooks, cloudformation__describe_events=events)
    planned = plan(nested("Quiet", QUIET, NEW, GONE), nested("Inner", INNER, BUCKET), nested("Same", ""), topic)
    assert list(change_set_notices(aws, planned)) == [
        Notice("hook", "Inner.Bucket", "Our::Inner stops it if it is not content"),
        Notice("validation", "Inner.Bucket", "/Resources/Bucket: The bucket is not empty"),
        Notice("hook", "Topic", "Our::First warns about it if it is not content"),
        Notice("hook", "", "Our::Second stops it if it is not content"),
    ]
    assert [name for name, _ in aws.asked] == [
        "cloudformation.describe_change_set_hooks",
        "cloudformation.describe_events",
        "cloudformation.describe_change_set_hooks",
        "cloudformation.describe_change_set_hooks",
    ]


def test_nothing_is_asked_without_a_change_set_or_a_change() -> None:
    assert list(change_set_notices(Prepared(), plan(BUCKET, change_set=""))) == []
    assert list(change_set_notices(Prepared(), plan(BUCKET, empty=True))) == []
    assert list(change_set_notices(Prepared(), plan(NEW, GONE))) == []
