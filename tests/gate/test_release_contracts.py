"""What starts a pipeline, and which stages are skipped together, on a pipeline of a few stages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from generator.cfn.templates import TemplateSet, from_bodies
from generator.gate.release_contracts import skipped_together, started_once

NAME = {"Fn::Sub": "p-${Environment}"}
TARGET = {"Fn::Sub": "arn:${AWS::Partition}:codepipeline:${AWS::Region}:${AWS::AccountId}:${Pipeline}"}
NOTHING = {"Ref": "AWS::NoValue"}
TRIGGERS = [{"ProviderType": "CodeStarSourceConnection", "GitConfiguration": {"SourceActionName": "Code"}}]


def source(provider: str, **configuration: str) -> dict[str, Any]:
    return {"Name": "Code", "ActionTypeId": {"Provider": provider}, "Configuration": configuration}


def templates(
    action: dict[str, Any], triggers: Any = None, rules: dict[str, Any] | None = None, *stages: dict[str, Any]
) -> TemplateSet:
    properties = {"Name": NAME, "Stages": [{"Name": "Source", "Actions": [action]}, *stages]}
    if triggers is not None:
        properties["Triggers"] = triggers
    resources = {"Pipeline": {"Type": "AWS::CodePipeline::Pipeline", "Properties": properties}, **(rules or {})}
    body = {
        "Parameters": {"Environment": {"Type": "String"}, "Source": {"Type": "String"}},
        "Conditions": {"Connected": {"Fn::Equals": [{"Ref": "Source"}, "CONNECTION"]}},
        "Resources": resources,
    }
    return from_bodies({"t": body})


def rule(*targets: Any, **attributes: str) -> dict[str, Any]:
    properties = {"Targets": [{"Arn": target} for target in targets]}
    return {"Type": "AWS::Events::Rule", "Properties": properties, **attributes}


OTHER = {"Fn::Sub": "arn:${AWS::Partition}:codepipeline:${AWS::Region}:${AWS::AccountId}:other"}
CONNECTED = source("CodeStarSourceConnection", DetectChanges="false")
HERE = "t.Pipeline Code"


@pytest.mark.parametrize(
    ("pipeline", "messages"),
    [
        (templates(source("CodeCommit"), None, {"Start": rule(OTHER, TARGET)}), []),
        (templates(CONNECTED, TRIGGERS), []),
        (templates(source("CodeCommit")), [f"{HERE} <-> AWS::Events::Rule: is started by nothing"]),
        (
            templates(source("CodeCommit"), None, {"Start": rule(OTHER)}),
            [f"{HERE} <-> AWS::Events::Rule: is started by nothing"],
        ),
        (
            templates(source("CodeCommit"), None, {"Start": rule(TARGET), "Again": rule(TARGET)}),
            [f"{HERE} <-> AWS::Events::Rule: is started by Start and Again"],
        ),
        (
            templates(source("CodeCommit"), TRIGGERS, {"Start": rule(TARGET)}),
            [
                f"{HERE} <-> Triggers: has a trigger, which CodeCommit does not know",
                f"{HERE} <-> AWS::Events::Rule: is started by Start and the trigger for Code",
            ],
        ),
        (
            templates(CONNECTED),
            [
                f"{HERE} <-> Triggers: has no trigger, and no other can see a connection",
                f"{HERE} <-> AWS::Events::Rule: is started by nothing",
            ],
        ),
        (
            templates(source("CodeStarSourceConnection"), TRIGGERS),
            [f"{HERE} <-> AWS::Events::Rule: is started by the trigger for Code and its own detection of changes"],
        ),
        # One that is there under a condition starts it under that condition alone.
        (
            templates(source("CodeCommit"), None, {"Start": rule(TARGET, Condition="Connected")}),
            [f"{HERE} <-> AWS::Events::Rule: is started by nothing"],
        ),
        (
            templates(
                {"Fn::If": ["Connected", CONNECTED, source("CodeCommit")]},
                {"Fn::If": ["Connected", TRIGGERS, NOTHING]},
                {"Start": rule(TARGET, Condition="Connected")},
            ),
            [
                f"{HERE} <-> AWS::Events::Rule: is started by nothing",
                f"{HERE} <-> AWS::Events::Rule: is started by Start and the trigger for Code",
            ],
        ),
    ],
)
def test_a_push_starts_a_pipeline_once(pipeline: TemplateSet, messages: list[str]) -> None:
    assert list(dict.fromkeys(str(each) for each in started_once(pipeline))) == messages


def check(name: str, variable: str, provider: str = "VariableCheck", result: str = "SKIP") -> dict[str, Any]:
    rule = {"Name": name, "RuleTypeId": {"Provider": provider}, "Configuration": {"Variable": variable}}
    return {"Result": result, "Rules": [rule]}


def stage(
    name: str, *conditions: dict[str, Any], taken: str = "", output: str = "", namespace: str = "", reads: str = ""
) -> dict[str, Any]:
    action: dict[str, Any] = {"Name": "Act", "ActionTypeId": {"Provider": "CodeBuild"}}
    action |= {"InputArtifacts": [{"Name": taken}]} if taken else {}
    action |= {"OutputArtifacts": [{"Name": output}]} if output else {}
    action |= {"Namespace": namespace} if namespace else {}
    action |= {"Configuration": {"Text": reads}} if reads else {}
    entry = {"BeforeEntry": {"Conditions": list(conditions)}} if conditions else {}
    return {"Name": name, "Actions": [action], **entry}


SKIPS, ALSO = check("Changed", "#{Plan.CHANGED}"), check("Wanted", "#{Plan.WANTED}")
BUILD = stage("Build", SKIPS, taken="Source", output="Bundle", namespace="Built")
PLACE = "t.Pipeline Deploy"


@pytest.mark.parametrize(
    ("deploy", "messages"),
    [
        (stage("Deploy", SKIPS, taken="Bundle"), []),
        (stage("Deploy", SKIPS, ALSO, taken="Bundle"), []),
        (stage("Deploy", taken="Source"), []),
        (
            stage("Deploy", taken="Bundle"),
            [f"{PLACE} <-> t.Pipeline Build: takes Bundle, and is not skipped by Changed"],
        ),
        (
            stage("Deploy", ALSO, taken="Bundle"),
            [f"{PLACE} <-> t.Pipeline Build: takes Bundle, and is not skipped by Changed"],
        ),
        (
            stage("Deploy", check("Changed", "#{Plan.CHANGED}", result="FAIL"), taken="Bundle"),
            [f"{PLACE} <-> t.Pipeline Build: takes Bundle, and is not skipped by Changed"],
        ),
        (
            stage("Deploy", taken="Source", reads="#{Built.TAG}"),
            [f"{PLACE} <-> t.Pipeline Build: takes Built, and is not skipped by Changed"],
        ),
        (
            stage("Deploy", SKIPS, check("Wait", "x", "DeploymentWindow"), taken="Bundle"),
            [f"{PLACE} <-> BeforeEntry: skips by DeploymentWindow"],
        ),
        (stage("Deploy", SKIPS, check("Wait", "x", "DeploymentWindow", "FAIL"), taken="Bundle"), []),
    ],
)
def test_what_is_taken_from_a_stage_is_skipped_with_it(deploy: dict[str, Any], messages: list[str]) -> None:
    action = {**source("CodeCommit"), "OutputArtifacts": [{"Name": "Source"}]}
    pipeline = templates(action, None, None, BUILD, json.loads(json.dumps(deploy)))
    assert [str(each) for each in skipped_together(pipeline)] == messages
