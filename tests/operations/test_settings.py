"""How root stacks are kept: protection, policy, topics, and the alarms that take an update back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.environments import Environment
from generator.cfn.losses import TemplatePair
from generator.cfn.packaging import Bucket, PackagedSet
from generator.cfn.stacks import Stack
from generator.cfn.templates import TemplateSet, from_bodies
from scripts.deployment import environment
from scripts.deployment.aws import Endpoint
from scripts.deployment.compare import Comparison
from scripts.deployment.deploy_root import Context, RootDeployment
from scripts.deployment.package import GateVerdict
from scripts.deployment.plan import Plan
from scripts.operations import alarms
from scripts.operations.output.plan_text import setting_lines
from scripts.operations.stack_settings import ALLOW_ALL, Settings
from tests.conftest import ROOT
from tests.support.service import ME, REGION, Prepared, arn

NAME = "cloud-health-dashboard-staging"
STACK = Stack(NAME, arn("stack", NAME), "UPDATE_COMPLETE", protected=True)
DENY = {"Statement": [{"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "LogicalResourceId/Data"}]}
BACKEND = arn("stack", f"{NAME}-Backend-1")
ALARM = "AWS::CloudWatch::Alarm"


@pytest.fixture(scope="module")
def staging() -> Environment:
    return environment.load("staging", ROOT / "templates", ROOT / "params")["environment"]


def resources(StackName: str) -> dict[str, Any]:
    def summary(name: str, kind: str, physical: str, status: str = "CREATE_COMPLETE") -> dict[str, Any]:
        now = "2026-11-23T12:00:00Z"
        entry = {"LogicalResourceId": name, "ResourceType": kind, "PhysicalResourceId": physical}
        return {**entry, "ResourceStatus": status, "LastUpdatedTimestamp": now}

    if StackName == STACK.id:
        resources = [
            summary("Backend", "AWS::CloudFormation::Stack", BACKEND),
            summary("Data", "AWS::CloudFormation::Stack", "x"),
        ]
    else:
        assert StackName == BACKEND
        names = ("BackendErrors", "GatewayErrors", "Unrelated")
        resources = [summary(name, ALARM, f"{name}-staging") for name in names]
        resources += [
            summary("UnhealthyTasks", ALARM, "gone", "DELETE_COMPLETE"),
            summary("Cluster", "AWS::ECS::Cluster", "c"),
        ]
    return {"StackResourceSummaries": resources}


def deployment(aws: Prepared, staging: Environment, previous: Stack | None, **more: Any) -> RootDeployment:
    context = Context(aws, {"environment": staging}, GateVerdict({}), **more)
    bucket = Bucket.of("dashboard", ME.account, REGION)
    return RootDeployment(context, staging, aws, bucket, PackagedSet(()), previous=previous)


NOTHING = Comparison(templates_differ=False)


def test_updates_are_watched_by_the_alarms_that_guard_releases_and_exist(staging: Environment) -> None:
    aws = Prepared(cloudformation__list_stack_resources=resources)
    root = deployment(aws, staging, STACK)
    prefix = f"arn:aws:cloudwatch:{REGION}:000000000000:alarm:"
    assert Settings.of(root) == Settings(True, staging.file.stack_policy)
    assert alarms.rollback_options(root, NOTHING, watched=True) == {
        "RollbackConfiguration": {
            "RollbackTriggers": [
                {"Arn": f"{prefix}{name}-staging", "Type": ALARM} for name in ("BackendErrors", "GatewayErrors")
            ],
            "MonitoringTimeInMinutes": 0,
        }
    }
    nobody = deployment(Prepared(), staging, STACK, topics=())
    unwatched = alarms.rollback_options(nobody, NOTHING, watched=False)["RollbackConfiguration"]
    assert unwatched["RollbackTriggers"] == []


def test_five_alarms_watch_an_update_at_most(staging: Environment) -> None:
    """More CloudFormation refuses (API reference, RollbackConfiguration)."""
    names = [f"Alarm{number}" for number in range(6)]
    guarded = {"AlarmNames": [*({"Ref": name} for name in names), "of-somebody-else"]}
    service = {"Type": "AWS::ECS::Service", "Properties": {"DeploymentConfiguration": {"Alarms": guarded}}}
    root = {"Backend": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "backend.json"}}}
    bodies = {"environment": {"Resources": root}, "backend": {"Resources": {"Service": service}}}
    main = replace(staging, root=from_bodies(bodies)["environment"])
    same = {"ResourceStatus": "UPDATE_COMPLETE", "LastUpdatedTimestamp": "2026-11-23T12:00:00Z"}

    def listed(StackName: str) -> dict[str, Any]:
        inside = [
            {"LogicalResourceId": name, "ResourceType": ALARM, "PhysicalResourceId": name} for name in names[::-1]
        ]
        backend = {"LogicalResourceId": "Backend", "ResourceType": "AWS::CloudFormation::Stack"}
        entries = inside if StackName == BACKEND else [{**backend, "PhysicalResourceId": BACKEND}]
        return {"StackResourceSummaries": [{**entry, **same} for entry in entries[::-1]]}

    aws = Prepared(cloudformation__list_stack_resources=listed)
    prefix = f"arn:aws:cloudwatch:{REGION}:000000000000:alarm:"
    assert alarms.guarding(deployment(aws, main, STACK)) == tuple(f"{prefix}{name}" for name in names[:5])


def test_a_creation_is_watched_by_no_alarm_and_a_local_one_not_protected(staging: Environment) -> None:
    aws = Prepared()
    aws.endpoint = Endpoint("http://localhost:1", REGION, list)
    root = deployment(aws, replace(staging, file=replace(staging.file, stack_policy={})), None)
    assert Settings.of(root) == Settings(protected=False, policy={})
    assert alarms.rollback_options(root, NOTHING, watched=True) == {}


def test_an_alarm_that_the_update_takes_away_does_not_watch_it(staging: Environment) -> None:
    def pair(**after: Any) -> TemplatePair:
        def side(**alarm: Any) -> TemplateSet:
            logs = {"Type": "AWS::Logs::LogGroup"}
            named = {"BackendErrors": {"Type": ALARM, "Properties": alarm}} if alarm else {}
            nested = {"Backend": {"Type": "AWS::CloudFormation::Stack"}}
            return from_bodies(
                {"environment": {"Resources": nested}, "Backend": {"Resources": {"Logs": logs, **named}}}
            )

        return TemplatePair("environment", side(AlarmName="errors", Threshold=1), side(**after))

    assert not alarms.is_endangered(staging.root, pair(AlarmName="errors", Threshold=2))
    for after in ({"AlarmName": "other", "Threshold": 1}, {}):
        assert alarms.is_endangered(staging.root, pair(**after))
    aws = Prepared(cloudformation__list_stack_resources=resources)
    endangered = Comparison(templates_differ=True, pair=pair())
    options = alarms.rollback_options(deployment(aws, staging, STACK), endangered, watched=True)
    assert options["RollbackConfiguration"]["RollbackTriggers"] == []


def read(text: str) -> Any:
    return text if text == "none" else json.loads(text)


@pytest.mark.parametrize(
    ("standing", "policy", "expected"),
    [
        ({}, {}, []),
        ({}, DENY, [("none", DENY)]),
        (DENY, DENY, []),
        (DENY, {}, [(DENY, ALLOW_ALL)]),  # a policy cannot be taken away
        (ALLOW_ALL, {}, []),
    ],
)
def test_the_policy_is_that_of_the_parameter_file(standing: Any, policy: Any, expected: Any) -> None:
    aws = Prepared(
        cloudformation__get_stack_policy={"StackPolicyBody": json.dumps(standing)} if standing else {},
        cloudformation__set_stack_policy={},
    )
    settings = Settings(protected=True, policy=policy)
    changes = settings.changes(aws, STACK)
    assert [(read(change.before), read(change.after)) for change in changes] == expected
    settings.apply(aws, STACK.id, changes)
    everything = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}
    assert {"Statement": [everything]} == ALLOW_ALL
    bodies = [
        json.loads(request["StackPolicyBody"]) for name, request in aws.asked if name.endswith("set_stack_policy")
    ]
    assert bodies == [after for _, after in expected]


def test_protection_is_told_and_set() -> None:
    aws = Prepared(cloudformation__update_termination_protection={})
    settings = Settings(protected=True, policy={})
    changes = settings.changes(aws, None)
    triggers = [{"Arn": "arn:aws:cloudwatch:r:0:alarm:Errors", "Type": ALARM}]
    options = {"NotificationARNs": [], "RollbackConfiguration": {"RollbackTriggers": triggers}}
    plan = Plan(NAME, STACK.id, "CREATE", "cs", "n", "d", setting_changes=tuple(changes), options=options)
    assert list(map(str, setting_lines(plan))) == [
        "  settings",
        "    termination protection: off → on",
        "    rolls back if one of these alarms fires during the update: Errors",
        "    notification topics: none",
    ]
    settings.apply(aws, STACK.id, changes)
    assert aws.asked == [
        ("cloudformation.update_termination_protection", {"StackName": STACK.id, "EnableTerminationProtection": True})
    ]
