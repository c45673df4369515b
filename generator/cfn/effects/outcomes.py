"""What happens to each resource when the settled templates of an environment change: the half of the table that follows
from the templates. Pure; the schemas are handed in.

What only AWS knows stays a name (`${Data.Clients.Arn}`, see `generator.cfn.instance`), so that a resource that is
replaced is followed to everything that refers to it, nested stacks included.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from generator.cfn.losses import keeps
from generator.cfn.templates import Resource

Path = tuple[str, ...]
# The create-only properties of a type, each as a path in which `*` stands for every element of a list.
CreateOnly = Callable[[str], Iterable[Path]]
NAMED = re.compile(r"\$\{([\w.]+?)\}")
ADDED, REMOVED, REPLACED, CHANGED = "added", "removed", "replaced", "changed"
# What `Ref` and an ARN are of a resource that has a name of its own, so that what names it by either is the same when
# it leaves the stack and stays. Source: Service Authorization Reference, "Resource types defined by Amazon DynamoDB";
# CloudFormation template reference, AWS::DynamoDB::Table, "Return values".
NAME_OF = {"AWS::DynamoDB::Table": "TableName"}
ARN_OF = {"AWS::DynamoDB::Table": "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/"}


@dataclass(frozen=True)
class Outcome:
    """What happens to one resource, by its path; `kept` when the old one stays behind, `properties` are those of one
    that changes."""

    path: str
    type: str
    action: str
    kept: bool = False
    properties: tuple[str, ...] = ()


def outcomes(before: Mapping[str, Resource], after: Mapping[str, Resource], create_only: CreateOnly) -> list[Outcome]:
    """Every resource, by its path, to which something happens between two settled versions of an environment."""
    anew, names = replaced(before, after, create_only), {**_names(after), **_names(before)}
    result = []
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old is None or new is None:
            present = new or old
            assert present is not None
            action = REMOVED if new is None else ADDED
            result.append(Outcome(path, present.type, action, old is not None and keeps(old)))
        elif path in anew:
            kept = str(old.body.get("UpdateReplacePolicy", "")).startswith("Retain")
            result.append(Outcome(path, new.type, REPLACED, kept))
        elif (anew or old.body != new.body) and (changed := tuple(_changed(old, new, anew, names))):
            result.append(Outcome(path, new.type, CHANGED, properties=changed))
    return result


def _names(resources: Mapping[str, Resource]) -> dict[str, str]:
    """What AWS puts in for a resource that has a name of its own, by what stands for it."""
    named = {
        path: (resource.type, str(resource.properties.get(NAME_OF[resource.type], "")))
        for path, resource in resources.items()
        if resource.type in NAME_OF
    }
    return {
        **{f"${{{path}}}": name for path, (_, name) in named.items() if name},
        **{f"${{{path}.Arn}}": f"{ARN_OF[kind]}{name}" for path, (kind, name) in named.items() if name},
    }


def _changed(old: Resource, new: Resource, anew: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[str]:
    if old.properties == new.properties and not _follows(new.properties, anew):
        return
    for name in sorted({*old.properties, *new.properties}):
        was, now = old.properties.get(name), new.properties.get(name)
        if _follows(now, anew) or (was != now and _spelled(was, names) != _spelled(now, names)):
            yield name


def _spelled(value: Any, names: Mapping[str, str]) -> str:
    text = json.dumps(value, sort_keys=True)
    for reference, name in names.items():
        text = text.replace(reference, name)
    return text


def replaced(
    before: Mapping[str, Resource], after: Mapping[str, Resource], create_only: CreateOnly
) -> dict[str, tuple[str, ...]]:
    """The create-only properties that force each replacement, by path: those that differ, and those that name a
    resource that is itself replaced."""
    anew: dict[str, tuple[str, ...]] = {}
    both = [path for path in after if path in before]
    looked_at = [path for path in both if before[path].body != after[path].body]
    while True:
        more: dict[str, tuple[str, ...]] = {}
        for path in looked_at:
            if path in anew:
                continue
            if before[path].type != after[path].type:
                more[path] = ("Type",)
            elif reasons := tuple(_forcing(before[path], after[path], anew, create_only)):
                more[path] = reasons
        if not more:
            return anew
        anew |= more
        looked_at = both  # what stays as it is may name what is replaced


def _forcing(old: Resource, new: Resource, anew: Mapping[str, Any], create_only: CreateOnly) -> Iterator[str]:
    # Most resources neither differ nor follow: they are looked at once as a whole, and not property by property.
    if old.properties == new.properties and not _follows(new.properties, anew):
        return
    for steps in create_only(new.type):
        was, now = at(old.properties, steps), at(new.properties, steps)
        if json.dumps(was, sort_keys=True) != json.dumps(now, sort_keys=True) or _follows(now, anew):
            yield ".".join(steps)


def _follows(value: Any, anew: Mapping[str, Any]) -> bool:
    """Whether a value names something that is replaced."""
    named = set(NAMED.findall(json.dumps(value, sort_keys=True))) if anew else ()
    return any(name == path or name.startswith(f"{path}.") for path in anew for name in named)


def at(value: Any, path: Path) -> Any:
    """The value at a path of a schema; None where the way ends earlier. `*` stands for every element of a list."""
    for number, step in enumerate(path):
        if step == "*" and isinstance(value, list):
            return [at(element, path[number + 1 :]) for element in value]
        value = value.get(step) if isinstance(value, dict) else None
    return value
