"""What CloudFormation holds: a stack as it stands, what is in it, and the change sets on it."""

from __future__ import annotations

from typing import Any

import pytest

from generator.cfn.stacks import Stack, StackResource
from generator.cfn.templates import STACK
from scripts.deployment import stacks
from scripts.deployment.errors import AwsError, ManualActionRequiredError, OvertakenError
from scripts.operations.all_resources import all_resources
from tests.support.account import NOW
from tests.support.service import Prepared, arn, refusal

NAME, CHANGE_SET = "dashboard-staging", arn("changeSet", "deploy-1")
ID, NESTED = arn("stack", NAME), arn("stack", f"{NAME}-Data-1")
ENTRY: dict[str, Any] = {"StackName": NAME, "StackId": ID, "StackStatus": "UPDATE_COMPLETE", "CreationTime": NOW}
GONE = refusal("x", "ValidationError", f"Stack with id {NAME} does not exist")


def test_a_stack_is_read_with_everything_that_a_deployment_compares() -> None:
    described = {
        **ENTRY,
        "StackStatusReason": "why",
        "Outputs": [{"OutputKey": "Url", "OutputValue": "https://a.test"}],
        "Parameters": [{"ParameterKey": "Color", "ParameterValue": "red"}],
        "Tags": [{"Key": "Cost", "Value": "1"}],
        "ChangeSetId": CHANGE_SET,
        "EnableTerminationProtection": True,
        "NotificationARNs": ["arn:topic"],
        "RoleARN": "arn:aws:iam::000000000000:role/Deploy",
    }
    aws = Prepared(cloudformation__describe_stacks=[{"Stacks": [described]}, {"Stacks": [ENTRY]}])
    moment = f"{NOW:%Y-%m-%d %H:%M:%S UTC}"
    assert stacks.read(aws, NAME) == Stack(
        NAME,
        ID,
        "UPDATE_COMPLETE",
        "why",
        moment,
        {"Url": "https://a.test"},
        {"Color": "red"},
        {"Cost": "1"},
        CHANGE_SET,
        True,
        ("arn:topic",),
        "arn:aws:iam::000000000000:role/Deploy",
    )
    assert stacks.read(aws, ID) == Stack(NAME, ID, "UPDATE_COMPLETE", since=moment)
    assert [request for _, request in aws.asked] == [{"StackName": NAME}, {"StackName": ID}]


def test_only_a_stack_that_does_not_exist_is_none() -> None:
    assert stacks.read(Prepared(cloudformation__describe_stacks=GONE), NAME) is None
    for code, message in (("ValidationError", "1 validation error detected"), ("AccessDenied", "does not exist")):
        with pytest.raises(AwsError, match=code):
            stacks.read(Prepared(cloudformation__describe_stacks=refusal("x", code, message)), NAME)


def test_what_a_person_has_to_do_about_a_stack() -> None:
    error = stacks.manual_action(Stack(NAME, ID, "UPDATE_FAILED"))
    assert isinstance(error, ManualActionRequiredError)
    assert error.reason == f"{NAME} was updated in part and not rolled back (UPDATE_FAILED)."
    assert error.remedy == "Run `continue` to roll it back."
    assert (
        stacks.manual_action(Stack(NAME, ID, "ROLLBACK_COMPLETE")).remedy
        == "`apply` deletes it first and creates it again."
    )


def summary(name: str, kind: str, physical: str = "") -> dict[str, Any]:
    listed = {"LogicalResourceId": name, "ResourceType": kind, "ResourceStatus": "CREATE_COMPLETE"}
    return {**listed, "LastUpdatedTimestamp": NOW, **({"PhysicalResourceId": physical} if physical else {})}


def test_what_is_in_a_stack_is_listed_by_itself_or_with_what_is_in_its_nested_stacks() -> None:
    """Page by page; a nested stack that was never created has nothing in it."""
    pages = {
        ID: [[summary("Data", STACK, NESTED), summary("Empty", STACK)], [summary("Topic", "AWS::SNS::Topic", "t")]],
        NESTED: [[summary("Clients", "AWS::DynamoDB::Table", "clients")]],
    }

    def listed(StackName: str, NextToken: str = "0") -> dict[str, Any]:
        number = int(NextToken)
        more = {"NextToken": str(number + 1)} if number + 1 < len(pages[StackName]) else {}
        return {"StackResourceSummaries": pages[StackName][number], **more}

    def resource(path: tuple[str, ...], kind: str, physical: str, stack_id: str = ID) -> StackResource:
        return StackResource(path, kind, physical, "CREATE_COMPLETE", stack_id, NOW)

    aws = Prepared(cloudformation__list_stack_resources=listed)
    table = resource(("Data", "Clients"), "AWS::DynamoDB::Table", "clients", NESTED)
    own = [resource(("Data",), STACK, NESTED), resource(("Empty",), STACK, "")]
    own += [resource(("Topic",), "AWS::SNS::Topic", "t")]
    assert list(stacks.resources(aws, ID)) == own
    assert list(all_resources(aws, ID)) == [own[0], table, *own[1:]]
    assert str(table) == "Data > Clients"


