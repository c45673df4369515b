"""What a command passes on is a value: nobody changes it on the way. What is filled step by step is listed."""

from __future__ import annotations

from dataclasses import is_dataclass
from importlib import import_module
from typing import Any

import pytest

from tests.conftest import ROOT

FOLDERS = ("bootstrap", "ci", "costs", "lookup", "onboarding", "operations", "review", "terminal")
MODULES = [
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for folder in FOLDERS
    for file in sorted((ROOT / "scripts" / folder).rglob("*.py"))
    if "@dataclass" in file.read_text(encoding="utf-8") and file.name != "__init__.py"
]
FILLED = {
    "scripts.onboarding.facts.Application": "read from one file after the other",
    "scripts.onboarding.routes._Module": "what one file says, as its tree is walked",
    "scripts.onboarding.routes._Reader": "walks a tree",
    "scripts.onboarding.variables._Classes": "gathers the classes of all files, and what nobody can read of them",
    "scripts.operations.diagnose.cause.FailureObserver": "what services say while an operation runs",
    "scripts.operations.following._Watch": "how far the events of a stack are read",
    "scripts.operations.output.progress.Part": "how far a resource is",
    "scripts.operations.output.progress.Progress": "how far an operation is",
}


def own(module: str) -> dict[str, Any]:
    """The dataclasses that a module defines, by their whole names."""
    entries = vars(import_module(module)).items()
    return {
        f"{module}.{name}": entry
        for name, entry in entries
        if isinstance(entry, type) and is_dataclass(entry) and entry.__module__ == module
    }


@pytest.mark.parametrize("module", MODULES)
def test_what_is_passed_on_cannot_be_changed(module: str) -> None:
    mutable = {name for name, entry in own(module).items() if not entry.__dataclass_params__.frozen}
    assert mutable <= FILLED.keys()


def test_what_is_filled_step_by_step_is_still_there() -> None:
    names = {name for module in MODULES for name in own(module)}
    assert len(names) > 80 and FILLED.keys() <= names
