"""Why the tasks of a service stop: what ECS and the last lines of their logs say."""

from collections.abc import Iterator
from typing import Any

from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError

LINES = 10  # of a log
NO_TASK = "no stopped task is known"
LONGEST = 300  # characters of a line


def why_stopped(aws: Aws, service: str) -> list[str]:
    """What is known about the last stopped task of a service, given by its ARN: one line each.

    It is evidence for a failure that is told anyhow: what cannot be read is a line as well, never an error. ECS shows
    stopped tasks for at least an hour (API reference, ListTasks).
    """
    # arn:…:service/CLUSTER/SERVICE (ECS developer guide, "Amazon Resource Names (ARNs) and IDs"); Ref gives the ARN.
    cluster, _, name = service.partition(":service/")[2].partition("/")
    if not name:
        return []
    try:
        return list(_lines(aws, cluster, name))
    except AwsError as error:
        return [f"more is not known: {error.reason}"]


def standing(aws: Aws, service: str) -> list[str]:
    """How far the deployments of a service are, and why its last task stopped: what a person wants to know while it
    becomes stable. Empty when it cannot be read."""
    cluster, _, name = service.partition(":service/")[2].partition("/")
    try:
        services = aws.call("ecs", "describe_services", cluster=cluster, services=[name])["services"] if name else []
        task = _last(aws, cluster, name) if services else None
    except AwsError:
        return []
    lines = []
    for deployment in (deployment for each in services for deployment in each.get("deployments", ())):
        counts = f"{deployment.get('runningCount', 0)} of {deployment.get('desiredCount', 0)} tasks run"
        failed = f", {deployment['failedTasks']} failed" if deployment.get("failedTasks") else ""
        state = f"{deployment.get('status', '').lower()} deployment {deployment.get('rolloutState', '')}"
        lines.append(f"{name}: {state}: {counts}{failed}")
    if task:
        lines.append(f"{name}: last task that stopped: {task.get('stoppedReason', 'no reason given')}")
    return lines


def _lines(aws: Aws, cluster: str, name: str) -> Iterator[str]:
    for service in aws.call("ecs", "describe_services", cluster=cluster, services=[name])["services"]:
        for deployment in service.get("deployments", ()):
            # A deployment that ended well is no evidence of a failure.
            if deployment.get("rolloutStateReason") and deployment.get("rolloutState") != "COMPLETED":
                yield f"deployment {deployment.get('rolloutState', '')}: {deployment['rolloutStateReason']}"
        if events := service.get("events"):
            yield f"service: {events[0]['message']}"
    task = _last(aws, cluster, name)
    if task is None:
        yield NO_TASK
        return
    yield f"task {task['taskArn'].rpartition('/')[2]} stopped: {task.get('stoppedReason', 'no reason given')}"
    for container in task.get("containers", ()):
        reasons = [f"exit code {container['exitCode']}"] if "exitCode" in container else []
        reasons += [container["reason"]] if container.get("reason") else []
        if reasons:
            yield f"container {container['name']}: {', '.join(reasons)}"
    yield from _logs(aws, task)


def _last(aws: Aws, cluster: str, name: str) -> dict[str, Any] | None:
    """The task that stopped last. A hundred at most are asked about: so many DescribeTasks takes (API reference)."""
    listed = aws.call("ecs", "list_tasks", cluster=cluster, serviceName=name, desiredStatus="STOPPED", maxResults=100)
    if not listed["taskArns"]:
        return None
    tasks = aws.call("ecs", "describe_tasks", cluster=cluster, tasks=listed["taskArns"])["tasks"]
    stopped = [task for task in tasks if "stoppedAt" in task]
    return max(stopped, key=lambda task: task["stoppedAt"], default=None)


def _logs(aws: Aws, task: dict[str, Any]) -> Iterator[str]:
    """The last lines of each container. A stream is prefix/container/task id (ECS developer guide, "Using the awslogs
    log driver")."""
    definition = aws.call("ecs", "describe_task_definition", taskDefinition=task["taskDefinitionArn"])
    for container in definition["taskDefinition"].get("containerDefinitions", ()):
        options = container.get("logConfiguration", {}).get("options", {})
        if not {"awslogs-group", "awslogs-stream-prefix"} <= options.keys():
            continue
        number = task["taskArn"].rpartition("/")[2]
        stream = f"{options['awslogs-stream-prefix']}/{container['name']}/{number}"
        try:
            answer = aws.call(
                "logs",
                "get_log_events",
                logGroupName=options["awslogs-group"],
                logStreamName=stream,
                limit=LINES,
                startFromHead=False,
            )
        except AwsError as error:
            # `ResourceNotFoundException` in botocore's model of CloudWatch Logs: the container has written nothing.
            missing = error.code == "ResourceNotFoundException"
            yield "its log is empty" if missing else f"its log cannot be read: {error.reason}"
            continue
        yield from (f"log: {event['message'].rstrip()[:LONGEST]}" for event in answer["events"])
