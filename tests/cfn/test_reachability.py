"""What each right opens, on a small account: one row a right, with every step that the search finds.

The gate asks the same of our own templates (tests/gate/test_reachability.py); what it must not miss is written here.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from generator.cfn.permissions import Condition, Permission
from generator.cfn.reachability.account import Account, AccountResource, Principal
from generator.cfn.reachability.rights import BOUNDARY, Rights
from generator.cfn.reachability.steps import Steps
from tests.support.small_account import NUMBER, OUR_POLICY, action, allow, arn, resource, role

ROLES = {
    each[0].address: each
    for each in (
        role("app.Task", "ecs-tasks.amazonaws.com"),
        role("app.Instance", "ec2.amazonaws.com"),
        role("app.Service", "elasticbeanstalk.amazonaws.com"),
        role("build.Role", "codebuild.amazonaws.com"),
        role("pipe.Role", "codepipeline.amazonaws.com"),
        role("watch.Role", "states.amazonaws.com"),
        role("access.Execution", "cloudformation.amazonaws.com"),
        role("job.Function", "lambda.amazonaws.com"),
    )
}


def arn_of(address: str) -> str:
    return ROLES[address][0].arn


STAGES = [
    {
        "Name": "Source",
        "Actions": [
            action(
                "Code",
                "Source",
                "CodeCommit",
                OutputArtifacts=[{"Name": "Source"}],
                Configuration={"BranchName": "main"},
            )
        ],
    },
    {"Name": "Approve", "Actions": [action("Ask", "Approval", "Manual")]},
]
KEY_POLICY = Permission(
    "data.Key", "key", "", "Account", "Allow", (f"AWS:arn:aws:iam::{NUMBER}:root",), ("kms:*",), resources=("*",)
)
RESOURCES = (
    resource(
        "app.Task", "AWS::ECS::TaskDefinition", arn("ecs", "task-definition/shop:1"), TaskRoleArn=arn_of("app.Task")
    ),
    resource("app.Backend", "AWS::ECS::Service", arn("ecs", "service/shop/backend")),
    resource(
        "build.Build",
        "AWS::CodeBuild::Project",
        arn("codebuild", "project/build"),
        ServiceRole=arn_of("build.Role"),
        Source={"BuildSpec": "npm ci"},
    ),
    resource(
        "pipe.Pipeline",
        "AWS::CodePipeline::Pipeline",
        arn("codepipeline", "shop"),
        Name="shop",
        RoleArn=arn_of("pipe.Role"),
        ArtifactStore={"Location": "artifacts"},
        Stages=STAGES,
    ),
    resource("watch.Watch", "AWS::StepFunctions::StateMachine", arn("states", "machine"), RoleArn=arn_of("watch.Role")),
    resource("app.Images", "AWS::ECR::Repository", arn("ecr", "repository/shop")),
    resource("data.Orders", "AWS::DynamoDB::Table", arn("dynamodb", "table/orders")),
    resource("data.Secret", "AWS::SecretsManager::Secret", arn("secretsmanager", "secret:s")),
    resource("data.Key", "AWS::KMS::Key", arn("kms", "key/k"), policy=(KEY_POLICY,)),
    resource("data.Logs", "AWS::Logs::LogGroup", arn("logs", "log-group:app")),
    resource("data.Files", "AWS::S3::Bucket", "arn:aws:s3:::files", "arn:aws:s3:::files/any"),
    resource("edge.Page", "AWS::CloudFront::Distribution", arn("cloudfront", "distribution/d", "")),
    resource("edge.Name", "AWS::Route53::RecordSet", "arn:aws:route53:::hostedzone/Z", Name="shop.test", Type="A"),
    resource("app.Level", "AWS::SSM::Parameter", arn("ssm", "parameter/level")),
    resource("net.Routes", "AWS::EC2::RouteTable", arn("ec2", "route-table/r")),
    resource("net.Listener", "AWS::ElasticLoadBalancingV2::Listener", arn("elasticloadbalancing", "listener/app/a")),
    resource("top.shop", "AWS::CloudFormation::Stack", arn("cloudformation", "stack/shop/1")),
)


def account(*roles: tuple[Principal, AccountResource], more: tuple[AccountResource, ...] = ()) -> Account:
    policies = {each.arn: each.policy for each in more if each.type == "AWS::IAM::ManagedPolicy"}
    everything = (*RESOURCES, *(each for _, each in roles), *more)
    return Account(everything, tuple(each for each, _ in roles), ("one",), policies)


def opened(place: Account, *statements: Permission) -> list[str]:
    """Every step of somebody with these statements and no boundary, as text."""
    steps = Steps(place)
    steps.actions = sorted({*steps.actions, *(name for each in statements for name in each.actions)})
    mallory = Principal("mallory", "one", "shop.Mallory", arn("iam", "role/mallory", ""), statements)
    return sorted(f"{step.how} -> {step.target}" for step in steps.of(mallory).values())


SMALL = account(*ROLES.values())
RUNS, DATA, APPROVED, ADMINISTRATOR = "what runs in one", "data of one", "what is approved in one", "administrator"
# What is read or changed, by the right: the resource, and what it counts as.
ASSETS = {
    "cloudfront:UpdateDistribution": f"edge.Page of one -> {RUNS}",
    "codepipeline:StartPipelineExecution": f"pipe.Pipeline of one -> {RUNS}",
    "dynamodb:BatchGetItem": f"data.Orders of one -> {DATA}",
    "dynamodb:DeleteItem": f"data.Orders of one -> {DATA}",
    "dynamodb:DeleteTable": f"data.Orders of one -> {DATA}",
    "dynamodb:ExportTableToPointInTime": f"data.Orders of one -> {DATA}",
    "dynamodb:GetItem": f"data.Orders of one -> {DATA}",
    "dynamodb:GetRecords": f"data.Orders of one -> {DATA}",
    "dynamodb:PartiQLSelect": f"data.Orders of one -> {DATA}",
    "dynamodb:PutItem": f"data.Orders of one -> {DATA}",
    "dynamodb:PutResourcePolicy": f"data.Orders of one -> {DATA}",
    "dynamodb:Query": f"data.Orders of one -> {DATA}",
    "dynamodb:Scan": f"data.Orders of one -> {DATA}",
    "dynamodb:UpdateItem": f"data.Orders of one -> {DATA}",
    "ec2:CreateRoute": f"net.Routes of one -> {RUNS}",
    "ecs:RegisterTaskDefinition": f"app.Task of one -> {RUNS}",
    "ecs:UpdateService": f"app.Backend of one -> {RUNS}",
    "elasticloadbalancing:CreateListener": f"net.Listener of one -> {RUNS}",
    "elasticloadbalancing:CreateRule": f"net.Listener of one -> {RUNS}",
    "elasticloadbalancing:RegisterTargets": f"net.Listener of one -> {RUNS}",
    "kms:CreateGrant": f"data.Key of one -> {DATA}",
    "kms:PutKeyPolicy": f"data.Key of one -> {DATA}",
    "kms:ScheduleKeyDeletion": f"data.Key of one -> {DATA}",
    "logs:CreateExportTask": f"data.Logs of one -> {DATA}",
    "logs:DeleteLogGroup": f"data.Logs of one -> {DATA}",
    "logs:FilterLogEvents": f"data.Logs of one -> {DATA}",
    "logs:GetLogEvents": f"data.Logs of one -> {DATA}",
    "logs:UpdateLogDelivery": f"data.Logs of one -> {RUNS}",  # its end shows nobody what is in them
    "route53:ChangeResourceRecordSets": "edge.Name of one -> the domain of one",
    "s3:DeleteObject": f"data.Files of one -> {DATA}",
    "s3:GetObject": f"data.Files of one -> {DATA}",
    "s3:GetObjectVersion": f"data.Files of one -> {DATA}",
    "s3:PutBucketPolicy": f"data.Files of one -> {DATA}",
    "secretsmanager:BatchGetSecretValue": f"data.Secret of one -> {DATA}",
    "secretsmanager:GetSecretValue": f"data.Secret of one -> {DATA}",
    "secretsmanager:PutResourcePolicy": f"data.Secret of one -> {DATA}",
    "secretsmanager:PutSecretValue": f"data.Secret of one -> {DATA}",
    "ssm:PutParameter": f"app.Level of one -> {RUNS}",
}
# What a right opens beside that, or instead.
PROJECT, MACHINE = "build.Build of one", "watch.Watch of one"
OWN_BUILDSPEC = f"{PROJECT}, with a buildspec of one's own -> build.Role of one"
OWN_COMMANDS = f"{PROJECT}, with commands of one's own -> build.Role of one"
STEPS: dict[str, list[str]] = {
    **{name: [f"{name} on {what}"] for name, what in ASSETS.items()},
    **{
        f"codebuild:{name}": [f"codebuild:{name} on {PROJECT} -> {RUNS}", f"codebuild:{name} on {OWN_BUILDSPEC}"]
        for name in ("StartBuild", "StartBuildBatch", "UpdateProject")
    },
    **{
        f"codebuild:{name}": [f"codebuild:{name} on {PROJECT} -> {RUNS}", f"codebuild:{name} on {OWN_COMMANDS}"]
        for name in ("StartSandbox", "StartSandboxConnection")
    },
    **{
        f"cloudformation:{name}": [f"cloudformation:{name} on a stack of one -> {RUNS}"]
        for name in ("ContinueUpdateRollback", "DeleteStack", "ExecuteChangeSet", "RollbackStack")
    },
    **{
        f"cloudformation:{name}": [f"cloudformation:{name} on a stack of one -> access.Execution of one"]
        for name in ("CreateChangeSet", "UpdateStack")
    },
    "codepipeline:OverrideStageCondition": [
        f"codepipeline:OverrideStageCondition on pipe.Pipeline of one -> {RUNS}",
        f"codepipeline:OverrideStageCondition on pipe.Pipeline of one, Approve -> {APPROVED}",
    ],
    "codepipeline:PutApprovalResult": [
        f"codepipeline:PutApprovalResult on pipe.Pipeline of one, Approve/Ask -> {APPROVED}"
    ],
    "codepipeline:UpdatePipeline": [
        "codepipeline:UpdatePipeline on pipe.Pipeline of one -> pipe.Role of one",
        f"codepipeline:UpdatePipeline on pipe.Pipeline of one -> {RUNS}",
        f"codepipeline:UpdatePipeline without the approval -> {APPROVED}",
    ],
    "ecr:PutImage": [
        f"ecr:PutImage on app.Images of one -> {RUNS}",
        "ecr:PutImage to app.Images of one -> app.Instance of one",
        "ecr:PutImage to app.Images of one -> app.Task of one",
    ],
    "ecs:ExecuteCommand": [
        "ecs:ExecuteCommand in app.Backend of one -> app.Instance of one",
        "ecs:ExecuteCommand in app.Backend of one -> app.Task of one",
        f"ecs:ExecuteCommand on app.Task of one -> {RUNS}",
    ],
    "s3:PutObject": [
        f"s3:PutObject on data.Files of one -> {DATA}",
        "s3:PutObject to s3:artifacts/shop/Source/any -> artifact Source of one",
    ],
    "states:UpdateStateMachine": [
        f"states:UpdateStateMachine on {MACHINE} -> watch.Role of one",
        f"states:UpdateStateMachine on {MACHINE} -> {RUNS}",
    ],
    # Users, and the policies of whatever role there is.
    **{
        f"iam:{name}": [f"iam:{name} on iam:role/any -> {ADMINISTRATOR}"]
        for name in (
            "AddUserToGroup",
            "AttachGroupPolicy",
            "AttachUserPolicy",
            "CreateAccessKey",
            "CreateLoginProfile",
            "CreateUser",
            "PutGroupPolicy",
            "PutUserPolicy",
            "UpdateLoginProfile",
        )
    },
    **{
        f"iam:{name}": [f"iam:{name}, which frees people -> {APPROVED}"]
        for name in ("DetachGroupPolicy", "DetachUserPolicy", "RemoveUserFromGroup")
    },
    **{
        f"iam:{name}": [f"iam:{name} on app.Task of one -> {ADMINISTRATOR}"]
        for name in ("AttachRolePolicy", "PutRolePolicy")
    },
    "iam:UpdateAssumeRolePolicy": sorted(
        f"iam:UpdateAssumeRolePolicy on {address} of one -> {address} of one" for address in ROLES
    ),
}
HARMLESS = (
    "cloudformation:TagResource cloudfront:CreateInvalidation cloudwatch:PutMetricData codebuild:BatchPutCodeCoverages"
    " codebuild:BatchPutTestCases codebuild:CreateReport codebuild:UpdateReport codecommit:CancelUploadArchive"
    " codecommit:UploadArchive ecr:CompleteLayerUpload ecr:DeleteSigningConfiguration ecr:InitiateLayerUpload"
    " ecr:PutSigningConfiguration ecr:UploadLayerPart kms:EnableKeyRotation logs:PutLogEvents"
    # What makes something new, or needs a role that is passed, too.
    " cloudformation:CreateStack codebuild:CreateProject codepipeline:CreatePipeline ec2:CreateVpc ec2:RunInstances"
    " ec2:AllocateAddress ecs:RunTask lambda:CreateFunction lambda:UpdateFunctionConfiguration logs:CreateLogDelivery"
    " states:CreateStateMachine iam:PassRole iam:CreateRole"
    # What reads no data, and keys without what they open.
    " dynamodb:DescribeTable dynamodb:ListTables logs:DescribeLogStreams s3:ListBucket s3:GetBucketPolicy"
    " secretsmanager:DescribeSecret ssm:GetParameter ecs:DescribeTasks route53:ListResourceRecordSets"
    " codebuild:BatchGetBuilds ec2:SearchLocalGatewayRoutes kms:Decrypt kms:Encrypt"
    " kms:GenerateDataKey kms:ReEncryptFrom"
    # Tags: what they would open is a step of its own.
    " dynamodb:TagResource dynamodb:UntagResource ec2:CreateTags ec2:DeleteTags s3:PutBucketTagging"
    " elasticloadbalancing:AddTags ssm:AddTagsToResource sts:AssumeRole"
)


@pytest.mark.parametrize("right", STEPS)
def test_what_one_right_opens(right: str) -> None:
    assert opened(SMALL, allow(right)) == sorted(STEPS[right])


@pytest.mark.parametrize("right", HARMLESS.split())
def test_what_opens_nothing_by_itself(right: str) -> None:
    assert opened(SMALL, allow(right)) == []


PASSED = {
    "access.Execution": ("cloudformation", ("CreateStack", "CreateChangeSet", "UpdateStack"), "cloudformation"),
    "build.Role": ("codebuild", ("CreateProject", "UpdateProject", "StartBuild", "StartBuildBatch"), "codebuild"),
    "pipe.Role": ("codepipeline", ("CreatePipeline", "UpdatePipeline"), "codepipeline"),
    "app.Instance": (
        "ec2",
        ("AssociateIamInstanceProfile", "ReplaceIamInstanceProfileAssociation", "RunInstances"),
        "ec2",
    ),
    "app.Task": ("ecs", ("RegisterTaskDefinition", "RunTask", "StartTask"), "ecs-tasks"),
    "app.Service": ("elasticbeanstalk", ("CreateEnvironment", "UpdateEnvironment"), "elasticbeanstalk"),
    "job.Function": ("lambda", ("CreateFunction", "UpdateFunctionConfiguration"), "lambda"),
    "watch.Role": ("states", ("CreateStateMachine", "UpdateStateMachine"), "states"),
}


@pytest.mark.parametrize(
    ("address", "service", "right"),
    [(each, service, f"{prefix}:{name}") for each, (prefix, names, service) in PASSED.items() for name in names],
)
def test_a_role_that_may_be_passed_is_that_of_whoever_may_start_something_with_it(
    address: str, service: str, right: str
) -> None:
    """To the service that the role is for, and only together with the right to start."""
    step = f"iam:PassRole to {service}.amazonaws.com, and {right} -> {address} of one"
    only = (Condition("StringEquals", "iam:PassedToService", (f"{service}.amazonaws.com",)),)
    assert step in opened(SMALL, allow("iam:PassRole", right))
    assert step in opened(SMALL, allow("iam:PassRole", conditions=only), allow(right, sid="Start"))
    other = (Condition("StringEquals", "iam:PassedToService", ("other.amazonaws.com",)),)
    assert step not in opened(SMALL, allow("iam:PassRole", conditions=other), allow(right, sid="Start"))


def test_instances_of_beanstalk_have_a_role_that_is_passed_to_ec2() -> None:
    for right in ("elasticbeanstalk:CreateEnvironment", "elasticbeanstalk:UpdateEnvironment"):
        step = f"iam:PassRole to ec2.amazonaws.com, and {right} -> app.Instance of one"
        assert step in opened(SMALL, allow("iam:PassRole", right))


@pytest.mark.parametrize("on", ["cluster/shop", "task/shop/*"])
def test_a_shell_is_asked_of_the_cluster_or_of_its_tasks(on: str) -> None:
    step = "ecs:ExecuteCommand in app.Backend of one -> app.Task of one"
    assert step in opened(SMALL, allow("ecs:ExecuteCommand", resources=(arn("ecs", on),)))
    assert opened(SMALL, allow("ecs:ExecuteCommand", resources=(arn("ecs", on.replace("shop", "other")),))) == []


def test_a_resource_is_reached_by_one_of_its_parts() -> None:
    """Two statements on a bucket and on what is in it are one way to its data, and are told as one."""
    statements = (
        allow("s3:DeleteObject", sid="Bucket", resources=("arn:aws:s3:::files",)),
        allow("s3:DeleteObject", sid="Objects", resources=("arn:aws:s3:::files/*",)),
    )
    assert opened(SMALL, *statements) == [f"s3:DeleteObject on data.Files of one -> {DATA}"]
    assert opened(SMALL, statements[1]) == [f"s3:DeleteObject on data.Files of one, any -> {DATA}"]


BOUND = role("app.Bound", "x.amazonaws.com", PermissionsBoundary=OUR_POLICY)
POLICY = resource("edge.Boundary", "AWS::IAM::ManagedPolicy", OUR_POLICY, policy=(allow("s3:*"),))
WITHIN = "a role of one's own within edge.Boundary of one"
BOUNDED = account(BOUND, more=(POLICY,))
ONLY_BOUND = (Condition("StringEquals", BOUNDARY, (OUR_POLICY,)),)
NEW_ROLE = f"iam:CreateRole and iam:PutRolePolicy on iam:role/any -> {ADMINISTRATOR}"


@pytest.mark.parametrize(
    ("statements", "steps"),
    [
        # A new role.
        ([allow("iam:CreateRole", "iam:PutRolePolicy", conditions=())], [NEW_ROLE]),
        ([allow("iam:CreateRole", "iam:AttachRolePolicy")], [NEW_ROLE.replace("Put", "Attach")]),
        ([allow("iam:CreateRole")], []),
        (
            [allow("iam:CreateRole", "iam:PutRolePolicy", conditions=ONLY_BOUND)],
            [NEW_ROLE.replace(ADMINISTRATOR, WITHIN)],
        ),
    ],
)
def test_a_new_role_is_as_mighty_as_its_boundary_lets_it_be(statements: list[Permission], steps: list[str]) -> None:
    assert [step for step in opened(BOUNDED, *statements) if "CreateRole" in step] == steps


@pytest.mark.parametrize(
    ("statements", "steps"),
    [
        ([allow("iam:PutRolePolicy")], [f"iam:PutRolePolicy on app.Bound of one -> {WITHIN}"]),
        ([allow("iam:AttachRolePolicy")], [f"iam:AttachRolePolicy on app.Bound of one -> {WITHIN}"]),
        (
            [allow("iam:AttachRolePolicy", conditions=(Condition("ArnEquals", "iam:PolicyARN", (OUR_POLICY,)),))],
            [],  # a policy that is known is another thing than any policy
        ),
        (
            [allow("iam:DeleteRolePermissionsBoundary")],
            ["iam:DeleteRolePermissionsBoundary on app.Bound of one -> app.Bound of one"],
        ),
        (
            [allow("iam:PutRolePermissionsBoundary")],
            ["iam:PutRolePermissionsBoundary on app.Bound of one -> app.Bound of one"],
        ),
        ([allow("iam:PutRolePermissionsBoundary", conditions=ONLY_BOUND)], []),
        (
            [allow("iam:DeleteRolePermissionsBoundary"), allow("iam:PutRolePolicy", sid="Grant")],
            [
                "iam:DeleteRolePermissionsBoundary on app.Bound of one -> app.Bound of one",
                f"iam:PutRolePolicy on app.Bound of one -> {ADMINISTRATOR}",
            ],
        ),
        ([allow("iam:CreatePolicyVersion")], [f"iam:CreatePolicyVersion on edge.Boundary of one -> {ADMINISTRATOR}"]),
        (
            [allow("iam:SetDefaultPolicyVersion")],
            [f"iam:SetDefaultPolicyVersion on edge.Boundary of one -> {ADMINISTRATOR}"],
        ),
    ],
)
def test_a_role_with_a_boundary_stays_within_it_unless_the_boundary_may_be_changed(
    statements: list[Permission], steps: list[str]
) -> None:
    assert opened(BOUNDED, *statements) == steps


def test_whoever_writes_a_policy_is_whoever_has_it() -> None:
    attached = resource("app.Policy", "AWS::IAM::ManagedPolicy", arn("iam", "policy/app.Policy", ""))
    free = role("app.Free", "x.amazonaws.com", ManagedPolicyArns=[attached.arn])
    bound = role("app.Bound", "x.amazonaws.com", PermissionsBoundary=OUR_POLICY, ManagedPolicyArns=[attached.arn])
    write = allow("iam:CreatePolicyVersion", resources=(attached.arn,))
    step = "iam:CreatePolicyVersion on app.Policy of one -> "
    assert opened(account(free, more=(attached,)), write) == [f"{step}{ADMINISTRATOR}"]
    assert opened(account(bound, more=(attached, POLICY)), write) == [f"{step}app.Bound of one"]
    assert opened(account(role("app.Other", "x"), more=(attached,)), write) == []


def test_a_boundary_that_roles_have_is_somebody_who_fills_it_out() -> None:
    [somebody] = Steps(BOUNDED).boundaries()
    everything = Permission("edge.Boundary", "identity", "", "", "Allow", actions=("*",), resources=("*",))
    name = arn("iam", "role/edge.Boundary", "")
    assert somebody == Principal(
        WITHIN, "one", "edge.Boundary", name, (everything,), (), boundary=POLICY.policy, boundary_arn=OUR_POLICY
    )
    files = RESOURCES[10]
    assert Rights(BOUNDED, somebody).may("s3:GetObject", "arn:aws:s3:::files/any", files)
    assert not Rights(BOUNDED, somebody).may("dynamodb:GetItem", arn("dynamodb", "table/orders"), RESOURCES[6])
    assert list(Steps(account(more=(POLICY,))).boundaries()) == [], "nobody has it"


def test_what_the_policy_of_a_resource_gives_to_everybody_is_a_step_of_everybody() -> None:
    def bucket(*principals: str, effect: str = "Allow", kind: str = "resource") -> Account:
        everybody = Permission(
            "site.Policy", kind, "", "Open", effect, principals, ("s3:GetObject",), resources=("arn:aws:s3:::open/*",)
        )
        arns = ("arn:aws:s3:::open", "arn:aws:s3:::open/any")
        return account(more=(resource("site.Open", "AWS::S3::Bucket", *arns, policy=(everybody,)),))

    step = ["s3:GetObject on site.Open of one, any -> data of one"]
    mallory = f"AWS:{arn('iam', 'role/mallory', '')}"
    for principal in ("*", "AWS:*", mallory):
        assert opened(bucket(principal)) == step, principal
    assert opened(bucket("AWS:somebody-else")) == opened(bucket("*", effect="Deny")) == []
    assert opened(bucket("*", kind="endpoint")) == []


def test_a_statement_that_opens_nothing_hides_no_other() -> None:
    def statement(sid: str, effect: str) -> Permission:
        return Permission("site.Policy", "resource", "", sid, effect, ("*",), ("s3:GetObject",), resources=(names[1],))

    names = ("arn:aws:s3:::open", "arn:aws:s3:::open/any")
    key = replace(statement("Key", "Allow"), kind="key")
    foreign = replace(statement("Foreign", "Allow"), principals=("AWS:somebody-else",))
    other = replace(statement("Other", "Deny"), actions=("s3:PutObject",))
    policy = (key, foreign, other, statement("Open", "Allow"))
    place = account(more=(resource("site.Open", "AWS::S3::Bucket", *names, policy=policy),))
    assert opened(place) == ["s3:GetObject on site.Open of one, any -> data of one"]


# What opens something, and is asked for only where a statement names it: roles that may do `*` may do the others, too.
ONLY_NAMED = (
    "ec2:CreateRoute elasticloadbalancing:CreateListener elasticloadbalancing:CreateRule"
    " elasticloadbalancing:RegisterTargets kms:CreateGrant logs:CreateExportTask logs:DeleteLogGroup"
    " logs:UpdateLogDelivery route53:ChangeResourceRecordSets"
)
# What opens something together with another right.
TOGETHER = (
    "cloudformation:CreateStack codebuild:CreateProject codepipeline:CreatePipeline ec2:AssociateIamInstanceProfile"
    " ec2:ReplaceIamInstanceProfileAssociation ec2:RunInstances ecs:RunTask ecs:StartTask"
    " elasticbeanstalk:CreateEnvironment elasticbeanstalk:UpdateEnvironment iam:CreatePolicyVersion iam:CreateRole"
    " iam:DeleteRolePermissionsBoundary iam:PassRole iam:PutRolePermissionsBoundary iam:SetDefaultPolicyVersion"
    " lambda:CreateFunction lambda:UpdateFunctionConfiguration states:CreateStateMachine sts:AssumeRole"
)


def test_what_opens_something_is_asked_of_whoever_may_do_everything() -> None:
    """A pattern names no action: without these a role that may do `*` would seem to open nothing."""
    assert {*Steps(SMALL).actions} == ({*STEPS} - {*ONLY_NAMED.split()}) | {*TOGETHER.split()}
    assert {*ONLY_NAMED.split()} < {*STEPS}


def test_every_action_that_a_statement_names_is_asked_for_and_no_pattern() -> None:
    somebody, body = role("app.Role", "x.amazonaws.com")
    statement = Permission("app.Role", "identity", "", "S", "Allow", actions=("ec2:DeleteVpc", "s3:*", "s3:Get?bject"))
    but = Permission("t.B", "resource", "", "S", "Deny", ("*",), not_actions=("sqs:SendMessage", "sqs:*"))
    bucket = resource("t.B", "AWS::S3::Bucket", "arn:aws:s3:::b", policy=(but,))
    place = account((replace(somebody, identity=(statement,)), body), more=(bucket,))
    more = set(Steps(place).actions) - set(Steps(account()).actions)
    assert more == {"ec2:DeleteVpc", "sqs:SendMessage"}


def test_a_role_becomes_every_other_one_that_lets_it_in_and_not_itself() -> None:
    trusted = Permission("t", "trust", "", "Trust", "Allow", (f"AWS:arn:aws:iam::{NUMBER}:root",), ("sts:AssumeRole",))
    names = ("app.First", "app.Middle", "app.Last")
    roles = [(replace(role(name)[0], trust=(trusted,)), role(name)[1]) for name in names]
    middle = replace(roles[1][0], identity=(allow("sts:AssumeRole"),))
    place = account(roles[0], (middle, roles[1][1]), roles[2])
    steps = [step.target for step in Steps(place).of(middle).values() if step.how == "sts:AssumeRole"]
    assert steps == ["app.First of one", "app.Last of one"]
