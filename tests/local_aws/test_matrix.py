"""The table of effects is carried out: every parameter of each ready environment changes there and back on the local
AWS, and what happened is what the table says. `make soak` does all of it, the suite a few that a seed chooses."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.local_aws.matrix import Living, changeable, there_and_back

READY = ("small", "staging", "production", "bluegreen", "beanstalk")
SEED, FEW = 14, 3


@pytest.fixture(scope="module")
def small() -> Iterator[Living]:
    living = Living("small", "-matrix")
    assert living.create() == "CREATE_COMPLETE"
    yield living
    assert living.delete() == "DELETE_COMPLETE"


def test_a_few_parameters_change_as_the_table_says(small: Living) -> None:
    names = changeable(small.declared.root.parameters)
    done = 0
    for name in [*random.Random(SEED).sample(names, FEW), "LogLevel", "NatGatewayCount"]:
        count, faults = there_and_back(small, name)
        done += count
        assert not faults, "\n".join(faults)
    assert done >= 6, "what is refused is not changed"


def test_what_the_table_calls_impossible_fails_and_is_rolled_back(small: Living) -> None:
    count, faults = there_and_back(small, "VpcCidr")
    assert count == 1
    assert not faults
    assert small.answers(), "the rollback put the way of the old subnets back"


def test_a_group_without_tasks_gets_the_traffic_when_the_second_goes(small: Living) -> None:
    """After a shift the rule sends everything to the second group; one group alone is the first, and CloudFormation
    does not touch the rule: the script refuses this, AWS does it."""
    two = {**small.values, "TargetGroups": "TWO", "DeploymentStrategy": "BLUE_GREEN"}
    start = dict(small.values)
    for values in ({**start, "TargetGroups": "TWO"}, two):
        assert small.change(values).status == "UPDATE_COMPLETE"
    small.shift()
    assert small.answers()
    assert small.change({**two, "DeploymentStrategy": "ROLLING"}).status == "UPDATE_COMPLETE"
    small.shift()
    happened = small.change(start)
    assert happened.status == "UPDATE_COMPLETE", happened.failures
    assert happened.deployed, "other load balancers start a deployment"
    assert not small.answers(), "503 for everything"


@pytest.mark.soak
@pytest.mark.long
@pytest.mark.parametrize("name", READY)
def test_every_parameter_changes_as_the_table_says(name: str) -> None:
    living = Living(name, "-soak")
    assert living.create() == "CREATE_COMPLETE"
    done, faults = 0, list[str]()
    for parameter in changeable(living.declared.root.parameters):
        count, more = there_and_back(living, parameter)
        done, faults = done + count, faults + more
    assert done > 100
    assert not faults, "\n".join(faults)
    if living.values["DeletionProtection"] == "true":  # its load balancer would refuse to go
        assert living.change({**living.values, "DeletionProtection": "false"}).status == "UPDATE_COMPLETE"
    assert living.delete() == "DELETE_COMPLETE"
