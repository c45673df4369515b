"""Resources under new names: one that is gone and one that is new, alike in everything but their logical ids.

For a living environment a rename is a replacement; for a reader it is one change and not a deletion, an addition and
every permission twice.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from generator.cfn.environments import ENVIRONMENT
from generator.cfn.templates import Resource, TemplateSet, from_bodies

Renames = Mapping[str, str]  # path before -> path after
# Limits of what is looked for in one environment: beyond them what has another name is told as gone and new, which is
# the louder of the two. The first is about as many resources as a whole set has.
MOST = 500  # resources that are gone, or new
PAIRS = 5_000  # that are looked at
PRIVATE = 0xE000  # the first character that stands for a word: no content has it, because all of it is ASCII
REFERENCE = re.compile(r"\$\{([A-Za-z0-9.]+)(?=\})")
WORD = re.compile("[A-Za-z0-9]+")


def renames(old: Mapping[str, Resource], new: Mapping[str, Resource]) -> dict[str, str]:
    """The paths that became others. Two resources of one stack, or of one stack under another name, are taken for the
    same when they have the same content under the new names, and no other of their type there has."""
    gone = {path for path in old if path not in new}
    fresh = {path for path in new if path not in old}
    if min(len(gone), len(fresh)) > MOST:
        return {}
    stacks = _stacks(gone, fresh)
    texts = {path: _content(old[path]) for path in gone}, {path: _content(new[path]) for path in fresh}
    places: dict[tuple[str, str, str], list[str]] = {}  # by stack, type, and either of two texts
    for path in sorted(fresh):
        for text in (_shape(texts[1][path]), _nameless(path, texts[1][path])):
            places.setdefault((_stack(path), new[path].type, text), []).append(path)
    renamed: dict[str, str] = {}
    left = PAIRS
    while True:
        more, taken = dict[str, str](), set(renamed.values())
        for path in sorted(gone - renamed.keys()):
            place = stacks.get(_stack(path), _stack(path)), old[path].type
            others = places.get((*place, _nameless(path, texts[0][path])))  # in most renames; found without a search
            others = others or places.get((*place, _shape(texts[0][path])), [])
            left -= len(others)
            if left < 0:
                return {**renamed, **more}
            alike = [
                other
                for other in others
                if other not in taken and _same(texts[0][path], texts[1][other], {**renamed, path: other})
            ]
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


def _same(old: str, new: str, names: Renames) -> bool:
    """Whether two resources have the same content when the names before and after a rename are read as one. A logical
    id is also part of other names (`ReadArtifacts`, `DashboardName`), which may or may not follow it: in both contents
    it is the same word, wherever it stands."""
    words: dict[str, str] = {}
    for before, after in ((before.rpartition(".")[2], after.rpartition(".")[2]) for before, after in names.items()):
        if before in old or before in new or after in old or after in new:
            words[before] = words[after] = words.get(before) or words.get(after) or chr(PRIVATE + len(words))
    if not words:
        return old == new
    # Without an expression: most are compared once, and to compile it takes longer than to use it.
    for word in sorted(words, key=len, reverse=True):
        old, new = old.replace(word, words[word]), new.replace(word, words[word])
    return old == new


def _shape(content: str) -> str:
    """A content without its words: two that are the same but for names have the same."""
    return WORD.sub("x", content)


def _nameless(path: str, content: str) -> str:
    """A content without the logical id of its resource."""
    return content.replace(path.rpartition(".")[2], chr(PRIVATE))


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
            path = name if template.name == ENVIRONMENT else f"{template.name}.{name}"
            stack, _, new_name = renamed.get(path, path).rpartition(".")
            body = json.loads(_spelled(json.dumps(dict(resource.body)), renamed))
            bodies.setdefault(stack or template.name, {"Resources": {}})["Resources"][new_name] = body
    return from_bodies(bodies)


def _spelled(text: str, renamed: Renames) -> str:
    """A text in which references name the new paths."""

    def spelled(match: re.Match[str]) -> str:
        steps = match[1].split(".")
        for count in range(len(steps), 0, -1):
            if target := renamed.get(".".join(steps[:count])):
                return "${" + ".".join([target, *steps[count:]])
        return match[0]

    return REFERENCE.sub(spelled, text)
