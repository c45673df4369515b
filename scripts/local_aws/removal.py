"""Deletion: of stacks in reverse order, and of what an update leaves behind."""

from collections.abc import Iterable
from contextlib import suppress
from copy import copy
from typing import Any

from generator.cfn import graph
from scripts.local_aws.guards import Guards
from scripts.local_aws.services import Failed
from scripts.local_aws.stacks import RETAINED, Operation, Resource, Stack, now
from scripts.local_aws.steps import StackFailed
from scripts.local_aws.structure import Invalid

ON_CREATE = ("Retain",)  # what is respected when a creation is undone


class Removal(Guards):
    """Deletes stacks and single resources."""

    def delete(
        self,
        stack: Stack,
        operation: Operation,
        keep: tuple[str, ...] = RETAINED,
        reason: str = "",
        retained: Iterable[str] = (),
    ) -> None:
        """Deletes a stack in reverse order. `keep` are the deletion policies that are respected, `retained` resources
        that stay although they have none. Raises `StackFailed`."""
        self._begin(stack, operation, "DELETE_IN_PROGRESS", reason)
        for name in retained:
            stack.event(operation, stack.resources.pop(name), "DELETE_SKIPPED")
        if failed := self._empty(stack, operation, keep):
            text = f"The following resource(s) failed to delete: [{', '.join(failed)}]. "
            stack.event(operation, None, "DELETE_FAILED", text)
            raise StackFailed(text)
        stack.deleted = now()
        stack.event(operation, None, "DELETE_COMPLETE")

    def _empty(self, stack: Stack, operation: Operation, keep: tuple[str, ...]) -> list[str]:
        """Removes every resource of a stack; returns those that resisted."""
        failed: list[str] = []
        for one in self._backwards(list(stack.resources.values())):
            try:
                if one.physical:
                    self._remove(stack, one, operation, one.body.get("DeletionPolicy"), keep)
                del stack.resources[one.logical]
            except (Failed, Invalid, StackFailed):
                if operation.force:
                    stack.event(operation, stack.resources.pop(one.logical), "DELETE_SKIPPED")
                else:
                    failed.append(one.logical)
        return failed

    def _remove(
        self, stack: Stack, one: Resource, operation: Operation, policy: str | None, keep: tuple[str, ...] = RETAINED
    ) -> None:
        """Deletes a resource, unless its policy is one of those to `keep`."""
        if one.adopted == operation.id:  # what was only taken over is given back
            stack.event(operation, one, "IMPORT_ROLLBACK_COMPLETE")
            return
        if policy in keep:
            stack.event(operation, one, "DELETE_SKIPPED")
            return
        stack.event(operation, one, "DELETE_IN_PROGRESS")
        try:
            with self._planned("delete", stack, one, operation):
                if one.nested:
                    self.delete(self.account.stacks[one.physical], operation, keep)
                else:
                    self._thing(stack, one).delete()
        except Exception as error:
            raise self._failed(stack, one, operation, "DELETE_FAILED", error) from error
        stack.event(operation, one, "DELETE_COMPLETE")

    def _backwards(self, resources: list[Resource]) -> list[Resource]:
        """Resources so that each goes before what it needs."""
        names = {one.logical: one for one in resources}
        needs: dict[str, set[str]] = {}
        for one in resources:
            body: Any = one.body
            listed = body.get("DependsOn", ())
            direct = {listed} if isinstance(listed, str) else set(listed)
            needs[one.logical] = (
                direct | {target for _, how, target, _ in graph.mentions(dict(body)) if how != "Condition"}
            ) & names.keys()
        return [names[name] for name in reversed(graph.order(needs))]

    def _clean_up(self, operation: Operation) -> None:
        """Deletes what was replaced or removed, then gives the stacks their final status, nested ones first."""
        stacks = [stack for stack, *_ in operation.before]
        for stack, _, resources, _ in operation.before:
            assert stack.target is not None
            scope = self.account.scope(stack, stack.target, preview=False)
            idle = self._idle(stack, scope)
            present = {(one.kind, one.physical) for one in stack.resources.values() if one.logical not in idle}
            for one in self._backwards([one for one in resources.values() if (one.kind, one.physical) not in present]):
                policy = one.body.get("DeletionPolicy" if one.logical in idle else "UpdateReplacePolicy")
                self._leave(stack, copy(one), operation, policy)
                if one.logical in idle:
                    del stack.resources[one.logical]
        for stack in reversed(stacks):
            stack.event(operation, None, "UPDATE_COMPLETE")

    def _leave(
        self, stack: Stack, one: Resource, operation: Operation, policy: str | None, keep: tuple[str, ...] = RETAINED
    ) -> None:
        """Removes what a stack has no use for any more; what resists stays behind, and only its event tells."""
        with suppress(Failed, Invalid, StackFailed):
            self._remove(stack, one, operation, policy, keep)
