"""The templates as they are in one environment: conditions decided, parts left out gone, values known where possible.

Parameters that only a part left out would use are gone too, and so is what a parent passes for them.

What only AWS will know (an output of a sibling, an account's id) stays an expression. A parameter that is fed with such
a value counts, in a condition, as one that no condition compares with.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from generator.cfn.assertions import as_text, conditions
from generator.cfn.graph import SUBSTITUTION, mentions
from generator.cfn.intrinsics import OTHER, decide, render
from generator.cfn.places import walk
from generator.cfn.templates import STACK, Resource, Template, from_bodies

SECTIONS = ("Conditions", "Rules")  # decided, so no longer there
FORM = "AWS::CloudFormation::Interface"  # how the console asks for parameters, those that are gone among them


@dataclass(frozen=True)
class Instance:
    """One stack that is made: the way to it by logical ids, its template, and the values of its parameters."""

    path: tuple[str, ...]
    template: Template
    values: Mapping[str, str] = field(hash=False)

    def text(self, value: Any) -> str | None:
        """A property's value as text; None when something of it is known to AWS alone."""
        return known_text(value, self.values)

    def number(self, resource: Resource, *place: str | int, default: float) -> float:
        """The number at a place of a resource's properties; `default` where there is none."""
        found = resource.get(*place)
        text = None if found is None else self.text(found)
        return default if text is None else float(text)


def known_text(value: Any, values: Mapping[str, str]) -> str | None:
    """A value without conditions as text, with `values` put in for names; None when a name remains."""
    if not isinstance(value, str | int | float | dict):
        return None
    text = SUBSTITUTION.sub(lambda found: values.get(found[1], found[0]), render(value))
    return None if SUBSTITUTION.search(text) or OTHER in text else text


def stack_instances(root: Template, values: Mapping[str, str]) -> list[Instance]:
    """The root and every nested stack that exists under its parameters' `values`, parents first; nothing for a root of
    which nothing is left.

    `values` may hold pseudo parameters (`AWS::Region`) too. Raises `NotEvaluable` for a condition that cannot be
    decided.
    """
    bodies: dict[str, dict[str, Any]] = {}
    found: list[tuple[tuple[str, ...], str, dict[str, str]]] = []
    pseudo = {name: value for name, value in values.items() if name.startswith("AWS::")}
    _add_instances(root, (), dict(values), pseudo, bodies, found)
    made = from_bodies({name: body for name, body in bodies.items() if body["Resources"]})
    return [Instance(path, made[name], {**pseudo, **own}) for path, name, own in found if name in made]


def _add_instances(
    template: Template,
    path: tuple[str, ...],
    values: dict[str, str],
    pseudo: dict[str, str],
    bodies: dict[str, dict[str, Any]],
    found: list[tuple[tuple[str, ...], str, dict[str, str]]],
) -> None:
    defaults = {name: as_text(one["Default"]) for name, one in template.parameters.items() if "Default" in one}
    given = {name: values.get(name, defaults.get(name, OTHER)) for name in template.parameters}
    outcome = conditions(template.body, given, pseudo)

    def there(section: str) -> dict[str, Any]:
        return {
            name: decide({key: value for key, value in body.items() if key != "Condition"}, outcome)
            for name, body in template.body.get(section, {}).items()
            if outcome.get(body.get("Condition", ""), True)
        }

    resources = there("Resources")
    for body in resources.values():
        sids = {one["Sid"] for _, one in walk(body.get("Properties")) if isinstance(one, dict) and "Sid" in one}
        for about in ("Reasons", "Wildcards"):
            if about in body.get("Metadata", {}):
                kept = {sid: why for sid, why in body["Metadata"][about].items() if sid in sids}
                body["Metadata"] = {**body["Metadata"], about: kept}
        if "DependsOn" in body:
            body["DependsOn"] = [one for one in Resource("", "", body).depends_on if one in resources]
    own = {name: value for name, value in given.items() if value != OTHER}
    found.append((path, template.name, own))
    for child in template.children():
        name = child.resource.logical_id
        if name in resources and resources[name]["Type"] == STACK:
            passed = resources[name]["Properties"].get("Parameters", {})
            texts = {key: known_text(value, {**pseudo, **own}) for key, value in passed.items()}
            inner = {key: OTHER if text is None else text for key, text in texts.items()}
            _add_instances(child.template, (*path, name), inner, pseudo, bodies, found)
            taken = bodies[child.template.name]["Parameters"]
            resources[name]["Properties"]["Parameters"] = {key: one for key, one in passed.items() if key in taken}
    rest = {name: body for name, body in template.body.items() if name not in SECTIONS}
    body = {**rest, "Resources": resources, "Outputs": there("Outputs")}
    used = {target for _, _, target, _ in mentions([body["Resources"], body["Outputs"]])}
    body["Parameters"] = {name: one for name, one in template.parameters.items() if name in used}
    body["Metadata"] = {name: one for name, one in template.metadata.items() if name != FORM}
    bodies[template.name] = body
