"""The account that templates make: every resource with its ARNs, tags and policies, and every role with its rights."""

from __future__ import annotations

import importlib
import re
from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.environments import Environment
from generator.cfn.parameters import ParameterFile
from generator.cfn.permissions import Condition, Permission
from generator.cfn.reachability.account import Account, AccountResource, Principal, aws_policies, build
from generator.cfn.reachability.rights import TAGGING, Rights, Statements
from generator.cfn.resource_arns import ARNS
from generator.cfn.templates import from_bodies
from tests.support.small_account import NUMBER, allow, arn, resource

PLACE = f"eu-central-1:{NUMBER}"


def statement(sid: str, actions: Any, on: Any = None, **more: Any) -> dict[str, Any]:
    target = {} if on is None else {"Resource": on}
    return {"Sid": sid, "Effect": "Allow", "Action": actions, **target, **more}


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


PSEUDO = "${AWS::Partition} ${AWS::Region} ${AWS::AccountId} ${AWS::URLSuffix}"
TAGS = [{"Key": "Owner", "Value": "data"}]
DATA = {
    "Parameters": {"Environment": {"Type": "String"}},
    "Resources": {
        "Files": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::Sub": "Files-${Environment}"}}},
        "FilesPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": {"Ref": "Files"},
                "PolicyDocument": document(
                    statement("Open", "s3:GetObject", {"Fn::Sub": "${Files.Arn}/public/*"}, Principal="*")
                ),
            },
        },
        "Level": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": "/shop/level", "Value": {"Fn::Sub": PSEUDO}, "Tags": {"Owner": "data"}},
        },
        "Logs": {"Type": "AWS::Logs::LogGroup"},
        "Odd": {"Type": "AWS::Unknown::Thing"},  # a type without an ARN of its own
        "Orders": {"Type": "AWS::DynamoDB::Table", "Properties": {"Tags": TAGS}},
        "Secret": {"Type": "AWS::SecretsManager::Secret"},
        "Told": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {
                "Topics": [{"Ref": "Topic"}],
                "PolicyDocument": document(
                    statement("Told", "sns:Publish", {"Ref": "Topic"}, Principal={"Service": "events.amazonaws.com"})
                ),
            },
        },
        "Topic": {"Type": "AWS::SNS::Topic"},
    },
    "Outputs": {"OrdersArn": {"Value": {"Fn::GetAtt": ["Orders", "Arn"]}}},
}
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ROOT = {
    "Metadata": {"Computed": {"Boundary": {"Found": "of access", "First": "none"}}},
    "Parameters": {"Environment": {"Type": "String"}, "Boundary": {"Type": "String"}},
    "Resources": {
        "Data": {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {
                "TemplateURL": "data.json",
                "Tags": [{"Key": "Application", "Value": "shop"}],
                "Parameters": {"Environment": {"Ref": "Environment"}},
            },
        },
        "Extra": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"PolicyDocument": document(statement("More", ["s3:GetObject"], "*"))},
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "Path": "/shop/",
                "PermissionsBoundary": {"Ref": "Boundary"},
                "ManagedPolicyArns": [{"Ref": "Extra"}, READ_ONLY],
                "AssumeRolePolicyDocument": document(
                    statement("Trust", "sts:AssumeRole", Principal={"Service": "ec2.amazonaws.com"})
                ),
                "Policies": [
                    {
                        "PolicyName": "Job",
                        "PolicyDocument": document(
                            statement("Read", ["dynamodb:GetItem"], {"Fn::GetAtt": ["Data", "Outputs.OrdersArn"]})
                        ),
                    }
                ],
            },
        },
    },
}
ACCESS = {
    "Parameters": {"Environment": {"Type": "String"}},
    "Resources": {
        "Limit": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "Tags": [{"Key": "Application", "Value": "shop"}],
                "PolicyDocument": document(statement("Most", ["s3:*"], "*")),
            },
        }
    },
    "Outputs": {"Boundary": {"Value": {"Ref": "Limit"}}},
}


