"""cfn-lint finds nothing in our templates, and proves the wiring between them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.graph import mentions
from generator.cfn.templates import FolderMissingError
from generator.gate import cache
from generator.gate import lint as gate
from generator.gate.lint import lint

ROOT = Path(__file__).parents[2]


def copy(tmp_path: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> Path:
    """A folder with one child of the environment, and the root as far as it is about that child, both given to `change`
    first."""
    whole, child = (
        json.loads((ROOT / "templates" / f"{name}.json").read_text()) for name in ("environment", "storage")
    )
    storage = whole["Resources"]["Storage"]
    storage["Properties"]["Parameters"]["KeyArn"] = {"Ref": "ExistingKeyArn"}
    used = {target for _, how, target, _ in mentions(storage) if how == "Ref"}
    root = {
        **{name: whole[name] for name in ("AWSTemplateFormatVersion", "Description")},
        "Parameters": {name: body for name, body in whole["Parameters"].items() if name in used},
        "Resources": {"Storage": storage},
        "Outputs": {name: body for name, body in whole["Outputs"].items() if "Storage" in json.dumps(body)},
    }
    assert root["Parameters"] and root["Outputs"]
    change(root, child)
    (tmp_path / "templates").mkdir()
    for name, body in (("environment", root), ("storage", child)):
        (tmp_path / "templates" / f"{name}.json").write_text(json.dumps(body))
    return tmp_path


def unchanged(root: dict[str, Any], child: dict[str, Any]) -> None:
    del root, child


def rename(section: dict[str, Any], name: str) -> None:
    section[f"{name}X"] = section.pop(name)


def test_our_templates_have_no_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them now, and the others as `make templates` does: those that cfn-lint has not looked at as they are. In a
    clone that is new these are all; what is remembered is proved by test_cache.py."""
    monkeypatch.chdir(tmp_path)  # from wherever it is called
    unlinted = cache.unlinted_templates(ROOT)
    assert [str(finding) for finding in lint(ROOT, only={*unlinted, "storage.json"})] == []
    cache.remember_linted(ROOT)
    assert Path.cwd() == tmp_path


def test_the_copy_that_the_other_tests_change_has_no_finding(tmp_path: Path) -> None:
    assert lint(copy(tmp_path, unchanged)) == []


def test_a_parameter_that_the_child_does_not_take_is_found(tmp_path: Path) -> None:
    def change(root: dict[str, Any], child: dict[str, Any]) -> None:
        del child
        rename(root["Resources"]["Storage"]["Properties"]["Parameters"], "ArtifactDays")

    findings = lint(copy(tmp_path, change))
    assert [(finding.rule, finding.file) for finding in findings] == [("E3043", "templates/environment.json")] * 2
    assert "Resources/Storage/Properties/Parameters/ArtifactDaysX" in [finding.where for finding in findings]


def test_an_output_that_the_child_does_not_give_is_found(tmp_path: Path) -> None:
    def change(root: dict[str, Any], child: dict[str, Any]) -> None:
        name = next(name for name, output in root["Outputs"].items() if "Storage" in json.dumps(output))
        assert root["Outputs"][name]["Value"]["Fn::GetAtt"][0] == "Storage"
        rename(child["Outputs"], root["Outputs"][name]["Value"]["Fn::GetAtt"][1].removeprefix("Outputs."))

    findings = lint(copy(tmp_path, change))
    assert "E6101" in {finding.rule for finding in findings}
    assert {finding.file for finding in findings} == {"templates/environment.json"}


def invalid(root: dict[str, Any], child: dict[str, Any]) -> None:
    """A fault in the child, and both ways of silencing it from inside the files."""
    del root
    bucket = child["Resources"]["Artifacts"]
    bucket["Properties"]["VersioningConfiguration"]["Status"] = "On"
    bucket["Metadata"]["cfn-lint"] = {"config": {"ignore_checks": ["E3030"]}}
    child["Metadata"]["cfn-lint"] = {"config": {"ignore_checks": ["E3030"]}}


def test_nothing_in_the_files_silences_a_finding(tmp_path: Path) -> None:
    folder = copy(tmp_path, invalid)
    (folder / ".cfnlintrc").write_text("ignore_checks: [E3030]\nignore_templates: ['**/storage.json']\n")
    [finding] = lint(folder)
    assert (finding.rule, finding.file) == ("E3030", "templates/storage.json")
    assert finding.where == "Resources/Artifacts/Properties/VersioningConfiguration/Status"
    assert "'On' is not one of" in finding.message and finding.fix


def test_what_is_ignored_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ignored = gate.IGNORED
    monkeypatch.setattr(gate, "IGNORED", frozenset())
    shutil.copytree(ROOT / "templates", tmp_path / "nested")
    (tmp_path / "templates").mkdir()
    text = (ROOT / "templates/environment.json").read_text().replace('"TemplateURL": "', '"TemplateURL": "../nested/')
    (tmp_path / "templates/environment.json").write_text(text)
    assert {(finding.rule, finding.where.rpartition("/")[2]) for finding in lint(tmp_path)} == ignored


LINT = (
    "import sys; from pathlib import Path; from generator.gate.lint import lint; "
    "print(*(finding.rule for finding in lint(Path(sys.argv[1]))))"
)


def rules_found(folder: Path, **environment: str) -> list[str]:
    """The rules of the findings in a process with these environment variables."""
    result = subprocess.run(
        [sys.executable, "-c", LINT, str(folder)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def test_no_configuration_of_the_user_silences_a_finding(tmp_path: Path) -> None:
    folder = copy(tmp_path, invalid)
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.cfnlintrc").write_text("ignore_checks: [E3030]\n")
    assert rules_found(folder, HOME=str(tmp_path / "home"), AWS_REGION="nowhere-1") == ["E3030"]


def test_schemas_of_the_users_cache_are_a_finding(tmp_path: Path) -> None:
    """`XDG_CACHE_HOME` leads cfn-lint to other schemas when they are newer than its own."""
    import cfnlint

    folder = copy(tmp_path, unchanged)
    cache = tmp_path / "cache/aws/cfn-lint/schemas"
    shutil.copytree(Path(cfnlint.__file__).parent / "data/schemas", cache)
    (cache / "version.json").write_text('{"schema_date": "9999-01-01"}')
    assert rules_found(folder, XDG_CACHE_HOME=str(tmp_path / "cache")) == ["LINT002"]


def test_informational_findings_count(tmp_path: Path) -> None:
    def change(root: dict[str, Any], child: dict[str, Any]) -> None:
        del child, root["Resources"]["Storage"]["DeletionPolicy"]

    assert {finding.rule for finding in lint(copy(tmp_path, change))} == {"I3011"}


def test_a_file_that_is_no_json_is_a_finding(tmp_path: Path) -> None:
    folder = copy(tmp_path, unchanged)
    (folder / "templates" / "storage.json").write_text("{")
    assert ("E0000", "templates/storage.json") in [(finding.rule, finding.file) for finding in lint(folder)]


def test_an_unknown_region_and_a_missing_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(FolderMissingError):
        lint(tmp_path)
    with pytest.raises(Exception, match="nowhere-1"):
        lint(copy(tmp_path, unchanged), region="nowhere-1")
