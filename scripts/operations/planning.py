"""Planning all roots of an environment: what can be planned now, and what has to wait for what."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from generator.cfn.environments import EDGE, ENVIRONMENT
from generator.cfn.stacks import Stack
from generator.cfn.statuses import Action
from scripts.deployment.aws import Aws
from scripts.deployment.deploy_root import Context, RootDeployment, package_roots
from scripts.deployment.plan import CREATE, Plan
from scripts.deployment.stacks import manual_action, read
from scripts.operations.certificates import CERTIFICATE
from scripts.operations.optional_parts import takes_certificate

STEP_TWO = "step 2 of 2: it takes the certificate that {} makes in step 1"


@dataclass(frozen=True)
class NotPlanned:
    """A root of which nothing can be planned yet, and why."""

    stack: str
    reason: str


@dataclass(frozen=True)
class RootPlan:
    """The plan of one root, the stack that it was made for, and the account in the root's region."""

    plan: Plan | NotPlanned
    previous: Stack | None
    aws: Aws

    @property
    def waiting(self) -> bool:
        """Whether there is anything to be done, now or later."""
        plan = self.plan
        return isinstance(plan, NotPlanned) or not plan.empty or bool(plan.setting_changes)


def plan_roots(context: Context, prefix: str) -> Iterator[tuple[RootDeployment, RootPlan]]:
    """Every root with its plan, one after the other; the names of their change sets begin with `prefix`. Nothing of
    what others left is touched. Raises `ManualActionRequiredError` for a stack that has to be brought in order first.
    """
    roots = package_roots(context)
    others, blocking, awaited = dict[str, Stack | None](), "", ""
    for each in roots:
        root = replace(each, other_stacks=dict(others), prefix=prefix)
        if (blocking and root.environment.needed) or (awaited and root.name == ENVIRONMENT):
            reason = f"{blocking} has to exist first" if blocking else STEP_TWO.format(awaited)
            yield root, RootPlan(NotPlanned(root.environment.stack, reason), None, root.aws)
            continue
        root, plan = _plan(root)
        if isinstance(plan, NotPlanned) or plan.kind == CREATE:
            blocking = plan.stack
        elif root.name == EDGE and makes_certificate(plan) and takes_certificate(context.environment):
            awaited = plan.stack
        others[root.name] = root.previous
        yield root, RootPlan(plan, root.previous, root.aws)


def makes_certificate(plan: Plan) -> bool:
    """Whether a root gets a certificate that it does not have yet, or another one: no change set of the environment
    that takes it can be made before it has an ARN."""
    return any(leaf.type == CERTIFICATE and (leaf.action == "Add" or leaf.replaced) for leaf in plan.certain)


def _plan(root: RootDeployment) -> tuple[RootDeployment, Plan | NotPlanned]:
    stack = read(root.aws, root.environment.stack)
    if stack is None:
        return root, _planned(root)
    means = stack.meaning
    if means.action in (Action.WAIT, Action.CONTINUE, Action.MANUAL):
        raise manual_action(stack)
    if means.action is Action.RECREATE:
        return root, NotPlanned(stack.name, f"it {means.text}, and `apply` deletes it first")
    root = replace(root, previous=stack if means.action is Action.UPDATE else None)
    return root, _planned(root)


def _planned(root: RootDeployment) -> Plan:
    plan = root.context.extensions.plan(root)
    assert plan, root.environment.stack
    return plan
