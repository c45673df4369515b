"""What holds data, or is known by its address, and goes with a change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.changes import Difference, PlannedChange
from generator.cfn.losses import ADDRESSES, KEEPS, Loss, TemplatePair, keeps, losses
from generator.cfn.templates import Resource, TemplateSet, from_bodies

TABLE = "AWS::DynamoDB::Table"


def templates(**stacks: dict[str, Any]) -> TemplateSet:
    return from_bodies({name.replace("_", "."): {"Resources": resources} for name, resources in stacks.items()})


def table(**attributes: str) -> dict[str, Any]:
    return {"Type": TABLE, **attributes}


def removed(name: str, kind: str = TABLE) -> PlannedChange:
    return PlannedChange(tuple(name.split(".")), kind, "Remove")


def replaced(name: str, kind: str = TABLE) -> PlannedChange:
    certain = (Difference("Name", "a", "b", recreates="Always"),)
    return PlannedChange(tuple(name.split(".")), kind, "Modify", "True", differences=certain)


KEPT, DELETED = table(DeletionPolicy="Retain"), table(DeletionPolicy="Delete")
TOPIC = {"Type": "AWS::SNS::Topic"}


@pytest.mark.parametrize(
    ("attributes", "kept"),
    [
        *(({"DeletionPolicy": policy}, True) for policy in KEEPS),
        *(({"UpdateReplacePolicy": policy}, True) for policy in KEEPS),
        ({}, False),
        ({"DeletionPolicy": "Delete"}, False),
        ({"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Retain"}, False),  # a task definition holds no data
        ({"DeletionPolicy": "Snapshot", "UpdateReplacePolicy": "Delete"}, True),
    ],
)
def test_what_the_template_keeps(attributes: dict[str, str], kept: bool) -> None:
    assert keeps(Resource("t", "R", table(**attributes))) is kept


def test_what_holds_data_and_what_users_see_is_a_loss() -> None:
    pair = TemplatePair(
        "root", templates(root={"T": KEPT, "Q": TOPIC}, Data={"In": KEPT}), templates(root={"Q": TOPIC})
    )
    going = [removed("T"), replaced("Q", "AWS::SNS::Topic"), replaced("Data.In")]
    going += [removed(f"A{number}", kind) for number, kind in enumerate(ADDRESSES)]
    seen = [Loss(f"A{number}", kind, "deleted", "users see its address") for number, kind in enumerate(ADDRESSES)]
    expected = [*seen, Loss("Data.In", TABLE, "replaced", "holds data"), Loss("T", TABLE, "deleted", "holds data")]
    assert losses(reversed(going), pair) == sorted(expected, key=lambda loss: loss.name)
    assert losses([going[0], going[0]], pair) == [Loss("T", TABLE, "deleted", "holds data")], "told once"


def test_either_version_of_a_template_may_keep_it() -> None:
    for before, after in ((KEPT, DELETED), (DELETED, KEPT)):
        pair = TemplatePair("root", templates(root={"T": before}), templates(root={"T": after}))
        assert Loss("T", TABLE, "replaced", "holds data") in losses([replaced("T")], pair)
    pair = TemplatePair("root", templates(root={"T": DELETED}), templates(root={"T": DELETED}))
    assert losses([replaced("T")], pair) == []


def test_what_is_added_or_only_might_be_replaced_is_no_loss() -> None:
    pair = TemplatePair("root", templates(root={"T": KEPT}), templates(root={"T": KEPT}))
    might = Difference("Name", "a", "b", certain=False, recreates="Always")
    changes = (("Add", ()), ("Import", ()), ("Modify", ()), ("Modify", (might,)))
    for action, differences in changes:
        assert losses([PlannedChange(("T",), TABLE, action, "True", differences=differences)], pair) == []


def test_what_loses_its_protection_is_named_although_nothing_happens_to_it() -> None:
    before = templates(root={"T": KEPT, "Gone": KEPT, "Same": KEPT, "Not": DELETED}, Data={"In": KEPT})
    after = templates(root={"T": DELETED, "Same": KEPT, "Not": DELETED, "New": KEPT}, Data={"In": DELETED})
    assert losses([], TemplatePair("root", before, after)) == [
        Loss("Data.In", TABLE, "unprotected", "holds data"),
        Loss("T", TABLE, "unprotected", "holds data"),
    ]


def test_a_nested_stack_goes_with_all_that_is_in_it() -> None:
    """And nothing beside it."""
    before = templates(root={"Data": TOPIC}, Data={"In": KEPT}, Data_Deep={"Q": KEPT}, Database={"X": KEPT})
    pair = TemplatePair("root", before, before)
    stack = PlannedChange(("Data",), "AWS::CloudFormation::Stack", "Remove", nested=True)
    assert losses([stack], pair) == [
        Loss("Data.Deep.Q", TABLE, "deleted", "holds data"),
        Loss("Data.In", TABLE, "deleted", "holds data"),
    ]
    assert losses([replace(stack, action="Modify")], pair) == []
    assert pair.before_has(("Data", "In")) and not pair.before_has(("Data", "Out"))
    assert pair.before_has(("Data",)) and not pair.before_has(("Nothing", "In"))


@pytest.mark.parametrize(
    ("how", "option"),
    [
        ("deleted", "--allow-delete Data.T"),
        ("unprotected", "--allow-delete Data.T"),
        ("replaced", "--allow-replace Data.T"),
        ("changed", "--allow-replace Data.T"),
    ],
)
def test_a_loss_says_how_it_is_allowed(how: str, option: str) -> None:
    loss = Loss("Data.T", TABLE, how, "holds data")
    assert str(loss) == f"Data.T ({TABLE}, holds data) would be {how}. To allow this: {option}"
