"""The deploy actions of ECS and Elastic Beanstalk: the calls that they make, and what they say of a deployment that
fails."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.rehearsal.context import ECS_WAITS, ActionOutput
from scripts.rehearsal.deployments import deploy_to_beanstalk, deploy_to_ecs, resume_beanstalk, resume_ecs
from scripts.rehearsal.errors import ActionFailedError
from tests.support.rehearsal.prepared_aws import ACCOUNT
from tests.support.rehearsal.releases import (
    PIPELINE,
    PIPELINE_ROLE,
    STORE_CHECKS,
    STORE_KEY,
    Rehearsed,
    action,
    rehearsed,
)

SERVICE_ARN = f"arn:aws:ecs:us-east-1:{ACCOUNT}:service/cluster/api"
CLUSTER_ARN = f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/cluster"
FORMER, NEXT = (f"arn:aws:ecs:us-east-1:{ACCOUNT}:task-definition/api:{number}" for number in (6, 7))
IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/images:0123"
DEFINITION = {
    "taskDefinitionArn": FORMER,
    "family": "api",
    "taskRoleArn": "task-role",
    "executionRoleArn": "execution-role",
    "containerDefinitions": [{"name": "api", "image": "old", "cpu": 1}, {"name": "log", "image": "router"}],
    "cpu": "256",
    "volumes": [],
    "revision": 6,
    "status": "ACTIVE",
}
ECS = action(
    "ECS", "ToEcs", "Deploy", inputs=("Images",), configuration={"ClusterName": "cluster", "ServiceName": "api"}
)


@dataclass
class Tasks:
    """The service's tasks: they start or not, and what they were asked to become is kept."""

    desired: int = 2
    problems: list[str] = field(default_factory=list)  # of the next starts
    reconciled: list[tuple[str, str]] = field(default_factory=list)

    def describe(self, *_: str) -> dict[str, Any]:
        return {
            "taskDefinition": FORMER,
            "serviceArn": SERVICE_ARN,
            "clusterArn": CLUSTER_ARN,
            "serviceName": "api",
            "desiredCount": self.desired,
            "deployments": [{"id": "ecs-svc/1"}],
        }

    def reconcile(self, cluster: str, name: str) -> None:
        self.reconciled.append((cluster, name))
        if self.problems:
            raise ActionFailedError(self.problems.pop(0))


def ecs_release(folder: Path, breaker: Any = None, files: Any = None, **options: Any) -> tuple[Rehearsed, Tasks]:
    """A release at its ECS action; `breaker` is what the service's template says of its circuit breaker."""
    configuration = {"DeploymentCircuitBreaker": breaker} if breaker else {}
    declared = {"Type": "AWS::ECS::Service", "Properties": {"DeploymentConfiguration": configuration}}
    answers = {
        "ecs.describe_task_definition": {"taskDefinition": DEFINITION, "tags": [{"key": "Owner", "value": "us"}]},
        "ecs.register_task_definition": {"taskDefinition": {"revision": 7, "taskDefinitionArn": NEXT}},
        "ecs.update_service": {},
        "cloudformation.describe_stack_resources": {
            "StackResources": [{"StackName": "backend", "LogicalResourceId": "Service"}]
        },
        "cloudformation.get_template": {"TemplateBody": {"Resources": {"Service": declared}}},
        "cloudformation.describe_stacks": {"Stacks": [{}]},
    }
    release = rehearsed(folder, answers, **options)
    tasks = Tasks()
    release.context.tasks = cast(Any, tasks)
    content = {"imagedefinitions.json": json.dumps([{"name": "api", "imageUri": IMAGE}])} if files is None else files
    release.execution.artifacts["Images"] = release.account.store("Images", content)
    return release, tasks


def updates(release: Rehearsed) -> list[str]:
    """The task definitions that the service was given."""
    return [arguments["taskDefinition"] for name, arguments in release.account.calls if name == "ecs.update_service"]


