"""What IAM is asked when CloudFormation makes, changes or deletes a resource of each type as a role.

The questions stand in `golden/roles.txt`, which `GOLDEN=write` writes anew: read its diff as rights that a role needs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.local_aws import template as templates
from scripts.local_aws.account import Account
from scripts.local_aws.handlers import ROWS
from scripts.local_aws.handlers.handler import handler_for
from scripts.local_aws.roles import resources
from scripts.local_aws.roles.judge import JUDGES, Judge
from scripts.local_aws.services import ResourceError
from scripts.local_aws.values import Operation, Resource, Settings, Stack, Target
from tests.local_aws.cases import CASES, Case, Properties
from tests.local_aws.named import Named, golden

GOLDEN = golden("roles")
ALL = {"Version": "2012-10-17", "Statement": [{"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}]}


@pytest.fixture
def judge() -> Iterator[Judge]:
    JUDGES[:] = [Judge({})]
    yield JUDGES[0]
    JUDGES.clear()


def new_role(account: Account, document: dict[str, Any] = ALL) -> str:
    """The role of a stack, with one policy."""
    iam = account.services.client("iam")
    arn = iam.create_role(RoleName="makes", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    iam.put_role_policy(RoleName="makes", PolicyName="own", PolicyDocument=json.dumps(document))
    return str(arn)


def new_stack(account: Account, role: str, kind: str, properties: Properties) -> Stack:
    """A stack with one resource in its template."""
    text = json.dumps({"Resources": {"It": {"Type": kind, "Properties": properties}}})
    stack = account.new("prod")
    stack.target = Target(text, templates.read(text), {}, {}, {}, ())
    stack.settings = Settings(role)
    return stack


class Questions(Named):
    """The questions about the life of a resource, as text."""

    def __init__(self, account: Account, case: Case, judge: Judge) -> None:
        super().__init__(account, case)
        self.account, self.judge, self.role = account, judge, new_role(account)

    def about(self, verb: str, properties: Properties, physical: str) -> list[str]:
        stack = new_stack(self.account, self.role, self.case.kind, properties)
        self.names["<stack>"] = stack.id
        resource = Resource("It", self.case.kind, {}, properties, physical)
        stack.resources["It"] = resource
        resources.refuse(self.account, verb, stack, resource, Operation("1"))
        actions: dict[str, set[str]] = {}  # those that are asked about the same
        for role, action, place, context in self.judge.report()["requests"]:
            assert role == "makes" and context.pop("aws:RequestedRegion") == "us-east-1"
            about = f"{self.result(place)} {self.result(context)}" if context else self.result(place)
            actions.setdefault(about, set()).add(action)
        lines = [f"{verb:8}{about}: {' '.join(sorted(names))}" for about, names in actions.items()]
        skipped = [f"{verb:8}not judged: {what}" for what in self.judge.report()["unjudged"]]
        self.judge.requests.clear()
        self.judge.unjudged.clear()
        return sorted(lines) + sorted(skipped)

    def lines(self) -> list[str]:
        first = self.filled(self.case.first)
        lines = self.about("create", first, "")
        handler = handler_for(self.services, self.case.kind, first)
        handler.create()
        self.name("it", handler, handler.read())
        changed = self.filled(self.case.changed or self.case.first)
        lines += self.about("update", changed, handler.physical)
        return lines + self.about("delete", first, handler.physical)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_the_questions_about_a_resource_type(account: Account, judge: Judge, case: Case) -> None:
    GOLDEN.holds(case.kind, Questions(account, case, judge).lines())


def test_every_type_has_its_questions() -> None:
    assert set(GOLDEN.sections()) == set(ROWS)


LOGS: Properties = {"LogGroupName": "/logs/one"}


def judged(account: Account, verb: str, operation: Operation, stack: Stack, physical: str = "") -> str:
    """Why an operation on a log group is refused; empty where it is not."""
    try:
        resources.refuse(
            account, verb, stack, Resource("It", "AWS::Logs::LogGroup", {}, dict(LOGS), physical), operation
        )
    except ResourceError as error:
        return str(error)
    return ""


def test_a_refusal_is_in_the_words_of_aws(account: Account, judge: Judge) -> None:
    nothing = {**ALL, "Statement": [{**ALL["Statement"][0], "Action": "s3:*"}]}  # type: ignore[dict-item]
    role, number = new_role(account, nothing), account.services.account
    stack = new_stack(account, role, "AWS::Logs::LogGroup", LOGS)
    why = judged(account, "delete", Operation("1"), stack, "/logs/one")
    [refusal] = judge.denied
    arn = f"arn:aws:logs:us-east-1:{number}:log-group:/logs/one"
    assert refusal.resource in (arn, f"{arn}:*") and refusal.role == "makes"
    assert refusal.action.startswith("logs:D")
    assert why == (
        'Resource handler returned message: "User: arn:aws:sts::'
        f"{number}:assumed-role/makes/AWSCloudFormation is not authorized to perform: {refusal.action} on resource: "
        f"{refusal.resource} because no identity-based policy allows the {refusal.action} action (Service: Logs, "
        'Status Code: 403)" (HandlerErrorCode: AccessDenied)'
    )


def test_nothing_is_judged_without_a_judge_or_a_role(account: Account) -> None:
    stack = new_stack(account, "arn:aws:iam::1:role/none", "AWS::Logs::LogGroup", LOGS)
    assert judged(account, "create", Operation("1"), stack) == ""
    JUDGES[:] = [Judge({})]
    try:
        assert judged(account, "create", Operation("1"), stack) != "", "a role that does not exist may do nothing"
        stack.settings = Settings()
        assert judged(account, "create", Operation("1"), stack) == ""
        credentials = account.services.client("sts").assume_role(RoleArn=new_role(account), RoleSessionName="person")
        key = credentials["Credentials"]["AccessKeyId"]
        JUDGES[0].requests.clear()
        assert judged(account, "create", Operation("1", key=key), stack) == ""
        assert {request[0] for request in JUDGES[0].requests} == {"makes"}, "the role of whoever started it"
    finally:
        JUDGES.clear()


def test_a_replacement_is_judged_as_a_creation(account: Account, judge: Judge) -> None:
    stack = new_stack(account, new_role(account), "AWS::Logs::LogGroup", LOGS)
    actions = []
    for verb, physical in (("create", ""), ("update", ""), ("update", "/logs/one")):
        assert judged(account, verb, Operation("1"), stack, physical) == ""
        actions.append(sorted({action for _, action, *_ in judge.requests}))
        judge.requests.clear()
    assert actions[0] == actions[1] != actions[2]


def test_what_nothing_in_the_templates_asks_for_is_not_asked(account: Account, judge: Judge) -> None:
    stack = new_stack(account, new_role(account), "AWS::Logs::LogGroup", LOGS)
    judged(account, "delete", Operation("1"), stack, "/logs/one")
    every = {action for _, action, *_ in judge.requests}
    gone = sorted(every)[0]
    JUDGES[:] = [Judge({"AWS::Logs::LogGroup": frozenset({gone}), "AWS::S3::Bucket": frozenset(every)})]
    judged(account, "delete", Operation("1"), stack, "/logs/one")
    assert {action for _, action, *_ in JUDGES[0].requests} == every - {gone}


def test_a_nested_stack_is_made_with_the_rights_of_the_caller(account: Account, judge: Judge) -> None:
    """Its template is read, its change set is named after the root's, and the role of the root is passed on."""
    properties = {"TemplateURL": "http://localhost/templates/a/child.json"}
    role, kind, number = new_role(account), "AWS::CloudFormation::Stack", account.services.account
    stack = new_stack(account, role, kind, properties)
    stack.change_set = f"arn:aws:cloudformation:us-east-1:{number}:changeSet/plan/1"
    arn = f"arn:aws:cloudformation:us-east-1:{number}:stack/"
    for physical, name in (("", "prod-It-NEW"), (f"{arn}prod-It-ABC/1", "prod-It-ABC")):
        resource = Resource("It", kind, {}, properties, physical)
        resources.refuse(account, "update" if physical else "create", stack, resource, Operation("1"))
        requests = {(action, place): dict(context) for _, action, place, context in judge.requests}
        judge.requests.clear()
        assert ("s3:GetObject", "arn:aws:s3:::templates/a/child.json") in requests
        assert requests["iam:PassRole", role]["iam:PassedToService"] == "cloudformation.amazonaws.com"
        stacks = {place for action, place in requests if action.startswith("cloudformation:")}
        assert stacks <= {f"{arn}{name}/new", f"{arn}{name}/*", f"{arn}{name}/1", stack.change_set, "*"} | {
            place for place in stacks if place.startswith(f"{arn}{name}/")
        }
        assert any(place.startswith(f"{arn}{name}/") for place in stacks)


