"""`status`: the stacks as they stand."""

import sys
from argparse import ArgumentParser

from scripts.deployment import stacks
from scripts.deployment.errors import Exit
from scripts.deployment.run import Run, say
from scripts.deployment.show import outcomes, terminal
from scripts.deployment.statuses import Action


def arguments(_parser: ArgumentParser) -> None:
    """Takes none of its own."""


def run(run: Run) -> Exit:
    """Every root with its nested stacks; 4 when one of them is running or needs a person."""
    found = Exit.DONE
    for wanted in run.roots.values():
        stack = stacks.read(run.aws, wanted.stack)
        children = stacks.children(run.aws, stack) if stack else {}
        say(outcomes.status_lines(stack, wanted.stack, children, terminal.painter(sys.stdout)))
        if stack and stack.meaning.action in (Action.WAIT, Action.PERSON):
            found = Exit.PERSON
    return found
