"""Who has to agree to a plan, and to what. What hurts has to be named; nothing here changes anything."""

from argparse import ArgumentParser
from collections.abc import Sequence

from generator.cfn.environments import PRODUCTION
from generator.cfn.templates import Template
from scripts.deployment.environment import Environment
from scripts.deployment.errors import NotConfirmedError, RefusedError
from scripts.deployment.plan import Loss, Plan
from scripts.operations.run import Run
from scripts.terminal import prompt


def arguments(parser: ArgumentParser) -> None:
    """How somebody agrees on the command line."""
    parser.add_argument("--yes", action="store_true", help="agree in advance; never covers destructive changes")
    for option, what in (("--allow-replace", "replacing"), ("--allow-delete", "deleting")):
        parser.add_argument(
            option,
            metavar="NAME",
            action="append",
            default=[],
            help=f"allow {what} this resource, which holds data or an address; repeatable",
        )
    parser.add_argument("--allow-broader", action="store_true", help="allow this plan to grant more permissions")
    parser.add_argument("--wait", action="store_true", help="wait for the running release to finish")
    parser.add_argument(
        "--cancel-release", action="store_true", help="change the pipeline now; cancels the running release"
    )


def beforehand(run: Run) -> None:
    """What is wrong with the options themselves. Raises `RefusedError`."""
    if run.wanted.name == PRODUCTION and run.given.yes and not run.given.plan:
        raise RefusedError(
            "`--yes` alone is not accepted for production.",
            "Save a plan with `plan --out FILE`, have it reviewed, and give --yes together with --plan FILE.",
        )


def agree(run: Run, wanted: Environment, plan: Plan, account: str) -> None:
    """Returns when everything in the plan of one root is agreed to.

    Raises `RefusedError` for what must not happen or was not named, `NotConfirmedError` when nobody said yes. On the
    local AWS nobody has to agree to what harms nothing.
    """
    given, production = run.given, run.wanted.name == PRODUCTION
    _named(run, wanted, plan)
    waiting = [one for one in plan.refusals if not (one.waits and (given.wait or given.cancel_release))]
    unnamed = [one for one in plan.losses if one.name not in _allowed(run, one)]
    if waiting or unnamed:
        why = [f"  {one.where}: {one.why}. {one.remedy}" for one in waiting]
        why += [f"  {loss}" for loss in unnamed]
        raise RefusedError("\n".join([f"{plan.stack} was not changed:", *why]))
    asks = prompt.attended() and not given.yes
    broader = bool(plan.broader) and not given.allow_broader
    if broader and not asks and (given.yes or run.aws.endpoint):
        told = "\n".join(
            [f"{plan.stack} was not changed: it would allow more permissions", *map("  {}".format, plan.broader)]
        )
        raise RefusedError(told, "Review them. If they are intended, run again with --allow-broader.")
    if broader and asks and not prompt.confirmed("More permissions are allowed, as shown. Is that intended? (yes/no) "):
        raise NotConfirmedError(f"{plan.stack} was not changed.")
    if given.yes or run.aws.endpoint:
        return
    if not asks:
        how = f"Run again with --yes{' and --plan FILE, of a reviewed plan' if production else ''}."
        raise NotConfirmedError(f"{plan.stack} was not changed: confirmation needs a terminal.", how)
    # Nobody types a name by habit.
    question = f"Change {plan.stack} in account {account}, {run.aws.region}?"
    how = "its name" if production else "yes/no"
    if not prompt.confirmed(f"{question} ({how}) ", PRODUCTION if production else "yes"):
        raise NotConfirmedError(f"{plan.stack} was not changed.")


def _allowed(run: Run, loss: Loss) -> Sequence[str]:
    named: Sequence[str] = run.given.allow_replace if loss.how == "replaced" else run.given.allow_delete
    return named


def _named(run: Run, wanted: Environment, plan: Plan) -> None:
    """A name that says nothing of this plan is a mistake: of the person, or of what is thought to happen. A name of
    another root is not this one's to judge; one of no root at all is the last one's."""
    others = {name for one in run.roots.values() if one is not wanted for name in _names(one.root)}
    own = {*_names(wanted.root), *(leaf.name for leaf in plan.leaves())}
    for option, replaced in (("--allow-replace", True), ("--allow-delete", False)):
        valid = [one.name for one in plan.losses if (one.how == "replaced") is replaced]
        for name in getattr(run.given, option[2:].replace("-", "_")):
            mine = name in own or (wanted is run.wanted and name not in others)
            if mine and name not in valid:
                there = ", ".join(valid) or "none, nothing of that kind happens"
                raise RefusedError(
                    f"{option} {name} is nothing that happens to {plan.stack}.", f"Valid names: {there}."
                )


def _names(root: Template) -> set[str]:
    """What people call the resources of a root and of the stacks in it."""
    below = (f"{child.resource.logical_id}.{name}" for child in root.children() for name in child.template.resources)
    return {*root.resources, *below}
