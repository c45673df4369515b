"""The tasks of a service as one process: when it is started anew, with what, and what builds are answered about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.deployment.errors import AwsError
from scripts.rehearsal.builds.container import Container
from scripts.rehearsal.builds.images import Image, Images
from scripts.rehearsal.errors import ActionFailedError, NotJudgedError, UnsupportedError
from scripts.rehearsal.permissions import PermissionChecker
from scripts.rehearsal.runtime import application, ecs
from scripts.rehearsal.runtime.application import Launch
from scripts.rehearsal.runtime.ecs import EcsTasks, RunningService, requirement_lines
from scripts.rehearsal.runtime.engine_containers import EngineCannotRunError, EngineTask
from tests.support.rehearsal.prepared_aws import ACCOUNT, aws
from tests.support.rehearsal.releases import Account, Checks

PLACE = f"us-east-1:{ACCOUNT}"
SERVICE_ARN, CLUSTER_ARN = f"arn:aws:ecs:{PLACE}:service/c/api", f"arn:aws:ecs:{PLACE}:cluster/c"
URI = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/images:0123"
PARAMETER = f"arn:aws:ssm:{PLACE}:parameter/app/word"
DEFINITION = {
    "executionRoleArn": "execution",
    "taskRoleArn": "task",
    "containerDefinitions": [
        {
            "name": "api",
            "image": URI,
            "environment": [{"name": "LEVEL", "value": "INFO"}, {"name": "AWS_REGION", "value": "other"}],
            "secrets": [{"name": "WORD", "valueFrom": PARAMETER}],
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/logs"}},
        },
        {"name": "router", "image": "router:1"},
    ],
}


class Process:
    """A process that runs until it is ended."""

    def __init__(self, port: int, log: Path, remove: tuple[str, ...] = ()) -> None:
        self.url, self.log, self.remove, self.alive = f"http://127.0.0.1:{port}", log, remove, True

    def stop(self) -> None:
        self.alive = False


@dataclass
class Service:
    """A service and its tasks here: what the account says of it, and what was started."""

    tasks: EcsTasks
    account: Account
    checks: Checks
    body: dict[str, Any]
    lines: list[str]
    notes: list[str]
    served: list[str] = field(default_factory=list)
    started: list[tuple[Any, ...]] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    health: list[tuple[str, str, str]] = field(default_factory=list)
    problem: Exception | None = None  # of the next starts
    sick: str = ""
    engine: Any = None
    engine_problem: Exception | None = None

    def reconcile(self, **changes: Any) -> RunningService:
        self.body.update(changes)
        self.tasks.reconcile("c", "api")
        return self.tasks.services[SERVICE_ARN]

    def failure(self, **changes: Any) -> str:
        with pytest.raises(ActionFailedError) as failed:
            self.reconcile(**changes)
        return str(failed.value)

    def start(self, launch: Launch, files: Path, container: Container, programs: Path, port: int) -> Process:
        if self.problem:
            raise self.problem
        self.started.append((launch.environment, files, container.command, programs, port, launch.bundle))
        assert (files / "app.py").read_text() == "print()", "the image's files are there"
        return self.process(launch)

    def process(self, launch: Launch, remove: tuple[str, ...] = ()) -> Process:
        self.processes.append(Process(launch.port, launch.bundle.with_suffix(".log"), remove))
        return self.processes[-1]

    def start_container(self, task: EngineTask, launch: Launch) -> Process:
        if self.engine_problem:
            raise self.engine_problem
        self.started.append((task, launch.environment))
        return self.process(launch, ("/usr/bin/podman", "rm"))

    def check_health(self, *words: str) -> str:
        self.health.append(cast(Any, words))
        return self.sick

    def complete(self) -> dict[str, Any]:
        """What a build is answered about the service."""
        answer = {"services": [{**self.body, "runningCount": 0}]}
        self.tasks.hooks()["ecs.describe_services"]({}, answer)
        return answer["services"][0]


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    files = tmp_path / "image"
    files.mkdir()
    (files / "app.py").write_text("print()")
    group = "arn:group"
    body = {
        "serviceArn": SERVICE_ARN,
        "clusterArn": CLUSTER_ARN,
        "serviceName": "api",
        "desiredCount": 2,
        "taskDefinition": "api:7",
        "deployments": [{"id": "ecs-svc/1", "status": "PRIMARY"}],
        "loadBalancers": [{"containerName": "api", "containerPort": 8000, "targetGroupArn": group}],
    }
    target_group = {"HealthCheckPath": "/health", "Matcher": {"HttpCode": "200"}}
    answers = {
        "ecs.describe_services": {"services": [body]},
        "ecs.describe_task_definition": {"taskDefinition": DEFINITION},
        "elbv2.describe_target_groups": {"TargetGroups": [target_group]},
        "ssm.get_parameter": {"Parameter": {"Value": "swordfish"}},
    }
    account, checks, lines, notes = Account(answers), Checks(), list[str](), list[str]()
    image = Image(URI, "sha256:1", Container(["uvicorn", "app"], installs=[["fastapi"]]), "{}", files)
    holder: list[Service] = []
    images = SimpleNamespace(
        pull=lambda uri: image if uri == URI else None, built=lambda _: holder[0].engine, note=notes.append
    )
    tasks = EcsTasks(
        aws(account), cast(PermissionChecker, checks), cast(Images, images), tmp_path / "logs", tmp_path / "venvs",
        tmp_path / "bin/python", lines.append,
    )  # fmt: skip
    own = Service(tasks, account, checks, body, lines, notes)
    holder.append(own)
    tasks.serve = own.served.append
    monkeypatch.setattr(ecs, "start_image", own.start)
    monkeypatch.setattr(ecs, "start_container", own.start_container)
    monkeypatch.setattr(application, "health_problem", own.check_health)
    return own


def test_a_task_runs_its_image_with_what_its_definition_prescribes(service: Service, tmp_path: Path) -> None:
    port = service.tasks.port
    running = service.reconcile()
    [(environment, files, command, programs, container_port, bundle)] = service.started
    regions = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
    assert environment == {"LEVEL": "INFO", "WORD": "swordfish", **regions}
    assert (command, programs, container_port) == (["uvicorn", "app"], tmp_path / "bin", 8000)
    assert files == bundle and bundle.parent == tmp_path / "logs" and re.fullmatch(r"task-[0-9a-f]{8}", bundle.name)
    assert service.checks.calls == [
        ("execution", "trust of AWS::ECS::TaskDefinition", "ExecutionRoleArn"),
        ("task", "trust of AWS::ECS::TaskDefinition", "TaskRoleArn"),
        ("execution", "task image", {}, "images"),
        ("execution", "task log awslogs", {"Group": "/logs"}),
        ("execution", "task parameter", {"ValueFrom": PARAMETER}),
    ]
    [process] = service.processes
    url = f"http://127.0.0.1:{port}"
    assert (service.health, service.served) == ([(url, "/health", "200")], [url])
    assert service.lines == [f"task of images:0123: uvicorn app on {url}, log {process.log}"]
    assert (running.definition, running.container, running.image) == ("api:7", "api", URI)
    assert (running.deployment, running.problem, running.alive) == ("ecs-svc/1", "", True)
    assert len(set(running.tasks)) == 2
    assert all(re.fullmatch(f"arn:aws:ecs:{PLACE}:task/c/[0-9a-f]{{32}}", task) for task in running.tasks)
    assert service.account.calls[0] == ("ecs.describe_services", {"cluster": "c", "services": ["api"]})
    assert service.account.calls[1] == ("ecs.describe_task_definition", {"taskDefinition": "api:7"})
    assert ("elbv2.describe_target_groups", {"TargetGroupArns": ["arn:group"]}) in service.account.calls
    service.tasks.stop()
    assert not process.alive


@pytest.mark.parametrize(
    ("group", "check"),
    [
        ({}, ("/", "200")),
        ({"HealthCheckPath": "", "Matcher": {}}, ("/", "200")),
        ({"HealthCheckPath": "/up", "Matcher": {"HttpCode": "200,204"}}, ("/up", "200,204")),
    ],
)
def test_the_health_check_is_the_target_groups(service: Service, group: dict[str, Any], check: tuple[str, str]) -> None:
    service.account.answers["elbv2.describe_target_groups"] = {"TargetGroups": [group]}
    service.reconcile()
    assert [words[1:] for words in service.health] == [check]


def test_a_task_that_is_not_healthy_is_ended(service: Service) -> None:
    service.sick = "the health check GET /health got 500, expected 200"
    problem = f"(service api) failed to launch a task: {service.sick}"
    assert service.failure() == problem
    assert [process.alive for process in service.processes] == [False]
    assert service.tasks.services[SERVICE_ARN] == RunningService(problem=service.sick)
    assert service.served == []


def test_a_service_runs_on_until_its_definition_or_its_deployment_is_another(service: Service) -> None:
    first = service.reconcile()
    tasks = list(first.tasks)
    assert service.reconcile().tasks == tasks and len(service.processes) == 1
    assert service.reconcile(desiredCount=3).tasks[:2] == tasks and len(first.tasks) == 3
    assert service.reconcile(desiredCount=1).tasks == tasks[:1]
    old_port = service.tasks.port
    forced = service.reconcile(deployments=[{"id": "ecs-svc/2"}])
    assert service.tasks.port != old_port, "the new task answers before the old one ends"
    assert ([process.alive for process in service.processes], forced.deployment) == ([False, True], "ecs-svc/2")
    assert not set(forced.tasks) & set(tasks)
    service.reconcile(taskDefinition="api:8")
    assert [process.alive for process in service.processes] == [False, False, True]
    assert service.served == [process.url for process in service.processes]
    service.processes[-1].stop()
    port = service.tasks.port
    service.reconcile()
    assert (len(service.processes), service.tasks.port) == (4, port), "one that ended leaves its port"


def test_a_service_that_wants_no_tasks_has_none(service: Service) -> None:
    service.reconcile()
    running = service.reconcile(desiredCount=0)
    assert (running, [process.alive for process in service.processes]) == (RunningService(), [False])


@pytest.mark.parametrize(
    ("problem", "unjudged"),
    [
        (ActionFailedError("no table"), []),
        (AwsError("ecs.describe", "Denied", "no"), []),
        (NotJudgedError("no engine"), ["no engine"]),
    ],
)
def test_a_task_that_does_not_start_ends_the_old_one(service: Service, problem: Exception, unjudged: list[str]) -> None:
    """And what ended it for want of this machine's is not judged."""
    service.reconcile()
    service.problem = problem
    assert service.failure(taskDefinition="api:8") == f"(service api) failed to launch a task: {problem}"
    assert ([process.alive for process in service.processes], service.tasks.unjudged) == ([False], unjudged)
    assert service.tasks.services[SERVICE_ARN] == RunningService(problem=str(problem))


