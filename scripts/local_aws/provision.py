"""One resource of a stack: made, changed, imported, read back, deleted; its failure recorded, its faults met.

What takes time is a generator of `Wait`s: the engine goes on with it once the wait is over, and does other resources
meanwhile. A resource that is not wanted any more is told so at its wait, by an exception.
"""

import logging
import time
import traceback
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import TypeVar

from generator.cfn.resource_arns import generated
from scripts.local_aws import durations, uses, validation
from scripts.local_aws.account import Account
from scripts.local_aws.faults import HOOK, injection
from scripts.local_aws.handlers import demands, readback
from scripts.local_aws.handlers.handler import ResourceHandler, handler_for
from scripts.local_aws.roles import resources
from scripts.local_aws.services import ResourceError
from scripts.local_aws.template import InvalidTemplateError
from scripts.local_aws.values import Operation, Resource, Stack, StackError

LOG = logging.getLogger(__name__)
LOWER_CASE = ("s3", "ecr")  # services whose names have no capitals
T = TypeVar("T")
Wait = Callable[[], bool]  # whether it is over
Steps = Generator[Wait, None, T]


def at_once() -> bool:
    """The wait of what goes on as soon as it is its turn."""
    return True


def elapsed(seconds: float) -> Wait:
    """The wait of what takes a time."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() >= until


def nothing() -> Steps[None]:
    """What is left to do for a nested stack that somebody deleted already."""
    yield at_once


def handler(account: Account, stack: Stack, resource: Resource) -> ResourceHandler:
    """The handler of a resource, with its secrets filled in and its name generated."""
    properties = account.dynamic(resource.properties)
    service = handler_for(account.services, resource.kind, properties, resource.physical)
    name = service.row.named
    if name and name not in properties and not resource.physical:
        seed = f"{stack.id}/{len(stack.events)}"
        service.properties[name] = generated(stack.name, resource.logical, seed, service.row.longest)
        if service.row.service in LOWER_CASE:
            service.properties[name] = service.properties[name].lower()
    return service


def failed(stack: Stack, resource: Resource, operation: Operation, status: str, error: Exception) -> Exception:
    """The error to raise for a resource whose step failed; its event is recorded."""
    if not isinstance(error, ResourceError | InvalidTemplateError | StackError):
        LOG.error("%s", traceback.format_exc())
        error = ResourceError(f"the local AWS itself failed: {error!r}")
    stack.event(operation, resource, status, str(error))
    return error


def disturbed(
    account: Account, verb: str, stack: Stack, resource: Resource, operation: Operation, steps: Steps[T]
) -> Steps[T]:
    """Steps with what the plan of faults says happens to the resource before or after them, unless
    the role of the stack may not do them. Raises `ResourceError`."""
    resources.refuse(account, verb, stack, resource, operation)
    if not injection.ACTIVE:
        return (yield from steps)
    region, path = account.services.region, f"{stack.path}/{resource.logical}"
    on = "rollback" if operation.undoing else verb
    match = injection.match_fault(on, path, resource.kind, region, operation.key)
    if on in ("create", "update"):
        hook = injection.match_hook(path, resource.kind, region, operation.key)
        if hook:
            _refuse_by_hook(stack, resource, operation, verb, hook.reason)
    first = match and (match[0].refused or verb == "delete" or resource.nested)
    if match and first:
        yield from _apply_fault(match)
    result = yield from steps
    if match and not first:
        yield from _apply_fault(match)
    return result


def _apply_fault(match: injection.Match) -> Steps[None]:
    fault, gone = match
    until = time.monotonic() + fault.seconds
    if fault.seconds:
        yield lambda: gone.is_set() or time.monotonic() >= until
    if fault.reason:
        raise ResourceError(fault.reason)


def _refuse_by_hook(stack: Stack, resource: Resource, operation: Operation, verb: str, reason: str) -> None:
    """A hook that refuses, as the event of a resource shows it. Raises `ResourceError`."""
    hook = {
        "HookType": HOOK,
        "HookStatus": "HOOK_COMPLETE_FAILED",
        "HookStatusReason": reason,
        "HookInvocationPoint": "PRE_PROVISION",
        "HookFailureMode": "FAIL",
    }
    stack.event(operation, resource, f"{verb.upper()}_IN_PROGRESS", "", hook)
    raise ResourceError(f"The following hook(s) failed: [{HOOK}]")


def create(account: Account, stack: Stack, resource: Resource, operation: Operation, verb: str) -> Steps[None]:
    """Makes a resource, reads it back and raises `ResourceError` unless it is there as asked for. `verb` is CREATE, or
    UPDATE for the replacement of another."""
    creation = handler(account, stack, resource)
    demands.check(creation)
    validation.refuse_existing(creation)
    try:
        creation.create()
    finally:
        resource.physical = creation.physical
    if creation.row.named:
        _refuse_owned(account, resource)
    stack.event(operation, resource, f"{verb}_IN_PROGRESS", "Resource creation Initiated")
    if resource.kind == uses.VPC_ORIGIN:
        uses.place_interfaces(account.services, resource)
    until = elapsed(durations.typical(resource.kind) * account.behaviour.pace)
    yield lambda: until() and creation.is_ready()
    _verify(resource, creation)


def _refuse_owned(account: Account, resource: Resource) -> None:
    """Raises `ResourceError` for what a service gave as new and another resource of a stack is already; the words:
    aws-samples/eb-php-wordpress issue 25."""
    for stack in tuple(account.stacks.values()):
        for other in tuple(stack.resources.values()):
            if other is not resource and (other.kind, other.physical) == (resource.kind, resource.physical):
                resource.physical, name = "", resource.physical
                raise ResourceError(f"{name} already exists in stack {stack.id}")


def change(
    account: Account, stack: Stack, before: Resource, after: Resource, operation: Operation, why: str = ""
) -> Steps[None]:
    """Changes a resource in place. Raises `ResourceError`."""
    stack.event(operation, after, "UPDATE_IN_PROGRESS", why)
    try:
        steps = _change(account, stack, before, after, operation.undoing)
        yield from disturbed(account, "update", stack, after, operation, steps)
    except Exception as error:
        raise failed(stack, after, operation, "UPDATE_FAILED", error) from error
    stack.event(operation, after, "UPDATE_COMPLETE")


def _change(account: Account, stack: Stack, before: Resource, after: Resource, undoing: bool) -> Steps[None]:
    changed = handler(account, stack, after)
    if undoing and all(readback.unheld(changed, changed.read()).values()):
        return  # what failed may not have changed anything
    uses.refuse_change(account, after)
    changed.update(account.dynamic(before.properties))
    after.physical = changed.physical
    yield changed.is_ready
    _verify(after, changed)


def adopt(account: Account, stack: Stack, resource: Resource, physical: str, operation: Operation) -> Steps[None]:
    """Takes over an existing resource and brings it to what the template says, as the update that CloudFormation runs
    after an import does. Raises `ResourceError`."""
    resource.physical, resource.adopted = physical, operation.id
    stack.event(operation, resource, "IMPORT_IN_PROGRESS", "Resource import started.")
    try:
        existing = handler(account, stack, resource)
        unheld = readback.unheld(existing, existing.read(whole=False))
        lost = {place.partition(".")[0] for place, kept in unheld.items() if not kept}
    except Exception as error:
        raise failed(stack, resource, operation, "IMPORT_FAILED", error) from error
    stack.event(operation, resource, "IMPORT_COMPLETE", "Resource import completed.")
    actual = {name: value for name, value in resource.properties.items() if name not in lost}
    why = "Apply stack-level tags to imported resource if applicable."
    yield from change(account, stack, replace(resource, properties=actual), resource, operation, why)


def _verify(resource: Resource, service: ResourceHandler) -> None:
    """Reads back what was made: what is not there as asked for fails, unless it is a named exception."""
    state = service.read()
    service.properties = {name: value for name, value in service.properties.items() if name in resource.properties}
    resource.unheld = readback.unheld(service, state)
    if unnamed := [path for path, kept in resource.unheld.items() if not kept]:
        raise ResourceError(f"{resource.kind}: the service does not hold {', '.join(unnamed)} as asked for")
    resource.attributes = service.attributes(state)


def delete(account: Account, stack: Stack, resource: Resource) -> Steps[None]:
    """Deletes a resource. Raises `ResourceError`."""
    uses.refuse_deletion(account, resource)
    handler(account, stack, resource).delete()
    if resource.kind == uses.VPC_ORIGIN:
        uses.remove_interfaces(account, resource)
    yield at_once
