"""`status`: the stacks as they stand, and how far what runs on them is."""

from argparse import ArgumentParser
from datetime import UTC, datetime

from scripts.deployment import stacks
from scripts.deployment.environment import Environment
from scripts.deployment.errors import Exit
from scripts.deployment.follow import read_events
from scripts.deployment.stacks import Stack
from scripts.deployment.statuses import Action
from scripts.operations.diagnose import recovery, running
from scripts.operations.output import outcomes
from scripts.operations.output.progress import Progress
from scripts.operations.output.progress_view import view_lines
from scripts.operations.output.stuck import stuck_lines
from scripts.operations.run import Run, say


def arguments(_parser: ArgumentParser) -> None:
    """Takes none of its own."""


def run(run: Run) -> Exit:
    """Every root that the file asks for, with its nested stacks; 4 when one of them runs or needs manual action."""
    found = Exit.DONE
    for wanted in run.roots.values():
        there = run.of(wanted)
        stack = stacks.read(there.aws, wanted.stack)
        if not (stack or wanted.needed):
            continue
        children = stacks.children(there.aws, stack) if stack else {}
        say(outcomes.status_lines(stack, wanted.stack, children))
        action = stack.meaning.action if stack else None
        if stack and action is Action.WAIT:
            _running(there, wanted, stack)
        elif stack and action in (Action.CONTINUE, Action.MANUAL):
            say(stuck_lines(stack, recovery.stuck(there.aws, stack), wanted.root))
        if action in (Action.WAIT, Action.CONTINUE, Action.MANUAL):
            found = Exit.MANUAL
    return found


def _running(run: Run, wanted: Environment, stack: Stack) -> None:
    operation, now = running.current(run.aws, stack), datetime.now(UTC)
    if operation:
        progress = Progress()
        progress.fold(read_events(run.aws, stack.id, operation.begun.after))
        say([operation.told(now), *view_lines(progress, wanted.root, now)])