@pytest.mark.parametrize("answer", [[], [{"status": "INACTIVE", "serviceArn": SERVICE_ARN}]])
def test_a_service_that_is_gone_runs_nothing(service: Service, answer: list[Any]) -> None:
    service.reconcile()
    other = Process(1, Path())
    service.tasks.services["arn:other/more"] = RunningService(process=cast(Any, other))
    service.account.answers["ecs.describe_services"] = {"services": answer}
    assert service.failure() == "there is no service api in cluster c"
    assert ([process.alive for process in service.processes], other.alive) == ([False], True)
    assert list(service.tasks.services) == ["arn:other/more"]


@pytest.mark.parametrize(("balanced", "count"), [([], 0), (["api", "router"], 2)])
def test_a_task_of_which_not_one_container_is_reached_is_refused(
    service: Service, balanced: list[str], count: int
) -> None:
    balancers = [{"containerName": name, "containerPort": 8000, "targetGroupArn": "g"} for name in balanced]
    problem = f"{count} of its containers have a load balancer, one is simulated"
    assert service.failure(loadBalancers=balancers) == f"(service api) failed to launch a task: {problem}"
    with pytest.raises(UnsupportedError):
        service.tasks._start(service.body)


@pytest.mark.parametrize("denied", ["task image", "task log awslogs", "task parameter"])
def test_a_task_starts_with_what_its_execution_role_may_alone(service: Service, denied: str) -> None:
    service.checks.denied.add(denied)
    assert service.failure() == f"(service api) failed to launch a task: execution may not {denied}"
    assert service.processes == []


