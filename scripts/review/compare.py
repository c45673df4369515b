"""Compares two revisions environment by environment, with each one's parameters and conditions settled.

What only AWS knows stays a name (`${Data.Clients.Arn}`), so a resource that is replaced is followed to everything that
refers to it, nested stacks included.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from generator.cfn import broadening, difference, environments
from generator.cfn.assertions import NotEvaluableError
from generator.cfn.effects import Row, outcomes
from generator.cfn.environments import ENVIRONMENT
from generator.cfn.instance import resolved_templates
from generator.cfn.losses import keeps
from generator.cfn.masking import masked
from generator.cfn.parameters import ParameterFile, ParameterFileError
from generator.cfn.places import Place, spell
from generator.cfn.schemas import conditional_create_only, create_only, identifier
from generator.cfn.templates import STACK, Resource, Template, TemplatesError, TemplateSet
from scripts.review import chosen, loss, rename, rights
from scripts.review.model import (
    ADDED,
    CHANGED,
    REMOVED,
    REPLACED,
    TAKEN,
    UNCHANGED,
    EnvironmentReview,
    ParameterChange,
    ResourceChange,
    ValueChange,
)
from scripts.review.revision import Revision
from scripts.review.weaker import weakened

PSEUDO = {"AWS::Region": "us-east-1", "AWS::Partition": "aws"}
# How AWS carries out the changes of some types that are neither replacements nor harmless. Sources: ECS developer
# guide, "Amazon ECS services" (a new revision of a task definition starts a deployment); CodePipeline User Guide, "Set
# or change the pipeline execution mode" (an update cancels what is executing); Elastic Beanstalk developer guide,
# "Configuration changes" (options of the instances replace them).
EFFECTS = {
    "AWS::ECS::TaskDefinition": "new tasks, one after the other",
    "AWS::ECS::Service": "the service deploys anew",
    "AWS::CodePipeline::Pipeline": "a running release is cancelled",
    "AWS::ElasticBeanstalk::Environment": "the environment updates its instances",
    "AWS::CodeBuild::Project": "the next build runs with it",
    "AWS::CloudFront::Distribution": "the distribution is deployed again (minutes)",
}
IN_PLACE = "in place"
# What an entry of a list is called by: a tag, a variable, an option of Elastic Beanstalk.
NAMED_BY, VALUE = ("Key", "Name", "Namespace", "OptionName"), "Value"
ROLLED = "AWS::ECS::TaskDefinition"  # replaced by a new revision at each change: nothing is lost


class Side(NamedTuple):
    """One environment in one revision: the values of its parameters by root, and every resource by its path."""

    file: ParameterFile
    values: Mapping[str, Mapping[str, str]]
    stacks: Mapping[str, TemplateSet]
    digests: frozenset[str]  # computed values that stand for others: who is given one is told nothing new by it

    @property
    def resources(self) -> dict[str, Resource]:
        """By path: logical ids from below the root stack; of a root beside the environment with the root's name."""
        return {
            _path(root, resource): resource
            for root, templates in self.stacks.items()
            for resource in templates.resources()
            if resource.type != STACK
        }


@lru_cache(4)
def compare(base: Revision, head: Revision) -> tuple[EnvironmentReview, ...]:
    """What happens to each environment of the two revisions, by name."""
    names = sorted({*base.files, *head.files, *base.problems, *head.problems})
    return tuple(_environment(name, base, head) for name in names)


def _environment(name: str, base: Revision, head: Revision) -> EnvironmentReview:
    problems = [f"{side.name}: {side.problems[name]}" for side in (base, head) if name in side.problems]
    problems += [f"{side.name}: {side.too_many}" for side in (base, head) if side.too_many]
    if problems:
        return EnvironmentReview(name, CHANGED, problems=tuple(problems))
    if name not in head.files:
        return EnvironmentReview(name, REMOVED)
    if _same(name, base, head):
        return EnvironmentReview(name, UNCHANGED)
    try:
        after = side(name, head)
        if name not in base.files:
            return EnvironmentReview(name, ADDED)
        before = side(name, base)
    except (TemplatesError, NotEvaluableError, ParameterFileError) as error:
        return EnvironmentReview(name, CHANGED, problems=(str(error),))
    rows = chosen.rows(before.values, after.values, environments.roots_of(name, head.templates))
    return _changes(name, before, after, (_declared(name, base), _declared(name, head)), rows)


def _same(name: str, base: Revision, head: Revision) -> bool:
    """Whether nothing that this environment is made of differs."""
    if name not in base.files or replace(base.files[name], path="") != replace(head.files[name], path=""):
        return False
    bodies = [{template.name: template.body for template in _family(name, revision)} for revision in (base, head)]
    return bodies[0] == bodies[1]


def _family(name: str, revision: Revision) -> Iterator[Template]:
    for root in environments.roots_of(name, revision.templates).values():
        yield root
        yield from (child.template for child in root.children())


