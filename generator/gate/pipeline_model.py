"""The pipelines in the templates: what runs, in which order, under each outcome of the template's conditions."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from generator.cfn.intrinsics import decide, outcomes, render
from generator.cfn.templates import Resource, TemplateSet, once

PIPELINE = "AWS::CodePipeline::Pipeline"


@dataclass(frozen=True)
class Action:
    """One action. `turn` is stage number and RunOrder: an action runs after all those of a lower turn."""

    stage: str
    name: str
    turn: tuple[int, int]
    body: Mapping[str, Any] = field(hash=False, repr=False)

    def __str__(self) -> str:
        return f"{self.stage}/{self.name}"

    @property
    def provider(self) -> str:
        return str(self.body.get("ActionTypeId", {}).get("Provider"))

    @property
    def configuration(self) -> Mapping[str, Any]:
        return self.body.get("Configuration") or {}

    @property
    def namespace(self) -> str:
        """Under which later actions read its variables, or an empty string."""
        return render(self.body.get("Namespace", ""))

    @property
    def inputs(self) -> list[str]:
        return [render(artifact["Name"]) for artifact in self.body.get("InputArtifacts", ())]

    @property
    def outputs(self) -> list[str]:
        return [render(artifact["Name"]) for artifact in self.body.get("OutputArtifacts", ())]


@dataclass(frozen=True)
class Pipeline:
    """One pipeline under one outcome of the conditions; `actions` in the order in which they run."""

    resource: Resource
    properties: Mapping[str, Any] = field(hash=False, repr=False)
    actions: tuple[Action, ...]

    @property
    def address(self) -> str:
        return self.resource.address


@once
def pipelines(templates: TemplateSet) -> tuple[Pipeline, ...]:
    """Every pipeline, once for each form that the conditions of its template can give it."""
    return tuple(_pipelines(templates))


def _pipelines(templates: TemplateSet) -> Iterator[Pipeline]:
    for resource in templates.resources(PIPELINE):
        seen = set()
        for outcome in outcomes(templates[resource.template]):
            properties = decide(dict(resource.properties), outcome)
            text = json.dumps(properties, sort_keys=True)
            if text not in seen:
                seen.add(text)
                actions = [
                    Action(render(stage["Name"]), render(body["Name"]), (number, int(body.get("RunOrder", 1))), body)
                    for number, stage in enumerate(properties["Stages"])
                    for body in stage["Actions"]
                ]
                yield Pipeline(resource, properties, tuple(sorted(actions, key=lambda action: action.turn)))
