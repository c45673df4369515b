"""What the role that CloudFormation deploys with may do: what deploying the types in the templates needs.

The types are read off the stacks themselves, so a type that no template has is no permission. The statements stand in
managed policies by family of services, and one family in the role itself: all inline policies of a role share 10,240
characters, and a managed policy has 6,144 of its own, of which a role takes ten (IAM user guide, reference_iam-quotas).
They are nine, because accounts there are that attach one of their own to every role.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from awacs import iam, s3, secretsmanager
from awacs.aws import StringEquals
from troposphere import Ref, Sub

from generator.cfn.names import EDGE, SHARED
from generator.core import arns, paths
from generator.core.arns import Text
from generator.core.iam import Anything, Grant, actions, allow, deny
from generator.core.ports import ENVIRONMENT
from generator.core.stack import Stack
from generator.project import Project
from generator.roots.access import boundary
from generator.roots.access.deploy import EDGE_REGION
from generator.roots.access.handler_permissions import (
    beanstalk,
    delivery,
    identity,
    network,
    releases,
    runtime,
    stores,
    watching,
)
from generator.roots.access.handler_permissions.types import Access, ResourceNames, TypePermissions, TypeTable

AWS_POLICIES = ":iam::aws:policy/"
# The family in the role itself: too long for a managed policy.
INLINE = "Beanstalk"
VERBS = {"": "makes", "Change": "changes and deletes", "Read": "looks at"}


class UnknownTypeError(LookupError):
    """A resource type for which nobody has said what deploying it needs."""


def families(at: ResourceNames, stacks: Iterable[Stack]) -> dict[str, TypeTable]:
    """Every type that somebody has decided on, by the family whose policy carries it."""
    return {
        "Network": network.network(),
        "Gateways": network.gateways(),
        "Balancing": {**network.groups(), **network.balancing()},
        "Storage": stores.storage(at),
        "Configuration": {**stores.configuration(at), **watching.kinds(at)},
        "Runtime": runtime.kinds(at),
        INLINE: beanstalk.kinds(at),
        "Delivery": delivery.kinds(at),
        "Releases": releases.kinds(at),
        "Identity": identity.kinds(at, _attached(stacks)),
    }


def grants(project: Project, at: ResourceNames, stacks: Sequence[Stack]) -> dict[str, list[Grant]]:
    """The statements for the types of the stacks, by family. Raises `UnknownTypeError`."""
    # No environment's role deploys what all of them share.
    stacks = [stack for stack in stacks if stack.name != SHARED]
    edge = {kind for stack in stacks if stack.name == EDGE for kind in _types([stack])}
    known = families(at, stacks)
    if missing := sorted(_types(stacks) - {kind for kinds in known.values() for kind in kinds}):
        where = "generator/roots/access/handler_permissions/"
        raise UnknownTypeError(f"no table in {where} says what deploying {missing[0]} needs")
    by_type = {
        family: [
            grant
            for kind in sorted(_types(stacks) & kinds.keys())
            for grant in _kind(kind, kinds[kind], _named(kind, stacks), kind in edge)
        ]
        for family, kinds in known.items()
    }
    by_type["Identity"].append(_passing(project, stacks))
    # In two of the policies, and for all of them: an explicit deny goes before whatever allows.
    by_type["Network"].append(boundary.namesake(project, Ref(ENVIRONMENT.name), chain(*by_type.values())))
    by_type["Identity"] += [boundary.foreign(project, Ref(ENVIRONMENT.name)), _templates(project), *_clients(project)]
    return by_type


def excluded(at: ResourceNames, stacks: Sequence[Stack]) -> dict[str, dict[str, str]]:
    """What the handlers of each type name and the role is not given, with the reason; only types that it deploys."""
    stacks = [stack for stack in stacks if stack.name != SHARED]
    tables = families(at, stacks)
    return {
        kind: dict(sorted(kinds[kind].excluded.items()))
        for kinds in tables.values()
        for kind in sorted(_types(stacks) & kinds.keys())
        if kinds[kind].excluded
    }


def _kind(name: str, kind: TypePermissions, named: str, at_edge: bool) -> Iterable[Grant]:
    """The statements of one type. What it is needed for stands in the reason, so that another resource, which may have
    another name and so another ARN, is another reason."""
    stem = "".join(part[:1].upper() + part[1:] for part in name.removeprefix("AWS::").split("::"))
    for may in kind.access:
        because = f"CloudFormation {VERBS.get(may.what, 'needs this to deploy')} {name}: {named}"
        if may.why:
            because += f"; {may.why}"
        yield allow(stem + may.what, actions(may.actions), _on(may, at_edge), because, may.when)


def _on(may: Access, at_edge: bool) -> Sequence[Text] | Anything:
    """What the root `edge` holds stands in its Region besides."""
    if isinstance(may.on, Anything) or not at_edge:
        return may.on
    regional = [arn.data["Fn::Sub"] for arn in may.on if isinstance(arn, Sub) and isinstance(arn.data["Fn::Sub"], str)]
    there = [Sub(arn.replace("${AWS::Region}", EDGE_REGION)) for arn in regional if "${AWS::Region}" in arn]
    return [*may.on, *there]


def _named(kind: str, stacks: Iterable[Stack]) -> str:
    """The resources of a type, or how many they are."""
    names = sorted(name for stack in stacks for name, resource in stack.resources.items() if resource["Type"] == kind)
    return ", ".join(names) if len(names) <= 6 else f"{len(names)} of them"


def _types(stacks: Iterable[Stack]) -> set[str]:
    return {str(resource["Type"]) for stack in stacks for resource in stack.resources.values()}


def _attached(stacks: Iterable[Stack]) -> list[Text]:
    """AWS's own policies on the roles of the stacks."""
    named = {str(_text(arn)) for role in boundary.roles(stacks) for arn in _list(role.get("ManagedPolicyArns", []))}
    return [Sub(arn) for arn in sorted(named) if AWS_POLICIES in arn]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _text(value: object) -> object:
    return value.get("Fn::Sub", value) if isinstance(value, dict) else value


def _passing(project: Project, stacks: Iterable[Stack]) -> Grant:
    """Roles of the environment, to the services that they trust."""
    return allow(
        "PassRoles",
        [iam.PassRole],
        [arns.global_arn("iam", f"role{paths.path(project.name)}*")],
        "projects, pipeline, tasks, instances, rules, state machines and flow logs run as roles of the environment",
        [StringEquals({"iam:PassedToService": sorted(boundary.trusted_services(stacks))})],
    )


def _templates(project: Project) -> Grant:
    """The names of buckets do not tell environments apart, and the one with the templates begins as all others do."""
    return deny(
        "KeepTemplates",
        [s3.Action("Create*"), s3.Action("Delete*"), s3.Action("Put*")],
        [arns.templates_bucket(project.name, "*", below) for below in ("", "/*")],
        "what is going to be executed is stored by those who deploy, and by no stack",
    )


def _clients(project: Project) -> list[Grant]:
    """The secrets that the application makes for its clients carry no tag, which would tell environments apart."""
    if not project.client_secrets:
        return []
    return [
        deny(
            "LeaveClientSecrets",
            [secretsmanager.Action("*")],
            [arns.secret(project.client_secrets.replace(f"${{{ENVIRONMENT.name}}}", "*"))],
            "what clients gave is the application's, and no stack's",
        )
    ]
