"""`follow`: what runs on an environment's stacks is watched to its end."""

from argparse import ArgumentParser
from dataclasses import dataclass, field
from datetime import UTC, datetime

from scripts.deployment import stacks
from scripts.deployment.errors import Exit
from scripts.operations.diagnose import history
from scripts.operations.diagnose.operation import last_operation
from scripts.operations.options import WatchOptions, watch_arguments
from scripts.operations.output import outcomes
from scripts.operations.run import Run, say
from scripts.operations.watching import Audience
from scripts.terminal import results


@dataclass(frozen=True)
class Options:
    """How its progress is shown."""

    watch: WatchOptions = field(default_factory=WatchOptions)


def arguments(parser: ArgumentParser) -> None:
    """How its progress is shown."""
    watch_arguments(parser)


def run(run: Run, options: Options) -> Exit:
    """One root after the other; the exit status is that of the worst end."""
    worst = Exit.DONE
    results.begin(operations=[])
    for root in run.roots.values():
        aws = run.at(root).aws
        stack = stacks.read(aws, root.stack)
        operation = last_operation(aws, stack.id) if stack and not stack.meaning.ended else None
        if stack is None or operation is None:
            say([f"{root.stack}: nothing is running"])
            continue
        say([history.describe(stack, operation, history.operator(aws, stack), datetime.now(UTC))])
        outcome, diagnosis = Audience(aws, options.watch).watch(operation.running(stack), root.root)
        results.append("operations", outcomes.outcome_document(outcome, diagnosis))
        say(outcomes.outcome_lines(outcome, diagnosis))
        worst = max(worst, outcome.exit)
    return worst
