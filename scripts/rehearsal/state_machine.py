"""The state machine that watches a release, run in a time of its own: a wait takes none.

Understood is the part of the Amazon States Language that ours uses; everything else is refused by its name. What a
state calls is asked of the local AWS, after its role was checked. Sources: step-functions dg,
amazon-states-language-paths, intrinsic-functions, supported-services-awssdk, connect-sns, connect-stepfunctions.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore import xform_name

from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.rehearsal.errors import UnsupportedError
from scripts.rehearsal.messages import Message
from scripts.rehearsal.permissions import PermissionChecker

STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
FILTERED = re.compile(r"\$\.(\w+)\[\?\((.+)\)\]\.([\w.]+)")
CLAUSE = re.compile(r"@\.([\w.]+)(==|!=)'([^']*)'")
FORMAT = re.compile(r"States\.Format\('([^']*)', (\$[\w.]+)\)")
ADD = re.compile(r"States\.MathAdd\((\$[\w.]+), (\d+)\)")
FAILED = "ExecutionsFailed"


@dataclass
class StateMachine:
    """One execution of a state machine; `state` is its input and then what the states made of it."""

    aws: Aws
    checker: PermissionChecker
    arn: str
    state: dict[str, Any]
    messages: list[Message]

    def __post_init__(self) -> None:
        machine = self.aws.call("stepfunctions", "describe_state_machine", stateMachineArn=self.arn)
        self.role, self.name = machine["roleArn"], machine["name"]
        definition = json.loads(machine["definition"])
        self.states: Mapping[str, Any] = definition["States"]
        self.at: str = definition["StartAt"]
        self.start, self.status = self.at, "RUNNING"
        self.checker.check_service_trust(self.role, "AWS::StepFunctions::StateMachine", "RoleArn")

    def look(self) -> None:
        """Lets one wait pass, and goes on to the next one or to the end."""
        waits = 0
        while self.status == "RUNNING":
            waits += self.states[self.at]["Type"] == "Wait"
            if waits == 2:
                return
            self._enter(self.states[self.at])

    def _enter(self, state: Mapping[str, Any]) -> None:
        match state["Type"]:
            case "Wait":
                self.at = state["Next"]
            case "Pass":
                self.state = self._filled(state["Parameters"], self.state)
                self.at = state["Next"]
            case "Choice":
                choices = [choice["Next"] for choice in state["Choices"] if self._holds(choice)]
                self.at = choices[0] if choices else state["Default"]
            case "Task":
                self._task(state)
            case "Succeed":
                self.status = "SUCCEEDED"
            case "Fail":
                self.status = "FAILED"
                self._raise_alarms()
            case other:
                raise UnsupportedError(f"states of type {other} are not simulated")

    def _task(self, state: Mapping[str, Any]) -> None:
        call = state["Resource"].partition(":states:::")[2]
        parameters = self._filled(state["Parameters"], self.state)
        fields = {key: str(value) for key, value in parameters.items() if isinstance(value, str)}
        self.checker.check_operation(self.role, f"state {call}", {**fields, "StateMachineName": self.name})
        self.at = state["Next"]
        if call == "states:startExecution":
            # The next execution of the same machine is this one again, with the state that it is given.
            self.state, self.at = parameters["Input"], self.start
            return
        if call == "sns:publish":
            self._publish(parameters)
            answer: Any = {}
        else:
            service, operation = call.removeprefix("aws-sdk:").split(":")
            try:
                answer = _pascal(self.aws.call(service, xform_name(operation), **_camel(parameters)))
            except AwsError as error:
                name = f"CodePipeline.{error.code}"
                catchers = [catch for catch in state.get("Catch", ()) if name in catch["ErrorEquals"]]
                if not catchers:
                    raise
                self.at = catchers[0]["Next"]
                return
        if "ResultSelector" in state:
            answer = self._filled(state["ResultSelector"], answer)
        if place := state.get("ResultPath"):
            self.state = {**self.state, place.removeprefix("$."): answer}

    def _publish(self, parameters: Mapping[str, Any]) -> None:
        topic = parameters["TopicArn"]
        if key := self.aws.call("sns", "get_topic_attributes", TopicArn=topic)["Attributes"].get("KmsMasterKeyId"):
            self.checker.check_operation(self.role, "state sns:publish with a key", {"Key": key})
        self.messages.append(Message(self.name, topic, json.dumps(parameters["Message"])))

    def _raise_alarms(self) -> None:
        """The alarms that count the failed executions of this state machine."""
        for page in self.aws.pages("cloudwatch", "describe_alarms"):
            for alarm in page["MetricAlarms"]:
                metrics = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", ()) if "MetricStat" in query]
                if any(
                    metric["MetricName"] == FAILED and self.arn in [item["Value"] for item in metric["Dimensions"]]
                    for metric in metrics
                ):
                    self.aws.call(
                        "cloudwatch",
                        "set_alarm_state",
                        AlarmName=alarm["AlarmName"],
                        StateValue="ALARM",
                        StateReason=f"{self.name} failed",
                    )

    def _holds(self, choice: Mapping[str, Any]) -> bool:
        if "And" in choice:
            return all(self._holds(part) for part in choice["And"])
        try:
            actual = _at(choice["Variable"], self.state)
        except (LookupError, TypeError):
            return "IsPresent" in choice and not choice["IsPresent"]
        match choice:
            case {"IsPresent": bool() as present}:
                return present
            case {"StringEquals": str() as text}:
                return bool(actual == text)
            case {"NumericGreaterThanEqualsPath": str() as path}:
                return bool(actual >= _at(path, self.state))
        raise UnsupportedError(f"the choice {json.dumps(choice)} is not simulated")

    def _filled(self, value: Any, state: Any) -> Any:
        """Parameters with their paths and functions replaced: those whose name ends in `.$`."""
        if isinstance(value, list):
            return [self._filled(item, state) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            key.removesuffix(".$"): self._value(item, state) if key.endswith(".$") else self._filled(item, state)
            for key, item in value.items()
        }

    def _value(self, text: str, state: Any) -> Any:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        own = {"$$.State.EnteredTime": now, "$$.StateMachine.Id": self.arn}
        if text in own:
            return own[text]
        if match := ADD.fullmatch(text):
            return _at(match[1], state) + int(match[2])
        if match := FORMAT.fullmatch(text):
            return match[1].replace("{}", str(_at(match[2], state)))
        if match := FILTERED.fullmatch(text):
            return _filtered(state[match[1]], match[2], match[3])
        return _at(text, state)


def _at(path: str, value: Any) -> Any:
    """What stands at a path. Raises `LookupError` where there is nothing."""
    if not re.fullmatch(r"\$(\.\w+|\[\d+\])+", path):
        raise UnsupportedError(f"the path {path} is not simulated")
    for name, number in STEP.findall(path):
        value = value[name] if name else value[int(number)]
    return value


def _filtered(items: list[Any], condition: str, member: str) -> list[Any]:
    clauses = [CLAUSE.fullmatch(part.strip()) for part in condition.split("&&")]
    if not all(clauses):
        raise UnsupportedError(f"the filter {condition} is not simulated")
    chosen = [
        item
        for item in items
        if all((_at(f"$.{clause[1]}", item) == clause[3]) == (clause[2] == "==") for clause in clauses if clause)
    ]
    return [_at(f"$.{member}", item) for item in chosen if _has(f"$.{member}", item)]


def _has(path: str, value: Any) -> bool:
    """Whether something stands at a path: a filter leaves out what lacks the member that is asked for."""
    try:
        _at(path, value)
    except (LookupError, TypeError):
        return False
    return True


def _camel(value: Any) -> Any:
    """Names as CodePipeline's API has them: with a small first letter."""
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: _camel(item) for key, item in value.items()}
    return [_camel(item) for item in value] if isinstance(value, list) else value


def _pascal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: _pascal(item) for key, item in value.items()}
    return [_pascal(item) for item in value] if isinstance(value, list) else value
