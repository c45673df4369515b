"""What stands in us-east-1, and the domain: a certificate, CloudFront's alarms, the records in the hosted zone."""

from typing import Any

import pytest

from generator.cfn.assertions import broken, unmet
from generator.cfn.environments import roots_of
from generator.cfn.templates import TemplateSet, load
from tests.support.design import (
    ROOT,
    attribute,
    declaration,
    default,
    dimensions,
    exists,
    grants,
    outcome,
    real,
    ref,
    sub,
    under,
)

ZONE = {"HostedZoneId": "Z1", "CertificateArn": ""}
WATCHED = {"CloudFrontAlarms": "true", "DistributionId": "E1"}
DOMAIN = {"Name": ref("DomainName"), "HostedZoneId": ref("HostedZoneId")}


def test_certificate_of_the_domain(templates: TemplateSet) -> None:
    """Made where CloudFront looks for it, when the zone is ours and no certificate is given."""
    assert templates["edge"].metadata["Region"] == "us-east-1"
    certificate = templates.resource("edge.Certificate")
    assert (
        certificate.properties.items()
        >= {
            "DomainName": ref("DomainName"),
            "DomainValidationOptions": [{"DomainName": ref("DomainName"), "HostedZoneId": ref("HostedZoneId")}],
            "ValidationMethod": "DNS",
        }.items()
    )
    assert exists(templates, certificate.address, **ZONE)
    assert not exists(templates, certificate.address, HostedZoneId="", CertificateArn="")
    assert not exists(templates, certificate.address, HostedZoneId="Z1", CertificateArn="arn")
    output = templates["edge"].outputs["EdgeCertificateArn"]
    assert (output["Value"], output["Condition"]) == (ref("Certificate"), "NeedsCertificate")
    # The environment takes the one that was given, or this one.
    taken = templates.resource("environment.Delivery").get("Parameters", "ViewerCertificateArn")
    assert taken == {"Fn::If": ["OwnCertificate", ref("CertificateArn"), ref("EdgeCertificateArn")]}
    assert templates["environment"].metadata["Computed"]["EdgeCertificateArn"]["First"] == ""
    for name in ("DomainName", "HostedZoneId", "CertificateArn"):
        assert declaration(templates, name) == declaration(templates, name, "edge")
        assert default(templates, name) == ""


def test_records_of_the_domain(templates: TemplateSet) -> None:
    target = {
        "DNSName": ref("DistributionDomain"),
        "EvaluateTargetHealth": False,
        "HostedZoneId": "Z2FDTNDATAQYW2",  # CloudFront's own (Route53 APIReference, API_AliasTarget)
    }
    for name, kind in (("Ipv4", "A"), ("Ipv6", "AAAA")):
        record = templates.resource(f"address.{name}")
        assert record.properties == {**DOMAIN, "Type": kind, "AliasTarget": target}
        domain = real(templates, record.address, ref("DistributionDomain"))
        assert domain == "${delivery.Distribution.DomainName}"
    assert exists(templates, "environment.Address", HostedZoneId="Z1")
    assert not exists(templates, "environment.Address", HostedZoneId="")


def test_alarms_of_the_distribution(templates: TemplateSet) -> None:
    """Errors as a percentage, and the origin's latency, which CloudFront measures only when it is told to."""
    where = {"DistributionId": "${DistributionId}", "Region": "Global"}
    errors, latency = (templates.resource(f"edge.{item}") for item in ("CloudFrontErrors", "OriginLatency"))
    assert [errors.get(name) for name in ("Namespace", "MetricName", "Statistic", "Threshold")] == [
        "AWS/CloudFront", "5xxErrorRate", "Average", ref("CloudFrontErrorPercent")
    ]  # fmt: skip
    assert dimensions(dict(errors.properties)) == where
    assert default_of(templates, "CloudFrontErrorPercent") == "5"
    metrics = {metric["Id"]: metric for metric in latency.get("Metrics", default=[])}
    measured = metrics["latency"]["MetricStat"]
    assert (measured["Metric"]["Namespace"], measured["Metric"]["MetricName"]) == ("AWS/CloudFront", "OriginLatency")
    assert (measured["Stat"], dimensions(measured["Metric"])) == ("p95", where)
    assert (metrics["seconds"]["Expression"], metrics["seconds"]["ReturnData"]) == ("latency / 1000", True)
    assert latency.get("Threshold") == ref("LatencyAlarmSeconds")
    more = templates.resource("edge.AdditionalMetrics")
    assert more.get("DistributionId") == ref("DistributionId")
    [switch] = more.get("MonitoringSubscription", default={}).values()
    assert switch == {"RealtimeMetricsSubscriptionStatus": "Enabled"}
    for item in (errors, latency, more):
        assert exists(templates, item.address, **WATCHED)
        assert not exists(templates, item.address, **{**WATCHED, "DistributionId": ""})
        assert not exists(templates, item.address, **{**WATCHED, "CloudFrontAlarms": "false"})
    for item in (errors, latency):
        assert item.get("AlarmActions") == item.get("OKActions") == [ref("Topic")]
        assert item.get("TreatMissingData") == "notBreaching"
    assert default_of(templates, "CloudFrontAlarms") == "false"
    assert templates["edge"].metadata["Computed"]["DistributionId"]["First"] == ""


