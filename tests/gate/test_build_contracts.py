"""What a CodeBuild project and its buildspec agree on, on a project of a few lines."""

from __future__ import annotations

from typing import Any

import pytest

from generator.cfn.templates import TemplateSet, from_bodies
from generator.gate.build_contracts import (
    caches_agree,
    deployed_files_are_written,
    reports_have_groups,
    variables_agree,
)

PIPELINE, PROJECT, GROUP = "AWS::CodePipeline::Pipeline", "AWS::CodeBuild::Project", "AWS::CodeBuild::ReportGroup"
BUILDSPEC = """\
version: 0.2
# The program reads SMOKE_* by itself.
env:
  variables:
    OWN: x
phases:
  build:
    commands:
      - LOCAL=1
      - echo $OWN ${LOCAL} $STAGE ${MAYBE:-x} $HOME $CODEBUILD_X $AWS_REGION
      - python3 -c "import os; os.environ['TOKEN'], variables['NAME']"
      - cp x out/images.json
reports:
  tests:
    files: ['*.xml']
cache:
  paths: ['/root/a.b']
"""
VARIABLES = ("STAGE", "TOKEN", "NAME", "SMOKE_1")


def project(buildspec: str = BUILDSPEC, *variables: str, **properties: Any) -> dict[str, Any]:
    entries = [{"Name": name, "Value": "x"} for name in variables or VARIABLES]
    cache = {"Type": "S3", "Location": "x"}
    own = {
        "Name": "build",
        "Source": {"BuildSpec": {"Fn::Join": ["\n", buildspec.split("\n")]}},
        "Environment": {"EnvironmentVariables": entries},
        "Cache": cache,
        **properties,
    }
    return {"Type": PROJECT, "Properties": own}


def pipeline(**action: Any) -> dict[str, Any]:
    """A build whose output ECS takes."""
    build = {
        "Name": "Make",
        "ActionTypeId": {"Provider": "CodeBuild"},
        "OutputArtifacts": [{"Name": "Image"}],
        "Configuration": {"ProjectName": {"Ref": "Project"}},
    }
    deploy = {
        "Name": "Run",
        "RunOrder": 2,
        "ActionTypeId": {"Provider": "ECS"},
        "InputArtifacts": [{"Name": "Image"}],
        "Configuration": {"FileName": "images.json"},
    }
    build["Configuration"] = {**build["Configuration"], **action.pop("build", {})}  # type: ignore[dict-item]
    return {
        "Type": PIPELINE,
        "Properties": {"Name": "p", "Stages": [{"Name": "All", "Actions": [build, {**deploy, **action}]}]},
    }


def templates(own: dict[str, Any], **more: dict[str, Any]) -> TemplateSet:
    return from_bodies({"t": {"Resources": {"Project": own, **more}}})


def group(name: str) -> dict[str, Any]:
    return {"Type": GROUP, "Properties": {"Name": name}}


HERE, SPEC = "t.Project <-> ", "buildspec of Project"
ADDED = {"build": {"EnvironmentVariables": '[{"name": "NAME", "value": "#{x.y}"}]'}}


@pytest.mark.parametrize(
    ("place", "messages"),
    [
        (templates(project()), []),
        (templates(project(BUILDSPEC, "STAGE", "TOKEN"), Pipeline=pipeline(**ADDED)), []),
        (
            templates(project(BUILDSPEC, "STAGE", "TOKEN")),
            [f"{HERE}{SPEC}: the buildspec reads NAME, which nothing sets"],
        ),
        (
            templates(project(BUILDSPEC, "STAGE", "NAME")),
            [f"{HERE}{SPEC}: the buildspec reads TOKEN, which nothing sets"],
        ),
        (
            templates(project(BUILDSPEC, *VARIABLES, "IDLE", "MAYB")),
            [
                f"{HERE}{SPEC}: the project sets IDLE, which the buildspec never reads",
                f"{HERE}{SPEC}: the project sets MAYB, which the buildspec never reads",
            ],
        ),
        (templates(project(BUILDSPEC, *VARIABLES, "MAYBE")), []),
        (
            templates(project(BUILDSPEC.replace("# The program", "# The programs").replace("SMOKE_*", "SMOKE"))),
            [f"{HERE}{SPEC}: the project sets SMOKE_1, which the buildspec never reads"],
        ),
        (
            templates(project(BUILDSPEC.replace("LOCAL=1", "true"))),
            [f"{HERE}{SPEC}: the buildspec reads LOCAL, which nothing sets"],
        ),
        (
            templates(project(BUILDSPEC.replace("    OWN: x", "    OTHER: x"))),
            [f"{HERE}{SPEC}: the buildspec reads OWN, which nothing sets"],
        ),
        (templates(project(Source={"BuildSpec": "buildspec.yml"})), []),
    ],
)
def test_variables(place: TemplateSet, messages: list[str]) -> None:
    assert [str(each) for each in variables_agree(place)] == messages


