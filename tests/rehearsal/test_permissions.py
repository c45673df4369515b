"""Deployed roles are checked call by call, and what is missing is spelled out."""

from __future__ import annotations

import json

import pytest

from scripts.deployment.errors import AwsError
from scripts.rehearsal.errors import UnsupportedError
from scripts.rehearsal.permissions import AccessDeniedError, Usage
from tests.support.rehearsal.prepared_aws import ACCOUNT, ROLE, allow, role_checker

KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"
NO_POLICY = AwsError("s3.get_bucket_policy", "NoSuchBucketPolicy", "")
ROOT = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}


def key_policy(*statements: object) -> dict[str, str]:
    return {"Policy": json.dumps({"Statement": list(statements)})}


def test_a_denied_call_names_role_call_and_statement() -> None:
    checked = role_checker(allow("Read", ["ecs:DescribeServices"], "*"))
    with pytest.raises(AccessDeniedError) as denied:
        checked.check_operation(ROLE, "aws ecs update-service", {"--cluster": "one", "--service": "two"})
    arn = f"arn:aws:ecs:us-east-1:{ACCOUNT}:service/one/two"
    missing = json.dumps({"Effect": "Allow", "Action": "ecs:UpdateService", "Resource": arn})
    assert str(denied.value) == (f"builder may not ecs:UpdateService on {arn}: implicitly denied, missing: {missing}")


def test_used_and_unused_actions_are_told_apart() -> None:
    checked = role_checker(allow("Tables", ["dynamodb:DescribeTable", "dynamodb:DeleteTable"], "*"))
    checked.check_operation(ROLE, "aws dynamodb describe-table", {"--table-name": "clients"})
    assert checked.usage() == [Usage("builder", ("dynamodb:DescribeTable",), ("dynamodb:DeleteTable",))]


def test_what_a_row_leaves_open_is_judged_as_it_is_called() -> None:
    checked = role_checker(allow("Mine", ["ssm:GetParameters"], f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/mine/*"))
    checked.check_operation(ROLE, "aws ssm get-parameters", {}, "/mine/one")
    with pytest.raises(AccessDeniedError, match="parameter/yours/one"):
        checked.check_operation(ROLE, "aws ssm get-parameters", {}, "/yours/one")


def test_a_thing_without_a_row_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"`aws s3 rb` has no row in generator/cfn/role_needs/rows.py"):
        role_checker().check_operation(ROLE, "aws s3 rb", {})


def test_a_bucket_policy_that_denies_wins() -> None:
    deny = {"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::pages/*"}
    policy = {"Policy": json.dumps({"Statement": [deny]})}
    checked = role_checker(allow("Read", ["s3:GetObject"], "*"), s3__get_bucket_policy=policy)
    with pytest.raises(AccessDeniedError, match=r"explicitly denied by .*No"):
        checked.check_operation(ROLE, "aws s3api get-object", {"--bucket": "pages", "--key": "index.html"})


def test_a_bucket_without_policy_leaves_it_to_the_role() -> None:
    checked = role_checker(allow("Read", ["s3:GetObject"], "*"), s3__get_bucket_policy=NO_POLICY)
    checked.check_operation(ROLE, "aws s3api get-object", {"--bucket": "pages", "--key": "index.html"})


@pytest.mark.parametrize(
    ("own_statement", "theirs", "allowed"),
    [(True, [ROOT], True), (False, [ROOT], False), (True, [], False)],
    ids=["both", "the key alone", "the role alone"],
)
def test_a_key_wants_both_policies(own_statement: bool, theirs: list[object], allowed: bool) -> None:
    own = [allow("Keys", ["kms:Decrypt"], KEY)] if own_statement else []
    checked = role_checker(*own, kms__get_key_policy=key_policy(*theirs))
    if allowed:
        checked.check_call(ROLE, "kms:Decrypt", KEY, {})
    else:
        with pytest.raises(AccessDeniedError):
            checked.check_call(ROLE, "kms:Decrypt", KEY, {})


def test_only_the_service_that_is_trusted_takes_a_role() -> None:
    principal = {"Service": "codebuild.amazonaws.com"}
    trust = {"Statement": [{"Sid": "Builds", "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}
    checked = role_checker(trust=trust)
    checked.check_service_trust(ROLE, "AWS::CodeBuild::Project", "ServiceRole")
    with pytest.raises(AccessDeniedError, match=r"codepipeline.amazonaws.com may not assume builder"):
        checked.check_service_trust(ROLE, "AWS::CodePipeline::Pipeline", "RoleArn")


def test_a_role_may_do_what_its_policy_and_its_boundary_allow() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    body = {"PermissionsBoundary": {"PermissionsBoundaryArn": arn}, "AssumeRolePolicyDocument": {"Statement": []}}
    version = {"PolicyVersion": {"Document": {"Statement": [allow("Limit", ["s3:GetObject"], "*")]}}}
    checked = role_checker(
        allow("Everything", ["s3:GetObject", "iam:CreateRole"], "*"),
        iam__get_role={"Role": body},
        iam__get_policy={"Policy": {"DefaultVersionId": "v1"}},
        iam__get_policy_version=version,
    )
    checked.check_call(ROLE, "s3:GetObject", "*", {})
    with pytest.raises(AccessDeniedError, match="the permissions boundary of builder leaves out iam:CreateRole on"):
        checked.check_call(ROLE, "iam:CreateRole", "*", {})


def test_buckets_that_only_a_pattern_names_have_no_policy_that_is_read() -> None:
    """Such as AWS's own, which Elastic Beanstalk reads with the caller's rights."""
    checked = role_checker(allow("Read", ["s3:GetObject"], "arn:aws:s3:::elasticbeanstalk-*/*"))
    checked.check_call(ROLE, "s3:GetObject", "arn:aws:s3:::elasticbeanstalk-*/*", {})
