"""One run of the deploy script: what every verb is given, and where its lines go."""

from argparse import Namespace
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.deployment.aws import Aws
from scripts.deployment.parameters import Environment


@dataclass(frozen=True)
class Run:
    """The account, the roots by their names as `parameters.load` found them, what the command line says (`given`), and
    the folder of the working tree."""

    aws: Aws
    roots: Mapping[str, Environment]
    given: Namespace
    project: Path

    @property
    def wanted(self) -> Environment:
        """The root that the command names: an environment's own, or `shared`."""
        return list(self.roots.values())[-1]

    @property
    def console(self) -> str:
        """The region whose console shows the stacks; none for the embedded AWS."""
        return "" if self.aws.endpoint else self.aws.region


def say(lines: Iterable[str]) -> None:
    """Prints lines as they come."""
    for line in lines:
        print(line, flush=True)
