"""CloudFormation's API over the engine, one method an operation. Shapes: botocore's service model."""

import json
from typing import Any

from moto.cloudformation import urls
from moto.core.responses import ActionResult
from moto.s3.models import FakeBucket

from scripts.local_aws import changesets, describe, stack_policies, structure
from scripts.local_aws.changeset_calls import ChangeSetCalls
from scripts.local_aws.drift_calls import DriftCalls
from scripts.local_aws.engine import Engine
from scripts.local_aws.recovery_calls import RecoveryCalls
from scripts.local_aws.seam import ACCOUNTS, PAGE, settled
from scripts.local_aws.stacks import ChangeSet, Refused, Target


class CloudFormation(ChangeSetCalls, RecoveryCalls, DriftCalls):
    """All operations; each returns the output in the shape of botocore's model."""

    def create_stack(self) -> ActionResult:
        name = self._get_param("StackName")
        for one in tuple(self.account.stacks.values()):
            if one.name == name and one.status != "DELETE_COMPLETE":
                if repeated := self._repeated(one, "CREATE_STACK"):
                    return ActionResult({"StackId": one.id, "OperationId": repeated})
                raise Refused(f"Stack [{name}] already exists", "AlreadyExistsException")
        on_failure, disabled = self._get_param("OnFailure"), self._get_param("DisableRollback")
        if on_failure and disabled is not None:
            raise Refused("You can specify either OnFailure or DisableRollback, but not both")
        target, settings = self._target(None), self._settings()
        stack = self.account.new(name)
        stack.settings, stack.policy = settings, self._policy(target)
        stack.protected = bool(self._get_param("EnableTerminationProtection"))
        operation = self._operation(stack, "CREATE_STACK")
        operation.disable_rollback = bool(disabled) or on_failure == "DO_NOTHING"
        operation.delete_on_failure = on_failure == "DELETE"
        operation.retain_except_on_create = bool(self._get_param("RetainExceptOnCreate"))
        stack.event(operation, None, "CREATE_IN_PROGRESS", "User Initiated")
        self._start(lambda: Engine(self.account).create(stack, target, operation), stack, operation)
        return ActionResult({"StackId": stack.id, "OperationId": operation.id})

    def update_stack(self) -> ActionResult:
        stack = self._stack()
        if repeated := self._repeated(stack, "UPDATE_STACK"):
            return ActionResult({"StackId": stack.id, "OperationId": repeated})
        settled(stack)
        target, settings = self._target(stack), self._settings()
        trial = ChangeSet("update", "update", stack, "UPDATE", target)
        changesets.plan(self.account, trial)
        if trial.status == "FAILED":
            nothing = trial.reason == changesets.NO_CHANGES
            raise Refused("No updates are to be performed." if nothing else trial.reason)
        operation = self._operation(stack, "UPDATE_STACK")
        operation.disable_rollback = bool(self._get_param("DisableRollback"))
        stack.settings, stack.policy = settings.over(stack.settings), self._policy(target) or stack.policy
        for one in self.account.change_sets.values():
            if one.stack is stack and one.execution == "AVAILABLE":
                one.execution = "OBSOLETE"
        stack.event(operation, None, "UPDATE_IN_PROGRESS", "User Initiated")
        self._start(lambda: Engine(self.account).update(stack, target, operation), stack, operation)
        return ActionResult({"StackId": stack.id, "OperationId": operation.id})

    def describe_stacks(self) -> ActionResult:
        listed = (
            [self._stack()]
            if self._get_param("StackName")
            else [one for one in tuple(self.account.stacks.values()) if one.status != "DELETE_COMPLETE"]
        )
        return ActionResult(self._page("Stacks", [describe.stack(one) for one in listed]))

    def list_stacks(self) -> ActionResult:
        wanted = self._get_param("StackStatusFilter", [])
        listed = [one for one in tuple(self.account.stacks.values()) if not wanted or one.status in wanted]
        return ActionResult(self._page("StackSummaries", [describe.stack_summary(one) for one in reversed(listed)]))

    def describe_stack_events(self) -> ActionResult:
        return ActionResult(self._page("StackEvents", self._stack().events[::-1]))

    def describe_events(self) -> ActionResult:
        if name := self._get_param("ChangeSetName"):
            found = self.account.find_change_set(name, self._get_param("StackName"))
            return ActionResult(self._page("OperationEvents", describe.validation(found)))
        wanted = self._get_param("OperationId")
        stacks = [self._stack()] if self._get_param("StackName") else list(self.account.stacks.values())
        events = [event for stack in stacks for event in stack.events if wanted in (None, event["OperationId"])]
        if failed := (self._get_param("Filters") or {}).get("FailedEvents"):
            events = [event for event in events if failed and event["ResourceStatus"].endswith("_FAILED")]
        shown = [describe.operation_event(event) for event in reversed(events)]
        return ActionResult(self._page("OperationEvents", shown))

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
        logical, physical = (self._get_param("LogicalResourceId"), self._get_param("PhysicalResourceId"))
        found = [
            describe.resource(stack, one)
            for stack in stacks
            for one in tuple(stack.resources.values())
            if logical in (None, one.logical) and physical in (None, one.physical)
        ]
        return ActionResult({"StackResources": found[:PAGE]})  # AWS gives the first 100 and no token

    def list_stack_resources(self) -> ActionResult:
        found = [describe.resource_summary(one) for one in tuple(self._stack().resources.values())]
        return ActionResult(self._page("StackResourceSummaries", found))

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
        template = structure.read(text)
        needed, kinds = self.account.capabilities(template)
        return describe.template(template, needed, kinds)

    def update_termination_protection(self) -> ActionResult:
        stack = self._stack()
        if stack.parent:
            raise Refused(f"{stack.id} is a nested stack: termination protection is that of its root")
        stack.protected = bool(self._get_param("EnableTerminationProtection"))
        return ActionResult({"StackId": stack.id})

    def set_stack_policy(self) -> ActionResult:
        stack = self._stack()
        body = self._policy(stack.target)
        if body is None:
            raise Refused("Either StackPolicyBody or StackPolicyURL must be specified.")
        stack.policy = body
        return ActionResult({})

    def _policy(self, target: Target | None) -> str | None:
        """The stack policy of a call, checked against the template that it is for."""
        body, url = self._get_param("StackPolicyBody"), self._get_param("StackPolicyURL")
        if body and url:
            raise Refused("You cannot specify both StackPolicyURL and StackPolicyBody")
        text = str(body) if body else self.account.template(url) if url else None
        if text is not None:
            stack_policies.check(text, target.template.resources.keys() if target else ())
        return text

    def get_stack_policy(self) -> ActionResult:
        stack = self._stack()
        return ActionResult({"StackPolicyBody": stack.policy} if stack.policy else {})


def install() -> None:
    """Puts this CloudFormation in the place of moto's."""
    urls.url_paths["{0}/$"] = CloudFormation.dispatch
    # moto reads a log bucket's policy only if it is one plain statement, and fails at the others (models.py, 5.2.5).
    setattr(FakeBucket, "_log_permissions_enabled_policy", staticmethod(lambda **_: True))  # noqa: B010


def exceptions() -> list[dict[str, str]]:
    """What moto does not hold of what exists now, resource by resource."""
    return [entry for one in ACCOUNTS.values() for entry in describe.exceptions(one)]
