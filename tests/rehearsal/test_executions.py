"""What a rehearsal writes of an execution as it goes, and which executions it takes up, ends and goes back to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.deployment.aws import Aws
from scripts.local_aws import server
from scripts.rehearsal import executions as module
from scripts.rehearsal.artifacts import Artifact
from scripts.rehearsal.executions import BY_HAND, PUSH, Executions, page_of
from tests.support.rehearsal.releases import PIPELINE, Page, action


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def executions(page: Page) -> Executions:
    return Executions(PIPELINE, page)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The time in its only element, and ids that are counted."""
    now, number = [100.0], iter(range(1, 100))
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: now[0]))
    monkeypatch.setattr(module, "uuid", SimpleNamespace(uuid4=lambda: f"id-{next(number)}"))
    yield now


def test_an_execution_is_written_whole_whenever_it_changes(
    page: Page, executions: Executions, clock: list[float]
) -> None:
    execution = executions.begin(PUSH)
    variables = {"variables": {"Size": "small"}, "codepipeline": {"PipelineExecutionId": "id-1"}}
    begun = {
        "id": "id-1",
        "version": 3,
        "status": "InProgress",
        "summary": "",
        "type": "STANDARD",
        "target": "",
        "stage": "",
        "commit": "",
        "trigger": {"triggerType": "CloudWatchEvent", "triggerDetail": "rehearsal"},
        "started": 100.0,
        "updated": 100.0,
        "process": os.getpid(),
        "revisions": [],
        "artifacts": {},
        "variables": variables,
        "stages": [],
        "actions": [],
    }
    assert page.records == {"id-1": begun} and page.queries == [("pipeline=dashboard", None)]
    assert (execution.id, execution.rollback, execution.variables) == ("id-1", ("", ""), variables)

    clock[0] = 101.0
    execution.enter_stage("Source")
    build = action(
        "CodeBuild", "Make", "Build", inputs=("In",), outputs=("Out",), namespace="Made", configuration={"a": "b"}
    )
    execution.start_action(build)
    entry = {
        "id": "id-2",
        "stage": "Build",
        "action": "Make",
        "type": {"provider": "CodeBuild", "category": "Any", "owner": "AWS", "version": "1"},
        "namespace": "Made",
        "inputs": ["In"],
        "outputs": ["Out"],
        "configuration": {"a": "b"},
        "status": "InProgress",
        "summary": "",
        "error": "",
        "token": "",
        "started": 101.0,
        "updated": 101.0,
    }
    stages = [{"name": "Source", "status": "InProgress"}]
    assert page.records["id-1"] == {**begun, "stages": stages, "actions": [entry], "updated": 101.0}

    clock[0] = 102.0
    execution.commit = "c"
    execution.artifacts["Out"] = Artifact("Out", "key", 2, 3)
    execution.variables["Made"] = {"x": "y"}
    execution.revisions.append({"revisionId": "c"})
    execution.end_action("log", "")
    execution.leave_stage(True)
    ended = {**entry, "status": "Succeeded", "summary": "log", "updated": 102.0}
    written = {
        **begun,
        "commit": "c",
        "artifacts": {"Out": {"name": "Out", "key": "key", "files": 2, "bytes": 3}},
        "variables": {**variables, "Made": {"x": "y"}},
        "revisions": [{"revisionId": "c"}],
        "stages": [{"name": "Source", "status": "Succeeded"}],
        "actions": [ended],
        "updated": 102.0,
    }
    assert page.records["id-1"] == written

    execution.enter_stage("Next", "Skipped")
    execution.enter_stage("Source")
    execution.start_action(build)
    execution.end_action("log", "no table")
    execution.leave_stage(False)
    execution.end("Failed", "it had to")
    failed = {**entry, "id": "id-3", "started": 102.0, "updated": 102.0, "status": "Failed", "summary": "log"}
    assert page.records["id-1"] == {
        **written,
        "status": "Failed",
        "summary": "it had to",
        "stages": [{"name": "Next", "status": "Skipped"}, {"name": "Source", "status": "Failed"}],
        "actions": [ended, {**failed, "error": "no table"}],
    }
    execution.end("Succeeded")
    assert (page.records["id-1"]["status"], page.records["id-1"]["summary"]) == ("Succeeded", "")


def test_an_approval_has_a_token_and_its_orders_come_with_every_writing(
    page: Page, executions: Executions, clock: list[float]
) -> None:
    execution = executions.begin(BY_HAND)
    execution.start_action(action("Manual"))
    assert execution.token == page.records["id-1"]["actions"][0]["token"] == "id-3" and clock
    assert execution.orders == {}
    page.orders = {"stop": "wrong"}
    execution.write()
    assert execution.orders == {"stop": "wrong"}
    assert page.records["id-1"]["trigger"] == {"triggerType": "StartPipelineExecution", "triggerDetail": "rehearsal"}


