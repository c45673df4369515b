"""Each project rule finds its fault in a mutated copy of our own rendered templates, and none in the templates."""

from pathlib import Path
from typing import Any

import pytest

from generator.cfn.templates import from_bodies, load
from generator.gate.rules import RULES, findings, iam, names, storage
from tests.support.mutating import drop
from tests.support.mutations import MUTATIONS
from tests.support.sections import Sections

TEMPLATES = load(Path(__file__).parents[2] / "templates")
BY_ID = {rule.id: rule for rule in RULES}


def test_our_templates_have_no_finding() -> None:
    assert len(TEMPLATES) > 10
    assert [str(finding) for finding in findings(TEMPLATES)] == []


def test_every_rule_has_a_mutation_and_an_id_of_its_own() -> None:
    assert list(MUTATIONS) == list(BY_ID)
    assert len(BY_ID) == len(RULES)
    assert all(MUTATIONS.values())


CASES = {
    f"{rule}-{number}": (rule, item if isinstance(item, tuple) else (item, ""))
    for rule, ones in MUTATIONS.items()
    for number, item in enumerate(ones)
}
TEXTS = Sections(Path(__file__).with_name("findings.txt"), [*BY_ID, *CASES])


@pytest.mark.parametrize("rule", BY_ID)
def test_a_rule_says_why_it_is_one_and_what_to_do(rule: str) -> None:
    TEXTS.holds(rule, [BY_ID[rule].why, BY_ID[rule].fix])


@pytest.mark.parametrize("name", CASES)
def test_the_rule_finds_its_fault(name: str) -> None:
    rule, (mutate, message) = CASES[name]
    bodies = TEMPLATES.bodies()
    template, _, where = mutate(bodies).partition(".")
    findings = BY_ID[rule].findings(from_bodies(bodies))
    there = [
        finding for finding in findings if (finding.file, finding.where) == (f"{template}.json", where or "template")
    ]
    assert [item for item in there if item.rule == rule and item.message.startswith(message)] != []
    TEXTS.holds(name, [f"{item.file} {item.where}: {item.message}" for item in findings])


EXCEPTIONS: list[Any] = [
    iam.ACTION_WILDCARDS,
    iam.UNCONDITIONED_TRUST,
    iam.UNCONDITIONED_SERVICES,
    iam.MANAGED_POLICIES,
    storage.ACL_BUCKETS,
    names.NAMED_BY_PARAMETER,
]


@pytest.mark.parametrize(("table", "key"), [(table, key) for table in EXCEPTIONS for key in table])
def test_an_exception_that_nothing_needs_is_not_in_a_table(
    table: dict[Any, str], key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert table[key].strip()
    monkeypatch.delitem(table, key)
    # One finding is enough: the rules between files, the slow ones, come last.
    assert any(rule.findings(TEMPLATES) for rule in sorted(RULES, key=lambda rule: rule.id.startswith("CON")))


def test_a_finding_says_where_which_rule_why_and_what_to_do() -> None:
    bodies = TEMPLATES.bodies()
    drop("AWS::S3::Bucket", "VersioningConfiguration")(bodies)
    [finding] = findings(from_bodies(bodies))
    assert str(finding) == (
        f"{finding.file} {finding.where}: STO005 keeps no versions; {BY_ID['STO005'].why}\n"
        "    fix: set VersioningConfiguration.Status to Enabled"
    )
