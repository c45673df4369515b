"""Judges a plan: what it loses, who may do more or less after it, and why it must not be executed as it is."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

from generator.cfn import broadening
from scripts.deployment import compare, guards
from scripts.deployment.aws import Aws, Identity
from scripts.deployment.environment import Environment
from scripts.deployment.guards import Sides
from scripts.deployment.package import PackagedSet
from scripts.deployment.plan import Plan
from scripts.deployment.stacks import Stack

# `PipelineExecutionStatus` in botocore's model of CodePipeline: these two have not ended.
RUNNING = ("InProgress", "Stopping")
PAUSE = 5.0  # seconds between looks


def assess(
    aws: Aws,
    plan: Plan,
    wanted: Environment,
    packaged: PackagedSet,
    previous: Stack | None,
    values: Mapping[str, str],
    identity: Identity,
) -> Plan:
    """The plan with its losses, permissions and refusals. A stack that is to be created loses nothing and is agreed to
    as a whole. `values` are the parameters after the plan. Raises `RefusedError`."""
    if plan.empty or previous is None:
        return plan
    after = compare.settled(wanted.root, values, aws, identity)
    sides = Sides(wanted.root.name, compare.before(aws, previous, packaged, identity), after)
    gained, lost = broadening.compare(sides.before, after)
    running = [name for name in pipelines(plan) if executing(aws, name)]
    plan = replace(plan, follows=tuple(guards.follows(plan, sides)))
    return replace(
        plan,
        losses=tuple(guards.losses(plan, sides)),
        gained=tuple(gained),
        lost=tuple(lost),
        refusals=tuple(guards.refusals(plan, sides, running)),
    )


def pipelines(plan: Plan) -> list[str]:
    """The names of the pipelines that the plan touches."""
    return [leaf.physical_id for leaf in plan.leaves() if leaf.type == guards.PIPELINE and leaf.physical_id]


def executing(aws: Aws, pipeline: str) -> list[str]:
    """The executions of a pipeline that have not ended, by id. Newest come first (CodePipeline API reference,
    ListPipelineExecutions), so the first page has them."""
    page = aws.call("codepipeline", "list_pipeline_executions", pipelineName=pipeline)
    return [one["pipelineExecutionId"] for one in page["pipelineExecutionSummaries"] if one.get("status") in RUNNING]


def waited(aws: Aws, pipeline: str) -> Iterator[str]:
    """Waits until a pipeline executes nothing; a line whenever there is something to tell, at least once a minute."""
    told, began = "", time.monotonic()
    while running := executing(aws, pipeline):
        minutes = int((time.monotonic() - began) / 60)
        line = f"waiting for {pipeline}, which executes {', '.join(running)}" + (f" ({minutes} min)" if minutes else "")
        if line != told:
            yield line
        told = line
        time.sleep(PAUSE)
    yield f"{pipeline} executes nothing any more: planning again"
