"""Whom the protecting policies bind: the groups, roles and permission sets that an environment's file names.

A policy that denies protects against those alone to whom it is attached, so production and the protected branch are
refused while nobody is named, unless the file gives a reason for that. IAM attaches a policy to groups and roles by
their names (schema of AWS::IAM::ManagedPolicy, `Groups` and `Roles`). The role of a permission set can be changed by
IAM Identity Center alone, and takes the policy by name and path through the permission set (single sign-on API
reference, CustomerManagedPolicyReference): `make preflight` says whether that has happened, and the command.
"""

from __future__ import annotations

from typing import Any

from troposphere import And, AWSHelperFn, Equals, If, Not, NoValue, Or, Ref, Split

from generator.cfn.names import PRODUCTION
from generator.core import ports
from generator.core.ports import Port
from generator.core.settings import Setting, refuse_unless
from generator.core.stack import Stack, switched_on

GROUP = "Whom the protection binds"
NAMED = (ports.DEVELOPER_GROUPS, ports.DEVELOPER_ROLES, ports.DEVELOPER_PERMISSION_SETS)
# IAM user guide, reference_iam-quotas: the lengths of names. A comma is left out, because it stands between names.
NAMES = r"|[A-Za-z0-9+=.@_-]{1,%d}(,[A-Za-z0-9+=.@_-]{1,%d}){0,9}"
LENGTHS = {ports.DEVELOPER_GROUPS: 128, ports.DEVELOPER_ROLES: 64, ports.DEVELOPER_PERMISSION_SETS: 32}


def settings() -> list[Setting]:
    """The parameters that name them, empty by default."""
    lists = [
        Setting(
            port,
            GROUP,
            label,
            "",
            pattern=NAMES % (LENGTHS[port], LENGTHS[port]),
            rule="up to ten names with commas between them and no spaces, or empty",
        )
        for port, label in zip(NAMED, ("Groups", "Roles", "Permission sets"), strict=True)
    ]
    reason = "a sentence of 20 to 200 characters, or empty"
    return [*lists, Setting(ports.PROTECTION_WAIVED, GROUP, "Why nobody", "", pattern="|.{20,200}", rule=reason)]


def attached(stack: Stack) -> dict[str, Any]:
    """The properties of a managed policy that attach it to the groups and roles that are named."""
    return {
        key: If(stack.when(f"Has{port.name}", switched_on(stack.takes(port), "")), Split(",", Ref(port.name)), NoValue)
        for key, port in (("Groups", ports.DEVELOPER_GROUPS), ("Roles", ports.DEVELOPER_ROLES))
    }


def refuse_nobody(stack: Stack, of_production: bool) -> None:
    """Adds the rules: somebody is named, or there is a reason, and never both. `of_production` limits the first to
    production."""
    somebody = Or(*map(_filled, NAMED))
    claims: list[AWSHelperFn] = [somebody, _filled(ports.PROTECTION_WAIVED)]
    if of_production:
        claims.append(Not(Equals(Ref(ports.ENVIRONMENT.name), PRODUCTION)))
    names, waived = ", ".join(port.name for port in NAMED[:-1]), ports.PROTECTION_WAIVED.name
    refuse_unless(
        stack.template,
        "ProtectionBindsSomebody",
        Or(*claims),
        f"the protection binds nobody: name the developers in {names} or {NAMED[-1].name}, or say in {waived} why not",
    )
    refuse_unless(
        stack.template,
        "ProtectionIsNotWaivedBesides",
        Not(And(somebody, _filled(ports.PROTECTION_WAIVED))),
        f"{waived} is for a protection that binds nobody: leave it empty where developers are named",
    )


def _filled(port: Port) -> Not:
    return Not(Equals(Ref(port.name), ""))
