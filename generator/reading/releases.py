"""What starts a pipeline, and what of it may be skipped: contracts between its stages and the rules beside it.

A further set of contracts, beside `contracts.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from generator.reading.contracts import Disagreement, origin
from generator.reading.pipelines import PIPELINE
from generator.reading.templates import Resource, TemplateSet
from generator.reading.values import decide, outcomes, render

RULE = "AWS::Events::Rule"


def started_once(templates: TemplateSet) -> Iterator[Disagreement]:
    """A push starts a pipeline once: by a rule for a source in CodeCommit, by a trigger for one behind a connection.

    A trigger knows connections alone, and a connection detects changes by itself unless told not to (codepipeline user
    guide, pipelines-filter and action-reference-CodestarConnectionSource).
    """
    for pipeline in templates.resources(PIPELINE):
        template = templates[pipeline.template]
        for outcome in outcomes(template):
            properties = decide(dict(pipeline.properties), outcome)
            there = [one for one in templates.resources(RULE) if outcome.get(one.condition or "", True)]
            rules = [rule.logical_id for rule in there if _starts(templates, rule, pipeline)]
            triggers = [one["GitConfiguration"]["SourceActionName"] for one in properties.get("Triggers", ())]
            for action in properties["Stages"][0]["Actions"]:
                provider, configuration = action["ActionTypeId"]["Provider"], action.get("Configuration", {})
                here = f"{pipeline.address} {render(action['Name'])}"
                mine = [name for name in triggers if name == action["Name"]]
                starts = [*rules, *(f"the trigger for {name}" for name in mine)]
                if provider == "CodeStarSourceConnection":
                    if configuration.get("DetectChanges") != "false":
                        starts.append("its own detection of changes")
                    if not mine:
                        yield Disagreement(here, "Triggers", "has no trigger, and no other can see a connection")
                elif mine:
                    yield Disagreement(here, "Triggers", f"has a trigger, which {provider} does not know")
                if len(starts) != 1:
                    yield Disagreement(here, RULE, f"is started by {' and '.join(starts) or 'nothing'}")


def _starts(templates: TemplateSet, rule: Resource, pipeline: Resource) -> bool:
    def text(resource: Resource, value: Any) -> str:
        return origin(templates, templates[resource.template], value)

    name = text(pipeline, {"Ref": pipeline.logical_id})
    arn = f"arn:${{AWS::Partition}}:codepipeline:${{AWS::Region}}:${{AWS::AccountId}}:{name}"
    targets: list[Mapping[str, Any]] = rule.get("Targets", default=[])
    return any(text(rule, target.get("Arn")) == arn for target in targets)
