"""Deploying the backend on Elastic Beanstalk, which changes an environment with the rights of whoever asks: what makes
and deletes its instances, their groups and their rule at the load balancer is needed besides what the type's handlers
name. Source: AdministratorAccess-AWSElasticBeanstalk in the AWS Managed Policy Reference, of which this is the part
for one environment behind a shared load balancer.
"""

from __future__ import annotations

from awacs.aws import ArnLike, StringEquals, StringLike

from generator.core import arns, ports
from generator.core.iam import Anything, unscoped
from generator.roots.access.handler_permissions.runtime import linked
from generator.roots.access.handler_permissions.types import (
    UNUSED,
    Access,
    ResourceNames,
    TypePermissions,
    TypeTable,
    actions,
    any_of,
    excluded,
    tagged,
)


def kinds(at: ResourceNames) -> TypeTable:
    """Application and environment."""
    application, environment = (at.names[port] for port in (ports.APPLICATION_NAME, ports.BEANSTALK_NAME))
    bucket = arns.beanstalk_bucket()
    return {
        "AWS::ElasticBeanstalk::Application": TypePermissions(
            (
                Access(
                    actions(
                        "elasticbeanstalk",
                        "CreateApplication DeleteApplication DescribeApplications UpdateApplication"
                        " UpdateApplicationResourceLifecycle",
                    ),
                    [arns.beanstalk_application(application)],
                ),
                Access(
                    actions(
                        "s3",
                        "CreateBucket GetBucketLocation GetBucketPolicy ListBucket PutBucketOwnershipControls"
                        " PutBucketPolicy PutBucketPublicAccessBlock",
                    ),
                    [bucket],
                    "Bucket",
                ),
                Access(actions("s3", "GetObject PutObject"), [arns.objects(bucket)], "Bundles"),
                Access(
                    actions("s3", "GetObject"),
                    [arns.beanstalk_buckets()],
                    "Resources",
                    why="AWS keeps what environments start with in buckets of its own, and reads them as the caller",
                ),
            ),
            excluded(
                "AWS's policy for administrators of Elastic Beanstalk has it not either",
                "s3:PutBucketAcl s3:PutBucketObjectLockConfiguration s3:PutBucketVersioning",
            ),
        ),
        "AWS::ElasticBeanstalk::Environment": TypePermissions(
            (
                Access(
                    actions(
                        "elasticbeanstalk",
                        "AddTags CreateEnvironment DescribeConfigurationSettings DescribeEnvironments"
                        " ListTagsForResource RemoveTags TerminateEnvironment UpdateEnvironment",
                    ),
                    [
                        arns.beanstalk_application(application),
                        arns.beanstalk_environment(application, environment),
                        arns.beanstalk_platforms(),
                    ],
                ),
                *_instances(),
                *_balancing(),
                Access(
                    actions("logs", "CreateLogGroup DeleteLogGroup PutRetentionPolicy"),
                    [arns.beanstalk_logs(environment)],
                    "Logs",
                ),
                linked("elasticbeanstalk.amazonaws.com"),
                linked("autoscaling.amazonaws.com", "LinkedScaling", "Auto Scaling makes its role as it does itself"),
            ),
            excluded(
                UNUSED,
                "elasticbeanstalk:AssociateEnvironmentOperationsRole"
                " elasticbeanstalk:DisassociateEnvironmentOperationsRole",
            ),
        ),
    }


