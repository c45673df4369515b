"""What IAM is asked about each call that a role signs: action, resource and what the conditions of a policy may look
at; and where nothing is asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from generator.cfn.evaluate import Request
from scripts.local_aws.account import Account
from scripts.local_aws.roles import calls
from scripts.local_aws.wire import Call

HERE = "us-east-1:{account}"
Question = tuple[str, str, dict[str, str]]  # action, resource, and context beside the Region
# Each call whose resource is named: its parameters, as they come on the wire, and what is asked about.
NAMED: tuple[tuple[str, dict[str, Any], str, tuple[str, ...]], ...] = (
    ("acm.ListTagsForCertificate", {"CertificateArn": "arn:aws:acm:x"}, "acm", ("arn:aws:acm:x",)),
    (
        "application-autoscaling.RegisterScalableTarget",
        {},
        "application-autoscaling",
        (f"arn:aws:application-autoscaling:{HERE}:scalable-target/any",),
    ),
    (
        "codebuild.BatchGetBuilds",
        {"ids": ["one:1", "two:2"]},
        "codebuild",
        (f"arn:aws:codebuild:{HERE}:project/one", f"arn:aws:codebuild:{HERE}:project/two"),
    ),
    ("codebuild.BatchGetProjects", {"names": ["p"]}, "codebuild", (f"arn:aws:codebuild:{HERE}:project/p",)),
    ("codebuild.ListBuildsForProject", {"projectName": "p"}, "codebuild", (f"arn:aws:codebuild:{HERE}:project/p",)),
    *(
        (f"codecommit.{name}", {"repositoryName": "r"}, "codecommit", (f"arn:aws:codecommit:{HERE}:r",))
        for name in (
            "AssociateApprovalRuleTemplateWithRepository",
            "DisassociateApprovalRuleTemplateFromRepository",
            "GetBranch",
            "GetRepository",
            "ListAssociatedApprovalRuleTemplatesForRepository",
        )
    ),
    ("codeconnections.GetConnection", {"ConnectionArn": "arn:aws:c:1"}, "codeconnections", ("arn:aws:c:1",)),
    *(
        (f"codepipeline.{name}", {key: "p"}, "codepipeline", (f"arn:aws:codepipeline:{HERE}:p",))
        for name, key in (
            ("GetPipeline", "name"),
            ("GetPipelineExecution", "pipelineName"),
            ("GetPipelineState", "name"),
            ("ListActionExecutions", "pipelineName"),
            ("ListPipelineExecutions", "pipelineName"),
            ("StartPipelineExecution", "name"),
            ("StopPipelineExecution", "pipelineName"),
        )
    ),
    (
        "codepipeline.PutApprovalResult",
        {"pipelineName": "p", "stageName": "s", "actionName": "a"},
        "codepipeline",
        (f"arn:aws:codepipeline:{HERE}:p/s/a",),
    ),
    (
        "codepipeline.RollbackStage",
        {"pipelineName": "p", "stageName": "s"},
        "codepipeline",
        (f"arn:aws:codepipeline:{HERE}:p/s",),
    ),
    ("dynamodb.DescribeTable", {"TableName": "t"}, "dynamodb", (f"arn:aws:dynamodb:{HERE}:table/t",)),
    ("dynamodb.ListTagsOfResource", {"ResourceArn": "arn:aws:dynamodb:x"}, "dynamodb", ("arn:aws:dynamodb:x",)),
    ("ecr.DescribeRepositories", {"repositoryNames": ["r"]}, "ecr", (f"arn:aws:ecr:{HERE}:repository/r",)),
    ("ecr.DescribeRepositories", {}, "ecr", (f"arn:aws:ecr:{HERE}:repository/*",)),
    ("ecr.ListTagsForResource", {"resourceArn": "arn:aws:ecr:x"}, "ecr", ("arn:aws:ecr:x",)),
    (
        "elasticbeanstalk.DescribeEnvironments",
        {"EnvironmentNames.member.1": "none"},
        "elasticbeanstalk",
        (f"arn:aws:elasticbeanstalk:{HERE}:environment/any/none",),
    ),
    (
        "elasticbeanstalk.ListPlatformVersions",
        {},
        "elasticbeanstalk",
        ("arn:aws:elasticbeanstalk:us-east-1::platform/any",),
    ),
    ("events.DisableRule", {"Name": "r"}, "events", (f"arn:aws:events:{HERE}:rule/r",)),
    ("events.EnableRule", {"Name": "r"}, "events", (f"arn:aws:events:{HERE}:rule/r",)),
    ("iam.GetRole", {"RoleName": "none"}, "iam", ("arn:aws:iam::{account}:role/none",)),
    ("iam.ListEntitiesForPolicy", {"PolicyArn": "arn:aws:iam::1:policy/p"}, "iam", ("arn:aws:iam::1:policy/p",)),
    ("iam.SimulatePrincipalPolicy", {"PolicySourceArn": "arn:aws:iam::1:role/r"}, "iam", ("arn:aws:iam::1:role/r",)),
    ("kms.DescribeKey", {"KeyId": "k"}, "kms", (f"arn:aws:kms:{HERE}:key/k",)),
    ("kms.DescribeKey", {"KeyId": "arn:aws:kms:eu-west-1:1:key/k"}, "kms", ("arn:aws:kms:eu-west-1:1:key/k",)),
    (
        "logs.GetLogEvents",
        {"logGroupName": "g", "logStreamName": "s"},
        "logs",
        (f"arn:aws:logs:{HERE}:log-group:g:log-stream:s",),
    ),
    ("route53.GetHostedZone", {"path": "2013-04-01/hostedzone/Z1"}, "route53", ("arn:aws:route53:::hostedzone/Z1",)),
    (
        "sesv2.GetEmailIdentity",
        {"path": "v2/email/identities/a@example.com"},
        "ses",
        (f"arn:aws:ses:{HERE}:identity/a@example.com",),
    ),
    ("sns.ListSubscriptionsByTopic", {"TopicArn": "arn:aws:sns:x"}, "sns", ("arn:aws:sns:x",)),
    (
        "ssm.DeleteParameters",
        {"Names": ["/a", "/b"]},
        "ssm",
        (f"arn:aws:ssm:{HERE}:parameter/a", f"arn:aws:ssm:{HERE}:parameter/b"),
    ),
    ("ssm.GetParameter", {"Name": "/a"}, "ssm", (f"arn:aws:ssm:{HERE}:parameter/a",)),
    ("ssm.GetParametersByPath", {"Path": "/a"}, "ssm", (f"arn:aws:ssm:{HERE}:parameter/a",)),
    # Nothing of a name, or no form: asked about everything. IAM's name of the service is another than boto3's.
    ("elbv2.DescribeLoadBalancers", {}, "elasticloadbalancing", ("*",)),
    ("efs.DescribeFileSystems", {}, "elasticfilesystem", ("*",)),
    ("service-quotas.ListServices", {}, "servicequotas", ("*",)),
    ("stepfunctions.ListStateMachines", {}, "states", ("*",)),
    ("s3control.TagResource", {"path": "v20180820/tags/x"}, "s3", ("*",)),
    ("ecs.ListClusters", {}, "ecs", ("*",)),
)


def questions(account: Account, name: str, parameters: dict[str, Any]) -> list[Request]:
    service, _, operation = name.partition(".")
    return list(calls.requests(Call(service, operation, "us-east-1", "KEY"), parameters, account))


def iam_asks(account: Account, *expected: Question) -> list[Request]:
    """The same as IAM's questions, with the account filled in."""
    number, region = account.services.account, {"aws:RequestedRegion": "us-east-1"}
    return [
        Request(
            action,
            resource.replace("{account}", number),
            {**region, **{key: value.replace("{account}", number) for key, value in context.items()}},
        )
        for action, resource, context in expected
    ]


