"""The README says only what is so: its commands exist, its files exist."""

from __future__ import annotations

import re
from pathlib import Path


def test_every_make_command_exists(repository: Path) -> None:
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    for page in [repository / "README.md", *sorted((repository / "docs").glob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        named = set(re.findall(r"(?:`|\$ |^)make ([a-z-]+)", text, re.M))
        assert named <= targets, (page.name, named - targets)
    assert {"deploy", "plan", "rehearse", "local-stop"} <= set(
        re.findall(r"^make ([a-z-]+)", (repository / "README.md").read_text(), re.M)
    )


def test_every_target_says_what_it_does(repository: Path) -> None:
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", makefile, re.M)
    assert len(targets) > 10
    for target in targets:
        assert re.search(rf"^{target}:.*## \S", makefile, re.M), target


def test_every_path_exists(repository: Path) -> None:
    text = (repository / "README.md").read_text(encoding="utf-8")
    paths = set(re.findall(r"`([a-z_]+/[\w./-]*)`", text)) | set(re.findall(r"\]\(([\w./-]+)\)", text))
    assert len(paths) > 10
    assert sorted(path for path in paths if not (repository / path).exists()) == []


def test_the_number_of_project_rules_is_right(repository: Path) -> None:
    from generator.gate.rules import RULES

    [number] = re.findall(
        r"cfn-lint plus more than (\d+) project rules", (repository / "README.md").read_text(encoding="utf-8")
    )
    assert int(number) < len(RULES) < int(number) + 20


def test_every_page_is_in_the_index(repository: Path) -> None:
    index = (repository / "docs/index.md").read_text(encoding="utf-8")
    for page in sorted((repository / "docs").glob("*.md")):
        # What onboarding found in one team's application is in that team's checkout alone.
        assert page.name in ("index.md", "onboarding.md") or f"]({page.name}" in index, page.name