def test_ecs_gets_a_revision_with_the_new_image_and_all_else_as_it_was(tmp_path: Path) -> None:
    release, tasks = ecs_release(tmp_path)
    output = deploy_to_ecs(release.context, ECS, release.execution)
    assert output == ActionOutput(summary="revision 7, desired count 2, images:0123")
    registered = {
        "family": "api",
        "taskRoleArn": "task-role",
        "executionRoleArn": "execution-role",
        "containerDefinitions": [{"name": "api", "image": IMAGE, "cpu": 1}, {"name": "log", "image": "router"}],
        "cpu": "256",
        "tags": [{"key": "Owner", "value": "us"}],
    }
    assert release.account.calls == [
        ("ecs.describe_task_definition", {"taskDefinition": FORMER, "include": ["TAGS"]}),
        ("ecs.register_task_definition", registered),
        ("ecs.update_service", {"cluster": "cluster", "service": "api", "taskDefinition": NEXT}),
    ]
    assert release.checks.calls == [
        *STORE_CHECKS,
        (PIPELINE_ROLE, "action ECS", {"ClusterName": "cluster", "ServiceName": "api", "Family": "api"}),
        (PIPELINE_ROLE, "role of a task", {"Role": "task-role"}),
        (PIPELINE_ROLE, "role of a task", {"Role": "execution-role"}),
    ]
    assert tasks.reconciled == [("cluster", "api")]
    assert list(release.context.workspaces.iterdir()) == []


def test_a_definition_without_tags_is_registered_without(tmp_path: Path) -> None:
    release, _ = ecs_release(tmp_path)
    release.account.answers["ecs.describe_task_definition"]["tags"] = []
    deploy_to_ecs(release.context, ECS, release.execution)
    assert "tags" not in release.account.calls[1][1]


def test_the_time_of_a_start_is_the_applications_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release, _ = ecs_release(tmp_path)
    clock = iter([100.0, 104.5])
    monkeypatch.setattr("scripts.rehearsal.deployments.time.monotonic", lambda: next(clock))
    release.context.application_seconds = 1.0
    deploy_to_ecs(release.context, ECS, release.execution)
    assert release.context.application_seconds == 5.5


@pytest.mark.parametrize(
    ("files", "name", "problem"),
    [
        (
            {"imagedefinitions.json": '[{"name": "web", "imageUri": "x"}]'},
            None,
            r"the image definitions name web; the task definition has (api, log|log, api)",
        ),
        ({"other": "[]"}, None, r"Images/imagedefinitions.json lists no image definitions: FileNotFoundError\(.*"),
        ({"imagedefinitions.json": "{"}, None, r"Images/imagedefinitions.json lists .*: JSONDecodeError\(.*"),
        ({"imagedefinitions.json": "[1]"}, None, r"Images/imagedefinitions.json lists .*: TypeError\(.*"),
        ({"imagedefinitions.json": "[{}]"}, None, r"Images/imagedefinitions.json lists .*: KeyError\('name'\)"),
        ({"imagedefinitions.json": "[]"}, "own.json", r"Images/own.json lists no image definitions: FileNotFound.*"),
    ],
)
def test_image_definitions_that_name_nothing_are_an_error(
    tmp_path: Path, files: dict[str, str], name: str | None, problem: str
) -> None:
    release, tasks = ecs_release(tmp_path, files=files)
    configuration = {**ECS.configuration, **({"FileName": name} if name else {})}
    with pytest.raises(ActionFailedError) as failed:
        deploy_to_ecs(release.context, replace(ECS, configuration=configuration), release.execution)
    assert re.fullmatch(problem, str(failed.value), re.DOTALL)
    assert (updates(release), tasks.reconciled) == ([], [])


@pytest.mark.parametrize(("desired", "supposes", "waits"), [(0, True, True), (0, False, False), (1, True, False)])
def test_whether_the_action_waits_for_a_service_without_tasks_is_supposed(
    tmp_path: Path, desired: int, supposes: bool, waits: bool
) -> None:
    release, tasks = ecs_release(tmp_path, suppositions=frozenset([ECS_WAITS] if supposes else []))
    tasks.desired = desired
    if not waits:
        summary = deploy_to_ecs(release.context, ECS, release.execution).summary
        assert summary == f"revision 7, desired count {desired}, images:0123"
        return
    with pytest.raises(ActionFailedError) as failed:
        deploy_to_ecs(release.context, ECS, release.execution)
    assert str(failed.value) == "the service wants no tasks, and the deployment of revision 7 does not end (supposed)"
    assert (updates(release), tasks.reconciled) == ([NEXT], [])


EVENT = {
    "eventType": "ERROR",
    "eventName": "SERVICE_DEPLOYMENT_FAILED",
    "deploymentId": "ecs-svc/1",
    "reason": "ECS deployment circuit breaker: tasks failed to start.",
}
UNSTABLE = "the deployment of revision 7 does not become stable, and no circuit breaker ends it: no table"
ENDED = "the circuit breaker ended the deployment of revision 7: no table"
ROLLED_BACK = "the deployment of revision 7 failed and was rolled back by the circuit breaker: no table"


