"""Names that must agree across templates, on a small environment of a build and a pipeline template.

Long because every contract is broken on each of its sides.
"""

import copy
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.templates import from_bodies, load
from generator.gate import build_contracts, contracts
from generator.gate.buildspec import parsed_buildspec
from generator.gate.pipeline_model import pipelines

BUILDSPEC = """\
version: 0.2
env:
  exported-variables:
    - IMAGE_TAG
phases:
  build:
    commands:
      - make
artifacts:
  files:
    - '**/*'
  secondary-artifacts:
    Image:
      files: imagedefinitions.json
    # the bundle for Beanstalk
    Bundle:
      files: ['**/*']
"""


def action(name: str, provider: str, turn: int = 1, **more: Any) -> dict[str, Any]:
    kind = {"Category": "Build", "Owner": "AWS", "Provider": provider, "Version": "1"}
    return {"Name": name, "ActionTypeId": kind, "RunOrder": turn, **more}


def artifacts(*names: str) -> list[dict[str, str]]:
    return [{"Name": name} for name in names]


def child(name: str, **parameters: Any) -> dict[str, Any]:
    properties = {"TemplateURL": f"{name}.json", "Parameters": parameters}
    return {"Type": "AWS::CloudFormation::Stack", "Properties": properties}


def environment() -> dict[str, Any]:
    """A fresh environment in which everything agrees."""
    only_inline = {"Fn::If": ["Inline", {"Fn::Join": ["\n", BUILDSPEC.split("\n")]}, "backend/buildspec.yml"]}
    build_action = action(
        "Build",
        "CodeBuild",
        Namespace="Build",
        InputArtifacts=artifacts("Source"),
        OutputArtifacts=artifacts("Bundle", "Image"),
        Configuration={"ProjectName": {"Ref": "Project"}, "EnvironmentVariables": "#{Source.CommitId}"},
    )
    approve = {
        "Name": "Approve",
        "Actions": [action("Ask", "Manual", Configuration={"CustomData": "#{Build.IMAGE_TAG}"})],
    }
    deploy = action("Deploy", "ECS", InputArtifacts=artifacts("Image"))
    only_production = {"Fn::If": ["Approval", approve, {"Ref": "AWS::NoValue"}]}
    stages: list[Any] = [
        {
            "Name": "Source",
            "Actions": [action("Code", "CodeCommit", Namespace="Source", OutputArtifacts=artifacts("Source"))],
        },
        {"Name": "Build", "Actions": [build_action]},
        only_production,
        {
            "Name": "Deploy",
            "Actions": [deploy],
            "OnSuccess": {"Value": "#{Build.IMAGE_TAG}#{codepipeline.PipelineExecutionId}"},
        },
    ]
    pipeline = {"Name": {"Fn::Sub": "x-${Environment}"}, "Stages": stages}
    container = {"ContainerDefinitions": [{"Name": "backend"}]}
    project = {
        "Name": {"Ref": "ProjectName"},
        "Source": {"BuildSpec": only_inline},
        "Environment": {"EnvironmentVariables": [{"Name": "CONTAINER_NAME", "Value": {"Ref": "Container"}}]},
    }
    balancers = [{"ContainerName": "backend"}]
    name = {"Fn::Sub": "backend-${Environment}"}
    return {
        "environment": {
            "Parameters": {"Environment": {"Type": "String"}},
            "Resources": {
                "Backend": child("backend"),
                "Build": child("build", ProjectName=name, Container={"Fn::GetAtt": ["Backend", "Outputs.Container"]}),
                "Pipeline": child(
                    "pipeline", Project={"Fn::GetAtt": ["Build", "Outputs.Project"]}, Environment={"Ref": "Environment"}
                ),
            },
        },
        "backend": {
            "Resources": {
                "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": container},
                "Service": {"Type": "AWS::ECS::Service", "Properties": {"LoadBalancers": balancers}},
            },
            "Outputs": {"Container": {"Value": "backend"}},
        },
        "build": {
            "Parameters": {"ProjectName": {"Type": "String"}, "Container": {"Type": "String"}},
            "Resources": {"Project": {"Type": "AWS::CodeBuild::Project", "Properties": project}},
            "Outputs": {"Project": {"Value": {"Ref": "Project"}}},
        },
        "pipeline": {
            "Parameters": {"Project": {"Type": "String"}, "Environment": {"Type": "String"}},
            "Conditions": {"Approval": {"Fn::Equals": [{"Ref": "Environment"}, "production"]}},
            "Resources": {"Pipeline": {"Type": "AWS::CodePipeline::Pipeline", "Properties": pipeline}},
        },
    }


