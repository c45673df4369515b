"""Deployed roles are checked call by call, and what is missing is spelled out."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from scripts.deployment.errors import AwsError
from scripts.rehearsal.errors import UnsupportedError
from scripts.rehearsal.permissions import AccessDeniedError, PermissionChecker, Usage
from tests.support.rehearsal.prepared_aws import ACCOUNT, ROLE, PreparedAws, allow, role_checker

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


POLICY = f"arn:aws:iam::{ACCOUNT}:policy/more"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"


def test_a_role_is_read_once_with_its_own_its_attached_and_its_boundary_policies() -> None:
    """IAM answers documents as text, too, which moto does."""
    trust = json.dumps({"Statement": []})
    body = {"PermissionsBoundary": {"PermissionsBoundaryArn": BOUNDARY}, "AssumeRolePolicyDocument": trust}
    document = json.dumps({"Statement": [allow("Any", ["ecs:*"], "*")]})
    checked = role_checker(
        allow("Own", ["ecs:ListTasks"], "*"),
        iam__get_role={"Role": body},
        iam__list_attached_role_policies={"AttachedPolicies": [{"PolicyName": "more", "PolicyArn": POLICY}]},
        iam__get_policy={"Policy": {"DefaultVersionId": "v7"}},
        iam__get_policy_version={"PolicyVersion": {"Document": document}},
    )
    for action in ("ecs:ListTasks", "ecs:DescribeTasks", "ecs:ListTasks"):
        checked.check_call(ROLE, action, "*", {})
    version = [{"PolicyArn": arn, "VersionId": "v7"} for arn in (BOUNDARY, POLICY)]
    assert calls(checked) == [
        ("iam.get_role", {"RoleName": "builder"}),
        ("iam.get_policy", {"PolicyArn": BOUNDARY}),
        ("iam.get_policy_version", version[0]),
        ("iam.list_role_policies", {"RoleName": "builder"}),
        ("iam.get_role_policy", {"RoleName": "builder", "PolicyName": "Job"}),
        ("iam.list_attached_role_policies", {"RoleName": "builder"}),
        ("iam.get_policy", {"PolicyArn": POLICY}),
        ("iam.get_policy_version", version[1]),
    ]
    assert checked.usage() == [Usage("builder", ("ecs:*", "ecs:ListTasks"), ())]


def calls(checked: PermissionChecker) -> list[tuple[str, dict[str, Any]]]:
    """What a checker asked AWS."""
    return cast(PreparedAws, checked.aws).calls


@pytest.mark.parametrize("arn", [None, "arn:aws:iam::aws:policy/AdministratorAccess"])
def test_a_boundary_that_limits_nothing_is_not_read(arn: str | None) -> None:
    boundary = {"PermissionsBoundary": {"PermissionsBoundaryArn": arn}} if arn else {}
    body = {**boundary, "AssumeRolePolicyDocument": {"Statement": []}}
    checked = role_checker(allow("Any", ["iam:CreateRole"], "*"), iam__get_role={"Role": body})
    checked.check_call(ROLE, "iam:CreateRole", "*", {})
    assert not [name for name, _ in calls(checked) if "policy_version" in name]


PROJECT = f"arn:aws:codebuild:us-east-1:{ACCOUNT}:project/site"
CLUSTER = f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/c"
REPOSITORY = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/r"
MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m"
PIPELINE = f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:p"
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t"
OURS, OTHERS = {"key": "Owner", "value": "us"}, {"key": "Owner", "value": "them"}


@pytest.mark.parametrize(
    ("action", "resource", "reads", "answer", "allowed"),
    [
        ("codebuild:StartBuild", PROJECT, ("codebuild.batch_get_projects", {"names": ["site"]}),
         {"projects": [{"tags": [OURS]}]}, True),
        ("codebuild:StartBuild", PROJECT, ("codebuild.batch_get_projects", {"names": ["site"]}),
         {"projects": [{"tags": [OTHERS]}]}, False),
        ("codebuild:StartBuild", PROJECT, ("codebuild.batch_get_projects", {"names": ["site"]}),
         {"projects": []}, False),
        ("ecs:UpdateService", CLUSTER, ("ecs.list_tags_for_resource", {"resourceArn": CLUSTER}),
         {"tags": [OURS]}, True),
        ("ecs:UpdateService", CLUSTER, ("ecs.list_tags_for_resource", {"resourceArn": CLUSTER}), {"tags": []}, False),
        ("ecr:PutImage", REPOSITORY, ("ecr.list_tags_for_resource", {"resourceArn": REPOSITORY}),
         {"tags": [{"Key": "Owner", "Value": "us"}]}, True),
        ("states:StartExecution", MACHINE, ("stepfunctions.list_tags_for_resource", {"resourceArn": MACHINE}),
         {"tags": [OURS]}, True),
        ("codepipeline:StopPipelineExecution", PIPELINE,
         ("codepipeline.list_tags_for_resource", {"resourceArn": PIPELINE}), {"tags": [OURS]}, True),
        ("dynamodb:DeleteTable", TABLE, None, None, False),
    ],
)  # fmt: skip
def test_a_boundary_that_asks_for_a_tag_is_judged_by_the_resources_own(
    action: str, resource: str, reads: Any, answer: Any, allowed: bool
) -> None:
    body = {"PermissionsBoundary": {"PermissionsBoundaryArn": BOUNDARY}, "AssumeRolePolicyDocument": {"Statement": []}}
    tagged = {**allow("Ours", [action], "*"), "Condition": {"StringEquals": {"aws:ResourceTag/Owner": "us"}}}
    plain = allow("Read", ["ecs:ListTasks"], "*")
    answers: dict[str, Any] = {"get_role": {"Role": body}, "get_policy": {"Policy": {"DefaultVersionId": "v1"}}}
    answers["get_policy_version"] = {"PolicyVersion": {"Document": {"Statement": [plain, tagged]}}}
    answers = {f"iam__{name}": value for name, value in answers.items()}
    if reads:
        answers[reads[0].replace(".", "__")] = answer
    checked = role_checker(allow("Any", [action, "ecs:ListTasks"], "*"), **answers)
    checked.check_call(ROLE, "ecs:ListTasks", CLUSTER, {})
    read_before = [name for name, _ in calls(checked) if not name.startswith("iam.")]
    assert read_before == [], "tags are read for what asks for them alone"
    if allowed:
        checked.check_call(ROLE, action, resource, {})
    else:
        with pytest.raises(AccessDeniedError) as denied:
            checked.check_call(ROLE, action, resource, {})
        problem = f"the permissions boundary of builder leaves out {action} on {resource}: implicitly denied"
        assert str(denied.value).startswith(problem)
    assert [call for call in calls(checked) if not call[0].startswith("iam.")] == ([reads] if reads else [])


TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:alerts"
SERVICE = "events.amazonaws.com"


def of_service(action: str, resource: str, **more: Any) -> dict[str, Any]:
    return {**allow("S", [action], resource), "Principal": {"Service": SERVICE}, **more}


@pytest.mark.parametrize(
    ("resource", "action", "reads", "statement"),
    [
        (TOPIC, "sns:Publish", ("sns.get_topic_attributes", {"TopicArn": TOPIC}), of_service("sns:Publish", TOPIC)),
        (KEY, "kms:Decrypt", ("kms.get_key_policy", {"KeyId": KEY, "PolicyName": "default"}),
         of_service("kms:Decrypt", "*")),
        ("arn:aws:s3:::pages/a/b", "s3:GetObject", ("s3.get_bucket_policy", {"Bucket": "pages"}),
         of_service("s3:GetObject", "arn:aws:s3:::pages/*")),
        ("arn:aws:s3:::pages", "s3:ListBucket", ("s3.get_bucket_policy", {"Bucket": "pages"}),
         of_service("s3:ListBucket", "arn:aws:s3:::pages")),
    ],
)  # fmt: skip
def test_a_service_calls_by_the_policy_of_the_resource(
    resource: str, action: str, reads: tuple[str, Any], statement: dict[str, Any]
) -> None:
    member = {"Policy": json.dumps({"Statement": [statement]})}
    answer = {"Attributes": member} if resource == TOPIC else member
    checked = role_checker(**{reads[0].replace(".", "__"): answer})
    checked.check_service_call(SERVICE, action, resource, {})
    checked.check_service_call(SERVICE, action, resource, {})
    assert calls(checked) == [reads], "a policy is read once"
    with pytest.raises(AccessDeniedError) as denied:
        checked.check_service_call("other.amazonaws.com", action, resource, {})
    assert str(denied.value).startswith(f"other.amazonaws.com may not {action} on {resource}: implicitly denied")


def test_what_a_call_comes_from_is_judged() -> None:
    condition = {"ArnEquals": {"aws:SourceArn": f"arn:aws:events:us-east-1:{ACCOUNT}:rule/ours"}}
    policy = json.dumps({"Statement": [of_service("sns:Publish", TOPIC, Condition=condition)]})
    checked = role_checker(sns__get_topic_attributes={"Attributes": {"Policy": policy}})
    place = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/"
    checked.check_service_call(SERVICE, "sns:Publish", TOPIC, {"aws:SourceArn": f"{place}ours"})
    with pytest.raises(AccessDeniedError):
        checked.check_service_call(SERVICE, "sns:Publish", TOPIC, {"aws:SourceArn": f"{place}theirs"})


def test_an_error_of_a_bucket_is_none_of_a_missing_policy() -> None:
    checked = role_checker(
        allow("Read", ["s3:GetObject"], "*"), s3__get_bucket_policy=AwsError("s3.get_bucket_policy", "NoSuchBucket", "")
    )
    with pytest.raises(AwsError, match="NoSuchBucket"):
        checked.check_call(ROLE, "s3:GetObject", "arn:aws:s3:::pages/a", {})


@pytest.mark.parametrize("trusted", [True, False])
def test_a_role_is_assumed_by_the_role_that_it_names(trusted: bool) -> None:
    by = f"arn:aws:iam::{ACCOUNT}:role/pipeline"
    principal = {"AWS": by if trusted else f"{by}-other"}
    trust = {"Statement": [{"Sid": "T", "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}
    checked = role_checker(allow("Any", ["sts:AssumeRole"], "*"), trust=trust)
    if trusted:
        checked.check_role_trust(ROLE, by)
        assert checked.usage() == [Usage("builder", (), ("sts:AssumeRole",))], "its own permissions were not used"
        return
    with pytest.raises(AccessDeniedError) as denied:
        checked.check_role_trust(ROLE, by)
    assert str(denied.value).startswith("pipeline may not assume builder: implicitly denied")


def test_a_key_that_does_not_trust_the_role_is_named() -> None:
    checked = role_checker(allow("Keys", ["kms:Decrypt"], KEY), kms__get_key_policy=key_policy())
    with pytest.raises(AccessDeniedError) as denied:
        checked.check_call(ROLE, "kms:Decrypt", KEY, {})
    problem = f"the key policy of {KEY} does not let builder kms:Decrypt: implicitly denied"
    assert str(denied.value).startswith(problem)


def test_the_context_of_a_call_is_judged() -> None:
    """A row says through which service a key is used, and every call is in the account and over TLS."""
    via = {"StringEquals": {"kms:ViaService": "sns.us-east-1.amazonaws.com", "aws:ResourceAccount": ACCOUNT}}
    secure = {"Bool": {"aws:SecureTransport": "true"}}
    statement = {**allow("Keys", ["kms:GenerateDataKey", "kms:Decrypt"], KEY), "Condition": {**via, **secure}}
    checked = role_checker(statement, kms__get_key_policy=key_policy(ROOT))
    checked.check_operation(ROLE, "approval with an encrypted topic", {"Key": KEY})
    with pytest.raises(AccessDeniedError):
        checked.check_operation(ROLE, "artifact store with a key", {"Key": KEY})
    assert checked.used_by_role == {ROLE: {("Keys", "kms:GenerateDataKey"), ("Keys", "kms:Decrypt")}}


def test_what_was_used_is_told_role_by_role_and_statement_by_statement() -> None:
    checked = role_checker(
        allow("Broad", ["ecs:Describe*", "ecs:List*"], "*"), allow("Narrow", ["ecs:ListTasks", "s3:GetObject"], "*")
    )
    other = ROLE.replace("builder", "another")
    checked.check_call(ROLE, "ecs:DescribeTasks", "*", {})
    checked.check_call(other, "ECS:listtasks", "*", {})
    assert checked.usage() == [
        Usage("another", ("ecs:List*",), ("ecs:Describe*", "ecs:ListTasks", "s3:GetObject")),
        Usage("builder", ("ecs:Describe*",), ("ecs:List*", "ecs:ListTasks", "s3:GetObject")),
    ]
