"""Deploying the backend on ECS, and what scales it."""

from __future__ import annotations

from awacs.aws import StringEquals
from troposphere import Sub

from generator.core import arns, ports
from generator.core.iam import Anything, unscoped
from generator.roots.access.handler_permissions.types import (
    UNUSED,
    Access,
    ResourceNames,
    TypePermissions,
    TypeTable,
    actions,
    any_of,
    excluded,
)

# Service Authorization Reference, Amazon CloudWatch: the only type of GetMetricData is `dataset`.
METRICS = Anything("metrics are no resources; the data sets that the reference names are not what scaling reads")


def linked(service: str, what: str = "Linked", why: str = "") -> Access:
    """The service-linked role, which a service that is used for the first time makes with the caller's rights (IAM
    user guide, using-service-linked-roles)."""
    role = Sub(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/aws-service-role/{service}/*")
    when = (StringEquals({"iam:AWSServiceName": service}),)
    return Access(actions("iam", "CreateServiceLinkedRole"), [role], what, when, why)


def kinds(at: ResourceNames) -> TypeTable:
    """Cluster, service, task definition, autoscaling."""
    cluster, name = at.names[ports.CLUSTER_NAME], at.names[ports.SERVICE_NAME]
    service = arns.ecs_service(cluster, name)
    deployments = arns.arn("ecs", "service-deployment/${Cluster}/${Name}/*", Cluster=cluster, Name=name)
    # Application Auto Scaling user guide, target-tracking-scaling-policy-overview: the names of its alarms.
    alarms = arns.arn("cloudwatch", "alarm:TargetTracking-service/${Cluster}/${Name}-*", Cluster=cluster, Name=name)
    family = arns.ecs_task_definition(name)
    return {
        "AWS::ECS::Cluster": TypePermissions(
            (
                Access(
                    actions(
                        "ecs",
                        "CreateCluster DeleteCluster DescribeClusters ListTagsForResource PutClusterCapacityProviders"
                        " TagResource UntagResource UpdateCluster UpdateClusterSettings",
                    ),
                    [arns.ecs_cluster(cluster)],
                ),
                linked("ecs.amazonaws.com"),
            ),
            excluded(UNUSED, "ecs:PutAccountSetting ecs:PutAccountSettingDefault kms:DescribeKey"),
        ),
        "AWS::ECS::Service": TypePermissions(
            (
                Access(
                    actions(
                        "ecs",
                        "CreateService DeleteService DescribeServiceDeployments DescribeServices"
                        " ListServiceDeployments ListTagsForResource StopServiceDeployment TagResource UntagResource"
                        " UpdateService",
                    ),
                    [service, deployments],
                ),
            )
        ),
        "AWS::ECS::TaskDefinition": TypePermissions(
            (
                Access(
                    actions("ecs", "ListTagsForResource RegisterTaskDefinition TagResource UntagResource"), [family]
                ),
                Access(actions("ecs", "DeregisterTaskDefinition DescribeTaskDefinition"), unscoped("ECS"), "Read"),
            )
        ),
        "AWS::ApplicationAutoScaling::ScalableTarget": TypePermissions(
            (
                Access(
                    actions(
                        "application-autoscaling",
                        "DeregisterScalableTarget ListTagsForResource RegisterScalableTarget TagResource UntagResource",
                    ),
                    any_of("application-autoscaling", "scalable-target"),
                ),
                Access(
                    actions("application-autoscaling", "DescribeScalableTargets DescribeScheduledActions"),
                    unscoped("Application Auto Scaling"),
                    "Read",
                ),
                linked("ecs.application-autoscaling.amazonaws.com"),
                Access(actions("cloudwatch", "DeleteAlarms DescribeAlarms PutMetricAlarm"), [alarms], "Alarms"),
            ),
            excluded(
                UNUSED,
                "application-autoscaling:DeleteScheduledAction application-autoscaling:PutScheduledAction"
                " lambda:DeleteProvisionedConcurrencyConfig lambda:GetProvisionedConcurrencyConfig"
                " lambda:PutProvisionedConcurrencyConfig",
            ),
        ),
        "AWS::ApplicationAutoScaling::ScalingPolicy": TypePermissions(
            (
                Access(
                    actions("application-autoscaling", "DeleteScalingPolicy PutScalingPolicy"),
                    any_of("application-autoscaling", "scalable-target"),
                ),
                Access(
                    actions("application-autoscaling", "DescribeScalingPolicies"),
                    unscoped("Application Auto Scaling"),
                    "Read",
                ),
                Access(actions("cloudwatch", "GetMetricData"), METRICS, "Metrics"),
            )
        ),
    }
