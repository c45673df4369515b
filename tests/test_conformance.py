"""docs/conformance.md says what is true: its ids, its resources, its proofs, and that each proof can fail.

For every row that names a resource and a proof, the resource is taken out of a copy of the templates, and one of the
row's proofs must then fail; and again when nothing but the resource's type stays, so that a proof which merely looks
whether something is there is none; and for each change of `tests/support/wrong.py`, which makes the row wrong.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from generator.cfn.templates import TemplateSet
from tests.support import wrong
from tests.support.table import ROWS, TEMPLATES, Row, changed, fails, holds, proof, read, stumbles
from tests.support.wrong import WRONG

STATUSES = {"covered", "changed", "narrowed", "later"}
# How many rows each section of the requirements has.
REQUIREMENTS = {"SRC": 7, "BLD": 13, "PIP": 9, "RUN": 12, "NOT": 5, "DEP": 9, "DOC": 2, "CST": 1}
# Sections without ids: the rules that hold for all stacks (STK), sentences of the design (DSN).
OTHERS = ("STK", "DSN")


def test_every_id_has_one_row() -> None:
    ids = [row.id for row in ROWS]
    assert [id for id, times in Counter(ids).items() if times > 1] == []
    expected = [f"{section}-{number}" for section, last in REQUIREMENTS.items() for number in range(1, last + 1)]
    assert [id for id in ids if id.split("-")[0] in REQUIREMENTS] == expected
    for section in OTHERS:
        numbers = [int(id.split("-")[1]) for id in ids if id.startswith(section)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) > 5
    assert {id.split("-")[0] for id in ids} == {*REQUIREMENTS, *OTHERS}


def test_the_templates_cite_rows_that_exist() -> None:
    cited = {id for resource in TEMPLATES.resources() for id in resource.requirements}
    assert len(cited) > 30
    assert sorted(cited - {row.id for row in ROWS}) == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_is_whole(row: Row) -> None:
    assert row.status in STATUSES
    assert len(row.why) > 20
    for address in row.resources:
        TEMPLATES.resource(address)
    proofs = [proof(node) for node in row.proofs]
    assert row.resources and row.proofs, "a row names a resource and a proof, whatever its status"
    assert proofs[0] is not None, "the first proof takes the templates, and nothing else"


CHECKED = [(row, address) for row in ROWS if row.proofs for address in row.resources]


@pytest.mark.parametrize(("row", "address"), CHECKED, ids=lambda value: value.id if isinstance(value, Row) else value)
def test_a_proof_fails_without_its_resource(row: Row, address: str) -> None:
    proofs = [check for check in map(proof, row.proofs) if check is not None]
    assert [check.__name__ for check in proofs if not holds(check)] == []
    missing, hollow = changed(address, hollow=False), changed(address, hollow=True)
    # All of them are called, so that none can end in anything but a failure of its own.
    missed = [fails(check, missing) for check in proofs]
    assert any(missed), f"no proof of {row.id} misses {address}"
    assert any(stumbles(check, hollow) for check in proofs), f"no proof of {row.id} looks into {address}"


MISTAKES = [(row, mistake) for row in ROWS for mistake in WRONG.get(row.id, ())]


@pytest.mark.parametrize(
    ("row", "mistake"), MISTAKES, ids=lambda value: value.id if isinstance(value, Row) else value[0]
)
def test_a_proof_fails_when_the_row_is_wrong(row: Row, mistake: tuple[str, str, Any]) -> None:
    proofs = [check for check in map(proof, row.proofs) if check is not None]
    templates = wrong.changed(TEMPLATES, *mistake)
    assert any(stumbles(check, templates) for check in proofs), f"no proof of {row.id} sees {mistake}"


def test_every_row_can_be_wrong() -> None:
    proven = {row.id for row in ROWS if any(proof(node) for node in row.proofs)}
    assert proven == WRONG.keys()


def test_a_mistake_without_a_place_is_seen() -> None:
    with pytest.raises(wrong.WrongPlaceError, match="has no no such text"):
        wrong.changed(TEMPLATES, "pipeline.Pipeline", "no such text", "x")
    with pytest.raises(wrong.WrongPlaceError, match="Parameters/Nothing"):
        wrong.changed(TEMPLATES, "environment:Parameters/Nothing/Default", wrong.WHOLE, "x")


def test_covered_rows_are_checked_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    covered = {row.id for row in ROWS if row.status in ("covered", "changed")}
    assert covered
    assert covered <= {row.id for row, _ in CHECKED}
    counts = Counter(row.status for row in ROWS)
    by_status = ", ".join(f"{counts[status]} {status}" for status in sorted(STATUSES))
    with capsys.disabled():
        print(f"\nconformance: {by_status}, of {len(ROWS)} rows")


def test_a_table_that_lies_is_seen() -> None:
    head = "| id | status | what and why | resource | proof |\n|---|---|---|---|---|\n"
    [row] = read(head + "| SRC-1 | covered | why | `shared.Repository` | `tests/x.py::test_y`, `tests/x.py::test_z` |")
    assert row == Row("SRC-1", "covered", "why", ("shared.Repository",), ("tests/x.py::test_y", "tests/x.py::test_z"))
    with pytest.raises(AssertionError, match="a row has 5 cells"):
        read(head + "| SRC-1 | covered | why | `shared.Repository` |")
    with pytest.raises(AssertionError, match="no such file"):
        proof("tests/design/test_nothing.py::test_y")
    with pytest.raises(AssertionError, match="no such test"):
        proof("tests/design/test_source.py::test_nothing")
    with pytest.raises(AssertionError, match="not a list of names"):
        read(head + "| SRC-1 | covered | why | shared.Repository | `tests/x.py::test_y` |")


def test_a_proof_that_cannot_fail_is_seen() -> None:
    def vacuous(templates: TemplateSet) -> None:
        assert all(
            repository.get("RepositoryName") for repository in templates.resources("AWS::CodeCommit::Repository")
        )

    def shallow(templates: TemplateSet) -> None:
        assert templates.resource("shared.Repository")

    def broken(templates: TemplateSet) -> None:
        raise RuntimeError(len(templates))

    missing, hollow = (changed("shared.Repository", hollow=False), changed("shared.Repository", hollow=True))
    assert not fails(vacuous, missing)
    assert fails(shallow, missing)
    assert not stumbles(shallow, hollow)
    with pytest.raises(RuntimeError):
        fails(broken, missing)
