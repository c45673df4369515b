"""What a CodeBuild project and the buildspec that it carries must agree on: variables, report groups, the cache.

A further set of contracts, beside `contracts.py`; each names the project and what is missing on which side.
"""

import json
import re
from collections.abc import Iterator

from generator.cfn.intrinsics import render
from generator.cfn.templates import Resource, TemplateSet
from generator.gate.buildspec import inline_buildspec
from generator.gate.contracts import PROJECT, Disagreement, origin
from generator.gate.pipeline_model import pipelines

REPORT_GROUP = "AWS::CodeBuild::ReportGroup"

# What CodeBuild and every shell give (codebuild userguide, build-env-ref-env-vars).
ALWAYS_THERE = re.compile(r"(CODEBUILD|AWS)_\w+|HOME|PATH|PWD")
# Variables that a program of the build reads, and not the buildspec: its comments name them as `PREFIX_*`.
FAMILY = re.compile(r"\b([A-Z][A-Z0-9_]*_)\*")

READ = re.compile(r"\$\{?([A-Z][A-Z0-9_]*)(:-)?|(?:environ|variables)\[[\"']([A-Z][A-Z0-9_]*)[\"']\]")
SET = re.compile(r"\b([A-Z][A-Z0-9_]*)=")


def _project_name(templates: TemplateSet, project: Resource) -> str:
    return origin(templates, templates[project.template], {"Ref": project.logical_id})


def _set_by_actions(templates: TemplateSet) -> dict[str, set[str]]:
    """The variables that pipeline actions add to a project's own, by the project's name."""
    by_project: dict[str, set[str]] = {}
    for pipeline in pipelines(templates):
        template = templates[pipeline.resource.template]
        for action in pipeline.actions:
            if action.provider == "CodeBuild":
                name = origin(templates, template, action.configuration.get("ProjectName"))
                more = json.loads(render(action.configuration.get("EnvironmentVariables", "[]")))
                by_project.setdefault(name, set()).update(variable["name"] for variable in more)
    return by_project


def variables_agree(templates: TemplateSet) -> Iterator[Disagreement]:
    """A buildspec reads what its project, an action or itself sets; what a project sets is read by its buildspec."""
    by_actions = _set_by_actions(templates)
    for project in templates.resources(PROJECT):
        spec = inline_buildspec(project)
        if spec is None:
            continue
        text = spec.commands
        families = tuple(FAMILY.findall(spec.comments))
        read = {plain or quoted for plain, default, quoted in READ.findall(text) if not default}
        own = set(SET.findall(text)) | set(spec.names("env", "variables"))
        variables = project.get("Environment", "EnvironmentVariables", default=())
        provided = {variable["Name"] for variable in variables}
        provided |= by_actions.get(_project_name(templates, project), set())
        there = f"buildspec of {project.logical_id}"
        for name in sorted(read - own - provided):
            if not ALWAYS_THERE.fullmatch(name):
                yield Disagreement(project.address, there, f"the buildspec reads {name}, which nothing sets")
        for name in sorted(provided):
            if not name.startswith(families) and not re.search(rf"\b{name}\b", text):
                yield Disagreement(project.address, there, f"the project sets {name}, which the buildspec never reads")


def reports_have_groups(templates: TemplateSet) -> Iterator[Disagreement]:
    """Each report of a buildspec has its group, `<project>-<report>`, and each group its report.

    CodeBuild would make a missing group by itself, outside the stack (codebuild userguide, report-group-naming).
    """
    groups = {
        origin(templates, templates[group.template], group.get("Name")): group.address
        for group in templates.resources(REPORT_GROUP)
    }
    reported = {}
    for project in templates.resources(PROJECT):
        spec = inline_buildspec(project)
        for report in spec.names("reports") if spec else ():
            name = origin(templates, templates[project.template], project.get("Name"))
            reported[f"{name}-{report}"] = (project.address, report)
    for name, (address, report) in reported.items():
        if name not in groups:
            yield Disagreement(address, REPORT_GROUP, f"the buildspec reports {report}, and no group is called {name}")
    for name, address in groups.items():
        if name not in reported:
            yield Disagreement(address, PROJECT, f"is called {name}, and no buildspec writes that report")


def caches_agree(templates: TemplateSet) -> Iterator[Disagreement]:
    """A buildspec that names cache paths runs in a project with a cache, and the other way round."""
    for project in templates.resources(PROJECT):
        spec = inline_buildspec(project)
        if spec is None:
            continue
        paths = spec.names("cache", "paths")
        cached = project.get("Cache", "Type", default="NO_CACHE") != "NO_CACHE"
        there = f"buildspec of {project.logical_id}"
        if paths and not cached:
            yield Disagreement(project.address, there, f"caches {', '.join(paths)}, and the project has no cache")
        if cached and not paths:
            yield Disagreement(project.address, there, "names nothing to cache, and the project has a cache")


def deployed_files_are_written(templates: TemplateSet) -> Iterator[Disagreement]:
    """The file that an ECS action reads from its artifact is written by the buildspec that makes the artifact."""
    projects = {_project_name(templates, project): project for project in templates.resources(PROJECT)}
    for pipeline in pipelines(templates):
        template = templates[pipeline.resource.template]
        makers = {
            output: projects.get(origin(templates, template, action.configuration.get("ProjectName")))
            for action in pipeline.actions
            if action.provider == "CodeBuild"
            for output in action.outputs
        }
        for action in pipeline.actions:
            file = action.configuration.get("FileName")
            project = makers.get(action.inputs[0]) if action.provider == "ECS" and action.inputs else None
            if project is None or file is None:
                continue
            spec = inline_buildspec(project)
            if spec and f"/{file}" not in spec.commands:
                message = f"reads {file} from {action.inputs[0]}, and the buildspec writes no such file"
                yield Disagreement(f"{pipeline.address} {action}", project.address, message)
