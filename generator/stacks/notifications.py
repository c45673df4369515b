"""The topic that people subscribe to.

Encrypted with our key, because the key that AWS manages for SNS lets no other service publish (sns dg,
sns-key-management). EventBridge reaches it by the role of its rules: neither topic nor key has to let in a service that
cannot be asked for whom it acts, because no source condition works on a key for it (same page). Rules have roles for
targets of every type since March 2025 (AWS, What's New, amazon-eventbridge-iam-execution-role-all-targets, which
recommends them; aws/aws-cdk, pull request 34259: encrypted topics too). A subscription by mail stays pending until
somebody clicks; a phone must first leave the SMS sandbox.
"""

from __future__ import annotations

from awacs.aws import ArnLike
from troposphere import Ref, sns

from generator.constructs import topics
from generator.core import arns, iam, ports
from generator.core.stack import Stack
from generator.project import Project


def build(project: Project) -> Stack:
    stack = Stack("notifications", __name__, "topic and subscriptions", project)
    topic = stack.add(
        sns.Topic("Topic", TopicName=stack.takes(ports.TOPIC_NAME), KmsMasterKeyId=stack.takes(ports.KEY_ARN)),
        "Topic for pipeline messages, alarms and budget warnings.",
        ["NOT-1"],
    )
    topics.opened(stack, topic, "Which services may publish to the topic.", ["NOT-1", "NOT-2"], _publishers(topic))
    stack.gives(ports.TOPIC_ARN, Ref(topic))
    return stack


def _publishers(topic: sns.Topic) -> list[iam.Grant]:
    """Sources: cost-management userguide budgets-sns-policy; sns dg sns-security-best-practices."""
    return [
        topics.alarms(topic),
        topics.allow(
            topic,
            "BudgetsPublish",
            "budgets",
            "the budget of this account sends its warnings",
            [iam.same_account(), ArnLike({"aws:SourceArn": arns.global_arn("budgets", "*")})],
        ),
    ]
