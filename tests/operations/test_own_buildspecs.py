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


def alone(folder: Path, side: str, content: Any, with_image: bool = True) -> list[str]:
    """The faults of one side's file, with this content; None is no file."""
    (folder / side).mkdir(exist_ok=True)
    if content is not None:
        body = content if isinstance(content, bytes) else yaml.safe_dump(content).encode()
        (folder / side / "buildspec.yml").write_bytes(body)
    backend_, frontend = (side if side == name else "" for name in ("backend", "frontend"))
    return own_buildspecs.faults(folder, backend_, frontend, with_image)


IMAGE_NAME = "backend/buildspec.yml: no image is called release:built"
WITH_IMAGE = "docker build -t release:built .; docker save -o release-image.tar release:built; echo Procfile"
SINGLE = "has to have one artifact, which the pipeline takes as BackendBuildOutput"
FILES = "the files of the artifact have to be '**/*', because the folders of the application are in it"
PHASES = "phases are install, pre_build, build, post_build, not {}"


def backend(phase: Any = None, artifacts: Any = None, **more: Any) -> dict[str, Any]:
    phases = {"build": {"commands": [WITH_IMAGE]}} if phase is None else phase
    return {"version": 0.2, "phases": phases, "artifacts": artifacts or {"files": "**/*"}, **more}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (backend(), []),
        (backend(artifacts={"files": ["**/*"]}), []),
        (backend({"post_build": {"commands": [], "finally": [WITH_IMAGE]}}), []),
        (backend({"install": {"commands": ["x"]}, "pre_build": {"commands": [WITH_IMAGE]}}), []),
        (backend(version="0.2"), []),
        (backend(version=None), ["version is None, not 0.2"]),
        (backend(version=7, artifacts={"files": "x"}), ["version is 7, not 0.2", FILES]),
        (backend({"build": {"commands": [WITH_IMAGE]}, "b": 1, "a": 1}), [PHASES.format("a, b")]),
        (backend({"build": {"commands": "x"}}), ["no phase has commands"]),
        (backend({"build": "x"}), ["no phase has commands"]),
        (backend([]), ["no phase has commands"]),
        (backend(artifacts=["**/*"]), [SINGLE]),
        (backend(artifacts={"files": "**/*", "secondary-artifacts": {}}), [SINGLE]),
        (backend(artifacts={"base-directory": "x"}), [FILES]),
    ],
)
def test_everything_that_is_wrong_with_a_backends_is_told(tmp_path: Path, body: Any, says: list[str]) -> None:
    expected = [f"backend/buildspec.yml: {each}" for each in says]
    assert alone(tmp_path, "backend", body) == alone(tmp_path, "backend", body, with_image=False) == expected


def test_what_starts_the_backend_depends_on_where_it_runs(tmp_path: Path) -> None:
    bare = backend({"build": {"commands": ["make"]}})
    named = [f"backend/buildspec.yml: {why}" for _, why in own_buildspecs.NAMED]
    assert alone(tmp_path, "backend", bare) == named and named[0].startswith(IMAGE_NAME)
    procfile = "Elastic Beanstalk starts what a Procfile says, and no command writes one"
    assert alone(tmp_path, "backend", bare, with_image=False) == [f"backend/buildspec.yml: {procfile}"]


@pytest.mark.parametrize(
    ("artifacts", "there"),
    [
        ({"secondary-artifacts": {"FrontendDocuments": {}, "FrontendAssets": {}}}, None),
        ({"secondary-artifacts": {"FrontendAssets": {}}}, "FrontendAssets"),
        ({"secondary-artifacts": {"FrontendAssets": {}, "B": {}, "A": {}}}, "A, B, FrontendAssets"),
        ({"secondary-artifacts": []}, "none"),
        ({}, "none"),
        ([], "none"),
    ],
)  # fmt: skip
def test_the_page_has_two_artifacts(tmp_path: Path, artifacts: Any, there: str | None) -> None:
    body = {"version": 0.2, "phases": {"build": {"commands": ["make"]}}, "artifacts": artifacts}
    names = "FrontendAssets and FrontendDocuments"
    why = f"secondary-artifacts have to be {names}, because browsers keep only the first; there are: {there}"
    assert alone(tmp_path, "frontend", body) == ([] if there is None else [f"frontend/buildspec.yml: {why}"])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "is missing, and BuildspecSource is REPOSITORY"),
        (b"[]", "has to be a mapping of version, phases and artifacts"),
        (b"\xff", "cannot be read: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (b"a: [", "cannot be read: while parsing a flow node"),
    ],
)
def test_a_file_that_says_nothing(tmp_path: Path, content: bytes | None, why: str) -> None:
    assert alone(tmp_path, "backend", content) == [f"backend/buildspec.yml: {why}"]
