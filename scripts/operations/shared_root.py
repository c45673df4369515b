"""The root that all environments share, as the deploy role of one environment sees it: to be read and not changed."""

from collections.abc import Sequence

from generator.cfn.environments import SHARED
from generator.cfn.statuses import Action
from scripts.deployment.compare import Comparison
from scripts.deployment.deploy_root import RootDeployment
from scripts.deployment.environment import Computed
from scripts.deployment.errors import RefusedError
from scripts.deployment.stacks import Stack
from scripts.operations import image_first, platform_alone
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


def revise(root: RootDeployment, comparison: Comparison) -> Sequence[Computed]:
    """The computed values when it is known what differs. Raises `RefusedError` for a root that somebody else would have
    to change first."""
    if is_read_only(root):
        if root.previous is None:
            raise _refused(root, "does not exist")
        differ = [change.name for change in Settings.of(root).changes(root.aws, root.previous)]
        differ += [each.name for each in comparison.values]
        if not comparison.same or differ:
            raise _refused(root, f"differs from the files ({', '.join(differ) or 'its template'})")
    return platform_alone.revise(root, image_first.revise(root, comparison), comparison)


def _refused(root: RootDeployment, what: str) -> RefusedError:
    who = f"{root.aws.identity().arn} deploys {root.context.environment.name} alone"
    remedy = "Somebody with an administrator's rights runs `apply shared`."
    return RefusedError(f"The shared stack {root.environment.stack} {what}, and {who}.", remedy)
