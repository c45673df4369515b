"""One run of a verb on an environment: the account, the roots, the folders, and where its lines go."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from generator.cfn.environments import ACCESS, PRODUCTION, Environment
from scripts.deployment import stacks
from scripts.deployment.aws import Aws
from scripts.deployment.errors import NotConfirmedError
from scripts.deployment.package import GateVerdict
from scripts.operations import production
from scripts.terminal import console, prompt
from scripts.terminal.text import Line


@dataclass(frozen=True)
class Run:
    """The account, the roots by their names as `environment.load` gives them, the folders of the working tree, of the
    templates and of the parameter files, and what the gate has passed of the templates."""

    aws: Aws
    roots: Mapping[str, Environment]
    project: Path
    templates: Path
    params: Path
    gate: GateVerdict

    @property
    def environment(self) -> Environment:
        """The root that the command names: an environment's own, or `shared`."""
        return list(self.roots.values())[-1]

    def at(self, root: Environment) -> "Run":
        """The same run in the region where that root stands."""
        return replace(self, aws=self.aws.at(root.region or self.aws.region))

    @property
    def console(self) -> str:
        """The region whose console shows the stacks; none for the local AWS."""
        return "" if self.aws.endpoint else self.aws.region

    def check_deployer(self) -> None:
        """Production is changed as its deploy role alone, whatever is changed. Raises `RefusedError`."""
        if self.environment.name == PRODUCTION:
            access = stacks.read(self.aws, self.roots[ACCESS].stack) if ACCESS in self.roots else None
            production.check_deployer(self.environment, self.aws.identity(), access)


def say(lines: Iterable[Line | str]) -> None:
    """Prints lines as they come."""
    console.show(lines)


def confirm(run: Run, question: str, yes: bool) -> None:
    """A yes to `question`, given in advance with --yes; nobody has to agree on the local AWS. Raises
    `NotConfirmedError`."""
    if yes or run.aws.endpoint:
        return
    if not prompt.attended():
        raise NotConfirmedError("Nothing was done: confirmation needs a terminal.", "Run again with --yes.")
    if not prompt.confirmed(f"{question} (yes/no) "):
        raise NotConfirmedError("Nothing was done.")
