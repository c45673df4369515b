"""How long the creation of a resource typically takes, for who wants to see a deployment go by (`Behaviour.pace`).

What is not in the table takes `USUAL` seconds. Few of these are written down by AWS; the others are judgements, which
make the slow ones slow in the order of magnitude that people report.
"""

from __future__ import annotations

USUAL = 5.0
# Seconds, and where they are from.
TYPICAL: dict[str, tuple[float, str]] = {
    "AWS::CloudFront::VpcOrigin": (900, "CloudFront developer guide, private-content-vpc-origins: up to 15 minutes"),
    "AWS::CloudFront::Distribution": (300, "judgement; botocore's waiter DistributionDeployed looks once a minute"),
    "AWS::EC2::NatGateway": (120, "judgement; botocore's waiter NatGatewayAvailable looks every 15 seconds"),
    "AWS::ECS::Service": (60, "judgement, of a service that wants no tasks"),
    "AWS::ElasticBeanstalk::Environment": (420, "judgement; an environment waits for its instances to be healthy"),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (150, "judgement; botocore's waiter looks every 15 seconds"),
    "AWS::IAM::InstanceProfile": (120, "reports of a delay of two minutes (terraform issue 15341)"),
    "AWS::IAM::Role": (15, "judgement; IAM is eventually consistent (IAM user guide, troubleshoot_general)"),
    "AWS::KMS::Key": (75, "source of aws-cloudformation-resource-providers-kms: waits 60 and 15 seconds"),
    "AWS::DynamoDB::Table": (20, "judgement; botocore's waiter TableExists looks every 20 seconds"),
}


def typical(kind: str) -> float:
    """The seconds that a resource of this type typically takes."""
    return TYPICAL.get(kind, (USUAL, ""))[0]
