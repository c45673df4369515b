"""`outputs`: what the stacks give."""

import shlex
from argparse import ArgumentParser
from dataclasses import dataclass

from scripts.deployment import stacks
from scripts.deployment.errors import Exit
from scripts.operations.options import JSON, format_argument
from scripts.operations.output import outcomes
from scripts.operations.run import Run, say
from scripts.terminal import console, results
from scripts.terminal.text import BOLD, line

TABLE, SHELL = "table", "shell"


@dataclass(frozen=True)
class Options:
    """How they are shown."""

    format: str = TABLE


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of `outputs`."""
    format_argument(parser, TABLE, JSON, SHELL)


def run(run: Run, options: Options) -> Exit:
    """The outputs of every root that the file asks for: for people, as JSON by the root's name (null for one that does
    not exist), or as `NAME=value` for `eval` in a shell."""
    standing = {name: stacks.read(run.at(root).aws, root.stack) for name, root in run.roots.items()}
    shown = {name: stack for name, stack in standing.items() if stack or run.roots[name].needed}
    if options.format == JSON:
        results.show({name: dict(stack.outputs) if stack else None for name, stack in shown.items()})
        return Exit.DONE
    for name, stack in shown.items():
        root = run.roots[name]
        if options.format == SHELL:
            console.document(f"# {root.stack}{'' if stack else ' does not exist'}")
            for key, value in sorted(stack.outputs.items() if stack else ()):
                console.document(f"{key}={shlex.quote(value)}")
            continue
        say([line((root.stack, BOLD), "" if stack else " does not exist")])
        if stack:
            say(outcomes.output_lines(stack, run.at(root).console, root.root))
    return Exit.DONE
