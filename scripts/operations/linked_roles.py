"""The service-linked roles that a deployment needs, made before its services do so in the middle of it.

A service makes its role itself when it is used for the first time, with the caller's rights, and may use it before IAM
shows it everywhere: a first creation then fails by chance (ECS developer guide, "Using service-linked roles for Amazon
ECS"; IAM user guide, "Troubleshoot IAM", "Changes that I make are not always immediately visible").
"""

import time
from collections.abc import Iterator

from scripts.deployment.aws import Aws, pauses
from scripts.deployment.errors import AwsError, RefusedError
from scripts.deployment.plan import Plan

# By the service that uses it: its name and the resource that needs it. Sources: the "service-linked roles" page of each
# service's developer guide; CloudFront's is the one of VPC origins.
ROLES = {
    "ecs.amazonaws.com": ("AWSServiceRoleForECS", "AWS::ECS::Cluster"),
    "elasticloadbalancing.amazonaws.com": (
        "AWSServiceRoleForElasticLoadBalancing",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
    ),
    "ecs.application-autoscaling.amazonaws.com": (
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
        "AWS::ECS::Service",
    ),
    "vpcorigin.cloudfront.amazonaws.com": ("AWSServiceRoleForCloudFrontVPCOrigin", "AWS::CloudFront::VpcOrigin"),
    "elasticbeanstalk.amazonaws.com": ("AWSServiceRoleForElasticBeanstalk", "AWS::ElasticBeanstalk::Environment"),
    "autoscaling.amazonaws.com": ("AWSServiceRoleForAutoScaling", "AWS::ElasticBeanstalk::Environment"),
}
PATIENCE = 60.0  # seconds until IAM has to show a role that it made


def exists(aws: Aws, role: str) -> bool:
    """Whether IAM knows the role of this name."""
    try:
        aws.call("iam", "get_role", RoleName=role)
    except AwsError as error:
        # Code: `NoSuchEntityException` in botocore's model of IAM.
        if error.code != "NoSuchEntity":
            raise
        return False
    return True


def create_missing(aws: Aws, planned: Plan) -> Iterator[str]:
    """Creates the roles that what the plan adds needs and the account lacks, and waits until IAM knows them; a line
    when there are any. Raises `RefusedError` when IAM takes too long, `AwsError`."""
    types = {leaf.type for leaf in planned.leaves() if leaf.action == "Add"}
    missing = {service: role for service, (role, kind) in ROLES.items() if kind in types and not exists(aws, role)}
    if not missing:
        return
    yield f"service-linked roles are created first, for {', '.join(missing)}"
    for service in missing:
        _create(aws, service)
    end = time.monotonic() + PATIENCE
    for role in missing.values():
        for pause in pauses():
            if exists(aws, role):
                break
            if time.monotonic() > end:
                raise RefusedError(
                    f"IAM does not show the role {role} that it created; nothing of {planned.stack} has happened.",
                    "Run the same command again.",
                )
            time.sleep(pause)


def _create(aws: Aws, service: str) -> None:
    try:
        aws.call("iam", "create_service_linked_role", AWSServiceName=service)
    except AwsError as error:
        # Somebody else, or a call whose answer was lost, was faster. Code: `InvalidInputException` in botocore's model
        # of IAM; it stands for other faults too.
        if error.code != "InvalidInput" or "has been taken" not in error.message:
            raise
