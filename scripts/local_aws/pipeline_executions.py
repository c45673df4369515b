"""CodePipeline's executions. moto's pipelines run nothing, and count an execution as succeeded when it starts; here an
execution is what the worker that runs it says, which is a rehearsal (`scripts/rehearsal/`).

The worker writes each execution as a record to the page `pipeline-executions`, and reads orders there: to stop, and how
an approval was answered. An execution that somebody else starts, by `StartPipelineExecution` or `RollbackStage`, is run
by the command that the last worker left; without one the call is refused, because nothing would run it. Records live as
long as their pipeline.

Sources: botocore's model of CodePipeline; CodePipeline user guide, stage-rollback and approvals-approve-or-reject.
"""

import json
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from threading import Lock
from typing import Any
from urllib.parse import parse_qs
from weakref import WeakKeyDictionary

from scripts.local_aws.server import ROOT, environment

Record = dict[str, Any]
RUNNING = ("InProgress", "Stopping")
LOCK = Lock()
RECORDS: WeakKeyDictionary[Any, dict[str, Record]] = WeakKeyDictionary()  # by moto's pipeline, oldest first
WORKERS: WeakKeyDictionary[Any, list[str]] = WeakKeyDictionary()


def install() -> None:
    """Puts these operations in the place of moto's, and beside them."""
    from moto.codepipeline.responses import CodePipelineResponse

    for name, operation in OPERATIONS.items():
        setattr(CodePipelineResponse, name, _method(operation))


def page(environ: Mapping[str, Any]) -> Any:
    """The page of the worker: `?pipeline=NAME`, with `&region=NAME` where it is not the server's own, answers all
    records, PUT replaces one and answers it with its orders, and PUT with `&worker` leaves the command that runs what
    others start."""
    from moto.codepipeline.models import codepipeline_backends

    from scripts.local_aws.server import ACCOUNT, REGION

    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    region = query.get("region", [REGION])[0]
    pipeline = codepipeline_backends[ACCOUNT][region].pipelines.get(query["pipeline"][0])
    if pipeline is None:
        return {"error": f"there is no pipeline {query['pipeline'][0]}"}
    if environ["REQUEST_METHOD"] != "PUT":
        return list(_records(pipeline).values())
    body = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    with LOCK:
        if "worker" in query:
            WORKERS[pipeline] = body
            return body
        record = _records(pipeline).setdefault(body["id"], {"orders": {}})
        record.update({key: value for key, value in body.items() if key != "orders"})
        return record


class _RefusedError(Exception):
    """A call that CodePipeline refuses: the name of its exception, and the message."""


def _method(operation: Callable[[Any, Callable[[str], Any]], Any]) -> Callable[[Any], str]:
    def answer(self: Any) -> str:
        from moto.core.exceptions import JsonRESTError

        name = self._get_param("pipelineName") or self._get_param("name")
        self.codepipeline_backend.get_pipeline(name)  # raises PipelineNotFoundException
        try:
            with LOCK:
                return json.dumps(operation(self.codepipeline_backend.pipelines[name], self._get_param))
        except _RefusedError as error:
            raise JsonRESTError(*error.args) from error

    return answer


def _records(pipeline: Any) -> dict[str, Record]:
    return RECORDS.setdefault(pipeline, {})


def _newest(pipeline: Any) -> Iterator[Record]:
    yield from reversed(_records(pipeline).values())


def _find(pipeline: Any, identity: str) -> Record:
    if identity not in _records(pipeline):
        raise _RefusedError("PipelineExecutionNotFoundException", f"there is no execution {identity}")
    return _records(pipeline)[identity]


def _list_executions(pipeline: Any, argument: Callable[[str], Any]) -> dict[str, Any]:
    summaries = []
    for record in list(_newest(pipeline))[: int(argument("maxResults") or 100)]:
        common = _common(record)
        common |= {"startTime": record["started"], "lastUpdateTime": record["updated"]}
        summaries.append({**common, "sourceRevisions": record["revisions"]})
    return {"pipelineExecutionSummaries": summaries}


