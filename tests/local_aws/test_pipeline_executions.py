"""CodePipeline's executions in the local AWS: those that a worker writes, and what is refused without one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.local_aws.pipeline_executions import OPERATIONS, RECORDS, WORKERS, _RefusedError


class Pipeline:
    """As moto holds one."""

    pipeline: dict[str, Any] = {"version": 3, "stages": [{"name": "Deploy", "actions": [{"name": "Ask"}]}]}
    metadata = {"created": "now", "updated": "now"}


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


def call(pipeline: Pipeline, operation: str, **arguments: Any) -> Any:
    return json.loads(json.dumps(OPERATIONS[operation](pipeline, arguments.get)))


def record(identity: str, status: str = "Succeeded", **changes: Any) -> dict[str, Any]:
    action = {"id": "a", "stage": "Deploy", "action": "Ask", "status": status, "token": "t", "summary": "", "error": ""}
    stages = [{"name": "Deploy", "status": status}]
    return {
        "id": identity, "version": 3, "status": status, "summary": "", "type": "STANDARD", "target": "", "trigger": {},
        "started": 1.0, "updated": 2.0, "revisions": [], "stages": stages, "orders": {},
        "actions": [{**action, "updated": 2.0}], **changes,
    }  # fmt: skip


def test_nothing_is_started_that_nobody_would_run(pipeline: Pipeline) -> None:
    RECORDS[pipeline] = {"one": record("one")}
    for operation, arguments in {
        "start_pipeline_execution": {},
        "rollback_stage": {"stageName": "Deploy", "targetPipelineExecutionId": "one"},
    }.items():
        with pytest.raises(_RefusedError, match="nothing runs pipelines in the local AWS yet"):
            call(pipeline, operation, **arguments)
    assert list(RECORDS[pipeline]) == ["one"]


def test_what_somebody_starts_is_run_by_the_workers_command(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []

    def started(command: list[str], **_: object) -> type[Pipeline]:
        commands.append(command)
        return Pipeline

    monkeypatch.setattr("subprocess.Popen", started)
    RECORDS[pipeline], WORKERS[pipeline] = {"one": record("one")}, ["rehearse"]
    identity = call(pipeline, "rollback_stage", stageName="Deploy", targetPipelineExecutionId="one")
    assert commands == [["rehearse", "--execution", identity["pipelineExecutionId"]]]
    newest = call(pipeline, "list_pipeline_executions")["pipelineExecutionSummaries"][0]
    assert (newest["status"], newest["executionType"]) == ("InProgress", "ROLLBACK")
    with pytest.raises(_RefusedError, match="an execution is in progress"):
        call(pipeline, "rollback_stage", stageName="Deploy", targetPipelineExecutionId="one")


@pytest.mark.parametrize(
    ("target", "stage", "problem"),
    [
        (record("one", version=2), "Deploy", "the structure of the pipeline has changed"),
        (record("one", status="Failed"), "Deploy", "did not succeed"),
        (record("one", type="ROLLBACK"), "Deploy", "did not succeed"),
        (record("one"), "Other", "there is no stage Other"),
        (record("two"), "Deploy", "there is no execution one"),
    ],
)
def test_where_a_stage_cannot_go_back_to(pipeline: Pipeline, target: dict[str, Any], stage: str, problem: str) -> None:
    RECORDS[pipeline], WORKERS[pipeline] = {target["id"]: target}, ["true"]
    with pytest.raises(_RefusedError, match=problem):
        call(pipeline, "rollback_stage", stageName=stage, targetPipelineExecutionId="one")


def test_an_approval_is_answered_once_and_with_its_token(pipeline: Pipeline) -> None:
    RECORDS[pipeline] = {"one": record("one", "InProgress")}
    state = call(pipeline, "get_pipeline_state", name="p")["stageStates"][0]
    assert state["actionStates"][0]["latestExecution"]["token"] == "t"
    place = {"stageName": "Deploy", "actionName": "Ask", "result": {"status": "Approved"}}
    with pytest.raises(_RefusedError, match="no approval Deploy/Ask waits with this token"):
        call(pipeline, "put_approval_result", token="other", **place)
    assert "approvedAt" in call(pipeline, "put_approval_result", token="t", **place)
    RECORDS[pipeline]["one"]["actions"][0]["status"] = "Succeeded"
    with pytest.raises(_RefusedError, match="is answered already"):
        call(pipeline, "put_approval_result", token="t", **place)


def test_only_what_runs_is_stopped(pipeline: Pipeline) -> None:
    RECORDS[pipeline] = {"one": record("one"), "two": record("two", "InProgress")}
    with pytest.raises(_RefusedError, match="execution one is Succeeded"):
        call(pipeline, "stop_pipeline_execution", pipelineExecutionId="one")
    call(pipeline, "stop_pipeline_execution", pipelineExecutionId="two", reason="wrong")
    assert (RECORDS[pipeline]["two"]["status"], RECORDS[pipeline]["two"]["orders"]) == ("Stopping", {"stop": "wrong"})


def test_executions_go_with_their_pipeline(pipeline: Pipeline) -> None:
    RECORDS[pipeline] = {"one": record("one")}
    assert call(Pipeline(), "list_pipeline_executions") == {"pipelineExecutionSummaries": []}
