"""What the deploy role of staging tries in order to get more than was meant, as itself, on the local AWS: it may send
any template to CloudFormation, which acts as the environment's execution role."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.local_aws import roles
from tests.support.accounts import ACCOUNT, REGION, Account
from tests.support.lives import NAME, Life, as_role, caller, edit, excluded, fresh

STACK = f"{NAME}-staging"
PATH = f"/{NAME}/staging/"
DOMAINS = {name: f"{name}.cloud-health.test" for name in ("staging", "production")}
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
WHOEVER = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    ],
}
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
EXECUTION, DEPLOYER = "CloudFormationRoleArn", "DeployRoleArn"
Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Attacker:
    """The deploy role of staging: `access` are the outputs of the access stack."""

    whose: Account
    aws: Aws
    access: Mapping[str, str]

    def sends(self, **resources: Any) -> str:
        """How a stack of staging ends up with these resources: its status and what was refused."""
        name = {"StackName": STACK}
        kind = "CREATE"
        with suppress(AwsError):  # there is none yet
            [stack] = self.aws.call("cloudformation", "describe_stacks", **name)["Stacks"]
            if stack["StackStatus"] == "ROLLBACK_COMPLETE":
                self.aws.call("cloudformation", "delete_stack", **name)
                self.waited("describe_stacks", "StackStatus", StackName=stack["StackId"])
            else:
                kind = "UPDATE"
        change_set = self.aws.call(
            "cloudformation",
            "create_change_set",
            ChangeSetName=f"deploy-staging-{uuid4().hex}",
            ChangeSetType=kind,
            TemplateBody=json.dumps({"Resources": resources}),
            RoleARN=self.access["CloudFormationRoleArn"],
            Capabilities=["CAPABILITY_NAMED_IAM"],
            **name,
        )["Id"]
        described = {"ChangeSetName": change_set}
        if self.waited("describe_change_set", "Status", **described) == "FAILED":
            return "FAILED"  # it is as it stands
        self.aws.call("cloudformation", "execute_change_set", **described)
        status = self.waited("describe_stacks", "StackStatus", **name)
        events = self.aws.call("cloudformation", "describe_stack_events", **name)["StackEvents"]
        failed = [each for each in events if each["ResourceStatus"].endswith("_FAILED")]
        return "\n".join([status, *(each.get("ResourceStatusReason", "") for each in failed)])

    def waited(self, operation: str, key: str, **named: Any) -> str:
        for _ in range(200):
            answer = self.aws.call("cloudformation", operation, **named)
            status = str(answer.get("Stacks", [answer])[0][key])
            if not status.endswith(("IN_PROGRESS", "PENDING")):
                return status
        raise AssertionError(f"{named} stays {status}")

    def becomes(self, role: str) -> Aws:
        """Somebody who has assumed a role of the account that trusts whoever the account allows."""
        return caller(as_role(self.whose, f"arn:aws:iam::{ACCOUNT}:role{role}"))


def role(**more: Any) -> dict[str, Any]:
    """A role of staging that may do everything, and that the attacker can become."""
    properties = {
        "RoleName": "attack",
        "Path": PATH,
        "AssumeRolePolicyDocument": WHOEVER,
        "Policies": [{"PolicyName": "everything", "PolicyDocument": EVERYTHING}],
    }
    return {"Type": "AWS::IAM::Role", "Properties": {**properties, **more}}


@pytest.fixture(scope="module")
def whose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with fresh(tmp_path_factory.mktemp("fences")) as account:
        yield account


@pytest.fixture(scope="module")
def attacker(whose: Account) -> Iterator[Attacker]:
    named = {"DomainName": DOMAINS["staging"], "HostedZoneId": "Z0123456789"}
    edit(whose, "params/staging.json", lambda body: body["Parameters"].update(named))
    life = Life(whose, "staging")
    roles.enforce(whose.endpoint, excluded())
    outputs = whose.aws.call("cloudformation", "describe_stacks", StackName=f"{STACK}-access")["Stacks"][0]["Outputs"]
    access = {each["OutputKey"]: each["OutputValue"] for each in outputs}
    yield Attacker(whose, caller(life.deployer), access)
    roles.stop(whose.endpoint)


# --- a role that may do more than deploying


@pytest.mark.parametrize(
    "properties", [{}, {"PermissionsBoundary": ADMINISTRATOR}, {"ManagedPolicyArns": [ADMINISTRATOR]}]
)
def test_no_template_makes_a_role_outside_the_boundary(attacker: Attacker, properties: Properties) -> None:
    ended = attacker.sends(Attack=role(**properties))
    assert "AccessDenied" in ended and "iam:" in ended and "CREATE_COMPLETE" not in ended, ended


def test_a_role_that_is_allowed_everything_is_no_administrator(attacker: Attacker) -> None:
    boundary = attacker.access["RoleBoundaryArn"]
    assert attacker.sends(Attack=role(PermissionsBoundary=boundary)) == "CREATE_COMPLETE"
    attack = attacker.becomes(f"{PATH}attack")
    own = {"RoleName": "attack"}
    calls: list[tuple[str, str, Mapping[str, Any]]] = [
        ("iam", "create_role", {"RoleName": "more", "AssumeRolePolicyDocument": json.dumps(WHOEVER)}),
        ("iam", "put_role_policy", {**own, "PolicyName": "more", "PolicyDocument": json.dumps(EVERYTHING)}),
        ("iam", "attach_role_policy", {**own, "PolicyArn": ADMINISTRATOR}),
        ("iam", "delete_role_permissions_boundary", own),
        ("iam", "create_policy_version", {"PolicyArn": boundary, "PolicyDocument": json.dumps(EVERYTHING)}),
        ("iam", "create_user", {"UserName": "more"}),
        *(
            ("sts", "assume_role", {"RoleArn": attacker.access[name], "RoleSessionName": "more"})
            for name in ("ApproverRoleArn", "DeployRoleArn", "CloudFormationRoleArn")
        ),
        ("ssm", "get_parameter", {"Name": "/cloud-health/backend/production/LOG_LEVEL"}),
        ("s3", "put_object", {"Bucket": f"{NAME}-templates-{ACCOUNT}-{REGION}", "Key": "templates/site.json"}),
        ("codebuild", "update_project", {"name": "backend-build"}),
        ("cloudformation", "delete_stack", {"StackName": f"{NAME}-production"}),
    ]
    for service, operation, arguments in calls:
        with pytest.raises(AwsError) as refused:
            attack.call(service, operation, **arguments)
        assert "boundary" in str(refused.value), f"{service}.{operation}: {refused.value}"


def test_no_template_takes_the_boundary_from_a_role(attacker: Attacker) -> None:
    attacker.sends(Attack=role(PermissionsBoundary=attacker.access["RoleBoundaryArn"]))
    for properties in ({}, {"PermissionsBoundary": ADMINISTRATOR}):
        ended = attacker.sends(Attack=role(**properties))
        assert "PermissionsBoundary on resource" in ended and "ROLLBACK_COMPLETE" in ended, ended


# (action, resource, condition keys) that the execution role would need to get around the boundary.
WAYS_AROUND = [
    ("iam:DeleteRolePermissionsBoundary", "role{own}attack", {}),
    ("iam:PutRolePermissionsBoundary", "role{own}attack", {"iam:PermissionsBoundary": ADMINISTRATOR}),
    *((f"iam:{word}", "role{own}attack", {}) for word in ("PutRolePolicy", "DeleteRolePolicy", "CreateRole")),
    ("iam:AttachRolePolicy", "role{own}attack", {"iam:PolicyARN": ADMINISTRATOR}),
    *((f"iam:{word}", "{boundary}", {}) for word in ("CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicy")),
    *(
        (f"iam:{word}", "{deployer}", {"iam:PermissionsBoundary": "{boundary}"})
        for word in ("PutRolePolicy", "CreateRole")
    ),
    ("iam:UpdateAssumeRolePolicy", "{approver}", {"iam:PermissionsBoundary": "{boundary}"}),
    ("iam:PassRole", "{approver}", {"iam:PassedToService": "ecs-tasks.amazonaws.com"}),
    ("iam:CreateUser", "user/attack", {}),
    ("iam:CreatePolicy", "policy{own}attack", {}),
]


@pytest.mark.parametrize(("action", "resource", "keys"), WAYS_AROUND)
def test_the_execution_role_does_nothing_that_leads_around_the_boundary(
    attacker: Attacker, action: str, resource: str, keys: Mapping[str, str]
) -> None:
    arns = {"approver": "ApproverRoleArn", "deployer": "DeployRoleArn", "boundary": "RoleBoundaryArn"}
    places = {"own": PATH, **{name: attacker.access[output] for name, output in arns.items()}}

    def filled(text: str) -> str:
        return text.format(**places)

    arn = filled(resource)
    place = arn.removeprefix("arn:aws:") if arn.startswith("arn:") else f"iam::{ACCOUNT}:{arn}"
    keys = {key: filled(value) for key, value in keys.items()}
    assert judged(attacker, EXECUTION, action, place, **keys) != "allowed"


# --- what belongs to another environment, and to all of them


def judged(attacker: Attacker, role: str, action: str, resource: str, **keys: str) -> str:
    """What IAM says of a request of one of the access stack's roles."""
    context = [
        {"ContextKeyName": key, "ContextKeyType": "string", "ContextKeyValues": [value]} for key, value in keys.items()
    ]
    answer = attacker.whose.aws.call(
        "iam",
        "simulate_principal_policy",
        PolicySourceArn=attacker.access[role],
        ActionNames=[action],
        ResourceArns=[f"arn:aws:{resource}"],
        ContextEntries=context,
    )
    return str(answer["EvaluationResults"][0]["EvalDecision"])


