"""Build: the projects, their runtimes, their buildspecs, what they leave behind."""

import re

from generator.cfn.intrinsics import render
from generator.cfn.templates import TemplateSet
from tests.support.design import (
    actions,
    allowed,
    arn,
    attribute,
    buildspec,
    chosen,
    commands,
    declaration,
    default,
    dimensions,
    matches,
    passed,
    real,
    ref,
    stages,
    sub,
    under,
    variables,
)

PROJECTS = ("BackendBuild", "FrontendBuild")
OTHERS = ("Changes", "Publish", "Push", "Raise", "Seal", "Verify", "VerifyFrontend")


def test_two_build_projects(templates: TemplateSet) -> None:
    for project in PROJECTS:
        declared = templates.resource(f"build.{project}")
        assert declared.type == "AWS::CodeBuild::Project"
        assert declared.get("Environment", "Image") == ref("BuildImage")
        assert declared.get("Environment", "ComputeType") == ref("BuildComputeType")
        assert declared.get("Environment", "Type") == "LINUX_CONTAINER"
        assert declared.get("Environment", "ImagePullCredentialsType") == "CODEBUILD"
        assert declared.get("Artifacts") == {"Type": "CODEPIPELINE"}
        assert declared.get("ServiceRole") == attribute(f"{project}Role")
    assert default(templates, "BuildImage") == "aws/codebuild/standard:7.0"
    assert default(templates, "BuildComputeType") == "BUILD_GENERAL1_SMALL"
    # What builds an image and what pushes it start a Docker daemon; no build that runs the application may push.
    privileged = [
        resource.logical_id
        for resource in templates.resources("AWS::CodeBuild::Project")
        if resource.get("Environment", "PrivilegedMode")
    ]
    assert privileged == ["BackendBuild", "Push"]
    assert allowed(templates, "build.PushRole")["ecr:PutImage"] == {"${RegistryArn}"}
    for project in PROJECTS:
        assert [action for action in allowed(templates, f"build.{project}Role") if action.startswith("ecr:")] == []


def test_runtimes(templates: TemplateSet) -> None:
    for project, runtime, variable, parameter in (
        ("BackendBuild", "python", "PYTHON_VERSION", "PythonVersion"),
        ("FrontendBuild", "nodejs", "NODE_VERSION", "NodeVersion"),
    ):
        assert buildspec(templates, project)["phases"]["install"]["runtime-versions"] == {runtime: f"${variable}"}
        assert variables(templates, project)[variable] == ref(parameter)
    assert default(templates, "PythonVersion") == "3.11"
    assert default(templates, "NodeVersion") == "22"
    assert "18" in declaration(templates, "NodeVersion")["AllowedValues"]
    assert "Node18NeedsAnOldImage" in templates["environment"].body.get("Rules", {})


def test_buildspec_sources(templates: TemplateSet) -> None:
    for project, directory in (("BackendBuild", "backend"), ("FrontendBuild", "frontend")):
        assert buildspec(templates, project)["version"] == 0.2
        for source in ("INLINE", "REPOSITORY"):
            spec = under(templates, f"build.{project}", BuildspecSource=source).get("Source", {}).get("BuildSpec")
            assert (render(spec) == f"{directory}/buildspec.yml") is (source == "REPOSITORY")
    assert default(templates, "BuildspecSource") == "INLINE"
    assert passed(templates, "Build", "BuildspecSource") == ref("BuildspecSource")


def test_phases_work_from_the_root(templates: TemplateSet) -> None:
    for project, directory in (("BackendBuild", "BACKEND_DIRECTORY"), ("FrontendBuild", "FRONTEND_DIRECTORY")):
        phases = buildspec(templates, project)["phases"]
        assert list(phases) == ["install", "pre_build", "build", "post_build"]
        for name, phase in phases.items():
            assert f'cd "$CODEBUILD_SRC_DIR/${directory}"' in phase["commands"], name
        assert "CODEBUILD_BUILD_SUCCEEDING" in commands(templates, project, "post_build")