@pytest.mark.parametrize(("name", "parameters", "prefix", "resources"), NAMED, ids=[each[0] for each in NAMED])
def test_a_call_is_asked_about_what_it_names(
    account: Account, name: str, parameters: dict[str, Any], prefix: str, resources: tuple[str, ...]
) -> None:
    action = f"{prefix}:{name.partition('.')[2]}"
    assert questions(account, name, parameters) == iam_asks(account, *((action, each, {}) for each in resources))


def test_every_form_of_a_resource_is_tried() -> None:
    tried = {name for name, *_ in NAMED}
    assert calls.RESOURCES.keys() - tried == {
        "acm.DeleteCertificate", "ec2.DeleteSecurityGroup", "ecs.DescribeServices", "ecs.DescribeTasks",
        "ecs.UpdateService", "secretsmanager.DescribeSecret", "secretsmanager.PutSecretValue", "sts.AssumeRole",
    }  # fmt: skip


def test_who_somebody_is_asks_for_nothing(account: Account) -> None:
    assert questions(account, "sts.GetCallerIdentity", {}) == []


def test_a_role_of_another_account(account: Account) -> None:
    arn = "arn:aws:iam::999999999999:role/theirs"
    assert questions(account, "sts.AssumeRole", {"RoleArn": arn}) == iam_asks(
        account, ("sts:AssumeRole", arn, {"aws:ResourceAccount": "999999999999"})
    )