HERE = f"{REGION}:{ACCOUNT}"
KEY, VPC = f"kms:{HERE}:key/1", f"ec2:{HERE}:vpc/vpc-1"
# (action, resource): what staging's execution role does to its own, and not to production's.
TAGGED = [
    ("kms:TagResource", KEY),
    ("kms:PutKeyPolicy", KEY),
    ("kms:ScheduleKeyDeletion", KEY),
    ("secretsmanager:TagResource", f"secretsmanager:{HERE}:secret:JwtSecret-1"),
    ("secretsmanager:GetSecretValue", f"secretsmanager:{HERE}:secret:JwtSecret-1"),
    ("cloudfront:TagResource", f"cloudfront::{ACCOUNT}:distribution/1"),
    ("cloudfront:UpdateDistribution", f"cloudfront::{ACCOUNT}:distribution/1"),
    ("ec2:CreateTags", VPC),
    ("events:PutTargets", f"events:{HERE}:rule/{NAME}-x"),
    ("ecr:DeleteRepository", f"ecr:{HERE}:repository/{NAME}-x"),
    ("s3:DeleteBucket", f"s3:::{NAME}-x"),  # S3 looks at tags where AbacStatus says so
]


def tags(environment: str) -> dict[str, str]:
    return {f"aws:ResourceTag/{key}": value for key, value in {"Application": NAME, "Environment": environment}.items()}


