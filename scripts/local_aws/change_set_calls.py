"""The operations on change sets."""

from threading import Thread

from generator.cfn.templates import STACK
from scripts.local_aws import change_sets, describe, engine, schemas
from scripts.local_aws.api import Answer, Request, require_settled, start
from scripts.local_aws.faults import injection
from scripts.local_aws.values import ChangeSet, RefusedCallError, Stack, Target

STUCK = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED")


def create_change_set(request: Request) -> Answer:
    name, kind = request.get("ChangeSetName"), request.get("ChangeSetType") or "UPDATE"
    token = request.get("ClientToken") or ""
    try:
        stack: Stack | None = request.stack()
    except RefusedCallError:
        if kind == "UPDATE":
            raise
        stack = None
    if stack and kind != "IMPORT" and (kind == "CREATE") != (stack.status == "REVIEW_IN_PROGRESS"):
        raise RefusedCallError(
            f"Stack [{stack.name}] already exists and cannot be created again with the changeSet [{name}]."
            if kind == "CREATE"
            else f"Stack [{stack.name}] does not exist"
        )
    if stack:
        require_settled(stack, review=True)
        if stack.status in STUCK:
            raise RefusedCallError(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
        for existing in request.account.change_sets.values():
            if existing.name == name and existing.stack is stack:
                if token and token == existing.token:
                    return {"Id": existing.id, "StackId": stack.id}
                raise RefusedCallError(_mismatch(existing, token), "AlreadyExistsException")
    if request.get("OnStackFailure") == "DELETE" and kind != "CREATE":
        raise RefusedCallError("OnStackFailure DELETE is only valid for a change set of type CREATE")
    target, settings = request.target(stack), request.settings(stack)
    imports = _to_import(request, stack, target) if kind == "IMPORT" else {}
    owner = stack or request.account.new(request.get("StackName"))
    if stack is None:
        owner.event(request.operation(owner, "CREATE_CHANGESET"), None, "REVIEW_IN_PROGRESS", "User Initiated")
    change_set = request.account.change_set(owner, name, kind, target)
    change_set.description = request.get("Description")
    change_set.include_nested = bool(request.get("IncludeNestedStacks"))
    change_set.on_failure = request.get("OnStackFailure")
    change_set.token, change_set.settings = token, settings
    change_set.mode = request.get("DeploymentMode")
    change_set.imports, change_set.import_existing = imports, bool(request.get("ImportExistingResources"))
    change_set.validated = not request.get("DisableValidation")
    _plan(request, change_set)
    return {"Id": change_set.id, "StackId": owner.id}


def _to_import(request: Request, stack: Stack | None, target: Target) -> dict[str, str]:
    """What a change set of type IMPORT names, by logical id. Raises `RefusedCallError`."""
    before = stack.target.template.body if stack and stack.target else {}
    frozen = {
        "Outputs": target.template.body.get("Outputs", {}) != before.get("Outputs", {}),
        "RoleArn": request.get("RoleARN") is not None,
        "Tags": request.get("Tags") is not None,
    }
    if changed := [name for name, differs in frozen.items() if differs]:
        raise RefusedCallError(f"As part of the import operation, you cannot modify or add [{', '.join(changed)}]")
    if request.get("IncludeNestedStacks") or request.get("ImportExistingResources"):
        raise RefusedCallError(
            "A change set of type IMPORT takes neither IncludeNestedStacks nor ImportExistingResources"
        )
    imports = {}
    for entry in request.get("ResourcesToImport", []):
        name, kind, keys = entry["LogicalResourceId"], entry["ResourceType"], entry["ResourceIdentifier"]
        resource = target.template.resources.get(name)
        if resource is None or resource.type != kind:
            raise RefusedCallError(
                f"Resources [{name}] of type {kind} passed in ResourceToImport are not in the template"
            )
        if sorted(keys) != sorted(schemas.identifiers(kind)):
            raise RefusedCallError(f"Invalid identifier {sorted(keys)} for {kind}: it is {schemas.identifiers(kind)}")
        if "DeletionPolicy" not in resource.body:
            raise RefusedCallError(f"Resources [{name}] to import must have a DeletionPolicy in the template")
        imports[name] = "|".join(keys[key] for key in schemas.identifiers(kind))
    if stack and (there := [name for name in imports if name in stack.resources]):
        names = ", ".join(there)
        raise RefusedCallError(
            f"Resources [{names}] passed in ResourceToImport are already in a stack and cannot be imported."
        )
    return imports


def _plan(request: Request, change_set: ChangeSet) -> None:
    """At once, unless the plan of faults says that it takes long or fails."""
    stack, services = change_set.stack, request.account.services
    met = injection.ACTIVE and injection.match_fault("plan", stack.path, STACK, services.region, request.key)
    if not met:
        change_sets.plan(request.account, change_set)
        return
    change_set.status, change_set.execution = "CREATE_IN_PROGRESS", "UNAVAILABLE"

    def run() -> None:
        injection.wait(met)
        with request.account.lock:
            change_set.status, change_set.execution = "CREATE_COMPLETE", "AVAILABLE"
            if met[0].reason:
                change_sets.fail(change_set, met[0].reason)
            elif change_set.id in request.account.change_sets:
                change_sets.plan(request.account, change_set)

    Thread(target=run, name=change_set.id, daemon=True).start()


def _mismatch(existing: ChangeSet, token: str) -> str:
    if token or existing.token:
        return f"ChangeSet {existing.name} cannot be created due to a mismatch with existing attribute ClientToken"
    return f"ChangeSet {existing.name} already exists"


def describe_change_set(request: Request) -> Answer:
    answer = describe.change_set(request.change_set(), bool(request.get("IncludePropertyValues")))
    return {**answer, **request.page("Changes", answer["Changes"])}


def describe_change_set_hooks(request: Request) -> Answer:
    change_set, region = request.change_set(), request.account.services.region
    hooks = [
        describe.hook(change)
        for change in change_set.changes
        if injection.match_hook(f"{change_set.stack.path}/{change.logical}", change.kind, region, request.key)
        and request.get("LogicalResourceId") in (None, change.logical)
    ]
    names = {
        "ChangeSetId": change_set.id,
        "ChangeSetName": change_set.name,
        "StackId": change_set.stack.id,
        "StackName": change_set.stack.name,
    }
    return {**names, "Status": "PLANNED", **request.page("Hooks", hooks)}


def list_change_sets(request: Request) -> Answer:
    stack = request.stack()
    own = [change_set for change_set in request.account.change_sets.values() if change_set.stack is stack]
    shown = [describe.summary(change_set) for change_set in own if change_set.execution != "EXECUTE_COMPLETE"]
    return request.page("Summaries", shown)


def delete_change_set(request: Request) -> Answer:
    try:
        change_set = request.change_set()
    except RefusedCallError:
        return {}  # AWS answers so, too
    if change_set.parent:
        raise RefusedCallError(
            f"Delete the root change set {change_set.root.id} instead", "InvalidChangeSetStatusException"
        )
    if change_set.status != "DELETE_IN_PROGRESS":
        request.account.delete_change_set(change_set)
    return {}


def execute_change_set(request: Request) -> Answer:
    change_set = request.change_set()
    stack, kind = change_set.stack, "CREATE_STACK" if change_set.kind == "CREATE" else "UPDATE_STACK"
    if request.repeated(stack, kind, change_set.id):
        return {}
    if change_set.status != "CREATE_COMPLETE" or change_set.execution != "AVAILABLE":
        raise RefusedCallError(
            f"ChangeSet [{change_set.id}] cannot be executed in its current status of "
            f"[{change_set.status}, {change_set.execution}]",
            "InvalidChangeSetStatusException",
        )
    require_settled(stack, review=True)
    if change_set.mode:
        raise RefusedCallError(
            "The local AWS shows in a change set what drifted and cannot revert it: it is not executed"
        )
    if stack.status in ("CREATE_FAILED", "UPDATE_FAILED") and not request.get("DisableRollback"):
        raise RefusedCallError(
            f"Stack [{stack.id}] is in {stack.status}: only an execution with DisableRollback can follow"
        )
    if change_set.on_failure and request.get("DisableRollback") is not None:
        raise RefusedCallError("DisableRollback cannot be given for a change set with OnStackFailure")
    operation = request.operation(stack, kind, change_set.id)
    stack.settings = change_set.settings.over(stack.settings)
    operation.disable_rollback = bool(request.get("DisableRollback")) or change_set.on_failure == "DO_NOTHING"
    operation.delete_on_failure = change_set.on_failure == "DELETE"
    operation.retain_except_on_create = bool(request.get("RetainExceptOnCreate"))
    stack.disable_rollback, stack.change_set = operation.disable_rollback, change_set.id
    family = [member for member in change_set.family() if member.status == "CREATE_COMPLETE"]
    for member in family:
        member.execution = "EXECUTE_IN_PROGRESS"
    for other in [
        other for other in request.account.change_sets.values() if other.stack is stack and other is not change_set
    ]:
        request.account.forget(other)
    operation.imports = {
        (member.stack.id, change.logical): change.physical
        for member in family
        for change in member.changes
        if change.action == "Import"
    }
    stack.event(operation, None, f"{change_set.kind}_IN_PROGRESS", "User Initiated")

    def run() -> None:
        todo = {"CREATE": engine.create, "UPDATE": engine.update, "IMPORT": engine.take_over}
        todo[change_set.kind](request.account, stack, change_set.target, operation)
        good = stack.status == f"{change_set.kind}_COMPLETE"
        for member in family:
            member.execution = "EXECUTE_COMPLETE" if good else "EXECUTE_FAILED"

    start(run, stack, operation)
    return {}


OPERATIONS = (
    create_change_set,
    describe_change_set,
    describe_change_set_hooks,
    list_change_sets,
    delete_change_set,
    execute_change_set,
)
