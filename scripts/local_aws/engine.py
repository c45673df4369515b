"""Execution: creates, updates, imports, rolls back and deletes stacks, nested ones included, and records every event.

As in CloudFormation, what depends on nothing is begun at once, in nested stacks as in their parent, and ends when it
ends: in an order here that the account's seed decides (`values.ORDERS`), one step at a time and in one thread.
"""

import logging
import random
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from generator.cfn import graph, limits
from scripts.local_aws import cleanup, order, provision, schemas, stack_policies
from scripts.local_aws.account import Account
from scripts.local_aws.provision import Steps, T, Wait, failed
from scripts.local_aws.services import ResourceError
from scripts.local_aws.template import InvalidTemplateError, Scope
from scripts.local_aws.values import RETAINED, Operation, Resource, Stack, StackError, Target, identifier, now

LOG = logging.getLogger(__name__)
ON_CREATE = ("Retain",)  # the deletion policies that are respected when a creation is undone
CANCELLED = {"create": "Resource creation cancelled", "update": "Resource update cancelled"}
REPLACED = "Requested update requires the creation of a new physical resource; hence creating one."
MOST_TURNS = 6  # that a resource may wait before its service is asked for it
INVALID = "HandlerErrorCode: InvalidRequest"
REFUSALS = (ResourceError, InvalidTemplateError, StackError)
Job = Callable[[], Steps[None]]


def finish(steps: Steps[T]) -> T:
    """Does steps to their end; waits where they wait."""
    while True:
        try:
            over = next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        while not over():
            time.sleep(0.02)


def kept(operation: Operation) -> tuple[str, ...]:
    """The deletion policies that are respected for what an operation itself made."""
    return () if operation.retain_except_on_create else ON_CREATE


def create(account: Account, stack: Stack, target: Target, operation: Operation) -> None:
    """Creates a root stack and, on failure, does what the operation says: roll back, delete or nothing."""
    run = Run(account, operation)
    try:
        finish(run.create(stack, target))
    except StackError as error:
        if stack.cancelled:  # by its deletion, which goes on from here
            return
        if operation.delete_on_failure:
            finish(run.delete(stack, ON_CREATE, str(error)))
        elif operation.disable_rollback:
            stack.event(operation, None, "CREATE_FAILED", str(error))
        else:
            operation.undoing = True
            stack.event(operation, None, "ROLLBACK_IN_PROGRESS", f"{error}Rollback requested by user.")
            if resisting := finish(run.empty(stack, kept(operation))):
                stack.event(operation, None, "ROLLBACK_FAILED", _list_failed("delete", resisting))
            else:
                stack.outputs = {}
                stack.event(operation, None, "ROLLBACK_COMPLETE")


def update(account: Account, stack: Stack, target: Target, operation: Operation) -> None:
    """Updates a root stack; rolls back on failure; cleans up what was replaced or removed on success."""
    run = Run(account, operation)
    if stack.unfinished:  # an update after one that failed: both are undone, or cleaned up after, together
        operation.journal, operation.before = stack.unfinished.journal, stack.unfinished.before
        operation.deleted_first = stack.unfinished.deleted_first
    try:
        finish(run.update(stack, target))
    except StackError as error:
        if stack.cancelled:
            roll_back_update(account, operation, "User Initiated")
        elif operation.disable_rollback:
            run.leave_failed(stack, str(error))
        else:
            roll_back_update(account, operation, str(error))
        return
    stack.unfinished = None
    finish(cleanup.after_update(run))


def take_over(account: Account, stack: Stack, target: Target, operation: Operation) -> None:
    """Imports resources into a root stack, new or not; on failure they are nobody's again."""
    before, resources = stack.target, dict(stack.resources)
    stack.target = target
    try:
        finish(Run(account, operation).converge(stack, target, "import"))
    except StackError as error:
        stack.event(operation, None, "IMPORT_ROLLBACK_IN_PROGRESS", str(error))
        for resource in order.backwards(stack.resources.values()):
            if resource.adopted == operation.id:
                stack.event(operation, resource, "IMPORT_ROLLBACK_COMPLETE")
        stack.target, stack.resources = before, resources
        stack.event(operation, None, "IMPORT_ROLLBACK_COMPLETE")
    else:
        stack.event(operation, None, "IMPORT_COMPLETE")


