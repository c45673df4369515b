"""Environments deployed, operated and destroyed by their own roles: each call judged over the policies as deployed.

`make test` has staging with the parts that differ most; `make soak` Elastic Beanstalk, and every environment with every
part, and asks what no environment uses of its roles.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from generator.cfn.evaluate import Request, decide, statements
from generator.cfn.names import PRODUCTION
from generator.core.names import APPROVAL_ACTION, APPROVE
from scripts.deployment.errors import AwsError
from scripts.local_aws.faults import CallFault, ResourceFault
from scripts.local_aws.roles.judge import Policies
from tests.support.accounts import ACCOUNT, REGION, Account
from tests.support.lives import (
    NAME,
    WAIVED,
    Life,
    action,
    answers,
    as_role,
    caller,
    edit,
    fresh,
    outputs,
    policies,
    run,
    without,
)

EXTRA_NAME = "/cloud-health/backend/staging/extra"
EXTRA: dict[str, Any] = {
    "Type": "AWS::SSM::Parameter",
    "Properties": {"Name": EXTRA_NAME, "Type": "String", "Value": "x"},
}
CREATE_DISTRIBUTION = "cloudfront:CreateDistribution"
Statement = Mapping[str, Any]
Change = Callable[[Statement], Statement | None]
DOMAIN = "dashboard.cloud-health.test"
# What each environment has besides what its file says, so that together they use all that the roles may do.
MORE: Mapping[str, Mapping[str, str]] = {
    "staging": {"NotificationEmail": "operator@cloud-health.test", "SenderEmail": "dashboard@cloud-health.test"},
    "production": {"DomainName": DOMAIN, "CloudFrontAlarms": "true", "ProtectionWaivedBecause": WAIVED},
    "bluegreen": {},
    "beanstalk": {
        "SourceProvider": "CONNECTION",
        "ConnectionArn": f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/4dde5c82-51d6-4ea9-918e-03aed6972ff3",
        "SourceRepository": "cloud-health/dashboard",
    },
}
SERVICES = {"beanstalk": "Beanstalk/BackendEnvironment"}  # what runs the backend, elsewhere than on ECS


class Unused(NamedTuple):
    """Statements of a role, by their ids, that no life uses, and why they are there all the same."""

    role: str
    sids: str
    why: str


UNUSED: tuple[Unused, ...] = (
    Unused(
        "ExecutionRole",
        "ElasticBeanstalkEnvironmentAlarms ElasticBeanstalkEnvironmentEnd ElasticBeanstalkEnvironmentLogs"
        " ElasticBeanstalkEnvironmentStart ElasticBeanstalkEnvironmentTags ElasticBeanstalkEnvironmentTargets"
        " ElasticBeanstalkEnvironmentTemplates",
        "Elastic Beanstalk asks for it as the caller when it makes instances (AdministratorAccess-AWSElasticBeanstalk),"
        " and the local AWS runs none",
    ),
    Unused(
        "DeployRole",
        "RemoveOriginGroup",
        "the local AWS's CloudFront takes its group with it; tests/operations/test_destroy.py has one that stays",
    ),
)


@pytest.fixture(scope="module")
def administrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account in which no service has its linked role yet, as an administrator looks at it."""
    with fresh(tmp_path_factory.mktemp("roles")) as whose:
        yield whose


# --- the parts of a life


def prepared(life: Life) -> None:
    life.run("preflight of nothing", "preflight")


def created(life: Life) -> None:
    life.deploy("create")
    life.deploy("no-op")


def fails_at_first(life: Life) -> None:
    """The first creation fails, and all that it made goes; the second finds an empty stack."""
    life.faulty(resources=(ResourceFault("create", resource="Monitoring/Dashboard", reason="out of order", times=1),))
    life.deploy("failed creation")


def released(life: Life) -> None:
    """The first release, after which autoscaling owns the tasks; a second one, and the ways back to it."""
    life.release(1)
    life.deploy("after the first release")
    life.execution(2)
    life.run("releases", "rollback")
    for part, more in {"rollback": (), "build again": ("--build-again",)}.items():
        life.run(part, "rollback", "--to", "00000002", "--yes", *more)


