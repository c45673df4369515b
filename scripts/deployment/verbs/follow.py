"""`follow`: what runs on an environment's stacks is watched to its end."""

import sys
from argparse import ArgumentParser
from datetime import UTC, datetime

from scripts.deployment import running, stacks, watching
from scripts.deployment.errors import Exit
from scripts.deployment.run import Run, say
from scripts.deployment.show import outcomes, terminal


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
        say(outcomes.outcome_lines(outcome, terminal.painter(sys.stdout)))
        worst = max(worst, outcome.exit)
    return worst