def test_compile_and_lint(templates: TemplateSet) -> None:
    text = commands(templates, "BackendBuild", "pre_build")
    assert 'python -m compileall -q "$CODE" || { echo "ERROR $PACKAGE does not compile"; exit 1; }' in text
    assert '-m flake8 "$CODE" --isolated --max-line-length="$LINT_COLUMNS"' in text
    assert variables(templates, "BackendBuild")["LINT_COLUMNS"] == "120"
    assert buildspec(templates, "BackendBuild")["phases"]["pre_build"]["on-failure"] == "ABORT"
    for project in PROJECTS:
        assert variables(templates, project)["LINT_BLOCKS"] == ref("LintBlocks")
        assert "LINT_BLOCKS=true stops the build" in commands(templates, project, "pre_build")
        assert "reported only (LINT_BLOCKS=false)" in commands(templates, project, "pre_build")
    assert default(templates, "LintBlocks") == "false"


def test_tests_are_reported_and_block_by_parameter(templates: TemplateSet) -> None:
    for project, reports in (("BackendBuild", ["Tests", "Coverage"]), ("FrontendBuild", ["Tests"])):
        assert variables(templates, project)["TESTS_BLOCK"] == ref("TestsBlock")
        spec = buildspec(templates, project)
        assert list(spec["reports"]) == [report.lower() for report in reports]
        for report in reports:
            group = templates.resource(f"build.{project}{report}Report")
            name = f"${{{project.removesuffix('Build')}ProjectName}}-{report.lower()}"
            assert group.get("Name") == sub(name)
            assert group.get("Type") == {"Tests": "TEST", "Coverage": "CODE_COVERAGE"}[report]
            targets = allowed(templates, f"build.{project}Role")["codebuild:CreateReport"]
            assert arn("codebuild", f"report-group/{name}") in targets
        assert spec["reports"]["tests"]["file-format"] == "JUNITXML"
        text = commands(templates, project, "build")
        assert "tests: NONE, the application has no" in text
        assert "TESTS_BLOCK=true" in text
    assert buildspec(templates, "BackendBuild")["reports"]["coverage"]["file-format"] == "COBERTURAXML"
    assert default(templates, "TestsBlock") == "true"
    assert chosen("production")["TestsBlock"] == "true"
    assert chosen("staging")["TestsBlock"] == "false"


def test_every_check_is_there(templates: TemplateSet) -> None:
    backend = commands(templates, "BackendBuild", "pre_build", "build")
    for check in ("-m bandit -q -r", "suite unit", "suite integration tests/integration"):
        assert re.search(rf"{re.escape(check)}(?!\w)", backend), check
    # The scan's findings go to the log, in a form without the passwords that it finds, and to no file.
    [scan] = re.findall(r"-m bandit (.*(?:\\\n.*)*)", backend)
    assert "-f custom" in scan and "{msg}" not in scan and not re.search(r" -o |--output|json", scan)
    frontend = commands(templates, "FrontendBuild", "pre_build", "build")
    for check in ("$RUN lint", "$RUN test $AFTER", "--watchAll=false", "$RUN build"):
        assert re.search(rf"{re.escape(check)}(?!\w)", frontend), check
    # What the application does not have is said aloud.
    assert "RESULT lint: SKIPPED, package.json has no script named lint" in frontend
    assert "RESULT tests: NONE, the application has no tests" in frontend
    assert "RESULT $1 tests: NONE, the application has no $1 tests" in backend


