"""An environment is a parameter file and the roots that it is for: which belong together, and what is wrong.

One file serves every root of an environment: each root takes those of the file's parameters that it declares. The gate
and the deploy script both ask here, so that what passes the one is not refused by the other.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from generator.cfn import limits, parameters
from generator.cfn.assertions import conditions
from generator.cfn.names import ACCESS, EDGE, ENVIRONMENT, PRODUCTION, SHARED, SHARED_ACCESS
from generator.cfn.parameters import ParameterFile, Problem
from generator.cfn.templates import Template, TemplatesError, TemplateSet

__all__ = [
    "ACCESS",
    "EDGE",
    "ENVIRONMENT",
    "PRODUCTION",
    "SHARED",
    "Environment",
    "EnvironmentRefusedError",
    "check",
    "own_tags",
    "problems",
    "roots_of",
]


def roots_of(name: str, templates: TemplateSet) -> dict[str, Template]:
    """The roots that the parameter file of this name is for, by what they are, the one that the file is named after
    last: `shared` with its access root, every other file those of one environment, as far as the set has them."""
    if name == SHARED:
        access = {ACCESS: templates[SHARED_ACCESS]} if SHARED_ACCESS in templates else {}
        return {**access, SHARED: templates[SHARED]}
    beside = {root: templates[root] for root in (ACCESS, EDGE) if root in templates}
    return {**beside, ENVIRONMENT: templates[ENVIRONMENT]}


def own_tags(root: Template) -> dict[str, str]:
    """The tags that the template sets itself, by key; those of them whose values are plain text have one."""
    tags: dict[str, str] = {}
    for resource in root.resources.values():
        for tag in resource.get("Tags", default=()):
            tags[tag["Key"]] = tag["Value"] if isinstance(tag["Value"], str) else ""
    return tags


class EnvironmentRefusedError(TemplatesError):
    """What an environment's file asks for cannot be done; the message says why."""


@dataclass(frozen=True)
class Environment:
    """One root stack to be: `name` is `shared` or an environment's, whose roots share one parameter file."""

    name: str
    root: Template
    file: ParameterFile = field(repr=False)

    @property
    def application(self) -> str:
        """The application's name, as the templates tag it."""
        return own_tags(self.root)["Application"]

    @property
    def stack(self) -> str:
        suffix = "" if self.is_main else f"-{self.root.name.removeprefix(f'{SHARED}-')}"
        return f"{self.application}-{self.name}{suffix}"

    @property
    def access_stack(self) -> str:
        """The name of the stack with the roles that deploy it."""
        return f"{self.application}-{self.name}-{ACCESS}"

    @property
    def is_main(self) -> bool:
        """Whether the file is named after this root: the others stand beside it."""
        return self.root.name in (SHARED, ENVIRONMENT)

    @property
    def version(self) -> str:
        """The version of the template set."""
        return str(self.root.metadata["Generator"]["Version"])

    @property
    def region(self) -> str:
        """The one region in which the root can stand; empty for any."""
        return str(self.root.metadata.get("Region", ""))

    @property
    def needed(self) -> bool:
        """Whether the root would create anything of what the file asks for."""
        decisive = [each.condition for each in self.root.resources.values()]
        if None in decisive:
            return True
        holds = conditions(self.root.body, parameters.effective(self.file, self.root.body))
        return any(holds[condition] for condition in decisive if condition)

    @property
    def tags(self) -> Mapping[str, str]:
        """The stack's tags: only the file's, because they reach every resource and must not change by themselves."""
        return self.file.tags

    @property
    def computed(self) -> Mapping[str, Mapping[str, Any]]:
        """The parameters that the script computes: how (`Found`), the value of the beginning (`First`), and what a
        digest is made of (`Covers`)."""
        declared: Mapping[str, Mapping[str, Any]] = self.root.metadata.get("Computed", {})
        return declared

    @property
    def hidden(self) -> frozenset[str]:
        """The parameters that must not be shown (`NoEcho`), of the root and of the stacks in it."""
        templates = (self.root, *(child.template for child in self.root.descendants()))
        entries = [entry for template in templates for entry in template.parameters.items()]
        return frozenset(name for name, body in entries if str(body.get("NoEcho", "")).lower() == "true")

    @property
    def first_values(self) -> dict[str, str]:
        """The computed parameters as they are in the beginning."""
        return {name: str(how["First"]) for name, how in self.computed.items()}

    def check_fixed(self, before: Mapping[str, str], values: Mapping[str, str]) -> None:
        """Raises `EnvironmentRefusedError` when `values` change what a living environment cannot change; `before` are
        its parameters. The template says which those are, and why."""
        fixed: Mapping[str, str] = self.root.metadata.get("Fixed", {})
        for name, why in fixed.items():
            if name in before and values.get(name, before[name]) != before[name]:
                raise EnvironmentRefusedError(
                    f"{name} of {self.stack} is {before[name]} and cannot become {values[name]}: {why}."
                )

    def values(self, computed: Mapping[str, str]) -> dict[str, str]:
        """Every parameter's value; what is in `computed` goes before the file. Raises `EnvironmentRefusedError` when it
        lacks a computed one."""
        if missing := [name for name in self.computed if name not in computed]:
            raise EnvironmentRefusedError(
                f"The script does not know how to compute {', '.join(missing)} of {self.root.file}."
            )
        return {**parameters.effective(self.file, self.root.body, computed), **computed}

    def chosen(self, name: str) -> str:
        """The value that the file or its default chooses for a parameter; empty for one that the root does not have."""
        declared = self.root.parameters.get(name, {})
        return str(self.file.parameters.get(name, declared.get("Default", "")))

    def group(self, label: str) -> tuple[str, ...]:
        """The parameters of one group of the template's interface. Raises `EnvironmentRefusedError` when there is no
        such group."""
        interface: Mapping[str, Any] = self.root.metadata["AWS::CloudFormation::Interface"]
        for group in interface["ParameterGroups"]:
            if group["Label"]["default"] == label:
                return tuple(group["Parameters"])
        raise EnvironmentRefusedError(f"{self.root.file} has no parameter group {label!r}.")

    @property
    def connection(self) -> str:
        """The ARN of the connection that the source stands behind; empty for a source in CodeCommit."""
        return self.chosen("ConnectionArn")


