"""CloudFormation's API over the engine: the only seam to moto.

The class stands in moto's address table in the place of moto's own CloudFormation, so that parsing, XML, errors and
authorisation stay moto's and botocore's. Shapes: botocore's service model of CloudFormation.
"""

import json
import logging
import traceback
from collections.abc import Callable
from threading import Thread
from typing import Any

from moto.cloudformation import urls
from moto.cloudformation.exceptions import CloudFormationError
from moto.core.responses import ActionResult, BaseResponse
from moto.s3.models import FakeBucket
from moto.utilities.utils import get_partition

from scripts.embedded import changesets, describe, evaluate
from scripts.embedded.account import Account
from scripts.embedded.engine import Engine, guarded
from scripts.embedded.evaluate import Invalid
from scripts.embedded.resources import Services
from scripts.embedded.stacks import ChangeSet, Operation, Refused, Stack, Target, identifier

LOG = logging.getLogger(__name__)
ACCOUNTS: dict[tuple[str, str], Account] = {}
SETTLED = ("_COMPLETE", "_FAILED")
STUCK = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED")
ENDPOINT: list[str] = []  # where the services answer; set by `install`


def install(endpoint: str) -> None:
    """Puts this CloudFormation in the place of moto's. `endpoint` is where moto itself answers."""
    ENDPOINT[:] = [endpoint]
    urls.url_paths["{0}/$"] = CloudFormation.dispatch
    # moto reads a log bucket's policy only if it is one plain statement, and fails at the others (models.py, 5.2.5).
    setattr(FakeBucket, "_log_permissions_enabled_policy", staticmethod(lambda **_: True))  # noqa: B010


def account(number: str, region: str) -> Account:
    """The state of an account in a region, made at the first call."""
    if (number, region) not in ACCOUNTS:
        ACCOUNTS[number, region] = Account(Services(ENDPOINT[0], region, number, get_partition(region)))
    return ACCOUNTS[number, region]


