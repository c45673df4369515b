"""What a good update was to delete and did not: CloudFormation tries three times, then takes the resource out of its
stack and calls the update complete. Nobody finds it again unless it is told.

Sources: CloudFormation User Guide, "Troubleshooting CloudFormation", "Resource removed from stack but not deleted";
Cloud Control API user guide, "Deleting a resource" (by type and primary identifier).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from shlex import quote
from typing import Any

from generator.cfn.stacks import Stack
from generator.cfn.templates import STACK
from scripts.deployment.aws import Aws
from scripts.operations.all_resources import all_resources
from scripts.operations.diagnose.operation import read_events
from scripts.operations.following import Event
from scripts.operations.teardown.teardown import ORIGIN_GROUP, VPC
from scripts.terminal.text import RED, Line, line

# What exists in a network, and as long as it does.
INSIDE = ("AWS::EC2::RouteTable", "AWS::EC2::SecurityGroup", "AWS::EC2::Subnet", VPC)


@dataclass(frozen=True)
class Leftover:
    """A resource that left its stack and goes on to exist: `id` is its ARN or what its type calls it."""

    path: tuple[str, ...]
    type: str
    id: str
    reason: str

    @property
    def command(self) -> str:
        """What removes it, without the Region."""
        if self.type == STACK:
            return f"aws cloudformation delete-stack --stack-name {quote(self.id)}"
        return f"aws cloudcontrol delete-resource --type-name {self.type} --identifier {quote(self.id)}"


def leftovers(events: Iterable[Event]) -> list[Leftover]:
    """What some events of a root stack say was not deleted, and not afterwards either, in an order in which it can be:
    a network after what is in it, otherwise by path. CloudFormation tries three times, and each try is an event."""
    last = {event.physical_id: event for event in events if event.physical_id and event.path}
    return sorted(
        (
            Leftover(event.path, event.type, event.physical_id, event.reason)
            for event in last.values()
            if event.status == "DELETE_FAILED"
        ),
        key=lambda left: (left.type == VPC, left.path),
    )


def of_stack(aws: Aws, stack: Stack) -> list[Leftover]:
    """What all earlier updates of a stack have left behind; what the stack still lists is its own, and what was in a
    network that somebody has removed is gone with it. CloudFormation keeps events for 90 days (User Guide, "View stack
    information")."""
    failed = leftovers(read_events(aws, stack.id, None))
    there = {each.physical_id for each in all_resources(aws, stack.id)} if failed else set()
    left = [each for each in failed if each.id not in there]
    gone = {each.path[:-1] for each in left if each.type == VPC and not _groups(aws, each.id)}
    return [each for each in left if not (each.type in INSIDE and each.path[:-1] in gone)]


def _groups(aws: Aws, network: str) -> list[dict[str, Any]]:
    """The security groups of a network; it always has its default one (VPC User Guide, default-security-group)."""
    place = [{"Name": "vpc-id", "Values": [network]}]
    return list(aws.call("ec2", "describe_security_groups", Filters=place)["SecurityGroups"])


def leftover_lines(left: Iterable[Leftover], region: str) -> Iterator[Line]:
    """Loud, because nothing else says it: what is left, why, and the command that removes it."""
    entries = list(left)
    if not entries:
        return
    yield line(("not deleted, and in no stack any more:", RED), depth=1)
    for entry in entries:
        yield line(f"{' > '.join(entry.path)}  {entry.type}  {entry.id}", depth=2)
        yield line(f"reason: {entry.reason}", depth=3)
        yield line(f"remove it: {entry.command} --region {region}", depth=3)


def network_lines(aws: Aws, left: Iterable[Leftover]) -> Iterator[Line]:
    """What of CloudFront is in a network that is left behind: until it has gone nothing of the network can be deleted,
    and CloudFront takes it away when it pleases, after its VPC origin (CloudFront developer guide,
    private-content-vpc-origins)."""
    for network in (entry.id for entry in left if entry.type == VPC):
        place = [{"Name": "vpc-id", "Values": [network]}]
        interfaces = aws.call("ec2", "describe_network_interfaces", Filters=place)["NetworkInterfaces"]
        there = [group["GroupId"] for group in _groups(aws, network) if group["GroupName"] == ORIGIN_GROUP]
        there += [interface["NetworkInterfaceId"] for interface in interfaces]
        if there:
            yield line(f"still in {network}, until CloudFront takes it away: {', '.join(there)}", depth=1)
            yield line(
                "the commands work after that, in their order; `status` says when nothing is in the way", depth=1
            )
        else:
            yield line(f"nothing is in {network} any more: the commands work now, in their order", depth=1)


def leftover_documents(left: Iterable[Leftover]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {"path": list(each.path), "type": each.type, "id": each.id, "reason": each.reason, "command": each.command}
        for each in left
    ]
