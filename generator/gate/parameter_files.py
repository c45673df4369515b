"""The parameter files against the roots that they are for: the same check that the deploy script makes."""

import json
from pathlib import Path

from generator.cfn import environments
from generator.cfn.names import LOCAL, NOBODY, SUBSCRIBERS
from generator.cfn.parameters import ParameterFileError
from generator.cfn.template_names import PROTECTION_WAIVED
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


def unprotected(folder: Path) -> list[str]:
    """The files by which protection of branch or approvals binds nobody, each with its reason."""
    bodies = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))}
    reasons = {name: body.get("Parameters", {}).get(PROTECTION_WAIVED) for name, body in bodies.items()}
    return [f"{name} ({reason})" for name, reason in reasons.items() if reason]


def silent_environments(folder: Path) -> list[str]:
    """The environments whose messages nobody gets, by their files; those on the local AWS are left out."""
    names = []
    for file in sorted(folder.glob("*.json")):
        body = json.loads(file.read_text(encoding="utf-8"))
        values = body.get("Parameters", {})
        if file.stem != LOCAL and "Environment" in values:
            subscribers = [values.get(name, "") for name in SUBSCRIBERS]
            names += [file.stem] if all(value in ("", NOBODY) for value in subscribers) else []
    return names
