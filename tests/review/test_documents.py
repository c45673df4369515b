"""Two long values on one line, and what differs inside a document: two that differ never look alike."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.review.documents import inside, pair

LONG = "x" * 101
START, END = "s" * 60, "e" * 60


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (None, None, (None, None)),
        (None, "b", (None, "b")),
        ("a" * 100, None, ("a" * 100, None)),
        (LONG, None, (f"{'x' * 100}…(1 more characters)", None)),
        (None, "y" * 150, (None, f"{'y' * 100}…(50 more characters)")),
        ("a" * 100, "b" * 100, ("a" * 100, "b" * 100)),
        # What both begin and end with is left out, but for some characters.
        (f"{START}a{END}", f"{START}b{END}", (f"…{'s' * 20}a{'e' * 20}…", f"…{'s' * 20}b{'e' * 20}…")),
        (f"{START}{END}", f"{START}b{END}", (f"…{'s' * 20}{'e' * 20}…", f"…{'s' * 20}b{'e' * 20}…")),
        (f"a{END}{END}", f"b{END}{END}", (f"a{'e' * 20}…", f"b{'e' * 20}…")),
        (f"{START}{START}a", f"{START}{START}b", (f"…{'s' * 20}a", f"…{'s' * 20}b")),
        (LONG, f"{LONG}y", (f"…{'x' * 20}", f"…{'x' * 20}y")),
        # Of what is in between both ends stay.
        ("a" * 250, "b" * 201, (f"{'a' * 100}…(50 characters)…{'a' * 100}", f"{'b' * 100}…(1 characters)…{'b' * 100}")),
        ("a" * 200, "b" * 200, ("a" * 200, "b" * 200)),
    ],
)
def test_two_values_on_one_line(before: str | None, after: str | None, shown: tuple[str | None, str | None]) -> None:
    assert pair(before, after) == shown


def text(value: Any) -> str:
    return json.dumps(value)


PAD = {"pad": "p" * 100}
LINES = [f"line {number} of many" for number in range(30)]


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (None, LONG, []),
        (LONG, None, []),
        ("a\nb", "a\nc", []),
        (LONG, f"{LONG}y", []),
        ("\n".join(LINES), "\n".join(["new", *LINES[:-1]]), ["+new", "-line 29 of many"]),
        ("\n".join(LINES), LONG, [*(f"-{line}" for line in LINES[:20]), "… and 11 more lines"]),
        (LONG, "\n".join(LINES[:19]), [f"-{LONG}", *(f"+{line}" for line in LINES[:19])]),
        (text({**PAD, "a": 1}), text({**PAD, "a": 2, "b": {"c": None}}), ["- a: 1", "+ a: 2", '+ b: {"c": null}']),
        (text({**PAD, "a": "1"}), text(PAD), ["- a: 1"]),
        (text(["p" * 100]), text(["q" * 100]), ["- [0]: " + "p" * 100, "+ [0]: " + "q" * 100]),
        (text({**PAD, "a": [1, 2]}), text({**PAD, "a": [2, {"b": 3}, "4"]}), ["- a: 1", '+ a: {"b": 3}', "+ a: 4"]),
        (
            text({**PAD, "a": [{"Name": "b"}, {"Name": "c"}]}),
            text({**PAD, "a": [{"Name": "c"}, {"Name": "b"}]}),
            ["  a: the same in another order"],
        ),
        (
            text({**PAD, "script": "one\ntwo"}),
            text({**PAD, "script": "one\nthree"}),
            ["- script: two", "+ script: three"],
        ),
        # What is no JSON, or JSON of another kind, is no structure.
        (text({**PAD, "a": 1}), text(["p" * 100]), []),
        ("{" + LONG, "{" + LONG + "y", []),
        ("[" * 100_000, "[" * 100_001, []),
        ("1" * 101, "1" * 102, []),
    ],
)
def test_the_lines_that_differ_inside_a_document(before: str | None, after: str | None, lines: list[str]) -> None:
    assert inside(before, after) == lines