def looked_at(life: Life) -> None:
    life.run("preflight", "preflight")
    for verb in ("plan", "status", "outputs", "events", "explain", "config"):
        life.run(verb, verb)


def configured(life: Life) -> None:
    life.run("config --secret", "config", "--secret", "JWT_SECRET_KEY", stdin="s" * 40)
    life.run("config --set", "config", "--set", "LOG_LEVEL=DEBUG", "--edit-only")
    life.deploy("update")


def failed(life: Life) -> None:
    """An update that fails and is rolled back, one whose rollback fails, and the way out of that."""
    service = SERVICES.get(life.name, "Backend/Service")
    life.run("config --set again", "config", "--set", "LOG_LEVEL=ERROR", "--edit-only")
    life.faulty(*stopped_task(life), resources=(ResourceFault("update", service, reason="it does not get stable"),))
    life.deploy("failed update")
    stuck = ResourceFault("rollback", "Configuration/LogLevelName", reason="cannot go back", refused=True)
    life.faulty(resources=(ResourceFault("update", service, reason="it does not get stable"), stuck))
    life.deploy("failed rollback")
    life.faulty()
    life.run("continue", "continue", "--yes")
    life.deploy("update after all")


def stopped_task(life: Life) -> Iterator[Any]:
    """A task of the service that has ended, which the local AWS does not run."""
    stack_outputs = outputs(life.whose, life.stack)
    if life.name in SERVICES:
        return
    place = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
    task = f"{place}:task/{stack_outputs['RunningCluster']}/{'1' * 32}"
    definition = f"{place}:task-definition/{stack_outputs['RunningService']}:1"
    ended = {"taskArn": task, "taskDefinitionArn": definition, "stoppedAt": 1_700_000_000, "stoppedReason": "exit 1"}
    yield answers("ecs.ListTasks", taskArns=[task])
    yield answers("ecs.DescribeTasks", tasks=[ended])


def approved(life: Life) -> None:
    """A release waits for a person, who looks at it and lets it pass."""
    stack_outputs = outputs(life.whose, life.stack)
    pipeline = life.whose.aws.call("codepipeline", "get_pipeline", name=stack_outputs["Pipeline"])["pipeline"]
    actions = [action for stage in pipeline["stages"] for action in stage["actions"]]
    waiting = [action(APPROVE, each, "InProgress", "1" * 36) for each in actions if each["name"] == APPROVAL_ACTION]
    if not waiting:  # its releases ask nobody
        return
    plans = f"cloud-health-changes{'' if life.name == 'production' else '-' + life.name}"
    groups = life.whose.aws.call("logs", "describe_log_groups", logGroupNamePrefix=f"{life.stack}-Build-")["logGroups"]
    [group] = [each["logGroupName"] for each in groups if "-ChangesLogs-" in each["logGroupName"]]
    life.whose.aws.call("logs", "create_log_stream", logGroupName=group, logStreamName="1")
    life.execution(9, "InProgress", actions=waiting)
    approver = caller(as_role(life.whose, life.roles["ApproverRole"]))
    with life.part("approve"):
        approver.call("codepipeline", "list_pipelines")
        approver.call("codepipeline", "get_pipeline_state", name=stack_outputs["Pipeline"])
        approver.call("codebuild", "list_builds_for_project", projectName=plans)
        approver.call("codebuild", "batch_get_builds", ids=[f"{plans}:1"])
        approver.call("logs", "get_log_events", logGroupName=group, logStreamName="1")
        answer = {"stageName": APPROVE, "actionName": APPROVAL_ACTION, "token": "1" * 36}
        result = {"status": "Approved", "summary": "good"}
        approver.call(
            "codepipeline", "put_approval_result", pipelineName=stack_outputs["Pipeline"], result=result, **answer
        )
    life.execution(9)


def moved(life: Life) -> None:
    """The domain moves to another zone: its certificate takes the place of one that the distribution answers with until
    then. It is two reviewed plans, that of edge and that of the environment."""
    if "DomainName" not in MORE[life.name]:
        return
    zone = hosted_zone(life.whose)
    edit(life.whose, f"params/{life.name}.json", lambda body: body["Parameters"].update(HostedZoneId=zone))
    changed = ("HostedZoneId", "Address.Ipv4", "Address.Ipv6")
    agreed = [word for name in changed for word in ("--allow-replace", name)]
    certificate, why = f"{life.stack}-edge/Certificate", "the name is not validated"
    life.faulty(resources=tuple(ResourceFault(step, certificate, reason=why) for step in ("create", "update")))
    life.deploy("failed edge", *agreed)
    life.faulty()
    life.deploy("another zone", *agreed)


