"""What differs between two sets of templates, down to the property. Values only: rendering is for the reader."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from generator.cfn.places import Place, spell
from generator.cfn.templates import Template, TemplateSet

# The sections of a template that are compared, with the word for one entry.
SECTIONS: Mapping[str, str] = {
    "Parameters": "parameter",
    "Mappings": "mapping",
    "Conditions": "condition",
    "Rules": "rule",
    "Resources": "resource",
    "Outputs": "output",
}

# What names one entry of a list of objects, so that an entry put in front does not change all that follow.
NAMES = ("Sid", "PolicyName", "Key", "Name", "ParameterKey", "Id", "AttributeName", "IndexName", "LogicalId")


@dataclass(frozen=True)
class Change:
    """One difference. `place` is empty where the whole entry (or template) was added or removed, and where the entry is
    one function: a condition changes as a whole."""

    action: str  # added, removed, changed
    what: str  # template, parameter, condition, resource, output, mapping, rule, template attribute
    template: str
    name: str  # logical id or name of the entry; of a template attribute its key
    place: Place = ()
    before: Any = field(default=None, hash=False)
    after: Any = field(default=None, hash=False)
    type: str = ""  # resource type, for resources

    @property
    def address(self) -> str:
        return f"{self.template}.{self.name}" if self.name else self.template

    def __str__(self) -> str:
        kind = f" ({self.type})" if self.type else ""
        line = f"{self.action} {self.what} {self.address}{kind}"
        if not self.place and self.action != "changed":
            return line
        line += f" at {spell(self.place)}" if self.place else ""
        sides = {"added": [self.after], "removed": [self.before], "changed": [self.before, self.after]}[self.action]
        return f"{line}: {' -> '.join(json.dumps(side, sort_keys=True) for side in sides)}"


def compare(before: TemplateSet, after: TemplateSet) -> list[Change]:
    """Every difference between two sets, templates in alphabetical order, entries in the order of the sections."""
    if before is after:
        return []
    changes: list[Change] = []
    for name in sorted({*before.templates, *after.templates}):
        if name not in after:
            changes.append(Change("removed", "template", name, ""))
        elif name not in before:
            changes.append(Change("added", "template", name, ""))
        elif _text(before[name].body) != _text(after[name].body):
            changes += _templates(before[name], after[name])
    return changes


def _templates(before: Template, after: Template) -> Iterator[Change]:
    for section, what in SECTIONS.items():
        old, new = before.body.get(section) or {}, after.body.get(section) or {}
        for name in dict.fromkeys([*old, *new]):
            kind = str((new.get(name) or old[name])["Type"]) if what == "resource" else ""
            if name not in new:
                yield Change("removed", what, after.name, name, before=old[name], type=kind)
            elif name not in old:
                yield Change("added", what, after.name, name, after=new[name], type=kind)
            elif _text(old[name]) != _text(new[name]):
                for action, place, earlier, other in values(old[name], new[name], ()):
                    yield Change(action, what, after.name, name, place, earlier, other, kind)
    old, new = ({k: v for k, v in template.body.items() if k not in SECTIONS} for template in (before, after))
    for action, place, earlier, other in values(old, new, ()):
        yield Change(action, "template attribute", after.name, str(place[0]), place, earlier, other)


def values(before: Any, after: Any, place: Place = ()) -> Iterator[tuple[str, Place, Any, Any]]:
    """The innermost differences of two values as (action, place, before, after)."""
    if type(before) is str and type(after) is str:  # most of what there is
        if before != after:
            yield "changed", place, before, after
        return
    if before == after and _text(before) == _text(after):  # the first is quick, the second knows 1 from true
        return
    old, new = entries(before), entries(after)
    if old is None or new is None or type(before) is not type(after) or not _comparable(old, new):
        if json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True):
            yield "changed", place, before, after
        return
    for key in dict.fromkeys([*old, *new]):
        if key not in new:
            yield "removed", (*place, key), old[key], None
        elif key not in old:
            yield "added", (*place, key), None, new[key]
        else:
            yield from values(old[key], new[key], (*place, key))
    if isinstance(before, list) and list(old) != list(new) and set(old) == set(new):  # the order changed
        yield "changed", place, before, after


def _text(value: Any) -> str:
    """A value as text: two are the same value when they are the same text (1 and true are equal and not the same)."""
    return json.dumps(value)


def entries(value: Any) -> Mapping[str | int, Any] | None:
    """An object or list by key; a list of named objects by name, another one by position. None for a plain value.

    An intrinsic function is a plain value: half of an `Fn::Sub` tells nobody anything.
    """
    if isinstance(value, dict):
        name = next(iter(value), "")
        return None if len(value) == 1 and (name == "Ref" or name.startswith("Fn::")) else value
    if not isinstance(value, list):
        return None
    for name in (_option, _title, *(_named(key) for key in NAMES)):
        names = [name(item) if isinstance(item, dict) else None for item in value]
        if names and all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
            return dict(zip(map(str, names), value, strict=True))
    return dict(enumerate(value))


def _named(key: str) -> Callable[[Mapping[str, Any]], str | None]:
    """The name of an entry that has it under this key; None for others."""
    return lambda item: f"{key}={item[key]}" if isinstance(item.get(key), str) else None


def _option(item: Mapping[str, Any]) -> str | None:
    """The name of an option of Elastic Beanstalk, which is one in its namespace alone."""
    return f"{item['Namespace']}={item['OptionName']}" if {"Namespace", "OptionName"} <= item.keys() else None


def _title(item: Mapping[str, Any]) -> str | None:
    """The name of a widget of a dashboard."""
    properties = item.get("properties")
    return f"title={properties['title']}" if isinstance(properties, dict) and "title" in properties else None


def _comparable(old: Mapping[str | int, Any], new: Mapping[str | int, Any]) -> bool:
    """Lists compare by position only when they are of one length: after an insertion every position would differ."""
    by_position = any(isinstance(key, int) for key in [*old, *new])
    return not by_position or list(old) == list(new)
