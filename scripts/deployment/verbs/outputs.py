"""`outputs`: what the stacks give."""

import sys
from argparse import ArgumentParser

from scripts.deployment import stacks
from scripts.deployment.errors import Exit
from scripts.deployment.run import Run, say
from scripts.deployment.show import outcomes, terminal


def arguments(_parser: ArgumentParser) -> None:
    """Takes none of its own."""


def run(run: Run) -> Exit:
    """The outputs of every root."""
    paint = terminal.painter(sys.stdout)
    for wanted in run.roots.values():
        stack = stacks.read(run.aws, wanted.stack)
        say([paint(wanted.stack, "bold") + ("" if stack else " does not exist")])
        if stack:
            say(outcomes.output_lines(stack, run.console, wanted.root, paint))
    return Exit.DONE
