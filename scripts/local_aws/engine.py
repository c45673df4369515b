"""Execution: creates, updates, rolls back and deletes stacks, nested ones included, and records every event."""

from dataclasses import replace

from generator.cfn import graph
from scripts.local_aws import schemas, validation
from scripts.local_aws.removal import ON_CREATE
from scripts.local_aws.rollback import Rollback, kept
from scripts.local_aws.services import Failed
from scripts.local_aws.stacks import Operation, Resource, Stack, Target, now
from scripts.local_aws.steps import StackFailed
from scripts.local_aws.structure import Invalid


class Engine(Rollback):
    """Runs operations on the stacks of one account."""

    def create(self, stack: Stack, target: Target, operation: Operation) -> None:
        """Creates a root stack and, on failure, does what the operation says: roll back, delete or nothing."""
        try:
            self._create(stack, target, operation)
        except StackFailed as error:
            if stack.cancelled:  # by its deletion, which goes on from here
                return
            if operation.delete_on_failure:
                self.delete(stack, operation, ON_CREATE, str(error))
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
        if stack.unfinished:  # an update after one that failed: both are undone, or cleaned up after, together
            operation.journal, operation.before = stack.unfinished.journal, stack.unfinished.before
        try:
            self._update(stack, target, operation)
        except StackFailed as error:
            if stack.cancelled:
                self.roll_back_update(operation, "User Initiated")
            elif operation.disable_rollback:
                stack.unfinished = operation
                self._unchanged(operation)
                for one, *_ in reversed(operation.before):
                    if one.status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
                        one.event(operation, None, "UPDATE_COMPLETE")
                stack.event(operation, None, "UPDATE_FAILED", str(error))
            else:
                self.roll_back_update(operation, str(error))
            return
        stack.unfinished = None
        self._clean_up(operation)

    def take_over(self, stack: Stack, target: Target, operation: Operation) -> None:
        """Imports resources into a root stack, new or not; on failure they are nobody's again."""
        before, resources = stack.target, dict(stack.resources)
        stack.target = target
        try:
            self._converge(stack, target, operation, "import")
        except StackFailed as error:
            stack.event(operation, None, "IMPORT_ROLLBACK_IN_PROGRESS", str(error))
            for one in self._backwards(list(stack.resources.values())):
                if one.adopted == operation.id:
                    stack.event(operation, one, "IMPORT_ROLLBACK_COMPLETE")
            stack.target, stack.resources = before, resources
            stack.event(operation, None, "IMPORT_ROLLBACK_COMPLETE")
        else:
            stack.event(operation, None, "IMPORT_COMPLETE")

    def _unchanged(self, operation: Operation) -> None:
        """Without a rollback, what failed to be updated stands as it was, in UPDATE_FAILED."""
        for stack, logical, before, after in operation.journal:
            if before and after and after.status == "UPDATE_FAILED" and not after.nested:
                stack.resources[logical] = replace(before, status=after.status, reason=after.reason)

    def undo_failed_creation(self, stack: Stack, operation: Operation) -> None:
        """`RollbackStack` from CREATE_FAILED: there is no stable state before it, so that the stack is deleted."""
        operation.undoing = True
        self.delete(stack, operation, kept(operation), "User Initiated")

    def _update(self, stack: Stack, target: Target, operation: Operation) -> None:
        assert stack.target is not None
        if all(one is not stack for one, *_ in operation.before):
            operation.before.append((stack, stack.target, dict(stack.resources), stack.outputs))
        stack.target, stack.updated = target, now()
        self._begin(stack, operation, "UPDATE_IN_PROGRESS")
        self._converge(stack, target, operation, "update")
        stack.event(operation, None, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")

    def _converge(self, stack: Stack, target: Target, operation: Operation, verb: str) -> None:
        """Brings every resource to what the template says, in order; raises `StackFailed`."""
        failed = ""
        try:
            scope = self.account.scope(stack, target, preview=False)
            self._watch(stack)
            for failed in self._idle(stack, scope):
                self._permit("Update:Delete", stack, stack.resources[failed], stack.resources[failed], operation)
            failed = ""
            for name in graph.order(graph.dependencies(target.template)):
                body = target.template.resources[name].body
                self._go_on(stack)
                if scope.exists(body):
                    failed = name
                    wanted = Resource(name, body["Type"], body, self.account.properties(scope, name))
                    there = self._bring(stack, stack.resources.get(name), wanted, operation)
                    scope.found[name] = (there.physical, there.attributes)
                    failed = ""
            self._go_on(stack)
            self._watch(stack)
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
        if existing and existing.status == "CREATE_FAILED" and not existing.nested:
            if existing.physical:
                self._leave(stack, existing, operation, None, ())
            existing = None
        if existing is None:
            stack.resources[wanted.logical] = wanted
            operation.journal.append((stack, wanted.logical, None, wanted))
            if physical := operation.imports.get((stack.id, wanted.logical)):
                self._adopt(stack, wanted, physical, operation)
            else:
                self._make(stack, wanted, operation)
            return wanted
        same = existing.properties == wanted.properties and not existing.status.endswith("FAILED")
        if same and not existing.nested:
            existing.body = wanted.body
            return existing
        if existing.nested:
            return self._update_nested(stack, existing, wanted, operation)
        wanted.physical, wanted.attributes = existing.physical, existing.attributes
        stack.resources[wanted.logical] = wanted
        replaced = bool(schemas.replaces(wanted.kind, existing.properties, wanted.properties))
        self._permit("Update:Replace" if replaced else "Update:Modify", stack, existing, wanted, operation)
        operation.journal.append((stack, wanted.logical, existing, wanted))
        if replaced:
            reason = "Requested update requires the creation of a new physical resource; hence creating one."
            stack.event(operation, wanted, "UPDATE_IN_PROGRESS", reason)
            wanted.physical = ""
            self._make(stack, wanted, operation, "UPDATE")
            return wanted
        self._change(stack, existing, wanted, operation)
        return wanted

    def _make(self, stack: Stack, resource: Resource, operation: Operation, verb: str = "CREATE") -> None:
        """Creates a resource and makes sure that it is there as asked for."""
        if verb == "CREATE":
            stack.event(operation, resource, f"{verb}_IN_PROGRESS")
        try:
            with self._planned(verb.lower(), stack, resource, operation):
                if resource.nested:
                    self._create_nested(stack, resource, operation)
                else:
                    made = self._thing(stack, resource)
                    validation.unlike_s3(made)
                    try:
                        made.create()
                    finally:
                        resource.physical = made.physical
                    stack.event(operation, resource, f"{verb}_IN_PROGRESS", "Resource creation Initiated")
                    self._verify(resource, made)
        except Exception as error:
            raise self._failed(stack, resource, operation, f"{verb}_FAILED", error) from error
        stack.event(operation, resource, f"{verb}_COMPLETE")

    # -- nested stacks

    def _create_nested(self, stack: Stack, resource: Resource, operation: Operation) -> None:
        reviewed = [
            one
            for one in tuple(self.account.stacks.values())
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
            and not existing.status.endswith("FAILED")
            and target.text == child.target.text
            and target.values == child.target.values
        ):
            existing.body = wanted.body
            return existing
        wanted.physical = existing.physical
        stack.resources[wanted.logical] = wanted
        self._permit("Update:Modify", stack, existing, wanted, operation)
        operation.journal.append((stack, wanted.logical, existing, wanted))
        stack.event(operation, wanted, "UPDATE_IN_PROGRESS")
        try:
            with self._planned("update", stack, wanted, operation):
                self._update(child, target, operation)
        except Failed as error:
            raise self._failed(stack, wanted, operation, "UPDATE_FAILED", error) from error
        except StackFailed as error:
            status = "UPDATE_FAILED" if operation.disable_rollback else "UPDATE_ROLLBACK_IN_PROGRESS"
            child.event(operation, None, status, str(error))
            reason = f"Currently in {status} with reason: {error}"
            message = f"Embedded stack {child.id} was not successfully updated. {reason}"
            raise self._failed(stack, wanted, operation, "UPDATE_FAILED", Failed(message)) from error
        wanted.attributes = {f"Outputs.{name}": value for name, value in child.outputs.items()}
        stack.event(operation, wanted, "UPDATE_COMPLETE")
        return wanted