def test_a_rollback_is_an_execution_with_its_stage_and_target(page: Page, executions: Executions) -> None:
    execution = executions.begin("AutomatedRollback", "target", "Deploy")
    record = page.records[execution.id]
    assert execution.rollback == ("Deploy", "target")
    assert {name: record[name] for name in ("type", "target", "stage", "trigger")} == {
        "type": "ROLLBACK",
        "target": "target",
        "stage": "Deploy",
        "trigger": {"triggerType": "AutomatedRollback", "triggerDetail": "rehearsal"},
    }


def test_an_execution_of_somebody_else_is_taken_up_with_the_pipelines_variables(
    page: Page, executions: Executions
) -> None:
    executions.begin(BY_HAND)
    other = executions.begin(BY_HAND)
    page.records[other.id] |= {
        "variables": {},
        "process": 1,
        "commit": "c",
        "artifacts": {"Files": {"name": "Files", "key": "key", "files": 1, "bytes": 2}},
        "revisions": [{"revisionId": "c"}],
    }
    taken = executions.take(other.id)
    variables = {"variables": {"Size": "small"}, "codepipeline": {"PipelineExecutionId": other.id}}
    assert (taken.id, taken.variables, taken.commit) == (other.id, variables, "c")
    assert (taken.artifacts, taken.revisions) == ({"Files": Artifact("Files", "key", 1, 2)}, [{"revisionId": "c"}])
    record = page.records[other.id]
    assert (record["variables"], record["process"]) == (variables, os.getpid())


def test_the_command_that_runs_what_others_start_is_left(page: Page, executions: Executions) -> None:
    executions.leave_worker(("python", "-m", "rehearse"))
    assert page.queries == [("pipeline=dashboard&worker", ["python", "-m", "rehearse"])]


def test_only_what_nobody_runs_any_more_is_ended(page: Page, executions: Executions) -> None:
    with subprocess.Popen(["true"]) as process:
        pass
    rows: list[tuple[str, dict[str, Any], bool]] = [
        ("InProgress", {"process": process.pid}, True),
        ("Stopping", {"process": process.pid}, True),
        ("InProgress", {"process": os.getpid()}, False),
        ("InProgress", {}, False),
        ("Succeeded", {"process": process.pid}, False),
        ("Failed", {"process": process.pid}, False),
    ]
    for status, more, _ in rows:
        record = page.records[executions.begin(BY_HAND).id]
        del record["process"]
        record.update(status=status, updated=1.0, **more)
    executions.end_killed()
    killed = ("Stopped", "the rehearsal that ran it was killed")
    for record, (status, _, ends) in zip(page.records.values(), rows, strict=True):
        assert (record["status"], record["summary"]) == (killed if ends else (status, ""))
        assert (record["updated"] > 1.0) is ends


SUCCESS = {"name": "Deploy", "status": "Succeeded"}


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"version": 2}, False),
        ({"type": "ROLLBACK"}, False),
        ({"stages": [{"name": "Deploy", "status": "Failed"}]}, False),
        ({"stages": [{"name": "Build", "status": "Succeeded"}]}, False),
        ({"stages": [SUCCESS, {"name": "Verify", "status": "Failed"}], "status": "Failed"}, True),
    ],
)
def test_a_stage_goes_back_to_its_newest_success_under_this_pipeline(
    page: Page, executions: Executions, change: dict[str, Any], fits: bool
) -> None:
    older, newer = (executions.begin(BY_HAND).id for _ in range(2))
    for identity in (older, newer):
        page.records[identity]["stages"] = [SUCCESS]
    page.records[newer].update(change)

    def target(identity: str = "") -> str | None:
        execution = executions.rollback_target("Deploy", identity)
        return execution.id if execution else None

    assert target() == (newer if fits else older)
    assert target(newer) == (newer if fits else None)
    assert target(older) == older
    assert target("unknown") is None
    assert Executions(replace(PIPELINE, version=9), page).rollback_target("Deploy") is None


def test_the_page_of_the_local_aws_is_read_and_written(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []

    def ask(endpoint: server.Endpoint, *words: Any) -> str:
        calls.append((endpoint.url, endpoint.region, endpoint.key, *words))
        return "answer"

    monkeypatch.setattr(server.Endpoint, "ask", ask)
    local = SimpleNamespace(endpoint=SimpleNamespace(url="http://local", key="KEY"), region="r")
    ask_page = page_of(cast(Aws, local))
    bodies: list[Any] = [None, {"id": "1"}, []]
    assert [ask_page("pipeline=p", body) for body in bodies] == ["answer"] * 3
    place = ("http://local", "r", "KEY", "pipeline-executions?pipeline=p")
    assert calls == [(*place, "GET", None), (*place, "PUT", b'{"id": "1"}'), (*place, "PUT", b"[]")]
