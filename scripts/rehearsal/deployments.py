"""The deploy actions of ECS and Elastic Beanstalk, and what runs again when a rehearsal begins.

Sources: codepipeline user guide, action-reference-ECS, file-reference and action-reference-Beanstalk. A circuit
breaker with rollback brings the service back to the revision that ran before (ECS developer guide,
deployment-circuit-breaker). New instances that do not become healthy are terminated and the old ones stay, immutable or
with split traffic (Elastic Beanstalk developer guide, environmentmgmt-updates-immutable).
"""

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.rehearsal.account_view import Action, declared_resource
from scripts.rehearsal.artifacts import key_part
from scripts.rehearsal.context import ECS_WAITS, ActionOutput, RehearsalContext
from scripts.rehearsal.errors import ActionFailedError
from scripts.rehearsal.executions import Execution

BREAKER = "DeploymentCircuitBreaker"
SAMPLE = "Sample Application"  # what an environment that was created without a version runs
# What RegisterTaskDefinition takes of what DescribeTaskDefinition answers (botocore's models).
REGISTERED_KEYS = (
    "family", "taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "volumes",
    "placementConstraints", "requiresCompatibilities", "cpu", "memory", "pidMode", "ipcMode", "proxyConfiguration",
    "inferenceAccelerators", "ephemeralStorage", "runtimePlatform", "enableFaultInjection",
    "trustedExecutionConfiguration",
)  # fmt: skip


def deploy_to_ecs(context: RehearsalContext, action: Action, execution: Execution) -> ActionOutput:
    """Registers the artifact's images as a revision, updates the service and waits until its tasks run."""
    configuration, role = action.configuration, context.pipeline.role
    cluster, name = configuration["ClusterName"], configuration["ServiceName"]
    context.check_artifact_store(role, "artifact store", "artifact store with a key")
    images = _image_definitions(context, action, execution)
    service = context.tasks.describe(cluster, name)
    before = service["taskDefinition"]
    answer = context.aws.call("ecs", "describe_task_definition", taskDefinition=before, include=["TAGS"])
    body = answer["taskDefinition"]
    context.checker.check_operation(role, "action ECS", {**configuration, "Family": body["family"]})
    for key in ("taskRoleArn", "executionRoleArn"):
        context.checker.check_operation(role, "role of a task", {"Role": body[key]})
    containers = {container["name"] for container in body["containerDefinitions"]}
    if unknown := images.keys() - containers:
        raise ActionFailedError(
            f"the image definitions name {', '.join(unknown)}; the task definition has {', '.join(containers)}"
        )
    new: dict[str, Any] = {key: body[key] for key in REGISTERED_KEYS if body.get(key)}
    new["containerDefinitions"] = [
        {**container, "image": images.get(container["name"], container["image"])}
        for container in new["containerDefinitions"]
    ]
    if answer.get("tags"):
        new["tags"] = answer["tags"]
    definition = context.aws.call("ecs", "register_task_definition", **new)["taskDefinition"]
    revision = f"revision {definition['revision']}"
    arn = definition["taskDefinitionArn"]
    context.aws.call("ecs", "update_service", cluster=cluster, service=name, taskDefinition=arn)
    if not service["desiredCount"] and ECS_WAITS in context.options.suppositions:
        raise ActionFailedError(f"the service wants no tasks, and the deployment of {revision} does not end (supposed)")
    try:
        with _application_time(context):
            context.tasks.reconcile(cluster, name)
    except ActionFailedError as error:
        raise ActionFailedError(_failed_deployment(context, service, before, revision, str(error))) from error
    count = context.tasks.describe(cluster, name)["desiredCount"]
    tags = ", ".join(image.rpartition("/")[2] for image in images.values())
    return ActionOutput(summary=f"{revision}, desired count {count}, {tags}")


def resume_ecs(context: RehearsalContext, action: Action) -> None:
    """Runs what the service should run. Raises `ActionFailedError`."""
    context.note("ECS: the tasks of a service are one process here; its log is a file, its network this machine")
    context.tasks.reconcile(action.configuration["ClusterName"], action.configuration["ServiceName"])


