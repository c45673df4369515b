"""What a look before a deployment finds, as values. Everything here only reads."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path

from generator.cfn import template_names
from generator.cfn.environments import SHARED, Environment
from generator.cfn.instance import Instance, stack_instances
from scripts.deployment.aws import Aws, Identity


class State(Enum):
    """How a check came out."""

    GOOD = "ok"
    WARNING = "warning"  # works, and somebody may be surprised
    ERROR = "error"  # the deployment or the first release would fail
    UNKNOWN = "unknown"  # AWS did not answer the question


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: what was found, and what to do when it is not good."""

    what: str
    state: State
    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class Survey:
    """What every check is given: the account, who asks, the roots by name, whether the environment's stack is there
    already, and the folder of the working tree."""

    aws: Aws
    identity: Identity
    roots: Mapping[str, Environment]
    exists: bool
    project: Path

    @property
    def environment(self) -> Environment:
        """The root of the environment, or `shared`."""
        return list(self.roots.values())[-1]

    @cached_property
    def values(self) -> dict[str, str]:
        """The parameters of the environment; of the computed ones those of a first deployment."""
        return self.environment.values({name: how["First"] for name, how in self.environment.computed.items()})

    @cached_property
    def stacks(self) -> list[Instance]:
        """Every stack that would be made."""
        return stack_instances(self.environment.root, {**self.values, **self.known})

    @property
    def known(self) -> dict[str, str]:
        """The pseudo parameters that the caller's identity tells."""
        partition = self.identity.arn.split(":")[1]
        return {"AWS::Region": self.aws.region, "AWS::AccountId": self.identity.account, "AWS::Partition": partition}

    def count(self, kind: str) -> int:
        """How many resources of a type would be made."""
        return sum(resource.type == kind for stack in self.stacks for resource in stack.template.resources.values())

    @property
    def repository(self) -> str:
        """The repository that `shared` names."""
        shared = self.roots[SHARED]
        return shared.values({name: how["First"] for name, how in shared.computed.items()})[template_names.REPOSITORY]


Looker = Callable[[Survey], Iterator[Check]]


def good(what: str, detail: str) -> Check:
    return Check(what, State.GOOD, detail)


def fault(what: str, detail: str, remedy: str) -> Check:
    return Check(what, State.ERROR, detail, remedy)


def warning(what: str, detail: str, remedy: str) -> Check:
    return Check(what, State.WARNING, detail, remedy)
