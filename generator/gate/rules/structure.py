"""Rules on the form of the templates, so that people can review them and CloudFormation can preview them."""

import json
import re
from collections.abc import Iterator

from generator.cfn.graph import mentions
from generator.cfn.intrinsics import render
from generator.cfn.places import walk
from generator.cfn.templates import Template, TemplateSet
from generator.gate.pipeline_model import PIPELINE, pipelines
from generator.gate.rules.rule import Fault, Rule, every, must
from generator.gate.rules.storage import equals

REQUIREMENT = re.compile(r"[A-Z]{3}-\d+")
CONSTRAINTS = {
    "AllowedValues",
    "AllowedPattern",
    "MinValue",
    "MaxValue",
    "MinLength",
    "MaxLength",
    "ConstraintDescription",
}
TYPED_BY_AWS = re.compile(r"AWS::|List<AWS::")  # such a type is a constraint by itself
# Functions that only a macro understands (CloudFormation user guide, AWS::LanguageExtensions and Fn::Transform).
OF_MACROS = ("Fn::ForEach", "Fn::Transform", "Fn::ToJsonString", "Fn::Length")
SUPPRESSIONS = frozenset({"cfn-lint", "cfn_nag", "checkov", "guard"})
# The most conditions of a child: the pipeline's stages and actions, the strategies of ECS, both backends' projects.
ADOPTED = re.compile(r"New\w+(Secret|Key)$")  # `generator.stacks.configuration`
CONDITIONS, MORE_CONDITIONS = 4, {"backend": 6, "build": 6, "pipeline": 8}


def _children(templates: TemplateSet) -> Iterator[Template]:
    roots = templates.roots()
    return (template for template in templates if template not in roots)


def _documented(templates: TemplateSet) -> Iterator[Fault]:
    for resource in templates.resources():
        if not resource.description.strip():
            yield Fault(resource.address, "has no Metadata.Description")
        wrong = [requirement for requirement in resource.requirements if not REQUIREMENT.fullmatch(str(requirement))]
        if wrong or not resource.requirements:
            yield Fault(resource.address, f"names no requirement ({', '.join(map(str, wrong)) or 'none'})")


def _modules(templates: TemplateSet) -> Iterator[Fault]:
    for template in templates:
        if not template.module.startswith("generator."):
            yield Fault(template.name, "does not say in Metadata.Generator.Module which module makes it")


def _described(templates: TemplateSet) -> Iterator[Fault]:
    roots = templates.roots()
    for template in templates:
        for name, declaration in template.parameters.items():
            if not str(declaration.get("Description", "")).strip():
                yield Fault(f"{template.name}.{name}", "is a parameter without Description")
            free = not CONSTRAINTS & declaration.keys() and not TYPED_BY_AWS.match(declaration["Type"])
            if template in roots and free:
                yield Fault(f"{template.name}.{name}", "is a root's parameter that takes anything")
            elif template in roots and "AllowedPattern" in declaration and "ConstraintDescription" not in declaration:
                yield Fault(f"{template.name}.{name}", "has a pattern and does not say in words what it takes")


def _plain(templates: TemplateSet) -> Iterator[Fault]:
    for template in _children(templates):
        for name, declaration in template.parameters.items():
            if more := declaration.keys() - {"Type", "Description"}:
                yield Fault(f"{template.name}.{name}", f"is a child's parameter with {', '.join(sorted(more))}")
            if declaration["Type"] != "String":
                yield Fault(f"{template.name}.{name}", f"is a child's parameter of type {declaration['Type']}")


def _macros(templates: TemplateSet) -> Iterator[Fault]:
    for template in templates:
        if "Transform" in template.body:
            yield Fault(template.name, f"is transformed by {template.body['Transform']}")
        for place, _ in walk(template.body):
            if place and str(place[-1]).startswith(OF_MACROS):
                yield Fault(".".join([template.name, *map(str, place[1:2])]), f"uses {place[-1]}")


_v2 = must(PIPELINE, ("PipelineType",), "is not of type V2", equals("V2"))