def hosted_zone(whose: Account) -> str:
    """A new zone of the domain, by its id."""
    zone = whose.aws.call("route53", "create_hosted_zone", Name="cloud-health.test", CallerReference=str(uuid4()))
    return str(zone["HostedZone"]["Id"].rpartition("/")[2])


def shared_failed(life: Life) -> None:
    """An administrator's update of what all environments share fails; until it is mended, the deploy role deploys
    nothing, and is told why."""
    if life.name != "staging":
        return
    shared = replace(life.whose, environment="shared")
    edit(shared, "params/shared.json", lambda body: body["Tags"].update(CostCenter="other"))
    life.faulty(resources=(ResourceFault("update", f"{NAME}-shared/Repository", reason="out of order"),))
    life.ended["failed shared"] = run(shared, "apply", "--yes", "--allow-broader")
    life.deploy("beside a failed shared")
    life.faulty()
    life.ended["shared after all"] = run(shared, "apply", "--yes", "--allow-broader")
    life.deploy("beside a mended shared")


def destroyed(life: Life) -> None:
    """While a release runs; CloudFront leaves its group in the network."""
    life.run("drift as who deploys", "drift")
    life.ended["drift"] = run(life.whose, "drift")
    words = ("--name", life.name, "--yes")
    life.run("destroy while protected", "destroy", *words)
    if life.name == PRODUCTION:  # its tables and its load balancer refuse to be deleted, too
        edit(life.whose, f"params/{life.name}.json", lambda body: body["Parameters"].update(DeletionProtection="false"))
        life.deploy("without deletion protection")
    life.unprotect("unprotect")
    worker = life.stopping(8)
    life.run("destroy", "destroy", *words)
    worker.join()


def adopted(life: Life) -> None:
    """A second life takes over what the first one left, and goes as well."""
    life.run("create again", "apply", "--yes", "--adopt")
    life.unprotect("unprotect again")
    life.run("destroy again", "destroy", "--name", life.name, "--yes")


def emptied(life: Life) -> None:
    """The data goes by somebody with more rights, once the environment is gone."""
    words = ("--name", life.name, "--yes", "--empty-buckets", "--empty-registry")
    life.ended["empty"] = run(life.whose, "destroy", *words, project=life.project)


FULL: tuple[Callable[[Life], None], ...] = (
    created,
    looked_at,
    configured,
    released,
    approved,
    failed,
    moved,
    shared_failed,
    destroyed,
)


# --- what holds of every life

# The parts that end otherwise than well, and how.
STATUSES = {
    "plan": (0, 2),
    "failed creation": (1,),
    "failed update": (1,),
    "failed rollback": (1, 4),
    "failed edge": (1,),
    "failed shared": (1,),
    "beside a failed shared": (3,),
    "drift as who deploys": (1, 3),
    "drift": (0, 2),
    "destroy while protected": (3,),
    "preflight": (0, 3),
    "preflight of nothing": (0, 3),
    "config": (0, 2),
}
DRIFT, PERMITTED = "drift as who deploys", r"^ok +permissions "


def problems(life: Life, but: Sequence[str] = ()) -> list[str]:
    """What is missing or goes by unjudged, and every part that does not end as it is to end; some parts left out."""
    wrong = [f"{life.name}: not judged: {what}" for what in life.unjudged]
    for part, denied in life.denied.items():
        if part not in (DRIFT, *but):
            wrong += [f"{life.name}, {part}: {refusal.message}" for refusal in denied]
    for part, ended in life.ended.items():
        if part not in but and ended.returncode not in STATUSES.get(part, (0,)):
            wrong.append(f"{life.name}, {part}: status {ended.returncode}\n{ended.stdout}{ended.stderr}")
    if f"{life.stack}: no changes" not in life.ended["no-op"].stdout:
        wrong.append(f"{life.name}, no-op: something changes\n{life.ended['no-op'].stdout}")
    if "preflight" in life.ended and not re.search(PERMITTED, life.ended["preflight"].stdout, re.MULTILINE):
        wrong.append(f"{life.name}, preflight: {life.ended['preflight'].stdout}")
    return wrong


