"""What may stop an operation on its way: its cancellation, a rollback trigger, the policy of a stack."""

from scripts.local_aws import stack_policies
from scripts.local_aws.evaluate import Scope
from scripts.local_aws.services import Failed
from scripts.local_aws.stacks import Operation, Resource, Stack
from scripts.local_aws.steps import StackFailed, Steps


class Guards(Steps):
    """Checks that raise."""

    def _go_on(self, stack: Stack) -> None:
        """Raises `StackFailed` when the operation was cancelled."""
        if stack.root.cancelled:
            raise StackFailed("User Initiated")

    def _watch(self, stack: Stack) -> None:
        """Raises `StackFailed` for a rollback trigger of a root that is missing or in alarm. CloudFormation watches all
        the time and MonitoringTimeInMinutes longer; here triggers are looked at before the first and after the last
        resource."""
        triggers = (stack.settings.triggers or {}).get("RollbackTriggers", ()) if stack.parent is None else ()
        for trigger in triggers:
            if (state := self.account.alarm(trigger["Arn"])) in ("", "ALARM"):
                what = f"is in state {state}" if state else "was not found"
                raise StackFailed(f"Rollback trigger {trigger['Arn']} {what}. ")

    def _idle(self, stack: Stack, scope: Scope) -> list[str]:
        """The resources of a stack that its template does not want any more."""
        wanted = scope.template.resources
        return [name for name in stack.resources if name not in wanted or not scope.exists(wanted[name].body)]

    def _permit(self, action: str, stack: Stack, existing: Resource, wanted: Resource, operation: Operation) -> None:
        """Raises `Failed` when the policy of a stack refuses what is about to happen to a resource."""
        if why := stack_policies.refusal(stack.policy, action, wanted.logical, wanted.kind):
            operation.journal.append((stack, wanted.logical, existing, wanted))
            raise self._failed(stack, wanted, operation, "UPDATE_FAILED", Failed(why))
