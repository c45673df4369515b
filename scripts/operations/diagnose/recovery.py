"""A stack that could be neither updated nor restored: what stands in the way, and how it goes on."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from generator.cfn.environments import ACCESS, EDGE, ENVIRONMENT, Environment
from generator.cfn.masking import scrubbed
from generator.cfn.stacks import Stack
from generator.cfn.statuses import RESTORED
from generator.cfn.templates import STACK
from scripts.deployment.aws import Answer, Aws
from scripts.deployment.errors import RefusedError
from scripts.deployment.execute import Running
from scripts.deployment.stacks import OURS
from scripts.operations.service_role import HALF_DELETED, end_of_deletion


@dataclass(frozen=True)
class Stuck:
    """A resource that stands in the way: `path` by logical ids, `skip` the name under which CloudFormation can be told
    to leave it as it is (empty where it takes none)."""

    path: tuple[str, ...]
    type: str
    reason: str
    skip: str = ""


def remedy(root: Environment, stack: Stack) -> str:
    """What a person does about the status of a root stack. `destroy` deletes an environment and what serves it, and
    neither the roles that deploy it nor what all environments share."""
    if stack.status != HALF_DELETED:
        return stack.remedy
    if root.root.name == ACCESS:
        return end_of_deletion(stack)
    if root.root.name in (ENVIRONMENT, EDGE):
        return "Remove what its events name, then run `destroy` again."
    again = f"aws cloudformation delete-stack --stack-name {stack.name}"
    return f"Remove what its events name; then an administrator deletes it again: `{again}`."


def stuck_resources(aws: Aws, stack: Stack) -> list[Stuck]:
    """The resources of a stack and its nested stacks that failed, nested stacks themselves left out."""
    return list(_stuck(aws, stack.id, "", ()))


def _stuck(aws: Aws, stack_id: str, nested: str, path: tuple[str, ...]) -> Iterator[Stuck]:
    for entry in _resources(aws, stack_id):
        here = (*path, entry["LogicalResourceId"])
        below = entry["ResourceType"] == STACK and entry.get("PhysicalResourceId")
        inside = list(_stuck(aws, below, below.split("/")[1], here)) if below else []
        yield from inside
        if entry["ResourceStatus"].endswith("_FAILED") and not inside:
            # The nested stack is called by its name, not by its logical id (API reference, ContinueUpdateRollback).
            skip = f"{nested}.{here[-1]}" if nested else here[-1]
            skip = skip if entry["ResourceStatus"] == "UPDATE_FAILED" and not below else ""
            reason = scrubbed(entry.get("ResourceStatusReason", "AWS gives no reason"))
            yield Stuck(here, entry["ResourceType"], reason, skip)


def _resources(aws: Aws, stack_id: str) -> Iterator[Answer]:
    for page in aws.pages("cloudformation", "list_stack_resources", StackName=stack_id):
        yield from page["StackResourceSummaries"]


def restore(aws: Aws, stack: Stack, skipped: Sequence[Stuck], role: str = "") -> Running:
    """Goes on with a rollback that failed, without the resources `skipped`, or rolls back an update that was not. The
    wanted end is the state of before. `role` is what CloudFormation acts with instead of the stack's own. Raises
    `RefusedError` for a stack that needs neither."""
    running = Running.next(aws, stack, RESTORED)
    # The same for a call that is sent again, another one for the next try.
    token = f"{OURS}continue-{hashlib.sha256(str(running.after).encode()).hexdigest()[:16]}"
    call = {"StackName": stack.id, "ClientRequestToken": token, **({"RoleARN": role} if role else {})}
    if stack.status == "UPDATE_ROLLBACK_FAILED":
        skip = {"ResourcesToSkip": [each.skip for each in skipped]} if skipped else {}
        aws.call("cloudformation", "continue_update_rollback", **call, **skip)
    elif stack.status == "UPDATE_FAILED":
        # Explicit: what a failed update has made and marked as retained stays.
        aws.call("cloudformation", "rollback_stack", **call, RetainExceptOnCreate=False)
    else:
        raise RefusedError(f"{stack.name} {stack.meaning.text} ({stack.status}): there is nothing to continue.")
    return running
