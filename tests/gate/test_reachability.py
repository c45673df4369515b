"""Who can reach what: holes of every kind, planted into copies of our templates, and the page."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from generator.application import APPLICATION
from generator.cfn.permissions import Condition, Permission
from generator.cfn.reachability.account import AWS_POLICIES, Account, AccountResource, Principal
from generator.cfn.reachability.rights import Rights
from generator.cfn.templates import from_bodies
from generator.gate.finding import Finding
from generator.gate.reachability import matrix
from generator.gate.reachability.accepted import RULES
from generator.render import render
from tests.support.role_needs import TEMPLATES, Bodies, place

ROOT = Path(__file__).parents[2]
PARAMS = ROOT / "params"
ARN = "arn:${AWS::Partition}:"
HERE = "${AWS::Region}:${AWS::AccountId}"


@cache
def ours() -> tuple[matrix.Matrix, ...]:
    return matrix.make_matrices(TEMPLATES, PARAMS)


Hole = Callable[[Bodies, str], None]


def planted(*holes: Hole) -> list[Finding]:
    """What the gate says of a copy of our templates with holes in it, the statements called Hole0, Hole1 and so on."""
    bodies = TEMPLATES.bodies()
    for number, hole in enumerate(holes):
        hole(bodies, f"Hole{number}")
    return matrix.findings(matrix.make_matrix(from_bodies(bodies), PARAMS))


def grant(role: str, actions: list[str], *resources: str, bound: bool = False) -> Hole:
    """Gives a role one more statement, and takes its boundary away unless it stays `bound`."""

    def plant(bodies: Bodies, sid: str) -> None:
        resource = [{"Fn::Sub": text} if "${" in text else text for text in resources]
        added = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}
        document = {"Version": "2012-10-17", "Statement": [added]}
        place(bodies, role)["Policies"].append({"PolicyName": sid, "PolicyDocument": document})
        if not bound:
            place(bodies, role).pop("PermissionsBoundary", None)

    return plant


def trust(role: str, principal: Any) -> Hole:
    """Lets somebody else become a role, without any condition."""

    def plant(bodies: Bodies, sid: str) -> None:
        added = {"Sid": sid, "Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": principal}
        place(bodies, role)["AssumeRolePolicyDocument"]["Statement"].append(added)

    return plant


def crossing(matrix_: matrix.Matrix) -> set[str]:
    """The steps from one environment to the secrets of another one's clients, by the statement that allows them."""
    return {
        step.by
        for step in matrix_.reach.steps
        if "a client's secret" in step.how and step.source.rpartition(" ")[2] != step.target.rpartition(" ")[2]
    }


def test_clients_secrets_with_tags_are_out_of_reach_of_another_environment() -> None:
    """The application as it is gives none, so that a second environment in its account is refused."""
    assert any("KeepClientSecrets" in by for by in crossing(ours()[0]))
    own = dataclasses.replace(APPLICATION, client_secrets_tagged=True)
    bodies = {name.removesuffix(".json"): json.loads(text) for name, text in render(own).files.items()}
    assert crossing(matrix.make_matrix(from_bodies(bodies), PARAMS)) == set()


def answer_pull_requests(bodies: Bodies, _sid: str) -> None:
    """The rule that starts the pipeline listens to pull requests, too."""
    pattern = place(bodies, "pipeline.StartRule")["EventPattern"]
    pattern["detail-type"] = ["CodeCommit Repository State Change", "CodeCommit Pull Request State Change"]


def test_no_way_is_new() -> None:
    assert [str(finding) for finding in matrix.findings(*ours())] == []


def test_the_page_says_it_cell_by_cell() -> None:
    page = matrix.page(ours())
    assert page == (ROOT / "docs/reachability.md").read_text(encoding="utf-8"), "run `make templates`"
    rows = dict(re.findall(r"^\| \*\*(.+?)\*\* \| (.*) \|$", page.partition("\n## ")[0], re.M))
    cells = {name: row.replace("meant", "m").replace("limit", "l").replace(" | ", "") for name, row in rows.items()}
    # An administrator; data, what runs and the domain, each of staging and of production; what is approved; the shared.
    assert cells["anybody outside the account"] == cells["a pull request"] == "·········"
    assert cells["a push to main"] == cells["a build of production"] == "····m····"
    assert (cells["a push to develop"], cells["the application in staging"]) == ("·mlm·····", "·ml······")
    assert (cells["the deploy role of staging"], cells["the deploy role of production"]) == ("·mlmlm···", "·lmlm·mm·")
    assert "\n## What is not looked at\n\nPolicies of an organisation" in page


