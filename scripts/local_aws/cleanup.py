"""The end of an update: what it replaced or removed is deleted, in the whole tree of stacks, once the root stands.

Sources: CloudFormation user guide, "Update behaviors of stack resources" (a replacement is made first, the old resource
deleted when the update is good) and "Troubleshooting CloudFormation", "Resource removed from stack but not deleted": a
deletion is tried three times, then the resource leaves the stack and goes on to exist, and the update ends well all the
same. The reason of its last event: serverless issue 9144. In which order stacks of a tree clean up is written down
nowhere: here the account's seed decides it, and what failed is tried again when all others have been tried.
"""

from collections.abc import Collection, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scripts.local_aws import order
from scripts.local_aws.provision import Steps
from scripts.local_aws.values import RETAINED, Resource, Stack

if TYPE_CHECKING:
    from scripts.local_aws.engine import Job, Run

TRIES = 3
LEFT_BEHIND = "Update successful. One or more resources could not be deleted."


@dataclass(frozen=True)
class Removal:
    """A resource that its stack has no use for any more, and the policy that says whether it is deleted."""

    stack: Stack
    resource: Resource
    policy: str | None
    leaves: bool = False  # the stack still lists it

    @property
    def name(self) -> str:
        """What it is called among the removals of an operation."""
        return f"{self.stack.id}/{self.resource.logical}/{self.resource.physical}"


def after_update(run: "Run") -> Steps[None]:
    """Deletes what an update replaced or removed, then gives the stacks their final status, nested ones first."""
    stacks = [stack for stack, *_ in run.operation.before]
    untidy = yield from _remove(run, list(_unused(run)), RETAINED)
    for stack in reversed(stacks):
        stack.event(run.operation, None, "UPDATE_COMPLETE", LEFT_BEHIND if stack.id in untidy else "")


def after_rollback(run: "Run", created: Collection[int], keep: tuple[str, ...]) -> Steps[None]:
    """Deletes what an update that was rolled back had made. Stacks that it `created`, by Python's `id`, go as wholes;
    `keep` are the deletion policies that are respected."""
    removals = [
        Removal(stack, after, after.body.get("DeletionPolicy") if before is None else None)
        for stack, _, before, after in run.operation.journal
        if id(stack) not in created
        and after
        and after.physical
        and (before is None or after.physical != before.physical)
    ]
    yield from _remove(run, removals, keep)


def _unused(run: "Run") -> Iterator[Removal]:
    """What the stacks of an update had and do not have any more."""
    for stack, _, resources, _ in run.operation.before:
        assert stack.target is not None
        idle = order.idle(stack, run.account.scope(stack, stack.target, preview=False))
        present = {
            (resource.kind, resource.physical) for resource in stack.resources.values() if resource.logical not in idle
        }
        for resource in resources.values():
            if resource.logical in idle:
                yield Removal(stack, stack.resources[resource.logical], resource.body.get("DeletionPolicy"), True)
            elif (resource.kind, resource.physical) not in present | run.operation.deleted_first:
                yield Removal(stack, copy(resource), resource.body.get("UpdateReplacePolicy"))


def _remove(run: "Run", removals: Sequence[Removal], keep: tuple[str, ...]) -> Steps[set[str]]:
    """Deletes resources, each after what needs it in its own stack; returns the ids of stacks of which something is
    left behind."""
    root = run.operation.before[0][0]
    remaining = {removal.name: removal for removal in removals}
    for _ in range(TRIES):
        jobs = {name: _job(run, removal, keep) for name, removal in remaining.items()}
        failed = yield from run.together(jobs, _order(remaining.values()), root, "delete")
        remaining = {name: remaining[name] for name in failed}
    for removal in remaining.values():
        if removal.leaves:
            del removal.stack.resources[removal.resource.logical]
    return {removal.stack.id for removal in remaining.values()}


def _order(removals: Collection[Removal]) -> dict[str, set[str]]:
    """Which removals come before each."""
    before: dict[str, set[str]] = {}
    for stack in {removal.stack.id for removal in removals}:
        own = {removal.resource.logical: removal for removal in removals if removal.stack.id == stack}
        for logical, users in order.needed_by(removal.resource for removal in own.values()).items():
            before[own[logical].name] = {own[user].name for user in users}
    return before


def _job(run: "Run", removal: Removal, keep: tuple[str, ...]) -> "Job":
    def steps() -> Steps[None]:
        yield from run.remove(removal.stack, removal.resource, removal.policy, keep)
        if removal.leaves:
            del removal.stack.resources[removal.resource.logical]

    return steps