def check(path: Path, templates: TemplateSet) -> tuple[ParameterFile, list[Problem]]:
    """A parameter file and everything that is wrong with it. Raises `ParameterFileError` when it cannot be read."""
    file = parameters.read(path)
    return file, problems(file, templates)


def problems(file: ParameterFile, templates: TemplateSet) -> list[Problem]:
    """Everything that is wrong with a parameter file, whether it is written already or not."""
    name = Path(file.path).stem
    roots = roots_of(name, templates)
    tags = {key for root in roots.values() for key in own_tags(root)}
    faults = parameters.check(file, _union(roots), tags)
    declared = file.parameters.get("Environment", name)
    if name != SHARED and declared != name:
        # Two files for one environment would deploy over each other.
        why = "must be the file's name"
        faults.append(Problem(file.path, "Parameters.Environment", f'"{declared}"', why, (name,)))
    if not faults:
        breached = [problem for root in roots.values() for problem in _breached_limits(file, root)]
        breached += [problem for root in roots.values() for problem in _too_long(file, root)]
        faults += dict.fromkeys(breached)
    return faults


def _breached_limits(file: ParameterFile, root: Template) -> Iterator[Problem]:
    """What AWS would refuse of one root with the values of the file, told by the parameter to change: on the first
    deployment, and once each computed parameter that is a choice has taken its other value."""
    first, later = parameters.effective(file, root.body), released(file, root)
    stages = [first] if first == later else [first, later]
    for values, located in ((stage, breach) for stage in stages for breach in limits.breaches(root, stage)):
        own = [name for name in located.parameters if name in file.parameters] or list(located.parameters)
        beside = ", ".join(f"{name} = {values[name]}" for name in own[1:])
        message = f"{located.breach.message} ({located.resource}{f'; beside {beside}' if beside else ''})"
        key, value = (f"Parameters.{own[0]}", f'"{values[own[0]]}"') if own else (located.resource, "")
        yield Problem(file.path, key, value, message, located.breach.choices)


def released(file: ParameterFile, root: Template) -> dict[str, str]:
    """The value of every parameter of a root once the first release has been made: as `parameters.effective`, and each
    computed parameter that is a choice has taken its other value."""
    computed = root.metadata.get("Computed", {})
    other = {
        name: choice
        for name, how in computed.items()
        for choice in root.parameters[name].get("AllowedValues", ())
        if choice != how["First"]
    }
    return parameters.effective(file, root.body, other | _first(computed, other))


# Minutes that a deployment takes besides its bake times: tasks that start, and those that end.
ROLLING_MINUTES = 10


def _too_long(file: ParameterFile, root: Template) -> Iterator[Problem]:
    """A shift of traffic that takes longer than the deploy action waits: it would fail in the middle of the shift
    (CodePipeline User Guide, quotas: the ECS action's time limit; ECS developer guide, canary-deployment). And a build
    that may take as long as the whole execution."""
    values = parameters.effective(file, root.body)
    bakes = {"CANARY": ("BakeMinutes", "CanaryBakeMinutes"), "BLUE_GREEN": ("BakeMinutes",)}
    names = bakes.get(values.get("DeploymentStrategy", ""), ()) if values.get("BackendTarget") == "ECS" else ()
    needed = sum(int(values[name]) for name in names) + ROLLING_MINUTES
    if names and needed > int(values["DeploymentTimeoutMinutes"]):
        limit = values["DeploymentTimeoutMinutes"]
        message = (
            f"is less than the {needed} minutes that {' and '.join(names)} with {ROLLING_MINUTES} for the tasks take"
        )
        yield Problem(file.path, "Parameters.DeploymentTimeoutMinutes", f'"{limit}"', message)
    build, execution = (values.get(name) for name in ("BuildTimeoutMinutes", "ExecutionTimeoutMinutes"))
    if build and execution and int(build) >= int(execution):
        message = (
            f"is not below ExecutionTimeoutMinutes = {execution}: a build that hangs would not fail by its own name"
        )
        yield Problem(file.path, "Parameters.BuildTimeoutMinutes", f'"{build}"', message)


def _first(computed: Mapping[str, Any], other: Collection[str]) -> dict[str, str]:
    return {name: how["First"] for name, how in computed.items() if name not in other}


def _union(roots: Mapping[str, Template]) -> dict[str, Any]:
    """One template body that takes what any of the roots takes; a stack policy is the last root's alone."""
    bodies = [root.body for root in roots.values()]

    def every(section: str) -> dict[str, Any]:
        return {name: entry for body in bodies for name, entry in body.get(section, {}).items()}

    computed = {name: how for body in bodies for name, how in body["Metadata"].get("Computed", {}).items()}
    return {
        "Parameters": every("Parameters"),
        "Rules": every("Rules"),
        "Metadata": {"Computed": computed},
        "Resources": bodies[-1]["Resources"],
    }
