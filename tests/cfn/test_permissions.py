"""Every policy statement as one flat value."""

from typing import Any

import pytest

from generator.cfn.permissions import PLACES, Condition, Permission, UnknownPolicyPlaceError, permissions
from generator.cfn.templates import from_bodies

STATEMENT = {"Sid": "S", "Effect": "Allow", "Action": "sts:AssumeRole"}


def read(kind: str, properties: dict[str, Any], **more: Any) -> list[Permission]:
    body = {"Type": kind, "Properties": properties, **more}
    return list(permissions(from_bodies({"t": {"Resources": {"R": body}}})))


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def test_a_statement_becomes_one_permission_with_everything_in_it() -> None:
    statement = {
        "Sid": "Read",
        "Effect": "Allow",
        "Action": ["s3:PutObject", "s3:GetObject"],
        "Resource": [{"Fn::Join": ["", [{"Fn::GetAtt": ["Bucket", "Arn"]}, "/*"]]}],
        "Condition": {"StringEquals": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}},
    }
    properties = {"Policies": [{"PolicyName": "Job", "PolicyDocument": document(statement)}]}
    [only] = read("AWS::IAM::Role", properties, Metadata={"Reasons": {"Read": "it reads artifacts"}})
    assert only == Permission(
        holder="t.R",
        kind="identity",
        policy="Job",
        sid="Read",
        effect="Allow",
        actions=("s3:GetObject", "s3:PutObject"),
        resources=("${Bucket.Arn}/*",),
        conditions=(Condition("StringEquals", "aws:ResourceAccount", ("${AWS::AccountId}",)),),
        reason="it reads artifacts",
    )
    assert only.allows
    assert str(only) == (
        "t.R Read: Allow s3:GetObject, s3:PutObject on ${Bucket.Arn}/*"
        " if aws:ResourceAccount StringEquals ${AWS::AccountId}"
    )


@pytest.mark.parametrize(("kind", "name"), PLACES)
def test_policies_are_found_in_every_place(kind: str, name: str) -> None:
    value: object = document(STATEMENT)
    if name == "Policies":
        value = [{"PolicyName": "Job", "PolicyDocument": value}]
    [only] = read(kind, {name: value})
    assert (only.kind, only.policy) == (PLACES[kind, name], "Job" if name == "Policies" else name)


def test_a_policy_in_an_unknown_place_is_an_error_and_never_overlooked() -> None:
    with pytest.raises(UnknownPolicyPlaceError, match=r"t\.R \(AWS::New::Thing\) holds a policy at Deep\[0\]\.Policy"):
        read("AWS::New::Thing", {"Deep": [{"Policy": document(STATEMENT)}]})


def test_a_statement_of_something_else_is_no_policy() -> None:
    assert read("AWS::WAFv2::WebACL", {"Rules": [{"Statement": {"RateBasedStatement": {"Limit": 100}}}]}) == []


def test_principals_carry_their_kind() -> None:
    trust = {**STATEMENT, "Principal": {"Service": ["b.amazonaws.com", "a.amazonaws.com"], "AWS": {"Ref": "Role"}}}
    [only] = read("AWS::IAM::Role", {"AssumeRolePolicyDocument": document(trust)})
    assert only.principals == ("AWS:${Role}", "Service:a.amazonaws.com", "Service:b.amazonaws.com")
    [anybody] = read("AWS::SNS::TopicPolicy", {"PolicyDocument": document({**STATEMENT, "Principal": "*"})})
    assert anybody.principals == ("*",)


def test_a_condition_on_false_keeps_its_value() -> None:
    deny = {**STATEMENT, "Condition": {"Bool": {"aws:SecureTransport": False}}}
    [only] = read("AWS::S3::BucketPolicy", {"PolicyDocument": document(deny)})
    assert only.conditions == (Condition("Bool", "aws:SecureTransport", ("false",)),)


def test_the_negative_forms_are_kept() -> None:
    negative = {"Sid": "S", "Effect": "Deny", "NotAction": "a:B", "NotResource": ["x"], "NotPrincipal": {"AWS": "y"}}
    [only] = read("AWS::S3::BucketPolicy", {"PolicyDocument": document(negative)})
    assert (only.not_actions, only.not_resources, only.not_principals) == (("a:B",), ("x",), ("AWS:y",))
    assert str(only) == "t.R S: Deny everything but a:B on all but x"


def test_each_choice_of_a_condition_is_a_permission_of_its_own() -> None:
    nothing = {"Ref": "AWS::NoValue"}
    chosen = {**STATEMENT, "Resource": {"Fn::If": ["Inner", ["a"], ["b"]]}}
    optional = {"PolicyName": "Optional", "PolicyDocument": document({"Fn::If": ["Outer", chosen, nothing]})}
    result = read("AWS::IAM::Role", {"Policies": [{"Fn::If": ["Some", optional, nothing]}]}, Condition="Exists")
    assert [(permission.policy, permission.resources, permission.when) for permission in result] == [
        ("Optional", ("a",), ("Exists", "Some", "Outer", "Inner")),
        ("Optional", ("b",), ("Exists", "Some", "Outer", "not Inner")),
    ]


