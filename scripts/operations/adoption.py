"""How an environment that is made again takes over what its earlier life has left.

What holds data outlives its stack (STK-4), and a new encryption key could not read it. So the environment adopts the
survivors through its own parameters. On a real account their values go into the parameter file, which is the truth.
What was adopted on the local AWS lives no longer than that does: there the stack keeps the values, and no file of
the working tree names them.
"""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence

from scripts.deployment.aws import Aws
from scripts.deployment.computed import FOUND, KEPT, Computed
from scripts.deployment.environment import Environment
from scripts.deployment.errors import RefusedError
from scripts.deployment.stacks import Stack
from scripts.operations.retained import KEY, PARAMETERS, find, missing


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of it."""
    parser.add_argument(
        "--adopt", action="store_true", help="use resources retained from an earlier environment of this name"
    )


def settle(aws: Aws, wanted: Environment, previous: Stack | None, adopt: bool) -> list[Computed]:
    """The parameters that take over survivors, beyond those of the file: of an environment that is about to be made
    when a person wants it so (`adopt`), of a living one on the local AWS as they were.

    Raises `RefusedError` for survivors that nobody wants to adopt, with the lines that would, and for a file that names
    what does not exist.
    """
    if KEY not in wanted.root.parameters:
        return []
    if previous:
        return list(_kept(wanted, previous)) if aws.endpoint else []
    if wrong := missing(aws, wanted):
        told = "\n".join(f"  {one}" for one in wrong)
        raise RefusedError(
            f"{wanted.file.path} names what is not in this account and region:\n{told}", "Correct the file."
        )
    found = find(aws, wanted)
    if found and not adopt:
        told = "\n".join(f"  {one.line}  ({one.what})" for one in found)
        writes = "" if aws.endpoint else f", which writes these lines into {wanted.file.path}"
        forget = " Start over: `make local-stop` forgets everything." if aws.endpoint else ""
        raise RefusedError(
            f"Resources retained from an earlier {wanted.stack} would conflict:\n{told}",
            f"Use them: `apply --adopt`{writes}.{forget}",
        )
    return [Computed(one.parameter, one.value, FOUND, f"adopted: {one.what}") for one in found]


def adopted(aws: Aws, found: Sequence[Computed]) -> dict[str, str]:
    """What was adopted, among the found values of a plan, and belongs into the parameter file; nothing of the local
    AWS does."""
    if aws.endpoint:
        return {}
    return {one.name: one.value for one in found if one.name in PARAMETERS and one.state == FOUND}


def _kept(wanted: Environment, previous: Stack) -> Iterator[Computed]:
    for name in PARAMETERS:
        value = previous.parameters.get(name, "")
        if name not in wanted.file.parameters and value != wanted.chosen(name):
            yield Computed(name, value, KEPT, "adopted when the environment was made")
