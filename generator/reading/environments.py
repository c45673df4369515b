"""An environment is a parameter file and the root template that it is for: which belong together, and what is wrong.

The gate and the deploy script both ask here, so that what passes the one is not refused by the other.
"""

from pathlib import Path

from generator.reading import parameters
from generator.reading.parameters import ParameterFile, Problem
from generator.reading.templates import Template, TemplateSet

SHARED, ENVIRONMENT = "shared", "environment"


def root_of(name: str, templates: TemplateSet) -> Template:
    """The root that the parameter file of this name is for: `shared` its own, every other an environment's."""
    return templates[SHARED if name == SHARED else ENVIRONMENT]


def own_tags(root: Template) -> dict[str, str]:
    """The tags that the template sets itself, by key; those of them whose values are plain text have one."""
    found: dict[str, str] = {}
    for resource in root.resources.values():
        for tag in resource.get("Tags", default=()):
            found[tag["Key"]] = tag["Value"] if isinstance(tag["Value"], str) else ""
    return found


def check(path: Path, templates: TemplateSet) -> tuple[ParameterFile, list[Problem]]:
    """A parameter file and everything that is wrong with it. Raises `ParameterFileError` when it cannot be read."""
    name, file = path.stem, parameters.read(path)
    root = root_of(name, templates)
    problems = parameters.check(file, root.body, own_tags(root))
    declared = file.parameters.get("Environment", name)
    if name != SHARED and declared != name:
        # Two files for one environment would deploy over each other.
        problems.append(Problem(str(path), "Parameters.Environment", str(declared), "must be the file's name", (name,)))
    return file, problems
