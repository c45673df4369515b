"""Plans read from service-shaped change sets, as values and as text."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from generator.cfn.changes import Difference, PlannedChange
from generator.cfn.packaging import PackagedSet
from generator.cfn.unknown import KNOWN_AFTER_APPLY
from scripts.deployment import plan
from scripts.deployment.errors import RefusedError
from scripts.deployment.plan import Plan, Request
from scripts.operations.diagnose.drift import drift_notices
from scripts.operations.output import plan_text
from scripts.operations.parameter_effects import subscribers_missing
from tests.deployment.changesets import (
    BEFORE,
    BUCKET,
    NAME,
    NO_CHANGES,
    REQUEST,
    ROOT,
    UPDATE,
    change_set,
    detail,
    modify,
    nested,
    prepared,
)
from tests.deployment.service import arn, refusal


def test_an_update_as_text() -> None:
    planned = plan.make(prepared(*UPDATE), REQUEST, BEFORE)
    shown = list(map(str, plan_text.plan_lines(planned)))
    assert list(map(str, plan_text.plan_lines(planned, verbose=True))) == [
        "dashboard-staging: update, 1 added, 1 changed, 1 removed",
        "  parameters",
        "    TaskCpu: 256 → 512",
        "  ~ Backend",
        "    ~ Task  AWS::ECS::TaskDefinition (replaced)",
        "        Cpu: 256 → 512",
        "  ~ Build",
        "    + Cache  AWS::S3::Bucket",
        "    - Old  AWS::S3::Bucket (old one retained)",
        "  2 listed by CloudFormation, values unchanged:",
        "    ? Backend: Service",
        "    ? Monitoring: Alarm (may be replaced)",
        "  no change expected in Storage",
    ]
    assert shown[-2:] == [
        "  2 listed by CloudFormation, values unchanged (--verbose names them)",
        "  no change expected in Storage",
    ]


def test_resources_that_change_in_the_same_way_share_a_line() -> None:
    def logs(name: str, after: str) -> PlannedChange:
        differences = (Difference("RetentionInDays", "30", after),)
        return PlannedChange(("Build", name), "AWS::Logs::LogGroup", "Modify", differences=differences)

    children = (logs("First", "60"), logs("Other", "90"), logs("Second", "60"))
    build = PlannedChange(("Build",), "AWS::CloudFormation::Stack", "Modify", children=children, nested=True)
    lines = list(map(str, plan_text.plan_lines(Plan(NAME, "id", "UPDATE", "set", "name", "digest", (build,)))))
    assert lines == [
        f"{NAME}: update, 3 changed",
        "  ~ Build",
        "    ~ First, Second  AWS::Logs::LogGroup",
        "        RetentionInDays: 30 → 60",
        "    ~ Other  AWS::Logs::LogGroup",
        "        RetentionInDays: 30 → 90",
    ]


def test_elements_of_lists_are_called_by_their_own_names() -> None:
    """Where the one before and the one after have the same; a place is a place, whatever is called alike."""

    def option(namespace: str, name: str) -> dict[str, str]:
        return {"Namespace": namespace, "OptionName": name, "Value": "1"}

    def context(*options: dict[str, str]) -> str:
        tags = [{"Key": "CostCenter", "Value": "1"}, {"Key": KNOWN_AFTER_APPLY, "Value": "1"}]
        return json.dumps({"Properties": {"OptionSettings": options, "Tags": tags, "Zones": ["a"]}})

    places = [f"OptionSettings/{number}/Value" for number in range(4)] + ["Tags/0/Value", "Tags/1/Value", "Zones/0"]
    change = modify(
        "Environment",
        "AWS::ElasticBeanstalk::Environment",
        *(detail(place, "1", "2") for place in places),
        BeforeContext=context(option("a", "Size"), option("b", "Size"), option("a", "Old")),
        AfterContext=context(option("a", "Size"), option("b", "Size"), option("a", "New"), option("a", "More")),
    )
    planned = plan.make(prepared(change_set(NAME, [change])), REQUEST, BEFORE)
    assert [difference.name for difference in planned.changes[0].differences] == [
        "OptionSettings.a.Size.Value",
        "OptionSettings.b.Size.Value",
        "OptionSettings.2.Value",
        "OptionSettings.a.More.Value",
        "Tags.CostCenter.Value",
        "Tags.1.Value",
        "Zones.0",
    ]


def test_what_is_certain() -> None:
    planned = plan.make(prepared(*UPDATE), REQUEST, BEFORE)
    assert [change.path[0] for change in planned.changes if change.certain] == ["Backend", "Build"]
    assert [leaf.path for leaf in planned.leaves() if not leaf.certain] == [
        ("Backend", "Service"),
        ("Monitoring", "Alarm"),
    ]
    assert not planned.empty and planned.kind == "UPDATE"


def test_what_is_asked_of_cloudformation() -> None:
    aws = prepared(*UPDATE)
    planned = plan.make(aws, REQUEST, BEFORE)
    call, request = aws.asked[0]
    assert call == "cloudformation.create_change_set"
    assert request["IncludeNestedStacks"] and request["ChangeSetType"] == "UPDATE" and request["Description"] == "why"
    assert request["ClientToken"] == request["ChangeSetName"] == planned.name
    assert request["Capabilities"] == ["CAPABILITY_IAM"] and request["Tags"] == [{"Key": "CostCenter", "Value": "1"}]
    assert all(request["IncludePropertyValues"] for name, request in aws.asked if name.endswith("describe_change_set"))
    assert "cloudformation.delete_change_set" not in aws.calls()


def test_no_changes_are_no_failure_and_leave_nothing() -> None:
    for reason in (NO_CHANGES, "No updates are to be performed."):
        aws = prepared(change_set(NAME, [], Status="FAILED", StatusReason=reason))
        planned = plan.make(aws, REQUEST, BEFORE)
        assert planned.empty and not planned.changes
        assert aws.calls()[-1] == "cloudformation.delete_change_set"


def test_a_refused_change_set_names_the_child_and_leaves_nothing() -> None:
    child = change_set("staging-Backend-1", [], Status="FAILED", StatusReason="Unresolved resource dependencies [X]")
    reason = f"Nested change set {child['ChangeSetId']} was not successfully created: Currently in FAILED."
    stack = {"StackName": NAME, "StackId": BEFORE.id, "StackStatus": "REVIEW_IN_PROGRESS"}
    empty = {"Stacks": [{**stack, "CreationTime": datetime.now(UTC)}]}
    somebodys = {"ChangeSetId": arn("changeSet", "x"), "ChangeSetName": "deploy-x", "Status": "CREATE_COMPLETE"}
    going = {"ChangeSetId": arn("changeSet", "y"), "ChangeSetName": "deploy-y", "Status": "DELETE_IN_PROGRESS"}
    done = ["delete_change_set", "describe_change_set", "describe_stacks", "list_change_sets"]
    for others, last in (([going], [*done, "delete_stack"]), ([going, somebodys], done)):
        aws = prepared(
            change_set(NAME, [], Status="FAILED", StatusReason=reason),
            child,
            cloudformation__describe_stacks=empty,
            cloudformation__list_change_sets={"Summaries": others},
        )
        with pytest.raises(RefusedError, match=r"dashboard-staging > staging-Backend-1:\n +Unresolved resource"):
            plan.make(aws, REQUEST, None)
        assert aws.calls()[-len(last) :] == [f"cloudformation.{call}" for call in last]


@pytest.mark.parametrize("status", ["DELETE_PENDING", "DELETE_IN_PROGRESS", "DELETE_COMPLETE", "DELETE_FAILED"])
def test_a_change_set_that_somebody_deletes_meanwhile_is_not_waited_for(status: str) -> None:
    """`ChangeSetStatus` in botocore's model of CloudFormation: it is never created any more."""
    with pytest.raises(RefusedError, match=f"refuses the change set of {NAME}:\n  {status}"):
        plan.make(prepared(change_set(NAME, [], Status=status)), REQUEST, BEFORE)


