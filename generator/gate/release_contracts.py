"""What starts a pipeline, and what of it may be skipped: contracts between its stages and the rules beside it.

A further set of contracts, beside `contracts.py`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from generator.cfn.intrinsics import decide, outcomes, render
from generator.cfn.templates import Resource, TemplateSet
from generator.gate.contracts import Disagreement, origin, variables_read
from generator.gate.pipeline_model import PIPELINE, pipelines

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
            there = [rule for rule in templates.resources(RULE) if outcome.get(rule.condition or "", True)]
            rules = [rule.logical_id for rule in there if _starts(templates, rule, pipeline)]
            triggers = [trigger["GitConfiguration"]["SourceActionName"] for trigger in properties.get("Triggers", ())]
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


def skipped_together(templates: TemplateSet) -> Iterator[Disagreement]:
    """What takes an artifact or a variable from a stage that may be skipped is skipped with it: it has all its checks.

    What a later stage sees of a skipped one is documented nowhere. Of our rules only a check of variables may skip
    (codepipeline user guide, stage-conditions).
    """
    for pipeline in pipelines(templates):
        checks = {render(stage["Name"]): _checks(stage) for stage in pipeline.properties["Stages"]}
        makers = {name: action.stage for action in pipeline.actions for name in action.outputs}
        spaces = {action.namespace: action.stage for action in pipeline.actions if action.namespace}
        for stage in pipeline.properties["Stages"]:
            name = render(stage["Name"])
            here = f"{pipeline.address} {name}"
            taken = {
                artifact: makers.get(artifact)
                for action in pipeline.actions
                if action.stage == name
                for artifact in action.inputs
            }
            taken |= {space: spaces.get(space) for space, _ in variables_read(stage)}
            for what, giver in sorted(taken.items()):
                missing = checks.get(giver or "", {}).keys() - checks[name].keys()
                if giver != name and missing:
                    there = ", ".join(sorted(checks[giver or ""][check] for check in missing))
                    yield Disagreement(
                        here, f"{pipeline.address} {giver}", f"takes {what}, and is not skipped by {there}"
                    )
            for condition in stage.get("BeforeEntry", {}).get("Conditions", ()):
                providers = {rule["RuleTypeId"]["Provider"] for rule in condition["Rules"]}
                if condition.get("Result") == "SKIP" and providers - {"VariableCheck"}:
                    yield Disagreement(here, "BeforeEntry", f"skips by {', '.join(sorted(providers))}")


def _checks(stage: Mapping[str, Any]) -> dict[str, str]:
    """The rules that skip a stage: what they check, by which name."""
    return {
        json.dumps(rule.get("Configuration"), sort_keys=True): render(rule["Name"])
        for condition in stage.get("BeforeEntry", {}).get("Conditions", ())
        if condition.get("Result") == "SKIP"
        for rule in condition["Rules"]
    }
