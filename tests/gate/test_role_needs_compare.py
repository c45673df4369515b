"""One role with one job, as a template of a few lines: every way in which it may have less or more than it needs."""

from __future__ import annotations

from typing import Any

import pytest

from generator.cfn.templates import from_bodies
from generator.gate.role_needs.compare import Gap, compare
from generator.gate.role_needs.terms import Terms

ACCOUNT = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
SHOP = "arn:${AWS::Partition}:codepipeline:${AWS::Region}:${AWS::AccountId}:shop"
START, JOB = "codepipeline:StartPipelineExecution", "codepipeline user guide, triggering (source changes)"
TRUSTS = {
    "Sid": "Trust",
    "Effect": "Allow",
    "Action": ["sts:AssumeRole"],
    "Principal": {"Service": "events.amazonaws.com"},
    "Condition": ACCOUNT,
}
STARTS = {"Sid": "Start", "Effect": "Allow", "Action": [START], "Resource": [{"Fn::Sub": SHOP}]}
WHO = "which shop.Rule needs (target codepipeline)"
LACKS = Gap("shop.Role", START, f"lacks {START} on {SHOP}, {WHO}", JOB)
NO_TRUST = Gap(
    "shop.Role",
    "sts:AssumeRole",
    "lacks trust in events.amazonaws.com, which shop.Rule needs (AWS::Events::Rule)",
    "eventbridge user guide, eb-use-identity-based",
)


def gaps(*statements: Any, trust: Any = TRUSTS, root: str = "shop", more: Any = None, **properties: Any) -> list[Gap]:
    role = {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "Policies": [{"PolicyName": "Job", "PolicyDocument": {"Version": "2012-10-17", "Statement": [*statements]}}],
        **properties,
    }
    begins = {"Arn": {"Fn::Sub": SHOP}, "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}}
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Rule": {"Type": "AWS::Events::Rule", "Properties": {"Targets": [begins]}},
        **(more or {}),
    }
    return compare(from_bodies({root: {"Resources": resources}}))


def nothing_needs(action: str, by: str = "Start") -> Gap:
    return Gap("shop.Role", action, f"may {action} by {by}, and nothing needs it", by)


def nothing_needs_on(arn: str, *actions: str) -> Gap:
    done = ", ".join(actions)
    return Gap("shop.Role", done, f"may do {done} on {arn} by Start, and nothing needs that", "Start")


OTHER = "arn:aws:codepipeline:x:1:other"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"Action": ["codepipeline:startpipelineexecution"]}, []),
        ({"Action": ["codepipeline:Start*"]}, []),
        ({"Action": ["codepipeline:StartPipelineExecutio?"]}, []),
        ({"Resource": ["*"]}, []),
        ({"Action": ["codepipeline:Stop*"]}, [
            LACKS, nothing_needs("codepipeline:Stop*"), nothing_needs_on(SHOP, "codepipeline:Stop*"),
        ]),
        ({"Action": [START, "sqs:Send*"]}, [nothing_needs("sqs:Send*")]),
        ({"Resource": [OTHER]}, [LACKS, nothing_needs(START), nothing_needs_on(OTHER, START)]),
        ({"Resource": [{"Fn::Sub": SHOP}, OTHER]}, [nothing_needs_on(OTHER, START)]),
        ({"Condition": ACCOUNT}, [LACKS, nothing_needs(START), nothing_needs_on(SHOP, START)]),
        ({"Condition": {"StringEquals": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}}}, []),
        ({"Condition": {"StringEquals": {"AWS:resourceaccount": {"Ref": "AWS::AccountId"}}}}, []),
        ({"Effect": "Deny"}, [LACKS]),
    ],
)  # fmt: skip
def test_what_a_role_may(changed: dict[str, Any], expected: list[Gap]) -> None:
    assert gaps({**STARTS, **changed}) == sorted(expected)


def test_a_denial_beside_what_is_allowed_is_a_lack() -> None:
    assert gaps(STARTS, {**STARTS, "Sid": "Never", "Effect": "Deny"}) == [LACKS]
    assert gaps(STARTS, {**STARTS, "Sid": "Never", "Effect": "Deny", "Resource": [OTHER]}) == []


@pytest.mark.parametrize(
    ("changed", "trusted"),
    [
        ({"Principal": {"Service": "ec2.amazonaws.com"}}, ["Service:ec2.amazonaws.com"]),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "1"}}}, ["Service:events.amazonaws.com"]),
        ({"Effect": "Deny"}, []),
    ],
)
def test_whom_a_role_lets_in(changed: dict[str, Any], trusted: list[str]) -> None:
    unused = [
        Gap("shop.Role", "sts:AssumeRole", f"trusts {who}, and nothing that {who} does uses the role", "Trust")
        for who in trusted
    ]
    assert gaps(STARTS, trust={**TRUSTS, **changed}) == sorted([NO_TRUST, *unused])


