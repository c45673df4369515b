"""What a template says: its structure, and for given values its parameters, conditions and intrinsic functions. Pure.

Sources: CloudFormation User Guide, "Parameters", "Intrinsic function reference", "Template anatomy"; messages are
CloudFormation's own where it documents or is known to answer them.
"""

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from generator.cfn import assertions, graph
from generator.cfn.quotas import TEMPLATE_MEMBERS
from generator.cfn.templates import Template, from_bodies
from generator.cfn.unknown import KNOWN_AFTER_APPLY, is_unknown
from scripts.local_aws.values import UNKNOWN_SPELLINGS

SECTIONS = frozenset(
    [
        "AWSTemplateFormatVersion",
        "Conditions",
        "Description",
        "Mappings",
        "Metadata",
        "Outputs",
        "Parameters",
        "Resources",
        "Rules",
    ]
)
ATTRIBUTES = frozenset(
    [
        "Type",
        "Properties",
        "Metadata",
        "DependsOn",
        "Condition",
        "DeletionPolicy",
        "UpdateReplacePolicy",
        "CreationPolicy",
        "UpdatePolicy",
    ]
)
LONGEST_VALUE = 4096  # bytes of a parameter; CloudFormation User Guide, "Understand CloudFormation quotas"
KNOWN = 64  # templates that are kept as they were read; an environment has 20 at most
POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")


class InvalidTemplateError(Exception):
    """What CloudFormation refuses; the message is the reason."""


@lru_cache(KNOWN)
def read(text: str) -> Template:
    """The template in `text`, its structure checked: one value for the same text, which nobody changes. Raises
    `InvalidTemplateError` for what CloudFormation refuses.

    JSON, or YAML with the functions' long names: `aws cloudformation package` writes nested templates so.
    """
    try:
        body = json.loads(text) if text.lstrip().startswith("{") else _yaml(text)
    except ValueError as error:
        raise InvalidTemplateError(f"Template format error: JSON not well-formed. ({error})") from error
    _structure(body)
    template = next(iter(from_bodies({"template": body})))
    if unknown := body.keys() - SECTIONS:
        raise InvalidTemplateError(f"Invalid template property or properties [{', '.join(sorted(unknown))}]")
    for section, most in TEMPLATE_MEMBERS.items():
        if (count := len(body.get(section, ()))) > most:
            raise InvalidTemplateError(
                f"Template format error: Number of {section.lower()}, {count}, is greater than maximum allowed, {most}"
            )
    for name, resource in body["Resources"].items():
        if odd := resource.keys() - ATTRIBUTES:
            raise InvalidTemplateError(f"Invalid template resource property '{min(odd)}' in {name}")
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if resource.get(policy, "Delete") not in POLICIES[: 3 if policy == "DeletionPolicy" else 2] + POLICIES[3:]:
                raise InvalidTemplateError(
                    f"Template error: Unrecognized {policy} {resource[policy]} for resource {name}"
                )
    _references(template)
    return template


def _yaml(text: str) -> Any:
    import yaml

    # A date such as the format version stays text, as CloudFormation reads it.
    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise InvalidTemplateError(f"Template format error: YAML not well-formed. ({error})") from error


def _structure(body: Any) -> None:
    """Raises `InvalidTemplateError` for what is no template, in the words that are reported: of a text, by CreateStack
    in hashicorp/terraform issue 16537; of no resources, by CreateChangeSet in aws/aws-cdk issue 29233; of a resource
    without a type in LocalStack's `engine/validations.py`, whose tests ran on AWS. CloudFormation names no file."""
    if not isinstance(body, dict):
        raise InvalidTemplateError("Template format error: unsupported structure.")
    resources = body.get("Resources")
    if not isinstance(resources, dict) or not resources:
        raise InvalidTemplateError("Template format error: At least one Resources member must be defined.")
    for name, resource in resources.items():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise InvalidTemplateError(
                f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
            )


