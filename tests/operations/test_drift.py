"""Drift, down through the nested stacks: surprises, what is expected to differ, and what nobody could compare."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.deployment.aws import Answer
from scripts.deployment.errors import Exit, ManualActionRequiredError
from scripts.operations.diagnose import drift
from scripts.operations.verbs import drift as verb
from tests.operations.drifted import (
    BACKEND,
    GROUP,
    OPENED,
    RELEASED,
    SAME,
    SERVICE,
    STAGING,
    UNKNOWN,
    Account,
    arguments,
    difference,
    resource_drift,
)
from tests.support.service import arn, refusal


@pytest.fixture(autouse=True)
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "sleep", lambda _: None)


def test_a_surprise_is_told_down_to_the_property(capsys: pytest.CaptureFixture[str]) -> None:
    aws = Account(RELEASED, OPENED, SAME, UNKNOWN)
    assert verb.run(*arguments(aws)) is Exit.CHANGES
    assert capsys.readouterr().out.splitlines() == [
        f"{STAGING}: 1 resource drifted, 3 compared",
        "    Backend > TaskGroup  AWS::EC2::SecurityGroup  TaskGroup-1",
        "      /SecurityGroupIngress/0/CidrIp",
        "        expected: 10.0.0.0/16",
        "        actual:   0.0.0.0/0",
        "  expected to differ",
        "    Backend > Service  AWS::ECS::Service  Service-1",
        "      /TaskDefinition  (the pipeline deploys a task definition with every release)",
        "        expected: backend:1",
        "        actual:   backend:7",
        "  CloudFormation cannot compare: AWS::Budgets::Budget",
    ]
    assert [request["StackName"] for name, request in aws.asked if name.endswith("detect_stack_drift")] == [
        arn("stack", STAGING),
        BACKEND,
    ]


@pytest.mark.parametrize(
    ("drifts", "status"),
    [
        ((SAME,), Exit.DONE),
        ((RELEASED, SAME), Exit.DONE),
        ((resource_drift("Service", SERVICE, "MODIFIED", difference("/DesiredCount", "1", "3")),), Exit.DONE),
        ((resource_drift("Service", SERVICE, "MODIFIED", difference("/Cluster", "a", "b")),), Exit.CHANGES),
        ((resource_drift("Gone", GROUP, "DELETED"),), Exit.CHANGES),
    ],
)
def test_only_surprises_count(drifts: tuple[Answer, ...], status: Exit, capsys: pytest.CaptureFixture[str]) -> None:
    assert verb.run(*arguments(Account(*drifts), "json")) is status
    (stack,) = json.loads(capsys.readouterr().out)
    assert stack["stack"] == STAGING and stack["compared"] == len(drifts)
    assert any(resource["surprising"] for resource in stack["drifted"]) == (status is Exit.CHANGES)


@pytest.mark.parametrize(
    "place", ["/DefaultActions/0/ForwardConfig/TargetGroups/1/Weight", "/DefaultActions/0/TargetGroupArn"]
)
def test_weights_of_a_listener_move_by_themselves(place: str) -> None:
    listener = resource_drift(
        "Listener", "AWS::ElasticLoadBalancingV2::Listener", "MODIFIED", difference(place, "1", "0")
    )
    assert verb.run(*arguments(Account(listener), "json")) is Exit.DONE


def test_a_stack_that_could_not_be_compared_is_no_good_news(capsys: pytest.CaptureFixture[str]) -> None:
    assert verb.run(*arguments(Account(SAME, failed="Rate exceeded"))) is Exit.MANUAL
    assert "  Backend was not compared completely: Rate exceeded" in capsys.readouterr().out


def test_nothing_is_compared_while_an_operation_runs() -> None:
    aws: Any = Account(SAME, status="UPDATE_IN_PROGRESS")
    with pytest.raises(ManualActionRequiredError, match="is being updated"):
        verb.run(*arguments(aws))
    assert not [name for name in aws.calls() if "drift" in name]


def test_an_environment_that_is_not_there_has_not_drifted(capsys: pytest.CaptureFixture[str]) -> None:
    aws = Account()
    aws.answers["cloudformation.describe_stacks"] = refusal("x", "ValidationError", "Stack does not exist")
    assert verb.run(*arguments(aws)) is Exit.DONE
    assert capsys.readouterr().out == f"{STAGING} does not exist\n"
    assert verb.run(*arguments(aws, "json")) is Exit.DONE
    assert json.loads(capsys.readouterr().out) == []
