"""What the deploy role may do when an environment is destroyed, beside deleting its stacks: bring it to rest first, and
clear away what no stack owns, a certificate that a new domain has replaced, too.

Data is not among it: buckets and registries are emptied by somebody with more rights, once the environment is gone.
Sources: Service Authorization Reference of each service; for CloudFront's group the managed policy
AWSCloudFrontVPCOriginServiceRolePolicy, which names the tag that CloudFront puts on it.
"""

from __future__ import annotations

from collections.abc import Mapping

from awacs import acm, application_autoscaling, codepipeline, ec2, events, ssm
from awacs.aws import StringEquals

from generator.core import arns, ports
from generator.core.arns import Text
from generator.core.iam import Grant, allow, unscoped
from generator.core.ports import Port
from generator.core.stack import Stack
from generator.roots.access.handler_permissions.types import tagged


def grants(stack: Stack, names: Mapping[Port, Text]) -> list[Grant]:
    """The statements. `names` are the physical names that the environment computes."""
    releases = names[ports.RELEASES]
    return [
        allow(
            "StopReleases",
            [codepipeline.StopPipelineExecution],
            [arns.codepipeline(names[ports.PIPELINE_NAME])],
            "an environment that goes releases nothing any more",
        ),
        allow(
            "HoldStartRule",
            [events.DisableRule, events.EnableRule],
            # CloudFormation cuts the names of rules (64 characters): only the application is sure to be in them.
            [arns.arn("events", f"rule/{stack.project.name}-*")],
            "no push may start a release while the environment goes; it may again when the deletion is refused",
        ),
        allow(
            "LookAtRest",
            [
                application_autoscaling.DescribeScalableTargets,
                ec2.DescribeNetworkInterfaces,
                ec2.DescribeSecurityGroups,
                events.ListRuleNamesByTarget,
            ],
            unscoped(),
            "what still runs or stands in the way of the deletion is found: rules, scaling, CloudFront's interfaces",
        ),
        allow(
            "HoldScaling",
            [application_autoscaling.RegisterScalableTarget],
            [arns.arn("application-autoscaling", "scalable-target/*")],
            "a service that is brought to zero must not be raised again; ids of targets are random",
        ),
        allow(
            "RemoveOriginGroup",
            [ec2.DeleteSecurityGroup],
            [arns.arn("ec2", "security-group/*")],
            "the group that CloudFront leaves in the VPC keeps it from being deleted",
            [StringEquals({"aws:ResourceTag/aws.cloudfront.vpcorigin": "enabled"})],
        ),
        allow(
            "FindCertificates",
            [acm.ListTagsForCertificate],
            [arns.edge_certificates()],
            "a certificate that a new domain has replaced is known by its tags",
        ),
        allow(
            "RemoveReplacedCertificates",
            [acm.DeleteCertificate],
            [arns.edge_certificates()],
            "ACM deletes none in use, so that a replaced one goes after the environment, by the script",
            tagged(),
        ),
        allow(
            "ForgetReleases",
            [ssm.DeleteParameters, ssm.GetParametersByPath],
            [arns.ssm_parameter(releases), arns.ssm_parameter(releases, "/*")],
            "a later environment of the name must not start with a release of this one",
        ),
    ]
