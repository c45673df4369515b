"""The pipeline's earlier good releases, and the two ways back to one.

A stage is rolled back to an execution that succeeded under the pipeline's present structure (its artifacts are used
again, which takes minutes less); any other release is run again from its commit. Source: codepipeline userguide,
stage-rollback and pipelines-trigger-source-overrides.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from scripts.deployment.aws import Answer, Aws, pauses
from scripts.deployment.errors import ManualActionRequiredError, RefusedError

ROLLING_BACK = "ROLLBACK"  # what a stage does on failure, and the type of an execution that rolls back
COMMIT = "COMMIT_ID"
# `PipelineExecutionStatus` in botocore's model of CodePipeline: these two have not ended.
RUNNING = ("InProgress", "Stopping")


@dataclass(frozen=True)
class Release:
    """A good release: the execution, and the commit that its source action took."""

    execution: str
    commit: str
    title: str
    ended: datetime


@dataclass(frozen=True)
class Pipeline:
    """The pipeline as it is: `version` of its structure, the stages that can be rolled back, its source action."""

    name: str
    version: int
    stages: tuple[str, ...]
    source: str


def pipeline(aws: Aws, name: str) -> Pipeline:
    """The pipeline of that name."""
    answer = aws.call("codepipeline", "get_pipeline", name=name)["pipeline"]
    able = (stage["name"] for stage in answer["stages"] if stage.get("onFailure", {}).get("result") == ROLLING_BACK)
    return Pipeline(name, answer["version"], tuple(able), answer["stages"][0]["actions"][0]["name"])


def good(aws: Aws, name: str) -> Iterator[Release]:
    """The releases that succeeded from their first stage to their last, newest first."""
    for execution in _executions(aws, name):
        if (
            execution["status"] == "Succeeded"
            and execution.get("executionType") != ROLLING_BACK
            and execution.get("sourceRevisions")
        ):
            revision = execution["sourceRevisions"][0]
            title = _title(revision.get("revisionSummary", ""))
            yield Release(execution["pipelineExecutionId"], revision["revisionId"], title, execution["lastUpdateTime"])


def running(aws: Aws, name: str) -> list[str]:
    """The executions that are in progress."""
    return [execution["pipelineExecutionId"] for execution in _executions(aws, name) if execution["status"] in RUNNING]


def find(releases: list[Release], prefix: str) -> Release:
    """The release of an execution or of a commit, by the start of either. Raises `RefusedError`."""
    matches = [
        release for release in releases if release.execution.startswith(prefix) or release.commit.startswith(prefix)
    ]
    # The same commit may have been released more than once: the newest of them is meant.
    if len({release.commit for release in matches}) != 1:
        valid = ", ".join(release.commit[:12] for release in releases[:10]) or "none"
        what = "No successful release matches" if not matches else "More than one successful release matches"
        raise RefusedError(f'{what} "{prefix}". Known releases: {valid}.', "`rollback` lists them.")
    return matches[0]


def returnable(aws: Aws, to: Release, there: Pipeline) -> bool:
    """Whether the stages can be rolled back to a release: it ran under the structure that the pipeline has now, and in
    each of the stages, none of which it skipped (CodePipeline user guide, stage-rollback: only to an execution that
    succeeded in that stage)."""
    arguments = {"pipelineName": there.name, "pipelineExecutionId": to.execution}
    answer = aws.call("codepipeline", "get_pipeline_execution", **arguments)["pipelineExecution"]
    if not there.stages or answer["pipelineVersion"] != there.version:
        return False
    only = {"pipelineExecutionId": to.execution}
    pages = aws.pages("codepipeline", "list_action_executions", pipelineName=there.name, filter=only)
    ran = {action["stageName"] for page in pages for action in page["actionExecutionDetails"]}
    return set(there.stages) <= ran


def roll_back(aws: Aws, there: Pipeline, stage: str, to: Release) -> str:
    """Starts the rollback of one stage; returns the execution that does it."""
    arguments = {"pipelineName": there.name, "stageName": stage, "targetPipelineExecutionId": to.execution}
    return str(aws.call("codepipeline", "rollback_stage", **arguments)["pipelineExecutionId"])


def run_again(aws: Aws, there: Pipeline, to: Release, token: str) -> str:
    """Starts the whole pipeline at a release's commit; returns the execution."""
    revision = {"actionName": there.source, "revisionType": COMMIT, "revisionValue": to.commit}
    arguments = {"name": there.name, "sourceRevisions": [revision], "clientRequestToken": token}
    return str(aws.call("codepipeline", "start_pipeline_execution", **arguments)["pipelineExecutionId"])


def start(aws: Aws, name: str, token: str) -> str:
    """Starts the whole pipeline at its branch as it stands; returns the execution."""
    answer = aws.call("codepipeline", "start_pipeline_execution", name=name, clientRequestToken=token)
    return str(answer["pipelineExecutionId"])


def wait(
    aws: Aws,
    name: str,
    execution: str,
    look: Callable[[], object] = lambda: None,
    remedy: str = "See the pipeline's page in the console.",
) -> Answer:
    """The execution when it has ended; meanwhile `look` is called. Raises `ManualActionRequiredError` with `remedy` on
    Ctrl-C: it goes on by itself."""
    arguments = {"pipelineName": name, "pipelineExecutionId": execution}
    try:
        for pause in pauses(1.0, 15.0):
            look()
            answer: Answer = aws.call("codepipeline", "get_pipeline_execution", **arguments)["pipelineExecution"]
            if answer["status"] not in RUNNING:
                return answer
            time.sleep(pause)
    except KeyboardInterrupt:
        pass
    raise ManualActionRequiredError(f"Execution {execution} of {name} is left running.", remedy)


def _executions(aws: Aws, name: str) -> Iterator[Answer]:
    for page in aws.pages("codepipeline", "list_pipeline_executions", pipelineName=name):
        yield from page["pipelineExecutionSummaries"]


def _title(summary: str) -> str:
    """The first line of a commit's message; a connection's source gives it within JSON."""
    with suppress(ValueError, TypeError, KeyError):
        summary = json.loads(summary)["CommitMessage"]
    return summary.strip().partition("\n")[0]
