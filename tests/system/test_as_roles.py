"""An environment deployed, updated and destroyed by its own roles: each call judged over the policies as deployed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from scripts.deployment.aws import Aws, Endpoint
from scripts.local_aws import faults, roles
from scripts.local_aws.faults import CallFault, Plan, ResourceFault
from tests.conftest import ROOT
from tests.support.accounts import ACCOUNT, ALWAYS, REGION, Account, account
from tests.support.gate import pass_gate

NAME = "cloud-health-dashboard"
# What the local AWS does not hold, in the shape of AWS's answer: the branch that is released.
BRANCH = CallFault(
    "answer", on="codecommit.GetBranch", times=0, answer={"branch": {"branchName": "develop", "commitId": "1" * 40}}
)
EXTRA_NAME = "/cloud-health/backend/staging/extra"
EXTRA: dict[str, Any] = {
    "Type": "AWS::SSM::Parameter",
    "Properties": {"Name": EXTRA_NAME, "Type": "String", "Value": "x"},
}
# Why no run of staging uses a statement, by its id; reasons first.
REASONS: dict[str, str] = {
    "the first deployment has no service that scales; what scales it comes with the first release": (
        "ApplicationAutoScalingScalableTarget ApplicationAutoScalingScalableTargetAlarms"
        " ApplicationAutoScalingScalableTargetLinked ApplicationAutoScalingScalableTargetRead"
        " ApplicationAutoScalingScalingPolicy ApplicationAutoScalingScalingPolicyMetrics"
        " ApplicationAutoScalingScalingPolicyRead HoldScaling"
    ),
    "staging has no domain, and nothing in us-east-1": (
        "CertificateManagerCertificate CertificateManagerCertificateChange CertificateManagerCertificateTag"
        " CertificateManagerCertificateValidate Route53RecordSet Route53RecordSetRead Route53RecordSetWait"
    ),
    "staging does not run on Elastic Beanstalk": (
        "ElasticBeanstalkApplication ElasticBeanstalkApplicationBucket ElasticBeanstalkApplicationBundles"
        " ElasticBeanstalkApplicationResources ElasticBeanstalkEnvironment ElasticBeanstalkEnvironmentAlarms"
        " ElasticBeanstalkEnvironmentEnd ElasticBeanstalkEnvironmentGroups ElasticBeanstalkEnvironmentLinked"
        " ElasticBeanstalkEnvironmentLinkedScaling ElasticBeanstalkEnvironmentLogs ElasticBeanstalkEnvironmentStack"
        " ElasticBeanstalkEnvironmentStart ElasticBeanstalkEnvironmentTags ElasticBeanstalkEnvironmentTargets"
        " ElasticBeanstalkEnvironmentTemplates FindPlatform IAMInstanceProfile IAMInstanceProfileRole"
    ),
    "no role of staging has a policy of AWS's own": "IAMRoleAttach",
    "staging has its source in CodeCommit, found by the shared stack": (
        "CodePipelinePipelineConnection FindConnection FindRepository"
    ),
    "staging asks for no metrics of CloudFront": "CloudFrontMonitoringSubscription",
    "staging names no mailbox, so that nobody subscribes, and no sender": (
        "FindSender SNSSubscriptionChange SNSTopicUnsubscribe"
    ),
    "keys and repositories hold data and stay when an environment goes": "ECRRepositoryRetire KMSKeyChange",
    "no secret is written, and no configuration read, in these runs": "EncryptSecrets ReadConfiguration WriteSecrets",
    "no release runs, is repeated or taken back in these runs": "GoBack ReleaseAgain StopReleases",
    "no task has died whose last words could be read": "FindTasks ReadLastWords ReadRevision",
    "these runs find nothing of an earlier life": "FindSurvivingKeys",
    "CloudFront leaves no group behind on the local AWS": "RemoveOriginGroup",
    "nobody runs `preflight` in these runs": "KnowOwnRights",
}
UNUSED = {sid: reason for reason, sids in REASONS.items() for sid in sids.split()}
Ended = subprocess.CompletedProcess[str]


def as_role(whose: Account, arn: str) -> Account:
    """The same account as somebody who has assumed a role."""
    key = whose.aws.call("sts", "assume_role", RoleArn=arn, RoleSessionName="release")["Credentials"]
    return replace(whose, key=(key["AccessKeyId"], key["SecretAccessKey"]))


def outputs(whose: Account, stack: str) -> dict[str, str]:
    [body] = whose.aws.call("cloudformation", "describe_stacks", StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in body["Outputs"]}


def succeed(ended: Ended) -> str:
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@contextmanager
def fresh(folder: Path) -> Iterator[Account]:
    """An account in which an administrator has made the access stack of staging, and what all environments share."""
    with account(folder) as whose:
        for name in ("templates", "params"):
            shutil.copytree(ROOT / name, whose.folder / name)
        edit(whose, "params/shared.json", lambda body: body["Parameters"].update(RequiredApprovals="0"))
        pass_gate(whose.folder / "templates")
        faults.put(whose.endpoint, Plan(calls=(BRANCH, *ALWAYS)))
        succeed(whose.run("access", "--yes"))
        succeed(replace(whose, environment="shared").run("apply", "--yes"))
        yield whose


@pytest.fixture(scope="module")
def administrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """The account of staging, in which no service has its linked role yet."""
    with fresh(tmp_path_factory.mktemp("roles")) as whose:
        yield whose


@pytest.fixture(scope="module")
def neighbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """The account of the other environments."""
    with fresh(tmp_path_factory.mktemp("others")) as whose:
        yield whose


def edit(whose: Account, name: str, change: Any) -> None:
    file: Path = whose.folder / name
    body = json.loads(file.read_text(encoding="utf-8"))
    change(body)
    file.write_text(json.dumps(body), encoding="utf-8")


def excluded() -> dict[str, list[str]]:
    """What the handlers of each type name and no template of ours needs, by the access stack's template."""
    return roles.excluded(json.loads((ROOT / "templates/access.json").read_text(encoding="utf-8")))