@pytest.fixture(scope="module")
def account() -> Account:
    templates = from_bodies({"environment": ROOT, "data": DATA, "access": ACCESS})
    file = ParameterFile("params/one.json", {"Environment": "one"}, {"Cost": "7"}, {})
    return build(Environment("one", templates[name], file) for name in ("access", "environment"))


def plain(text: str) -> str:
    """A text in which the random part of each name is left out."""
    return re.sub("-[0-9A-Z]{12}", "-R", text)


CHILD, EVENTS = "shop-one-Data-R", "Service:events.amazonaws.com"


def test_every_resource_has_its_arns_parts_tags_and_policies(account: Account) -> None:
    """What is a part of another resource is no resource, and its policy is that one's."""
    cost = {"Cost": "7"}
    assert [
        (each.address, [plain(text) for text in each.arns], each.tags, [plain(str(each)) for each in each.policy])
        for each in account.resources
    ] == [
        (
            "access.Limit",
            [f"arn:aws:iam::{NUMBER}:policy/shop-one-access-Limit-R"],
            {**cost, "Application": "shop"},
            ["access.Limit Most: Allow s3:* on *"],
        ),
        ("access.shop-one-access", [f"arn:aws:cloudformation:{PLACE}:stack/shop-one-access/made"], {}, []),
        (
            "data.Files",
            ["arn:aws:s3:::files-one", "arn:aws:s3:::files-one/any", "arn:aws:s3:::files-one/public/any"],
            cost,
            ["data.FilesPolicy Open: Allow s3:GetObject to * on arn:aws:s3:::files-one/public/*"],
        ),
        ("data.Level", [f"arn:aws:ssm:{PLACE}:parameter/shop/level"], {**cost, "Owner": "data"}, []),
        (
            "data.Logs",
            [f"arn:aws:logs:{PLACE}:log-group:{CHILD}-Logs-R{more}" for more in ("", ":log-stream:any")],
            cost,
            [],
        ),
        ("data.Orders", [f"arn:aws:dynamodb:{PLACE}:table/{CHILD}-Orders-R"], {**cost, "Owner": "data"}, []),
        ("data.Secret", [f"arn:aws:secretsmanager:{PLACE}:secret:Secret-R-AbCdEf"], cost, []),
        (
            "data.Topic",
            [f"arn:aws:sns:{PLACE}:{CHILD}-Topic-R"],
            cost,
            [f"data.Told Told: Allow sns:Publish to {EVENTS} on arn:aws:sns:{PLACE}:{CHILD}-Topic-R"],
        ),
        (
            "environment.Data",
            [f"arn:aws:cloudformation:{PLACE}:stack/{CHILD}/{CHILD}"],
            {**cost, "Application": "shop"},
            [],
        ),
        (
            "environment.Extra",
            [f"arn:aws:iam::{NUMBER}:policy/shop-one-Extra-R"],
            cost,
            ["environment.Extra More: Allow s3:GetObject on *"],
        ),
        (
            "environment.Role",
            [f"arn:aws:iam::{NUMBER}:role/shop/shop-one-Role-R"],
            cost,
            [
                "environment.Role Trust: Allow sts:AssumeRole to Service:ec2.amazonaws.com",
                f"environment.Role Read: Allow dynamodb:GetItem on arn:aws:dynamodb:{PLACE}:table/{CHILD}-Orders-R",
            ],
        ),
        ("environment.shop-one", [f"arn:aws:cloudformation:{PLACE}:stack/shop-one/made"], {}, []),
    ]


