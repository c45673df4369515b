"""The notifications of a release: its events against the deployed EventBridge rules, through their input transformers.

Sources: EventBridge user guide, eb-event-patterns and eb-create-pattern-operators for matching,
eb-transform-target-input for the transformer, codepipeline user guide, detect-state-changes-cloudwatch-events, for the
events.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scripts.deployment.aws import Aws
from scripts.rehearsal.errors import Failed, Unsupported
from scripts.rehearsal.permissions import Denied, Judge

Event = Mapping[str, Any]
EVENTS = "events.amazonaws.com"


@dataclass(frozen=True)
class Rule:
    """One enabled rule with its targets, as EventBridge tells them."""

    name: str
    arn: str
    pattern: Mapping[str, Any]
    targets: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Message:
    """What a target is sent because of an event; `trouble` says why it does not arrive."""

    rule: str
    target: str
    body: str
    trouble: str = ""


def rules(aws: Aws) -> list[Rule]:
    """Every enabled rule of the default bus that has a pattern."""
    found = []
    for page in aws.pages("events", "list_rules"):
        for one in page["Rules"]:
            if one["State"] == "ENABLED" and one.get("EventPattern"):
                targets = aws.call("events", "list_targets_by_rule", Rule=one["Name"])["Targets"]
                found.append(Rule(one["Name"], one["Arn"], json.loads(one["EventPattern"]), tuple(targets)))
    return found


def sent(event: Event, known: list[Rule], judge: Judge) -> list[Message]:
    """What the targets of all rules are sent because of an event."""
    return [
        Message(rule.name, target["Arn"], transformed(target, event), _trouble(rule, target["Arn"], judge))
        for rule in known
        if matches(rule.pattern, event)
        for target in rule.targets
    ]


def _trouble(rule: Rule, topic: str, judge: Judge) -> str:
    """Why a topic or its key lets EventBridge not publish; empty when they do."""
    if topic.split(":")[2] != "sns":
        return ""
    try:
        judge.service(EVENTS, "sns:Publish", topic, {"aws:SourceArn": rule.arn, "aws:SourceAccount": judge.account})
        key = judge.aws.call("sns", "get_topic_attributes", TopicArn=topic)["Attributes"].get("KmsMasterKeyId", "")
        for action in ("kms:GenerateDataKey", "kms:Decrypt") if key else ():
            judge.service(EVENTS, action, key, {})
    except Denied as denied:
        return str(denied)
    return ""


def matches(pattern: Mapping[str, Any], event: Event) -> bool:
    """Whether an event fits a pattern. Raises `Unsupported` for a comparison that is not modelled."""
    for key, wanted in pattern.items():
        if key == "$or":
            raise Unsupported("event patterns with $or are not imitated")
        found = event.get(key)
        if isinstance(wanted, Mapping):
            if not matches(wanted, found if isinstance(found, Mapping) else {}):
                return False
        elif not any(_fits(one, found) for one in wanted):
            return False
    return True


def _fits(wanted: Any, found: Any) -> bool:
    match wanted:
        case {"exists": bool() as there}:
            return (found is not None) == there
        case {"prefix": str() as start}:
            return any(isinstance(one, str) and one.startswith(start) for one in _each(found))
        case {"suffix": str() as end}:
            return any(isinstance(one, str) and one.endswith(end) for one in _each(found))
        case {"anything-but": inner}:
            named = inner if isinstance(inner, list) else [inner]
            return found is not None and not any(_fits(one, found) for one in named)
        case dict():
            raise Unsupported(f"the event pattern {json.dumps(wanted)} is not imitated")
    return wanted in _each(found)


def _each(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]


def transformed(target: Mapping[str, Any], event: Event) -> str:
    """What a target is sent: the event, a constant, or what its input transformer makes.

    `<name>` is replaced by the JSON at its path: between quotes of the template a text stands without its own, and
    outside with them; a path that the event lacks leaves nothing behind.
    """
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        raise Unsupported("targets with InputPath are not imitated")
    if "InputTransformer" not in target:
        return json.dumps(event)
    paths = target["InputTransformer"].get("InputPathsMap", {})
    template = target["InputTransformer"]["InputTemplate"]

    def value(match: re.Match[str]) -> str:
        if match[1].startswith("aws.events."):
            raise Unsupported(f"<{match[1]}> in an input template is not imitated")
        if match[1] not in paths:
            raise Failed(f"the input template has <{match[1]}>, and no path of that name")
        found = _at(paths[match[1]], event)
        if found is None:
            return ""
        quoted = template[: match.start()].count('"') - template[: match.start()].count('\\"')
        return str(found) if isinstance(found, str) and quoted % 2 else json.dumps(found, ensure_ascii=False)

    return re.sub(r"<([\w.-]+)>", value, template)


def _at(path: str, event: Event) -> Any:
    found: Any = event
    for step in path.removeprefix("$").split(".")[1:]:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found