def test_artifacts(templates: TemplateSet) -> None:
    assert templates.resource("registry.Images").get("ImageTagMutability") == "IMMUTABLE"
    assert variables(templates, "BackendBuild")["MAKES_IMAGE"] == {"Fn::If": ["OnEcs", "true", "false"]}
    assert variables(templates, "Push")["REPOSITORY_URI"] == ref("RegistryUri")
    pushed = commands(templates, "Push")
    assert "tag = commit[:12]" in pushed
    assert 'image = f"{uri}@{digest}"' in pushed
    assert '"imageUri": image' in pushed and "release-output/imagedefinitions.json" in pushed
    assert buildspec(templates, "Push")["artifacts"] == {"base-directory": "release-output", "files": ["**/*"]}
    text = commands(templates, "BackendBuild")
    assert 'docker save --output "$BUNDLE/release-image.tar"' in text
    assert 'entry == "tests" and below / entry not in kept' in text
    assert '> "$BUNDLE/Procfile"' in text
    spec = buildspec(templates, "BackendBuild")
    assert spec["artifacts"] == {"base-directory": "release-bundle", "files": ["**/*"]}
    assert {"COMMIT"} <= set(spec["env"]["exported-variables"])
    by_stage = stages(templates)
    assert actions(by_stage["Build_Backend"])["BackendBuild"]["OutputArtifacts"] == [{"Name": "BackendBuildOutput"}]
    assert actions(by_stage["Build_Backend"])["PushImage"]["OutputArtifacts"] == [{"Name": "BackendImage"}]
    outputs = actions(by_stage["Build_Frontend"])["FrontendBuild"]["OutputArtifacts"]
    for name, parameter in (("OUTPUT_DIRECTORY", "FrontendOutput"), ("ASSETS_DIRECTORY", "FrontendAssets")):
        assert variables(templates, "FrontendBuild")[name] == ref(parameter)
    assert (default(templates, "FrontendOutput"), default(templates, "FrontendAssets")) == ("build", "static")
    secondary = buildspec(templates, "FrontendBuild")["artifacts"]["secondary-artifacts"]
    assert [output["Name"] for output in outputs] == list(secondary) == ["FrontendAssets", "FrontendDocuments"]
    assert secondary["FrontendAssets"]["base-directory"] != secondary["FrontendDocuments"]["base-directory"]


def test_caches(templates: TemplateSet) -> None:
    for project, folder, path, key in (
        ("BackendBuild", "cache/backend", "/root/.cache/pip/**/*", "requirements.txt"),
        ("FrontendBuild", "cache/frontend", "/root/.npm/**/*", "*lock*"),
    ):
        cache = templates.resource(f"build.{project}").get("Cache")
        assert cache == {"Type": "S3", "Location": sub(f"${{ArtifactBucketName}}/{folder}")}
        spec = buildspec(templates, project)["cache"]
        assert spec["paths"] == [path]
        # CodeBuild encrypts what it writes with the project's key.
        assert templates.resource(f"build.{project}").get("EncryptionKey") == ref("KeyArn")
        assert "codebuild-hash-files" in spec["key"]
        assert key in spec["key"]
        assert spec["key"].startswith(spec["fallback-keys"][0])
    [rule] = [
        rule
        for rule in templates.resource("storage.Artifacts").get("LifecycleConfiguration", "Rules", default=[])
        if rule.get("Prefix") == "cache/"
    ]
    assert rule["ExpirationInDays"] == 30


def test_default_dockerfile(templates: TemplateSet) -> None:
    text = commands(templates, "BackendBuild", "post_build")
    assert 'echo "RESULT Dockerfile: the application\'s own"' in text
    values = variables(templates, "BackendBuild")
    # The version that the tests run on, whichever is chosen.
    assert values["BASE_IMAGE"] == sub("public.ecr.aws/docker/library/python:${PythonVersion}-slim")
    assert values["PYTHON_VERSION"] == ref("PythonVersion")
    assert (values["PORT"], values["APPLICATION_MODULE"]) == ("8000", "app.main:app")
    pins = dict(pin.split("=") for pin in values["BASE_DIGESTS"].split())
    assert list(pins) == declaration(templates, "PythonVersion")["AllowedValues"]
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", digest) for digest in pins.values())
    start = text.index("FROM $BASE_IMAGE@$base_digest")
    created = text[start : text.index("\nDOCKERFILE", start)]
    assert created.index("USER 10001") < created.index("CMD [")
    assert "pip install --no-cache-dir --disable-pip-version-check -r requirements.txt" in created
    assert "EXPOSE $PORT" in created
    # Its home is the user's own, and it has all that the release has.
    assert "useradd --create-home --uid 10001 application" in created
    assert created.index("WORKDIR /home/application") < created.index("\nCOPY . .") < created.index("USER 10001")
    assert '"uvicorn", "$APPLICATION_MODULE", "--host", "0.0.0.0", "--port", "$PORT"' in created
    assert "--proxy-headers" in created


