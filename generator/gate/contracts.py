"""Names that must agree between two rendered places, although no single tool sees both.

Each contract yields `Disagreement` values that name both sides.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from generator.cfn.graph import givers, mentions, references
from generator.cfn.intrinsics import Names, decided, render
from generator.cfn.places import walk
from generator.cfn.templates import Resource, Template, TemplateSet, once
from generator.gate.buildspec import Buildspec, inline_buildspec
from generator.gate.pipeline_model import PIPELINE, Action, Pipeline, pipelines

PROJECT, SERVICE, TASK = ("AWS::CodeBuild::Project", "AWS::ECS::Service", "AWS::ECS::TaskDefinition")

# The property that `Ref` of a resource gives (CloudFormation user guide, return values of each type).
NAMED_BY: Mapping[str, str] = {PIPELINE: "Name", PROJECT: "Name", "AWS::ECS::Cluster": "ClusterName"}

# What an action emits by itself (codepipeline user guide, reference-variables). CodeBuild emits the
# exported-variables of its buildspec; of any other provider only the namespace is checked.
EMITTED: Mapping[str, frozenset[str]] = {
    "CodeCommit": frozenset(
        {"RepositoryName", "BranchName", "AuthorDate", "CommitterDate", "CommitId", "CommitMessage"}
    ),
    "CodeStarSourceConnection": frozenset(
        {"FullRepositoryName", "BranchName", "AuthorDate", "CommitId", "CommitMessage", "ConnectionArn"}
    ),
}
EXECUTION = frozenset({"PipelineExecutionId"})  # what the reserved namespace `codepipeline` holds
VARIABLE = re.compile(r"#\{([^}.]+)\.([^}]+)\}")


@dataclass(frozen=True)
class Disagreement:
    """Two places that should say the same: `here` is where to look first, `there` the other side."""

    here: str
    there: str
    message: str

    def __str__(self) -> str:
        return f"{self.here} <-> {self.there}: {self.message}"


def origin(templates: TemplateSet, template: Template, value: Any) -> str:
    """A value in the root's terms, so that equal text means equal value wherever the two stand.

    Parameters are followed to what the root passes, outputs to their value, named resources to their name. A value
    that is empty when its side is switched off (`Fn::If` with "") is followed to what it is otherwise.
    """
    names = templates.results.setdefault((origin, template.name), _Origin(templates, template))
    return render(decided(value, names))


class _Origin(Names):
    """What the names of one template mean in the root's terms, as text; each is followed once."""

    def __init__(self, templates: TemplateSet, template: Template) -> None:
        self.templates, self.template = templates, template
        self._references: dict[str, str] = {}
        self._attributes: dict[tuple[str, str], str] = {}

    def reference(self, name: str) -> str:
        if name not in self._references:
            self._references[name] = self._followed_reference(name)
        return self._references[name]

    def attribute(self, name: str, attribute: str) -> str:
        if (name, attribute) not in self._attributes:
            self._attributes[name, attribute] = self._followed_attribute(name, attribute)
        return self._attributes[name, attribute]

    def _followed_reference(self, name: str) -> str:
        """What `Ref` means."""
        if name in self.template.parameters:
            for parent in self.templates:
                for child in parent.children():
                    if child.template is self.template and name in child.parameters:
                        return origin(self.templates, parent, child.parameters[name])
        if name in self.template.resources:
            resource = self.template.resources[name]
            own = resource.get(NAMED_BY.get(resource.type, ""))
            return f"${{{resource.address}}}" if own is None else self._text(own)
        return f"${{{name}}}"

    def _followed_attribute(self, name: str, attribute: str) -> str:
        """What `Fn::GetAtt` means."""
        for child in self.template.children():
            if child.resource.logical_id == name and attribute.startswith("Outputs."):
                output = child.template.outputs.get(attribute.removeprefix("Outputs."), {})
                return origin(self.templates, child.template, output.get("Value"))
        return f"${{{self.template.name}.{name}.{attribute}}}"

    def undecided(self, condition: str, yes: Any, no: Any) -> str:
        if "" in (yes, no):
            return self._text(yes if no == "" else no)
        return json.dumps([f"{self.template.name}.{condition}", self._text(yes), self._text(no)])

    def _text(self, value: Any) -> str:
        return origin(self.templates, self.template, value)