def deploy_to_beanstalk(context: RehearsalContext, action: Action, execution: Execution) -> ActionOutput:
    """Makes the artifact a new application version, and waits until instances run it."""
    name, environment = (action.configuration[key] for key in ("ApplicationName", "EnvironmentName"))
    role = action.role or context.pipeline.role
    _check_beanstalk_role(context, action, role)
    before = context.instances.describe(name, environment)
    label = f"code-pipeline-{time.time_ns() // 1_000_000}-{execution.id[:8]}"
    source = execution.artifacts[action.inputs[0]]
    bundle = {
        "S3Bucket": f"elasticbeanstalk-{context.aws.region}-{context.checker.account}",
        "S3Key": f"{name}/{label}.zip",
    }
    original = {"Bucket": context.pipeline.bucket, "Key": source.key}
    context.aws.call("s3", "copy_object", Bucket=bundle["S3Bucket"], Key=bundle["S3Key"], CopySource=original)
    version = {"ApplicationName": name, "VersionLabel": label}
    context.aws.call("elasticbeanstalk", "create_application_version", **version, SourceBundle=bundle)
    try:
        with _application_time(context):
            running = context.instances.deploy(name, environment, label)
    except ActionFailedError as error:
        stays = before.get("VersionLabel", "nothing")
        raise ActionFailedError(
            f"the deployment of {label} failed, its instances are gone and {stays} stays: {error}"
        ) from error
    finally:
        context.distributions.set_backend(context.instances.url(environment) or context.distributions.backend_url)
    context.aws.call("elasticbeanstalk", "update_environment", EnvironmentName=environment, VersionLabel=label)
    return ActionOutput(summary=f"version {label}, {len(running.instance_ids)} instances, {source.files} files")


def resume_beanstalk(context: RehearsalContext, action: Action) -> None:
    """Runs the version that the environment has, unless that is the sample application. Raises `ActionFailedError`."""
    context.note(
        "Elastic Beanstalk: the instances are one process here without nginx, and new ones replace the old at once"
    )
    name, environment = (action.configuration[key] for key in ("ApplicationName", "EnvironmentName"))
    label = context.instances.describe(name, environment).get("VersionLabel", SAMPLE)
    if label == SAMPLE:
        context.note(f"{environment}: Elastic Beanstalk's sample application, which does not run here")
        return
    context.instances.resume(name, environment, label)
    context.distributions.set_backend(context.instances.url(environment))


@contextmanager
def _application_time(context: RehearsalContext) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        context.application_seconds += time.monotonic() - began


def _check_beanstalk_role(context: RehearsalContext, action: Action, role: str) -> None:
    name, environment = (action.configuration[key] for key in ("ApplicationName", "EnvironmentName"))
    if action.role:
        context.checker.check_role_trust(role, context.pipeline.role)
    fields = {**action.configuration, "Bucket": context.pipeline.bucket, "Artifact": key_part(action.inputs[0])}
    context.checker.check_operation(role, "action ElasticBeanstalk", fields)
    if context.pipeline.key:
        context.checker.check_operation(role, "bundle with a key", {"Key": context.pipeline.key})
    for passed in context.instances.roles(context.instances.options(name, environment)):
        context.checker.check_operation(role, "role of an instance", {"Role": passed})


def _failed_deployment(
    context: RehearsalContext, service: Mapping[str, Any], before: str, revision: str, reason: str
) -> str:
    """What ECS does about a deployment whose tasks do not start; returns what the action says then."""
    declared = declared_resource(context.aws, service["serviceArn"])
    breakers = [configuration[BREAKER] for configuration in declared.objects_with(BREAKER)]
    if not any(breaker.get("Enable") in (True, "true") for breaker in breakers):
        return f"the deployment of {revision} does not become stable, and no circuit breaker ends it: {reason}"
    detail = {
        "eventType": "ERROR",
        "eventName": "SERVICE_DEPLOYMENT_FAILED",
        "deploymentId": service["deployments"][0]["id"],
        "updatedAt": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reason": "ECS deployment circuit breaker: tasks failed to start.",
    }
    context.emit_event("aws.ecs", "ECS Deployment State Change", [service["serviceArn"]], detail)
    if not any(breaker.get("Rollback") in (True, "true") for breaker in breakers):
        return f"the circuit breaker ended the deployment of {revision}: {reason}"
    cluster, name = service["clusterArn"], service["serviceName"]
    context.aws.call("ecs", "update_service", cluster=cluster, service=name, taskDefinition=before)
    context.tasks.reconcile(cluster, name)
    context.print_line(f"the circuit breaker brought the service back to revision {before.rpartition(':')[2]}")
    return f"the deployment of {revision} failed and was rolled back by the circuit breaker: {reason}"


def _image_definitions(context: RehearsalContext, action: Action, execution: Execution) -> dict[str, str]:
    """Image by container. Raises `ActionFailedError`."""
    file = action.configuration.get("FileName", "imagedefinitions.json")
    with tempfile.TemporaryDirectory(dir=context.workspaces) as folder:
        context.store.unpack(execution.artifacts[action.inputs[0]], Path(folder))
        try:
            entries = json.loads((Path(folder) / file).read_text(encoding="utf-8"))
            return {entry["name"]: entry["imageUri"] for entry in entries}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ActionFailedError(f"{action.inputs[0]}/{file} lists no image definitions: {error!r}") from error
