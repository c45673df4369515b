"""The watch over a release, as the templates have it, in a time of its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from generator.cfn.templates import load
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.rehearsal.errors import UnsupportedError
from scripts.rehearsal.messages import Message
from scripts.rehearsal.permissions import AccessDeniedError, PermissionChecker
from scripts.rehearsal.state_machine import StateMachine
from tests.conftest import ROOT
from tests.support.rehearsal.prepared_aws import ROLE, PreparedAws, aws
from tests.support.rehearsal.releases import Checks

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


def small(states: dict[str, Any], state: dict[str, Any], **answers: Any) -> tuple[StateMachine, PreparedAws, Checks]:
    """A machine that begins at its first state; `answers` with `__` in the place of the dot."""
    definition = json.dumps({"StartAt": next(iter(states)), "States": states})
    machine = {"roleArn": ROLE, "name": "watch", "definition": definition}
    account = PreparedAws({name.replace("__", "."): answer for name, answer in answers.items()})
    account.answers["stepfunctions.describe_state_machine"] = machine
    checks = Checks()
    return StateMachine(aws(account), cast(PermissionChecker, checks), ARN, state, []), account, checks


END = {"Type": "Succeed"}
ITEMS = [
    {"Status": "Failed", "Stage": "A", "Input": {"Kind": "Build"}, "Output": {"Reason": "no table"}},
    {"Status": "Failed", "Stage": "B", "Input": {"Kind": "Approval"}, "Output": {}},
    {"Status": "Succeeded", "Stage": "C", "Input": {"Kind": "Build"}, "Output": {"Reason": "fine"}},
]


@pytest.mark.parametrize(
    ("parameters", "result"),
    [
        ({"a": "$.count", "b": 1, "c": None}, {"a": "$.count", "b": 1, "c": None}),
        ({"a.$": "$.count"}, {"a": 7}),
        ({"a": [{"b.$": "$.deep.list[1]"}, "$.count"], "c": {"d.$": "$.deep"}},
         {"a": [{"b": 20}, "$.count"], "c": {"d": {"list": [10, 20]}}}),
        ({"a.$": "States.MathAdd($.count, 12)"}, {"a": 19}),
        ({"a.$": "States.Format('after {} of {}', $.count)"}, {"a": "after 7 of 7"}),
        ({"a.$": "$$.StateMachine.Id"}, {"a": ARN}),
        ({"a.$": "$.items[?(@.Status=='Failed')].Stage"}, {"a": ["A", "B"]}),
        ({"a.$": "$.items[?(@.Status!='Failed')].Stage"}, {"a": ["C"]}),
        ({"a.$": "$.items[?(@.Status=='Failed' && @.Input.Kind!='Approval')].Stage"}, {"a": ["A"]}),
        ({"a.$": "$.items[?(@.Status=='Failed')].Output.Reason"}, {"a": ["no table"]}),
        ({"a.$": "$.items[?(@.Status=='Gone')].Stage"}, {"a": []}),
    ],
)  # fmt: skip
def test_parameters_are_filled_from_the_state(parameters: dict[str, Any], result: dict[str, Any]) -> None:
    state = {"count": 7, "deep": {"list": [10, 20]}, "items": ITEMS}
    machine, _, _ = small({"First": {"Type": "Pass", "Parameters": parameters, "Next": "End"}, "End": END}, state)
    machine.look()
    assert (machine.state, machine.status) == (result, "SUCCEEDED")


def test_the_time_of_a_state_is_now() -> None:
    parameters = {"a.$": "$$.State.EnteredTime"}
    machine, _, _ = small({"First": {"Type": "Pass", "Parameters": parameters, "Next": "End"}, "End": END}, {})
    machine.look()
    entered = datetime.strptime(machine.state["a"], "%Y-%m-%dT%H:%M:%S.000Z").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - entered).total_seconds()) < 60


@pytest.mark.parametrize("path", ["$.a[*]", "$..a", "a.b", "$", "States.UUID()", "$.items[?(@.Status)].Stage"])
def test_a_path_that_is_not_simulated_is_named(path: str) -> None:
    machine, _, _ = small({"First": {"Type": "Pass", "Parameters": {"a.$": path}, "Next": "End"}}, {"items": ITEMS})
    with pytest.raises(UnsupportedError) as refused:
        machine.look()
    what = "the filter @.Status is not simulated" if "?" in path else f"the path {path} is not simulated"
    assert str(refused.value) == what


@pytest.mark.parametrize(
    ("choice", "holds"),
    [
        ({"Variable": "$.text", "StringEquals": "yes"}, True),
        ({"Variable": "$.text", "StringEquals": "no"}, False),
        ({"Variable": "$.gone", "StringEquals": "yes"}, False),
        ({"Variable": "$.text", "IsPresent": True}, True),
        ({"Variable": "$.text", "IsPresent": False}, False),
        ({"Variable": "$.gone", "IsPresent": False}, True),
        ({"Variable": "$.gone", "IsPresent": True}, False),
        ({"Variable": "$.text.deeper", "IsPresent": True}, False),
        ({"Variable": "$.list[0]", "IsPresent": True}, False),
        ({"Variable": "$.count", "NumericGreaterThanEqualsPath": "$.limit"}, True),
        ({"Variable": "$.limit", "NumericGreaterThanEqualsPath": "$.count"}, True),
        ({"Variable": "$.less", "NumericGreaterThanEqualsPath": "$.limit"}, False),
        ({"And": [{"Variable": "$.text", "IsPresent": True}, {"Variable": "$.text", "StringEquals": "yes"}]}, True),
        ({"And": [{"Variable": "$.text", "IsPresent": True}, {"Variable": "$.text", "StringEquals": "no"}]}, False),
    ],
)  # fmt: skip
def test_a_choice_takes_the_first_that_holds(choice: dict[str, Any], holds: bool) -> None:
    choices = [{**choice, "Next": "Holds"}, {**choice, "Next": "Later"}]
    states = {
        "First": {"Type": "Choice", "Choices": choices, "Default": "Else"},
        **{name: {"Type": "Pass", "Parameters": {"at": name}, "Next": "End"} for name in ("Holds", "Later", "Else")},
        "End": END,
    }
    machine, _, _ = small(states, {"text": "yes", "list": [], "count": 3, "limit": 3, "less": 2})
    machine.look()
    assert machine.state == {"at": "Holds" if holds else "Else"}


CALL = {
    "Type": "Task",
    "Resource": "arn:aws:states:::aws-sdk:codepipeline:listActionExecutions",
    "Parameters": {"PipelineName": "site", "MaxResults": 100, "Filter": {"PipelineExecutionId.$": "$.execution"}},
    "Next": "End",
}
DETAILS = {"codepipeline__list_action_executions": {"actionExecutionDetails": [{"stageName": "A", "input": {"x": 1}}]}}


@pytest.mark.parametrize(
    ("more", "result"),
    [
        ({}, {"execution": "e-1"}),
        ({"ResultPath": None}, {"execution": "e-1"}),
        (
            {"ResultPath": "$.seen"},
            {"execution": "e-1", "seen": {"ActionExecutionDetails": [{"StageName": "A", "Input": {"X": 1}}]}},
        ),
        (
            {"ResultPath": "$.seen", "ResultSelector": {"stage.$": "$.ActionExecutionDetails[0].StageName"}},
            {"execution": "e-1", "seen": {"stage": "A"}},
        ),
    ],
)
def test_a_task_calls_the_api_and_keeps_what_it_selects(more: dict[str, Any], result: dict[str, Any]) -> None:
    machine, account, checks = small({"Ask": {**CALL, **more}, "End": END}, {"execution": "e-1"}, **DETAILS)
    machine.look()
    assert (machine.state, machine.status) == (result, "SUCCEEDED")
    assert account.calls == [
        ("stepfunctions.describe_state_machine", {"stateMachineArn": ARN}),
        (
            "codepipeline.list_action_executions",
            {"pipelineName": "site", "maxResults": 100, "filter": {"pipelineExecutionId": "e-1"}},
        ),
    ]
    assert checks.calls == [
        (ROLE, "trust of AWS::StepFunctions::StateMachine", "RoleArn"),
        (
            ROLE,
            "state aws-sdk:codepipeline:listActionExecutions",
            {"PipelineName": "site", "StateMachineName": "watch"},
        ),
    ]


def test_an_error_that_a_task_catches_leads_elsewhere_and_any_other_is_one() -> None:
    states = {
        "Ask": {
            **CALL,
            "Catch": [
                {"ErrorEquals": ["CodePipeline.Other"], "Next": "Wrong"},
                {"ErrorEquals": ["CodePipeline.X", "CodePipeline.Conflict"], "Next": "Caught"},
                {"ErrorEquals": ["CodePipeline.Conflict"], "Next": "Wrong"},
            ],
            "ResultPath": "$.seen",
        },
        "Caught": {"Type": "Pass", "Parameters": {"caught": "yes"}, "Next": "End"},
        "End": END,
    }
    error = AwsError("codepipeline.list_action_executions", "Conflict", "busy")
    machine, _, _ = small(states, {"execution": "e-1"}, codepipeline__list_action_executions=error)
    machine.look()
    assert (machine.state, machine.status) == ({"caught": "yes"}, "SUCCEEDED")
    error = AwsError("codepipeline.list_action_executions", "Throttling", "busy")
    machine, _, _ = small(states, {"execution": "e-1"}, codepipeline__list_action_executions=error)
    with pytest.raises(AwsError, match="Throttling"):
        machine.look()


@pytest.mark.parametrize("key", ["", "arn:aws:kms:r:1:key/1"])
def test_a_message_is_published_as_the_role_may(key: str) -> None:
    attributes = {"KmsMasterKeyId": key} if key else {}
    parameters = {"TopicArn": "arn:aws:sns:r:1:alerts", "Message": {"status": "FAILED", "id.$": "$.execution"}}
    task = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": parameters, "Next": "End"}
    machine, account, checks = small(
        {"Tell": {**task, "ResultPath": "$.sent"}, "End": END},
        {"execution": "e-1"},
        sns__get_topic_attributes={"Attributes": attributes},
    )
    machine.look()
    assert machine.messages == [Message("watch", "arn:aws:sns:r:1:alerts", '{"status": "FAILED", "id": "e-1"}')]
    assert machine.state == {"execution": "e-1", "sent": {}}
    assert account.calls[1:] == [("sns.get_topic_attributes", {"TopicArn": "arn:aws:sns:r:1:alerts"})]
    published = (ROLE, "state sns:publish", {"TopicArn": "arn:aws:sns:r:1:alerts", "StateMachineName": "watch"})
    encrypted = [(ROLE, "state sns:publish with a key", {"Key": key})] if key else []
    assert checks.calls[1:] == [published, *encrypted]


def test_a_machine_that_starts_itself_again_goes_on_with_the_state_that_it_hands_over() -> None:
    parameters = {"StateMachineArn.$": "$$.StateMachine.Id", "Input": {"minutes.$": "States.MathAdd($.minutes, 1)"}}
    hand_over = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution", "Parameters": parameters}
    states = {"Wait": {"Type": "Wait", "Next": "HandOver"}, "HandOver": {**hand_over, "Next": "End"}, "End": END}
    machine, account, checks = small(states, {"minutes": 1, "dropped": True})
    machine.look()
    assert (machine.state, machine.at, machine.status) == ({"minutes": 2}, "Wait", "RUNNING")
    machine.look()
    assert (machine.state, machine.at) == ({"minutes": 3}, "Wait")
    started = (ROLE, "state states:startExecution", {"StateMachineArn": ARN, "StateMachineName": "watch"})
    assert checks.calls[1:] == [started, started] and len(account.calls) == 1


def alarm(name: str, metric: str, *dimensions: str) -> dict[str, Any]:
    values = [{"Name": "StateMachineArn", "Value": value} for value in dimensions]
    query = {"MetricStat": {"Metric": {"MetricName": metric, "Dimensions": values}}}
    return {"AlarmName": name, "Metrics": [{"Expression": "FILL(a, 0)"}, query]}


def test_a_machine_that_fails_raises_the_alarms_that_count_its_failures() -> None:
    alarms = [
        alarm("ours", "ExecutionsFailed", ARN),
        alarm("another machine's", "ExecutionsFailed", "arn:other"),
        alarm("another metric's", "ExecutionsAborted", ARN),
        alarm("also ours", "ExecutionsFailed", "arn:other", ARN),
        {"AlarmName": "plain"},
    ]
    answers = {"cloudwatch__describe_alarms": {"MetricAlarms": alarms}, "cloudwatch__set_alarm_state": {}}
    machine, account, _ = small({"Failed": {"Type": "Fail"}}, {}, **answers)
    machine.look()
    assert machine.status == "FAILED"
    settings = {"StateValue": "ALARM", "StateReason": "watch failed"}
    raised = [("cloudwatch.set_alarm_state", {"AlarmName": name, **settings}) for name in ("ours", "also ours")]
    assert account.calls[1:] == [("cloudwatch.describe_alarms", {}), *raised]


def test_a_task_that_the_role_may_not_do_is_not_done() -> None:
    machine, account, checks = small({"Ask": CALL, "End": END}, {"execution": "e-1"}, **DETAILS)
    checks.denied.add("state aws-sdk:codepipeline:listActionExecutions")
    with pytest.raises(AccessDeniedError):
        machine.look()
    assert len(account.calls) == 1