def delete(account: Account, stack: Stack, operation: Operation, retained: Iterable[str] = ()) -> None:
    """Deletes a root stack; `retained` are resources that stay although they have no policy. Raises `StackError`."""
    finish(Run(account, operation).delete(stack, retained=retained))


def undo_failed_creation(account: Account, stack: Stack, operation: Operation) -> None:
    """`RollbackStack` from CREATE_FAILED: there is no stable state before it, so that the stack is deleted."""
    operation.undoing = True
    finish(Run(account, operation).delete(stack, kept(operation), "User Initiated"))


def roll_back_update(
    account: Account, operation: Operation, reason: str, skip: Collection[tuple[str, str]] = ()
) -> None:
    """Undoes the journal backwards, over all nested stacks. What was undone already stays so; what is in `skip`, by the
    stack's id and the logical id, counts as undone. What resists leaves UPDATE_ROLLBACK_FAILED, from where the same
    operation can be rolled back again."""
    run, root = Run(account, operation), operation.before[0][0]
    operation.undoing, root.cancelled, root.unfinished = True, False, operation
    stacks = [stack for stack, *_ in operation.before]
    for stack in stacks:
        if stack.status != "UPDATE_ROLLBACK_IN_PROGRESS":
            stack.event(operation, None, "UPDATE_ROLLBACK_IN_PROGRESS", reason if stack is root else "")
    created = {id(stack) for stack, *_ in operation.journal} - {id(stack) for stack in stacks}
    resisting = finish(run.undo_all(created, skip))
    for stack, target, resources, outputs in operation.before:
        stack.target, stack.outputs = target, outputs
        existing = {name: resource for name, resource in stack.resources.items() if name in resources}
        stack.resources = {**resources, **existing}
    if resisting:
        for stack in reversed(stacks):
            if names := resisting.get(stack.id):
                stack.event(operation, None, "UPDATE_ROLLBACK_FAILED", _list_failed("update", names))
            else:
                stack.event(operation, None, "UPDATE_ROLLBACK_COMPLETE")
        return
    root.unfinished = None
    for stack in reversed(stacks):
        stack.event(operation, None, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    finish(cleanup.after_rollback(run, created, kept(operation)))
    for stack in reversed(stacks):
        stack.event(operation, None, "UPDATE_ROLLBACK_COMPLETE")


@dataclass
class Run:
    """One operation on its way through a root stack and what is nested in it."""

    account: Account
    operation: Operation

    def __post_init__(self) -> None:
        self.random = random.Random(f"{self.account.behaviour.seed}/{self.operation.id}")

    # -- stacks

    def create(self, stack: Stack, target: Target) -> Steps[None]:
        """Creates a stack. Raises `StackError`."""
        stack.target = target
        self._begin(stack, "CREATE_IN_PROGRESS")
        yield from self.converge(stack, target, "create")
        stack.event(self.operation, None, "CREATE_COMPLETE")

    def update(self, stack: Stack, target: Target) -> Steps[None]:
        """Updates a stack, but for the cleaning up. Raises `StackError`."""
        assert stack.target is not None
        if all(other is not stack for other, *_ in self.operation.before):
            self.operation.before.append((stack, stack.target, dict(stack.resources), stack.outputs))
        stack.target, stack.updated = target, now()
        self._begin(stack, "UPDATE_IN_PROGRESS")
        yield from self.converge(stack, target, "update")
        stack.event(self.operation, None, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")

    def delete(
        self, stack: Stack, keep: tuple[str, ...] = RETAINED, reason: str = "", retained: Iterable[str] = ()
    ) -> Steps[None]:
        """Deletes a stack in reverse order. `keep` are the deletion policies that are respected, `retained` resources
        that stay although they have none. Raises `StackError`."""
        self._begin(stack, "DELETE_IN_PROGRESS", reason)
        for name in retained:
            stack.event(self.operation, stack.resources.pop(name), "DELETE_SKIPPED")
        if resisting := (yield from self.empty(stack, keep)):
            text = _list_failed("delete", resisting)
            stack.event(self.operation, None, "DELETE_FAILED", text)
            raise StackError(text)
        stack.deleted = now()
        stack.event(self.operation, None, "DELETE_COMPLETE")

    def converge(self, stack: Stack, target: Target, verb: str) -> Steps[None]:
        """Brings every resource to what the template says, each once what it needs is there. Raises `StackError`."""
        try:
            scope = self.account.scope(stack, target, preview=False)
            self._watch(stack)
        except InvalidTemplateError as error:
            raise StackError(f"{error}. ") from error
        for name in order.idle(stack, scope):
            try:
                self._permit("Update:Delete", stack, stack.resources[name], stack.resources[name])
            except ResourceError as error:
                raise StackError(_list_failed(verb, [name])) from error
        resources = target.template.resources
        needs = {
            name: {need for need in needed if scope.exists(resources[need].body)}
            for name, needed in graph.dependencies(target.template).items()
            if scope.exists(resources[name].body)
        }
        jobs = {name: self._job(stack, scope, name, verb) for name in needs}
        if failures := (yield from self.together(jobs, needs, stack, verb)):
            raise StackError(_list_failed(verb, failures))
        if stack.root.cancelled:
            raise StackError("User Initiated")
        try:
            self._watch(stack)
            stack.outputs = self.account.outputs(scope)
        except InvalidTemplateError as error:
            raise StackError(f"{error}. ") from error

    def _job(self, stack: Stack, scope: Scope, name: str, verb: str) -> Job:
        def steps() -> Steps[None]:
            body = scope.template.resources[name].body
            try:
                target = Resource(name, body["Type"], body, self.account.properties(scope, name))
                current = yield from self._bring(stack, stack.resources.get(name), target)
                scope.existing[name] = (current.physical, current.attributes)
            except REFUSALS as error:
                resource = stack.resources.setdefault(name, Resource(name, body["Type"], body, {}))
                if not resource.status.endswith("FAILED"):
                    stack.event(self.operation, resource, f"{verb.upper()}_FAILED", str(error))
                raise

        return steps

    def together(
        self, jobs: Mapping[str, Job], needs: Mapping[str, set[str]], stack: Stack, verb: str
    ) -> Steps[list[str]]:
        """Does jobs, each once those that it needs are done; returns the names of those that failed. After the first
        failure, and after a cancellation, none is begun and what is under way is cancelled; when a stack is deleted
        (`verb` is delete) the others go on."""
        waiting, active, done, failures = dict(jobs), dict[str, tuple[Steps[None], Wait]](), set[str](), list[str]()

        def startable() -> list[str]:
            return [name for name in waiting if needs[name] <= done]

        def ready() -> list[str]:
            return [name for name, (_, over) in active.items() if over()]

        def may_go_on() -> bool:
            return stack.root.cancelled or bool(failures) or bool(startable()) or bool(ready())

        while waiting or active:
            if verb != "delete" and (failures or stack.root.cancelled):
                return failures + self._cancel(stack, active, verb)
            for name in self._ordered(stack, startable()) or self._ordered(stack, ready())[:1]:
                steps = waiting.pop(name)() if name in waiting else active.pop(name)[0]
                try:
                    active[name] = (steps, next(steps))
                except StopIteration:
                    done.add(name)
                except REFUSALS:
                    failures.append(name)
                    done.add(name)
                    break
            if waiting or active:
                assert active or startable() or failures, f"nothing can go on: {sorted(waiting)}"
                try:
                    yield may_go_on
                except ResourceError:  # the parent stack does not go on
                    self._cancel(stack, active, verb)
                    raise
        return failures

    def _cancel(self, stack: Stack, active: Mapping[str, tuple[Steps[None], Wait]], verb: str) -> list[str]:
        """Ends what is under way; the names of those that did not end well. What goes on all the same, because it was
        only deleting what is left of an earlier try (`leave`), is told again."""
        cancelled = []
        for name in self._ordered(stack, active):
            try:
                while True:
                    active[name][0].throw(ResourceError(CANCELLED.get(verb, f"Resource {verb} cancelled")))
            except StopIteration:
                continue
            except REFUSALS:
                cancelled.append(name)
        return cancelled

    def _ordered(self, stack: Stack, names: Iterable[str]) -> list[str]:
        """Resources of a stack in the order of the account's seed (`values.ORDERS`)."""
        ordered, order = sorted(names), self.account.behaviour.order
        if order == "drawn":
            self.random.shuffle(ordered)
            return ordered
        place = f"{self.account.behaviour.seed}{stack.path.removeprefix(stack.root.name)}"
        return sorted(ordered, key=lambda name: identifier(place, name), reverse=order == "reversed")

    # -- what stops an operation

    def _watch(self, stack: Stack) -> None:
        """Raises `StackError` for a rollback trigger of a root that is missing or in alarm. CloudFormation watches all
        the time and MonitoringTimeInMinutes longer; here triggers are looked at before the first and after the last
        resource."""
        triggers = (stack.settings.triggers or {}).get("RollbackTriggers", ()) if stack.parent is None else ()
        for trigger in triggers:
            if (state := self.account.alarm_state(trigger["Arn"])) in ("", "ALARM"):
                what = f"is in state {state}" if state else "was not found"
                raise StackError(f"Rollback trigger {trigger['Arn']} {what}. ")

    def _permit(self, action: str, stack: Stack, existing: Resource, resource: Resource) -> None:
        """Raises `ResourceError` when the policy of a stack refuses what is about to happen to a resource."""
        if why := stack_policies.refusal(stack.policy, action, resource.logical, resource.kind):
            self.operation.journal.append((stack, resource.logical, existing, resource))
            raise failed(stack, resource, self.operation, "UPDATE_FAILED", ResourceError(why))

    def _begin(self, stack: Stack, status: str, reason: str = "") -> None:
        """The first event; a root has it from the call that started the operation."""
        if stack.status != status:
            stack.event(self.operation, None, status, reason)

    # -- resources

    def _bring(self, stack: Stack, existing: Resource | None, resource: Resource) -> Steps[Resource]:
        """Brings one resource to what the template says; returns it as it stands then. Raises one of `REFUSALS`."""
        if faults := schemas.faults(resource.kind, resource.properties):
            message = "\n".join(
                [f"Properties validation failed for resource {resource.logical} with message:", *faults]
            )
            raise ResourceError(message)
        for breach in limits.of_resource(resource.kind, resource.properties):
            raise ResourceError(f'Resource handler returned message: "{breach.message}" ({INVALID})')
        if existing and existing.status == "CREATE_FAILED" and not existing.nested:
            if existing.physical:
                yield from self.leave(stack, existing, None, ())
            existing = None
        if existing is None:
            yield from self._add(stack, resource)
            return resource
        same = existing.properties == resource.properties and not existing.status.endswith("FAILED")
        if existing.nested:
            return (yield from self._update_nested(stack, existing, resource, same))
        if same:
            existing.body = resource.body
            return existing
        resource.physical, resource.attributes, resource.status = (
            existing.physical,
            existing.attributes,
            existing.status,
        )
        stack.resources[resource.logical] = resource
        replaced = bool(schemas.replaces(resource.kind, existing.properties, resource.properties))
        self._permit("Update:Replace" if replaced else "Update:Modify", stack, existing, resource)
        self.operation.journal.append((stack, resource.logical, existing, resource))
        if replaced:
            stack.event(self.operation, resource, "UPDATE_IN_PROGRESS", REPLACED)
            resource.physical = ""
            if schemas.is_deleted_first(resource.kind):
                yield from self._delete_first(stack, existing, resource)
            yield from self._make(stack, resource, "UPDATE")
        else:
            yield from provision.change(self.account, stack, existing, resource, self.operation)
        return resource

    def _delete_first(self, stack: Stack, existing: Resource, replacement: Resource) -> Steps[None]:
        """Deletes a resource of which there cannot be two before its replacement is made. Which events AWS shows for
        it is written down nowhere: here only its failure has one, that of the replacement."""
        try:
            steps = provision.delete(self.account, stack, existing)
            yield from provision.disturbed(self.account, "delete", stack, existing, self.operation, steps)
        except Exception as error:
            raise failed(stack, replacement, self.operation, "UPDATE_FAILED", error) from error
        self.operation.deleted_first.add((existing.kind, existing.physical))

    def _add(self, stack: Stack, resource: Resource) -> Steps[None]:
        stack.resources[resource.logical] = resource
        self.operation.journal.append((stack, resource.logical, None, resource))
        if physical := self.operation.imports.get((stack.id, resource.logical)):
            yield from provision.adopt(self.account, stack, resource, physical, self.operation)
        else:
            yield from self._make(stack, resource, "CREATE")

    def _make(self, stack: Stack, resource: Resource, verb: str) -> Steps[None]:
        """Creates a resource; `verb` is CREATE, or UPDATE for the replacement of another."""
        if verb == "CREATE":
            stack.event(self.operation, resource, "CREATE_IN_PROGRESS")
        try:
            drawn = self.account.behaviour.order == "drawn"
            for _ in range(self.random.randrange(MOST_TURNS) if drawn else 1):  # others may overtake it meanwhile
                yield provision.at_once
            steps = (
                self._create_nested(stack, resource)
                if resource.nested
                else provision.create(self.account, stack, resource, self.operation, verb)
            )
            yield from provision.disturbed(self.account, verb.lower(), stack, resource, self.operation, steps)
        except Exception as error:
            raise failed(stack, resource, self.operation, f"{verb}_FAILED", error) from error
        stack.event(self.operation, resource, f"{verb}_COMPLETE")

    def remove(self, stack: Stack, resource: Resource, policy: str | None, keep: tuple[str, ...]) -> Steps[None]:
        """Deletes a resource, unless its policy is one of those to `keep`. Raises one of `REFUSALS`."""
        if resource.adopted == self.operation.id:  # what was only taken over is given back
            stack.event(self.operation, resource, "IMPORT_ROLLBACK_COMPLETE")
            return
        if policy in keep:
            stack.event(self.operation, resource, "DELETE_SKIPPED")
            return
        stack.event(self.operation, resource, "DELETE_IN_PROGRESS")
        try:
            child = self.account.stacks[resource.physical] if resource.nested else None
            if child and child.status == "DELETE_COMPLETE":
                steps = provision.nothing()
            else:
                steps = self.delete(child, keep) if child else provision.delete(self.account, stack, resource)
            yield from provision.disturbed(self.account, "delete", stack, resource, self.operation, steps)
        except Exception as error:
            raise failed(stack, resource, self.operation, "DELETE_FAILED", error) from error
        stack.event(self.operation, resource, "DELETE_COMPLETE")

    def leave(self, stack: Stack, resource: Resource, policy: str | None, keep: tuple[str, ...]) -> Steps[None]:
        """Removes what a stack has no use for any more; what resists stays behind, and only its event tells."""
        with suppress(*REFUSALS):
            yield from self.remove(stack, resource, policy, keep)

    def empty(self, stack: Stack, keep: tuple[str, ...]) -> Steps[list[str]]:
        """Removes every resource of a stack; returns those that resisted."""
        needed_by = order.needed_by(stack.resources.values())
        jobs = {name: self._emptying(stack, resource, keep) for name, resource in stack.resources.items()}
        return (yield from self.together(jobs, needed_by, stack, "delete"))

    def _emptying(self, stack: Stack, resource: Resource, keep: tuple[str, ...]) -> Job:
        def steps() -> Steps[None]:
            try:
                if resource.physical:
                    yield from self.remove(stack, resource, resource.body.get("DeletionPolicy"), keep)
            except REFUSALS:
                if not self.operation.force:
                    raise
                stack.event(self.operation, resource, "DELETE_SKIPPED")
            del stack.resources[resource.logical]

        return steps

    # -- undoing

    def leave_failed(self, root: Stack, reason: str) -> None:
        """Without a rollback, what failed to be updated stands as it was, in UPDATE_FAILED."""
        root.unfinished = self.operation
        for stack, logical, before, after in self.operation.journal:
            if before and after and after.status == "UPDATE_FAILED" and not after.nested:
                stack.resources[logical] = replace(before, status=after.status, reason=after.reason)
        for stack, *_ in reversed(self.operation.before):
            if stack.status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
                stack.event(self.operation, None, "UPDATE_COMPLETE")
        root.event(self.operation, None, "UPDATE_FAILED", reason)

    def undo_all(self, created: Collection[int], skip: Collection[tuple[str, str]]) -> Steps[dict[str, list[str]]]:
        """Undoes the journal but for stacks that this update `created`, which go as wholes; returns the logical ids
        that resist, by the id of their stack."""
        resisting: dict[str, list[str]] = {}
        for number, (stack, logical, before, after) in reversed(list(enumerate(self.operation.journal))):
            if id(stack) in created or number in self.operation.undone:
                continue
            try:
                if (stack.id, logical) in skip:
                    stack.event(self.operation, stack.resources[logical], "UPDATE_COMPLETE", "Resource skipped")
                elif before is None:
                    stack.resources.pop(logical, None)
                else:
                    yield from self._undo(stack, before, after, resisting)
                self.operation.undone.add(number)
            except (ResourceError, InvalidTemplateError) as error:
                LOG.error("rollback of %s: %s", logical, error)
                resisting.setdefault(stack.id, []).append(logical)
        return resisting

    def _undo(
        self, stack: Stack, before: Resource, after: Resource | None, resisting: Mapping[str, list[str]]
    ) -> Steps[None]:
        old = replace(before)
        stack.resources[old.logical] = old
        if old.nested and (names := resisting.get(old.physical)):
            reason = f"Currently in UPDATE_ROLLBACK_FAILED with reason: {_list_failed('update', names)}"
            error = ResourceError(f"Embedded stack {old.physical} was not successfully updated. {reason}")
            raise failed(stack, old, self.operation, "UPDATE_FAILED", error)
        if (old.kind, old.physical) in self.operation.deleted_first:
            yield from self._make_again(stack, old, after)
        elif not old.nested and after and after.physical == before.physical:
            old.attributes = before.attributes
            yield from provision.change(self.account, stack, after, old, self.operation)
        else:
            stack.event(self.operation, old, "UPDATE_COMPLETE")

    def _make_again(self, stack: Stack, old: Resource, replacement: Resource | None) -> Steps[None]:
        """Brings back a resource that was deleted before its replacement was made: it gets a new physical id."""
        if replacement and replacement.physical:
            try:
                steps = provision.delete(self.account, stack, replacement)
                yield from provision.disturbed(self.account, "delete", stack, replacement, self.operation, steps)
            except Exception as error:
                raise failed(stack, old, self.operation, "UPDATE_FAILED", error) from error
            replacement.physical = ""
        old.physical = ""
        stack.event(self.operation, old, "UPDATE_IN_PROGRESS", REPLACED)
        yield from self._make(stack, old, "UPDATE")

    # -- nested stacks

    def _create_nested(self, stack: Stack, resource: Resource) -> Steps[None]:
        reviewed = [
            other
            for other in tuple(self.account.stacks.values())
            if other.parent is stack and other.logical == resource.logical and other.status == "REVIEW_IN_PROGRESS"
        ]
        child = reviewed[-1] if reviewed else self.account.nested(stack, resource.logical)
        resource.physical = child.id
        assert stack.target is not None
        target = self.account.nested_target(resource.properties, stack.target)
        self.account.check_rules(child, target)
        stack.event(self.operation, resource, "CREATE_IN_PROGRESS", "Resource creation Initiated")
        try:
            yield from self.create(child, target)
        except (StackError, ResourceError) as error:
            child.event(self.operation, None, "CREATE_FAILED", str(error))
            raise ResourceError(f"Embedded stack {child.id} was not successfully created: {error}") from error
        resource.attributes = {f"Outputs.{name}": value for name, value in child.outputs.items()}

    def _update_nested(self, stack: Stack, existing: Resource, resource: Resource, same: bool) -> Steps[Resource]:
        child = self.account.nested_stack(existing)
        assert stack.target is not None
        assert child.target is not None
        target = self.account.nested_target(resource.properties, stack.target)
        self.account.check_rules(child, target)
        if same and (target.text, target.values) == (child.target.text, child.target.values):
            existing.body = resource.body
            return existing
        resource.physical, resource.status = existing.physical, existing.status
        stack.resources[resource.logical] = resource
        self._permit("Update:Modify", stack, existing, resource)
        self.operation.journal.append((stack, resource.logical, existing, resource))
        stack.event(self.operation, resource, "UPDATE_IN_PROGRESS")
        try:
            steps = self.update(child, target)
            yield from provision.disturbed(self.account, "update", stack, resource, self.operation, steps)
        except (ResourceError, StackError) as error:
            if child.status == "UPDATE_IN_PROGRESS":
                status = "UPDATE_FAILED" if self.operation.disable_rollback else "UPDATE_ROLLBACK_IN_PROGRESS"
                child.event(self.operation, None, status, str(error))
                reason = f"Currently in {status} with reason: {error}"
                error = ResourceError(f"Embedded stack {child.id} was not successfully updated. {reason}")
            raise failed(stack, resource, self.operation, "UPDATE_FAILED", error) from error
        resource.attributes = {f"Outputs.{name}": value for name, value in child.outputs.items()}
        stack.event(self.operation, resource, "UPDATE_COMPLETE")
        return resource


def _list_failed(verb: str, names: Iterable[str]) -> str:
    """CloudFormation's reason for a stack whose resources failed."""
    return f"The following resource(s) failed to {verb}: [{', '.join(names)}]. "
