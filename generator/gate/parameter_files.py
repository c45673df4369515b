"""The parameter files against the roots that they are for: the same check that the deploy script makes."""

from pathlib import Path

from generator.cfn import environments
from generator.cfn.parameters import ParameterFileError
from generator.cfn.templates import FolderMissingError, TemplateSet
from generator.gate.finding import Finding


def findings(folder: Path, templates: TemplateSet) -> list[Finding]:
    """Every problem of every parameter file in the folder. Raises `FolderMissingError` when there is none."""
    files = sorted(folder.glob("*.json"))
    if not files:
        raise FolderMissingError(folder)
    faults = []
    for file in files:
        name = f"{folder.name}/{file.name}"
        try:
            _, problems = environments.check(file, templates)
        except ParameterFileError as error:
            faults.append(Finding(name, f"line {error.line or 1}", "PARAMS", error.reason, ""))
            continue
        for problem in problems:
            faults.append(Finding(name, "", "PARAMS", str(problem).removeprefix(f"{problem.file}: "), ""))
    return faults
