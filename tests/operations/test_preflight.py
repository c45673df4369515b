"""Everything that can be known before a deployment: AWS's answers become checks, what it does not answer is told."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.permissions import of
from generator.cfn.templates import load
from scripts.deployment import environment
from scripts.deployment.aws import Identity
from scripts.deployment.errors import Exit, RefusedError
from scripts.operations import production
from scripts.operations.preflight import source
from scripts.operations.preflight.check import Check, State, Survey
from scripts.operations.preflight.checks import all_checks, lines
from scripts.operations.verbs import preflight
from scripts.terminal.text import count
from tests.conftest import ROOT
from tests.operations.first_deployment import NOW, ZONES, Account, absent, scanning, survey
from tests.support.runs import verb_run
from tests.support.service import ACCOUNT, ME, Prepared, refusal


@pytest.fixture
def params(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "params", tmp_path / "params")
    file = tmp_path / "params/staging.json"
    body = json.loads(file.read_text(encoding="utf-8"))
    body["Parameters"] |= {"SenderEmail": "us@cloud-health.test", "NotificationPhone": "+441632960961"}
    file.write_text(json.dumps(body), encoding="utf-8")
    return tmp_path / "params"


def checks(aws: Prepared, params: Path, exists: bool = False) -> dict[str, Check]:
    return {check.what: check for check in all_checks(survey(aws, params, exists))}


PAGE = """\
ok       identity                   arn:aws:sts::000000000000:assumed-role/Deploy/me in account 000000000000, eu-west-1
warning  access                     there is no access stack: your own rights deploy
            `make access ENV=staging` gives a role that may do just this.
