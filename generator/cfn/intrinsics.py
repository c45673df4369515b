"""Values with intrinsic functions in them: as text, and as `Fn::If` decides them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import product
from typing import Any

from generator.cfn.assertions import conditions
from generator.cfn.places import walk
from generator.cfn.templates import Template

NOTHING = {"Ref": "AWS::NoValue"}
OTHER = "\0any other value"  # stands for every value that no condition compares with


def render(value: Any) -> str:
    """A value as the one text that stands for it, intrinsics as `${...}`."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [*parts]}:
            return f"${{{'.'.join(map(str, parts))}}}"
        case {"Fn::GetAtt": str() as name}:
            return f"${{{name}}}"
        case {"Fn::Sub": str() as text}:
            return text
        case {"Fn::Sub": [str() as text, dict() as own]}:
            for name, inner in own.items():
                text = text.replace(f"${{{name}}}", render(inner))
            return text
        case {"Fn::Join": [separator, [*parts]]}:
            return str(separator).join(map(render, parts))
        case int() | float():
            return str(value)
        case _:
            return json.dumps(value, sort_keys=True)


def choices(value: Any, when: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """A value under every outcome of the conditions that its `Fn::If` name, with those outcomes.

    `when` holds the outcomes that are decided already: `("HasBackend", "not HasDomain")`.
    """
    names = (inner["Fn::If"][0] for _, inner in walk(value) if isinstance(inner, dict) and "Fn::If" in inner)
    name = next(names, None)
    if name is None:
        yield when, value
        return
    for outcome, text in ((True, name), (False, f"not {name}")):
        opposite = f"not {name}" if outcome else name
        if opposite not in when:
            decided = when if text in when else (*when, text)
            yield from choices(decide(value, {name: outcome}), decided)


def decide(value: Any, outcome: Mapping[str, bool]) -> Any:
    """The value with each `Fn::If` on a condition of `outcome` replaced by its choice, `AWS::NoValue` taken away."""
    if isinstance(value, dict):
        if list(value) == ["Fn::If"]:
            name, yes, no = value["Fn::If"]
            if name in outcome:
                return decide(yes if outcome[name] else no, outcome)
            return {"Fn::If": [name, decide(yes, outcome), decide(no, outcome)]}
        return {key: inner for key, one in value.items() if (inner := decide(one, outcome)) != NOTHING}
    if isinstance(value, list):
        return [inner for one in value if (inner := decide(one, outcome)) != NOTHING]
    return value


def asked(value: Any) -> set[str]:
    """The conditions that a value's `Fn::If` name."""
    return {inner["Fn::If"][0] for _, inner in walk(value) if isinstance(inner, dict) and "Fn::If" in inner}


def met(when: Iterable[str], outcome: Mapping[str, bool]) -> bool:
    """Whether outcomes like `("HasBackend", "not HasDomain")` are those of `outcome`; a condition that is not there
    does not hold."""
    return all(outcome.get(name.removeprefix("not "), False) != name.startswith("not ") for name in when)


@lru_cache(maxsize=64)
def outcomes(template: Template) -> tuple[Mapping[str, bool], ...]:
    """Every combination of outcomes that the conditions of a template can have, each once.

    A parameter takes each value that a condition compares it with, and one that stands for all others.
    """
    compared: dict[str, set[str]] = {}
    for _, value in walk(dict(template.conditions)):
        if isinstance(value, dict) and "Fn::Equals" in value:
            sides = value["Fn::Equals"]
            for name in (side["Ref"] for side in sides if isinstance(side, dict) and "Ref" in side):
                compared.setdefault(name, {OTHER}).update(side for side in sides if isinstance(side, str))
    found: list[dict[str, bool]] = []
    for values in product(*(sorted(compared[name]) for name in compared)):
        given = dict(zip(compared, values, strict=True))
        outcome = conditions(template.body, given)
        if outcome not in found:
            found.append(outcome)
    return tuple(found)
