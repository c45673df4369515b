"""Every kind of disagreement between roles and needs, each put into a copy of our own rendered templates."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.role_needs import (
    APPLICATION,
    APPLICATIONS,
    ROLES,
    TEMPLATES,
    Bodies,
    allows,
    buildspec,
    configured,
    decided,
    drop,
    gaps,
    grant,
    moved,
    place,
    provider,
    put,
    rule,
    starred,
    unused_role,
)

ELSEWHERE = "arn:aws:s3:::elsewhere/*"
VIA = {"StringEquals": {"kms:ViaService": "sqs.${AWS::Region}.amazonaws.com"}}
ACCOUNT_ROOT = "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"
TRUSTED, EC2 = (("AssumeRolePolicyDocument", "Statement", 0, "Principal"), {"Service": "ec2.amazonaws.com"})
TO_EC2 = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
PROJECT = "arn:${AWS::Partition}:codebuild:${AWS::Region}:${AWS::AccountId}:project/${BackendBuild}"
CONFIGURATION, CONTAINER = (("Stages", 0, "Actions", 0, "Configuration"), ("ContainerDefinitions", 0))
VARIABLE = ("Environment", "EnvironmentVariables", 0, "Type")
PIPELINE, VERIFY, BACKEND = ("pipeline.PipelineRole", "build.VerifyRole", "build.BackendBuildRole")
PAGE = "build.VerifyFrontendRole"


@pytest.mark.parametrize(
    ("mutate", "where", "message"),
    [
        # without a row
        (buildspec("build.Publish", "aws sqs send-message --queue-url x"), "build.Publish", "a aws sqs send-message,"),
        (buildspec("build.Verify", "docker pull x"), "build.Verify", "a docker pull,"),
        (buildspec("build.Raise", "aws --debug ecs list-tasks"), "build.Raise", "command that cannot be read"),
        (provider("CodeBuild", "Jenkins"), "pipeline.Pipeline", "Deploy_Frontend/Publish has a action Jenkins"),
        (rule, "pipeline.Pipeline", "a rule DeploymentWindow"),
        (configured("ECS", "ServiceName", "other"), "pipeline.Pipeline", "a service other, which no template makes"),
        (
            put("pipeline.StartRule", "Targets", 0, "Arn", value="arn:aws:sqs:x:1:q"),
            "pipeline.StartRule",
            "a target sqs",
        ),
        (put("build.Verify", "VpcConfig", value={"VpcId": "x"}), "build.Verify", "build with VpcConfig"),
        (put("build.Verify", "LogsConfig", value={}), "build.Verify", "build log without GroupName"),
        (put("build.Verify", "Source", "BuildSpec", value="verify.yml"), "build.Verify", "not in the template"),
        (put("build.Verify", *VARIABLE, value="SECRETS_MANAGER"), "build.Verify", "of type SECRETS_MANAGER"),
        (put("backend.Service", "EnableExecuteCommand", value=True), "backend.Service", "EnableExecuteCommand"),
        (
            put("backend.Task", *CONTAINER, "LogConfiguration", "LogDriver", value="splunk"),
            "backend.Task",
            "task log splunk",
        ),
        (
            put("backend.Task", *CONTAINER, "Secrets", 0, "ValueFrom", value="x"),
            "backend.Task",
            "value of ENVIRONMENT from x",
        ),
        (
            put("pipeline.Pipeline", *CONFIGURATION, "OutputArtifactFormat", value="CODEBUILD_CLONE_REF"),
            "pipeline.Pipeline",
            "source as CODEBUILD_CLONE_REF",
        ),
        (
            put("pipeline.Pipeline", *CONFIGURATION, "BatchEnabled", value="true"),
            "pipeline.Pipeline",
            "action with BatchEnabled",
        ),
        (
            put("build.Verify", "ServiceRole", value="arn:aws:iam::1:role/x"),
            "build.Verify",
            "runs as arn:aws:iam::1:role/x",
        ),
        (
            put("pipeline.Pipeline", "ArtifactStore", value={}),
            "pipeline.Pipeline",
            "pipeline without one artifact store",
        ),
        (drop("backend.Task", "ExecutionRoleArn"), "backend.Task", "runs as no role"),
        (drop("pipeline.Pipeline", *CONFIGURATION), "pipeline.Pipeline", "action CodeCommit without RepositoryName"),
        # a command that a role may not make
        (buildspec("build.Publish", "aws ecs list-tasks"), "build.PublishRole", "lacks ecs:ListTasks on *"),
        # the action is there, on something else
        (grant(PIPELINE, "DeploySite", "Resource", [ELSEWHERE]), PIPELINE, "lacks s3:PutObject on"),
        (grant(PIPELINE, "DeploySite", "Resource", [ELSEWHERE]), PIPELINE, f"may do s3:PutObject on {ELSEWHERE}"),
        (
            grant(PIPELINE, "ReadRevision", "Resource", [{"Ref": "ServiceArn"}]),
            PIPELINE,
            "lacks ecs:DescribeTaskDefinition on *",
        ),
        (
            grant(PIPELINE, "RunVerification", "Resource", [{"Fn::Sub": PROJECT}]),
            PIPELINE,
            "lacks codebuild:StartBuild on",
        ),
        (
            grant(PIPELINE, "HandRolesToTasks", "Resource", [{"Ref": "TaskRoleArn"}]),
            PIPELINE,
            "lacks iam:PassRole on ${backend.ExecutionRole.Arn}",
        ),
        (
            grant("build.RaiseRole", "RaiseFromZero", "Resource", ["arn:aws:ecs:x:1:service/a/b"]),
            "build.RaiseRole",
            "lacks ecs:UpdateService on",
        ),
        (
            grant(PAGE, "SeeSite", "Resource", [{"Fn::Sub": "${ArtifactBucketArn}/cache/*"}]),
            PAGE,
            "lacks s3:GetObject on arn:${AWS::Partition}:s3:::${site.Site}/index.html",
        ),
        (
            grant(BACKEND, "WriteReports", "Resource", ["arn:aws:codebuild:x:1:report-group/y"]),
            BACKEND,
            "lacks codebuild:CreateReport on",
        ),
        # the action is there, on a condition that is not met
        (grant(PIPELINE, "UseArtifactKey", "Condition", VIA), PIPELINE, "lacks kms:Decrypt on"),
        (
            grant(PIPELINE, "TagRevision", "Condition", {"StringEquals": {"ecs:CreateAction": "RunTask"}}),
            PIPELINE,
            "lacks ecs:TagResource on",
        ),
        (
            grant(PIPELINE, "FindTasks", "Condition", {"ArnEquals": {"ecs:cluster": "arn:aws:ecs:x:1:cluster/y"}}),
            PIPELINE,
            "lacks ecs:ListTasks on *",
        ),
        (grant(PIPELINE, "HandRolesToTasks", "Condition", TO_EC2), PIPELINE, "lacks iam:PassRole on"),
        (moved, PIPELINE, "lacks s3:PutObject on"),
        # denied all the same
        (grant(PIPELINE, "ReadSource", "Effect", "Deny"), PIPELINE, "lacks codecommit:GetCommit on"),
        # trust, and roles that nothing uses
        (put(BACKEND, *TRUSTED, value=EC2), BACKEND, "lacks trust in codebuild.amazonaws.com"),
        (put(BACKEND, *TRUSTED, value=EC2), BACKEND, "trusts Service:ec2.amazonaws.com"),
        # the pipeline becomes the role of the deploy action, because that names it: the account alone is not enough
        (
            put("pipeline.DeployRole", *TRUSTED, value={"AWS": {"Fn::Sub": ACCOUNT_ROOT}}),
            "pipeline.DeployRole",
            "lacks trust in AWS:",
        ),
        (put(APPLICATION, *TRUSTED, value=EC2), APPLICATION, "trusts Service:ec2.amazonaws.com"),
        (unused_role, "network.FlowLogRole", "trusts Service:vpc-flow-logs.amazonaws.com"),
        (unused_role, "network.FlowLogRole", "may logs:PutLogEvents by WriteFlowLogs"),
        (starred, "pipeline.StartRole", "may * by StartPipeline, and nothing needs it"),
        # what is not read
        (
            put(VERIFY, "ManagedPolicyArns", value=["arn:aws:iam::aws:policy/ReadOnlyAccess"]),
            VERIFY,
            "has arn:aws:iam::aws:policy/ReadOnlyAccess in ManagedPolicyArns, and nothing needs it",
        ),
        (
            put("backend.ShiftRole", "ManagedPolicyArns", value=[]),
            "backend.ShiftRole",
            "lacks arn:${AWS::Partition}:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers",
        ),
    ],
)
def test_each_fault_is_named(mutate: Callable[[Bodies], None], where: str, message: str) -> None:
    result = [gap for gap in gaps(mutate) if gap.role == where and message in gap.message]
    assert result != []
    assert all(gap.source for gap in result)


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_superfluous_permissions_are_seen_behind_every_statement(effect: str) -> None:
    """A role may begin with a statement that denies; what the last one allows is looked at all the same."""

    def mutate(bodies: Bodies) -> None:
        statements = decided(place(bodies, BACKEND)["Policies"][0])["PolicyDocument"]["Statement"]
        statements.insert(0, {"Sid": "First", "Effect": effect, "Action": ["sqs:DeleteQueue"], "Resource": ["*"]})
        statements[-1]["Action"].append("sqs:SendMessage")

    messages = [gap.message for gap in gaps(mutate) if gap.role == BACKEND]
    assert any("may sqs:SendMessage by" in message for message in messages)
    assert any("may sqs:DeleteQueue by First" in message for message in messages) == (effect == "Allow")


# Which bucket the bundle of a version lies in, and which commit a record is of, is known when it is looked up: any
# statement may be the one.
AT_RUN_TIME = {
    ("build.VerifyRole", "s3:GetObject"),
    ("build.PushRole", "s3:GetObject"),
    ("build.PushRole", "s3:PutObject"),
}


def occurrences(number: int) -> list[tuple[str, int, str]]:
    """The occurrence of that number of every action of every role: role, number of the statement, action.

    Taken away together, and yet each by itself: an action that stands in several statements keeps the others.
    """
    result = []
    for role in ROLES:
        seen: dict[str, int] = {}
        for position, allow in enumerate(allows(TEMPLATES.bodies(), role)):
            for action in allow["Action"]:
                seen[action] = seen.get(action, 0) + 1
                if seen[action] == number and role not in APPLICATIONS and (role, action) not in AT_RUN_TIME:
                    result.append((role, position, action))
    return result


@pytest.mark.parametrize("number", range(1, 8))
def test_an_action_that_is_taken_away_is_named(number: int) -> None:
    taken = occurrences(number)

    def mutate(bodies: Bodies) -> None:
        for role, position, action in taken:
            allows(bodies, role)[position]["Action"].remove(action)

    named = {(gap.role, gap.action) for gap in gaps(mutate) if gap.message.startswith("lacks ") and gap.source}
    assert taken != []
    assert {(role, action) for role, _, action in taken} <= named


def test_no_action_stands_in_an_eighth_statement() -> None:
    assert occurrences(8) == []
