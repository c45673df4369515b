"""The page of guarantees: nine of them, each with what enforces and tests it, and true about what is still open."""

from __future__ import annotations

import re

import pytest

from generator.gate.reachability.accepted import OPEN, RULES
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
SECTIONS = re.split(r"^### (?=\d\. )", PAGE.split("## Two environments", 1)[0], flags=re.MULTILINE)[1:]


def test_there_are_nine_guarantees() -> None:
    assert [section.split(".", 1)[0] for section in SECTIONS] == [str(number) for number in range(1, 10)]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.splitlines()[0])
def test_each_says_what_enforces_and_tests_it_and_what_it_does_not_cover(section: str) -> None:
    for title in ("**Status:** (holds|open: S\\d+[^.]*)\\.", "- **Enforced by:**", "- **Tested by:** `tests/"):
        assert re.search(title.replace("*", r"\*") if title.startswith("-") else title.replace("**", r"\*\*"), section)
    assert "- **Not covered:**" in section


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(tests/[\w/.:]+)`", PAGE))))
def test_each_test_that_it_names_exists(name: str) -> None:
    file, _, function = name.partition("::")
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not function or re.search(rf"^def {function}\(", text, re.MULTILINE)


def test_what_is_open_on_the_page_of_reachability_is_open_here() -> None:
    """A way through policies that is known and not closed is never called closed."""
    named_rows = {
        row for section in SECTIONS for row in re.findall(r"S\d+", section.split("**Status:**")[1].split("\n")[0])
    }
    open_rows = {row for rule in RULES if rule.kind == OPEN for row in rule.row.split(", ")}
    assert open_rows <= named_rows
