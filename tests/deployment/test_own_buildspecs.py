"""The buildspecs that an application brings: what the pipeline relies on is checked in its folder, before a push."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.operations import own_buildspecs
from tests.conftest import ROOT

# As the design has them: one artifact each, and nothing that ECS could deploy.
DESIGN_BACKEND = """version: 0.2
phases:
  build:
    commands: [echo "Building application...", cp -r app build/]
artifacts:
  files: ['**/*']
  base-directory: build
"""
DESIGN_FRONTEND = DESIGN_BACKEND.replace("cp -r app build/", "npm run build")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An application with copies of ours, as the page says to begin."""
    for side in ("backend", "frontend"):
        (tmp_path / side).mkdir()
        shutil.copy(ROOT / f"buildspecs/{side}.yml", tmp_path / side / "buildspec.yml")
    return tmp_path


def faults(folder: Path, with_image: bool = True) -> list[str]:
    return own_buildspecs.faults(folder, "backend", "frontend", with_image)


def test_ours_keep_the_contract(folder: Path) -> None:
    assert faults(folder) == faults(folder, with_image=False) == []


def test_those_of_the_design_do_not(folder: Path) -> None:
    (folder / "backend/buildspec.yml").write_text(DESIGN_BACKEND, encoding="utf-8")
    (folder / "frontend/buildspec.yml").write_text(DESIGN_FRONTEND, encoding="utf-8")
    result = "\n".join(faults(folder))
    for what in (
        "backend/buildspec.yml: no image is called release:built",
        "backend/buildspec.yml: no image is saved as release-image.tar, which PushImage pushes",
        "frontend/buildspec.yml: secondary-artifacts have to be FrontendAssets and FrontendDocuments",
    ):
        assert what in result
    assert any("Procfile" in what for what in faults(folder, with_image=False))


def _version(body: dict[str, Any]) -> None:
    body["version"] = 0.1


def _phase(body: dict[str, Any]) -> None:
    body["phases"]["prebuild"] = body["phases"].pop("pre_build")


def _artifact(body: dict[str, Any]) -> None:
    body["artifacts"]["files"] = ["app/**/*"]


def _second(body: dict[str, Any]) -> None:
    body["artifacts"]["secondary-artifacts"] = {"Other": {"files": ["x"]}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_version, "version is 0.1, not 0.2"),
        (_phase, "not prebuild"),
        (_artifact, "have to be '**/*'"),
        (_second, "has to have one artifact"),
        (lambda body: body.pop("artifacts"), "has to have one artifact"),
        (lambda body: body.pop("phases"), "no phase has commands"),
    ],
)
def test_a_file_that_does_not_keep_it_is_named(
    folder: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    file = folder / "backend/buildspec.yml"
    body = yaml.safe_load(file.read_text(encoding="utf-8"))
    change(body)
    file.write_text(yaml.safe_dump(body), encoding="utf-8")
    [fault] = faults(folder)
    assert fault.startswith("backend/buildspec.yml: ") and message in fault


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "is missing"), ("a: [", "cannot be read"), ("- x", "has to be a mapping"), ("\0", "cannot")],
)
def test_what_is_no_buildspec_is_no_crash(folder: Path, text: str | None, message: str) -> None:
    file = folder / "frontend/buildspec.yml"
    file.unlink()
    if text is not None:
        file.write_text(text, encoding="utf-8")
    [fault] = faults(folder)
    assert fault.startswith("frontend/buildspec.yml: ") and message in fault


def test_a_side_that_is_not_built_needs_none(folder: Path) -> None:
    (folder / "frontend/buildspec.yml").unlink()
    assert own_buildspecs.faults(folder, "backend", "", True) == []
