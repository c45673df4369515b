"""The parameter files against the roots that they are for: the same check that the deploy script makes."""

from pathlib import Path

from generator.gate.finding import Finding
from generator.reading import parameters
from generator.reading.templates import FolderMissing, TemplateSet

# The tags that every template sets itself (`generator/tags.py`).
OWN_TAGS = ("Application", "Component", "Environment", "ManagedBy")
SHARED, ENVIRONMENT = "shared", "environment"


def root_of(file: Path) -> str:
    """The root template that a parameter file is for: `shared.json` the shared one, every other an environment's."""
    return SHARED if file.stem == SHARED else ENVIRONMENT


def check(folder: Path, templates: TemplateSet) -> list[Finding]:
    """Every problem of every parameter file in the folder. Raises `FolderMissing` when there is none."""
    files = sorted(folder.glob("*.json"))
    if not files:
        raise FolderMissing(folder)
    findings = []
    for file in files:
        name = f"{folder.name}/{file.name}"
        try:
            problems = parameters.check(parameters.read(file), templates[root_of(file)].body, OWN_TAGS)
        except parameters.ParameterFileError as error:
            findings.append(Finding(name, f"line {error.line or 1}", "PARAMS", error.reason, "correct the file"))
            continue
        for problem in problems:
            fix = f"choose one of {', '.join(problem.choices)}" if problem.choices else "correct the value"
            findings.append(Finding(name, problem.key, "PARAMS", problem.message, fix))
    return findings
