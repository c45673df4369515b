"""The table of docs/conformance.md as values, and its proofs: functions that take a set of templates and fail when it
is not as a row says."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from generator.cfn.templates import TemplatesError, TemplateSet, from_bodies, load

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "conformance.md"
COLUMNS = ["id", "status", "what and why", "resource", "proof"]
Proof = Callable[[TemplateSet], None]


@dataclass(frozen=True)
class Row:
    """One row. `proofs` are node ids, `tests/design/test_build.py::test_artifacts`."""

    id: str
    status: str
    why: str
    resources: tuple[str, ...]
    proofs: tuple[str, ...]


def read(text: str) -> list[Row]:
    """The rows of the one table in the text."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == COLUMNS
    assert set("".join(cells[1])) == {"-"}
    for line in cells:
        assert len(line) == len(COLUMNS), f"{line[0]}: a row has {len(COLUMNS)} cells"
    return [Row(cell[0], cell[1], cell[2], names(cell[3]), names(cell[4])) for cell in cells[2:]]


def names(cell: str) -> tuple[str, ...]:
    """The names in a cell: each in backticks, a comma between them, and nothing else."""
    assert re.fullmatch("(`[^`]+`(, `[^`]+`)*)?", cell), f"not a list of names: {cell}"
    return tuple(re.findall("`([^`]+)`", cell))


ROWS = read(TABLE.read_text(encoding="utf-8"))
TEMPLATES = load(ROOT / "templates")


@cache
def names_of(file: Path) -> set[str]:
    """The functions at the top level of a module, without importing it: a test file may skip itself."""
    return {node.name for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)}


@cache
def proof(node: str) -> Proof | None:
    """The function behind a node id; None when it needs more than the templates. Fails when it does not exist."""
    file, _, name = node.partition("::")
    assert (ROOT / file).is_file(), f"{node}: there is no such file"
    assert name.startswith("test_") and name in names_of(ROOT / file), f"{node}: there is no such test"
    if not file.startswith("tests/design/"):
        return None
    function: Proof = getattr(importlib.import_module(file.removesuffix(".py").replace("/", ".")), name)
    return function if list(inspect.signature(function).parameters) == ["templates"] else None


def changed(address: str, hollow: bool) -> TemplateSet:
    """The set without one resource, or with nothing of the resource but its type."""
    name, _, logical_id = address.partition(".")
    bodies = {template.name: dict(template.body) for template in TEMPLATES}
    resources = dict(bodies[name]["Resources"])
    resource = resources.pop(logical_id)
    if hollow:
        resources[logical_id] = {"Type": resource["Type"]}
    bodies[name]["Resources"] = resources
    if not resources:  # a template without resources is none
        del bodies[name]
    return from_bodies(bodies)


def fails(check: Proof, templates: TemplateSet) -> bool:
    try:
        check(templates)
    except (AssertionError, TemplatesError):
        return True
    return False


@cache
def holds(check: Proof) -> bool:
    """Whether a proof holds for the templates as they are: asked once for all the resources that it is cited with."""
    return not fails(check, TEMPLATES)


def stumbles(check: Proof, templates: TemplateSet) -> bool:
    """As `fails`, but a proof may also find nothing where it looks for a property."""
    try:
        return fails(check, templates)
    except (LookupError, TypeError, ValueError, AttributeError):
        return True
