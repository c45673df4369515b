"""The options of the pipeline: both builds side by side, and only what has changed."""

import json

import pytest

from generator.application import APPLICATION
from generator.cfn.assertions import broken
from generator.cfn.templates import TemplateSet
from tests.support.design import (
    BACKEND_ONLY,
    FRONTEND_ONLY,
    actions,
    allowed,
    arn,
    commands,
    declaration,
    default,
    passed,
    ref,
    stages,
    sub,
    variables,
)


def test_one_parallel_build_stage(templates: TemplateSet) -> None:
    assert declaration(templates, "BuildLayout")["AllowedValues"] == ["SEQUENTIAL", "PARALLEL"]
    assert passed(templates, "Pipeline", "BuildLayout") == ref("BuildLayout")
    both, apart = stages(templates, BuildLayout="PARALLEL"), stages(templates)
    assert list(both) == ["Source", "Build", "Deploy_Backend", "Deploy_Frontend"]
    # The same actions, side by side; an image is pushed when it is built.
    assert both["Build"]["Actions"] == [*apart["Build_Backend"]["Actions"], *apart["Build_Frontend"]["Actions"]]
    orders = {action["Name"]: action["RunOrder"] for action in both["Build"]["Actions"]}
    assert orders == {"BackendBuild": 1, "FrontendBuild": 1, "PushImage": 2, "SealAssets": 2, "SealDocuments": 2}
    assert both["Build"]["OnFailure"] == apart["Build_Backend"]["OnFailure"]
    page = ["FrontendBuild", "SealAssets", "SealDocuments"]
    for side, names in ((BACKEND_ONLY, ["BackendBuild", "PushImage"]), (FRONTEND_ONLY, page)):
        assert list(actions(stages(templates, BuildLayout="PARALLEL", **side)["Build"])) == names


SKIPPED = {
    "Build_Backend": ["BackendChanged"],
    "Build_Frontend": ["FrontendChanged"],
    "Approve": ["AnythingChanged"],
    "Deploy_Backend": ["AnythingChanged", "BackendChanged"],
    "Deploy_Frontend": ["AnythingChanged", "FrontendChanged"],
}


def test_only_what_has_changed(templates: TemplateSet) -> None:
    assert default(templates, "OnlyChanged") == "false"
    assert passed(templates, "Pipeline", "OnlyChanged") == ref("OnlyChanged")
    off = stages(templates, OnlyChanged="false", ApprovalRequired="true")
    assert "Changes" not in off and not [item for item in off.values() if "BeforeEntry" in item]
    on = stages(templates, OnlyChanged="true", ApprovalRequired="true")
    assert list(on) == ["Source", "Changes", *list(off)[1:]]
    [compare] = on["Changes"]["Actions"]
    assert (compare["Configuration"]["ProjectName"], compare["Namespace"]) == (ref("ChangesBuild"), "Changes")
    entries = {name: stage["BeforeEntry"]["Conditions"] for name, stage in on.items() if "BeforeEntry" in stage}
    assert {name: [rule["Name"] for rule in entry[0]["Rules"]] for name, entry in entries.items()} == SKIPPED
    assert {(len(entry), entry[0]["Result"]) for entry in entries.values()} == {(1, "SKIP")}
    checks = {rule["Name"]: rule["Configuration"] for entry in entries.values() for rule in entry[0]["Rules"]}
    assert checks == {
        "AnythingChanged": {"Variable": "#{Changes.CHANGED}", "Operator": "NE", "Value": "nothing"},
        "BackendChanged": {"Variable": "#{Changes.BACKEND_CHANGED}", "Operator": "EQ", "Value": "true"},
        "FrontendChanged": {"Variable": "#{Changes.FRONTEND_CHANGED}", "Operator": "EQ", "Value": "true"},
    }
    both = stages(templates, OnlyChanged="true", BuildLayout="PARALLEL")["Build"]["BeforeEntry"]["Conditions"]
    assert [rule["Name"] for rule in both[0]["Rules"]] == ["AnythingChanged"]


def test_a_release_is_recorded_and_compared(templates: TemplateSet) -> None:
    """Whatever the options: the digest is left out where nothing made one."""
    for values, digest in (
        ({}, ""),
        ({"ApprovalRequired": "true"}, "#{Plan.BACKEND_DIGEST}"),
        ({"ApprovalRequired": "true", "OnlyChanged": "true"}, "#{Changes.BACKEND_DIGEST}"),
    ):
        verify = actions(stages(templates, **values)["Deploy_Backend"])["VerifyBackend"]
        [release] = json.loads(verify["Configuration"]["EnvironmentVariables"])
        assert release["value"] == f"#{{codepipeline.PipelineExecutionId}}:#{{Source.CommitId}}:{digest}"
    projects = {"BACKEND": "Verify", "FRONTEND": "VerifyFrontend"}
    records = {name: variables(templates, project)[f"{name}_RECORD"] for name, project in projects.items()}
    assert records == {"BACKEND": sub("${ReleasesPath}/backend"), "FRONTEND": sub("${ReleasesPath}/frontend")}
    compared = variables(templates, "Changes")
    assert compared["RELEASES"] == ref("ReleasesPath")
    paths = [compared[f"{side}_PATHS"].split() for side in ("BACKEND", "FRONTEND")]
    assert [names[0] for names in paths] == [APPLICATION.backend.directory, APPLICATION.frontend.directory]
    assert {"requirements.txt", "uv.lock"} < set(paths[0]) and {"package.json", "pnpm-lock.yaml"} < set(paths[1])
    assert "{path}/{side} {path}/{side}-next" in commands(templates, "Changes")
    may = allowed(templates, "build.ChangesRole")
    assert may["codebuild:BatchGetProjects"] == {
        arn("codebuild", f"project/${{{side}ProjectName}}") for side in ("Backend", "Frontend")
    }
    following = {arn("ssm", f"parameter${{ReleasesPath}}/{side}-next") for side in ("backend", "frontend")}
    assert may["ssm:PutParameter"] == following
    assert following < may["ssm:GetParameters"]


@pytest.mark.parametrize(
    ("cpu", "memory", "refused"),
    [
        ("256", "2048", False),
        ("256", "4096", True),
        ("512", "512", True),
        ("1024", "1024", True),
        ("1024", "8192", False),
        ("2048", "3072", True),
        ("4096", "7168", True),
        ("4096", "8192", False),
    ],
)
def test_memory_that_fargate_does_not_take_is_refused(
    templates: TemplateSet, cpu: str, memory: str, refused: bool
) -> None:
    """For each number of CPU units (AmazonECS developerguide, task_definition_parameters); instances have their own."""
    root = templates["environment"]
    values = {name: str(parameter.get("Default", "")) for name, parameter in root.parameters.items()}
    values |= {"Environment": "staging", "TaskCpu": cpu, "TaskMemory": memory}
    assert [fault.rule for fault in broken(root.body, values)] == ([f"Memory{cpu}"] if refused else [])
    assert broken(root.body, {**values, "BackendTarget": "BEANSTALK"}) == []