def test_every_rule_accepts_a_step_of_ours() -> None:
    assert {*RULES} <= {rule for each in ours() for rule in each.accepted.values()}


def test_every_rule_has_a_reason_and_every_fault_its_row() -> None:
    assert all(rule.reason for rule in RULES)
    assert all(bool(rule.row) == (rule.kind == "open") for rule in RULES)


def test_the_policies_of_aws_are_read_as_they_are() -> None:
    """Those that the templates attach, and no other; the copy is that of moto, which is renewed with each version."""
    known = json.loads(aws_managed_policies_data)
    attached = {
        arn.partition(":policy/")[2]
        for role in TEMPLATES.resources("AWS::IAM::Role")
        for arn in re.findall(r"[^\"]*:iam::aws:policy/[^\"]*", json.dumps(role.get("ManagedPolicyArns", default=())))
    }
    committed = json.loads(AWS_POLICIES.read_text(encoding="utf-8"))
    assert committed == {
        path: {"Document": known[name]["Document"], "Version": known[name]["DefaultVersionId"]}
        for path in attached
        for name in [path.rpartition("/")[2]]
    }
    assert [each.reach.unread for each in ours()] == [(), ()]


def test_a_policy_of_aws_opens_a_way_as_our_own_would() -> None:
    """Elastic Beanstalk's role may hand on any role, as AWS wrote it: the boundary keeps it to the environment's."""
    administering = "arn:${AWS::Partition}:iam::aws:policy/AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy"

    def attach(bodies: Bodies, _sid: str) -> None:
        place(bodies, "build.FrontendBuildRole")["ManagedPolicyArns"] = [{"Fn::Sub": administering}]
        place(bodies, "build.FrontendBuildRole").pop("PermissionsBoundary")

    messages = [finding.message for finding in planted(attach)]
    assert any("iam:PassRole to " in text and "aws.AWSElasticBeanstalk" in text for text in messages), messages


