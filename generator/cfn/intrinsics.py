"""Values with intrinsic functions in them: carried out as far as they can be, as one text, and under each outcome of
the conditions that they name.

There is one resolver, `resolve`, and one policy for what is unknown, `Names`: whoever resolves says what a name stands
for, and keeps the function as it stands where nobody can know. Source: CloudFormation User Guide, intrinsic function
reference. An argument that is no form of its function is kept too; cfn-lint refuses it.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import product
from typing import Any

from generator.cfn.assertions import as_text, conditions
from generator.cfn.graph import SUBSTITUTION, split
from generator.cfn.places import walk
from generator.cfn.templates import Template

NO_VALUE = {"Ref": "AWS::NoValue"}
OTHER = "\0any other value"  # stands for every value that no condition compares with
NOTHING = object()  # the outcome of AWS::NoValue: whoever holds it leaves it out
KEEP = object()  # the answer of a policy that does not know: the function stays, with what can be resolved inside it
Scalar = str | int | float | bool


class Names:
    """What the names in a value stand for. This policy knows nothing, so that everything stays as it is; a resolver
    derives its own and may answer with a value, with `KEEP`, or with an exception."""

    functions: frozenset[str] = frozenset({"Ref", "Fn::GetAtt", "Fn::If", "Fn::Join", "Fn::Sub"})

    def reference(self, name: str) -> Any:  # noqa: ARG002  knows nothing
        """What `Ref` gives."""
        return KEEP

    def attribute(self, name: str, attribute: str) -> Any:  # noqa: ARG002  knows nothing
        """What `Fn::GetAtt` gives."""
        return KEEP

    def holds(self, condition: str) -> bool | None:  # noqa: ARG002  knows nothing
        """The outcome of a condition; None when it is not decided."""
        return None

    def undecided(self, condition: str, yes: Any, no: Any) -> Any:  # noqa: ARG002  knows nothing
        """What `Fn::If` gives on a condition that is not decided; the sides are not resolved yet."""
        return KEEP


def resolve(value: Any, names: Names) -> Any:
    """A value with its functions carried out as far as `names` goes; `NOTHING` where there is no value."""
    # Most of what stands in a list or an object is text: it is taken as it is, without a call for each.
    if isinstance(value, list):
        return [
            inner for item in value if (inner := item if type(item) is str else resolve(item, names)) is not NOTHING
        ]
    if not isinstance(value, dict):
        return value
    if value == NO_VALUE:
        return NOTHING
    if len(value) == 1:
        [(function, argument)] = value.items()
        if function in names.functions:
            result = _FUNCTIONS[function](argument, names)
            if result is not KEEP:
                return result
            if function == "Fn::If":  # a side without a value stands as AWS::NoValue, or the other one would move
                return {function: [argument[0], *(decided(side, names) for side in argument[1:])]}
    return {
        key: inner
        for key, item in value.items()
        if (inner := item if type(item) is str else resolve(item, names)) is not NOTHING
    }


def decided(value: Any, names: Names) -> Any:
    """As `resolve`, with AWS::NoValue itself where there is no value."""
    result = resolve(value, names)
    return NO_VALUE if result is NOTHING else result


def _if(argument: Any, names: Names) -> Any:
    match argument:
        case [str() as condition, yes, no]:
            outcome = names.holds(condition)
            if outcome is None:
                return names.undecided(condition, yes, no)
            return resolve(yes if outcome else no, names)
    return KEEP


def _reference(argument: Any, names: Names) -> Any:
    return names.reference(argument) if isinstance(argument, str) else KEEP


def _attribute(argument: Any, names: Names) -> Any:
    match argument:
        case str():
            return names.attribute(*split(argument))
        case [str() as name, *rest]:
            return names.attribute(name, ".".join(map(str, rest)))
    return KEEP


def _join(argument: Any, names: Names) -> Any:
    match argument:
        case [separator, [*parts]]:
            parts = resolve(parts, names)
            if all(isinstance(part, Scalar) for part in parts):
                return str(separator).join(map(as_text, parts))
    return KEEP


def _substitute(argument: Any, names: Names) -> Any:
    """`Fn::Sub` in both forms; a name that stands for no text stays in it, and the function with it."""
    text, own = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
    if not isinstance(text, str) or not isinstance(own, dict):
        return KEEP
    unresolved = []

    def text_of(match: re.Match[str]) -> str:
        name = match[1]
        if name in own:
            value = resolve(own[name], names)
        else:
            value = names.attribute(*split(name)) if "." in name else names.reference(name)
        if isinstance(value, Scalar):
            return as_text(value)
        unresolved.append(name)
        return match[0]

    result = SUBSTITUTION.sub(text_of, text)
    return KEEP if unresolved else result


_FUNCTIONS: Mapping[str, Callable[[Any, Names], Any]] = {
    "Ref": _reference,
    "Fn::GetAtt": _attribute,
    "Fn::If": _if,
    "Fn::Join": _join,
    "Fn::Sub": _substitute,
}


class _Outcome(Names):
    """Conditions alone: every other function stays as it is."""

    functions = frozenset({"Fn::If"})

    def __init__(self, outcome: Mapping[str, bool]) -> None:
        self.outcome = outcome

    def holds(self, condition: str) -> bool | None:
        return self.outcome.get(condition)


def decide(value: Any, outcome: Mapping[str, bool]) -> Any:
    """The value with each `Fn::If` on a condition of `outcome` replaced by its choice, `AWS::NoValue` taken away."""
    return decided(value, _Outcome(outcome))


def render(value: Any) -> str:
    """A value as the one text that stands for it, intrinsics as `${...}`."""
    match value:
        case bool() | int() | float() | str():
            return as_text(value)
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": attribute}:
            return f"${{{attribute if isinstance(attribute, str) else '.'.join(map(str, attribute))}}}"
        case {"Fn::Sub": str() as text}:
            return text
        case {"Fn::Sub": [str() as text, dict() as own]}:
            for name, inner in own.items():
                text = text.replace(f"${{{name}}}", render(inner))
            return text
        case {"Fn::Join": [separator, [*parts]]}:
            return str(separator).join(map(render, parts))
    return json.dumps(value, sort_keys=True)


def conditions_in(value: Any) -> Iterator[str]:
    """The conditions that a value's `Fn::If` name, in the order in which they stand there."""
    left = [value]  # as `walk` goes, without the places: every statement of every policy is asked
    while left:
        inner = left.pop()
        if isinstance(inner, dict):
            if "Fn::If" in inner:
                yield inner["Fn::If"][0]
            left += [*inner.values()][::-1]
        elif isinstance(inner, list):
            left += inner[::-1]


def choices(value: Any, when: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """A value under every outcome of the conditions that its `Fn::If` name, with those outcomes.

    `when` holds the outcomes that are decided already: `("HasBackend", "not HasDomain")`.
    """
    name = next(conditions_in(value), None)
    if name is None:
        yield when, value
        return
    for outcome, text in ((True, name), (False, f"not {name}")):
        opposite = f"not {name}" if outcome else name
        if opposite not in when:
            outcomes_so_far = when if text in when else (*when, text)
            yield from choices(decide(value, {name: outcome}), outcomes_so_far)


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
    distinct: list[dict[str, bool]] = []
    for values in product(*(sorted(compared[name]) for name in compared)):
        outcome = conditions(template.body, dict(zip(compared, values, strict=True)))
        if outcome not in distinct:
            distinct.append(outcome)
    return tuple(distinct)
