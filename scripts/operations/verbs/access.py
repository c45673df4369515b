"""`access`: the roles that deploy an environment, made once by an administrator, before anything else of it."""

from argparse import ArgumentParser
from dataclasses import replace

from generator.cfn.environments import ACCESS, SHARED
from scripts.deployment import agree, planning
from scripts.deployment.errors import Exit, UsageError
from scripts.deployment.stacks import Stack
from scripts.operations import watching
from scripts.operations.run import Run
from scripts.operations.verbs.apply import Steps


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of `access`."""
    agree.arguments(parser)
    planning.arguments(parser)
    watching.arguments(parser)
    parser.add_argument(
        "--follow", action="store_true", help="follow an operation that somebody else has started, then deploy"
    )
    parser.set_defaults(plan=None)


def run(run: Run) -> Exit:
    """The access stack alone, with the caller's own rights: the execution role may not change itself. Raises
    `UsageError` for `shared`, which no environment's roles are for."""
    if ACCESS not in run.roots:
        raise UsageError(f"{run.wanted.name} has no roles of its own.", "Name an environment.")
    shared = run.roots[SHARED]
    # The repository comes after the roles that make it: it will have the name that its file gives.
    named = Stack(shared.stack, "", "", outputs={"RepositoryName": shared.values({})["RepositoryName"]})
    [one] = replace(planning.planner(run), access=None).prepare(run, (ACCESS,))
    steps = Steps(one.run, one.planner)
    ended, _ = steps.apply(one.wanted, one.templates, {SHARED: named})
    return ended
