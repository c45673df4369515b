"""Everything that a stack holds, nested stacks included, and finding nested stacks by their path."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from generator.cfn.templates import STACK
from scripts.deployment.aws import Aws
from scripts.deployment.errors import UsageError
from scripts.deployment.stacks import Stack, read


@dataclass(frozen=True)
class Held:
    """One resource of a stack. `path` leads from the root by logical ids, `stack_id` is the stack that holds it."""

    path: tuple[str, ...]
    type: str
    physical_id: str
    status: str
    stack_id: str

    def __str__(self) -> str:
        return " > ".join(self.path)


def resources(aws: Aws, stack_id: str, path: tuple[str, ...] = (), deep: bool = True) -> Iterator[Held]:
    """What the stack holds, with `deep` each nested stack followed by what is in it; for 90 days also of a deleted one
    (API reference, ListStackResources)."""
    for page in aws.pages("cloudformation", "list_stack_resources", StackName=stack_id):
        for one in page["StackResourceSummaries"]:
            held = Held(
                (*path, one["LogicalResourceId"]),
                one["ResourceType"],
                one.get("PhysicalResourceId", ""),
                one["ResourceStatus"],
                stack_id,
            )
            yield held
            if deep and held.type == STACK and held.physical_id:
                yield from resources(aws, held.physical_id, held.path)


def stack_or_last(aws: Aws, name: str) -> Stack | None:
    """The stack of that name; when it does not exist any more, the one that was deleted last. None for neither."""
    if found := read(aws, name):
        return found
    deleted = [
        one
        for page in aws.pages("cloudformation", "list_stacks", StackStatusFilter=["DELETE_COMPLETE"])
        for one in page["StackSummaries"]
        if one["StackName"] == name
    ]
    newest = max(deleted, key=lambda one: one["DeletionTime"], default=None)
    return read(aws, newest["StackId"]) if newest else None


def steps(path: str) -> tuple[str, ...]:
    """A path as people write it: `Backend`, `Backend/Service`, `Backend.Service`, `Backend > Service`."""
    return tuple(filter(None, re.split(r"\s*[/.>]\s*", path.strip())))


def nested(aws: Aws, stack: Stack, path: tuple[str, ...]) -> Stack:
    """The nested stack at a path, also one that is deleted: the events of its parent still know its id. Raises
    `UsageError` with the names that there are."""
    for step in path:
        ids = {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for page in aws.pages("cloudformation", "describe_stack_events", StackName=stack.id)
            for one in reversed(page["StackEvents"])
            if one["ResourceType"] == STACK and one.get("PhysicalResourceId") not in (None, "", stack.id)
        }
        for held in resources(aws, stack.id, deep=False):
            if held.type == STACK and held.physical_id:
                ids[held.path[-1]] = held.physical_id
        found = read(aws, ids[step]) if step in ids else None
        if found is None:
            known = f"There are: {', '.join(sorted(ids))}." if ids else "It has no nested stacks."
            raise UsageError(f"{stack.name} has no nested stack {step}.", known)
        stack = found
    return stack
