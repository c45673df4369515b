"""What ECS does by itself, instead of its scheduler: a service's tasks run as one process on this machine.

The local AWS keeps services and task definitions and runs nothing, so what it answers about running tasks is completed
here, for the builds that ask.
"""

import re
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.rehearsal.artifacts import shown_path
from scripts.rehearsal.builds.aws_cli import Hook
from scripts.rehearsal.builds.container import Container
from scripts.rehearsal.builds.images import Image, Images, repository_of
from scripts.rehearsal.errors import ActionFailedError, NotJudgedError, UnsupportedError
from scripts.rehearsal.permissions import PermissionChecker
from scripts.rehearsal.runtime import application
from scripts.rehearsal.runtime.containers import start_image
from scripts.rehearsal.runtime.engine_containers import EngineCannotRunError, EngineTask, start_container
from scripts.rehearsal.runtime.toolchains import application_python

TASK = "AWS::ECS::TaskDefinition"


@dataclass
class RunningService:
    """What runs of one service: the task definition, the tasks, and the process that stands for them all.

    `deployment` is the one that started them, by id: one that is forced has new tasks of the same definition. `problem`
    says why nothing runs.
    """

    definition: str = ""
    tasks: list[str] = field(default_factory=list)
    process: application.ApplicationProcess | None = None
    container: str = ""
    image: str = ""
    problem: str = ""
    deployment: str = ""

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process is not None and self.process.alive

    def stop(self) -> None:
        """Ends the process."""
        if self.process:
            self.process.stop()


