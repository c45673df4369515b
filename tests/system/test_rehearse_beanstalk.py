"""Releases on Elastic Beanstalk: the bundle runs by its Procfile, and what does not start leaves the last version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.rehearsal.report import Release
from tests.support.rehearsal.environments import DeployedEnvironment, choosing, deployed_environment, red

OPTIONS = {"BackendTarget": "BEANSTALK", "OnlyChanged": "true"}
ALONE = {
    "BackendTarget": "BEANSTALK",
    "FrontendTarget": "NONE",
    "BuildLayout": "PARALLEL",
    "DeploymentStrategy": "CANARY",
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedEnvironment]:
    with deployed_environment(
        tmp_path_factory.mktemp("beanstalk"), lambda folder: choosing(folder, **OPTIONS)
    ) as environment:
        yield environment


@pytest.fixture(scope="module")
def first(here: DeployedEnvironment) -> Release:
    """The first release, onto Elastic Beanstalk's sample application."""
    return here.release(here.application("first"))


def another_backend(here: DeployedEnvironment, name: str, **files: str) -> Path:
    """An application with the frontend of the first release."""
    folder = here.application(name, **files)
    (folder / "frontend/public/index.html").write_text("<title>first</title>", encoding="utf-8")
    return folder


def version(here: DeployedEnvironment) -> str:
    """What the environment runs, as AWS says."""
    names = {"ApplicationName": here.output("RunningCluster"), "EnvironmentNames": [here.output("RunningService")]}
    return str(here.aws.call("elasticbeanstalk", "describe_environments", **names)["Environments"][0]["VersionLabel"])


def last_version(here: DeployedEnvironment) -> str:
    """What was verified last."""
    return str(here.aws.call("ssm", "get_parameter", Name=here.output("LastVersionParameter"))["Parameter"]["Value"])


def test_the_first_release_takes_the_place_of_the_sample_application(here: DeployedEnvironment, first: Release) -> None:
    assert first.succeeded, here.lines
    assert [action.short_name for action in first.stages[4].actions] == ["DeployToBeanstalk", "VerifyBackend"]
    lines = "\n".join(here.lines)
    for part in (
        "`uvicorn app.main:app --host 127.0.0.1",
        "GREEN version: 1 instances run",
        "GREEN tables",
        "GREEN page",
    ):
        assert part in lines
    assert version(here) == last_version(here) and version(here) in lines


def test_the_deploy_role_and_no_other_deploys(first: Release) -> None:
    used = {usage.role.split("-")[-2]: usage for usage in first.usage}
    assert {"elasticbeanstalk:UpdateEnvironment", "ec2:RunInstances", "iam:PassRole"} <= set(used["DeployRole"].used)
    assert used["DeployRole"].unused == used["PipelineRole"].unused == ()
    assert not [action for action in used["PipelineRole"].used if action.startswith("elasticbeanstalk:")]


@pytest.mark.soak  # on ECS in test_rehearse.py
def test_what_does_not_start_leaves_the_last_version(here: DeployedEnvironment, first: Release) -> None:
    assert first.succeeded
    before = version(here)
    release = here.release(another_backend(here, "dead", app__dead=""))
    error = red(release)
    assert f"its instances are gone and {before} stays: `uvicorn" in error and "the application cannot start" in error
    assert before != version(here) == last_version(here)  # the stage's rollback made a version of the same bundle
    assert f"rolled back to the release of commit {first.commit[:12]}" in release.stages[-1].consequence
    assert "failed," not in release.stages[-1].consequence


@pytest.mark.soak  # on ECS in test_rehearse_options.py
def test_the_side_that_has_not_changed_is_not_deployed(here: DeployedEnvironment, first: Release) -> None:
    assert first.succeeded
    release = here.release(another_backend(here, "second"))
    assert release.succeeded, here.lines
    assert [stage.name for stage in release.stages if stage.skipped] == ["Build_Frontend", "Deploy_Frontend"]


OVERWRITE = """echo attack > attack.txt
for key in {keys}; do
  aws s3api put-object --bucket {bucket} --key "$key" --body attack.txt || echo "RESULT refused $key"
done
"""


def test_a_build_writes_over_nothing_that_a_deploy_action_takes(here: DeployedEnvironment, first: Release) -> None:
    """What earlier releases have left, tried by the build of a later one, as its own role: such a release may wait for
    its approval, or be gone back to."""
    assert first.succeeded
    name = here.aws.call("codepipeline", "list_pipelines")["pipelines"][0]["name"]
    pipeline = here.aws.call("codepipeline", "get_pipeline", name=name)["pipeline"]
    bucket = pipeline["artifactStore"]["location"]

    def contents() -> dict[str, str]:
        listed = here.aws.call("s3", "list_objects_v2", Bucket=bucket)["Contents"]
        places = (f"{name[:20]}/", "sealed/")  # the artifacts, and what is said of them
        return {entry["Key"]: entry["ETag"] for entry in listed if entry["Key"].startswith(places)}

    before = contents()
    documented = {key.split("/")[1] for key in before if key.startswith("sealed/") and key.endswith(".cdx.json")}
    assert documented == {"SealedBundle", "SealedAssets", "SealedDocuments"}
    application = here.application("overwriting")
    (application / "frontend/build.sh").write_text(OVERWRITE.format(keys=" ".join(before), bucket=bucket))
    assert here.release(application).succeeded, here.lines
    after = contents()
    written = {key.split("/")[1] for key in before if after[key] != before[key]}
    assert written == {"FrontendAs", "FrontendDo"}, "its own kind, which the attack reaches"
    deploying = [action for stage in pipeline["stages"][-2:] for action in stage["actions"]]
    taken = {artifact["name"][:10] for action in deploying for artifact in action["inputArtifacts"]}
    assert taken == {"SealedBund", "SealedAsse", "SealedDocu"} <= {key.split("/")[1] for key in before}


@pytest.mark.soak
def test_the_backend_alone(tmp_path: Path) -> None:
    """With a part of the requests first, which is a matter of the service's. In the suite tests/options deploys such
    choices, and a release with a page runs above."""
    with deployed_environment(tmp_path, lambda folder: choosing(folder, **ALONE)) as environment:
        release = environment.release(environment.application("alone"))
        assert release.succeeded, environment.lines
    assert [stage.name for stage in release.stages] == ["Source", "Build", "Deploy_Backend"]