@pytest.mark.parametrize(("action", "resource"), TAGGED)
def test_what_is_productions_is_not_staging_s_to_change_or_to_tag(
    attacker: Attacker, action: str, resource: str
) -> None:
    requested = {"aws:RequestTag/Environment": "staging"}
    assert judged(attacker, EXECUTION, action, resource, **tags("staging"), **requested) == "allowed"
    assert judged(attacker, EXECUTION, action, resource, **tags("production"), **requested) == "explicitDeny"


@pytest.mark.parametrize(("action", "resource"), [case for case in TAGGED if NAME not in case[1]])
def test_what_another_application_has_in_its_staging_is_left_alone(
    attacker: Attacker, action: str, resource: str
) -> None:
    """Whatever the action, giving it our tag included, and whether it says whose it is or not."""
    requested = {"aws:RequestTag/Environment": "staging"}
    mine = {"aws:ResourceTag/Environment": "staging"}
    for theirs in (mine, {**mine, "aws:ResourceTag/Application": "another"}):
        assert judged(attacker, EXECUTION, action, resource, **theirs, **requested) == "explicitDeny"


def test_who_deploys_staging_writes_no_secret_of_another_application(attacker: Attacker) -> None:
    action, secret = "secretsmanager:PutSecretValue", f"secretsmanager:{HERE}:secret:JwtSecret-1"
    assert judged(attacker, DEPLOYER, action, secret, **tags("staging")) == "allowed"
    theirs = {"aws:ResourceTag/Environment": "staging", "aws:ResourceTag/Application": "another"}
    assert judged(attacker, DEPLOYER, action, secret, **theirs) == "explicitDeny"


