"""The ECS deploy action: the images of the artifact into a new revision of the service's task definition.

Source: codepipeline user guide, action-reference-ECS and file-reference. A circuit breaker with rollback brings the
service back to the revision that ran before (ECS developer guide, deployment-circuit-breaker).
"""

import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.rehearsal.declared import declared
from scripts.rehearsal.deployed import Action
from scripts.rehearsal.errors import Failed
from scripts.rehearsal.stage import Result, Run, World

BREAKER = "DeploymentCircuitBreaker"
# What RegisterTaskDefinition takes of what DescribeTaskDefinition answers (botocore's models).
TAKEN = (
    "family", "taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "volumes",
    "placementConstraints", "requiresCompatibilities", "cpu", "memory", "pidMode", "ipcMode", "proxyConfiguration",
    "inferenceAccelerators", "ephemeralStorage", "runtimePlatform",
)  # fmt: skip


def run(world: World, action: Action, run: Run) -> Result:
    """Registers the revision, updates the service and waits until its tasks run."""
    given, role = action.configuration, world.pipeline.role
    cluster, name = given["ClusterName"], given["ServiceName"]
    world.artifact_store(role, "artifact store", "artifact store with a key")
    images = _images(world, action, run)
    service = world.containers.describe(cluster, name)
    before = service["taskDefinition"]
    answer = world.aws.call("ecs", "describe_task_definition", taskDefinition=before, include=["TAGS"])
    body = answer["taskDefinition"]
    world.judge.need(role, "action ECS", {**given, "Family": body["family"]})
    for key in ("taskRoleArn", "executionRoleArn"):
        world.judge.need(role, "role of a task", {"Role": body[key]})
    held = {one["name"] for one in body["containerDefinitions"]}
    if unknown := images.keys() - held:
        raise Failed(f"the image definitions name {', '.join(unknown)}; the task definition has {', '.join(held)}")
    new: dict[str, Any] = {key: body[key] for key in TAKEN if body.get(key)}
    new["containerDefinitions"] = [
        {**one, "image": images.get(one["name"], one["image"])} for one in new["containerDefinitions"]
    ]
    tags = {"tags": answer["tags"]} if answer.get("tags") else {}
    made = world.aws.call("ecs", "register_task_definition", **new, **tags)["taskDefinition"]
    revision = f"revision {made['revision']}"
    world.aws.call("ecs", "update_service", cluster=cluster, service=name, taskDefinition=made["taskDefinitionArn"])
    began = time.monotonic()
    try:
        world.containers.settle(cluster, name)
    except Failed as failed:
        raise Failed(_given_up(world, service, before, revision, str(failed))) from failed
    finally:
        world.seconds += time.monotonic() - began
    wanted = world.containers.describe(cluster, name)["desiredCount"]
    return Result(
        summary=f"{revision}, {wanted} tasks wanted, {', '.join(one.rpartition('/')[2] for one in images.values())}"
    )


def resume(world: World, action: Action) -> None:
    """Runs what the service wants. Raises `Failed`."""
    world.note("ECS: the tasks of a service are one process here; its log is a file, its network this machine")
    world.containers.settle(action.configuration["ClusterName"], action.configuration["ServiceName"])


def _given_up(world: World, service: Mapping[str, Any], before: str, revision: str, why: str) -> str:
    """What ECS does about a deployment whose tasks do not start; what the action says then."""
    breakers = [one["DeploymentCircuitBreaker"] for one in declared(world.aws, service["serviceArn"]).find(BREAKER)]
    if not any(one.get("Enable") in (True, "true") for one in breakers):
        return f"the deployment of {revision} does not become stable, and no circuit breaker ends it: {why}"
    detail = {
        "eventType": "ERROR",
        "eventName": "SERVICE_DEPLOYMENT_FAILED",
        "deploymentId": service["deployments"][0]["id"],
        "updatedAt": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reason": "ECS deployment circuit breaker: tasks failed to start.",
    }
    world.emit("aws.ecs", "ECS Deployment State Change", [service["serviceArn"]], detail)
    if not any(one.get("Rollback") in (True, "true") for one in breakers):
        return f"the circuit breaker ended the deployment of {revision}: {why}"
    given = {"cluster": service["clusterArn"], "service": service["serviceName"]}
    world.aws.call("ecs", "update_service", **given, taskDefinition=before)
    world.containers.settle(service["clusterArn"], service["serviceName"])
    world.say(f"the circuit breaker brought the service back to revision {before.rpartition(':')[2]}")
    return f"the deployment of {revision} failed and was rolled back by the circuit breaker: {why}"


def _images(world: World, action: Action, run: Run) -> dict[str, str]:
    """Image by container."""
    file = action.configuration.get("FileName", "imagedefinitions.json")
    folder = Path(tempfile.mkdtemp(dir=world.space))
    world.store.unpack(run.artifacts[action.inputs[0]], folder)
    try:
        entries = json.loads((folder / file).read_text(encoding="utf-8"))
        return {one["name"]: one["imageUri"] for one in entries}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise Failed(f"{action.inputs[0]}/{file} is no list of image definitions: {error!r}") from error
    finally:
        shutil.rmtree(folder)
