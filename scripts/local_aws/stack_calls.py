"""The operations on stacks: created, updated, deleted, cancelled, rolled back; described; their policies.

What AWS does: botocore's service model; user guide, "Continue rolling back an update" and "Stack failure options".
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from scripts.local_aws import change_sets, describe, engine, stack_policies, template
from scripts.local_aws.api import PAGE, Answer, Request, require_settled, start
from scripts.local_aws.template import InvalidTemplateError
from scripts.local_aws.values import ChangeSet, Operation, RefusedCallError, Stack, Target


def create_stack(request: Request) -> Answer:
    name = request.get("StackName")
    for existing in tuple(request.account.stacks.values()):
        if existing.name == name and existing.status != "DELETE_COMPLETE":
            if repeated := request.repeated(existing, "CREATE_STACK"):
                return {"StackId": existing.id, "OperationId": repeated}
            raise RefusedCallError(f"Stack [{name}] already exists", "AlreadyExistsException")
    on_failure, disabled = request.get("OnFailure"), request.get("DisableRollback")
    if on_failure and disabled is not None:
        raise RefusedCallError("You can specify either OnFailure or DisableRollback, but not both")
    target, settings = request.target(None), request.settings()
    policy = _policy(request, target)
    stack = _new_stack(request, name, target)
    stack.settings, stack.policy = settings, policy
    stack.protected = bool(request.get("EnableTerminationProtection"))
    operation = request.operation(stack, "CREATE_STACK")
    stack.disable_rollback = operation.disable_rollback = bool(disabled) or on_failure == "DO_NOTHING"
    operation.delete_on_failure = on_failure == "DELETE"
    operation.retain_except_on_create = bool(request.get("RetainExceptOnCreate"))
    stack.event(operation, None, "CREATE_IN_PROGRESS", "User Initiated")
    start(lambda: engine.create(request.account, stack, target, operation), stack, operation)
    return {"StackId": stack.id, "OperationId": operation.id}


def _new_stack(request: Request, name: str, target: Target) -> Stack:
    """A stack whose rules hold. Raises `InvalidTemplateError` where one does not, and leaves no stack."""
    stack = request.account.new(name)
    try:
        request.account.check_rules(stack, target)
    except InvalidTemplateError:
        del request.account.stacks[stack.id]
        raise
    return stack


def update_stack(request: Request) -> Answer:
    stack = request.stack()
    if repeated := request.repeated(stack, "UPDATE_STACK"):
        return {"StackId": stack.id, "OperationId": repeated}
    require_settled(stack)
    target, settings = request.target(stack), request.settings(stack)
    policy = _policy(request, target)
    trial = ChangeSet("update", "update", stack, "UPDATE", target)
    change_sets.plan(request.account, trial)
    if trial.status == "FAILED":
        nothing = trial.reason == change_sets.NO_CHANGES
        raise RefusedCallError("No updates are to be performed." if nothing else trial.reason)
    operation = request.operation(stack, "UPDATE_STACK")
    operation.disable_rollback = bool(request.get("DisableRollback"))
    stack.settings, stack.policy = settings.over(stack.settings), policy or stack.policy
    for change_set in request.account.change_sets.values():
        if change_set.stack is stack and change_set.execution == "AVAILABLE":
            change_set.execution = "OBSOLETE"
    stack.event(operation, None, "UPDATE_IN_PROGRESS", "User Initiated")
    start(lambda: engine.update(request.account, stack, target, operation), stack, operation)
    return {"StackId": stack.id, "OperationId": operation.id}


def describe_stacks(request: Request) -> Answer:
    listed = (
        [request.stack()]
        if request.get("StackName")
        else [stack for stack in tuple(request.account.stacks.values()) if stack.status != "DELETE_COMPLETE"]
    )
    return request.page("Stacks", [describe.stack(stack) for stack in listed])


def list_stacks(request: Request) -> Answer:
    statuses = request.get("StackStatusFilter", [])
    listed = [stack for stack in tuple(request.account.stacks.values()) if not statuses or stack.status in statuses]
    return request.page("StackSummaries", [describe.stack_summary(stack) for stack in reversed(listed)])


def describe_stack_events(request: Request) -> Answer:
    return request.page("StackEvents", request.stack().events[::-1])


def describe_events(request: Request) -> Answer:
    if name := request.get("ChangeSetName"):
        change_set = request.account.find_change_set(name, request.get("StackName"))
        return request.page("OperationEvents", describe.validation(change_set))
    operation = request.get("OperationId")
    stacks = [request.stack()] if request.get("StackName") else list(request.account.stacks.values())
    events = [event for stack in stacks for event in stack.events if operation in (None, event["OperationId"])]
    if failed := (request.get("Filters") or {}).get("FailedEvents"):
        events = [event for event in events if failed and event["ResourceStatus"].endswith("_FAILED")]
    shown = [describe.operation_event(event) for event in reversed(events)]
    return request.page("OperationEvents", shown)


def describe_stack_resource(request: Request) -> Answer:
    stack, name = request.stack(), request.get("LogicalResourceId")
    if name not in stack.resources:
        raise RefusedCallError(f"Resource {name} does not exist for stack {stack.name}")
    return {"StackResourceDetail": describe.resource_detail(stack, stack.resources[name])}


def describe_stack_resources(request: Request) -> Answer:
    if name := request.get("StackName"):
        stacks = [request.account.find(name)]
    else:
        stacks = list(request.account.stacks.values())
    logical, physical = (request.get("LogicalResourceId"), request.get("PhysicalResourceId"))
    entries = [
        describe.resource(stack, resource)
        for stack in stacks
        for resource in tuple(stack.resources.values())
        if resource.status and logical in (None, resource.logical) and physical in (None, resource.physical)
    ]
    return {"StackResources": entries[:PAGE]}  # AWS gives the first 100 and no token


def list_stack_resources(request: Request) -> Answer:
    summaries = [
        describe.resource_summary(resource) for resource in tuple(request.stack().resources.values()) if resource.status
    ]
    return request.page("StackResourceSummaries", summaries)


def get_template(request: Request) -> Answer:
    name = request.get("ChangeSetName")
    target = request.change_set().target if name else request.stack().target
    # The text as it was handed in (API reference, GetTemplate); no transform is held, so that the stages are the same.
    return {"TemplateBody": target.text if target else "{}", "StagesAvailable": ["Original", "Processed"]}


def get_template_summary(request: Request) -> Answer:
    target = request.stack().target if request.get("StackName") else None
    return _summary(request, target.text if target else request.text(None))


def validate_template(request: Request) -> Answer:
    summary = _summary(request, request.text(None))
    shown = ("ParameterKey", "DefaultValue", "NoEcho", "Description")
    summary["Parameters"] = [{k: v for k, v in parameter.items() if k in shown} for parameter in summary["Parameters"]]
    return {name: value for name, value in summary.items() if name not in ("ResourceTypes", "Version", "Metadata")}


def _summary(request: Request, text: str) -> dict[str, Any]:
    body = template.read(text)
    needed, kinds = request.account.capabilities(body)
    return describe.template(body, needed, kinds)


def update_termination_protection(request: Request) -> Answer:
    stack = request.stack()
    if stack.parent:
        raise RefusedCallError(f"{stack.id} is a nested stack: termination protection is that of its root")
    stack.protected = bool(request.get("EnableTerminationProtection"))
    return {"StackId": stack.id}


def set_stack_policy(request: Request) -> Answer:
    stack = request.stack()
    body = _policy(request, stack.target)
    if body is None:
        raise RefusedCallError("Either StackPolicyBody or StackPolicyURL must be specified.")
    stack.policy = body
    return {}


def _policy(request: Request, target: Target | None) -> str | None:
    """The stack policy of a call, checked against the template that it is for."""
    body, url = request.get("StackPolicyBody"), request.get("StackPolicyURL")
    if body and url:
        raise RefusedCallError("You cannot specify both StackPolicyURL and StackPolicyBody")
    text = str(body) if body else request.account.template(url) if url else None
    if text is not None:
        stack_policies.check(text, target.template.resources.keys() if target else ())
    return text


def get_stack_policy(request: Request) -> Answer:
    stack = request.stack()
    return {"StackPolicyBody": stack.policy} if stack.policy else {}


def delete_stack(request: Request) -> Answer:
    try:
        stack = request.stack()
    except RefusedCallError:
        return {}  # AWS answers so, too
    if request.repeated(stack, "DELETE_STACK") or stack.status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
        return {}
    if stack.root.protected:
        raise RefusedCallError(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    creation = stack.running if stack.status == "CREATE_IN_PROGRESS" else None
    if not creation:
        require_settled(stack, review=True)
    retained, force = (request.get("RetainResources", []), request.get("DeletionMode") == "FORCE_DELETE_STACK")
    if (retained or force) and stack.status != "DELETE_FAILED":
        what = "RetainResources" if retained else "DeletionMode FORCE_DELETE_STACK"
        raise RefusedCallError(f"Invalid operation on stack [{stack.id}]. {what} is only allowed in DELETE_FAILED")
    if unknown := set(retained) - stack.resources.keys():
        raise RefusedCallError(f"The specified resources to retain do not exist: [{', '.join(sorted(unknown))}]")
    settings = request.settings(stack)
    operation = request.operation(stack, "DELETE_STACK")
    stack.root.settings = settings.over(stack.root.settings)
    operation.force, stack.cancelled = force, creation is not None
    stack.event(operation, None, "DELETE_IN_PROGRESS", "User Initiated")
    for change_set in [change_set for change_set in request.account.change_sets.values() if change_set.stack is stack]:
        request.account.forget(change_set)

    def run() -> None:
        if creation:
            creation.join()
            stack.cancelled = False
        engine.delete(request.account, stack, operation, retained)

    start(run, stack, operation)
    return {}


def cancel_update_stack(request: Request) -> Answer:
    stack = request.stack()
    if request.repeated(stack, "CANCEL"):
        return {}
    if stack.status != "UPDATE_IN_PROGRESS":
        raise RefusedCallError(f"CancelUpdateStack cannot be called from current stack status {stack.status}")
    if stack.parent:
        raise RefusedCallError(f"CancelUpdateStack cannot be called on nested stack {stack.id}; cancel {stack.root.id}")
    stack.cancelled = True
    if token := request.get("ClientRequestToken"):
        request.account.tokens[stack.id, token] = ("CANCEL", "", token)
    return {}


def rollback_stack(request: Request) -> Answer:
    stack = request.stack()
    if repeated := request.repeated(stack, "ROLLBACK"):
        return {"StackId": stack.id, "OperationId": repeated}
    if stack.parent or stack.status not in ("CREATE_FAILED", "UPDATE_FAILED"):
        raise RefusedCallError(f"Rollback cannot be called on stack [{stack.id}] in status {stack.status}")
    settings = request.settings(stack)
    operation = request.operation(stack, "ROLLBACK")
    operation.retain_except_on_create = bool(request.get("RetainExceptOnCreate"))
    stack.settings = settings.over(stack.settings)
    again = _again(stack, operation)
    if again:
        stack.event(again, None, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
        start(lambda: engine.roll_back_update(request.account, again, ""), stack, again)
    else:
        stack.event(operation, None, "DELETE_IN_PROGRESS", "User Initiated")
        start(lambda: engine.undo_failed_creation(request.account, stack, operation), stack, operation)
    return {"StackId": stack.id, "OperationId": operation.id}


def continue_update_rollback(request: Request) -> Answer:
    stack = request.stack()
    if request.repeated(stack, "CONTINUE_ROLLBACK"):
        return {}
    if stack.parent:
        raise RefusedCallError(f"RollbackUpdatedStack cannot be invoked on child stacks: {stack.id}")
    if stack.status != "UPDATE_ROLLBACK_FAILED":
        raise RefusedCallError(f"Stack:{stack.id} is in {stack.status} state and can not continue rolling back.")
    named, force = request.get("ResourcesToSkip", []), bool(request.get("ForceRollback"))
    if named and force:
        raise RefusedCallError("ResourcesToSkip and ForceRollback are mutually exclusive")
    resisting = dict(_resisting(stack))
    if unknown := [name for name in named if name not in resisting]:
        raise RefusedCallError(
            f"The following resource(s) cannot be skipped: [{', '.join(unknown)}]. "
            "Only resources that are in UPDATE_FAILED because a rollback failed can be skipped"
        )
    stack.settings = request.settings(stack).over(stack.settings)
    skip = [resisting[name] for name in (resisting if force else named)]
    again = _again(stack, request.operation(stack, "CONTINUE_ROLLBACK"))
    assert again is not None
    stack.event(again, None, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
    start(lambda: engine.roll_back_update(request.account, again, "", skip), stack, again)
    return {}


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
        for resource in stack.resources.values():
            if resource.status == "UPDATE_FAILED" and not resource.nested:
                yield (
                    (resource.logical if stack is root else f"{stack.name}.{resource.logical}"),
                    (stack.id, resource.logical),
                )


OPERATIONS = (
    create_stack,
    update_stack,
    describe_stacks,
    list_stacks,
    describe_stack_events,
    describe_events,
    describe_stack_resource,
    describe_stack_resources,
    list_stack_resources,
    get_template,
    get_template_summary,
    validate_template,
    update_termination_protection,
    set_stack_policy,
    get_stack_policy,
    delete_stack,
    cancel_update_stack,
    rollback_stack,
    continue_update_rollback,
)