def test_build_time_variables(templates: TemplateSet) -> None:
    values = {name: render(value) for name, value in variables(templates, "FrontendBuild").items()}
    assert {name: value for name, value in values.items() if name.startswith("REACT_APP_")} == {
        "REACT_APP_API_URL": "/api/v1",
        "REACT_APP_API_BASE_URL": "/api/v1",
        "REACT_APP_BASE_URL": "/api/v1",
        "REACT_APP_ENVIRONMENT": "${Environment}",
    }
    install = commands(templates, "FrontendBuild", "install")
    assert 'REACT_APP_VERSION="${REACT_APP_VERSION:-${COMMIT:0:12}}"' in install
    # An environment adds its own, which win.
    assert variables(templates, "FrontendBuild")["BUILD_VARIABLES"] == ref("BuildVariables")
    assert passed(templates, "Build", "BuildVariables") == ref("BuildVariables")
    assert 'export "${pair?}"' in install
    declared = declaration(templates, "BuildVariables")
    assert declared["Default"] == ""
    for value, good in (
        ("", True),
        ("REACT_APP_API_URL=https://api.test/api/v1", True),
        ("REACT_APP_A=1,VITE_B=", True),
        ("PATH=/tmp", False),
        ("REACT_APP_A=1,HOME=/", False),
        ("REACT_APP_MAPS_KEY=abc", False),
        ("VITE_A=1,VITE_API_TOKEN=abc", False),
        ("VITE_A=$(id)", False),
    ):
        assert matches(declared, value) is good, value


def test_time_limits(templates: TemplateSet) -> None:
    for project in (*PROJECTS, *OTHERS):
        assert templates.resource(f"build.{project}").get("TimeoutInMinutes") == ref("BuildTimeoutMinutes")
    by_stage = stages(templates, ApprovalRequired="true")
    deploy = actions(by_stage["Deploy_Backend"])["DeployToECS"]["Configuration"]
    assert deploy["DeploymentTimeout"] == ref("DeploymentTimeoutMinutes")
    assert declaration(templates, "DeploymentTimeoutMinutes")["MaxValue"] == 60
    approval = actions(by_stage["Approve"])["ApproveRelease"]
    assert approval["TimeoutInMinutes"] == ref("ApprovalTimeoutMinutes")
    # The design's number for the whole, and those of its parts below it.
    assert default(templates, "ExecutionTimeoutMinutes") == "60"
    for part in ("BuildTimeoutMinutes", "DeploymentTimeoutMinutes"):
        assert int(str(default(templates, part))) < 60
    for name in (
        "BuildTimeoutMinutes",
        "DeploymentTimeoutMinutes",
        "ExecutionTimeoutMinutes",
        "ApprovalTimeoutMinutes",
    ):
        child = "Build" if name.startswith("Build") else "Pipeline"
        assert passed(templates, child, name) == ref(name)