def _instances() -> tuple[Access, ...]:
    """The stack that Elastic Beanstalk makes, and the instances in it."""
    own = [arns.beanstalk_stacks()]
    groups = [arns.beanstalk_made("autoscaling", "autoScalingGroup:*:autoScalingGroupName/")]
    template = ArnLike({"ec2:LaunchTemplate": arns.arn("ec2", "launch-template/*")})
    created = StringEquals({"ec2:CreateAction": ["CreateLaunchTemplate", "CreateSecurityGroup", "RunInstances"]})
    return (
        Access(
            actions(
                "cloudformation",
                "CancelUpdateStack ContinueUpdateRollback CreateStack DeleteStack DescribeStackEvents"
                " DescribeStackResource DescribeStackResources DescribeStacks GetTemplate ListStackResources"
                " TagResource UntagResource UpdateStack",
            ),
            own,
            "Stack",
            why="also when an update of it has to be brought to an end",
        ),
        Access(
            actions(
                "autoscaling",
                "AttachInstances CreateAutoScalingGroup CreateOrUpdateTags DeleteAutoScalingGroup DeletePolicy"
                " DetachInstances PutNotificationConfiguration PutScalingPolicy ResumeProcesses SetDesiredCapacity"
                " SuspendProcesses TerminateInstanceInAutoScalingGroup UpdateAutoScalingGroup",
            ),
            groups,
            "Groups",
            why="an immutable update moves instances between groups",
        ),
        Access(
            actions("cloudwatch", "DeleteAlarms PutMetricAlarm"),
            [arns.beanstalk_made("cloudwatch", "alarm:")],
            "Alarms",
        ),
        Access(
            actions("ec2", "RunInstances"),
            Anything("RunInstances touches images, subnets and groups; the condition asks for a launch template"),
            "Start",
            (template,),
        ),
        Access(
            actions(
                "ec2",
                "CreateLaunchTemplate CreateLaunchTemplateVersion DeleteLaunchTemplate DeleteLaunchTemplateVersions",
            ),
            any_of("ec2", "launch-template"),
            "Templates",
        ),
        Access(
            actions("ec2", "CreateTags"),
            any_of("ec2", "instance", "launch-template", "security-group"),
            "Tags",
            (created,),
        ),
        Access(
            actions("ec2", "TerminateInstances"),
            any_of("ec2", "instance"),
            "End",
            (StringLike({"ec2:ResourceTag/aws:cloudformation:stack-id": own}),),
        ),
        Access(actions("ec2", "CreateSecurityGroup"), any_of("ec2", "security-group", "vpc"), "Firewall"),
        Access(
            actions(
                "ec2",
                "AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress DeleteSecurityGroup"
                " RevokeSecurityGroupEgress RevokeSecurityGroupIngress",
            ),
            any_of("ec2", "security-group"),
            "FirewallRules",
            tagged(),
        ),
        Access(
            actions(
                "autoscaling",
                "DescribeAutoScalingGroups DescribeAutoScalingInstances DescribeLaunchConfigurations"
                " DescribeNotificationConfigurations DescribePolicies DescribeScalingActivities"
                " DescribeScheduledActions",
            )
            + actions(
                "ec2",
                "DescribeAccountAttributes DescribeAvailabilityZones DescribeImages DescribeInstances"
                " DescribeInstanceTypes DescribeKeyPairs DescribeLaunchTemplateVersions DescribeLaunchTemplates"
                " DescribeSecurityGroups DescribeSpotInstanceRequests DescribeSubnets DescribeVpcs",
            )
            + actions("cloudwatch", "DescribeAlarms")
            + actions("logs", "DescribeLogGroups"),
            Anything("these actions list things: no resource is named, or all alarms are"),
            "Read",
            why="all that a managed update looks at",
        ),
    )


def _balancing() -> tuple[Access, ...]:
    """A group of targets, and the rule that sends requests to it."""
    service = "elasticloadbalancing"
    return (
        Access(
            actions(
                service,
                "AddTags CreateTargetGroup DeleteTargetGroup DeregisterTargets ModifyTargetGroup"
                " ModifyTargetGroupAttributes RegisterTargets",
            ),
            [arns.beanstalk_made(service, "targetgroup/")],
            "Targets",
        ),
        Access(
            actions(service, "AddTags CreateRule DeleteRule ModifyRule SetRulePriorities"),
            any_of(service, "listener/app", "listener-rule/app"),
            "Rules",
            tagged(),
        ),
        Access(
            actions(
                service,
                "DescribeListeners DescribeLoadBalancers DescribeRules DescribeTags DescribeTargetGroups"
                " DescribeTargetHealth",
            ),
            unscoped("Elastic Load Balancing"),
            "LookAround",
        ),
    )
