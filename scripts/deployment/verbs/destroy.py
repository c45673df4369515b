"""`destroy`: an environment is deleted, on the embedded AWS only for now."""

import sys
from argparse import ArgumentParser

from scripts.deployment import execute, stacks, watching
from scripts.deployment.errors import Exit, NeedsPerson, Refused
from scripts.deployment.run import Run, say
from scripts.deployment.show import outcomes, terminal


def arguments(parser: ArgumentParser) -> None:
    """How its progress is shown."""
    watching.arguments(parser)


def run(run: Run) -> Exit:
    """Deletes the environment's stack. The shared stack stays: its repository would too."""
    wanted = run.wanted
    if not run.aws.endpoint:
        raise Refused(f"destroy is not safe yet for {wanted.name}.", "It works for local, on the embedded AWS.")
    stack = stacks.read(run.aws, wanted.stack)
    if stack is None:
        say([f"{wanted.stack} does not exist"])
        return Exit.DONE
    if not stack.meaning.ended:
        raise NeedsPerson(f"{stack.name} {stack.meaning.text} ({stack.status}).", stack.remedy)
    running = execute.destroy(run.aws, stack)
    outcome = execute.watch(run.aws, running, wanted.root, watching.watcher(run, wanted.root))
    say(outcomes.outcome_lines(outcome, terminal.painter(sys.stdout)))
    return outcome.exit
