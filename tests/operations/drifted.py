"""An account whose environment differs from its templates, in prepared answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from generator.cfn.templates import STACK
from scripts.deployment import environment
from scripts.deployment.aws import Answer
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
