"""Where a resource stands: its line in the rendered template, and the line of the generator that makes it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from generator.cfn import sources
from generator.cfn.environments import ACCESS, EDGE, ENVIRONMENT, SHARED
from generator.cfn.names import SHARED_ACCESS
from generator.cfn.templates import TemplateSet
from scripts.review.model import EnvironmentReview

ROOTS = (ACCESS, SHARED_ACCESS, EDGE, SHARED)


def placed(environment: EnvironmentReview, templates: TemplateSet, project: Path) -> EnvironmentReview:
    """The review of an environment with the places of its resources in the checkout at `project`; what is removed has
    none."""
    children = {}
    if ENVIRONMENT in templates:
        children = {child.resource.logical_id: child.template.name for child in templates[ENVIRONMENT].children()}
    changes = []
    lines = dict[str, Mapping[str, int]]()  # of each template read once: it may have thousands of resources
    for change in environment.resources:
        stack, _, name = change.path.rpartition(".")
        template = children.get(stack, stack) or ENVIRONMENT
        if template not in lines:
            lines[template] = _lines(template, project)
        changes.append(replace(change, places=_places(templates, template, name, project, lines[template])))
    return replace(environment, resources=tuple(changes))


def resource_places(templates: TemplateSet, template: str, name: str, project: Path) -> tuple[str, ...]:
    """The places of one resource; none for one that the set does not have."""
    return _places(templates, template, name, project, _lines(template, project))


def _places(
    templates: TemplateSet, template: str, name: str, project: Path, lines: Mapping[str, int]
) -> tuple[str, ...]:
    if template not in templates or name not in templates[template].resources:
        return ()
    number = lines.get(name)
    source = sources.find(templates[template].module, name, project)
    rendered = f"templates/{template}.json" + (f":{number}" if number else "")
    return (rendered, *([str(source)] if source else []))


def _lines(template: str, project: Path) -> Mapping[str, int]:
    return sources.rendered_lines(_text(project / "templates" / f"{template}.json"))


def _text(file: Path) -> str:
    """The text of a file; empty where there is none that can be read: then no line is named."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
