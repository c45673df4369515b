"""The notifications of a release: its events against the deployed EventBridge rules, through their input transformers.

Sources: EventBridge user guide, eb-event-patterns and eb-create-pattern-operators for matching,
eb-transform-target-input for the transformer; codepipeline user guide, detect-state-changes-cloudwatch-events, for the
events.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scripts.deployment.aws import Aws
from scripts.rehearsal.errors import ActionFailedError, UnsupportedError
from scripts.rehearsal.permissions import AccessDeniedError, PermissionChecker

Event = Mapping[str, Any]
EVENTS = "events.amazonaws.com"


@dataclass(frozen=True)
class EventRule:
    """One enabled rule with its targets."""

    name: str
    arn: str
    pattern: Mapping[str, Any]
    targets: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Message:
    """What a target is sent because of an event; `undelivered` says why it does not arrive."""

    rule: str
    target: str
    body: str
    undelivered: str = ""


def enabled_rules(aws: Aws) -> list[EventRule]:
    """Every enabled rule of the default bus that has an event pattern."""
    rules = []
    for page in aws.pages("events", "list_rules"):
        for rule in page["Rules"]:
            if rule["State"] == "ENABLED" and rule.get("EventPattern"):
                targets = aws.call("events", "list_targets_by_rule", Rule=rule["Name"])["Targets"]
                rules.append(EventRule(rule["Name"], rule["Arn"], json.loads(rule["EventPattern"]), tuple(targets)))
    return rules


def targets_of(event: Event, rules: list[EventRule], service: str) -> list[tuple[EventRule, Mapping[str, Any]]]:
    """The targets of one service in all rules that match an event."""
    return [
        (rule, target)
        for rule in rules
        if matches(rule.pattern, event)
        for target in rule.targets
        if target["Arn"].split(":")[2] == service
    ]


def messages_for(event: Event, rules: list[EventRule], checker: PermissionChecker) -> list[Message]:
    """What the topics of all matching rules are sent because of an event."""
    return [
        Message(rule.name, target["Arn"], target_input(target, event), _delivery_problem(rule, target, checker))
        for rule, target in targets_of(event, rules, "sns")
    ]


def _delivery_problem(rule: EventRule, target: Mapping[str, Any], checker: PermissionChecker) -> str:
    """Why EventBridge may not publish, as the role of the target or, without one, by the policies of the topic and its
    key; empty when it may."""
    topic: str = target["Arn"]
    try:
        if role := target.get("RoleArn"):
            checker.check_service_trust(role, "AWS::Events::Rule", "Targets")
            checker.check_operation(role, "target sns", {"Arn": topic})
            attributes = checker.aws.call("sns", "get_topic_attributes", TopicArn=topic)["Attributes"]
            if key := attributes.get("KmsMasterKeyId", ""):
                checker.check_operation(role, "target sns with a key", {"Key": key})
            return ""
        source = {"aws:SourceArn": rule.arn, "aws:SourceAccount": checker.account}
        checker.check_service_call(EVENTS, "sns:Publish", topic, source)
        attributes = checker.aws.call("sns", "get_topic_attributes", TopicArn=topic)["Attributes"]
        if key := attributes.get("KmsMasterKeyId", ""):
            for action in ("kms:GenerateDataKey", "kms:Decrypt"):
                checker.check_service_call(EVENTS, action, key, {})
    except AccessDeniedError as error:
        return str(error)
    return ""


def matches(pattern: Mapping[str, Any], event: Event) -> bool:
    """Whether an event matches a pattern. Raises `UnsupportedError` for a comparison that is not simulated."""
    for key, expected in pattern.items():
        if key == "$or":
            raise UnsupportedError("event patterns with $or are not simulated")
        actual = event.get(key)
        if isinstance(expected, Mapping):
            if not matches(expected, actual if isinstance(actual, Mapping) else {}):
                return False
        elif not any(_value_matches(choice, actual) for choice in expected):
            return False
    return True


def _value_matches(expected: Any, actual: Any) -> bool:
    values = actual if isinstance(actual, list) else [actual]
    match expected:
        case {"exists": bool() as exists}:
            return (actual is not None) == exists
        case {"prefix": str() as start}:
            return any(isinstance(value, str) and value.startswith(start) for value in values)
        case {"suffix": str() as end}:
            return any(isinstance(value, str) and value.endswith(end) for value in values)
        case {"anything-but": inner}:
            excluded = inner if isinstance(inner, list) else [inner]
            return actual is not None and not any(_value_matches(choice, actual) for choice in excluded)
        case dict():
            raise UnsupportedError(f"the event pattern {json.dumps(expected)} is not simulated")
    return expected in values


def target_input(target: Mapping[str, Any], event: Event) -> str:
    """What a target is sent: the event, a constant, or what its input transformer makes.

    `<name>` is replaced by the JSON at its path: between quotes of the template a text stands without its own, and
    outside with them; a path that the event lacks leaves nothing behind.
    """
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        raise UnsupportedError("targets with InputPath are not simulated")
    if "InputTransformer" not in target:
        return json.dumps(event)
    paths = target["InputTransformer"].get("InputPathsMap", {})
    template = target["InputTransformer"]["InputTemplate"]

    def replacement(match: re.Match[str]) -> str:
        if match[1].startswith("aws.events."):
            raise UnsupportedError(f"<{match[1]}> in an input template is not simulated")
        if match[1] not in paths:
            raise ActionFailedError(f"the input template has <{match[1]}>, and no path of that name")
        value = _value_at(paths[match[1]], event)
        if value is None:
            return ""
        before = template[: match.start()]
        quotes = before.count('"') - before.count('\\"')
        return value if isinstance(value, str) and quotes % 2 else json.dumps(value, ensure_ascii=False)

    return re.sub(r"<([\w.-]+)>", replacement, template)


def _value_at(path: str, event: Event) -> Any:
    value: Any = event
    for step in path.removeprefix("$").split(".")[1:]:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value
