"""The root that all environments share, as the deploy role of one environment sees it: to be read and not changed."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from generator.cfn.assertions import conditions
from generator.cfn.environments import SHARED
from generator.cfn.stacks import Stack
from generator.cfn.statuses import Action
from scripts.deployment.compare import Comparison, compare, read_body
from scripts.deployment.deploy_root import RootDeployment
from scripts.deployment.errors import RefusedError
from scripts.deployment.plan import UPDATE, Plan
from scripts.operations.image_first import changed_stacks
from scripts.operations.origin import clear_change_sets
from scripts.operations.production import is_deployer
from scripts.operations.stack_settings import Settings


def is_read_only(root: RootDeployment) -> bool:
    """Whether the caller may look at the root and not change it: what all environments share belongs to none, so that
    the deploy role of an environment has no permission for it."""
    foreign = root.name == SHARED and root.context.environment.root.name != SHARED
    return foreign and is_deployer(root.aws.identity(), root.context.access)


def clear(root: RootDeployment, stack: Stack) -> None:
    """Takes away what failed runs left on a stack, where the caller may. Raises `RefusedError` for an empty stack that
    somebody else has to delete first."""
    if not is_read_only(root):
        clear_change_sets(root.aws, stack)
    elif stack.meaning.action is not Action.UPDATE:
        raise _refused(root, "does not exist")


def plan_standing(root: RootDeployment) -> Plan:
    """The plan of a root that the caller may only read: nothing, and no change set. Raises `RefusedError` for one that
    somebody else would have to change first."""
    stack = root.previous
    if stack is None:
        raise _refused(root, "does not exist")
    root = replace(root, computed=tuple(root.computation.values()))
    request = root.request()
    comparison = compare(root.aws, root.environment, request, stack)
    differ = [change.name for change in Settings.of(root).changes(root.aws, stack)]
    differ += [] if comparison.same else _differences(root, stack, comparison, request.parameters)
    if differ:
        raise _refused(root, f"differs from the files ({', '.join(differ)})")
    return Plan(stack.name, stack.id, UPDATE, "", "", request.digest, empty=True)


def _outputs(body: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """The outputs that a template has under these values: one whose condition is not met is no output."""
    met = conditions(body, values)
    outputs = body.get("Outputs", {}).items()
    return {name: output["Value"] for name, output in outputs if met.get(output.get("Condition", ""), True)}


def _differences(root: RootDeployment, stack: Stack, comparison: Comparison, values: Mapping[str, str]) -> list[str]:
    """What somebody else could change: CloudFormation takes no update in which no resource and no output differs, so
    that new parameters and descriptions alone never reach the stack, whoever deploys
    (aws-cloudformation/cloudformation-coverage-roadmap issue 2027)."""
    names, declared = [each.name for each in comparison.values], root.environment.root
    outputs = _outputs(read_body(root.aws, stack.id), stack.parameters), _outputs(declared.body, values)
    if changed_stacks(comparison.pair) or comparison.doubts or outputs[0] != outputs[1]:
        return names or ["its template"]
    # A parameter of an output alone changes that: CloudFormation takes it, and the rule of approvals follows it.
    text = json.dumps(declared.body.get("Outputs", {}))
    return [
        name
        for name in names
        if name not in declared.parameters or f"${{{name}}}" in text or f'{{"Ref": "{name}"}}' in text
    ]


def _refused(root: RootDeployment, what: str) -> RefusedError:
    who = f"{root.aws.identity().arn} deploys {root.context.environment.name} alone"
    remedy = "Its own deploy role, or an administrator, runs `apply shared`; `access shared` makes the role."
    return RefusedError(f"The shared stack {root.environment.stack} {what}, and {who}.", remedy)