def test_a_role_of_staging_reaches_nothing_of_production_by_its_tags(attacker: Attacker) -> None:
    limit = attacker.access["RoleBoundaryArn"]
    ended = attacker.sends(Attack=role(PermissionsBoundary=limit, RoleName="tagged"))
    assert ended.startswith(("CREATE_COMPLETE", "UPDATE_COMPLETE")), ended
    attack = Attacker(attacker.whose, attacker.aws, {EXECUTION: f"arn:aws:iam::{ACCOUNT}:role{PATH}tagged"})
    for action, resource in (
        ("kms:Decrypt", KEY),
        ("secretsmanager:GetSecretValue", f"secretsmanager:{HERE}:secret:JwtSecret-1"),
        ("secretsmanager:GetSecretValue", f"secretsmanager:{HERE}:secret:cloud-health/client-1"),
        ("secretsmanager:PutSecretValue", f"secretsmanager:{HERE}:secret:cloud-health/client-1"),
        ("codebuild:StartBuild", f"codebuild:{HERE}:project/backend-build"),
        ("ecs:UpdateService", f"ecs:{HERE}:service/cloud-health-cluster/backend-service"),
        ("ecr:PutImage", f"ecr:{HERE}:repository/{NAME}-x"),
    ):
        assert judged(attack, EXECUTION, action, resource, **tags("staging")) == "allowed", action
        assert judged(attack, EXECUTION, action, resource, **tags("production")) == "explicitDeny", action


def test_a_role_of_staging_starts_nothing_of_another_workload_and_leaves_the_account_as_it_is(
    attacker: Attacker,
) -> None:
    """An account has more in it than this application: builds and instances with mighty roles, and settings."""
    limit = attacker.access["RoleBoundaryArn"]
    ended = attacker.sends(Attack=role(PermissionsBoundary=limit, RoleName="neighbour"))
    assert ended.startswith(("CREATE_COMPLETE", "UPDATE_COMPLETE")), ended
    attack = Attacker(attacker.whose, attacker.aws, {EXECUTION: f"arn:aws:iam::{ACCOUNT}:role{PATH}neighbour"})
    build = f"codebuild:{HERE}:project/somebody"
    assert judged(attack, EXECUTION, "codebuild:StartBuild", build, **tags("staging")) == "allowed"
    for action, resource in (
        ("codebuild:StartBuild", build),
        ("codepipeline:StartPipelineExecution", f"codepipeline:{HERE}:somebody"),
        ("ecr:PutImage", f"ecr:{HERE}:repository/somebody"),
        ("ecs:UpdateService", f"ecs:{HERE}:service/somebody/somebody"),
        ("states:StartExecution", f"states:{HERE}:stateMachine:somebody"),
        ("ec2:ModifyInstanceAttribute", f"ec2:{HERE}:instance/i-1"),  # user data, run as the instance's role
        ("ec2:ModifySnapshotAttribute", f"ec2:{HERE}:snapshot/snap-1"),
        ("ec2:DisableEbsEncryptionByDefault", "*"),
        ("ec2:EnableSerialConsoleAccess", "*"),
        ("ec2:PurchaseReservedInstancesOffering", "*"),
    ):
        for others in ({}, {"aws:ResourceTag/Application": "another", "aws:ResourceTag/Environment": "staging"}):
            assert judged(attack, EXECUTION, action, resource, **others) == "implicitDeny", action


def test_a_role_of_staging_reaches_no_other_application_of_elastic_beanstalk(attacker: Attacker) -> None:
    """It has no tag, because CloudFormation gives it none: its name tells whose it is."""
    limit = attacker.access["RoleBoundaryArn"]
    ended = attacker.sends(Attack=role(PermissionsBoundary=limit, RoleName="beanstalk"))
    assert ended.startswith(("CREATE_COMPLETE", "UPDATE_COMPLETE")), ended
    attack = Attacker(attacker.whose, attacker.aws, {EXECUTION: f"arn:aws:iam::{ACCOUNT}:role{PATH}beanstalk"})
    for action, kind, below in (
        ("DeleteApplication", "application", ""),
        ("CreateApplicationVersion", "applicationversion", "/v1"),
        ("UpdateEnvironment", "environment", "/x"),
        ("TerminateEnvironment", "environment", "/x"),
        ("UpdateConfigurationTemplate", "configurationtemplate", "/x"),
    ):
        for name, decision in (("cloud-health-staging", "allowed"), ("cloud-health", "implicitDeny")):
            resource = f"elasticbeanstalk:{HERE}:{kind}/{name}{below}"
            assert judged(attack, EXECUTION, f"elasticbeanstalk:{action}", resource) == decision, (action, name)


