"""How much of a quota of AWS a template or a set of resolved resources uses. Pure.

Sources: CloudFormation User Guide, "Understand CloudFormation quotas"; IAM User Guide, "IAM and AWS STS quotas" (white
space does not count); VPC User Guide, "Amazon VPC quotas" (rules in each direction; a prefix list counts with its
entries) and "AWS-managed prefix lists" (CloudFront's weighs 55). What an account can raise counts as its default.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from generator.cfn.templates import Resource, Template

TEMPLATE_BYTES = 1024 * 1024  # of a template in S3
TEMPLATE_MEMBERS = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
MANAGED_POLICIES = 10  # of a role
INLINE_POLICIES = 10_240  # characters of all inline policies of a role
MANAGED_POLICY = 6_144  # characters
TRUST_POLICY = 2_048  # characters
RULES = 60  # of a security group, in each direction
PREFIX_LIST = 55  # rules
# In place of what every account knows. A Region with a long name, so that a policy is not measured too short.
PSEUDO = {"AWS::Partition": "aws", "AWS::AccountId": "123456789012", "AWS::Region": "ap-southeast-1"}


@dataclass(frozen=True)
class Usage:
    """`used` of `most`: `what` says of which quota (`characters in inline policies`), `path` whose it is."""

    path: str
    what: str
    used: int
    most: int


def of_template(template: Template) -> Iterator[Usage]:
    """What one template uses. Its size is that of the text which is uploaded (`packaging`), but for the addresses of
    its children."""
    size = len(json.dumps(template.body, sort_keys=True, indent=1).encode())
    yield Usage(template.name, "bytes of the template", size, TEMPLATE_BYTES)
    for section, most in TEMPLATE_MEMBERS.items():
        yield Usage(template.name, section.lower(), len(template.body.get(section, ())), most)


def of_resources(resources: Mapping[str, Resource]) -> Iterator[Usage]:
    """What the resolved resources of one environment use, by their paths. A name that only AWS knows counts as long as
    its placeholder is: the length of a policy is near the true one, not the same."""
    for path, resource in resources.items():
        if resource.type == "AWS::IAM::Role":
            documents = [policy.get("PolicyDocument") for policy in resource.get("Policies", default=())]
            yield Usage(path, "characters in inline policies", sum(map(_characters, documents)), INLINE_POLICIES)
            trust = _characters(resource.get("AssumeRolePolicyDocument", default={}))
            yield Usage(path, "characters in the trust policy", trust, TRUST_POLICY)
            yield Usage(path, "managed policies", len(resource.get("ManagedPolicyArns", default=())), MANAGED_POLICIES)
        elif resource.type == "AWS::IAM::ManagedPolicy":
            length = _characters(resource.get("PolicyDocument", default={}))
            yield Usage(path, "characters in the policy", length, MANAGED_POLICY)
    for (group, direction), count in sorted(_rules(resources).items()):
        yield Usage(group, f"{direction} rules of the security group", count, RULES)


def _characters(document: Any) -> int:
    """The length of a policy without white space between its parts."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    for name, value in PSEUDO.items():
        text = text.replace(f"${{{name}}}", value)
    return len(text)


def _rules(resources: Mapping[str, Resource]) -> Mapping[tuple[str, str], int]:
    """Rules by the path of their security group and their direction, in the group itself and beside it."""
    rules: Counter[tuple[str, str]] = Counter()
    for direction, kind in (("incoming", "Ingress"), ("outgoing", "Egress")):
        for path, resource in resources.items():
            if resource.type == "AWS::EC2::SecurityGroup":
                rules[path, direction] += sum(map(_weight, resource.get(f"SecurityGroup{kind}", default=())))
            elif resource.type == f"AWS::EC2::SecurityGroup{kind}":
                group = str(resource.get("GroupId", default=""))
                name = group.removeprefix("${").removesuffix("}").removesuffix(".GroupId")
                rules[name, direction] += _weight(resource.properties)
    return rules


def _weight(rule: Mapping[str, Any]) -> int:
    return PREFIX_LIST if {"SourcePrefixListId", "DestinationPrefixListId"} & rule.keys() else 1