def test_a_role_has_its_path(account: Account) -> None:
    iam = account.services.client("iam")
    arn = iam.create_role(RoleName="deep", Path="/a/b/", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    assert arn.endswith(":role/a/b/deep")
    assert questions(account, "iam.GetRole", {"RoleName": "deep"}) == iam_asks(account, ("iam:GetRole", arn, {}))


def test_a_linked_role_is_asked_about_with_its_service(account: Account) -> None:
    assert questions(account, "iam.CreateServiceLinkedRole", {"AWSServiceName": "ecs.amazonaws.com"}) == iam_asks(
        account,
        (
            "iam:CreateServiceLinkedRole",
            "arn:aws:iam::{account}:role/aws-service-role/ecs.amazonaws.com/any",
            {"iam:AWSServiceName": "ecs.amazonaws.com"},
        ),
    )


CLUSTER = {"ecs:cluster": f"arn:aws:ecs:{HERE}:cluster/c"}


@pytest.mark.parametrize(
    ("name", "parameters", "resources", "context"),
    [
        (
            "ecs.DescribeServices",
            {"cluster": "c", "services": ["a", "arn:aws:ecs:x"]},
            [f"arn:aws:ecs:{HERE}:service/c/a", "arn:aws:ecs:x"],
            CLUSTER,
        ),
        ("ecs.UpdateService", {"cluster": "c", "service": "a"}, [f"arn:aws:ecs:{HERE}:service/c/a"], CLUSTER),
        (
            "ecs.DescribeTasks",
            {"cluster": "arn:aws:ecs:x:cluster/d", "tasks": ["arn:aws:ecs:x:task/d/1"]},
            ["arn:aws:ecs:x:task/d/1"],
            {"ecs:cluster": "arn:aws:ecs:x:cluster/d"},
        ),
        ("ecs.ListTasks", {"cluster": "c"}, ["*"], CLUSTER),
    ],
)
def test_a_call_to_ecs_is_asked_about_with_its_cluster(
    account: Account, name: str, parameters: dict[str, Any], resources: list[str], context: dict[str, str]
) -> None:
    action = name.replace(".", ":")
    assert questions(account, name, parameters) == iam_asks(account, *((action, each, context) for each in resources))


def test_an_environment_of_beanstalk_has_its_application(account: Account) -> None:
    beanstalk = account.services.client("elasticbeanstalk")
    beanstalk.create_application(ApplicationName="application")
    beanstalk.create_environment(ApplicationName="application", EnvironmentName="there")
    described = {"EnvironmentNames.member.1": "there"}
    assert questions(account, "elasticbeanstalk.DescribeEnvironments", described) == iam_asks(
        account,
        ("elasticbeanstalk:DescribeEnvironments", f"arn:aws:elasticbeanstalk:{HERE}:environment/application/there", {}),
    )


def test_what_is_deleted_is_asked_about_with_its_tags(account: Account) -> None:
    services, tags = account.services, {"aws:ResourceTag/Environment": "small"}
    tag = [{"Key": "Environment", "Value": "small"}]
    certificate = services.call("acm", "request_certificate", {"DomainName": "a.example", "Tags": tag})[
        "CertificateArn"
    ]
    specification = [{"ResourceType": "security-group", "Tags": tag}]
    group = services.call(
        "ec2", "create_security_group", {"GroupName": "g", "Description": "g", "TagSpecifications": specification}
    )["GroupId"]
    for number, name, named, resource in (
        (certificate, "acm.DeleteCertificate", "CertificateArn", certificate),
        (group, "ec2.DeleteSecurityGroup", "GroupId", f"arn:aws:ec2:{HERE}:security-group/{group}"),
    ):
        action = name.replace(".", ":")
        assert questions(account, name, {named: number}) == iam_asks(account, (action, resource, tags))
        missing = number[:-4] + "0000"
        assert questions(account, name, {named: missing}) == iam_asks(
            account, (action, resource.replace(number, missing), {})
        )


def test_a_secret_is_asked_about_with_its_tags_and_written_with_its_key(account: Account) -> None:
    services, tags = account.services, {"aws:ResourceTag/A": "1"}
    key = services.call("kms", "create_key", {"Tags": [{"TagKey": "Of", "TagValue": "secrets"}]})["KeyMetadata"]
    for name, more in (("plain", {}), ("sealed", {"KmsKeyId": key["Arn"]})):
        services.call("secretsmanager", "create_secret", {"Name": name, "Tags": [{"Key": "A", "Value": "1"}], **more})
    resource = f"arn:aws:secretsmanager:{HERE}:secret:"
    put, describe = "secretsmanager:PutSecretValue", "secretsmanager:DescribeSecret"
    named = {"SecretId": "sealed"}
    via = {"aws:ResourceTag/Of": "secrets", "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}
    assert questions(account, "secretsmanager.PutSecretValue", named) == iam_asks(
        account,
        (put, f"{resource}sealed", tags),
        ("kms:Decrypt", key["Arn"], via),
        ("kms:GenerateDataKey", key["Arn"], via),
    )
    assert questions(account, "secretsmanager.DescribeSecret", named) == iam_asks(
        account, (describe, f"{resource}sealed", tags)
    )
    assert questions(account, "secretsmanager.PutSecretValue", {"SecretId": "plain"}) == iam_asks(
        account, (put, f"{resource}plain", tags)
    )
    assert questions(account, "secretsmanager.PutSecretValue", {"SecretId": "none"}) == iam_asks(
        account, (put, f"{resource}none", {})
    )
    arn = services.call("secretsmanager", "describe_secret", {"SecretId": "plain"})["ARN"]
    assert questions(account, "secretsmanager.DescribeSecret", {"SecretId": arn}) == iam_asks(
        account, (describe, arn, tags)
    )


S3 = "arn:aws:s3:::bucket"


@pytest.mark.parametrize(
    ("operation", "path", "expected"),
    [
        ("GetObject", "bucket/a/b", [("s3:GetObject", f"{S3}/a/b")]),
        ("HeadObject", "bucket/a", [("s3:GetObject", f"{S3}/a")]),
        ("DeleteObject", "bucket/a", [("s3:DeleteObject", f"{S3}/a")]),
        ("DeleteObjects", "bucket", [("s3:DeleteObject", f"{S3}/*")]),
        ("HeadBucket", "bucket", [("s3:ListBucket", S3)]),
        ("ListObjects", "bucket", [("s3:ListBucket", S3)]),
        ("ListObjectsV2", "bucket/", [("s3:ListBucket", S3)]),
        ("ListObjectVersions", "bucket", [("s3:ListBucketVersions", S3)]),
        ("PutBucketEncryption", "bucket", [("s3:PutEncryptionConfiguration", S3)]),
        ("PutPublicAccessBlock", "bucket", [("s3:PutBucketPublicAccessBlock", S3)]),
        ("PutBucketVersioning", "bucket", [("s3:PutBucketVersioning", S3)]),
        ("ListBuckets", "", [("s3:ListAllMyBuckets", "*")]),
        ("CreateBucket", "bucket", [("s3:CreateBucket", S3), ("s3:PutBucketOwnershipControls", S3)]),
    ],
)
def test_a_call_to_s3_is_asked_about_by_its_path(
    account: Account, operation: str, path: str, expected: list[tuple[str, str]]
) -> None:
    parameters = {"path": path, "object-ownership": "BucketOwnerEnforced"}
    assert questions(account, f"s3.{operation}", parameters) == iam_asks(account, *((*each, {}) for each in expected))
    if operation == "CreateBucket":
        without = questions(account, f"s3.{operation}", {"path": path, "object-ownership": ""})
        assert without == iam_asks(account, ("s3:CreateBucket", S3, {}))


SET = "arn:aws:cloudformation:us-east-1:1:changeSet/c/1"
ROLE = "arn:aws:iam::1:role/cloudformation"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [("X", "*", {})]),
        ({"StackName": "none"}, [("X", f"arn:aws:cloudformation:{HERE}:stack/none/*", {})]),
        ({"StackName": "arn:aws:cloudformation:x"}, [("X", "arn:aws:cloudformation:x", {})]),
        ({"ChangeSetName": SET}, [("X", SET, {})]),
        ({"ChangeSetName": "by-name"}, [("X", "*", {})]),
        ({"ChangeSetName": SET, "StackName": "none"}, [("X", f"arn:aws:cloudformation:{HERE}:stack/none/*", {})]),
        (
            {"ChangeSetName": SET, "RoleARN": ROLE},
            [
                ("X", SET, {"cloudformation:RoleArn": ROLE}),
                ("iam:PassRole", ROLE, {"iam:PassedToService": "cloudformation.amazonaws.com"}),
            ],
        ),
        (
            {"ChangeSetName": SET, "Tags.member.1.Key": "A", "TemplateURL": "http://localhost/bucket/a/b.json"},
            [
                ("X", SET, {}),
                ("cloudformation:TagResource", SET, {"cloudformation:CreateAction": "CreateChangeSet"}),
                ("s3:GetObject", f"{S3}/a/b.json", {}),
            ],
        ),
    ],
)
def test_a_call_to_cloudformation_is_asked_about_by_stack_or_change_set(
    account: Account, parameters: dict[str, str], expected: list[Question]
) -> None:
    actions = [(action.replace("X", "cloudformation:CreateChangeSet"), *rest) for action, *rest in expected]
    assert questions(account, "cloudformation.CreateChangeSet", parameters) == iam_asks(account, *actions)  # type: ignore[arg-type]


