"""Rules on alarms: each must be able to start, and somebody must hear of it."""

from collections.abc import Iterator
from typing import Any

from generator.cfn.places import walk
from generator.cfn.templates import TemplateSet
from generator.gate.rules.rule import Fault, Rule, values

ALARM, CLOUDFRONT = "AWS::CloudWatch::Alarm", "us-east-1"


def _elsewhere(templates: TemplateSet) -> Iterator[Fault]:
    for alarm in templates.resources(ALARM):
        watches = any(place[-1:] == ("Namespace",) and value == "AWS/CloudFront" for place, value in alarm.walk())
        if watches and templates[alarm.template].metadata.get("Region") != CLOUDFRONT:
            yield Fault(alarm.address, "watches CloudFront from another Region")


def _unheard(templates: TemplateSet) -> Iterator[Fault]:
    for alarm in templates.resources(ALARM):
        for name in ("AlarmActions", "OKActions"):
            if not all(_tells(value) for value in values(alarm, name)):
                yield Fault(alarm.address, f"has no {name}")


def _tells(actions: Any) -> bool:
    return bool(actions) and any(isinstance(value, dict) for _, value in walk(actions))


RULES = (
    Rule(
        "MON001",
        f"CloudFront's metrics are in {CLOUDFRONT} alone, and an alarm without data never starts",
        "move the alarm to the root edge",
        _elsewhere,
    ),
    Rule("MON002", "nobody would hear when it starts or ends", "let it tell the topic", _unheard),
)
