"""What a change needs beside its own place, asked for here and not first by a test: the line of a logical id that is
gone, an alarm's section in the runbook, a buildspec that CodeBuild takes.

A file that a copy of the repository lacks is not compared with.
"""

from collections.abc import Iterator
from pathlib import Path

import yaml

from generator.cfn.templates import TemplateSet
from generator.core.moves import MOVES
from generator.gate.buildspec_schema import load, problems
from generator.gate.finding import Finding

IDS, RUNBOOK, MOVES_FILE = "tests/generator/logical_ids.txt", "docs/runbook.md", "generator/core/moves.py"
ALARM = "AWS::CloudWatch::Alarm"


def findings(root: Path, templates: TemplateSet) -> list[Finding]:
    """What is missing in the checkout at `root`."""
    return [*_moves(root, templates), *_runbook(root, templates), *_buildspecs(root)]


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


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
