"""An environment is a parameter file and the roots that it is for: which belong together, and what is wrong.

One file serves every root of an environment: each root takes those of the file's parameters that it declares. The gate
and the deploy script both ask here, so that what passes the one is not refused by the other.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from generator.cfn import limits, parameters
from generator.cfn.names import ACCESS, EDGE, ENVIRONMENT, PRODUCTION, SHARED
from generator.cfn.parameters import ParameterFile, Problem
from generator.cfn.templates import Template, TemplateSet

__all__ = ["ACCESS", "EDGE", "ENVIRONMENT", "PRODUCTION", "SHARED", "check", "own_tags", "problems", "roots_of"]


def roots_of(name: str, templates: TemplateSet) -> dict[str, Template]:
    """The roots that the parameter file of this name is for, by name, the one that the file is named after last:
    `shared` its own, every other file those of one environment, as far as the set has them."""
    if name == SHARED:
        return {SHARED: templates[SHARED]}
    beside = {root: templates[root] for root in (ACCESS, EDGE) if root in templates}
    return {**beside, ENVIRONMENT: templates[ENVIRONMENT]}


def own_tags(root: Template) -> dict[str, str]:
    """The tags that the template sets itself, by key; those of them whose values are plain text have one."""
    tags: dict[str, str] = {}
    for resource in root.resources.values():
        for tag in resource.get("Tags", default=()):
            tags[tag["Key"]] = tag["Value"] if isinstance(tag["Value"], str) else ""
    return tags


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
        faults += dict.fromkeys(breached)
    return faults


def _breached_limits(file: ParameterFile, root: Template) -> Iterator[Problem]:
    """What AWS would refuse of one root with the values of the file, told by the parameter to change: on the first
    deployment, and once each computed parameter that is a choice has taken its other value."""
    computed = root.body["Metadata"].get("Computed", {})
    other = {
        name: choice
        for name, how in computed.items()
        for choice in root.parameters[name].get("AllowedValues", ())
        if choice != how["First"]
    }
    first = parameters.effective(file, root.body)
    stages = [first] + ([parameters.effective(file, root.body, other | _first(computed, other))] if other else [])
    for values, located in ((stage, found) for stage in stages for found in limits.breaches(root, stage)):
        own = [name for name in located.parameters if name in file.parameters] or list(located.parameters)
        beside = ", ".join(f"{name} = {values[name]}" for name in own[1:])
        message = f"{located.breach.message} ({located.resource}{f'; beside {beside}' if beside else ''})"
        key, value = (f"Parameters.{own[0]}", f'"{values[own[0]]}"') if own else (located.resource, "")
        yield Problem(file.path, key, value, message, located.breach.choices)


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
