"""Drift, down through the nested stacks: surprises, what is expected to differ, and what nobody could compare."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from generator.cfn.templates import STACK
from scripts.deployment import environment
from scripts.deployment.aws import Answer
from scripts.deployment.errors import Exit, ManualActionRequiredError
from scripts.operations.diagnose import drift
from scripts.operations.run import Run
from scripts.operations.verbs import drift as verb
from tests.conftest import ROOT
from tests.support.runs import verb_run
from tests.support.service import Prepared, arn, refusal

SHARED, STAGING = "cloud-health-dashboard-shared", "cloud-health-dashboard-staging"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BACKEND = arn("stack", "backend")
LOADED = environment.load("staging", ROOT / "templates", ROOT / "params")
ROOTS = {name: LOADED[name] for name in ("shared", "environment")}
SERVICE, GROUP = "AWS::ECS::Service", "AWS::EC2::SecurityGroup"


def difference(place: str, expected: str, actual: str) -> dict[str, str]:
    return {"PropertyPath": place, "ExpectedValue": expected, "ActualValue": actual, "DifferenceType": "NOT_EQUAL"}


def resource_drift(name: str, kind: str, status: str, *differences: dict[str, str]) -> Answer:
    return {
        "StackId": BACKEND,
        "LogicalResourceId": name,
        "PhysicalResourceId": f"{name}-1",
        "ResourceType": kind,
        "StackResourceDriftStatus": status,
        "Timestamp": NOW,
        "PropertyDifferences": list(differences),
    }


RELEASED = resource_drift("Service", SERVICE, "MODIFIED", difference("/TaskDefinition", "backend:1", "backend:7"))
OPENED = resource_drift(
    "TaskGroup", GROUP, "MODIFIED", difference("/SecurityGroupIngress/0/CidrIp", "10.0.0.0/16", "0.0.0.0/0")
)
SAME, UNKNOWN = (
    resource_drift("Cluster", "AWS::ECS::Cluster", "IN_SYNC"),
    resource_drift("X", "AWS::Budgets::Budget", "NOT_CHECKED"),
)


class Account(Prepared):
    """Two roots, of which the environment nests one stack; its resources are in `drifts`, a page each."""

    def __init__(self, *drifts: Answer, failed: str = "", status: str = "UPDATE_COMPLETE") -> None:
        self.drifts, self.failed, self.status, self.looks = drifts, failed, status, 0
        super().__init__(
            cloudformation__describe_stacks=self.stack,
            cloudformation__list_stack_resources=self.resources,
            cloudformation__detect_stack_drift=lambda StackName: {"StackDriftDetectionId": StackName[-50:]},
            cloudformation__describe_stack_drift_detection_status=self.detection,
            cloudformation__describe_stack_resource_drifts=self.drifted,
        )

    def stack(self, StackName: str) -> Answer:
        if SHARED in StackName:
            raise refusal("x", "ValidationError", "Stack does not exist")
        stack = {"StackName": STAGING, "StackId": arn("stack", STAGING), "StackStatus": self.status}
        return {"Stacks": [{**stack, "CreationTime": NOW}]}

    def resources(self, StackName: str) -> Answer:
        child = {"LogicalResourceId": "Backend", "PhysicalResourceId": BACKEND, "ResourceType": STACK}
        summary = {**child, "ResourceStatus": "UPDATE_COMPLETE", "LastUpdatedTimestamp": NOW}
        return {"StackResourceSummaries": [] if StackName == BACKEND else [summary]}

    def detection(self, StackDriftDetectionId: str) -> Answer:
        self.looks += 1
        status = "DETECTION_IN_PROGRESS" if self.looks == 1 else "DETECTION_COMPLETE"
        if self.failed and StackDriftDetectionId in BACKEND:
            status = "DETECTION_FAILED"
        same = {"StackId": BACKEND, "StackDriftDetectionId": StackDriftDetectionId, "Timestamp": NOW}
        return {**same, "DetectionStatus": status, "DetectionStatusReason": self.failed}

    def drifted(self, StackName: str, NextToken: str = "0") -> Answer:
        if StackName != BACKEND:
            return {"StackResourceDrifts": [resource_drift("Backend", STACK, "NOT_CHECKED")]}
        at = int(NextToken)
        more = {"NextToken": str(at + 1)} if at + 1 < len(self.drifts) else {}
        return {"StackResourceDrifts": list(self.drifts[at : at + 1]), **more}


def arguments(aws: Prepared, form: str = "terminal") -> tuple[Run, Any]:
    return verb_run(aws, ROOTS), verb.Options(form)


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
