"""The design's message, in exactly its seven fields, from events that exist.

An EventBridge input transformer fills a template with values from the event. A value that is missing would drop its
field, so rules split by whether the event carries an error text. Values are not escaped, and the reason of a failed
build quotes commands, with quotes and line breaks: so the error is the object that holds it, which is JSON already,
whatever stands in it (eventbridge userguide, eb-transform-target-input; codepipeline userguide,
detect-state-changes-cloudwatch-events; AmazonECS developerguide, ecs_service_deployment_events).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from troposphere import Sub, events

from generator.core.arns import Text
from generator.core.names import DEPLOY, DEPLOY_BACKEND
from generator.core.ports import PIPELINE

FIELDS = ("pipeline", "stage", "status", "executionId", "timestamp", "error", "rollback")
SUMMARY = "external-execution-summary"
ACTION_EVENT = "CodePipeline Action Execution State Change"
PIPELINE_EVENT = "CodePipeline Pipeline Execution State Change"
DEPLOYMENT_EVENT = "ECS Deployment State Change"
# The page of a pipeline, as CodePipeline's own messages name it (codepipeline userguide, approvals-json-format).
PIPELINE_PAGE = f"https://console.aws.amazon.com/codepipeline/home?region=${{AWS::Region}}#/view/${{{PIPELINE.name}}}"


@dataclass(frozen=True)
class Message:
    """One rule: `pattern` selects the events, `paths` are the fields taken from them (name to JSON path), `literals`
    the fields written as they are, `${Port}` filled in. Together they are the seven fields."""

    title: str
    says: str
    pattern: Mapping[str, object]
    paths: Mapping[str, str]
    literals: Mapping[str, str]
    needs_ecs: bool = False

    def __post_init__(self) -> None:
        if {*self.paths, *self.literals} != set(FIELDS) or len(self.paths) + len(self.literals) != len(FIELDS):
            raise ValueError(f"message {self.title} must have each of {', '.join(FIELDS)} once")

    def transformer(self) -> events.InputTransformer:
        parts = [
            f'  "{field}": ' + (f"<{field}>" if field in self.paths else f'"{self.literals[field]}"')
            for field in FIELDS
        ]
        template = "{\n" + ",\n".join(parts) + "\n}"
        return events.InputTransformer(
            InputPathsMap=dict(self.paths), InputTemplate=Sub(template) if "${" in template else template
        )


PIPELINE_PATHS = {
    "pipeline": "$.detail.pipeline",
    "status": "$.detail.state",
    "executionId": "$.detail.execution-id",
    "timestamp": "$.time",
}


def messages(pipeline: Text, service_arn: Text) -> list[Message]:
    """The messages of one environment: failed actions with and without an error text, in stages that roll back and
    in others, a finished release, and a deployment that ECS gave up."""
    entries = []
    deploys, others = {"prefix": DEPLOY}, {"anything-but": {"prefix": DEPLOY}}
    for place, stage, rollback in (("Deployment", deploys, "initiated"), ("Action", others, "not-configured")):
        for suffix, exists in (("", True), ("Silently", False)):
            detail = {
                "pipeline": [pipeline],
                "stage": [stage],
                "state": ["FAILED"],
                "execution-result": {SUMMARY: [{"exists": exists}]},
            }
            error = {"error": "$.detail.execution-result"} if exists else {}
            silence = {} if exists else {"error": f"the action gave no reason: {PIPELINE_PAGE}"}
            entries.append(
                Message(
                    f"{place}Failed{suffix}",
                    f"Tells that an action failed{'' if exists else ' without saying why'}, "
                    f"rollback {rollback.replace('-', ' ')}.",
                    {"source": ["aws.codepipeline"], "detail-type": [ACTION_EVENT], "detail": detail},
                    {**PIPELINE_PATHS, "stage": "$.detail.stage", **error},
                    {"rollback": rollback, **silence},
                )
            )
    entries.append(
        Message(
            "ReleaseSucceeded",
            "Tells that an execution has succeeded: a release, or the rollback of one.",
            {
                "source": ["aws.codepipeline"],
                "detail-type": [PIPELINE_EVENT],
                "detail": {"pipeline": [pipeline], "state": ["SUCCEEDED"]},
            },
            PIPELINE_PATHS,
            # A rollback is an execution of its own that ends so, too, and nothing in the event tells it (codepipeline
            # userguide, stage-rollback and detect-state-changes-cloudwatch-events).
            {"stage": "all", "error": "none", "rollback": f"see whether the execution is one: {PIPELINE_PAGE}"},
        )
    )
    entries.append(
        Message(
            "DeploymentRolledBack",
            "Tells that ECS gave up a deployment and returns to the last good one.",
            {
                "source": ["aws.ecs"],
                "detail-type": [DEPLOYMENT_EVENT],
                "resources": [service_arn],
                "detail": {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
            },
            {
                "status": "$.detail.eventName",
                "executionId": "$.detail.deploymentId",
                "timestamp": "$.detail.updatedAt",
                "error": "$.detail",
            },
            {"pipeline": f"${{{PIPELINE.name}}}", "stage": DEPLOY_BACKEND, "rollback": "initiated"},
            needs_ecs=True,
        )
    )
    return entries
