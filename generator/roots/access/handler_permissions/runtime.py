"""Deploying the backend on ECS, and what scales it."""

from __future__ import annotations

from awacs.aws import StringEquals
from troposphere import Sub

from generator.core import arns, ports
from generator.roots.access.handler_permissions.types import (
    UNUSED,
    Kind,
    Kinds,
    May,
    Places,
    do,
    every,
    everywhere,
    never,
)


def linked(service: str, what: str = "Linked", why: str = "") -> May:
    """The service-linked role, which a service that is used for the first time makes with the caller's rights (IAM
    user guide, using-service-linked-roles)."""
    role = Sub(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/aws-service-role/{service}/*")
    when = (StringEquals({"iam:AWSServiceName": service}),)
    return May(do("iam", "CreateServiceLinkedRole"), [role], what, when, why)


def kinds(at: Places) -> Kinds:
    """Cluster, service, task definition, autoscaling."""
    cluster, name = at.names[ports.CLUSTER_NAME], at.names[ports.SERVICE_NAME]
    service = arns.ecs_service(cluster, name)
    deployments = arns.arn("ecs", "service-deployment/${Cluster}/${Name}/*", Cluster=cluster, Name=name)
    # Application Auto Scaling user guide, target-tracking-scaling-policy-overview: the names of its alarms.
    alarms = arns.arn("cloudwatch", "alarm:TargetTracking-service/${Cluster}/${Name}-*", Cluster=cluster, Name=name)
    family = arns.ecs_task_definition(name)
    return {
        "AWS::ECS::Cluster": Kind(
            (
                May(
                    do(
                        "ecs",
                        "CreateCluster DeleteCluster DescribeClusters ListTagsForResource PutClusterCapacityProviders"
                        " TagResource UntagResource UpdateCluster UpdateClusterSettings",
                    ),
                    [arns.ecs_cluster(cluster)],
                ),
                linked("ecs.amazonaws.com"),
            ),
            never(UNUSED, "ecs:PutAccountSetting ecs:PutAccountSettingDefault kms:DescribeKey"),
        ),
        "AWS::ECS::Service": Kind(
            (
                May(
                    do(
                        "ecs",
                        "CreateService DeleteService DescribeServiceDeployments DescribeServices"
                        " ListServiceDeployments ListTagsForResource StopServiceDeployment TagResource UntagResource"
                        " UpdateService",
                    ),
                    [service, deployments],
                ),
            )
        ),
        "AWS::ECS::TaskDefinition": Kind(
            (
                May(do("ecs", "ListTagsForResource RegisterTaskDefinition TagResource UntagResource"), [family]),
                May(do("ecs", "DeregisterTaskDefinition DescribeTaskDefinition"), everywhere("ECS"), "Read"),
            )
        ),
        "AWS::ApplicationAutoScaling::ScalableTarget": Kind(
            (
                May(
                    do(
                        "application-autoscaling",
                        "DeregisterScalableTarget ListTagsForResource RegisterScalableTarget TagResource UntagResource",
                    ),
                    every("application-autoscaling", "scalable-target"),
                ),
                May(
                    do("application-autoscaling", "DescribeScalableTargets DescribeScheduledActions"),
                    everywhere("Application Auto Scaling"),
                    "Read",
                ),
                linked("ecs.application-autoscaling.amazonaws.com"),
                May(do("cloudwatch", "DeleteAlarms DescribeAlarms PutMetricAlarm"), [alarms], "Alarms"),
            ),
            never(
                UNUSED,
                "application-autoscaling:DeleteScheduledAction application-autoscaling:PutScheduledAction"
                " lambda:DeleteProvisionedConcurrencyConfig lambda:GetProvisionedConcurrencyConfig"
                " lambda:PutProvisionedConcurrencyConfig",
            ),
        ),
        "AWS::ApplicationAutoScaling::ScalingPolicy": Kind(
            (
                May(
                    do("application-autoscaling", "DeleteScalingPolicy PutScalingPolicy"),
                    every("application-autoscaling", "scalable-target"),
                ),
                May(
                    do("application-autoscaling", "DescribeScalingPolicies"),
                    everywhere("Application Auto Scaling"),
                    "Read",
                ),
                May(do("cloudwatch", "GetMetricData"), everywhere("CloudWatch"), "Metrics"),
            )
        ),
    }
