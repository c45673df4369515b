"""The rules on builds, branch by branch: what runs the application's code may do little and is believed in nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.rules import faults

DIGEST = f"sha256:{'0' * 64}"
# Of what runs the application's code, and of what does not.
APPLICATION, OURS = "phases:\n  install:\n    runtime-versions: {python: 3.12}\n", "phases:\n  install: {}\n"
PROJECT = "AWS::CodeBuild::Project"


def project(*commands: str, phases: str = OURS, variables: Any = (), role: str = "Role") -> dict[str, Any]:
    lines = "".join(f"      - {command}\n" for command in commands)
    spec = f"version: 0.2\n{phases}  build:\n    commands:\n{lines}"
    properties = {
        "Name": "the-build",
        "Source": {"BuildSpec": spec},
        "ServiceRole": {"Fn::GetAtt": [role, "Arn"]},
        "Environment": {"EnvironmentVariables": [{"Name": name, "Value": value} for name, value in variables]},
    }
    return {"Type": PROJECT, "Properties": properties}


@pytest.mark.parametrize(
    ("command", "ours", "application"),
    [
        ("python3 -I -u -", [], []),
        ("python3 -u -I -", [], []),
        ("python3 -u -", ["python3 -u -"], ["python3 -u -"]),
        ("python -", ["python -"], ["python -"]),
        ("python", ["python"], ["python"]),
        ("python -m pip", ["python -m"], []),
        ("python3 -m pip", ["python3 -m"], ["python3 -m"]),
        ("python -u -m pip", ["python -u -m"], ["python -u -m"]),
        ("/usr/bin/python3 x", ["/usr/bin/python3"], ["/usr/bin/python3"]),
        ("/bin/python x", ["/bin/python"], ["/bin/python"]),
        ("/usr/local/bin/python3.12 -m pip", ["/usr/local/bin/python3.12 -m"], ["/usr/local/bin/python3.12 -m"]),
        ("/usr/bin/python3 -I x", [], []),
        ("python3.12 x", ["python3.12"], ["python3.12"]),
        (".venv/bin/python x", [], []),
        ("${tools}/bin/python x", [], []),
        ("$python x", [], []),
        ("my-python3 x", [], []),
        ("true && python -c x; python3 -I y", ["python -c"], ["python -c"]),
    ],
)
def test_a_program_of_ours_reads_no_module_of_the_repository(
    command: str, ours: list[str], application: list[str]
) -> None:
    for phases, calls in ((OURS, ours), (APPLICATION, application)):
        resources = {
            "Reads": {"Type": PROJECT, "Properties": {"Source": {"BuildSpec": "buildspec.yml"}}},
            "It": project(command, phases=f"# python3 in a comment\n{phases}"),
        }
        assert faults("BUI001", t={"Resources": resources}) == [f"t.It calls `{call}` without -I" for call in calls]


def role(**statement: Any) -> dict[str, Any]:
    harmless = {"Sid": "Log", "Effect": "Allow", "Action": ["logs:PutLogEvents"], "Resource": ["*"]}
    stated = {"Sid": "It", "Effect": "Allow", "Action": ["a:B"], "Resource": ["x"], **statement}
    policy = {"PolicyName": "Job", "PolicyDocument": {"Statement": [harmless, stated]}}
    return {"Type": "AWS::IAM::Role", "Properties": {"Policies": [policy]}}


@pytest.mark.parametrize(
    ("statement", "messages"),
    [
        ({"Action": ["kms:Decrypt", "codebuild:CreateReport", "s3:GetObject", "s3:ListBucket"]}, []),
        (
            {"Action": ["logs:PutLogEvents", "ecr:PutImage", "ssm:PutParameter"]},
            ["may ecr:PutImage", "may ssm:PutParameter"],
        ),
        ({"Action": ["s3:PutObjectAcl"]}, ["may s3:PutObjectAcl"]),
        ({"Action": ["s3:DeleteObject"]}, ["may s3:DeleteObject"]),
        ({"Action": ["s3:PutObject"], "Resource": ["bucket/own/*"]}, []),
        ({"Action": ["s3:PutObject"], "Resource": ["bucket/a/*", "bucket/*"]}, ["may write bucket/*"]),
        ({"Action": ["s3:PutObject"], "Resource": ["bucket"]}, ["may write bucket"]),
        ({"Action": ["s3:GetObject"], "Resource": ["bucket/*"]}, []),
        ({"Action": ["ecr:PutImage"], "Effect": "Deny"}, []),
    ],
)
def test_a_build_of_the_application_writes_what_is_its_own(statement: dict[str, Any], messages: list[str]) -> None:
    denied = role(Action=["ecr:PutImage"], Effect="Deny")  # and of no build
    resources = {"Other": denied, "It": project("make", phases=APPLICATION), "Role": role(**statement)}
    expected = [f"t.It runs the application's code and {message}" for message in messages]
    assert faults("BUI002", t={"Resources": resources}) == expected
    assert faults("BUI002", t={"Resources": {**resources, "It": project("make")}}) == []


def test_who_may_assume_the_role_of_a_build_is_no_right_of_it() -> None:
    statement = {"Sid": "T", "Effect": "Allow", "Principal": {"Service": "x"}, "Action": ["sts:AssumeRole"]}
    trusted = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": [statement]}}}
    resources = {"It": project("make", phases=APPLICATION), "Role": trusted}
    assert faults("BUI002", t={"Resources": resources}) == []


@pytest.mark.parametrize(
    ("commands", "images"),
    [
        ([f"FROM python@{DIGEST}"], []),
        (["FROM $BASE_IMAGE@$base_digest"], []),
        (["FROM python:3.12", "FROM other"], ["python:3.12", "other"]),
        (["RUN true", "COPY --from=build FROM"], []),
    ],
)
def test_a_dockerfile_starts_from_a_digest(commands: list[str], images: list[str]) -> None:
    spec = "version: 0.2\nphases:\n  build:\n    commands:\n      - |\n" + "".join(f"        {it}\n" for it in commands)
    built = project("true")
    built["Properties"]["Source"]["BuildSpec"] = spec
    expected = [f"t.It has a Dockerfile that starts from {image}, which is no digest" for image in images]
    assert faults("BUI004", t={"Resources": {"First": project("true"), "It": built}}) == expected


@pytest.mark.parametrize(
    ("pins", "missing"),
    [
        (f"3.11={DIGEST} 3.12={DIGEST}", []),
        (f"3.11={DIGEST}", ["3.12"]),
        (f"3.12={DIGEST}", ["3.11"]),
        (f"3.11={DIGEST}0 3.12={DIGEST[:-1]}", ["3.11", "3.12"]),
        (f"3.11={DIGEST},3.12={DIGEST}", ["3.11", "3.12"]),
        ("", ["3.11", "3.12"]),
        (None, []),
    ],
)
def test_each_version_that_may_be_chosen_has_a_digest(pins: str | None, missing: list[str]) -> None:
    variables = [("OTHER", "x")] if pins is None else [("OTHER", "x"), ("BASE_DIGESTS", pins)]
    stack = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "t.json"}}
    versions = {"PythonVersion": {"Type": "String", "AllowedValues": ["3.11", "3.12"]}}
    templates = {
        "other": {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}},
        "root": {"Resources": {"Stack": stack}, "Parameters": versions},
        "t": {"Resources": {"First": project("true"), "It": project("true", variables=variables)}},
    }
    expected = [f"t.It knows no digest of its base image for Python {version}" for version in missing]
    assert faults("BUI004", **templates) == expected


def action(name: str, inputs: tuple[str, ...] = (), outputs: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "ActionTypeId": {"Provider": "CodeBuild"},
        "InputArtifacts": [{"Name": each} for each in inputs],
        "OutputArtifacts": [{"Name": each} for each in outputs],
        **more,
    }


def pipeline(*stages: list[dict[str, Any]], build: str = APPLICATION) -> dict[str, Any]:
    named = [{"Name": f"Stage{number}", "Actions": actions} for number, actions in enumerate(stages)]
    kind = "AWS::CodePipeline::Pipeline"
    return {
        "Resources": {
            "Build": project("make", phases=build),
            "Pipeline": {"Type": kind, "Properties": {"Stages": named}},
        }
    }


BUILD: dict[str, Any] = {"Configuration": {"ProjectName": {"Ref": "Build"}}}
OTHER: dict[str, Any] = {"Configuration": {"ProjectName": "another"}}


def test_what_the_application_may_set_is_not_quoted() -> None:
    stages = [
        [action("Source", Namespace="Source"), action("Ours", Namespace="Ours", **OTHER)],
        [action("Build", Namespace="Built", **BUILD)],
        [action("Approve", Configuration={"CustomData": "#{Source.CommitId} #{Ours.A} #{Built.B} #{Built.C}"})],
    ]
    assert faults("BUI003", t=pipeline(*stages)) == [
        f"t.Pipeline Stage2/Approve takes #{{Built.{name}}}, which the application may set" for name in "BC"
    ]
    assert faults("BUI003", t=pipeline(*stages, build=OURS)) == []


def test_the_output_of_a_build_is_taken_in_its_own_stage_alone() -> None:
    stages = [
        [action("Source", outputs=("Code",))],
        [action("Build", ("Code",), ("Raw",), **BUILD), action("Seal", ("Code", "Raw"), ("Sealed",), **OTHER)],
        [action("Deploy", ("Sealed", "Code", "Raw"))],
    ]
    expected = "t.Pipeline Stage2/Deploy takes Raw, which a later build may write over"
    assert faults("BUI005", t=pipeline(*stages)) == [expected]
    assert faults("BUI005", t=pipeline(*stages, build=OURS)) == []