ALL = (
    contracts.children_are_fed,
    contracts.artifacts_are_produced,
    contracts.variables_exist,
    contracts.buildspecs_fill_artifacts,
    contracts.containers_agree,
)


def contract_messages(bodies: dict[str, Any]) -> list[str]:
    templates = from_bodies(copy.deepcopy(bodies))
    return list(dict.fromkeys(str(item) for contract in ALL for item in contract(templates)))


def test_an_environment_in_which_all_agrees_has_no_disagreement() -> None:
    assert contract_messages(environment()) == []


def test_a_pipeline_is_read_once_for_each_form_it_can_take() -> None:
    read = list(pipelines(from_bodies(environment())))
    assert sorted([str(action) for action in pipeline.actions] for pipeline in read) == [
        ["Source/Code", "Build/Build", "Approve/Ask", "Deploy/Deploy"],
        ["Source/Code", "Build/Build", "Deploy/Deploy"],
    ]


def test_a_form_that_only_orders_its_keys_otherwise_is_no_other_one() -> None:
    bodies = environment()
    stages = bodies["pipeline"]["Resources"]["Pipeline"]["Properties"]["Stages"]
    del stages[2]
    stages[1]["Actions"][0]["Configuration"] = {"Fn::If": ["Approval", {"A": "1", "B": "2"}, {"B": "2", "A": "1"}]}
    assert len(pipelines(from_bodies(bodies))) == 1


def test_the_actions_of_a_stage_run_in_their_own_order_and_all_after_those_of_the_stage_before() -> None:
    bodies = environment()
    bodies["pipeline"]["Conditions"] = {}
    unordered = action("Unordered", "Manual")
    del unordered["RunOrder"]
    bodies["pipeline"]["Resources"]["Pipeline"]["Properties"]["Stages"] = [
        {"Name": "First", "Actions": [action("Late", "Manual", 3), action("Early", "Manual", 2), unordered]},
        {"Name": "Second", "Actions": [action("Last", "Manual", 1)]},
    ]
    [pipeline] = pipelines(from_bodies(bodies))
    assert [(str(each), each.turn) for each in pipeline.actions] == [
        ("First/Unordered", (0, 1)),
        ("First/Early", (0, 2)),
        ("First/Late", (0, 3)),
        ("Second/Last", (1, 1)),
    ]


PIPELINE, STAGES = (
    ("pipeline", "Resources", "Pipeline", "Properties"),
    ("pipeline", "Resources", "Pipeline", "Properties", "Stages"),
)
BUILD_ACTION = (*STAGES, 1, "Actions", 0)
PROJECT = ("build", "Resources", "Project", "Properties")
ROOT = ("environment", "Resources")