@pytest.mark.parametrize(
    ("place", "messages"),
    [
        (templates(project(), Tests=group("build-tests")), []),
        (templates(project()), [f"{HERE}{GROUP}: the buildspec reports tests, and no group is called build-tests"]),
        (
            templates(project(), Tests=group("build-tests"), Other=group("build-other")),
            [f"t.Other <-> {PROJECT}: is called build-other, and no buildspec writes that report"],
        ),
        (
            templates(project(Source={"BuildSpec": "buildspec.yml"}), Tests=group("build-tests")),
            [f"t.Tests <-> {PROJECT}: is called build-tests, and no buildspec writes that report"],
        ),
    ],
)
def test_reports(place: TemplateSet, messages: list[str]) -> None:
    assert [str(each) for each in reports_have_groups(place)] == messages


UNCACHED = BUILDSPEC.replace("cache:\n  paths: ['/root/a.b']\n", "")


@pytest.mark.parametrize(
    ("own", "messages"),
    [
        (project(), []),
        (project(UNCACHED, Cache={"Type": "NO_CACHE"}), []),
        (project(UNCACHED, Cache={}), []),
        (project(Cache={"Type": "NO_CACHE"}), [f"{HERE}{SPEC}: caches /root/a.b, and the project has no cache"]),
        (project(UNCACHED), [f"{HERE}{SPEC}: names nothing to cache, and the project has a cache"]),
        (project(Source={"BuildSpec": "buildspec.yml"}), []),
    ],
)
def test_caches(own: dict[str, Any], messages: list[str]) -> None:
    assert [str(each) for each in caches_agree(templates(own))] == messages


LOST = "t.Pipeline All/Run <-> t.Project: reads {} from Image, and the buildspec writes no such file"


@pytest.mark.parametrize(
    ("action", "messages"),
    [
        ({}, []),
        ({"Configuration": {"FileName": "other.json"}}, [LOST.format("other.json")]),
        ({"Configuration": {"FileName": "mages.json"}}, [LOST.format("mages.json")]),
        ({"Configuration": {}}, []),
        ({"InputArtifacts": [{"Name": "Another"}], "Configuration": {"FileName": "other.json"}}, []),
        ({"InputArtifacts": [], "Configuration": {"FileName": "other.json"}}, []),
        ({"ActionTypeId": {"Provider": "S3"}, "Configuration": {"FileName": "other.json"}}, []),
    ],
)
def test_the_file_that_is_deployed(action: dict[str, Any], messages: list[str]) -> None:
    place = templates(project(), Pipeline=pipeline(**action))
    assert [str(each) for each in deployed_files_are_written(place)] == messages


def test_a_project_whose_buildspec_lies_elsewhere_hides_no_other() -> None:
    elsewhere = project(Name="elsewhere", Source={"BuildSpec": "buildspec.yml"})
    place = templates(elsewhere, Second=project(UNCACHED, *VARIABLES, "IDLE"), Tests=group("build-tests"))
    second = "t.Second <-> buildspec of Second: "
    assert [str(each) for each in variables_agree(place)] == [
        f"{second}the project sets IDLE, which the buildspec never reads"
    ]
    assert [str(each) for each in caches_agree(place)] == [
        f"{second}names nothing to cache, and the project has a cache"
    ]
    assert list(reports_have_groups(place)) == []


def test_an_action_that_reads_no_file_hides_no_other() -> None:
    """Neither one of another kind, nor one whose artifact no build makes."""
    both = pipeline(Configuration={"FileName": "other.json"})
    build, run = both["Properties"]["Stages"][0]["Actions"]
    foreign = {**run, "Name": "Before", "InputArtifacts": [{"Name": "Another"}]}
    both["Properties"]["Stages"][0]["Actions"] = [build, foreign, run]
    place = templates(project(), Pipeline=both)
    assert [str(each) for each in deployed_files_are_written(place)] == [LOST.format("other.json")]
