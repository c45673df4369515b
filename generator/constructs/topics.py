"""A topic that people subscribe to, encrypted with a key of ours, and who may publish to it."""

from __future__ import annotations

from collections.abc import Sequence

from awacs import kms
from awacs import sns as do
from awacs.aws import Bool, ConditionElement, Principal
from troposphere import And, Condition, Ref, sns

from generator.cfn.names import NOBODY
from generator.core import iam, ports
from generator.core.arns import Text
from generator.core.stack import Stack, switched_on


def allow(topic: sns.Topic, sid: str, service: str, because: str, when: Sequence[ConditionElement]) -> iam.Grant:
    """Lets a service publish to the topic."""
    return iam.allow(sid, [do.Publish], [Ref(topic)], because, when, iam.service(service))


def encrypt_message(stack: Stack) -> iam.Grant:
    """Lets a role that publishes to the topic use the key that the topic is encrypted with."""
    key = stack.takes(ports.KEY_ARN)
    may = [kms.Decrypt, kms.GenerateDataKey]
    return iam.allow("EncryptMessage", may, [key], "the topic is encrypted with our key", [iam.via("sns")])


def alarms(topic: sns.Topic) -> iam.Grant:
    return allow(topic, "AlarmsPublish", "cloudwatch", "alarms of this account send their state", [iam.same_account()])


def opened(
    stack: Stack, topic: sns.Topic, says: str, serves: Sequence[str], grants: Sequence[iam.Grant], condition: str = ""
) -> None:
    """Adds the topic's policy and its subscribers by mail and by phone, each when there is an address.

    `condition` is that of the topic, empty when it always exists.
    """
    where = {"Condition": condition} if condition else {}
    clear = iam.deny(
        "OnlyOverTls",
        [do.Publish],
        [Ref(topic)],
        "nobody may publish in clear",
        [Bool({"aws:SecureTransport": False})],
        Principal("*"),
    )
    policy = [*grants, clear]
    stack.add(
        sns.TopicPolicy("TopicPolicy", Topics=[Ref(topic)], PolicyDocument=iam.document(policy), **where),
        says,
        serves,
        policy,
    )
    for title, protocol, port in (
        ("Email", "email", ports.NOTIFICATION_EMAIL),
        ("Phone", "sms", ports.NOTIFICATION_PHONE),
    ):
        endpoint: Text = stack.takes(port)
        switches = [switched_on(endpoint, ""), switched_on(endpoint, NOBODY)]
        parts = [Condition(condition), *switches] if condition else switches
        condition_name = stack.when(f"Has{title}", And(*parts))
        stack.add(
            sns.SubscriptionResource(
                title, Condition=condition_name, Protocol=protocol, Endpoint=endpoint, TopicArn=Ref(topic)
            ),
            f"Subscription by {protocol}.",
            ["NOT-1"],
        )
