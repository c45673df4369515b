"""Infrastructure never rolls the application back, not even when it fails (RUN-8).

A deployment that would change the backend while a newer release runs is made with that release's image, and the image
comes first and by itself: when the rest fails, CloudFormation goes back to the release that runs.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from generator.cfn.changes import Difference, Reading
from generator.cfn.losses import TemplatePair
from generator.cfn.packaging import Bucket, Packaged, PackagedSet
from generator.cfn.stacks import Stack
from generator.cfn.template_names import BOOTSTRAP, IMAGE
from generator.cfn.templates import STACK, TemplateSet
from scripts.deployment.aws import Aws
from scripts.deployment.compare import Comparison, read_body
from scripts.deployment.deploy_root import RootDeployment
from scripts.deployment.environment import COMPUTED, KEPT, Computed, on_ecs, released_image
from scripts.deployment.package import verify
from scripts.deployment.plan import Plan, create, discarded_on_error, with_changes
from scripts.deployment.stacks import SAVED, resources
from scripts.operations.change_set_notices import change_set_notices


def saved_image_prefix(environment: str) -> str:
    """How the name of the change set begins that is saved for the image alone, which comes first."""
    return f"{SAVED}{environment}-image-"


def revise(root: RootDeployment, comparison: Comparison) -> Sequence[Computed]:
    """The computed values with the image of the last good release, when a stack differs that is given the image."""
    children = root.environment.root.children()
    with_image = {child.resource.logical_id for child in children if IMAGE in child.parameters}
    changed = {name.partition(".")[0] for name in changed_stacks(comparison.pair)}
    image = next((each for each in root.computed if each.name == IMAGE and each.state == KEPT), None)
    if root.previous is None or image is None or not (with_image & changed):
        return root.computed
    released = released_image(root.aws, root.previous) or image.value
    if released == image.value:
        return root.computed
    live = replace(image, value=released, state=COMPUTED, how="last good release, because the backend changes")
    return tuple(live if each is image else each for each in root.computed)


def changed_stacks(pair: TemplatePair | None) -> frozenset[str]:
    """The nested stacks, by path (`Data`), in which a resource differs; of the root its own name."""
    if pair is None:
        return frozenset()
    names = {template.name for side in (pair.before, pair.after) for template in side}
    return frozenset(name for name in names if _content(pair.before, name) != _content(pair.after, name))


def _content(templates: TemplateSet, name: str) -> Any:
    """The resources of a template, without what is only said about them."""
    if name not in templates:
        return None
    bodies = templates[name].body["Resources"].items()
    return {logical_id: {**body, "Metadata": None} for logical_id, body in bodies if body["Type"] != STACK}


def image_first(previous: Stack | None, values: Mapping[str, str]) -> Iterator[Difference]:
    """The parameters that have to change first: a service runs on ECS and is about to get another image. The end of
    the bootstrap goes with the first one: until then the template holds the number of tasks at none, and would hold it
    there again."""
    if previous is None or not on_ecs(previous):
        return
    for name in (IMAGE, BOOTSTRAP):
        before, after = previous.parameters.get(name, ""), values.get(name, "")
        if before == after and name == IMAGE:
            return
        if before != after:
            yield Difference(name, before, after)


def plan_image(root: RootDeployment, plan: Plan, prefix: str = "") -> Plan | None:
    """The change of the image alone, which comes before `plan`; None where nothing has to come first. `prefix` begins
    the change set's name, where it is to be saved."""
    previous = root.previous
    if previous is None or not plan.first:
        return None
    changes = {each.name: each.after for each in plan.first}
    digest = hashlib.sha256(json.dumps([previous.name, changes]).encode()).hexdigest()
    names = (previous.name, digest, prefix or root.change_set_prefix, root.describe(plan.digest))
    image = create(root.aws, names, previous, unchanged(previous, changes))
    with discarded_on_error(root.aws, image):
        return read_image(root, previous, replace(image, parameters=plan.first))


def read_image(root: RootDeployment, previous: Stack, plan: Plan) -> Plan:
    """The plan of an image with what its change set says: the templates are those of the stack as it stands. Raises
    `TemplateMismatchError`."""
    plan = with_changes(root.aws, plan, Reading())
    templates = PackagedSet(tuple(_standing(root.aws, previous.id, root.environment.root.name, "", root.bucket)))
    if not plan.empty:
        verify(root.aws, plan, templates)
    # The root comes from the stack itself, what it nests from the bucket.
    stored = tuple(each for each in templates.templates if each.key)
    return replace(plan, notices=tuple(change_set_notices(root.aws, plan)), stored=stored)


def _standing(aws: Aws, stack_id: str, name: str, url: str, bucket: Bucket) -> Iterator[Packaged]:
    """The templates of a stack as it stands, those that it nests first; `url` is the stack's own."""
    body = read_body(aws, stack_id)
    for resource in resources(aws, stack_id):
        if resource.type == STACK and resource.physical_id and resource.path[0] in body["Resources"]:
            nested = body["Resources"][resource.path[0]]["Properties"]["TemplateURL"]
            yield from _standing(aws, resource.physical_id, resource.path[0], nested, bucket)
    yield Packaged(name, url.removeprefix(f"{bucket.url}/") if url.startswith(f"{bucket.url}/") else "", url, body)


def unchanged(previous: Stack, changes: Mapping[str, str]) -> dict[str, Any]:
    """What is asked of CloudFormation for the stack as it stands, but for some parameters."""
    same = {name: {"ParameterKey": name, "UsePreviousValue": True} for name in previous.parameters}
    new = {name: {"ParameterKey": name, "ParameterValue": value} for name, value in changes.items()}
    tags = [{"Key": key, "Value": value} for key, value in previous.tags.items()]
    return {"UsePreviousTemplate": True, "Parameters": [*(same | new).values()], "Tags": tags}
