"""Releases on a deployed environment, one after the other: the story of what reaches users and what does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.local_aws import faults, server
from scripts.local_aws.faults import CallFault, Plan
from scripts.rehearsal.report import Release
from tests.conftest import ROOT
from tests.support.processes import gone
from tests.support.rehearsal.environments import DeployedEnvironment, command, deployed_environment, red, without
from tests.support.rehearsal.hostile import SECRET, STEAL, user_with_secrets
from tests.support.rehearsal.prepared_aws import allow
from tests.support.rehearsal.serving import ask

FIELDS = ["pipeline", "stage", "status", "executionId", "timestamp", "error", "rollback"]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedEnvironment]:
    with deployed_environment(tmp_path_factory.mktemp("rehearse")) as environment:
        yield environment


@pytest.fixture(scope="module")
def first(here: DeployedEnvironment) -> Release:
    """The first release, into an empty registry and a service without tasks."""
    assert here.service()[0] == 0
    return here.release(here.application("first"))


@pytest.fixture(scope="module")
def updated(here: DeployedEnvironment, first: Release) -> str:
    """An update of the infrastructure that changes the backend, and has releases look at the scan of their images."""
    assert first.succeeded
    here.parameters(LogLevel="DEBUG", ScanFindingsBlock="CRITICAL")
    return here.deploy()


@pytest.fixture(scope="module")
def failed(here: DeployedEnvironment, updated: str) -> Release:
    """A release whose verification is red."""
    assert updated
    return here.release(here.application("sick", app__sick=""))


def test_the_first_release_works_on_an_empty_registry(here: DeployedEnvironment, first: Release) -> None:
    assert first.succeeded, here.lines
    assert here.service() == (1, first.commit[:12])
    assert here.last_image() == first.commit[:12]
    # The image of a good release has a second tag, which the registry keeps.
    repository = here.output("RegistryUri").partition("/")[2]
    tags = here.aws.call("ecr", "list_images", repositoryName=repository)["imageIds"]
    [digest] = {entry["imageDigest"].removeprefix("sha256:") for entry in tags}
    assert {entry["imageTag"] for entry in tags} == {first.commit[:12], f"released-{digest}"}
    messages = [json.loads(message.body) for message in first.messages]
    assert [message["status"] for message in messages] == ["SUCCEEDED"]
    assert {**messages[0], "timestamp": ""} == {
        "pipeline": here.output("Pipeline"),
        "stage": "all",
        "status": "SUCCEEDED",
        "executionId": first.id,
        "timestamp": "",
        "error": "none",
        "rollback": "none",
    }
    assert not [message.undelivered for message in first.messages if message.undelivered]


def test_artifacts_are_encrypted_and_files_have_their_cache_headers(here: DeployedEnvironment, first: Release) -> None:
    assert len(first.artifacts) == 7
    for text in first.artifacts.values():
        key = text.rpartition(", ")[2]
        head = here.aws.call("s3", "head_object", Bucket=here.output("ArtifactBucketName"), Key=key)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", here.output("KeyArn"))
    files = {}
    for entry in here.aws.call("s3", "list_objects_v2", Bucket=here.output("SiteBucketName"))["Contents"]:
        head = here.aws.call("s3", "head_object", Bucket=here.output("SiteBucketName"), Key=entry["Key"])
        files[entry["Key"]] = (head["ContentType"], head["CacheControl"])
    assert files["index.html"] == ("text/html", "no-cache")
    assert files["static/js/main.01234567.js"] == ("text/javascript", "public, max-age=31536000, immutable")


def test_what_was_stood_in_for_is_said(first: Release) -> None:
    notes = "\n".join(first.notes)
    for part in ("PUBLIC_URL = https://", "docker build", "S3 caches", "WAIT_SECONDS = 0", "ECS: the tasks"):
        assert part in notes
    assert "bill of materials of the image: of files that are copied into it" in notes


def test_an_image_that_was_not_looked_at_has_no_bill_of_materials_and_the_page_has_one(
    here: DeployedEnvironment, first: Release
) -> None:
    assert first.succeeded
    bucket = here.output("ArtifactBucketName")
    keys = {entry["Key"] for entry in here.aws.call("s3", "list_objects_v2", Bucket=bucket)["Contents"]}
    documents = {key.rpartition("/")[0]: key for key in keys if key.endswith(".cdx.json") and first.id in key}
    assert set(documents) == {"sealed/SealedAssets", "sealed/SealedDocuments"}
    assert {f"{place}/{first.id}.provenance.json" for place in documents} <= keys
    assert not [key for key in keys if key.startswith("images/") and key.endswith(".cdx.json")]


# What a first release that goes well does not use of its roles, and when it is used.
NEEDED_LATER = {
    "VerifyFrontendRole": {"s3:GetObject"},  # the page is stale
    # The scan of images is looked at, by Amazon Inspector too; an image of the same commit has been pushed before.
    "PushRole": {"ecr:DescribeImageScanFindings", "inspector2:ListCoverage", "inspector2:ListFindings", "s3:GetObject"},
    # A release takes longer than it may.
    "WatchRole": {"codepipeline:ListActionExecutions", "codepipeline:StopPipelineExecution", "states:StartExecution"},
}


def test_permissions_are_reported(first: Release) -> None:
    used = {usage.role: usage for usage in first.usage}
    assert len(used) > 7
    pipeline = next(usage for role, usage in used.items() if "PipelineRole" in role)
    assert {"codebuild:StartBuild", "ecs:RegisterTaskDefinition", "iam:PassRole", "kms:Decrypt"} <= set(pipeline.used)
    assert pipeline.unused == ()
    unused = {usage.role.split("-")[-2]: set(usage.unused) for usage in first.usage if usage.unused}
    del unused["TaskRole"]  # the application's own calls, which its tests and no release make
    assert unused == NEEDED_LATER


def test_an_update_of_the_infrastructure_keeps_the_released_image(
    here: DeployedEnvironment, first: Release, updated: str
) -> None:
    assert "Backend" in updated
    assert here.service() == (1, first.commit[:12])


def test_a_failed_release_leaves_the_previous_one_running(
    here: DeployedEnvironment, first: Release, failed: Release
) -> None:
    assert "red: health" in red(failed)
    assert here.service() == (1, first.commit[:12])
    assert here.last_image() == first.commit[:12]
    stage = next(stage for stage in failed.stages if not stage.succeeded)
    assert f"rolled back to the release of commit {first.commit[:12]}" in stage.consequence
    assert "failed," not in stage.consequence


def test_the_notification_of_a_failure_has_the_seven_fields(failed: Release) -> None:
    body = next(message.body for message in failed.messages if '"FAILED"' in message.body)
    message = json.loads(body)
    assert list(message) == FIELDS
    assert message["rollback"] == "initiated"
    assert message["error"]["external-execution-summary"] == red(failed)
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in message.items())
    assert body == f"{{\n{lines}\n}}"


def test_a_failure_is_one_message_and_its_rollback_no_success(failed: Release) -> None:
    messages = [json.loads(message.body) for message in failed.messages]
    assert [(message["status"], message["rollback"]) for message in messages] == [
        ("FAILED", "initiated"),
        ("ROLLED_BACK", "completed"),
    ]


def test_a_planted_critical_finding_stops_the_release(here: DeployedEnvironment, failed: Release) -> None:
    """A base image or a package with a known hole. Without one the scan stops nothing, and the report says that nobody
    looked."""
    assert "scan of the image: nothing here looks for vulnerabilities" in "\n".join(failed.notes)
    before = here.service()
    answer = {
        "imageScanStatus": {"status": "COMPLETE"},
        "imageScanFindings": {
            "findings": [{"name": "CVE-2026-0001", "severity": "CRITICAL"}],
            "findingSeverityCounts": {"CRITICAL": 1},
        },
    }
    fault = CallFault("answer", on="ecr.DescribeImageScanFindings", times=0, answer=answer)
    run = server.status(here.run_file)
    assert run
    with faults.planned(run.endpoint, Plan((fault,))):
        release = here.release(here.application("vulnerable"))
    assert not release.succeeded and here.service() == before
    errors = [action.error for stage in release.stages for action in stage.actions if action.error]
    assert len(errors) == 2, "the stage is tried once more, and the image is judged again"
    for error in errors:
        assert "ERROR scan: CRITICAL CVE-2026-0001: SCAN_FINDINGS_BLOCK=CRITICAL stops the release" in error
    assert "Deploy_Backend" in release.not_reached


def test_a_release_over_its_time_is_stopped(here: DeployedEnvironment, first: Release, failed: Release) -> None:
    assert first.succeeded and not failed.succeeded
    release = here.release(here.application("endless"), hang_at="BackendBuild")
    assert red(release) == "the execution was stopped: stopped after its limit of 60 minutes"
    assert release.not_reached, "nothing runs after it"
    execution = {"pipelineName": here.output("Pipeline"), "pipelineExecutionId": release.id}
    assert (
        here.aws.call("codepipeline", "get_pipeline_execution", **execution)["pipelineExecution"]["status"] == "Stopped"
    )
    [message] = [json.loads(message.body) for message in release.messages]
    assert sorted(message) == sorted(FIELDS)
    assert (message["stage"], message["status"], message["executionId"]) == ("Build_Backend", "FAILED", release.id)
    assert message["error"] == "stopped after its limit of 60 minutes"
    [alarm] = here.aws.call("cloudwatch", "describe_alarms", StateValue="ALARM")["MetricAlarms"]
    assert alarm["AlarmName"] == "cloud-health-dashboard-local-PipelineTimeout"


def test_a_later_update_does_not_bring_the_failed_release_in(
    here: DeployedEnvironment, first: Release, failed: Release
) -> None:
    assert not failed.succeeded
    here.parameters(LogLevel="INFO")
    here.deploy()
    assert here.service() == (1, first.commit[:12])


def test_a_release_is_an_execution_that_every_tool_sees(
    here: DeployedEnvironment, first: Release, failed: Release
) -> None:
    name = here.output("Pipeline")
    answer = here.aws.call("codepipeline", "list_pipeline_executions", pipelineName=name)
    executions = reversed(answer["pipelineExecutionSummaries"])
    summaries = [summary for summary in executions if summary["status"] != "Stopped"]  # the test before this one
    assert [(summary["status"], summary["executionType"]) for summary in summaries] == [
        ("Succeeded", "STANDARD"),
        ("Failed", "STANDARD"),
        ("Succeeded", "ROLLBACK"),
        ("Failed", "STANDARD"),  # a critical finding
    ]
    assert summaries[0]["sourceRevisions"][0]["revisionId"] == first.commit
    assert summaries[2]["rollbackMetadata"]["rollbackTargetPipelineExecutionId"] == first.id
    execution = {"pipelineName": name, "pipelineExecutionId": first.id}
    assert here.aws.call("codepipeline", "get_pipeline_execution", **execution)["pipelineExecution"]["pipelineVersion"]
    state = here.aws.call("codepipeline", "get_pipeline_state", name=name)["stageStates"]
    assert next(stage["latestExecution"]["status"] for stage in state if "latestExecution" in stage) == "Succeeded"
    request = {"pipelineName": name, "filter": {"pipelineExecutionId": first.id}}
    details = here.aws.call("codepipeline", "list_action_executions", **request)["actionExecutionDetails"]
    source = details[-1]
    assert source["output"]["outputVariables"]["CommitId"] == first.commit
    assert source["output"]["outputArtifacts"][0]["s3location"]["bucket"] == here.output("ArtifactBucketName")
    assert failed.id in {summary["pipelineExecutionId"] for summary in summaries}


@pytest.mark.soak
def test_rollback_goes_back_to_a_rehearsed_release(here: DeployedEnvironment, first: Release, failed: Release) -> None:
    """By the command that somebody types in the night, listed first."""
    assert not failed.succeeded
    second = here.release(here.application("good"))
    assert second.succeeded and here.service() == (1, second.commit[:12])
    listed = here.script("rollback", "local")
    assert f"{first.commit[:12]}  {first.id}" in listed and f"{second.commit[:12]}  {second.id}" in listed
    assert failed.id not in listed
    shown = here.script("rollback", "local", "--to", first.commit, "--yes")
    assert "Deploy_Backend: succeeded" in shown and "Deploy_Frontend: succeeded" in shown
    assert here.service() == (1, first.commit[:12])
    page = here.aws.call("s3", "get_object", Bucket=here.output("SiteBucketName"), Key="index.html")
    assert page["Body"].read() == b"<title>first</title>"


def test_a_build_that_is_made_to_fail_is_tried_twice_and_nothing_is_deployed(
    here: DeployedEnvironment, failed: Release
) -> None:
    assert not failed.succeeded
    before = here.service()
    pipeline = here.aws.call("codepipeline", "get_pipeline", name=here.output("Pipeline"))["pipeline"]
    stage = next(item for item in pipeline["stages"] if item.get("onFailure", {}).get("result") == "RETRY")
    release = here.release(here.application("third"), fail_at=stage["name"])
    tried = [action for action in release.stages[-1].actions if action.error == "failed on request (FAIL_AT)"]
    assert len(tried) == 2
    assert release.stages[-1].consequence == "tried once more"
    # Two tries, one failure, one message.
    [message] = [json.loads(message.body) for message in release.messages]
    assert sorted(message) == sorted(FIELDS)
    assert (message["stage"], message["status"], message["executionId"]) == (stage["name"], "FAILED", release.id)
    assert message["error"]["ErrorDetails"]["Message"] == "failed on request (FAIL_AT)"
    assert message["rollback"] == "not-configured"
    assert here.service() == before


def test_an_image_that_does_not_start_is_rolled_back_by_the_circuit_breaker(
    here: DeployedEnvironment, failed: Release
) -> None:
    """ECS goes back to what ran; the stage then goes to the newest release that was good, and no rollback counts as one
    (codepipeline userguide, stage-rollback): what a person had gone back from comes again."""
    assert not failed.succeeded
    executions = here.aws.call("codepipeline", "list_pipeline_executions", pipelineName=here.output("Pipeline"))
    newest = next(
        summary["sourceRevisions"][0]["revisionId"]
        for summary in executions["pipelineExecutionSummaries"]
        if (summary["status"], summary["executionType"]) == ("Succeeded", "STANDARD")
    )
    release = here.release(here.application("dead", app__dead=""))
    assert "rolled back by the circuit breaker" in red(release)
    assert here.service() == (1, newest[:12])
    # ECS's own report of the deployment is no second message about the same failure.
    assert [json.loads(message.body)["status"] for message in release.messages] == ["FAILED", "ROLLED_BACK"]


@pytest.mark.soak  # tests/buildspecs/test_verify.py has the verdict
def test_another_image_than_the_one_built_is_red_although_it_is_healthy(
    here: DeployedEnvironment, failed: Release
) -> None:
    assert not failed.succeeded
    with here.pipeline(lambda body: without(body, "DeployToECS")):
        release = here.release(here.application("other"))
    assert "red: image" in red(release)


@pytest.mark.soak  # tests/buildspecs/test_verify_page.py has the verdict
def test_a_stale_page_is_red(here: DeployedEnvironment, failed: Release) -> None:
    """Kept by CloudFront from the release before, and never invalidated."""
    assert not failed.succeeded
    body = {"Body": b"<title>old</title>", "ContentType": "text/html", "CacheControl": "max-age=600"}
    here.aws.call("s3", "put_object", Bucket=here.output("SiteBucketName"), Key="index.html", **body)
    with here.pipeline(lambda body: without(body, "Publish")):
        release = here.release(here.application("stale"))
    assert "the invalidation is the problem" in red(release)


def test_variables_of_the_stores_are_read_by_the_role_and_kept_out_of_the_log(
    here: DeployedEnvironment, failed: Release
) -> None:
    assert not failed.succeeded
    here.aws.call("ssm", "put_parameter", Name="/test/word", Value="swordfish", Type="String")
    secret = here.aws.call("secretsmanager", "create_secret", Name="test", SecretString='{"word": "open sesame"}')
    variables = [
        {"name": "ONE", "type": "PARAMETER_STORE", "value": "/test/word"},
        {"name": "TWO", "type": "SECRETS_MANAGER", "value": "test:word"},
        {"name": "THREE", "value": "plain"},
    ]
    spec = "version: 0.2\nenv: {shell: bash}\nphases: {build: {commands: ['echo RESULT $ONE, $TWO, $THREE']}}\n"

    def change(body: dict[str, Any]) -> None:
        """One build is left, with these variables and this buildspec."""
        action = next(action for stage in body["stages"] for action in stage["actions"] if action["name"] == "Publish")
        action["configuration"]["EnvironmentVariables"] = json.dumps(variables)
        action["inputArtifacts"] = body["stages"][0]["actions"][0]["outputArtifacts"]
        body["stages"] = [body["stages"][0], {"name": "Only", "actions": [action]}]

    with here.pipeline(change):
        before = here.project("Publish")
        here.rebuild(before, spec)
        role = before["serviceRole"].rsplit("/", 1)[-1]
        application = here.application("variables")
        try:
            assert f"{role} may not ssm:GetParameters on arn:aws:ssm:" in red(here.release(application))
            actions = ["ssm:GetParameters", "secretsmanager:GetSecretValue"]
            more = {"Version": "2012-10-17", "Statement": [allow("Read", actions, "*")]}
            here.aws.call("iam", "put_role_policy", RoleName=role, PolicyName="More", PolicyDocument=json.dumps(more))
            assert here.release(application).succeeded
        finally:
            here.rebuild(before, before["source"]["buildspec"])
    assert "RESULT ***, ***, plain" in here.lines
    assert secret["ARN"] and "sesame" not in "\n".join(here.lines)


def test_a_build_without_its_artifact_fails_and_names_what_it_made(here: DeployedEnvironment, failed: Release) -> None:
    assert not failed.succeeded
    names: list[str] = []

    def change(body: dict[str, Any]) -> None:
        """Only the build with two artifacts is left."""
        build = next(
            action for stage in body["stages"] for action in stage["actions"] if len(action["outputArtifacts"]) == 2
        )
        names.extend(artifact["name"] for artifact in build["outputArtifacts"])
        body["stages"] = [body["stages"][0], {"name": "Only", "actions": [build]}]

    with here.pipeline(change):
        before = here.project("FrontendBuild")
        files = f"artifacts: {{files: [a], secondary-artifacts: {{{names[0]}: {{files: [a]}}}}}}\n"
        spec = f"version: 0.2\nenv: {{shell: bash}}\nphases: {{build: {{commands: ['echo > a']}}}}\n{files}"
        here.rebuild(before, spec)
        try:
            error = red(here.release(here.application("without")))
        finally:
            here.rebuild(before, before["source"]["buildspec"])
    assert error == f"the build made no artifact {names[1]}; it made the primary one, {names[0]}"


def test_what_the_application_brings_sees_nothing_of_the_user(
    here: DeployedEnvironment, failed: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its build nor its server. What is still possible is said before the first rehearsal with a cache."""
    assert not failed.succeeded
    home = user_with_secrets(tmp_path, monkeypatch)
    application = here.application("hostile")
    (application / "frontend/build.sh").write_text(STEAL)
    (application / "backend/app/start.sh").write_text(STEAL)
    release = here.release(application)
    assert release.succeeded, here.lines
    logs = [path.read_text() for path in (here.folder / "cache/last").glob("*.log")]
    homes = {text.partition("RESULT home ")[2].splitlines()[0] for text in logs if "RESULT home " in text}
    assert len(homes) == 2 and all(Path(name).is_relative_to(here.folder / "cache") for name in homes)
    assert [text for text in logs if "RESULT found" in text]
    assert not [text for text in (*logs, *here.lines) if SECRET in text]
    assert sorted(path.name for path in home.iterdir()) == [".aws"]
    assert (here.folder / "cache/warned").exists()
    assert "there is no sandbox" not in "\n".join(here.lines)
    (here.folder / "cache/warned").unlink()
    here.release(application, fail_at="Source")
    assert "there is no sandbox" in "\n".join(here.lines[:4])


