"""The rules on statements, branch by branch: a row that is allowed beside each row that is a finding.

Every table is asked twice, the second time behind a statement in which nothing is wrong: a rule goes on.
"""

from __future__ import annotations

from typing import Any

import pytest

from generator.cfn.names import ACCESS, ACCESS_ROOTS, ENVIRONMENT, NO_BOUNDARY, ROLE_BOUNDARY
from generator.cfn.template_names import BOUNDARY
from generator.gate.rules.account import MANAGED_POLICIES
from tests.support.rules import faults, findings

ROLE, OBJECT = "AWS::IAM::Role", "arn:aws:s3:::bucket/key"
HARMLESS = {"Sid": "Harmless", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [OBJECT]}
STATEMENT = {**HARMLESS, "Sid": "It"}
SERVICE = {"Service": "x.amazonaws.com"}
OURS = {"StringEquals": {"aws:SourceAccount": "1"}}


def body(*statements: dict[str, Any], **metadata: dict[str, str]) -> dict[str, Any]:
    """A role with an inline policy of these statements; those without a reason of their own have one."""
    reasons = {statement["Sid"]: "why" for statement in statements if statement.get("Sid")}
    return {
        "Type": ROLE,
        "Properties": {"Policies": [{"PolicyName": "Job", "PolicyDocument": {"Statement": list(statements)}}]},
        "Metadata": {"Reasons": reasons, **metadata},
    }


def messages_on(rule: str, statement: dict[str, Any], **metadata: dict[str, str]) -> list[str]:
    """The findings on a statement, which are the same behind a statement in which nothing is wrong."""
    alone = faults(rule, t={"Resources": {"Role": body(statement, **metadata)}})
    behind = faults(rule, t={"Resources": {"Role": body(HARMLESS, statement, **metadata)}})
    assert alone == behind and all(fault.startswith("t.Role ") for fault in alone)
    return [fault.removeprefix("t.Role ").removeprefix("statement It ") for fault in alone]


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        ({}, []),
        ({"Action": ["s3:Get*", "s3:PutObject"]}, ["allows s3:Get*"]),
        ({"Action": ["s3:PutObject", "s3:Get?bject"]}, ["allows s3:Get?bject"]),
        ({"Action": "*"}, ["allows *"]),
        ({"Action": None, "NotAction": ["a:B", "c:D"]}, ["allows everything but a:B, c:D"]),
        ({"Effect": "Deny", "Action": "*"}, []),
        ({"Effect": "Deny", "Action": None, "NotAction": ["a:B"]}, []),
    ],
)
def test_each_action_that_is_allowed_is_named(change: dict[str, Any], messages: list[str]) -> None:
    assert messages_on("IAM001", {**STATEMENT, **change}) == messages


def test_a_statement_without_a_name_is_told_as_that() -> None:
    nameless = {key: value for key, value in STATEMENT.items() if key != "Sid"}
    assert messages_on("IAM001", {**nameless, "Action": "*"}) == ["statement without Sid allows *"]


def test_the_boundary_alone_may_allow_by_wildcard() -> None:
    boundary = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"PolicyDocument": {"Statement": [{**STATEMENT, "Action": "s3:*"}]}},
    }
    assert faults("IAM001", **{ACCESS: {"Resources": {ROLE_BOUNDARY: boundary}}}) == []
    other = {"Resources": {"Other": boundary}}
    assert faults("IAM001", **{ACCESS: other}) == [f"{ACCESS}.Other statement It allows s3:*"]


WITHOUT_ENTRY = "without an entry in Metadata.Wildcards"


@pytest.mark.parametrize(
    ("change", "why", "messages"),
    [
        ({}, {}, []),
        ({"Resource": "*"}, {"It": "why"}, []),
        ({"Resource": "*"}, {}, [f"stands on * {WITHOUT_ENTRY}"]),
        ({"Resource": "*", "Effect": "Deny"}, {}, [f"stands on * {WITHOUT_ENTRY}"]),
        ({"Resource": [OBJECT, "arn:aws:s3:::*"]}, {}, [f"stands on arn:aws:s3:::*, {OBJECT} {WITHOUT_ENTRY}"]),
        (
            {"Resource": {"Fn::Sub": "arn:${A}:s3:${B}:${C}:*"}},
            {},
            [f"stands on arn:${{A}}:s3:${{B}}:${{C}}:* {WITHOUT_ENTRY}"],
        ),
        ({"Resource": "arn:aws:s3:::*/key"}, {}, []),
        ({"Resource": "arn:aws:s3:::bucket/*"}, {}, []),
        ({"Resource": None, "NotResource": OBJECT}, {}, [f"stands on  {WITHOUT_ENTRY}"]),
        ({}, {"It": "why"}, ["Metadata.Wildcards has It, which is no statement on everything"]),
        ({}, {"Gone": "why"}, ["Metadata.Wildcards has Gone, which is no statement on everything"]),
    ],
)
def test_everything_has_a_reason_and_each_reason_has_its_statement(
    change: dict[str, Any], why: dict[str, str], messages: list[str]
) -> None:
    assert messages_on("IAM002", {**STATEMENT, **change}, Wildcards=why) == messages


