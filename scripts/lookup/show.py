"""What one environment gets: its templates with every condition decided. `delivery show ENVIRONMENT [STACK]`.

The templates serve every environment and carry all its choices; here the choices of one parameter file are made. What
only AWS knows stays an expression. Without a stack: which stacks there are, and what is in each.
"""

import json
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches

from generator.cfn.instance import Instance, stack_instances
from scripts.deployment.environment import load
from scripts.deployment.errors import Exit, UsageError
from scripts.terminal import console, results
from scripts.terminal.text import BOLD, DIM, Line, count, line

REGION = "us-east-1"


def arguments(parser: ArgumentParser) -> None:
    """Which stack, and how it is shown."""
    parser.add_argument("stack", metavar="STACK", nargs="?", default="", help="a nested stack, such as Backend")
    parser.add_argument("--format", choices=("terminal", "json"), default="terminal", help="how it is shown")


def run(options: Namespace) -> Exit:
    """Shows the stacks, or the template of one. Raises `UsageError` for a stack that the environment does not have."""
    stacks = environment_stacks(options)
    chosen = {options.stack: _named(options.stack, stacks)} if options.stack else stacks
    if options.format == "json":
        results.show({name: stack.template.body for name, stack in chosen.items()})
    elif options.stack:
        console.document(json.dumps(chosen[options.stack].template.body, indent=2, sort_keys=True))
    else:
        console.show(_lines(options.environment, stacks))
    return Exit.DONE


def environment_stacks(options: Namespace) -> dict[str, Instance]:
    """Every stack of the environment that the command line names, as it is after its first release: by the path of
    logical ids for a nested stack, by the root's name for a root. Raises `DeployError`."""
    stacks = {}
    for name, environment in load(options.environment, options.templates, options.params).items():
        first = {parameter: how["First"] for parameter, how in environment.computed.items()}
        values = {**environment.values(first), "AWS::Region": REGION}
        for stack in stack_instances(environment.root, values):
            stacks[".".join(stack.path) or name] = stack
    return stacks


def _named(name: str, stacks: dict[str, Instance]) -> Instance:
    if name in stacks:
        return stacks[name]
    close = get_close_matches(name, stacks, 1, 0.5)
    meant = f" Did you mean {close[0]}?" if close else ""
    raise UsageError(f"The environment has no stack {name}.{meant}", f"There are: {', '.join(stacks)}.")


def _lines(environment: str, stacks: dict[str, Instance]) -> Iterator[Line]:
    number = sum(len(stack.template.resources) for stack in stacks.values())
    yield line(f"{environment}: {count(number, 'resource')} in {count(len(stacks), 'stack')}")
    for name, stack in stacks.items():
        description = str(stack.template.body.get("Description", "")).partition(": ")[2]
        yield line((name, BOLD), (f"  {description}", DIM), depth=1)
        types = Counter(resource.type.removeprefix("AWS::") for resource in stack.template.resources.values())
        text = ", ".join(f"{number} x {kind}" if number > 1 else kind for kind, number in sorted(types.items()))
        yield line(text, depth=2)
