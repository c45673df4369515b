"""What has drifted, whole: the value, the lines and the document."""

from __future__ import annotations

from typing import Any

import pytest

from generator.cfn.stacks import Stack
from generator.cfn.templates import STACK
from scripts.operations.diagnose import drift
from scripts.operations.diagnose.drift import Difference, Drift, Drifted, detect_drift, expected
from scripts.operations.output.drifts import drift_document, drift_lines
from tests.support.account import NOW
from tests.support.service import Prepared, arn

ROOT, INNER = Stack("s", arn("stack", "s"), "UPDATE_COMPLETE"), arn("stack", "inner")
RELEASES = "the pipeline deploys a task definition with every release"
WEIGHTS = "a blue/green deployment moves the weights"
PAD = "x" * 100


def entry(name: str, kind: str, status: str, *differences: dict[str, str], **more: str) -> dict[str, Any]:
    drifted = {"StackId": INNER, "LogicalResourceId": name, "ResourceType": kind, "StackResourceDriftStatus": status}
    return {**drifted, "Timestamp": NOW, **({"PropertyDifferences": list(differences)} if differences else {}), **more}


def difference(place: str, before: str, after: str, kind: str = "NOT_EQUAL") -> dict[str, str]:
    return {"PropertyPath": place, "ExpectedValue": before, "ActualValue": after, "DifferenceType": kind}


RELEASED = difference("/TaskDefinition", "a:1", "a:2")
DRIFTS = {
    ROOT.id: [
        entry("Inner", STACK, "MODIFIED"),
        entry("Topic", "AWS::SNS::Topic", "DELETED"),
        entry("Budget", "AWS::Budgets::Budget", "NOT_CHECKED"),
        entry("Zone", "AWS::A::B", "UNKNOWN"),
    ],
    INNER: [
        entry("Same", "AWS::SNS::Topic", "IN_SYNC"),
        entry("Service", "AWS::ECS::Service", "MODIFIED", RELEASED, PhysicalResourceId="svc"),
        entry(
            "Function", "AWS::Lambda::Function", "MODIFIED",
            difference("/Environment/Variables/PASSWORD", "correct-horse-battery", "", "REMOVE"),
            difference("/Code", f"{PAD}\n1", f"{PAD}\n2"),
            PhysicalResourceId="fn",
        ),
    ],
}  # fmt: skip


def listed(StackName: str) -> dict[str, Any]:
    inner = {"LogicalResourceId": "Inner", "PhysicalResourceId": INNER, "ResourceType": STACK}
    never = {"LogicalResourceId": "Never", "ResourceType": STACK}
    same = {"ResourceStatus": "UPDATE_COMPLETE", "LastUpdatedTimestamp": NOW}
    return {"StackResourceSummaries": [{**inner, **same}, {**never, **same}] if StackName == ROOT.id else []}


def account(*statuses: str, reason: str = "") -> Prepared:
    begun = {"StackId": ROOT.id, "Timestamp": NOW, "StackDriftDetectionId": "x"}
    why = {"DetectionStatusReason": reason} if reason else {}
    return Prepared(
        cloudformation__list_stack_resources=listed,
        cloudformation__detect_stack_drift=lambda StackName: {"StackDriftDetectionId": f"of-{StackName[-45:-37]}"},
        cloudformation__describe_stack_drift_detection_status=[
            {**begun, "DetectionStatus": f"DETECTION_{status}", **why} for status in statuses
        ],
        cloudformation__describe_stack_resource_drifts=lambda StackName: {"StackResourceDrifts": DRIFTS[StackName]},
    )


MASKED = "(not shown: it looks like a secret, by its name)"
FUNCTION = Drifted(
    ("Inner", "Function"),
    "AWS::Lambda::Function",
    "fn",
    "MODIFIED",
    (
        Difference("/Environment/Variables/PASSWORD", "REMOVE", MASKED, "", ""),
        Difference("/Code", "NOT_EQUAL", f"{PAD}\n1", f"{PAD}\n2", ""),
    ),
)  # fmt: skip
SERVICE = Drifted(
    ("Inner", "Service"),
    "AWS::ECS::Service",
    "svc",
    "MODIFIED",
    (Difference("/TaskDefinition", "NOT_EQUAL", "a:1", "a:2", RELEASES),),
)
TOPIC = Drifted(("Topic",), "AWS::SNS::Topic", "", "DELETED", ())
WHOLE = Drift(
    "s", (TOPIC, SERVICE, FUNCTION), 4, ("AWS::A::B", "AWS::Budgets::Budget"), (("Inner", "AWS gives no reason"),)
)


