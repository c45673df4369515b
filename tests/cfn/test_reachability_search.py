"""Who starts where, what a pipeline makes of what was written, and who may become whom: on a small account."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.permissions import Condition, Permission
from generator.cfn.reachability.account import Account, AccountResource, Principal
from generator.cfn.reachability.contents import (
    build_logs,
    client_secrets,
    contents,
    executes,
    packaging,
    records,
    sites,
    validations,
)
from generator.cfn.reachability.rights import Rights
from generator.cfn.reachability.search import reach
from generator.cfn.reachability.steps import may_assume
from generator.cfn.reachability.terms import ADMINISTRATOR, Step
from tests.support.small_account import NUMBER, OUR_POLICY, action, allow, arn, resource, role

ROLES = {
    each[0].address: each
    for each in (
        role("build.Make", "codebuild.amazonaws.com"),
        role("build.Test", "codebuild.amazonaws.com"),
        role("build.Seal", "codebuild.amazonaws.com"),
        role("app.Task", "ecs-tasks.amazonaws.com"),
    )
}


def project(name: str, buildspec: str, **more: Any) -> AccountResource:
    owner = ROLES[f"build.{name}"][0].arn
    source = {"BuildSpec": buildspec}
    arns = arn("codebuild", f"project/{name}")
    return resource(f"build.{name}", "AWS::CodeBuild::Project", arns, ServiceRole=owner, Source=source, **more)


def named(*names: str) -> list[dict[str, str]]:
    return [{"Name": name} for name in names]


def code(name: str, of: str, taken: str, *outputs: str, **more: Any) -> dict[str, Any]:
    configuration = {"ProjectName": of}
    more |= {"OutputArtifacts": named(*outputs)} if outputs else {}
    return action(name, "Build", "CodeBuild", Configuration=configuration, InputArtifacts=named(taken), **more)


SOURCE = {
    "Name": "Source",
    "Actions": [
        action("Code", "Source", "CodeCommit", OutputArtifacts=named("Source"), Configuration={"BranchName": "main"})
    ],
}
BUILD = {
    "Name": "Build",
    "Actions": [
        code("Make", "Make", "Source", "TheBundleOfAll", Namespace="Made"),
        code("Test", "Test", "TheBundleOfAll", RunOrder=2),
    ],
}
ASK = {
    "Name": "Approve",
    "Actions": [
        code("Seal", "Seal", "TheBundleOfAll", "Sealed"),
        action("Ask", "Approval", "Manual", RunOrder=2, Configuration={"CustomData": "Release #{Made.TAG}?"}),
        code("Again", "Seal", "Sealed", "Handed", RunOrder=3),
    ],
}
DEPLOY = {
    "Name": "Deploy",
    "Actions": [
        action("Run", "Deploy", "ECS", InputArtifacts=named("Handed")),
        action("Page", "Deploy", "S3", InputArtifacts=named("TheBundleOfAll"), Configuration={"BucketName": "site"}),
    ],
}
TASK = resource(
    "app.Task", "AWS::ECS::TaskDefinition", arn("ecs", "task-definition/a:1"), TaskRoleArn=ROLES["app.Task"][0].arn
)
RECORD = resource("edge.Name", "AWS::Route53::RecordSet", "arn:aws:route53:::hostedzone/Z", Name="shop.test", Type="A")
OTHER_RECORD = replace(RECORD, properties={"Name": "six.shop.test", "Type": "AAAA"})
LOGS = resource("build.Logs", "AWS::Logs::LogGroup", arn("logs", "log-group:made"))
OTHER_LOGS = resource("app.Logs", "AWS::Logs::LogGroup", arn("logs", "log-group:app"))
RULE = resource(
    "pipe.Rule",
    "AWS::Events::Rule",
    arn("events", "rule/r"),
    EventPattern={"detail-type": ["CodeCommit Pull Request State Change"]},
)
BUCKET = resource("site.Bucket", "AWS::S3::Bucket", "arn:aws:s3:::site")
QUIET_RULE = replace(RULE, address="pipe.Quiet", properties={"EventPattern": {"detail-type": ["Something"]}})


def account(*stages: Any, roles: Any = ROLES, more: tuple[AccountResource, ...] = ()) -> Account:
    pipeline = resource(
        "pipe.Pipeline",
        "AWS::CodePipeline::Pipeline",
        arn("codepipeline", "p"),
        Name="a-pipeline-whose-name-is-long",
        RoleArn="",
        ArtifactStore={"Location": "store"},
        Stages=list(stages),
    )
    logs = {"CloudWatchLogs": {"GroupName": "made"}}
    own = (
        pipeline,
        project("Make", "npm ci", Cache={"Type": "S3", "Location": "store/cache"}, LogsConfig=logs),
        project("Test", "pytest", Cache={"Type": "LOCAL"}),
        project("Seal", "python -I seal.py"),
        TASK,
        RECORD,
        OTHER_RECORD,
        LOGS,
        OTHER_LOGS,
        RULE,
        QUIET_RULE,
        BUCKET,
    )
    resources = (*own, *(each for _, each in roles.values()), *more)
    policies = {each.arn: each.policy for each in more if each.type == "AWS::IAM::ManagedPolicy"}
    return Account(resources, tuple(each for each, _ in roles.values()), ("one", "shared"), policies)


def texts(place: Account) -> list[str]:
    return [f"{step.source} -> {step.target}: {step.how} [{step.by}]" for step in reach(place).steps]


APPROVED = account(SOURCE, BUILD, ASK, DEPLOY)


def test_every_step_of_a_pipeline_that_asks_a_person() -> None:
    """What is taken after the question says what is approved; a build that does not execute its folder hands it on."""
    place = "[pipe.Pipeline"
    assert texts(APPROVED) == [
        "a pull request -> what runs in one: pipe.Rule of one starts on a pull request [pipe.Rule]",
        f"a push to main -> build.Make of one: build.Make of one executes the repository {place} Build/Make]",
        "artifact Handed of one -> app.Task of one: the application is what it names [pipe.Pipeline Deploy/Run]",
        f"artifact Handed of one -> what is approved in one: the action deploys it after the approval {place} "
        "Deploy/Run]",
        f"artifact Handed of one -> what runs in one: the action deploys it {place} Deploy/Run]",
        f"artifact Sealed of one -> what is approved in one: the action hands it on after the approval {place} "
        "Approve/Again]",
        f"artifact Sealed of one -> what runs in one: the action hands it on to what is deployed {place} "
        "Approve/Again]",
        f"artifact Source of one -> build.Make of one: build.Make of one executes what is in it {place} Build/Make]",
        f"artifact TheBundleOfAll of one -> build.Test of one: build.Test of one executes what is in it {place} "
        "Build/Test]",
        f"artifact TheBundleOfAll of one -> what is approved in one: the action deploys it after the approval {place} "
        "Deploy/Page]",
        f"artifact TheBundleOfAll of one -> what runs in one: the action hands it on to what is deployed {place} "
        "Approve/Seal]",
        f"artifact TheBundleOfAll of one -> what runs in one: the action deploys it {place} Deploy/Page]",
        f"build.Make of one -> what is approved in one: writes the approver's question {place} Build/Make]",
        "cache of build.Make of one -> build.Make of one: build.Make of one starts with it [build.Make]",
    ]


def test_without_a_question_each_push_is_a_release() -> None:
    steps = texts(account(SOURCE, BUILD, DEPLOY))
    assert [step for step in steps if "each push" in step] == [
        "a push to main -> app.Task of one: each push is released [pipe.Pipeline without approval]",
        "a push to main -> what runs in one: each push is released [pipe.Pipeline without approval]",
    ]
    assert not [step for step in steps if "approve" in step]


def test_where_the_search_starts_and_what_there_is_to_reach() -> None:
    protection = resource("access.ApprovalProtection", "AWS::IAM::ManagedPolicy", OUR_POLICY, policy=(allow("a:b"),))
    roles = {
        **ROLES,
        "access.DeployRole": role("access.DeployRole", "x"),
        "access.ApproverRole": role("access.ApproverRole", "x"),
    }
    somebody = reach(account(SOURCE, BUILD, ASK, DEPLOY, roles=roles, more=(protection,)))
    assert [(each.label, each.starts) for each in somebody.identities] == [
        ("anybody outside the account",) * 1 + (("anybody outside the account",),),
        ("a pull request", ("a pull request",)),
        ("a push to main", ("a push to main",)),
        ("a build of one", ("build.Make of one", "build.Test of one")),
        ("the application in one", ("app.Task of one",)),
        ("a user without a second factor", ("a user without a second factor",)),
        ("a user who may assume roles", ("a user who may assume roles",)),
        ("such a user, kept from approving one", ("such a user, kept from approving one",)),
        ("the deploy role of one", ("access.DeployRole of one",)),
        ("the approver of one", ("access.ApproverRole of one",)),
    ]
    assert somebody.assets == (
        ADMINISTRATOR,
        "data of one",
        "what runs in one",
        "the domain of one",
        "what is approved in one",
        "what all environments share",
    )
    assert "what is approved in one" not in reach(account(SOURCE, BUILD, DEPLOY)).assets
    unread = {
        "app.Task": (replace(ROLES["app.Task"][0], unread=("arn:aws:iam::aws:policy/x/Foreign",)), ROLES["app.Task"][1])
    }
    assert reach(account(SOURCE, roles=unread)).unread == ("app.Task of one: Foreign",)


def test_a_way_goes_over_allowed_steps_and_ends_at_whoever_is_administrator() -> None:
    search = reach(APPROVED)
    steps = [Step("a", "b", "1", "x"), Step("b", "c", "2", "x"), Step("a", ADMINISTRATOR, "3", "x")]
    steps += [Step(ADMINISTRATOR, "d", "4", "x"), Step("b", "a", "5", "x"), Step("e", "c", "6", "x")]
    small = replace(search, steps=tuple(steps))
    assert small.path(["a"], "c", lambda _: True) == (steps[0], steps[1])
    assert small.path(["a", "e"], "c", lambda _: True) == (steps[5],), "the shortest"
    assert small.path(["a"], "a", lambda _: True) == ()
    assert small.path(["a"], "c", lambda step: step.by != "2") is None
    assert small.path(["a"], "d", lambda _: True) is None
    starting = replace(small, identities=(replace(search.identities[0], starts=("a",)),))
    assert starting.reachable(lambda _: True) == {"a", "b", "c", "d", ADMINISTRATOR}
    assert starting.reachable(lambda step: step.by in "25") == {"a"}


def test_the_places_where_artifacts_and_caches_lie() -> None:
    """Keys have twenty characters of the pipeline's name and ten of the artifact's."""
    assert [(each.label, each.arn) for each in contents(APPROVED)] == [
        ("artifact Handed of one", "arn:aws:s3:::store/a-pipeline-whose-nam/Handed/any"),
        ("artifact Sealed of one", "arn:aws:s3:::store/a-pipeline-whose-nam/Sealed/any"),
        ("artifact Source of one", "arn:aws:s3:::store/a-pipeline-whose-nam/Source/any"),
        ("artifact TheBundleOfAll of one", "arn:aws:s3:::store/a-pipeline-whose-nam/TheBundleO/any"),
        ("cache of build.Make of one", "arn:aws:s3:::store/cache/any"),
    ]


def test_what_holds_no_data_and_what_no_template_makes() -> None:
    assert sites(APPROVED) == {"arn:aws:s3:::site"}
    assert list(build_logs(APPROVED)) == [LOGS.arn]
    [validation] = validations(APPROVED)
    assert validation.properties == {"Name": "_any.shop.test", "Type": "CNAME"} and validation.arns == RECORD.arns


def with_rights(address: str, *statements: Permission, service: str = "ecs-tasks.amazonaws.com") -> Account:
    """Of a role with these statements, and of another one before it."""
    somebody, body = role(address, service)
    before = {"a.Before": role("a.Before", "lambda.amazonaws.com")}
    return account(SOURCE, roles={**before, address: (replace(somebody, identity=statements), body)})


def test_the_secrets_that_an_application_makes() -> None:
    tagged = Condition("StringEquals", "aws:RequestTag/Environment", ("one",))
    other = Condition("StringEquals", "aws:SourceAccount", ("1",))
    secrets = ("arn:aws:secretsmanager:::secret:client-*",)
    make = allow("secretsmanager:Create*", resources=secrets, conditions=(tagged, other))
    [secret] = client_secrets(with_rights("app.Task", make))
    assert (secret.address, secret.arns) == (
        "a client's secret (app.Task)",
        ("arn:aws:secretsmanager:::secret:client-any",),
    )
    assert secret.tags == {"Environment": "one"} and secret.environment == "one"
    assert len(list(client_secrets(with_rights("app.Instance", make, service="ec2.amazonaws.com")))) == 1
    assert list(client_secrets(with_rights("build.Role", make, service="codebuild.amazonaws.com"))) == []
    assert list(client_secrets(with_rights("app.Task", replace(make, effect="Deny")))) == []
    assert list(client_secrets(with_rights("app.Task", allow("secretsmanager:GetSecretValue")))) == []


def test_the_records_that_releases_leave_for_each_other() -> None:
    path = arn("ssm", "parameter/shop/last")
    read = allow("ssm:GetParameters", resources=(path, f"{path}/*", RECORD.arn))
    [record] = records(with_rights("app.Task", read, allow("ssm:GetParameter", resources=(path,))))
    assert (record.address, record.arns, record.type) == ("the record /shop/last", (path,), "AWS::SSM::Parameter")
    assert list(records(with_rights("app.Task", replace(read, effect="Deny")))) == []
    assert list(records(with_rights("app.Task", allow("ssm:PutParameter", resources=(path,))))) == []


def test_the_templates_lie_where_a_deploy_role_writes_and_no_stack_has_a_bucket() -> None:
    places = (
        "arn:aws:s3:::templates/t/*",
        "arn:aws:s3:::templates",
        "arn:aws:s3:::elasticbeanstalk-x/*",
        f"{BUCKET.arn}/x",
    )
    write = allow("s3:PutObject", resources=places)
    for address in ("access.DeployRole", "shared-access.DeployRole"):
        assert list(packaging(with_rights(address, write))) == [("one", "arn:aws:s3:::templates/t/any")]
    assert list(packaging(with_rights("app.Task", write))) == []
    assert list(packaging(with_rights("access.DeployRole", replace(write, effect="Deny")))) == []
    assert list(packaging(with_rights("access.DeployRole", allow("s3:GetObject", resources=places)))) == []


@pytest.mark.parametrize(
    ("commands", "does"),
    [
        ("npm ci", True),
        ("npx vite build", True),
        ("yarn install", True),
        ("docker build .", True),
        ("pip install -r requirements.txt", True),
        ("pytest -q", True),
        ("make", True),
        ("python -m build", True),
        ("python3 release.py", True),
        ("python - <<END", True),
        ("python3 -u - <<END", True),
        ("set -e\npython3 -\ntrue", True),
        ("python -c 'import json'", True),
        ("python3 -u release.py", True),
        ("python3 --version", False),
        ("python3 -I -u - <<END", False),
        ("python -I release.py", False),
        ("python3 -I -m build", False),
        ("aws s3 cp a b", False),
        ("npm", False),
    ],
)
def test_which_builds_execute_what_lies_in_their_folder(commands: str, does: bool) -> None:
    assert executes(project("Make", commands)) is does


def test_a_build_whose_commands_lie_in_the_repository_executes_it() -> None:
    own = replace(project("Make", "true"), properties={"Source": {}})
    assert executes(own) and not executes(project("Make", "true"))


CALLER = arn("iam", "role/caller", "")
FOREIGN = "arn:aws:iam::999999999999:role/caller"
BY_NAME, BY_ACCOUNT = f"AWS:{CALLER}", f"AWS:arn:aws:iam::{NUMBER}:root"
MAY, MUST_NOT = allow("sts:AssumeRole"), replace(allow("sts:AssumeRole"), effect="Deny")
FACTOR = Condition("Bool", "aws:MultiFactorAuthPresent", ("true",))


@pytest.mark.parametrize(
    ("named", "caller", "statements", "conditions", "factor", "becomes"),
    [
        (BY_NAME, CALLER, (), (), False, True),  # a trust policy that names the caller is enough
        (BY_NAME, CALLER, (MUST_NOT,), (), False, False),
        (BY_NAME, CALLER, (allow("s3:GetObject"), MUST_NOT), (), False, False),
        (BY_ACCOUNT, CALLER, (), (), False, False),  # one that names the account leaves it to the caller's own
        (BY_ACCOUNT, CALLER, (MAY,), (), False, True),
        (BY_ACCOUNT, CALLER, (allow("sts:AssumeRole", resources=("arn:aws:iam::1:role/x",)),), (), False, False),
        (BY_ACCOUNT, CALLER, (MAY, MUST_NOT), (), False, False),
        ("AWS:*", CALLER, (), (), False, False),
        ("AWS:*", FOREIGN, (), (), False, True),  # from another account its own policies are that account's matter
        ("*", CALLER, (MAY,), (), False, True),
        (BY_ACCOUNT, FOREIGN, (MAY,), (), False, False),
        ("Service:ec2.amazonaws.com", CALLER, (MAY,), (), False, False),
        (BY_ACCOUNT, CALLER, (MAY,), (FACTOR,), False, False),
        (BY_ACCOUNT, CALLER, (MAY,), (FACTOR,), True, True),
        (BY_ACCOUNT, CALLER, (MAY,), (Condition("StringEquals", "sts:ExternalId", ("x",)),), False, True),
        (BY_ACCOUNT, CALLER, (MAY,), (Condition("StringEquals", "aws:PrincipalArn", (CALLER,)),), False, True),
        (BY_ACCOUNT, CALLER, (MAY,), (Condition("StringEquals", "aws:PrincipalArn", (FOREIGN,)),), False, False),
        (BY_ACCOUNT, CALLER, (MAY,), (Condition("StringEquals", "aws:PrincipalAccount", ("1",)),), False, False),
    ],
)
def test_who_may_become_a_role(
    named: str,
    caller: str,
    statements: tuple[Permission, ...],
    conditions: tuple[Condition, ...],
    factor: bool,
    becomes: bool,
) -> None:
    trust = Permission("t.R", "trust", "", "T", "Allow", (named,), ("sts:AssumeRole",), conditions=conditions)
    target = replace(role("t.R", "x")[0], trust=(trust,))
    place = Account((role("t.R", "x")[1],), (target,), ("one",), {})
    somebody = Principal("caller", "one", "a.C", caller, statements, second_factor=factor)
    assert may_assume(Rights(place, somebody), target) == (trust if becomes else None)
