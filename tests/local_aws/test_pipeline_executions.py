"""CodePipeline's executions in the local AWS: those that a worker writes, and what is refused without one."""

from __future__ import annotations

import io
import json
import re
import subprocess
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from scripts.local_aws import pipeline_executions, server
from scripts.local_aws.account import Account
from scripts.local_aws.handlers.handler import handler_for
from scripts.local_aws.pipeline_executions import OPERATIONS, RECORDS, WORKERS, _RefusedError
from tests.local_aws.cases import pipeline as pipeline_properties
from tests.local_aws.cases import trust
from tests.local_aws.here import answer, refusal


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


# Through boto3, with the page that the worker writes to; every answer whole.


def page(query: dict[str, str], method: str = "GET", body: Any = None) -> Any:
    """What the page of the worker answers."""
    text = json.dumps(body).encode()
    environ = {
        "QUERY_STRING": urlencode(query),
        "REQUEST_METHOD": method,
        "CONTENT_LENGTH": str(len(text)),
        "wsgi.input": io.BytesIO(text + b"more"),
    }
    return json.loads(json.dumps(pipeline_executions.page(environ)))


@pytest.fixture
def codepipeline(account: Account, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client, with a pipeline of two stages, Source and Build."""
    monkeypatch.setattr(server, "ACCOUNT", account.services.account)
    role = {"RoleName": "builder", "AssumeRolePolicyDocument": json.dumps(trust("codepipeline"))}
    arn = account.services.call("iam", "create_role", role)["Role"]["Arn"]
    properties = {**pipeline_properties("main"), "RoleArn": arn}
    handler_for(account.services, "AWS::CodePipeline::Pipeline", properties).create()
    return account.services.client("codepipeline")


def action(stage: str, status: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"{stage}-{number}",
        "stage": stage,
        "action": stage,
        "status": status,
        "summary": f"{stage} {status}",
        "started": 10.0 + number,
        "updated": 20.0 + number,
        "error": "",
        "token": "",
        "type": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
        "configuration": {"ProjectName": "project"},
        "inputs": [],
        "outputs": [],
        "namespace": f"{stage}Variables",
        **more,
    }


REVISION = {"actionName": "Source", "revisionId": "abc", "revisionSummary": "a commit"}
TRIGGER = {"triggerType": "CloudWatchEvent", "triggerDetail": "a push"}


def execution(identity: str, status: str, *actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    stages = [{"name": each["stage"], "status": each["status"]} for each in actions]
    return {
        "id": identity,
        "version": 1,
        "status": status,
        "summary": f"{identity} {status}",
        "type": "STANDARD",
        "target": "",
        "trigger": TRIGGER,
        "started": 1.0,
        "updated": 2.0,
        "revisions": [REVISION],
        "artifacts": {"Source": {"key": "source.zip"}},
        "variables": {"SourceVariables": {"CommitId": "abc"}},
        "stages": stages,
        "actions": list(actions),
        **more,
    }


FIRST = execution(
    "first",
    "Succeeded",
    action("Source", "Succeeded", 1, outputs=["Source", "NotStored"]),
    action("Build", "Succeeded", 2, inputs=["Source"]),
)
SECOND = execution(
    "second",
    "InProgress",
    action("Source", "Succeeded", 3),
    action("Build", "InProgress", 4, token="token"),
    type="ROLLBACK",
    target="first",
)
THIRD = execution("third", "Failed", action("Source", "Failed", 5, error="no such commit", token="old"))


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.fixture
def executed(codepipeline: Any) -> Any:
    for record in (FIRST, SECOND, THIRD):
        assert page({"pipeline": "pipeline"}, "PUT", record) == {**record, "orders": {}}
    return codepipeline


def summary(record: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "pipelineExecutionId": record["id"],
        "status": record["status"],
        "statusSummary": record["summary"],
        "trigger": TRIGGER,
        "executionMode": "QUEUED",
        "executionType": record["type"],
        **more,
    }


def test_the_page_of_the_worker_keeps_orders_and_knows_its_pipeline(executed: Any) -> None:
    assert page({"pipeline": "other"}) == {"error": "there is no pipeline other"}
    assert page({"pipeline": "pipeline", "region": "eu-west-1"}) == {"error": "there is no pipeline pipeline"}
    assert page({"pipeline": "pipeline", "region": "us-east-1"}) == [
        {**record, "orders": {}} for record in (FIRST, SECOND, THIRD)
    ]
    executed.stop_pipeline_execution(pipelineName="pipeline", pipelineExecutionId="second")
    written = {**SECOND, "orders": {"stop": "forged"}, "status": "Stopped"}
    kept = page({"pipeline": "pipeline"}, "PUT", written)
    assert kept == {**SECOND, "orders": {"stop": "stopped"}, "status": "Stopped"}
    assert page({"pipeline": "pipeline", "worker": ""}, "PUT", ["rehearse"]) == ["rehearse"]
    assert len(page({"pipeline": "pipeline"})) == 3


def test_executions_are_listed_newest_first(executed: Any) -> None:
    times = {"startTime": at(1), "lastUpdateTime": at(2), "sourceRevisions": [REVISION]}
    rollback = {"rollbackMetadata": {"rollbackTargetPipelineExecutionId": "first"}}
    all_of_them = [summary(THIRD, **times), summary(SECOND, **times, **rollback), summary(FIRST, **times)]
    assert answer(executed.list_pipeline_executions(pipelineName="pipeline")) == {
        "pipelineExecutionSummaries": all_of_them
    }
    shorter = executed.list_pipeline_executions(pipelineName="pipeline", maxResults=2)
    assert shorter["pipelineExecutionSummaries"] == all_of_them[:2]


def test_an_execution_is_shown_with_its_revisions(executed: Any) -> None:
    own = {"pipelineName": "pipeline", "pipelineVersion": 1}
    revision = {"name": "Source", "revisionId": "abc", "revisionSummary": "a commit"}
    shown = executed.get_pipeline_execution(pipelineName="pipeline", pipelineExecutionId="first")
    assert answer(shown) == {"pipelineExecution": summary(FIRST, **own, artifactRevisions=[revision])}
    missing = {"pipelineName": "pipeline", "pipelineExecutionId": "none"}
    assert refusal(executed.get_pipeline_execution, **missing) == (
        "PipelineExecutionNotFoundException",
        "there is no execution none",
    )
    assert refusal(executed.list_pipeline_executions, pipelineName="none")[0] == "PipelineNotFoundException"
    assert refusal(executed.get_pipeline_state, name="none")[0] == "PipelineNotFoundException"


def test_the_state_of_a_pipeline_is_that_of_the_newest_execution_in_each_stage(executed: Any) -> None:
    state = answer(executed.get_pipeline_state(name="pipeline"))
    now = time.time()
    assert all(abs(state.pop(key).timestamp() - now) < 60 for key in ("created", "updated"))
    enabled = {"enabled": True}
    assert state == {
        "pipelineName": "pipeline",
        "pipelineVersion": 1,
        "stageStates": [
            {
                "stageName": "Source",
                "inboundTransitionState": enabled,
                "latestExecution": {"pipelineExecutionId": "third", "type": "STANDARD", "status": "Failed"},
                "actionStates": [
                    {
                        "actionName": "Source",
                        "latestExecution": {
                            "actionExecutionId": "Source-5",
                            "status": "Failed",
                            "summary": "Source Failed",
                            "lastStatusChange": at(25),
                            "errorDetails": {"code": "JobFailed", "message": "no such commit"},
                        },
                    }
                ],
            },
            {
                "stageName": "Build",
                "inboundTransitionState": enabled,
                "latestExecution": {"pipelineExecutionId": "second", "type": "ROLLBACK", "status": "InProgress"},
                "actionStates": [
                    {
                        "actionName": "Build",
                        "latestExecution": {
                            "actionExecutionId": "Build-4",
                            "status": "InProgress",
                            "summary": "Build InProgress",
                            "lastStatusChange": at(24),
                            "token": "token",
                        },
                    }
                ],
            },
        ],
    }


def test_a_pipeline_that_nothing_has_run_has_a_state_without_executions(codepipeline: Any) -> None:
    stages = codepipeline.get_pipeline_state(name="pipeline")["stageStates"]
    assert [
        {"stageName": name, "inboundTransitionState": {"enabled": True}, "actionStates": [{"actionName": name}]}
        for name in ("Source", "Build")
    ] == stages


def detail(record: dict[str, Any], entry: dict[str, Any], **more: Any) -> dict[str, Any]:
    result = {"externalExecutionSummary": entry["summary"], **more.pop("result", {})}
    variables = {"CommitId": "abc"} if entry["stage"] == "Source" else {}
    return {
        "pipelineExecutionId": record["id"],
        "actionExecutionId": entry["id"],
        "pipelineVersion": 1,
        "stageName": entry["stage"],
        "actionName": entry["action"],
        "startTime": at(entry["started"]),
        "lastUpdateTime": at(entry["updated"]),
        "status": entry["status"],
        "input": {
            "actionTypeId": entry["type"],
            "configuration": {"ProjectName": "project"},
            "inputArtifacts": more.get("inputs", []),
            "namespace": entry["namespace"],
        },
        "output": {"outputArtifacts": more.get("outputs", []), "executionResult": result, "outputVariables": variables},
    }


def test_actions_are_listed_newest_first_with_what_they_take_and_give(executed: Any) -> None:
    located = [{"name": "Source", "s3location": {"bucket": "artifacts", "key": "source.zip"}}]
    (source, build), (source_2, build_2), [source_3] = (record["actions"] for record in (FIRST, SECOND, THIRD))
    error = {"errorDetails": {"code": "JobFailed", "message": "no such commit"}}
    of_first = [detail(FIRST, build, inputs=located), detail(FIRST, source, outputs=located)]
    everything = [detail(THIRD, source_3, result=error), detail(SECOND, build_2), detail(SECOND, source_2), *of_first]
    listed = executed.list_action_executions(pipelineName="pipeline")
    assert answer(listed) == {"actionExecutionDetails": everything}
    of_one = {"pipelineExecutionId": "first"}
    assert executed.list_action_executions(pipelineName="pipeline", filter=of_one)["actionExecutionDetails"] == of_first
    shorter = executed.list_action_executions(pipelineName="pipeline", maxResults=2)
    assert shorter["actionExecutionDetails"] == everything[:2]


def test_an_approval_reaches_the_worker(executed: Any) -> None:
    result = {"summary": "looks good", "status": "Approved"}
    place = {"pipelineName": "pipeline", "stageName": "Build", "actionName": "Build"}
    answered = executed.put_approval_result(**place, result=result, token="token")
    assert abs(answered["approvedAt"].timestamp() - time.time()) < 60
    assert page({"pipeline": "pipeline"})[1]["orders"] == {"token": result}
    other = {**place, "stageName": "Source", "actionName": "Source"}
    assert refusal(executed.put_approval_result, **other, result=result, token="old") == (
        "ApprovalAlreadyCompletedException",
        "Source/Source is answered already",
    )
    assert refusal(executed.put_approval_result, **other, result=result, token="token") == (
        "InvalidApprovalTokenException",
        "no approval Source/Source waits with this token",
    )


def test_what_runs_is_stopped_with_the_reason(executed: Any) -> None:
    running = {"pipelineName": "pipeline", "pipelineExecutionId": "second"}
    assert answer(executed.stop_pipeline_execution(**running, reason="wrong")) == {"pipelineExecutionId": "second"}
    stopped = page({"pipeline": "pipeline"})[1]
    assert (stopped["status"], stopped["orders"]) == ("Stopping", {"stop": "wrong"})
    assert refusal(executed.stop_pipeline_execution, pipelineName="pipeline", pipelineExecutionId="third") == (
        "PipelineExecutionNotStoppableException",
        "execution third is Failed",
    )


@pytest.mark.parametrize(
    ("stage", "target", "error"),
    [
        ("Other", "first", ("StageNotFoundException", "there is no stage Other")),
        ("Build", "none", ("PipelineExecutionNotFoundException", "there is no execution none")),
        ("Source", "third", ("UnableToRollbackStageException", "Source did not succeed in execution third")),
        ("Source", "second", ("UnableToRollbackStageException", "Source did not succeed in execution second")),
        ("Build", "third", ("UnableToRollbackStageException", "Build did not succeed in execution third")),
        ("Build", "first", ("ConflictException", "an execution is in progress")),
    ],
)
def test_where_a_stage_cannot_go_back_to_is_told(
    executed: Any, stage: str, target: str, error: tuple[str, str]
) -> None:
    arguments = {"pipelineName": "pipeline", "stageName": stage, "targetPipelineExecutionId": target}
    assert refusal(executed.rollback_stage, **arguments) == error


def test_an_execution_of_another_structure_is_no_way_back(codepipeline: Any) -> None:
    page({"pipeline": "pipeline"}, "PUT", {**FIRST, "version": 2})
    arguments = {"pipelineName": "pipeline", "stageName": "Build", "targetPipelineExecutionId": "first"}
    assert refusal(codepipeline.rollback_stage, **arguments) == (
        "PipelineExecutionOutdatedException",
        "the structure of the pipeline has changed since execution first",
    )


def test_what_somebody_starts_is_a_process_of_its_own(codepipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[list[str], dict[str, Any]]] = []

    class Process:
        returncode = None

        def __init__(self, command: list[str], **options: Any) -> None:
            started.append((command, options))

    nobody = "nothing runs pipelines in the local AWS yet: `make rehearse` does, and leaves how"
    assert refusal(codepipeline.start_pipeline_execution, name="pipeline") == ("ConflictException", nobody)
    page({"pipeline": "pipeline", "worker": ""}, "PUT", ["python", "-m", "worker"])
    page({"pipeline": "pipeline"}, "PUT", FIRST)
    monkeypatch.setattr(subprocess, "Popen", Process)
    revision = {"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": "def"}
    identities = [
        codepipeline.start_pipeline_execution(name="pipeline", sourceRevisions=[revision])["pipelineExecutionId"]
    ]
    page({"pipeline": "pipeline"}, "PUT", {"id": identities[0], "status": "Succeeded"})
    identities.append(codepipeline.start_pipeline_execution(name="pipeline")["pipelineExecutionId"])
    page({"pipeline": "pipeline"}, "PUT", {"id": identities[1], "status": "Succeeded"})
    back = {"pipelineName": "pipeline", "stageName": "Build", "targetPipelineExecutionId": "first"}
    identities.append(codepipeline.rollback_stage(**back)["pipelineExecutionId"])
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", identity) for identity in identities)
    assert len({*identities}) == 3
    assert [command for command, _ in started] == [
        ["python", "-m", "worker", "--execution", identity] for identity in identities
    ]
    nothing = subprocess.DEVNULL
    assert started[0][1] == {
        "cwd": server.ROOT,
        "env": server.environment(),
        "stdin": nothing,
        "stdout": nothing,
        "stderr": nothing,
        "start_new_session": True,
    }
    records = page({"pipeline": "pipeline"})[1:]
    for record in records:
        assert abs(record["started"] - time.time()) < 60 and record.pop("started") == record.pop("updated")
    own = {"triggerType": "StartPipelineExecution", "triggerDetail": "local"}
    manual = {"triggerType": "ManualRollback", "triggerDetail": "local"}
    new: dict[str, Any] = {
        "version": 1,
        "summary": "",
        "type": "STANDARD",
        "target": "",
        "stage": "",
        "revisions": [],
        "artifacts": {},
        "variables": {},
        "stages": [],
        "actions": [],
        "orders": {},
    }
    assert records == [
        {**new, "id": identities[0], "status": "Succeeded", "trigger": own, "commit": "def"},
        {**new, "id": identities[1], "status": "Succeeded", "trigger": own, "commit": ""},
        {
            **new,
            "id": identities[2],
            "status": "InProgress",
            "trigger": manual,
            "commit": "",
            "type": "ROLLBACK",
            "target": "first",
            "stage": "Build",
        },
    ]
