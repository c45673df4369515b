"""The design's message, in exactly its seven fields, from events that exist.

An EventBridge input transformer fills a template with values from the event. A value that is missing would drop its
field, so rules split by whether the event carries an error text. Values are not escaped, and the reason of a failed
build quotes commands, with quotes and line breaks: so the error is the object that holds it, which is JSON already,
whatever stands in it (eventbridge userguide, eb-transform-target-input; codepipeline userguide,
detect-state-changes-cloudwatch-events).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from troposphere import Sub, events

from generator.core.arns import Text
from generator.core.names import APPROVE, DEPLOY, SOURCE
from generator.core.ports import PIPELINE

FIELDS = ("pipeline", "stage", "status", "executionId", "timestamp", "error", "rollback")
SUMMARY = "external-execution-summary"
ACTION_EVENT = "CodePipeline Action Execution State Change"
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


def messages(pipeline: Text) -> list[Message]:
    """The messages of one environment: failed actions with and without an error text, in stages that roll back and
    in those that only stop. Success and the time limit are told by the watch (`pipeline/watch.py`), and so is the
    failure of a stage whose actions are tried once more: the event of a failed action does not say whether another
    try follows, and a failure is one message. A deployment that ECS gives up has no message of its own: the action
    that deploys, or the verification after it, fails because of it."""
    entries = []
    deploys: list[object] = [{"prefix": DEPLOY}]
    for place, stages, rollback in (
        ("Deployment", deploys, "initiated"),
        ("Action", [SOURCE, APPROVE], "not-configured"),
    ):
        for suffix, exists in (("", True), ("Silently", False)):
            detail = {
                "pipeline": [pipeline],
                "stage": stages,
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
    return entries
