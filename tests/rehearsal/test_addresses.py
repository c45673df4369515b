"""Where the page and the API of a rehearsal answer on this machine, and what is told where nothing answers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.rehearsal.edge.sites import Distributions
from scripts.rehearsal.engine import KEPT
from scripts.rehearsal.keeping import kept_addresses
from scripts.rehearsal.runtime.application import free_port, health_problem


@pytest.mark.parametrize(
    ("value", "local"),
    [
        ("https://page.example.org/api/health", "http://127.0.0.1:9/api/health"),
        ("https://d1.cloudfront.net", "http://127.0.0.1:9"),
        ("http://page.example.org/", ""),
        ("https://elsewhere.example.org/", ""),
        ("registry/backend:1", ""),
        ("", ""),
    ],
)
def test_the_address_of_a_distribution_is_a_local_one_and_no_other_is(value: str, local: str) -> None:
    served: Any = SimpleNamespace(url="http://127.0.0.1:9")
    nobody: Any = None
    names = {"E1": {"d1.cloudfront.net", "page.example.org"}}
    assert Distributions(nobody, nobody, "", names, {"E1": served}).local_address(value) == local


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        (None, {}),
        ("", {}),
        ("{", {}),
        ('{"https://x.test": "http://127.0.0.1:9"}', {"https://x.test": "http://127.0.0.1:9"}),
    ],
)
def test_while_nothing_is_kept_up_there_is_no_address(tmp_path: Path, text: str | None, addresses: Any) -> None:
    if text is not None:
        (tmp_path / KEPT).write_text(text, encoding="utf-8")
    assert kept_addresses(tmp_path) == addresses


def test_a_health_check_that_nothing_answers_says_why() -> None:
    problem = health_problem(f"http://127.0.0.1:{free_port()}", "/health", "200")
    assert problem.startswith("the health check GET /health got ") and problem.endswith(", expected 200")
    assert "refused" in problem
