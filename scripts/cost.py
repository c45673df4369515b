"""What an environment costs in a month: `python -m scripts.cost ENVIRONMENT [--format terminal|markdown|json]`.

Computed from the rendered templates and the parameter file, with the prices and usage levels of `costs/prices.json`;
AWS is not asked. Exit statuses are those of the deploy script.
"""

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence

from generator.cfn.environments import ACCESS
from generator.cfn.instance import Instance, stack_instances
from scripts.costs import show
from scripts.costs.estimate import Estimate, PriceMissing, estimate
from scripts.deploy import Parser, folders
from scripts.deployment.environment import Environment, load
from scripts.deployment.errors import Exit, RefusedError, ended

# What an environment is after its first release; the values that only AWS knows do not matter to the price.
TABLES = {"terminal": show.lines, "markdown": show.markdown}
RELEASED = {"BackendBootstrap": "false", "BackendImage": "any"}


def stacks(roots: dict[str, Environment], region: str) -> Iterator[Instance]:
    """Every stack of an environment as it is after its first release; roles cost nothing."""
    for name, one in roots.items():
        if name != ACCESS:
            found = {parameter: how["First"] for parameter, how in one.computed.items()}
            values = one.values({**found, **{key: RELEASED[key] for key in RELEASED if key in found}})
            yield from stack_instances(one.root, {**values, "AWS::Region": region})


def price(given: Namespace) -> Estimate:
    """The estimate that the command line asks for. Raises `RefusedError`."""
    roots = load(given.environment, given.templates, given.params)
    try:
        return estimate(given.environment, list(stacks(roots, "us-east-1")))
    except PriceMissing as error:
        raise RefusedError(str(error), "Add it, with its date and source.") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the estimate; returns the exit status."""
    parser = Parser("cost", description="what an environment costs in a month")
    parser.add_argument("environment", metavar="ENVIRONMENT", help="a file in params/")
    parser.add_argument("--format", choices=("terminal", "markdown", "json"), default="terminal")
    folders(parser)
    given = parser.parse_args(arguments)

    def run() -> Exit:
        made = price(given)
        print(show.as_json(made) if given.format == "json" else "\n".join(TABLES[given.format](made)))
        return Exit.DONE

    return ended(run, RefusedError("Interrupted."))


if __name__ == "__main__":
    sys.exit(main())