def _configurations(templates: TemplateSet) -> Iterator[Fault]:
    for pipeline in pipelines(templates):
        for action in pipeline.actions:
            for key, value in action.configuration.items():
                if not isinstance(value, str | dict):
                    yield Fault(pipeline.address, f"configures {key} of {action} with {value!r}")
            if action.provider == "CodeCommit" and action.configuration.get("PollForSourceChanges") != "false":
                yield Fault(pipeline.address, f"polls the repository in {action}")
            # CodePipeline user guide, action-reference-CodeBuild, PrimarySource: required with several inputs.
            several = action.provider == "CodeBuild" and len(action.inputs) > 1
            if several and render(action.configuration.get("PrimarySource")) not in action.inputs:
                yield Fault(pipeline.address, f"does not say in which of its inputs {action} runs")


def _conditions(templates: TemplateSet) -> Iterator[Fault]:
    """An optional value of the application is not counted: it is there or not, and nothing else depends on it. Nor is
    it counted whether one of its secrets is made or adopted."""
    own = {
        json.dumps({"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]})
        for root in templates.roots()
        for group in root.metadata.get("AWS::CloudFormation::Interface", {}).get("ParameterGroups", ())
        if group["Label"]["default"] == "Application"
        for parameter in group["Parameters"]
    }
    for template in _children(templates):
        most = MORE_CONDITIONS.get(template.name, CONDITIONS)
        counted = [
            name
            for name, condition in template.conditions.items()
            if json.dumps(condition) not in own and not (template.name == "configuration" and ADOPTED.match(name))
        ]
        if len(counted) > most:
            yield Fault(template.name, f"has {len(counted)} conditions, {most} are the most")


def _suppressions(templates: TemplateSet) -> Iterator[Fault]:
    for template in templates:
        for place, value in walk(template.body):
            if place and place[-1] == "Metadata" and isinstance(value, dict):
                for tool in sorted(SUPPRESSIONS & value.keys()):
                    yield Fault(".".join([template.name, *map(str, place[1:2])]), f"silences {tool}")


def _exports(templates: TemplateSet) -> Iterator[Fault]:
    for template in templates:
        for name, output in template.outputs.items():
            if "Export" in output:
                yield Fault(f"{template.name}.{name}", "is exported")
        for place, _ in walk(template.body):
            if place and place[-1] == "Fn::ImportValue":
                yield Fault(".".join([template.name, *map(str, place[1:2])]), "imports a value")


def _split(templates: TemplateSet) -> Iterator[Fault]:
    for template in _children(templates):
        for place, value in walk(template.body):
            if place and place[-1] in ("Fn::Select", "Fn::Split"):
                for target in sorted({target for _, how, target, _ in mentions(value) if how in ("Ref", "Sub")}):
                    if target in template.parameters:
                        yield Fault(
                            ".".join([template.name, *map(str, place[1:2])]), f"takes {target} apart with {place[-1]}"
                        )


RULES = (
    Rule(
        "STR001",
        "plan, failure message and reviewer have nothing to say about it",
        "give it Metadata with Description and Requirements such as PIP-8",
        _documented,
    ),
    Rule("STR002", "nobody finds where to change it", "set Metadata.Generator.Module", _modules),
    Rule(
        "STR003",
        "whoever fills in the parameter file is left to guess, and a typing mistake is found by AWS, or never",
        "describe the parameter; constrain a root's by AllowedValues, a range, or a pattern that is described, too",
        _described,
    ),
    Rule(
        "STR004",
        "at preview CloudFormation does not know what a sibling will give, and refuses or misreports it",
        "make it a plain String with a Description; constraints stand on the roots",
        _plain,
    ),
    Rule("STR005", "macros and nested change sets exclude each other", "loop in Python", _macros),
    Rule(
        "STR006",
        "the pipeline would lack conditions, rollback and retry, or be started twice for one push, or be refused",
        'set PipelineType to V2, give configuration values as text, set PollForSourceChanges to "false" and '
        "PrimarySource to one of several inputs",
        every(_v2, _configurations),
    ),
    Rule("STR007", "every condition doubles the forms that nobody has seen", "decide it in the generator", _conditions),
    Rule("STR008", "what is silenced is not checked", "fix the finding instead", _suppressions),
    Rule("STR009", "exports deadlock updates", "pass the value through the root", _exports),
    Rule(
        "STR010",
        "a sibling's value is unknown at preview, and taking it apart fails the change set",
        "pass each part as a parameter of its own",
        _split,
    ),
)