# --- staging


@pytest.fixture(scope="module")
def staging(administrator: Account) -> Life:
    """Staging from its creation to its end, with roles that lack a statement in between."""
    life = Life(administrator, "staging")
    prepared(life)
    created(life)
    life.run("preflight", "preflight")
    life.run("config --secret", "config", "--secret", "JWT_SECRET_KEY", stdin="s" * 40)
    edit(administrator, "templates/configuration.json", lambda body: body["Resources"].update(Extra=EXTRA))
    with without(administrator, life.roles["ExecutionRole"], "SSMParameter"):
        life.run("less than the resource needs", "apply", "--yes")
    with without(administrator, life.roles["DeployRole"], "HandOver"):
        life.run("less than the script needs", "apply", "--yes")
    life.deploy("update")
    life.run(DRIFT, "drift")
    life.unprotect("unprotect")
    life.run("destroy", "destroy", "--name", "staging", "--yes")
    return life


LESS = ("less than the resource needs", "less than the script needs")


def test_the_environment_lives_by_its_roles(staging: Life) -> None:
    assert problems(staging, LESS) == []
    assert staging.statuses["update"][staging.stack] == "UPDATE_COMPLETE"
    assert not [each for each in staging.statuses["destroy"] if each.startswith(staging.stack) and "access" not in each]


def test_who_deploys_is_no_auditor(staging: Life) -> None:
    """Comparing needs the right to read every resource, so that whoever deploys does not compare."""
    assert staging.denied[DRIFT][0].action == "cloudformation:DetectStackDrift"


def test_a_statement_that_is_missing_is_found(staging: Life) -> None:
    """In either role, with the action and the resource."""
    makes, deploys = (staging.roles[name].rpartition("/")[2] for name in ("ExecutionRole", "DeployRole"))
    [refusal, *_] = staging.denied[LESS[0]]
    parameter = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{EXTRA_NAME}"
    assert (refusal.role, refusal.resource) == (makes, parameter) and refusal.action.startswith("ssm:"), refusal
    assert refusal.message in staging.ended[LESS[0]].stdout
    assert staging.statuses[LESS[0]][staging.stack] == "UPDATE_ROLLBACK_COMPLETE"
    [refusal, *_] = staging.denied[LESS[1]]
    handed = staging.roles["ExecutionRole"]
    assert (refusal.role, refusal.action, refusal.resource) == (deploys, "iam:PassRole", handed)
    assert refusal.message in staging.ended[LESS[1]].stderr


def test_in_a_new_account_the_deploy_role_makes_the_roles_of_services(staging: Life) -> None:
    """Before CloudFormation needs any, so that the services need not make them themselves."""
    requests_made = [
        (role, request.context["iam:AWSServiceName"], part)
        for part, requests in staging.requests.items()
        for role, request in requests
        if request.action == "iam:CreateServiceLinkedRole" and role == "DeployRole"
    ]
    assert {part for _, _, part in requests_made} == {"create"}
    assert {service for _, service, _ in requests_made} == {
        "ecs.amazonaws.com",
        "ecs.application-autoscaling.amazonaws.com",
        "elasticloadbalancing.amazonaws.com",
        "vpcorigin.cloudfront.amazonaws.com",
    }


def test_a_change_set_of_another_environment_is_out_of_reach(staging: Life) -> None:
    """By the name that the script gives it, whatever CloudFormation knows of it."""
    place = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet"
    deployer = caller(staging.deployer)
    with staging.part("another's"):
        for prefix in ("deploy", "reviewed"):
            for name, code in (("production", "AccessDenied"), ("staging", "ChangeSetNotFound")):
                with pytest.raises(AwsError) as error:
                    change_set = f"{place}/{prefix}-{name}-00000000-00000000/1"
                    deployer.call("cloudformation", "describe_change_set", ChangeSetName=change_set)
                assert error.value.code == code
    del staging.denied["another's"], staging.requests["another's"]