def test_the_reason_of_another_role_is_none() -> None:
    wide = {**STATEMENT, "Resource": "*"}
    roles = {"First": body(STATEMENT, Wildcards={"It": "why"}), "Second": body(wide, Wildcards={"It": "why"})}
    stale = "t.First Metadata.Wildcards has It, which is no statement on everything"
    assert faults("IAM002", t={"Resources": roles}) == [stale]
    roles = {"First": body(wide, Wildcards={"It": "why"}), "Second": body(wide)}
    assert faults("IAM002", t={"Resources": roles}) == [f"t.Second statement It stands on * {WITHOUT_ENTRY}"]


def test_the_policy_of_a_key_is_on_that_key() -> None:
    statement = {**STATEMENT, "Resource": "*", "Principal": SERVICE}
    assert findings("IAM002", "AWS::KMS::Key", {"KeyPolicy": {"Statement": [statement]}}) == []


TO, ARN = {"StringEquals": {"iam:PassedToService": "x"}}, "arn:aws:iam::1:role/job"
ANY_SERVICE = "passes roles without saying to which service (iam:PassedToService)"


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        ({"Condition": TO}, []),
        ({"Condition": {"StringLike": {"IAM:passedtoservice": "x"}}}, []),
        ({"Condition": {**TO, "Null": {"a:B": "true"}}}, []),
        ({}, [ANY_SERVICE]),
        ({"Condition": OURS}, [ANY_SERVICE]),
        ({"Action": ["IAM:PASSROLE"]}, [ANY_SERVICE]),
        ({"Action": ["a:B", "iam:PassRole", "x:Y"]}, [ANY_SERVICE]),
        ({"Condition": TO, "Resource": "*"}, ["passes any role (*)"]),
        (
            {"Condition": TO, "Resource": [ARN, "arn:aws:iam::1:role/*"]},
            [f"passes any role (arn:aws:iam::1:role/*, {ARN})"],
        ),
        ({"Resource": "*"}, [ANY_SERVICE, "passes any role (*)"]),
        ({"Resource": "*", "Action": ["iam:GetRole"]}, []),
        ({"Resource": "*", "Effect": "Deny"}, []),
    ],
)
def test_a_role_is_passed_to_a_service_that_is_named(change: dict[str, Any], messages: list[str]) -> None:
    statement = {**STATEMENT, "Action": ["iam:PassRole"], "Resource": [ARN], **change}
    assert messages_on("IAM003", statement) == messages


def test_each_statement_has_a_name_and_a_reason() -> None:
    nameless = {key: value for key, value in STATEMENT.items() if key != "Sid"}
    assert messages_on("IAM004", STATEMENT) == []
    assert messages_on("IAM004", nameless) == ["a statement in Job has no Sid"]
    assert messages_on("IAM004", {**STATEMENT, "Sid": ""}) == ["a statement in Job has no Sid"]
    for reasons in ({"Harmless": "why", "It": " "}, {"Harmless": "why"}):
        role = body(HARMLESS, STATEMENT, Reasons=reasons)
        assert faults("IAM004", t={"Resources": {"Role": role}}) == [
            "t.Role statement It has no entry in Metadata.Reasons"
        ]
    gone = faults("IAM004", t={"Resources": {"Role": body(STATEMENT, Reasons={"It": "why", "Gone": "why"})}})
    assert gone == ["t.Role Metadata.Reasons has Gone, and there is no such statement"]
    topic = {"Type": "AWS::SNS::Topic", "Metadata": {"Reasons": {"Gone": "why"}}}
    assert findings("IAM004", ROLE, beside={"Topic": topic}) == [gone[0].removeprefix("t.Role ")]


