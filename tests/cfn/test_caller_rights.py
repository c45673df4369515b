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


def test_a_right_has_the_context_and_the_resource_of_its_call() -> None:
    """One row for each kind of right, whole but for its source: what the local AWS asks the execution role for."""
    place = "${AWS::Region}:${AWS::AccountId}"
    secret = {"KmsKeyId": "k", "Description": "{{resolve:ssm:/x}}{{resolve:secretsmanager:y}}"}
    body = {"Type": "AWS::SecretsManager::Secret", "Properties": secret}
    rights = rights_of(from_bodies({"a": {"Resources": {"S": body}}}).resource("a.S"))
    assert [(right.subject, right.actions, right.on, dict(right.when)) for right in rights] == [
        (
            "resolve:secretsmanager",
            ("secretsmanager:GetSecretValue",),
            f"arn:${{AWS::Partition}}:secretsmanager:{place}:secret:*",
            {},
        ),
        ("resolve:ssm", ("ssm:GetParameters",), f"arn:${{AWS::Partition}}:ssm:{place}:parameter/*", {}),
        (
            "AWS::SecretsManager::Secret",
            ("kms:Decrypt", "kms:GenerateDataKey"),
            f"arn:${{AWS::Partition}}:kms:{place}:key/*",
            {"kms:ViaService": "secretsmanager.${AWS::Region}.amazonaws.com"},
        ),
    ]


@pytest.mark.parametrize(
    ("kind", "services"),
    [
        ("AWS::ApplicationAutoScaling::ScalableTarget", ["ecs.application-autoscaling.amazonaws.com"]),
        ("AWS::CloudFront::VpcOrigin", ["vpcorigin.cloudfront.amazonaws.com"]),
        ("AWS::ECS::Cluster", ["ecs.amazonaws.com"]),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", ["elasticloadbalancing.amazonaws.com"]),
        ("AWS::ElasticBeanstalk::Environment", ["autoscaling.amazonaws.com", "elasticbeanstalk.amazonaws.com"]),
        ("AWS::SNS::Topic", []),
    ],
)
def test_which_services_make_roles_of_their_own(kind: str, services: list[str]) -> None:
    rights = rights_of(from_bodies({"a": {"Resources": {"R": {"Type": kind}}}}).resource("a.R"))
    contexts = [right.when for right in rights if right.actions == ("iam:CreateServiceLinkedRole",)]
    assert contexts == [{"iam:AWSServiceName": service} for service in services]


@pytest.mark.parametrize(
    ("value", "subjects"),
    [
        ("{{resolve:ssm:/x}}", ["resolve:ssm"]),
        ("{{resolve:ssm-secure:/x}}", []),  # another kind, which has no row
        ("resolve:ssm:/x", []),
        ({"Fn::Sub": ["{{resolve:ssm:${Path}}}", {"Path": "/x"}]}, ["resolve:ssm"]),
        ({"Deep": [{"Fn::GetAZs": ""}]}, ["Fn::GetAZs"]),
        ({"Fn::GetAZs": "", "Other": 1}, []),  # no function, as it does not stand alone
    ],
)
def test_what_cloudformation_calls_for_a_value(value: object, subjects: list[str]) -> None:
    body = {"Type": "AWS::SNS::Topic", "Properties": {"Value": value}}
    rights = rights_of(from_bodies({"a": {"Resources": {"R": body}}}).resource("a.R"))
    assert [right.subject for right in rights] == subjects