def test_the_templates_of_another_environment_are_out_of_reach(staging: Life) -> None:
    """They lie in one bucket: neither are they written or read, nor is anybody given the right to."""
    deployer, bucket = caller(staging.deployer), f"{NAME}-templates-{ACCOUNT}-{REGION}"
    policy = staging.whose.aws.call("s3", "get_bucket_policy", Bucket=bucket)["Policy"]
    with staging.part("another's"):
        for key in ("templates/staging/x.json", f"deployments/{NAME}-staging/x.json"):
            deployer.call("s3", "put_object", Bucket=bucket, Key=key, Body=b"{}")
        for key in ("templates/production/x.json", "templates/x.json", f"deployments/{NAME}-production/x.json"):
            with pytest.raises(AwsError, match="AccessDenied"):
                deployer.call("s3", "put_object", Bucket=bucket, Key=key, Body=b"{}")
            with pytest.raises(AwsError, match="AccessDenied"):
                deployer.call("s3", "get_object", Bucket=bucket, Key=key)
        with pytest.raises(AwsError, match="AccessDenied"):
            deployer.call("s3", "put_bucket_policy", Bucket=bucket, Policy=policy)
    del staging.denied["another's"], staging.requests["another's"]


# --- Elastic Beanstalk, whose permissions are the widest


@pytest.fixture(scope="module")
def beanstalk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """Elastic Beanstalk from its creation to its end."""
    with fresh(tmp_path_factory.mktemp("beanstalk")) as whose:
        life = Life(whose, "beanstalk")
        created(life)
        life.unprotect("unprotect")
        life.run("destroy", "destroy", "--name", "beanstalk", "--yes")
        yield life


@pytest.mark.soak  # the gate judges the same roles by tests/gate/test_role_needs.py
def test_an_environment_on_elastic_beanstalk_lives_by_its_roles(beanstalk: Life) -> None:
    assert problems(beanstalk) == []


# --- what the handlers of the registry do not say, each found when the access stack lacks it


def dropped(_: Statement) -> Statement | None:
    return None


def by_tag(statement: Statement) -> Statement:
    """Only on what carries the environment's tag."""
    own = dict(statement.get("Condition", {}))
    own["StringEquals"] = {**own.get("StringEquals", {}), "aws:ResourceTag/Environment": "staging"}
    return {**statement, "Condition": own}


def on(resource: str) -> Change:
    return lambda statement: {**statement, "Resource": resource}


DEPLOY, EXECUTION = "DeployRole", "ExecutionRole"
ANY = f"arn:aws:cloudfront::{ACCOUNT}"


