"""Which tests know the Cloud Health Dashboard: they are left out, and told, while the facts are another application's.

A test module knows it when it has one of its names, or a module of the tests that it uses has; a few tests of other
modules have its numbers. All others follow the facts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "cloud-health-dashboard"
# Its names, its variables and tables, and the sample that stands for it.
WORDS = re.compile(
    r"cloud.?health|dashboard|\bClients\b|CLIENTS_TABLE|JWT_SECRET|LOG_LEVEL|LogLevel|REACT_APP|SENDER|CORS_ORIGINS"
    r"|applications/sample|SAMPLE",
    re.IGNORECASE,
)
# What names it in passing, and follows the facts all the same.
SHARED = frozenset(("tests/conftest.py", "tests/support/dashboard.py"))
# Tests that know it without a name: their numbers, counts and committed results are its own.
ITS_OWN = frozenset(
    (
        "cfn/test_effects::test_no_row_is_about_a_parameter_that_is_gone_or_is_never_reached",
        "cfn/test_template_names::test_every_constant_is_a_parameter_or_an_output",
        "costs/test_cost::test_the_readme_says_what_each_environment_costs",
        "operations/test_living::test_the_secret_of_a_backend_that_lives_stays_the_one_that_it_has",
        "operations/test_living::test_what_hurts_is_told_named_or_refused",
        "design/test_deployment::test_nested_stacks_only",
        "design/test_deployment::test_survivors_are_adopted",
        "design/test_edge::test_numbers_have_these_bounds",
        "design/test_ledger::test_every_permission_is_in_the_ledger",
        "design/test_ledger::test_the_index_has_every_role_and_policy_and_a_page_a_row_for_each_statement",
        "design/test_permissions::test_build_roles",
        "design/test_permissions::test_exact_resources",
        "design/test_sentences::test_what_the_bundle_holds",
        "design/test_strategies::test_two_target_groups",
        "gate/test_report::test_sarif_is_what_its_standard_asks_for",
        "gate/test_role_needs::test_every_row_is_used",
        "gate/test_role_needs::test_the_applications_own_permissions_are_its_own",
        "generator/test_command::test_a_pass_is_about_the_bytes_that_passed",
        "generator/test_command::test_the_list_and_bad_usage",
        "generator/test_rendering::test_a_child_that_is_not_needed_costs_nothing",
        "generator/test_rendering::test_canonical_form",
        "generator/test_rendering::test_children_are_addressed_relatively",
        "generator/test_rendering::test_every_stack_is_made_by_its_own_module",
        "generator/test_wiring::test_the_graph_is_the_requirements_table",
        "operations/test_application::test_the_facts_are_texts_of_both_builds",
        "review/test_switches::test_every_switch_is_told_or_harmless_for_a_reason",
        "review/test_switches::test_which_values_protect",
    )
)


def knows(file: Path, test: str = "") -> bool:
    """Whether a test module, or a test of it, knows the dashboard; one that lies elsewhere knows nothing."""
    if not file.is_relative_to(ROOT):
        return False
    module = file.relative_to(ROOT / "tests").with_suffix("").as_posix() if file.is_relative_to(ROOT / "tests") else ""
    return f"{module}::{test}" in ITS_OWN or any(map(_names, _used(file)))


def _used(file: Path) -> set[Path]:
    """A module, and every module of the tests that it imports, directly or not."""
    used, waiting = set[Path](), [file]
    while waiting:
        here = waiting.pop()
        if here not in used:
            used.add(here)
            waiting += _imported(here)
    return used


@cache
def _imported(file: Path) -> tuple[Path, ...]:
    names = [
        name
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests.")
        for name in (str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names))
    ]
    return tuple(dict.fromkeys(place for name in names for place in _places(name) if place.is_file()))


def _places(name: str) -> Iterator[Path]:
    path = ROOT / name.replace(".", "/")
    yield from (path.with_suffix(".py"), path / "__init__.py")


@cache
def _names(file: Path) -> bool:
    return file.relative_to(ROOT).as_posix() not in SHARED and bool(WORDS.search(file.read_text(encoding="utf-8")))
