"""Resources under new names: one that is gone and one that is new, alike in everything but their logical ids.

For a living environment a rename is a replacement; for a reader it is one change and not a deletion, an addition and
every permission twice.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from generator.cfn.templates import Resource, TemplateSet, from_bodies

Renames = Mapping[str, str]  # path before -> path after


def renames(old: Mapping[str, Resource], new: Mapping[str, Resource]) -> dict[str, str]:
    """The paths that became others. Two resources of one stack, or of one stack under another name, are taken for the
    same when they have the same content under the new names, and no other of their type there has."""
    gone = {path for path in old if path not in new}
    fresh = {path for path in new if path not in old}
    stacks = _stacks(gone, fresh)
    renamed: dict[str, str] = {}
    while True:
        more = {}
        for path in sorted(gone - renamed.keys()):
            same_place = [
                other
                for other in sorted(fresh - set(renamed.values()))
                if _stack(other) == stacks.get(_stack(path), _stack(path)) and new[other].type == old[path].type
            ]
            alike = [other for other in same_place if _same(old[path], new[other], {**renamed, path: other})]
            if len(alike) == 1:
                more[path] = alike[0]
        if not more:
            return renamed
        renamed |= more


def _stack(path: str) -> str:
    return path.rpartition(".")[0]


def _stacks(gone: Collection[str], fresh: Collection[str]) -> dict[str, str]:
    """Nested stacks that are gone as a whole and stand under another name, by the logical ids in them."""
    before, after = (_members(paths) for paths in (gone, fresh))
    stacks = {}
    for name, ids in before.items():
        same = [other for other, others in after.items() if other != name and others == ids]
        if name and len(same) == 1:
            stacks[name] = same[0]
    return stacks


def _members(paths: Collection[str]) -> dict[str, set[str]]:
    members: dict[str, set[str]] = {}
    for path in paths:
        members.setdefault(_stack(path), set()).add(path.rpartition(".")[2])
    return members


def _same(old: Resource, new: Resource, names: Renames) -> bool:
    """Whether two resources have the same content when the names before and after a rename are read as one. A logical
    id is also part of other names (`ReadArtifacts`, `DashboardName`), which may or may not follow it: in both contents
    it is the same word, wherever it stands."""
    words: dict[str, str] = {}
    for before, after in ((before.rpartition(".")[2], after.rpartition(".")[2]) for before, after in names.items()):
        words[before] = words[after] = words.get(before) or words.get(after) or f"\0{len(words)}\0"
    longest = sorted(words, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest)))
    first, second = (pattern.sub(lambda match: words[match[0]], _content(each)) for each in (old, new))
    return first == second


def _content(resource: Resource) -> str:
    """A resource as text, without what only explains it."""
    body = {key: value for key, value in resource.body.items() if key not in ("Metadata", "DependsOn")}
    return json.dumps(body, sort_keys=True)


def applied(resources: Mapping[str, Resource], renamed: Renames) -> dict[str, Resource]:
    """The resources under their new names, and referred to by them."""
    if not renamed:
        return dict(resources)
    return {renamed.get(path, path): _named(resource, path, renamed) for path, resource in resources.items()}


def _named(resource: Resource, path: str, renamed: Renames) -> Resource:
    body = json.loads(_spelled(json.dumps(dict(resource.body)), renamed))
    stack, _, name = renamed.get(path, path).rpartition(".")
    return replace(resource, template=stack or resource.template, logical_id=name, body=body)


def applied_to_set(templates: TemplateSet, renamed: Renames) -> TemplateSet:
    """A set of instances with its resources under their new names."""
    if not renamed:
        return templates
    bodies: dict[str, dict[str, Any]] = {}
    for template in templates:
        for name, resource in template.resources.items():
            path = f"{template.name}.{name}"
            target = renamed.get(path, renamed.get(name, path) if "." not in name else path)
            stack, _, new_name = target.rpartition(".")
            body = json.loads(_spelled(json.dumps(dict(resource.body)), renamed))
            bodies.setdefault(stack or template.name, {"Resources": {}})["Resources"][new_name] = body
    return from_bodies(bodies)


def _spelled(text: str, renamed: Renames) -> str:
    """A text in which references name the new paths."""
    longest = sorted(renamed, key=len, reverse=True)
    pattern = re.compile(r"\$\{(" + "|".join(map(re.escape, longest)) + r")(?=[.}])")
    return pattern.sub(lambda match: f"${{{renamed[match[1]]}", text)