def test_a_name_of_a_statement_is_there_once_for_each_role_and_outcome() -> None:
    other = {**STATEMENT, "Resource": ["arn:aws:s3:::bucket/other"]}
    roles = {"First": body(STATEMENT), "Second": body(other)}
    assert faults("IAM004", t={"Resources": roles}) == []
    assert faults("IAM004", t={"Resources": {"Role": body(STATEMENT, HARMLESS, other)}}) == [
        "t.Role two statements are called It"
    ]
    conditions: dict[str, Any] = {"Conditions": {name: {"Fn::Equals": [{"Ref": name}, ""]} for name in "AB"}}
    either = {"Fn::If": ["A", STATEMENT, other]}
    assert faults("IAM004", t={"Resources": {"Role": body(either, Reasons={"It": "why"})}, **conditions}) == []
    both = [{"Fn::If": [name, chosen, {"Ref": "AWS::NoValue"}]} for name, chosen in (("A", STATEMENT), ("B", other))]
    assert faults("IAM004", t={"Resources": {"Role": body(*both, Reasons={"It": "why"})}, **conditions}) == [
        "t.Role two statements are called It"
    ]


KINDS = {
    "trust": (ROLE, "AssumeRolePolicyDocument"),
    "resource": ("AWS::SNS::TopicPolicy", "PolicyDocument"),
    "key": ("AWS::KMS::Key", "KeyPolicy"),
    "endpoint": ("AWS::EC2::VPCEndpoint", "PolicyDocument"),
}


def at(rule: str, place: str, statement: dict[str, Any]) -> list[str]:
    """The findings on a statement in a policy of a kind, which are the same behind one that admits our account."""
    kind, name = KINDS[place]
    harmless = {"Sid": "Harmless", "Effect": "Allow", "Principal": {"AWS": {"Ref": "RoleArn"}}, "Action": ["a:B"]}
    own = {"Sid": "It", "Effect": "Allow", "Action": ["a:B"], **statement}
    alone = findings(rule, kind, {name: {"Statement": [own]}})
    assert findings(rule, kind, {name: {"Statement": [harmless, own]}}) == alone
    return [message.removeprefix("statement It ") for message in alone]


@pytest.mark.parametrize(
    ("statement", "trusts", "allows"),
    [
        ({"Principal": {"AWS": {"Ref": "RoleArn"}}}, [], []),
        ({"Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}}, [], []),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:role/job"}}, [], []),
        ({"Principal": "*"}, ["trusts *"], ["allows anybody"]),
        ({"Principal": {"AWS": ["*"]}}, ["trusts AWS:*"], ["allows anybody"]),
        ({"Principal": {"AWS": "123456789012"}}, ["trusts AWS:123456789012"], []),
        (
            {"Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::123456789012:root"}}},
            ["trusts AWS:arn:${AWS::Partition}:iam::123456789012:root"],
            [],
        ),
        (
            {"Principal": {"AWS": ["111111111111", {"Ref": "A"}, "*"]}},
            ["trusts AWS:*", "trusts AWS:111111111111"],
            ["allows anybody"],
        ),
        (
            {"NotPrincipal": {"AWS": ["1", "2"]}},
            ["trusts everybody but AWS:1, AWS:2"],
            ["allows everybody but AWS:1, AWS:2"],
        ),
        ({"Effect": "Deny", "Principal": "*"}, [], []),
        ({"Effect": "Deny", "NotPrincipal": {"AWS": "1"}}, [], []),
    ],
)
def test_nobody_outside_is_let_in(statement: dict[str, Any], trusts: list[str], allows: list[str]) -> None:
    assert at("IAM005", "trust", statement) == trusts
    assert at("IAM008", "resource", statement) == at("IAM008", "key", statement) == allows
    assert at("IAM008", "trust", statement) == at("IAM008", "endpoint", statement) == []
    assert at("IAM005", "resource", statement) == at("IAM005", "key", statement) == []


@pytest.mark.parametrize("place", ["resource", "key"])
def test_a_service_says_for_whom_it_uses_what_is_ours(place: str) -> None:
    def served(statement: dict[str, Any]) -> list[str]:
        assert at("IAM006", place, statement) == at("IAM007", "trust", statement) == []
        return at("IAM007", place, statement)

    assert served({"Principal": SERVICE, "Condition": OURS}) == []
    assert served({"Principal": SERVICE, "Condition": {"Null": {"a:B": "true"}, **OURS}}) == []
    assert served({"Principal": SERVICE, "Effect": "Deny"}) == []
    assert served({"Principal": {"AWS": "*"}}) == []
    two = {"Principal": {"AWS": {"Ref": "A"}, "Service": ["x.amazonaws.com", "y.amazonaws.com"]}}
    assert served(two) == [f"lets {name}.amazonaws.com act for anybody's account" for name in "xy"]
    balancers = "logdelivery.elasticloadbalancing.amazonaws.com"
    expected = [] if place == "resource" else [f"lets {balancers} act for anybody's account"]
    assert served({"Principal": {"Service": balancers}}) == expected


