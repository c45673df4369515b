"""What the deploy role may do: what the deploy script calls, on this environment's stacks, and nothing by itself.

Resources are made by the execution role, which the deploy role may hand to CloudFormation and to nobody else. The
environment's own access stack may be read and not changed: whoever deploys cannot widen what deploying may do.
tests/design/test_access.py walks the calls of `scripts/deployment/` and fails when one has no permission here.
Sources: Service Authorization Reference of each service; Amazon S3 API reference, CreateBucket, for the permission
that `ObjectOwnership` needs.
"""

from __future__ import annotations

from collections.abc import Mapping

from awacs import cloudformation as stacks
from awacs import (
    codecommit,
    codeconnections,
    codestar_connections,
    dynamodb,
    ec2,
    ecr,
    ecs,
    iam,
    kms,
    logs,
    s3,
    secretsmanager,
    ssm,
)
from awacs.aws import ArnEquals, StringEquals
from troposphere import Sub

from generator import arns, ports
from generator.arns import Text
from generator.iam import Anything, Grant, allow
from generator.ports import Port
from generator.project import Project
from generator.stack import Stack

READ = [
    stacks.DescribeChangeSet,
    stacks.DescribeStackEvents,
    stacks.DescribeStacks,
    stacks.GetTemplate,
    stacks.ListChangeSets,
    stacks.ListStackResources,
]
CHANGE = [
    stacks.CreateChangeSet,
    stacks.DeleteChangeSet,
    stacks.DeleteStack,
    stacks.ExecuteChangeSet,
    stacks.TagResource,
]
# What must stand in us-east-1, wherever the environment is: the root `edge`.
EDGE_REGION = "us-east-1"


def _stacks(project: Project) -> list[Text]:
    """The shared root, the environment's root with what it nests, and its edge root. A nested stack is called after
    its root, and so is another environment whose name begins with this one's and a dash: choose other names."""
    return [
        arns.arn("cloudformation", f"stack/{project.name}-shared/*"),
        arns.arn("cloudformation", f"stack/{project.name}-${{Environment}}/*"),
        arns.arn("cloudformation", f"stack/{project.name}-${{Environment}}-*-*/*"),
        Sub(
            f"arn:${{AWS::Partition}}:cloudformation:{EDGE_REGION}:${{AWS::AccountId}}:"
            f"stack/{project.name}-${{Environment}}-edge/*"
        ),
    ]


def grants(stack: Stack, names: Mapping[Port, Text], executor: Text) -> list[Grant]:
    """The statements of the role. `names` are the physical names that the environment computes, `executor` the ARN of
    the role that CloudFormation deploys with."""
    return [
        *_changing(stack, executor),
        *_packaging(stack.project),
        *_looking_up(stack),
        *_adopting(),
        *_explaining(stack.project, names),
    ]


def _changing(stack: Stack, executor: Text) -> list[Grant]:
    own = _stacks(stack.project)
    access = arns.arn("cloudformation", f"stack/{stack.project.name}-${{Environment}}-access/*")
    return [
        allow("ReadStacks", READ, [*own, access], "a deployment looks at what stands, is planned and happens"),
        allow("ChangeStacks", CHANGE, own, "stacks are changed by change sets, and an empty one is deleted again"),
        allow(
            "HandOver",
            [iam.PassRole],
            [executor],
            "CloudFormation makes the resources with the rights of the execution role",
            [StringEquals({"iam:PassedToService": "cloudformation.amazonaws.com"})],
        ),
    ]


def _packaging(project: Project) -> list[Grant]:
    buckets: list[Text] = [
        Sub(f"arn:${{AWS::Partition}}:s3:::{project.name}-templates-${{AWS::AccountId}}-{region}")
        for region in ("${AWS::Region}", EDGE_REGION)
    ]
    return [
        allow(
            "KeepTemplates",
            [
                s3.CreateBucket,
                s3.GetBucketPolicy,
                s3.ListBucket,
                s3.PutBucketOwnershipControls,
                s3.PutBucketPolicy,
                s3.PutBucketPublicAccessBlock,
                s3.PutBucketVersioning,
                s3.PutEncryptionConfiguration,
            ],
            buckets,
            "templates and deployment records lie in one bucket for each application, account and region",
        ),
        allow(
            "WriteTemplates",
            [s3.GetObject, s3.PutObject],
            [arns.objects(bucket) for bucket in buckets],
            "CloudFormation reads a template with the rights of whoever names its address",
        ),
    ]


