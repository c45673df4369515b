"""In which order the resources of a stack come and go, and which of them its template does not want any more."""

from collections.abc import Iterable

from generator.cfn import graph
from scripts.local_aws.template import Scope
from scripts.local_aws.values import Resource, Stack


def idle(stack: Stack, scope: Scope) -> list[str]:
    """The resources of a stack that its template does not want any more."""
    declared = scope.template.resources
    return [name for name in stack.resources if name not in declared or not scope.exists(declared[name].body)]


def needs_of(resources: Iterable[Resource]) -> dict[str, set[str]]:
    """What each of some resources needs of the others, by logical ids."""
    bodies = {resource.logical: dict(resource.body) for resource in resources}
    needs: dict[str, set[str]] = {}
    for name, body in bodies.items():
        listed = body.get("DependsOn", ())
        direct = {listed} if isinstance(listed, str) else set(listed)
        mentioned = {target for _, how, target, _ in graph.mentions(body) if how != "Condition"}
        needs[name] = (direct | mentioned) & bodies.keys()
    return needs


def needed_by(resources: Iterable[Resource]) -> dict[str, set[str]]:
    """Which others need each of some resources: those go first when all go."""
    needs = needs_of(resources)
    return {name: {other for other, needed in needs.items() if name in needed} for name in needs}


def backwards(resources: Iterable[Resource]) -> list[Resource]:
    """Resources so that each goes before what it needs."""
    by_name = {resource.logical: resource for resource in resources}
    return [by_name[name] for name in reversed(graph.order(needs_of(by_name.values())))]