def _get_execution(pipeline: Any, argument: Callable[[str], Any]) -> dict[str, Any]:
    record = _find(pipeline, argument("pipelineExecutionId"))
    revisions = [
        {"name": revision["actionName"], **{key: value for key, value in revision.items() if key != "actionName"}}
        for revision in record["revisions"]
    ]
    own = {"pipelineName": argument("pipelineName"), "pipelineVersion": record["version"]}
    return {"pipelineExecution": {**_common(record), **own, "artifactRevisions": revisions}}


def _common(record: Record) -> dict[str, Any]:
    """What the summary of an execution and the execution itself have alike."""
    common = {
        "pipelineExecutionId": record["id"],
        "status": record["status"],
        "statusSummary": record["summary"],
        "trigger": record["trigger"],
        "executionMode": "QUEUED",
        "executionType": record["type"],
    }
    if record["target"]:
        common["rollbackMetadata"] = {"rollbackTargetPipelineExecutionId": record["target"]}
    return common


def _get_state(pipeline: Any, argument: Callable[[str], Any]) -> dict[str, Any]:
    """Each stage with the newest execution that entered it."""
    states = []
    for stage in pipeline.pipeline["stages"]:
        state: dict[str, Any] = {"stageName": stage["name"], "inboundTransitionState": {"enabled": True}}
        entered = ((record, entry) for record in _newest(pipeline) for entry in record["stages"])
        record, entry = next((pair for pair in entered if pair[1]["name"] == stage["name"]), (Record(), Record()))
        if entry:
            identity = {"pipelineExecutionId": record["id"], "type": record["type"]}
            state["latestExecution"] = {**identity, "status": entry["status"]}
        latest = {action["action"]: action for action in record.get("actions", ()) if action["stage"] == stage["name"]}
        state["actionStates"] = [
            {"actionName": action["name"], "latestExecution": _action_state(latest[action["name"]])}
            if action["name"] in latest
            else {"actionName": action["name"]}
            for action in stage["actions"]
        ]
        states.append(state)
    return {
        "pipelineName": argument("name"),
        "pipelineVersion": pipeline.pipeline["version"],
        "stageStates": states,
        **{key: pipeline.metadata[key] for key in ("created", "updated")},
    }


def _action_state(action: Record) -> dict[str, Any]:
    state = {
        "actionExecutionId": action["id"],
        "status": action["status"],
        "summary": action["summary"],
        "lastStatusChange": action["updated"],
    }
    if action["status"] == "InProgress" and action["token"]:
        state["token"] = action["token"]
    if action["error"]:
        state["errorDetails"] = {"code": "JobFailed", "message": action["error"]}
    return state


def _list_actions(pipeline: Any, argument: Callable[[str], Any]) -> dict[str, Any]:
    execution = (argument("filter") or {}).get("pipelineExecutionId")
    records = [_find(pipeline, execution)] if execution else _newest(pipeline)
    bucket = pipeline.pipeline["artifactStore"]["location"]
    details = [_action_detail(record, action, bucket) for record in records for action in reversed(record["actions"])]
    return {"actionExecutionDetails": details[: int(argument("maxResults") or 100)]}


def _action_detail(record: Record, action: Record, bucket: str) -> dict[str, Any]:
    def located(names: list[str]) -> list[dict[str, Any]]:
        artifacts = record["artifacts"]
        return [
            {"name": name, "s3location": {"bucket": bucket, "key": artifacts[name]["key"]}}
            for name in names
            if name in artifacts
        ]

    result: dict[str, Any] = {"externalExecutionSummary": action["summary"]}
    if action["error"]:
        result["errorDetails"] = {"code": "JobFailed", "message": action["error"]}
    return {
        "pipelineExecutionId": record["id"],
        "actionExecutionId": action["id"],
        "pipelineVersion": record["version"],
        "stageName": action["stage"],
        "actionName": action["action"],
        "startTime": action["started"],
        "lastUpdateTime": action["updated"],
        "status": action["status"],
        "input": {
            "actionTypeId": action["type"],
            "configuration": action["configuration"],
            "inputArtifacts": located(action["inputs"]),
            "namespace": action["namespace"],
        },
        "output": {
            "outputArtifacts": located(action["outputs"]),
            "executionResult": result,
            "outputVariables": record["variables"].get(action["namespace"], {}),
        },
    }


