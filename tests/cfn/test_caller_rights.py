"""What deploying asks for beside the handlers of the types: a table with sources, and who asks for what."""

import importlib
from typing import Any

import pytest

from generator.cfn.caller_rights import KEY_CREATION, RIGHTS, rights_of
from generator.cfn.templates import from_bodies


def demanded(kind: str, properties: dict[str, Any]) -> set[str]:
    """The actions that one resource asks of whoever deploys it."""
    templates = from_bodies({"one": {"Resources": {"It": {"Type": kind, "Properties": properties}}}})
    return {action for right in rights_of(templates.resource("one.It")) for action in right.actions}


def test_each_row_has_a_source_and_actions_that_exist() -> None:
    assert len(RIGHTS) > 15
    for right in RIGHTS:
        assert right.source and right.actions and (right.on == "*" or right.on.startswith("arn:")), right
    for action in {action for right in RIGHTS for action in right.actions} | KEY_CREATION:
        service, _, name = action.partition(":")
        assert hasattr(importlib.import_module(f"awacs.{service.replace('-', '_')}"), name), action


@pytest.mark.parametrize(
    ("kind", "properties", "actions"),
    [
        ("AWS::EC2::Subnet", {"AvailabilityZone": {"Fn::Select": [0, {"Fn::GetAZs": ""}]}}, {"ec2:DescribeSubnets"}),
        ("AWS::EC2::Subnet", {"AvailabilityZone": {"Ref": "ZoneA"}}, set()),
        (
            "AWS::CloudFront::Distribution",
            {"DistributionConfig": {"Logging": {"Bucket": "logs.s3.amazonaws.com"}}},
            {"s3:PutBucketAcl", "s3:GetBucketAcl"},
        ),
        ("AWS::SecretsManager::Secret", {"KmsKeyId": {"Ref": "KeyArn"}}, {"kms:GenerateDataKey", "kms:Decrypt"}),
        (
            "AWS::SecretsManager::Secret",
            {"SecretString": {"Fn::Sub": "{{resolve:secretsmanager:${Seed}}}="}},
            {"secretsmanager:GetSecretValue"},
        ),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", {}, {"iam:CreateServiceLinkedRole"}),
    ],
)
def test_a_resource_asks_for_what_its_properties_and_functions_bring(
    kind: str, properties: dict[str, Any], actions: set[str]
) -> None:
    assert actions <= demanded(kind, properties)
    assert bool(actions) == bool(demanded(kind, properties))


def test_a_property_that_is_not_there_asks_for_nothing() -> None:
    assert "s3:PutBucketAcl" not in demanded("AWS::CloudFront::Distribution", {"DistributionConfig": {"Enabled": True}})
    assert demanded("AWS::SecretsManager::Secret", {"Description": "under the account's own key"}) == set()
