"""What an environment costs in a month: `python -m scripts.cost ENVIRONMENT [--format terminal|markdown|json]`.

Computed from the rendered templates and the parameter file, with the prices and usage levels of `costs/prices.json`;
AWS is not asked. Exit statuses are those of the deploy script.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from generator.cfn import template_names
from generator.cfn.environments import ACCESS, Environment
from generator.cfn.instance import Instance, stack_instances
from scripts.costs import show
from scripts.costs.estimate import Estimate, PriceMissingError, estimate
from scripts.deployment.environment import load
from scripts.deployment.errors import Exit, RefusedError
from scripts.terminal import console, results

# What an environment is after its first release; the values that only AWS knows do not matter to the price.
RELEASED = {template_names.BOOTSTRAP: "false", template_names.IMAGE: "any"}


def stacks(roots: dict[str, Environment], region: str) -> Iterator[Instance]:
    """Every stack of an environment as it is after its first release; roles cost nothing."""
    for name, environment in roots.items():
        if name != ACCESS:
            first_values = {parameter: how["First"] for parameter, how in environment.computed.items()}
            values = environment.values(
                {**first_values, **{key: RELEASED[key] for key in RELEASED if key in first_values}}
            )
            yield from stack_instances(environment.root, {**values, "AWS::Region": region})


def price(options: Namespace) -> Estimate:
    """The estimate that the command line asks for. Raises `RefusedError`."""
    roots = load(options.environment, options.templates, options.params)
    try:
        return estimate(options.environment, list(stacks(roots, "us-east-1")))
    except PriceMissingError as error:
        raise RefusedError(str(error), "Add it, with its date and source.") from error


def arguments(parser: ArgumentParser) -> None:
    """How the estimate is shown."""
    parser.add_argument("--format", choices=("terminal", "markdown", "json"), default="terminal", help="how to show it")


def run(options: Namespace) -> Exit:
    """Shows the estimate. Raises `RefusedError`."""
    result = price(options)
    region = os.environ.get("AWS_REGION") or result.region
    if region != result.region:
        console.show_line(f"AWS_REGION is {region}; the prices are those of {result.region}", sys.stderr)
    if options.format == "json":
        results.show(show.document(result))
    elif options.format == "markdown":
        console.document("\n".join(show.markdown(result)))
    else:
        console.show(show.lines(result))
    return Exit.DONE


if __name__ == "__main__":
    from scripts.cli import entry

    entry("python -m scripts.deploy", "cost")
