"""How long the creation of a resource typically takes."""

import pytest

from scripts.local_aws import durations
from scripts.local_aws.handlers import ROWS

# Seconds, as the sources and judgements beside the table say them.
EXPECTED = {
    "AWS::CloudFront::VpcOrigin": 15 * 60,
    "AWS::CloudFront::Distribution": 5 * 60,
    "AWS::EC2::NatGateway": 2 * 60,
    "AWS::ECS::Service": 60,
    "AWS::ElasticBeanstalk::Environment": 7 * 60,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": 2.5 * 60,
    "AWS::IAM::InstanceProfile": 2 * 60,
    "AWS::IAM::Role": 15,
    "AWS::KMS::Key": 75,
    "AWS::DynamoDB::Table": 20,
}


@pytest.mark.parametrize("kind", sorted(ROWS))
def test_each_type_takes_its_time(kind: str) -> None:
    assert durations.typical(kind) == EXPECTED.get(kind, 5)


def test_every_type_of_the_table_can_be_made() -> None:
    assert durations.TYPICAL.keys() == EXPECTED.keys() <= ROWS.keys()