class CloudFormation(BaseResponse):
    """One method an operation; each returns the output in the shape of botocore's model."""

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    def call_action(self) -> Any:
        """The call, with the account locked and what we refuse in moto's form."""
        self.account = account(self.current_account, self.region)
        with self.account.lock:
            return super().call_action()

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        return _refusing(value) if name in OPERATIONS else value

    def _stack(self) -> Stack:
        return self.account.find(self._get_param("StackName"))

    def _change_set(self) -> ChangeSet:
        return self.account.find_change_set(self._get_param("ChangeSetName"), self._get_param("StackName"))

    def _text(self, stack: Stack | None) -> str:
        if body := self._get_param("TemplateBody"):
            if len(body.encode()) > 51200:
                raise Refused(
                    "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: "
                    "Member must have length less than or equal to 51200"
                )
            return str(body)
        if url := self._get_param("TemplateURL"):
            return self.account.template(url)
        if stack and stack.target and (self._get_param("UsePreviousTemplate") or self._get_param("StackName")):
            return stack.target.text
        raise Refused("Either Template URL or Template Body must be specified.")

    def _target(self, stack: Stack | None) -> Target:
        given: dict[str, str] = {}
        previous = stack.target if stack else None
        for item in self._get_param("Parameters", []):
            name = item["ParameterKey"]
            if not item.get("UsePreviousValue"):
                given[name] = item.get("ParameterValue", "")
            elif previous is None or name not in previous.given:
                raise Refused(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for "
                    "a parameter key not in the previous template"
                )
            else:
                given[name] = previous.given[name]
        listed = self._get_param("Tags")
        tags = {tag["Key"]: tag["Value"] for tag in listed or ()}
        if listed is None and previous:
            tags = dict(previous.tags)
        capabilities = tuple(self._get_param("Capabilities", []))
        target = self.account.target(self._text(stack), given, tags, capabilities)
        needed, _ = self.account.capabilities(target.template)
        enough = set(needed) <= set(capabilities) or "CAPABILITY_NAMED_IAM" in capabilities
        if not enough:
            raise Refused(f"Requires capabilities : [{', '.join(needed)}]", "InsufficientCapabilitiesException")
        return target

    def _operation(self, stack: Stack, kind: str) -> Operation:
        self.account.made += 1
        operation = Operation(identifier(stack.id, self.account.made), self._get_param("ClientRequestToken") or "")
        stack.cancelled = False
        stack.last = [{"OperationType": kind, "OperationId": operation.id}, *stack.last]
        return operation

    def _start(self, run: Callable[[], None], stack: Stack, operation: Operation) -> None:
        Thread(target=guarded, args=(run, stack, operation), name=operation.id, daemon=True).start()

    # -- change sets

    def create_change_set(self) -> ActionResult:
        name, kind = self._get_param("ChangeSetName"), self._get_param("ChangeSetType") or "UPDATE"
        try:
            stack: Stack | None = self._stack()
        except Refused:
            if kind == "UPDATE":
                raise
            stack = None
        if stack and (kind == "CREATE") != (stack.status == "REVIEW_IN_PROGRESS"):
            raise Refused(
                f"Stack [{stack.name}] already exists and cannot be created again with the changeSet [{name}]."
                if kind == "CREATE"
                else f"Stack [{stack.name}] does not exist"
            )
        if stack:
            _settled(stack, review=True)
            if stack.status in STUCK:
                raise Refused(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
            if any(one.name == name and one.stack is stack for one in self.account.change_sets.values()):
                raise Refused(f"ChangeSet {name} already exists", "AlreadyExistsException")
        target = self._target(stack)
        made = stack or self.account.new(self._get_param("StackName"))
        if stack is None:
            made.event(self._operation(made, "CREATE_CHANGESET"), None, "REVIEW_IN_PROGRESS", "User Initiated")
        change_set = self.account.change_set(made, name, kind, target)
        change_set.description = self._get_param("Description")
        change_set.include_nested = bool(self._get_param("IncludeNestedStacks"))
        change_set.on_failure = self._get_param("OnStackFailure")
        changesets.plan(self.account, change_set)
        return ActionResult({"Id": change_set.id, "StackId": made.id})

    def describe_change_set(self) -> ActionResult:
        return ActionResult(describe.change_set(self._change_set(), bool(self._get_param("IncludePropertyValues"))))

    def list_change_sets(self) -> ActionResult:
        stack = self._stack()
        own = [one for one in self.account.change_sets.values() if one.stack is stack]
        return ActionResult(
            {"Summaries": [describe.summary(one) for one in own if one.execution != "EXECUTE_COMPLETE"]}
        )

    def delete_change_set(self) -> ActionResult:
        try:
            change_set = self._change_set()
        except Refused:
            return ActionResult({})  # AWS answers so, too
        if change_set.parent:
            raise Refused(f"Delete the root change set {change_set.root.id} instead", "InvalidChangeSetStatusException")
        for one in change_set.family():
            self.account.change_sets.pop(one.id, None)
            if one.reviewed and one.stack.status == "REVIEW_IN_PROGRESS":
                one.stack.event(Operation(identifier(one.id)), None, "DELETE_COMPLETE")
        return ActionResult({})

    def execute_change_set(self) -> ActionResult:
        change_set = self._change_set()
        stack = change_set.stack
        if change_set.status != "CREATE_COMPLETE" or change_set.execution != "AVAILABLE":
            raise Refused(
                f"ChangeSet [{change_set.id}] cannot be executed in its current status of "
                f"[{change_set.status}, {change_set.execution}]",
                "InvalidChangeSetStatusException",
            )
        _settled(stack, review=True)
        operation = self._operation(stack, f"{change_set.kind}_STACK")
        operation.disable_rollback = bool(self._get_param("DisableRollback")) or change_set.on_failure == "DO_NOTHING"
        operation.delete_on_failure = change_set.on_failure == "DELETE"
        operation.retain_except_on_create = bool(self._get_param("RetainExceptOnCreate"))
        stack.disable_rollback, stack.change_set = operation.disable_rollback, change_set.id
        family = change_set.family()
        for one in family:
            one.execution = "EXECUTE_IN_PROGRESS"
        for one in [one for one in self.account.change_sets.values() if one.stack is stack and one is not change_set]:
            for nested in one.family():
                self.account.change_sets.pop(nested.id, None)
        engine, creating = Engine(self.account), change_set.kind == "CREATE"
        stack.event(operation, None, "CREATE_IN_PROGRESS" if creating else "UPDATE_IN_PROGRESS", "User Initiated")

        def run() -> None:
            (engine.create if creating else engine.update)(stack, change_set.target, operation)
            good = stack.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
            for one in family:
                one.execution = "EXECUTE_COMPLETE" if good else "EXECUTE_FAILED"

        self._start(run, stack, operation)
        return ActionResult({})

    # -- stacks

    def create_stack(self) -> ActionResult:
        name = self._get_param("StackName")
        if any(one.name == name and one.status != "DELETE_COMPLETE" for one in self.account.stacks.values()):
            raise Refused(f"Stack [{name}] already exists", "AlreadyExistsException")
        target = self._target(None)
        stack = self.account.new(name)
        stack.protected = bool(self._get_param("EnableTerminationProtection"))
        operation = self._operation(stack, "CREATE_STACK")
        operation.disable_rollback = bool(self._get_param("DisableRollback"))
        stack.event(operation, None, "CREATE_IN_PROGRESS", "User Initiated")
        self._start(lambda: Engine(self.account).create(stack, target, operation), stack, operation)
        return ActionResult({"StackId": stack.id, "OperationId": operation.id})

    def update_stack(self) -> ActionResult:
        stack = self._stack()
        _settled(stack)
        target = self._target(stack)
        trial = ChangeSet("update", "update", stack, "UPDATE", target)
        changesets.plan(self.account, trial)
        if trial.status == "FAILED":
            nothing = trial.reason == changesets.NO_CHANGES
            raise Refused("No updates are to be performed." if nothing else trial.reason)
        operation = self._operation(stack, "UPDATE_STACK")
        operation.disable_rollback = bool(self._get_param("DisableRollback"))
        stack.event(operation, None, "UPDATE_IN_PROGRESS", "User Initiated")
        self._start(lambda: Engine(self.account).update(stack, target, operation), stack, operation)
        return ActionResult({"StackId": stack.id, "OperationId": operation.id})

    def delete_stack(self) -> ActionResult:
        try:
            stack = self._stack()
        except Refused:
            return ActionResult({})  # AWS answers so, too
        if stack.status == "DELETE_COMPLETE":
            return ActionResult({})
        if stack.protected:
            raise Refused(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        _settled(stack, review=True)
        retained = self._get_param("RetainResources", [])
        if retained and stack.status != "DELETE_FAILED":
            raise Refused(f"Invalid operation on stack [{stack.id}]. RetainResources is only allowed in DELETE_FAILED")
        operation = self._operation(stack, "DELETE_STACK")
        stack.event(operation, None, "DELETE_IN_PROGRESS", "User Initiated")
        for one in [one for one in self.account.change_sets.values() if one.stack is stack]:
            for nested in one.family():
                self.account.change_sets.pop(nested.id, None)
                if nested.reviewed and nested.stack is not stack and nested.stack.status == "REVIEW_IN_PROGRESS":
                    nested.stack.event(operation, None, "DELETE_COMPLETE")
        self._start(lambda: Engine(self.account).delete(stack, operation, "", retained), stack, operation)
        return ActionResult({})

    def cancel_update_stack(self) -> ActionResult:
        stack = self._stack()
        if stack.status != "UPDATE_IN_PROGRESS":
            raise Refused(f"CancelUpdateStack cannot be called from current stack status {stack.status}")
        stack.cancelled = True
        return ActionResult({})

    def describe_stacks(self) -> ActionResult:
        listed = (
            [self._stack()]
            if self._get_param("StackName")
            else [one for one in self.account.stacks.values() if one.status != "DELETE_COMPLETE"]
        )
        return ActionResult({"Stacks": [describe.stack(one) for one in listed]})

    def list_stacks(self) -> ActionResult:
        wanted = self._get_param("StackStatusFilter", [])
        listed = [one for one in self.account.stacks.values() if not wanted or one.status in wanted]
        return ActionResult({"StackSummaries": [describe.stack_summary(one) for one in reversed(listed)]})

    def describe_stack_events(self) -> ActionResult:
        events = self._stack().events[::-1]
        first, size = int(self._get_param("NextToken") or 0), 100
        following = {"NextToken": str(first + size)} if first + size < len(events) else {}
        return ActionResult({"StackEvents": events[first : first + size], **following})

    def describe_events(self) -> ActionResult:
        if name := self._get_param("ChangeSetName"):
            return ActionResult(
                {
                    "OperationEvents": describe.validation(
                        self.account.find_change_set(name, self._get_param("StackName"))
                    )
                }
            )
        wanted = self._get_param("OperationId")
        stacks = [self._stack()] if self._get_param("StackName") else list(self.account.stacks.values())
        events = [event for stack in stacks for event in stack.events if wanted in (None, event["OperationId"])]
        if failed := (self._get_param("Filters") or {}).get("FailedEvents"):
            events = [event for event in events if failed and event["ResourceStatus"].endswith("_FAILED")]
        return ActionResult({"OperationEvents": [describe.operation_event(event) for event in reversed(events)]})

    def describe_stack_resource(self) -> ActionResult:
        stack, name = self._stack(), self._get_param("LogicalResourceId")
        if name not in stack.resources:
            raise Refused(f"Resource {name} does not exist for stack {stack.name}")
        return ActionResult({"StackResourceDetail": describe.resource_detail(stack, stack.resources[name])})

    def describe_stack_resources(self) -> ActionResult:
        if name := self._get_param("StackName"):
            stacks = [self.account.find(name)]
        else:
            stacks = list(self.account.stacks.values())
        logical, physical = self._get_param("LogicalResourceId"), self._get_param("PhysicalResourceId")
        found = [
            describe.resource(stack, one)
            for stack in stacks
            for one in stack.resources.values()
            if logical in (None, one.logical) and physical in (None, one.physical)
        ]
        return ActionResult({"StackResources": found})

    def list_stack_resources(self) -> ActionResult:
        found = [describe.resource_summary(one) for one in self._stack().resources.values()]
        return ActionResult({"StackResourceSummaries": found})

    def get_template(self) -> ActionResult:
        name = self._get_param("ChangeSetName")
        target = self._change_set().target if name else self._stack().target
        body = json.loads(target.text) if target else {}
        return ActionResult({"TemplateBody": json.dumps(body, indent=1), "StagesAvailable": ["Original", "Processed"]})

    def get_template_summary(self) -> ActionResult:
        stack = self._stack() if self._get_param("StackName") else None
        return ActionResult(self._summary(self._text(stack)))

    def validate_template(self) -> ActionResult:
        summary = self._summary(self._text(None))
        shown = ("ParameterKey", "DefaultValue", "NoEcho", "Description")
        summary["Parameters"] = [{k: v for k, v in one.items() if k in shown} for one in summary["Parameters"]]
        return ActionResult(
            {name: value for name, value in summary.items() if name not in ("ResourceTypes", "Version", "Metadata")}
        )

    def _summary(self, text: str) -> dict[str, Any]:
        template = evaluate.read(text)
        needed, kinds = self.account.capabilities(template)
        return describe.template(template, needed, kinds)

    def update_termination_protection(self) -> ActionResult:
        stack = self._stack()
        if stack.parent:
            raise Refused(f"{stack.id} is a nested stack: termination protection is that of its root")
        stack.protected = bool(self._get_param("EnableTerminationProtection"))
        return ActionResult({"StackId": stack.id})

    def set_stack_policy(self) -> ActionResult:
        body = self._get_param("StackPolicyBody") or self.account.template(self._get_param("StackPolicyURL"))
        try:
            json.loads(body)
        except ValueError as error:
            raise Refused(f"Error validating stack policy: {error}") from error
        self._stack().policy = body
        return ActionResult({})

    def get_stack_policy(self) -> ActionResult:
        stack = self._stack()
        return ActionResult({"StackPolicyBody": stack.policy} if stack.policy else {})


OPERATIONS = frozenset(name for name in vars(CloudFormation) if not name.startswith("_") and name != "call_action")


def _refusing(method: Callable[[], ActionResult]) -> Callable[[], ActionResult]:
    """The operation, with our refusals in moto's form."""

    def run() -> ActionResult:
        try:
            return method()
        except Refused as error:
            raise CloudFormationError(error.code, error.message) from error
        except Invalid as error:
            raise CloudFormationError("ValidationError", str(error)) from error
        except Exception as error:
            LOG.error("%s", traceback.format_exc())
            raise CloudFormationError("InternalFailure", f"the embedded AWS itself failed: {error!r}") from error

    return run


def _settled(stack: Stack, review: bool = False) -> None:
    """Raises `Refused` for a stack that something is going on with."""
    if not stack.status.endswith(SETTLED) and not (review and stack.status == "REVIEW_IN_PROGRESS"):
        raise Refused(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def exceptions() -> list[dict[str, str]]:
    """What moto does not hold of what exists now, resource by resource."""
    return [entry for one in ACCOUNTS.values() for entry in describe.exceptions(one)]
