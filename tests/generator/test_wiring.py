"""The connections between root and children: the requirements' table, and every kind of loose end."""

from __future__ import annotations

from pathlib import Path

import pytest
from troposphere import AWSHelperFn, Ref, s3

from generator.application import APPLICATION
from generator.cfn.graph import child_dependencies
from generator.cfn.templates import load
from generator.core import ports
from generator.core.ports import Kind, Port
from generator.core.stack import Stack, StackError
from generator.core.wiring import LooseEndError, Offer, Wiring

# Who needs whom, as the requirements' table of children says; ingress needs the key for a public one's secret.
NEEDS = {
    "encryption": set(),
    "storage": {"encryption"},
    "notifications": {"encryption"},
    "registry": {"encryption"},
    "data": {"encryption"},
    "network": {"encryption"},
    "site": {"storage"},
    "ingress": {"network", "storage", "encryption"},
    "delivery": {"ingress", "site", "storage"},
    "address": {"delivery"},
    "configuration": {"encryption", "delivery", "data"},
    "backend": {"network", "ingress", "registry", "configuration", "data", "notifications", "encryption"},
    # The alternative to it, with the same outputs.
    "beanstalk": {"network", "ingress", "configuration", "data", "notifications", "encryption"},
    "build": {"storage", "encryption", "registry", "site", "delivery", "backend", "beanstalk"},
    "pipeline": {"storage", "encryption", "notifications", "build", "backend", "beanstalk", "site"},
    "monitoring": {"encryption", "notifications", "ingress", "backend", "beanstalk", "delivery", "build", "pipeline"},
}


def test_the_graph_is_the_requirements_table(repository: Path) -> None:
    root = load(repository / "templates")["environment"]
    stems = {stack.logical_id: stack.logical_id.lower() for stack in root.resources.values()}
    by_name = {stems[child]: {stems[need] for need in needs} for child, needs in child_dependencies(root).items()}
    assert by_name == NEEDS


def _stack(name: str) -> Stack:
    return Stack(name, f"tests.{name}", "a test", APPLICATION)


THING = Port("Thing", Kind.ARN, "a thing")


def _giver(*values: Port) -> Stack:
    giver = _stack("giver")
    for port in values:
        giver.gives(port, "value")
    return giver


def test_a_missing_connection_names_both_ends_and_the_nearest_name() -> None:
    wiring = Wiring("root", {})
    wiring.offer_outputs(_giver(Port("Things", Kind.ARN, "things")), "Giver", None, {})
    taker = _stack("taker")
    taker.takes(THING)
    needs = r"^Stack `taker` \(tests\.\w+\) needs `Thing`, .* of root `root` provides it\."
    with pytest.raises(LooseEndError, match=needs + r" Similar: `Things`, from `giver` \(tests\.\w+\)\.$"):
        wiring.connect(taker, None)


def test_an_unused_output_is_refused() -> None:
    wiring = Wiring("root", {})
    wiring.offer_outputs(_giver(THING), "Giver", None, {})
    with pytest.raises(
        LooseEndError, match=r"`giver` \(tests\.\w+\) provides `Thing`, but nothing in root `root` uses it"
    ):
        wiring.finish()


def test_a_wrong_kind_names_both_ends() -> None:
    wiring = Wiring("root", {})
    wiring.offer_outputs(_giver(THING), "Giver", None, {})
    taker = _stack("taker")
    taker.takes(Port("Thing", Kind.SUBNET, "a subnet"))
    with pytest.raises(LooseEndError, match="giver gives Thing as ARN, and taker takes it as subnet id"):
        wiring.connect(taker, None)


def test_two_givers_are_refused() -> None:
    wiring = Wiring("root", {})
    wiring.offer(Offer(THING, "one", "1"))
    with pytest.raises(LooseEndError, match="two and one both give Thing"):
        wiring.offer(Offer(THING, "two", "2"))


EITHER = {"Wide": frozenset({"Left", "Right"})}
IMPLIES = {"Left": frozenset({"Wide"}), "Right": frozenset({"Wide"})}


def _either(condition: str | None) -> object:
    """What a taker gets of two givers of which one exists whenever `Wide` holds."""
    wiring = Wiring("root", IMPLIES, EITHER)
    for name, other in (("One", "Left"), ("Two", "Right")):
        wiring.offer_outputs(_giver(THING), name, other, {})
    value = wiring.take(THING, "taker", condition)
    return value.to_dict() if isinstance(value, AWSHelperFn) else value


def test_two_givers_that_exclude_each_other_give_what_exists() -> None:
    item, two = ({"Fn::GetAtt": [name, "Outputs.Thing"]} for name in ("One", "Two"))
    assert _either("Left") == item
    assert _either("Right") == two
    assert _either("Wide") == {"Fn::If": ["Left", item, two]}
    assert _either(None) == {"Fn::If": ["Left", item, {"Fn::If": ["Right", two, ""]}]}


def test_two_givers_of_different_things_are_refused() -> None:
    wiring = Wiring("root", IMPLIES, EITHER)
    wiring.offer(Offer(THING, "one", "1", "Left"))
    with pytest.raises(LooseEndError, match="two and one both give Thing"):
        wiring.offer(Offer(THING, "two", "2", "Left"))
    with pytest.raises(LooseEndError, match="two and one both give Thing"):
        wiring.offer(Offer(THING, "two", "2"))
    with pytest.raises(LooseEndError, match="two and one give Thing in two meanings"):
        wiring.offer(Offer(Port("Thing", Kind.NAME, "a thing"), "two", "2", "Right"))


def test_a_stand_in_for_nothing_is_refused() -> None:
    with pytest.raises(LooseEndError, match="replaces Other, which giver does not provide"):
        Wiring("root", {}).offer_outputs(_giver(THING), "Giver", "Sometimes", {"Other": "x"})


def test_a_misspelled_port_is_no_attribute() -> None:
    with pytest.raises(AttributeError):
        getattr(ports, "KEY_ARM")  # noqa: B009


def test_a_conditional_value_is_guarded_unless_its_condition_holds() -> None:
    wiring = Wiring("root", {"Narrow": frozenset({"Wide"})})
    wiring.offer_outputs(_giver(THING), "Giver", "Wide", {"Thing": "instead"})
    bare = {"Fn::GetAtt": ["Giver", "Outputs.Thing"]}
    assert wiring.take(THING, "a", "Wide").to_dict() == bare  # type: ignore[union-attr]
    assert wiring.take(THING, "b", "Narrow").to_dict() == bare  # type: ignore[union-attr]
    assert wiring.take(THING, "c").data["Fn::If"][0] == "Wide"  # type: ignore[union-attr]
    assert wiring.take(THING, "c").data["Fn::If"][2] == "instead"  # type: ignore[union-attr]


def test_an_input_that_is_taken_and_not_used_is_refused() -> None:
    stack = _stack("idle")
    stack.takes(THING)
    stack.add(s3.Bucket("Bucket"), "A bucket.", ["PIP-1"])
    with pytest.raises(StackError, match="idle takes Thing and uses it nowhere"):
        stack.finish()


def test_a_port_has_one_kind_and_one_value() -> None:
    stack = _stack("odd")
    stack.takes(THING)
    with pytest.raises(StackError, match="odd takes Thing as name and as ARN"):
        stack.takes(Port("Thing", Kind.NAME, "another"))
    stack.gives(THING, Ref("AWS::Region"))
    with pytest.raises(StackError, match="gives Thing twice"):
        stack.gives(THING, Ref("AWS::Region"))
