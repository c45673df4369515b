"""The parameters whose values are known only when deploying: found, or kept as they were."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from generator.cfn.environments import EDGE, ENVIRONMENT, SHARED
from generator.cfn.zones import UNFIT
from scripts.deployment.aws import Aws
from scripts.deployment.environment import Environment
from scripts.deployment.errors import AwsError, RefusedError
from scripts.deployment.plan import Plan
from scripts.deployment.stacks import Stack

# Source: CloudFront Developer Guide, "Use the CloudFront managed prefix list".
PREFIX_LIST = "com.amazonaws.global.cloudfront.origin-facing"
RECORD = "LastImageParameter"  # the output with the name of the parameter that holds the last good image
# Branches of the Python platform (elasticbeanstalk platforms, platforms-supported.python).
PLATFORM = "Python {} running on 64bit Amazon Linux 2023"
FOUND, KEPT = "computed", "kept"
ZONES = ("ZoneA", "ZoneB")
TARGET, BEANSTALK = "BackendTarget", "BEANSTALK"
IMAGE, BOOTSTRAP = "BackendImage", "BackendBootstrap"


@dataclass(frozen=True)
class Computed:
    """A value, whether it was `computed` or `kept`, and how it came about."""

    name: str
    value: str
    state: str
    how: str


def find(
    aws: Aws,
    environment: Environment,
    previous: Stack | None,
    beside: Mapping[str, Stack | None],
    adopted: Sequence[Computed] = (),
) -> list[Computed]:
    """The computed parameters that `environment` declares, after those that take over survivors (`adopted`).

    `previous` is its stack as it stands, if it exists; `beside` are the stacks of other roots, by the root's name, as
    far as they exist. Raises `RefusedError` when one cannot be found.
    """
    declared, found = environment.computed, list(adopted)
    if "RepositoryName" in declared:
        found.append(_repository(environment, beside.get(SHARED)))
    if "CloudFrontPrefixListId" in declared:
        found.append(_prefix_list(aws))
    if "ZoneA" in declared:
        found += _zones(aws, environment, previous)
    if "EdgeCertificateArn" in declared:
        found.append(_certificate(environment, beside.get(EDGE)))
    if "DistributionId" in declared:
        found.append(distribution(environment, beside.get(ENVIRONMENT)))
    if "PlatformArn" in declared:
        found.append(_platform(aws, environment))
    if "BackendBootstrap" in declared:
        found += _backend(aws, environment, previous)
    if "ConfigurationDigest" in declared:
        found.append(_digest(environment, {one.name: one.value for one in found}))
    return found


def on_ecs(previous: Stack) -> bool:
    """Whether a stack as it stands has its backend on ECS: then it says where the last good image is recorded."""
    return RECORD in previous.outputs


def release(aws: Aws, previous: Stack) -> str | None:
    """The image of the last good release, which the pipeline's verify action records; None before the first one.

    The record outlives its environment, and a backend that is somewhere else for a time: an image of a registry that is
    not this one's is no release of it.
    """
    try:
        answer = aws.call("ssm", "get_parameter", Name=previous.outputs[RECORD])
    except AwsError as error:
        # Code: `ParameterNotFound` in botocore's model of SSM.
        if error.code == "ParameterNotFound":
            return None
        raise
    image, registry = (str(answer["Parameter"]["Value"]), previous.outputs.get("RegistryUri", ""))
    return image if not registry or image.startswith(f"{registry}:") else None


def _repository(environment: Environment, shared: Stack | None) -> Computed:
    if environment.connection:
        return Computed("RepositoryName", "none", FOUND, "the source is behind a connection")
    if shared is None or "RepositoryName" not in shared.outputs:
        raise RefusedError("The shared stack, which holds the repository, does not exist.", "Run `apply shared` first.")
    return Computed("RepositoryName", shared.outputs["RepositoryName"], FOUND, f"output of {shared.name}")


def _prefix_list(aws: Aws) -> Computed:
    wanted = [{"Name": "prefix-list-name", "Values": [PREFIX_LIST]}]
    for page in aws.pages("ec2", "describe_managed_prefix_lists", Filters=wanted):
        for one in page["PrefixLists"]:
            return Computed("CloudFrontPrefixListId", one["PrefixListId"], FOUND, f"prefix list {PREFIX_LIST}")
    raise RefusedError(f"The region {aws.region} has no prefix list {PREFIX_LIST}.", "Deploy to another region.")


def _zones(aws: Aws, environment: Environment, previous: Stack | None) -> list[Computed]:
    """Two availability zones for the VPC: those that the environment has, else the first two by their ids that have
    what it needs. Raises `RefusedError` when there are no two."""
    if previous and all(previous.parameters.get(name) for name in ZONES):
        return [Computed(name, previous.parameters[name], KEPT, "subnets stay where they are") for name in ZONES]
    fit = fit_zones(aws, environment.chosen("InstanceType") if environment.chosen(TARGET) == BEANSTALK else "")
    if len(fit) < len(ZONES):
        raise RefusedError(
            f"{aws.region} has {len(fit)} availability zones with all that an environment needs, and it takes two.",
            "Deploy to another Region, or choose another InstanceType.",
        )
    return [Computed(name, zone, FOUND, zone_id) for name, (zone_id, zone) in zip(ZONES, fit, strict=False)]


def fit_zones(aws: Aws, instance_type: str = "") -> list[tuple[str, str]]:
    """The availability zones of the Region that have VPC origins and Fargate, and instances of the type if one is
    given: their ids, which mean the same zone in every account, and their names, which do not; sorted by id."""
    here = [{"Name": "zone-type", "Values": ["availability-zone"]}, {"Name": "state", "Values": ["available"]}]
    zones = aws.call("ec2", "describe_availability_zones", Filters=here)["AvailabilityZones"]
    fit = [(one["ZoneId"], one["ZoneName"]) for one in zones if one["ZoneId"] not in UNFIT]
    if instance_type:
        asked = [{"Name": "instance-type", "Values": [instance_type]}]
        pages = aws.pages("ec2", "describe_instance_type_offerings", LocationType="availability-zone", Filters=asked)
        offered = {one["Location"] for page in pages for one in page["InstanceTypeOfferings"]}
        fit = [(zone_id, name) for zone_id, name in fit if name in offered]
    return sorted(fit)


def _certificate(environment: Environment, edge: Stack | None) -> Computed:
    name = "EdgeCertificateArn"
    if environment.chosen("CertificateArn") or not environment.chosen("HostedZoneId"):
        return Computed(name, "", FOUND, "no certificate is to be made")
    if edge is None or name not in edge.outputs:
        raise RefusedError(
            f"The certificate of {environment.chosen('DomainName')} does not exist.", "Run `apply` again."
        )
    return Computed(name, edge.outputs[name], FOUND, f"output of {edge.name}")


def distribution(edge: Environment, environment: Stack | None) -> Computed:
    """The distribution that the root `edge` watches; none while nobody wants it watched or it does not exist."""
    name = "DistributionId"
    if edge.chosen("CloudFrontAlarms") != "true":
        return Computed(name, "", FOUND, "nobody wants CloudFront's alarms")
    if environment is None or name not in environment.outputs:
        return Computed(name, "", FOUND, "there is no distribution yet")
    return Computed(name, environment.outputs[name], FOUND, f"output of {environment.name}")


def _platform(aws: Aws, environment: Environment) -> Computed:
    """The newest version of the platform for the environment's Python. Raises `RefusedError` when there is none."""
    if environment.chosen("BackendTarget") != "BEANSTALK":
        return Computed("PlatformArn", "none", FOUND, "the backend does not run on Elastic Beanstalk")
    branch = PLATFORM.format(environment.chosen("PythonVersion"))
    asked = {"PlatformBranchName": branch, "PlatformStatus": "Ready"}
    wanted = [{"Type": name, "Operator": "=", "Values": [value]} for name, value in asked.items()]
    found = [
        (tuple(map(int, one["PlatformVersion"].split("."))), one["PlatformArn"])
        for page in aws.pages("elasticbeanstalk", "list_platform_versions", Filters=wanted)
        for one in page["PlatformSummaryList"]
    ]
    if not found:
        raise RefusedError(
            f"Elastic Beanstalk in {aws.region} has no platform {branch}.", "Choose another PythonVersion."
        )
    return Computed("PlatformArn", max(found)[1], FOUND, f"newest version of {branch}")


