"""Ten environments that people may want, deployed on the local AWS, each updated into the next, then destroyed. The
suite takes some of them, `make soak` the others."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from generator.cfn.environments import ENVIRONMENT
from generator.cfn.instance import stack_instances
from generator.cfn.parameters import effective, read
from generator.cfn.templates import load
from scripts.operations.adoption import takes_over
from tests.support.combinations import SAMPLES
from tests.support.deployments import LOCAL, LocalAccount, account

__all__ = ["account"]


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


class Story:
    """What stands on the local AWS: tests may come in any order, and each begins where the one before it ends."""

    def __init__(self, account: LocalAccount) -> None:
        self.account, self.now, self.before = account, "", False

    def become(self, step: Step) -> str:
        """Deploys a step, with everything named that is lost on the way; what was refused until it was named."""
        self.account.reset()
        self.account.parameters(**step.chosen)
        # What a destroyed environment, or a backend that went, has left is taken over.
        words = ["--allow-broader", *(["--adopt"] if self.before else [])]
        done, refused = self.account.deploy("apply", *words), ""
        if done.returncode == 3:
            refused = done.stderr
            names = [word for name in sorted(set(LOSS.findall(refused))) for word in name.split()]
            assert names, done.stdout[-2000:] + refused
            done = self.account.deploy("apply", *words, *names)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr
        self.now, self.before = step.name, True
        return refused

    def stand_at(self, step: Step) -> None:
        """Deploys a step, unless it stands there; where one has half an environment, a whole one before it makes the
        tables that it takes over."""
        if not self.now and "NONE" in step.chosen.values():
            self.become(STEPS[0])
        if self.now != step.name:
            self.become(step)


@pytest.fixture(scope="module")
def story(account: LocalAccount) -> Story:
    return Story(account)


# The way to Elastic Beanstalk and back is the one on which most is made and lost.
IN_THE_SUITE = (3, 4)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(number, marks=[] if number in IN_THE_SUITE else pytest.mark.soak, id=step.name)
        for number, step in enumerate(STEPS)
    ],
)
def test_each_becomes_the_next(story: Story, number: int) -> None:
    step, account = STEPS[number], story.account
    if number:
        story.stand_at(STEPS[number - 1])
    assert bool(story.become(step)) is step.loses or not number
    present = {stack for stack in account.stacks() if stack.startswith(LOCAL)}
    templates = load(account.folder / "templates")
    values = effective(read(account.folder / "params/local.json"), templates[ENVIRONMENT].body)
    stack = account.aws.call("cloudformation", "describe_stacks", StackName=LOCAL)["Stacks"][0]
    # What was taken over stands in the stack, and in no file.
    adopted = {entry["ParameterKey"]: entry["ParameterValue"] for entry in stack["Parameters"]}
    values |= {name: value for name, value in adopted.items() if takes_over(name)}
    expected = stack_instances(templates[ENVIRONMENT], {**values, "AWS::Region": "us-east-1"})
    assert len(present) == len(expected) > 8
    assert all(status in ("CREATE_COMPLETE", "UPDATE_COMPLETE") for status in account.stacks().values())
    again = account.deploy("apply")
    assert again.returncode == 0 and f"{LOCAL}: no changes" in again.stdout, again.stdout


@pytest.mark.soak
def test_the_last_one_is_destroyed(story: Story) -> None:
    story.stand_at(STEPS[-1])
    done = story.account.deploy("destroy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [stack for stack in story.account.stacks() if stack.startswith(LOCAL)]
    story.now = ""