def test_every_stack_is_compared_at_once_and_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr(drift, "sleep", naps.append)
    aws = account("IN_PROGRESS", "COMPLETE", "FAILED")
    assert detect_drift(aws, ROOT) == WHOLE and len(naps) == 1
    assert aws.calls()[:6] == [
        "cloudformation.list_stack_resources",
        "cloudformation.list_stack_resources",
        *["cloudformation.detect_stack_drift"] * 2,
        *["cloudformation.describe_stack_drift_detection_status"] * 2,
    ]
    assert [surprise.surprising for surprise in WHOLE.drifted] == [True, False, True]
    failed = detect_drift(account("FAILED", "COMPLETE", reason="no permission"), ROOT)
    assert failed.failed == (("s", "no permission"),)


def test_surprises_come_first_and_what_is_expected_after_them() -> None:
    lines = list(drift_lines(WHOLE))
    assert list(map(str, lines)) == [
        "s: 2 resources drifted, 4 compared",
        "    Topic  AWS::SNS::Topic    is deleted",
        "    Inner > Function  AWS::Lambda::Function  fn",
        "      /Environment/Variables/PASSWORD",
        "        expected: (not shown: it looks like a secret, by its name)",
        "        actual:   (none)",
        "      /Code",
        "        from what the template expects to what is there:",
        "        -1",
        "        +2",
        "  expected to differ",
        "    Inner > Service  AWS::ECS::Service  svc",
        f"      /TaskDefinition  ({RELEASES})",
        "        expected: a:1",
        "        actual:   a:2",
        "  CloudFormation cannot compare: AWS::A::B, AWS::Budgets::Budget",
        "  Inner was not compared completely: AWS gives no reason",
    ]
    assert (lines[0].parts[0][1], lines[-1].parts[0][1]) == ("red", "red")
    quiet = list(drift_lines(Drift("s", (), 7, (), ())))
    assert [(str(line), line.parts[0][1]) for line in quiet] == [("s: no drift, 7 compared", "bold")]


def test_a_program_gets_the_same() -> None:
    document = drift_document(WHOLE)
    assert [entry.pop("surprising") for entry in document["drifted"]] == [True, False, True]
    assert document["drifted"][1] == {
        "path": ("Inner", "Service"),
        "type": "AWS::ECS::Service",
        "physical_id": "svc",
        "status": "MODIFIED",
        "differences": (
            {"property": "/TaskDefinition", "kind": "NOT_EQUAL", "expected": "a:1", "actual": "a:2", "why": RELEASES},
        ),
    }
    assert {name: document[name] for name in document if name != "drifted"} == {
        "stack": "s",
        "compared": 4,
        "uncompared": ("AWS::A::B", "AWS::Budgets::Budget"),
        "failed": (("Inner", "AWS gives no reason"),),
    }


@pytest.mark.parametrize(
    ("kind", "place", "why"),
    [
        ("AWS::ECS::Service", "/TaskDefinition", RELEASES),
        ("AWS::ECS::Service", "/TaskDefinitionX", ""),
        ("AWS::ECS::Service", "/DesiredCount", "autoscaling owns the number of tasks"),
        ("AWS::ElasticLoadBalancingV2::Listener", "/DefaultActions/0/ForwardConfig/TargetGroups/1/Weight", WEIGHTS),
        ("AWS::ElasticLoadBalancingV2::Listener", "/DefaultActions/12/TargetGroupArn", WEIGHTS),
        ("AWS::ElasticLoadBalancingV2::Listener", "/Port", ""),
        ("AWS::ElasticLoadBalancingV2::ListenerRule", "/Actions/0/ForwardConfig/TargetGroups/1/Weight", WEIGHTS),
        ("AWS::ElasticLoadBalancingV2::ListenerRule", "/Actions/0/TargetGroupArn", WEIGHTS),
        ("AWS::ElasticLoadBalancingV2::ListenerRule", "/Conditions/0/Field", ""),
        ("AWS::SNS::Topic", "/TaskDefinition", ""),
    ],
)
def test_what_differs_by_itself_in_a_living_environment(kind: str, place: str, why: str) -> None:
    assert expected(kind, place) == why