AWS_POLICY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.mark.parametrize("kind", [ROLE, "AWS::IAM::User", "AWS::IAM::Group"])
def test_a_policy_of_aws_is_attached_with_a_reason_alone(kind: str) -> None:
    attached = [f"has the policy {AWS_POLICY} attached"]
    assert findings("IAM010", kind) == findings("IAM010", kind, {"ManagedPolicyArns": [{"Ref": "Ours"}]}) == []
    assert findings("IAM010", kind, {"ManagedPolicyArns": [{"Ref": "Ours"}, AWS_POLICY]}) == attached
    second = {"Second": {"Type": kind, "Properties": {"ManagedPolicyArns": [AWS_POLICY]}}}
    assert findings("IAM010", kind, {"ManagedPolicyArns": ["arn:aws:iam::1:policy/x"]}, beside=second) == attached


BOUND = {"Type": ROLE, "Properties": {"PermissionsBoundary": {"Ref": "PermissionsBoundaryArn"}}}


def test_each_role_has_the_boundary_but_for_those_of_whoever_gives_it() -> None:
    unbound = {"Type": ROLE}
    root = {"Resources": {"First": unbound}}
    missing = "has not the permissions boundary PermissionsBoundaryArn"
    roots = dict.fromkeys(ACCESS_ROOTS, root)
    assert faults("IAM011", t={"Resources": {"Bound": BOUND, "Late": unbound}}, **roots) == [f"t.Late {missing}"]


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ({"Ref": BOUNDARY}, True),
        ({"Fn::Sub": f"arn:${{AWS::Partition}}:iam::aws:policy/{NO_BOUNDARY}"}, True),
        (None, True),
        ("", False),
        ({"Ref": "Other"}, False),
    ],
)
def test_the_root_gives_its_stacks_no_other_boundary(value: Any, good: bool) -> None:
    def child(parameter: Any) -> dict[str, Any]:
        passed = {} if parameter is None else {"PermissionsBoundaryArn": parameter}
        return {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "t.json", "Parameters": passed}}

    root = {"Resources": {"First": child(None), "Stack": child(value)}}
    expected = f"{ENVIRONMENT}.Stack is given another boundary for its roles than that of the stack `access`"
    assert faults("IAM011", t={"Resources": {"Role": BOUND}}, **{ENVIRONMENT: root}) == ([] if good else [expected])
    assert faults("IAM011", t={"Resources": {"Role": BOUND}}, other=root) == []


@pytest.mark.parametrize(
    ("template", "statement", "messages"),
    [
        ("t", {"Action": ["s3:GetObject"]}, []),
        ("t", {"Action": ["S3:getobject"]}, []),
        ("t", {"Action": ["s3:GetObject", "a:B"]}, ["statement It allows a:B, the boundary does not"]),
        ("t", {"Action": ["x:Denied"]}, ["statement It allows x:Denied, the boundary does not"]),
        ("t", {"Action": ["a:B"], "Effect": "Deny"}, []),
        *((name, {"Action": ["a:B"]}, []) for name in ACCESS_ROOTS),
    ],
)
def test_what_a_role_allows_the_boundary_allows_too(
    template: str, statement: dict[str, Any], messages: list[str]
) -> None:
    limits = [{**STATEMENT, "Action": ["s3:*"]}, {**STATEMENT, "Effect": "Deny", "Action": ["x:*"]}]
    boundary = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": {"Statement": limits}}}
    templates: dict[str, Any] = {ACCESS: {"Resources": {ROLE_BOUNDARY: boundary}}}
    resources = templates.setdefault(template, {"Resources": {}})["Resources"]
    resources["Role"] = body(HARMLESS, {**STATEMENT, **statement})
    resources["Topic"] = {
        "Type": "AWS::SNS::TopicPolicy",
        "Properties": {"PolicyDocument": {"Statement": [{**STATEMENT, "Action": ["a:C"]}]}},
    }
    assert faults("IAM012", **templates) == [f"t.Role {message}" for message in messages]