RIGHTS: list[tuple[str, str, str, Change, str]] = [
    # CloudFront developer guide, AccessLogs: CloudFront writes the ACL of the log bucket as the caller.
    ("staging", EXECUTION, "CloudFrontDistributionLogging", dropped, "s3:PutBucketAcl"),
    # Secrets Manager user guide, security-encryption: a secret is encrypted as the caller.
    ("staging", DEPLOY, "EncryptSecrets", dropped, "kms:GenerateDataKey"),
    ("staging", EXECUTION, "SecretsManagerSecretKey", dropped, "kms:GenerateDataKey"),
    # CloudFormation user guide, dynamic-references-secretsmanager.
    ("staging", EXECUTION, "SecretsManagerSecretChange", dropped, "secretsmanager:GetSecretValue"),
    # widdix/complete-aws-iam-reference issue 6: a change set by its ARN.
    ("staging", DEPLOY, "UseChangeSets", dropped, "cloudformation:DescribeChangeSet"),
    ("staging", EXECUTION, "CloudFormationStackChangeSets", dropped, "cloudformation:ExecuteChangeSet"),
    # CloudFormation user guide, aws-resource-cloudformation-stack: templates and role of nested stacks.
    ("staging", EXECUTION, "CloudFormationStackTemplates", dropped, "s3:GetObject"),
    ("staging", EXECUTION, "CloudFormationStackInherit", dropped, "iam:PassRole"),
    # KMS developer guide, abac: the tags of a key that is new count minutes later.
    ("staging", EXECUTION, "KMSKeyNew", by_tag, "kms:EnableKeyRotation"),
    ("staging", EXECUTION, "KMSAliasNew", by_tag, "kms:CreateAlias"),
    ("staging", EXECUTION, "DynamoDBTableGrant ECRRepositoryGrant", by_tag, "kms:CreateGrant"),
    # Service Authorization Reference, Amazon CloudFront: creating these names no resource.
    ("staging", EXECUTION, "CloudFrontDistributionMake", on(f"{ANY}:distribution/*"), CREATE_DISTRIBUTION),
    ("staging", EXECUTION, "CloudFrontFunctionMake", on(f"{ANY}:function/*"), "cloudfront:CreateFunction"),
    # IAM user guide, using-service-linked-roles: a service makes its role as the caller.
    ("staging", DEPLOY, "LinkServices", dropped, "iam:CreateServiceLinkedRole"),
    ("staging", EXECUTION, "ElasticLoadBalancingV2LoadBalancerLinked", dropped, "iam:CreateServiceLinkedRole"),
    ("staging", EXECUTION, "ECSClusterLinked", dropped, "iam:CreateServiceLinkedRole"),
    ("staging", EXECUTION, "CloudFrontVpcOriginLinked", dropped, "iam:CreateServiceLinkedRole"),
    ("beanstalk", EXECUTION, "ElasticBeanstalkEnvironmentLinkedScaling", dropped, "iam:CreateServiceLinkedRole"),
    # AWS Managed Policy Reference, AdministratorAccess-AWSElasticBeanstalk and the one of managed updates.
    ("beanstalk", EXECUTION, "ElasticBeanstalkApplicationResources", dropped, "s3:GetObject"),
    ("beanstalk", EXECUTION, "ElasticBeanstalkEnvironmentGroups", dropped, "autoscaling:AttachInstances"),
    ("beanstalk", EXECUTION, "ElasticBeanstalkEnvironmentStack", dropped, "cloudformation:ContinueUpdateRollback"),
]


@pytest.mark.parametrize(
    ("name", "role", "sids", "change", "refused"),
    [pytest.param(*row, marks=pytest.mark.soak if row[0] == "beanstalk" else ()) for row in RIGHTS],
)
def test_a_right_that_services_ask_for_besides_is_missed(
    request: pytest.FixtureRequest, name: str, role: str, sids: str, change: Change, refused: str
) -> None:
    life: Life = request.getfixturevalue(name)
    assert refused_actions(life, role, {}) == set()
    refused_here = refused_actions(life, role, dict.fromkeys(sids.split(), change))
    assert refused in refused_here, refused_here


def refused_actions(life: Life, role: str, changes: Mapping[str, Change]) -> set[str]:
    """What a role would be refused of all that it was judged for, with some statements changed."""
    assert changes.keys() <= life.statements[role].keys()
    changed = [changes.get(sid, dict)(statement) for sid, statement in life.statements[role].items()]
    document = {"Version": "2012-10-17", "Statement": [each for each in changed if each]}
    attached = Policies(statements(role, {"changed": document}))
    return {
        request.action
        for part, requests in life.requests.items()
        for name, request in requests
        if name == role and part not in (DRIFT, *LESS) and not decide(request, attached.about(request.action)).allowed
    }


# --- as somebody plays it


def test_a_refusal_is_told_with_what_would_allow_it(tmp_path: Path) -> None:
    """`apply local --as-roles`, with an access stack that lacks a statement."""
    with fresh(tmp_path) as whose:
        local = replace(whose, environment="local")

        def lack(body: Any) -> None:
            [job] = body["Resources"]["DeployRole"]["Properties"]["Policies"]
            document = job["PolicyDocument"]
            document["Statement"] = [each for each in document["Statement"] if each["Sid"] != "HandOver"]

        edit(local, "templates/access.json", lack)
        run_file = ("--local-aws", str(whose.folder / "local-aws.json"))
        ended = run(local, "apply", *run_file, "--as-roles")
        assert ended.returncode == 3 or ended.returncode == 1, ended.stdout + ended.stderr
        role = r"arn:aws:iam::\d+:role/cloud-health-dashboard/local-access/\S+"
        report = ended.stdout[ended.stdout.index("as the roles of cloud-health-dashboard-local-access: ") :]
        assert re.search(r"\d+ different requests judged, \d+ statements used, 1 refused\n", report), report
        assert re.search(rf"  the deploy role may not iam:PassRole on {role}\n", report), report
        statement = rf'{{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "{role}"}}'
        assert re.search(rf"    the statement that is missing: {statement}\n", report), report
        elsewhere = run(replace(whose, environment="staging"), "status", "--as-roles")
        assert "--as-roles is for the local AWS" in elsewhere.stderr


