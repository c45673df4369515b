"""`outputs`: what the stacks give."""

import shlex
from argparse import ArgumentParser

from scripts.deployment import stacks
from scripts.deployment.errors import Exit
from scripts.operations.output import formats, outcomes
from scripts.operations.run import Run, say
from scripts.terminal import console
from scripts.terminal.text import BOLD, line

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
        formats.show({name: dict(stack.outputs) if stack else None for name, stack in found.items()})
        return Exit.DONE
    for name, stack in found.items():
        wanted = run.roots[name]
        if run.given.format == SHELL:
            console.document(f"# {wanted.stack}{'' if stack else ' does not exist'}")
            for key, value in sorted(stack.outputs.items() if stack else ()):
                console.document(f"{key}={shlex.quote(value)}")
            continue
        say([line((wanted.stack, BOLD), "" if stack else " does not exist")])
        if stack:
            say(outcomes.output_lines(stack, run.of(wanted).console, wanted.root))
    return Exit.DONE
