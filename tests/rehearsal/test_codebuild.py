"""A CodeBuild action: what the build is given, what of it is checked, kept and shown, and why it fails."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from scripts.rehearsal.account_view import Action
from scripts.rehearsal.builds import codebuild, phases, programs
from scripts.rehearsal.builds.codebuild import run_build
from scripts.rehearsal.builds.programs import ProgramCall, ProgramResult, serve_programs
from scripts.rehearsal.context import ActionOutput
from scripts.rehearsal.errors import ActionFailedError, UnsupportedError
from scripts.rehearsal.runtime.toolchains import Node
from tests.support.rehearsal.prepared_aws import ACCOUNT
from tests.support.rehearsal.releases import PIPELINE_ROLE, STORE_KEY, Rehearsed, action, rehearsed

BUILD_ROLE = f"arn:aws:iam::{ACCOUNT}:role/build"
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:app-1"
LOCAL = "http://127.0.0.1:9/"


def buildspec(*commands: str, **more: Any) -> dict[str, Any]:
    return {"version": 0.2, "env": {"shell": "bash"}, "phases": {"build": {"commands": list(commands)}}, **more}


@dataclass
class Build:
    """A build of a project: what is deployed of it can be changed before it runs."""

    release: Rehearsed
    project: dict[str, Any]
    answers: dict[str, Any]

    def run(self, spec: Mapping[str, Any], act: Action | None = None, **source: str) -> ActionOutput:
        """The build of a buildspec, over a source with these files."""
        self.project["source"] = {"buildspec": yaml.safe_dump(dict(spec), sort_keys=False)}
        return self.run_as_deployed(act, **source)

    def run_as_deployed(self, act: Action | None = None, **source: str) -> ActionOutput:
        self.answers["codebuild.batch_get_projects"] = {"projects": [self.project]}
        self.release.execution.artifacts["Files"] = self.release.account.store("Files", {"here": "1", **source})
        return run_build(self.release.context, act or build_action(), self.release.execution)

    def failure(self, spec: Mapping[str, Any], act: Action | None = None) -> ActionFailedError:
        with pytest.raises(ActionFailedError) as failed:
            self.run(spec, act)
        return failed.value

    @property
    def log(self) -> str:
        """The log of the last build."""
        return sorted(self.release.context.options.log_folder.iterdir())[-1].read_text(encoding="utf-8")


def build_action(**more: Any) -> Action:
    settings = {"inputs": ("Files",), "configuration": {"ProjectName": "site"}, **more}
    return action("CodeBuild", "Make", "Build", **settings)


def docker(call: ProgramCall) -> ProgramResult:
    return ProgramResult(f"docker {' '.join(call.arguments)}\n")


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    substitutes = tmp_path / "substitutes"
    substitutes.mkdir()
    (substitutes / "npm").write_text("#!/bin/sh\necho substituted\n", encoding="utf-8")
    (substitutes / "npm").chmod(0o755)
    release = rehearsed(tmp_path, programs=substitutes)
    release.execution.commit = "c" * 40
    context = release.context
    addresses = {"https://page.test/": LOCAL}
    context.distributions = cast(Any, SimpleNamespace(hooks=dict, local_address=lambda value: addresses.get(value, "")))
    context.images = cast(Any, SimpleNamespace(hooks=dict, docker=lambda *_: docker))
    project = {"name": "site", "serviceRole": BUILD_ROLE, "environment": {"image": "aws/standard"}}
    with serve_programs() as served:
        context.programs = served
        yield Build(release, project, release.account.answers)


def test_a_build_has_the_variables_of_spec_project_and_action_and_codebuilds_own(build: Build) -> None:
    """The action's go before the project's, these before the buildspec's, and the caller's before all of them."""
    options = {"Caller": "caller", "Unknown": "x", "SpecCaller": "caller"}
    build.release.context.options = replace(build.release.context.options, variables=options)
    build.project["environment"]["environmentVariables"] = [
        {"name": "Shared", "value": "project", "type": "PLAINTEXT"},
        {"name": "Project", "value": "project"},
        {"name": "Caller", "value": "project"},
        {"name": "Page", "value": "https://page.test/"},
    ]
    variables = json.dumps([{"name": "Shared", "value": "action"}, {"name": "Action", "value": "action"}])
    configuration = {"ProjectName": "site", "PrimarySource": "Files", "EnvironmentVariables": variables}
    act = build_action(inputs=("Other", "Files"), outputs=("Result",), configuration=configuration)
    build.release.execution.artifacts["Other"] = build.release.account.store("Other", {"there": "2"})
    spec = buildspec(
        "env -0 > all; pwd > where; cat here $CODEBUILD_SRC_DIR_Other/there > files",
        artifacts={"files": ["all", "where", "files"]},
    )
    spec["env"]["variables"] = {"Spec": "spec", "Shared": "spec", "SpecCaller": "spec"}
    build.run(spec, act)
    files = build.release.account.written(build.release.execution.artifacts["Result"])
    environment = dict(line.partition("=")[::2] for line in files["all"].split("\0") if line)
    folder = build.release.context.workspaces / "build-01-Make"
    own = {name: value for name, value in environment.items() if name.startswith(("CODEBUILD_", "AWS_"))}
    assert own == {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "CODEBUILD_BUILD_ID": f"site:{build.release.execution.id}",
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "CODEBUILD_INITIATOR": "codepipeline/dashboard",
        "CODEBUILD_LAST_EXIT": own.get("CODEBUILD_LAST_EXIT", ""),
        "CODEBUILD_RESOLVED_SOURCE_VERSION": "c" * 40,
        "CODEBUILD_SOURCE_VERSION": "arn:aws:s3:::store",
        "CODEBUILD_SRC_DIR": str(folder / "src"),
        "CODEBUILD_SRC_DIR_Other": str(folder / "src-Other"),
    }
    names = ("Shared", "Project", "Action", "Spec", "Caller", "SpecCaller", "Unknown", "Page")
    assert {name: environment.get(name) for name in names} == {
        "Shared": "action",
        "Project": "project",
        "Action": "action",
        "Spec": "spec",
        "Caller": "caller",
        "SpecCaller": "caller",
        "Unknown": None,
        "Page": LOCAL,
    }
    assert environment["PATH"].split(":")[0] == str(folder / "bin")
    assert environment["HOME"] == str(build.release.context.options.cache / "home/site")
    assert (files["where"], files["files"]) == (f"{folder / 'src'}\n", "12")
    assert build.release.notes == [
        f"Page = https://page.test/: served here as {LOCAL}",
        "Caller = caller: set by the caller",
        "SpecCaller = caller: set by the caller",
    ]


def test_what_a_build_may_and_what_it_leaves(build: Build) -> None:
    build.project |= {
        "logsConfig": {"cloudWatchLogs": {"groupName": "/builds/site"}},
        "cache": {"type": "S3", "location": "caches/site/npm"},
    }
    spec = buildspec(
        "echo RESULT fine; echo quiet; echo DURATION 1; echo ' RED no'; export COLOUR=blue; touch a b report.xml",
        artifacts={"files": ["a"], "secondary-artifacts": {"First": {"files": ["a", "b"]}, "Second": {"files": ["b"]}}},
        reports={"units": {"files": ["report.xml"]}, "lines": {"files": ["report.xml"], "file-format": "COBERTURAXML"}},
    )
    spec["env"]["exported-variables"] = ["COLOUR", "EMPTY"]
    output = build.run(spec, build_action(outputs=("First", "Second")))
    release = build.release
    log = str(release.context.options.log_folder / "build-01-Make.log")
    assert output == ActionOutput({"COLOUR": "blue"}, f"log {log}")
    assert build.log == "RESULT fine\nquiet\nDURATION 1\n RED no\n"
    first, second = (release.execution.artifacts[name] for name in ("First", "Second"))
    assert (release.account.written(first), release.account.written(second)) == ({"a": "", "b": ""}, {"b": ""})
    assert release.lines == [
        "RESULT fine",
        "DURATION 1",
        "report units: report.xml",
        "report lines: report.xml",
        f"artifact First: 2 files, {first.bytes} bytes",
        f"artifact Second: 1 files, {second.bytes} bytes",
    ]
    cache = {"Cache": "caches/site/npm", "CacheBucket": "caches", "CachePath": "site/npm"}
    assert release.checks.calls == [
        (PIPELINE_ROLE, "action CodeBuild", {"ProjectName": "site"}),
        (BUILD_ROLE, "trust of AWS::CodeBuild::Project", "ServiceRole"),
        (BUILD_ROLE, "build log", {"Group": "/builds/site"}),
        (BUILD_ROLE, "build input", {"Bucket": "store"}),
        (BUILD_ROLE, "build with a key", {"Key": STORE_KEY}),
        (BUILD_ROLE, "build cache", cache),
        (BUILD_ROLE, "build report JUNITXML", {"Report": "site-units"}),
        (BUILD_ROLE, "build report COBERTURAXML", {"Report": "site-lines"}),
        (BUILD_ROLE, "s3:PutObject", f"arn:aws:s3:::store/{first.key}"),
        (BUILD_ROLE, "s3:PutObject", f"arn:aws:s3:::store/{second.key}"),
    ]
    assert release.notes == ["the builds' S3 caches: folders of this machine, kept between rehearsals"]
    assert release.context.application_seconds > 0
    assert release.account.calls == [("codebuild.batch_get_projects", {"names": ["site"]})]


def test_builds_of_a_release_have_logs_of_their_own(build: Build) -> None:
    build.project["logsConfig"] = {}
    for _ in range(2):
        build.run(buildspec("echo hello"))
    logs = sorted(path.name for path in build.release.context.options.log_folder.iterdir())
    assert logs == ["build-01-Make.log", "build-02-Make.log"]
    assert (BUILD_ROLE, "build log", {"Group": ""}) in build.release.checks.calls


VALUES = {
    "ssm.get_parameter": {"Parameter": {"Value": "swordfish"}},
    "secretsmanager.get_secret_value": {"ARN": SECRET, "SecretString": '{"token": 42, "other": "x"}'},
}
PARAMETER = (BUILD_ROLE, "ssm:GetParameters", f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/app/word")
READ_SECRET = (BUILD_ROLE, "secretsmanager:GetSecretValue", SECRET)
READ_PARAMETER = ("ssm.get_parameter", {"Name": "/app/word", "WithDecryption": True})


@pytest.mark.parametrize(
    ("variable", "value", "check", "call"),
    [
        (("PARAMETER_STORE", "/app/word"), "swordfish", PARAMETER, READ_PARAMETER),
        (
            ("PARAMETER_STORE", "app/word"),
            "swordfish",
            PARAMETER,
            ("ssm.get_parameter", {"Name": "app/word", "WithDecryption": True}),
        ),
        (("SECRETS_MANAGER", "app:token"), "42", READ_SECRET, "app"),
        (("SECRETS_MANAGER", "app:other:AWSCURRENT"), "x", READ_SECRET, "app"),
        (("SECRETS_MANAGER", "app"), '{"token": 42, "other": "x"}', READ_SECRET, "app"),
        (("SECRETS_MANAGER", SECRET), '{"token": 42, "other": "x"}', READ_SECRET, SECRET),
    ],
)
def test_secrets_are_read_as_the_role_and_are_not_in_the_log(
    build: Build, variable: tuple[str, str], value: str, check: tuple[Any, ...], call: Any
) -> None:
    build.answers.update(VALUES)
    kind, source = variable
    declared = {"name": "WORD", "value": source, "type": kind}
    build.project["environment"]["environmentVariables"] = [declared]
    spec = buildspec('echo "RESULT <$WORD>" ; printf %s "$WORD" > kept', artifacts={"files": ["kept"]})
    build.run(spec, build_action(outputs=("Kept",)))
    release = build.release
    assert release.account.written(release.execution.artifacts["Kept"]) == {"kept": value}
    assert build.log == "RESULT <***>\n" and release.lines[0] == "RESULT <***>"
    assert [row for row in release.checks.calls if row[1] in (PARAMETER[1], READ_SECRET[1])] == [check]
    expected = call if isinstance(call, tuple) else ("secretsmanager.get_secret_value", {"SecretId": call})
    assert release.account.calls[1:] == [expected]


def test_the_stores_of_a_buildspec_are_read_too(build: Build) -> None:
    build.answers.update(VALUES)
    spec = buildspec('echo "$WORD $TOKEN"; echo $WORD$TOKEN | wc -c')
    spec["env"] |= {"parameter-store": {"WORD": "/app/word"}, "secrets-manager": {"TOKEN": "app:token"}}
    build.run(spec)
    assert build.log == "*** ***\n12\n"
    build.project["environment"]["environmentVariables"] = [{"name": "X", "value": "y", "type": "VAULT"}]
    problem = "X: variables of type VAULT are not simulated"
    failure = build.failure(spec)
    assert isinstance(failure, UnsupportedError) and str(failure) == problem


@pytest.mark.parametrize("denied", [PARAMETER[1], "trust of AWS::CodeBuild::Project", "build input", "build log"])
def test_a_build_that_its_role_may_not_do_runs_nothing(build: Build, denied: str) -> None:
    build.answers.update(VALUES)
    build.release.checks.denied.add(denied)
    build.project["environment"]["environmentVariables"] = [
        {"name": "WORD", "value": "/app/word", "type": "PARAMETER_STORE"}
    ]
    assert str(build.failure(buildspec("echo hello"))) == f"build may not {denied}"
    assert list(build.release.context.options.log_folder.iterdir()) == []
    assert READ_PARAMETER not in build.release.account.calls


def test_the_programs_of_a_build_are_those_of_the_rehearsal(build: Build) -> None:
    """The caller's npm, `docker` and `aws` in the build's own name; and what was denied says more than the build."""
    build.answers["ecs.list_tasks"] = {"taskArns": ["one"]}
    listed = "aws ecs list-tasks --cluster c --query taskArns --output text"
    build.run(buildspec(f"npm ci; docker build .; {listed}; codebuild-hash-files here"))
    digest = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
    assert build.log == f"substituted\ndocker build .\none\n{digest}\n"
    assert (BUILD_ROLE, "aws ecs list-tasks") in [row[:2] for row in build.release.checks.calls]
    build.release.checks.denied.add("aws ecs list-tasks")
    failure = build.failure(buildspec(f"{listed} || {listed} || echo no tasks; false"))
    assert str(failure) == "build may not aws ecs list-tasks"
    assert "AccessDenied: build may not aws ecs list-tasks\n" in build.log


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (buildspec("echo ERROR no table; false"), "phase build failed: ERROR no table"),
        (buildspec("true", artifacts={"files": ["gone"]}), "the primary artifact: no file matches gone in ."),
    ],
)
def test_a_build_that_fails_stores_nothing_and_names_its_log(build: Build, spec: Any, problem: str) -> None:
    failure = build.failure(spec, build_action(outputs=("Result",)))
    log = str(build.release.context.options.log_folder / "build-01-Make.log")
    assert (str(failure), failure.details) == (problem, f"log {log}")
    assert "Result" not in build.release.execution.artifacts


def test_an_output_without_its_artifact_is_named_with_those_that_there_are(build: Build) -> None:
    two = build_action(outputs=("First", "Second"))
    spec = buildspec("touch a", artifacts={"files": ["a"], "secondary-artifacts": {"First": {"files": ["a"]}}})
    problem = "the build made no artifact Second; it made the primary one, First"
    assert str(build.failure(spec, two)) == problem
    plain = build.failure(buildspec("true"), build_action(outputs=("Result",)))
    assert str(plain) == "the build made no artifact Result; it made none"
    build.run(buildspec("touch a", artifacts={"files": ["a"]}), build_action(outputs=("Result",)))
    result = build.release.execution.artifacts["Result"]
    assert build.release.account.written(result) == {"a": ""}


def test_a_limit_of_the_project_ends_the_build(build: Build) -> None:
    build.project["timeoutInMinutes"] = 0.005
    assert str(build.failure(buildspec("sleep 30"))) == "phase build failed: [out of time after 0.3 s]"


@pytest.mark.parametrize(("minutes", "seconds"), [(None, 3600.0), (5, 300.0)])
def test_a_build_has_an_hour_unless_its_project_says_otherwise(
    build: Build, monkeypatch: pytest.MonkeyPatch, minutes: int | None, seconds: float
) -> None:
    runners: list[phases.Runner] = []
    run = phases.run_buildspec

    def recorded(spec: Any, source: Path, environment: Any, runner: phases.Runner) -> phases.Outcome:
        runners.append(runner)
        return run(spec, source, environment, runner)

    monkeypatch.setattr(phases, "run_buildspec", recorded)
    build.project["timeoutInMinutes"] = minutes
    build.run(buildspec("true"))
    assert [runner.limit for runner in runners] == [seconds]
    assert runners[0].guard == build.release.context.janitor.guard, "what is left of a build ends with the rehearsal"


@pytest.mark.parametrize(
    ("deployed", "file", "problem"),
    [
        (None, {"buildspec.yml": "version: 0.2\nenv: {shell: bash}\nphases: {}\n"}, ""),
        ("own.yml", {"own.yml": "version: '0.2'\nenv: {shell: bash}\nphases: {}\n"}, ""),
        (None, {}, "YAML_FILE_ERROR: the source has no buildspec.yml"),
        ("own.yml", {}, "YAML_FILE_ERROR: the source has no own.yml"),
        ("own.yml", {"own.yml": "version: 0.1\n"}, "YAML_FILE_ERROR: the buildspec of site is not one of version 0.2"),
        ("own.yml", {"own.yml": "- x\n"}, "YAML_FILE_ERROR: the buildspec of site is not one of version 0.2"),
    ],
)
def test_a_buildspec_is_a_file_of_the_source_or_the_projects_own(
    build: Build, deployed: str | None, file: dict[str, str], problem: str
) -> None:
    build.project["source"] = {"buildspec": deployed} if deployed else {}
    if not problem:
        assert build.run_as_deployed(None, **file).variables == {}
        return
    with pytest.raises(ActionFailedError) as failed:
        build.run_as_deployed(None, **file)
    assert str(failed.value) == problem


def test_a_project_that_is_gone_is_named(build: Build) -> None:
    build.answers["codebuild.batch_get_projects"] = {"projects": []}
    with pytest.raises(ActionFailedError) as failed:
        run_build(build.release.context, build_action(), build.release.execution)
    assert str(failed.value) == "there is no project site"


def test_the_runtimes_of_the_image_are_those_of_this_machine(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    node = build.release.context.options.programs
    assert node
    (node / "node").write_text("#!/bin/sh\necho v1.2.3\n", encoding="utf-8")
    (node / "node").chmod(0o755)
    spec = buildspec("true")
    spec["phases"]["install"] = {"runtime-versions": {"python": "3.11", "nodejs": 20}, "commands": ["true"]}
    build.run(spec)
    assert build.release.notes == [
        f"aws/standard: this machine, python 3.11 is {platform.python_version()} or a substitute of the caller",
        "aws/standard: this machine, nodejs 20 is v1.2.3 or a substitute of the caller",
    ]
    build.release.context.options = replace(build.release.context.options, programs=None)
    build.release.context.notes.clear()
    sources: list[tuple[Any, ...]] = []

    def own_python(*words: Any) -> Path:
        sources.append(words)
        return Path("/own/python")

    monkeypatch.setattr(codebuild, "build_python", own_python)
    monkeypatch.setattr(programs, "find_node", lambda: Node(str(node / "node"), (str(node / "npm"),)))
    build.run(spec)
    assert build.release.notes == [
        f"aws/standard: this machine, python 3.11 is {platform.python_version()}",
        "aws/standard: this machine, nodejs 20 is v1.2.3",
    ]
    folder = build.release.context.workspaces / "build-02-Make"
    assert sources == [(folder / "src", "site", build.release.context.options.cache / "builds")]
    assert (folder / "bin/python3").read_text() == '#!/bin/sh\nexec "/own/python" "$@"\n'
    del spec["phases"]["install"]
    build.run(spec)
    assert len(sources) == 1, "a build that names no Python gets no environment of its own"
