"""What a service shows, compared with what was asked of it: for each type, a property that is shown otherwise is named,
and one that is shown as it was asked for is not. And the shapes in which both are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.session import get_session

from scripts.local_aws.account import Account
from scripts.local_aws.handlers import ROWS, readback, shapes
from scripts.local_aws.handlers.handler import handler_for
from scripts.local_aws.services import ResourceError
from tests.local_aws.cases import CASES, Case
from tests.local_aws.named import Named

BY_KIND = {case.kind: case for case in CASES}
# Properties that no answer of the service tells, each with the reason.
UNSEEN: Mapping[str, set[str]] = {
    "AWS::KMS::Key": {"PendingWindowInDays"},  # given when the key is deleted
    "AWS::Route53::RecordSet": {"HostedZoneId"},  # where it is looked for
}


def other(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, dict):
        return {key: other(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [other(inner) for inner in value]
    return value + 1 if isinstance(value, int | float) else f"{value}-other"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_what_is_shown_otherwise_is_named(account: Account, case: Case) -> None:
    """As it was made, nothing is missing that is no named exception; each property with another value is."""
    if case.kind in readback.TYPES:
        return
    life = Named(account, case)
    properties = life.filled(case.first)
    handler = handler_for(account.services, case.kind, properties)
    handler.create()
    state = handler.read()
    assert all(readback.unheld(handler, state).values())
    exceptions = {**readback.WITHHELD.get(case.kind, {}), **readback.NOT_SHOWN.get(case.kind, {})}
    missed = set()
    for name, value in properties.items():
        if name in exceptions or name in handler.row.address or name == handler.row.named:
            continue
        wrong = handler_for(account.services, case.kind, {**properties, name: changed(case.kind, name, value)})
        wrong.physical = handler.physical
        if not any(path.partition(".")[0] == name for path in readback.unheld(wrong, state)):
            missed.add(name)
    assert missed == UNSEEN.get(case.kind, set())


def changed(kind: str, name: str, value: Any) -> Any:
    """Another value of a property, where its handler can read any at all."""
    special: dict[tuple[str, str], Any] = {
        ("AWS::ApplicationAutoScaling::ScalingPolicy", "ScalingTargetId"): "service/cluster/other|ecs:x:y|ecs",
        ("AWS::IAM::Role", "PermissionsBoundary"): "arn:aws:iam::aws:policy/SecurityAudit",
        ("AWS::KMS::Key", "PendingWindowInDays"): 8,
        ("AWS::CodePipeline::Pipeline", "RestartExecutionOnUpdate"): True,
        ("AWS::EC2::VPC", "EnableDnsSupport"): True,
        ("AWS::EC2::FlowLog", "ResourceType"): "Subnet",
    }
    if (kind, name) in special:
        return special[kind, name]
    if name in ("Tags", "ResourceTags") and isinstance(value, list):
        return [*value, {"Key": "More", "Value": "1"}]
    if kind == "AWS::EC2::SecurityGroup" and isinstance(value, list):
        return [*value, {"IpProtocol": "tcp", "FromPort": 9, "ToPort": 9, "CidrIp": "10.9.0.0/16"}]
    if name == "OptionSettings" or name.endswith("Attributes"):
        return [{**value[0], "Value": "other"}, *value[1:]]
    return other(value)


def test_a_secret_that_was_generated_is_as_long_as_it_should_be(account: Account) -> None:
    for ask, shortest in (({"PasswordLength": 20, "ExcludePunctuation": True}, 20), ({}, 32)):
        properties = {"Name": f"secret-{shortest}", "GenerateSecretString": ask}
        handler = handler_for(account.services, "AWS::SecretsManager::Secret", properties)
        handler.create()
        state = handler.read()
        assert len(state["SecretString"]) == shortest and readback.unheld(handler, state) == {}
        short = {**state, "SecretString": state["SecretString"][1:]}
        assert readback.unheld(handler, short) == {"GenerateSecretString": ""}
    template = {"SecretStringTemplate": '{"user": "u"}', "GenerateStringKey": "password", "PasswordLength": 9}
    handler = handler_for(
        account.services, "AWS::SecretsManager::Secret", {"Name": "within", "GenerateSecretString": template}
    )
    handler.create()
    text = handler.read()["SecretString"]
    assert text.startswith('{"user": "u", "password": "') and len(text) >= 9 + len('{"user": "u", "password": ""}')


@pytest.mark.parametrize(
    ("expected", "actual", "paths"),
    [
        ({"A": 1}, {"a": "1", "B": 2}, []),
        ({"A": 1}, {"A": 2}, ["A"]),
        ({"A": {"B": 1}}, {"A": {}}, ["A.B"]),
        ({"A": {"B": 1}}, {"A": "x"}, ["A"]),
        ({"A": [1, 2]}, {"A": [2, 1]}, []),
        ({"A": [1, 2]}, {"A": [2, 2]}, ["A"]),
        ({"A": [1]}, {"A": [1, 2]}, ["A"]),
        ({"A": [{"B": 1}, {"B": 2}]}, {"A": [{"B": 2}, {"B": 3}]}, ["A.B"]),
        ({"A": []}, {}, []),
        ({"A": ""}, {}, []),
        ({"A": False}, {}, ["A"]),
        ({"A": 0}, {}, ["A"]),
        ({"A": True}, {"A": "true"}, []),
        ({"A": 1.0}, {"A": "1"}, []),
        ({"A": '{"b": 1}'}, {"A": {"b": 1}}, []),
        ({"A": '{"b": 1}'}, {"A": b'{"b": 1}'}, []),
        ({"A": "{broken"}, {"A": "{broken"}, []),
        ({"A": ["x"]}, {"A": {"Quantity": 1, "Items": ["x"]}}, []),
        ({"A": []}, {"A": {"Quantity": 0}}, []),
        ({"A": ["x"]}, {"A": {"Quantity": 1, "Items": ["x"], "Enabled": True}}, ["A"]),
    ],
)
def test_where_an_answer_does_not_hold_what_is_expected(expected: Any, actual: Any, paths: list[str]) -> None:
    assert shapes.lost(expected, actual) == paths


@pytest.mark.parametrize(
    "tags",
    [
        [{"Key": "A", "Value": "1"}],
        [{"key": "A", "value": "1"}],
        [{"TagKey": "A", "TagValue": "1"}],
        {"A": 1},
        {"Items": [{"Key": "A", "Value": "1"}]},
        {"Items": {"A": "1"}},
    ],
)
def test_tags_in_any_form_are_one_dictionary(tags: Any) -> None:
    assert {key: str(value) for key, value in shapes.tags(tags).items()} == {"A": "1"}
    assert shapes.tags(None) == {}


def shape(service: str, operation: str, *members: str) -> Any:
    """The input of an operation, or a member of it."""
    part = get_session().get_service_model(service).operation_model(operation).input_shape
    for member in members:
        part = part.members[member]
    return part


@pytest.mark.parametrize(
    ("where", "value", "folded"),
    [
        (("ecs", "CreateService"), {"DesiredCount": "2"}, {"desiredCount": 2}),
        (("ecs", "CreateService"), {"enableExecuteCommand": "true"}, {"enableExecuteCommand": True}),
        (("ecs", "CreateService"), {"EnableExecuteCommand": "false"}, {"enableExecuteCommand": False}),
        (("cloudwatch", "PutMetricAlarm"), {"Threshold": "1"}, {"Threshold": 1.0}),
        (("iam", "CreateRole"), {"AssumeRolePolicyDocument": {"A": 1}}, {"AssumeRolePolicyDocument": '{"A": 1}'}),
        (("kms", "CreateKey"), {"Tags": [{"Key": "A", "Value": "1"}]}, {"Tags": [{"TagKey": "A", "TagValue": "1"}]}),
        (("logs", "CreateLogGroup"), {"Tags": [{"Key": "A", "Value": "1"}]}, {"tags": {"A": "1"}}),
        (("ssm", "PutParameter"), {"Tags": {"A": "1"}}, {"Tags": [{"Key": "A", "Value": "1"}]}),
        (("ec2", "CreateFlowLogs"), {"ResourceIds": "vpc-1"}, {"ResourceIds": ["vpc-1"]}),
        (("cloudfront", "CreateFunction"), {"FunctionCode": "x"}, {"FunctionCode": b"x"}),
        (
            ("cloudfront", "CreateDistribution", "DistributionConfig"),
            {"Aliases": ["a", "b"]},
            {"Aliases": {"Quantity": 2, "Items": ["a", "b"]}},
        ),
    ],
)
def test_properties_are_folded_into_the_input_of_a_call(where: tuple[str, ...], value: Any, folded: Any) -> None:
    assert shapes.fold(value, shape(*where), {}) == folded


def test_what_has_no_place_is_told_with_its_path() -> None:
    rename = {"A": "Attributes.DisplayName", "A.B": "x"}
    assert shapes.place(shape("sns", "CreateTopic"), "A", rename) == ("Attributes", "DisplayName")
    assert shapes.fold({"A": "x"}, shape("sns", "CreateTopic"), rename) == {"Attributes": {"DisplayName": "x"}}
    assert shapes.place(None, "A", {}) is None and shapes.place(shape("sns", "CreateTopic", "Name"), "A", {}) is None
    network = {"NetworkConfiguration": {"AwsvpcConfiguration": {"Colour": 1}}}
    service, publish = shape("ecs", "CreateService"), shape("sns", "Publish")
    for call, value, message in (
        (service, network, "NetworkConfiguration.AwsvpcConfiguration.Colour"),
        (service, {"Colour": 1}, "Colour"),
        (service, {"NetworkConfiguration": "x"}, "NetworkConfiguration: expected an object, found 'x'"),
        (publish, {"MessageAttributes": {"first": {"Colour": 1}}}, "MessageAttributes.first.Colour"),
    ):
        with pytest.raises(shapes.NoPlaceError) as error:
            shapes.fold(value, call, {})
        assert str(error.value) == message


@pytest.mark.parametrize(
    ("kind", "before", "after", "message"),
    [
        (
            "AWS::S3::Bucket",
            None,
            {"BucketName": "b-<account>", "Colour": "red"},
            "AWS::S3::Bucket: Colour has no place in s3 create_bucket",
        ),
        (
            "AWS::Logs::LogGroup",
            {"LogGroupName": "/a"},
            {"LogGroupName": "/a", "KmsKeyId": "k"},
            "AWS::Logs::LogGroup: KmsKeyId cannot be changed on the local AWS",
        ),
        (
            "AWS::CodeCommit::Repository",
            {"RepositoryName": "a", "RepositoryDescription": "x", "KmsKeyId": "k"},
            {"RepositoryName": "a"},
            "AWS::CodeCommit::Repository: KmsKeyId, RepositoryDescription cannot be changed on the local AWS",
        ),
        (
            "AWS::IAM::Role",
            BY_KIND["AWS::IAM::Role"].first,
            {"RoleName": "role"},
            "AWS::IAM::Role: AssumeRolePolicyDocument cannot be taken away on the local AWS",
        ),
        (
            "AWS::SNS::TopicPolicy",
            None,
            {"Topics": ["a", "b"], "PolicyDocument": {}},
            "Topics: the local AWS knows a topic policy for one topic only;",
        ),
        (
            "AWS::No::Such",
            None,
            {},
            "AWS::No::Such has no row in scripts/local_aws/handlers: the local AWS cannot make it",
        ),
    ],
)
def test_what_cannot_be_done_is_told(
    account: Account, kind: str, before: dict[str, Any] | None, after: dict[str, Any], message: str
) -> None:
    life = Named(account, Case(kind, after))
    with pytest.raises((ResourceError, shapes.NoPlaceError)) as refused:
        if before is None:
            handler_for(account.services, kind, life.filled(after)).create()
        else:
            handler = handler_for(account.services, kind, before)
            handler.create()
            handler_for(account.services, kind, after, handler.physical).update(before)
    assert str(refused.value) == message


def test_what_is_gone_already_is_deleted_and_other_refusals_are_told(account: Account) -> None:
    for case in (BY_KIND["AWS::Logs::LogGroup"], BY_KIND["AWS::SNS::Topic"]):
        life = Named(account, case)
        handler = handler_for(account.services, case.kind, life.filled(case.first))
        handler.create()
        assert handler.exists()
        handler.delete()
        assert not handler.exists()
        handler.delete()
        with pytest.raises(ResourceError):
            handler.read()
    bucket = handler_for(account.services, "AWS::S3::Bucket", {"BucketName": f"full-{account.services.account}"})
    bucket.create()
    account.services.call("s3", "put_object", {"Bucket": bucket.physical, "Key": "a", "Body": b""})
    with pytest.raises(ResourceError, match="not empty"):
        bucket.delete()


def test_every_row_that_is_named_says_how_long_a_name_may_be() -> None:
    assert {kind: row.longest for kind, row in ROWS.items() if row.named} == {
        "AWS::Logs::LogGroup": 512, "AWS::SecretsManager::Secret": 64, "AWS::SSM::Parameter": 64,
        "AWS::SNS::Topic": 256, "AWS::IAM::Role": 64, "AWS::IAM::InstanceProfile": 128,
        "AWS::IAM::ManagedPolicy": 128, "AWS::S3::Bucket": 63, "AWS::DynamoDB::Table": 255,
        "AWS::ECR::Repository": 256, "AWS::Signer::SigningProfile": 64, "AWS::EC2::SecurityGroup": 255,
        "AWS::ElasticLoadBalancingV2::LoadBalancer": 32, "AWS::ElasticLoadBalancingV2::TargetGroup": 32,
        "AWS::ECS::Cluster": 255, "AWS::ECS::TaskDefinition": 255, "AWS::ECS::Service": 255,
        "AWS::ElasticBeanstalk::Application": 100, "AWS::ElasticBeanstalk::Environment": 40,
        "AWS::CodeBuild::Project": 150, "AWS::CodeBuild::ReportGroup": 128, "AWS::CodePipeline::Pipeline": 100,
        "AWS::CloudFront::Function": 64, "AWS::CloudWatch::Alarm": 255, "AWS::CloudWatch::Dashboard": 255,
        "AWS::Events::Rule": 64, "AWS::StepFunctions::StateMachine": 80,
    }  # fmt: skip
