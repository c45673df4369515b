"""What would make the gate ignore more than the one thing that is right, and which templates cfn-lint looks at. What it
finds there, and that nothing silences it: tests/gate/test_lint.py."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.templates import FolderMissingError, from_bodies, load
from generator.gate import lint
from generator.gate.finding import Finding
from generator.gate.suppressions import FIX, suppressions
from tests.conftest import ROOT

SETTINGS = {"config": {"ignore_checks": ["E3030"]}}


def bucket(**attributes: Any) -> dict[str, Any]:
    return {"Resources": {"Artifacts": {"Type": "AWS::S3::Bucket", **attributes}}}


def test_our_templates_hold_no_suppression() -> None:
    assert list(suppressions(ROOT, load(ROOT / "templates"))) == []


def test_a_longer_list_of_what_is_ignored_is_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert {("W3002", "TemplateURL")} == lint.IGNORED
    more = {("E3030", "InstanceTenancy"), ("E3002", "Tags"), ("W3002", "Template")}
    monkeypatch.setattr(lint, "IGNORED", lint.IGNORED | more)
    assert list(suppressions(tmp_path, from_bodies({"storage": bucket()}))) == [
        Finding("generator/gate/lint.py", "IGNORED", "LINT002", message, FIX)
        for message in ("ignores E3002 at Tags", "ignores E3030 at InstanceTenancy", "ignores W3002 at Template")
    ]


def test_settings_of_cfn_lint_in_a_template_are_a_finding_each(tmp_path: Path) -> None:
    """Whatever they say, and wherever in the template they stand."""
    both = {**bucket(Metadata={"cfn-lint": {}, "Reason": "x"}), "Metadata": {"cfn-lint": SETTINGS}}
    templates = from_bodies({"site": bucket(), "storage": both})
    assert sorted(suppressions(tmp_path, templates)) == [
        Finding("templates/storage.json", where, "LINT001", "holds settings of cfn-lint", FIX)
        for where in ("Metadata.cfn-lint", "Resources.Artifacts.Metadata.cfn-lint")
    ]


def test_configuration_files_of_cfn_lint_are_a_finding_each(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    for name in (".cfnlintrc.yml", ".cfnlintrc", "templates/.cfnlintrc.yaml", "params.cfnlintrc"):
        (tmp_path / name).write_text("ignore_checks: [E3030]\n", encoding="utf-8")
    assert list(suppressions(tmp_path, from_bodies({"storage": bucket()}))) == [
        Finding(name, "file", "LINT001", "is a configuration file of cfn-lint", FIX)
        for name in (".cfnlintrc", ".cfnlintrc.yml", "templates/.cfnlintrc.yaml")
    ]


def test_where_there_is_no_template_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    with pytest.raises(FolderMissingError) as caught:
        lint.lint(tmp_path)
    assert str(tmp_path / "templates") in str(caught.value)


def test_where_nothing_has_changed_cfn_lint_is_not_even_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/storage.json").write_text("{", encoding="utf-8")
    for name in ("cfnlint.config", "cfnlint.runner"):
        monkeypatch.setitem(sys.modules, name, None)
    assert lint.lint(tmp_path, only=()) == lint.lint(tmp_path, only=["site.json"]) == []
