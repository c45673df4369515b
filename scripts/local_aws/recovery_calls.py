"""The operations that end, undo or take away: deletion, cancellation, rollback and its continuation.

What AWS does: botocore's service model; user guide, "Continue rolling back an update" and "Stack failure options".
"""

from collections.abc import Iterator
from dataclasses import replace

from moto.core.responses import ActionResult

from scripts.local_aws.engine import Engine
from scripts.local_aws.seam import Seam, settled
from scripts.local_aws.stacks import Operation, Refused, Stack


class RecoveryCalls(Seam):
    """Ways out of an operation."""

    def delete_stack(self) -> ActionResult:
        try:
            stack = self._stack()
        except Refused:
            return ActionResult({})  # AWS answers so, too
        if self._repeated(stack, "DELETE_STACK") or stack.status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
            return ActionResult({})
        if stack.root.protected:
            raise Refused(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        creation = stack.running if stack.status == "CREATE_IN_PROGRESS" else None
        if not creation:
            settled(stack, review=True)
        retained, force = (
            self._get_param("RetainResources", []),
            self._get_param("DeletionMode") == "FORCE_DELETE_STACK",
        )
        if (retained or force) and stack.status != "DELETE_FAILED":
            what = "RetainResources" if retained else "DeletionMode FORCE_DELETE_STACK"
            raise Refused(f"Invalid operation on stack [{stack.id}]. {what} is only allowed in DELETE_FAILED")
        if unknown := set(retained) - stack.resources.keys():
            raise Refused(f"The specified resources to retain do not exist: [{', '.join(sorted(unknown))}]")
        operation = self._operation(stack, "DELETE_STACK")
        operation.force, stack.cancelled = force, creation is not None
        stack.event(operation, None, "DELETE_IN_PROGRESS", "User Initiated")
        for one in [one for one in self.account.change_sets.values() if one.stack is stack]:
            self.account.forget(one)

        def run() -> None:
            if creation:
                creation.join()
                stack.cancelled = False
            Engine(self.account).delete(stack, operation, retained=retained)

        self._start(run, stack, operation)
        return ActionResult({})

    def cancel_update_stack(self) -> ActionResult:
        stack = self._stack()
        if self._repeated(stack, "CANCEL"):
            return ActionResult({})
        if stack.status != "UPDATE_IN_PROGRESS":
            raise Refused(f"CancelUpdateStack cannot be called from current stack status {stack.status}")
        if stack.parent:
            raise Refused(f"CancelUpdateStack cannot be called on nested stack {stack.id}; cancel {stack.root.id}")
        stack.cancelled = True
        if token := self._get_param("ClientRequestToken"):
            self.account.tokens[stack.id, token] = ("CANCEL", "", token)
        return ActionResult({})

    def rollback_stack(self) -> ActionResult:
        stack = self._stack()
        if repeated := self._repeated(stack, "ROLLBACK"):
            return ActionResult({"StackId": stack.id, "OperationId": repeated})
        if stack.parent or stack.status not in ("CREATE_FAILED", "UPDATE_FAILED"):
            raise Refused(f"Rollback cannot be called on stack [{stack.id}] in status {stack.status}")
        operation = self._operation(stack, "ROLLBACK")
        operation.retain_except_on_create = bool(self._get_param("RetainExceptOnCreate"))
        stack.settings = self._settings().over(stack.settings)
        engine, again = Engine(self.account), _again(stack, operation)
        if again:
            stack.event(again, None, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
            self._start(lambda: engine.roll_back_update(again, ""), stack, again)
        else:
            stack.event(operation, None, "DELETE_IN_PROGRESS", "User Initiated")
            self._start(lambda: engine.undo_failed_creation(stack, operation), stack, operation)
        return ActionResult({"StackId": stack.id, "OperationId": operation.id})

    def continue_update_rollback(self) -> ActionResult:
        stack = self._stack()
        if self._repeated(stack, "CONTINUE_ROLLBACK"):
            return ActionResult({})
        if stack.parent:
            raise Refused(f"RollbackUpdatedStack cannot be invoked on child stacks: {stack.id}")
        if stack.status != "UPDATE_ROLLBACK_FAILED":
            raise Refused(f"Stack:{stack.id} is in {stack.status} state and can not continue rolling back.")
        named, force = self._get_param("ResourcesToSkip", []), bool(self._get_param("ForceRollback"))
        if named and force:
            raise Refused("ResourcesToSkip and ForceRollback are mutually exclusive")
        resisting = dict(_resisting(stack))
        if unknown := [name for name in named if name not in resisting]:
            raise Refused(
                f"The following resource(s) cannot be skipped: [{', '.join(unknown)}]. "
                "Only resources that are in UPDATE_FAILED because a rollback failed can be skipped"
            )
        stack.settings = self._settings().over(stack.settings)
        skip = [resisting[name] for name in (resisting if force else named)]
        again = _again(stack, self._operation(stack, "CONTINUE_ROLLBACK"))
        assert again is not None
        stack.event(again, None, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
        self._start(lambda: Engine(self.account).roll_back_update(again, "", skip), stack, again)
        return ActionResult({})


def _again(stack: Stack, operation: Operation) -> Operation | None:
    """The update that was not rolled back, or not wholly, under a new operation; None when none is left."""
    old = stack.unfinished
    return old and replace(
        old,
        id=operation.id,
        token=operation.token,
        key=operation.key,
        retain_except_on_create=operation.retain_except_on_create or old.retain_except_on_create,
    )


def _resisting(root: Stack) -> Iterator[tuple[str, tuple[str, str]]]:
    """The resources that a failed rollback left in UPDATE_FAILED, as `ResourcesToSkip` names them: by logical id, in a
    nested stack after that stack's own (generated) name, however deep it is."""
    assert root.unfinished is not None
    for stack, *_ in root.unfinished.before:
        for one in stack.resources.values():
            if one.status == "UPDATE_FAILED" and not one.nested:
                yield (one.logical if stack is root else f"{stack.name}.{one.logical}"), (stack.id, one.logical)
