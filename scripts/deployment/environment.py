"""An environment as it is to be: its root template, its parameter file, checked before anything happens, and the
parameters whose values are known only when deploying.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from generator.cfn import environments
from generator.cfn import template_names as names
from generator.cfn.environments import ACCESS, SHARED, Environment
from generator.cfn.parameters import ParameterFileError
from generator.cfn.stacks import Stack
from generator.cfn.templates import TemplatesError, TemplateSet
from generator.cfn.templates import load as load_templates
from generator.cfn.zones import UNFIT
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError, ParametersRefusedError, RefusedError, UsageError

BEANSTALK = "BEANSTALK"  # of BackendTarget
# Source: CloudFront Developer Guide, "Use the CloudFront managed prefix list".
PREFIX_LIST = "com.amazonaws.global.cloudfront.origin-facing"
COMPUTED, KEPT = "computed", "kept"
NO_REPOSITORY = "none"  # where the source is behind a connection
# What only a part takes that an environment may have; `scripts/operations/optional_parts.py` computes it.
OPTIONAL = (names.CERTIFICATE, names.PLATFORM_ARN, names.SIGNING_PROFILE)


def load(name: str, templates: Path, params: Path) -> dict[str, Environment]:
    """The roots of the environment `name` by the root's name, and `shared`, from the folders of templates and parameter
    files; the root that the file is named after comes last. `shared` stands for itself.

    Raises `UsageError` for a name without a file, `RefusedError` for files that cannot be read,
    `ParametersRefusedError` with everything that is wrong with the parameters.
    """
    try:
        template_set, files = load_templates(templates), dict.fromkeys((SHARED, name))
        return {root: each for file in files for root, each in _environments(file, template_set, params).items()}
    except (TemplatesError, ParameterFileError) as error:
        raise RefusedError(str(error)) from error


def _environments(name: str, templates: TemplateSet, params: Path) -> dict[str, Environment]:
    path = params / f"{name}.json"
    if not path.is_file():
        there = ", ".join(sorted(file.stem for file in params.glob("*.json"))) or "none"
        raise UsageError(f"There is no parameter file {path}.", f"There are: {there}.")
    file, problems = environments.check(path, templates)
    if problems:
        # Named from where the person stands, as every other tool names files.
        near = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        raise ParametersRefusedError([replace(problem, file=str(near)) for problem in problems])
    return {root: Environment(name, each, file) for root, each in environments.roots_of(name, templates).items()}


# --- computed parameters


@dataclass(frozen=True)
class Computed:
    """A value, whether it was `computed` or `kept`, and how it came about."""

    name: str
    value: str
    state: str
    how: str


@dataclass(frozen=True)
class Computation:
    """What the computed parameters of a root follow from: its stack as it stands, if it exists, and the stacks of other
    roots by the root's name, as far as they exist."""

    aws: Aws
    environment: Environment
    previous: Stack | None = None
    other_stacks: Mapping[str, Stack | None] = field(default_factory=dict)

    def values(self, known: Sequence[Computed] = ()) -> list[Computed]:
        """The computed parameters that the root declares; those that are `known` come first and stay as they are.
        Raises `RefusedError` when one cannot be computed."""
        values = {each.name: each for each in known}
        for name, compute in (
            (names.REPOSITORY, self._repository),
            (names.PREFIX_LIST_ID, self._prefix_list),
            (names.ZONES[0], self.zones),
            (names.BOUNDARY, self._boundary),
            (names.BOOTSTRAP, self._backend),
        ):
            if name in self.environment.computed and name not in values:
                values |= {each.name: each for each in compute()}
        first = self.environment.first_values
        for name in {*OPTIONAL} & {*self.environment.computed} - {*values}:
            values[name] = self.output(SHARED, name) or Computed(name, first[name], COMPUTED, "no part takes it")
        if names.DIGEST in self.environment.computed:
            values[names.DIGEST] = self._digest({each.name: each.value for each in values.values()})
        return list(values.values())

    def _repository(self) -> Iterator[Computed]:
        if self.environment.connection:
            yield Computed(names.REPOSITORY, NO_REPOSITORY, COMPUTED, "the source is behind a connection")
        elif repository := self.output(SHARED, names.REPOSITORY):
            yield repository
        else:
            reason = "The shared stack, which holds the repository, does not exist."
            raise RefusedError(reason, "Run `apply shared` first.")

    def _boundary(self) -> Iterator[Computed]:
        yield self.output(ACCESS, names.BOUNDARY) or Computed(names.BOUNDARY, "", COMPUTED, "no access stack exists")

    def output(self, root: str, name: str) -> Computed | None:
        """The output of another root's stack, which becomes the parameter of the same name; None without it."""
        stack = self.other_stacks.get(root)
        value = stack.outputs.get(name) if stack else None
        return Computed(name, value, COMPUTED, f"output of {stack.name}") if stack and value else None

    def _prefix_list(self) -> Iterator[Computed]:
        filters = [{"Name": "prefix-list-name", "Values": [PREFIX_LIST]}]
        for page in self.aws.pages("ec2", "describe_managed_prefix_lists", Filters=filters):
            for entry in page["PrefixLists"]:
                yield Computed(names.PREFIX_LIST_ID, entry["PrefixListId"], COMPUTED, f"prefix list {PREFIX_LIST}")
                return
        raise RefusedError(f"{self.aws.region} has no prefix list {PREFIX_LIST}.", "Deploy to another Region.")

    def zones(self, among: Collection[str] | None = None) -> Iterator[Computed]:
        """Two availability zones for the VPC: those that the environment has, else the first two by their ids that have
        what it needs, and are `among` these names."""
        before = self.previous.parameters if self.previous else {}
        if all(before.get(name) for name in names.ZONES):
            yield from (Computed(name, before[name], KEPT, "subnets stay where they are") for name in names.ZONES)
            return
        fit = [(zone_id, zone) for zone_id, zone in fit_zones(self.aws) if among is None or zone in among]
        if len(fit) < len(names.ZONES):
            reason = f"{self.aws.region} has {len(fit)} availability zones with all that an environment needs, and it"
            raise RefusedError(f"{reason} takes two.", "Deploy to another Region, or choose another InstanceType.")
        for name, (zone_id, zone) in zip(names.ZONES, fit, strict=False):
            yield Computed(name, zone, COMPUTED, zone_id)

    def _backend(self) -> Iterator[Computed]:
        """Bootstrap and image. The service is created empty, without autoscaling and with an image that does not exist;
        that must last until the pipeline has released something, or autoscaling would start tasks from nothing."""
        if self.previous is None or not on_ecs(self.previous):
            yield Computed(names.BOOTSTRAP, "true", COMPUTED, "there is no service yet")
            yield Computed(names.IMAGE, self.environment.first_values[names.IMAGE], COMPUTED, "there is no release yet")
            return
        image = self.previous.parameters[names.IMAGE]
        if self.previous.parameters[names.BOOTSTRAP] == "false":
            yield Computed(names.BOOTSTRAP, "false", KEPT, "the service has had a release")
            yield Computed(names.IMAGE, image, KEPT, "releases change the image, deployments do not")
        elif released := released_image(self.aws, self.previous):
            yield Computed(names.BOOTSTRAP, "false", COMPUTED, "the service has had its first release")
            yield Computed(names.IMAGE, released, COMPUTED, "last good release")
        else:
            yield Computed(names.BOOTSTRAP, "true", KEPT, "there is no release yet")
            yield Computed(names.IMAGE, image, KEPT, "there is no release yet")

    def _digest(self, computed: Mapping[str, str]) -> Computed:
        """A new digest rolls the tasks, so it covers exactly what reaches them."""
        values = self.environment.values({**computed, names.DIGEST: ""})
        covered = {name: values[name] for name in self.environment.computed[names.DIGEST]["Covers"]}
        digest = hashlib.sha256(json.dumps(covered, sort_keys=True).encode()).hexdigest()[:16]
        return Computed(names.DIGEST, digest, COMPUTED, "SHA-256 over the application's configuration")