def test_a_task_without_a_role_of_its_own_and_without_logs(service: Service) -> None:
    container = {"name": "api", "image": URI}
    body = {"executionRoleArn": "execution", "containerDefinitions": [container]}
    service.account.answers["ecs.describe_task_definition"] = {"taskDefinition": body}
    service.reconcile()
    assert service.checks.calls == [
        ("execution", "trust of AWS::ECS::TaskDefinition", "ExecutionRoleArn"),
        ("execution", "task image", {}, "images"),
        ("execution", "task log None", {"Group": ""}),
    ]


def test_what_an_application_writes_where_a_task_cannot_is_told(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = {**cast(Any, DEFINITION)["containerDefinitions"][0], "readonlyRootFilesystem": True}
    service.account.answers["ecs.describe_task_definition"]["taskDefinition"] = {
        **DEFINITION, "containerDefinitions": [container],
    }  # fmt: skip

    def start(launch: Launch, files: Path, *words: Any) -> Process:
        process = service.start(launch, files, *words)
        (files / "cache.db").write_text("x")
        return process

    monkeypatch.setattr(ecs, "start_image", start)
    service.reconcile()
    assert service.lines[0] == (
        "warning: the application wrote /cache.db, which a task cannot: its root file system is read-only but for "
        "nothing (`writable` of the facts)"
    )


class Engine:
    """An engine that has the image, or has it no more."""

    def __init__(self, configuration: dict[str, Any] | None, name: str = "podman") -> None:
        self.image_says, self.name, self.program = configuration, name, f"/usr/bin/{name}"

    def configuration(self, image: str) -> dict[str, Any] | None:
        assert image == "sha256:9"
        return self.image_says


AS_PROCESS = "docker run, not looked at:"
WRITES = f"{AS_PROCESS} buildah run: its containers can write their root file system, a task cannot"


@pytest.mark.parametrize(
    ("engine", "problem", "container", "notes"),
    [
        (Engine({"Cmd": ["x"]}), None, True, []),
        (Engine({"Cmd": ["x"]}, "buildah"), None, True, [WRITES]),
        (Engine(None), None, False, [f"{AS_PROCESS} podman has the image no more; it runs as a process"]),
        (Engine({"Cmd": ["x"]}), EngineCannotRunError("podman: no"), False,
         [f"{AS_PROCESS} no container starts here, it runs as a process: podman: no"]),
    ],
)  # fmt: skip
def test_with_its_engine_a_task_is_a_container(
    service: Service, engine: Any, problem: Exception | None, container: bool, notes: list[str]
) -> None:
    first = {**cast(Any, DEFINITION)["containerDefinitions"][0], "readonlyRootFilesystem": True}
    body = {**DEFINITION, "containerDefinitions": [first]}
    service.account.answers["ecs.describe_task_definition"] = {"taskDefinition": body}
    service.engine, service.engine_problem = (engine, "sha256:9"), problem
    service.reconcile()
    assert service.notes == notes
    if container:
        [(task, environment)] = service.started
        assert task == EngineTask(engine, "sha256:9", {"Cmd": ["x"]}, first, 8000)
        assert environment["WORD"] == "swordfish"
        assert service.lines[0].startswith("task of images:0123: a container of podman on http://127.0.0.1:")
    else:
        assert service.lines[0].startswith("task of images:0123: uvicorn app on http://127.0.0.1:")


def test_requirements_of_an_image_are_installed_unless_a_python_stands_for_all(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed: list[tuple[str, Path]] = []

    def own(requirements: Path, cache: Path) -> Path:
        installed.append((requirements.read_text(encoding="utf-8"), cache))
        return tmp_path / "venv/bin/python"

    monkeypatch.setattr(ecs, "application_python", own)
    service.tasks.python = None
    service.reconcile()
    assert installed == [("fastapi\n", tmp_path / "venvs")]
    assert service.started[0][3] == tmp_path / "venv/bin"
    container = service.tasks.images.pull(URI).container
    container.installs.clear()
    problem = (
        f"{URI}: no RUN of its Dockerfile is a `pip install` of something that it has, and nothing else is installed "
        "in a rehearsal without a Docker engine"
    )
    assert service.failure(taskDefinition="api:8") == f"(service api) failed to launch a task: {problem}"
    assert service.tasks.unjudged == [problem]


def test_the_lines_of_all_installs_are_one_file(tmp_path: Path) -> None:
    """With the places of what the image has; a file that it does not have installs nothing."""
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels/a.whl").touch()
    lines = ["/wheels/a.whl ; python_version > '3'", "--find-links /wheels", "-f /wheels", "/gone/b.whl", "redis"]
    installs = [["-r", "gone.txt", "fastapi"], [*lines, "fastapi"], ["--constraint", "c.txt", "-c", "x"]]
    assert requirement_lines(Container(installs=installs), tmp_path) == [
        "fastapi",
        f"{tmp_path}/wheels/a.whl ; python_version > '3'",
        f"--find-links {tmp_path}/wheels",
        f"-f {tmp_path}/wheels",
        "/gone/b.whl",
        "redis",
    ]


PRIMARY = {"id": "ecs-svc/1", "status": "PRIMARY", "desiredCount": 2, "taskDefinition": "api:7"}


def test_a_build_sees_the_tasks_that_run(service: Service) -> None:
    hooks: Mapping[str, Any] = service.tasks.hooks()
    waiting = {**PRIMARY, "runningCount": 0, "rolloutState": "IN_PROGRESS"}
    before = service.complete()
    assert (before["runningCount"], before["deployments"], before["events"]) == (0, [waiting], [])
    running = service.reconcile()
    after = service.complete()
    done = {**PRIMARY, "runningCount": 2, "rolloutState": "COMPLETED"}
    assert (after["runningCount"], after["deployments"], after["events"]) == (2, [done], [])
    listed: dict[str, Any] = {}
    hooks["ecs.list_tasks"]({"cluster": "c", "serviceName": "api"}, listed)
    assert listed == {"taskArns": running.tasks}
    described: dict[str, Any] = {"failures": []}
    hooks["ecs.describe_tasks"]({"tasks": [running.tasks[1], "unknown"]}, described)
    assert described["tasks"] == [
        {
            "taskArn": running.tasks[1],
            "lastStatus": "RUNNING",
            "taskDefinitionArn": "api:7",
            "containers": [{"name": "api", "image": URI, "lastStatus": "RUNNING"}],
        }
    ]
    service.processes[0].stop()
    hooks["ecs.list_tasks"]({"cluster": "c", "serviceName": "api"}, listed)
    assert (listed, service.complete()["runningCount"]) == ({"taskArns": []}, 0)


def test_a_build_that_updates_the_service_sees_what_became_of_it(service: Service) -> None:
    updated = service.tasks.hooks()["ecs.update_service"]
    answer = {"service": dict(service.body)}
    updated({"cluster": "c", "service": "api"}, answer)
    assert answer["service"]["runningCount"] == 2 and service.served
    service.problem = ActionFailedError("no table")
    service.body["taskDefinition"] = "api:8"
    answer = {"service": dict(service.body)}
    updated({"cluster": "c", "service": "api"}, answer)
    assert service.lines[-1] == "(service api) failed to launch a task: no table"
    failed = {**PRIMARY, "taskDefinition": "api:8", "runningCount": 0, "rolloutState": "FAILED"}
    assert (answer["service"]["deployments"], answer["service"]["events"]) == ([failed], [{"message": "no table"}])
