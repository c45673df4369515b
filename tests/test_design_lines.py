"""docs/design-lines.md has every line of the design, each with rows that exist; and each literal value of a line is
tried with another one in its place, which a proof of the line's rows has to see."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import pytest

from tests.conftest import ROOT
from tests.support import wrong
from tests.support.facts import FACTS, other
from tests.support.table import ROWS, TEMPLATES, proof, stumbles

PAGE = ROOT / "docs/design-lines.md"
# Of the design document as its author wrote it: what the lines of the page put together again.
DIGEST = "2767cdc15f6c1b50b9105648b9993591c93ce4c828e652571e83a357cec418ae"
NO_FACT = {"no fact: a heading", "no fact: a drawing", "no fact: punctuation"}
LINE = re.compile(r"\| (\d+) \| (?:`` (.*) ``|`(.*)`) \| ([^|]+) \|")
PROOFS = {row.id: [check for check in map(proof, row.proofs) if check is not None] for row in ROWS}


@dataclass(frozen=True)
class Line:
    """One line of the design; `rows` are ids of the conformance table, none where it has no fact."""

    number: int
    text: str
    rows: tuple[str, ...]
    remark: str


def lines() -> list[Line]:
    result = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if match := LINE.fullmatch(line):
            text = re.sub(r"\\([\\|])", r"\1", match[2] or match[3])
            rows = () if match[4].startswith("no fact") else tuple(match[4].split(", "))
            result.append(Line(int(match[1]), text, rows, "" if rows else match[4]))
    return result


LINES = {line.number: line for line in lines()}


def test_the_page_has_the_whole_design() -> None:
    document = "\n".join(LINES[number].text if number in LINES else "" for number in range(1, max(LINES) + 1))
    assert hashlib.sha256(f"{document}\n".encode()).hexdigest() == DIGEST


def test_every_line_has_rows_that_exist_or_a_reason() -> None:
    assert len(LINES) == len(lines())
    ids = {row.id for row in ROWS}
    for line in LINES.values():
        assert set(line.rows) <= ids, line
        assert line.rows or line.remark in NO_FACT, line
    wordy = [line for line in LINES.values() if not line.rows and re.search(r"\w", line.text)]
    # What has words and no row is a heading, the title or a drawing, and never a line of code.
    code = {line.number for line in wordy if line.remark == "no fact: punctuation"}
    assert [LINES[number].text for number in sorted(code) if not LINES[number].text.startswith("```")] == []


def test_every_row_of_the_design_is_one_of_its_lines() -> None:
    """The other way round: what is said to be the design's stands in it."""
    cited = {id for line in LINES.values() for id in line.rows}
    own = {row.id for row in ROWS if row.id.startswith("DSN-")}
    assert own - cited == {"DSN-34", "DSN-35", "DSN-50"}, "those of the card"


def test_only_what_the_design_puts_into_the_future_comes_later() -> None:
    [heading] = [line.number for line in LINES.values() if line.text == "## Future Enhancements"]
    future = {id for line in LINES.values() if line.number > heading for id in line.rows}
    assert {row.id for row in ROWS if row.status == "later"} <= future


@pytest.mark.parametrize("number", FACTS)
def test_another_value_than_the_lines_is_seen(number: int) -> None:
    place, text = FACTS[number]
    assert other(text) != text
    templates = wrong.changed(TEMPLATES, place, text, other(text))
    checks = [check for id in LINES[number].rows for check in PROOFS[id]]
    assert any(stumbles(check, templates) for check in checks), f"{LINES[number]}: no proof sees another {text}"


def test_the_other_value_is_another() -> None:
    assert [other(text) for text in ('"a.json"', "6", '"Threshold": 1', "true", "**/*", '"60"')] == [
        '"a.jsonx"',
        "7",
        '"Threshold": 2',
        "false",
        "**/*x",
        '"61"',
    ]
