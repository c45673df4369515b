"""What differs inside a long value, line by line, as somebody reads it before they agree."""

from __future__ import annotations

import json
from typing import Any

import pytest

from generator.cfn.changes import Difference
from generator.cfn.unknown import KNOWN_AFTER_APPLY
from scripts.operations.output.documents import inside, short_value

PAD = "p" * 100  # makes a document too long for one line
LONG = "0123456789" * 10  # as long as a value on a line may be


def policy(**values: Any) -> str:
    return json.dumps({"Pad": PAD, **values})


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        pytest.param("a", "b", [], id="two short values stand on one line"),
        pytest.param("", f"{LONG}x", [], id="a new value has nothing to be compared with"),
        pytest.param(f"{LONG}x", "", [], id="nor has one that goes"),
        pytest.param(f"{LONG}x", KNOWN_AFTER_APPLY, [], id="nor has one that nobody knows yet"),
        pytest.param(LONG, LONG[::-1], [], id="a hundred characters fit"),
        pytest.param(f"{LONG}x", "b", [f"- {LONG}x", "+ b"], id="a hundred and one have a line of their own"),
        pytest.param("b", f"{LONG}x", ["- b", f"+ {LONG}x"], id="whichever of the two is the longer one"),
        pytest.param("one\ntwo\nthree", "one\n2\nthree", ["-two", "+2"], id="the lines of a text that differ"),
        pytest.param("one", "one\ntwo", ["+two"], id="a text that gets another line"),
        pytest.param(
            policy(Effect="Allow", Old=1, Same=[1]),
            policy(Effect="Deny", New={"a": True}, Same=[1]),
            ["Effect: Allow → Deny", "Old: 1 → (none)", 'New: (none) → {"a": true}'],
            id="the values of a document that differ",
        ),
        pytest.param(
            policy(Action=["a", "b", "c"]), policy(Action=["a", "d"]), ["- Action: b", "- Action: c", "+ Action: d"],
            id="what a list of a document gains and loses",
        ),
        pytest.param(
            policy(Steps=[{"Name": "a"}, {"Name": "b"}]), policy(Steps=[{"Name": "b"}, {"Name": "a"}]),
            ["Steps: the same in another order"],
            id="a list in another order",
        ),
        pytest.param(
            policy(Action=["a", "b"]), policy(Action=["b", "a"]), ["Action[0]: a → b", "Action[1]: b → a"],
            id="values without a name, place by place",
        ),
        pytest.param(
            policy(Action=["a"]), policy(Action=["a", "a"]), ["+ Action: a"], id="a list that has a value twice",
        ),
        pytest.param(
            policy(Action=["a"]), policy(Action=["a", "b"]), ["+ Action: b"], id="a list that grows has no other order"
        ),
        pytest.param(
            policy(Steps=[{"Name": "a", "Run": "x"}]), policy(Steps=[{"Name": "a", "Run": "y"}]),
            ["Steps[Name=a].Run: x → y"],
            id="an element of a list by its own name",
        ),
        pytest.param(
            policy(Rule={"Ref": "A"}), policy(Rule={"Fn::Join": ["", ["a" * 40, "b" * 40, 7]]}),
            ['Rule: - "Ref": "A"', 'Rule: + "Fn::Join": [', 'Rule: +  "",', "Rule: +  [", f'Rule: +   "{"a" * 40}",',
             f'Rule: +   "{"b" * 40}",', "Rule: +   7", "Rule: +  ]", "Rule: + ]"],
            id="a long value of another form, line by line",
        ),
        pytest.param(
            json.dumps([1, PAD]), json.dumps([2, PAD, 3]), ["- 1", "+ 2", "+ 3"], id="a document that is a list itself"
        ),
        pytest.param(
            json.dumps([PAD]), json.dumps({"a": PAD}), [f'- ["{PAD}"]', f'+ {{"a": "{PAD}"}}'],
            id="documents of two forms are two texts",
        ),
        pytest.param(f"{{{PAD}", f"{{{PAD}.", [f"- {{{PAD}", f"+ {{{PAD}."], id="what only begins like a document"),
        pytest.param(
            json.dumps(PAD + "1"), json.dumps(PAD + "2"), [f'- "{PAD}1"', f'+ "{PAD}2"'], id="a text alone"
        ),
        pytest.param("a" * 400, "b" * 400, ["- " + "a" * 400, "+ " + "b" * 400], id="four hundred stay whole"),
        pytest.param(
            "a" * 399 + "1", "a" * 399 + "2", [f"- {'a' * 399}1", f"+ {'a' * 399}2"], id="also what they have in common"
        ),
        pytest.param(
            "a" * 200 + "1" + "b" * 200, "a" * 200 + "2" + "b" * 200,
            [f"- …{'a' * 20}1…", f"+ …{'a' * 20}2…"],
            id="of more only what differs, with what is before it",
        ),
        pytest.param(
            "1" + "b" * 400, "2" + "b" * 400, ["- 1…", "+ 2…"], id="dots stand only where something is left out"
        ),
        pytest.param(
            "a" * 400 + "1", "a" * 400 + "2", [f"- …{'a' * 20}1", f"+ …{'a' * 20}2"], id="nothing left out at the end"
        ),
        pytest.param(
            "a" * 400, "a" * 401, ["- …a…", "+ …aa…"], id="one that is a part of the other"
        ),
    ],
)  # fmt: skip
def test_what_differs(before: str, after: str, lines: list[str]) -> None:
    assert inside(Difference("Value", before, after)) == lines


def test_values_that_are_shown_alike_are_not_the_same() -> None:
    """A sign that turns the direction of writing is shown as its number; somebody may have typed that number."""
    before, after = json.dumps(["a\u202eb", LONG]), json.dumps(["a\\u202eb", LONG, "d"])
    assert inside(Difference("Value", before, after)) == ["- a\\u202eb", "+ a\\u202eb", "+ d"]


def test_twenty_lines_of_one_document_are_enough() -> None:
    before, after = (policy(**{f"k{number}": side for number in range(21)}) for side in "ab")
    shown = [f"k{number}: a → b" for number in range(20)]
    assert inside(Difference("Value", before, after)) == [*shown, "… and 1 more"]
    before, after = (policy(**{f"k{number}": side for number in range(20)}) for side in "ab")
    assert inside(Difference("Value", before, after)) == shown


def test_one_side_on_a_line() -> None:
    values = ("", "a\nb", KNOWN_AFTER_APPLY, f"arn:{KNOWN_AFTER_APPLY}", LONG)
    assert [short_value(value) for value in values] == [
        "(none)", "a\\nb", "(known only then)", "(known only then)", LONG,
    ]  # fmt: skip
    assert short_value(f"{LONG}x") == f"{LONG[:60]}… (101 characters, sha256 fcf69b31)"