@lru_cache(32)
def side(name: str, revision: Revision) -> Side:
    """One environment of a revision, as it is after its first release. Raises `TemplatesError`, `NotEvaluableError`,
    `ParameterFileError`."""
    file = revision.files[name]
    values, stacks, digests = {}, {}, dict[str, str]()
    for root, template in environments.roots_of(name, revision.templates).items():
        chosen = environments.released(file, template)
        digests |= dict(_digests(template, chosen))
        values[root] = {**chosen, **{name: digests[name] for name in chosen if name in digests}}
        stacks[root] = resolved_templates(template, values[root], PSEUDO)
    return Side(file, values, stacks, frozenset(digests.values()))


def _digests(root: Template, chosen: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The computed parameters that stand for others: whoever is given one is given something else when a value that it
    covers changes. The deploy script's digest is another, of the same values."""
    for name, how in root.metadata.get("Computed", {}).items():
        if covers := how.get("Covers"):
            text = json.dumps({each: chosen.get(each) for each in covers}, sort_keys=True)
            yield name, hashlib.sha256(text.encode()).hexdigest()[:16]


def _declared(name: str, revision: Revision) -> set[str]:
    """The parameters that a person may set for an environment; what the deploy script computes is not among them."""
    roots = environments.roots_of(name, revision.templates).values()
    return {key for root in roots for key in root.parameters if key not in root.metadata.get("Computed", {})}


def _changes(
    name: str, before: Side, after: Side, declared: tuple[set[str], set[str]], rows: Mapping[str, Row]
) -> EnvironmentReview:
    renamed = rename.renames(before.resources, after.resources)
    old = rename.applied(before.resources, renamed)
    resources = tuple(_resources(old, after.resources, renamed))
    gained, lost = _permissions(before, after, renamed)
    environment = EnvironmentReview(
        name,
        CHANGED,
        tuple(_parameters(before, after, declared, rows)),
        tuple(_settings(before.file, after.file)),
        resources,
        (*loss.risks(resources, old, after.resources), *chosen.risks(rows.values())),
        tuple(weakened(old, after.resources)),
        gained,
        lost,
        tuple(change for change in _variables(old, after.resources) if change.after not in after.digests),
    )
    nothing = replace(environment, state=UNCHANGED) == EnvironmentReview(name, UNCHANGED)
    return replace(environment, state=UNCHANGED) if nothing else environment


def _permissions(
    before: Side, after: Side, renamed: Mapping[str, str]
) -> tuple[tuple[broadening.Grant, ...], tuple[broadening.Grant, ...]]:
    gained, lost = [], []
    for root in after.stacks:
        old = rename.applied_to_set(before.stacks[root], renamed) if root in before.stacks else TemplateSet({})
        if _bodies(old) == _bodies(after.stacks[root]):
            continue
        more, less = rights.differences(old, after.stacks[root])
        gained += more
        lost += less
    return tuple(gained), tuple(lost)


def _bodies(templates: TemplateSet) -> dict[str, Any]:
    return {template.name: template.body for template in templates}


def _path(root: str, resource: Resource) -> str:
    stack = "" if resource.template == root else f"{resource.template}."
    return f"{stack if root == ENVIRONMENT else f'{root}.{stack}'}{resource.logical_id}"


def _parameters(
    before: Side, after: Side, declared: tuple[set[str], set[str]], rows: Mapping[str, Row]
) -> Iterator[ParameterChange]:
    old = {name: value for values in before.values.values() for name, value in values.items()}
    new = {name: value for values in after.values.values() for name, value in values.items()}
    for name in sorted(declared[0] | declared[1]):
        was = old.get(name) if name in declared[0] else None
        now = new.get(name) if name in declared[1] else None
        if was != now:
            origin = "gone" if now is None else "file" if name in after.file.parameters else "default"
            row = rows.get(name)
            effect = (row.level, row.text, row.users, row.back) if row else ()
            yield ParameterChange(name, _masked(name, was), _masked(name, now), origin, *effect)


def _settings(before: ParameterFile, after: ParameterFile) -> Iterator[ValueChange]:
    """What the parameter file says beyond parameters: tags and the stack policy."""
    for title, old, new in (
        ("tag", before.tags, after.tags),
        ("stack policy", before.stack_policy, after.stack_policy),
    ):
        for _, place, was, now in difference.values(dict(old), dict(new)):
            yield ValueChange(f"{title} {spell(place)}".strip(), _text(was), _text(now))


def _resources(
    old: Mapping[str, Resource], new: Mapping[str, Resource], renamed: Mapping[str, str]
) -> Iterator[ResourceChange]:
    names = {after: before for before, after in renamed.items()}
    replaced = outcomes.replaced(old, new, _forcing)
    names_before = {_key(resource) for resource in old.values()} - {None}
    for path in sorted({*old, *new}):
        was, now = old.get(path), new.get(path)
        present = now or was
        assert present is not None
        value = loss.value(was, now)
        if was is None or now is None:
            action = ADDED if was is None else REMOVED
            kept = was is not None and keeps(was)
            effect = TAKEN if was is None and _key(present) in names_before else action
            yield ResourceChange(path, present.type, action, effect, value=value, kept=kept)
            continue
        reasons = replaced.get(path, ())
        moved = names.get(path, "")
        if was.body == now.body and not (moved or path in replaced):
            continue
        values = tuple(_values(was, now))
        if not (values or moved or reasons):
            continue
        action = REPLACED if (reasons or moved) and now.type != ROLLED else CHANGED
        effect = "the logical id changes: another is created, this one goes" if moved else _effect(now.type, action)
        effect = TAKEN if action == REPLACED and _key(now) in names_before else effect
        kept = action == REPLACED and str(was.body.get("UpdateReplacePolicy", "")).startswith("Retain")
        yield ResourceChange(path, now.type, action, effect, values, tuple(reasons), value, kept, moved)


def _forcing(resource_type: str) -> tuple[tuple[str, ...], ...]:
    """The properties whose change replaces a resource, or may: whether it does, only AWS knows (the key of a table)."""
    return (*create_only(resource_type), *conditional_create_only(resource_type))


def _key(resource: Resource) -> tuple[str, ...] | None:
    """What no two resources of a type have in common, where the template says it all; None where it does not.

    CloudFormation creates what is new before it deletes what is gone, so a resource that is created under the name of
    one that is there fails with `already exists in stack` (serverless issue 1677, a table under another logical id;
    cloudformation-coverage-roadmap issue 363), and one that is replaced under its own name with `cannot update a stack
    when a custom-named resource requires replacing` (CloudFormation User Guide, "Troubleshooting CloudFormation").
    """
    values = [resource.get(*path, default=None) for path in identifier(resource.type)]
    texts = [value for value in values if isinstance(value, str) and "${" not in value]
    return (resource.type, *texts) if texts and len(texts) == len(values) else None


def _effect(resource_type: str, action: str) -> str:
    if action == REPLACED:
        return "replacement"
    return EFFECTS.get(resource_type, IN_PLACE)


def _values(old: Resource, new: Resource) -> Iterator[ValueChange]:
    kept = ("Properties", "DeletionPolicy", "UpdateReplacePolicy", "UpdatePolicy", "CreationPolicy")
    was_body, now_body = (
        {name: resource.body[name] for name in kept if name in resource.body} for resource in (old, new)
    )
    for _, place, was, now in difference.values(was_body, now_body):
        place, was, now = _own_value(place, was, now)
        name = spell(place[1:] if place[0] == "Properties" else place)
        yield ValueChange(name, _masked(name, _text(was)), _masked(name, _text(now)))


def _own_value(place: Place, was: Any, now: Any) -> tuple[Place, Any, Any]:
    """An entry that is added or removed, and is no more than a name with a value, as its value: the place has the
    name."""
    entry = was if now is None else now if was is None else None
    if isinstance(entry, dict) and VALUE in entry and entry.keys() <= {VALUE, *NAMED_BY}:
        return (*place, VALUE), None if was is None else was[VALUE], None if now is None else now[VALUE]
    return place, was, now


# What the application gets, by the type that tells it.
def _variables(old: Mapping[str, Resource], new: Mapping[str, Resource]) -> Iterator[ValueChange]:
    sides = [
        {name: value for resource in side.values() for name, value in _variables_of(resource)} for side in (old, new)
    ]
    for name in sorted({*sides[0], *sides[1]}):
        was, now = (values.get(name) for values in sides)
        if was != now:
            yield ValueChange(name, _masked(name, was), _masked(name, now))


def _variables_of(resource: Resource) -> Iterator[tuple[str, str]]:
    """Names and values that reach the application: its parameters, its containers' and its builds' variables."""
    if resource.type == "AWS::SSM::Parameter":
        yield str(resource.get("Name", default="")).rpartition("/")[2], _text(resource.get("Value", default="")) or ""
    for container in resource.get("ContainerDefinitions", default=()):
        for variable in (*container.get("Environment", ()), *container.get("Secrets", ())):
            if "Value" in variable:
                yield str(variable["Name"]), _text(variable["Value"]) or ""
    for option in resource.get("OptionSettings", default=()):
        if option.get("Namespace") == "aws:elasticbeanstalk:application:environment":
            yield str(option["OptionName"]), _text(option.get("Value", "")) or ""
    for variable in resource.get("Environment", "EnvironmentVariables", default=()):
        if variable.get("Name") == "BUILD_VARIABLES":
            yield "variables of the build", _text(variable["Value"]) or ""


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) or value is None else json.dumps(value, sort_keys=True)


def shown_text(name: str, value: Any) -> str | None:
    """A value as text, masked where it looks like a secret."""
    return _masked(name, _text(value))


def _masked(name: str, value: str | None) -> str | None:
    return None if value is None else masked(name, value)
