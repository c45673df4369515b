"""Sentences and facts of the design that no requirement id carries."""

import json
import re

from generator.cfn.intrinsics import render
from generator.cfn.templates import TemplateSet
from tests.support.design import actions, buildspec, commands, passed, ref, stages, variables

# Category and provider of each action of the design's pipeline definition.
KINDS = {
    "SourceAction": ("Source", "CodeCommit"),
    "BackendBuild": ("Build", "CodeBuild"),
    "FrontendBuild": ("Build", "CodeBuild"),
    "DeployToECS": ("Deploy", "ECS"),
    "DeployToS3": ("Deploy", "S3"),
}


def test_dependencies_come_first_and_are_logged(templates: TemplateSet) -> None:
    for project, command in (("BackendBuild", "-m pip install"), ("FrontendBuild", "npm) npm ci --include=dev")):
        assert command in commands(templates, project, "install")
        assert buildspec(templates, project)["phases"]["install"]["on-failure"] == "ABORT"
        logs = templates.resource(f"build.{project}").get("LogsConfig", "CloudWatchLogs")
        assert logs == {"GroupName": ref(f"{project}Logs"), "Status": "ENABLED"}
        assert templates.resource(f"build.{project}Logs").get("RetentionInDays") == ref("LogRetentionDays")
    installed = commands(templates, "BackendBuild", "install")
    assert 'cd "$CODEBUILD_SRC_DIR/release-requirements"' in installed and '-r "$PWD/requirements.txt"' in installed
    assert "--upgrade" not in installed


def test_the_log_says_what_each_phase_did(templates: TemplateSet) -> None:
    for project in ("BackendBuild", "FrontendBuild"):
        for phase in ("install", "pre_build", "build", "post_build"):
            line = f'echo "DURATION {phase} $(( $(date +%s) - PHASE_STARTED )) s"'
            body = buildspec(templates, project)["phases"][phase]
            assert [*body["commands"], *body.get("finally", [])].count(line) == 1
        assert "RESULT lint: " in commands(templates, project, "pre_build")
        assert "tests: passed" in commands(templates, project, "build")


def test_the_tools_of_the_checks_are_installed(templates: TemplateSet) -> None:
    """By the hashes of their wheels; those of the tests only where the application brings none."""
    text = commands(templates, "BackendBuild")
    for name, tools in (("TOOLS", ("flake8", "bandit", "pip")), ("TESTERS", ("coverage", "pytest", "pytest-asyncio"))):
        [body] = re.findall(rf"<<'{name}'\n(.*?)\n *{name}\n", text, re.S)
        for tool in tools:
            assert re.search(rf"^ *{tool}==[\d.]+ \\\n +--hash=sha256:[0-9a-f]{{64}}", body, re.M), tool
    lists = re.findall(r"<<'(TOOLS|TESTERS|UV|POETRY)'", text)
    assert len(re.findall(r"--no-deps\s+--require-hashes", text)) == len(lists) == 4
    assert 'if "pytest" in there' in text


def test_the_frontend_is_built_once(templates: TemplateSet) -> None:
    """`npm run build --dry-run` is a real build, so a second one; the build itself is the check."""
    text = commands(templates, "FrontendBuild")
    # And the build of each package of a workspace that the page needs, in its own folder.
    assert text.replace('(cd "$folder" && $RUN build)', "").count("$RUN build") == 1 and "npm run build" not in text
    assert "--dry-run" not in text


def test_artifacts_are_checked_before_they_leave(templates: TemplateSet) -> None:
    guard = 'test "$CODEBUILD_BUILD_SUCCEEDING" = 1 || { echo "The build failed, nothing is published"; exit 1; }'
    for project in ("BackendBuild", "FrontendBuild"):
        assert guard in buildspec(templates, project)["phases"]["post_build"]["commands"]
    # What the backend's build packs is what leaves it, with the image, and only what was pushed is defined.
    assert buildspec(templates, "BackendBuild")["artifacts"] == {"base-directory": "release-bundle", "files": ["**/*"]}
    assert 'BUNDLE="$CODEBUILD_SRC_DIR/release-bundle"' in commands(templates, "BackendBuild", "install")
    assert '--output "$BUNDLE/release-image.tar"' in commands(templates, "BackendBuild", "post_build")
    assert 'pathlib.Path("release-output/imagedefinitions.json").write_text' in commands(templates, "Push")
    text = commands(templates, "FrontendBuild", "post_build")
    assert '"$OUTPUT_DIRECTORY/index.html" "$OUTPUT_DIRECTORY/$ASSETS_DIRECTORY"' in text
    missing = text.partition('echo "ERROR the build made no $FRONTEND_DIRECTORY/$part"')[2]
    assert missing.partition("\ndone\n")[0].endswith("\n  exit 1")