ACCOUNT_ROOT = {"AWS": {"Fn::Sub": f"{ARN}iam::${{AWS::AccountId}}:root"}}
# What is planted, and the way that the gate has to tell: from whom, to what, by which step.
HOLES: dict[str, tuple[Hole, str, str, str]] = {
    "an approver's role without a second factor": (
        trust("access.ApproverRole", ACCOUNT_ROOT),
        "a user without a second factor", "what is approved in production", "sts:AssumeRole [{by}]",
    ),
    "tables of every environment": (
        grant("backend.TaskRole", ["dynamodb:GetItem"], f"{ARN}dynamodb:{HERE}:table/*"),
        ".*", "data of .*", "dynamodb:GetItem on data.Clients of .* [{by}]",
    ),
    "a build that writes what the next deployment believes": (
        grant("build.FrontendBuildRole", ["ssm:PutParameter"], f"{ARN}ssm:{HERE}:parameter/cloud-health/*"),
        "a (build|push) .*", "what runs in .*", "ssm:PutParameter on .* [{by}]",
    ),
    "an approver who starts builds": (
        grant("access.ApproverRole", ["codebuild:StartBuild"], f"{ARN}codebuild:{HERE}:project/*"),
        "the approver of .*", ".*", "codebuild:StartBuild on build.* with a buildspec of one's own [{by}]",
    ),
    "a role that passes every role": (
        grant("build.FrontendBuildRole", ["iam:PassRole", "ecs:RegisterTaskDefinition"], "*"),
        "a (build|push) .*", ".*", "iam:PassRole to ecs-tasks.amazonaws.com, and ecs:RegisterTaskDefinition [{by}]",
    ),
    "a build that makes roles": (
        grant("build.BackendBuildRole", ["iam:CreateRole", "iam:PutRolePolicy"], "*"),
        "a (build|push) .*", "administrator", "iam:CreateRole and iam:PutRolePolicy on .* [{by}]",
    ),
    "an application that gives roles policies": (
        grant("backend.TaskRole", ["iam:AttachRolePolicy"], f"{ARN}iam::${{AWS::AccountId}}:role/*"),
        "the application in .*", "administrator", "iam:AttachRolePolicy on .* [{by}]",
    ),
    "an application that lets itself into a role": (
        grant("backend.TaskRole", ["iam:UpdateAssumeRolePolicy"], f"{ARN}iam::${{AWS::AccountId}}:role/*"),
        "the application in .*", ".*", "iam:UpdateAssumeRolePolicy on .* [{by}]",
    ),
    "a build that changes the pipeline": (
        grant("build.BackendBuildRole", ["codepipeline:UpdatePipeline"], "*"),
        "a (build|push) .*", "what is approved in production", "codepipeline:UpdatePipeline .* [{by}]",
    ),
    "a build that overrides what keeps a release waiting": (
        grant("build.BackendBuildRole", ["codepipeline:OverrideStageCondition"], "*"),
        "a (build|push) .*", "what is approved in production", "codepipeline:OverrideStageCondition on .* [{by}]",
    ),
    "an approver who changes a state machine": (
        grant("access.ApproverRole", ["states:UpdateStateMachine"], "*"),
        "the approver of .*", ".*", "states:UpdateStateMachine on pipeline.Watch of .* [{by}]",
    ),
    "an application that writes artifacts": (
        grant("backend.TaskRole", ["s3:PutObject"], "*"),
        "the application in .*", ".*", "s3:PutObject to storage.Artifacts of .* [{by}]",
    ),
    "an application that changes stacks": (
        grant("backend.TaskRole", ["cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"], "*"),
        "the application in .*", ".*", "cloudformation:CreateChangeSet on a stack of .* [{by}]",
    ),
    "an approver who pushes images": (
        grant("access.ApproverRole", ["ecr:PutImage"], "*"),
        "the approver of .*", ".*", "ecr:PutImage to registry.Images of .* [{by}]",
    ),
    "an approver who opens a sandbox of a build": (
        grant("access.ApproverRole", ["codebuild:StartSandbox"], f"{ARN}codebuild:{HERE}:project/*"),
        "the approver of .*", ".*", "codebuild:StartSandbox on build.* with commands of one's own [{by}]",
    ),
    "a build that starts another one with a role of its choice": (
        grant("build.BackendBuildRole", ["iam:PassRole", "codebuild:StartBuild"], "*"),
        "a (build|push) .*", ".*", "iam:PassRole to codebuild.amazonaws.com, and codebuild:StartBuild [{by}]",
    ),
    "an approver who starts tasks with a role of their choice": (
        grant("access.ApproverRole", ["iam:PassRole", "ecs:RunTask"], "*"),
        "the approver of .*", ".*", "iam:PassRole to ecs-tasks.amazonaws.com, and ecs:RunTask [{by}]",
    ),
    "an approver with a shell in the application": (
        grant("access.ApproverRole", ["ecs:ExecuteCommand"], "*"),
        "the approver of .*", ".*", "ecs:ExecuteCommand in backend.Service of .* [{by}]",
    ),
    "a build that executes what others have planned": (
        grant("build.BackendBuildRole", ["cloudformation:ExecuteChangeSet"], "*"),
        "a (build|push) .*", "what runs in .*", "cloudformation:ExecuteChangeSet on a stack of .* [{by}]",
    ),
    "an application that deletes stacks": (
        grant("backend.TaskRole", ["cloudformation:DeleteStack"], "*"),
        "the application in .*", "what .*", "cloudformation:DeleteStack on a stack of .* [{by}]",
    ),
    "an application that takes the protection from people": (
        grant("backend.TaskRole", ["iam:DetachGroupPolicy"], "*"),
        "the application in .*", "what is approved in production", "iam:DetachGroupPolicy, which frees people [{by}]",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def holes() -> list[Finding]:
    return planted(*(hole for hole, *_ in HOLES.values()))


@pytest.mark.parametrize("name", HOLES)
def test_a_new_way_is_a_finding_with_its_steps(holes: list[Finding], name: str) -> None:
    _, identity, asset, step = HOLES[name]
    sid = f"Hole{list(HOLES).index(name)}"
    ways = [finding.message for finding in holes if f" {sid}]" in finding.message.partition(": ")[2]]
    pattern = re.escape(step).replace(r"\.\*", ".*").replace(r"\{by\}", rf"[\w.]+ {sid}")
    assert any(re.match(rf"{identity} can reach {asset}: .*{pattern}", way) for way in ways), (pattern, ways)


def test_a_build_that_may_write_over_what_was_approved_is_found() -> None:
    """The artifact of a release that waits for its approval, in the place of what was sealed before the question."""

    def unseal(bodies: Bodies, _sid: str) -> None:
        pipeline = place(bodies, "pipeline.Pipeline")
        text = json.dumps(pipeline["Stages"][-1])
        pipeline["Stages"][-1] = json.loads(text.replace('"SealedAssets"', '"FrontendAssets"'))

    messages = [finding.message for finding in planted(unseal)]
    way = "a build of production can reach what is approved in production: .*the action deploys it after the approval"
    assert any(re.match(way, text) for text in messages), messages


def test_a_boundary_keeps_a_role_from_what_its_own_policy_would_let_it_do() -> None:
    tables = f"{ARN}dynamodb:{HERE}:table/*"
    findings = planted(
        grant("backend.TaskRole", ["dynamodb:GetItem"], tables, bound=True),
        grant("build.FrontendBuildRole", ["iam:CreateRole", "iam:PutRolePolicy"], "*", bound=True),
    )
    assert [finding.message for finding in findings if "administrator" in finding.message] == []
    assert [
        finding.message
        for finding in findings
        if "Hole0" in finding.message and "data of production" in finding.message
    ] == []


def test_the_tags_of_a_bucket_count_only_where_that_is_switched_on() -> None:
    def switch_off(bodies: Bodies, _sid: str) -> None:
        del place(bodies, "site.Site")["AbacStatus"]

    messages = [finding.message for finding in planted(switch_off)]
    assert any(
        re.match("the deploy role of staging can reach what runs in production: .* on site.Site of production", text)
        for text in messages
    ), messages


def test_a_record_of_another_environments_domain_is_found() -> None:
    """Who may write in every zone, whatever the name: the domain of the other environment, or a certificate for it."""

    def write_all(sid: str) -> Hole:
        def plant(bodies: Bodies, _: str) -> None:
            document = place(bodies, "access.DeployingDelivery")["PolicyDocument"]
            [statement] = [each for each in document["Statement"] if each["Sid"] == sid]
            del statement["Condition"]

        return plant

    for sid in ("Route53RecordSet", "CertificateManagerCertificateValidate"):
        messages = [finding.message for finding in planted(write_all(sid))]
        assert any(
            re.match("the deploy role of staging can reach the domain of production: .*ChangeResourceRecordSets", text)
            for text in messages
        ), (sid, messages)


def open_site(bodies: Bodies, sid: str) -> None:
    """Whoever likes may write the page."""
    objects = {"Fn::Sub": "${SiteBucketArn}/*"}
    added = {"Sid": sid, "Effect": "Allow", "Principal": "*", "Action": ["s3:PutObject"], "Resource": [objects]}
    place(bodies, "delivery.SitePolicy")["PolicyDocument"]["Statement"].append(added)


def test_what_is_open_to_everybody_is_found() -> None:
    holes = (trust("access.DeployRole", {"AWS": "*"}), answer_pull_requests, open_site)
    messages = [finding.message for finding in planted(*holes)]
    opened = [text for text in messages if text.startswith("anybody outside the account can reach what runs in ")]
    assert any("Hole2" in text for text in opened), messages
    assert any(text.startswith("anybody outside the account can reach data of ") for text in messages), messages
    assert any(text.startswith("a pull request can reach what runs in ") for text in messages), messages


def test_the_place_of_a_finding_is_the_resource_with_the_statement(holes: list[Finding]) -> None:
    [finding, *_] = [finding for finding in holes if "dynamodb:GetItem" in finding.message]
    assert (finding.file, finding.where, finding.rule) == ("backend.json", "TaskRole", "REACH")
    assert "generator/gate/reachability/accepted.py" in finding.fix


ROLE = "arn:aws:iam::111122223333:role/made"
TABLE = "arn:aws:dynamodb:eu-central-1:111122223333:table/"


def allow(*actions: str, resources: tuple[str, ...] = ("*",), effect: str = "Allow", when: Any = ()) -> Permission:
    return Permission("t.R", "identity", "", "S", effect, actions=actions, resources=resources, conditions=when)


def table(name: str, **tags: str) -> AccountResource:
    return AccountResource(name, "data.Table", "AWS::DynamoDB::Table", (f"{TABLE}{name}",), tags, {})


def rights(*identity: Permission, boundary: tuple[Permission, ...] | None = None) -> Rights:
    return Rights(Account((), (), (), {}), Principal("made", "one", "t.R", ROLE, identity, (), boundary))


def own(value: str) -> tuple[Condition, ...]:
    return (Condition("StringEquals", "aws:ResourceTag/Environment", (value,)),)


def test_a_deny_ends_it_and_a_boundary_limits_it() -> None:
    everything, resource = allow("dynamodb:*"), table("one")
    assert rights(everything).may("dynamodb:GetItem", resource.arn, resource)
    denied = rights(everything, allow("dynamodb:GetItem", effect="Deny"))
    assert not denied.may("dynamodb:GetItem", resource.arn, resource)
    bound = rights(everything, boundary=(allow("dynamodb:PutItem"),))
    assert bound.may("dynamodb:PutItem", resource.arn, resource)
    assert not bound.may("dynamodb:GetItem", resource.arn, resource)


def test_a_tag_is_no_fence_for_a_call_that_sends_none() -> None:
    """A denial by tag denies nothing to it; a condition on a tag allows it nothing."""
    topic = AccountResource(
        "two", "t.Topic", "AWS::SNS::Topic", ("arn:aws:sns:eu-central-1:1:two",), {"Environment": "two"}, {}
    )
    other = (Condition("StringEquals", "aws:ResourceTag/Environment", ("two",)),)
    kept = rights(allow("sns:Unsubscribe", "sns:DeleteTopic"), allow("*", effect="Deny", when=other))
    assert kept.may("sns:Unsubscribe", topic.arn, topic)
    assert not kept.may("sns:DeleteTopic", topic.arn, topic)
    assert not rights(allow("sns:Unsubscribe", when=other)).may("sns:Unsubscribe", topic.arn, topic)


def test_a_tag_is_a_fence_unless_the_same_role_may_set_it() -> None:
    other = table("two", Environment="two")
    fenced = allow("dynamodb:GetItem", when=own("one"))
    assert not rights(fenced).may("dynamodb:GetItem", other.arn, other)
    opened = rights(fenced, allow("dynamodb:TagResource")).may("dynamodb:GetItem", other.arn, other)
    assert opened and opened.after_tagging
    any_team = Condition("StringLike", "aws:ResourceTag/Team", ("*",))
    several = rights(allow("dynamodb:PutItem", when=(any_team,)), fenced, allow("dynamodb:TagResource"))
    assert several.may("dynamodb:GetItem", other.arn, other), "a tag that cannot be chosen hides none that can"
    request = Condition("StringEquals", "aws:RequestTag/Environment", ("one",))
    kept = rights(fenced, allow("dynamodb:TagResource", when=(request, *own("one"))))
    assert not kept.may("dynamodb:GetItem", other.arn, other)


def test_what_a_caller_chooses_is_tried_and_what_is_a_fact_is_not() -> None:
    chosen = allow("iam:PassRole", when=(Condition("StringEquals", "iam:PassedToService", ("ec2.amazonaws.com",)),))
    assert rights(chosen).may("iam:PassRole", ROLE)
    fact = allow("iam:PassRole", when=(Condition("StringEquals", "aws:PrincipalTag/Team", ("x",)),))
    assert not rights(fact).may("iam:PassRole", ROLE)
