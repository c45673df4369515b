"""The structure of a template: what CloudFormation refuses before it looks at any value. Pure."""

import json
from typing import Any

from generator.cfn import graph
from generator.cfn.templates import Template, TemplatesError, from_bodies

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
# Quotas of CloudFormation: user guide, "Understand CloudFormation quotas".
LONGEST, LONGEST_VALUE = 1024 * 1024, 4096  # bytes
MOST = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")


class Invalid(Exception):
    """What CloudFormation refuses; the message is the reason."""


def read(text: str) -> Template:
    """The template in `text`, its structure checked. Raises `Invalid` for what CloudFormation would refuse.

    JSON, or YAML with the functions' long names: `aws cloudformation package` writes nested templates so.
    """
    try:
        body = json.loads(text) if text.lstrip().startswith("{") else _yaml(text)
        template = next(iter(from_bodies({"template": body})))
    except ValueError as error:
        raise Invalid(f"Template format error: JSON not well-formed. ({error})") from error
    except TemplatesError as error:
        raise Invalid(f"Template format error: {error.args[0].split(';')[0]}") from error
    if unknown := body.keys() - SECTIONS:
        raise Invalid(f"Invalid template property or properties [{', '.join(sorted(unknown))}]")
    for section, most in MOST.items():
        if (count := len(body.get(section, ()))) > most:
            raise Invalid(
                f"Template format error: Number of {section.lower()}, {count}, is greater than maximum allowed, {most}"
            )
    for name, resource in body["Resources"].items():
        if odd := resource.keys() - ATTRIBUTES:
            raise Invalid(f"Invalid template resource property '{min(odd)}' in {name}")
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if resource.get(policy, "Delete") not in POLICIES[: 3 if policy == "DeletionPolicy" else 2] + POLICIES[3:]:
                raise Invalid(f"Template error: Unrecognized {policy} {resource[policy]} for resource {name}")
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
        raise Invalid(f"Template format error: YAML not well-formed. ({error})") from error


def _references(template: Template) -> None:
    for reference in graph.references(template):
        known = {**template.resources, **({} if reference.how in ("GetAtt", "DependsOn") else template.parameters)}
        if reference.how == "Condition":
            if reference.target not in template.conditions:
                raise Invalid(
                    f"Template error: Unresolved condition dependency {reference.target} in {reference.source}"
                )
        elif reference.target not in known:
            block = reference.source.partition(".")[0]
            message = f"Unresolved resource dependencies [{reference.target}] in the {block} block of the template"
            raise Invalid(f"Template format error: {message}")
    try:
        graph.order(graph.dependencies(template))
    except graph.Cycle as cycle:
        raise Invalid(f"Circular dependency between resources: [{', '.join(cycle.names)}]") from cycle
