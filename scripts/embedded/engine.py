"""Execution: creates, updates, rolls back and deletes stacks, nested ones included, and records every event."""

import logging
import traceback
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import replace
from typing import Any

from generator.reading import graph
from scripts.embedded import schemas
from scripts.embedded.account import Account
from scripts.embedded.evaluate import Invalid
from scripts.embedded.resources import Failed, Thing, generated, thing
from scripts.embedded.stacks import RETAINED, Operation, Resource, Stack, Target, now

LOG = logging.getLogger(__name__)


class StackFailed(Exception):
    """A stack whose resources did not all come to be; the message is the stack's status reason."""


class Engine:
    """Runs operations on the stacks of one account."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def create(self, stack: Stack, target: Target, operation: Operation) -> None:
        """Creates a root stack and, on failure, does what the operation says: roll back, delete or nothing."""
        try:
            self._create(stack, target, operation)
        except StackFailed as error:
            if operation.delete_on_failure:
                self.delete(stack, operation, str(error))
            elif operation.disable_rollback:
                stack.event(operation, None, "CREATE_FAILED", str(error))
            else:
                self._roll_back_create(stack, operation, str(error))

    def _create(self, stack: Stack, target: Target, operation: Operation) -> None:
        stack.target = target
        self._begin(stack, operation, "CREATE_IN_PROGRESS")
        self._converge(stack, target, operation, "create")
        stack.event(operation, None, "CREATE_COMPLETE")

    def update(self, stack: Stack, target: Target, operation: Operation) -> None:
        """Updates a root stack; rolls back on failure; cleans up what was replaced or removed on success."""
        try:
            self._update(stack, target, operation)
        except StackFailed as error:
            if operation.disable_rollback:
                stack.event(operation, None, "UPDATE_FAILED", str(error))
            else:
                self._roll_back_update(operation, str(error))
            return
        self._clean_up(operation, "UPDATE_COMPLETE", [stack for stack, *_ in operation.before])

    def _update(self, stack: Stack, target: Target, operation: Operation) -> None:
        assert stack.target is not None
        operation.before.append((stack, stack.target, dict(stack.resources), stack.outputs))
        stack.target, stack.updated = target, now()
        self._begin(stack, operation, "UPDATE_IN_PROGRESS")
        self._converge(stack, target, operation, "update")
        stack.event(operation, None, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")

    def _begin(self, stack: Stack, operation: Operation, status: str, reason: str = "") -> None:
        """The first event; a root has it from the call that started the operation."""
        if stack.status != status:
            stack.event(operation, None, status, reason)

    def _converge(self, stack: Stack, target: Target, operation: Operation, verb: str) -> None:
        """Brings every resource to what the template says, in order; raises `StackFailed`."""
        failed = ""
        try:
            scope = self.account.scope(stack, target, preview=False)
            for name in graph.order(graph.dependencies(target.template)):
                body = target.template.resources[name].body
                if stack.root.cancelled:
                    raise StackFailed("User Initiated")
                if scope.exists(body):
                    failed = name
                    wanted = Resource(name, body["Type"], body, self.account.properties(scope, name))
                    there = self._bring(stack, stack.resources.get(name), wanted, operation)
                    scope.found[name] = (there.physical, there.attributes)
                    failed = ""
            stack.outputs = self.account.outputs(scope)
        except (Failed, Invalid, StackFailed) as error:
            if not isinstance(error, StackFailed) and failed and failed not in stack.resources:
                body = target.template.resources[failed].body
                stack.resources[failed] = Resource(failed, body["Type"], body, {})
            resource = stack.resources.get(failed)
            if resource and not resource.status.endswith("FAILED"):
                stack.event(operation, resource, f"{verb.upper()}_FAILED", str(error))
            what = f"The following resource(s) failed to {verb}: [{failed}]. " if failed else str(error)
            raise StackFailed(what) from error

    def _bring(self, stack: Stack, existing: Resource | None, wanted: Resource, operation: Operation) -> Resource:
        if faults := schemas.faults(wanted.kind, wanted.properties):
            raise Failed(
                f"Properties validation failed for resource {wanted.logical} with message:\n" + "\n".join(faults)
            )
        if existing is None:
            stack.resources[wanted.logical] = wanted
            operation.journal.append((stack, wanted.logical, None, wanted))
            self._make(stack, wanted, operation)
            return wanted
        same = existing.properties == wanted.properties
        if same and not existing.nested:
            existing.body = wanted.body
            return existing
        if existing.nested:
            return self._update_nested(stack, existing, wanted, operation)
        wanted.physical, wanted.attributes = existing.physical, existing.attributes
        stack.resources[wanted.logical] = wanted
        if schemas.replaces(wanted.kind, existing.properties, wanted.properties):
            reason = "Requested update requires the creation of a new physical resource; hence creating one."
            operation.journal.append((stack, wanted.logical, existing, wanted))
            stack.event(operation, wanted, "UPDATE_IN_PROGRESS", reason)
            wanted.physical = ""
            self._make(stack, wanted, operation, "UPDATE")
            return wanted
        operation.journal.append((stack, wanted.logical, existing, wanted))
        self._change(stack, existing, wanted, operation)
        return wanted

    def _thing(self, stack: Stack, resource: Resource) -> Thing:
        """The resource with its secrets filled in and its name generated."""
        properties = self.account.dynamic(resource.properties)
        made = thing(self.account.services, resource.kind, properties, resource.physical)
        name = made.row.named
        if name and name not in properties and not resource.physical:
            seed = f"{stack.id}/{len(stack.events)}"
            made.properties[name] = generated(stack.name, resource.logical, seed, made.row.longest)
            if made.row.service in ("s3", "ecr"):
                made.properties[name] = made.properties[name].lower()
        return made

    def _make(self, stack: Stack, resource: Resource, operation: Operation, verb: str = "CREATE") -> None:
        """Creates a resource and makes sure that it is there as asked for."""
        if verb == "CREATE":
            stack.event(operation, resource, f"{verb}_IN_PROGRESS")
        try:
            if resource.nested:
                self._create_nested(stack, resource, operation)
            else:
                made = self._thing(stack, resource)
                try:
                    made.create()
                finally:
                    resource.physical = made.physical
                stack.event(operation, resource, f"{verb}_IN_PROGRESS", "Resource creation Initiated")
                self._verify(resource, made)
        except Exception as error:
            raise self._failed(stack, resource, operation, f"{verb}_FAILED", error) from error
        stack.event(operation, resource, f"{verb}_COMPLETE")

    def _change(self, stack: Stack, before: Resource, after: Resource, operation: Operation) -> None:
        """Changes a resource in place."""
        stack.event(operation, after, "UPDATE_IN_PROGRESS")
        try:
            changed = self._thing(stack, after)
            changed.update(self.account.dynamic(before.properties))
            after.physical = changed.physical
            self._verify(after, changed)
        except Exception as error:
            raise self._failed(stack, after, operation, "UPDATE_FAILED", error) from error
        stack.event(operation, after, "UPDATE_COMPLETE")

    def _verify(self, resource: Resource, made: Thing) -> None:
        """Reads back what was made: what is not there as asked for fails, unless it is a named exception."""
        state = made.read()
        made.properties = {name: value for name, value in made.properties.items() if name in resource.properties}
        resource.unheld = {path: made.excused(path) for path in made.unheld(state)}
        if unnamed := [path for path, kept in resource.unheld.items() if not kept]:
            raise Failed(f"{resource.kind}: the service does not hold {', '.join(unnamed)} as asked for")
        resource.attributes = made.attributes(state)

    def _failed(
        self, stack: Stack, resource: Resource, operation: Operation, status: str, error: Exception
    ) -> Exception:
        if not isinstance(error, Failed | Invalid | StackFailed):
            LOG.error("%s", traceback.format_exc())
            error = Failed(f"the embedded AWS itself failed: {error!r}")
        stack.event(operation, resource, status, str(error))
        return error

    # -- nested stacks

    def _create_nested(self, stack: Stack, resource: Resource, operation: Operation) -> None:
        reviewed = [
            one
            for one in self.account.stacks.values()
            if one.parent is stack and one.logical == resource.logical and one.status == "REVIEW_IN_PROGRESS"
        ]
        child = reviewed[-1] if reviewed else self.account.nested(stack, resource.logical)
        resource.physical = child.id
        assert stack.target is not None
        target = self.account.nested_target(resource.properties, stack.target)
        stack.event(operation, resource, "CREATE_IN_PROGRESS", "Resource creation Initiated")
        try:
            self._create(child, target, operation)
        except StackFailed as error:
            child.event(operation, None, "CREATE_FAILED", str(error))
            raise Failed(f"Embedded stack {child.id} was not successfully created: {error}") from error
        resource.attributes = {f"Outputs.{name}": value for name, value in child.outputs.items()}

    def _update_nested(self, stack: Stack, existing: Resource, wanted: Resource, operation: Operation) -> Resource:
        child = self.account.stacks[existing.physical]
        assert stack.target is not None
        assert child.target is not None
        target = self.account.nested_target(wanted.properties, stack.target)
        if (
            existing.properties == wanted.properties
            and target.text == child.target.text
            and target.values == child.target.values
        ):
            existing.body = wanted.body
            return existing
        wanted.physical = existing.physical
        stack.resources[wanted.logical] = wanted
        operation.journal.append((stack, wanted.logical, existing, wanted))
        stack.event(operation, wanted, "UPDATE_IN_PROGRESS")
        try:
            self._update(child, target, operation)
        except StackFailed as error:
            child.event(operation, None, "UPDATE_ROLLBACK_IN_PROGRESS", str(error))
            reason = f"Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: {error}"
            message = f"Embedded stack {child.id} was not successfully updated. {reason}"
            raise self._failed(stack, wanted, operation, "UPDATE_FAILED", Failed(message)) from error
        wanted.attributes = {f"Outputs.{name}": value for name, value in child.outputs.items()}
        stack.event(operation, wanted, "UPDATE_COMPLETE")
        return wanted

    # -- what follows

    def _clean_up(self, operation: Operation, final: str, stacks: list[Stack]) -> None:
        """Deletes what was replaced or removed, then gives the stacks their final status, nested ones first."""
        for stack, _, resources, _ in operation.before:
            if stack not in stacks:
                continue
            assert stack.target is not None
            present = {one.physical for one in stack.resources.values()}
            gone = [one for one in resources.values() if one.physical not in present]
            for one in self._backwards(gone):
                kept = stack.resources.get(one.logical)
                policy = one.body.get("UpdateReplacePolicy" if kept and kept.kind == one.kind else "DeletionPolicy")
                self._remove(stack, copy(one), operation, policy in RETAINED)
            if final == "UPDATE_COMPLETE":
                # What the template no longer has, or a condition switched off.
                scope = self.account.scope(stack, stack.target, preview=False)
                wanted = stack.target.template.resources
                idle = [n for n in stack.resources if n not in wanted or not scope.exists(wanted[n].body)]
                for one in self._backwards([stack.resources[name] for name in idle]):
                    self._remove(stack, one, operation, one.body.get("DeletionPolicy", "Delete") in RETAINED)
                    del stack.resources[one.logical]
        for stack in reversed(stacks):
            stack.event(operation, None, final)

    def _roll_back_create(self, stack: Stack, operation: Operation, reason: str) -> None:
        stack.event(operation, None, "ROLLBACK_IN_PROGRESS", f"{reason}Rollback requested by user.")
        failed = self._empty(stack, operation, ("Retain",) if not operation.retain_except_on_create else ())
        if failed:
            names = ", ".join(failed)
            stack.event(operation, None, "ROLLBACK_FAILED", f"The following resource(s) failed to delete: [{names}]. ")
        else:
            stack.outputs = {}
            stack.event(operation, None, "ROLLBACK_COMPLETE")

    def _roll_back_update(self, operation: Operation, reason: str) -> None:
        """Undoes the journal backwards, over all nested stacks."""
        root = operation.before[0][0]
        stacks = [stack for stack, *_ in operation.before]
        for stack in stacks:
            if stack.status != "UPDATE_ROLLBACK_IN_PROGRESS":
                stack.event(operation, None, "UPDATE_ROLLBACK_IN_PROGRESS", reason if stack is root else "")
        failed: list[str] = []
        created = {id(stack) for stack, *_ in operation.journal} - {id(stack) for stack in stacks}
        for stack, logical, before, after in reversed(operation.journal):
            if id(stack) in created:  # went, or goes, with the nested stack that this update created
                continue
            try:
                self._undo(stack, logical, before, after, operation)
            except (Failed, Invalid) as error:
                LOG.error("rollback of %s: %s", logical, error)
                failed.append(logical)
        for stack, target, resources, outputs in operation.before:
            stack.target, stack.outputs = target, outputs
            stack.resources = {**resources, **{n: one for n, one in stack.resources.items() if n in resources}}
        if failed:
            text = f"The following resource(s) failed to update: [{', '.join(failed)}]. "
            root.event(operation, None, "UPDATE_ROLLBACK_FAILED", text)
            return
        for stack in reversed(stacks):
            stack.event(operation, None, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        for stack, _, before, after in reversed(operation.journal):
            if id(stack) not in created and after and (before is None or after.physical not in ("", before.physical)):
                kept = before is None and after.body.get("DeletionPolicy") == "Retain"
                if after.physical:
                    self._remove(stack, after, operation, kept)
        for stack in reversed(stacks):
            stack.event(operation, None, "UPDATE_ROLLBACK_COMPLETE")

    def _undo(
        self, stack: Stack, logical: str, before: Resource | None, after: Resource | None, operation: Operation
    ) -> None:
        if before is None:
            stack.resources.pop(logical, None)
            return
        old = replace(before)
        stack.resources[logical] = old
        if old.nested:
            stack.event(operation, old, "UPDATE_COMPLETE")
        elif after and after.physical == before.physical:
            old.attributes = before.attributes
            self._change(stack, after, old, operation)
        else:
            stack.event(operation, old, "UPDATE_COMPLETE")

    def delete(self, stack: Stack, operation: Operation, reason: str = "", retained: Iterable[str] = ()) -> None:
        """Deletes a stack in reverse order; what a policy keeps is skipped."""
        self._begin(stack, operation, "DELETE_IN_PROGRESS", reason)
        for name in retained:
            self._remove(stack, stack.resources.pop(name), operation, True)
        keep = RETAINED if reason == "" else ("Retain",)
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
            if not one.physical:
                del stack.resources[one.logical]
                continue
            try:
                self._remove(
                    stack,
                    one,
                    operation,
                    one.body.get("DeletionPolicy", "Delete") in keep,
                    not_kept=keep == ("Retain",) or not keep,
                )
                del stack.resources[one.logical]
            except (Failed, Invalid, StackFailed):
                failed.append(one.logical)
        return failed

    def _remove(self, stack: Stack, one: Resource, operation: Operation, kept: bool, not_kept: bool = False) -> None:
        if kept:
            stack.event(operation, one, "DELETE_SKIPPED")
            return
        stack.event(operation, one, "DELETE_IN_PROGRESS")
        try:
            if one.nested:
                self.delete(self.account.stacks[one.physical], operation, "rollback" if not_kept else "")
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


def guarded(run: Callable[[], None], stack: Stack, operation: Operation) -> None:
    """Runs an operation in its thread; a fault of the engine itself ends in a FAILED status, never in silence."""
    try:
        run()
    except StackFailed:
        return
    except Exception:
        LOG.error("%s", traceback.format_exc())
        verb = stack.status.split("_", maxsplit=1)[0]
        last = traceback.format_exc(limit=1).strip().splitlines()[-1]
        stack.event(operation, None, f"{verb}_FAILED", f"the embedded AWS itself failed: {last}")
