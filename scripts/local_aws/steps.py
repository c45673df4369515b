"""Single steps: one resource named, changed, read back, its failure recorded."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event

from scripts.local_aws import injection, readback
from scripts.local_aws.account import Account
from scripts.local_aws.faults import HOOK, ResourceFault
from scripts.local_aws.resources import Thing, thing
from scripts.local_aws.services import Failed, generated
from scripts.local_aws.stacks import Operation, Resource, Stack
from scripts.local_aws.structure import Invalid

LOG = logging.getLogger(__name__)


class StackFailed(Exception):
    """A stack whose resources did not all come to be; the message is the stack's status reason."""


class Steps:
    """What creation, update, rollback and deletion share."""

    def __init__(self, account: Account) -> None:
        self.account = account

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

    def _failed(
        self, stack: Stack, resource: Resource, operation: Operation, status: str, error: Exception
    ) -> Exception:
        if not isinstance(error, Failed | Invalid | StackFailed):
            LOG.error("%s", traceback.format_exc())
            error = Failed(f"the local AWS itself failed: {error!r}")
        stack.event(operation, resource, status, str(error))
        return error

    def _begin(self, stack: Stack, operation: Operation, status: str, reason: str = "") -> None:
        """The first event; a root has it from the call that started the operation."""
        if stack.status != status:
            stack.event(operation, None, status, reason)

    @contextmanager
    def _planned(self, verb: str, stack: Stack, resource: Resource, operation: Operation) -> Iterator[None]:
        """Around a step: what the plan of faults says happens to it. Raises `Failed`."""
        met = None
        if injection.ACTIVE:
            on, services = "rollback" if operation.undoing else verb, self.account.services
            path = f"{stack.path}/{resource.logical}"
            met = injection.meets(on, path, resource.kind, services.region, operation.key)
            if on in ("create", "update") and (
                hook := injection.hooked(path, resource.kind, services.region, operation.key)
            ):
                self._refused(stack, resource, operation, verb, hook.reason)
        first = met and (met[0].refused or verb == "delete" or resource.nested)
        if met and first:
            self._suffer(*met, stack, verb)
        yield
        if met and not first:
            self._suffer(*met, stack, verb)

    def _refused(self, stack: Stack, resource: Resource, operation: Operation, verb: str, reason: str) -> None:
        """A hook that refuses, as the event of a resource shows it. Raises `Failed`."""
        hook = {
            "HookType": HOOK,
            "HookStatus": "HOOK_COMPLETE_FAILED",
            "HookStatusReason": reason,
            "HookInvocationPoint": "PRE_PROVISION",
            "HookFailureMode": "FAIL",
        }
        stack.event(operation, resource, f"{verb.upper()}_IN_PROGRESS", "", hook)
        raise Failed(f"The following hook(s) failed: [{HOOK}]")

    def _suffer(self, fault: ResourceFault, gone: Event, stack: Stack, verb: str) -> None:
        if not injection.wait(fault, gone, lambda: stack.root.cancelled):
            raise Failed(f"Resource {verb} cancelled")
        if fault.reason:
            raise Failed(fault.reason)

    def _adopt(self, stack: Stack, resource: Resource, physical: str, operation: Operation) -> None:
        """Takes over an existing resource and brings it to what the template says, as the update that CloudFormation
        runs after an import does."""
        resource.physical, resource.adopted = physical, operation.id
        stack.event(operation, resource, "IMPORT_IN_PROGRESS", "Resource import started.")
        try:
            made = self._thing(stack, resource)
            unheld = readback.unheld(made, made.read(whole=False))
            lost = {place.partition(".")[0] for place, kept in unheld.items() if not kept}
        except Exception as error:
            raise self._failed(stack, resource, operation, "IMPORT_FAILED", error) from error
        stack.event(operation, resource, "IMPORT_COMPLETE", "Resource import completed.")
        actual = {name: value for name, value in resource.properties.items() if name not in lost}
        why = "Apply stack-level tags to imported resource if applicable."
        self._change(stack, replace(resource, properties=actual), resource, operation, why)

    def _change(self, stack: Stack, before: Resource, after: Resource, operation: Operation, why: str = "") -> None:
        """Changes a resource in place."""
        stack.event(operation, after, "UPDATE_IN_PROGRESS", why)
        try:
            with self._planned("update", stack, after, operation):
                if not operation.undoing or not self._holds(stack, after):  # what failed may not have changed anything
                    changed = self._thing(stack, after)
                    changed.update(self.account.dynamic(before.properties))
                    after.physical = changed.physical
                    self._verify(after, changed)
        except Exception as error:
            raise self._failed(stack, after, operation, "UPDATE_FAILED", error) from error
        stack.event(operation, after, "UPDATE_COMPLETE")

    def _holds(self, stack: Stack, resource: Resource) -> bool:
        """Whether the service shows a resource as asked for, but for named exceptions."""
        made = self._thing(stack, resource)
        return all(readback.unheld(made, made.read()).values())

    def _verify(self, resource: Resource, made: Thing) -> None:
        """Reads back what was made: what is not there as asked for fails, unless it is a named exception."""
        state = made.read()
        made.properties = {name: value for name, value in made.properties.items() if name in resource.properties}
        resource.unheld = readback.unheld(made, state)
        if unnamed := [path for path, kept in resource.unheld.items() if not kept]:
            raise Failed(f"{resource.kind}: the service does not hold {', '.join(unnamed)} as asked for")
        resource.attributes = made.attributes(state)