def test_a_nested_change_set_that_failed_is_refused_although_the_roots_did_not() -> None:
    """What is unchanged fails, too, and is none."""
    for reason, refused in (("Unresolved resource dependencies [X]", True), (NO_CHANGES, False)):
        child = change_set("backend", [], Status="FAILED", StatusReason=reason)
        aws = prepared(change_set(NAME, [nested("Backend")]), child)
        if refused:
            with pytest.raises(RefusedError, match=r"change set of Backend:\n +Unresolved resource"):
                plan.make(aws, REQUEST, BEFORE)
            assert aws.calls()[-1] == "cloudformation.delete_change_set"
        else:
            [planned] = plan.make(aws, REQUEST, BEFORE).changes
            assert (planned.path, planned.change_set, planned.children) == (("Backend",), "", ())


def test_what_early_validation_and_hooks_refuse_is_told_with_its_place() -> None:
    """The reason of the change set itself only says that something failed."""
    at = {"EventId": "1", "StackId": BEFORE.id, "LogicalResourceId": "Topic"}
    events = [
        {
            **at,
            "EventType": "VALIDATION_ERROR",
            "ValidationPath": "/Resources/Topic/Properties/Colour",
            "ValidationStatusReason": "unsupported property",
        },
        {**at, "EventType": "HOOK_INVOCATION_ERROR", "HookType": "Our::Hook", "HookStatusReason": "no tag Owner"},
        {**at, "EventType": "STACK_EVENT"},
    ]
    failed = change_set(NAME, [], Status="FAILED", StatusReason="The following validations failed")
    pages = [{"OperationEvents": events[:1], "NextToken": "2"}, {"OperationEvents": events[1:]}]
    aws = prepared(failed, cloudformation__describe_events=pages)
    with pytest.raises(RefusedError) as raised:
        plan.make(aws, REQUEST, BEFORE)
    assert str(raised.value).splitlines() == [
        "CloudFormation refuses the change set of dashboard-staging:",
        "  /Resources/Topic/Properties/Colour: unsupported property",
        "  Topic: hook Our::Hook says no tag Owner",
    ]


