"""Event patterns and input transformers as EventBridge documents them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.rehearsal.errors import ActionFailedError, UnsupportedError
from scripts.rehearsal.messages import EventRule, enabled_rules, matches, messages_for, target_input, targets_of
from tests.support.rehearsal.prepared_aws import ACCOUNT, ROLE, PreparedAws, allow, aws, role_checker

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


RULE_ARN, TOPIC, KEY = "arn:aws:events:r:1:rule/r", f"arn:aws:sns:us-east-1:{ACCOUNT}:alerts", "arn:aws:kms:r:1:key/1"


def test_rules_are_read_with_their_targets() -> None:
    pattern = {"source": ["aws.one"]}
    rules = [{"Name": "on", "Arn": RULE_ARN, "State": "ENABLED", "EventPattern": json.dumps(pattern)}]
    targets = [{"Id": "1", "Arn": TOPIC}]
    account = PreparedAws({"events.list_rules": {"Rules": rules}, "events.list_targets_by_rule": {"Targets": targets}})
    assert enabled_rules(aws(account)) == [EventRule("on", RULE_ARN, pattern, tuple(targets))]
    assert account.calls == [("events.list_rules", {}), ("events.list_targets_by_rule", {"Rule": "on"})]


def test_the_targets_of_a_service_are_those_of_the_rules_that_match() -> None:
    topic, machine = {"Arn": TOPIC}, {"Arn": "arn:aws:states:r:1:stateMachine:m"}
    both = EventRule("both", "1", {"source": ["aws.one"]}, (topic, machine))
    other = EventRule("other", "2", {"source": ["aws.two"]}, (topic,))
    assert targets_of(EVENT, [both, other], "sns") == [(both, topic)]
    assert targets_of(EVENT, [both, other], "states") == [(both, machine)]


def event_account(key: str, policy: list[dict[str, Any]], key_policy: list[dict[str, Any]]) -> dict[str, Any]:
    attributes = {"Policy": json.dumps({"Statement": policy}), **({"KmsMasterKeyId": key} if key else {})}
    return {
        "sns__get_topic_attributes": {"Attributes": attributes},
        "kms__get_key_policy": {"Policy": json.dumps({"Statement": key_policy})},
    }


def events(*actions: str, **more: Any) -> dict[str, Any]:
    return {**allow("E", [*actions], "*"), "Principal": {"Service": "events.amazonaws.com"}, **more}


OURS = {"StringEquals": {"aws:SourceArn": RULE_ARN, "aws:SourceAccount": ACCOUNT}}
ROOT = {**allow("R", ["kms:*"], "*"), "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
PUBLISH, USE_KEY = events("sns:Publish", Condition=OURS), events("kms:GenerateDataKey", "kms:Decrypt")
NO_PUBLISH = f"events.amazonaws.com may not sns:Publish on {TOPIC}: implicitly denied"
NO_KEY = f"events.amazonaws.com may not kms:Decrypt on {KEY}: implicitly denied"


@pytest.mark.parametrize(
    ("key", "policy", "key_policy", "problem"),
    [
        ("", [PUBLISH], [], ""),
        ("", [], [], NO_PUBLISH),
        (KEY, [PUBLISH], [USE_KEY], ""),
        (KEY, [PUBLISH], [events("kms:GenerateDataKey")], NO_KEY),
        (KEY, [PUBLISH], [events("kms:Decrypt")], NO_KEY.replace("Decrypt", "GenerateDataKey")),
    ],
)
def test_a_topic_gets_a_message_by_its_own_policy_and_its_keys(
    key: str, policy: list[dict[str, Any]], key_policy: list[dict[str, Any]], problem: str
) -> None:
    rule = EventRule("rule", RULE_ARN, {}, ({"Arn": TOPIC, "Input": '"text"'},))
    checker = role_checker(**event_account(key, policy, key_policy))
    [message] = messages_for(EVENT, [rule], checker)
    assert (message.rule, message.target, message.body) == ("rule", TOPIC, '"text"')
    assert message.undelivered.startswith(problem) and bool(message.undelivered) is bool(problem)


TRUSTED = {"Statement": [{**events("sts:AssumeRole"), "Resource": "*"}]}


@pytest.mark.parametrize(
    ("key", "trust", "actions", "problem"),
    [
        ("", TRUSTED, ["sns:Publish"], ""),
        ("", {"Statement": []}, ["sns:Publish"], "events.amazonaws.com may not assume builder"),
        ("", TRUSTED, [], f"builder may not sns:Publish on {TOPIC}"),
        (KEY, TRUSTED, ["sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"], ""),
        (KEY, TRUSTED, ["sns:Publish"], "builder may not kms:"),
    ],
)
def test_a_target_with_a_role_is_sent_to_as_that_role(
    key: str, trust: dict[str, Any], actions: list[str], problem: str
) -> None:
    rule = EventRule("rule", RULE_ARN, {}, ({"Arn": TOPIC, "RoleArn": ROLE},))
    own = [allow("Own", actions, "*")] if actions else []
    [message] = messages_for(EVENT, [rule], role_checker(*own, trust=trust, **event_account(key, [], [ROOT])))
    assert message.body == json.dumps(EVENT)
    assert message.undelivered.startswith(problem) and bool(message.undelivered) is bool(problem)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"source": ["aws.one"], "time": ["now"]}, True),
        ({"time": ["then"], "source": ["aws.one"]}, False),
        ({"detail": {"state": ["FAILED"]}, "source": ["aws.two"]}, False),
        ({"resources": [{"prefix": "c"}, {"suffix": "b"}]}, True),
        ({"resources": [{"suffix": "c"}]}, False),
        ({"detail": {"more": {"n": [{"prefix": "3"}, {"suffix": "3"}]}}}, False),
        ({"resources": [{"anything-but": "a"}]}, False),
        ({"detail": {"state": [{"anything-but": ["x", "FAILED"]}]}}, False),
        ({"detail": {"state": [{"exists": False}]}}, False),
        ({"detail": {"absent": [{"exists": True}]}}, False),
        ({"source": {"deeper": ["x"]}}, False),
    ],
)
def test_every_key_of_a_pattern_has_to_match(pattern: dict[str, Any], expected: bool) -> None:
    assert matches(pattern, EVENT) is expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('"<b> of <a.b>"', '"3 of now"'),
        ('{"text": "\\"<word>\\"", "same": <word>}', '{"text": "\\"\u00fc\\"", "same": "\u00fc"}'),
        ('{"a": <list>}', '{"a": ["a", "b"]}'),
        ("<none>", ""),
    ],
)
def test_values_of_a_template_are_json_outside_of_its_quotes(template: str, expected: str) -> None:
    event = {**EVENT, "word": "\u00fc"}
    paths = {"b": "$.detail.more.n", "a.b": "$.time", "word": "$.word", "list": "$.resources", "none": "$.time.deeper"}
    assert target_input({"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}, event) == expected


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ({"InputPath": "$"}, "targets with InputPath are not simulated"),
        (transformer("<aws.events.rule-name>"), "<aws.events.rule-name> in an input template is not simulated"),
        ({"InputTransformer": {"InputTemplate": "<x>"}}, "the input template has <x>, and no path of that name"),
    ],
)
def test_an_input_that_is_not_simulated_is_named(target: dict[str, Any], problem: str) -> None:
    with pytest.raises(ActionFailedError) as failed:
        target_input(target, EVENT)
    assert str(failed.value) == problem