def test_a_role_has_its_own_and_its_attached_statements_within_the_boundary_of_another_root(account: Account) -> None:
    [role] = account.roles
    limit = account.by_service["iam"][0]
    assert (role.label, role.tags, role.unread) == ("environment.Role of one", {"Cost": "7"}, (READ_ONLY,))
    assert [each.sid for each in role.identity] == ["Read", "More"] and [each.sid for each in role.trust] == ["Trust"]
    assert (role.boundary, role.boundary_arn) == (limit.policy, limit.arn)
    assert account.policies == {
        each.arn: each.policy for each in account.resources if each.type == "AWS::IAM::ManagedPolicy"
    }


def test_a_policy_of_aws_whose_text_is_here_gives_its_statements_and_is_read() -> None:
    known = sorted(aws_policies())[0]
    policies = [known, READ_ONLY]
    role = {"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": policies, "Tags": TAGS}}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"Tags": [{"Key": "Application", "Value": "shop"}]}}
    templates = from_bodies({"environment": {"Resources": {"Role": role, "Topic": topic}}})
    file = ParameterFile("params/one.json", {}, {}, {})
    [principal] = build([Environment("one", templates["environment"], file)]).roles
    assert (principal.unread, principal.identity) == ((READ_ONLY,), aws_policies()[known])


def test_values_that_only_aws_gives_are_made_up(account: Account) -> None:
    [level] = account.of_type("AWS::SSM::Parameter")
    assert level.properties["Value"] == f"aws eu-central-1 {NUMBER} amazonaws.com"


def test_names_are_cut_as_cloudformation_cuts_them() -> None:
    """The name of a stack has at most 128 characters, that of a secret 64, also of one deep inside."""
    deep, inner = "Deep" + "p" * 130, "Inner" + "r" * 130
    secret = {"Resources": {"Secret" + "t" * 80: {"Type": "AWS::SecretsManager::Secret"}}}

    def around(logical_id: str, template: str) -> dict[str, Any]:
        properties = {"TemplateURL": template, "Tags": [{"Key": "Application", "Value": "shop"}]}
        return {"Resources": {logical_id: {"Type": "AWS::CloudFormation::Stack", "Properties": properties}}}

    middle, root = around(inner, "leaf.json"), around(deep, "middle.json")
    templates = from_bodies({"environment": root, "middle": middle, "leaf": secret})
    file = ParameterFile("params/one.json", {}, {}, {})
    place = build([Environment("one", templates["environment"], file)])
    arns = {each.address.partition(".")[0]: each.arn for each in place.resources if each.environment == "one"}
    stacks = [each.arn.split("/")[1] for each in place.of_type("AWS::CloudFormation::Stack")]
    assert sorted(map(len, stacks)) == [len("shop-one"), 128, 128]
    assert len(arns["leaf"].rpartition(":")[2].removesuffix("-AbCdEf")) == 63


def test_an_account_is_asked_by_service_arn_type_and_address(account: Account) -> None:
    assert sorted(account.by_service) == [
        "cloudformation", "dynamodb", "iam", "logs", "s3", "secretsmanager", "sns", "ssm"
    ]  # fmt: skip
    assert account.by_arn["arn:aws:s3:::files-one/any"].address == "data.Files"
    assert account.role_by_arn[account.roles[0].arn] is account.role("one", "environment.Role") is account.roles[0]
    assert account.role("two", "environment.Role") is account.role("one", "environment.Other") is None
    assert [each.address for each in account.of_type("AWS::SNS::Topic", "AWS::Logs::LogGroup")] == [
        "data.Logs",
        "data.Topic",
    ]
    assert account.environments == ("one",)


def test_a_policy_of_aws_is_read_from_its_text() -> None:
    assert aws_policies() and all(
        name.startswith("arn:aws:iam::aws:policy/")
        and statements
        and {each.kind for each in statements} == {"identity"}
        for name, statements in aws_policies().items()
    )


# --- what is a fact of a call, and what a caller chooses


def rights(*statements: Permission, **more: Any) -> Rights:
    place = Account((), (), (), {})
    return Rights(place, Principal("made", "one", "t.R", arn("iam", "role/made", ""), statements, **more))


