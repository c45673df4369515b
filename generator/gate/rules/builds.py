"""Rules on what builds: which of them run the application's code, and what these may do and say.

A build that asks for a language runtime runs the application's code: its tests, its Dockerfile, what its packages run
when they are installed. Nobody has approved that code yet.
"""

import re
from collections.abc import Iterator

from generator.cfn.permissions import permissions
from generator.cfn.templates import Resource, TemplateSet
from generator.gate.buildspec import Buildspec, inline_buildspec
from generator.gate.contracts import PROJECT, origin, variables_read
from generator.gate.pipeline_model import pipelines
from generator.gate.rules.rule import Fault, Rule

# An interpreter of the image, by its name or its path, with its options.
CALL = re.compile(
    r"(?<![\w$}./-])((?:/(?:usr/(?:local/)?)?bin/)?python(?:3(?:\.\d+)?)?)((?:[ \t]+-[A-Za-z]*)*)(?=[ \t]|$)", re.M
)
# The image that a Dockerfile starts from, and the variable with the digests of ours.
FROM = re.compile(r"^\s*FROM[ \t]+(\S+)", re.M)
BASE_DIGESTS, PIN = "BASE_DIGESTS", re.compile(r"(?<!\S)(\S+)=(sha256:[0-9a-f]{64})(?!\S)")
# What a build of the application may do besides reading: write its log, its reports and objects of its own.
OWN = re.compile(r"(logs|kms|codebuild):.*|s3:(PutObject|Get.*|List.*)")


def _runs_application(spec: Buildspec) -> bool:
    return any("runtime-versions" in phase for phase in spec.body.get("phases", {}).values())


def _builds(templates: TemplateSet) -> Iterator[tuple[Resource, Buildspec]]:
    for project in templates.resources(PROJECT):
        if spec := inline_buildspec(project):
            yield project, spec


def _application_builds(templates: TemplateSet) -> set[str]:
    """The projects that run the application's code, as an action of a pipeline names them."""
    return {
        origin(templates, templates[project.template], {"Ref": project.logical_id})
        for project, spec in _builds(templates)
        if _runs_application(spec)
    }


def _isolated(templates: TemplateSet) -> Iterator[Fault]:
    """Every program of ours has `-I`. `python -m TOOL` is a tool in the application's environment, where that runs."""
    for project, spec in _builds(templates):
        for name, options in CALL.findall(spec.commands):
            words = options.split()
            tool = name == "python" and words[:1] == ["-m"] and _runs_application(spec)
            if "-I" not in words and not tool:
                yield Fault(project.address, f"calls `{' '.join([name, *words])}` without -I")


def _confined(templates: TemplateSet) -> Iterator[Fault]:
    roles = {
        f"{project.template}.{project.get('ServiceRole', 'Fn::GetAtt', 0)}": project.address
        for project, spec in _builds(templates)
        if _runs_application(spec)
    }
    for permission in permissions(templates):
        build = roles.get(permission.holder)
        if build is None or permission.kind != "identity" or permission.effect != "Allow":
            continue
        for action in permission.actions:
            if not OWN.fullmatch(action):
                yield Fault(build, f"runs the application's code and may {action}")
        if "s3:PutObject" in permission.actions:
            for resource in permission.resources:
                if resource.count("/") < 2:
                    yield Fault(build, f"runs the application's code and may write {resource}")


def _not_quoted(templates: TemplateSet) -> Iterator[Fault]:
    builds = _application_builds(templates)
    for pipeline in pipelines(templates):
        template = templates[pipeline.resource.template]
        spaces = {
            action.namespace
            for action in pipeline.actions
            if origin(templates, template, action.configuration.get("ProjectName")) in builds
        }
        for action in pipeline.actions:
            for space, name in variables_read(dict(action.configuration)):
                if space in spaces:
                    yield Fault(pipeline.address, f"{action} takes #{{{space}.{name}}}, which the application may set")


def _by_digest(templates: TemplateSet) -> Iterator[Fault]:
    """A Dockerfile of ours starts from an image by its digest, and there is one for each version that may be chosen."""
    for project, spec in _builds(templates):
        for image in FROM.findall(spec.commands):
            if "@" not in image:
                yield Fault(project.address, f"has a Dockerfile that starts from {image}, which is no digest")
        values = {entry["Name"]: entry["Value"] for entry in project.get("Environment", "EnvironmentVariables")}
        if BASE_DIGESTS not in values:
            continue
        pins = dict(PIN.findall(values[BASE_DIGESTS]))
        for root in templates.roots():
            for version in root.parameters.get("PythonVersion", {}).get("AllowedValues", ()):
                if version not in pins:
                    yield Fault(project.address, f"knows no digest of its base image for Python {version}")


def _sealed(templates: TemplateSet) -> Iterator[Fault]:
    """In the stage of a build its output is pushed or sealed; no later stage takes it as the build may write it."""
    builds = _application_builds(templates)
    for pipeline in pipelines(templates):
        template = templates[pipeline.resource.template]
        stage_by_artifact = {
            artifact: action.stage
            for action in pipeline.actions
            if origin(templates, template, action.configuration.get("ProjectName")) in builds
            for artifact in action.outputs
        }
        for action in pipeline.actions:
            for artifact in action.inputs:
                if stage_by_artifact.get(artifact, action.stage) != action.stage:
                    yield Fault(pipeline.address, f"{action} takes {artifact}, which a later build may write over")


RULES = (
    Rule(
        "BUI001",
        "a file of the repository that is called as a module runs in the place of the module, as the role of the build",
        "call the interpreter as `python3 -I`",
        _isolated,
    ),
    Rule(
        "BUI002",
        "whoever pushes a commit could push images, write artifacts of other releases, or record what is believed",
        "give the right to a project that runs nothing of the application",
        _confined,
    ),
    Rule(
        "BUI003",
        "the value could end its text in the configuration and add settings of its own",
        "take the value from the source action, or from a project that runs nothing of the application",
        _not_quoted,
    ),
    Rule(
        "BUI004",
        "a tag is given to another image whenever its owner likes, and that one would be released unseen",
        "run `python -m scripts.pin_base_image IMAGE:TAG`, which writes the digest to buildspecs/base_images.json",
        _by_digest,
    ),
    Rule(
        "BUI005",
        "what was approved, or is gone back to, could be replaced by the build of another release",
        "take what a project that runs nothing of the application has made of it in the stage of the build",
        _sealed,
    ),
)
