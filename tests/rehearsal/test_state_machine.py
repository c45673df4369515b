"""The watch over a release, as the templates have it, in a time of its own."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from generator.cfn.templates import load
from scripts.deployment.aws import Aws
from scripts.rehearsal.errors import UnsupportedError
from scripts.rehearsal.messages import Message
from scripts.rehearsal.permissions import PermissionChecker
from scripts.rehearsal.state_machine import StateMachine
from tests.conftest import ROOT

ARN = "arn:aws:states:us-east-1:1:stateMachine:p-watch"
DEFINITION = load(ROOT / "templates").resource("pipeline.Watch").get("Definition")


def resolved(value: Any) -> Any:
    """The definition with its intrinsic functions replaced."""
    if isinstance(value, list):
        return [resolved(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"Ref"}:
        return value["Ref"]
    if value.keys() == {"Fn::Sub"}:
        return value["Fn::Sub"].replace("${AWS::Partition}", "aws")
    return {key: resolved(item) for key, item in value.items()}


class Watched:
    """A pipeline whose one execution is in `status`, with actions of these categories in progress."""

    def __init__(self, *running: str, status: str = "InProgress", kind: str = "STANDARD", **states: Any) -> None:
        self.running, self.status, self.kind = running, status, kind
        self.stops: list[dict[str, Any]] = []
        definition = resolved(DEFINITION)
        definition["States"] |= states
        self.machine = {"roleArn": "role", "name": "p-watch", "definition": json.dumps(definition)}

    def call(self, service: str, operation: str, **arguments: Any) -> Any:
        if operation == "describe_state_machine":
            return self.machine
        if operation == "get_pipeline_execution":
            return {"pipelineExecution": {"status": self.status, "executionType": self.kind}}
        if operation == "list_action_executions":
            assert arguments["filter"] == {"pipelineExecutionId": "e-1"}
            return {
                "actionExecutionDetails": [
                    {"status": "InProgress", "stageName": f"In{kind}", "input": {"actionTypeId": {"category": kind}}}
                    for kind in self.running
                ]
            }
        if operation == "stop_pipeline_execution":
            self.stops.append(arguments)
            return {}
        assert (service, operation) == ("sns", "get_topic_attributes")
        return {"Attributes": {}}

    def pages(self, *_: str) -> list[dict[str, Any]]:
        return [{"MetricAlarms": []}]

    def watch(self, minutes: int = 0, limit: int = 60) -> tuple[StateMachine, list[Message]]:
        checker = SimpleNamespace(check_service_trust=lambda *_: None, check_operation=lambda *_: None)
        state: dict[str, Any] = {"execution": "e-1", "limit": limit, "minutes": minutes}
        messages: list[Message] = []
        return StateMachine(cast(Aws, self), cast(PermissionChecker, checker), ARN, state, messages), messages


def test_a_minute_counts_while_an_action_works() -> None:
    machine, messages = Watched("Build").watch(minutes=57)
    machine.look()
    machine.look()
    assert (machine.state["minutes"], machine.status, messages) == (59, "RUNNING", [])


@pytest.mark.parametrize("running", [(), ("Approval",)])
def test_waiting_does_not_count_and_hands_over(running: tuple[str, ...]) -> None:
    watched = Watched(*running)
    machine, _ = watched.watch(minutes=59)
    for _ in range(3):
        machine.look()
    assert machine.state == {"execution": "e-1", "limit": 60, "minutes": 59}
    assert (machine.status, watched.stops) == ("RUNNING", [])


def test_at_the_limit_the_execution_is_stopped_and_told() -> None:
    watched = Watched("Approval", "Build")
    machine, messages = watched.watch(minutes=59)
    machine.look()
    [stop] = watched.stops
    assert (stop["pipelineExecutionId"], stop["abandon"]) == ("e-1", True)
    assert machine.status == "FAILED"
    [message] = [json.loads(message.body) for message in messages]
    assert (message["stage"], message["status"], message["executionId"]) == ("InBuild", "FAILED", "e-1")
    assert message["error"] == "stopped after its limit of 60 minutes"


@pytest.mark.parametrize(
    ("status", "kind", "statuses"),
    [
        ("Succeeded", "STANDARD", ["SUCCEEDED"]),
        ("Succeeded", "ROLLBACK", ["ROLLED_BACK"]),
        ("Failed", "STANDARD", []),
        ("Stopped", "STANDARD", []),
        ("Superseded", "STANDARD", []),
    ],
)
def test_how_an_execution_ended(status: str, kind: str, statuses: list[str]) -> None:
    machine, messages = Watched(status=status, kind=kind).watch()
    machine.look()
    assert machine.status == "SUCCEEDED"
    assert [json.loads(message.body)["status"] for message in messages] == statuses


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"Type": "Parallel"}, "Parallel"),
        (
            {"Type": "Choice", "Choices": [{"Variable": "$.seen.status", "StringMatches": "*", "Next": "Ended"}]},
            "choice",
        ),
        ({"Type": "Pass", "Parameters": {"a.$": "$.items[*]"}, "Next": "Ended"}, "path"),
    ],
)
def test_what_is_not_simulated_is_refused(state: dict[str, Any], says: str) -> None:
    machine, _ = Watched("Build", Running=state).watch()
    with pytest.raises(UnsupportedError, match=says):
        machine.look()
