"""Plans read from service-shaped change sets, as values and as text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from generator.cfn.changes import Difference, PlannedChange
from generator.cfn.packaging import PackagedSet
from generator.cfn.stacks import Stack
from generator.cfn.unknown import KNOWN_AFTER_APPLY
from scripts.deployment import plan
from scripts.deployment.errors import RefusedError
from scripts.deployment.plan import Plan, Request
from scripts.operations.diagnose.drift import drift_notices
from scripts.operations.output import plan_text
from scripts.operations.parameter_effects import subscribers_missing
from tests.support.changesets import (
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
from tests.support.service import arn, refusal


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


@pytest.mark.parametrize("previous", [BEFORE, None])
@pytest.mark.parametrize(
    ("more", "besides"),
    [
        ({}, {}),
        (
            {"role": "arn:aws:iam::0:role/Deploy", "options": {"NotificationARNs": ["t"]}, "prefix": "plan-x-"},
            {"RoleARN": "arn:aws:iam::0:role/Deploy", "NotificationARNs": ["t"]},
        ),
    ],
)
def test_what_is_asked_of_cloudformation(previous: Stack | None, more: Any, besides: dict[str, Any]) -> None:
    """A name is used once: when the call is sent again, it is the same change set."""
    aws = prepared(*UPDATE)
    planned = plan.make(aws, replace(REQUEST, **more), previous)
    call, request = aws.asked[0]
    kind = "UPDATE" if previous else "CREATE"
    assert call == "cloudformation.create_change_set"
    assert request == {
        "StackName": NAME,
        "ChangeSetName": planned.name,
        "ChangeSetType": kind,
        "ClientToken": planned.name,
        "Description": "why",
        "Capabilities": ["CAPABILITY_IAM"],
        "IncludeNestedStacks": True,
        "TemplateURL": ROOT.root.url,
        "Parameters": [
            {"ParameterKey": "TaskCpu", "ParameterValue": "512"},
            {"ParameterKey": "Color", "ParameterValue": "red"},
        ],
        "Tags": [{"Key": "CostCenter", "Value": "1"}],
        **besides,
    }
    prefix = more.get("prefix", "deploy-")
    assert re.fullmatch(rf"{prefix}{planned.digest[:8]}-[0-9a-f]{{8}}", planned.name)
    assert plan.make(prepared(*UPDATE), replace(REQUEST, **more), previous).name != planned.name
    assert all(request["IncludePropertyValues"] for name, request in aws.asked if name.endswith("describe_change_set"))
    assert "cloudformation.delete_change_set" not in aws.calls()
    assert (planned.stack, planned.stack_id, planned.kind, planned.empty) == (NAME, BEFORE.id, kind, False)
    assert (planned.change_set, planned.digest) == (arn("changeSet", NAME), REQUEST.digest)
    assert (planned.options, planned.stored) == (more.get("options", {}), ROOT.templates)
    old = ("256", "red", "1") if previous else ("", "", "")
    values = [(each.name, each.before, each.after) for each in (*planned.parameters, *planned.tags)]
    everything = [("Color", old[1], "red"), ("TaskCpu", old[0], "512"), ("CostCenter", old[2], "1")]
    assert values == [value for value in everything if value[1] != value[2]]


def test_a_parameter_that_must_not_be_shown_is_masked_on_both_sides() -> None:
    request = replace(REQUEST, hidden=frozenset({"TaskCpu"}))
    changed = modify("Task", "AWS::ECS::TaskDefinition", detail("Cpu", "256", "512", CausingEntity="TaskCpu"))
    planned = plan.make(prepared(change_set(NAME, [changed])), request, BEFORE)
    [difference], [parameter] = planned.changes[0].differences, planned.parameters
    assert not {"256", "512"} & {difference.before, difference.after, parameter.before, parameter.after}


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


def test_what_did_not_fail_itself_is_not_named_as_the_reason() -> None:
    """The reason may name the change set itself, one that is unchanged, and one that was created."""
    unchanged = change_set("unchanged", [], Status="FAILED", StatusReason=NO_CHANGES)
    created, own = change_set("created", []), arn("changeSet", NAME)
    others = " and ".join(each["ChangeSetId"] for each in (unchanged, created))
    failed = change_set(NAME, [], Status="FAILED", StatusReason=f"{own} failed, with {others}")
    with pytest.raises(RefusedError) as raised:
        plan.make(prepared(failed, unchanged, created), REQUEST, BEFORE)
    assert str(raised.value).startswith(f"CloudFormation refuses the change set of {NAME}:\n  {own} failed")
    inner = change_set("inner", [], Status="FAILED", StatusReason="token postgres://me:correct-horse@db/x")
    middle = change_set("middle", [], Status="FAILED", StatusReason=f"see {inner['ChangeSetId']}")
    outer = change_set(NAME, [], Status="FAILED", StatusReason=f"see {middle['ChangeSetId']}")
    with pytest.raises(RefusedError) as raised:
        plan.make(prepared(outer, middle, inner), REQUEST, BEFORE)
    assert str(raised.value).startswith(f"CloudFormation refuses the change set of {NAME} > middle > inner:\n  token")
    assert "correct-horse" not in str(raised.value)


@pytest.mark.parametrize(
    ("kind", "answers", "calls"),
    [
        ("UPDATE", [], []),
        ("CREATE", ["DELETE_PENDING", "DELETE_IN_PROGRESS", "ChangeSetNotFound"], ["describe_change_set"] * 3),
        ("CREATE", ["DELETE_IN_PROGRESS", "ValidationError"], ["describe_change_set"] * 2),
        ("CREATE", ["DELETE_FAILED"], ["describe_change_set"]),
        ("CREATE", ["DELETE_IN_PROGRESS"] * 500, None),
    ],
)
def test_the_stack_of_a_first_change_set_goes_after_the_change_sets_in_it(
    monkeypatch: pytest.MonkeyPatch, kind: str, answers: list[str], calls: list[str] | None
) -> None:
    """Else nested stacks would be left in REVIEW_IN_PROGRESS; that is waited for for two minutes."""
    now = [0.0]
    monkeypatch.setattr("scripts.deployment.plan.time.monotonic", lambda: now[0])
    monkeypatch.setattr("scripts.deployment.plan.time.sleep", lambda pause: now.append(now.pop() + pause))
    replies = [refusal("x", each) if not each.startswith("DELETE") else {"Status": each} for each in answers]
    gone = refusal("x", "ValidationError", "does not exist")
    aws = prepared(
        change_set(NAME, []), cloudformation__describe_change_set=replies, cloudformation__describe_stacks=gone
    )
    planned = Plan(NAME, BEFORE.id, kind, arn("changeSet", NAME), "deploy-1", "d")
    plan.discard(aws, planned)
    done = [name.removeprefix("cloudformation.") for name in aws.calls()]
    assert done[0] == "delete_change_set" and done[-1] == ("describe_stacks" if kind == "CREATE" else done[0])
    if calls is None:
        assert plan.DELETION_SECONDS <= now[0] <= plan.DELETION_SECONDS + 5
    else:
        assert done[1:-1] == calls
    aws.asked.clear()
    plan.discard(aws, replace(planned, change_set=""))
    assert aws.asked == []  # there is nothing to take away


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
    assert request.pop("ChangeSetName") == request.pop("ClientToken")
    assert request == {
        "StackName": NAME,
        "ChangeSetType": "UPDATE",
        "Description": "why",
        "Capabilities": ["CAPABILITY_IAM"],
        "IncludeNestedStacks": True,
        "UsePreviousTemplate": True,
        "Parameters": [{"ParameterKey": name, "UsePreviousValue": True} for name in ("TaskCpu", "Color")],
        "Tags": [{"Key": "CostCenter", "Value": "1"}],
        "DeploymentMode": "REVERT_DRIFT",
    }
    assert aws.calls()[-1] == "cloudformation.delete_change_set"


def test_values_of_drift_are_masked_and_absent_ones_named() -> None:
    def target(name: str, **sides: str) -> dict[str, Any]:
        drift = {**sides, "DriftDetectionTimestamp": 0}
        return {"Target": {"Name": name, "Drift": drift}, "Evaluation": "Static"}

    details = [
        target("Password", PreviousValue="correct-horse-battery", ActualValue=""),
        target("Tags", ActualValue="b"),
    ]
    other = {"Target": {"Name": "Size"}, "Evaluation": "Static"}
    change = modify("Queue", "AWS::SQS::Queue", *details, other, ResourceDriftStatus="MODIFIED")
    same = modify("Same", "AWS::SQS::Queue", *details, ResourceDriftStatus="IN_SYNC")
    notices = drift_notices(prepared(change_set(NAME, [change, same])), BEFORE, "deploy-staging-", "why")
    assert [notice.text for notice in notices] == [
        "Password: (not shown: it looks like a secret, by its name) → (none)",
        "Tags: (none) → b",
    ]


@pytest.mark.parametrize("below", [False, True])
def test_drift_that_cannot_be_detected_is_refused_with_its_place(below: bool) -> None:
    broken = {"Status": "FAILED", "StatusReason": "no permission"}
    nothing = change_set("backend", [], Status="FAILED", StatusReason=NO_CHANGES)
    root = change_set(NAME, [nested("Backend")]) if below else change_set(NAME, [], **broken)
    aws = prepared(root, change_set("backend", [], **broken))
    where = "Backend" if below else NAME
    with pytest.raises(RefusedError) as raised:
        drift_notices(aws, BEFORE, "deploy-staging-", "why")
    assert raised.value.reason == f"CloudFormation cannot detect the drift of {where}: no permission"
    assert aws.calls()[-1] == "cloudformation.delete_change_set"
    assert drift_notices(prepared(change_set(NAME, [nested("Backend")]), nothing), BEFORE, "deploy-", "why") == ()


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