def children_are_fed(templates: TemplateSet) -> Iterator[Disagreement]:
    """Every parameter of a child is passed and used, nothing else is passed, and every output read exists."""
    for parent in templates:
        for child in parent.children():
            here, there = child.resource.address, child.template.name
            used = {target for _, _, target, _ in mentions({**child.template.body, "Parameters": None})}
            for name in dict.fromkeys([*child.parameters, *child.template.parameters]):
                if name not in child.template.parameters:
                    yield Disagreement(here, there, f"passes {name}, which {child.template.file} does not take")
                elif name not in child.parameters:
                    yield Disagreement(here, there, f"does not pass {name}, which {child.template.file} takes")
                elif name not in used:
                    yield Disagreement(f"{there}.{name}", here, f"{name} is passed and nothing there uses it")
                for giver in givers(parent, child, name):
                    if giver.section == "Outputs" and giver.name not in templates[giver.template].outputs:
                        yield Disagreement(here, giver.template, f"{name} reads {giver}, an output that is not there")
        yield from _lost_outputs(parent)


def _lost_outputs(parent: Template) -> Iterator[Disagreement]:
    """What the outputs of a parent, and its own resources, read of its children and those do not give."""
    children = {child.resource.logical_id: child.template for child in parent.children()}
    for reference in references(parent):
        place = reference.source.partition(".")[2]
        if reference.target not in children or place in children or not reference.attribute.startswith("Outputs."):
            continue
        child, name = children[reference.target], reference.attribute.removeprefix("Outputs.")
        if name not in child.outputs:
            message = f"reads {child.name}.Outputs.{name}, an output that is not there"
            yield Disagreement(f"{parent.name}.{place}", child.name, message)


def artifacts_are_produced(templates: TemplateSet) -> Iterator[Disagreement]:
    """An action's input artifact is the output of exactly one action, and that one runs before it."""
    for pipeline in pipelines(templates):
        makers: dict[str, Action] = {}
        for action in pipeline.actions:
            here = f"{pipeline.address} {action}"
            for name in action.inputs:
                if name not in makers or makers[name].turn >= action.turn:
                    yield Disagreement(here, pipeline.address, f"takes {name}, which no earlier action makes")
            for name in action.outputs:
                if name in makers:
                    yield Disagreement(here, f"{pipeline.address} {makers[name]}", f"both make {name}")
                makers[name] = action


def variables_exist(templates: TemplateSet) -> Iterator[Disagreement]:
    """Every `#{namespace.NAME}` names a namespace of an earlier action and a variable that this action emits."""
    for pipeline in pipelines(templates):
        variables = frozenset(render(variable["Name"]) for variable in pipeline.properties.get("Variables", ()))
        for turn, where, body in _readers(pipeline):
            givers_of = {action.namespace: action for action in pipeline.actions if action.turn < turn}
            for namespace, name in variables_read(body):
                reader, reads = (f"{pipeline.address} {where}", f"reads #{{{namespace}.{name}}}")
                names: frozenset[str] | None
                if namespace in givers_of:
                    names = _emitted(templates, pipeline, givers_of[namespace])
                elif namespace in ("variables", "codepipeline"):
                    names = variables if namespace == "variables" else EXECUTION
                else:
                    yield Disagreement(reader, pipeline.address, f"{reads}, but no earlier action has that Namespace")
                    continue
                if names is not None and name not in names:
                    there = f"{pipeline.address} {givers_of.get(namespace, namespace)}"
                    yield Disagreement(reader, there, f"{reads}, which is none of {sorted(names)}")


def _readers(pipeline: Pipeline) -> Iterator[tuple[tuple[int, int], str, Any]]:
    """What can read variables, with its turn: actions, and the conditions of stages.

    Entry conditions run before the actions of their stage, the others after them.
    """
    for action in pipeline.actions:
        yield action.turn, str(action), action.body
    for number, stage in enumerate(pipeline.properties["Stages"]):
        for key in stage.keys() - {"Actions", "Name"}:
            yield ((number + (key != "BeforeEntry"), 0), f"{render(stage['Name'])} {key}", stage[key])


