"""What the pipeline would miss of an application's folder, and what is only good to know: everything at once."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from generator.cfn.templates import load
from scripts.operations import application
from scripts.operations.application import Finding
from tests.conftest import ROOT

NEEDED = {"BACKEND_DIRECTORY": "backend", "FRONTEND_DIRECTORY": "frontend", "APPLICATION_MODULE": "app.main:app"}
PACKAGE = json.dumps({"scripts": {"build": "x", "lint": "x", "test": "x"}})
COMPLETE = {
    "backend/app/main.py": "",
    "backend/Dockerfile": "",
    "backend/tests/test_it.py": "",
    "requirements.txt": "fastapi\n",
    "frontend/package.json": PACKAGE,
    "package-lock.json": "{}",
}
NO_DOCKERFILE = "backend/Dockerfile is missing: the build brings one"
NAME = ("-c", "user.name=x", "-c", "user.email=x@x.test")


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *NAME, *words], check=True, capture_output=True)


def repository(folder: Path, files: Mapping[str, str]) -> Path:
    """A committed repository of these files, with the branch main."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "x")
    return folder


def findings(folder: Path, files: Mapping[str, str]) -> list[Finding]:
    """What is found in a folder with these files alone, its history left out."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    listed = application.check(folder, NEEDED, ["main"])
    return [each for each in listed if "the tree is not clean" not in each.what]


def test_a_complete_folder_misses_nothing(tmp_path: Path) -> None:
    assert application.check(repository(tmp_path / "a", COMPLETE), NEEDED, ["main"]) == []


def test_an_empty_folder_misses_everything(tmp_path: Path) -> None:
    listed = findings(repository(tmp_path, {}), {})
    assert listed.pop(-1).what.startswith("frontend/package.json cannot be read: [Errno 2]")
    assert listed == [
        Finding("backend/app/main.py is missing: the backend is started from app.main"),
        Finding(
            "none of requirements.txt, uv.lock, poetry.lock, Pipfile.lock, pyproject.toml is in backend/ or above it"
        ),
        Finding(NO_DOCKERFILE, fault=False),
        Finding("backend/tests is missing: the build reports that there are no tests", fault=False),
    ]


SLOW_IMAGE = Finding(
    "requirements.txt names neither uvicorn nor fastapi[standard]: unless something else brings uvicorn, the default "
    "image cannot start",
    fault=False,
)
SUBMODULES = "submodules are empty in the builds: what the release needs of them has to be in it"
LOCKED = ", ".join(application.LOCKS)
NO_LOCK = Finding(f"no lock file is in frontend/ or above it: the build installs from one alone ({LOCKED})")
NO_BUILD = Finding("frontend/package.json has no script build")


def without(*names: str) -> dict[str, str]:
    return {name: text for name, text in COMPLETE.items() if name not in names}


@pytest.mark.parametrize(
    ("files", "faults"),
    [
        (without("backend/app/main.py") | {"backend/app/main/__init__.py": ""}, []),
        # The image that the build brings starts uvicorn; a Dockerfile of one's own may start anything.
        (without("backend/Dockerfile"), [SLOW_IMAGE, NO_DOCKERFILE]),
        (
            without("backend/Dockerfile") | {"requirements.txt": "uvicorn\n"},
            [NO_DOCKERFILE],
        ),
        # What is nearer to the backend counts, and a pyproject.toml only where it names packages.
        (without("requirements.txt") | {"backend/uv.lock": ""}, []),
        (without("requirements.txt", "backend/Dockerfile") | {"uv.lock": ""}, [NO_DOCKERFILE]),
        (
            without("backend/Dockerfile") | {"backend/pyproject.toml": "[tool.ruff]\n"},
            [SLOW_IMAGE, NO_DOCKERFILE],
        ),
        (
            without("backend/Dockerfile") | {"backend/pyproject.toml": "[project]\ndependencies = []\n"},
            [NO_DOCKERFILE],
        ),
        (
            without("backend/Dockerfile") | {"backend/pyproject.toml": "no toml"},
            [SLOW_IMAGE, NO_DOCKERFILE],
        ),
        (without("requirements.txt") | {"pyproject.toml": "[tool.x]\n"}, []),
        *((without("package-lock.json") | {f"frontend/{lock}": ""}, []) for lock in application.LOCKS),
        (without("package-lock.json"), [NO_LOCK]),
        (
            {**COMPLETE, "frontend/package.json": "\ufeff" + json.dumps({"scripts": []})},
            [
                NO_BUILD,
                "frontend/package.json has no script lint: the build says so and goes on",
                "frontend/package.json has no script test: the build says so and goes on",
            ],
        ),
        ({**COMPLETE, "frontend/package.json": "7"}, [Finding("frontend/package.json is a int, not an object")]),
        ({**COMPLETE, ".gitmodules": ""}, [SUBMODULES]),
    ],
)  # fmt: skip
def test_what_is_missing(tmp_path: Path, files: dict[str, str], faults: list[Finding | str]) -> None:
    """A text is only good to know."""
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    expected = [each if isinstance(each, Finding) else Finding(each, fault=False) for each in faults]
    assert findings(tmp_path, files) == expected


def test_what_the_history_lacks(tmp_path: Path) -> None:
    folder = repository(tmp_path / "a", {**COMPLETE, "docs/.gitattributes": "*.png filter=lfs"})
    git(folder, "update-ref", "refs/remotes/origin/develop", "main")
    for name in ("b", "c"):
        (folder / name).write_text("x", encoding="utf-8")
    assert application.check(folder, NEEDED, ["main", "develop", "next"]) == [
        Finding("the tree is not clean: 2 changed or untracked, such as b"),
        Finding("the branch develop is only in origin/develop: `git branch develop origin/develop` brings it here"),
        Finding("there is no branch next; there are: main"),
        Finding("files are kept with Git LFS, which CodeCommit is not known to take (see docs/unverified.md)"),
    ]
    below = application.check(folder / "backend", NEEDED | {"BACKEND_DIRECTORY": "."}, [])
    assert below[0] == Finding("the folder is not the root of its git repository")
    empty = tmp_path / "empty"
    git(tmp_path, "init", "-q", str(empty))
    assert application.check(empty, NEEDED, ["main"])[0].what == "there is no branch main; there are: none"
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{folder}", str(clone))
    [shallow, _lfs] = application.check(clone, NEEDED, ["main"])
    assert shallow.what.startswith("the clone is shallow, and a push of it is refused: `git fetch --unshallow`")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_requirements_are_decoded_as_pip_does(tmp_path: Path, encoding: str) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    files = without("backend/Dockerfile", "requirements.txt")
    mark = "" if encoding == "utf-8-sig" else "\ufeff"
    (tmp_path / "requirements.txt").write_bytes(f"{mark}uvicorn\n".encode(encoding))
    assert SLOW_IMAGE not in findings(tmp_path, files)


def test_the_facts_are_texts_of_both_builds() -> None:
    facts = application.facts(load(ROOT / "templates"))
    assert NEEDED.keys() <= facts.keys() and all(isinstance(value, str) for value in facts.values())
    assert {name: facts[name] for name in NEEDED} == NEEDED | {"APPLICATION_MODULE": facts["APPLICATION_MODULE"]}
