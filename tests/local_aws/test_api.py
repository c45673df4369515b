"""What calls of CloudFormation have in common: template, parameters, tags, settings, pages and tokens of a call, what
is refused of them and in which words, and what becomes of a fault of the local AWS itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.local_aws import api
from scripts.local_aws.account import Account
from scripts.local_aws.api import Request, require_settled, start
from scripts.local_aws.values import Operation, RefusedCallError, Settings, Stack, StackError
from tests.local_aws.here import refusal

PARAMETERS = {"A": {"Type": "String"}, "B": {"Type": "String", "Default": "b"}}
BODY = json.dumps({"Parameters": PARAMETERS, "Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}})
ROLE = json.dumps({"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r"}}}})


def refused(call: Any, *arguments: Any) -> tuple[str, str]:
    """Code and message of what is refused."""
    with pytest.raises(RefusedCallError) as error:
        call(*arguments)
    return error.value.code, error.value.message


def request(account: Account, **parameters: Any) -> Request:
    return Request(account, parameters, "KEY")


@pytest.fixture
def stack(account: Account) -> Stack:
    """A stack that has a template with values and tags."""
    stack = account.new("stack")
    stack.target = account.target(BODY, {"A": "1"}, {"T": "1"}, ())
    return stack


def value(name: str, text: str = "", *, previous: bool = False) -> dict[str, Any]:
    return {"ParameterKey": name, **({"UsePreviousValue": True} if previous else {"ParameterValue": text})}


def test_the_template_of_a_call(account: Account, stack: Stack) -> None:
    missing = ("ValidationError", "Either Template URL or Template Body must be specified.")
    too_long = (
        "ValidationError",
        "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length "
        "less than or equal to 51200",
    )
    assert request(account, TemplateBody="x" * 51200).text(None) == "x" * 51200
    assert refused(request(account, TemplateBody="ü" * 25601).text, None) == too_long
    assert request(account, UsePreviousTemplate=True).text(stack) == BODY
    assert refused(request(account, StackName="stack").text, stack) == missing
    assert refused(request(account, UsePreviousTemplate=True).text, None) == missing
    stack.target = None
    assert refused(request(account, UsePreviousTemplate=True).text, stack) == missing
    s3, bucket = account.services.client("s3"), f"templates-{account.services.account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"from there")
    assert request(account, TemplateURL=f"http://localhost:1/{bucket}/a").text(None) == "from there"


def test_the_values_of_a_call_and_those_of_before(account: Account, stack: Stack) -> None:
    def supplied(*values: dict[str, Any], of: Stack | None = stack) -> dict[str, str]:
        result = request(account, TemplateBody=BODY, Parameters=list(values)).target(of)
        return dict(result.supplied)

    assert supplied(value("A", "2")) == {"A": "2", "B": "b"}
    assert supplied(value("A", previous=True), value("B", "3")) == {"A": "1", "B": "3"}
    assert supplied(value("A", "2"), value("B", previous=True)) == {"A": "2", "B": "b"}
    for name, of in (("A", None), ("C", stack)):
        assert refused(lambda name=name, of=of: supplied(value(name, previous=True), of=of)) == (
            "ValidationError",
            f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for a parameter key "
            "not in the previous template",
        )


def test_the_tags_of_a_call_and_those_of_before(account: Account, stack: Stack) -> None:
    def tags(of: Stack | None, **more: Any) -> dict[str, str]:
        return dict(request(account, TemplateBody=BODY, Parameters=[value("A", "2")], **more).target(of).tags)

    listed = [{"Key": f"k{number}", "Value": "v"} for number in range(51)]
    assert (tags(stack), tags(None), tags(stack, Tags=[])) == ({"T": "1"}, {}, {})
    assert len(tags(stack, Tags=listed[:50])) == 50
    assert refused(lambda: tags(stack, Tags=listed)) == ("ValidationError", "Tags: at most 50 can be given")


@pytest.mark.parametrize(
    ("capabilities", "taken"),
    [([], False), (["CAPABILITY_IAM"], False), (["CAPABILITY_NAMED_IAM"], True), (["CAPABILITY_AUTO_EXPAND"], False)],
)
def test_the_capabilities_of_a_call(account: Account, capabilities: list[str], taken: bool) -> None:
    call = request(account, TemplateBody=ROLE, Capabilities=capabilities)
    if taken:
        assert call.target(None).capabilities == tuple(capabilities)
    else:
        assert refused(call.target, None) == (
            "InsufficientCapabilitiesException",
            "Requires capabilities : [CAPABILITY_NAMED_IAM]",
        )


def test_the_settings_of_a_call(account: Account, stack: Stack) -> None:
    iam = account.services.client("iam")
    role = iam.create_role(RoleName="role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    topics, trigger = [f"arn:{number}" for number in range(6)], {"Arn": "a", "Type": "AWS::CloudWatch::Alarm"}
    triggers = {"RollbackTriggers": [trigger] * 5, "MonitoringTimeInMinutes": 180}
    assert request(account).settings() == Settings(None, None, None)
    whole = {"RoleARN": role, "NotificationARNs": topics[:5], "RollbackConfiguration": triggers}
    assert request(account, **whole).settings(stack) == Settings(role, tuple(topics[:5]), triggers)
    assert request(account, NotificationARNs=[]).settings() == Settings(None, (), None)
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"RoleARN": f"{role}x"}, f"Role {role}x is invalid or cannot be assumed"),
        ({"NotificationARNs": topics}, "NotificationARNs: at most 5 topics can be given"),
        (
            {"RollbackConfiguration": {"RollbackTriggers": [trigger] * 6}},
            "RollbackTriggers: at most 5 triggers can be given",
        ),
        *(
            (
                {"RollbackConfiguration": {"MonitoringTimeInMinutes": minutes}},
                "MonitoringTimeInMinutes must be from 0 to 180",
            )
            for minutes in (-1, 181)
        ),
    )
    for parameters, message in cases:
        assert refused(request(account, **parameters).settings) == ("ValidationError", message)
    stack.settings = Settings("arn:aws:iam::1:role/gone")
    gone = ("ValidationError", "Role arn:aws:iam::1:role/gone is invalid or cannot be assumed")
    assert refused(request(account).settings, account.nested(stack, "Child")) == gone
    assert request(account, RoleARN=role).settings(stack).role == role, "another one takes its place"


def test_a_list_comes_in_pages(account: Account) -> None:
    items = list("abcde")
    assert request(account).page("Items", items, 2) == {"Items": ["a", "b"], "NextToken": "2"}
    assert request(account, NextToken="2").page("Items", items, 2) == {"Items": ["c", "d"], "NextToken": "4"}
    assert request(account, NextToken="4").page("Items", items, 2) == {"Items": ["e"]}
    assert request(account, NextToken="3").page("Items", items, 2) == {"Items": ["d", "e"]}
    assert request(account).page("Items", range(101)) == {"Items": list(range(100)), "NextToken": "100"}


def test_a_token_stands_for_what_it_started(account: Account, stack: Stack) -> None:
    call = request(account, ClientRequestToken="token")
    stack.cancelled = True
    assert call.repeated(stack, "UPDATE_STACK") is None
    operation = call.operation(stack, "UPDATE_STACK", "subject")
    assert (operation.token, operation.key, stack.cancelled) == ("token", "KEY", False)
    assert stack.last == [{"OperationType": "UPDATE_STACK", "OperationId": operation.id}]
    assert call.repeated(stack, "UPDATE_STACK", "subject") == operation.id
    for kind, subject in (("DELETE_STACK", "subject"), ("UPDATE_STACK", "other")):
        assert refused(call.repeated, stack, kind, subject) == (
            "TokenAlreadyExistsException",
            "ClientRequestToken token already exists",
        )
    assert call.repeated(account.new("other"), "UPDATE_STACK", "subject") is None
    without = request(account)
    second = without.operation(stack, "DELETE_STACK")
    assert second.id != operation.id and second.token == "" and without.repeated(stack, "DELETE_STACK") is None
    assert [each["OperationType"] for each in stack.last] == ["DELETE_STACK", "UPDATE_STACK"]


@pytest.mark.parametrize(
    ("status", "review", "free"),
    [
        ("CREATE_COMPLETE", False, True),
        ("UPDATE_ROLLBACK_FAILED", False, True),
        ("UPDATE_IN_PROGRESS", True, False),
        ("REVIEW_IN_PROGRESS", False, False),
        ("REVIEW_IN_PROGRESS", True, True),
    ],
)
def test_a_stack_that_something_goes_on_with(stack: Stack, status: str, review: bool, free: bool) -> None:
    stack.status = status
    if free:
        require_settled(stack, review)
    else:
        message = f"Stack:{stack.id} is in {status} state and can not be updated."
        assert refused(require_settled, stack, review) == ("ValidationError", message)


def test_a_fault_of_the_engine_ends_in_a_status(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    def fail(error: Exception) -> None:
        def run() -> None:
            raise error

        stack.status = "UPDATE_IN_PROGRESS"
        start(run, stack, Operation("1"))
        assert stack.running and stack.running.daemon and stack.running.name == "1"
        stack.running.join()

    fail(StackError("told already"))
    assert (stack.status, stack.events, caplog.text) == ("UPDATE_IN_PROGRESS", [], "")
    fail(ZeroDivisionError("by chance"))
    assert (stack.status, stack.reason) == (
        "UPDATE_FAILED",
        "the local AWS itself failed: ZeroDivisionError: by chance",
    )
    assert "by chance" in caplog.text


@pytest.mark.filterwarnings("ignore:Exception.CloudFormationError")  # the code is in no model
def test_a_call_that_fails_here_is_a_fault_of_the_local_aws(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Request) -> dict[str, Any]:
        raise ZeroDivisionError("by chance")

    cloudformation = account.services.client("cloudformation")
    monkeypatch.setitem(api.OPERATIONS, "describe_stacks", fail)
    assert refusal(cloudformation.describe_stacks) == (
        "InternalFailure",
        "the local AWS itself failed: ZeroDivisionError('by chance')",
    )
    code, message = refusal(cloudformation.create_stack, StackName="wrong", TemplateBody="{")
    assert code == "ValidationError" and message.startswith("Template format error: ")
    assert refusal(cloudformation.create_stack, StackName="without") == (
        "ValidationError",
        "Either Template URL or Template Body must be specified.",
    )
