"""What the deletion of a root stack takes away, and the plan of one that its parameter file asks nothing of any more.

Such a root stands in the way of nobody and costs money all the same: CloudFront's alarms that were switched off, or a
certificate that somebody else makes now. It is deleted once somebody has agreed, after the environment, which may have
used what is in it. What its templates retain stays.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from generator.cfn.changes import PlannedChange
from generator.cfn.environments import EDGE, ENVIRONMENT, Environment
from generator.cfn.losses import ADDRESSES, DELETED, KEEPS, Loss
from generator.cfn.stacks import Stack, StackResource
from generator.cfn.templates import STACK
from scripts.deployment.aws import Aws
from scripts.deployment.compare import read_body
from scripts.deployment.deploy_root import Context, RootDeployment, execute
from scripts.deployment.errors import Exit
from scripts.deployment.execute import Running, destroy
from scripts.deployment.plan import DELETE, Plan
from scripts.deployment.stacks import read
from scripts.operations import service_role
from scripts.operations.all_resources import all_resources
from scripts.operations.stack_settings import UNPROTECTED


def superfluous_roots(context: Context) -> list[Environment]:
    """The roots of a run that would create nothing any more, and whose stack stands."""
    roots = [root for name, root in context.roots.items() if name in (EDGE, ENVIRONMENT) and not root.needed]
    return [root for root in roots if read(context.aws.at(root.region or context.aws.region), root.stack)]


def execute_deletion(root: RootDeployment, plan: Plan) -> tuple[Exit, Stack | None]:
    """Deletes the stack of a root; the stack is None when it is gone. Raises `RefusedError` when the role is gone that
    CloudFormation would act with."""
    assert root.previous
    context = root.context
    role = service_role.replacement(root.aws, root.previous, context.access, context.environment.name)
    ended, stack = execute(root, plan, begin=partial(_begin, root.previous, role))
    return ended, None if ended is Exit.DONE else stack


def _begin(stack: Stack, role: str, aws: Aws, _: Plan) -> Running:
    return destroy(aws, stack, **({"RoleARN": role} if role else {}))


def standing_resources(aws: Aws, stack: Stack) -> Iterator[tuple[StackResource, str]]:
    """The resources of a root stack and all that it nests, without the nested stacks themselves, each with its
    DeletionPolicy, by the template that it was made from."""
    policies: dict[str, dict[str, str]] = {}
    for resource in all_resources(aws, stack.id):
        if not resource.physical_id or resource.status == "DELETE_COMPLETE" or resource.type == STACK:
            continue
        if resource.stack_id not in policies:
            body: Any = read_body(aws, resource.stack_id)
            entries = body["Resources"].items()
            policies[resource.stack_id] = {name: entry.get("DeletionPolicy", "Delete") for name, entry in entries}
        yield resource, policies[resource.stack_id].get(resource.path[-1], "Delete")


def plan_deletion(aws: Aws, stack: Stack) -> Plan:
    """The plan that deletes a root stack; there is no change set to it."""
    changes = tuple(
        PlannedChange(
            resource.path,
            resource.type,
            "Remove",
            policy="Retain" if policy in KEEPS else "Delete",
            physical_id=resource.physical_id,
        )
        for resource, policy in standing_resources(aws, stack)
    )
    lost = tuple(
        Loss(change.name, change.type, DELETED, "users see its address")
        for change in changes
        if change.type in ADDRESSES and change.policy == "Delete"
    )
    content = json.dumps([stack.id, *sorted(change.name for change in changes)])
    digest = hashlib.sha256(content.encode()).hexdigest()
    plan = Plan(stack.name, stack.id, DELETE, "", f"delete-{digest[:8]}", digest, changes, losses=lost)
    return replace(plan, setting_changes=tuple(UNPROTECTED.changes(aws, stack)))
