"""All stacks of a project, rendered: the only way from facts to JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from generator.project import CLOUD_HEALTH_DASHBOARD, Project
from generator.roots import access, edge, environment, shared


class RenderedSet(NamedTuple):
    """The canonical text of every template, by file name (`storage.json`)."""

    files: Mapping[str, str]


def render(project: Project = CLOUD_HEALTH_DASHBOARD) -> RenderedSet:
    """Renders the roots and their children. Pure: the same facts give the same bytes.

    Raises `StackError`, `LooseEnd`, `GrantError`, `UnknownKind` or what troposphere finds wrong with a resource.
    """
    root, children = environment.build(project)
    stacks = [shared.build(project), edge.build(project), root, *children]
    # Last, because what deploying takes is read off all others.
    stacks.append(access.build(project, stacks))
    return RenderedSet({f"{stack.name}.json": stack.finish() for stack in sorted(stacks, key=lambda stack: stack.name)})