def test_drift_is_reported_from_a_change_set_that_is_never_executed() -> None:
    def drifted(logical_id: str, kind: str, place: str, status: str = "MODIFIED") -> dict[str, Any]:
        drifted = {"PreviousValue": "a", "ActualValue": "b", "DriftDetectionTimestamp": 0}
        details = [{"Target": {"Path": f"/Properties/{place}", "Drift": drifted}, "Evaluation": "Static"}]
        return modify(logical_id, kind, *details, ResourceDriftStatus=status)

    service = drifted("Service", "AWS::ECS::Service", "TaskDefinition")
    group = drifted("Group", "AWS::EC2::SecurityGroup", "SecurityGroupIngress/0/CidrIp")
    gone = drifted("Topic", "AWS::SNS::Topic", "", "DELETED")
    aws = prepared(change_set(NAME, [nested("Backend"), gone]), change_set("backend", [service, group]))
    notices = [
        (notice.kind, notice.where, notice.text) for notice in drift_notices(aws, BEFORE, "deploy-staging-", "why")
    ]
    assert notices == [
        (
            "drift",
            "Backend.Service",
            "TaskDefinition: a → b, as expected: the pipeline deploys a task definition with every release",
        ),
        ("drift", "Backend.Group", "SecurityGroupIngress.0.CidrIp: a → b"),
        ("drift", "Topic", "it does not exist any more"),
    ]
    request = aws.asked[0][1]
    assert (request["DeploymentMode"], request["UsePreviousTemplate"]) == ("REVERT_DRIFT", True)
    assert aws.calls()[-1] == "cloudformation.delete_change_set"


def test_a_change_set_that_cannot_be_read_is_taken_away() -> None:
    aws = prepared(UPDATE[0])
    aws.answers["cloudformation.describe_change_set"] = refusal("cloudformation.describe_change_set", "AccessDenied")
    with pytest.raises(RefusedError):
        plan.make(aws, REQUEST, BEFORE)
    assert aws.calls()[-1] == "cloudformation.delete_change_set"


def test_every_page_and_every_wait() -> None:
    """A change set takes a while and has pages."""
    first, other = ({"Action": "Add", "LogicalResourceId": name, "ResourceType": BUCKET} for name in "AB")
    waiting = change_set(NAME, [], Status="CREATE_IN_PROGRESS")
    aws = prepared(waiting)
    pages = [change_set(NAME, [first], NextToken="more"), change_set(NAME, [other])]
    aws.answers["cloudformation.describe_change_set"] = [waiting, *pages]
    assert [change.path for change in plan.make(aws, REQUEST, BEFORE).changes] == [("A",), ("B",)]


def test_the_digest_is_that_of_the_request() -> None:
    other = Request(NAME, ROOT, {**REQUEST.parameters, "TaskCpu": "1024"}, REQUEST.tags)
    template = replace(ROOT.root, url="https://other.s3.eu-west-1.amazonaws.com/k")
    elsewhere = PackagedSet((template,))
    assert REQUEST.digest != other.digest
    assert REQUEST.digest == Request(NAME, elsewhere, REQUEST.parameters, REQUEST.tags).digest


def test_an_environment_without_subscribers_is_named() -> None:
    declared = {"NotificationEmail": {"Default": ""}, "NotificationPhone": {"Default": ""}, "BranchName": {}}
    root = {"Parameters": declared}
    for chosen, silent in (
        ({"Environment": "staging"}, True),
        ({"Environment": "production", "NotificationEmail": "NONE"}, True),
        ({"Environment": "staging", "NotificationEmail": "devops@example.com"}, False),
        ({"Environment": "staging", "NotificationPhone": "+441632960961"}, False),
        ({"Environment": "local"}, False),  # nobody subscribes to a local AWS
    ):
        assert [notice.kind for notice in subscribers_missing(root, chosen)] == (["messages"] if silent else []), chosen
    assert list(subscribers_missing({"Parameters": {}}, {})) == []
