"""The role of the deploy action on Elastic Beanstalk: one environment's version, and the rights that it needs for that.

Elastic Beanstalk changes an environment with the rights of whoever asks. AWS documents whole services for this action
(codepipeline userguide, action-reference-Beanstalk), and CDK attaches an administrator's policy. The statements here
are those with which AWS's own managed platform updates replace the instances of an environment
(AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy in the AWS Managed Policy Reference), what belongs to ECS, RDS, SQS
and other load balancers left out, and everything that can be is bound to this environment, its bucket, its roles and to
what Elastic Beanstalk calls `awseb-`. Apart from the pipeline's role, which is the only one that may become it.

Long because the statements of one role, each with its reason, belong side by side.
"""

from __future__ import annotations

from awacs import autoscaling, cloudformation, cloudwatch, ec2, elasticloadbalancing, iam, kms, logs, s3, sts
from awacs import elasticbeanstalk as beanstalk
from awacs.aws import Allow, ArnLike, Principal, StringEquals, StringLike
from troposphere import GetAtt, Ref
from troposphere.iam import Role

from generator.core import arns, ports
from generator.core.iam import Anything, Grant, allow, via
from generator.core.names import ARTIFACT_PREFIX, SEALED_BUNDLE
from generator.core.stack import Stack


def role(stack: Stack, pipeline_role: Role, condition: str) -> Role:
    """The role, which exists under the condition.

    The trust policy names the pipeline's role itself, which is permission enough within one account (STS API
    reference, AssumeRole); a permission of the pipeline's role would have to name this role, and both would wait for
    each other.
    """
    assume = Grant(
        "Assume",
        Allow,
        (sts.AssumeRole,),
        (),
        "the pipeline, and nobody else, deploys with these rights",
        (),
        Principal("AWS", GetAtt(pipeline_role, "Arn")),
    )
    return stack.role(
        "DeployRole",
        assume,
        [*_artifacts(stack), *_versions(stack), *_instances(stack), *_looking()],
        "What the deploy action on Elastic Beanstalk may do.",
        ["PIP-3", "PIP-8", "DSN-17"],
        condition,
    )


def _artifacts(stack: Stack) -> list[Grant]:
    bucket = stack.takes(ports.ARTIFACT_BUCKET_ARN)
    return [
        allow(
            "ReadBundle",
            [s3.GetObject, s3.GetObjectVersion],
            [arns.objects(bucket, f"*/{SEALED_BUNDLE[:ARTIFACT_PREFIX]}*")],
            "the bundle is an artifact of the pipeline, which no build can write",
        ),
        allow(
            "DecryptBundle",
            [kms.Decrypt, kms.DescribeKey],
            [stack.takes(ports.KEY_ARN)],
            "artifacts are encrypted with our key",
            [via("s3")],
        ),
    ]


def _versions(stack: Stack) -> list[Grant]:
    application, environment = (stack.takes(ports.RUNNING_CLUSTER), stack.takes(ports.RUNNING_SERVICE))
    bucket = arns.beanstalk_bucket()
    # Its name can be guessed: whoever had a bucket of that name first would get the bundles. AWS's own policies for it
    # have PutBucketPolicy without a condition (AWS Managed Policy Reference, AWSElasticBeanstalkRoleCore and
    # AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy); AWSElasticBeanstalkServiceRolePolicy names the account.
    own = StringEquals({"aws:ResourceAccount": Ref("AWS::AccountId")})
    return [
        allow(
            "MakeVersion",
            [beanstalk.CreateApplicationVersion, beanstalk.DescribeApplicationVersions],
            [arns.beanstalk_application(application), arns.beanstalk_versions(application)],
            "every release is a version of this application",
        ),
        allow(
            "DeployVersion",
            [
                beanstalk.DescribeConfigurationSettings,
                beanstalk.DescribeEnvironmentHealth,
                beanstalk.DescribeEnvironmentResources,
                beanstalk.DescribeEnvironments,
                beanstalk.DescribeEvents,
                beanstalk.DescribeInstancesHealth,
                beanstalk.UpdateEnvironment,
            ],
            [arns.beanstalk_environment(application, environment)],
            "the environment is given the version, and watched until it runs",
        ),
        allow(
            "FindBucket",
            [s3.GetBucketLocation, s3.GetBucketPolicy, s3.ListBucket, s3.PutBucketPolicy],
            [bucket],
            "Elastic Beanstalk keeps bundles in this bucket, and as the caller looks after its policy",
            [own],
        ),
        allow(
            "KeepBundle",
            [s3.DeleteObject, s3.GetObjectAcl, s3.GetObjectVersion, s3.PutObject, s3.PutObjectAcl],
            [arns.objects(bucket)],
            "the bundle of the version is kept there, with the environment's own files",
            [own],
        ),
        allow(
            "ReadPlatform",
            [s3.GetObject],
            [arns.beanstalk_buckets()],
            "the bundle is read there, and what AWS keeps for all environments in buckets of its own",
        ),
        allow(
            "HandRolesToInstances",
            [iam.PassRole],
            [stack.takes(ports.TASK_ROLE_ARN), stack.takes(ports.EXECUTION_ROLE_ARN)],
            "new instances run with the roles of the old ones",
            [
                StringEquals(
                    {
                        "iam:PassedToService": [
                            "autoscaling.amazonaws.com",
                            "ec2.amazonaws.com",
                            "elasticbeanstalk.amazonaws.com",
                        ]
                    }
                )
            ],
        ),
    ]