def fit_zones(aws: Aws) -> list[tuple[str, str]]:
    """The availability zones of the Region that have VPC origins and Fargate: their ids, which mean the same zone in
    every account, and their names, which do not; sorted by id."""
    filters = [{"Name": "zone-type", "Values": ["availability-zone"]}, {"Name": "state", "Values": ["available"]}]
    zones = aws.call("ec2", "describe_availability_zones", Filters=filters)["AvailabilityZones"]
    return sorted((zone["ZoneId"], zone["ZoneName"]) for zone in zones if zone["ZoneId"] not in UNFIT)


def on_ecs(previous: Stack) -> bool:
    """Whether a stack as it stands has its backend on ECS: then it says where the last good image is recorded."""
    return names.LAST_IMAGE in previous.outputs


def released_image(aws: Aws, previous: Stack) -> str | None:
    """The image of the last good release, which the pipeline's verify action records; None before the first one.

    The record outlives its environment, and a backend that is somewhere else for a time: an image of a registry that is
    not this one's is no release of it.
    """
    try:
        answer = aws.call("ssm", "get_parameter", Name=previous.outputs[names.LAST_IMAGE])
    except AwsError as error:
        # Code: `ParameterNotFound` in botocore's model of SSM.
        if error.code == "ParameterNotFound":
            return None
        raise
    image, registry = str(answer["Parameter"]["Value"]), previous.outputs.get(names.REGISTRY, "")
    return image if not registry or image.startswith((f"{registry}@", f"{registry}:")) else None
