"""What stands beside what is asked for, before any change set: the same for certain, different, or only to be known by
asking CloudFormation."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from generator.cfn.environments import Environment
from generator.cfn.packaging import Bucket, bucket_policy, package
from generator.cfn.parameters import ParameterFile
from generator.cfn.stacks import Stack
from generator.cfn.statuses import STATUSES
from generator.cfn.templates import STACK, from_bodies
from scripts.deployment import deploy_root
from scripts.deployment.compare import DELETED_BY_HAND, MASKED, ROLE, TOPICS, compare
from scripts.deployment.deploy_root import Context, RootDeployment
from scripts.deployment.errors import ManualActionRequiredError, RefusedError
from scripts.deployment.plan import Notice, Request
from scripts.operations.image_first import changed_stacks
from tests.support.changesets import NO_CHANGES, change_set, detail, modify
from tests.support.gate import passed
from tests.support.service import ME, REGION, Prepared, Stored, arn

NAME = "dashboard-staging"
DATA = arn("stack", f"{NAME}-Data-1")
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
BUCKET = Bucket.of("dashboard", ME.account, REGION)
TABLE = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "Clients"}}
TAGS = [{"Key": "Application", "Value": "dashboard"}]
TEMPLATES = from_bodies(
    {
        "environment": {
            "Metadata": {"Generator": {"Module": "tests", "Version": "1"}},
            "Parameters": {"Color": {"Type": "String"}, "Login": {"Type": "String", "NoEcho": True, "Default": "x"}},
            "Resources": {"Data": {"Type": STACK, "Properties": {"TemplateURL": "data.json", "Tags": TAGS}}},
        },
        "data": {"Resources": {"Clients": TABLE}},
    }
)
PACKAGED = package(TEMPLATES["environment"], BUCKET.url, "staging")
ENVIRONMENT = Environment("staging", TEMPLATES["environment"], ParameterFile("staging.json", {"Color": "red"}, {}, {}))


def request(color: str = "red", **more: Any) -> Request:
    return Request(NAME, PACKAGED, {"Color": color}, {}, hidden=ENVIRONMENT.hidden, **more)


def stack(status: str = "UPDATE_COMPLETE", **more: Any) -> Stack:
    return Stack(NAME, arn("stack", NAME), status, **{"parameters": {"Color": "red"}, **more})


def account(status: str | None = "UPDATE_COMPLETE", later: int = -1, body: Any = None, **answers: Any) -> Prepared:
    """An account in which the root stands, with one nested stack of this status; None for one that is gone. Its own
    last update began `later` seconds after the root was done with it."""
    nested = {"LogicalResourceId": "Data", "PhysicalResourceId": DATA, "ResourceType": STACK}
    summary = {**nested, "ResourceStatus": "UPDATE_COMPLETE", "LastUpdatedTimestamp": NOW}
    own = {"StackId": DATA, "StackName": "x", "CreationTime": NOW, "LastUpdatedTime": NOW + timedelta(seconds=later)}
    live = PACKAGED.root.body if body is None else body

    def template(StackName: str = "", **_: Any) -> dict[str, Any]:
        content = PACKAGED.templates[0].body if StackName == DATA else PACKAGED.root.body if not StackName else live
        return {"TemplateBody": content if isinstance(content, str) else json.dumps(content)}

    return Prepared(
        sts__get_caller_identity={"Account": ME.account, "Arn": ME.arn},
        cloudformation__get_template=template,
        s3__get_bucket_policy={"Policy": json.dumps(bucket_policy(BUCKET.name))},
        **{name.replace(".", "__"): answer for name, answer in Stored().answers.items()},
        cloudformation__list_stack_resources={"StackResourceSummaries": [summary]},
        cloudformation__list_stacks={"StackSummaries": [{**own, "StackStatus": status}] if status else []},
        **answers,
    )


def test_the_same_is_known_without_a_change_set() -> None:
    aws = account()
    assert compare(aws, ENVIRONMENT, request(), stack()).same
    assert sorted(aws.calls()) == [
        "cloudformation.get_template",
        "cloudformation.list_stack_resources",
        "cloudformation.list_stacks",
    ]


def test_a_role_and_topics_that_stay_are_no_difference() -> None:
    """An environment with an access stack has both, at each deployment."""
    role, topics = "arn:role", ("arn:topic",)
    again = request(role=role, options={"NotificationARNs": list(topics)})
    assert compare(account(), ENVIRONMENT, again, stack(role=role, topics=topics)).same
    assert compare(account(), ENVIRONMENT, request(), stack(role=role)).same  # a role stays with its stack


@pytest.mark.parametrize(
    ("more", "standing", "differences"),
    [
        ({"color": "blue"}, {}, [("Color", "red", "blue")]),
        ({}, {"tags": {"CostCenter": "1"}}, [("CostCenter", "1", "")]),
        ({"role": "arn:role"}, {"role": "arn:other"}, [(ROLE, "arn:other", "arn:role")]),
        ({"options": {"NotificationARNs": ["a", "b"]}}, {"topics": ("c", "d")}, [(TOPICS, "c, d", "a, b")]),
        ({"options": {"NotificationARNs": ["a", "b"]}}, {"topics": ("b", "a")}, []),
        ({"options": {"NotificationARNs": []}}, {"topics": ("a",)}, [(TOPICS, "a", "")]),
        ({}, {"topics": ("a",), "role": "arn:role"}, []),  # those of before stay
    ],
)
def test_each_kind_of_difference_is_seen(more: Any, standing: Any, differences: list[tuple[str, str, str]]) -> None:
    comparison = compare(account(), ENVIRONMENT, request(**more), stack(**standing))
    assert [(value.name, value.before, value.after) for value in comparison.values] == differences
    assert comparison.same is not bool(differences) and not comparison.templates_differ and comparison.doubts == ()
    assert (comparison.pair is None) is comparison.same


def test_templates_that_are_the_same_are_compared_by_their_resources_where_that_is_asked_for() -> None:
    comparison = compare(account(), ENVIRONMENT, request(), stack(), complete=True)
    assert comparison.same and comparison.pair and comparison.pair.root == "environment"
    for side in (comparison.pair.before, comparison.pair.after):
        assert {template.name for template in side} == {"environment", "Data"}


def test_values_are_put_into_the_templates_of_both_sides() -> None:
    """Conditions are decided where the stack stands: by its account, Region and partition."""
    where = {"Region": REGION, "AccountId": ME.account, "Partition": "aws"}
    conditions = {name: {"Fn::Equals": [{"Ref": f"AWS::{name}"}, value]} for name, value in where.items()}
    topics: dict[str, Any] = {name: {"Type": "AWS::SNS::Topic", "Condition": name} for name in where}
    topics["T"] = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::Sub": "${Color}-topic"}}}
    declared = {"Parameters": {"Color": {"Type": "String"}}, "Conditions": conditions, "Resources": topics}
    templates = from_bodies({"environment": declared})
    packaged = package(templates["environment"], BUCKET.url, "staging")
    own = Environment("staging", templates["environment"], ENVIRONMENT.file)
    blue = Request(NAME, packaged, {"Color": "blue"}, {})
    pair = compare(account(body=packaged.root.body), own, blue, stack()).pair
    assert pair
    for side, color in ((pair.before, "red"), (pair.after, "blue")):
        assert {*side["environment"].resources} == {*where, "T"}
        assert side["environment"].resources["T"].get("TopicName") == f"{color}-topic"


def test_a_parameter_that_a_living_template_lacks_is_refused() -> None:
    """It has one that its stack has no value for: nobody knows what it holds."""
    body: dict[str, Any] = {**PACKAGED.root.body, "Parameters": {"Other": {"Type": "String"}}}
    body["Resources"] = {**body["Resources"], "T": {"Type": "AWS::SNS::Topic", "Condition": "No"}}
    body["Conditions"] = {"No": {"Fn::Equals": [{"Ref": "Other"}, "x"]}}
    with pytest.raises(RefusedError, match=r"^environment\.json: .*Other"):
        compare(account(body=body), ENVIRONMENT, request(), stack())


@pytest.mark.parametrize("beside", [{}, {"Bell": {"Type": "AWS::SNS::Topic"}}], ids=["alone", "after another resource"])
def test_the_stacks_that_differ_are_known_by_their_resources(beside: dict[str, Any]) -> None:
    """Not by addresses, which change with every word of a template."""
    before = {"Resources": {"Clients": {**TABLE, "Properties": {"TableName": "Other"}}}}
    url = {"TemplateURL": "https://elsewhere/data.json"}
    root = {**PACKAGED.root.body, "Resources": {**beside, "Data": {"Type": STACK, "Properties": url}}}
    aws = account(body=root)

    def template(StackName: str, **_: Any) -> dict[str, Any]:
        return {"TemplateBody": json.dumps(before if StackName == DATA else root)}

    aws.answers["cloudformation.get_template"] = template
    comparison = compare(aws, ENVIRONMENT, request(), stack())
    own = {"environment"} if beside else set()  # what only the root has is gone
    assert comparison.templates_differ and changed_stacks(comparison.pair) == {"Data"} | own
    before["Resources"]["Clients"] = {**TABLE, "Metadata": {"Description": "said in other words"}}
    assert changed_stacks(compare(aws, ENVIRONMENT, request(), stack()).pair) == own


@pytest.mark.parametrize(("status", "says"), [(None, "does not exist any more"), ("DELETE_COMPLETE", "any more")])
def test_a_nested_stack_that_somebody_deleted_is_told(status: str | None, says: str) -> None:
    """The root itself still shows it as complete."""
    with pytest.raises(ManualActionRequiredError, match=says) as raised:
        compare(account(status), ENVIRONMENT, request(), stack())
    reason = "The nested stack Data of dashboard-staging does not exist any more: somebody deleted it. CloudFormation "
    assert raised.value.reason == f"{reason}can neither update nor create it again."
    assert raised.value.remedy == DELETED_BY_HAND and "new logical id" in DELETED_BY_HAND


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED"])
def test_a_nested_stack_that_is_busy_or_broken_is_told(status: str) -> None:
    with pytest.raises(ManualActionRequiredError) as raised:
        compare(account(status), ENVIRONMENT, request(), stack())
    means = STATUSES[status]
    assert raised.value.reason == f"The nested stack Data of dashboard-staging {means.text} ({status})."
    assert raised.value.remedy == means.remedy


ROLLED_BACK = "the nested stack could not be updated and was rolled back (UPDATE_ROLLBACK_COMPLETE)"


@pytest.mark.parametrize(
    ("status", "later", "root_status", "doubt"),
    [
        ("UPDATE_COMPLETE", -1, "UPDATE_COMPLETE", ""),
        ("UPDATE_COMPLETE", 0, "UPDATE_COMPLETE", ""),
        ("UPDATE_COMPLETE", 60, "UPDATE_COMPLETE", "the nested stack was updated by itself, not by its root"),
        ("UPDATE_ROLLBACK_COMPLETE", -1, "UPDATE_COMPLETE", ROLLED_BACK),
        # After a rollback of the root it is as it should be.
        ("UPDATE_ROLLBACK_COMPLETE", -1, "UPDATE_ROLLBACK_COMPLETE", ""),
    ],
)
def test_a_nested_stack_that_changed_by_itself_is_asked_about(
    status: str, later: int, root_status: str, doubt: str
) -> None:
    """Its root looks complete. Deleted stacks are not listed: there may be thousands."""
    aws = account(status, later)
    comparison = compare(aws, ENVIRONMENT, request(), stack(root_status))
    assert comparison.doubts == ((Notice("comparison", "Data", doubt),) if doubt else ())
    assert comparison.same is not bool(doubt)
    [listed] = [sent for name, sent in aws.asked if name.endswith("list_stacks")]
    assert {*listed["StackStatusFilter"]} == {*STATUSES} - {"DELETE_COMPLETE"}


@pytest.mark.parametrize(
    "more",
    [
        {"PhysicalResourceId": ""},
        {"ResourceStatus": "DELETE_COMPLETE"},
        {"ResourceType": "AWS::SNS::Topic"},
        {"LogicalResourceId": "Gone"},  # the new templates have it no more
    ],
    ids=str,
)
def test_what_is_no_nested_stack_of_the_new_templates_may_be_gone(more: dict[str, str]) -> None:
    aws = account(None)
    [entry] = aws.answers["cloudformation.list_stack_resources"]["StackResourceSummaries"]
    aws.answers["cloudformation.list_stack_resources"] = {"StackResourceSummaries": [{**entry, **more}]}
    assert compare(aws, ENVIRONMENT, request(), stack()).same


def test_a_nested_stack_that_was_never_updated_is_as_its_root_has_created_it() -> None:
    aws = account(later=60)
    [own] = aws.answers["cloudformation.list_stacks"]["StackSummaries"]
    del own["LastUpdatedTime"]
    assert compare(aws, ENVIRONMENT, request(), stack()).same


def test_a_value_that_is_not_shown_can_only_be_asked_about() -> None:
    """It is no difference: nobody knows."""
    secret = stack(parameters={"Color": "red", "Login": MASKED})
    comparison = compare(account(), ENVIRONMENT, request(), secret)
    why = "CloudFormation does not show its value, so a change set has to say"
    assert not comparison.same and comparison.doubts == (Notice("comparison", "Login", why),)
    assert comparison.values == () and compare(account(), ENVIRONMENT, request(), stack(tags={})).doubts == ()


def test_a_template_that_is_no_json_is_refused() -> None:
    with pytest.raises(RefusedError) as raised:
        compare(account(body="Resources: {}"), ENVIRONMENT, request(), stack())
    assert str(raised.value).splitlines() == [
        f"The template of {stack().id} is not JSON: it was not deployed by this script.",
        "Look at it in the CloudFormation console: its content cannot be compared with the templates here.",
    ]
    with pytest.raises(RefusedError, match=f"The templates of {NAME} that are deployed cannot be read: "):
        compare(account(body={"Resources": {}}), ENVIRONMENT, request(), stack())


def root(aws: Prepared, previous: Stack, change_set: bool = False) -> RootDeployment:
    roots = {"environment": ENVIRONMENT}
    context = Context(aws, roots, passed(roots), change_set=change_set)
    return RootDeployment(context, ENVIRONMENT, aws, BUCKET, PACKAGED, previous=previous)


MIGHT = modify(
    "Alarm",
    "AWS::CloudWatch::Alarm",
    detail("Dimensions", "a", "{{changeSet:KNOWN_AFTER_APPLY}}", ChangeSource="ResourceReference"),
)


@pytest.mark.parametrize(
    "answer", [change_set(NAME, [], Status="FAILED", StatusReason=NO_CHANGES), change_set(NAME, [MIGHT])]
)
def test_a_change_set_is_made_when_somebody_wants_one(answer: dict[str, Any]) -> None:
    """What only might change cannot when nothing differs: CloudFormation does not know the outputs of siblings."""
    aws = account(
        cloudformation__create_change_set={"Id": answer["ChangeSetId"], "StackId": stack().id},
        cloudformation__describe_change_set=answer,
        cloudformation__delete_change_set={},
        cloudformation__get_stack_policy={},
    )
    standing = stack(parameters={"Color": "red", "Login": "x"}, protected=True)
    plan = deploy_root.plan_root(root(aws, standing))
    assert plan and plan.empty and "cloudformation.create_change_set" not in aws.calls()
    planned = deploy_root.plan_root(root(aws, standing, change_set=True))
    assert planned and planned.empty and not planned.changes
    assert aws.calls().count("cloudformation.create_change_set") == 1
    assert "cloudformation.delete_change_set" in aws.calls()
