"""The table of effects: every parameter of every root, in every direction, in every situation that a row asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from generator.cfn.assertions import as_text
from generator.cfn.effects import ALLOWED, REFUSED, ROWS, Row, directions, find, matches, rows, rows_of
from generator.cfn.names import SHARED, SHARED_ACCESS
from generator.cfn.templates import Template, TemplateSet, load
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def templates() -> TemplateSet:
    return load(ROOT / "templates")


def rows_for(root: Template, parameter: str, rows: tuple[Row, ...] = ROWS) -> list[Row]:
    covered = {name for how in root.metadata.get("Computed", {}).values() for name in how.get("Covers", ())}
    return rows_of(rows, root.name, parameter, covered)


def situations(root: Template, parameter: str) -> Iterator[dict[str, str]]:
    """Every combination of the values that rows of this parameter ask for."""
    rows = rows_for(root, parameter)
    named = {name for row in rows for name in (*row.when, *row.was)} - {parameter}
    choices = {name: [as_text(each) for each in root.parameters[name]["AllowedValues"]] for name in sorted(named)}
    for values in product(*choices.values()):
        yield dict(zip(choices, values, strict=True))


def without_a_row(root: Template, rows: tuple[Row, ...]) -> list[str]:
    """The changes that the table does not have."""
    missing = []
    for name, declared in root.parameters.items():
        for old, new in directions(declared):
            for others in situations(root, name):
                before, after = {**others, name: old}, {**others, name: new}
                if find(rows_for(root, name, rows), name, before, after) is None:
                    missing.append(f"{root.name} {name}: {old} -> {new} with {others}")
    return missing


def test_every_change_of_every_parameter_has_a_row(templates: TemplateSet) -> None:
    roots = templates.roots()
    assert len(roots) == 5
    assert [text for root in roots for text in without_a_row(root, ROWS)] == []


def test_a_direction_without_a_row_is_found(templates: TemplateSet) -> None:
    """The walk over all pairs is a check that can fail."""
    fewer = tuple(row for row in ROWS if not (row.parameter == "BackendTarget" and row.change == "NONE -> *"))
    missing = without_a_row(templates["environment"], fewer)
    assert missing and all(text.startswith("environment BackendTarget: NONE -> ") for text in missing)


def test_no_row_is_about_a_parameter_that_is_gone_or_is_never_reached(templates: TemplateSet) -> None:
    def key(row: Row | None) -> object:
        return row and (row.root, row.change, row.text, dict(row.when), dict(row.was)).__repr__()

    reached = {
        key(find(rows_for(root, name), name, {**others, name: old}, {**others, **changed, name: new}))
        for root in templates.roots()
        for name, declared in root.parameters.items()
        for old, new in directions(declared)
        for others in situations(root, name)
        for changed in ({}, {"BackendTarget": "ECS"} if name != "BackendTarget" else {})
    }
    assert [row for row in ROWS if key(row) not in reached] == []


@pytest.mark.parametrize(
    ("change", "before", "after", "fits"),
    [
        ("raised", "2", "10", True),
        ("lowered", "2", "10", False),
        ("lowered", "10", "x", False),
        ("set", "", "x", True),
        ("removed", "x", "", True),
        ("changed", "x", "y", True),
        ("changed", "", "y", False),
        ("ECS -> *", "ECS", "NONE", True),
        ("* -> ECS", "ECS", "NONE", False),
        ("any", "x", "x", False),
    ],
)
def test_directions(change: str, before: str, after: str, fits: bool) -> None:
    assert matches(change, before, after) is fits


@pytest.mark.parametrize(
    ("declared", "pairs"),
    [
        (
            {"Type": "String", "AllowedValues": ["A", 2, True]},
            [("A", "2"), ("A", "true"), ("2", "A"), ("2", "true"), ("true", "A"), ("true", "2")],
        ),
        ({"Type": "Number", "MinValue": 1, "MaxValue": 10}, [("1", "10"), ("10", "1")]),
        ({"Type": "String"}, [("", "one"), ("one", ""), ("one", "another")]),
        ({"Type": "String", "AllowedPattern": "|arn:.+"}, [("", "one"), ("one", ""), ("one", "another")]),
        ({"Type": "String", "AllowedPattern": "arn:.+"}, [("one", "another")]),
    ],
)
def test_the_directions_in_which_a_parameter_can_change(declared: dict[str, Any], pairs: list[tuple[str, str]]) -> None:
    assert list(directions(declared)) == pairs


ROW = Row("Size", "any", "happens", "seen", "back", "source")


def test_the_row_of_a_change_is_the_first_that_fits() -> None:
    later = replace(ROW, when={"Target": ("ECS",)}, was={"Mode": ("A", "B")})
    other = replace(ROW, change="raised")
    assert find([later, other, ROW], "Size", {"Size": "1", "Mode": "B"}, {"Size": "2", "Target": "ECS"}) is later
    assert find([later, other, ROW], "Size", {"Size": "1", "Mode": "C"}, {"Size": "2", "Target": "ECS"}) is other
    assert find([later, other, ROW], "Size", {"Size": "1", "Mode": "A"}, {"Size": "2", "Target": "EB"}) is other
    assert find([later, other, ROW], "Size", {"Size": "2"}, {"Size": "1"}) is ROW
    assert find([later, other, ROW], "Size", {"Size": "2"}, {"Size": "2"}) is None
    added = replace(ROW, change="set")
    assert find([added], "Size", {}, {"Size": "2"}) is added, "what was not there before was empty"


def test_the_rows_of_a_parameter_are_its_own_or_those_of_a_pattern_or_of_the_digest() -> None:
    digest, pattern, own = (replace(ROW, parameter=name) for name in ("ConfigurationDigest", "*Table", "OrdersTable"))
    rows = [digest, pattern, own, replace(own, root="edge")]
    assert rows_of(rows, "environment", "OrdersTable", ["OrdersTable"]) == [own]
    assert rows_of(rows, "environment", "CostsTable", ["CostsTable"]) == [replace(pattern, parameter="CostsTable")]
    assert rows_of(rows, "environment", "Currency", ["Currency"]) == [replace(digest, parameter="Currency")]
    assert rows_of(rows, "environment", "Currency") == []
    assert rows_of(rows, "access", "OrdersTable") == []


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (ROW, "Happens. Users: seen. Way back: back."),
        (
            replace(ROW, users="nothing", around="wait."),
            "Happens. Users notice nothing. Way back: back. Before and after: wait.",
        ),
        (replace(ROW, level=REFUSED, around="delete it first"), "Happens. Instead: delete it first."),
    ],
)
def test_a_row_in_sentences(row: Row, text: str) -> None:
    assert row.text == text


def test_what_is_removed_or_lowered_has_nothing_in_its_place() -> None:
    directions_ = ("any", "set", "removed", "changed", "raised", "lowered", "A -> B")
    assert [each for each in directions_ if replace(ROW, change=each).deletes] == ["removed", "lowered"]


def test_what_is_refused_says_how_it_works_and_what_is_named_says_what_is_lost() -> None:
    for row in ROWS:
        assert row.happens and row.users and row.back and row.source, row
        assert row.around or row.level != REFUSED, row
        assert bool(row.loss) is (row.level == ALLOWED), row


# The changes for which there are rows, in their order; a parameter without any has one row for every change.
BESIDE = {
    "edge": "Environment; DomainName set removed any; HostedZoneId set removed any; CertificateArn;"
    " NotificationEmail set removed any; NotificationPhone set removed any; LatencyAlarmSeconds;"
    " CloudFrontErrorPercent; CloudFrontAlarms false->true true->false; DistributionId",
    "access": "Environment; DeployUsers; DeployPermissionSet; DeployCiRole; ApproverUsers; ApproverPermissionSet;"
    " DeveloperGroups; DeveloperRoles; DeveloperPermissionSets; ProtectionWaivedBecause; DomainName; FormerDomainName;"
    " *Table; RepositoryName",
    SHARED: "RepositoryName; ProtectedBranch; RequiredApprovals; ImageSigning false->true true->false",
    SHARED_ACCESS: "DeployUsers; DeployPermissionSet; RepositoryName; ProtectedBranch; DeveloperGroups;"
    " DeveloperRoles; DeveloperPermissionSets; ProtectionWaivedBecause",
}


@pytest.mark.parametrize("root", BESIDE)
def test_each_root_beside_the_environment_has_its_own_rows(root: str) -> None:
    entries = (entry.split() for entry in BESIDE[root].split(";"))
    expected = [(parameter, change) for parameter, *changes in entries for change in changes or ["any"]]
    own = [row for row in rows.ROWS if row.root == root]
    assert [(row.parameter, row.change.replace(" ", "")) for row in own] == expected
    assert not [row for row in own if row.when or row.was], "what they say holds in every situation"


COMMAND = re.compile(r"`(apply|access|plan|destroy|status|preflight)([^`]*)`")


def test_commands_of_the_rows_are_those_of_the_environment_or_say_which(templates: TemplateSet) -> None:
    """A command without a name is completed with that of the environment that is deployed, which what is shared is
    not; and a Make target without one means the environment of this machine."""
    for row in ROWS:
        assert "`make " not in row.text, row
        assert not row.text.endswith("..") and ".." not in row.text, row
        if row.root in (SHARED, SHARED_ACCESS):
            assert all("shared" in words for _, words in COMMAND.findall(row.text)), row
    assert {row.root for row in ROWS} == {root.name for root in templates.roots()}


def test_what_the_template_declares_fixed_is_refused_by_the_table(templates: TemplateSet) -> None:
    for root in templates.roots():
        fixed: Mapping[str, Any] = root.metadata.get("Fixed", {})
        for name in fixed:
            for old, new in directions(root.parameters[name]):
                row = find(rows_for(root, name), name, {name: old}, {name: new})
                assert row and row.level == REFUSED, name
