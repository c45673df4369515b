"""What deploying a resource type needs, as values: which actions on what, and what its type could do and is not given.

Evidence for each type are the permissions of its handlers in the CloudFormation registry schema (`handlers` and
`tagging`, as cfn-lint carries them); a test holds every permission there to be either given to the execution role or
named in `excluded`. Which resources and condition keys an action knows: Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

from awacs.aws import ConditionElement, StringEquals
from troposphere import Ref, Sub

from generator.core import arns
from generator.core.arns import Text
from generator.core.iam import Anything
from generator.core.ports import ENVIRONMENT, Port
from generator.project import Project


class Access(NamedTuple):
    """Some actions, as `service:Action`, on exactly this, under these conditions. `what` sets the statement apart from
    the type's others: a word for the end of its Sid, empty for the first. `why` is what the reason says besides, where
    type and resources alone do not explain it, or no longer do because the statement was broadened."""

    actions: tuple[str, ...]
    on: Sequence[Text] | Anything
    what: str = ""
    when: tuple[ConditionElement, ...] = ()
    why: str = ""


class TypePermissions(NamedTuple):
    """What deploying one resource type needs. `excluded` are permissions that its handlers name and that are not given,
    each with the reason."""

    access: tuple[Access, ...]
    excluded: Mapping[str, str] = MappingProxyType({})


# Reasons of `excluded` that many types share.
UNUSED = "for a property that no template sets"
NO_ACTION = "IAM knows no action of this name"
TypeTable = Mapping[str, TypePermissions]


class ResourceNames(NamedTuple):
    """Where an environment's resources are: `names` are the physical names that its root computes."""

    project: Project
    names: Mapping[Port, Text]

    def named(self, service: str, resource: str, port: Port) -> Sub:
        """What the root names; `resource` holds `${Name}`."""
        return arns.arn(service, resource, Name=self.names[port])

    def generated(self, service: str, prefix: str, suffix: str = "") -> Sub:
        """What CloudFormation names after the environment's stacks, where the type's longest name leaves the name of
        the stack whole."""
        return arns.arn(service, f"{prefix}{self.project.name}-${{{ENVIRONMENT.name}}}-*{suffix}")

    def cut(self, service: str, prefix: str) -> Sub:
        """What CloudFormation names after a stack and cuts: only the application is still to be seen (`paths.py`)."""
        return arns.arn(service, f"{prefix}{self.project.name}-*")


def actions(service: str, words: str) -> tuple[str, ...]:
    """Actions of one service, in a text with spaces between them."""
    return tuple(f"{service}:{word}" for word in words.split())


def excluded(because: str, words: str) -> dict[str, str]:
    """Permissions, with spaces between them, that are not given for one reason."""
    return dict.fromkeys(words.split(), because)


def any_of(service: str, *resources: str) -> list[Text]:
    """Everything of these resource types in the account and Region: their ids are random."""
    return [arns.arn(service, f"{resource}/*") for resource in resources]


@cache
def tagged() -> tuple[ConditionElement, ...]:
    """Only what carries the environment's tag, as everything does that the templates make: one value, so that what is
    allowed by it is known by it. For another application's environment of that name see `boundary.namesake`."""
    return (StringEquals({"aws:ResourceTag/Environment": Ref(ENVIRONMENT.name)}),)
