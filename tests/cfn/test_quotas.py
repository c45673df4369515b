"""How much of AWS's quotas is used, counted as AWS counts."""

from __future__ import annotations

from typing import Any

import pytest

from generator.cfn.quotas import Usage, of_resources, of_template
from generator.cfn.templates import Resource, from_bodies


def used(resources: dict[str, dict[str, Any]]) -> dict[tuple[str, str], int]:
    """What resources use, by their paths and the quotas."""
    entries = {path: Resource("t", path, body) for path, body in resources.items()}
    return {(usage.path, usage.what): usage.used for usage in of_resources(entries)}


def test_inline_policies_of_a_role_are_counted_together_and_without_white_space() -> None:
    policies = [{"PolicyDocument": {"A": "b c"}}, {"PolicyDocument": {"A": ["x", "y"]}}]
    usage = used({"Role": {"Type": "AWS::IAM::Role", "Properties": {"Policies": policies, "ManagedPolicyArns": ["a"]}}})
    assert usage["Role", "characters in inline policies"] == len('{"A":"b c"}') + len('{"A":["x","y"]}')
    assert usage["Role", "managed policies"] == 1


@pytest.mark.parametrize(
    ("text", "value"), [("${AWS::Partition}", "aws"), ("${AWS::AccountId}", "123456789012"), ("${Other.Arn}", "x" * 12)]
)
def test_what_every_account_knows_counts_as_long_as_it_is(text: str, value: str) -> None:
    body = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": {"A": text}}}
    assert used({"P": body})["P", "characters in the policy"] == len('{"A":""}') + len(value)


def test_rules_count_for_their_group_and_direction_and_a_prefix_list_for_its_entries() -> None:
    inside = {"SecurityGroupIngress": [{"CidrIp": "10.0.0.0/8"}], "SecurityGroupEgress": [{}, {}]}
    usage = used(
        {
            "Network.Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": inside},
            "Network.FromEdge": {
                "Type": "AWS::EC2::SecurityGroupIngress",
                "Properties": {"GroupId": "${Network.Group.GroupId}", "SourcePrefixListId": "pl-1"},
            },
        }
    )
    assert usage["Network.Group", "incoming rules of the security group"] == 1 + 55
    assert usage["Network.Group", "outgoing rules of the security group"] == 2


def test_members_of_a_template_are_counted() -> None:
    body = {"Resources": {"A": {"Type": "AWS::SNS::Topic"}}, "Outputs": {"B": {"Value": "x"}, "C": {"Value": "x"}}}
    [template] = from_bodies({"t": body})
    usages = {usage.what: usage for usage in of_template(template)}
    assert usages["outputs"] == Usage("t", "outputs", 2, 200)
    assert usages["bytes of the template"].used > 100
