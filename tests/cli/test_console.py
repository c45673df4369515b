"""What a terminal gets, and what something else gets: width, colours, and characters that obey nobody."""

from __future__ import annotations

import io
import json
import re
import sys

import pytest
from markdown_it import MarkdownIt

from generator.cfn.changes import Difference
from generator.cfn.visible import visible
from scripts.operations.output import plan_markdown
from scripts.operations.output.documents import inside, short_value
from scripts.review import markdown
from scripts.terminal import console
from scripts.terminal.text import RED, line, short
from tests.cli.typed import on_terminal, plain, typed

WORDS = ["cost", "staging"]


@pytest.fixture(scope="module")
def unfolded() -> list[str]:
    return typed(*WORDS).stdout.split()


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 200])
def test_a_line_is_folded_between_words_only(columns: int, unfolded: list[str]) -> None:
    status, shown = on_terminal(columns, *WORDS)
    assert status == 0 and "\x1b[" in shown
    assert plain(shown).split() == unfolded
    assert max(map(len, plain(shown).splitlines())) <= columns


@pytest.mark.parametrize("columns", ["0", "-5", "wide"])
def test_a_terminal_that_does_not_say_how_wide_it_is_shows_everything(columns: str, unfolded: list[str]) -> None:
    """Nothing that is shown may be lost: rich shows no character at all on a terminal of no columns."""
    assert plain(typed(*WORDS, FORCE_COLOR="1", COLUMNS=columns).stdout).split() == unfolded


def test_columns_stay_where_there_is_room() -> None:
    assert plain(on_terminal(200, *WORDS)[1]).splitlines() == typed(*WORDS).stdout.splitlines()


@pytest.mark.parametrize(
    ("more", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"FORCE_COLOR": "1"}, True)],
)
def test_colour_is_for_who_wants_it(more: dict[str, str], coloured: bool) -> None:
    code = "from scripts.terminal.console import show_line\nfrom scripts.terminal.text import line\n"
    command = [sys.executable, "-c", code + "show_line(line(('x', 'red')))"]
    assert ("\x1b[31m" in on_terminal(80, command=command, **more)[1]) is coloured
    assert ("\x1b[31m" in typed(command=command, **more).stdout) is ("FORCE_COLOR" in more)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("one\ntwo\tthree", r"one\ntwo\tthree"),
        ("\x9b31m", r"\x9b31m"),
        ("txt.\u202eexe", r"txt.\u202eexe"),
        ("a\u200bb\u2066c\ufeff", r"a\u200bb\u2066c\ufeff"),
        ("pass\u00adword\u3164\ufe0f", r"pass\xadword\u3164\ufe0f"),
        ("a\U000e0041\U000e0100", r"a\U000e0041\U000e0100"),
        ("\udcff", "?"),
        ("[bold]no markup[/] :smile:", "[bold]no markup[/] :smile:"),
        ("ü → 漢", "ü → 漢"),
    ],
)
def test_what_comes_from_outside_is_shown_and_obeyed_by_nobody(text: str, shown: str) -> None:
    assert visible(text) == shown
    out = io.StringIO()
    console.show([line(text), text], out)
    assert out.getvalue() == f"{shown}\n{shown}\n"


@pytest.mark.parametrize("text", ["a`b", "``` ![x](https://x.test)", "`", "``", "a\n# b", "x``y`z```", " ", "@all <b>"])
def test_a_value_does_not_end_its_code_span(text: str) -> None:
    """Of a review and of a plan."""
    for module in (markdown, plan_markdown):
        [block] = [token for token in MarkdownIt().parse(f"a {module.code(text)} b") if token.type == "inline"]
        assert [token.type for token in block.children or ()] == ["text", "code_inline", "text"], text


def test_markup_is_text_on_a_terminal_too() -> None:
    code = "from scripts.terminal.console import show_line\nshow_line('[red]x[/red] :smile: \\x1b]0;title\\x07')"
    assert on_terminal(80, command=[sys.executable, "-c", code])[1] == "[red]x[/red] :smile: \\x1b]0;title\\x07\n"