CLEAR = {
    "Sid": "Tls",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": [{"Fn::GetAtt": ["It", "Arn"]}, {"Fn::Sub": "${It.Arn}/*"}],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


@pytest.mark.parametrize(
    ("change", "closed"),
    [
        ({}, True),
        ({"Action": ["s3:*", "x:Y"]}, True),
        ({"Condition": {"Bool": {"AWS:SECURETRANSPORT": False}}}, True),
        ({"Effect": "Allow"}, False),
        ({"Principal": {"AWS": "*"}}, False),
        ({"Action": "s3:GetObject"}, False),
        ({"Resource": [{"Fn::GetAtt": ["It", "Arn"]}]}, False),
        ({"Resource": [{"Fn::Sub": "${It.Arn}/*"}]}, False),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, False),
        ({"Condition": {"Bool": {"aws:Other": "false"}}}, False),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false", "aws:Other": "x"}}}, False),
        ({"Condition": {}}, False),
    ],
)
def test_a_bucket_is_closed_to_clear_text(change: dict[str, Any], closed: bool) -> None:
    def bucket(*statements: dict[str, Any], name: str = "It") -> list[str]:
        properties = {"Bucket": {"Ref": name}, "PolicyDocument": {"Statement": list(statements)}}
        policy = {"Type": "AWS::S3::BucketPolicy", "Properties": properties}
        return findings("STO004", "AWS::S3::Bucket", beside={"Policy": policy})

    expected = [] if closed else ["has no policy that denies requests without TLS"]
    assert bucket({**CLEAR, **change}) == bucket(HARMLESS, {**CLEAR, **change}) == expected
    assert bucket({**CLEAR, **change}, name="Other") == ["has no policy that denies requests without TLS"]


def test_a_role_takes_so_many_policies() -> None:
    def policies(number: int) -> dict[str, Any]:
        return {"ManagedPolicyArns": [{"Ref": f"Policy{position}"} for position in range(number)]}

    # A role takes ten (IAM user guide, reference_iam-quotas), and some accounts attach one to each role.
    assert MANAGED_POLICIES == 9
    many = {"Many": {"Type": ROLE, "Properties": policies(MANAGED_POLICIES + 1)}}
    assert findings("ACC003", ROLE) == findings("ACC003", ROLE, policies(MANAGED_POLICIES)) == []
    assert findings("ACC003", ROLE, policies(1), beside=many) == [f"has {MANAGED_POLICIES + 1} managed policies"]


def deployer(*statements: dict[str, Any]) -> dict[str, Any]:
    """A template whose role deploys, with these statements in a managed policy beside a harmless one in the role."""
    role = body(HARMLESS)
    principal = {"Service": "cloudformation.amazonaws.com"}
    role["Properties"]["AssumeRolePolicyDocument"] = {"Statement": [{**STATEMENT, "Principal": principal}]}
    role["Properties"]["ManagedPolicyArns"] = [{"Ref": "Policy"}]
    properties = {"PolicyDocument": {"Statement": list(statements)}}
    return {"Resources": {"Role": role, "Policy": {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}}}


TAGGED = {"StringEquals": {"aws:ResourceTag/Environment": "x"}}
ZONES = ["ec2:DescribeAccountAttributes", "ec2:DescribeAvailabilityZones", "ec2:DescribeSubnets"]


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({}, []),
        ({"Action": ZONES[1:]}, ZONES[:1]),
        ({"Effect": "Deny"}, ZONES),
        ({"Resource": "arn:aws:ec2:x:1:subnet/y"}, ZONES),
        ({"Condition": TAGGED}, []),
        ({"Condition": {"StringEquals": {"aws:RequestedRegion": "x"}}}, ZONES),
    ],
)
def test_who_deploys_may_do_what_deploying_asks_for(change: dict[str, Any], refused: list[str]) -> None:
    asking = {"Type": "AWS::EC2::Subnet", "Properties": {"AvailabilityZone": {"Fn::GetAZs": ""}}}
    access = deployer(HARMLESS, {**STATEMENT, "Action": ZONES, "Resource": "*", **change})
    messages = faults("ACC001", access=access, t={"Resources": {"Subnet": asking}})
    assert [message.partition(", which ")[0] for message in messages] == [
        f"access.Role may not {action} on *" for action in refused
    ]
    assert faults("ACC001", access=access, shared={"Resources": {"Subnet": asking}}) == []


@pytest.mark.parametrize(
    ("change", "early"),
    [
        ({}, ["kms:DescribeKey", "kms:Encrypt"]),
        ({"Condition": OURS}, []),
        ({"Effect": "Deny"}, []),
        ({"Action": ["kms:ScheduleKeyDeletion"]}, []),
    ],
)
def test_no_tag_is_asked_of_a_key_that_is_new(change: dict[str, Any], early: list[str]) -> None:
    actions = ["kms:Encrypt", "kms:ScheduleKeyDeletion", "kms:DescribeKey"]
    template = deployer(HARMLESS, {**STATEMENT, "Action": actions, "Condition": {**OURS, **TAGGED}, **change})
    expected = f"t.Policy statement It asks for a tag of the key before {', '.join(early)}"
    assert faults("ACC002", t=template) == ([expected] if early else [])
