"""`plan`: everything that a deployment would do, shown and left undone."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from scripts.deployment import adoption, plan, planning, stacks
from scripts.deployment.errors import Exit, NeedsPerson
from scripts.deployment.package import PackagedSet
from scripts.deployment.parameters import Environment
from scripts.deployment.planned import CREATE, NotPlanned, Plan
from scripts.deployment.planning import Planner
from scripts.deployment.run import Run, say
from scripts.deployment.show import plan_json, plan_markdown, plans, terminal
from scripts.deployment.stacks import Stack
from scripts.deployment.statuses import Action, meaning

FORMATS = ("terminal", "markdown", "json")


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of `plan`."""
    adoption.arguments(parser)
    planning.arguments(parser)
    parser.add_argument("--format", choices=FORMATS, default="terminal", help="how the plan is shown")


def run(run: Run) -> Exit:
    """Plans every root; 2 when anything would change."""
    planner = planning.planner(run)
    made: list[Plan | NotPlanned] = []
    shared: Stack | None = None
    try:
        for wanted, templates in planner.package(run):
            if missing := [one.stack for one in made if isinstance(one, NotPlanned) or one.kind == CREATE]:
                made.append(NotPlanned(wanted.stack, f"{missing[0]} has to exist first"))
                continue
            one, found = _plan(planner, wanted, templates, shared)
            made.append(one)
            shared = shared or found
        say(_show(run, planner, made))
    finally:
        for one in made:
            if isinstance(one, Plan) and not one.empty:
                plan.discard(run.aws, one)
    waiting = any(isinstance(one, NotPlanned) or not one.empty or one.kept for one in made)
    return Exit.CHANGES if waiting else Exit.DONE


def _plan(
    planner: Planner, wanted: Environment, templates: PackagedSet, shared: Stack | None
) -> tuple[Plan | NotPlanned, Stack | None]:
    """The plan of one root and its stack as it stands. Nothing of what others left is touched."""
    found = stacks.read(planner.aws, wanted.stack)
    means = meaning(found.status if found else None)
    if found and means.action in (Action.WAIT, Action.CONTINUE, Action.PERSON):
        raise NeedsPerson(f"{found.name} {means.text} ({found.status}).", found.remedy)
    if found and means.action is Action.RECREATE:
        return NotPlanned(wanted.stack, f"it {means.text}, and `apply` deletes it first"), None
    previous = found if means.action is Action.UPDATE else None
    return planner.plan(wanted, templates, previous, shared), previous


def _show(run: Run, planner: Planner, made: Sequence[Plan | NotPlanned]) -> list[str]:
    if run.given.format == "json":
        return [plan_json.text(run.wanted.name, planner.identity.account, run.aws.region, made)]
    if run.given.format == "markdown":
        return [*plan_markdown.lines(run.wanted.name, planner.identity.account, run.aws.region, made)]
    paint = terminal.painter(sys.stdout)
    return [line for one in made for line in plans.lines(one, paint)]