def test_nobody_who_deploys_changes_what_all_environments_share(attacker: Attacker) -> None:
    shared = {"StackName": f"{NAME}-shared"}
    template = {**shared, "TemplateBody": '{"Resources": {}}', "ChangeSetName": "deploy-staging-x"}
    for operation, arguments in (
        ("delete_stack", shared),
        ("create_change_set", template),
        ("set_stack_policy", {**shared, "StackPolicyBody": "{}"}),
        ("update_termination_protection", {**shared, "EnableTerminationProtection": False}),
    ):
        with pytest.raises(AwsError) as refused:
            attacker.aws.call("cloudformation", operation, **arguments)
        assert refused.value.code == "AccessDenied", operation
    attacker.aws.call("cloudformation", "describe_stacks", **shared)
    protection = f"iam::{ACCOUNT}:policy/{NAME}/shared-access/BranchProtection"
    for action, resource in (
        ("codecommit:DeleteRepository", f"codecommit:{HERE}:{NAME}"),
        ("iam:CreatePolicyVersion", protection),
        ("iam:DeletePolicy", protection),
        ("cloudformation:DeleteStack", f"cloudformation:{HERE}:stack/{NAME}-shared/1"),
        ("s3:PutBucketPolicy", f"s3:::{NAME}-templates-{ACCOUNT}-{REGION}"),
    ):
        for who in (EXECUTION, DEPLOYER):
            assert judged(attacker, who, action, resource) != "allowed", f"{who}: {action}"


def record(zone: str, name: str) -> dict[str, Any]:
    target = {"DNSName": "d1.cloudfront.net", "HostedZoneId": "Z2FDTNDATAQYW2", "EvaluateTargetHealth": False}
    properties = {"HostedZoneId": zone, "Name": name, "Type": "A", "AliasTarget": target}
    return {"Type": "AWS::Route53::RecordSet", "Properties": properties}


def test_no_template_writes_a_record_of_another_environments_domain(attacker: Attacker) -> None:
    created = attacker.whose.aws.call("route53", "create_hosted_zone", Name="cloud-health.test", CallerReference="x")
    zone = created["HostedZone"]["Id"].rpartition("/")[2]
    ended = attacker.sends(Own=record(zone, DOMAINS["staging"]))
    assert ended.startswith(("CREATE_COMPLETE", "UPDATE_COMPLETE")), ended
    ended = attacker.sends(Own=record(zone, DOMAINS["staging"]), Attack=record(zone, DOMAINS["production"]))
    assert "AccessDenied" in ended and "route53:ChangeResourceRecordSets" in ended, ended
    answer = attacker.whose.aws.call("route53", "list_resource_record_sets", HostedZoneId=zone)
    assert {each["Name"] for each in answer["ResourceRecordSets"] if each["Type"] == "A"} == {f"{DOMAINS['staging']}."}


@pytest.mark.parametrize(
    ("name", "kind", "allowed"),
    [
        ("{staging}", "A", True),
        ("{staging}", "AAAA", True),
        ("_proof.{staging}", "CNAME", True),  # by which ACM validates the domain
        ("{production}", "A", False),
        ("_proof.{production}", "CNAME", False),
        ("{staging}", "MX", False),
        ("www.{staging}", "A", False),
        ("cloud-health.test", "A", False),
    ],
)
def test_a_record_is_of_the_own_domain_or_proves_it(attacker: Attacker, name: str, kind: str, allowed: bool) -> None:
    key = "route53:ChangeResourceRecordSets"
    keys = {f"{key}NormalizedRecordNames": name.format(**DOMAINS), f"{key}RecordTypes": kind}
    outcome = judged(attacker, EXECUTION, key, "route53:::hostedzone/Z1", **keys)
    assert (outcome == "allowed") is allowed


