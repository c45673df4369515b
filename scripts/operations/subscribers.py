"""Who does not get the messages of an environment, although its parameters name them: whoever is subscribed by mail has
to confirm it, and SNS deletes a subscription that nobody has confirmed for 48 hours, while its stack still lists it.

Sources: SNS API reference, ListSubscriptionsByTopic; SNS developer guide, sns-email-notifications; AWS announcement of
2023-05-10, "Amazon SNS: automatic deletion of unconfirmed subscriptions". That the list has `PendingConfirmation` in
the place of an ARN until then is said by the examples of those who call it, and by no page of AWS's.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from shlex import quote
from typing import Any

from generator.cfn.names import NOBODY
from generator.cfn.stacks import Stack, StackResource
from generator.cfn.template_names import EMAIL, PHONE, TOPIC
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.terminal.text import RED, Line, line

TOPIC_TYPE = "AWS::SNS::Topic"
PROTOCOLS = {EMAIL: "email", PHONE: "sms"}


@dataclass(frozen=True)
class Unreached:
    """An address that gets no message, why, and the command that sends the mail with the link once more, without the
    Region; the command is empty where it is not known whether the address is reached."""

    address: str
    reason: str
    command: str = ""


def unreached(aws: Aws, stack: Stack, resources: Iterable[StackResource]) -> list[Unreached]:
    """The addresses of a stack's parameters that get no messages of its topics; `resources` are the stack's own, and
    the topic of a nested one is an output."""
    topics = [stack.outputs.get(TOPIC, ""), *(each.physical_id for each in resources if each.type == TOPIC_TYPE)]
    addresses = {
        address: protocol
        for parameter, protocol in PROTOCOLS.items()
        if (address := stack.parameters.get(parameter, "")) not in ("", NOBODY)
    }
    return [each for topic in dict.fromkeys(filter(None, topics)) for each in _unreached(aws, topic, addresses)]


def _unreached(aws: Aws, topic: str, addresses: dict[str, str]) -> Iterator[Unreached]:
    if not addresses:
        return
    try:
        pages = list(aws.pages("sns", "list_subscriptions_by_topic", TopicArn=topic))
    except AwsError as error:  # roles of an earlier version may not ask
        reason = f"it is not known whether it is: {error.code}"
        yield from (Unreached(address, reason) for address in addresses)
        return
    subscribed = {entry["Endpoint"]: entry["SubscriptionArn"] for page in pages for entry in page["Subscriptions"]}
    for address, protocol in addresses.items():
        command = (
            f"aws sns subscribe --topic-arn {topic} --protocol {protocol} --notification-endpoint {quote(address)}"
        )
        if address not in subscribed:
            yield Unreached(address, "nobody has confirmed it in time, or it was removed", command)
        elif not subscribed[address].startswith("arn:"):
            yield Unreached(address, "the link in the mail from AWS has not been followed yet", command)


def unreached_lines(addresses: Iterable[Unreached], region: str) -> Iterator[Line]:
    """Loud, because a failed release is told nobody meanwhile."""
    for each in addresses:
        yield line((f"{each.address} gets no messages", RED), f": {each.reason}", depth=1)
        if each.command:
            yield line(f"send the mail once more: {each.command} --region {region}", depth=2)


def unreached_documents(addresses: Iterable[Unreached]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [asdict(each) for each in addresses]