ok       permissions                96 of the deploy role
ok       clients' secrets           cloud-health/... is this environment's alone in the account
ok       CodeCommit                 takes this account
ok       branch                     develop of cloud-health-dashboard
ok       service-linked roles       all that are needed
ok       VPCs                       1 of 5 used, 1 wanted
ok       addresses                  0 of 5 used, 1 wanted
ok       vCPUs of Fargate           0 of 6 used, 1 wanted
ok       builds at a time           0 of 1 used, 1 wanted
ok       rules of a security group  0 of 60 used, 55 wanted
ok       zones                      eu-west-11 (euw1-az1), eu-west-12 (euw1-az2)
ok       mail                       us@cloud-health.test is verified
ok       SMS                        out of the sandbox
ok       build image                aws/codebuild/standard:7.0
ok       image scans                basic scanning of what is pushed
ok       names                      20 are free
18 checks: 0 errors, 0 unknown
""".splitlines()


def test_nothing_stops_a_first_deployment(params: Path) -> None:
    aws = Account()
    assert list(map(str, lines(list(all_checks(survey(aws, params)))))) == PAGE
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


ROOM = "Ask for more of {} in Service Quotas, or remove what is not needed."
SENDER = "us@cloud-health.test"
DENIED = {"EvaluationResults": [{"EvalActionName": "s3:PutObject", "EvalDecision": "implicitDeny"}]}
OTHER_IMAGES = {"platforms": [{"languages": [{"images": [{"name": "b"}, {"name": "a"}]}]}]}
REGION_ALONE = {"AvailabilityZones": [ZONES["AvailabilityZones"][0], {"ZoneId": "use1-az3", "ZoneName": "a"}]}
ROLES = "ecs.amazonaws.com, elasticloadbalancing.amazonaws.com, ecs.application-autoscaling.amazonaws.com"


def identity(EmailIdentity: str) -> dict[str, Any]:
    """Only the domain is verified."""
    return {"VerifiedForSendingStatus": EmailIdentity == "cloud-health.test"}


def domain_alone(EmailIdentity: str) -> dict[str, Any]:
    """SES knows the domain, and not the address."""
    return identity(EmailIdentity) if "@" not in EmailIdentity else absent("NotFoundException")()


@pytest.mark.parametrize(
    ("answers", "check"),
    [
        (
            {"ec2__describe_vpcs": {"Vpcs": [{}] * 5}},
            Check("VPCs", State.ERROR, "5 of 5 used, 1 wanted", ROOM.format("'VPCs per Region' (vpc)")),
        ),
        (
            {"ec2__describe_addresses": {"Addresses": [{}] * 5}},
            Check("addresses", State.ERROR, "5 of 5 used, 1 wanted", ROOM.format("'EC2-VPC Elastic IPs' (ec2)")),
        ),
        (
            {"ec2__describe_managed_prefix_lists": {"PrefixLists": []}},
            Check("CloudFront's prefix list", State.ERROR, "eu-west-1 has none", "Deploy to another region."),
        ),
        (
            {"ec2__describe_managed_prefix_lists": {"PrefixLists": [{"MaxEntries": 61}]}},
            Check(
                "rules of a security group",
                State.ERROR,
                "0 of 60 used, 61 wanted",
                ROOM.format("'Inbound or outbound rules per security group' (vpc)"),
            ),
        ),
        (
            {"ec2__describe_availability_zones": REGION_ALONE},
            Check(
                "zones",
                State.ERROR,
                "two are needed, and there are: eu-west-11 (euw1-az1)",
                "Deploy to another Region, or choose another InstanceType.",
            ),
        ),
        *(
            (
                {"codecommit__get_branch": absent(f"{what}DoesNotExistException")},
                Check(
                    "branch",
                    State.ERROR,
                    "cloud-health-dashboard has no branch develop",
                    "`migrate --app FOLDER` brings the application in, with its branches.",
                ),
            )
            for what in ("Branch", "Repository")
        ),
        (
            {"codecommit__list_repositories": absent("OperationNotAllowed")},
            Check("repository", State.UNKNOWN, "x: OperationNotAllowed: "),
        ),
        (
            {"codecommit__get_branch": absent("EncryptionKeyDisabledException")},
            Check("repository", State.UNKNOWN, "x: EncryptionKeyDisabledException: "),
        ),
        (
            {"iam__get_role": absent("NoSuchEntity")},
            Check(
                "service-linked roles",
                State.WARNING,
                f"missing: {ROLES}, vpcorigin.cloudfront.amazonaws.com",
                "`apply` creates them first.",
            ),
        ),
        ({"sesv2__get_email_identity": identity}, Check("mail", State.GOOD, "cloud-health.test is verified")),
        ({"sesv2__get_email_identity": domain_alone}, Check("mail", State.GOOD, "cloud-health.test is verified")),
        (
            {"sesv2__get_email_identity": absent("NotFoundException")},
            Check(
                "mail",
                State.WARNING,
                f"neither {SENDER} nor its domain is verified in SES",
                "Verify one, or no mail leaves.",
            ),
        ),
        (
            {"sesv2__get_account": {}},
            Check(
                "mail",
                State.WARNING,
                "SES is in its sandbox and sends to verified addresses only",
                "Ask for production access.",
            ),
        ),
        (
            {"sesv2__get_email_identity": absent("BadRequestException")},
            Check("mail", State.UNKNOWN, "x: BadRequestException: "),
        ),
        (
            {"sns__get_sms_sandbox_account_status": {"IsInSandbox": True}},
            Check(
                "SMS", State.WARNING, "SNS sends to verified numbers only", "Verify the number, or leave the sandbox."
            ),
        ),
        (
            {"codebuild__list_curated_environment_images": OTHER_IMAGES},
            Check("build image", State.ERROR, "aws/codebuild/standard:7.0 is not in eu-west-1", "Choose one of a, b."),
        ),
        (
            {"dynamodb__describe_table": {}},
            Check(
                "names",
                State.ERROR,
                "taken already: data.Clients CloudHealthClients-staging, data.Costs CloudHealthCosts-staging, "
                "data.Metrics CloudHealthMetrics-staging, data.Recommendations Recommendations-staging, data.Security "
                "SecurityFindings-staging",
                "Remove them, adopt them (`apply --adopt`), or choose other names in the parameter file.",
            ),
        ),
        (
            {"dynamodb__describe_table": absent("RequestLimitExceeded")},
            Check("names", State.UNKNOWN, "x: RequestLimitExceeded: "),
        ),
        (
            {"service-quotas__list_service_quotas": {"Quotas": []}},
            Check(
                "VPCs",
                State.WARNING,
                "Service Quotas has no 'VPCs per Region' of vpc",
                "Look at the quota in the console.",
            ),
        ),
        (
            {"iam__simulate_principal_policy": DENIED},
            Check(
                "permissions",
                State.ERROR,
                "arn:aws:iam::000000000000:role/Deploy lacks s3:PutObject",
                "Deploy as the deploy role of the environment.",
            ),
        ),
    ],
)
def test_what_stops_and_what_is_only_good_to_know(params: Path, answers: dict[str, Any], check: Check) -> None:
    assert check in list(all_checks(survey(Account(**answers), params)))


def test_the_partition_is_that_of_the_caller(params: Path) -> None:
    here = survey(Account(), params)
    elsewhere = Survey(here.aws, Identity(ACCOUNT, f"arn:aws-cn:sts::{ACCOUNT}:x"), here.roots, False, ROOT)
    known = {"AWS::Region": "eu-west-1", "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws-cn"}
    assert elsewhere.known == known and here.known == known | {"AWS::Partition": "aws"}


def test_a_page_of_a_server_is_not_repeated(params: Path) -> None:
    page = refusal("x", "503", "<html>Service Unavailable</html>")
    looks = checks(Account(codecommit__list_repositories=page), params)
    assert looks["repository"].detail == "x: 503: no answer of the service itself"


def test_only_what_an_environment_has_is_looked_at(params: Path) -> None:
    """Without addresses for mail and messages, and of a caller that is no role."""
    shutil.copyfile(ROOT / "params/staging.json", params / "staging.json")
    aws = Account()
    person = Survey(aws, Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/me"), survey(aws, params).roots, True, ROOT)
    looks = {check.what: check for check in all_checks(person)}
    warning = Check("permissions", State.WARNING, "the caller is not a role: not checked", "Deploy as a role.")
    assert looks["permissions"] == warning
    assert not {"mail", "SMS", "VPCs", "addresses", "zones", "names"} & looks.keys()
    assert not [name for name in aws.calls() if name.startswith(("iam.simulate", "sesv2", "sns.", "dynamodb"))]
    roots = environment.load("shared", ROOT / "templates", params)
    shared = {check.what for check in all_checks(Survey(Account(), ME, roots, False, ROOT))}
    assert not {"VPCs", "rules of a security group", "branch", "build image", "vCPUs of Fargate"} & shared


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


def test_what_binds_nobody_is_told_of_each_root_with_the_way_to_mend_it(params: Path) -> None:
    """Of the root that is deployed, also when the one before it is not."""

    def checks_of(waiver: str | None, bound: list[str], sets: str = "") -> list[Check]:
        file = params / "production.json"
        body = json.loads((ROOT / "params/production.json").read_text(encoding="utf-8"))
        body["Parameters"].pop("ProtectionWaivedBecause", None)
        body["Parameters"] |= {"DeveloperPermissionSets": sets} if sets else {}
        body["Parameters"] |= {} if waiver is None else {"ProtectionWaivedBecause": waiver}
        file.write_text(json.dumps(body), encoding="utf-8")

        def stack(StackName: str) -> dict[str, Any]:
            if "shared" in StackName:
                raise refusal("x", "ValidationError", "Stack does not exist")
            output = {
                "OutputKey": "ApprovalProtectionArn",
                "OutputValue": f"arn:aws:iam::{ACCOUNT}:policy/a/b/Approval",
            }
            status = {"StackStatus": "CREATE_COMPLETE", "CreationTime": NOW, "Outputs": [output]}
            return {"Stacks": [{"StackName": StackName, "StackId": f"arn:{StackName}", **status}]}

        entities: dict[str, Any] = {"PolicyGroups": [], "PolicyUsers": []}
        entities["PolicyRoles"] = [{"RoleName": name} for name in bound]
        aws = Account(cloudformation__describe_stacks=stack, iam__list_entities_for_policy=entities)
        roots = environment.load("production", ROOT / "templates", params)
        return list(source.protection(Survey(aws, ME, roots, True, ROOT)))

    what, again, reason = "approval protection", "`access production` again", "we are two, who do everything"
    on_purpose = f"binds nobody, on purpose: {reason}"
    assert checks_of(reason, []) == [
        Check(what, State.WARNING, on_purpose, "Name whom it must not let approve a release.")
    ]
    assert checks_of(production.UNDECIDED, []) == [
        Check(
            what,
            State.ERROR,
            "binds nobody, and nobody has decided so: the file has the reason that it came with",
            f"Name people in DeveloperGroups, or say in ProtectionWaivedBecause why not; then run {again}.",
        )
    ]
    remedy = (
        "In the account of IAM Identity Center: `aws sso-admin "
        "attach-customer-managed-policy-reference-to-permission-set --instance-arn ... --permission-set-arn ... "
        "--customer-managed-policy-reference Name=Approval,Path=/a/b/`, then "
        "`aws sso-admin provision-permission-set --target-type ALL_PROVISIONED_ACCOUNTS` with the same two ARNs."
    )
    bound = ["z", "AWSReservedSSO_Dev_1"]
    assert checks_of(None, bound, "Dev,Ops") == [
        Check(what, State.ERROR, "does not bind the permission set Ops yet", remedy),
        Check(what, State.GOOD, "binds AWSReservedSSO_Dev_1, z"),
    ]


CONNECTION = f"arn:aws:codeconnections:eu-west-1:{ACCOUNT}:connection/11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("status", "check"),
    [
        ("AVAILABLE", Check("connection", State.GOOD, "ours")),
        (
            "PENDING",
            Check(
                "connection",
                State.ERROR,
                "ours is PENDING",
                "Complete it in the console (Developer Tools, Connections): only a person can.",
            ),
        ),
    ],
)
def test_a_source_behind_a_connection_needs_it_complete_and_no_repository(
    params: Path, status: str, check: Check
) -> None:
    file = params / "staging.json"
    body = json.loads(file.read_text(encoding="utf-8"))
    body["Parameters"] |= {
        "ConnectionArn": CONNECTION,
        "SourceProvider": "CONNECTION",
        "SourceRepository": "us/dashboard",
    }
    file.write_text(json.dumps(body), encoding="utf-8")
    answer = {"Connection": {"ConnectionName": "ours", "ConnectionStatus": status}}
    aws = Account(codeconnections__get_connection=answer)
    assert list(source.repository(survey(aws, params))) == [check]
    assert aws.asked == [("codeconnections.get_connection", {"ConnectionArn": CONNECTION})]


@pytest.mark.parametrize("refused", [False, True])
def test_who_may_not_deploy_production_is_told_before(
    params: Path, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = survey(Account(), params)
    asked_for: list[Any] = []

    def check(*arguments: Any) -> None:
        asked_for.append(arguments)
        if refused:
            raise RefusedError("you may not", "sign in as another")

    monkeypatch.setattr(production, "check_production", check)
    checks = list(source.identity(here))
    assert [each.what for each in checks] == ["identity", "access", *(["access"] if refused else [])]
    assert not refused or checks[-1] == Check("access", State.ERROR, "you may not", "sign in as another")
    assert asked_for == [(here.environment, ME, None, ROOT)]


START = "cloud-health-dashboard-staging"
ADD_FILTER = "Add a filter that has it to the scanning configuration of the registry (ECR, Private registry)."


def no_scan(state: State, what: str) -> Check:
    return Check("image scans", state, what, ADD_FILTER)


@pytest.mark.parametrize(
    ("configuration", "check"),
    [
        ({}, Check("image scans", State.GOOD, "basic scanning of what is pushed")),
        *(
            (scanning(*words), Check("image scans", State.GOOD, f"{words[0].lower()} scanning of what is pushed"))
            for words in (
                ("ENHANCED", ("CONTINUOUS_SCAN", "*")),
                ("ENHANCED", ("MANUAL", "other"), ("SCAN_ON_PUSH", "cloud-*-staging*")),
                ("ENHANCED", ("SCAN_ON_PUSH", "dashboard-staging")),
                ("BASIC", ("SCAN_ON_PUSH", "health")),
            )
        ),
        (
            scanning("BASIC", ("SCAN_ON_PUSH", "other*")),
            no_scan(State.WARNING, f"basic scanning by the filters other*: {START}-... may not be scanned"),
        ),
        (
            scanning("BASIC", ("MANUAL", "*")),
            no_scan(State.WARNING, f"basic scanning by no filter: {START}-... may not be scanned"),
        ),
        # Until the repository has its name, a filter may have it.
        *(
            (
                scanning("ENHANCED", ("SCAN_ON_PUSH", text)),
                no_scan(State.WARNING, f"enhanced scanning by the filters {text}: {START}-... may not be scanned"),
            )
            for text in ("*images*x", "registry", "staging*")
        ),
        *(
            (
                scanning("ENHANCED", *rules),
                no_scan(
                    State.ERROR, f"enhanced scanning by no filter: {START}-... is not scanned, so no image is released"
                ),
            )
            for rules in ((), (("MANUAL", "*"),))
        ),
    ],
)
def test_a_registry_that_may_not_scan_what_is_pushed_is_named(
    params: Path, configuration: dict[str, Any], check: Check
) -> None:
    choose(params, ScanFindingsBlock="CRITICAL")
    assert checks(Account(ecr__get_registry_scanning_configuration=configuration), params)["image scans"] == check


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("*", State.GOOD),
        ("staging-registry", State.GOOD),
        ("cloud*images-1", State.GOOD),
        ("cloud*images", State.ERROR),
        ("registry-2", State.ERROR),
        ("x*", State.ERROR),
    ],
)
def test_a_filter_is_compared_with_the_name_that_the_repository_has(params: Path, text: str, state: State) -> None:
    choose(params, ScanFindingsBlock="CRITICAL")
    aws = deployed(f"{START}-registry-1-images-1", scanning("ENHANCED", ("SCAN_ON_PUSH", text)))
    check = checks(aws, params, exists=True)["image scans"]
    assert check.state is state
    assert (f"{START}-registry-1-images-1 is not scanned" in check.detail) is (state is State.ERROR)


def deployed(repository: str, configuration: dict[str, Any]) -> Account:
    """An account with the environment's stack, whose repository has a name."""
    stack = {
        "StackName": START,
        "StackId": "arn:aws:cloudformation:eu-west-1:000000000000:stack/x/1",
        "StackStatus": "CREATE_COMPLETE",
        "CreationTime": NOW,
        "Outputs": [{"OutputKey": "RegistryName", "OutputValue": repository}],
    }

    def describe(StackName: str = "", **_: Any) -> dict[str, Any]:
        if StackName not in ("", START):
            raise refusal("x", "ValidationError", "Stack does not exist")
        return {"Stacks": [stack]}

    return Account(cloudformation__describe_stacks=describe, ecr__get_registry_scanning_configuration=configuration)


