"""`status` says who gets no messages of an environment: nothing else does, and a release may fail without a word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.stacks import Stack, StackResource
from scripts.deployment.errors import AwsError
from scripts.operations import subscribers
from tests.support.service import Prepared, arn, refusal

TOPIC = "arn:aws:sns:eu-west-1:000000000000:messages"
CONFIRMED = f"{TOPIC}:6a1c0000-0000-4000-8000-000000000000"
MAIL = {"NotificationEmail": "operator@cloud-health.test"}
STACK = Stack("s", arn("stack", "s"), "UPDATE_COMPLETE", outputs={"TopicArn": TOPIC}, parameters=MAIL)


def subscribed(**arns: str) -> Prepared:
    """A topic with these subscriptions: ARNs by the names before the at sign."""
    listed = [{"Endpoint": f"{name}@cloud-health.test", "SubscriptionArn": value} for name, value in arns.items()]
    return Prepared(sns__list_subscriptions_by_topic={"Subscriptions": listed})


@pytest.mark.parametrize(
    ("aws", "reason"),
    [
        (subscribed(operator=CONFIRMED), ""),
        (subscribed(operator="PendingConfirmation"), "the link in the mail from AWS has not been followed yet"),
        (subscribed(another=CONFIRMED), "nobody has confirmed it in time, or it was removed"),
    ],
)
def test_who_has_not_confirmed_is_told_with_the_command_that_asks_again(aws: Prepared, reason: str) -> None:
    addresses = subscribers.unreached(aws, STACK, ())
    assert [each.reason for each in addresses] == [reason] * bool(reason)
    lines = [str(each) for each in subscribers.unreached_lines(addresses, "eu-west-1")]
    if reason:
        assert lines[0].strip() == f"operator@cloud-health.test gets no messages: {reason}"
        assert f"--topic-arn {TOPIC} --protocol email --notification-endpoint operator@" in lines[1]
        assert lines[1].endswith("--region eu-west-1")


@pytest.mark.parametrize("values", [{}, {"NotificationEmail": ""}, {"NotificationEmail": "NONE"}])
def test_nothing_is_asked_where_nobody_is_to_get_messages(values: dict[str, str]) -> None:
    aws = Prepared()
    assert subscribers.unreached(aws, replace(STACK, parameters=values), ()) == [] and aws.asked == []


def test_a_topic_of_the_stacks_own_counts_too() -> None:
    """That of the root `edge` is in no nested stack, and no output names it."""
    edge = replace(STACK, outputs={}, parameters={**MAIL, "NotificationPhone": "+441632960961"})
    own = StackResource(("Topic",), subscribers.TOPIC_TYPE, TOPIC, "CREATE_COMPLETE", edge.id)
    addresses = subscribers.unreached(subscribed(operator=CONFIRMED), edge, (own,))
    assert [each.address for each in addresses] == ["+441632960961"]


def test_roles_of_an_earlier_version_are_not_taken_for_silence() -> None:
    denied: AwsError = refusal("sns.list_subscriptions_by_topic", "AuthorizationError")
    [unknown] = subscribers.unreached(Prepared(sns__list_subscriptions_by_topic=denied), STACK, ())
    assert "it is not known whether it is: AuthorizationError" in unknown.reason and not unknown.command
    document: list[dict[str, Any]] = subscribers.unreached_documents([unknown])
    assert set(document[0]) == {"address", "reason", "command"}
