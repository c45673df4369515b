"""A protection that becomes weaker is in the verdict, and one that becomes stronger is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from generator.cfn.templates import Resource, from_bodies
from scripts.review.command import review
from scripts.review.verdict import BAD, verdict
from scripts.review.weaker import weakened
from tests.support import pull_requests

BUCKET, ALARM, TASK = "AWS::S3::Bucket", "AWS::CloudWatch::Alarm", "AWS::ECS::TaskDefinition"
INGRESS, GROUP = "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroup"
RULE = {"GroupId": "${Network.Tasks.GroupId}", "IpProtocol": "tcp", "FromPort": 80, "ToPort": 443}
HIGH = {"ComparisonOperator": "GreaterThanThreshold", "MetricName": "CPU", "Threshold": 90}
LOW = {"ComparisonOperator": "LessThanThreshold", "MetricName": "Hosts", "Threshold": 2}
APPROVE = {"Name": "Approve", "ActionTypeId": {"Category": "Approval"}}
SEAL = {"Name": "SealBundle", "ActionTypeId": {"Category": "Build"}}
WINDOW = {"Name": "Hours", "RuleTypeId": {"Category": "Rule"}}
TWICE = ("true", "false")
DIGEST = f"app@sha256:{'0' * 64}"


def block(**values: object) -> dict[str, Any]:
    return {"PublicAccessBlockConfiguration": {"BlockPublicPolicy": True, **values}}


def variable(value: str) -> dict[str, Any]:
    other = {"Name": "OTHER", "Value": "1"}
    return {"Environment": {"EnvironmentVariables": [other, {"Name": "TESTS_BLOCK", "Value": value}]}}


def container(name: str = "api", **values: object) -> dict[str, Any]:
    return {"ContainerDefinitions": [{"Name": name, "Image": DIGEST, "ReadonlyRootFilesystem": True, **values}]}


def stages(*actions: object) -> dict[str, Any]:
    return {"Stages": [{"Name": "Deploy", "Actions": list(actions)}]}


WEAKER: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    (
        BUCKET,
        block(),
        block(BlockPublicPolicy=False),
        ["PublicAccessBlockConfiguration.BlockPublicPolicy true → false"],
    ),
    (BUCKET, block(), {}, ["PublicAccessBlockConfiguration is gone"]),
    (
        BUCKET,
        {"VersioningConfiguration": {"Status": "Enabled"}},
        {"VersioningConfiguration": {"Status": "Suspended"}},
        ["VersioningConfiguration.Status Enabled → Suspended"],
    ),
    ("AWS::KMS::Key", {"EnableKeyRotation": True}, {}, ["EnableKeyRotation true → false"]),
    ("AWS::IAM::Role", {"PermissionsBoundary": "arn"}, {}, ["PermissionsBoundary is gone"]),
    ("AWS::CodeBuild::Project", variable("true"), variable("false"), ["TESTS_BLOCK true → false"]),
    (
        "AWS::CodeBuild::Project",
        variable("true"),
        {"Environment": {"EnvironmentVariables": [{"Name": "OTHER", "Value": "1"}]}},
        ["TESTS_BLOCK true → (none)"],
    ),
    (
        "AWS::CodeBuild::Project",
        {"Environment": {"EnvironmentVariables": [{"Name": "TESTS_BLOCK", "Value": "true"}]}},
        {"Environment": {"EnvironmentVariables": []}},
        ["TESTS_BLOCK true → (none)"],
    ),
    ("AWS::CodeBuild::Project", variable("true"), {"Environment": {}}, ["TESTS_BLOCK true → (none)"]),
    ("AWS::CodeBuild::Project", variable("true"), {}, ["TESTS_BLOCK true → (none)"]),
    (
        "AWS::CodeBuild::Project",
        variable("true"),
        {"Environment": {"EnvironmentVariables": [{"Name": "TESTS_BLOCK", "Value": value} for value in TWICE]}},
        ["TESTS_BLOCK true → false"],
    ),
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        {"LoadBalancerAttributes": [{"Key": "deletion_protection.enabled", "Value": "true"}]},
        {},
        ["deletion_protection.enabled true → (none)"],
    ),
    (ALARM, {**HIGH, "AlarmActions": ["a"]}, {**HIGH, "AlarmActions": []}, ["AlarmActions is gone"]),
    (ALARM, {**HIGH, "AlarmActions": ["a"]}, HIGH, ["AlarmActions is gone"]),
    ("AWS::SNS::TopicPolicy", {"Topics": ["a"]}, {"Topics": []}, ["Topics is gone"]),
    ("AWS::SQS::QueuePolicy", {"Queues": ["a", "b"]}, {"Queues": ["a"]}, ["Queues are fewer"]),
    ("AWS::Events::Rule", {}, {"State": "DISABLED"}, ["State ENABLED → DISABLED"]),
    (ALARM, HIGH, {**HIGH, "Threshold": 101}, ["Threshold 90 → 101: the alarm comes later or never"]),
    (ALARM, LOW, {**LOW, "Threshold": 1}, ["Threshold 2 → 1: the alarm comes later or never"]),
    (ALARM, {**HIGH, "AlarmActions": ["a", "b"]}, {**HIGH, "AlarmActions": ["a"]}, ["AlarmActions are fewer"]),
    (ALARM, HIGH, {**HIGH, "MetricName": "Memory"}, ["MetricName CPU → Memory: it watches something else"]),
    (
        TASK,
        container(),
        container(Privileged=True, Image="app:latest"),
        [
            "ContainerDefinitions[Name=api].Image app:latest has no digest",
            "ContainerDefinitions[Name=api].Privileged false → true",
        ],
    ),
    ("AWS::CodePipeline::Pipeline", stages(APPROVE), stages(), ["the approval Approve is gone"]),
    ("AWS::CodePipeline::Pipeline", stages(SEAL), stages(), ["the action SealBundle is gone"]),
    ("AWS::CodePipeline::Pipeline", stages(WINDOW), {}, ["the rule Hours is gone"]),
    (
        "AWS::CloudFront::Distribution",
        {"MinimumProtocolVersion": "TLSv1.2_2021"},
        {"MinimumProtocolVersion": "TLSv1"},
        ["MinimumProtocolVersion TLSv1.2_2021 → TLSv1"],
    ),
    ("AWS::SecretsManager::Secret", {}, {"SecretString": "word"}, ["SecretString is written in the template"]),
    (INGRESS, {**RULE, "CidrIp": "10.0.0.0/8"}, {**RULE, "CidrIp": "0.0.0.0/0"}, ["opens tcp 80-443 from 0.0.0.0/0"]),
    (
        INGRESS,
        {**RULE, "CidrIp": "10.0.0.0/8"},
        {**RULE, "CidrIp": "10.0.0.0/8", "FromPort": 22},
        ["opens tcp 22-443 from 10.0.0.0/8"],
    ),
    (
        GROUP,
        {},
        {"SecurityGroupIngress": [{"IpProtocol": "-1", "CidrIpv6": "::/0"}]},
        ["opens every protocol from ::/0"],
    ),
]
ONE_WAY = [case[:3] for case in WEAKER if "watches something else" not in case[3][0]]


def resources(resource_type: str, properties: dict[str, Any]) -> dict[str, Resource]:
    templates = from_bodies({"a": {"Resources": {"It": {"Type": resource_type, "Properties": properties}}}})
    return {"It": templates["a"].resources["It"]}


def what(resource_type: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [risk.what for risk in weakened(resources(resource_type, before), resources(resource_type, after))]


@pytest.mark.parametrize(("resource_type", "before", "after", "expected"), WEAKER)
def test_what_becomes_weaker_is_told(
    resource_type: str, before: dict[str, Any], after: dict[str, Any], expected: list[str]
) -> None:
    assert sorted(what(resource_type, before, after)) == sorted(expected)


@pytest.mark.parametrize(("resource_type", "before", "after"), ONE_WAY)
def test_the_way_back_is_no_weakening(resource_type: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    assert what(resource_type, after, before) == []


def test_a_container_under_another_name_keeps_its_protection() -> None:
    assert what(TASK, container("api"), container("backend")) == []


def test_a_rule_that_moves_out_of_its_group_opens_nothing_more() -> None:
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 443, "CidrIp": "10.0.0.0/8"}
    group = {"Network.Tasks": resources(GROUP, {"SecurityGroupIngress": [rule]})["It"]}
    alone = {"Network.Tasks": resources(GROUP, {})["It"], "Network.In": resources(INGRESS, {**RULE, **rule})["It"]}
    assert list(weakened(group, alone)) == []


def test_the_verdict_names_what_becomes_weaker(checkout: Path) -> None:
    """Four pull requests in one: each alone was five good lines."""

    def network(body: dict[str, Any]) -> None:
        pull_requests.resource(body, "FromLoadBalancer").update(FromPort=0, ToPort=65535)

    def storage(body: dict[str, Any]) -> None:
        pull_requests.resource(body, "Artifacts").pop("BucketEncryption")

    def monitoring(body: dict[str, Any]) -> None:
        pull_requests.resource(body, "BackendCpu")["Threshold"] = 101

    for name, edit in (("network", network), ("storage", storage), ("monitoring", monitoring)):
        pull_requests.template(checkout, name, edit)
    pull_requests.params(checkout, "production", ApprovalRequired="false")
    changes = review(checkout, "base")
    line = verdict(changes)[2]
    assert line.weight == BAD and line.text.startswith("none broader") and "WEAKER: " in line.text
    weaker = {f"{risk.path}: {risk.what}" for each in changes.environments for risk in each.weaker}
    assert {
        "Network.FromLoadBalancer: opens tcp 0-65535 from ${Network.LoadBalancerGroup.GroupId}",
        "Storage.Artifacts: BucketEncryption is gone",
        "Monitoring.BackendCpu: Threshold 90 → 101: the alarm comes later or never",
        "Pipeline.Pipeline: the approval ApproveRelease is gone",
    } <= weaker
    [staging] = [each for each in changes.environments if each.name == "staging"]
    assert not any("approval" in risk.what for risk in staging.weaker), "it had none"
