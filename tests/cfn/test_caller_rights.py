"""What deploying asks for beside the handlers of the types: a table with sources, and who asks for what."""

import importlib
from typing import Any

import pytest

from generator.cfn.caller_rights import KEY_CREATION, RIGHTS, deployers, holders, needed, rights_of
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


def test_each_right_is_asked_once_by_what_asks_for_it_first() -> None:
    balancer = {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer"}
    bodies = {"b": {"Resources": {"Second": balancer}}, "a": {"Resources": {"First": balancer, "Other": balancer}}}
    bodies["c"] = {"Resources": {"Cluster": {"Type": "AWS::ECS::Cluster"}}}
    needs = [(address, right.subject) for address, right in needed(from_bodies(bodies))]
    assert needs == [("a.First", balancer["Type"]), ("c.Cluster", "AWS::ECS::Cluster")]


def test_a_service_linked_role_is_made_for_its_service_alone() -> None:
    [right] = rights_of(from_bodies({"a": {"Resources": {"C": {"Type": "AWS::ECS::Cluster"}}}}).resource("a.C"))
    service = "ecs.amazonaws.com"
    assert right.on == f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/aws-service-role/{service}/*"
    assert right.when == {"iam:AWSServiceName": service} and right.actions == ("iam:CreateServiceLinkedRole",)


def test_who_deploys_and_what_carries_the_statements() -> None:
    def trusting(service: str, *policies: object) -> dict[str, object]:
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        properties = {"AssumeRolePolicyDocument": {"Statement": [statement]}, "ManagedPolicyArns": list(policies)}
        return {"Type": "AWS::IAM::Role", "Properties": properties}

    aws = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    deploying = trusting("cloudformation.amazonaws.com", {"Ref": "Policy"}, {"Ref": "Parameter"}, aws)
    resources = {
        "Deploys": deploying,
        "Policy": {"Type": "AWS::IAM::ManagedPolicy"},
        "Builds": trusting("codebuild.amazonaws.com"),
    }
    templates = from_bodies({"a": {"Resources": resources}})
    [role] = deployers(templates)
    assert [each.address for each in holders(templates, role)] == ["a.Deploys", "a.Policy"]
    assert [each.address for each in holders(templates, templates.resource("a.Builds"))] == ["a.Builds"]
