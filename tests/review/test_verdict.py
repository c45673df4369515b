"""The first five lines say what a reviewer has to know: for pull requests, each of another kind.

`GOLDEN=write` writes the files of `golden/` anew: read their diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scripts.review.command import review
from scripts.review.markdown import markdown
from tests.support.pull_requests import PULL_REQUESTS

GOLDEN = Path(__file__).parent / "golden"
LIMIT = 60_000


@pytest.mark.parametrize("name", PULL_REQUESTS)
def test_the_first_five_lines_are_the_verdict(name: str, checkout: Path) -> None:
    PULL_REQUESTS[name](checkout)
    text = markdown(review(checkout, "base"))
    assert len(text) <= LIMIT
    first = "".join(text.splitlines(keepends=True)[:5])
    if os.environ.get("GOLDEN") == "write":
        (GOLDEN / f"{name}.md").write_text(first, encoding="utf-8")
    assert first == (GOLDEN / f"{name}.md").read_text(encoding="utf-8")


def test_the_page_on_reviewing_shows_one_of_them(repository: Path) -> None:
    page = (repository / "docs/reviewing.md").read_text(encoding="utf-8")
    verdict = (GOLDEN / "right_broadened_in_a_rename.md").read_text(encoding="utf-8")
    assert page.split("```\n")[1] == verdict.replace("\\", "")


def test_every_pull_request_has_its_golden_verdict() -> None:
    assert len(PULL_REQUESTS) == 21
    assert {path.stem for path in GOLDEN.glob("*.md")} == set(PULL_REQUESTS)
