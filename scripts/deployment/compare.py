"""The templates of a stack as they stand, nested ones too: what a plan is compared with."""

import json
from collections.abc import Mapping
from typing import Any

from generator.cfn.assertions import NotEvaluableError
from generator.cfn.instance import resolved_templates
from generator.cfn.templates import STACK, Template, TemplatesError, TemplateSet, from_bodies
from scripts.deployment.aws import Aws, Identity
from scripts.deployment.errors import RefusedError
from scripts.deployment.package import PackagedSet
from scripts.deployment.stacks import Stack
from scripts.operations.diagnose import inventory


def before(aws: Aws, stack: Stack, packaged: PackagedSet, identity: Identity) -> TemplateSet:
    """The stack's templates with its parameters put in (`instances`).

    A nested template is only asked for where its address is none of the packaged ones: addresses are made of the
    content, so one address is one template. Raises `RefusedError` for live templates that cannot be read.
    """
    known = {one.url: one.body for one in packaged.templates}
    bodies: dict[str, Any] = {}
    _collect(aws, stack.id, packaged.root.name, read_body(aws, stack.id), known, bodies)
    try:
        root = from_bodies(bodies)[packaged.root.name]
    except TemplatesError as error:
        raise RefusedError(f"The templates of {stack.name} that are deployed cannot be read: {error}") from error
    return settled(root, stack.parameters, aws, identity)


def settled(root: Template, values: Mapping[str, str], aws: Aws, identity: Identity) -> TemplateSet:
    """`instances` of a root in this account and region. Raises `RefusedError`."""
    partition = identity.arn.split(":")[1]
    pseudo = {"AWS::Region": aws.region, "AWS::AccountId": identity.account, "AWS::Partition": partition}
    try:
        return resolved_templates(root, values, pseudo)
    except (NotEvaluableError, TemplatesError) as error:
        raise RefusedError(f"{root.file}: {error}") from error


def _collect(
    aws: Aws, stack_id: str, name: str, body: Mapping[str, Any], known: Mapping[str, Any], bodies: dict[str, Any]
) -> None:
    """Adds a template and those below it, each under its path and addressed by it."""
    resources, held = dict(body["Resources"]), None
    for logical_id, resource in body["Resources"].items():
        if resource["Type"] != STACK:
            continue
        below, url = f"{name}.{logical_id}", resource["Properties"]["TemplateURL"]
        nested_id, nested = "", known.get(str(url))
        if nested is None or _nests(nested):
            if held is None:
                held = {one.path[0]: one.physical_id for one in inventory.resources(aws, stack_id, deep=False)}
            if not held.get(logical_id):
                continue  # its condition is false, so that it does not exist
            nested_id = held[logical_id]
            nested = nested or read_body(aws, nested_id)
        _collect(aws, nested_id, below, nested, known, bodies)
        resources[logical_id] = {**resource, "Properties": {**resource["Properties"], "TemplateURL": f"{below}.json"}}
    bodies[name] = {**body, "Resources": resources}


def _nests(body: Mapping[str, Any]) -> bool:
    return any(resource["Type"] == STACK for resource in body["Resources"].values())


def read_body(aws: Aws, stack_id: str) -> dict[str, Any]:
    """Botocore reads a JSON template into an object."""
    found = aws.call("cloudformation", "get_template", StackName=stack_id, TemplateStage="Original")["TemplateBody"]
    body: dict[str, Any] = json.loads(found) if isinstance(found, str) else found
    return body
