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
from generator.cfn.templates import STACK, from_bodies
from scripts.deployment import deploy_root
from scripts.deployment.compare import MASKED, ROLE, TOPICS, compare
from scripts.deployment.deploy_root import Context, RootDeployment
from scripts.deployment.errors import ManualActionRequiredError, RefusedError
from scripts.deployment.plan import Request
from scripts.operations.image_first import changed_stacks
from tests.conftest import ROOT
from tests.deployment.changesets import NO_CHANGES, change_set, detail, modify
from tests.deployment.service import ME, REGION, Prepared, Stored, arn
from tests.support.gate import passed

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


def test_each_kind_of_difference_is_seen() -> None:
    other = compare(account(), ENVIRONMENT, request("blue"), stack())
    assert not other.same and [(value.name, value.before, value.after) for value in other.values] == [
        ("Color", "red", "blue")
    ]
    assert compare(account(), ENVIRONMENT, request(), stack(tags={"CostCenter": "1"})).values[0].name == "CostCenter"
    role = compare(account(), ENVIRONMENT, request(role="arn:role"), stack())
    assert [value.name for value in role.values] == [ROLE]
    topics = compare(account(), ENVIRONMENT, request(options={"NotificationARNs": ["arn:topic"]}), stack())
    assert [value.name for value in topics.values] == [TOPICS]


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
    assert "Data of dashboard-staging" in raised.value.reason and "new logical id" in raised.value.remedy


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED"])
def test_a_nested_stack_that_is_busy_or_broken_is_told(status: str) -> None:
    with pytest.raises(ManualActionRequiredError, match=status):
        compare(account(status), ENVIRONMENT, request(), stack())


def test_a_nested_stack_that_went_back_by_itself_is_asked_about() -> None:
    """Its root looks complete; after a rollback of the root it is as it should be."""
    doubtful = compare(account("UPDATE_ROLLBACK_COMPLETE"), ENVIRONMENT, request(), stack())
    assert not doubtful.same and doubtful.doubts[0].where == "Data"
    assert compare(account("UPDATE_ROLLBACK_COMPLETE"), ENVIRONMENT, request(), stack("UPDATE_ROLLBACK_COMPLETE")).same


def test_a_nested_stack_that_was_updated_by_itself_is_asked_about() -> None:
    assert not compare(account(later=60), ENVIRONMENT, request(), stack()).same


def test_a_value_that_is_not_shown_can_only_be_asked_about() -> None:
    secret = stack(parameters={"Color": "red", "Login": MASKED})
    comparison = compare(account(), ENVIRONMENT, request(), secret)
    assert not comparison.same and [doubt.where for doubt in comparison.doubts] == ["Login"]


def test_a_template_that_is_no_json_is_refused() -> None:
    with pytest.raises(RefusedError, match="is not JSON"):
        compare(account(body="Resources: {}"), ENVIRONMENT, request(), stack())
    with pytest.raises(RefusedError, match=f"The templates of {NAME} that are deployed cannot be read: "):
        compare(account(body={"Resources": {}}), ENVIRONMENT, request(), stack())


def root(aws: Prepared, previous: Stack, change_set: bool = False) -> RootDeployment:
    roots = {"environment": ENVIRONMENT}
    context = Context(aws, roots, ROOT, passed(roots), change_set=change_set)
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