def test_an_execution_is_stopped_at_its_limit(templates: TemplateSet) -> None:
    rule = templates.resource("pipeline.WatchRule")
    assert rule.get("State") == "ENABLED"
    assert rule.get("EventPattern") == {
        "source": ["aws.codepipeline"],
        "detail-type": ["CodePipeline Pipeline Execution State Change"],
        "detail": {"pipeline": [ref("PipelineName")], "state": ["STARTED", "RESUMED"]},
    }
    machine = templates.resource("pipeline.Watch")
    arn_of_machine = arn("states", "stateMachine:${PipelineName}-watch")
    assert machine.get("StateMachineName") == sub("${PipelineName}-watch")
    [target] = rule.get("Targets")
    assert (render(target["Arn"]), target["RoleArn"]) == (arn_of_machine, attribute("WatchStartRole"))
    transformer = target["InputTransformer"]
    assert transformer["InputPathsMap"] == {"execution": "$.detail.execution-id"}
    assert transformer["InputTemplate"] == sub(
        '{"execution": <execution>, "limit": ${ExecutionTimeoutMinutes}, "minutes": 0}'
    )
    assert allowed(templates, "pipeline.WatchStartRole") == {"states:StartExecution": {arn_of_machine}}
    may, pipeline = allowed(templates, "pipeline.WatchRole"), {arn("codepipeline", "${PipelineName}")}
    for action in ("GetPipelineExecution", "ListActionExecutions", "StopPipelineExecution"):
        assert may[f"codepipeline:{action}"] == pipeline
    assert may["states:StartExecution"] == {arn_of_machine}
    assert machine.get("RoleArn") == attribute("WatchRole")
    # Minutes are counted in which an action runs that is no approval; then the execution is stopped at once.
    states = machine.get("Definition", "States", default={})
    ways = {name: state.get("Next") or state.get("Default") for name, state in states.items()}
    assert (states["Wait"]["Seconds"], ways["Wait"]) == (60, "ReadExecution")
    assert states["Running"]["Choices"][0] == {
        "Variable": "$.seen.status",
        "StringEquals": "InProgress",
        "Next": "ReadActions",
    }
    assert states["ReadActions"]["Parameters"]["Filter"] == {"PipelineExecutionId.$": "$.execution"}
    assert states["ReadActions"]["ResultSelector"] == {
        "stages.$": "$.ActionExecutionDetails[?(@.Status=='InProgress' && @.Input.ActionTypeId.Category!='Approval')]"
        ".StageName"
    }
    assert states["Working"]["Choices"] == [{"Variable": "$.working.stages[0]", "IsPresent": True, "Next": "Count"}]
    assert states["Count"]["Parameters"]["minutes.$"] == "States.MathAdd($.minutes, 1)"
    assert (ways["Working"], ways["Count"], ways["OverLimit"]) == ("HandOver", "OverLimit", "Wait")
    assert states["OverLimit"]["Choices"] == [
        {"Variable": "$.minutes", "NumericGreaterThanEqualsPath": "$.limit", "Next": "Stop"}
    ]
    stop = states["Stop"]
    assert render(stop["Resource"]).endswith(":states:::aws-sdk:codepipeline:stopPipelineExecution")
    assert (stop["Parameters"]["Abandon"], stop["Parameters"]["PipelineExecutionId.$"]) == (True, "$.execution")
    assert (stop["Next"], ways["TellTimeout"], states["TimedOut"]["Type"]) == ("TellTimeout", "TimedOut", "Fail")
    assert states["TellTimeout"]["Parameters"]["Message"]["status"] == "FAILED"
    # A watch in which nothing runs hands its minutes over, so that none outgrows the events that it may have.
    handed = {f"{name}.$": f"$.{name}" for name in ("execution", "limit", "minutes")}
    assert states["HandOver"]["Parameters"] == {"StateMachineArn.$": "$$.StateMachine.Id", "Input": handed}
    alarm = templates.resource("monitoring.PipelineTimeout")
    assert (alarm.get("Threshold"), alarm.get("AlarmActions")) == (1, [ref("TopicArn")])
    metrics = {query["Id"]: query.get("MetricStat", {}).get("Metric") for query in alarm.get("Metrics", default=[])}
    assert (metrics["stopped"]["Namespace"], metrics["stopped"]["MetricName"]) == ("AWS/States", "ExecutionsFailed")
    assert dimensions(metrics["stopped"]) == {"StateMachineArn": "${WatchArn}"}
    assert dimensions(metrics["unwatched"]) == {"RuleName": "${WatchRuleName}"}
    assert alarm.get("Metrics", 2, "Expression") == "FILL(stopped, 0) + FILL(unwatched, 0)"
    assert real(templates, "monitoring.PipelineTimeout", ref("WatchArn")) == "${pipeline.Watch}"
