"""A stack that could be neither updated nor restored: what is in the way, what can be skipped, and how it goes on."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.environments import Environment
from generator.cfn.stacks import Stack
from generator.cfn.templates import STACK, from_bodies
from scripts.deployment import environment
from scripts.deployment.errors import RefusedError
from scripts.operations.diagnose import recovery
from scripts.operations.diagnose.recovery import Stuck
from scripts.operations.output import stuck
from tests.conftest import ROOT
from tests.support.account import NOW
from tests.support.service import Prepared, arn

HALF = Stack("s", arn("stack", "s"), "UPDATE_ROLLBACK_FAILED")
BACKEND, EMPTY = arn("stack", "s-Backend-1X"), arn("stack", "s-Data-1X")
ROLE = "arn:aws:iam::000000000000:role/Execution"


def entry(name: str, kind: str, status: str, physical: str = "", reason: str = "") -> dict[str, Any]:
    listed = {"LogicalResourceId": name, "ResourceType": kind, "ResourceStatus": status, "LastUpdatedTimestamp": NOW}
    listed |= {"PhysicalResourceId": physical} if physical else {}
    return listed | ({"ResourceStatusReason": reason} if reason else {})


LISTED: dict[str, list[list[dict[str, Any]]]] = {
    HALF.id: [
        [
            entry("Backend", STACK, "UPDATE_FAILED", BACKEND, "Embedded stack was not updated"),
            entry("Topic", "AWS::SNS::Topic", "UPDATE_FAILED", "topic", "no permission"),
            entry("Fine", "AWS::SNS::Topic", "UPDATE_COMPLETE", "fine"),
        ],
        [
            entry("Data", STACK, "UPDATE_FAILED", EMPTY, "the parameter X is missing"),
            entry("New", "AWS::SNS::Topic", "CREATE_FAILED"),
        ],
    ],
    BACKEND: [[entry("Service", "AWS::ECS::Service", "UPDATE_FAILED", "x", "it did not stabilize")]],
    EMPTY: [[]],
}
# As CloudFormation calls them: what is in a nested stack with the name of that stack (API reference,
# ContinueUpdateRollback). It skips what could not be updated, and no nested stack as a whole.
STUCK = [
    Stuck(("Backend", "Service"), "AWS::ECS::Service", "it did not stabilize", "s-Backend-1X.Service"),
    Stuck(("Topic",), "AWS::SNS::Topic", "no permission", "Topic"),
    Stuck(("Data",), STACK, "the parameter X is missing"),
    Stuck(("New",), "AWS::SNS::Topic", "AWS gives no reason"),
]


def listed(StackName: str, NextToken: str = "0") -> dict[str, Any]:
    pages, number = LISTED[StackName], int(NextToken)
    more = {"NextToken": str(number + 1)} if number + 1 < len(pages) else {}
    return {"StackResourceSummaries": pages[number], **more}


def test_what_failed_in_a_stack_and_in_those_that_it_nests() -> None:
    assert recovery.stuck_resources(Prepared(cloudformation__list_stack_resources=listed), HALF) == STUCK


def test_what_is_in_the_way_is_shown_with_the_command_that_gives_it_up() -> None:
    bodies: dict[str, Any] = {
        "environment": {"Resources": {"Backend": {"Type": STACK, "Properties": {"TemplateURL": "backend.json"}}}},
        "backend": {"Resources": {"Service": {"Type": "AWS::ECS::Service", "Metadata": {"Description": "Runs it."}}}},
    }
    root = from_bodies(bodies)["environment"]
    assert list(map(str, stuck.stuck_lines(HALF, STUCK, root))) == [
        "  Backend > Service  AWS::ECS::Service",
        "    reason: it did not stabilize",
        "    purpose: Runs it.",
        "  Topic  AWS::SNS::Topic",
        "    reason: no permission",
        "  Data  AWS::CloudFormation::Stack",
        "    reason: the parameter X is missing",
        "  New  AWS::SNS::Topic",
        "    reason: AWS gives no reason",
        "  Fix the cause, then run `continue`. To give up on these resources: `continue --skip Backend.Service --skip "
        "Topic`. What is skipped stays out of sync until a deployment changes it.",
    ]
    assert stuck.advice(HALF, STUCK[:1]).startswith(
        "Fix the cause, then run `continue`. To give up on this resource: `continue --skip Backend.Service`. What"
    )
    # Nothing can be skipped: not when a rollback has not failed, and not what was being created.
    assert stuck.advice(replace(HALF, status="UPDATE_FAILED"), STUCK) == stuck.advice(HALF, STUCK[2:]) == ""
    assert list(stuck.stuck_lines(HALF, [], root)) == []


TOKEN = f"deploy-continue-{hashlib.sha256(b'e-9').hexdigest()[:16]}"


@pytest.mark.parametrize(
    ("status", "skipped", "role", "call"),
    [
        ("UPDATE_ROLLBACK_FAILED", [], "", ("continue_update_rollback", {})),
        (
            "UPDATE_ROLLBACK_FAILED",
            STUCK[:2],
            ROLE,
            ("continue_update_rollback", {"ResourcesToSkip": ["s-Backend-1X.Service", "Topic"], "RoleARN": ROLE}),
        ),
        ("UPDATE_FAILED", [], "", ("rollback_stack", {"RetainExceptOnCreate": False})),
    ],
)
def test_how_it_goes_on(status: str, skipped: list[Stuck], role: str, call: tuple[str, dict[str, Any]]) -> None:
    at = {"StackId": HALF.id, "StackName": "s", "Timestamp": NOW}
    aws = Prepared(
        cloudformation__describe_stack_events={"StackEvents": [{**at, "EventId": name} for name in ("e-9", "e-8")]},
        cloudformation__continue_update_rollback={},
        cloudformation__rollback_stack={},
    )
    stack = replace(HALF, status=status)
    running = recovery.restore(aws, stack, skipped, role)
    assert (running.stack, running.after) == (stack, "e-9")
    assert running.expected == {"ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
    operation, more = call
    expected = {"StackName": HALF.id, "ClientRequestToken": TOKEN, **more}
    assert aws.asked[1:] == [(f"cloudformation.{operation}", expected)]


def test_a_stack_that_needs_neither_is_left_alone() -> None:
    aws = Prepared(cloudformation__describe_stack_events={"StackEvents": []})
    with pytest.raises(RefusedError, match=r"^s is updated \(UPDATE_COMPLETE\): there is nothing to continue\.$"):
        recovery.restore(aws, replace(HALF, status="UPDATE_COMPLETE"), [])
    assert len(aws.asked) == 1


@pytest.fixture(scope="module")
def roots() -> dict[str, Environment]:
    return environment.load("staging", ROOT / "templates", ROOT / "params")


def test_what_a_person_does_about_a_root(roots: dict[str, Environment]) -> None:
    half = replace(HALF, status="DELETE_FAILED")
    assert {name: recovery.remedy(root, half) for name, root in roots.items() if name != "access"} == {
        "environment": "Remove what its events name, then run `destroy` again.",
        "edge": "Remove what its events name, then run `destroy` again.",
        "shared": "Remove what its events name; then an administrator deletes it again: `aws cloudformation "
        "delete-stack --stack-name s`.",
    }
    assert recovery.remedy(roots["access"], half).startswith("An administrator ends its deletion with `aws")
    assert recovery.remedy(roots["access"], HALF) == HALF.remedy != ""