def test_json_says_the_same_without_what_a_terminal_obeys() -> None:
    value = {"key\u202e": "a\x9bb → \x1b[31m"}
    text = console.json_text(value)
    assert json.loads(text) == value and not re.search("[\x1b\x9b\u202e]", text)


LONG = (
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com/cloud-health-dashboard-staging-images-with-a-long-name-too:"
    + "a" * 40
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("none", LONG),
        (LONG, LONG[:-1] + "b"),
        ("x" * 900 + "1" + "y" * 900, "x" * 900 + "2" + "y" * 900),
        ("1" + "x" * 900, "2" + "x" * 900),
        ("x" * 900 + "1", "x" * 900 + "2"),
        ("x" * 900, "x" * 901),
        ("a" * 500 + "1" + "b" * 500 + "1", "a" * 500 + "2" + "b" * 500 + "2"),
        (json.dumps({"Statement": ["a" * 200, "s3:Get"]}), json.dumps({"Statement": ["a" * 200, "*"]})),
        (json.dumps({"Statement": ["a" * 200]}), json.dumps({"Statement": ["a" * 199 + "b"]})),
    ],
)
def test_two_values_that_differ_never_look_alike(before: str, after: str) -> None:
    """U11, R4: what is cut says so where it is cut, and a value that is shown whole has no dots."""
    shown = inside(Difference("Value", before, after)) or [short_value(before), short_value(after)]
    sides = [side for text in shown for side in text.split(": ", 1)[-1].split(" → ")]
    unsigned = [re.sub(r"^[-+] ?", "", side) for side in sides]
    assert len(unsigned) > 1 and len(set(unsigned)) == len(unsigned), shown
    if before == "none":
        assert shown == ["- none", f"+ {LONG}"]


def test_a_lone_value_that_is_cut_has_a_digest() -> None:
    first, other = short("a" * 200 + "1" + "b" * 200), short("a" * 200 + "2" + "b" * 200)
    assert first != other and "(401 characters, sha256 " in first and len(first) <= 100
    assert short("a" * 100) == "a" * 100


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_a_list_keeps_its_columns_when_a_row_of_it_is_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    rows = ("name        sample", "port        8000  (assumed: the default image listens there)")
    screens = [Screen() for _ in rows]
    folded = [str(piece) for row, screen in zip(rows, screens, strict=True) for piece in console.folded(row, screen)]
    assert folded == [*rows[:1], "port        8000", "  (assumed: the default image listens there)"]


def test_styles_are_kept_across_folds() -> None:
    pieces = console.folded(line(("word " * 30, RED)), Screen())
    assert len(pieces) > 1 and all(piece.spans and piece.spans[0].style == RED for piece in pieces)


WORKING = """
import sys, threading, time
from scripts.terminal import console
console.NEWS = 0.2
def build(name):
    with console.working(f"building {name}"):
        time.sleep(0.5)
        console.show_line(f"line of {name}")
        time.sleep(0.5)
threads = [threading.Thread(target=build, args=(name,)) for name in ("one", "two")]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
"""


def test_what_is_done_is_shown_with_how_long_it_takes() -> None:
    """On a terminal a line that goes away, also when two things are done at once; otherwise lines with the time."""
    command = [sys.executable, "-c", WORKING]
    status, shown = on_terminal(60, command=command)
    assert status == 0 and "building " in shown and "Traceback" not in shown, shown
    assert {"line of one", "line of two"} <= {text.strip() for text in re.split(r"[\r\n]|\x1b\[\d*[A-Z]", plain(shown))}
    done = typed(command=command)
    assert sorted(done.stdout.splitlines()) == ["line of one", "line of two"]
    assert re.search(r"^\d\d:\d\d:\d\d  building two \(\d s\)$", done.stderr, re.M)
