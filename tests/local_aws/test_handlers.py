"""Each resource type: which calls its handler makes when it is made, read back, changed, changed back and deleted, what
`Fn::GetAtt` gives of it, and which of its properties the local AWS keeps otherwise than it was asked.

The calls stand in `golden/handlers.txt`, which `GOLDEN=write` writes anew: read its diff as the calls that AWS gets.
"""

from __future__ import annotations

from typing import Any

import pytest

from scripts.local_aws.account import Account
from scripts.local_aws.handlers import ROWS, network, readback, shapes
from scripts.local_aws.handlers.handler import ResourceHandler, handler_for
from scripts.local_aws.services import ResourceError
from tests.local_aws.cases import CASES, TABLE, Case, record
from tests.local_aws.here import RecordedServices
from tests.local_aws.named import Named, golden

GOLDEN = golden("handlers")
Calls = list[tuple[str, str, dict[str, Any]]]


class Life(Named):
    """A resource from its creation to its deletion, as text."""

    def __init__(self, account: Account, case: Case) -> None:
        super().__init__(account, case)
        self.lines: list[str] = []

    def note(self, step: str, calls: Calls) -> None:
        """Writes down the calls of a step."""
        for service, operation, arguments in calls:
            self.lines.append(f"{step:8}{service}.{operation} {self.shown(arguments)}")

    def read_back(self, handler: ResourceHandler, step: str) -> None:
        """Writes down the calls of a step, and what is there after it."""
        calls = self.services.taken()
        if "<it>" in self.names:  # by the names of before: a change may make others
            self.note(step, calls)
        state = handler.read()
        attributes, reads = self.name("it", handler, state), self.services.taken()
        if step == "make":
            self.note(step, calls)
        self.note("read", reads)
        unheld = readback.unheld(handler, state)
        self.lines += [f"gives   {name} {self.result(value)}" for name, value in attributes.items()]
        self.lines += [f"keeps   {path}: {kept or 'NOTHING OF IT'}" for path, kept in unheld.items()]

    def live(self) -> list[str]:
        case, first = self.case, self.filled(self.case.first)
        handler = handler_for(self.services, case.kind, first)
        handler.create()
        self.lines.append(f"is      {self.result(handler.physical)}")
        self.read_back(handler, "make")
        if case.changed:
            changed = self.filled(case.changed)
            for step, before, after in (("change", first, changed), ("back", changed, first)):
                handler = handler_for(self.services, case.kind, after, handler.physical)
                handler.update(before)
                self.read_back(handler, step)
        handler.delete()
        self.note("delete", self.services.taken())
        if case.kind not in readback.TYPES:
            self.lines.append(f"then    {'it is still there' if handler.exists() else 'it is gone'}")
        self.services.taken()
        return self.lines


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_the_calls_of_a_resource_type(account: Account, case: Case) -> None:
    GOLDEN.holds(case.kind, Life(account, case).live())


def test_every_type_has_a_case() -> None:
    assert {case.kind for case in CASES} == set(ROWS) == set(GOLDEN.sections())


def test_a_record_that_keeps_name_and_type_is_changed_in_place(account: Account) -> None:
    kind = "AWS::Route53::RecordSet"
    life = Named(account, Case(kind, record("one.zone.test", "one.test")))
    first, changed = (life.filled(record("one.zone.test", target)) for target in ("one.test", "two.test"))
    handler_for(account.services, kind, first).create()
    life.services.taken()
    handler_for(account.services, kind, changed, "one.zone.test").update(first)
    alias = {"DNSName": "two.test", "HostedZoneId": "Z2FDTNDATAQYW2", "EvaluateTargetHealth": False}
    upsert = {"Action": "UPSERT", "ResourceRecordSet": {"Name": "one.zone.test", "Type": "A", "AliasTarget": alias}}
    arguments = {"HostedZoneId": life.names["<zone>"], "ChangeBatch": {"Changes": [upsert]}}
    assert life.services.taken() == [("route53", "change_resource_record_sets", arguments)]


EVERYTHING = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}
HTTPS = {"IpProtocol": "tcp", "FromPort": "443", "ToPort": 443, "CidrIp": "10.0.0.0/8", "Description": "d"}
OTHER = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "CidrIpv6": "::/0"}