@pytest.mark.parametrize(
    ("entry", "stays"),
    [
        ({"Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE"}, True),
        ({"Status": "FAILED"}, True),
        ({}, True),
        ({"Status": "DELETE_FAILED"}, True),
        ({"Status": "DELETE_PENDING"}, False),
        ({"Status": "DELETE_IN_PROGRESS"}, False),
        ({"Status": "CREATE_COMPLETE", "ExecutionStatus": "EXECUTE_COMPLETE"}, False),  # a record
        ({"Status": "CREATE_COMPLETE", "ParentChangeSetId": CHANGE_SET}, False),  # goes with its root's
    ],
)
def test_an_empty_stack_stays_for_a_change_set_that_somebody_may_still_execute(
    entry: dict[str, Any], stays: bool
) -> None:
    aws = Prepared(
        cloudformation__list_change_sets={"Summaries": [entry]},
        cloudformation__describe_stacks={"Stacks": [{**ENTRY, "StackStatus": "REVIEW_IN_PROGRESS"}]},
        cloudformation__delete_stack={},
    )
    assert list(stacks.change_sets(aws, ID)) == ([entry] if stays else [])
    stacks.delete_empty(aws, NAME)
    deleted = [request for name, request in aws.asked if name.endswith("delete_stack")]
    assert deleted == ([] if stays else [{"StackName": ID}])


@pytest.mark.parametrize("answer", [GONE, {"Stacks": [ENTRY]}])
def test_only_an_empty_stack_is_deleted(answer: Any) -> None:
    aws = Prepared(cloudformation__describe_stacks=answer)
    stacks.delete_empty(aws, NAME)
    assert aws.calls() == ["cloudformation.describe_stacks"]


# --- change sets

REQUEST = {"StackName": NAME, "ChangeSetName": "deploy-1", "ChangeSetType": "CREATE"}
EXISTS = f"Stack [{NAME}] already exists and cannot be created again with the changeSet [deploy-1]."


def test_a_stack_that_somebody_has_created_meanwhile_is_said() -> None:
    aws = Prepared(cloudformation__create_change_set=refusal("x", "ValidationError", EXISTS))
    with pytest.raises(OvertakenError) as raised:
        stacks.create_change_set(aws, **REQUEST)
    assert raised.value.reason == f"{NAME} did not exist when this was planned, and does now ({EXISTS})."
    assert raised.value.remedy == "Run the same command again."


def test_a_change_set_that_a_lost_call_has_made_is_the_one() -> None:
    aws = Prepared(
        cloudformation__create_change_set=refusal("x", "AlreadyExistsException"),
        cloudformation__describe_change_set={"ChangeSetId": CHANGE_SET, "StackId": ID},
    )
    assert stacks.create_change_set(aws, **REQUEST) == {"Id": CHANGE_SET, "StackId": ID}
    names = {"StackName": NAME, "ChangeSetName": "deploy-1"}
    assert aws.asked == [("cloudformation.create_change_set", REQUEST), ("cloudformation.describe_change_set", names)]


@pytest.mark.parametrize(
    ("code", "execution", "refused"),
    [
        ("ChangeSetNotFound", "", False),
        ("InvalidChangeSetStatus", "EXECUTE_COMPLETE", False),
        ("InvalidChangeSetStatus", "EXECUTE_IN_PROGRESS", True),
        ("AccessDenied", "", True),
    ],
)
def test_a_change_set_that_cannot_be_deleted_is_an_error_unless_it_is_gone_or_a_record(
    code: str, execution: str, refused: bool
) -> None:
    aws = Prepared(
        cloudformation__delete_change_set=refusal("x", code),
        cloudformation__describe_change_set={"ExecutionStatus": execution},
    )
    if refused:
        with pytest.raises(AwsError, match=code):
            stacks.delete_change_set(aws, "deploy-1", NAME)
    else:
        stacks.delete_change_set(aws, "deploy-1", NAME)
    assert all(request == {"ChangeSetName": "deploy-1", "StackName": NAME} for _, request in aws.asked)
    assert len(aws.asked) == (2 if execution else 1)


def test_a_change_set_is_named_by_its_id_alone() -> None:
    aws = Prepared(cloudformation__delete_change_set={})
    stacks.delete_change_set(aws, CHANGE_SET)
    assert aws.asked == [("cloudformation.delete_change_set", {"ChangeSetName": CHANGE_SET})]
