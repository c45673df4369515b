"""The permissions boundary of an environment's roles: what it leaves them, and that none of them gets more."""

from __future__ import annotations

import json

import pytest
from awacs import iam

from generator.application import APPLICATION as PROJECT
from generator.cfn.evaluate import like
from generator.cfn.names import ACCESS, ROLE_BOUNDARY
from generator.cfn.permissions import of
from generator.cfn.templates import TemplateSet
from generator.core import arns
from generator.core.iam import allow, trust
from generator.core.stack import Stack
from generator.roots import environment
from generator.roots.access import boundary
from generator.roots.access.boundary import WideningError
from scripts.local_aws import moto_patches
from tests.support.policies import UNKNOWN, longest


def attached(templates: TemplateSet) -> set[str]:
    """The names of AWS's own policies on the roles of the templates."""
    roles = templates.resources("AWS::IAM::Role")
    arns = [arn for role in roles for arn in role.get("ManagedPolicyArns", default=[]) if "Fn::Sub" in arn]
    return {arn["Fn::Sub"].rpartition("/")[2] for arn in arns}


def test_what_aws_policies_on_the_roles_allow_is_within_it(templates: TemplateSet) -> None:
    """Moto packages AWS's managed policies as they are published."""
    limits = [action for each in of(templates[ACCESS].resources[ROLE_BOUNDARY]) for action in each.allowed_actions]
    names = attached(templates)
    assert names
    for name in names:
        for statement in moto_patches.aws_policy(name)["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            missing = [each for each in actions if not any(like(limit.lower(), each.lower()) for limit in limits)]
            assert missing == [], name


@pytest.mark.parametrize("region", ["us-east-1", "ap-southeast-1"])
def test_it_fits_into_a_managed_policy(templates: TemplateSet, region: str) -> None:
    """A policy has 6,144 characters (IAM user guide, reference_iam-quotas), with the names of a long environment and of
    tables that are called after it."""
    names = {"AWS::Partition": "aws", "AWS::Region": region, "AWS::AccountId": "1" * 12, "Environment": "e" * 10}
    names |= {f"{table.logical}Table": f"{table.name}-{'e' * 10}" for table in PROJECT.tables}
    document = templates[ACCESS].resources[ROLE_BOUNDARY].get("PolicyDocument")
    assert UNKNOWN not in (text := json.dumps(longest(document, names), separators=(",", ":")))
    assert 4000 < len(text) <= 6144


def test_no_role_of_a_template_may_write_roles() -> None:
    """What no role of a template may do cannot get into the boundary either: it is derived from them."""
    stack = Stack("attack", __name__, "a stack", PROJECT)
    # Handing on a role is no writing, and hides none that stands beside it.
    actions = [iam.PassRole, iam.PutRolePolicy]
    grants = [allow("Write", actions, [arns.global_arn("iam", "role/*")], "an attack")]
    stack.role("Attack", trust("ec2", "an attack"), grants, "An attack.", [])
    with pytest.raises(WideningError, match="iam:PutRolePolicy"):
        boundary.grants(PROJECT, environment.names(PROJECT), [stack])


def test_a_service_of_which_much_is_needed_is_allowed_as_a_whole() -> None:
    few, many = ([f"sqs:Do{number:02}" for number in range(count)] for count in (boundary.MANY, boundary.MANY + 1))
    assert boundary._shortened("sqs", few) == few
    assert boundary._shortened("sqs", many) == ["sqs:*"]
    assert boundary.MANAGED_WHOLE
    for service in boundary.MANAGED_WHOLE:
        assert boundary._shortened(service, [f"{service}:Do"]) == boundary._shortened(service, []) == [f"{service}:*"]


def test_an_action_that_a_pattern_has_in_it_is_not_written_besides() -> None:
    assert boundary._shortened("sqs", ["sqs:Get*", "sqs:GetIt", "sqs:Get?", "sqs:Put", "sqs:SetGet"]) == [
        "sqs:Get*",
        "sqs:Put",
        "sqs:SetGet",
    ]
    names = [name for name in boundary.PATTERNS if name.startswith("ec2:")]
    for name in names:
        assert boundary._shortened("ec2", [name, "ec2:RunInstances"]) == sorted(
            {boundary.PATTERNS[name], "ec2:RunInstances"}
        )
