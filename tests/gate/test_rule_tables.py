"""The tables of the project rules, row by row, on single resources: what is good has no finding, and each row has one.

That every rule finds its faults in our own templates is shown in tests/gate/test_rules.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from generator.cfn.schemas import identifier
from generator.cfn.templates import load
from generator.gate.rules.names import ACCOUNT_WIDE, NAMES
from tests.support.rules import findings

KEY = {"Ref": "KeyArn"}
BUCKET, TABLE, REGISTRY = "AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::ECR::Repository"


def without(properties: dict[str, Any], *way: str) -> dict[str, Any]:
    """A copy in which something is left out."""
    if len(way) == 1:
        return {key: value for key, value in properties.items() if key != way[0]}
    return {**properties, way[0]: without(properties[way[0]], *way[1:])}


CLOSED = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True)


@pytest.mark.parametrize("part", CLOSED)
@pytest.mark.parametrize("value", [False, "true", None, {"Ref": "Closed"}])
def test_a_bucket_is_closed_in_four_ways(part: str, value: object) -> None:
    assert findings("STO001", BUCKET, {"PublicAccessBlockConfiguration": CLOSED}) == []
    opened = {"PublicAccessBlockConfiguration": {**CLOSED, part: value}}
    assert findings("STO001", BUCKET, opened) == [f"does not set {part}"]


@pytest.mark.parametrize(
    ("algorithm", "messages"),
    [
        ("aws:kms", []),
        ("aws:kms:dsse", []),
        ("AES256", []),
        ("none", ["has no default encryption"]),
        (None, ["has no default encryption"]),
    ],
)
def test_a_bucket_is_encrypted(algorithm: str | None, messages: list[str]) -> None:
    rules = [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}]
    properties = {"BucketEncryption": {"ServerSideEncryptionConfiguration": rules}}
    assert findings("STO002", BUCKET, properties) == messages


GOOD_TABLE = {
    "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY},
    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
}
GOOD_REGISTRY = {
    "ImageTagMutability": "IMMUTABLE",
    "ImageScanningConfiguration": {"ScanOnPush": True},
    "EncryptionConfiguration": {"EncryptionType": "KMS", "KmsKey": KEY},
}


NO_KEY, VERSIONED = "does not name a key of ours in", {"VersioningConfiguration": {"Status": "Enabled"}}


@pytest.mark.parametrize(
    ("rule", "kind", "good", "way", "message"),
    [
        ("STO008", TABLE, GOOD_TABLE, ("SSESpecification", "SSEEnabled"), "is not encrypted with a KMS key"),
        ("STO008", TABLE, GOOD_TABLE, ("SSESpecification", "SSEType"), "is not encrypted with a KMS key"),
        (
            "STO008",
            TABLE,
            GOOD_TABLE,
            ("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"),
            "has no point-in-time recovery",
        ),
        ("STO009", REGISTRY, GOOD_REGISTRY, ("ImageTagMutability",), "lets tags be moved"),
        ("STO009", REGISTRY, GOOD_REGISTRY, ("ImageScanningConfiguration", "ScanOnPush"), "does not scan images"),
        (
            "STO009",
            REGISTRY,
            GOOD_REGISTRY,
            ("EncryptionConfiguration", "EncryptionType"),
            "is not encrypted with a key",
        ),
        ("STO007", TABLE, GOOD_TABLE, ("SSESpecification", "KMSMasterKeyId"), f"{NO_KEY} SSESpecification"),
        ("STO007", REGISTRY, GOOD_REGISTRY, ("EncryptionConfiguration", "KmsKey"), f"{NO_KEY} EncryptionConfiguration"),
        *(
            ("STO007", kind, {name: KEY}, (name,), f"{NO_KEY} {name}")
            for kind, name in (
                ("AWS::SNS::Topic", "KmsMasterKeyId"),
                ("AWS::SQS::Queue", "KmsMasterKeyId"),
                ("AWS::Logs::LogGroup", "KmsKeyId"),
                ("AWS::SecretsManager::Secret", "KmsKeyId"),
                ("AWS::CodeBuild::Project", "EncryptionKey"),
            )
        ),
        ("STO005", BUCKET, VERSIONED, ("VersioningConfiguration",), "keeps no versions"),
        ("STO006", "AWS::KMS::Key", {"EnableKeyRotation": True}, ("EnableKeyRotation",), "does not rotate its key"),
        ("STO010", "AWS::Logs::LogGroup", {"RetentionInDays": 30}, ("RetentionInDays",), "has no RetentionInDays"),
    ],
)
def test_a_property_that_is_left_out_is_a_finding(
    rule: str, kind: str, good: dict[str, Any], way: tuple[str, ...], message: str
) -> None:
    assert findings(rule, kind, good) == []
    assert findings(rule, kind, without(good, *way)) == [message]


@pytest.mark.parametrize(
    ("key", "ours"), [(KEY, True), ("arn:aws:kms:x:1:key/k", True), ("alias/aws/sns", False), ("", False)]
)
def test_a_key_of_ours_is_one_by_reference_or_arn(key: object, ours: bool) -> None:
    assert (findings("STO007", "AWS::SNS::Topic", {"KmsMasterKeyId": key}) == []) is ours


KEPT = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::CodeCommit::Repository",
        TABLE,
        REGISTRY,
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        BUCKET,
        "AWS::SecretsManager::Secret",
    ],
)
def test_what_holds_data_survives_its_stack(kind: str) -> None:
    deletion = "Retain" if kind == BUCKET else "RetainExceptOnCreate"
    kept = {**KEPT, "DeletionPolicy": deletion}
    assert findings("STO011", kind, attributes=kept) == []
    assert findings("STO011", kind, attributes={**kept, "DeletionPolicy": "Delete"}) == [
        f"has no DeletionPolicy: {deletion}"
    ]
    assert findings("STO011", kind, attributes={**kept, "UpdateReplacePolicy": "Snapshot"}) == [
        "has no UpdateReplacePolicy: Retain"
    ]


CERTIFIED = {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": "arn"}]}
ASKING = [{"HttpHeaderConfig": {"Values": ["{{resolve:secretsmanager:secret}}"]}}]
CLEAR, ANYBODY = "is public, and Port takes clear text", "is public, and Rule answers to any distribution"


@pytest.mark.parametrize(
    ("scheme", "listener", "conditions", "messages"),
    [
        ("internal", {"Protocol": "HTTP"}, [], []),
        ("internet-facing", CERTIFIED, ASKING, []),
        (None, CERTIFIED, ASKING, []),
        ("internet-facing", {**CERTIFIED, "Protocol": "HTTP"}, ASKING, [CLEAR]),
        (None, {"Protocol": "HTTPS"}, ASKING, [CLEAR]),
        ("internet-facing", CERTIFIED, [], [ANYBODY]),
        ("internet-facing", CERTIFIED, [{"HttpHeaderConfig": {"Values": ["open"]}}], [ANYBODY]),
        ("internet-facing", {"Protocol": "HTTP"}, [{"PathPatternConfig": {"Values": ["/"]}}], [CLEAR, ANYBODY]),
    ],
)
def test_a_public_load_balancer_takes_https_and_asks_for_a_secret(
    scheme: str | None, listener: dict[str, Any], conditions: list[Any], messages: list[str]
) -> None:
    kind = "AWS::ElasticLoadBalancingV2::"
    beside = {
        "Port": {"Type": f"{kind}Listener", "Properties": listener},
        "Rule": {"Type": f"{kind}ListenerRule", "Properties": {"Conditions": conditions}},
    }
    assert findings("NET004", f"{kind}LoadBalancer", {"Scheme": scheme} if scheme else {}, beside=beside) == messages


ATTRIBUTES = {"routing.http.drop_invalid_header_fields.enabled": "true", "access_logs.s3.enabled": "true"}


@pytest.mark.parametrize("key", ATTRIBUTES)
def test_a_load_balancer_has_each_attribute(key: str) -> None:
    def balancer(attributes: dict[str, str]) -> list[str]:
        listed = [{"Key": name, "Value": value} for name, value in attributes.items()]
        return findings("NET005", "AWS::ElasticLoadBalancingV2::LoadBalancer", {"LoadBalancerAttributes": listed})

    assert balancer(ATTRIBUTES) == []
    assert (
        balancer({**ATTRIBUTES, key: "false"}) == balancer(without(ATTRIBUTES, key)) == [f"does not set {key} to true"]
    )


HEADERS = "AWS::CloudFront::ResponseHeadersPolicy"
SECURE: dict[str, Any] = {
    "ContentSecurityPolicy": {"ContentSecurityPolicy": "default-src 'none'; script-src 'self'"},
    **{name: {} for name in ("ContentTypeOptions", "FrameOptions", "ReferrerPolicy", "StrictTransportSecurity")},
}


def policy(headers: dict[str, Any], **metadata: Any) -> list[str]:
    return findings(
        "NET010", HEADERS, {"ResponseHeadersPolicyConfig": {"SecurityHeadersConfig": headers}}, Metadata=metadata
    )


@pytest.mark.parametrize("name", SECURE)
def test_a_page_is_answered_with_each_security_header(name: str) -> None:
    assert policy(SECURE) == []
    assert f"has no {name}" in policy(without(SECURE, name))


@pytest.mark.parametrize(
    ("text", "loose"),
    [
        ("script-src 'self' 'none'", ""),
        ("default-src 'self'", ""),
        ("default-src 'none'; script-src *", "*"),
        ("script-src 'self' https://x.test https://y.test", "https://x.test https://y.test"),
        ("img-src 'self'", "*"),
        ("", "*"),
        ("script-src https://known.test", ""),
    ],
)
def test_scripts_come_from_the_page_itself_and_from_hosts_with_a_reason(text: str, loose: str) -> None:
    headers = {**SECURE, "ContentSecurityPolicy": {"ContentSecurityPolicy": text}}
    expected = [f"lets scripts come from {loose}"] if loose else []
    assert policy(headers, PageHosts={"script https://known.test": "why"}) == expected


@pytest.mark.parametrize(
    ("rule", "messages"),
    [
        ({"CidrIp": "10.0.0.0/8", "IpProtocol": "tcp"}, []),
        ({"CidrIp": "0.0.0.0/0", "IpProtocol": "tcp"}, ["admits the whole internet"]),
        ({"CidrIpv6": "::/0", "IpProtocol": "tcp"}, ["admits the whole internet"]),
        ({"CidrIp": "10.0.0.0/8", "IpProtocol": "-1"}, ["admits every protocol and port"]),
        ({"CidrIp": "10.0.0.0/8", "IpProtocol": -1}, ["admits every protocol and port"]),
        ({"CidrIpv6": "::/0", "IpProtocol": "-1"}, ["admits the whole internet", "admits every protocol and port"]),
    ],
)
def test_what_a_security_group_admits(rule: dict[str, Any], messages: list[str]) -> None:
    assert findings("NET003", "AWS::EC2::SecurityGroupIngress", rule) == messages
    assert findings("NET003", "AWS::EC2::SecurityGroup", {"SecurityGroupIngress": [rule]}) == messages


@pytest.mark.parametrize(
    ("version", "messages"),
    [
        ("TLSv1.2_2021", []),
        ("TLSv1.2_2025", []),
        ("TLSv1.3_2025", []),
        ("TLSv1.2_2019", ["accepts TLSv1.2_2019"]),
        (None, ["accepts any TLS version"]),
    ],
)
@pytest.mark.parametrize("certificate", ["AcmCertificateArn", "IamCertificateId"])
def test_the_oldest_tls_that_viewers_may_speak(certificate: str, version: str | None, messages: list[str]) -> None:
    viewer = {certificate: "x", **({"MinimumProtocolVersion": version} if version else {})}
    distribution = {"DistributionConfig": {"ViewerCertificate": viewer}}
    assert findings("NET007", "AWS::CloudFront::Distribution", distribution) == messages
    default = {"DistributionConfig": {"ViewerCertificate": {"CloudFrontDefaultCertificate": True}}}
    assert findings("NET007", "AWS::CloudFront::Distribution", default) == []


def option(namespace: str, name: str, value: str) -> dict[str, str]:
    return {"Namespace": namespace, "OptionName": name, "Value": value}


OPTIONS = {
    ("aws:elasticbeanstalk:environment", "LoadBalancerType"): "application",
    ("aws:elasticbeanstalk:environment", "LoadBalancerIsShared"): "true",
    ("aws:elasticbeanstalk:command", "DeploymentPolicy"): "Immutable",
    ("aws:elasticbeanstalk:healthreporting:system", "SystemType"): "enhanced",
    ("aws:autoscaling:launchconfiguration", "DisableDefaultEC2SecurityGroup"): "true",
    ("aws:autoscaling:launchconfiguration", "DisableIMDSv1"): "true",
    ("aws:ec2:vpc", "AssociatePublicIpAddress"): "false",
    ("aws:elbv2:loadbalancer", "SharedLoadBalancer"): "arn",
}


@pytest.mark.parametrize(("namespace", "name"), OPTIONS)
def test_each_option_of_elastic_beanstalk_whose_default_is_another_one(namespace: str, name: str) -> None:
    def environment(options: dict[tuple[str, str], str]) -> list[str]:
        settings = [option(*place, value) for place, value in options.items()]
        return findings("RUN003", "AWS::ElasticBeanstalk::Environment", {"OptionSettings": settings})

    assert environment(OPTIONS) == []
    splitting = {("aws:elasticbeanstalk:command", "DeploymentPolicy"): "TrafficSplitting"}
    assert environment({**OPTIONS, **splitting}) == []
    good = {"Immutable": "Immutable or TrafficSplitting"}.get(OPTIONS[namespace, name], OPTIONS[namespace, name])
    expected = f"has {name} of {namespace} not at {good}"
    if name == "SharedLoadBalancer":
        expected = "does not name the load balancer (SharedLoadBalancer) that it shares"
    elsewhere = {(f"{namespace}:other", name): OPTIONS[namespace, name]}
    left = {place: value for place, value in OPTIONS.items() if place != (namespace, name)}
    assert environment(left) == environment({**left, **elsewhere}) == [expected]
    assert environment({**OPTIONS, (namespace, name): ""}) == [expected]


UNGUARDED = "deploys without alarms that roll back"
ALARMS = {"AlarmNames": ["a"], "Enable": True, "Rollback": True}
BREAKER = {"Enable": True, "Rollback": True}


@pytest.mark.parametrize(
    ("settings", "messages"),
    [
        ({"Alarms": ALARMS, "DeploymentCircuitBreaker": BREAKER}, []),
        ({"Strategy": "ROLLING", "Alarms": ALARMS, "DeploymentCircuitBreaker": BREAKER}, []),
        ({"Strategy": "CANARY", "Alarms": ALARMS, "BakeTimeInMinutes": 0}, []),
        *(({"Alarms": without(ALARMS, key), "DeploymentCircuitBreaker": BREAKER}, [UNGUARDED]) for key in ALARMS),
        *(
            (
                {"Alarms": ALARMS, "DeploymentCircuitBreaker": {**BREAKER, key: False}},
                ["deploys ROLLING without a circuit breaker that rolls back"],
            )
            for key in BREAKER
        ),
        (
            {"Strategy": "CANARY", "Alarms": ALARMS, "DeploymentCircuitBreaker": BREAKER},
            ["has a circuit breaker, which is for ROLLING alone", "shifts traffic without a bake time"],
        ),
        (None, [UNGUARDED, "deploys ROLLING without a circuit breaker that rolls back"]),
    ],
)
def test_a_release_that_fails_is_taken_back(settings: dict[str, Any] | None, messages: list[str]) -> None:
    properties = {"DeploymentConfiguration": settings} if settings else {}
    assert findings("RUN001", "AWS::ECS::Service", properties) == messages


def test_a_release_that_fails_is_taken_back_whatever_a_condition_chooses() -> None:
    good, bad = {"Alarms": ALARMS, "DeploymentCircuitBreaker": BREAKER}, {"Strategy": "CANARY", "Alarms": ALARMS}
    chosen = {"DeploymentConfiguration": {"Fn::If": ["Rolling", good, bad]}}
    conditions = {"Rolling": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]}}
    messages = findings("RUN001", "AWS::ECS::Service", chosen, Conditions=conditions)
    assert messages == ["shifts traffic without a bake time"]


def nested(value: Any, place: tuple[str, ...]) -> Any:
    for step in reversed(place):
        value = {step: value}
    return value


@pytest.mark.parametrize("kind", [*NAMES, *ACCOUNT_WIDE])
def test_a_name_of_every_type_tells_two_environments_apart(kind: str) -> None:
    place = {**NAMES, **ACCOUNT_WIDE}[kind]

    def called(value: Any) -> list[str]:
        return findings("NAM001", kind, nested(value, place))

    own = {"Fn::Sub": "x-${Environment}"}
    assert called("fixed") == ["is always called fixed"] and called({"Fn::Sub": "x-${AWS::Region}"})
    assert called(own) == (["is called x-${Environment} in every Region"] if kind in ACCOUNT_WIDE else [])
    assert called({"Fn::Sub": "x-${Environment}-${AWS::Region}"}) == called(None) == []
    twin = {"Second": {"Type": kind, "Properties": nested(own, place)}}
    assert findings("NAM005", kind, nested(own, place), beside=twin) == ["is called x-${Environment}, as t.It is"]
    assert findings("NAM005", kind, beside=twin) == []


def test_every_type_that_a_name_identifies_is_in_the_tables(repository: Path) -> None:
    """A row that is missing there is a second environment that cannot be made."""
    named = {
        resource.type
        for resource in load(repository / "templates").resources()
        for path in identifier(resource.type)
        if isinstance(resource.get(*path), str | dict) and path[-1].endswith("Name")
    }
    # A record is called by the environment's own domain.
    assert len(named) > 8 and named - {**NAMES, **ACCOUNT_WIDE}.keys() == {"AWS::Route53::RecordSet"}


TAGS = {"Application": "shop", "Component": "t", "Environment": {"Ref": "Environment"}, "ManagedBy": "CloudFormation"}


@pytest.mark.parametrize("missing", TAGS)
def test_each_tag_has_to_be_there_in_whichever_form_a_type_has_tags(missing: str) -> None:
    left = without(TAGS, missing)
    listed = [{"Key": key, "Value": value} for key, value in left.items()]
    for properties in ({"Tags": left}, {"Tags": listed}, {"ResourceTags": listed}):
        assert findings("NAM004", "AWS::SNS::Topic", properties) == [f"has no tag {missing}"]
    assert findings("NAM004", "AWS::SNS::Topic", {"Tags": TAGS}) == findings("NAM004", "AWS::SNS::Topic") == []


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        ({"Ref": "Environment"}, []),
        ("fixed", []),
        ({"Ref": "Image"}, ["has the tag Owner, which follows Image"]),
        ({"Fn::Sub": "${B}-${A}-${Environment}"}, ["has the tag Owner, which follows A, B"]),
        ("1.2.3", ["has the tag Owner with 1.2.3, which changes"]),
        ("2026-01-01", ["has the tag Owner with 2026-01-01, which changes"]),
    ],
)
def test_no_tag_changes_with_a_release(value: Any, messages: list[str]) -> None:
    assert findings("NAM003", "AWS::SNS::Topic", {"Tags": [{"Key": "Owner", "Value": value}]}) == messages


@pytest.mark.parametrize("tool", ["cfn-lint", "cfn_nag", "checkov", "guard"])
def test_no_tool_is_silenced(tool: str) -> None:
    assert findings("STR008", "AWS::SNS::Topic", attributes={"Metadata": {tool: {}}}) == [f"silences {tool}"]
    assert findings("STR008", "AWS::SNS::Topic", Metadata={tool: {}}) == [f"silences {tool}"]


@pytest.mark.parametrize("function", ["Fn::ForEach::Queues", "Fn::Transform", "Fn::ToJsonString", "Fn::Length"])
def test_no_function_of_a_macro_is_used(function: str) -> None:
    assert findings("STR005", "AWS::SNS::Topic", {"DisplayName": {function: []}}) == [f"uses {function}"]


@pytest.mark.parametrize("name", ["RoleName", "ManagedPolicyName", "UserName", "GroupName", "InstanceProfileName"])
def test_nothing_of_iam_has_a_name_of_its_own(name: str) -> None:
    assert findings("IAM009", "AWS::IAM::Role", {name: "fixed"}) == [f"has the name {name}"]
    assert findings("IAM009", "AWS::SNS::Topic", {name: "fixed"}) == []


def trust(service: str, **condition: Any) -> dict[str, Any]:
    statement = {
        "Sid": "Trust",
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": ["sts:AssumeRole"],
        "Condition": condition,
    }
    return {"AssumeRolePolicyDocument": {"Statement": [statement]}}


@pytest.mark.parametrize(
    ("service", "condition", "trusted"),
    [
        ("codebuild.amazonaws.com", {"StringEquals": {"aws:SourceAccount": "1"}}, True),
        ("codebuild.amazonaws.com", {"ArnLike": {"AWS:SourceArn": "arn"}}, True),
        ("codebuild.amazonaws.com", {"StringEquals": {"aws:SourceOrgID": "o"}}, True),
        ("codebuild.amazonaws.com", {"StringLike": {"aws:SourceOrgPaths": "o"}}, True),
        ("codebuild.amazonaws.com", {"StringEquals": {"kms:EncryptionContext:aws:logs:arn": "a"}}, True),
        ("codebuild.amazonaws.com", {"StringEquals": {"aws:RequestedRegion": "x"}}, False),
        ("codebuild.amazonaws.com", {}, False),
        *(
            (f"{service}.amazonaws.com", {}, True)
            for service in ("cloudformation", "codepipeline", "ecs", "ec2", "elasticbeanstalk")
        ),
    ],
)
def test_a_service_says_for_whom_it_acts_but_for_those_of_which_aws_documents_none(
    service: str, condition: dict[str, Any], trusted: bool
) -> None:
    expected = [] if trusted else [f"statement Trust lets {service} assume the role for anybody's account"]
    assert findings("IAM006", "AWS::IAM::Role", trust(service, **condition)) == expected


@pytest.mark.parametrize(
    "name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "MY_AWS_ACCESS_KEY"]
)
def test_no_key_that_lives_long_is_handed_over(name: str) -> None:
    containers = {"ContainerDefinitions": [{"Secrets": [{"Name": name}]}]}
    assert findings("SEC004", "AWS::ECS::TaskDefinition", containers) == [f"hands over {name}"]
    other = {"ContainerDefinitions": [{"Secrets": [{"Name": f"{name}_NOT"}]}]}
    assert findings("SEC004", "AWS::ECS::TaskDefinition", other) == []


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        ([{"Ref": "TopicArn"}], []),
        ([], ["has no AlarmActions"]),
        (None, ["has no AlarmActions"]),
        (["text"], ["has no AlarmActions"]),
        ({"Fn::If": ["C", [{"Ref": "TopicArn"}], {"Ref": "AWS::NoValue"}]}, ["has no AlarmActions"]),
    ],
)
def test_somebody_hears_of_an_alarm(value: Any, messages: list[str]) -> None:
    alarm = {"AlarmActions": value, "OKActions": [{"Ref": "TopicArn"}]}
    assert findings("MON002", "AWS::CloudWatch::Alarm", alarm) == messages