@pytest.mark.parametrize(
    ("rule", "entry"),
    [
        (EVERYTHING, {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}),
        (
            HTTPS,
            {
                "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
                "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "d"}],
            },
        ),
        (OTHER, {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}),
        (
            {"IpProtocol": 6, "GroupId": "sg-1", "SourceSecurityGroupId": "sg-2"},
            {"IpProtocol": "6", "UserIdGroupPairs": [{"GroupId": "sg-2"}]},
        ),
        (
            {"IpProtocol": "-1", "DestinationSecurityGroupId": "sg-2"},
            {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-2"}]},
        ),
        (
            {"IpProtocol": "-1", "SourcePrefixListId": "pl-1"},
            {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "pl-1"}]},
        ),
        (
            {"IpProtocol": "-1", "DestinationPrefixListId": "pl-1"},
            {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "pl-1"}]},
        ),
    ],
)  # fmt: skip
def test_a_rule_of_a_security_group_in_the_form_of_a_call(rule: dict[str, Any], entry: dict[str, Any]) -> None:
    assert network.permission(rule) == entry


def test_what_has_no_place_in_a_rule_is_refused() -> None:
    with pytest.raises(shapes.NoPlaceError) as refused:
        network.permission({"IpProtocol": "-1", "Colour": "red"})
    assert str(refused.value) == "Colour has no place in a security group's rule"


def test_a_rule_that_is_there_already_is_passed_over_and_any_other_refusal_is_told(account: Account) -> None:
    kind, services = "AWS::EC2::SecurityGroup", account.services
    vpc = services.call("ec2", "create_vpc", {"CidrBlock": "10.0.0.0/16"})["Vpc"]["VpcId"]
    before = {"VpcId": vpc, "GroupName": "group", "GroupDescription": "d"}
    group = handler_for(services, kind, before)
    group.create()
    theirs = {"GroupId": group.physical, "IpPermissions": [network.permission(HTTPS)]}
    services.call("ec2", "authorize_security_group_ingress", theirs)
    after = {**before, "SecurityGroupIngress": [HTTPS, OTHER]}
    handler_for(services, kind, after, group.physical).update(before)
    [shown] = services.call("ec2", "describe_security_groups", {"GroupIds": [group.physical]})["SecurityGroups"]
    assert sorted(rule["IpProtocol"] for rule in shown["IpPermissions"]) == ["tcp", "udp"]
    wrong = {**before, "SecurityGroupIngress": [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "CidrIp": "none"}]}
    with pytest.raises(ResourceError, match="none"):
        handler_for(services, kind, wrong, group.physical).update(before)


def stream(view: str) -> dict[str, Any]:
    return {"StreamSpecification": {"StreamViewType": view}}


def is_on(view: str) -> dict[str, Any]:
    return {"StreamEnabled": True, "StreamViewType": view}


OFF = {"StreamEnabled": False}


@pytest.mark.parametrize(
    ("before", "after", "specifications", "shown", "is_another"),
    [
        (stream("NEW_IMAGE"), {**stream("NEW_IMAGE"), "DeletionProtectionEnabled": True}, [None], "NEW_IMAGE", False),
        (stream("NEW_IMAGE"), stream("KEYS_ONLY"), [OFF, is_on("KEYS_ONLY")], "KEYS_ONLY", True),
        (stream("NEW_IMAGE"), {}, [OFF], "", False),
        ({}, stream("NEW_IMAGE"), [is_on("NEW_IMAGE")], "NEW_IMAGE", True),
    ],
    ids=["another property", "another view", "no stream any more", "a stream at last"],
)
def test_a_table_is_changed_with_its_stream_there_and_back(
    account: Account,
    before: dict[str, Any],
    after: dict[str, Any],
    specifications: list[dict[str, Any] | None],
    shown: str,
    is_another: bool,
) -> None:
    """A stream that stays is not named, and another one is made once the first is off."""
    kind, services = "AWS::DynamoDB::Table", account.services
    assert isinstance(services, RecordedServices)
    first, changed = {**TABLE, **before}, {**TABLE, **after}
    handler = handler_for(services, kind, first)
    handler.create()
    old = handler.read()
    assert old.get("StreamSpecification") == (is_on("NEW_IMAGE") if before else None)
    services.taken()
    handler = handler_for(services, kind, changed, handler.physical)
    handler.update(first)
    calls = services.taken()
    assert [operation for _, operation, _ in calls] == ["update_table"] * len(specifications)
    assert [arguments.get("StreamSpecification") for *_, arguments in calls] == specifications
    new = handler.read()
    assert new.get("StreamSpecification") == (is_on(shown) if shown else None)
    assert (new.get("LatestStreamArn") != old.get("LatestStreamArn")) == is_another
    handler = handler_for(services, kind, first, handler.physical)
    handler.update(changed)
    assert handler.read().get("StreamSpecification") == old.get("StreamSpecification")
