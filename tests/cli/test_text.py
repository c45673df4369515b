"""Lines as values, how they are folded, and how hints in them are spelled: each case as a person reads it."""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
from threading import Event

import pytest

from scripts.cli import VERBS
from scripts.terminal import console, hints, markup
from scripts.terminal.hints import Spelling
from scripts.terminal.text import BOLD, PLAIN, RED, Line, count, escaped, line, short

TAKES = tuple((name, verb.subject == "ENVIRONMENT") for name, verb in VERBS.items())


def test_a_line_is_its_texts_with_their_styles_and_its_depth() -> None:
    """What a screen would obey is spelled out."""
    value = line("a\x1b", ("b", RED), depth=2)
    assert value == Line((("a\\x1b", PLAIN), ("b", RED)), 2) and str(value) == "    a\\x1bb"
    more = value.followed_by(" c", ("d ", BOLD))
    assert more == Line((("a\\x1b", PLAIN), ("b", RED), (" c", PLAIN), ("d ", BOLD)), 2)
    assert str(more) == "    a\\x1bb cd" and str(line()) == ""


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 resources"), (1, "1 resource"), (2, "2 resources"), (21, "21 resources")]
)
def test_things_are_counted(number: int, text: str) -> None:
    assert count(number, "resource") == text


def test_a_value_that_is_too_long_is_cut_and_told_apart_by_its_digest() -> None:
    assert short("x" * 100) == "x" * 100 and short("a\nb") == "a\\nb"
    for value in ("x" * 101, "x" * 100 + "y"):
        digest = hashlib.sha256(value.encode()).hexdigest()[:8]
        assert short(value) == f"{'x' * 60}… (101 characters, sha256 {digest})"
    assert short("y" * 60, 50).startswith("y" * 10 + "… (60 characters, sha256 ")


def test_json_shows_every_character_and_means_the_same() -> None:
    text = json.dumps({"a": "\x9b[31m\u202e"}, ensure_ascii=False, indent=1)
    assert escaped(text) == '{\n "a": "\\u009b[31m\\u202e"\n}' and json.loads(escaped(text)) == json.loads(text)


def test_documents_are_written_for_people_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two spaces for each step; the order stays unless it is asked for; no sign that the output does not have."""
    value = {"b": ["ä"], "a": 1}
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "utf-8"))
    assert console.json_text(value) == '{\n  "b": [\n    "ä"\n  ],\n  "a": 1\n}'
    assert console.json_text(value, sort_keys=True) == '{\n  "a": 1,\n  "b": [\n    "ä"\n  ]\n}'
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    assert console.json_text(["ä"]) == '[\n  "\\u00e4"\n]'


@pytest.mark.parametrize(
    ("door", "environment", "words", "spelled"),
    [
        ("make", "", ("apply",), "make deploy"),
        ("make", "local", ("apply",), "make deploy"),
        ("make", "staging", ("apply", "--yes", "--adopt"), "make deploy ENV=staging ARGS='--yes --adopt'"),
        ("make", "staging", ("config", "--set", "A=b c"), "make config ENV=staging SET='A=b c'"),
        ("make", "staging", ("config", "--set", "A=b", "--yes"), "make config ENV=staging SET=A=b ARGS=--yes"),
        ("make", "staging", ("rollback", "--to"), "make rollback ENV=staging ARGS=--to"),
        ("make", "staging", ("rehearse", "--fail-at", "Build"), "make rehearse FAIL_AT=Build"),
        ("make", "staging", ("migrate", "shared", "--app", "../a"), "make migrate ENV=shared APP=../a"),
        ("make", "", ("unknown", "production"), "make unknown ENV=production"),
        ("delivery", "", ("apply",), "delivery apply"),
        ("delivery", "staging", ("apply", "shared", "--yes"), "delivery apply shared --yes"),
        ("delivery", "staging", ("rehearse", "--app", "x"), "delivery rehearse --app x"),
        ("delivery", "staging", ("unknown",), "delivery unknown staging"),
    ],
)
def test_a_command_is_spelled_for_the_door(door: str, environment: str, words: tuple[str, ...], spelled: str) -> None:
    assert Spelling(door, environment, TAKES).command(*words) == spelled


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("`make deploy ENV=staging ARGS=--yes`", "`delivery apply staging --yes`"),
        ("`make rollback TO=3f2a ENV=staging`", "`delivery rollback staging --to 3f2a`"),
        ("`make rehearse APP=../a`", "`delivery rehearse --app ../a`"),
        ("`make config ENV=staging SET=A=b`", "`delivery config staging --set A=b`"),
        ("`make status`, `make check`", "`delivery status local`, `make check`"),
        ("`applying`, `plan`", "`applying`, `delivery plan staging`"),
    ],
)
def test_a_make_target_is_spelled_for_who_does_not_use_make(text: str, spelled: str) -> None:
    assert Spelling("delivery", "staging", TAKES).spelled(text) == spelled
    assert Spelling("make", "staging", TAKES).spelled("`make check`") == "`make check`"
    assert Spelling().spelled(text) == text  # nobody has said which verbs there are


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


FOLDED = [
    (40, "short", ["short"]),
    (20, "one two three four five", ["one two three four", "  five"]),
    (20, "  indented one two three", ["  indented one two", "    three"]),
    (20, "a-word-that-is-longer-than-all-of-it b", ["a-word-that-is-longer-than-all-of-it", "  b"]),
    (30, "name    value  what it is for", ["name    value  what it is for"]),
    (20, "name    value  what it is for", ["name    value", "  what it is for"]),
    (12, "name    value", ["name", "  value"]),
    (14, "name    value", ["name    value"]),
]


@pytest.mark.parametrize(("columns", "text", "lines"), FOLDED)
def test_a_line_is_folded_between_columns_and_then_between_words(
    monkeypatch: pytest.MonkeyPatch, columns: int, text: str, lines: list[str]
) -> None:
    """And farther right from the second line on; what is no terminal gets it as it is."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    assert [piece.plain for piece in console.folded(text, Screen())] == lines
    assert [piece.plain for piece in console.folded(text, io.StringIO())] == [text]
    hints.use(Spelling("delivery", "staging", TAKES))
    assert console.plain("`plan`") == console.plain(line("`plan`")) == "`delivery plan staging`"


