"""docs/parameters.md: what each parameter is, and what changing it does to an environment that runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.cfn.templates import TemplateSet, from_bodies, load
from generator.gate.effects import Effect, effects
from generator.gate.parameter_page import page
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def templates() -> TemplateSet:
    return load(ROOT / "templates")


@pytest.fixture(scope="module")
def rows(templates: TemplateSet) -> dict[str, str]:
    lines = [line for line in page(templates).splitlines() if line.startswith("| `")]
    # A parameter that several roots take has a row for each; the environment's comes first.
    return {line.split("`")[1]: line for line in reversed(lines)}


def test_the_page_is_fresh(templates: TemplateSet) -> None:
    text = Path(ROOT / "docs/parameters.md").read_text(encoding="utf-8")
    assert text == page(templates), "run `make templates`"


def test_every_parameter_has_a_row(templates: TemplateSet, rows: dict[str, str]) -> None:
    declared = {name for root in templates.roots() for name in root.parameters}
    assert len(declared) > 50 and set(rows) == declared
    for name, row in rows.items():
        cells = [cell.strip() for cell in row.replace("\\|", "").strip("|").split("|")]
        assert len(cells) == 5 and cells[1] and all(cells[index] for index in (3, 4)), name


@pytest.mark.parametrize(
    ("parameter", "effect"),
    [
        ("TaskCpu", "new tasks"),
        ("LogLevel", "new tasks"),
        ("LogRetentionDays", "in place"),
        ("ClientsTable", "replaces data.Clients (kept)"),
        ("VpcCidr", "replaces network.Vpc"),
        ("NatGatewayCount", "adds or removes network.NatAddressB"),
        ("ExecutionMode", "cancels a release"),
        ("Environment", "another environment"),
    ],
)
def test_what_changing_it_does(rows: dict[str, str], parameter: str, effect: str) -> None:
    assert effect in rows[parameter].removesuffix(" |").rpartition(" | ")[2]


def test_a_condition_of_a_condition_is_followed() -> None:
    bodies = {
        "root": {
            "Parameters": {"A": {"Type": "String"}},
            "Metadata": {},
            "Conditions": {"One": {"Fn::Equals": [{"Ref": "A"}, "x"]}, "Two": {"Fn::Not": [{"Condition": "One"}]}},
            "Resources": {
                "Bucket": {"Type": "AWS::S3::Bucket", "Condition": "Two"},
                "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::If": ["Two", "a", "b"]}}},
                "Other": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "x"}},
            },
        }
    }
    assert effects(from_bodies(bodies)["root"], "A") == {
        Effect("adds or removes", "root.Bucket"),
        Effect("replaces", "root.Topic"),
    }