def variables_read(body: Any) -> list[tuple[str, str]]:
    """The `#{namespace.NAME}` in an action, a stage or a condition, as (namespace, name)."""
    texts = (text for _, text in walk(body) if isinstance(text, str))
    return sorted({variable for text in texts for variable in VARIABLE.findall(text)})


@once
def _projects(templates: TemplateSet) -> dict[str, Resource]:
    """The CodeBuild projects by the origin of their name."""
    return {
        origin(templates, templates[project.template], {"Ref": project.logical_id}): project
        for project in templates.resources(PROJECT)
    }


def _project(templates: TemplateSet, pipeline: Pipeline, action: Action) -> Resource | None:
    name = action.configuration.get("ProjectName")
    return _projects(templates).get(origin(templates, templates[pipeline.resource.template], name))


def _emitted(templates: TemplateSet, pipeline: Pipeline, action: Action) -> frozenset[str] | None:
    """The variables that an action emits; None when the templates do not say."""
    if action.provider != "CodeBuild":
        return EMITTED.get(action.provider)
    project = _project(templates, pipeline, action)
    spec = _buildspecs(templates).get(project.address) if project else None
    return frozenset(spec.names("env", "exported-variables")) if spec else None


@once
def _buildspecs(templates: TemplateSet) -> Mapping[str, Buildspec]:
    """The buildspecs that stand in the templates, by the addresses of their projects."""
    specs = ((project.address, inline_buildspec(project)) for project in templates.resources(PROJECT))
    return {address: spec for address, spec in specs if spec is not None}


def buildspecs_are_yaml(templates: TemplateSet) -> Iterator[Disagreement]:
    """A buildspec that a project carries can be read."""
    for address, spec in _buildspecs(templates).items():
        if spec.fault:
            yield Disagreement(address, "Source.BuildSpec", f"the buildspec {spec.fault}")


def buildspecs_fill_artifacts(templates: TemplateSet) -> Iterator[Disagreement]:
    """A CodeBuild action runs a project that is there, and its outputs are what the project's buildspec makes.

    Several outputs are secondary artifacts of those names (codebuild user guide, sample-pipeline-multi-input-output).
    """
    for pipeline in pipelines(templates):
        for action in pipeline.actions:
            if action.provider != "CodeBuild":
                continue
            here, outputs = f"{pipeline.address} {action}", sorted(action.outputs)
            project = _project(templates, pipeline, action)
            if project is None:
                name = render(action.configuration.get("ProjectName"))
                yield Disagreement(here, "AWS::CodeBuild::Project", f"runs {name}, and no template makes that project")
                continue
            spec = _buildspecs(templates).get(project.address)
            if spec and len(outputs) > 1 and spec.artifacts != outputs:
                message = f"outputs {outputs}, but the buildspec makes {spec.artifacts}"
                yield Disagreement(here, project.address, message)


def containers_agree(templates: TemplateSet) -> Iterator[Disagreement]:
    """CONTAINER_NAME of a project, and the service's load balancers, name a container of a task definition."""

    def name_in(resource: Resource, value: Any) -> str:
        return origin(templates, templates[resource.template], value)

    containers = {
        name_in(task, container.get("Name")): task.address
        for task in templates.resources(TASK)
        for container in task.get("ContainerDefinitions", default=())
    }
    named = [
        (project, variable.get("Value"))
        for project in templates.resources(PROJECT)
        for variable in project.get("Environment", "EnvironmentVariables", default=())
        if variable.get("Name") == "CONTAINER_NAME"
    ]
    named += [
        (service, balancer.get("ContainerName"))
        for service in templates.resources(SERVICE)
        for balancer in service.get("LoadBalancers", default=())
    ]
    for resource, value in named:
        name = name_in(resource, value)
        if name not in containers:
            there = ", ".join(containers.values()) or TASK
            yield Disagreement(resource.address, there, f"names the container {name}; there are {sorted(containers)}")