@pytest.mark.parametrize("service", ["codeconnections", "codestar-connections"])
def test_a_pipeline_passes_its_connection_in_the_service_of_the_arn(
    account: Account, judge: Judge, service: str
) -> None:
    kind, number = "AWS::CodePipeline::Pipeline", account.services.account
    arns = [f"arn:aws:{service}:us-east-1:{number}:connection/{name}" for name in ("one", "two")]
    actions = [{"Configuration": {"ConnectionArn": arn}} for arn in arns]
    properties: Properties = {"Name": "p", "RoleArn": "arn:aws:iam::1:role/p", "Stages": [{"Actions": actions}]}
    stack = new_stack(account, new_role(account), kind, properties)
    resources.refuse(account, "create", stack, Resource("It", kind, {}, properties), Operation("1"))
    passed = [(action, place) for _, action, place, _ in judge.requests if "onnection" in action]
    assert sorted(passed) == [(f"{service}:PassConnection", arn) for arn in arns]


def test_what_a_reference_to_a_parameter_needs_is_not_judged_and_told(account: Account, judge: Judge) -> None:
    kind = "AWS::Logs::LogGroup"
    properties: Properties = {"LogGroupName": "{{resolve:ssm:/name}}"}
    stack = new_stack(account, new_role(account), kind, properties)
    resources.refuse(account, "create", stack, Resource("It", kind, {}, properties), Operation("1"))
    where = f"arn:aws:ssm:us-east-1:{account.services.account}:parameter/*"
    assert judge.unjudged[f"{kind} create: ssm:GetParameters on {where}"] == 1
    assert not [place for _, action, place, _ in judge.requests if action == "ssm:GetParameters"]
