"""How root stacks are kept: protection, policy, topics, and the alarms that take an update back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from scripts.deployment import environment, settings
from scripts.deployment.aws import Endpoint
from scripts.deployment.environment import Environment
from scripts.deployment.plan import Plan, PlannedChange
from scripts.deployment.settings import ALLOW_ALL, Settings
from scripts.deployment.stacks import Stack
from scripts.operations.output.settings import setting_lines
from tests.conftest import ROOT
from tests.deployment.service import REGION, Prepared, arn

NAME = "cloud-health-dashboard-staging"
STACK = Stack(NAME, arn("stack", NAME), "UPDATE_COMPLETE", protected=True)
DENY = {"Statement": [{"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "LogicalResourceId/Data"}]}
BACKEND = arn("stack", f"{NAME}-Backend-1")
ALARM = "AWS::CloudWatch::Alarm"


@pytest.fixture(scope="module")
def staging() -> Environment:
    return environment.load("staging", ROOT / "templates", ROOT / "params")["environment"]


def resources(StackName: str) -> dict[str, Any]:
    def one(name: str, kind: str, physical: str, status: str = "CREATE_COMPLETE") -> dict[str, Any]:
        now = "2026-11-23T12:00:00Z"
        held = {"LogicalResourceId": name, "ResourceType": kind, "PhysicalResourceId": physical}
        return {**held, "ResourceStatus": status, "LastUpdatedTimestamp": now}

    if StackName == STACK.id:
        held = [one("Backend", "AWS::CloudFormation::Stack", BACKEND), one("Data", "AWS::CloudFormation::Stack", "x")]
    else:
        assert StackName == BACKEND
        names = ("BackendErrors", "GatewayErrors", "Unrelated")
        held = [one(name, ALARM, f"{name}-staging") for name in names]
        held += [one("UnhealthyTasks", ALARM, "gone", "DELETE_COMPLETE"), one("Cluster", "AWS::ECS::Cluster", "c")]
    return {"StackResourceSummaries": held}


def test_updates_are_watched_by_the_alarms_that_guard_releases_and_exist(staging: Environment) -> None:
    aws = Prepared(cloudformation__list_stack_resources=resources)
    found = settings.wanted(aws, staging, STACK, None, watched=True)
    prefix = f"arn:aws:cloudwatch:{REGION}:000000000000:alarm:"
    assert found.alarms == (f"{prefix}BackendErrors-staging", f"{prefix}GatewayErrors-staging")
    assert found.protected and found.request == {
        "RollbackConfiguration": {
            "RollbackTriggers": [{"Arn": one, "Type": ALARM} for one in found.alarms],
            "MonitoringTimeInMinutes": 0,
        }
    }
    nobody = settings.wanted(Prepared(), staging, STACK, [], watched=False)
    assert nobody.request["RollbackConfiguration"]["RollbackTriggers"] == [] == nobody.request["NotificationARNs"]


def test_a_creation_is_watched_by_no_alarm_and_a_local_one_not_protected(staging: Environment) -> None:
    aws = Prepared()
    aws.endpoint = Endpoint("http://localhost:1", REGION, list)
    found = settings.wanted(aws, staging, None, None, watched=True)
    assert found == Settings(protected=False, policy={}) and found.request == {}


def test_an_alarm_that_the_update_takes_away_does_not_watch_it(staging: Environment) -> None:
    def planned(*changes: PlannedChange) -> Plan:
        child = PlannedChange(("Backend",), "AWS::CloudFormation::Stack", "Modify", children=changes, nested=True)
        return Plan(NAME, STACK.id, "UPDATE", "cs", "n", "d", (child,))

    kept = PlannedChange(("Backend", "BackendErrors"), ALARM, "Modify", "False")
    other = PlannedChange(("Backend", "TaskLogs"), "AWS::Logs::LogGroup", "Remove")
    assert not settings.endangered(planned(kept, other), staging.root)
    for change in (replace(kept, replacement="True"), replace(kept, action="Remove", replacement="")):
        assert settings.endangered(planned(change), staging.root)


def read(text: str) -> Any:
    return text if text == "none" else json.loads(text)


@pytest.mark.parametrize(
    ("held", "policy", "told"),
    [
        ({}, {}, []),
        ({}, DENY, [("none", DENY)]),
        (DENY, DENY, []),
        (DENY, {}, [(DENY, ALLOW_ALL)]),  # a policy cannot be taken away
        (ALLOW_ALL, {}, []),
    ],
)
def test_the_policy_is_that_of_the_parameter_file(held: Any, policy: Any, told: Any) -> None:
    aws = Prepared(
        cloudformation__get_stack_policy={"StackPolicyBody": json.dumps(held)} if held else {},
        cloudformation__set_stack_policy={},
    )
    wanted = Settings(protected=True, policy=policy)
    found = settings.pending(aws, wanted, STACK)
    assert [(read(one.before), read(one.after)) for one in found] == told
    settings.settle(aws, STACK.id, wanted, found)
    asked = [json.loads(one["StackPolicyBody"]) for name, one in aws.asked if name.endswith("set_stack_policy")]
    assert asked == [after for _, after in told]


def test_protection_is_told_and_set() -> None:
    aws = Prepared(cloudformation__update_termination_protection={})
    wanted = Settings(protected=True, policy={}, topics=(), alarms=("arn:aws:cloudwatch:r:0:alarm:Errors",))
    found = settings.pending(aws, wanted, None)
    plan = Plan(NAME, STACK.id, "CREATE", "cs", "n", "d", settings=wanted, kept=tuple(found))
    assert list(map(str, setting_lines(plan))) == [
        "  settings",
        "    termination protection: off → on",
        "    rolls back if one of these alarms fires during the update: Errors",
        "    notification topics: none",
    ]
    settings.settle(aws, STACK.id, wanted, found)
    assert aws.asked == [
        ("cloudformation.update_termination_protection", {"StackName": STACK.id, "EnableTerminationProtection": True})
    ]
