"""What an environment needs in us-east-1, wherever it stands itself: CloudFront looks only there.

A certificate for the domain, when its hosted zone is in this account, and alarms on CloudFront's metrics with a topic
of their own, when somebody wants them; without either there is no such stack. Flat, because it is small. Applied
before the environment, which takes the certificate's ARN, and again after it when alarms wait for the distribution's
id: nothing is exported or imported, the deploy script hands both over as parameters.
"""

from __future__ import annotations

from troposphere import And, Condition, Equals, GetAtt, Not, Output, Ref, Sub, cloudfront, cloudwatch, sns

from generator.constructs import alarms, certificates, keys, topics
from generator.core import iam, ports
from generator.core.settings import Computed, Setting, add_to, environment_name
from generator.core.stack import Stack, switched_on
from generator.project import Project
from generator.roots.environment.parameters import address, subscribers
from generator.version import VERSION

NEEDS_CERTIFICATE, WATCHED, KNOWN = "NeedsCertificate", "Watched", "DistributionKnown"
SERVES = ["NOT-4"]


def build(project: Project) -> Stack:
    stack = Stack("edge", __name__, "what must stand in us-east-1", project, is_root=True)
    stack.template.set_metadata({"Generator": {"Module": __name__, "Version": VERSION}, "Region": "us-east-1"})
    add_to(stack.template, _settings())
    stack.when(
        NEEDS_CERTIFICATE,
        And(switched_on(stack.takes(ports.HOSTED_ZONE_ID), ""), Equals(stack.takes(ports.CERTIFICATE_ARN), "")),
    )
    stack.when(WATCHED, Equals(stack.takes(ports.CLOUDFRONT_ALARMS), "true"))
    known = Not(Equals(stack.takes(ports.DISTRIBUTION_ID), ""))
    stack.when(KNOWN, And(Condition(WATCHED), known))
    _certificate(stack)
    _watch(stack, _topic(stack))
    return stack


def _settings() -> list[Setting]:
    people = "People"
    return [
        environment_name("Environment"),
        *address("Environment"),
        *subscribers(people),
        Setting(ports.CLOUDFRONT_ALARMS, people, "CloudFront alarms", "false", allowed=("true", "false")),
        Setting(ports.CLOUDFRONT_ERROR_PERCENT, people, "Errors at CloudFront (%)", "5", between=(1, 100)),
        Setting(
            ports.DISTRIBUTION_ID,
            "Set by the deploy script",
            "Distribution",
            pattern="|[A-Z0-9]{8,20}",
            rule="the id of a CloudFront distribution, or empty",
            computed=Computed("output DistributionId of the root `environment`; empty until it exists", ""),
        ),
    ]


def _certificate(stack: Stack) -> None:
    says = "Certificate with which CloudFront answers for the domain."
    # The distribution answers with a replaced one until the environment, which comes later, has the new one, and ACM
    # deletes none in use: the deploy script removes it then (acm userguide, gs-acm-delete).
    policies = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Retain"}
    certificate = certificates.add(stack, NEEDS_CERTIFICATE, says, ["RUN-2"], **policies)
    port = ports.EDGE_CERTIFICATE
    stack.template.add_output(
        Output(port.name, Condition=NEEDS_CERTIFICATE, Description=port.meaning, Value=Ref(certificate))
    )


def _topic(stack: Stack) -> sns.Topic:
    """A topic takes alarms of its own Region only, and none through the key that AWS manages for SNS."""
    key = keys.add(
        stack,
        "Key",
        Sub(f"{stack.project.title}, ${{Environment}}: topic of the CloudFront alarms"),
        [keys.publishes("AlarmsPublish", "cloudwatch", "alarms reach the encrypted topic", (iam.same_account(),))],
        "Key that encrypts the messages of the CloudFront alarms.",
        SERVES,
        WATCHED,
    )
    topic = stack.add(
        sns.Topic("Topic", Condition=WATCHED, KmsMasterKeyId=GetAtt(key, "Arn")),
        "Topic for the CloudFront alarms.",
        SERVES,
    )
    topics.opened(stack, topic, "Who may publish to the topic.", SERVES, [topics.alarms(topic)], WATCHED)
    return topic


def _watch(stack: Stack, topic: sns.Topic) -> None:
    """Source: AmazonCloudFront DeveloperGuide, programming-cloudwatch-metrics (names, statistics, units)."""
    distribution = stack.takes(ports.DISTRIBUTION_ID)
    stack.add(
        cloudfront.MonitoringSubscription(
            "AdditionalMetrics",
            Condition=KNOWN,
            DistributionId=distribution,
            MonitoringSubscription=cloudfront.MonitoringSubscriptionProperty(
                RealtimeMetricsSubscriptionConfig=cloudfront.RealtimeMetricsSubscriptionConfig(
                    RealtimeMetricsSubscriptionStatus="Enabled"
                )
            ),
        ),
        "CloudFront's additional metrics, of which the origin's latency is one.",
        SERVES,
    )
    dimensions = {"DistributionId": distribution, "Region": "Global"}
    alarms.alarm(
        stack,
        "CloudFrontErrors",
        "CloudFront answers many requests with server errors.",
        SERVES,
        ("AWS/CloudFront", "5xxErrorRate", "Average"),
        dimensions,
        stack.takes(ports.CLOUDFRONT_ERROR_PERCENT),
        condition=KNOWN,
        topic=Ref(topic),
    )
    # In milliseconds, while the parameter is in seconds as at the load balancer.
    latency = cloudwatch.MetricDataQuery(
        Id="latency",
        MetricStat=cloudwatch.MetricStat(
            Metric=cloudwatch.Metric(
                Dimensions=[cloudwatch.MetricDimension(Name=key, Value=value) for key, value in dimensions.items()],
                MetricName="OriginLatency",
                Namespace="AWS/CloudFront",
            ),
            Period=300,
            Stat="p95",
        ),
        ReturnData=False,
    )
    seconds = cloudwatch.MetricDataQuery(
        Id="seconds", Expression="latency / 1000", Label="Origin latency (s)", ReturnData=True
    )
    alarms.add(
        stack,
        "OriginLatency",
        "CloudFront waits long for the slowest 5% of the origins' answers.",
        SERVES,
        KNOWN,
        Ref(topic),
        EvaluationPeriods=2,
        Metrics=[latency, seconds],
        Threshold=stack.takes(ports.LATENCY_ALARM_SECONDS),
    )