def default_of(templates: TemplateSet, parameter: str) -> Any:
    return declaration(templates, parameter, "edge")["Default"]


def test_topic_of_the_distribution(templates: TemplateSet) -> None:
    """A topic of its own, because alarms tell topics of their own Region only; the same people, and its own key."""
    topic = templates.resource("edge.Topic")
    assert topic.get("KmsMasterKeyId") == attribute("Key")
    services = {grant.principals for grant in grants(templates, "edge.TopicPolicy").values() if grant.allows}
    assert services == {("Service:cloudwatch.amazonaws.com",)}
    assert templates.resource("edge.TopicPolicy").get("Topics") == [ref("Topic")]
    key = grants(templates, "edge.Key")["AlarmsPublish"]
    assert {"kms:Decrypt", "kms:GenerateDataKey"} <= set(key.actions)
    for name, parameter in (("Email", "NotificationEmail"), ("Phone", "NotificationPhone")):
        subscription = templates.resource(f"edge.{name}")
        assert (subscription.get("Endpoint"), subscription.get("TopicArn")) == (ref(parameter), ref("Topic"))
        assert exists(templates, subscription.address, CloudFrontAlarms="true", **{parameter: "given"})
        assert not exists(templates, subscription.address, CloudFrontAlarms="true", **{parameter: ""})
        assert not exists(templates, subscription.address, CloudFrontAlarms="false", **{parameter: "given"})
    for item in ("Topic", "TopicPolicy", "Key"):
        assert exists(templates, f"edge.{item}", **WATCHED)
        assert not exists(templates, f"edge.{item}", CloudFrontAlarms="false")


def test_without_domain_and_alarms_there_is_nothing(templates: TemplateSet) -> None:
    """Then the root makes nothing, and the deploy script leaves it out."""
    none = outcome(templates, "edge", HostedZoneId="", CertificateArn="", CloudFrontAlarms="false")
    assert not any(none[str(resource.condition)] for resource in templates["edge"].resources.values())
    assert list(roots_of("staging", templates))[-1] == "environment"
    assert under(templates, "delivery.Distribution", DomainName="")["DistributionConfig"]["ViewerCertificate"] == {
        "CloudFrontDefaultCertificate": True
    }
    assert templates["delivery"].outputs["PublicUrl"]["Value"]["Fn::If"][2] == sub("https://${Distribution.DomainName}")


@pytest.mark.parametrize(
    ("provided", "refused"),
    [
        ((), False),
        (("DomainName",), True),
        (("HostedZoneId",), True),
        (("CertificateArn",), True),
        (("CertificateArn", "HostedZoneId"), True),
        (("DomainName", "HostedZoneId"), False),
        (("DomainName", "CertificateArn"), False),
        (("DomainName", "CertificateArn", "HostedZoneId"), False),
    ],
)
def test_a_domain_needs_a_zone_or_a_certificate(provided: tuple[str, ...], refused: bool) -> None:
    environment = load(ROOT / "templates")["environment"]
    values = {name: str(item.get("Default", "x")) for name, item in environment.parameters.items()}
    result = [item.rule for item in broken(environment.body, {**values, **dict.fromkeys(provided, "x")})]
    assert ("DomainWithCertificate" in result) is refused


# The smallest and the largest value of every number that a person may choose.
BOUNDS = {
    "access": {},
    "shared-access": {},
    "edge": {"CloudFrontErrorPercent": (1, 100), "LatencyAlarmSeconds": (1, 60)},
    "environment": {
        "ApprovalTimeoutMinutes": (5, 86400),
        "ArtifactDays": (30, 3650),
        "BakeMinutes": (1, 20),
        "BuildDurationAlarmSeconds": (60, 28800),
        "BuildTimeoutMinutes": (5, 480),
        "CanaryBakeMinutes": (3, 20),
        "CanaryPercent": (1, 99),
        "DeploymentTimeoutMinutes": (5, 60),
        "ErrorAlarmCount": (1, 100000),
        "ExecutionTimeoutMinutes": (10, 480),
        "ImagesKept": (50, 1000),
        "LatencyAlarmSeconds": (1, 60),
        "MaximumTasks": (1, 100),
        "MetricsCollectionInterval": (10, 86400),
        "MinimumTasks": (1, 100),
        "MonthlyBudget": (1, 1000000),
    },
    "shared": {"RequiredApprovals": (0, 5)},
}


def test_numbers_have_these_bounds(templates: TemplateSet) -> None:
    for root in templates.roots():
        numbers = {name: body for name, body in root.parameters.items() if body["Type"] == "Number"}
        bounds = {name: (body["MinValue"], body["MaxValue"]) for name, body in numbers.items()}
        assert bounds == BOUNDS[root.name]
        for name, (low, high) in bounds.items():
            assert unmet(name, numbers[name], str(low)) is unmet(name, numbers[name], str(high)) is None
            assert unmet(name, numbers[name], str(low - 1)) and unmet(name, numbers[name], str(high + 1))