def _looking_up(stack: Stack) -> list[Grant]:
    return [
        allow(
            "FindBranch",
            [codecommit.GetBranch],
            [arns.codecommit_repository(stack.takes(ports.REPOSITORY_NAME))],
            "an environment is refused while its branch does not exist",
        ),
        allow(
            "FindConnection",
            # The prefix of the action follows that of the ARN, which is the older one for older connections (F 2.1).
            [codeconnections.GetConnection, codestar_connections.GetConnection],
            [arns.arn("codeconnections", "connection/*"), arns.arn("codestar-connections", "connection/*")],
            "an environment is refused while nobody has completed its connection, whichever its parameter names",
        ),
        allow(
            "FindRelease",
            [ssm.GetParameter],
            [arns.ssm_parameter(Sub(f"/{stack.project.short}/release/${{{ports.ENVIRONMENT.name}}}/image"))],
            "an update of the backend keeps the image of the last good release",
        ),
        allow(
            "FindPrefixList",
            [ec2.DescribeManagedPrefixLists],
            Anything("ec2:DescribeManagedPrefixLists supports no resource-level permission"),
            "the load balancer's group names CloudFront's prefix list, whose id differs by region",
        ),
    ]


def _adopting() -> list[Grant]:
    """What an earlier environment left is found by names and tags. Nothing is read but what a thing is."""
    return [
        allow(
            "FindSurvivors",
            [dynamodb.DescribeTable, dynamodb.ListTagsOfResource, ecr.DescribeRepositories, ecr.ListTagsForResource],
            [arns.arn("dynamodb", "table/*"), arns.arn("ecr", "repository/*")],
            "an environment that is made again adopts tables and images; their names are in its file, or generated",
        ),
        allow(
            "FindSurvivingKeys",
            [kms.DescribeKey, secretsmanager.DescribeSecret],
            [arns.arn("kms", "key/*"), arns.arn("secretsmanager", "secret:*")],
            "a key or secret that is adopted has to live; which one it is, what survived says",
        ),
        allow(
            "ListSecretsAndStacks",
            [secretsmanager.ListSecrets, stacks.ListStacks],
            Anything("neither supports resource-level permissions"),
            "a surviving secret is known by its tags, and a deleted stack by its id alone",
        ),
    ]


def _explaining(project: Project, names: Mapping[Port, Text]) -> list[Grant]:
    """A service that does not become steady is explained by its tasks and their last words."""
    cluster, service = names[ports.CLUSTER_NAME], names[ports.SERVICE_NAME]
    return [
        allow(
            "ReadService",
            [ecs.DescribeServices, ecs.DescribeTasks],
            [arns.ecs_service(cluster, service), arns.ecs_task(cluster)],
            "a service that does not become steady is explained by its tasks",
        ),
        allow(
            "FindTasks",
            [ecs.ListTasks],
            Anything("on Fargate ecs:ListTasks names no resource; the condition names the cluster"),
            "a service that does not become steady is explained by its tasks",
            [ArnEquals({"ecs:cluster": arns.ecs_cluster(cluster)})],
        ),
        allow(
            "ReadRevision",
            [ecs.DescribeTaskDefinition],
            Anything("ecs:DescribeTaskDefinition supports no resource-level permission"),
            "the task definition names the logs of its containers",
        ),
        allow(
            "ReadLastWords",
            [logs.GetLogEvents],
            [arns.arn("logs", f"log-group:{project.name}-${{Environment}}-*:log-stream:*")],
            "a container that stops says why in its log; the groups of the environment are named after its stacks",
        ),
    ]