CASES: dict[str, tuple[tuple[str | int, ...], Any, str]] = {
    "passed and not taken": (
        (*ROOT, "Build", "Properties", "Parameters", "Extra"),
        "x",
        "environment.Build <-> build: passes Extra, which build.json does not take",
    ),
    "taken and not passed": (
        ("build", "Parameters", "Extra"),
        {"Type": "String"},
        "environment.Build <-> build: does not pass Extra, which build.json takes",
    ),
    "an output that is not there": (
        (*ROOT, "Pipeline", "Properties", "Parameters", "Project"),
        {"Fn::GetAtt": ["Build", "Outputs.Lost"]},
        "environment.Pipeline <-> build: Project reads build.Outputs.Lost, an output that is not there",
    ),
    "an output of a child that the root hands on and the child does not give": (
        ("environment", "Outputs"),
        {
            "Image": {"Value": {"Fn::Sub": "${Build.Outputs.Lost}"}},
            "Name": {"Value": {"Fn::GetAtt": ["Build", "Outputs.Project"]}},
        },
        "environment.Image <-> build: reads build.Outputs.Lost, an output that is not there",
    ),
    "an output of a child that a resource of the root takes and the child does not give": (
        (*ROOT, "Alarm"),
        {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::GetAtt": ["Build", "Outputs.Lost"]}}},
        "environment.Alarm <-> build: reads build.Outputs.Lost, an output that is not there",
    ),
    "passed and not used": ((*PIPELINE, "Name"), "fixed", ""),
    "an artifact that nobody makes": (
        (*STAGES, 3, "Actions", 0, "InputArtifacts"),
        artifacts("Lost"),
        "pipeline.Pipeline Deploy/Deploy <-> pipeline.Pipeline: takes Lost, which no earlier action makes",
    ),
    "an artifact made too late": (
        (*STAGES, 0, "Actions", 0, "InputArtifacts"),
        artifacts("Image"),
        "pipeline.Pipeline Source/Code <-> pipeline.Pipeline: takes Image, which no earlier action makes",
    ),
    "an artifact made twice": (
        (*STAGES, 3, "Actions", 0, "OutputArtifacts"),
        artifacts("Source"),
        "pipeline.Pipeline Deploy/Deploy <-> pipeline.Pipeline Source/Code: both make Source",
    ),
    "a namespace that nobody has": (
        (*BUILD_ACTION, "Configuration", "EnvironmentVariables"),
        "#{Code.CommitId}",
        "pipeline.Pipeline Build/Build <-> pipeline.Pipeline: "
        "reads #{Code.CommitId}, but no earlier action has that Namespace",
    ),
    "a namespace of the action itself": (
        (*BUILD_ACTION, "Configuration", "EnvironmentVariables"),
        "#{Build.IMAGE_TAG}",
        "pipeline.Pipeline Build/Build <-> pipeline.Pipeline: "
        "reads #{Build.IMAGE_TAG}, but no earlier action has that Namespace",
    ),
    "a variable that the source does not emit": (
        (*BUILD_ACTION, "Configuration", "EnvironmentVariables"),
        "#{Source.Commit}",
        "pipeline.Pipeline Build/Build <-> pipeline.Pipeline Source/Code: reads #{Source.Commit}, which is none of "
        "['AuthorDate', 'BranchName', 'CommitId', 'CommitMessage', 'CommitterDate', 'RepositoryName']",
    ),
    "a variable that the buildspec does not export": (
        (*STAGES, 3, "OnSuccess", "Value"),
        "#{Build.TAG}",
        "pipeline.Pipeline Deploy OnSuccess <-> pipeline.Pipeline Build/Build: "
        "reads #{Build.TAG}, which is none of ['IMAGE_TAG']",
    ),
    "a pipeline variable that is not declared": (
        (*STAGES, 3, "OnSuccess", "Value"),
        "#{variables.Tag}",
        "pipeline.Pipeline Deploy OnSuccess <-> pipeline.Pipeline variables: "
        "reads #{variables.Tag}, which is none of []",
    ),
    "a variable that an execution does not have": (
        (*STAGES, 3, "OnSuccess", "Value"),
        "#{codepipeline.Tag}",
        "pipeline.Pipeline Deploy OnSuccess <-> pipeline.Pipeline codepipeline: "
        "reads #{codepipeline.Tag}, which is none of ['PipelineExecutionId']",
    ),
    "an artifact that an action of the same turn makes": (
        (*STAGES, 1, "Actions", 0, "InputArtifacts"),
        artifacts("Source", "Bundle"),
        "pipeline.Pipeline Build/Build <-> pipeline.Pipeline: takes Bundle, which no earlier action makes",
    ),
    "a condition at entry reads its own stage": (
        (*STAGES, 1, "BeforeEntry"),
        {"Value": "#{Build.IMAGE_TAG}"},
        "pipeline.Pipeline Build BeforeEntry <-> pipeline.Pipeline: "
        "reads #{Build.IMAGE_TAG}, but no earlier action has that Namespace",
    ),
    "an output that the buildspec does not make": (
        (*BUILD_ACTION, "OutputArtifacts"),
        artifacts("Image", "Package"),
        "pipeline.Pipeline Build/Build <-> build.Project: "
        "outputs ['Image', 'Package'], but the buildspec makes ['Bundle', 'Image']",
    ),
    "a project that nobody makes": (
        (*BUILD_ACTION, "Configuration", "ProjectName"),
        "lost",
        "pipeline.Pipeline Build/Build <-> AWS::CodeBuild::Project: runs lost, and no template makes that project",
    ),
    "a container that is not there": (
        (*PROJECT, "Environment", "EnvironmentVariables", 0, "Value"),
        "api",
        "build.Project <-> backend.Task: names the container api; there are ['backend']",
    ),
    "a load balancer of another container": (
        ("backend", "Resources", "Service", "Properties", "LoadBalancers", 0, "ContainerName"),
        "api",
        "backend.Service <-> backend.Task: names the container api; there are ['backend']",
    ),
}

# What else is wrong then.
MORE = {
    "an output that is not there": "pipeline.Pipeline Build/Build <-> AWS::CodeBuild::Project: "
    "runs ${Project}, and no template makes that project",
    "a project that nobody makes": "pipeline.Project <-> environment.Pipeline: "
    "Project is passed and nothing there uses it",
    "a container that is not there": "build.Container <-> environment.Build: "
    "Container is passed and nothing there uses it",
}


@pytest.mark.parametrize("name", CASES)
def test_each_disagreement_is_found_and_names_both_sides(name: str) -> None:
    way, value, expected = CASES[name]
    bodies: Any = environment()
    inner = bodies
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = value
    if not expected:  # the parameter is passed, and only its use is gone
        bodies["pipeline"]["Conditions"] = {"Approval": {"Fn::Equals": ["a", "b"]}}
        expected = "pipeline.Environment <-> environment.Pipeline: Environment is passed and nothing there uses it"
    assert sorted(contract_messages(bodies)) == sorted([expected, *([MORE[name]] if name in MORE else [])])


@pytest.mark.parametrize(
    ("template", "value", "expected"),
    [
        ("build", {"Ref": "Project"}, "backend-${Environment}"),
        ("build", {"Fn::Sub": "${Project}/${ProjectName}"}, "backend-${Environment}/backend-${Environment}"),
        ("build", {"Fn::Sub": ["${own}", {"own": {"Ref": "Container"}}]}, "backend"),
        ("build", {"Fn::GetAtt": ["Project", "Arn"]}, "${build.Project.Arn}"),
        ("build", {"Fn::Sub": "${Project.Arn}"}, "${build.Project.Arn}"),
        ("pipeline", {"Ref": "Project"}, "backend-${Environment}"),
        ("pipeline", {"Fn::If": ["Approval", {"Ref": "Project"}, ""]}, "backend-${Environment}"),
        ("pipeline", {"Fn::If": ["Approval", "a", "b"]}, '["pipeline.Approval", "a", "b"]'),
        ("backend", {"Ref": "Service"}, "${backend.Service}"),
        ("environment", {"Fn::GetAtt": ["Backend", "Outputs.Container"]}, "backend"),
        ("environment", {"Fn::GetAtt": ["Lost", "Outputs.Container"]}, "${environment.Lost.Outputs.Container}"),
        ("environment", {"Fn::Sub": "${AWS::Region}-${!x}"}, "${AWS::Region}-${!x}"),
    ],
)
def test_a_value_is_followed_to_its_origin(template: str, value: object, expected: str) -> None:
    templates = from_bodies(environment())
    assert contracts.origin(templates, templates[template], value) == expected


def test_what_a_name_means_in_one_set_is_nothing_to_another() -> None:
    first, second = environment(), environment()
    second["build"]["Resources"]["Project"]["Properties"]["Name"] = "another"
    sets = from_bodies(first), from_bodies(second)
    for _ in range(2):
        names = [contracts.origin(templates, templates["pipeline"], {"Ref": "Project"}) for templates in sets]
        assert names == ["backend-${Environment}", "another"]
        arns = [contracts.origin(templates, templates["build"], {"Ref": "Project"}) for templates in sets]
        assert arns == names


@pytest.mark.parametrize(
    ("provider", "variable", "known"),
    [
        *(("CodeCommit", name, True) for name in sorted(contracts.EMITTED["CodeCommit"])),
        *(("CodeStarSourceConnection", name, True) for name in sorted(contracts.EMITTED["CodeStarSourceConnection"])),
        ("CodeCommit", "ConnectionArn", False),
        ("CodeStarSourceConnection", "RepositoryName", False),
        ("S3", "VersionId", True),  # of other providers only the namespace is checked
    ],
)
def test_a_variable_is_one_that_the_provider_of_its_action_emits(provider: str, variable: str, known: bool) -> None:
    bodies = environment()
    stages = bodies["pipeline"]["Resources"]["Pipeline"]["Properties"]["Stages"]
    stages[0]["Actions"][0]["ActionTypeId"]["Provider"] = provider
    stages[1]["Actions"][0]["Configuration"]["EnvironmentVariables"] = f"#{{Source.{variable}}}"
    messages = contract_messages(bodies)
    expected = [] if known else [f"reads #{{Source.{variable}}}"]
    assert [message.partition(": ")[2].partition(", which is none of ")[0] for message in messages] == expected


def test_a_variable_that_the_pipeline_declares_can_be_read() -> None:
    bodies = environment()
    pipeline = bodies["pipeline"]["Resources"]["Pipeline"]["Properties"]
    pipeline["Variables"] = [{"Name": "Tag"}]
    pipeline["Stages"][3]["OnSuccess"]["Value"] = "#{variables.Tag}"
    assert contract_messages(bodies) == []


def test_every_variable_of_a_text_is_looked_at() -> None:
    bodies = environment()
    pipeline = bodies["pipeline"]["Resources"]["Pipeline"]["Properties"]
    pipeline["Stages"][3]["OnSuccess"]["Value"] = "#{Nobody.A} #{Nowhere.B} #{Source.C} #{Build.IMAGE_TAG}"
    assert [message.partition(": ")[2].partition(",")[0] for message in contract_messages(bodies)] == [
        "reads #{Nobody.A}",
        "reads #{Nowhere.B}",
        "reads #{Source.C}",
    ]


def test_the_names_in_a_buildspec_are_read() -> None:
    spec = parsed_buildspec(BUILDSPEC)
    assert spec.names() == ["version", "env", "phases", "artifacts"]
    assert spec.names("artifacts", "secondary-artifacts") == ["Image", "Bundle"]
    assert spec.names("env", "exported-variables") == ["IMAGE_TAG"]
    assert spec.names("reports") == spec.names("files") == spec.names("version", "deeper") == []


@pytest.mark.parametrize("text", ["a: [", "- a\n- b\n", "just text\n"])
def test_what_is_no_buildspec_has_a_fault(text: str) -> None:
    spec = parsed_buildspec(text)
    assert spec.fault and spec.names("phases") == [] and spec.report_formats == {}


def test_where_no_task_is_defined_the_other_side_is_its_type() -> None:
    bodies = environment()
    del bodies["backend"]["Resources"]["Task"]
    del bodies["backend"]["Resources"]["Service"]["Properties"]["LoadBalancers"]
    bodies["backend"]["Resources"]["Other"] = {"Type": "AWS::CodeBuild::Project", "Properties": {}}
    assert contract_messages(bodies) == [
        "build.Project <-> AWS::ECS::TaskDefinition: names the container backend; there are []"
    ]


def test_every_missing_project_is_named() -> None:
    bodies = environment()
    stages = bodies["pipeline"]["Resources"]["Pipeline"]["Properties"]["Stages"]
    stages[1]["Actions"] = [
        action(name, "CodeBuild", Namespace=name, Configuration={"ProjectName": name}) for name in ("first", "second")
    ]
    messages = [str(fault) for fault in contracts.buildspecs_fill_artifacts(from_bodies(bodies))]
    for name in ("first", "second"):
        assert any(f"runs {name}, and no template makes that project" in message for message in messages), name


def test_a_project_without_variables_is_looked_at_all_the_same(repository: Path) -> None:
    """Its buildspec reads variables that nothing sets; the gate says so, and does not end in a traceback."""
    bodies = load(repository / "templates").bodies()
    del bodies["build"]["Resources"]["Verify"]["Properties"]["Environment"]["EnvironmentVariables"]
    messages = [str(fault) for fault in build_contracts.variables_agree(from_bodies(bodies))]
    assert [message for message in messages if "build.Verify" in message and "which nothing sets" in message]
