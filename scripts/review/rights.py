"""What each role may do, wherever its statements stand.

A role's managed policies are taken for its own, so that a statement that moves from one policy of a role to another is
no change, and a grant names who may instead of the policy that says so.
"""

import json
from collections.abc import Iterator
from typing import Any

from generator.cfn.broadening import Grant, compare
from generator.cfn.environments import ACCESS, EDGE, ENVIRONMENT, SHARED
from generator.cfn.names import SHARED_ACCESS
from generator.cfn.templates import Resource, TemplateSet, from_bodies

ROOTS = (ACCESS, SHARED_ACCESS, SHARED, EDGE, ENVIRONMENT)
ROLE, MANAGED = "AWS::IAM::Role", "AWS::IAM::ManagedPolicy"


def differences(before: TemplateSet, after: TemplateSet) -> tuple[list[Grant], list[Grant]]:
    """The grants gained and lost between two sets of instances, role by role."""
    return compare(_with_policies_inline(before), _with_policies_inline(after))


def _with_policies_inline(templates: TemplateSet) -> TemplateSet:
    """The set with the managed policies of its roles inside them; others, and those of nobody, stay as they are."""
    policies = {name: resource for resource in templates.resources(MANAGED) for name in _names(resource)}
    bodies: dict[str, Any] = {}
    inside: set[str] = set()
    for template in templates:
        resources = {name: dict(resource.body) for name, resource in template.resources.items()}
        for resource in template.resources.values():
            if resource.type != ROLE:
                continue
            attached = {name for name in resource.get("ManagedPolicyArns", default=()) if name in policies}
            inside |= {policies[name].address for name in attached}
            resources[resource.logical_id] = _inline(resource, [policies[name] for name in sorted(attached)], attached)
        bodies[template.name] = resources
    return from_bodies(
        {
            template: {
                "Resources": {name: body for name, body in resources.items() if f"{template}.{name}" not in inside}
            }
            for template, resources in bodies.items()
        }
    )


def _names(resource: Resource) -> Iterator[str]:
    """How a policy is referred to in a set of instances: with the path of its stack, or without in its root."""
    yield f"${{{resource.address}}}"
    if resource.template in ROOTS:
        yield f"${{{resource.logical_id}}}"


def _inline(role: Resource, policies: list[Resource], attached: set[str]) -> dict[str, Any]:
    properties = json.loads(json.dumps(dict(role.properties)))
    own = [
        {"PolicyName": policy.logical_id, "PolicyDocument": policy.get("PolicyDocument", default={})}
        for policy in policies
    ]
    properties["Policies"] = [*properties.get("Policies", ()), *own]
    if kept := [name for name in properties.pop("ManagedPolicyArns", ()) if name not in attached]:
        properties["ManagedPolicyArns"] = kept
    return {**role.body, "Properties": properties}
