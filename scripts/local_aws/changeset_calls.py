"""The operations on change sets."""

from threading import Thread

from moto.core.responses import ActionResult

from generator.cfn.templates import STACK
from scripts.local_aws import changesets, describe, injection, schemas
from scripts.local_aws.engine import Engine
from scripts.local_aws.seam import Seam, settled
from scripts.local_aws.stacks import ChangeSet, Refused, Stack, Target

STUCK = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED")


class ChangeSetCalls(Seam):
    """Change sets: made, shown, deleted, executed."""

    def create_change_set(self) -> ActionResult:
        name, kind = self._get_param("ChangeSetName"), self._get_param("ChangeSetType") or "UPDATE"
        token = self._get_param("ClientToken") or ""
        try:
            stack: Stack | None = self._stack()
        except Refused:
            if kind == "UPDATE":
                raise
            stack = None
        if stack and kind != "IMPORT" and (kind == "CREATE") != (stack.status == "REVIEW_IN_PROGRESS"):
            raise Refused(
                f"Stack [{stack.name}] already exists and cannot be created again with the changeSet [{name}]."
                if kind == "CREATE"
                else f"Stack [{stack.name}] does not exist"
            )
        if stack:
            settled(stack, review=True)
            if stack.status in STUCK:
                raise Refused(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
            for one in self.account.change_sets.values():
                if one.name == name and one.stack is stack:
                    if token and token == one.token:
                        return ActionResult({"Id": one.id, "StackId": stack.id})
                    raise Refused(self._mismatch(one, token), "AlreadyExistsException")
        if self._get_param("OnStackFailure") == "DELETE" and kind != "CREATE":
            raise Refused("OnStackFailure DELETE is only valid for a change set of type CREATE")
        target, settings = self._target(stack), self._settings()
        given = self._to_import(stack, target) if kind == "IMPORT" else {}
        made = stack or self.account.new(self._get_param("StackName"))
        if stack is None:
            made.event(self._operation(made, "CREATE_CHANGESET"), None, "REVIEW_IN_PROGRESS", "User Initiated")
        change_set = self.account.change_set(made, name, kind, target)
        change_set.description = self._get_param("Description")
        change_set.include_nested = bool(self._get_param("IncludeNestedStacks"))
        change_set.on_failure = self._get_param("OnStackFailure")
        change_set.token, change_set.settings = token, settings
        change_set.mode = self._get_param("DeploymentMode")
        change_set.given, change_set.import_existing = given, bool(self._get_param("ImportExistingResources"))
        change_set.validated = not self._get_param("DisableValidation")
        self._plan(change_set)
        return ActionResult({"Id": change_set.id, "StackId": made.id})

    def _to_import(self, stack: Stack | None, target: Target) -> dict[str, str]:
        """What a change set of type IMPORT names, by logical id. Raises `Refused`."""
        before = stack.target.template.body if stack and stack.target else {}
        frozen = {
            "Outputs": target.template.body.get("Outputs", {}) != before.get("Outputs", {}),
            "RoleArn": self._get_param("RoleARN") is not None,
            "Tags": self._get_param("Tags") is not None,
        }
        if changed := [name for name, one in frozen.items() if one]:
            raise Refused(f"As part of the import operation, you cannot modify or add [{', '.join(changed)}]")
        if self._get_param("IncludeNestedStacks") or self._get_param("ImportExistingResources"):
            raise Refused("A change set of type IMPORT takes neither IncludeNestedStacks nor ImportExistingResources")
        given = {}
        for one in self._get_param("ResourcesToImport", []):
            name, kind, keys = one["LogicalResourceId"], one["ResourceType"], one["ResourceIdentifier"]
            wanted = target.template.resources.get(name)
            if wanted is None or wanted.type != kind:
                raise Refused(f"Resources [{name}] of type {kind} passed in ResourceToImport are not in the template")
            if sorted(keys) != sorted(schemas.identifiers(kind)):
                raise Refused(f"Invalid identifier {sorted(keys)} for {kind}: it is {schemas.identifiers(kind)}")
            if "DeletionPolicy" not in wanted.body:
                raise Refused(f"Resources [{name}] to import must have a DeletionPolicy in the template")
            given[name] = "|".join(keys[key] for key in schemas.identifiers(kind))
        if stack and (there := [name for name in given if name in stack.resources]):
            names = ", ".join(there)
            raise Refused(
                f"Resources [{names}] passed in ResourceToImport are already in a stack and cannot be imported."
            )
        return given

    def _plan(self, change_set: ChangeSet) -> None:
        """At once, unless the plan of faults says that it takes long or fails."""
        stack, services = change_set.stack, self.account.services
        met = injection.ACTIVE and injection.meets("plan", stack.path, STACK, services.region, self._key())
        if not met:
            changesets.plan(self.account, change_set)
            return
        change_set.status, change_set.execution = "CREATE_IN_PROGRESS", "UNAVAILABLE"

        def run() -> None:
            injection.wait(*met)
            with self.account.lock:
                change_set.status, change_set.execution = "CREATE_COMPLETE", "AVAILABLE"
                if met[0].reason:
                    changesets.fail(change_set, met[0].reason)
                elif change_set.id in self.account.change_sets:
                    changesets.plan(self.account, change_set)

        Thread(target=run, name=change_set.id, daemon=True).start()

    def _mismatch(self, existing: ChangeSet, token: str) -> str:
        if token or existing.token:
            return f"ChangeSet {existing.name} cannot be created due to a mismatch with existing attribute ClientToken"
        return f"ChangeSet {existing.name} already exists"

    def describe_change_set(self) -> ActionResult:
        found = describe.change_set(self._change_set(), bool(self._get_param("IncludePropertyValues")))
        return ActionResult({**found, **self._page("Changes", found["Changes"])})

    def describe_change_set_hooks(self) -> ActionResult:
        one, region = self._change_set(), self.account.services.region
        found = [
            describe.hook(change)
            for change in one.changes
            if injection.hooked(f"{one.stack.path}/{change.logical}", change.kind, region, self._key())
            and self._get_param("LogicalResourceId") in (None, change.logical)
        ]
        names = {"ChangeSetId": one.id, "ChangeSetName": one.name, "StackId": one.stack.id, "StackName": one.stack.name}
        return ActionResult({**names, "Status": "PLANNED", **self._page("Hooks", found)})

    def list_change_sets(self) -> ActionResult:
        stack = self._stack()
        own = [one for one in self.account.change_sets.values() if one.stack is stack]
        shown = [describe.summary(one) for one in own if one.execution != "EXECUTE_COMPLETE"]
        return ActionResult(self._page("Summaries", shown))

    def delete_change_set(self) -> ActionResult:
        try:
            change_set = self._change_set()
        except Refused:
            return ActionResult({})  # AWS answers so, too
        if change_set.parent:
            raise Refused(f"Delete the root change set {change_set.root.id} instead", "InvalidChangeSetStatusException")
        self.account.forget(change_set)
        return ActionResult({})

    def execute_change_set(self) -> ActionResult:
        change_set = self._change_set()
        stack, kind = change_set.stack, "CREATE_STACK" if change_set.kind == "CREATE" else "UPDATE_STACK"
        if self._repeated(stack, kind, change_set.id):
            return ActionResult({})
        if change_set.status != "CREATE_COMPLETE" or change_set.execution != "AVAILABLE":
            raise Refused(
                f"ChangeSet [{change_set.id}] cannot be executed in its current status of "
                f"[{change_set.status}, {change_set.execution}]",
                "InvalidChangeSetStatusException",
            )
        settled(stack, review=True)
        if change_set.mode:
            raise Refused("The local AWS shows in a change set what drifted and cannot revert it: it is not executed")
        if stack.status in ("CREATE_FAILED", "UPDATE_FAILED") and not self._get_param("DisableRollback"):
            raise Refused(f"Stack [{stack.id}] is in {stack.status}: only an execution with DisableRollback can follow")
        if change_set.on_failure and self._get_param("DisableRollback") is not None:
            raise Refused("DisableRollback cannot be given for a change set with OnStackFailure")
        operation = self._operation(stack, kind, change_set.id)
        stack.settings = change_set.settings.over(stack.settings)
        operation.disable_rollback = bool(self._get_param("DisableRollback")) or change_set.on_failure == "DO_NOTHING"
        operation.delete_on_failure = change_set.on_failure == "DELETE"
        operation.retain_except_on_create = bool(self._get_param("RetainExceptOnCreate"))
        stack.disable_rollback, stack.change_set = operation.disable_rollback, change_set.id
        family = [one for one in change_set.family() if one.status == "CREATE_COMPLETE"]
        for one in family:
            one.execution = "EXECUTE_IN_PROGRESS"
        for one in [one for one in self.account.change_sets.values() if one.stack is stack and one is not change_set]:
            self.account.forget(one)
        operation.imports = {
            (one.stack.id, change.logical): change.physical
            for one in family
            for change in one.changes
            if change.action == "Import"
        }
        stack.event(operation, None, f"{change_set.kind}_IN_PROGRESS", "User Initiated")

        def run() -> None:
            engine = Engine(self.account)
            todo = {"CREATE": engine.create, "UPDATE": engine.update, "IMPORT": engine.take_over}
            todo[change_set.kind](stack, change_set.target, operation)
            good = stack.status == f"{change_set.kind}_COMPLETE"
            for one in family:
                one.execution = "EXECUTE_COMPLETE" if good else "EXECUTE_FAILED"

        self._start(run, stack, operation)
        return ActionResult({})