def _put_approval(pipeline: Any, argument: Callable[[str], Any]) -> dict[str, Any]:
    stage, name, token = (argument(key) for key in ("stageName", "actionName", "token"))
    for record in _newest(pipeline):
        for action in record["actions"]:
            if (action["stage"], action["action"], action["token"]) == (stage, name, token):
                if action["status"] != "InProgress":
                    raise _RefusedError("ApprovalAlreadyCompletedException", f"{stage}/{name} is answered already")
                record["orders"][token] = argument("result")
                return {"approvedAt": time.time()}
    raise _RefusedError("InvalidApprovalTokenException", f"no approval {stage}/{name} waits with this token")


def _stop(pipeline: Any, argument: Callable[[str], Any]) -> dict[str, Any]:
    record = _find(pipeline, argument("pipelineExecutionId"))
    if record["status"] not in RUNNING:
        raise _RefusedError("PipelineExecutionNotStoppableException", f"execution {record['id']} is {record['status']}")
    record["status"], record["orders"]["stop"] = "Stopping", argument("reason") or "stopped"
    return {"pipelineExecutionId": record["id"]}


def _start(pipeline: Any, argument: Callable[[str], Any]) -> dict[str, Any]:
    revisions = argument("sourceRevisions") or []
    commit = next((revision["revisionValue"] for revision in revisions), "")
    trigger = {"triggerType": "StartPipelineExecution", "triggerDetail": "local"}
    return _begin(pipeline, {"trigger": trigger, "commit": commit})


def _roll_back(pipeline: Any, argument: Callable[[str], Any]) -> dict[str, Any]:
    stage, target = argument("stageName"), _find(pipeline, argument("targetPipelineExecutionId"))
    if stage not in {entry["name"] for entry in pipeline.pipeline["stages"]}:
        raise _RefusedError("StageNotFoundException", f"there is no stage {stage}")
    if target["version"] != pipeline.pipeline["version"]:
        text = f"the structure of the pipeline has changed since execution {target['id']}"
        raise _RefusedError("PipelineExecutionOutdatedException", text)
    succeeded = {entry["name"] for entry in target["stages"] if entry["status"] == "Succeeded"}
    if stage not in succeeded or target["type"] == "ROLLBACK":
        raise _RefusedError("UnableToRollbackStageException", f"{stage} did not succeed in execution {target['id']}")
    if any(record["status"] in RUNNING for record in _newest(pipeline)):
        raise _RefusedError("ConflictException", "an execution is in progress")
    trigger = {"triggerType": "ManualRollback", "triggerDetail": "local"}
    return _begin(pipeline, {"trigger": trigger, "type": "ROLLBACK", "target": target["id"], "stage": stage})


def _begin(pipeline: Any, changes: Record) -> dict[str, Any]:
    """A new execution, and the process that runs it."""
    command = WORKERS.get(pipeline)
    if command is None:
        raise _RefusedError(
            "ConflictException", "nothing runs pipelines in the local AWS yet: `make rehearse` does, and leaves how"
        )
    now = time.time()
    record: Record = {
        "id": str(uuid.uuid4()), "version": pipeline.pipeline["version"], "status": "InProgress", "summary": "",
        "type": "STANDARD", "target": "", "stage": "", "commit": "", "started": now, "updated": now, "revisions": [],
        "artifacts": {}, "variables": {}, "stages": [], "actions": [], "orders": {}, **changes,
    }  # fmt: skip
    _records(pipeline)[record["id"]] = record
    subprocess.Popen(
        [*command, "--execution", record["id"]],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ).returncode = 0  # it lives on without us: no warning when this object goes
    return {"pipelineExecutionId": record["id"]}


OPERATIONS: dict[str, Callable[[Any, Callable[[str], Any]], Any]] = {
    "get_pipeline_execution": _get_execution,
    "get_pipeline_state": _get_state,
    "list_action_executions": _list_actions,
    "list_pipeline_executions": _list_executions,
    "put_approval_result": _put_approval,
    "rollback_stage": _roll_back,
    "start_pipeline_execution": _start,
    "stop_pipeline_execution": _stop,
}
