"""Event patterns and input transformers as EventBridge documents them."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.rehearsal.errors import ActionFailedError, UnsupportedError
from scripts.rehearsal.messages import enabled_rules, matches, target_input
from tests.support.rehearsal.prepared_aws import PreparedAws, aws

EVENT = {"source": "aws.one", "time": "now", "resources": ["a", "b"], "detail": {"state": "FAILED", "more": {"n": 3}}}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({}, True),
        ({"source": ["aws.one", "aws.two"]}, True),
        ({"source": ["aws.two"]}, False),
        ({"source": ["aws.one"], "detail": {"state": ["SUCCEEDED"]}}, False),
        ({"resources": ["b"]}, True),
        ({"resources": ["c"]}, False),
        ({"detail": {"state": [{"prefix": "FAI"}]}}, True),
        ({"detail": {"state": [{"suffix": "LED"}]}}, True),
        ({"detail": {"state": [{"prefix": "ED"}]}}, False),
        ({"detail": {"state": [{"anything-but": "FAILED"}]}}, False),
        ({"detail": {"state": [{"anything-but": {"prefix": "SUC"}}]}}, True),
        ({"detail": {"state": [{"anything-but": ["x", "y"]}]}}, True),
        ({"detail": {"absent": [{"anything-but": "x"}]}}, False),
        ({"detail": {"state": [{"exists": True}]}}, True),
        ({"detail": {"absent": [{"exists": False}]}}, True),
        ({"detail": {"absent": {"deeper": [{"exists": True}]}}}, False),
        ({"detail": {"more": {"n": [3]}}}, True),
    ],
)
def test_patterns(pattern: dict[str, Any], expected: bool) -> None:
    assert matches(pattern, EVENT) is expected


@pytest.mark.parametrize("pattern", [{"$or": []}, {"time": [{"numeric": [">", 1]}]}, {"time": [{"wildcard": "*"}]}])
def test_comparisons_that_are_not_modelled_are_refused(pattern: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError):
        matches(pattern, EVENT)


def transformer(template: str, **paths: str) -> dict[str, Any]:
    return {"Arn": "arn", "InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('{"state": <state>}', '{"state": "FAILED"}'),
        ('"it is <state> now"', '"it is FAILED now"'),
        ('{"n": <n>, "all": <more>}', '{"n": 3, "all": {"n": 3}}'),
        ('{"gone": <gone>}', '{"gone": }'),
    ],
)
def test_templates(template: str, expected: str) -> None:
    paths = {"state": "$.detail.state", "n": "$.detail.more.n", "more": "$.detail.more", "gone": "$.detail.gone"}
    assert target_input(transformer(template, **paths), EVENT) == expected


def test_a_target_without_transformer_gets_the_event_or_a_constant() -> None:
    assert target_input({"Arn": "arn"}, {"a": 1}) == '{"a": 1}'
    assert target_input({"Arn": "arn", "Input": '"x"'}, {"a": 1}) == '"x"'
    with pytest.raises(UnsupportedError):
        target_input({"Arn": "arn", "InputPath": "$"}, EVENT)
    with pytest.raises(ActionFailedError, match="no path of that name"):
        target_input(transformer("<typo>"), EVENT)


def test_only_enabled_rules_with_a_pattern_send_anything() -> None:
    """A disabled rule sends nothing, and a schedule waits for no event."""
    rules = [
        {"Name": "on", "Arn": "1", "State": "ENABLED", "EventPattern": '{"source": ["aws.one"]}'},
        {"Name": "off", "Arn": "2", "State": "DISABLED", "EventPattern": '{"source": ["aws.one"]}'},
        {"Name": "nightly", "Arn": "3", "State": "ENABLED", "ScheduleExpression": "rate(1 day)"},
    ]
    account = PreparedAws({"events.list_rules": {"Rules": rules}, "events.list_targets_by_rule": {"Targets": []}})
    assert [rule.name for rule in enabled_rules(aws(account))] == ["on"]