def _instances(stack: Stack) -> list[Grant]:
    own_groups = [
        arns.beanstalk_made("autoscaling", f"{kind}:*:{kind}Name/")
        for kind in ("autoScalingGroup", "launchConfiguration")
    ]
    return [
        allow(
            "ChangeOwnStack",
            [
                cloudformation.CancelUpdateStack,
                cloudformation.DescribeStackEvents,
                cloudformation.DescribeStackResource,
                cloudformation.DescribeStackResources,
                cloudformation.DescribeStacks,
                cloudformation.GetTemplate,
                cloudformation.ListStackResources,
                cloudformation.UpdateStack,
            ],
            [arns.beanstalk_stacks()],
            "the environment's resources are a stack of Elastic Beanstalk's own",
        ),
        allow(
            "ReplaceInstances",
            [
                autoscaling.AttachInstances,
                autoscaling.CreateAutoScalingGroup,
                autoscaling.CreateOrUpdateTags,
                autoscaling.DeleteAutoScalingGroup,
                autoscaling.DeletePolicy,
                autoscaling.DetachInstances,
                autoscaling.PutNotificationConfiguration,
                autoscaling.PutScalingPolicy,
                autoscaling.ResumeProcesses,
                autoscaling.SetDesiredCapacity,
                autoscaling.SuspendProcesses,
                autoscaling.TerminateInstanceInAutoScalingGroup,
                autoscaling.UpdateAutoScalingGroup,
            ],
            own_groups,
            "a release starts new instances in a group of their own and moves them over",
        ),
        allow(
            "StartInstances",
            [ec2.RunInstances],
            Anything("RunInstances touches images, subnets and groups; the condition asks for a launch template"),
            "new instances come from the environment's launch template",
            [ArnLike({"ec2:LaunchTemplate": arns.arn("ec2", "launch-template/*")})],
        ),
        allow(
            "MakeLaunchTemplate",
            [
                ec2.CreateLaunchTemplate,
                ec2.CreateLaunchTemplateVersion,
                ec2.DeleteLaunchTemplate,
                ec2.DeleteLaunchTemplateVersions,
            ],
            [arns.arn("ec2", "launch-template/*")],
            "the new group has a launch template of its own, whose id is random",
        ),
        allow(
            "TagInstances",
            [ec2.CreateTags],
            Anything("what is tagged does not exist yet; the condition names the calls that make it"),
            "templates and instances carry the environment's tags from the start",
            [StringEquals({"ec2:CreateAction": ["CreateLaunchTemplate", "RunInstances"]})],
        ),
        allow(
            "EndInstances",
            [ec2.TerminateInstances],
            [arns.arn("ec2", "instance/*")],
            "old instances go when the new ones are healthy, and new ones when they are not",
            [StringLike({"ec2:ResourceTag/aws:cloudformation:stack-id": [arns.beanstalk_stacks()]})],
        ),
        allow(
            "RegisterInstances",
            [
                elasticloadbalancing.AddTags,
                elasticloadbalancing.DeregisterTargets,
                elasticloadbalancing.RegisterTargets,
            ],
            [arns.beanstalk_made("elasticloadbalancing", "targetgroup/")],
            "requests go to the new instances",
        ),
        allow(
            "SplitTraffic",
            [
                elasticloadbalancing.CreateTargetGroup,
                elasticloadbalancing.DeleteTargetGroup,
                elasticloadbalancing.ModifyRule,
            ],
            [
                arns.beanstalk_made("elasticloadbalancing", "targetgroup/"),
                arns.arn("elasticloadbalancing", "listener-rule/app/*"),
            ],
            "traffic splitting weighs the environment's rule between two groups; a rule's id is random",
        ),
        allow(
            "SetAlarms",
            [cloudwatch.PutMetricAlarm],
            [arns.beanstalk_made("cloudwatch", "alarm:")],
            "the alarms that scale the group move to the new one",
        ),
        allow(
            "KeepLogGroups",
            [logs.CreateLogGroup, logs.PutRetentionPolicy],
            [arns.beanstalk_logs(stack.takes(ports.RUNNING_SERVICE))],
            "the environment's log groups are made with its instances",
        ),
    ]


def _looking() -> list[Grant]:
    return [
        allow(
            "LookAround",
            [
                autoscaling.DescribeAutoScalingGroups,
                autoscaling.DescribeAutoScalingInstances,
                autoscaling.DescribeLaunchConfigurations,
                autoscaling.DescribeLoadBalancers,
                autoscaling.DescribeNotificationConfigurations,
                autoscaling.DescribeScalingActivities,
                autoscaling.DescribeScheduledActions,
                ec2.DescribeAvailabilityZones,
                ec2.DescribeImages,
                ec2.DescribeInstances,
                ec2.DescribeLaunchTemplateVersions,
                ec2.DescribeLaunchTemplates,
                ec2.DescribeSecurityGroups,
                ec2.DescribeSubnets,
                ec2.DescribeVpcs,
                elasticloadbalancing.DescribeListeners,
                elasticloadbalancing.DescribeLoadBalancers,
                elasticloadbalancing.DescribeRules,
                elasticloadbalancing.DescribeTargetGroups,
                elasticloadbalancing.DescribeTargetHealth,
                logs.DescribeLogGroups,
            ],
            Anything("these actions list things; they name no resource"),
            "Elastic Beanstalk looks at what it is about to change, as its managed updates do",
        )
    ]
