"""`import`: the repository that an application has already becomes the shared stack's."""

from argparse import ArgumentParser
from dataclasses import dataclass, field

from generator.cfn.environments import SHARED
from generator.cfn.statuses import Action
from scripts.deployment import execute, stacks
from scripts.deployment.errors import Exit, ManualActionRequiredError, RefusedError
from scripts.deployment.plan import discard
from scripts.operations import plan_document
from scripts.operations.importing import plan_import
from scripts.operations.options import WatchOptions, watch_arguments
from scripts.operations.origin import source, this_run
from scripts.operations.output import outcomes, plan_text
from scripts.operations.run import Run, confirm, say
from scripts.operations.watching import Audience
from scripts.terminal import results

NEXT = "`apply shared` comes next: it adds the branch's protection, the outputs and the tags."


@dataclass(frozen=True)
class Options:
    """What may be said of the import."""

    yes: bool = False
    watch: WatchOptions = field(default_factory=WatchOptions)


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of `import`."""
    parser.add_argument("--yes", action="store_true", help="agree in advance")
    watch_arguments(parser)


def run(run: Run, options: Options) -> Exit:
    """Makes the shared stack around the repository; nothing of the repository itself is touched."""
    results.begin(plans=[], operations=[])
    aws, shared = run.aws, run.roots[SHARED]
    run.gate.check(shared.root)
    stack = stacks.read(aws, shared.stack)
    if stack and stack.meaning.action is not Action.CREATE:
        raise RefusedError(f"{stack.name} exists already and {stack.meaning.text}.", "`apply shared` updates it.")
    plan = plan_import(aws, shared, _description(run))
    try:
        results.append("plans", plan_document.plan_document(plan))
        say(plan_text.plan_lines(plan))
        confirm(run, f"Take it over in account {aws.identity().account}, {aws.region}?", options.yes)
        running = execute.start(aws, plan)
    except ManualActionRequiredError:  # it is running
        raise
    except BaseException:
        discard(aws, plan)
        raise
    outcome, diagnosis = Audience(aws, options.watch).watch(running, shared.root, plan)
    results.append("operations", outcomes.outcome_document(outcome, diagnosis))
    say(outcomes.outcome_lines(outcome, diagnosis))
    stacks.delete_change_set(aws, plan.change_set)
    say([f"  {NEXT}"] if outcome.exit is Exit.DONE else [])
    return outcome.exit


def _description(run: Run) -> str:
    origin, version = source(run.project), run.roots[SHARED].version
    return f"{this_run(run.aws.identity().arn)}; {origin}; set {version}; plan import"[:1024]
