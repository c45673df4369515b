"""A root with everything that it nests as it is for certain parameter values: conditions decided, parameters and
outputs of siblings put in, each nested stack under its logical id.

What only AWS gives stays a name: `{"Fn::GetAtt": ["Clients", "Arn"]}` in the nested stack `Data` becomes the text
`${Data.Clients.Arn}`, wherever it is handed on to. So two versions of an environment can be compared value by value,
across nested stacks and without an account.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from generator.cfn import assertions, graph
from generator.cfn.templates import STACK, Template, TemplateSet, Unknown, from_bodies

NOTHING = object()  # AWS::NoValue


def instances(root: Template, values: Mapping[str, str], pseudo: Mapping[str, str] | None = None) -> TemplateSet:
    """The root, under its own name, and every nested stack that exists, under its path (`Data`), as templates whose
    resources exist and whose properties hold no function that can be carried out without AWS.

    `values` holds every parameter of the root, `pseudo` what is known of the pseudo parameters that conditions use.
    Raises `assertions.NotEvaluable` for a condition that cannot be decided, `Unknown` for a template that is missing.
    """
    bodies: dict[str, Any] = {}
    _Instance(root, root.name, values, pseudo or {}, bodies).build()
    return from_bodies(bodies)


@dataclass
class _Instance:
    """One stack; `path` is empty for the root's own names. `nested` holds the outputs of its nested stacks."""

    template: Template
    name: str
    values: Mapping[str, str]
    pseudo: Mapping[str, str]
    bodies: dict[str, Any]
    path: str = ""
    nested: dict[str, dict[str, Any]] = field(default_factory=dict)
    conditions: Mapping[str, bool] = field(default_factory=dict)

    def build(self) -> dict[str, Any]:
        """Adds the stack, and those below it, to `bodies`; returns its outputs."""
        self.conditions = assertions.conditions(self.template.body, self.values, self.pseudo)
        resources = {}
        for logical_id in self._order():
            body = self.template.resources[logical_id].body
            if not self._exists(body):
                continue
            properties = self.resolve(body.get("Properties") or {})
            if body["Type"] == STACK:
                self.nested[logical_id] = self._nest(logical_id, properties)
            resources[logical_id] = {**body, "Properties": properties}
            resources[logical_id].pop("Condition", None)
        if resources:  # a template without resources is none
            self.bodies[self.name] = {"Resources": resources}
        outputs = self.template.outputs.items()
        return {name: self.resolve(one["Value"]) for name, one in outputs if self._exists(one)}

    def _order(self) -> list[str]:
        """The outputs of a nested stack have to be known before whoever is given them; nothing else needs an order."""
        if any(resource.type == STACK for resource in self.template.resources.values()):
            return graph.order(graph.dependencies(self.template))
        return sorted(self.template.resources)

    def _exists(self, body: Mapping[str, Any]) -> bool:
        return "Condition" not in body or self.conditions[body["Condition"]]

    def _nest(self, logical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        name, family = str(properties["TemplateURL"]).removesuffix(".json"), self.template.family
        if name not in family:
            raise Unknown(f"template for {self.path}{logical_id}, whose TemplateURL is", name, list(family))
        declared = family[name].parameters
        values = {key: assertions.as_text(one["Default"]) for key, one in declared.items() if "Default" in one}
        given = properties.get("Parameters", {}).items()
        values |= {key: ",".join(map(str, value)) if isinstance(value, list) else str(value) for key, value in given}
        below = f"{self.path}{logical_id}"
        return _Instance(family[name], below, values, self.pseudo, self.bodies, f"{below}.").build()

    def resolve(self, value: Any) -> Any:
        """A value with the functions carried out that need no account; others keep their form."""
        if isinstance(value, list):
            return [inner for one in value if (inner := self.resolve(one)) is not NOTHING]
        if not isinstance(value, dict):
            return value
        match value:
            case {"Ref": "AWS::NoValue"}:
                return NOTHING
            case {"Ref": str() as name}:
                return self._reference(name)
            case {"Fn::GetAtt": [str() as name, *rest]}:
                return self._attribute(name, ".".join(map(str, rest)))
            case {"Fn::GetAtt": str() as name}:
                return self._attribute(*graph.split(name))
            case {"Fn::If": [str() as condition, yes, no]}:
                return self.resolve(yes if self.conditions[condition] else no)
            case {"Fn::Sub": str() as text}:
                return self._substitute(text, {})
            case {"Fn::Sub": [str() as text, dict() as own]}:
                return self._substitute(text, own)
            case {"Fn::Join": [separator, [*parts]]}:
                joined = self.resolve(parts)
                if all(isinstance(part, str | int | float) for part in joined):
                    return str(separator).join(map(assertions.as_text, joined))
                return {"Fn::Join": [separator, joined]}
        return {key: inner for key, one in value.items() if (inner := self.resolve(one)) is not NOTHING}

    def _reference(self, name: str) -> Any:
        if name.startswith("AWS::"):
            return f"${{{name}}}"
        if name in self.template.parameters:
            parts = assertions.members(self.template.parameters[name]["Type"], self.values[name])
            return parts if assertions.is_list(self.template.parameters[name]["Type"]) else parts[0]
        return f"${{{self.path}{name}}}"

    def _attribute(self, name: str, attribute: str) -> Any:
        output = attribute.removeprefix("Outputs.")
        if output != attribute and output in self.nested.get(name, {}):
            return self.nested[name][output]
        return f"${{{self.path}{name}.{attribute}}}"

    def _substitute(self, text: str, own: Mapping[str, Any]) -> str:
        def one(found: re.Match[str]) -> str:
            name = found[1]
            if name in own:
                value = self.resolve(own[name])
            else:
                value = self._attribute(*graph.split(name)) if "." in name else self._reference(name)
            return assertions.as_text(value) if isinstance(value, str | int | float) else found[0]

        return graph.SUBSTITUTION.sub(one, text)
