"""A newer version of Elastic Beanstalk's platform comes by itself, in a deployment that changes nothing else.

It replaces every instance and what runs on it (Elastic Beanstalk developer guide, using-features.platform.upgrade), so
that who changes an alarm does not meet it, and whoever looks for the cause of a failure has one change to look at.
Another branch, for another PythonVersion, is a choice and comes with the rest.
"""

from collections.abc import Sequence
from dataclasses import replace

from generator.cfn.template_names import PLATFORM_ARN
from scripts.deployment.compare import Comparison
from scripts.deployment.deploy_root import RootDeployment
from scripts.deployment.environment import COMPUTED, KEPT, Computed

HOW = "a newer one comes by itself, when nothing else changes"


def revise(root: RootDeployment, computed: Sequence[Computed], comparison: Comparison) -> Sequence[Computed]:
    """The computed values with the platform that the environment has, when something else changes too."""
    before = root.previous.parameters.get(PLATFORM_ARN, "") if root.previous else ""
    others = [each for each in comparison.values if each.name != PLATFORM_ARN]
    if not (comparison.templates_differ or others):
        return computed
    return [replace(each, value=before, state=KEPT, how=HOW) if _is_newer(each, before) else each for each in computed]


def _is_newer(computed: Computed, before: str) -> bool:
    """Whether a value is another version of the platform's branch."""
    newer = computed.name == PLATFORM_ARN and computed.state == COMPUTED and computed.value != before
    return newer and bool(_branch(before)) and _branch(computed.value) == _branch(before)


def _branch(platform: str) -> str:
    """The platform without its version, which is the last part of its ARN."""
    return platform.rpartition("/")[0]
