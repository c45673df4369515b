"""What the deploy role may do when things have gone wrong: find what survived, and explain what failed.

Sources: Service Authorization Reference of each service.
"""

from __future__ import annotations

from collections.abc import Mapping

from awacs import cloudformation as stacks
from awacs import dynamodb, ecr, ecs, kms, logs, secretsmanager
from awacs.aws import ArnEquals

from generator.core import arns, ports
from generator.core.arns import Text
from generator.core.iam import Anything, Grant, allow, unscoped
from generator.core.ports import Port
from generator.core.stack import Stack


def grants(stack: Stack, names: Mapping[Port, Text]) -> list[Grant]:
    """The statements. `names` are the physical names that the environment computes."""
    return [*_adopting(), *_explaining(stack, names)]


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
            unscoped(),
            "a surviving secret is known by its tags, and a deleted stack by its id alone",
        ),
    ]


def _explaining(stack: Stack, names: Mapping[Port, Text]) -> list[Grant]:
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
            unscoped("ECS"),
            "the task definition names the logs of its containers",
        ),
        allow(
            "ReadLastWords",
            [logs.GetLogEvents],
            [arns.arn("logs", f"log-group:{stack.project.name}-${{Environment}}-*:log-stream:*")],
            "a container that stops says why in its log; the groups of the environment are named after its stacks",
        ),
    ]
