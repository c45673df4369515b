"""Permissions are compared role by role, wherever the statements of a role stand."""

from __future__ import annotations

from typing import Any

from generator.cfn.templates import TemplateSet, from_bodies
from scripts.review.rights import differences


def document(*actions: str) -> dict[str, Any]:
    return {"Statement": [{"Sid": "Do", "Effect": "Allow", "Action": list(actions), "Resource": "*"}]}


def access(attached: dict[str, tuple[str, ...]], **others: dict[str, Any]) -> TemplateSet:
    """A root with one role and its managed policies."""
    resources: dict[str, Any] = {
        name: {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document(*actions)}}
        for name, actions in attached.items()
    }
    arns = [f"${{{name}}}" for name in attached]
    resources["Role"] = {"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": arns}}
    return from_bodies({"access": {"Resources": {**resources, **others}}})


def test_a_statement_that_moves_between_policies_of_a_role_is_no_change() -> None:
    before = access({"One": ("s3:GetObject",), "Two": ("s3:PutObject",)})
    after = access({"All": ("s3:GetObject", "s3:PutObject")})
    gained, lost = differences(before, after)
    assert not [grant for grant in (*gained, *lost) if grant.broader]


def test_a_right_of_an_attached_policy_is_the_roles() -> None:
    before, after = access({"One": ("s3:GetObject",)}), access({"One": ("s3:GetObject", "s3:DeleteObject")})
    [grant], _ = differences(before, after)
    assert (grant.holder, grant.actions, grant.broader) == ("access.Role", ("s3:DeleteObject",), True)


def test_a_policy_of_nobody_here_and_one_of_aws_still_count() -> None:
    free = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document("iam:*")}}
    aws = {
        "Type": "AWS::IAM::Role",
        "Properties": {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]},
    }
    gained, _ = differences(access({}), access({}, Free=free, Other=aws))
    assert {(grant.holder, grant.broader) for grant in gained} == {("access.Free", True), ("access.Other", True)}