def on(key: str, value: str, operator: str = "StringEquals") -> tuple[Condition, ...]:
    return (Condition(operator, key, (value,)),)


BUCKET = AccountResource("one", "s.B", "AWS::S3::Bucket", ("arn:aws:s3:::b",), {"Team": "x"}, {"AbacStatus": "Enabled"})
PLAIN = AccountResource("one", "s.B", "AWS::S3::Bucket", ("arn:aws:s3:::b",), {"Team": "x"}, {})
TABLE = AccountResource("one", "d.T", "AWS::DynamoDB::Table", (arn("dynamodb", "table/t"),), {"Team": "x"}, {})
RECORD = resource("e.R", "AWS::Route53::RecordSet", "arn:aws:route53:::hostedzone/Z", Name="a.test", Type="A")
BOUND = resource("a.R", "AWS::IAM::Role", arn("iam", "role/r", ""), PermissionsBoundary="arn:limit")
CHANGE = "route53:ChangeResourceRecordSets"


@pytest.mark.parametrize(
    ("action", "target", "condition", "may"),
    [
        ("dynamodb:GetItem", TABLE, on("aws:ResourceTag/Team", "x"), True),
        ("dynamodb:GetItem", TABLE, on("dynamodb:ResourceTag/Team", "x"), True),
        ("dynamodb:GetItem", TABLE, on("aws:ResourceTag/Team", "y"), False),
        ("dynamodb:GetItem", TABLE, on("aws:PrincipalTag/Team", "own"), True),
        ("dynamodb:GetItem", TABLE, on("aws:PrincipalTag/Team", "x"), False),
        ("dynamodb:GetItem", TABLE, on("aws:PrincipalArn", arn("iam", "role/made", "")), True),
        ("dynamodb:GetItem", TABLE, on("aws:PrincipalAccount", NUMBER), True),
        ("dynamodb:GetItem", TABLE, on("aws:ResourceAccount", NUMBER), True),
        ("dynamodb:GetItem", TABLE, on("aws:ResourceAccount", "999999999999"), False),
        ("dynamodb:GetItem", TABLE, on("aws:SecureTransport", "true", "Bool"), True),
        ("dynamodb:GetItem", TABLE, on("aws:SecureTransport", "false", "Bool"), False),
        ("dynamodb:GetItem", TABLE, on("aws:RequestedRegion", "eu-central-1"), True),
        ("dynamodb:GetItem", TABLE, on("aws:RequestedRegion", "us-east-1"), False),
        ("dynamodb:GetItem", TABLE, on("aws:SourceVpc", "vpc-1"), False),
        ("dynamodb:GetItem", TABLE, on("aws:MultiFactorAuthPresent", "true", "Bool"), False),
        ("dynamodb:GetItem", TABLE, on("dynamodb:LeadingKeys", "own"), True),  # the caller chooses it
        ("dynamodb:GetItem", TABLE, on("kms:ViaService", "x"), False),
        ("dynamodb:GetItem", TABLE, on("ec2:CreateAction", "x"), False),
        ("s3:GetObject", BUCKET, on("aws:ResourceTag/Team", "x"), True),
        ("s3:GetObject", PLAIN, on("aws:ResourceTag/Team", "x"), False),  # tags of a bucket count where that is on
        (CHANGE, RECORD, on(f"{CHANGE}NormalizedRecordNames", "a.test"), True),
        (CHANGE, RECORD, on(f"{CHANGE}NormalizedRecordNames", "b.test"), False),
        (CHANGE, RECORD, on(f"{CHANGE}RecordTypes", "A"), True),
        (CHANGE, RECORD, on(f"{CHANGE}RecordTypes", "CNAME"), False),
        ("iam:PutRolePolicy", BOUND, on("iam:PermissionsBoundary", "arn:limit"), True),
        ("iam:PutRolePolicy", BOUND, on("iam:PermissionsBoundary", "arn:other"), False),
        ("iam:PutRolePermissionsBoundary", BOUND, on("iam:PermissionsBoundary", "arn:other"), True),  # chosen there
        *(
            (f"iam:{action}", BOUND, on("iam:PermissionsBoundary", limit), limit == "arn:limit")
            for action in ("AttachRolePolicy", "DeleteRolePermissionsBoundary", "DeleteRolePolicy", "DetachRolePolicy")
            for limit in ("arn:limit", "arn:other")
        ),
        ("iam:CreateRole", BOUND, on("iam:PermissionsBoundary", "arn:other"), True),
        ("iam:CreateUser", BOUND, on("iam:PermissionsBoundary", "arn:other"), True),
        ("iam:PutUserPermissionsBoundary", BOUND, on("iam:PermissionsBoundary", "arn:other"), True),
        ("iam:UpdateAssumeRolePolicy", BOUND, on("iam:PermissionsBoundary", "arn:limit"), False),  # IAM sends none
    ],
)
def test_what_is_a_fact_and_what_is_chosen(
    action: str, target: AccountResource, condition: tuple[Condition, ...], may: bool
) -> None:
    caller = rights(allow(action, conditions=condition), tags={"Team": "own"})
    assert bool(caller.may(action, target.arn, target)) is may