def _references(template: Template) -> None:
    for reference in graph.references(template):
        known = {**template.resources, **({} if reference.how in ("GetAtt", "DependsOn") else template.parameters)}
        if reference.how == "Condition":
            if reference.target not in template.conditions:
                raise InvalidTemplateError(
                    f"Template error: Unresolved condition dependency {reference.target} in {reference.source}"
                )
        elif reference.target not in known:
            block = reference.source.partition(".")[0]
            message = f"Unresolved resource dependencies [{reference.target}] in the {block} block of the template"
            raise InvalidTemplateError(f"Template format error: {message}")
    try:
        graph.order(graph.dependencies(template))
    except graph.CycleError as cycle:
        raise InvalidTemplateError(f"Circular dependency between resources: [{', '.join(cycle.names)}]") from cycle


NOTHING = object()  # AWS::NoValue
SSM = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")
DYNAMIC = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):([^{}]+)\}\}")


def parameters(template: Template, supplied: Mapping[str, str], lookup: Callable[[str], str]) -> dict[str, str]:
    """The value of every parameter: given or default, checked, SSM names replaced by what `lookup` finds.

    Raises `InvalidTemplateError` for a value that is missing, unknown or outside its constraints.
    """
    declared = template.parameters
    if unknown := sorted(supplied.keys() - declared.keys()):
        raise InvalidTemplateError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    values = {name: assertions.as_text(body["Default"]) for name, body in declared.items() if "Default" in body}
    values.update(supplied)
    if missing := sorted(declared.keys() - values.keys()):
        raise InvalidTemplateError(f"Parameters: [{', '.join(missing)}] must have values")
    for name, body in declared.items():
        if is_unknown(values[name]):
            continue
        if unmet := assertions.unmet(name, body, values[name]):
            # Both forms as they are reported: aws-ia/taskcat issue 627 and aws-amplify/amplify-cli issue 6224.
            if description := body.get("ConstraintDescription"):
                raise InvalidTemplateError(f"Parameter {name} failed to satisfy constraint: {description}")
            what = "must be one of AllowedValues" if len(unmet) > 1 else unmet[0]
            raise InvalidTemplateError(f"Parameter '{name}' {what}")
        if SSM.fullmatch(body["Type"]):
            values[name] = lookup(values[name])
    return values