def caller(whose: Account) -> Aws:
    """The account as whoever commands are run as looks at it."""
    endpoint = Endpoint(whose.endpoint.url, whose.endpoint.region, list, whose.key[0] or whose.endpoint.key)
    return Aws(endpoint=endpoint).at(REGION)


def policies(whose: Account, role: str) -> dict[str, Any]:
    """The policy documents of a role as they are deployed, by the ARN of a managed policy or an inline one's name."""
    iam, name = whose.aws, role.rpartition("/")[2]
    documents = {
        each: iam.call("iam", "get_role_policy", RoleName=name, PolicyName=each)["PolicyDocument"]
        for each in iam.call("iam", "list_role_policies", RoleName=name)["PolicyNames"]
    }
    for attached in iam.call("iam", "list_attached_role_policies", RoleName=name)["AttachedPolicies"]:
        arn = attached["PolicyArn"]
        version = iam.call("iam", "get_policy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
        body = iam.call("iam", "get_policy_version", PolicyArn=arn, VersionId=version)["PolicyVersion"]
        documents[arn] = body["Document"]
    return documents


@contextmanager
def without(whose: Account, role: str, sid: str) -> Iterator[None]:
    """A role without one of its statements, within the block."""
    [(name, document)] = [
        (name, document)
        for name, document in policies(whose, role).items()
        if any(statement["Sid"] == sid for statement in document["Statement"])
    ]

    def put(body: Any) -> None:
        if not name.startswith("arn:"):
            inline = {"RoleName": role.rpartition("/")[2], "PolicyName": name}
            whose.aws.call("iam", "put_role_policy", PolicyDocument=json.dumps(body), **inline)
            return
        version = {"PolicyArn": name, "PolicyDocument": json.dumps(body), "SetAsDefault": True}
        whose.aws.call("iam", "create_policy_version", **version)

    put({**document, "Statement": [each for each in document["Statement"] if each["Sid"] != sid]})
    try:
        yield
    finally:
        put(document)


@dataclass
class Story:
    """What came of the commands, and what was judged in them."""

    ended: dict[str, Ended] = field(default_factory=dict)
    statuses: dict[str, dict[str, str]] = field(default_factory=dict)
    used: set[tuple[str, str, str]] = field(default_factory=set)
    denied: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unjudged: dict[str, int] = field(default_factory=dict)
    granted: dict[str, set[str]] = field(default_factory=dict)  # the roles' names -> the ids of their statements

    @contextmanager
    def part(self, name: str, whose: Account) -> Iterator[None]:
        """One part of the story; what is judged in it is kept under its name."""
        roles.enforce(whose.endpoint, excluded())
        yield
        judged = roles.judged(whose.endpoint)
        self.used |= judged.used
        self.denied[name] = tuple(refusal.message for refusal in judged.denied)
        self.unjudged |= judged.unjudged
        self.statuses[name] = whose.statuses()


@pytest.fixture(scope="module", params=["bluegreen", "beanstalk"])
def other(request: pytest.FixtureRequest, neighbour: Account) -> tuple[str, Story]:
    """Another environment of the same account, created, looked at and destroyed by its deploy role."""
    name, story = str(request.param), Story()
    here = replace(neighbour, environment=name)
    succeed(here.run("access", "--yes"))
    deployer = as_role(here, outputs(here, f"{NAME}-{name}-access")["DeployRoleArn"])
    for part, words in {"create": ["apply", "--yes"], "no-op": ["apply", "--yes"]}.items():
        with story.part(part, neighbour):
            story.ended[part] = deployer.run(*words)
    with story.part("destroy", neighbour):
        off = {"StackName": f"{NAME}-{name}", "EnableTerminationProtection": False}
        caller(deployer).call("cloudformation", "update_termination_protection", **off)
        story.ended["destroy"] = deployer.run("destroy", "--name", name, "--yes")
    return name, story


def test_others_live_by_theirs(other: tuple[str, Story]) -> None:
    name, story = other
    assert story.unjudged == {}
    assert story.denied == dict.fromkeys(("create", "no-op", "destroy"), ())
    assert [succeed(story.ended[part]) for part in ("create", "no-op", "destroy")]
    assert f"{NAME}-{name}: no changes" in story.ended["no-op"].stdout


@pytest.fixture(scope="module")
def story(administrator: Account) -> Story:
    """Staging from its creation to its end, by its deploy role, with faults in between."""
    record, stack = Story(), f"{NAME}-staging"
    arns = outputs(administrator, f"{stack}-access")
    deploys, makes = arns["DeployRoleArn"], arns["CloudFormationRoleArn"]
    deployer = as_role(administrator, deploys)
    for role in (deploys, makes):
        sids = {each["Sid"] for body in policies(administrator, role).values() for each in body["Statement"]}
        record.granted[role.rpartition("/")[2]] = sids

    def run(name: str, *words: str) -> None:
        with record.part(name, administrator):
            record.ended[name] = deployer.run(*words)

    run("create", "apply", "--yes")
    run("no-op", "apply", "--yes")
    edit(administrator, "templates/configuration.json", lambda body: body["Resources"].update(Extra=EXTRA))
    pass_gate(administrator.folder / "templates")
    with without(administrator, makes, "SSMParameter"):
        run("less than the resource needs", "apply", "--yes")
    with without(administrator, deploys, "HandOver"):
        run("less than the script needs", "apply", "--yes")
    run("update", "apply", "--yes")
    broken = {**EXTRA, "Properties": {**EXTRA["Properties"], "Name": f"{EXTRA_NAME}-broken"}}
    edit(administrator, "templates/configuration.json", lambda body: body["Resources"].update(Broken=broken))
    pass_gate(administrator.folder / "templates")
    fault = ResourceFault("create", resource="Configuration/Broken", reason="SSM is out of order.")
    faults.put(administrator.endpoint, Plan(calls=(BRANCH, *ALWAYS), resources=(fault,)))
    run("failed update", "apply", "--yes")
    run("drift as who deploys", "drift")
    record.ended["drift"] = administrator.run("drift")
    with record.part("unprotect", administrator):
        off = {"StackName": stack, "EnableTerminationProtection": False}
        caller(deployer).call("cloudformation", "update_termination_protection", **off)
    run("destroy", "destroy", "--name", "staging", "--yes")
    return record


@pytest.mark.parametrize("name", ["create", "no-op", "update", "unprotect", "failed update", "destroy"])
def test_no_permission_is_missing(story: Story, name: str) -> None:
    assert story.denied[name] == (), name


def test_the_environment_lives_by_its_roles(story: Story) -> None:
    stack = f"{NAME}-staging"
    for name, status in {
        "create": "CREATE_COMPLETE",
        "no-op": "CREATE_COMPLETE",
        "update": "UPDATE_COMPLETE",
        "failed update": "UPDATE_ROLLBACK_COMPLETE",
    }.items():
        assert story.statuses[name][stack] == status, story.ended[name].stdout + story.ended[name].stderr
        assert (story.ended[name].returncode == 0) == (name != "failed update"), name
    assert f"{stack}: no changes" in story.ended["no-op"].stdout
    assert succeed(story.ended["destroy"])
    assert not [each for each in story.statuses["destroy"] if each.startswith(stack) and "-access" not in each]


def test_who_deploys_is_no_auditor(story: Story) -> None:
    """Comparing needs the right to read every resource, so that whoever deploys does not compare."""
    assert succeed(story.ended["drift"])
    assert "cloudformation:DetectStackDrift" in story.denied["drift as who deploys"][0]


def test_nothing_goes_by_unjudged(story: Story) -> None:
    assert story.unjudged == {}


def test_a_statement_that_is_missing_is_found(story: Story) -> None:
    """In either role, with the action and the resource."""
    name = "less than the resource needs"
    parameter = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{EXTRA_NAME}"
    [refusal, *_] = story.denied[name]
    assert re.search(rf"is not authorized to perform: ssm:\w+ on resource: {parameter} because", refusal), refusal
    assert refusal in story.ended[name].stdout
    assert story.statuses[name][f"{NAME}-staging"] == "UPDATE_ROLLBACK_COMPLETE"
    name = "less than the script needs"
    [refusal, *_] = story.denied[name]
    assert re.search(r"perform: iam:PassRole on resource: arn:aws:iam::\d+:role/\S+-ExecutionRole-", refusal), refusal
    assert refusal in story.ended[name].stderr


def test_what_no_run_uses_has_a_reason(story: Story) -> None:
    """By statement; and no reason is kept for what is used."""
    used = {(role, sid) for role, sid, _ in story.used}
    unused = {sid for role, sids in story.granted.items() for sid in sids if (role, sid) not in used}
    assert sorted(unused - UNUSED.keys()) == []
    assert sorted(UNUSED.keys() - unused) == []