@dataclass
class EcsTasks:
    """The services whose tasks run here; only one of them can be reached from outside, on `port`.

    `folder` is for files and logs, `venvs` for the applications' requirements unless `python` is an interpreter that
    stands for all. `unjudged` is what cannot be started without an engine; `serve` sends what goes to the backend to
    another address.
    """

    aws: Aws
    checker: PermissionChecker
    images: Images
    folder: Path
    venvs: Path
    python: Path | None
    print_line: Callable[[str], None]
    services: dict[str, RunningService] = field(default_factory=dict)
    port: int = field(default_factory=application.free_port)
    unjudged: list[str] = field(default_factory=list)
    serve: Callable[[str], object] = lambda _: None

    def reconcile(self, cluster: str, name: str) -> None:
        """Makes what runs what the service should run: the new task answers before the old one ends, as ECS rolls.
        Raises `ActionFailedError` when its task does not start, or when there is no service; then nothing runs."""
        try:
            service = self.describe(cluster, name)
        except ActionFailedError:
            for arn in [arn for arn in self.services if arn.endswith(f"/{name}")]:
                self.services.pop(arn).stop()
            raise
        arn, desired = service["serviceArn"], service["desiredCount"]
        running = old = self.services.get(arn, RunningService())
        deployment = str((service.get("deployments") or [{}])[0].get("id", ""))
        same = (running.definition, running.deployment) == (service["taskDefinition"], deployment)
        if not desired:
            old.stop()
            running = RunningService()
        elif not (same and running.alive):
            if old.alive:
                self.port = application.free_port()
            try:
                running = self._start(service)
            except (AwsError, ActionFailedError) as error:
                old.stop()
                self.services[arn] = RunningService(problem=str(error))
                if isinstance(error, NotJudgedError):
                    self.unjudged.append(str(error))
                raise ActionFailedError(f"(service {name}) failed to launch a task: {error}") from error
            running.deployment = deployment
            if running.process:
                self.serve(running.process.url)
            old.stop()
        prefix = service["clusterArn"].replace(":cluster/", ":task/")
        running.tasks = (running.tasks + [f"{prefix}/{uuid.uuid4().hex}" for _ in range(desired)])[:desired]
        self.services[arn] = running

    def describe(self, cluster: str, name: str) -> dict[str, Any]:
        """A service as ECS describes it. Raises `ActionFailedError` when there is none."""
        services = self.aws.call("ecs", "describe_services", cluster=cluster, services=[name])["services"]
        # One that was deleted is shown for a while (ECS API reference, DeleteService).
        if not services or services[0].get("status") == "INACTIVE":
            raise ActionFailedError(f"there is no service {name} in cluster {cluster}")
        return dict(services[0])

    def stop(self) -> None:
        """Ends every process."""
        for service in self.services.values():
            service.stop()

    def hooks(self) -> dict[str, Hook]:
        """What a build sees of the tasks."""
        return {
            "ecs.describe_services": self._complete_services,
            "ecs.update_service": self._service_updated,
            "ecs.list_tasks": self._list_tasks,
            "ecs.describe_tasks": self._describe_tasks,
        }

    def _start(self, service: Mapping[str, Any]) -> RunningService:
        definition = service["taskDefinition"]
        body = self.aws.call("ecs", "describe_task_definition", taskDefinition=definition)["taskDefinition"]
        balanced = {entry["containerName"] for entry in service.get("loadBalancers", ())}
        containers = [container for container in body["containerDefinitions"] if container["name"] in balanced]
        if len(containers) != 1:
            raise UnsupportedError(f"{len(containers)} of its containers have a load balancer, one is simulated")
        container = containers[0]
        uri, environment = container["image"], self._environment(body, container)
        image = self.images.pull(uri)
        task = self.folder / f"task-{uuid.uuid4().hex[:8]}"
        launch = application.Launch(task, environment, self.port)
        port = _container_port(service, container)
        process, before = self._container(image, launch, container, port), None
        command = " ".join(image.container.command)
        if process:
            command = f"a container of {Path(process.remove[0]).name}"
        else:
            shutil.copytree(image.files, task, symlinks=True)
            before = _files(task)
            process = start_image(launch, task, image.container, self._programs(image, task), port)
        if problem := self._health_problem(process.url, service):
            process.stop()
            raise ActionFailedError(problem)
        if before is not None:
            for line in _forbidden_writes(container, _files(task) - before):
                self.print_line(line)
        self.print_line(f"task of {uri.rpartition('/')[2]}: {command} on {process.url}, log {shown_path(process.log)}")
        return RunningService(definition, [], process, container["name"], uri)

    def _container(
        self, image: Image, launch: application.Launch, definition: Mapping[str, Any], port: int
    ) -> application.ApplicationProcess | None:
        """The task as a container of the engine that built its image; none where it cannot be, which is noted. Raises
        `ActionFailedError`."""
        built = self.images.built(image)
        if built is None:
            return None
        engine, identity = built
        configuration = engine.configuration(identity)
        if configuration is None:
            self.images.note(f"docker run, not looked at: {engine.name} has the image no more; it runs as a process")
            return None
        task = EngineTask(engine, identity, configuration, definition, port)
        try:
            process = start_container(task, launch)
        except EngineCannotRunError as error:
            self.images.note(f"docker run, not looked at: no container starts here, it runs as a process: {error}")
            return None
        for unseen in task.unseen:
            self.images.note(f"docker run, not looked at: {unseen}")
        return process

    def _programs(self, image: Image, files: Path) -> Path:
        """The folder of the programs that the `pip install` calls of an image bring. Raises `NotJudgedError` for an
        image without any."""
        if self.python:
            return self.python.parent
        lines = requirement_lines(image.container, files)
        if not lines:
            raise NotJudgedError(
                f"{image.uri}: no RUN of its Dockerfile is a `pip install` of something that it has, and nothing else "
                "is installed in a rehearsal without a Docker engine"
            )
        requirements = files.with_name(f"{files.name}.requirements.txt")
        requirements.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return application_python(requirements, self.venvs).parent

    def _health_problem(self, url: str, service: Mapping[str, Any]) -> str:
        """What the health checks of the service's target groups find wrong; empty when they pass."""
        for entry in service.get("loadBalancers", ()):
            answer = self.aws.call("elbv2", "describe_target_groups", TargetGroupArns=[entry["targetGroupArn"]])
            group = answer["TargetGroups"][0]
            path, expected = group.get("HealthCheckPath") or "/", group.get("Matcher", {}).get("HttpCode") or "200"
            if problem := application.health_problem(url, path, expected):
                return problem
        return ""

    def _environment(self, body: Mapping[str, Any], container: Mapping[str, Any]) -> dict[str, str]:
        """What the task definition prescribes, resolved in the name of the execution role, and what Fargate adds."""
        role, check_operation = body["executionRoleArn"], self.checker.check_operation
        self.checker.check_service_trust(role, TASK, "ExecutionRoleArn")
        if "taskRoleArn" in body:
            self.checker.check_service_trust(body["taskRoleArn"], TASK, "TaskRoleArn")
        check_operation(role, "task image", {}, repository_of(container["image"]))
        logs = container.get("logConfiguration", {})
        group = {"Group": logs.get("options", {}).get("awslogs-group", "")}
        check_operation(role, f"task log {logs.get('logDriver')}", group)
        values = {entry["name"]: entry["value"] for entry in container.get("environment", ())}
        for secret in container.get("secrets", ()):
            values[secret["name"]] = application.stored_value(self.aws, self.checker, role, secret["valueFrom"])
        region = {"AWS_REGION": self.aws.region, "AWS_DEFAULT_REGION": self.aws.region}
        return {**values, **application.credentials(self.aws), **region}

    def _complete_services(self, _: Mapping[str, Any], answer: dict[str, Any]) -> None:
        for service in answer["services"]:
            running = self.services.get(service["serviceArn"], RunningService())
            count = len(running.tasks) if running.alive else 0
            state = "IN_PROGRESS"
            if count == service["desiredCount"]:
                state = "COMPLETED"
            elif running.problem:
                state = "FAILED"
            primary = {
                **service["deployments"][0],
                "runningCount": count,
                "desiredCount": service["desiredCount"],
                "rolloutState": state,
                "taskDefinition": service["taskDefinition"],
            }
            events = [{"message": running.problem}] if running.problem else []
            service.update(runningCount=count, deployments=[primary], events=events)

    def _service_updated(self, arguments: Mapping[str, Any], answer: dict[str, Any]) -> None:
        try:
            self.reconcile(arguments["cluster"], arguments["service"])
        except ActionFailedError as error:  # ECS answers before it starts tasks; who waits for them sees it
            self.print_line(str(error))
        self._complete_services({}, {"services": [answer["service"]]})

    def _list_tasks(self, arguments: Mapping[str, Any], answer: dict[str, Any]) -> None:
        arn = self.describe(arguments["cluster"], arguments["serviceName"])["serviceArn"]
        running = self.services.get(arn, RunningService())
        answer["taskArns"] = list(running.tasks) if running.alive else []

    def _describe_tasks(self, arguments: Mapping[str, Any], answer: dict[str, Any]) -> None:
        answer["tasks"] = [
            {
                "taskArn": task,
                "lastStatus": "RUNNING",
                "taskDefinitionArn": running.definition,
                "containers": [{"name": running.container, "image": running.image, "lastStatus": "RUNNING"}],
            }
            for running in self.services.values()
            for task in running.tasks
            if task in arguments["tasks"]
        ]


