"""What a change set says about resources, value by value: what is certain, what is not, and what is shown of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from generator.cfn.changes import (
    Difference,
    PlannedChange,
    Reading,
    details,
    differences,
    fault_text,
    is_unchanged,
    planned_change,
)
from generator.cfn.unknown import KNOWN_AFTER_APPLY

NAME = {"Attribute": "Properties", "Name": "Name"}


def detail(before: str = "old", after: str = "new", path: str = "Name", **more: Any) -> dict[str, Any]:
    """An entry of `Details`, in the form of `DescribeChangeSet`."""
    target = {
        **NAME,
        "Path": f"/Properties/{path}",
        "BeforeValue": before,
        "AfterValue": after,
        **more.pop("target", {}),
    }
    return {"Evaluation": "Static", "ChangeSource": "DirectModification", "Target": target, **more}


def read(
    *entries: dict[str, Any], path: tuple[str, ...] = ("Child", "Queue"), reading: Reading | None = None, **more: Any
) -> list[Difference]:
    return list(details({"Details": list(entries), **more}, path, reading or Reading()))


CERTAIN, UNCERTAIN = Difference("Name", "old", "new"), Difference("Name", "old", "new", certain=False)


@pytest.mark.parametrize(
    ("entry", "difference"),
    [
        (detail(), CERTAIN),
        (detail(Evaluation="Dynamic"), CERTAIN),  # both values are there, and differ
        (detail("old", "old", Evaluation="Dynamic"), Difference("Name", "old", "old", certain=False)),
        (detail("old", "old"), Difference("Name", "old", "old")),
        (detail(ChangeSource="Automatic"), UNCERTAIN),
        (detail(after=KNOWN_AFTER_APPLY), Difference("Name", "old", KNOWN_AFTER_APPLY, certain=False)),
        (
            detail(target={"RequiresRecreation": "Always"}, CausingEntity="Cpu"),
            Difference("Name", "old", "new", recreates="Always", cause="Cpu"),
        ),
        (detail(path="Tags/0/Value"), Difference("Tags.Owner.Value", "old", "new")),
        ({"Evaluation": "Static", "Target": {"Attribute": "Tags"}}, Difference("Tags", "", "")),
        ({"Evaluation": "Static", "Target": {"Attribute": "Properties", "Name": "Size"}}, Difference("Size", "", "")),
        (detail(path="Password"), Difference("Password", *("(not shown: it looks like a secret, by its name)",) * 2)),
    ],
)
def test_one_value(entry: dict[str, Any], difference: Difference) -> None:
    context = json.dumps({"Properties": {"Tags": [{"Key": "Owner", "Value": "x"}]}})
    assert read(entry, BeforeContext=context, AfterContext=context) == [difference]


def test_the_metadata_of_a_resource_is_none_of_its_values() -> None:
    assert read({"Evaluation": "Static", "Target": {"Attribute": "Metadata"}}, detail()) == [CERTAIN]
    assert read() == []


def test_what_is_certain_in_one_of_two_entries_is_certain() -> None:
    uncertain = detail(ChangeSource="Automatic")
    assert read(uncertain, detail()) == read(detail(), uncertain) == [CERTAIN]
    assert read(uncertain, uncertain) == [UNCERTAIN]
    assert read(detail(target={"RequiresRecreation": "Always"}), detail()) == [
        Difference("Name", "old", "new", recreates="Always")
    ]
    other = detail(path="Other")
    assert [each.name for each in read(detail(), other)] == ["Name", "Other"]


def test_what_a_sibling_feeds_is_uncertain_of_the_nested_stack_and_of_what_is_in_it() -> None:
    reading = Reading(fed={"Child": frozenset({"Arn"})})
    parameter = detail(path="Parameters/Arn", target={"Name": "Parameters"})
    assert [each.certain for each in read(parameter, path=("Child",), reading=reading)] == [False]
    assert [each.certain for each in read(parameter, path=("Other",), reading=reading)] == [True]
    assert [each.certain for each in read(detail(CausingEntity="Arn"), reading=reading)] == [False]
    assert [each.certain for each in read(detail(CausingEntity="Size"), reading=reading)] == [True]


def test_a_hidden_parameter_is_shown_nowhere() -> None:
    reading = Reading(hidden=("Word",))
    [own] = read(detail(path="Parameters/Word"), reading=reading)
    [caused] = read(detail(CausingEntity="Word"), reading=reading)
    assert (own.before, own.after) == (caused.before, caused.after) == ("(not shown)",) * 2
    assert read(detail(CausingEntity="Other"), reading=reading)[0].after == "new"


def test_two_sets_of_values_differ_by_name_and_in_the_order_of_names() -> None:
    before, after = {"b": "1", "a": "1", "gone": "1", "Word": "x"}, {"b": "2", "a": "1", "added": "1", "Word": "y"}
    assert list(differences(before, after, ["Word"])) == [
        Difference("Word", "(not shown)", "(not shown)"),
        Difference("added", "", "1"),
        Difference("b", "1", "2"),
        Difference("gone", "1", ""),
    ]


def change(**more: Any) -> PlannedChange:
    return PlannedChange(("Data", "Clients"), "AWS::DynamoDB::Table", **{"action": "Modify", **more})


FORCED, WEAK = Difference("Key", "a", "b", recreates="Always"), Difference("Key", "a", "b", False, "Always")


@pytest.mark.parametrize(
    ("planned", "certain", "replaced"),
    [
        (change(action="Add"), True, False),
        (change(action="Remove"), True, False),
        (change(), False, False),
        (change(differences=(CERTAIN,)), True, False),
        (change(differences=(UNCERTAIN,)), False, False),
        (change(differences=(UNCERTAIN, CERTAIN)), True, False),
        (change(differences=(FORCED,), replacement="True"), True, True),
        (change(differences=(FORCED,), replacement="Conditional"), True, True),
        (change(differences=(FORCED,), replacement="False"), True, False),
        (change(differences=(WEAK, CERTAIN), replacement="True"), True, False),  # hangs on an output alone
        (change(nested=True, children=(change(differences=(CERTAIN,)),)), True, False),
        (change(nested=True, children=(change(differences=(UNCERTAIN,)),), differences=(CERTAIN,)), False, False),
    ],
)
def test_what_happens_for_sure(planned: PlannedChange, certain: bool, replaced: bool) -> None:
    assert (planned.certain, planned.replaced) == (certain, replaced)


def test_the_leaves_of_a_change_are_what_is_in_the_nested_stacks() -> None:
    leaf, other = change(), change(action="Add")
    inner = change(nested=True, children=(other,))
    assert list(change(nested=True, children=(leaf, inner)).leaves()) == [leaf, other]
    assert list(leaf.leaves()) == [leaf] and leaf.name == "Data.Clients"


def test_an_entry_of_a_change_set_is_read_whole() -> None:
    entry = {
        "HookInvocationCount": 2,
        "ResourceChange": {
            "ResourceType": "AWS::CloudFormation::Stack",
            "Action": "Modify",
            "Replacement": "False",
            "PolicyAction": "Retain",
            "PhysicalResourceId": "arn:child",
            "ChangeSetId": "arn:set",
            "Details": [detail()],
        },
    }
    inner = change(action="Add")
    assert planned_change(entry, ("Data",), Reading(), (inner,), "arn:set") == PlannedChange(
        ("Data",),
        "AWS::CloudFormation::Stack",
        "Modify",
        replacement="False",
        policy="Retain",
        differences=(CERTAIN,),
        children=(inner,),
        nested=True,
        physical_id="arn:child",
        change_set="arn:set",
        hooks=2,
    )
    bare = {"ResourceChange": {"ResourceType": "T", "Action": "Add"}}
    assert planned_change(bare, ("Q",), Reading(), (), "") == PlannedChange(("Q",), "T", "Add")


@pytest.mark.parametrize(
    ("reason", "unchanged"),
    [
        ("The submitted information didn't contain changes. Submit different information.", True),
        ("No updates are to be performed.", True),
        ("Template error", False),
        (None, False),
    ],
)
def test_cloudformations_way_to_say_that_there_is_nothing_to_do(reason: str | None, unchanged: bool) -> None:
    assert is_unchanged({} if reason is None else {"StatusReason": reason}) is unchanged


HOOK, INVALID = {"EventType": "HOOK_INVOCATION_ERROR"}, {"EventType": "VALIDATION_ERROR"}


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"EventType": "STACK_EVENT", "LogicalResourceId": "Q"}, ""),
        ({}, ""),
        (
            {
                "EventType": "HOOK_INVOCATION_ERROR",
                "LogicalResourceId": "Q",
                "HookType": "A::B::C",
                "HookStatusReason": "no",
            },
            "Q: hook A::B::C says no",
        ),
        ({**HOOK, "HookStatus": "FAILED"}, ": hook  says FAILED"),
        (HOOK, ": hook  says "),
        (
            {
                "EventType": "VALIDATION_ERROR",
                "ValidationPath": "/R/Q",
                "LogicalResourceId": "Q",
                "ValidationStatusReason": "bad",
            },
            "/R/Q: bad",
        ),
        ({**INVALID, "LogicalResourceId": "Q", "ValidationName": "NAME_CONFLICT"}, "Q: NAME_CONFLICT"),
        (INVALID, ": "),
    ],
)
def test_why_a_change_set_failed(event: dict[str, str], text: str) -> None:
    assert fault_text(event) == text
