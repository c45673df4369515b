"""Which version a change of the templates needs: `delivery version BASE [HEAD]`.

The version of the set says what an update does to a living environment. It follows from the same comparison as the
review:

- major: data or an address is deleted, replaced, unprotected or kept for a shorter time, a parameter, a value
  that it may have, its default or an output is gone;
- minor: resources, rights or parameters are added, a right becomes broader, or a protection weaker;
- patch: anything else that reaches a template.

What only a parameter file changes is no matter of the set's version.
"""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import replace
from enum import IntEnum
from pathlib import Path

from generator.cfn.schemas import SchemasError
from generator.cfn.templates import Body, Template, TemplateSet
from scripts.deployment.errors import Exit, RefusedError
from scripts.review import latent, revision
from scripts.review.command import PROJECT
from scripts.review.compare import compare
from scripts.review.model import ADDED, EnvironmentReview
from scripts.review.revision import Revision
from scripts.terminal import console, results

CHANGELOG = "CHANGELOG.md"
NUMBER = re.compile(r"(\d+)\.(\d+)\.(\d+)")


class Bump(IntEnum):
    """How far a version has to go up."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3


def arguments(parser: ArgumentParser) -> None:
    """What is compared."""
    parser.add_argument("base", metavar="BASE", help="a revision, such as the tag of the last version")
    parser.add_argument("head", metavar="HEAD", nargs="?", default="", help="another one (default: the working tree)")
    parser.add_argument("--project", type=Path, default=PROJECT, help="the checkout")


def run(options: Namespace) -> Exit:
    """Says which version is needed. Raises `RefusedError` when the new templates have a lower one, or when the change
    log has no line for it."""
    before = revision.read(options.project, options.base)
    after = revision.read(options.project, options.head)
    needed, why = bump(before, after)
    old, new = version(before.templates), version(after.templates)
    results.update({"version": new, "base": old, "change": needed.name.lower(), "because": why})
    if needed is Bump.NONE:
        console.show([f"{new}: the templates are those of {options.base}"])
        return Exit.DONE
    least = raised(old, needed)
    if _number(new) < _number(least):
        raise RefusedError(
            f"The set is version {new}, and this change needs at least {least} ({needed.name.lower()}: {why}).",
            f"Set VERSION in generator/version.py to {least}, add it to {CHANGELOG}, and run `make templates`.",
        )
    if not options.head and f"## {new}" not in _changelog(options.project):
        raise RefusedError(f"{CHANGELOG} has no heading `## {new}`.", "Add it, with a line that says what changes.")
    console.show([f"{new}: enough for a {needed.name.lower()} change ({why})"])
    return Exit.DONE


def bump(before: Revision, after: Revision) -> tuple[Bump, str]:
    """How far the version has to go up, and why. Raises `RefusedError`."""
    if _unversioned(before.templates) == _unversioned(after.templates):
        return Bump.NONE, ""
    if narrower := next(_narrower(before.templates, after.templates), ""):
        return Bump.MAJOR, narrower
    old, new = _parameters(before.templates), _parameters(after.templates)
    if gone := sorted(old - new):
        return Bump.MAJOR, f"parameter {gone[0]} is gone"
    try:
        environments = _compared(before, _set_alone(before, after))
    except SchemasError as error:
        raise RefusedError(str(error), "Run `make templates`.") from error
    for environment in environments:
        for risk in environment.risks:
            return Bump.MAJOR, f"{risk.path}: {risk.what}"
    if added := sorted(new - old):
        return Bump.MINOR, f"parameter {added[0]} is new"
    if wider := next((why for environment in environments for why in _wider(environment)), ""):
        return Bump.MINOR, wider
    for grant in latent.broader(before.templates, after.templates, environments):
        return Bump.MINOR, f"a right becomes broader: {grant.holder}"
    return Bump.PATCH, "templates change"


def _compared(before: Revision, after: Revision) -> tuple[EnvironmentReview, ...]:
    """What happens to each environment. Raises `RefusedError` where that is not known, `SchemasError`."""
    environments = compare(before, after)
    for environment in environments:
        for problem in environment.problems:
            raise RefusedError(f"{environment.name} cannot be compared, so no version is known to be enough: {problem}")
    return environments


def _wider(environment: EnvironmentReview) -> Iterator[str]:
    """What an environment has or permits beyond before."""
    yield from (f"{change.path} is new" for change in environment.resources if change.action == ADDED)
    yield from (f"a right becomes broader: {grant.holder}" for grant in environment.broader)
    yield from (f"a protection becomes weaker: {risk.path}: {risk.what}" for risk in environment.weaker)


def _narrower(before: TemplateSet, after: TemplateSet) -> Iterator[str]:
    """What somebody's parameter file, or who reads an output, can no longer rely on."""
    for root in _roots(before):
        if root.name not in after:
            continue
        new = after[root.name]
        for name in sorted(root.outputs.keys() - new.outputs.keys()):
            yield f"output {root.name}.{name} is gone"
        computed = new.metadata.get("Computed", {})
        for name, declared in new.parameters.items():
            known = root.parameters.get(name)
            if name not in computed and "Default" not in declared and (known is None or "Default" in known):
                yield f"parameter {root.name}.{name} has to be given"
            allowed = declared.get("AllowedValues")
            for value in (known or {}).get("AllowedValues", ()):
                if allowed is not None and value not in allowed:
                    yield f"parameter {root.name}.{name} may no longer be {value}"