# --- the approval


def test_whoever_is_kept_from_approving_does_not_become_the_approver(attacker: Attacker) -> None:
    """A person with every right of the account, to whom the protection is attached."""
    own = {"RoleName": "person"}
    iam = attacker.whose.aws
    iam.call("iam", "create_role", AssumeRolePolicyDocument=json.dumps(WHOEVER), **own)
    iam.call("iam", "put_role_policy", PolicyName="everything", PolicyDocument=json.dumps(EVERYTHING), **own)
    person = attacker.becomes("/person")
    approver = {"RoleArn": attacker.access["ApproverRoleArn"], "RoleSessionName": "own"}
    person.call("sts", "assume_role", **approver)  # the attack, while nothing is attached
    iam.call("iam", "attach_role_policy", PolicyArn=attacker.access["ApprovalProtectionArn"], **own)
    with pytest.raises(AwsError, match="explicit deny"):
        person.call("sts", "assume_role", **approver)
    someone = Attacker(attacker.whose, attacker.aws, {EXECUTION: f"arn:aws:iam::{ACCOUNT}:role/person"})
    pipeline = f"codepipeline:{HERE}:{NAME}-pipeline-staging"
    for action, resource in (
        ("codepipeline:UpdatePipeline", pipeline),
        ("codepipeline:StartPipelineExecution", pipeline),
        ("codepipeline:PutApprovalResult", f"{pipeline}/Approve/ApproveRelease"),
        ("codebuild:StartBuild", f"codebuild:{HERE}:project/backend-build-staging"),
        ("codebuild:UpdateProject", f"codebuild:{HERE}:project/cloud-health-verify-staging"),
        ("ecs:UpdateService", f"ecs:{HERE}:service/cloud-health-cluster-staging/backend-service-staging"),
    ):
        assert judged(someone, EXECUTION, action, resource) == "explicitDeny", action
    # Ways around that name neither pipeline nor service: a stack keeps its role, a sandbox has that of its project, an
    # artifact is written over while it waits, a record is believed.
    ours = f"iam::{ACCOUNT}:role{PATH}build"
    for action, resource in (
        ("codebuild:StartSandbox", f"codebuild:{HERE}:project/cloud-health-push-staging"),
        ("cloudformation:UpdateStack", f"cloudformation:{HERE}:stack/{NAME}-staging/1"),
        ("cloudformation:ExecuteChangeSet", f"cloudformation:{HERE}:stack/{NAME}-staging-Pipeline-1/1"),
        ("cloudformation:CreateChangeSet", f"cloudformation:us-east-1:{ACCOUNT}:stack/{NAME}-staging-edge/1"),
        ("iam:PassRole", ours),
        ("ssm:PutParameter", f"ssm:{HERE}:parameter/cloud-health/release/staging/image"),
    ):
        assert judged(someone, EXECUTION, action, resource) == "explicitDeny", action
    for action, resource in (
        ("s3:PutObject", f"s3:::{NAME}-staging-artifacts/any/SealedAsse/1"),
        ("s3:DeleteObjectVersion", f"s3:::{NAME}-staging-site/index.html"),
        ("cloudfront:UpdateDistribution", f"cloudfront::{ACCOUNT}:distribution/1"),
        ("elasticloadbalancing:ModifyRule", f"elasticloadbalancing:{HERE}:listener-rule/app/a/1/1/1"),
        ("ecr:PutImage", f"ecr:{HERE}:repository/{NAME}-x"),
    ):
        assert judged(someone, EXECUTION, action, resource, **tags("staging")) == "explicitDeny", action
        assert judged(someone, EXECUTION, action, resource, **tags("elsewhere")) == "allowed", action


def test_who_deploys_approves_nothing(attacker: Attacker) -> None:
    approval = f"codepipeline:{HERE}:{NAME}-pipeline-staging/Approve/ApproveRelease"
    for who in (DEPLOYER, EXECUTION):
        assert judged(attacker, who, "codepipeline:PutApprovalResult", approval) != "allowed"
        assert judged(attacker, who, "sts:AssumeRole", f"iam::{ACCOUNT}:role/{NAME}/staging-access/x") != "allowed"