GIVES_TAGS = re.compile(r"Tag(Resource|Role|Policy|InstanceProfile|LogGroup)|AddTags\w*|CreateTags|PutBucketTagging")


def test_every_action_that_gives_tags_to_a_resource_of_ours_is_known() -> None:
    """By awacs, which has the actions of the Service Authorization Reference. A stack gets its tags by a change of it,
    beside which alone `cloudformation:TagResource` is asked."""
    services = {
        form.removeprefix("arn:").partition(":")[0] for forms in ARNS.values() for form in forms if form[0] != "{"
    }
    modules = {name: importlib.import_module(f"awacs.{name.replace('-', '_')}") for name in services}
    giving = {
        name: {f"{name}:{action}" for action in dir(module) if GIVES_TAGS.fullmatch(action)}
        for name, module in modules.items()
    }
    assert {service: {*actions} for service, actions in TAGGING.items()} == {
        service: actions for service, actions in giving.items() if actions and service != "cloudformation"
    }


@pytest.mark.parametrize("action", [action for actions in TAGGING.values() for action in actions])
def test_a_role_that_gives_a_resource_the_tag_is_past_the_fence(action: str) -> None:
    service = action.partition(":")[0]
    other = AccountResource("two", "t.T", "AWS::Some::Type", (arn(service, "thing"),), {"Team": "two"}, {})
    switched_on = replace(other, properties={"AbacStatus": "Enabled"})  # S3 looks at tags of such buckets alone
    fenced = allow(f"{service}:Touch", conditions=on("aws:ResourceTag/Team", "one"))
    assert not rights(fenced).may(f"{service}:Touch", other.arn, switched_on)
    tagging = allow(action, sid="Tagging")
    allowed = rights(fenced, tagging).may(f"{service}:Touch", other.arn, switched_on)
    assert allowed and (allowed.by, allowed.after_tagging) == (fenced, tagging)


def test_statements_are_looked_up_by_every_action_that_they_name() -> None:
    """Also behind one with a pattern; those that name the action come first."""
    pattern, others = allow("s3:*", sid="Pattern"), allow(sid="Others")
    others = replace(others, not_actions=("iam:*",))
    named = allow("DynamoDB:GetItem", "s3:GetObject", sid="Named")
    statements = Statements([pattern, others, named])
    assert statements.about("dynamodb:getitem") == (named, others)
    assert statements.about("s3:GetObject") == (named, pattern, others)
    assert statements.about("s3:PutObject") == (pattern, others)
    assert statements.about("iam:PassRole") == ()


TAGS_TABLES = allow("dynamodb:TagResource", sid="Tagging")


