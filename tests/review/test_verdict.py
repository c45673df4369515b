"""The first five lines say what a reviewer has to know: for pull requests, each of another kind.

`GOLDEN=write` writes the files of `golden/` anew, some of them with `-m soak` alone: read their diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from generator.cfn.templates import load
from generator.gate import beside, parameter_files, rules
from generator.gate.cache import finding_texts
from generator.gate.lint import lint
from generator.gate.reachability import matrix
from scripts.review.command import review
from scripts.review.markdown import markdown
from tests.conftest import ROOT
from tests.support.pull_requests import FINDINGS, PULL_REQUESTS, judged

GOLDEN = Path(__file__).parent / "golden"
LIMIT = 60_000
# Of the kind of another: their verdicts are read in the soak.
FURTHER = frozenset(
    {
        "right_broadened_in_a_child",
        "right_broadened_in_a_condition",
        "removed_alarm",
        "removed_environment",
        "shorter_retention",
        "source_without_its_template",
        "table_unprotected",
        "version_bump",
    }
)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.soak if name in FURTHER else ()) for name in PULL_REQUESTS]
)
def test_the_first_five_lines_are_the_verdict(name: str, checkout: Path) -> None:
    PULL_REQUESTS[name](checkout)
    judged(checkout, name)
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


@pytest.mark.soak
@pytest.mark.parametrize("name", PULL_REQUESTS)
def test_the_gate_finds_in_each_what_its_verdict_says(name: str, checkout: Path) -> None:
    """Whether it is rendered from what lies there is for `make templates`, which renders it anew."""
    PULL_REQUESTS[name](checkout)
    before, templates = load(ROOT / "templates"), load(checkout / "templates")
    changed = {template.file for template in templates if template.body != before[template.name].body}
    findings = [*lint(checkout, only=changed), *rules.findings(templates), *beside.findings(checkout, templates)]
    values = parameter_files.findings(checkout / "params", templates)
    ways = [] if values else matrix.findings(*matrix.make_matrices(templates, checkout / "params"))
    texts = finding_texts([*findings, *values, *ways])
    first, count = FINDINGS.get(name, ("", 0))
    assert len(texts) == count and "".join(texts[:1]).startswith(first)


def test_every_pull_request_has_its_golden_verdict() -> None:
    assert len(PULL_REQUESTS) == 22
    assert {path.stem for path in GOLDEN.glob("*.md")} == set(PULL_REQUESTS)
