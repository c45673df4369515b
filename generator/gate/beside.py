"""What a change needs beside its own place, asked for here and not first by a test: the line of a logical id that is
gone, an alarm's section in the runbook, a buildspec that CodeBuild takes, what the local AWS and `delivery cost` know
of a resource type.

A file that a copy of the repository lacks is not compared with. The programs among them are read as text, because
nothing of `scripts` is imported here.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from generator.cfn.templates import TemplateSet
from generator.core.moves import MOVES
from generator.gate.buildspec_schema import load, problems
from generator.gate.finding import Finding

IDS, RUNBOOK, MOVES_FILE = "tests/generator/logical_ids.txt", "docs/runbook.md", "generator/core/moves.py"
ROWS, PRICES = "scripts/local_aws/handlers", "scripts/costs/rules.py"
ALARM, STACK = "AWS::CloudWatch::Alarm", "AWS::CloudFormation::Stack"


def findings(root: Path, templates: TemplateSet) -> list[Finding]:
    """What is missing in the checkout at `root`."""
    return [*_moves(root, templates), *_runbook(root, templates), *_buildspecs(root), *_types(root, templates)]


def logical_ids(listed: str, templates: TemplateSet) -> str:
    """The list of logical ids with those that are new: it only ever grows."""
    return "".join(f"{line}\n" for line in sorted({*listed.splitlines(), *_rendered(templates)} - {""}))


def _rendered(templates: TemplateSet) -> set[str]:
    return {f"{resource.address} {resource.type}" for resource in templates.resources()}


def _moves(root: Path, templates: TemplateSet) -> Iterator[Finding]:
    listed = _text(root / IDS).splitlines()
    moved = {f"{move.template}.{move.before}" for move in MOVES}
    for line in sorted({*listed} - _rendered(templates)):
        address = line.split(" ")[0]
        if address not in moved:
            template, _, name = address.partition(".")
            message = f"{line} is gone: CloudFormation deletes it in every environment that has it"
            fix = f'say what that does: Move("{template}", "{name}", NEW_OR_EMPTY, "...") in {MOVES_FILE}; '
            yield Finding(IDS, address, "MOVE", message, f"{fix}if it was never deployed, remove the line from {IDS}")


def _runbook(root: Path, templates: TemplateSet) -> Iterator[Finding]:
    runbook = _text(root / RUNBOOK)
    alarms = runbook.partition("## Alarms")[2].partition("\n## ")[0].splitlines()
    names = {alarm.logical_id for alarm in templates.resources(ALARM)}
    for name in sorted(names) if runbook else ():
        if f"### {name}" not in alarms:
            fix = f"write a section `### {name}` below `## Alarms`: what it means, what to look at, what to do"
            yield Finding(RUNBOOK, name, "RUNBOOK", f"the alarm {name} has no section, and its message names one", fix)
    for line in alarms:
        if line.startswith("### ") and line.removeprefix("### ") not in names:
            name = line.removeprefix("### ")
            yield Finding(RUNBOOK, name, "RUNBOOK", f"there is no alarm {name}", "remove the section")


def _buildspecs(root: Path) -> Iterator[Finding]:
    for file in sorted((root / "buildspecs").glob("*.yml")):
        try:
            wrong = problems(load(_text(file)))
        except yaml.YAMLError as error:
            wrong = [" ".join(str(error).split())]
        for problem in wrong:
            name = file.relative_to(root).as_posix()
            yield Finding(name, "", "BUILDSPEC", problem, "CodeBuild user guide, build-spec-ref, says what it takes")


def local_types(root: Path) -> set[str]:
    """The resource types that the local AWS has a row for: a type as the first value of a call makes one."""
    nodes = (node for file in sorted((root / ROWS).glob("*.py")) for node in ast.walk(ast.parse(_text(file))))
    first = _strings(call.args[0] for call in nodes if isinstance(call, ast.Call) and call.args)
    return {kind for kind in first if re.fullmatch(r"AWS::\w+::\w+", kind)}


def priced_types(root: Path) -> tuple[str, ...]:
    """The beginnings of the resource types that have a price or are named as free: the values of `FREE` and the keys of
    `RULES`, which are whole names and end with a space."""
    names: list[str] = []
    for node in ast.parse(_text(root / PRICES)).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(target, ast.Name):
            if target.id == "FREE" and isinstance(node.value, ast.Tuple):
                names += _strings(node.value.elts)
            if target.id == "RULES" and isinstance(node.value, ast.Dict):
                names += [f"{name} " for name in _strings(node.value.keys)]
    return tuple(names)


def _strings(nodes: Iterable[ast.expr | None]) -> list[str]:
    """The values of those that are texts."""
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _types(root: Path, templates: TemplateSet) -> Iterator[Finding]:
    places = {resource.type: resource.address for resource in templates.resources() if resource.type != STACK}
    if (root / ROWS).is_dir():
        for kind in sorted(places.keys() - local_types(root)):
            message = f"{kind} has no row, so the local AWS cannot make {places[kind]}"
            fix = f'write Row("{kind}", ...) into the module of its family; {ROWS}/row.py says what the fields mean'
            yield Finding(ROWS, kind, "LOCAL", message, f"{fix}, a row of a similar type how they are used")
    if (root / PRICES).is_file():
        priced = priced_types(root)
        for kind in sorted(places):
            if not f"{kind} ".startswith(priced):
                message = f"{kind} has neither a price nor is it named as free, so `delivery cost` refuses"
                fix = "write its quantities into RULES and their prices, with the source, into prices.json beside it"
                yield Finding(PRICES, kind, "PRICE", message, f"{fix}; or its name into FREE, with the reason")


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
