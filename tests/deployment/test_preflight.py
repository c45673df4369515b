"""Everything that can be known before a deployment: AWS's answers become checks, what it does not answer is told."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.permissions import of
from generator.cfn.templates import load
from scripts.deployment import environment
from scripts.deployment.errors import Exit
from scripts.operations import production
from scripts.operations.preflight import account, source
from scripts.operations.preflight.check import Check, State, Survey
from scripts.operations.preflight.checks import all_checks
from scripts.operations.verbs import preflight
from scripts.terminal.text import count
from tests.conftest import ROOT
from tests.deployment.service import ACCOUNT, ME, Prepared, refusal
from tests.support.runs import verb_run

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
QUOTAS = {
    "vpc": {"VPCs per Region": 5.0, "Inbound or outbound rules per security group": 60.0},
    "ec2": {"EC2-VPC Elastic IPs": 5.0, account.STANDARD: 8.0},
    "fargate": {"Fargate On-Demand vCPU resource count": 6.0},
    "codebuild": {"Concurrently running builds for Linux/Small environment": 1.0},
}
ZONES = {"AvailabilityZones": [{"ZoneId": f"euw1-az{number}", "ZoneName": f"eu-west-1{number}"} for number in "12"]}
IMAGES = [{"name": "aws/codebuild/standard:7.0"}]


def absent(code: str) -> Callable[..., dict[str, Any]]:
    def answer(**_: Any) -> dict[str, Any]:
        raise refusal("x", code)

    return answer


def quotas(ServiceCode: str, **request: Any) -> dict[str, Any]:
    """In two pages, as AWS may answer."""
    quotas = [{"QuotaName": name, "Value": value} for name, value in QUOTAS[ServiceCode].items()]
    return {"Quotas": quotas} if "NextToken" in request else {"Quotas": [], "NextToken": "2"}


class Account(Prepared):
    """An account in which nothing stops a first deployment of staging."""

    def __init__(self, **answers: Any) -> None:
        role = {"Path": "/", "RoleName": "Deploy", "RoleId": "A" * 16, "CreateDate": NOW}
        arn = f"arn:aws:iam::{ACCOUNT}:role/Deploy"
        super().__init__(
            **{
                "sts__get_caller_identity": {"Account": ME.account, "Arn": ME.arn},
                "cloudformation__describe_stacks": absent_stack,
                "cloudformation__list_stacks": {"StackSummaries": []},
                "iam__get_role": {"Role": {**role, "Arn": arn}},
                "iam__simulate_principal_policy": {
                    "EvaluationResults": [{"EvalActionName": "s3:PutObject", "EvalDecision": "allowed"}]
                },
                "codecommit__list_repositories": {"repositories": []},
                "codecommit__get_branch": {"branch": {}},
                "ec2__describe_vpcs": {"Vpcs": [{}]},
                "ec2__describe_addresses": {"Addresses": []},
                "ec2__describe_instance_types": {"InstanceTypes": [{"VCpuInfo": {"DefaultVCpus": 2}}]},
                "ec2__describe_managed_prefix_lists": {"PrefixLists": [{"PrefixListId": "pl-1", "MaxEntries": 55}]},
                "ec2__describe_availability_zones": ZONES,
                "ec2__describe_instance_type_offerings": {
                    "InstanceTypeOfferings": [{"Location": zone["ZoneName"]} for zone in ZONES["AvailabilityZones"]]
                },
                "service-quotas__list_service_quotas": quotas,
                "sesv2__get_account": {"ProductionAccessEnabled": True},
                "sesv2__get_email_identity": {"VerifiedForSendingStatus": True},
                "sns__get_sms_sandbox_account_status": {"IsInSandbox": False},
                "codebuild__list_curated_environment_images": {"platforms": [{"languages": [{"images": IMAGES}]}]},
                "dynamodb__describe_table": absent("ResourceNotFoundException"),
                "codepipeline__get_pipeline": absent("PipelineNotFoundException"),
                "ssm__get_parameter": absent("ParameterNotFound"),
                **answers,
            }
        )


def absent_stack(**_: Any) -> dict[str, Any]:
    raise refusal("x", "ValidationError", "Stack does not exist")


@pytest.fixture
def params(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "params", tmp_path / "params")
    file = tmp_path / "params/staging.json"
    body = json.loads(file.read_text(encoding="utf-8"))
    body["Parameters"] |= {"SenderEmail": "us@cloud-health.test", "NotificationPhone": "+441632960961"}
    file.write_text(json.dumps(body), encoding="utf-8")
    return tmp_path / "params"


def survey(aws: Prepared, params: Path, exists: bool = False) -> Survey:
    return Survey(aws, ME, environment.load("staging", ROOT / "templates", params), exists, ROOT)


def checks(aws: Prepared, params: Path, exists: bool = False) -> dict[str, Check]:
    return {check.what: check for check in all_checks(survey(aws, params, exists))}


def test_nothing_stops_a_first_deployment(params: Path) -> None:
    aws = Account()
    by_name = checks(aws, params)
    assert {check.what for check in by_name.values() if check.state not in (State.GOOD, State.WARNING)} == set()
    assert {"VPCs", "addresses", "vCPUs of Fargate", "builds at a time", "branch", "names", "mail", "SMS"} <= set(
        by_name
    )
    assert by_name["VPCs"].detail == "1 of 5 used, 1 wanted"
    reads = re.compile(r"\.(get|list|describe|simulate)_")
    assert len(aws.asked) > 20 and not [name for name in aws.calls() if not reads.search(name)]


@pytest.mark.parametrize(
    ("kind", "instances", "answers", "what", "state", "message"),
    [
        ("t3.small", "2", {}, "instance type", State.GOOD, "t3.small"),
        ("t3.small", "2", {}, "vCPUs of instances", State.GOOD, "0 of 8 used, 8 wanted"),
        ("t3.small", "3", {}, "vCPUs of instances", State.ERROR, "0 of 8 used, 12 wanted"),
        (
            "t1.huge",
            "2",
            {"ec2__describe_instance_types": absent("InvalidInstanceType")},
            "instance type",
            State.ERROR,
            "no t1.huge",
        ),
    ],
)
def test_instances_of_elastic_beanstalk_have_room_twice(
    params: Path, kind: str, instances: str, answers: Any, what: str, state: State, message: str
) -> None:
    file = params / "staging.json"
    body = json.loads(file.read_text(encoding="utf-8"))
    body["Parameters"] |= {"BackendTarget": "BEANSTALK", "InstanceType": kind, "MaximumTasks": instances}
    file.write_text(json.dumps(body), encoding="utf-8")
    by_name = checks(Account(**answers), params)
    assert by_name[what].state == state and message in by_name[what].detail
    assert "vCPUs of Fargate" not in by_name


@pytest.mark.parametrize(
    ("answers", "what", "state", "message"),
    [
        ({"ec2__describe_vpcs": {"Vpcs": [{}] * 5}}, "VPCs", State.ERROR, "5 of 5 used"),
        ({"ec2__describe_addresses": {"Addresses": [{}] * 5}}, "addresses", State.ERROR, "5 of 5 used"),
        ({"ec2__describe_managed_prefix_lists": {"PrefixLists": []}}, "CloudFront's prefix list", State.ERROR, "none"),
        (
            {"ec2__describe_availability_zones": {"AvailabilityZones": [{"ZoneId": "use1-az3", "ZoneName": "a"}]}},
            "zones",
            State.ERROR,
            "none",
        ),
        ({"codecommit__get_branch": absent("BranchDoesNotExistException")}, "branch", State.ERROR, "no branch develop"),
        ({"codecommit__list_repositories": absent("OperationNotAllowed")}, "repository", State.UNKNOWN, "NotAllowed"),
        ({"iam__get_role": absent("NoSuchEntity")}, "service-linked roles", State.WARNING, "ecs.amazonaws.com"),
        ({"sesv2__get_account": {}}, "mail", State.GOOD, "is verified"),
        ({"sesv2__get_email_identity": absent("NotFoundException")}, "mail", State.WARNING, "neither"),
        ({"sns__get_sms_sandbox_account_status": {"IsInSandbox": True}}, "SMS", State.WARNING, "verified numbers only"),
        ({"codebuild__list_curated_environment_images": {"platforms": []}}, "build image", State.ERROR, "is not in"),
        ({"dynamodb__describe_table": {}}, "names", State.ERROR, "data.Clients CloudHealthClients-staging"),
        ({"service-quotas__list_service_quotas": {"Quotas": []}}, "VPCs", State.WARNING, "has no 'VPCs per Region'"),
        (
            {
                "iam__simulate_principal_policy": {
                    "EvaluationResults": [{"EvalActionName": "s3:PutObject", "EvalDecision": "implicitDeny"}]
                }
            },
            "permissions",
            State.ERROR,
            "lacks s3:PutObject",
        ),
    ],
)
def test_what_stops_and_what_is_only_good_to_know(
    params: Path, answers: dict[str, Any], what: str, state: State, message: str
) -> None:
    check = checks(Account(**answers), params)[what]
    assert check.state is state and message in check.detail, check


def test_permissions_on_later_pages_count(params: Path) -> None:
    """IAM pages by `Marker` and `IsTruncated`."""

    def pages(Marker: str = "", **_: Any) -> dict[str, Any]:
        decision = "implicitDeny" if Marker else "allowed"
        page = {"EvaluationResults": [{"EvalActionName": f"s3:{decision}", "EvalDecision": decision}]}
        return page if Marker else {**page, "IsTruncated": True, "Marker": "more"}

    check = checks(Account(iam__simulate_principal_policy=pages), params)["permissions"]
    assert check.state is State.ERROR and "lacks s3:implicitDeny" in check.detail


def test_iam_is_asked_for_the_deploy_roles_permissions_and_no_others(params: Path) -> None:
    aws = Account()
    checks(aws, params)
    requests = [request for name, request in aws.asked if name == "iam.simulate_principal_policy"]
    names = ("access.DeployRole", "access.Recovering")
    stated = [each for name in names for each in of(load(ROOT / "templates").resource(name)) if each.kind != "trust"]
    # The role that it hands to CloudFormation has no name that the files know.
    expected = {action for statement in stated for action in statement.allowed_actions} - {"iam:PassRole"}
    assert {action for request in requests for action in request["ActionNames"]} == expected


@pytest.mark.parametrize("missing", ["beside the action", "beside the resource"])
def test_a_permission_under_a_condition_is_not_lacking(params: Path, missing: str) -> None:
    """IAM does not know the context of a call that nobody makes."""
    lacking = {"MissingContextValues": ["aws:ResourceTag/Environment"]}
    evaluation: dict[str, Any] = {"EvalActionName": "secretsmanager:PutSecretValue", "EvalDecision": "implicitDeny"}
    if missing == "beside the action":
        evaluation |= lacking
    else:
        resource = {"EvalResourceName": "*", "EvalResourceDecision": "implicitDeny", **lacking}
        evaluation["ResourceSpecificResults"] = [resource]
    answer = {"EvaluationResults": [evaluation]}
    assert checks(Account(iam__simulate_principal_policy=answer), params)["permissions"].state is State.GOOD


def test_what_is_there_already_is_no_obstacle_to_an_update(params: Path) -> None:
    by_name = checks(Account(ec2__describe_vpcs={"Vpcs": [{}] * 5}, dynamodb__describe_table={}), params, exists=True)
    assert "VPCs" not in by_name and "names" not in by_name


def test_the_end_says_whether_it_can_be_deployed(params: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roots = environment.load("staging", ROOT / "templates", params)
    full = Account(ec2__describe_vpcs={"Vpcs": [{}] * 5})
    for aws, ended in ((Account(), Exit.DONE), (full, Exit.REFUSED)):
        assert preflight.run(verb_run(aws, roots), preflight.Options()) is ended
        lines = capsys.readouterr().out.splitlines()
        assert lines[-1].endswith(f"{count(int(ended is Exit.REFUSED), 'error')}, 0 unknown")
    assert preflight.run(verb_run(full, roots), preflight.Options("json")) is Exit.REFUSED
    assert {"what", "state", "found", "remedy"} == set(json.loads(capsys.readouterr().out)[0])


def test_every_claim_before_the_first_deployment_is_asked(params: Path) -> None:
    """What docs/unverified.md would have a person ask before a first deployment, this asks."""
    text = (ROOT / "docs/unverified.md").read_text(encoding="utf-8")
    section = text.partition("## Before the first deployment")[2].partition("\n## ")[0]
    documented = {tuple(line.split()[1:3]) for line in section.splitlines() if line.startswith("aws ")}
    aws = Account()
    checks(aws, params)
    called = {tuple(name.replace("_", "-").split(".")) for name in aws.calls()}
    # Prices are in the estimate; a connection and its executions are there only with that source.
    elsewhere = {("pricing", "get-products"), ("codeconnections", "get-connection")}
    elsewhere |= {("codepipeline", "list-pipeline-executions")}
    assert len(documented) > 6 and documented - elsewhere <= called


@pytest.mark.parametrize(
    ("layout", "at_a_time", "state"),
    [("SEQUENTIAL", 1.0, State.GOOD), ("PARALLEL", 1.0, State.ERROR), ("PARALLEL", 2.0, State.GOOD)],
)
def test_builds_side_by_side_need_as_many_at_a_time(params: Path, layout: str, at_a_time: float, state: State) -> None:
    """A second build is refused where the quota is one, not queued."""
    file = params / "staging.json"
    body = json.loads(file.read_text(encoding="utf-8"))
    body["Parameters"] |= {"BuildLayout": layout}
    file.write_text(json.dumps(body), encoding="utf-8")
    quota = {"QuotaName": "Concurrently running builds for Linux/Small environment", "Value": at_a_time}
    assert (
        checks(Account(**{"service-quotas__list_service_quotas": {"Quotas": [quota]}}), params)[
            "builds at a time"
        ].state
        == state
    )


def test_a_region_to_which_cloudfront_delivers_no_logs_stops(params: Path) -> None:
    account = Account()
    assert "CloudFront's logs" not in checks(account, params)
    account.region = "eu-south-1"
    assert checks(account, params)["CloudFront's logs"].state is State.ERROR


SET_ROLE = "AWSReservedSSO_Developers_0123456789abcdef"
GROUPS = {"DeveloperGroups": "developers"}
SETS = {"DeveloperPermissionSets": "Developers"}
UNDECIDED = {"ProtectionWaivedBecause": production.UNDECIDED}
WAIVED = {"ProtectionWaivedBecause": "a single person has credentials of this account"}


@pytest.mark.parametrize(
    ("name", "chosen", "bound", "state", "message"),
    [
        ("staging", GROUPS, [], State.WARNING, "binds nobody: whoever has the rights may "),
        ("production", GROUPS, [], State.ERROR, "binds nobody: whoever has the rights may "),
        ("production", GROUPS, ["developers"], State.GOOD, "binds developers"),
        ("production", WAIVED, [], State.WARNING, "on purpose: a single person has credentials of this account"),
        ("production", UNDECIDED, [], State.ERROR, "nobody has decided so: the file has the reason that it came with"),
        ("staging", UNDECIDED, [], State.WARNING, "nobody has decided so: the file has the reason that it came with"),
        ("production", SETS, [SET_ROLE], State.GOOD, f"binds {SET_ROLE}"),
        ("production", SETS, [], State.ERROR, "does not bind the permission set Developers yet"),
    ],
)
def test_a_protection_that_binds_nobody_is_told(
    params: Path, name: str, chosen: dict[str, str], bound: list[str], state: State, message: str
) -> None:
    for file in (params / "shared.json", params / f"{name}.json"):
        body = json.loads(file.read_text(encoding="utf-8"))
        body["Parameters"].pop("ProtectionWaivedBecause", None)
        body["Parameters"] |= chosen
        file.write_text(json.dumps(body), encoding="utf-8")

    def stack(StackName: str, **_: Any) -> dict[str, Any]:
        outputs = {"shared": "BranchProtectionArn", "access": "ApprovalProtectionArn"}
        key = next((output for root, output in outputs.items() if root in StackName), None)
        if key is None:
            raise refusal("x", "ValidationError", "Stack does not exist")
        output = {"OutputKey": key, "OutputValue": f"arn:aws:iam::{ACCOUNT}:policy/{key}"}
        status = {"StackStatus": "CREATE_COMPLETE", "CreationTime": NOW}
        return {"Stacks": [{"StackName": StackName, "StackId": f"arn:{StackName}", **status, "Outputs": [output]}]}

    groups = [{"GroupName": group, "GroupId": "A" * 16} for group in bound]
    entities = {"PolicyGroups": groups, "PolicyRoles": [], "PolicyUsers": []}
    aws = Account(cloudformation__describe_stacks=stack, iam__list_entities_for_policy=entities)
    survey = Survey(aws, ME, environment.load(name, ROOT / "templates", params), True, ROOT)
    results = list(source.protection(survey))
    assert [check.what for check in results] == ["branch protection", "approval protection"]
    assert {check.state for check in results} == {state}
    assert all(message in check.detail for check in results)
    if state is State.ERROR and chosen == SETS:
        # The command names the policy as a permission set refers to it: by name and path.
        assert "Name=BranchProtectionArn,Path=/" in results[0].remedy