@pytest.mark.soak
def test_page_and_api_stay_up_when_they_shall(here: DeployedEnvironment, failed: Release) -> None:
    """Until the next rehearsal, as everything that runs on this machine."""
    assert not failed.succeeded
    application, cache = here.application("kept"), here.folder / "kept-cache"
    words = ["--app", application, "--cache", cache, "--programs", here.folder / "fakes", "--keep"]
    done = command(here, *map(str, words))
    assert done.returncode == 0, done.stdout + done.stderr
    name, _, rest = done.stdout.splitlines()[-1].partition(" answers on ")
    url, _, until = rest.partition(" ")
    assert name == here.output("PublicUrl").rstrip("/") and until == "until `make local-stop` or the next rehearsal"
    assert ask(f"{url}/").body == b"<title>kept</title>"
    assert json.loads(ask(f"{url}/health").body)["status"] == "healthy"
    keeper = int((cache / "lock").read_text())
    failing = command(here, *map(str, words[:-1]), "--fail-at", "Source")
    assert failing.returncode == 1, failing.stdout + failing.stderr
    assert gone(keeper)
    with pytest.raises(ConnectionRefusedError):
        ask(f"{url}/")


@pytest.mark.soak
def test_the_command_plays_the_sample_for_real(here: DeployedEnvironment) -> None:
    """With pip, npm and the sample's own backend; caches are kept between runs of the tests."""
    done = command(here, "--cache", str(ROOT / ".cache/rehearsal-test"))
    assert done.returncode == 0, done.stdout + done.stderr
    for part in (
        "would have succeeded",
        "RESULT unit tests: NONE",
        "GREEN health",
        "GREEN page",
        "of which the rehearsal itself",
    ):
        assert part in done.stdout


