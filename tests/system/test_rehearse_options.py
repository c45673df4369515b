"""Releases under the options of the pipeline: only what has changed, both builds side by side, an approval with its
plan, a source behind a connection, one side alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts.rehearsal.report import Release
from tests.support.rehearsal.environments import SAMPLE, DeployedEnvironment, choosing, deployed_environment, red

CONNECTION = "arn:aws:codeconnections:us-east-1:000000000000:connection/0f0f0f0f-0000-4000-8000-0f0f0f0f0f0f"
OPTIONS = {"OnlyChanged": "true", "BuildLayout": "PARALLEL", "ApprovalRequired": "true"}
ALONE = {
    "BackendTarget": "NONE",
    "SourceProvider": "CONNECTION",
    "ConnectionArn": CONNECTION,
    "SourceRepository": "acme/dashboard",
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedEnvironment]:
    with deployed_environment(
        tmp_path_factory.mktemp("options"), lambda folder: choosing(folder, **OPTIONS)
    ) as environment:
        yield environment


@pytest.fixture(scope="module")
def first(here: DeployedEnvironment) -> Release:
    return here.release(here.application("first"))


@pytest.fixture(scope="module")
def second(here: DeployedEnvironment, first: Release) -> Release:
    """The same frontend, another backend."""
    assert first.succeeded, here.lines
    application = here.application("second")
    (application / "frontend/public/index.html").write_text("<title>first</title>", encoding="utf-8")
    return here.release(application)


def ran(release: Release) -> dict[str, list[str]]:
    return {stage.name: [action.short_name for action in stage.actions] for stage in release.stages}


def skipped(release: Release) -> list[str]:
    return [stage.name for stage in release.stages if stage.skipped]


@pytest.mark.soak
def test_both_are_built_in_one_stage_and_released(here: DeployedEnvironment, first: Release) -> None:
    assert skipped(first) == []
    assert list(ran(first)) == ["Source", "Changes", "Build", "Approve", "Deploy_Backend", "Deploy_Frontend"]
    assert ran(first)["Build"] == ["BackendBuild", "FrontendBuild", "PushImage", "SealAssets", "SealDocuments"]
    assert ran(first)["Approve"] == ["PlanRelease", "ApproveRelease"]
    assert here.service() == (1, first.commit[:12])


@pytest.mark.soak
def test_the_side_that_has_not_changed_is_not_deployed(
    here: DeployedEnvironment, first: Release, second: Release
) -> None:
    assert second.succeeded, here.lines
    assert skipped(second) == ["Deploy_Frontend"]
    assert here.service() == (1, second.commit[:12])
    question = next(line for line in here.lines if line.startswith("asked: "))
    assert f"backend {second.commit[:12]} replaces {first.commit[:12]}, frontend stays" in question


@pytest.mark.soak
def test_a_release_that_changes_nothing_asks_nobody(here: DeployedEnvironment, second: Release) -> None:
    assert second.succeeded
    again = here.release(here.folder / "applications/second")
    assert again.succeeded
    assert skipped(again) == ["Build", "Approve", "Deploy_Backend", "Deploy_Frontend"]
    assert not [line for line in here.lines if line.startswith("asked: ")]


@contextmanager
def waiting(here: DeployedEnvironment, second: Release) -> Iterator[tuple[Future[Release], dict[str, str]]]:
    """A release whose approval waits for somebody: what becomes of it, and what the answer has to name."""
    assert second.succeeded
    name, before = here.output("Pipeline"), here.service()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(here.release, here.application(f"asking-{time.time_ns()}"), asks=True)
        place: dict[str, str] = {}
        while not place:
            assert not future.done(), future.result()
            for stage in here.aws.call("codepipeline", "get_pipeline_state", name=name)["stageStates"]:
                for action in stage["actionStates"]:
                    if token := action.get("latestExecution", {}).get("token"):
                        place = {"stageName": stage["stageName"], "actionName": action["actionName"], "token": token}
            time.sleep(0.1)
        yield future, {"pipelineName": name, **place}
    assert here.service() == before


@pytest.mark.soak
def test_an_approval_waits_for_somebody_and_no_means_no(here: DeployedEnvironment, second: Release) -> None:
    with waiting(here, second) as (future, place):
        result = {"status": "Rejected", "summary": "not on a Friday"}
        here.aws.call("codepipeline", "put_approval_result", **place, result=result)
        assert red(future.result()) == "rejected: not on a Friday"


@pytest.mark.soak
def test_a_release_that_is_stopped_while_it_waits(here: DeployedEnvironment, second: Release) -> None:
    with waiting(here, second) as (future, place):
        name = place["pipelineName"]
        running = here.aws.call("codepipeline", "list_pipeline_executions", pipelineName=name)
        [identity] = [
            summary["pipelineExecutionId"]
            for summary in running["pipelineExecutionSummaries"]
            if summary["status"] == "InProgress"
        ]
        execution = {"pipelineName": name, "pipelineExecutionId": identity}
        here.aws.call("codepipeline", "stop_pipeline_execution", **execution, reason="wrong commit")
        assert not future.result().succeeded
    answer = here.aws.call("codepipeline", "get_pipeline_execution", **execution)
    assert answer["pipelineExecution"]["status"] == "Stopped"


@pytest.mark.soak
def test_a_release_that_fails_leaves_its_side_to_the_next_one(here: DeployedEnvironment, second: Release) -> None:
    """The files are those of the last good release, and yet nobody knows what runs."""
    assert second.succeeded
    failed = here.release(here.application("third"), fail_at="Build")
    assert not failed.succeeded
    after = here.release(here.folder / "applications/second")
    assert after.succeeded and skipped(after) == []


@pytest.mark.soak
def test_stages_of_their_own_and_a_new_recipe(here: DeployedEnvironment, second: Release) -> None:
    """Another build variable makes another frontend of the same files."""
    assert second.succeeded
    here.parameters(BuildLayout="SEQUENTIAL", ApprovalRequired="false", BuildVariables="REACT_APP_A=1")
    here.deploy()
    release = here.release(here.folder / "applications/second")
    assert release.succeeded, here.lines
    assert skipped(release) == ["Build_Backend", "Deploy_Backend"]
    assert ran(release)["Build_Frontend"] == ["FrontendBuild", "SealAssets", "SealDocuments"]


@pytest.mark.soak
def test_one_side_behind_a_connection(tmp_path: Path) -> None:
    with deployed_environment(tmp_path, lambda folder: choosing(folder, **ALONE)) as environment:
        release = environment.release(SAMPLE)
        assert release.succeeded, environment.lines
    assert release.started == "by a push to develop of acme/dashboard, trigger of the pipeline"
    assert list(ran(release)) == ["Source", "Build_Frontend", "Deploy_Frontend"]
    assert any(note.startswith(CONNECTION) for note in release.notes)
