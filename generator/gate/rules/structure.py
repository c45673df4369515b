"""Rules on the form of the templates, so that people can review them and CloudFormation can preview them."""

import re
from collections.abc import Callable, Iterator

from generator.gate.rules.rule import Check, Fault, Rule, every, must
from generator.gate.rules.storage import equals
from generator.reading import builds, contracts, releases
from generator.reading.contracts import Disagreement
from generator.reading.graph import mentions
from generator.reading.needs import compare
from generator.reading.pipelines import PIPELINE, pipelines
from generator.reading.places import walk
from generator.reading.templates import Template, TemplateSet

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
# The most conditions of a child: the pipeline's stages and actions, the strategies of ECS.
CONDITIONS, MORE_CONDITIONS = 4, {"backend": 6, "pipeline": 8}


def _children(templates: TemplateSet) -> Iterator[Template]:
    roots = templates.roots()
    return (template for template in templates if template not in roots)


def _said(templates: TemplateSet) -> Iterator[Fault]:
    for resource in templates.resources():
        if not resource.description.strip():
            yield Fault(resource.address, "has no Metadata.Description")
        wrong = [one for one in resource.requirements if not REQUIREMENT.fullmatch(str(one))]
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


def _conditions(templates: TemplateSet) -> Iterator[Fault]:
    for template in _children(templates):
        most = MORE_CONDITIONS.get(template.name, CONDITIONS)
        if len(template.conditions) > most:
            yield Fault(template.name, f"has {len(template.conditions)} conditions, {most} are the most")


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


def _contract(contract: Callable[[TemplateSet], Iterator[Disagreement]]) -> Check:
    def fault(one: Disagreement) -> Fault:
        address, _, where = one.here.partition(" ")
        return Fault(address, f"{where} <-> {one.there}: {one.message}".lstrip())

    return lambda templates: map(fault, contract(templates))


def _needs(templates: TemplateSet) -> Iterator[Fault]:
    for gap in compare(templates):
        yield Fault(gap.role, f"{gap.message} ({gap.source})")


RULES = (
    Rule(
        "STR001",
        "plan, failure message and reviewer have nothing to say about it",
        "give it Metadata with Description and Requirements such as PIP-8",
        _said,
    ),
    Rule("STR002", "nobody finds where to change it", "set Metadata.Generator.Module", _modules),
    Rule(
        "STR003",
        "whoever fills in the parameter file is left to guess, and a typing mistake is found by AWS, or never",
        "describe the parameter; constrain a root's by AllowedValues, AllowedPattern or a range",
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
        "the pipeline would lack conditions, rollback and retry, or be started twice for one push",
        'set PipelineType to V2, give configuration values as text, set PollForSourceChanges to "false"',
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
    Rule(
        "CON001",
        "the stack fails at creation, or a value goes nowhere",
        "let the root pass exactly what the child takes",
        _contract(contracts.children_are_fed),
    ),
    Rule(
        "CON002",
        "CodePipeline refuses the pipeline",
        "let an earlier action produce the artifact, and only one",
        _contract(contracts.artifacts_are_produced),
    ),
    Rule(
        "CON003",
        "the action gets the placeholder's text instead of a value",
        "give the earlier action that Namespace, or export the variable in its buildspec",
        _contract(contracts.variables_exist),
    ),
    Rule(
        "CON004",
        "the build succeeds and its upload fails",
        "name the buildspec's secondary artifacts as the action's outputs",
        _contract(contracts.buildspecs_fill_artifacts),
    ),
    Rule(
        "CON005",
        "the deploy action swaps the image of a container that does not exist",
        "use the task definition's container name",
        _contract(contracts.containers_agree),
    ),
    Rule(
        "CON006",
        "what is missing fails in the middle of a release, and what nothing needs helps only an intruder",
        "change the grants in generator/, or the row with its source in generator/reading/needs_rows.py",
        _needs,
    ),
    Rule(
        "CON007",
        "the build fails in the middle of a release, or is not what the project says",
        "set the variable in the project or the action, or read it in the buildspec",
        _contract(builds.variables_agree),
    ),
    Rule(
        "CON008",
        "CodeBuild makes a report group of its own, outside the stack",
        "name the report group <project>-<report> as the buildspec's report",
        _contract(builds.reports_have_groups),
    ),
    Rule(
        "CON009",
        "nothing is cached, and nothing says so",
        "give the project a cache, or take the paths from the buildspec",
        _contract(builds.caches_agree),
    ),
    Rule(
        "CON010",
        "the deploy action finds nothing to deploy",
        "let action and buildspec name the same file",
        _contract(builds.deployed_files_are_written),
    ),
    Rule(
        "CON011",
        "a push would be released twice, or never",
        "give a source in CodeCommit the start rule, and one behind a connection a trigger and DetectChanges false",
        _contract(releases.started_once),
    ),
    Rule(
        "CON012",
        "the stage would run without what it takes, or with that of an older release",
        "give the stage all checks of the stages that it takes something from",
        _contract(releases.skipped_together),
    ),
)