@pytest.mark.soak  # tests/buildspecs/test_verify.py has the verdict
def test_missing_tables_are_red(here: DeployedEnvironment, failed: Release) -> None:
    assert not failed.succeeded
    tables = here.aws.call("dynamodb", "list_tables")["TableNames"]
    here.aws.call("dynamodb", "update_table", TableName=tables[0], DeletionProtectionEnabled=False)
    here.aws.call("dynamodb", "delete_table", TableName=tables[0])
    assert "red: tables" in red(here.release(here.application("tableless")))


def test_a_missing_permission_fails_the_stage_and_is_spelled_out(here: DeployedEnvironment, failed: Release) -> None:
    assert not failed.succeeded
    roles = here.aws.call("iam", "list_roles")["Roles"]
    name = next(role["RoleName"] for role in roles if "FrontendBuildRole" in role["RoleName"])
    policy = here.aws.call("iam", "get_role_policy", RoleName=name, PolicyName="Job")["PolicyDocument"]
    statements = [statement for statement in policy["Statement"] if "s3:PutObject" not in statement["Action"]]
    changed: Any = {**policy, "Statement": statements}
    put = {"RoleName": name, "PolicyName": "Job"}
    here.aws.call("iam", "put_role_policy", **put, PolicyDocument=json.dumps(changed))
    try:
        release = here.release(here.application("powerless"))
    finally:
        here.aws.call("iam", "put_role_policy", **put, PolicyDocument=json.dumps(policy))
    error = release.stages[-1].actions[-1].error
    assert f"{name} may not s3:" in error
    assert '"Effect": "Allow"' in error
