"""What changing a parameter does to a living environment, followed from the root to the properties that it decides.

A property that a resource type can only be created with (`createOnlyProperties` of its schema, which cfn-lint carries)
makes a replacement; a condition adds or removes what stands behind it; everything else changes in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

from generator.cfn.graph import mentions
from generator.cfn.places import Place
from generator.cfn.templates import STACK, Resource, Template

REGION = "us-east-1"
TASK, PIPELINE = "AWS::ECS::TaskDefinition", "AWS::CodePipeline::Pipeline"


class Effect(NamedTuple):
    """One thing that happens: `kind` is one of `replaces`, `new tasks`, `adds or removes`, `changes`, `cancels`; `what`
    is the resource, or the nested stack as a whole."""

    kind: str
    what: str


def effects(root: Template, parameter: str) -> set[Effect]:
    """Everything that a change of a root's parameter may do, through a digest that covers it too."""
    computed = root.metadata.get("Computed", {})
    digests = [name for name, how in computed.items() if parameter in how.get("Covers", ())]
    rolled = {Effect("new tasks", effect.what) for name in digests for effect in _of(root, name)}
    return {*_of(root, parameter), *rolled}


def _of(template: Template, parameter: str) -> Iterator[Effect]:
    decided = set(_conditions(template, parameter))
    children = {child.resource.logical_id: child.template for child in template.children()}
    for resource in template.resources.values():
        if resource.condition in decided:
            yield Effect("adds or removes", resource.logical_id if resource.type == STACK else resource.address)
        for place in _places(resource, parameter, decided):
            if resource.type == STACK:
                if place[0] == "Parameters" and len(place) > 1:
                    yield from _of(children[resource.logical_id], str(place[1]))
            else:
                yield Effect(_kind(resource, place), resource.address)


def _conditions(template: Template, parameter: str) -> Iterator[str]:
    """The conditions that a parameter decides, through others too."""
    decided: set[str] = set()
    while True:
        more = {
            name
            for name, body in template.conditions.items()
            if name not in decided
            and any(
                (how == "Ref" and target == parameter) or (how == "Condition" and target in decided)
                for _, how, target, _ in mentions(body)
            )
        }
        if not more:
            return
        decided |= more
        yield from more


def _places(resource: Resource, parameter: str, decided: set[str]) -> Iterator[Place]:
    """Where in a resource's properties the parameter, or a condition that it decides, has a say."""
    for place, how, target, _ in _mentions(resource):
        if place and ((how in ("Ref", "Sub") and target == parameter) or (how == "Condition" and target in decided)):
            yield place


@lru_cache(maxsize=1024)
def _mentions(resource: Resource) -> tuple[tuple[Place, str, str, str], ...]:
    """What a resource's properties mention: asked once for each parameter of each root."""
    return tuple(mentions(dict(resource.properties)))


def _kind(resource: Resource, place: Place) -> str:
    path = [str(step) for step in place if isinstance(step, str) and not step.startswith("Fn::")]
    fixed = any(path[: len(fixed_path)] == fixed_path for fixed_path in _create_only(resource.type))
    if resource.type == TASK and fixed:
        return "new tasks"
    if resource.type == PIPELINE:
        return "cancels"
    return "replaces" if fixed else "changes"


@cache
def _create_only(kind: str) -> list[list[str]]:
    """The properties that a type takes at its creation only."""
    # Late: importing cfn-lint costs about a second.
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    schema: Mapping[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    return [path.removeprefix("/properties/").split("/") for path in schema.get("createOnlyProperties") or ()]


def retained(templates: Mapping[str, Template], address: str) -> bool:
    """Whether a replaced resource stays behind."""
    template, _, name = address.partition(".")
    body = templates[template].resources[name].body
    return str(body.get("UpdateReplacePolicy", "")).startswith("Retain")
