"""Ten environments that people may want, deployed on the local AWS, each updated into the next, then destroyed."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from generator.cfn.environments import ENVIRONMENT
from generator.cfn.instance import stack_instances
from generator.cfn.parameters import effective, read
from generator.cfn.templates import load
from tests.support.combinations import SAMPLES
from tests.support.deployments import LOCAL, World, world

__all__ = ["world"]


class Step(NamedTuple):
    """An environment: what it chooses unlike the local file, and whether something has to be named on the way there."""

    name: str
    chosen: dict[str, str]
    loses: bool = False


LOSS = re.compile(r"--allow-(?:delete|replace) [\w.]+")
DOMAIN = {name: SAMPLES[name] for name in ("DomainName", "CertificateArn")}
CONNECTION = {"SourceProvider": "CONNECTION", **{name: SAMPLES[name] for name in ("ConnectionArn", "SourceRepository")}}
SHIFTING = {"TargetGroups": "TWO"}
STEPS = (
    Step("small", {}),
    Step("standard", {"ApprovalRequired": "true", "TestsBlock": "true", "NatGatewayCount": "2", "MaximumTasks": "4"}),
    Step(
        "parallel builds of what changed",
        {"BuildLayout": "PARALLEL", "ExecutionMode": "SUPERSEDED", "OnlyChanged": "true"},
    ),
    Step("instances of Elastic Beanstalk", {"BackendTarget": "BEANSTALK", "DeploymentStrategy": "CANARY"}, loses=True),
    Step("two target groups, on ECS again", SHIFTING, loses=True),
    Step("blue/green", {**SHIFTING, "DeploymentStrategy": "BLUE_GREEN", "ApprovalRequired": "true"}),
    Step("canary", {**SHIFTING, "DeploymentStrategy": "CANARY", "CanaryPercent": "20"}),
    Step("a connection and a domain", {**CONNECTION, **DOMAIN, "NotificationEmail": SAMPLES["NotificationEmail"]}),
    Step("the frontend alone", {"BackendTarget": "NONE"}, loses=True),
    Step(
        "the backend alone",
        {"FrontendTarget": "NONE", "DataTables": "EXISTING", "SenderEmail": SAMPLES["SenderEmail"]},
        loses=True,
    ),
)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_each_becomes_the_next(world: World, step: Step) -> None:
    world.reset()
    world.parameters(**step.chosen)
    agreed = ["--allow-broader"]
    if step.loses:
        refused = world.deploy("apply", *agreed)
        agreed += [word for name in sorted(set(LOSS.findall(refused.stderr))) for word in name.split()]
        assert refused.returncode == 3 and len(agreed) > 1, refused.stdout[-2000:] + refused.stderr
    done = world.deploy("apply", *agreed)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    present = {stack for stack in world.stacks() if stack.startswith(LOCAL)}
    templates = load(world.folder / "templates")
    values = effective(read(world.folder / "params/local.json"), templates[ENVIRONMENT].body)
    expected = stack_instances(templates[ENVIRONMENT], {**values, "AWS::Region": "us-east-1"})
    assert len(present) == len(expected) > 8
    assert all(status in ("CREATE_COMPLETE", "UPDATE_COMPLETE") for status in world.stacks().values())
    again = world.deploy("apply")
    assert again.returncode == 0 and f"{LOCAL}: no changes" in again.stdout, again.stdout


def test_the_last_one_is_destroyed(world: World) -> None:
    done = world.deploy("destroy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [stack for stack in world.stacks() if stack.startswith(LOCAL)]
