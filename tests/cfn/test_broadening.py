"""The definition of "permits more": each clause has a case on either side."""

from typing import Any

import pytest

from generator.cfn.broadening import broadened, compare, covers
from generator.cfn.templates import TemplateSet, from_bodies

BASE = {"Sid": "S", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": ["a", "b"]}
DENY = {"Sid": "D", "Effect": "Deny", "Action": ["s3:*"], "Resource": ["a", "b"]}
EQUALS = {"StringEquals": {"aws:ResourceAccount": ["1", "2"]}}
NOT_EQUALS = {"StringNotEquals": {"aws:ResourceAccount": ["1", "2"]}}
LIKE = {"ArnLike": {"aws:SourceArn": "arn:*:x"}}
BOOL = {"Bool": {"aws:SecureTransport": "false"}}


def role(*statements: Any, **properties: Any) -> TemplateSet:
    policies = [{"PolicyName": "Job", "PolicyDocument": {"Statement": list(statements)}}]
    body = {"Type": "AWS::IAM::Role", "Properties": {"Policies": policies, **properties}}
    return from_bodies({"t": {"Resources": {"R": body}}})


def nothing() -> TemplateSet:
    return from_bodies({"t": {"Resources": {"Other": {"Type": "AWS::SQS::Queue"}}}})


def bucket_policy(*statements: Any) -> TemplateSet:
    properties = {"PolicyDocument": {"Statement": list(statements)}}
    resources = {"P": {"Type": "AWS::S3::BucketPolicy", "Properties": properties}, "B": {"Type": "AWS::S3::Bucket"}}
    return from_bodies({"t": {"Resources": resources}})


BROADER: dict[str, tuple[list[Any], list[Any]]] = {
    "a new statement": ([], [BASE]),
    "an action more": ([BASE], [BASE | {"Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]}]),
    "a wider action": ([BASE], [BASE | {"Action": ["s3:*"]}]),
    "a resource more": ([BASE], [BASE | {"Resource": ["a", "b", "c"]}]),
    "a wider resource": ([BASE], [BASE | {"Resource": "*"}]),
    "a resource in another case": ([BASE], [BASE | {"Resource": ["A"]}]),
    "a condition removed": ([BASE | {"Condition": EQUALS}], [BASE]),
    "a value more in a condition": (
        [BASE | {"Condition": {"StringEquals": {"aws:ResourceAccount": "1"}}}],
        [BASE | {"Condition": EQUALS}],
    ),
    "a value less in a negative condition": (
        [BASE | {"Condition": NOT_EQUALS}],
        [BASE | {"Condition": {"StringNotEquals": {"aws:ResourceAccount": "1"}}}],
    ),
    "a wider pattern in a condition": (
        [BASE | {"Condition": LIKE}],
        [BASE | {"Condition": {"ArnLike": {"aws:SourceArn": "*"}}}],
    ),
    "another operator": (
        [BASE | {"Condition": EQUALS}],
        [BASE | {"Condition": {"StringEqualsIfExists": EQUALS["StringEquals"]}}],
    ),
    "a switch turned": (
        [BASE | {"Condition": BOOL}],
        [BASE | {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}],
    ),
    "all but less": (
        [BASE | {"Action": []} | {"NotAction": ["iam:*", "s3:*"]}],
        [BASE | {"Action": []} | {"NotAction": ["iam:*"]}],
    ),
    "two halves of two statements": (
        [BASE | {"Action": "s3:GetObject", "Resource": "a"}, BASE | {"Action": "s3:PutObject", "Resource": "b"}],
        [BASE],
    ),
    "a choice turned into always": ([{"Fn::If": ["C", BASE, {"Ref": "AWS::NoValue"}]}], [BASE]),
    "a deny lost": ([DENY], []),
    "a deny of fewer actions": ([DENY], [DENY | {"Action": ["s3:Get*"]}]),
    "a deny of fewer resources": ([DENY], [DENY | {"Resource": ["a"]}]),
    "a deny under a condition": ([DENY], [DENY | {"Condition": EQUALS}]),
    "a deny only by choice": ([DENY], [{"Fn::If": ["C", DENY, {"Ref": "AWS::NoValue"}]}]),
}

SAME_OR_NARROWER: dict[str, tuple[list[Any], list[Any]]] = {
    "the same": ([BASE, DENY], [BASE, DENY]),
    "split in two": (
        [BASE],
        [BASE | {"Sid": "1", "Action": "s3:GetObject"}, BASE | {"Sid": "2", "Action": "s3:PutObject"}],
    ),
    "merged": ([BASE | {"Action": "s3:*"}, BASE], [BASE]),
    "an action in another case": ([BASE], [BASE | {"Action": ["S3:getobject"]}]),
    "an action less": ([BASE], [BASE | {"Action": ["s3:GetObject"]}]),
    "a narrower resource": ([BASE | {"Resource": "*"}], [BASE]),
    "everything turned into all but some": ([BASE | {"Action": "*"}], [{**BASE, "Action": [], "NotAction": ["iam:*"]}]),
    "a condition added": ([BASE], [BASE | {"Condition": EQUALS}]),
    "a value less in a condition": (
        [BASE | {"Condition": EQUALS}],
        [BASE | {"Condition": {"StringEquals": {"AWS:resourceaccount": "1"}}}],
    ),
    "a value more in a negative condition": (
        [BASE | {"Condition": {"StringNotEquals": {"aws:ResourceAccount": "1"}}}],
        [BASE | {"Condition": NOT_EQUALS}],
    ),
    "a narrower pattern in a condition": (
        [BASE | {"Condition": LIKE}],
        [BASE | {"Condition": {"ArnLike": {"aws:SourceArn": "arn:a:x"}}}],
    ),
    "an allow removed": ([BASE], []),
    "a deny added": ([], [DENY]),
    "a deny of more": ([DENY], [DENY | {"Resource": "*"}]),
    "a deny without its condition": ([DENY | {"Condition": EQUALS}], [DENY]),
}


@pytest.mark.parametrize("name", BROADER)
def test_broader(name: str) -> None:
    before, after = BROADER[name]
    assert broadened(role(*before), role(*after)) != []


@pytest.mark.parametrize("name", SAME_OR_NARROWER)
def test_same_or_narrower(name: str) -> None:
    before, after = SAME_OR_NARROWER[name]
    assert broadened(role(*before), role(*after)) == []


def test_a_broadening_says_who_and_what() -> None:
    [only] = broadened(role(BASE), role(BASE | {"Action": ["s3:GetObject", "s3:DeleteObject"]}))
    assert str(only) == "t.R: s3:DeleteObject on a, b" and only.sid == "S"


def test_a_condition_that_is_gone_is_named() -> None:
    [grant] = broadened(role(BASE | {"Condition": EQUALS | BOOL}), role(BASE | {"Condition": BOOL}))
    assert grant.loosened == ", no longer only if aws:ResourceAccount StringEquals 1, 2"
    assert str(grant).endswith(f" on a, b if aws:SecureTransport Bool false{grant.loosened}")
    [grant] = broadened(role(BASE | {"Condition": EQUALS}), role(BASE | {"Resource": ["a", "b", "c"]}))
    assert not grant.loosened, "it permits more than a condition that is gone"


def test_what_is_gained_and_lost() -> None:
    after = [BASE | {"Action": "s3:GetObject", "Resource": ["a", "b", "c"]}, DENY | {"Condition": EQUALS}]
    gained, lost = compare(role(BASE, DENY), role(*after, PermissionsBoundary="x"))
    assert [(str(item), item.broader) for item in gained] == [
        ("t.R: s3:GetObject on c", True),
        ("t.R: is bound by x", False),
    ]
    assert [(str(item), item.broader) for item in lost] == [
        ("t.R: s3:PutObject on a, b", False),
        ("t.R: must not s3:* on a, b", True),
    ]
    assert compare(role(BASE), role(BASE)) == ([], [])


def test_a_principal_added_is_broader() -> None:
    item = {"Sid": "S", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "a", "Principal": {"AWS": "x"}}
    both = item | {"Principal": {"AWS": ["x", "y"]}}
    assert len(broadened(bucket_policy(item), bucket_policy(both))) == 1
    assert broadened(bucket_policy(both), bucket_policy(item)) == []
    assert broadened(bucket_policy(item | {"Principal": "*"}), bucket_policy(both)) == []


def test_a_new_holder_gains_all_that_it_may() -> None:
    assert [result.holder for result in broadened(nothing(), role(BASE))] == ["t.R"]


def test_a_role_that_is_gone_takes_its_denies_along_but_a_bucket_policy_does_not() -> None:
    assert broadened(role(BASE, DENY, PermissionsBoundary="x"), nothing()) == []
    assert len(broadened(bucket_policy(DENY | {"Principal": "*"}), nothing())) == 1


def test_attached_policies_and_boundaries_count() -> None:
    plain, attached, bound = (role(), role(ManagedPolicyArns=[{"Ref": "P"}]), role(PermissionsBoundary="x"))
    assert [str(result) for result in broadened(plain, attached)] == ["t.R: has the managed policy ${P}"]
    assert broadened(attached, plain) == []
    assert [result.holder for result in broadened(bound, plain)] == ["t.R"]
    assert len(broadened(bound, role(PermissionsBoundary="y"))) == 1
    assert broadened(plain, bound) == []
    unlimited = role(PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess")
    assert broadened(unlimited, bound) == [] and len(broadened(bound, unlimited)) == 1


def test_a_policy_that_names_one_role_more_counts_as_attached() -> None:
    def policy(*roles: str) -> TemplateSet:
        properties = {"PolicyDocument": {"Statement": [BASE]}, "Roles": list(roles)}
        return from_bodies({"t": {"Resources": {"P": {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}}}})

    assert [str(result) for result in broadened(policy("a"), policy("a", "b"))] == ["t.P: has the managed policy b"]


def test_a_policy_that_only_denies_broadens_when_it_binds_somebody_no_more() -> None:
    def protection(groups: object) -> TemplateSet:
        properties = {"PolicyDocument": {"Statement": [DENY]}, "Groups": groups}
        return from_bodies({"t": {"Resources": {"P": {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}}}})

    both, single = ({"Fn::Split": [",", names]} for names in ("web,api", "web"))
    assert broadened(protection(single), protection(both)) == []
    assert [str(result) for result in broadened(protection(both), protection(single))] == [
        "t.P: has the managed policy api"
    ]
    assert len(broadened(protection(both), protection({"Ref": "AWS::NoValue"}))) == 2
    # The list of a parameter whose value nobody knows is one entry.
    assert len(broadened(protection({"Fn::Split": [",", {"Ref": "Groups"}]}), protection([]))) == 1


@pytest.mark.parametrize(
    ("pattern", "other", "expected"),
    [
        ("*", "anything *?", True),
        ("s3:Get*", "s3:GetObject", True),
        ("s3:Get*", "s3:Get*", True),
        ("s3:Get*", "s3:*", False),
        ("s3:Get?bject", "s3:GetObject", True),
        ("s3:Get?bject", "s3:Get?bject", True),
        ("s3:Get?bject", "s3:Get*bject", False),
        ("a[bc].+", "ab", False),
        ("${Bucket.Arn}/*", "${Bucket.Arn}/x", True),
        ("a*c", "abc\nc", True),
    ],
)
def test_one_pattern_covers_another(pattern: str, other: str, expected: bool) -> None:
    assert covers(pattern, other) is expected
