"""A protection that becomes weaker is in the verdict, and one that becomes stronger is not."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from generator.cfn import schemas
from generator.cfn.places import walk
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
GREATER = "GreaterThanThreshold"
LISTENER_RULE, PIPELINE = "AWS::ElasticLoadBalancingV2::ListenerRule", "AWS::CodePipeline::Pipeline"
PATH = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}
HEADER = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Origin-Verify", "Values": ["a"]}}
IMDS = "aws:autoscaling:launchconfiguration=DisableIMDSv1"
SILENCE = "silence raises it no more"
APPROVE = {"Name": "Approve", "ActionTypeId": {"Category": "Approval"}}
SEAL = {"Name": "SealBundle", "ActionTypeId": {"Category": "Build"}}
WINDOW = {"Name": "Hours", "RuleTypeId": {"Category": "Rule"}}
TWICE = ("true", "false")
DIGEST = f"app@sha256:{'0' * 64}"


def block(**values: object) -> dict[str, Any]:
    return {"PublicAccessBlockConfiguration": {"BlockPublicPolicy": True, **values}}


def variable(value: str, name: str = "TESTS_BLOCK") -> dict[str, Any]:
    other = {"Name": "OTHER", "Value": "1"}
    return {"Environment": {"EnvironmentVariables": [other, {"Name": name, "Value": value}]}}


def options(*values: str) -> dict[str, Any]:
    namespace, _, name = IMDS.partition("=")
    return {"OptionSettings": [{"Namespace": namespace, "OptionName": name, "Value": value} for value in values]}


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
# What protects or watches by being there.
PRESENT = (
    *("PublicAccessBlockConfiguration", "BucketEncryption", "SSESpecification", "EncryptionConfiguration"),
    *("EncryptionKey", "KmsKeyId", "KmsMasterKeyId", "KMSMasterKeyId", "KMSMasterKeyID", "KmsKey"),
    *("LoggingConfiguration", "Logging", "LogConfiguration", "LinuxParameters", "DeploymentCircuitBreaker"),
    *("PermissionsBoundary", "ResponseHeadersPolicyId", "OriginAccessControlId", "WebACLId"),
    *("SecurityHeadersConfig", "ContentSecurityPolicy", "ContentTypeOptions", "FrameOptions"),
    *("StrictTransportSecurity", "OwnershipControls", "VpcConfig"),
)
WEAKER += [
    (
        "AWS::CodeBuild::Project",
        variable("true", "LINT_BLOCKS"),
        variable("", "LINT_BLOCKS"),
        ["LINT_BLOCKS true → (none)"],
    ),
    *(
        (
            "AWS::CodeBuild::Project",
            variable(level, "SCAN_FINDINGS_BLOCK"),
            variable("NONE", "SCAN_FINDINGS_BLOCK"),
            [f"SCAN_FINDINGS_BLOCK {level} → NONE"],
        )
        for level in ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED")
    ),
    (
        "AWS::CodeBuild::Project",
        variable("HIGH", "SCAN_FINDINGS_BLOCK"),
        variable("HIGH"),
        ["SCAN_FINDINGS_BLOCK HIGH → (none)"],
    ),
    ("AWS::CodeBuild::Project", {}, {"Artifacts": {"EncryptionDisabled": True}}, ["Artifacts.EncryptionDisabled true"]),
    (
        "AWS::CodeBuild::Project",
        {"LogsConfig": {"CloudWatchLogs": {"GroupName": "g"}}},
        {"LogsConfig": {"CloudWatchLogs": {"GroupName": "g", "Status": "DISABLED"}}},
        ["LogsConfig.CloudWatchLogs.Status ENABLED → DISABLED"],
    ),
    (ALARM, HIGH, {**HIGH, "ActionsEnabled": False}, ["ActionsEnabled true → false"]),
    *(("T", {name: {"a": "b"}}, {}, [f"{name} is gone"]) for name in PRESENT),
    *(
        ("T", {name: ["a", "b"]}, {name: ["b"]}, [f"{name} are fewer"])
        for name in ("AlarmActions", "Subscribers", "Subscription", "Topics", "Queues")
    ),
    (
        "AWS::EC2::Route",
        {"NatGatewayId": "${Network.Nat}"},
        {"GatewayId": "${Network.Internet}"},
        ["leads straight to ${Network.Internet}"],
    ),
    (
        LISTENER_RULE,
        {"Conditions": [PATH, HEADER]},
        {"Conditions": [PATH]},
        ["the condition http-header.X-Origin-Verify is gone"],
    ),
    (LISTENER_RULE, {"Conditions": [PATH]}, {}, ["the condition path-pattern is gone"]),
    (
        "AWS::ElasticLoadBalancingV2::Listener",
        {"SslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"},
        {},
        ["SslPolicy ELBSecurityPolicy-TLS13-1-2-Res-2021-06 → (none)"],
    ),
    ("AWS::ElasticBeanstalk::Environment", options("true"), options("false"), ["DisableIMDSv1 true → false"]),
    # A second one of a name hides nothing: the last counts.
    ("AWS::ElasticBeanstalk::Environment", options("true"), options("true", "false"), ["DisableIMDSv1 true → false"]),
    (
        "AWS::CloudFront::ResponseHeadersPolicy",
        {"SecurityHeadersConfig": {"ReferrerPolicy": {"ReferrerPolicy": "no-referrer"}}},
        {"SecurityHeadersConfig": {"ReferrerPolicy": {"ReferrerPolicy": "unsafe-url"}}},
        ["SecurityHeadersConfig.ReferrerPolicy.ReferrerPolicy no-referrer → unsafe-url"],
    ),
    (ALARM, {**HIGH, "TreatMissingData": "breaching"}, HIGH, [f"TreatMissingData breaching → missing: {SILENCE}"]),
    (
        ALARM,
        {**HIGH, "TreatMissingData": "breaching"},
        {**HIGH, "TreatMissingData": "ignore"},
        [f"TreatMissingData breaching → ignore: {SILENCE}"],
    ),
    (
        ALARM,
        {**HIGH, "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "Period": 60},
        {**HIGH, "EvaluationPeriods": 4, "Period": 300},
        [
            "DatapointsToAlarm 2 → 4: the alarm comes later",
            "EvaluationPeriods 3 → 4: the alarm comes later",
            "Period 60 → 300: the alarm comes later",
        ],
    ),
]
ELSEWHERE = [
    (HIGH, {**HIGH, "MetricName": "Memory"}, ["MetricName CPU → Memory"]),
    (HIGH, {**HIGH, "Namespace": "Ours"}, ["Namespace changes"]),
    (HIGH, {**HIGH, "Statistic": "Minimum"}, ["Statistic changes"]),
    ({**HIGH, "Statistic": "Maximum"}, {**HIGH, "Statistic": "Minimum"}, ["Statistic Maximum → Minimum"]),
    ({**HIGH, "ExtendedStatistic": "p99"}, {**HIGH, "ExtendedStatistic": "p1"}, ["ExtendedStatistic p99 → p1"]),
    ({**HIGH, "Dimensions": [{"Name": "A", "Value": "1"}]}, HIGH, ["Dimensions changes"]),
    ({"Metrics": [{"Id": "a"}]}, {"Metrics": [{"Id": "b"}]}, ["Metrics changes"]),
    (HIGH, {**HIGH, "ComparisonOperator": "LessThanThreshold"}, [f"ComparisonOperator {GREATER} → LessThanThreshold"]),
]
ONE_WAY = [case[:3] for case in WEAKER if "watches something else" not in case[3][0]]


def resources(resource_type: str, properties: dict[str, Any]) -> dict[str, Resource]:
    templates = from_bodies({"a": {"Resources": {"It": {"Type": resource_type, "Properties": properties}}}})
    return {"It": templates["a"].resources["It"]}


def what(resource_type: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    risks = list(weakened(resources(resource_type, before), resources(resource_type, after)))
    assert {(risk.path, risk.type) for risk in risks} <= {("It", resource_type)}
    return [risk.what for risk in risks]


@pytest.mark.parametrize(("resource_type", "before", "after", "expected"), WEAKER)
def test_what_becomes_weaker_is_told(
    resource_type: str, before: dict[str, Any], after: dict[str, Any], expected: list[str]
) -> None:
    assert sorted(what(resource_type, before, after)) == sorted(expected)


@pytest.mark.parametrize(("resource_type", "before", "after"), ONE_WAY)
def test_the_way_back_is_no_weakening(resource_type: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    assert what(resource_type, after, before) == []


def test_of_a_list_that_grows_only_what_is_new_is_told() -> None:
    steps = [{"Image": "app:1"}]
    assert what("T", {"Steps": steps}, {"Steps": [*steps, {"Other": "x"}]}) == []
    assert what("T", {"Steps": steps}, {"Steps": [{"Image": "b:1"}, *steps]}) == ["Steps[0].Image b:1 has no digest"]


def test_a_container_under_another_name_keeps_its_protection() -> None:
    assert what(TASK, container("api"), container("backend")) == []


@pytest.mark.parametrize(("before", "after", "expected"), ELSEWHERE)
def test_an_alarm_that_watches_something_else_is_told(
    before: dict[str, Any], after: dict[str, Any], expected: list[str]
) -> None:
    assert what(ALARM, before, after) == [f"{text}: it watches something else" for text in expected]


def test_what_of_an_alarm_only_aws_knows_is_told_by_nobody() -> None:
    assert what(ALARM, {**HIGH, "Threshold": "${Quota}"}, {**HIGH, "Threshold": 91}) == []


# Of CloudFront as its schema names them, of load balancers by the lowest version that they take, by ciphers and by age
# (Application Load Balancer, "Security policies"); from the strictest on.
STRICTNESS = {
    "MinimumProtocolVersion": [
        *("TLSv1.3_2025", "TLSv1.2_2025", "TLSv1.2_2021", "TLSv1.2_2019", "TLSv1.2_2018"),
        *("TLSv1.1_2016", "TLSv1_2016", "TLSv1", "SSLv3"),
    ],
    "SslPolicy": [
        *("TLS13-1-3-2021-06", "TLS13-1-2-Res-PQ-2025-09", "TLS13-1-2-Res-2021-06", "FS-1-2-Res-2020-10"),
        *("TLS13-1-2-2021-06", "FS-1-2-2019-08", "TLS-1-2-2017-01", "TLS-1-2-Ext-2018-06"),
        *("TLS13-1-2-Ext1-2021-06", "TLS13-1-2-Ext2-2021-06", "TLS13-1-1-2021-06", "FS-1-1-2019-08"),
        *("TLS13-1-0-2021-06", "FS-2018-06", "2016-08"),
    ],
}


@pytest.mark.parametrize("name", STRICTNESS)
def test_security_policies_are_compared_by_the_versions_of_tls_that_they_take(name: str) -> None:
    policies = [text if name.startswith("Min") else f"ELBSecurityPolicy-{text}" for text in STRICTNESS[name]]
    for strict, lax in pairwise(policies):
        assert what("T", {name: strict}, {name: lax}) == [f"{name} {strict} → {lax}"]
        assert what("T", {name: lax}, {name: strict}) == []


def test_every_security_policy_of_cloudfront_is_among_them() -> None:
    [values] = [
        value["MinimumProtocolVersion"]["enum"]
        for _, value in walk(dict(schemas.schema("AWS::CloudFront::Distribution")))
        if isinstance(value, dict) and "enum" in value.get("MinimumProtocolVersion", ())
    ]
    assert set(values) == set(STRICTNESS["MinimumProtocolVersion"])


def act(category: Any, name: str, order: int = 1) -> dict[str, Any]:
    return {"Name": name, "ActionTypeId": {"Category": category}, "RunOrder": order}


def pipeline(*stages: list[dict[str, Any]], rule: str = "") -> dict[str, Any]:
    """A pipeline; of a stage `rule` says whether its conditions are before it or after it."""
    conditions = {rule: {"Conditions": [{"Rules": [WINDOW]}]}} if rule else {}
    return {
        "Stages": [
            {"Name": f"{number}", "Actions": actions, **({} if number else conditions)}
            for number, actions in enumerate(stages)
        ]
    }


SOURCE, BUILD, DEPLOY, SITE = act("Source", "S"), act("Build", "B"), act("Deploy", "D"), act("Deploy", "Site")
HOLD = act("Approval", "Approve")
GONE_PAST = "does not come before the deployment"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (pipeline([SOURCE], [DEPLOY]), pipeline([DEPLOY]), ["the source S is gone"]),
        (pipeline([SOURCE], [DEPLOY], [SITE]), pipeline([SOURCE], [DEPLOY]), ["the deployment Site is gone"]),
        (pipeline([HOLD], [DEPLOY]), pipeline([DEPLOY], [HOLD]), [f"the approval Approve {GONE_PAST} D"]),
        # In one stage the order counts, and what has the same runs at the same time.
        (pipeline([HOLD, act("Deploy", "D", 2)]), pipeline([HOLD, DEPLOY]), [f"the approval Approve {GONE_PAST} D"]),
        (pipeline([HOLD], [DEPLOY]), pipeline([HOLD, act("Deploy", "D", 2)]), []),
        (pipeline([BUILD], [DEPLOY]), pipeline([DEPLOY], [BUILD]), [f"the action B {GONE_PAST} D"]),
        (pipeline([DEPLOY], [BUILD]), pipeline([BUILD], [DEPLOY]), []),
        # Assets before the documents that name them.
        (pipeline([DEPLOY], [SITE]), pipeline([SITE, DEPLOY]), [f"the deployment D {GONE_PAST} Site"]),
        # What is new waits for an approval, too; where there is none, for nothing.
        (pipeline([HOLD], [DEPLOY]), pipeline([SITE], [HOLD], [DEPLOY]), [f"the approval Approve {GONE_PAST} Site"]),
        (pipeline([BUILD], [DEPLOY]), pipeline([SITE], [BUILD], [DEPLOY]), []),
        # A second deployment of the name hides the first as little as a second approval.
        (pipeline([HOLD], [DEPLOY]), pipeline([DEPLOY], [HOLD], [DEPLOY]), [f"the approval Approve {GONE_PAST} D"]),
        (pipeline([HOLD], [DEPLOY]), pipeline([HOLD], [DEPLOY], [HOLD]), []),
        (
            pipeline([DEPLOY], rule="BeforeEntry"),
            pipeline([DEPLOY], rule="OnSuccess"),
            [f"the rule Hours {GONE_PAST} D"],
        ),
        # What is no category is no action, and ends nothing.
        (pipeline([HOLD], [DEPLOY]), {"Stages": [{"Actions": [act([], "X"), HOLD]}, {"Actions": [DEPLOY]}]}, []),
        (
            {"Stages": [{"Name": "a", "OnFailure": {"Result": "ROLLBACK"}}]},
            {"Stages": [{"Name": "a"}]},
            ["Stages[Name=a].OnFailure.Result ROLLBACK → (none)"],
        ),
    ],
)
def test_a_pipeline_that_deploys_less_or_waits_for_less_is_told(
    before: dict[str, Any], after: dict[str, Any], expected: list[str]
) -> None:
    assert what(PIPELINE, before, after) == expected


TCP = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 443, "CidrIp": "10.0.0.0/8"}
EVERYTHING = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}


@pytest.mark.parametrize(
    ("before", "after", "opened"),
    [
        (TCP, {**TCP, "FromPort": 443}, ""),
        (TCP, {**TCP, "FromPort": 79}, "tcp 79-443 from 10.0.0.0/8"),
        (TCP, {**TCP, "ToPort": 444}, "tcp 80-444 from 10.0.0.0/8"),
        (TCP, {**TCP, "FromPort": 22, "ToPort": 22}, "tcp 22 from 10.0.0.0/8"),
        (TCP, {**TCP, "IpProtocol": "udp"}, "udp 80-443 from 10.0.0.0/8"),
        (TCP, {"IpProtocol": "tcp", "CidrIp": "10.0.0.0/8"}, "tcp from 10.0.0.0/8"),
        (TCP, EVERYTHING, "every protocol from 0.0.0.0/0"),
        (EVERYTHING, TCP, ""),
        ({"IpProtocol": "tcp", "FromPort": -1, "ToPort": -1, "CidrIp": "10.0.0.0/8"}, TCP, ""),
        (TCP, {**TCP, "CidrIp": "10.1.0.0/16"}, ""),
        (TCP, {**TCP, "CidrIp": "11.0.0.0/16"}, "tcp 80-443 from 11.0.0.0/16"),
        (EVERYTHING, {"IpProtocol": "tcp", "CidrIpv6": "::/0"}, "tcp from ::/0"),
        (TCP, {**TCP, "CidrIp": "${Network.Cidr}"}, "tcp 80-443 from ${Network.Cidr}"),
        *(
            (TCP, {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 443, key: "x"}, "tcp 80-443 from x")
            for key in ("SourcePrefixListId", "SourceSecurityGroupId", "SourceSecurityGroupName")
        ),
    ],
)
@pytest.mark.parametrize("alone", [False, True], ids=["in its group", "alone"])
def test_a_rule_that_lets_in_more_is_told(
    before: dict[str, Any], after: dict[str, Any], opened: str, *, alone: bool
) -> None:
    """Whether it stands in the group or is a resource of its own."""
    sides = [
        {"GroupId": "${G.GroupId}", **rule} if alone else {f"{GROUP[10:]}Ingress": [rule]} for rule in (before, after)
    ]
    assert what(INGRESS if alone else GROUP, *sides) == ([f"opens {opened}"] if opened else [])


@pytest.mark.parametrize("key", ["CidrIp", "DestinationPrefixListId", "DestinationSecurityGroupId"])
def test_a_rule_that_lets_out_more_is_told_as_such(key: str) -> None:
    rule = {"GroupId": "g", "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, key: "x"}
    assert what(f"{GROUP}Egress", {**rule, "FromPort": 5433}, rule) == ["opens tcp 5432 to x"]
    assert what(GROUP, {}, {"SecurityGroupEgress": [rule]}) == ["opens tcp 5432 to x"]


def test_a_rule_of_another_group_or_direction_covers_nothing() -> None:
    old = resources(INGRESS, {"GroupId": "a", **TCP})
    for new in (resources(INGRESS, {"GroupId": "b", **TCP}), resources(f"{GROUP}Egress", {"GroupId": "a", **TCP})):
        assert len([*weakened(old, {"Other": new["It"]})]) == 1


@pytest.mark.parametrize(
    ("resource_type", "properties", "expected"),
    [
        (TASK, container(Privileged=True), ["ContainerDefinitions[0].Privileged true"]),
        (TASK, container(Privileged=False), []),
        (TASK, container(Image="app:1"), ["ContainerDefinitions[0].Image app:1 has no digest"]),
        *((TASK, container(Image=image), []) for image in (DIGEST, "none", "${Image}")),
        ("AWS::CodeBuild::Project", {"Environment": {"Image": "aws/codebuild/standard:7.0"}}, []),
        ("AWS::CodeBuild::Project", {"Environment": {"Image": "ours:1"}}, ["Environment.Image ours:1 has no digest"]),
        ("AWS::SecretsManager::Secret", {"SecretString": "word"}, ["SecretString is written in the template"]),
        *(("AWS::SecretsManager::Secret", {"SecretString": text}, []) for text in ("${A}", "{{resolve:ssm:a}}")),
        # What nobody has to set is no change where it is not set, and told where it is set otherwise.
        (
            BUCKET,
            {"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}},
            ["OwnershipControls.Rules[0].ObjectOwnership ObjectWriter"],
        ),
        (BUCKET, block(BlockPublicPolicy=False), []),
        (BUCKET, {}, []),
    ],
)
def test_of_a_new_resource_what_is_unsafe_is_told(
    resource_type: str, properties: dict[str, Any], expected: list[str]
) -> None:
    risks = list(weakened({}, resources(resource_type, properties)))
    assert [(risk.path, risk.type, risk.what) for risk in risks] == [("It", resource_type, text) for text in expected]
    [other] = resources("AWS::SNS::Topic", {}).values()
    assert [*weakened({"It": other}, resources(resource_type, properties))] == [], "another resource under the path"


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
