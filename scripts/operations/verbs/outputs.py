"""`outputs`: what the stacks give."""

import shlex
import sys
from argparse import ArgumentParser

from scripts.deployment import stacks
from scripts.deployment.errors import Exit
from scripts.operations.output import formats, outcomes, terminal
from scripts.operations.run import Run, say

TABLE, SHELL = "table", "shell"


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of `outputs`."""
    formats.add(parser, TABLE, formats.JSON, SHELL)


def run(run: Run) -> Exit:
    """The outputs of every root that the file asks for: for people, as JSON by the root's name (null for one that does
    not exist), or as `NAME=value` for `eval` in a shell."""
    read = {name: stacks.read(run.of(wanted).aws, wanted.stack) for name, wanted in run.roots.items()}
    found = {name: stack for name, stack in read.items() if stack or run.roots[name].needed}
    if run.given.format == formats.JSON:
        say(formats.document({name: dict(stack.outputs) if stack else None for name, stack in found.items()}))
        return Exit.DONE
    paint = terminal.painter(sys.stdout)
    for name, stack in found.items():
        wanted = run.roots[name]
        if run.given.format == SHELL:
            say([f"# {wanted.stack}{'' if stack else ' does not exist'}"])
            say(f"{key}={shlex.quote(value)}" for key, value in sorted(stack.outputs.items() if stack else ()))
            continue
        say([paint(wanted.stack, "bold") + ("" if stack else " does not exist")])
        if stack:
            say(outcomes.output_lines(stack, run.of(wanted).console, wanted.root, paint))
    return Exit.DONE