def _backend(aws: Aws, environment: Environment, previous: Stack | None) -> Iterator[Computed]:
    """Bootstrap and image. The service is made empty, without autoscaling and with an image that does not exist; that
    must last until the pipeline has released something, or autoscaling would start tasks from nothing."""
    first = environment.computed["BackendImage"]["First"]
    if previous is None or not on_ecs(previous):
        yield Computed("BackendBootstrap", "true", FOUND, "there is no service yet")
        yield Computed("BackendImage", first, FOUND, "there is no release yet")
        return
    image = previous.parameters["BackendImage"]
    if previous.parameters["BackendBootstrap"] == "false":
        yield Computed("BackendBootstrap", "false", KEPT, "the service has had a release")
        yield Computed("BackendImage", image, KEPT, "releases change the image, deployments do not")
    elif released := release(aws, previous):
        yield Computed("BackendBootstrap", "false", FOUND, "the service has had its first release")
        yield Computed("BackendImage", released, FOUND, "last good release")
    else:
        yield Computed("BackendBootstrap", "true", KEPT, "there is no release yet")
        yield Computed("BackendImage", image, KEPT, "there is no release yet")


def _digest(environment: Environment, found: dict[str, str]) -> Computed:
    """A new digest rolls the tasks, so it covers exactly what reaches them."""
    values = environment.values({**found, "ConfigurationDigest": ""})
    covered = {name: values[name] for name in environment.computed["ConfigurationDigest"]["Covers"]}
    digest = hashlib.sha256(json.dumps(covered, sort_keys=True).encode()).hexdigest()[:16]
    return Computed("ConfigurationDigest", digest, FOUND, "SHA-256 over the application's configuration")


def renew(
    aws: Aws, environment: Environment, previous: Stack | None, found: list[Computed], plan: Plan
) -> list[Computed]:
    """`found`, with the image of the last good release when `plan` changes the stack that is given the image."""
    kept = next((one for one in found if one.name == "BackendImage" and one.state == KEPT), None)
    given = {child.resource.logical_id for child in environment.root.children() if "BackendImage" in child.parameters}
    if previous is None or kept is None or not any(one.certain and one.path[0] in given for one in plan.changes):
        return found
    released = release(aws, previous) or kept.value
    if released == kept.value:
        return found
    live = Computed(kept.name, released, FOUND, "last good release, because the backend changes")
    return [live if one is kept else one for one in found]