def _set_alone(before: Revision, after: Revision) -> Revision:
    """The new templates with the values that the parameter files had before. A parameter that is new has the value of
    its new file, because the templates may ask for one; an environment that is new is none of the set's changes."""
    there, here = ({name for root in _roots(side.templates) for name in root.parameters} for side in (before, after))
    files = {}
    for name, file in after.files.items():
        if name in before.files:
            old = {key: value for key, value in before.files[name].parameters.items() if key in here}
            new = {key: value for key, value in file.parameters.items() if key not in there}
            files[name] = replace(before.files[name], parameters={**old, **new})
    return replace(after, files=files, key=f"{after.key} with the values of {before.key}")


def version(templates: TemplateSet) -> str:
    """The version of a set, as its roots carry it. Raises `RefusedError`."""
    versions = revision.versions(templates)
    if len(versions) != 1 or not NUMBER.fullmatch(next(iter(versions))):
        raise RefusedError(f"The templates have no single version: {', '.join(sorted(versions)) or 'none'}.")
    return versions.pop()


def raised(old: str, needed: Bump) -> str:
    """The lowest version that is enough. Before 1.0.0 nothing is promised yet: a major change raises the minor number
    (Semantic Versioning 2.0.0, item 4)."""
    major, minor, patch = _number(old)
    if needed is Bump.MAJOR and major:
        return f"{major + 1}.0.0"
    if needed >= Bump.MINOR:
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}"


def _number(text: str) -> tuple[int, int, int]:
    match = NUMBER.fullmatch(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else (0, 0, 0)


def _roots(templates: TemplateSet) -> list[Template]:
    return [template for template in templates if template.metadata.get("Generator", {}).get("Version")]


def _parameters(templates: TemplateSet) -> set[str]:
    """The parameters that a person may set: those of the roots."""
    return {
        f"{root.name}.{name}"
        for root in _roots(templates)
        for name in root.parameters
        if name not in root.metadata.get("Computed", {})
    }


def _unversioned(templates: TemplateSet) -> dict[str, Body]:
    """The bodies of a set, as if its roots carried no version."""
    bodies: dict[str, Body] = {}
    for template in templates:
        generator = {**template.metadata.get("Generator", {}), "Version": ""}
        bodies[template.name] = {**template.body, "Metadata": {**template.metadata, "Generator": generator}}
    return bodies


def _changelog(project: Path) -> list[str]:
    try:
        return (project / CHANGELOG).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