# --- every environment


class Record(NamedTuple):
    """What came of a full life: what went wrong, and the statements of roles, by their ids, that were used and that are
    granted."""

    wrong: list[str]
    used: list[tuple[str, str]]
    granted: list[tuple[str, str]]


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of a run share."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


def lived(name: str, records: Path) -> Record:
    """A full life of an environment. It is lived once in a run of the tests; another worker waits and reads."""
    folder, file = records / f"life-of-{name}", records / f"life-of-{name}.json"
    with (records / f"life-of-{name}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not file.exists():
            folder.mkdir()
            with fresh(folder) as whose:
                life = full_life(whose, name, MORE[name])
            used = sorted({(role, sid) for role, sid, _ in life.used})
            file.write_text(json.dumps(Record(problems(life), used, granted(life))), encoding="utf-8")
    wrong, *statements_of = json.loads(file.read_text(encoding="utf-8"))
    return Record(wrong, *([(role, sid) for role, sid in pairs] for pairs in statements_of))


def granted(life: Life) -> list[tuple[str, str]]:
    """The statements of a life's roles that allow something."""
    stated = ((role, sid, body) for role, by_sid in life.statements.items() for sid, body in by_sid.items())
    return sorted((role, sid) for role, sid, body in stated if body["Effect"] == "Allow")


@pytest.mark.soak
@pytest.mark.long
@pytest.mark.parametrize("name", MORE)
def test_no_permission_is_missing(name: str, records: Path) -> None:
    assert lived(name, records).wrong == []


@pytest.mark.soak
@pytest.mark.long
def test_no_permission_is_unused(records: Path) -> None:
    """By no environment; what none uses has its reason, and nothing else has."""
    lives = [lived(name, records) for name in MORE]
    unused = {each for life in lives for each in life.granted} - {each for life in lives for each in life.used}
    reasons = {(each.role, sid): each.why for each in UNUSED for sid in each.sids.split()}
    assert sorted(unused - reasons.keys()) == []
    assert sorted(reasons.keys() - unused) == []


def full_life(whose: Account, name: str, more: Mapping[str, str]) -> Life:
    """An environment with all that can happen to it."""
    if "DomainName" in more:
        more = {**more, "HostedZoneId": hosted_zone(whose)}
    edit(whose, f"params/{name}.json", lambda body: body["Parameters"].update(more))
    life = Life(whose, name, tree(whose.folder))
    prepared(life)
    if name == "staging":
        fails_at_first(life)
    for part in FULL:
        part(life)
    if name == "staging":
        adopted(life)
    emptied(life)
    return life


def tree(folder: Path) -> Path:
    """A working tree that is clean and follows a branch, as production asks for."""
    tree = folder / "tree"
    for words in (
        ("init", "-q", "--bare", "-b", "main", str(folder / "origin.git")),
        ("init", "-q", "-b", "main", str(tree)),
        ("-C", str(tree), "remote", "add", "origin", str(folder / "origin.git")),
        ("-C", str(tree), "-c", "user.name=x", "-c", "user.email=x@x.test", "commit", "-q", "--allow-empty", "-m", "x"),
        ("-C", str(tree), "push", "-q", "-u", "origin", "main"),
    ):
        subprocess.run(["git", *words], check=True)
    return tree


# --- what all environments share


def other_rule() -> Iterator[CallFault]:
    """A rule of approvals that says something else, which the local AWS does not hold."""
    rule = {"approvalRuleTemplateName": f"{NAME}-approvals", "approvalRuleTemplateContent": "{}"}
    for operation in ("GetApprovalRuleTemplate", "UpdateApprovalRuleTemplateContent"):
        yield answers(f"codecommit.{operation}", approvalRuleTemplate=rule)
    yield answers("codecommit.AssociateApprovalRuleTemplateWithRepository")


@pytest.mark.soak
def test_what_is_shared_is_deployed_by_roles_of_its_own(tmp_path: Path) -> None:
    """It is created, deployed again, changed, and its failures told; it is never destroyed. No right is unused, none is
    to anything of an environment, to IAM, or to the access stack; and no environment's deploy role changes it."""
    with fresh(tmp_path) as whose:
        aws, name = whose.aws, f"{NAME}-shared"
        life = Life(whose, "shared")
        life.deploy("taken over from an administrator")
        aws.call("cloudformation", "update_termination_protection", StackName=name, EnableTerminationProtection=False)
        aws.call("cloudformation", "delete_stack", StackName=name)
        for _ in range(100):
            if name not in whose.statuses():
                break
        aws.call("codecommit", "delete_repository", repositoryName=NAME)
        life.faulty(resources=(ResourceFault("create", resource=f"{name}/Repository", reason="out of order", times=1),))
        life.deploy("failed creation")
        life.deploy("create")
        life.deploy("no-op")
        edit(life.whose, "params/shared.json", lambda body: body["Tags"].update(CostCenter="other"))
        life.faulty(resources=(ResourceFault("update", f"{name}/Repository", reason="out of order"),))
        life.deploy("failed update")
        life.faulty(*other_rule())
        edit(life.whose, "params/shared.json", lambda body: body["Parameters"].update(RequiredApprovals="1"))
        life.deploy("update")
        for part, signing in (("signed", "true"), ("tagged", "true"), ("unsigned", "false")):
            tags = {"CostCenter": part}
            edit(
                life.whose,
                "params/shared.json",
                lambda body, signing=signing, tags=tags: (
                    body["Parameters"].update(ImageSigning=signing),
                    body["Tags"].update(tags),
                ),
            )
            life.deploy(part)
        for verb in ("preflight", "plan", "status", "outputs", "events", "explain"):
            life.run(verb, verb)
        life.run("destroy", "destroy", "--name", "shared", "--yes")
        statuses = {part: ended.returncode for part, ended in life.ended.items()}
        good = (
            "taken over from an administrator",
            "create",
            "no-op",
            "update",
            "signed",
            "tagged",
            "unsigned",
            "status",
            "outputs",
            "events",
        )
        assert {part: statuses[part] for part in good} == dict.fromkeys(good, 0), {
            part: (status, life.ended[part].stderr[-900:]) for part, status in statuses.items() if status
        }
        assert "no changes" in life.ended["no-op"].stdout
        for part in ("failed creation", "failed update"):
            assert statuses[part] != 0 and "out of order" in life.ended[part].stdout
        assert "it stays" in life.ended["destroy"].stderr
        assert {part: denied for part, denied in life.denied.items() if denied} == {}
        assert set(granted(life)) - {(role, sid) for role, sid, _ in life.used} == set()
        [stack] = aws.call("cloudformation", "describe_stacks", StackName=name)["Stacks"]
        assert stack["RoleARN"] == life.roles["ExecutionRole"]
        with life.part("attacks"):
            deployer = caller(life.deployer)
            template = {"TemplateBody": '{"Resources": {}}', "ChangeSetName": "deploy-shared-x"}
            for stack_name in (f"{name}-access", f"{NAME}-staging", f"{NAME}-production-access"):
                with pytest.raises(AwsError) as refused:
                    deployer.call("cloudformation", "create_change_set", StackName=stack_name, **template)
                assert refused.value.code == "AccessDenied", stack_name
        for arn in life.roles.values():
            decided = [
                decide(Request(name, resource), statements("role", policies(whose, arn)))
                for name, resource in (
                    ("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/{NAME}/shared-access/BranchProtection"),
                    ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/{NAME}/shared-access/x"),
                    ("codecommit:DeleteRepository", f"arn:aws:codecommit:{REGION}:{ACCOUNT}:another"),
                    ("s3:PutObject", f"arn:aws:s3:::{NAME}-templates-{ACCOUNT}-{REGION}/templates/staging/site.json"),
                )
            ]
            assert not any(decision.allowed for decision in decided), arn