@pytest.mark.parametrize(
    ("breaker", "problem", "event", "back"),
    [
        (None, UNSTABLE, False, False),
        ({"Enable": False, "Rollback": True}, UNSTABLE, False, False),
        ({"Enable": "false", "Rollback": "true"}, UNSTABLE, False, False),
        ({"Enable": True}, ENDED, True, False),
        ({"Enable": "true", "Rollback": False}, ENDED, True, False),
        ({"Enable": True, "Rollback": True}, ROLLED_BACK, True, True),
        ({"Enable": "true", "Rollback": "true"}, ROLLED_BACK, True, True),
    ],
)
def test_what_becomes_of_tasks_that_do_not_start_is_the_circuit_breakers_matter(
    tmp_path: Path, breaker: Any, problem: str, event: bool, back: bool
) -> None:
    release, tasks = ecs_release(tmp_path, breaker)
    events: list[tuple[Any, ...]] = []
    release.context.emit_event = lambda *arguments: events.append(arguments)
    tasks.problems = ["no table"]
    with pytest.raises(ActionFailedError) as failed:
        deploy_to_ecs(release.context, ECS, release.execution)
    assert str(failed.value) == problem
    times = [re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", detail.pop("updatedAt")) for *_, detail in events]
    assert events == ([("aws.ecs", "ECS Deployment State Change", [SERVICE_ARN], EVENT)] if event else [])
    assert all(times)
    last = release.account.calls[-1]
    if back:
        assert last == ("ecs.update_service", {"cluster": CLUSTER_ARN, "service": "api", "taskDefinition": FORMER})
        assert tasks.reconciled == [("cluster", "api"), (CLUSTER_ARN, "api")]
        assert release.lines == ["the circuit breaker brought the service back to revision 6"]
    else:
        assert (updates(release), tasks.reconciled, release.lines) == ([NEXT], [("cluster", "api")], [])


def test_what_the_service_ran_runs_again_when_a_rehearsal_begins(tmp_path: Path) -> None:
    release, tasks = ecs_release(tmp_path)
    resume_ecs(release.context, ECS)
    assert tasks.reconciled == [("cluster", "api")]
    note = "ECS: the tasks of a service are one process here; its log is a file, its network this machine"
    assert release.notes == [note]


EB_ROLE = f"arn:aws:iam::{ACCOUNT}:role/beanstalk"
BEANSTALK = action(
    "ElasticBeanstalk",
    "ToBeanstalk",
    "Deploy",
    inputs=("BundleOfTheBackend",),
    configuration={"ApplicationName": "app", "EnvironmentName": "env"},
)


@dataclass
class Instances:
    """The environment's instances, and what they were asked to run."""

    version: str | None = "before"
    problem: str = ""
    address: str = "http://127.0.0.1:8"
    deployed: list[tuple[str, ...]] = field(default_factory=list)

    def describe(self, *names: str) -> dict[str, Any]:
        assert names == ("app", "env")
        return {"VersionLabel": self.version} if self.version else {}

    def options(self, *names: str) -> tuple[str, ...]:
        return names

    def roles(self, options: tuple[str, ...]) -> tuple[str, str]:
        assert options == ("app", "env")
        return "service-role", "instances-role"

    def deploy(self, *names: str) -> Any:
        self.deployed.append(names)
        if self.problem:
            raise ActionFailedError(self.problem)
        return SimpleNamespace(instance_ids=("i-1", "i-2"))

    def resume(self, *names: str) -> None:
        self.deployed.append(("again", *names))

    def url(self, environment: str) -> str:
        assert environment == "env"
        return self.address


def beanstalk_release(folder: Path, **settings: Any) -> tuple[Rehearsed, Instances, list[str]]:
    """A release at its Elastic Beanstalk action, and the addresses that the distribution was led to."""
    answers: dict[str, Any] = {
        "s3.copy_object": {},
        "elasticbeanstalk.create_application_version": {},
        "elasticbeanstalk.update_environment": {},
    }
    release, instances, addresses = rehearsed(folder, answers, **settings), Instances(), list[str]()
    release.context.instances = cast(Any, instances)
    distributions = SimpleNamespace(set_backend=addresses.append, backend_url="http://127.0.0.1:7")
    release.context.distributions = cast(Any, distributions)
    release.execution.artifacts["BundleOfTheBackend"] = release.account.store("Bundle", {"Procfile": "", "app": ""})
    return release, instances, addresses


def test_beanstalk_gets_a_version_of_the_bundle_and_keeps_it_once_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, instances, addresses = beanstalk_release(tmp_path)
    monkeypatch.setattr("scripts.rehearsal.deployments.time.time_ns", lambda: 1_700_000_000_123_456_789)
    output = deploy_to_beanstalk(release.context, BEANSTALK, release.execution)
    label = f"code-pipeline-1700000000123-{release.execution.id[:8]}"
    assert output == ActionOutput(summary=f"version {label}, 2 instances, 2 files")
    bundle = {"S3Bucket": f"elasticbeanstalk-us-east-1-{ACCOUNT}", "S3Key": f"app/{label}.zip"}
    assert release.account.calls == [
        (
            "s3.copy_object",
            {
                "Bucket": bundle["S3Bucket"],
                "Key": bundle["S3Key"],
                "CopySource": {"Bucket": "store", "Key": "in/Bundle"},
            },
        ),
        (
            "elasticbeanstalk.create_application_version",
            {"ApplicationName": "app", "VersionLabel": label, "SourceBundle": bundle},
        ),
        ("elasticbeanstalk.update_environment", {"EnvironmentName": "env", "VersionLabel": label}),
    ]
    assert (instances.deployed, addresses) == ([("app", "env", label)], ["http://127.0.0.1:8"])


@pytest.mark.parametrize("own_role", ["", EB_ROLE])
@pytest.mark.parametrize("key", ["", STORE_KEY])
def test_the_role_of_a_beanstalk_action_is_the_pipelines_or_its_own(tmp_path: Path, own_role: str, key: str) -> None:
    release, _, _ = beanstalk_release(tmp_path, pipeline=replace(PIPELINE, key=key))
    deploy_to_beanstalk(release.context, replace(BEANSTALK, role=own_role), release.execution)
    role = own_role or PIPELINE_ROLE
    fields = {"ApplicationName": "app", "EnvironmentName": "env", "Bucket": "store", "Artifact": "BundleOfTh"}
    assert release.checks.calls == [
        *([(role, "trust of a role", PIPELINE_ROLE)] if own_role else []),
        (role, "action ElasticBeanstalk", fields),
        *([(role, "bundle with a key", {"Key": key})] if key else []),
        (role, "role of an instance", {"Role": "service-role"}),
        (role, "role of an instance", {"Role": "instances-role"}),
    ]


@pytest.mark.parametrize(
    ("version", "address", "stays", "led_to"),
    [("before", "http://127.0.0.1:8", "before", "http://127.0.0.1:8"), (None, "", "nothing", "http://127.0.0.1:7")],
)
def test_a_version_that_does_not_run_leaves_the_one_before(
    tmp_path: Path, version: str | None, address: str, stays: str, led_to: str
) -> None:
    release, instances, addresses = beanstalk_release(tmp_path)
    instances.problem, instances.version, instances.address = "no table", version, address
    with pytest.raises(ActionFailedError) as failed:
        deploy_to_beanstalk(release.context, BEANSTALK, release.execution)
    [(_, _, label)] = instances.deployed
    problem = f"the deployment of {label} failed, its instances are gone and {stays} stays: no table"
    assert (str(failed.value), addresses) == (problem, [led_to])
    assert release.account.calls[-1][0] == "elasticbeanstalk.create_application_version"


PLAIN = "Elastic Beanstalk: the instances are one process here without nginx, and new ones replace the old at once"
NO_SAMPLE = "env: Elastic Beanstalk's sample application, which does not run here"


@pytest.mark.parametrize(
    ("version", "runs", "notes"),
    [
        ("v1", [("again", "app", "env", "v1")], [PLAIN]),
        ("Sample Application", [], [PLAIN, NO_SAMPLE]),
        (None, [], [PLAIN, NO_SAMPLE]),
    ],
)
def test_the_version_of_an_environment_runs_again_unless_it_is_awss_sample(
    tmp_path: Path, version: str | None, runs: list[tuple[str, ...]], notes: list[str]
) -> None:
    release, instances, addresses = beanstalk_release(tmp_path)
    instances.version = version
    resume_beanstalk(release.context, BEANSTALK)
    assert (instances.deployed, release.notes) == (runs, notes)
    assert addresses == ["http://127.0.0.1:8" for _ in runs]