def test_somebody_more_in_the_trust_is_named_alone() -> None:
    both = {"Service": ["events.amazonaws.com", "ec2.amazonaws.com"]}
    who = "Service:ec2.amazonaws.com"
    message = f"trusts {who}, and nothing that {who} does uses the role"
    assert gaps(STARTS, trust={**TRUSTS, "Principal": both}) == [Gap("shop.Role", "sts:AssumeRole", message, "Trust")]


def test_what_no_row_knows_and_what_is_no_role_of_the_template() -> None:
    rule = {"Arn": "arn:aws:sqs:x:1:q", "RoleArn": "arn:aws:iam::1:role/x"}
    more = {"Other": {"Type": "AWS::Events::Rule", "Properties": {"Targets": [rule, {**rule, "Arn": OTHER}]}}}
    assert gaps(STARTS, more=more) == [
        Gap(
            "shop.Other", START,
            "shop.Other runs as arn:aws:iam::1:role/x, which is no role of its template, so nobody can say what that "
            "may do", JOB,
        ),
        Gap(
            "shop.Other", "target sqs",
            "shop.Other has a target sqs, and no row says what that needs: add it with its source",
            "generator/cfn/role_needs/rows.py",
        ),
    ]  # fmt: skip


def test_policies_from_elsewhere_are_refused_and_a_boundary_that_is_a_parameter_is_not() -> None:
    managed = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    message = f"has {managed} in ManagedPolicyArns, and nothing needs it"
    assert gaps(STARTS, ManagedPolicyArns=[managed]) == [Gap("shop.Role", managed, message, "needs_rows.MANAGED")]
    assert gaps(STARTS, PermissionsBoundary={"Ref": "PermissionsBoundaryArn"}) == []
    message = "has a PermissionsBoundary which this comparison does not read"
    unread = Gap("shop.Role", "PermissionsBoundary", message, "IAM user guide")
    assert gaps(STARTS, PermissionsBoundary=OTHER) == [unread]
    assert str(unread) == f"shop.Role: {message} (IAM user guide)"


@pytest.mark.parametrize(
    ("effect", "roles", "refused"),
    [
        ("Allow", [{"Ref": "Role"}], True),
        ("Deny", [{"Ref": "Role"}], True),
        ("Allow", {"Fn::If": ["C", {"Fn::Split": [",", {"Ref": "People"}]}, {"Ref": "AWS::NoValue"}]}, True),
        ("Deny", {"Fn::If": ["C", {"Fn::Split": [",", {"Ref": "People"}]}, {"Ref": "AWS::NoValue"}]}, False),
    ],
)
def test_a_policy_that_is_attached_from_its_own_side(effect: str, roles: Any, refused: bool) -> None:
    statement = {**STARTS, "Effect": effect}
    properties = {"Roles": roles, "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    more = {"Policy": {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}}
    message = "is attached to a role; this comparison reads inline policies alone"
    expected = [Gap("shop.Policy", "Roles", message, "IAM user guide")]
    assert gaps(STARTS, more=more) == (expected if refused else [])


def test_a_policy_that_forbids_something_to_people_hides_no_other() -> None:
    people = {"Fn::If": ["C", {"Fn::Split": [",", {"Ref": "People"}]}, {"Ref": "AWS::NoValue"}]}

    def policy(effect: str, roles: Any) -> dict[str, Any]:
        statement = {**STARTS, "Effect": effect}
        return {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"Roles": roles, "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}},
        }

    more = {"Forbids": policy("Deny", people), "Gives": policy("Allow", [{"Ref": "Role"}])}
    assert [gap.role for gap in gaps(STARTS, more=more)] == ["shop.Gives"]


def test_the_roles_of_people_are_left_to_the_proofs_of_access() -> None:
    assert gaps(root="access", ManagedPolicyArns=[OTHER]) == gaps(root="shared-access") == []


def test_what_an_arn_is_in_the_terms_of_the_root() -> None:
    kinds = {"Bucket": "S3::Bucket", "Images": "ECR::Repository", "Logs": "Logs::LogGroup", "Table": "DynamoDB::Table"}
    resources: dict[str, Any] = {name: {"Type": f"AWS::{kind}"} for name, kind in kinds.items()}
    resources["Service"] = {"Type": "AWS::ECS::Service", "Properties": {"Cluster": "ring"}}
    terms = Terms(from_bodies({"shop": {"Resources": resources}}))
    place = "${AWS::Region}:${AWS::AccountId}"
    arns = {name: terms.text("shop", {"Fn::GetAtt": [name, "Arn"]}) for name in kinds}
    assert {**arns, "Service": terms.text("shop", {"Ref": "Service"})} == {
        "Bucket": "arn:${AWS::Partition}:s3:::${shop.Bucket}",
        "Images": f"arn:${{AWS::Partition}}:ecr:{place}:repository/${{shop.Images}}",
        "Logs": f"arn:${{AWS::Partition}}:logs:{place}:log-group:${{shop.Logs}}:*",
        "Table": "${shop.Table.Arn}",
        "Service": f"arn:${{AWS::Partition}}:ecs:{place}:service/ring/${{shop.Service.Name}}",
    }