def test_what_the_bundle_holds(templates: TemplateSet) -> None:
    text = commands(templates, "BackendBuild", "pre_build")
    assert 'for top in (*sorted(tops), "Procfile", ".ebextensions", ".platform"):' in text
    copied = 'pathlib.Path(os.environ["CODEBUILD_SRC_DIR"], "release-requirements"), bundle'
    assert f"shutil.copytree({copied}" in text
    assert 'PACKAGE="${APPLICATION_MODULE%%[.:]*}"' in commands(templates, "BackendBuild", "install")
    assert variables(templates, "BackendBuild")["APPLICATION_MODULE"] == "app.main:app"


def test_names_of_the_pipeline_definition(templates: TemplateSet) -> None:
    """Actions and artifacts are called as in the design; the frontend's output is two artifacts, with other headers."""
    by_stage = stages(templates)
    for stage, name, outputs in (
        ("Source", "SourceAction", ["SourceOutput"]),
        ("Build_Backend", "BackendBuild", ["BackendBuildOutput"]),
        ("Build_Frontend", "FrontendBuild", ["FrontendAssets", "FrontendDocuments"]),
        ("Deploy_Backend", "DeployToECS", []),
        ("Deploy_Frontend", "DeployToS3", []),
    ):
        action = actions(by_stage[stage])[name]
        assert [output_artifact["Name"] for output_artifact in action.get("OutputArtifacts", [])] == outputs
        category, provider = KINDS[name]
        kind = {"Category": category, "Owner": "AWS", "Provider": provider, "Version": "1"}
        assert action["ActionTypeId"] == kind, name
    assert actions(by_stage["Source"])["SourceAction"]["Configuration"]["RepositoryName"] == ref("RepositoryName")
    assert passed(templates, "Pipeline", "RepositoryName") == ref("RepositoryName")


def test_health_is_asked(templates: TemplateSet) -> None:
    for name in ("FirstTargets", "SecondTargets"):
        group = templates.resource(f"ingress.{name}")
        assert (group.get("HealthCheckPath"), group.get("Matcher")) == ("/health", {"HttpCode": "200"})
        assert group.get("HealthCheckEnabled", default=True) is True
    assert variables(templates, "Verify")["HEALTH_PATH"] == "/health"
    assert 'same("status", 200, status)' in commands(templates, "Verify")
    smoke = json.loads(variables(templates, "Verify")["SMOKE_REQUESTS"])
    assert ("GET", "/health", 200) in [(item["method"], item["path"], item["status"]) for item in smoke]


def test_codedeploy_takes_no_part(templates: TemplateSet) -> None:
    """The ECS action deploys by itself from the file of image definitions, so there is nothing to read an appspec."""
    for stage in stages(templates).values():
        assert not [name for name, item in actions(stage).items() if "CodeDeploy" in item["ActionTypeId"]["Provider"]]
    deploy = actions(stages(templates)["Deploy_Backend"])["DeployToECS"]
    assert deploy["ActionTypeId"]["Provider"] == "ECS"
    assert deploy["Configuration"]["FileName"] == "imagedefinitions.json"
    assert not [item.address for item in templates.resources() if item.type.startswith("AWS::CodeDeploy::")]
    assert "appspec" not in commands(templates, "BackendBuild")


def test_the_load_is_followed(templates: TemplateSet) -> None:
    """Autoscaling and balance between the zones: what Beanstalk's advantages and task placement ask for."""
    for name, metric in (
        ("CpuScaling", "ECSServiceAverageCPUUtilization"),
        ("MemoryScaling", "ECSServiceAverageMemoryUtilization"),
    ):
        policy = templates.resource(f"backend.{name}")
        tracking = policy.get("TargetTrackingScalingPolicyConfiguration", default={})
        assert policy.get("ScalingTargetId") == ref("Scaling")
        assert tracking["PredefinedMetricSpecification"] == {"PredefinedMetricType": metric}
        assert 0 < tracking["TargetValue"] < 100
    scaling = templates.resource("backend.Scaling")
    assert render(scaling.get("ResourceId")) == "service/${Cluster}/${Service.Name}"
    service = templates.resource("backend.Service")
    assert (service.get("LaunchType"), service.get("AvailabilityZoneRebalancing")) == ("FARGATE", "ENABLED")
    assert service.get("PlacementStrategies") is None
    subnets = [ref("PrivateSubnetA"), ref("PrivateSubnetB")]
    assert service.get("NetworkConfiguration", "AwsvpcConfiguration", "Subnets") == subnets
