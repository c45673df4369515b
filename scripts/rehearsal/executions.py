"""The executions of a pipeline in the local CodePipeline: a rehearsal is the worker that runs them, and writes what
becomes of each stage and action (`scripts/local_aws/pipeline_executions.py`).

So every tool sees a rehearsed release as it would see a real one, and a stage can be rolled back to it as long as the
pipeline exists.
"""

import json
import os
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from scripts.deployment.aws import Aws
from scripts.local_aws import server
from scripts.rehearsal.account_view import Action, Pipeline
from scripts.rehearsal.artifacts import Artifact

Record = dict[str, Any]
Ask = Callable[[str, Any], Any]  # query of the page, body to put or None; the answer
RUNNING = ("InProgress", "Stopping")
PUSH, BY_HAND = "CloudWatchEvent", "StartPipelineExecution"


def page_of(aws: Aws) -> Ask:
    """The page of the local AWS where executions are written."""
    assert aws.endpoint, "a rehearsal runs against the local AWS alone"
    endpoint = server.Endpoint(aws.endpoint.url, "", aws.region, aws.endpoint.key)

    def ask(query: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        return endpoint.ask(f"pipeline-executions?{query}", "GET" if body is None else "PUT", data)

    return ask


class Execution:
    """One execution of the pipeline: its artifacts by name, the variables of its namespaces, and its commit.

    Everything that changes is written at once. `orders` are what others want of it: `stop`, and answers to approvals
    by their token.
    """

    def __init__(self, executions: "Executions", record: Record) -> None:
        self._executions, self._record = executions, record
        self.id: str = record["id"]
        self.commit: str = record["commit"]
        self.artifacts = {name: Artifact(**artifact) for name, artifact in record["artifacts"].items()}
        self.variables: dict[str, dict[str, str]] = dict(record["variables"])
        self.revisions: list[dict[str, str]] = list(record["revisions"])
        self.orders: dict[str, Any] = {}

    @property
    def rollback(self) -> tuple[str, str]:
        """The stage that is rolled back, and the execution to which; empty for a release."""
        return self._record["stage"], self._record["target"]

    def enter_stage(self, name: str, status: str = "InProgress") -> None:
        """A stage begins; one that is entered again, or is skipped, has one entry all the same."""
        self._record["stages"] = [stage for stage in self._record["stages"] if stage["name"] != name]
        self._record["stages"].append({"name": name, "status": status})
        self.write()

    def leave_stage(self, succeeded: bool) -> None:
        """The stage that was entered last has ended."""
        self._record["stages"][-1]["status"] = "Succeeded" if succeeded else "Failed"
        self.write()

    def start_action(self, action: Action) -> None:
        """An action begins."""
        now = time.time()
        self._record["actions"].append(
            {
                "id": str(uuid.uuid4()), "stage": action.stage, "action": action.name, "type": dict(action.type),
                "namespace": action.namespace, "inputs": list(action.inputs), "outputs": list(action.outputs),
                "configuration": dict(action.configuration), "status": "InProgress", "summary": "", "error": "",
                "token": str(uuid.uuid4()) if action.provider == "Manual" else "", "started": now, "updated": now,
            }
        )  # fmt: skip
        self.write()

    def end_action(self, summary: str, error: str) -> None:
        """The action that began last has ended; `error` is empty when it succeeded."""
        status = "Failed" if error else "Succeeded"
        self._record["actions"][-1].update(status=status, summary=summary, error=error, updated=time.time())
        self.write()

    @property
    def token(self) -> str:
        """The token that answers the approval which began last."""
        return str(self._record["actions"][-1]["token"])

    def end(self, status: str, summary: str = "") -> None:
        """The execution has ended: Succeeded, Failed or Stopped."""
        self._record.update(status=status, summary=summary)
        self.write()

    def write(self) -> None:
        """Writes the execution as it is now, and reads its orders."""
        self._record.update(
            commit=self.commit,
            artifacts={name: asdict(artifact) for name, artifact in self.artifacts.items()},
            variables=self.variables,
            revisions=self.revisions,
            updated=time.time(),
            process=os.getpid(),
        )
        self.orders = self._executions.put(self._record)["orders"]


class Executions:
    """All executions of one pipeline."""

    def __init__(self, pipeline: Pipeline, ask: Ask) -> None:
        self._pipeline, self._ask = pipeline, ask

    def put(self, record: Record) -> Record:
        """Writes a record; returns it as the local AWS has it, with its orders."""
        answer: Record = self._ask(f"pipeline={self._pipeline.name}", record)
        return answer

    def leave_worker(self, command: Sequence[str]) -> None:
        """Leaves the command that runs what others start."""
        self._ask(f"pipeline={self._pipeline.name}&worker", list(command))

    def begin(self, trigger: str, target: str = "", stage: str = "") -> Execution:
        """A new execution; one with a `target` rolls the stage back to that execution."""
        identity = str(uuid.uuid4())
        variables = {"variables": dict(self._pipeline.variables), "codepipeline": {"PipelineExecutionId": identity}}
        record: Record = {
            "id": identity, "version": self._pipeline.version, "status": "InProgress", "summary": "",
            "type": "ROLLBACK" if target else "STANDARD", "target": target, "stage": stage, "commit": "",
            "trigger": {"triggerType": trigger, "triggerDetail": "rehearsal"}, "started": time.time(),
            "revisions": [], "artifacts": {}, "variables": variables, "stages": [], "actions": [],
        }  # fmt: skip
        execution = Execution(self, record)
        execution.write()
        return execution

    def take(self, identity: str) -> Execution:
        """An execution that somebody else started."""
        record = next(record for record in self._records() if record["id"] == identity)
        execution = Execution(self, record)
        execution.variables = {
            "variables": dict(self._pipeline.variables),
            "codepipeline": {"PipelineExecutionId": identity},
        }
        execution.write()
        return execution

    def end_killed(self) -> None:
        """Ends the executions whose rehearsal was killed: nobody runs them any more."""
        for record in self._records():
            if record["status"] in RUNNING and "process" in record and not _runs(record["process"]):
                record.update(status="Stopped", summary="the rehearsal that ran it was killed", updated=time.time())
                self.put(record)

    def rollback_target(self, stage: str, identity: str = "") -> Execution | None:
        """The execution to which a stage can go back: the newest that is no rollback and in which the stage succeeded,
        under the pipeline's present structure (CodePipeline user guide, stage-rollback); or that of an id."""
        for record in reversed(self._records()):
            entry = {"name": stage, "status": "Succeeded"}
            fits = record["version"] == self._pipeline.version and record["type"] == "STANDARD"
            if fits and entry in record["stages"] and identity in ("", record["id"]):
                return Execution(self, record)
        return None

    def _records(self) -> list[Record]:
        records: list[Record] = self._ask(f"pipeline={self._pipeline.name}", None)
        return records


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
