"""The deploy action of Elastic Beanstalk: the artifact as a new version, which the environment then runs.

Source: codepipeline user guide, action-reference-Beanstalk. New instances that do not become healthy are terminated
and the old ones stay, immutable or with split traffic (elasticbeanstalk dg, environmentmgmt-updates-immutable).
"""

import time

from scripts.rehearsal.deployed import Action
from scripts.rehearsal.errors import Failed
from scripts.rehearsal.stage import Result, Run, World

SAMPLE = "Sample Application"  # what an environment that was made without a version runs


def run(world: World, action: Action, run: Run) -> Result:
    """Makes the version, and waits until instances run it."""
    name, environment = (action.configuration[key] for key in ("ApplicationName", "EnvironmentName"))
    role = action.role or world.pipeline.role
    if action.role:
        world.judge.become(role, world.pipeline.role)
    world.judge.need(role, "action ElasticBeanstalk", {**action.configuration, "Bucket": world.pipeline.bucket})
    if world.pipeline.key:
        world.judge.need(role, "bundle with a key", {"Key": world.pipeline.key})
    held = world.instances.held(name, environment)
    for passed in world.instances.roles(world.instances.options(name, environment)):
        world.judge.need(role, "role of an instance", {"Role": passed})
    label = f"code-pipeline-{time.time_ns() // 1_000_000}-{run.id[:8]}"
    bucket = f"elasticbeanstalk-{world.aws.region}-{world.judge.account}"
    source, bundle = run.artifacts[action.inputs[0]], {"S3Bucket": bucket, "S3Key": f"{name}/{label}.zip"}
    copied = {"Bucket": world.pipeline.bucket, "Key": source.key}
    world.aws.call("s3", "copy_object", Bucket=bucket, Key=bundle["S3Key"], CopySource=copied)
    given = {"ApplicationName": name, "VersionLabel": label}
    world.aws.call("elasticbeanstalk", "create_application_version", **given, SourceBundle=bundle)
    began = time.monotonic()
    try:
        made = world.instances.deploy(name, environment, label)
    except Failed as failed:
        stays = held.get("VersionLabel", "nothing")
        raise Failed(
            f"the deployment of {label} failed, its instances are gone and {stays} stays: {failed}"
        ) from failed
    finally:
        world.seconds += time.monotonic() - began
        world.sites.point(world.instances.url(environment) or world.sites.backend_url)
    world.aws.call("elasticbeanstalk", "update_environment", EnvironmentName=environment, VersionLabel=label)
    return Result(summary=f"version {label}, {len(made.ids)} instances, {source.files} files")


def resume(world: World, action: Action) -> None:
    """Runs the version that the environment has, unless that is the sample application. Raises `Failed`."""
    world.note(
        "Elastic Beanstalk: the instances are one process here without nginx, and new ones take the place of old"
    )
    name, environment = (action.configuration[key] for key in ("ApplicationName", "EnvironmentName"))
    label = world.instances.held(name, environment).get("VersionLabel", SAMPLE)
    if label == SAMPLE:
        world.note(f"{environment}: Elastic Beanstalk's sample application, which does not run here")
        return
    world.instances.deploy(name, environment, label)
    world.sites.point(world.instances.url(environment))
