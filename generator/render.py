"""All stacks of a project, rendered: the only way from facts to JSON."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from generator.application import APPLICATION
from generator.project import Project
from generator.roots import access, edge, environment, shared
from generator.roots.access import shared as shared_access

# What modules hold lives to the end: no later collection has to look at it, least of all the one with which the process
# ends. That is a tenth of the time that rendering takes.
gc.freeze()


class RenderedSet(NamedTuple):
    """The canonical text of every template, by file name (`storage.json`)."""

    files: Mapping[str, str]


def render(project: Project = APPLICATION) -> RenderedSet:
    """Renders the roots and their children. Pure: the same facts give the same bytes.

    Raises `StackError`, `LooseEndError`, `GrantError`, `UndecidedTypeError` or what troposphere finds wrong with a
    resource.
    """
    with _no_garbage_collection():
        return _rendered(project)


def _rendered(project: Project) -> RenderedSet:
    root, children = environment.build(project)
    common, of_common = shared.build(project)
    stacks = [common, edge.build(project), root, *children]
    # Last, because what deploying takes is read off all others; those of what is shared have a table of their own.
    stacks += [access.build(project, stacks), shared_access.build(project), *of_common]
    return RenderedSet({f"{stack.name}.json": stack.finish() for stack in sorted(stacks, key=lambda stack: stack.name)})


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Building makes some hundred thousand small objects that live to the end: looking for garbage among them would be
    a fifth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
