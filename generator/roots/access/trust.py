"""Who may become one of the roles that people and CI use: up to three ways, each open when its parameter is not empty.

The principal is always the account, and the condition names the person, permission set or role: so a user who is
deleted and made again is not shut out by an id that IAM kept, and whoever assumes the role needs a permission of their
own for it besides. MFA stands here and not in the role's own policies, because a session of an assumed role does not
say whether MFA was used. Users of IAM Identity Center carry no MFA key at all: there the permission set is
named, and Identity Center asks for MFA. Sources: IAM user guide, id_credentials_mfa_configure-api-require; IAM
Identity Center user guide, referencingpermissionsets (the path holds the region, except us-east-1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from awacs import sts
from awacs.aws import Allow, ArnLike, Bool, ConditionElement, NumericLessThan, Principal
from troposphere import Equals, If, Not, NoValue, Or, Ref

from generator.core import arns
from generator.core.iam import Grant
from generator.core.ports import Port
from generator.core.settings import Setting, refuse_unless
from generator.core.stack import Stack

# How old a second factor may be, in seconds.
MFA_SECONDS = 3600
VERSION = "2012-10-17"


# IAM user guide, reference_iam-quotas: what names and paths may hold; * and ? stand for any text and any character.
# A text of wildcards alone is `*`, so that there is one way to say everybody.
USERS = r"|\*|[*?/]{0,20}[A-Za-z0-9+=,.@_-][A-Za-z0-9+=,.@_/*?-]{0,199}"
SET = r"|[A-Za-z0-9+=,.@_-]{1,32}"
USERS_RULE = "the name of an IAM user with its path, in which * stands for any text, or empty"
SET_RULE = "the name of a permission set of IAM Identity Center, or empty"


class Way(NamedTuple):
    """One way to become the role: its statement, and the condition of the template under which it is open."""

    condition: str
    grant: Grant


def settings(users: Port, permission_set: Port, group: str) -> list[Setting]:
    """The parameters that name people: everybody with a second factor by default."""
    return [
        Setting(users, group, "Users with MFA", "*", pattern=USERS, rule=USERS_RULE),
        Setting(permission_set, group, "Permission set", "", pattern=SET, rule=SET_RULE),
    ]


def refuse_nobody(stack: Stack, *ports: Port) -> None:
    """Adds the rule that one parameter at least names somebody who may deploy."""
    names = ", ".join(port.name for port in ports[:-1])
    claim = Or(*(Not(Equals(Ref(port.name), "")) for port in ports))
    refuse_unless(stack.template, "SomebodyMayDeploy", claim, f"nobody may deploy: give {names} or {ports[-1].name}")


def people(stack: Stack, users: Port, permission_set: Port) -> list[Way]:
    """Users who have signed in with MFA, and people to whom a permission set is assigned."""
    return [
        _way(
            stack,
            users,
            "AssumeWithMfa",
            "people who have shown a second factor within the hour",
            [
                Bool({"aws:MultiFactorAuthPresent": "true"}),
                NumericLessThan({"aws:MultiFactorAuthAge": str(MFA_SECONDS)}),
                ArnLike({"aws:PrincipalArn": [arns.global_arn("iam", "user/${Users}", Users=Ref(users.name))]}),
            ],
        ),
        _way(
            stack,
            permission_set,
            "AssumeWithPermissionSet",
            "people of the single sign-on, which asks for the second factor itself",
            [
                ArnLike(
                    {
                        "aws:PrincipalArn": [
                            arns.global_arn(
                                "iam",
                                "role/aws-reserved/sso.amazonaws.com*/AWSReservedSSO_${Set}_*",
                                Set=Ref(permission_set.name),
                            )
                        ]
                    }
                )
            ],
        ),
    ]


def ci(stack: Stack, role: Port) -> Way:
    """A role of the account that a CI service runs as. It knows no second factor."""
    return _way(
        stack,
        role,
        "AssumeByCi",
        "the CI service deploys without a person",
        [ArnLike({"aws:PrincipalArn": [arns.global_arn("iam", "role/${Role}", Role=Ref(role.name))]})],
    )


def _way(stack: Stack, port: Port, sid: str, because: str, when: Sequence[ConditionElement]) -> Way:
    stack.takes(port)
    condition = stack.when(f"Has{port.name}", Not(Equals(Ref(port.name), "")))
    account = Principal("AWS", [arns.account_root()])
    return Way(condition, Grant(sid, Allow, (sts.AssumeRole,), (), because, tuple(when), account))


def document(ways: Sequence[Way]) -> dict[str, object]:
    """The trust policy. A rule of the root sees to it that at least one way is open."""
    return {"Version": VERSION, "Statement": [If(way.condition, way.grant.statement(), NoValue) for way in ways]}
