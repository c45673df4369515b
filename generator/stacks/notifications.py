"""The topic that people subscribe to.

Encrypted with our key, because the key that AWS manages for SNS lets no other service publish (sns dg,
sns-key-management). EventBridge reaches it by the topic's policy and not by a role: with a role on the target,
delivery to an encrypted topic may fail (eventbridge userguide, eb-use-resource-based). A subscription by mail stays
pending until somebody clicks; a phone must first leave the SMS sandbox.
"""

from __future__ import annotations

from awacs import sns as do
from awacs.aws import ArnLike, Bool, Principal
from troposphere import Ref, sns

from generator import arns, iam, ports
from generator.project import Project
from generator.stack import Stack, switched_on


def build(project: Project) -> Stack:
    stack = Stack("notifications", __name__, "topic and subscriptions", project)
    topic = stack.add(
        sns.Topic("Topic", TopicName=stack.takes(ports.TOPIC_NAME), KmsMasterKeyId=stack.takes(ports.KEY_ARN)),
        "Topic for pipeline messages, alarms and budget warnings.",
        ["NOT-1"],
    )
    grants = _policy(topic)
    stack.add(
        sns.TopicPolicy("TopicPolicy", Topics=[Ref(topic)], PolicyDocument=iam.document(grants)),
        "Which services may publish to the topic.",
        ["NOT-1", "NOT-2"],
        grants,
    )
    for title, protocol, port in (
        ("Email", "email", ports.NOTIFICATION_EMAIL),
        ("Phone", "sms", ports.NOTIFICATION_PHONE),
    ):
        endpoint = stack.takes(port)
        wanted = stack.when(f"Has{title}", switched_on(endpoint, ""))
        stack.add(
            sns.SubscriptionResource(
                title, Condition=wanted, Protocol=protocol, Endpoint=endpoint, TopicArn=Ref(topic)
            ),
            f"Subscription by {protocol}.",
            ["NOT-1"],
        )
    stack.gives(ports.TOPIC_ARN, Ref(topic))
    return stack


def _policy(topic: sns.Topic) -> list[iam.Grant]:
    """Sources: eventbridge userguide eb-use-resource-based; cost-management userguide budgets-sns-policy; sns dg
    sns-security-best-practices."""
    return [
        iam.allow(
            "EventsPublish",
            [do.Publish],
            [Ref(topic)],
            "rules send pipeline messages; EventBridge documents no condition for an encrypted topic",
            to=iam.service("events"),
        ),
        iam.allow(
            "AlarmsPublish",
            [do.Publish],
            [Ref(topic)],
            "alarms of this account send their state",
            [iam.same_account()],
            iam.service("cloudwatch"),
        ),
        iam.allow(
            "BudgetsPublish",
            [do.Publish],
            [Ref(topic)],
            "the budget of this account sends its warnings",
            [iam.same_account(), ArnLike({"aws:SourceArn": arns.global_arn("budgets", "*")})],
            iam.service("budgets"),
        ),
        iam.deny(
            "OnlyOverTls",
            [do.Publish],
            [Ref(topic)],
            "nobody may publish in clear",
            [Bool({"aws:SecureTransport": False})],
            Principal("*"),
        ),
    ]