@dataclass(frozen=True)
class Scope:
    """What expressions are resolved against. `generator.cfn.intrinsics` keeps what it cannot know as it is written, for
    five functions; here every function of CloudFormation's is carried out or refused in CloudFormation's words, so that
    each has its own resolver. `existing` holds the physical id and attributes of the resources that
    exist; at preview others are placeholders, of the spelling `unknown`, and an error otherwise."""

    template: Template
    values: Mapping[str, str]
    pseudo: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)
    zones: tuple[str, ...] = ()
    preview: bool = False
    unknown: str = UNKNOWN_SPELLINGS[0]
    existing: dict[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    conditions: dict[str, bool] = field(default_factory=dict)

    def check(self) -> "Scope":
        """Evaluates conditions and rules. Raises `InvalidTemplateError` for a rule that does not hold."""
        body = {**self.template.body, "Parameters": {n: _resolved(b) for n, b in self.template.parameters.items()}}
        try:
            self.conditions.update(assertions.conditions(body, self.values, self.pseudo))
            if broken := assertions.broken(body, self.values, self.pseudo):
                raise InvalidTemplateError(f"Template validation error: Rule {broken[0].rule}: {broken[0].description}")
        except assertions.NotEvaluableError as error:
            raise InvalidTemplateError(f"Template error: {error}") from error
        return self

    def exists(self, body: Mapping[str, Any]) -> bool:
        """Whether the condition of a resource or output holds."""
        return "Condition" not in body or self.conditions[body["Condition"]]

    def resolve(self, value: Any) -> Any:
        """A value with its functions carried out; `NOTHING` where there is no value."""
        if isinstance(value, list):
            return [inner for element in value if (inner := self.resolve(element)) is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._call(name, argument)
        return {key: inner for key, member in value.items() if (inner := self.resolve(member)) is not NOTHING}

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
            raise InvalidTemplateError(
                f"Template error: {name} is not supported; supported: {', '.join(sorted(FUNCTIONS))}"
            )
        try:
            return FUNCTIONS[name](self, self.resolve(argument))
        except (TypeError, ValueError, LookupError) as error:
            raise InvalidTemplateError(f"Template error: {name} cannot be evaluated: {error}") from error

    def reference(self, name: str) -> Any:
        """What `Ref` gives."""
        if name == "AWS::NoValue":
            return NOTHING
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.template.parameters:
            parts = assertions.members(_resolved(self.template.parameters[name])["Type"], self.values[name])
            return parts if assertions.is_list(_resolved(self.template.parameters[name])["Type"]) else parts[0]
        return self._existing(name)[0] or self._placeholder(name, "Ref")

    def attribute(self, name: str, attribute: str) -> Any:
        """What `Fn::GetAtt` gives."""
        physical, attributes = self._existing(name)
        if attribute in attributes:
            return attributes[attribute]
        if self.preview and not attributes:
            return self._placeholder(f"{name}.{attribute}", "Fn::GetAtt")
        if attribute.startswith("Outputs."):
            raise InvalidTemplateError(f"Output '{attribute.removeprefix('Outputs.')}' not found in stack {physical}")
        raise InvalidTemplateError(
            f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt"
        )

    def _existing(self, name: str) -> tuple[str, Mapping[str, Any]]:
        if name in self.existing:
            return self.existing[name]
        if name not in self.template.resources:
            raise InvalidTemplateError(
                f"Template format error: Unresolved dependencies [{name}]. Cannot reference resources"
            )
        if not self.exists(self.template.resources[name].body):
            raise InvalidTemplateError(
                f"Template format error: Unresolved resource dependencies [{name}]: its condition is false"
            )
        if not self.preview:
            raise InvalidTemplateError(f"{name} does not exist yet")
        return "", {}

    def _placeholder(self, what: str, function: str) -> str:
        """What CloudFormation hands to a nested change set for a value that only the execution will know."""
        intrinsic = f"{{{{IntrinsicFunction:{self.pseudo['AWS::StackName']}/{what}/{function}}}}}"
        spellings = {
            "change set": [KNOWN_AFTER_APPLY],
            "intrinsic": [intrinsic],
            "mixed": [KNOWN_AFTER_APPLY, intrinsic],
        }
        return spellings[self.unknown][len(what) % len(spellings[self.unknown])]

    def _substitute(self, argument: Any) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def replacement(match: re.Match[str]) -> str:
            name = match[1]
            if name in own:
                value = self.resolve(own[name])
            else:
                value = self.attribute(*name.split(".", 1)) if "." in name else self.reference(name)
            if not isinstance(value, str | int | float):
                raise InvalidTemplateError(f"Template error: Fn::Sub needs a string for ${{{name}}}, not {value!r}")
            return assertions.as_text(value)

        return graph.SUBSTITUTION.sub(replacement, text).replace("${!", "${")


def _resolved(body: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter's declaration after its SSM name was replaced by the value."""
    match = SSM.fullmatch(body["Type"])
    return {**body, "Type": match[1] if match else body["Type"]}


def _select(_: Scope, argument: Any) -> Any:
    position, values = argument
    if isinstance(values, str):
        raise InvalidTemplateError(
            f"Template error: Fn::Select requires a list argument with two elements, not {values!r}"
        )
    if not 0 <= int(position) < len(values):
        raise InvalidTemplateError(
            "Template error: Fn::Select cannot select nonexistent value at index " + str(position)
        )
    return values[int(position)]


def _cidr(_: Scope, argument: Any) -> list[str]:
    if is_unknown(argument[0]):
        return [argument[0]] * int(argument[1])
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
