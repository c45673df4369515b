"""One run of the deploy script: what every verb is given, and where its lines go."""

from argparse import Namespace
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.deployment.aws import Aws
from scripts.deployment.environment import Environment
from scripts.deployment.errors import NotConfirmedError
from scripts.terminal import console, prompt
from scripts.terminal.text import Line


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

    def of(self, root: Environment) -> "Run":
        """The same run in the region where that root stands."""
        return replace(self, aws=self.aws.at(root.region or self.aws.region))

    @property
    def console(self) -> str:
        """The region whose console shows the stacks; none for the local AWS."""
        return "" if self.aws.endpoint else self.aws.region


def say(lines: Iterable[Line | str]) -> None:
    """Prints lines as they come."""
    console.show(lines)


def confirm(run: Run, question: str) -> None:
    """A yes to `question`, given in advance with --yes; nobody has to agree on the local AWS. Raises
    `NotConfirmedError`."""
    if run.given.yes or run.aws.endpoint:
        return
    if not prompt.attended():
        raise NotConfirmedError("Nothing was done: confirmation needs a terminal.", "Run again with --yes.")
    if not prompt.confirmed(f"{question} (yes/no) "):
        raise NotConfirmedError("Nothing was done.")
