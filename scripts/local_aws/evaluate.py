"""What a template says for given values: parameters, conditions, intrinsic functions. Pure.

Sources: CloudFormation User Guide, "Parameters", "Intrinsic function reference", "Template anatomy"; messages are
CloudFormation's own where it documents or is known to answer them.
"""

import base64
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from generator.cfn import assertions, graph
from generator.cfn.templates import Template
from scripts.local_aws.structure import Invalid

# What CloudFormation hands to a nested change set for a value that only the execution will know.
UNKNOWN = "{{changeSet:KNOWN_AFTER_APPLY}}"
NOTHING = object()  # AWS::NoValue
SSM = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")
DYNAMIC = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):([^{}]+)\}\}")


def parameters(template: Template, given: Mapping[str, str], lookup: Callable[[str], str]) -> dict[str, str]:
    """The value of every parameter: given or default, checked, SSM names replaced by what `lookup` finds.

    Raises `Invalid` for a value that is missing, unknown or outside its constraints.
    """
    declared = template.parameters
    if unknown := sorted(given.keys() - declared.keys()):
        raise Invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    values = {name: assertions.as_text(body["Default"]) for name, body in declared.items() if "Default" in body}
    values.update(given)
    if missing := sorted(declared.keys() - values.keys()):
        raise Invalid(f"Parameters: [{', '.join(missing)}] must have values")
    for name, body in declared.items():
        if UNKNOWN in values[name]:
            continue
        if unmet := assertions.unmet(name, body, values[name]):
            detail = f"{unmet[0]} {', '.join(unmet[1:])}".strip()
            raise Invalid(f"Parameter '{name}' {body.get('ConstraintDescription', detail)}")
        if SSM.fullmatch(body["Type"]):
            values[name] = lookup(values[name])
    return values


@dataclass(frozen=True)
class Scope:
    """What expressions are resolved against. `found` holds the physical id and attributes of the resources that
    exist; others are `UNKNOWN` at preview and an error otherwise."""

    template: Template
    values: Mapping[str, str]
    pseudo: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)
    zones: tuple[str, ...] = ()
    preview: bool = False
    found: dict[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    conditions: dict[str, bool] = field(default_factory=dict)

    def check(self) -> "Scope":
        """Evaluates conditions and rules. Raises `Invalid` for a rule that does not hold."""
        body = {**self.template.body, "Parameters": {n: _resolved(b) for n, b in self.template.parameters.items()}}
        try:
            self.conditions.update(assertions.conditions(body, self.values, self.pseudo))
            if broken := assertions.broken(body, self.values, self.pseudo):
                raise Invalid(f"Template validation error: Rule {broken[0].rule}: {broken[0].description}")
        except assertions.NotEvaluable as error:
            raise Invalid(f"Template error: {error}") from error
        return self

    def exists(self, body: Mapping[str, Any]) -> bool:
        """Whether the condition of a resource or output holds."""
        return "Condition" not in body or self.conditions[body["Condition"]]

    def resolve(self, value: Any) -> Any:
        """A value with its functions carried out; `NOTHING` where there is no value."""
        if isinstance(value, list):
            return [inner for one in value if (inner := self.resolve(one)) is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._call(name, argument)
        return {key: inner for key, one in value.items() if (inner := self.resolve(one)) is not NOTHING}

    def _call(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self.reference(argument)
        if name == "Fn::If":
            return self.resolve(argument[1 if self.conditions[argument[0]] else 2])
        if name == "Fn::Sub":
            return self._substitute(argument)
        if name == "Fn::GetAtt":
            parts = argument.split(".", 1) if isinstance(argument, str) else [argument[0], self.resolve(argument[1])]
            return self.attribute(*parts)
        if name not in FUNCTIONS:
            raise Invalid(f"Template error: {name} is not supported; supported: {', '.join(sorted(FUNCTIONS))}")
        try:
            return FUNCTIONS[name](self, self.resolve(argument))
        except (TypeError, ValueError, LookupError) as error:
            raise Invalid(f"Template error: {name} cannot be evaluated: {error}") from error

    def reference(self, name: str) -> Any:
        """What `Ref` gives."""
        if name == "AWS::NoValue":
            return NOTHING
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.template.parameters:
            parts = assertions.members(_resolved(self.template.parameters[name])["Type"], self.values[name])
            return parts if assertions.is_list(_resolved(self.template.parameters[name])["Type"]) else parts[0]
        return self._existing(name)[0]

    def attribute(self, name: str, attribute: str) -> Any:
        """What `Fn::GetAtt` gives."""
        physical, attributes = self._existing(name)
        if attribute in attributes:
            return attributes[attribute]
        if self.preview and (physical == UNKNOWN or not attributes):
            return UNKNOWN
        if attribute.startswith("Outputs."):
            raise Invalid(f"Output '{attribute.removeprefix('Outputs.')}' not found in stack {physical}")
        raise Invalid(f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt")

    def _existing(self, name: str) -> tuple[str, Mapping[str, Any]]:
        if name in self.found:
            return self.found[name]
        if name not in self.template.resources:
            raise Invalid(f"Template format error: Unresolved dependencies [{name}]. Cannot reference resources")
        if not self.exists(self.template.resources[name].body):
            raise Invalid(f"Template format error: Unresolved resource dependencies [{name}]: its condition is false")
        if not self.preview:
            raise Invalid(f"{name} does not exist yet")
        return UNKNOWN, {}

    def _substitute(self, argument: Any) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def one(match: re.Match[str]) -> str:
            name = match[1]
            if name in own:
                value = self.resolve(own[name])
            else:
                value = self.attribute(*name.split(".", 1)) if "." in name else self.reference(name)
            if not isinstance(value, str | int | float):
                raise Invalid(f"Template error: Fn::Sub needs a string for ${{{name}}}, not {value!r}")
            return assertions.as_text(value)

        return graph.SUBSTITUTION.sub(one, text).replace("${!", "${")


def _resolved(body: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter's declaration after its SSM name was replaced by the value."""
    match = SSM.fullmatch(body["Type"])
    return {**body, "Type": match[1] if match else body["Type"]}


def _select(_: Scope, argument: Any) -> Any:
    position, values = argument
    if isinstance(values, str):
        raise Invalid(f"Template error: Fn::Select requires a list argument with two elements, not {values!r}")
    if not 0 <= int(position) < len(values):
        raise Invalid("Template error: Fn::Select cannot select nonexistent value at index " + str(position))
    return values[int(position)]


def _cidr(_: Scope, argument: Any) -> list[str]:
    if argument[0] == UNKNOWN:
        return [UNKNOWN] * int(argument[1])
    block, count, bits = ipaddress.ip_network(argument[0]), int(argument[1]), int(argument[2])
    subnets: Iterator[Any] = block.subnets(new_prefix=block.max_prefixlen - bits)
    return [str(subnet) for _, subnet in zip(range(count), subnets, strict=False)]


FUNCTIONS: Mapping[str, Callable[[Scope, Any], Any]] = {
    "Fn::Base64": lambda _, text: base64.b64encode(text.encode()).decode(),
    "Fn::Cidr": _cidr,
    "Fn::FindInMap": lambda scope, keys: scope.template.body["Mappings"][keys[0]][keys[1]][keys[2]],
    "Fn::GetAZs": lambda scope, _: list(scope.zones),
    "Fn::Join": lambda _, parts: parts[0].join(assertions.as_text(part) for part in parts[1]),
    "Fn::Select": _select,
    "Fn::Split": lambda _, parts: parts[1].split(parts[0]),
}