def test_a_stack_that_exists_is_asked_about_by_its_id(account: Account) -> None:
    stack = account.new("there")
    for name in ("there", stack.id):
        assert questions(account, "cloudformation.DescribeStacks", {"StackName": name}) == iam_asks(
            account, ("cloudformation:DescribeStacks", stack.id, {})
        )


@pytest.mark.parametrize(
    ("environ", "body", "expected"),
    [
        ({"HTTP_X_AMZ_TARGET": "AmazonSSM.GetParameter"}, json.dumps({"Name": "/a"}), {"Name": "/a"}),
        ({"HTTP_X_AMZ_TARGET": "AmazonSSM.DescribeParameters"}, "", {}),
        ({}, "Action=A&Tags.member.1.Key=&B=%2F", {"Action": "A", "Tags.member.1.Key": "", "B": "/"}),
        ({"PATH_INFO": "/bucket/a b"}, "", {"path": "bucket/a b", "object-ownership": ""}),
        (
            {"PATH_INFO": "/x", "RAW_URI": "/bucket/a%20b?c", "HTTP_X_AMZ_OBJECT_OWNERSHIP": "ObjectWriter"},
            "",
            {"path": "bucket/a b", "object-ownership": "ObjectWriter"},
        ),
    ],
)
def test_the_parameters_of_a_call(environ: dict[str, str], body: str, expected: dict[str, Any]) -> None:
    assert calls.parameters(environ, body.encode()) == expected
