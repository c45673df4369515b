"""`make templates` asks for what a change needs beside its own place, and says how."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.cfn.templates import TemplateSet, from_bodies, load
from generator.gate import beside
from generator.gate.finding import Finding
from scripts.costs.rules import FREE, RULES
from scripts.local_aws.handlers import ROWS
from tests.conftest import ROOT

TEMPLATES = load(ROOT / "templates")


def without(template: str, name: str) -> TemplateSet:
    bodies = TEMPLATES.bodies()
    del bodies[template]["Resources"][name]
    return from_bodies(bodies)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that are compared with."""
    rows = [file.relative_to(ROOT).as_posix() for file in (ROOT / beside.ROWS).glob("*.py")]
    for name in (beside.IDS, beside.RUNBOOK, "buildspecs/frontend.yml", beside.PRICES, *rows):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_ours_need_nothing(checkout: Path) -> None:
    assert beside.findings(ROOT, TEMPLATES) == [] == beside.findings(checkout, TEMPLATES)


def test_a_logical_id_that_is_gone_needs_a_move(checkout: Path) -> None:
    [finding] = beside.findings(checkout, without("storage", "Artifacts"))
    assert finding == Finding(
        "tests/generator/logical_ids.txt",
        "storage.Artifacts",
        "MOVE",
        "storage.Artifacts AWS::S3::Bucket is gone: CloudFormation deletes it in every environment that has it",
        'say what that does: Move("storage", "Artifacts", NEW_OR_EMPTY, "...") in generator/core/moves.py; if it was '
        "never deployed, remove the line from tests/generator/logical_ids.txt",
    )


def test_new_logical_ids_are_added_to_the_list_and_none_is_taken_away() -> None:
    listed = "\n".join(
        line for line in (ROOT / beside.IDS).read_text(encoding="utf-8").splitlines() if "Artifacts" not in line
    )
    grown = beside.logical_ids(f"{listed}\nold.Thing AWS::S3::Bucket\n", TEMPLATES).splitlines()
    assert "storage.Artifacts AWS::S3::Bucket" in grown and "old.Thing AWS::S3::Bucket" in grown
    assert grown == sorted(grown)


def test_an_alarm_needs_a_section_of_the_runbook(checkout: Path) -> None:
    edit(checkout / beside.RUNBOOK, "### PipelineFailure", "### PipelineFailures")
    assert beside.findings(checkout, TEMPLATES) == [
        Finding(
            "docs/runbook.md",
            "PipelineFailure",
            "RUNBOOK",
            "the alarm PipelineFailure has no section, and its message names one",
            "write a section `### PipelineFailure` below `## Alarms`: what it means, what to look at, what to do",
        ),
        Finding(
            "docs/runbook.md", "PipelineFailures", "RUNBOOK", "there is no alarm PipelineFailures", "remove the section"
        ),
    ]


def test_a_section_elsewhere_in_the_runbook_is_about_no_alarm(checkout: Path) -> None:
    edit(checkout / beside.RUNBOOK, "## Alarms", "### Something\n\n## Alarms")
    with (checkout / beside.RUNBOOK).open("a", encoding="utf-8") as runbook:
        runbook.write("\n## Last\n\n### Something else\n")
    assert beside.findings(checkout, TEMPLATES) == []


def test_a_copy_without_these_files_is_not_compared_with_them(tmp_path: Path) -> None:
    assert beside.findings(tmp_path, TEMPLATES) == []


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [("  build:\n", "  biuld:\n", "biuld"), ("version: 0.2", "version: 0.2\nversion: 0.2", "is there twice")],
)
def test_a_buildspec_that_codebuild_does_not_take_is_a_finding(checkout: Path, old: str, new: str, text: str) -> None:
    edit(checkout / "buildspecs/frontend.yml", old, new)
    finding = beside.findings(checkout, TEMPLATES)[0]
    assert (finding.file, finding.where, finding.rule) == ("buildspecs/frontend.yml", "", "BUILDSPEC")
    assert text in finding.message and finding.fix == "CodeBuild user guide, build-spec-ref, says what it takes"


def test_a_new_resource_type_needs_a_row_and_a_price(checkout: Path) -> None:
    bodies = TEMPLATES.bodies()
    bodies["storage"]["Resources"]["Queue"] = {"Type": "AWS::SQS::Queue"}
    assert beside.findings(checkout, from_bodies(bodies)) == [
        Finding(
            "scripts/local_aws/handlers",
            "AWS::SQS::Queue",
            "LOCAL",
            "AWS::SQS::Queue has no row, so the local AWS cannot make storage.Queue",
            'write Row("AWS::SQS::Queue", ...) into the module of its family; scripts/local_aws/handlers/row.py says '
            "what the fields mean, a row of a similar type how they are used",
        ),
        Finding(
            "scripts/costs/rules.py",
            "AWS::SQS::Queue",
            "PRICE",
            "AWS::SQS::Queue has neither a price nor is it named as free, so `delivery cost` refuses",
            "write its quantities into RULES and their prices, with the source, into prices.json beside it; or its "
            "name into FREE, with the reason",
        ),
    ]


def test_a_row_and_a_price_that_are_gone_are_asked_for(checkout: Path) -> None:
    edit(checkout / beside.ROWS / "storage.py", 'Row("AWS::S3::Bucket",', 'Row("AWS::S3::Buckets",')
    edit(checkout / beside.PRICES, '"AWS::EC2::NatGateway":', '"AWS::EC2::NatGateways":')
    assert [(finding.rule, finding.where) for finding in beside.findings(checkout, TEMPLATES)] == [
        ("LOCAL", "AWS::S3::Bucket"),
        ("PRICE", "AWS::EC2::NatGateway"),
    ]


def test_what_is_read_as_text_is_what_the_programs_have() -> None:
    assert beside.local_types(ROOT) == set(ROWS)
    assert set(beside.priced_types(ROOT)) == {*FREE, *(f"{kind} " for kind in RULES)}
