"""Rollback: undoes what a creation or an update did, and goes on with a rollback that failed."""

import logging
from collections.abc import Collection
from dataclasses import replace

from scripts.local_aws.removal import ON_CREATE, Removal
from scripts.local_aws.services import Failed
from scripts.local_aws.stacks import Operation, Resource, Stack
from scripts.local_aws.structure import Invalid

LOG = logging.getLogger(__name__)


class Rollback(Removal):
    """Undoes operations."""

    def _roll_back_create(self, stack: Stack, operation: Operation, reason: str) -> None:
        operation.undoing = True
        stack.event(operation, None, "ROLLBACK_IN_PROGRESS", f"{reason}Rollback requested by user.")
        failed = self._empty(stack, operation, kept(operation))
        if failed:
            names = ", ".join(failed)
            stack.event(operation, None, "ROLLBACK_FAILED", f"The following resource(s) failed to delete: [{names}]. ")
        else:
            stack.outputs = {}
            stack.event(operation, None, "ROLLBACK_COMPLETE")

    def roll_back_update(self, operation: Operation, reason: str, skip: Collection[tuple[str, str]] = ()) -> None:
        """Undoes the journal backwards, over all nested stacks. What was undone already stays so; what is in `skip`, by
        the stack's id and the logical id, counts as undone. What resists leaves UPDATE_ROLLBACK_FAILED, from where the
        same operation can be rolled back again."""
        operation.undoing, root = True, operation.before[0][0]
        root.cancelled, root.unfinished = False, operation
        stacks = [stack for stack, *_ in operation.before]
        for stack in stacks:
            if stack.status != "UPDATE_ROLLBACK_IN_PROGRESS":
                stack.event(operation, None, "UPDATE_ROLLBACK_IN_PROGRESS", reason if stack is root else "")
        created = {id(stack) for stack, *_ in operation.journal} - {id(stack) for stack in stacks}
        failed = self._undo_all(operation, created, skip)
        for stack, target, resources, outputs in operation.before:
            stack.target, stack.outputs = target, outputs
            stack.resources = {**resources, **{n: one for n, one in stack.resources.items() if n in resources}}
        if failed:
            for stack in reversed(stacks):
                if names := failed.get(stack.id):
                    text = f"The following resource(s) failed to update: [{', '.join(names)}]. "
                    stack.event(operation, None, "UPDATE_ROLLBACK_FAILED", text)
                else:
                    stack.event(operation, None, "UPDATE_ROLLBACK_COMPLETE")
            return
        root.unfinished = None
        for stack in reversed(stacks):
            stack.event(operation, None, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        for stack, _, before, after in reversed(operation.journal):
            if id(stack) not in created and after and (before is None or after.physical not in ("", before.physical)):
                policy = after.body.get("DeletionPolicy") if before is None else None
                if after.physical:
                    self._leave(stack, after, operation, policy, kept(operation))
        for stack in reversed(stacks):
            stack.event(operation, None, "UPDATE_ROLLBACK_COMPLETE")

    def _undo_all(
        self, operation: Operation, created: Collection[int], skip: Collection[tuple[str, str]]
    ) -> dict[str, list[str]]:
        """The logical ids that resist, by the id of their stack."""
        failed: dict[str, list[str]] = {}
        for number, (stack, logical, before, after) in reversed(list(enumerate(operation.journal))):
            # What a nested stack holds that this update created goes with it.
            if id(stack) in created or number in operation.undone:
                continue
            try:
                if (stack.id, logical) in skip:
                    stack.event(operation, stack.resources[logical], "UPDATE_COMPLETE", "Resource skipped")
                else:
                    self._undo(stack, logical, before, after, operation, failed)
                operation.undone.add(number)
            except (Failed, Invalid) as error:
                LOG.error("rollback of %s: %s", logical, error)
                failed.setdefault(stack.id, []).append(logical)
        return failed

    def _undo(
        self,
        stack: Stack,
        logical: str,
        before: Resource | None,
        after: Resource | None,
        operation: Operation,
        failed: dict[str, list[str]],
    ) -> None:
        if before is None:
            stack.resources.pop(logical, None)
            return
        old = replace(before)
        stack.resources[logical] = old
        if old.nested:
            if names := failed.get(old.physical):
                inner = f"The following resource(s) failed to update: [{', '.join(names)}]. "
                reason = f"Currently in UPDATE_ROLLBACK_FAILED with reason: {inner}"
                error = Failed(f"Embedded stack {old.physical} was not successfully updated. {reason}")
                raise self._failed(stack, old, operation, "UPDATE_FAILED", error)
            stack.event(operation, old, "UPDATE_COMPLETE")
        elif after and after.physical == before.physical:
            old.attributes = before.attributes
            self._change(stack, after, old, operation)
        else:
            stack.event(operation, old, "UPDATE_COMPLETE")


def kept(operation: Operation) -> tuple[str, ...]:
    """The deletion policies that are respected for what an operation itself made."""
    return () if operation.retain_except_on_create else ON_CREATE
