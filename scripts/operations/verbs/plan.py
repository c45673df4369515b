"""`plan`: everything that a deployment would do, shown and left undone."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scripts.deployment import change_set, planning, stacks
from scripts.deployment.aws import Aws
from scripts.deployment.errors import Exit, ManualActionRequiredError
from scripts.deployment.plan import CREATE, Difference, Notice, NotPlanned, Plan
from scripts.deployment.planning import Beside, Planner, Prepared
from scripts.deployment.stacks import OURS, Stack
from scripts.deployment.statuses import Action, meaning
from scripts.operations import adoption, saved_plan
from scripts.operations.output import plan_json, plan_markdown, plan_text
from scripts.operations.run import Run, say
from scripts.operations.saved_plan import SavedPlan, SavedStack
from scripts.terminal import console

FORMATS = ("terminal", "markdown", "json")
STEP_ONE = "this plan is step 1 of 2, the running image alone. Apply it, then plan again: step 2 has the other changes."


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of `plan`."""
    adoption.arguments(parser)
    planning.arguments(parser)
    parser.add_argument("--format", choices=FORMATS, default="terminal", help="how the plan is shown")
    parser.add_argument("--verbose", action="store_true", help="also name resources whose values stay unchanged")
    parser.add_argument("--drift", action="store_true", help="also show what was changed outside the stacks")
    parser.add_argument("--out", type=Path, metavar="FILE", help="save the plan for `apply --plan FILE`")
    parser.add_argument("--discard", type=Path, metavar="FILE", help="delete the change sets of a saved plan")


def run(run: Run) -> Exit:
    """Plans every root; 2 when anything would change."""
    planner = planning.planner(run)
    if run.given.discard:
        return _discard(run, planner)
    made: list[Plan | NotPlanned] = []
    kept: list[tuple[Aws, SavedStack]] = []
    finished = False
    prepared = planner.prepare(run)
    beside = planning.standing(prepared)
    try:
        for root in prepared:
            if missing := [one.stack for one in made if isinstance(one, NotPlanned) or one.kind == CREATE]:
                made.append(NotPlanned(root.wanted.stack, f"{missing[0]} has to exist first"))
                continue
            one, found = _plan(root, beside)
            made.append(one)
            if isinstance(one, Plan) and not one.empty:
                kept.append((root.run.aws, saved_plan.stack(one, found, _only_image(one))))
            beside[root.name] = found
        document = plan_json.document(run.wanted.name, planner.identity.account, run.aws.region, made)
        _show(run, planner, made)
        if run.given.out:
            where = (run.wanted.name, planner.identity.account, run.aws.region)
            saved_plan.write(run.given.out, SavedPlan(*where, tuple(held for _, held in kept), document))
        finished = True
    finally:
        if not (finished and run.given.out):
            for aws, held in kept:
                change_set.discard(aws, held.plan)
    waiting = any(isinstance(one, NotPlanned) or not one.empty or one.kept for one in made)
    return Exit.CHANGES if waiting else Exit.DONE


def _only_image(one: Plan) -> tuple[Difference, ...]:
    """What changes first, when the plan is that and nothing else."""
    return one.parameters if one.name.startswith(change_set.SAVED_IMAGE) else ()


def _discard(run: Run, planner: Planner) -> Exit:
    """Takes away what a saved plan keeps."""
    held = saved_plan.read(run.given.discard)
    saved_plan.belongs(held, run.wanted.name, planner.identity.account, run.aws.region)
    roots = {one.stack: one for one in run.roots.values()}
    for one in held.stacks:
        change_set.discard(run.of(roots.get(one.stack, run.wanted)).aws, one.plan)
        say([f"{one.stack}: the reviewed change set is deleted"])
    return Exit.DONE


def _plan(root: Prepared, beside: Beside) -> tuple[Plan | NotPlanned, Stack | None]:
    """The plan of one root and its stack as it stands. Nothing of what others left is touched."""
    wanted, planner, given = root.wanted, root.planner, root.run.given
    found, keep = stacks.read(planner.aws, wanted.stack), bool(given.out)
    means = meaning(found.status if found else None)
    if found and means.action in (Action.WAIT, Action.CONTINUE, Action.MANUAL):
        raise ManualActionRequiredError(f"{found.name} {means.text} ({found.status}).", found.remedy)
    if found and means.action is Action.RECREATE:
        return NotPlanned(wanted.stack, f"it {means.text}, and `apply` deletes it first"), None
    previous = found if means.action is Action.UPDATE else None
    told: tuple[Notice, ...] = ()
    if given.drift and previous:
        told = change_set.drifted(planner.aws, previous, planner.describe(wanted, "drift"))
    with console.working(f"planning {wanted.stack}"):
        one = planner.plan(wanted, root.templates, previous, beside, stacks.SAVED if keep else OURS)
    if keep and one.image and previous:
        # Once the image has changed, no other change set of the stack can be executed: the rest is another plan.
        change_set.discard(planner.aws, one)
        one = planner.image(wanted, one, previous, change_set.SAVED_IMAGE)
        console.show_line(f"{wanted.stack}: {STEP_ONE}", sys.stderr)
    return replace(one, notices=(*one.notices, *told)), previous


def _show(run: Run, planner: Planner, made: Sequence[Plan | NotPlanned]) -> None:
    where = (run.wanted.name, planner.identity.account, run.aws.region)
    if run.given.format == "json":
        console.document(plan_json.text(*where, made))
    elif run.given.format == "markdown":
        console.document("\n".join(plan_markdown.lines(*where, made)))
    else:
        say(line for one in made for line in plan_text.lines(one, run.given.verbose))