@pytest.mark.parametrize("before", [("Area", "a*"), ("Area", "own")])
def test_a_tag_that_need_not_or_cannot_be_given_hides_no_other(before: tuple[str, str]) -> None:
    """A pattern is no value to give, and what the resource has already need not be given."""
    table = replace(TABLE, tags={"Area": "own", "Team": "two"})
    name, value = before
    area = allow("dynamodb:DeleteItem", conditions=on(f"aws:ResourceTag/{name}", value, "StringLike"))
    fenced = allow("dynamodb:GetItem", conditions=on("aws:ResourceTag/Team", "one"))
    allowed = rights(area, fenced, TAGS_TABLES).may("dynamodb:GetItem", table.arn, table)
    assert allowed and (allowed.by, allowed.after_tagging) == (fenced, TAGS_TABLES)


def test_a_boundary_that_asks_for_more_is_met_by_a_request_that_has_it() -> None:
    """The first request that is tried has none of the values that a caller may choose."""
    bound = allow("dynamodb:GetItem", sid="Bound", conditions=on("dynamodb:LeadingKeys", "own"))
    own = allow("dynamodb:GetItem")
    assert rights(own, boundary=(bound,)).may("dynamodb:GetItem", TABLE.arn, TABLE)
    foreign = replace(bound, conditions=on("aws:SourceVpc", "vpc-1"))
    assert not rights(own, boundary=(foreign,)).may("dynamodb:GetItem", TABLE.arn, TABLE)


def test_what_a_caller_chooses_is_tried_behind_a_fact_of_the_call() -> None:
    conditions = (*on("aws:SecureTransport", "true", "Bool"), *on("dynamodb:LeadingKeys", "own"))
    assert rights(allow("dynamodb:GetItem", conditions=conditions)).may("dynamodb:GetItem", TABLE.arn, TABLE)


def test_a_second_factor_is_a_fact_of_the_person() -> None:
    fresh = (*on("aws:MultiFactorAuthPresent", "true", "Bool"), *on("aws:MultiFactorAuthAge", "60", "NumericLessThan"))
    statement = allow("dynamodb:GetItem", conditions=fresh)
    assert rights(statement, second_factor=True).may("dynamodb:GetItem", TABLE.arn, TABLE)
    assert not rights(statement).may("dynamodb:GetItem", TABLE.arn, TABLE)


def test_a_key_lets_in_whom_its_policy_names_and_leaves_the_rest_to_the_account() -> None:
    def key(*principals: str) -> AccountResource:
        policy = Permission("k.K", "key", "", "Own", "Allow", principals, ("kms:*",), resources=("*",))
        return resource("k.K", "AWS::KMS::Key", arn("kms", "key/k"), policy=(policy,))

    by_account, by_name = key(f"AWS:arn:aws:iam::{NUMBER}:root"), key(f"AWS:{arn('iam', 'role/made', '')}")
    may = allow("kms:PutKeyPolicy")
    for target, statements, expected in (
        (by_account, (may,), True),
        (by_account, (), False),
        (by_name, (), True),
        (key("AWS:somebody-else"), (may,), False),
    ):
        assert bool(rights(*statements).may("kms:PutKeyPolicy", target.arn, target)) is expected, target.policy


def test_where_a_right_stands_and_what_it_is_about() -> None:
    allowed = rights(allow("dynamodb:GetItem")).may("dynamodb:GetItem", TABLE.arn, TABLE)
    assert allowed and (allowed.place, allowed.on) == ("shop.Mallory Hole", "d.T of one")
    stage = rights(allow("s3:GetObject")).may("s3:GetObject", "arn:aws:s3:::b/any", BUCKET)
    assert stage and stage.on == "s.B of one, any"
    nothing = rights(allow("iam:CreateRole", sid="")).may("iam:CreateRole", arn("iam", "role/x", ""))
    assert nothing and (nothing.place, nothing.on) == ("shop.Mallory", "iam:role/x")
