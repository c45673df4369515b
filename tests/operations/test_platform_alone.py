"""A newer platform of Elastic Beanstalk does not come along with another change."""

from __future__ import annotations

from typing import Any

import pytest

from generator.cfn.changes import Difference
from generator.cfn.packaging import Bucket, PackagedSet
from generator.cfn.stacks import Stack
from generator.cfn.template_names import PLATFORM_ARN
from scripts.deployment.compare import Comparison
from scripts.deployment.deploy_root import Context, RootDeployment
from scripts.deployment.environment import COMPUTED, KEPT, Computed, load
from scripts.deployment.package import GateVerdict
from scripts.operations import platform_alone
from tests.conftest import ROOT
from tests.support.service import ME, REGION, Prepared, arn

OLD, NEW, OTHER = (
    f"arn:aws:elasticbeanstalk:eu-west-1::platform/Python {python} running on 64bit Amazon Linux 2023/{version}"
    for python, version in (("3.11", "4.1.0"), ("3.11", "4.2.0"), ("3.12", "4.2.0"))
)
ALARM, PLATFORM = Difference("ErrorAlarmCount", "5", "6"), Difference(PLATFORM_ARN, OLD, NEW)


@pytest.mark.parametrize(
    ("before", "after", "differs", "expected"),
    [
        (OLD, NEW, {"values": (PLATFORM, ALARM)}, (OLD, KEPT)),
        (OLD, NEW, {"values": (PLATFORM,), "templates_differ": True}, (OLD, KEPT)),
        (OLD, NEW, {"values": (PLATFORM,)}, (NEW, COMPUTED)),
        (OLD, OTHER, {"values": (PLATFORM, ALARM)}, (OTHER, COMPUTED)),
        ("none", NEW, {"values": (PLATFORM, ALARM)}, (NEW, COMPUTED)),
    ],
)
def test_the_platform_waits_for_a_deployment_of_its_own(
    before: str, after: str, differs: dict[str, Any], expected: tuple[str, str]
) -> None:
    staging = load("staging", ROOT / "templates", ROOT / "params")["environment"]
    stack = Stack("s", arn("stack", "s"), "UPDATE_COMPLETE", parameters={PLATFORM_ARN: before})
    context = Context(Prepared(), {"environment": staging}, GateVerdict({}))
    bucket = Bucket.of(staging.application, ME.account, REGION)
    root = RootDeployment(context, staging, Prepared(), bucket, PackagedSet(()), previous=stack)
    comparison = Comparison(**{"templates_differ": False, **differs})
    [value] = platform_alone.revise(root, [Computed(PLATFORM_ARN, after, COMPUTED, "newest")], comparison)
    assert (value.value, value.state) == expected