def test_a_document_with_one_statement_may_leave_out_the_list() -> None:
    [only] = read("AWS::SQS::QueuePolicy", {"PolicyDocument": {"Statement": STATEMENT}})
    assert only.actions == ("sts:AssumeRole",)


def test_a_permission_as_a_sentence() -> None:
    """Each part only where there is something to say, several with commas or `and`."""
    bare = Permission("t.R", "trust", "P", "S", "Allow", actions=("a:A", "a:B"))
    assert str(bare) == "t.R S: Allow a:A, a:B"
    conditions = (Condition("StringLike", "k:a", ("x", "y")), Condition("Bool", "k:b", ("true",)))
    full = Permission(
        "t.R",
        "trust",
        "P",
        "S",
        "Deny",
        principals=("AWS:x", "Service:y"),
        not_actions=("a:A", "a:B"),
        not_resources=("r", "s"),
        conditions=conditions,
        when=("Some", "not Other"),
    )
    assert str(full) == (
        "t.R S: Deny everything but a:A, a:B to AWS:x, Service:y on all but r, s"
        " if k:a StringLike x, y and k:b Bool true [Some, not Other]"
    )
    assert (bare.allowed_actions, full.allowed_actions) == (("a:A", "a:B"), ())
    assert Permission("t.R", "identity", "P", "S", "Deny", actions=("a:A",)).allowed_actions == ()


def test_statements_of_every_policy_of_a_resource_are_read_in_order() -> None:
    """A statement without a Sid has an empty one, conditions are sorted, and only its own reason counts."""
    first = {"Effect": "Allow", "Action": ["b:B", "a:A"], "Resource": "*"}
    second = {
        **STATEMENT,
        "Condition": {"StringLike": {"k:b": ["y", "x"], "k:a": 1}, "Bool": {"k:c": True}},
        "Resource": ["s", {"Ref": "R"}],
    }
    policies = [
        {"PolicyName": {"Fn::Sub": "p-${X}"}, "PolicyDocument": document(first, second)},
        {"PolicyName": "Last", "PolicyDocument": document(STATEMENT)},
    ]
    trust = document({**STATEMENT, "Sid": "Trust", "Principal": {"AWS": "x"}})
    metadata = {"Reasons": {"S": "why", "Other": "no"}}
    holder: dict[str, Any] = {"holder": "t.R", "effect": "Allow"}
    properties = {"Policies": policies, "AssumeRolePolicyDocument": trust}
    assert read("AWS::IAM::Role", properties, Metadata=metadata) == [
        Permission(**holder, kind="identity", policy="p-${X}", sid="", actions=("a:A", "b:B"), resources=("*",)),
        Permission(
            **holder,
            kind="identity",
            policy="p-${X}",
            sid="S",
            actions=("sts:AssumeRole",),
            resources=("${R}", "s"),
            conditions=(
                Condition("Bool", "k:c", ("true",)),
                Condition("StringLike", "k:a", ("1",)),
                Condition("StringLike", "k:b", ("x", "y")),
            ),
            reason="why",
        ),
        Permission(**holder, kind="identity", policy="Last", sid="S", actions=("sts:AssumeRole",), reason="why"),
        Permission(
            **holder,
            kind="trust",
            policy="AssumeRolePolicyDocument",
            sid="Trust",
            principals=("AWS:x",),
            actions=("sts:AssumeRole",),
        ),
    ]


def test_an_unknown_place_says_what_to_do() -> None:
    with pytest.raises(UnknownPolicyPlaceError) as caught:
        read("AWS::IAM::Role", {"Description": [{"x": document(STATEMENT)}]})
    assert str(caught.value) == (
        "t.R (AWS::IAM::Role) holds a policy at Description[0].x, a place that generator/cfn/permissions.py does not "
        "know: add it to PLACES with its kind"
    )


def test_each_place_has_its_kind() -> None:
    """What a policy is for decides who is asked for it."""
    kinds = {
        "trust": {("AWS::IAM::Role", "AssumeRolePolicyDocument")},
        "key": {("AWS::KMS::Key", "KeyPolicy")},
        "endpoint": {("AWS::EC2::VPCEndpoint", "PolicyDocument")},
        "identity": {
            *((f"AWS::IAM::{kind}", "Policies") for kind in ("Role", "User", "Group")),
            *((f"AWS::IAM::{kind}", "PolicyDocument") for kind in ("Policy", "ManagedPolicy", "RolePolicy")),
        },
        "resource": {
            ("AWS::S3::BucketPolicy", "PolicyDocument"),
            ("AWS::SNS::TopicPolicy", "PolicyDocument"),
            ("AWS::SQS::QueuePolicy", "PolicyDocument"),
            ("AWS::ECR::Repository", "RepositoryPolicyText"),
            ("AWS::SecretsManager::ResourcePolicy", "ResourcePolicy"),
            ("AWS::DynamoDB::Table", "ResourcePolicy"),
            ("AWS::Logs::LogGroup", "ResourcePolicyDocument"),
        },
    }
    for kind, places in kinds.items():
        assert {place for place in PLACES if PLACES[place] == kind} == places
    assert {*PLACES.values()} == {*kinds}