def test_where_the_scan_is_not_looked_at_its_absence_stops_nothing(params: Path) -> None:
    choose(params, ScanFindingsBlock="NONE")
    check = checks(Account(ecr__get_registry_scanning_configuration=scanning("ENHANCED")), params)["image scans"]
    assert check.state is State.WARNING


def choose(params: Path, **values: str) -> None:
    """Chooses parameters of staging."""
    file = params / "staging.json"
    body = json.loads(file.read_text(encoding="utf-8"))
    body["Parameters"] |= values
    file.write_text(json.dumps(body), encoding="utf-8")


def zone(name: str, **config: bool) -> dict[str, Any]:
    about = {"Id": "/hostedzone/Z1", "Name": name, "CallerReference": "x", **({"Config": config} if config else {})}
    return {"HostedZone": about}


NOT_IN = "app.health.test is not in {} (Z1)"
OF_DOMAIN = "Name the zone of the domain in HostedZoneId."


@pytest.mark.parametrize(
    ("answer", "check"),
    [
        (zone("health.test."), Check("hosted zone", State.GOOD, "health.test")),
        (zone("app.health.test.", PrivateZone=False), Check("hosted zone", State.GOOD, "app.health.test")),
        (
            zone("health.test.", PrivateZone=True),
            Check(
                "hosted zone",
                State.ERROR,
                "health.test (Z1) is private: no certificate is validated there, and users do not find the address",
                "Name the public zone of the domain in HostedZoneId.",
            ),
        ),
        *(
            (zone(f"{name}."), Check("hosted zone", State.ERROR, NOT_IN.format(name), OF_DOMAIN))
            for name in ("other.test", "lth.test", "www.app.health.test")
        ),
        (
            absent("NoSuchHostedZone"),
            Check("hosted zone", State.ERROR, "the account has no zone Z1", "Correct HostedZoneId."),
        ),
        (absent("Throttling"), Check("hosted zone", State.UNKNOWN, "x: Throttling: ")),
    ],
)
def test_the_zone_is_public_and_the_domains(params: Path, answer: Any, check: Check) -> None:
    choose(params, DomainName="app.health.test", HostedZoneId="Z1")
    aws = Account(route53__get_hosted_zone=answer)
    assert checks(aws, params)["hosted zone"] == check
    assert [request for name, request in aws.asked if name == "route53.get_hosted_zone"] == [{"Id": "Z1"}]
