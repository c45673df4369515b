"""How much of AWS's quotas is used, counted as AWS counts."""

from __future__ import annotations

from typing import Any

import pytest

from generator.cfn.packaging import package
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


def test_every_quota_of_a_template_is_counted() -> None:
    """Each section has its own most; the size is that of the text which is uploaded."""
    sections = {"Parameters": 3, "Outputs": 2, "Mappings": 4}
    body: dict[str, Any] = {"Resources": {"A": {"Type": "AWS::SNS::Topic"}}, "Description": "größer"}
    body |= {section: {f"N{number}": {"Value": "x"} for number in range(count)} for section, count in sections.items()}
    [template] = from_bodies({"t": body})
    size = len(package(template, "https://bucket.test", "staging").root.content)
    assert list(of_template(template)) == [
        Usage("t", "bytes of the template", size, 1_048_576),
        Usage("t", "resources", 1, 500),
        Usage("t", "parameters", 3, 200),
        Usage("t", "outputs", 2, 200),
        Usage("t", "mappings", 4, 200),
    ]


def test_every_quota_of_an_environment_is_counted_with_its_most() -> None:
    policy = {"A": "ü ${AWS::Region}"}
    length = len('{"A":"ü ap-southeast-1"}')
    rule = {"CidrIp": "10.0.0.0/8"}
    bodies: dict[str, dict[str, Any]] = {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": policy, "ManagedPolicyArns": ["a", "b"]},
        },
        "Policy": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy}},
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Z.Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"SecurityGroupIngress": [rule, rule]}},
        "A.Out": {
            "Type": "AWS::EC2::SecurityGroupEgress",
            "Properties": {"GroupId": "${Z.Group.GroupId}", "DestinationPrefixListId": "pl-1"},
        },
        "A.In": {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": {"GroupId": "${A.Other.GroupId}", **rule}},
        "A.In2": {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": {"GroupId": "${A.Other.GroupId}", **rule}},
    }
    assert list(of_resources({path: Resource("t", path, body) for path, body in bodies.items()})) == [
        Usage("Role", "characters in inline policies", 0, 10_240),
        Usage("Role", "characters in the trust policy", length, 2_048),
        Usage("Role", "managed policies", 2, 10),
        Usage("Policy", "characters in the policy", length, 6_144),
        Usage("A.Other", "incoming rules of the security group", 2, 60),
        Usage("Z.Group", "incoming rules of the security group", 2, 60),
        Usage("Z.Group", "outgoing rules of the security group", 55, 60),
    ]
