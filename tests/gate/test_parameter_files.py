"""What the gate says of the parameter files of a folder: their problems, who gets no messages, who is not protected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from generator.cfn.templates import FolderMissingError, load
from generator.gate.finding import Finding
from generator.gate.parameter_files import findings, silent_environments, unprotected


def write(folder: Path, **files: dict[str, str]) -> Path:
    for name, parameters in files.items():
        (folder / f"{name}.json").write_text(json.dumps({"Parameters": parameters}), encoding="utf-8")
    return folder


def test_every_problem_of_every_file_is_a_finding(tmp_path: Path, repository: Path) -> None:
    templates = load(repository / "templates")
    with pytest.raises(FolderMissingError):
        findings(tmp_path, templates)
    folder = tmp_path / "params"
    folder.mkdir()
    text = (repository / "params/small.json").read_text(encoding="utf-8")
    (folder / "small.json").write_text(text, encoding="utf-8")
    assert findings(folder, templates) == []
    (folder / "small.json").write_text(text.replace('"small"', '"other"', 1), encoding="utf-8")
    (folder / "broken.json").write_text("{\n\n", encoding="utf-8")
    (folder / "listed.json").write_text("[]", encoding="utf-8")
    broken, listed, small = findings(folder, templates)
    assert (broken.file, broken.where, broken.rule) == ("params/broken.json", "line 3", "PARAMS")
    assert listed == Finding(
        "params/listed.json", "line 1", "PARAMS", "must be one object with Parameters, Tags, StackPolicy", ""
    )
    assert small == Finding(
        "params/small.json", "", "PARAMS", 'Environment = "other" must be the file\'s name. Valid: small.', ""
    )


def test_who_gets_no_messages(tmp_path: Path) -> None:
    nobody = {"NotificationEmail": "NONE", "NotificationPhone": ""}
    folder = write(
        tmp_path,
        alone={"Environment": "alone", **nobody},
        forgotten={"Environment": "forgotten"},
        phoned={"Environment": "phoned", **nobody, "NotificationPhone": "+441632960961"},
        mailed={"Environment": "mailed", "NotificationEmail": "ada@shop.test"},
        local={"Environment": "local", **nobody},
        shared={},
    )
    assert silent_environments(folder) == ["alone", "forgotten"]


def test_who_is_not_protected_and_why(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        production={"ProtectionWaivedBecause": "nobody is named yet"},
        staging={"ProtectionWaivedBecause": ""},
        small={},
    )
    (folder / "bare.json").write_text("{}", encoding="utf-8")
    assert unprotected(folder) == ["production (nobody is named yet)"]
    assert silent_environments(folder) == []