# A path of the image, in a line of requirements: alone, behind an option, with extras or a marker behind it.
IN_IMAGE = re.compile(r"(.*--find-links[ =]+|.*-f +|)(/[\w./-]+)(.*)")


def requirement_lines(container: Container, files: Path) -> list[str]:
    """Everything that an image's `pip install` calls name, as the lines of one requirements file."""
    lines: list[str] = []
    for install in container.installs:
        words = iter(install)
        for word in words:
            if word in ("-r", "--requirement", "-c", "--constraint"):  # of a file that the image does not have
                next(words, "")
            elif (match := IN_IMAGE.fullmatch(word)) and (files / match[2].lstrip("/")).exists():
                lines.append(f"{match[1]}{files}{match[2]}{match[3]}")
            else:
                lines.append(word)
    return list(dict.fromkeys(lines))


def _container_port(service: Mapping[str, Any], container: Mapping[str, Any]) -> int:
    """The port of the container that the service registers at its load balancer."""
    [port] = {
        entry["containerPort"] for entry in service["loadBalancers"] if entry["containerName"] == container["name"]
    }
    return int(port)


def _files(folder: Path) -> frozenset[str]:
    """The paths in an image's files as the container sees them; what Python compiles is left out, which it goes without
    where it cannot write."""
    paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return frozenset(f"/{path.relative_to(folder).as_posix()}" for path in paths)


def _forbidden_writes(container: Mapping[str, Any], written: frozenset[str]) -> list[str]:
    """What an application wrote here until it was healthy, and cannot write in a task, as one line; only new files are
    seen, those of the image's own folders."""
    if not container.get("readonlyRootFilesystem"):
        return []
    mounts = [mount["containerPath"] for mount in container.get("linuxParameters", {}).get("tmpfs", ())]
    files = sorted(path for path in written if not any(path.startswith(f"{mount}/") for mount in mounts))
    if not files:
        return []
    more = f" and {len(files) - 3} more" if len(files) > 3 else ""
    allowed = ", ".join(mounts) or "nothing"
    return [
        f"warning: the application wrote {', '.join(files[:3])}{more}, which a task cannot: its root file system is "
        f"read-only but for {allowed} (`writable` of the facts)"
    ]