@pytest.mark.parametrize(("term", "lively"), [("xterm", True), ("dumb", False), ("unknown", False)])
def test_only_a_terminal_that_can_gets_lines_that_change(
    monkeypatch: pytest.MonkeyPatch, term: str, lively: bool
) -> None:
    monkeypatch.setenv("TERM", term)
    assert console.interactive(Screen()) is lively and console.interactive(io.StringIO()) is False


def test_what_is_done_is_shown_on_a_terminal_in_a_line_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shown meanwhile stays above it; of two things at once only the first has a line."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    with console.working("planning\x1b"):
        console.show_line("a line", screen)
        with console.working("something else"):
            pass
    shown = screen.getvalue()
    assert "planning\\x1b" in shown and "a line" in shown and "something else" not in shown
    assert shown.rpartition("planning")[2].endswith("\x1b[1A\x1b[2K"), "the line is taken away"
    with console.working("again"):
        pass
    assert "again" in screen.getvalue()


class Listened(io.StringIO):
    """An output of which somebody waits for the first line."""

    def __init__(self) -> None:
        super().__init__()
        self.written = Event()

    def write(self, text: str) -> int:
        number = super().write(text)
        self.written.set()
        return number


def test_who_has_no_terminal_hears_of_long_work_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", output := Listened())
    monkeypatch.setattr(console, "NEWS", 0.01)
    with console.working("planning"):
        assert output.written.wait(60)
    assert re.match(r"\d\d:\d\d:\d\d  planning \(\d+ s\)\n", output.getvalue())
    monkeypatch.setattr(console, "NEWS", 3600.0)
    monkeypatch.setattr(sys, "stderr", output := Listened())
    with console.working("planning"):
        pass
    assert output.getvalue() == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a*b_c`d`[e]<f>|~&$", r"a\*b\_c\`d\`\[e\]\<f\>\|\~\&\$"),
        ("a\x1b\\", r"a\\x1b\\"),
        ("see :smile: and :100:, line 12:34: #1", "see :\u200bsmile: and :\u200b100:, line 12:34: #\u200b1"),
        ("@me https://a.test www.a.test", "@\u200bme https:&#47;/a.test www&#46;a.test"),
        # What a reader copies has nothing put into it.
        ("arn:aws:sns:eu-west-1:000000000000:topic", "arn:aws:sns:eu-west-1:000000000000:topic"),
        ("arn:${AWS::Partition}:s3:::a:b:", r"arn:\${AWS::Partition}:s3:::a:" + "\u200bb:"),
    ],
)
def test_nothing_of_a_text_is_markup(text: str, shown: str) -> None:
    assert markup.escaped(text) == shown


@pytest.mark.parametrize(
    ("text", "span"),
    [("a", "`a`"), ("a``b", "```a``b```"), ("`a", "`` `a ``"), ("a`", "`` a` ``"), ("", "`  `"), (" ", "`   `")],
)
def test_a_value_cannot_end_its_code_span(text: str, span: str) -> None:
    assert markup.code(text) == span
