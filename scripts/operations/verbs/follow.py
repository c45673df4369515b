"""`follow`: what runs on an environment's stacks is watched to its end."""

from argparse import ArgumentParser
from datetime import UTC, datetime

from scripts.deployment import stacks
from scripts.deployment.errors import Exit
from scripts.operations import watching
from scripts.operations.diagnose import running
from scripts.operations.output import outcomes
from scripts.operations.run import Run, say


def arguments(parser: ArgumentParser) -> None:
    """How its progress is shown."""
    watching.arguments(parser)


def run(run: Run) -> Exit:
    """One root after the other; the exit status is that of the worst end."""
    worst = Exit.DONE
    for wanted in run.roots.values():
        there = run.of(wanted)
        stack = stacks.read(there.aws, wanted.stack)
        if stack is None or stack.meaning.ended:
            say([f"{wanted.stack}: nothing is running"])
            continue
        operation = running.current(there.aws, stack)
        assert operation, stack.status
        say([operation.told(datetime.now(UTC))])
        outcome = watching.attached(there, wanted.root, operation)
        say(outcomes.outcome_lines(outcome))
        worst = max(worst, outcome.exit)
    return worst
