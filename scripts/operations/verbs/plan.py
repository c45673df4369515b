"""`plan`: everything that a deployment would do, shown and left undone."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import dataclass, field, replace
from pathlib import Path

from scripts.deployment.deploy_root import RootDeployment
from scripts.deployment.errors import Exit
from scripts.deployment.plan import Plan, discard
from scripts.deployment.stacks import OURS, SAVED
from scripts.operations import plan_document, saved_plan
from scripts.operations.deploying import context
from scripts.operations.diagnose.drift import drift_notices
from scripts.operations.image_first import plan_image, saved_image_prefix
from scripts.operations.options import JSON, TERMINAL, DeployOptions, KeepOptions, adopt_argument, keep_arguments
from scripts.operations.output import plan_markdown, plan_text
from scripts.operations.planning import RootPlan, plan_roots
from scripts.operations.run import Run, say
from scripts.operations.saved_plan import SavedPlan
from scripts.terminal import console, results

MARKDOWN = "markdown"
STEP_ONE = "this plan is step 1 of 2, the running image alone. Apply it, then plan again: step 2 has the other changes."


@dataclass(frozen=True)
class Options:
    """What may be said of a plan: `out` and `discard` are files of saved plans."""

    keep: KeepOptions = field(default_factory=KeepOptions)
    adopt: bool = False
    change_set: bool = False
    format: str = TERMINAL
    verbose: bool = False
    drift: bool = False
    out: Path | None = None
    discard: Path | None = None


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of `plan`."""
    adopt_argument(parser)
    keep_arguments(parser)
    formats = (TERMINAL, MARKDOWN, JSON)
    parser.add_argument("--format", choices=formats, default=TERMINAL, help="how the plan is shown")
    parser.add_argument("--verbose", action="store_true", help="also name resources whose values stay unchanged")
    parser.add_argument("--drift", action="store_true", help="also show what was changed outside the stacks")
    parser.add_argument("--out", type=Path, metavar="FILE", help="save the plan for `apply --plan FILE`")
    parser.add_argument("--discard", type=Path, metavar="FILE", help="delete the change sets of a saved plan")


def run(run: Run, options: Options) -> Exit:
    """Plans every root; 2 when anything would change."""
    if options.discard:
        return _discard(run, options.discard)
    deployment = DeployOptions(keep=options.keep, adopt=options.adopt, change_set=options.change_set)
    prefix, plans, finished = SAVED if options.out else OURS, list[RootPlan](), False
    try:
        for root, root_plan in plan_roots(context(run, deployment).with_access(), prefix):
            plans.append(root_plan)
            if isinstance(root_plan.plan, Plan):
                plans[-1] = replace(root_plan, plan=_complete(root, root_plan.plan, options))
        _show(run, options, plans)
        if options.out:
            _save(run, options.out, plans)
        finished = True
    finally:
        if not (finished and options.out):
            for each in plans:
                if isinstance(each.plan, Plan):
                    discard(each.aws, each.plan)
    return Exit.CHANGES if any(each.waiting for each in plans) else Exit.DONE


def _complete(root: RootDeployment, plan: Plan, options: Options) -> Plan:
    """The plan with drift where it was asked for; of one that is saved the image alone, when that comes first."""
    if options.out and plan.first and root.previous:
        # Once the image has changed, no other change set of the stack can be executed: the rest is another plan.
        discard(root.aws, plan)
        plan = plan_image(root, plan, saved_image_prefix(root.environment.name)) or plan
        console.show_line(f"{plan.stack}: {STEP_ONE}", sys.stderr)
    if options.drift and root.previous and root.environment.needed:
        drift = drift_notices(root.aws, root.previous, root.change_set_prefix, root.describe("drift"))
        return replace(plan, notices=(*plan.notices, *drift))
    return plan


def _save(run: Run, file: Path, plans: list[RootPlan]) -> None:
    where = (run.environment.name, run.aws.identity().account, run.aws.region)
    document = plan_document.document(*where, [each.plan for each in plans])
    prefix = saved_image_prefix(run.environment.name)
    entries = tuple(
        saved_plan.stack(plan, each.previous, plan.parameters if plan.name.startswith(prefix) else ())
        for each in plans
        if isinstance(plan := each.plan, Plan) and not plan.empty
    )
    saved_plan.write(file, SavedPlan(*where, entries, document))


def _discard(run: Run, file: Path) -> Exit:
    """Takes away what a saved plan keeps."""
    saved = saved_plan.read(file)
    saved_plan.belongs(saved, run.environment.name, run.aws.identity().account, run.aws.region)
    roots = {root.stack: root for root in run.roots.values()}
    for entry in (each for each in saved.stacks if each.change_set):
        discard(run.at(roots.get(entry.stack, run.environment)).aws, entry.plan)
        say([f"{entry.stack}: the reviewed change set is deleted"])
    return Exit.DONE


def _show(run: Run, options: Options, root_plans: list[RootPlan]) -> None:
    where = (run.environment.name, run.aws.identity().account, run.aws.region)
    plans = [each.plan for each in root_plans]
    if options.format == JSON:
        results.show(json.loads(plan_document.text(*where, plans)))
    elif options.format == MARKDOWN:
        console.document("\n".join(plan_markdown.lines(*where, plans)))
    else:
        say(line for plan in plans for line in plan_text.lines(plan, options.verbose))
