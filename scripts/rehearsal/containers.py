"""What ECS does by itself, in the place of its scheduler: a service's task runs as a process on this machine.

The local AWS holds services and task definitions and runs nothing, so what it says about running tasks is completed
here, for the builds that ask.
"""

import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.rehearsal import application, process, venv
from scripts.rehearsal.artifacts import shown
from scripts.rehearsal.commands import Hook
from scripts.rehearsal.errors import Failed, Unsupported
from scripts.rehearsal.images import Images, module_of
from scripts.rehearsal.permissions import Judge

LOST = "no rehearsal with this cache has pushed it; `make local-stop deploy` starts over"
TASK = "AWS::ECS::TaskDefinition"


@dataclass
class Service:
    """What runs of one service: the task definition, the tasks, and the process that stands for them all."""

    definition: str = ""
    tasks: list[str] = field(default_factory=list)
    running: process.Running | None = None
    container: str = ""
    image: str = ""
    trouble: str = ""

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.running is not None and self.running.process.poll() is None

    def stop(self) -> None:
        """Ends the process."""
        if self.running:
            self.running.stop()


@dataclass
class Containers:
    """The services whose tasks run here; all answer on one port, so there can be one that is asked from outside."""

    aws: Aws
    judge: Judge
    images: Images
    folder: Path
    venvs: Path
    python: Path | None
    say: Callable[[str], None]
    services: dict[str, Service] = field(default_factory=dict)
    port: int = field(default_factory=process.free_port)

    def settle(self, cluster: str, name: str) -> None:
        """Makes run what a service wants. Raises `Failed` when its task does not start; then nothing runs."""
        held = self.describe(cluster, name)
        arn, desired = held["serviceArn"], held["desiredCount"]
        mine = self.services.get(arn, Service())
        if not desired or mine.definition != held["taskDefinition"] or not mine.alive:
            mine.stop()
            mine = Service()
        if desired and not mine.alive:
            try:
                mine = self._start(held)
            except (process.ProcessError, venv.VenvError, AwsError, Failed) as error:
                self.services[arn] = Service(trouble=str(error))
                raise Failed(f"(service {name}) failed to launch a task: {error}") from error
        first = held["clusterArn"].replace(":cluster/", ":task/")
        mine.tasks = (mine.tasks + [f"{first}/{uuid.uuid4().hex}" for _ in range(desired)])[:desired]
        self.services[arn] = mine

    def describe(self, cluster: str, name: str) -> dict[str, Any]:
        """A service as AWS holds it. Raises `Failed` when there is none."""
        found = self.aws.call("ecs", "describe_services", cluster=cluster, services=[name])["services"]
        if not found:
            raise Failed(f"there is no service {name} in cluster {cluster}")
        return dict(found[0])

    def stop(self) -> None:
        """Ends every process."""
        for service in self.services.values():
            service.stop()

    def hooks(self) -> dict[str, Hook]:
        """What a build sees of the tasks."""
        return {
            "ecs.describe_services": self._show_services,
            "ecs.update_service": self._updated,
            "ecs.list_tasks": self._list_tasks,
            "ecs.describe_tasks": self._show_tasks,
        }

    def _start(self, held: Mapping[str, Any]) -> Service:
        definition = held["taskDefinition"]
        body = self.aws.call("ecs", "describe_task_definition", taskDefinition=definition)["taskDefinition"]
        entries = {one["containerName"] for one in held.get("loadBalancers", ())}
        chosen = [one for one in body["containerDefinitions"] if one["name"] in entries]
        if len(chosen) != 1:
            raise Unsupported(f"{len(chosen)} of its containers have a load balancer, one is imitated")
        container = chosen[0]
        uri, environment = container["image"], self._environment(body, container)
        found = self.images.find(uri)
        if found is None:
            raise Failed(f"CannotPullContainerError: {uri}: {LOST}")
        image, context = found
        bundle = self.folder / f"task-{uuid.uuid4().hex[:8]}"
        shutil.copytree(context, bundle)
        requirements = bundle / "requirements.txt"
        if not requirements.exists():
            raise Unsupported(f"{uri} has no requirements.txt at its top, and nothing else is installed here")
        python = self.python or venv.python_for(requirements, self.venvs)
        running = process.start(bundle, environment, module_of(image), self.port, python)
        if problem := self._unhealthy(running.url, held):
            running.stop()
            raise Failed(problem)
        self.say(f"task of {uri.rpartition('/')[2]}: {image.module} on {running.url}, log {shown(running.log)}")
        return Service(definition, [], running, container["name"], uri)

    def _unhealthy(self, url: str, held: Mapping[str, Any]) -> str:
        """What the health checks of the service's target groups find; empty when they are content."""
        for one in held.get("loadBalancers", ()):
            answer = self.aws.call("elbv2", "describe_target_groups", TargetGroupArns=[one["targetGroupArn"]])
            group = answer["TargetGroups"][0]
            path, wanted = group.get("HealthCheckPath") or "/", group.get("Matcher", {}).get("HttpCode") or "200"
            if problem := application.unhealthy(url, path, wanted):
                return problem
        return ""

    def _environment(self, body: Mapping[str, Any], container: Mapping[str, Any]) -> dict[str, str]:
        """What the task definition prescribes, resolved in the name of the execution role, and what Fargate adds."""
        role = body["executionRoleArn"]
        self.judge.assume(role, TASK, "ExecutionRoleArn")
        if "taskRoleArn" in body:
            self.judge.assume(body["taskRoleArn"], TASK, "TaskRoleArn")
        self.judge.need(role, "task image", {}, container["image"].partition("/")[2].rpartition(":")[0])
        logs = container.get("logConfiguration", {})
        group = {"Group": logs.get("options", {}).get("awslogs-group", "")}
        self.judge.need(role, f"task log {logs.get('logDriver')}", group)
        found = {one["name"]: one["value"] for one in container.get("environment", ())}
        for one in container.get("secrets", ()):
            found[one["name"]] = application.kept(self.aws, self.judge, role, one["valueFrom"])
        region = {"AWS_REGION": self.aws.region, "AWS_DEFAULT_REGION": self.aws.region}
        return {**found, **application.credentials(self.aws), **region}

    def _show_services(self, _: Mapping[str, Any], answer: dict[str, Any]) -> None:
        for held in answer["services"]:
            mine = self.services.get(held["serviceArn"], Service())
            count = len(mine.tasks) if mine.alive else 0
            state = "COMPLETED" if count == held["desiredCount"] else "FAILED" if mine.trouble else "IN_PROGRESS"
            counts = {"runningCount": count, "desiredCount": held["desiredCount"], "rolloutState": state}
            primary = {**held["deployments"][0], **counts, "taskDefinition": held["taskDefinition"]}
            events = [{"message": mine.trouble}] if mine.trouble else []
            held.update(runningCount=count, deployments=[primary], events=events)

    def _updated(self, asked: Mapping[str, Any], answer: dict[str, Any]) -> None:
        try:
            self.settle(asked["cluster"], asked["service"])
        except Failed as failed:  # ECS answers before it starts tasks; who waits for them sees it
            self.say(str(failed))
        self._show_services({}, {"services": [answer["service"]]})

    def _list_tasks(self, asked: Mapping[str, Any], answer: dict[str, Any]) -> None:
        arn = self.describe(asked["cluster"], asked["serviceName"])["serviceArn"]
        mine = self.services.get(arn, Service())
        answer["taskArns"] = list(mine.tasks) if mine.alive else []

    def _show_tasks(self, asked: Mapping[str, Any], answer: dict[str, Any]) -> None:
        answer["tasks"] = [
            {"taskArn": task, "lastStatus": "RUNNING", "taskDefinitionArn": mine.definition, "containers": [
                {"name": mine.container, "image": mine.image, "lastStatus": "RUNNING"}]}
            for mine in self.services.values() for task in mine.tasks if task in asked["tasks"]
        ]  # fmt: skip
