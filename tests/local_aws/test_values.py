"""Stacks as values: what a behaviour may be, which settings hold, which ids are the same in every run."""

import dataclasses
from typing import Any

import pytest

from generator.cfn.templates import Template
from scripts.local_aws.values import Behaviour, ChangeSet, Operation, Resource, Settings, Stack, Target, identifier


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pace": -0.1}, "pace is -0.1: give 0 or more"),
        ({"order": "backwards"}, "order is 'backwards': give one of drawn, ranked, reversed"),
        ({"unknown": "none"}, "unknown is 'none': give one of change set, intrinsic, mixed"),
    ],
)
def test_a_behaviour_that_cannot_be_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as refused:
        Behaviour(**fields)
    assert str(refused.value) == message


def test_an_account_behaves_so_unless_it_is_said_otherwise() -> None:
    assert dataclasses.asdict(Behaviour()) == {
        "seed": 0,
        "order": "drawn",
        "unknown": "mixed",
        "spurious": True,
        "deletion_seconds": 0.0,
        "interface_seconds": 0.0,
        "environment_seconds": 0.0,
        "addresses": 0,
        "pace": 0.0,
    }


def test_settings_hold_until_others_are_given() -> None:
    before = Settings("role", ("a",), {"MonitoringTimeInMinutes": 1})
    assert Settings().over(before) == before
    assert Settings("other", (), {}).over(before) == Settings("other", (), {})
    assert before.over(Settings()) == before


def test_the_same_seed_has_the_same_identifier_and_another_has_another() -> None:
    assert identifier("a", 1) == "32a39051-7fcc-6e43-df5f-c5f2c94699e1"
    assert len({identifier("a", 1), identifier("a", 2), identifier("a1"), identifier("a", "1", "")}) == 4


def test_a_nested_stack_has_a_root_and_a_path() -> None:
    root = Stack("app", "arn:app")
    child = Stack("app-Child-1", "arn:child", root, "Child")
    leaf = Stack("app-Child-1-Leaf-2", "arn:leaf", child, "Leaf")
    assert [stack.root for stack in (root, child, leaf)] == [root, root, root]
    assert [stack.path for stack in (root, child, leaf)] == ["app", "app/Child", "app/Child/Leaf"]


def test_an_event_sets_what_it_says_and_has_a_reason_only_where_there_is_one() -> None:
    stack, resource = Stack("app", "arn:app"), Resource("Topic", "AWS::SNS::Topic", {}, {}, "physical")
    stack.event(Operation("1"), None, "CREATE_IN_PROGRESS", "User Initiated")
    stack.event(Operation("1", "token"), resource, "CREATE_FAILED", "no", {"HookType": "x"})
    stack.event(Operation("1"), None, "CREATE_FAILED")
    assert (stack.status, stack.reason) == ("CREATE_FAILED", "")
    assert (resource.status, resource.reason, resource.updated) == ("CREATE_FAILED", "no", stack.events[1]["Timestamp"])
    common = {"StackId": "arn:app", "StackName": "app", "OperationId": "1"}
    of_stack = {
        "LogicalResourceId": "app",
        "PhysicalResourceId": "arn:app",
        "ResourceType": "AWS::CloudFormation::Stack",
    }
    of_topic = {"LogicalResourceId": "Topic", "PhysicalResourceId": "physical", "ResourceType": "AWS::SNS::Topic"}
    shown = [
        {key: value for key, value in event.items() if key not in ("EventId", "Timestamp")} for event in stack.events
    ]
    assert shown == [
        {**common, **of_stack, "ResourceStatus": "CREATE_IN_PROGRESS", "ResourceStatusReason": "User Initiated"},
        {
            **common,
            **of_topic,
            "ResourceStatus": "CREATE_FAILED",
            "ResourceStatusReason": "no",
            "ClientRequestToken": "token",
            "HookType": "x",
        },
        {**common, **of_stack, "ResourceStatus": "CREATE_FAILED"},
    ]
    assert len({event["EventId"] for event in stack.events}) == 3


def test_a_change_set_has_a_root_and_all_that_is_below_it() -> None:
    target = Target("", Template("t", {"Resources": {}}), {}, {}, {}, ())
    root, child, leaf = (ChangeSet(name, name, Stack(name, name), "CREATE", target) for name in ("a", "b", "c"))
    child.parent, leaf.parent = root, child
    root.below, child.below = [child], [leaf]
    assert [each.root for each in (root, child, leaf)] == [root, root, root]
    assert root.family() == [root, child, leaf]
