"""`import`: the repository that an application has already becomes the shared stack's."""

from argparse import ArgumentParser

from generator.cfn.environments import SHARED
from scripts.deployment import author, change_set, execute, record, stacks
from scripts.deployment.errors import Exit, ManualActionRequiredError, RefusedError
from scripts.deployment.statuses import Action
from scripts.operations import importing, watching
from scripts.operations.output import outcomes, plan_text
from scripts.operations.run import Run, confirm, say

NEXT = "`apply shared` comes next: it adds the branch's protection, the outputs and the tags."


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of `import`."""
    parser.add_argument("--yes", action="store_true", help="agree in advance")
    watching.arguments(parser)


def run(run: Run) -> Exit:
    """Makes the shared stack around the repository; nothing of the repository itself is touched."""
    aws, wanted = run.aws, run.roots[SHARED]
    held = stacks.read(aws, wanted.stack)
    if held and held.meaning.action is not Action.CREATE:
        raise RefusedError(f"{held.name} exists already and {held.meaning.text}.", "`apply shared` updates it.")
    identity = aws.identity()
    origin = record.source(run.project)
    told = record.describe(origin, wanted.version, "import", author.here(identity.arn))
    planned = importing.make(aws, wanted, told)
    try:
        say(plan_text.plan_lines(planned))
        confirm(run, f"Take it over in account {identity.account}, {aws.region}?")
        started = execute.apply(aws, planned)
    except ManualActionRequiredError:  # it is running
        raise
    except BaseException:
        change_set.discard(aws, planned)
        raise
    outcome = execute.watch(aws, started, wanted.root, watching.watcher(run, wanted.root, planned))
    say(outcomes.outcome_lines(outcome))
    stacks.delete_change_set(aws, planned.change_set)
    say([f"  {NEXT}"] if outcome.exit is Exit.DONE else [])
    return outcome.exit
