"""Rules on who may do what. Source of the statement grammar: IAM user guide, IAM JSON policy reference."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from generator.cfn.evaluate import like
from generator.cfn.intrinsics import render
from generator.cfn.names import ACCESS, ACCESS_ROOTS, ENVIRONMENT, NO_BOUNDARY, ROLE_BOUNDARY
from generator.cfn.permissions import Permission, permissions
from generator.cfn.role_needs.rows import MANAGED
from generator.cfn.template_names import BOUNDARY
from generator.cfn.templates import TemplateSet
from generator.gate.rules.rule import Check, Fault, Rule, values

# Wildcards in action names that may stand, each with its reason. None is needed: the templates name ReEncryptFrom and
# ReEncryptTo, GenerateDataKey and its variants, where AWS's examples have kms:ReEncrypt* and kms:GenerateDataKey*.
ACTION_WILDCARDS: Mapping[str, str] = {}

# Services that may assume a role without a condition on whom they act for.
UNCONDITIONED_TRUST: Mapping[str, str] = {
    "cloudformation.amazonaws.com": "the documented trust policy has no condition, and only principals of the"
    " role's own account can hand it to CloudFormation (cloudformation user guide, using-iam-servicerole)",
    "codepipeline.amazonaws.com": "the documented trust policy has no condition; whether the service sends"
    " aws:SourceAccount is unverified (codepipeline user guide, how-to-custom-role)",
    "ecs.amazonaws.com": "the documented trust policy of the infrastructure role has no condition (ECS developer guide,"
    " infrastructure_IAM_role)",
    "ec2.amazonaws.com": "the documented trust policy of an instance profile has no condition (IAM user guide,"
    " id_roles_use_switch-role-ec2)",
    "elasticbeanstalk.amazonaws.com": "the documented trust policy of the service role asks for an external id that is"
    " the same in every account (Elastic Beanstalk developer guide, iam-servicerole)",
}

# (service, kind of policy): reason why the statement cannot say for whom the service acts.
UNCONDITIONED_SERVICES: Mapping[tuple[str, str], str] = {
    ("logdelivery.elasticloadbalancing.amazonaws.com", "resource"): "the documented bucket policy has no"
    " condition; the path holds the account (elasticloadbalancing, enable-access-logging)"
}

# Keys that say for whom a service acts (IAM user guide, confused-deputy; logs: encrypt-log-data-kms).
ON_BEHALF = {
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "kms:encryptioncontext:aws:logs:arn",
}

# AWS's own managed policies that may be attached, each with its reason.
MANAGED_POLICIES: Mapping[str, str] = {policy: source for policy, (_, _, source) in MANAGED.items()}

# The permissions boundary of an environment's roles.
LIMIT = f"{ACCESS}.{ROLE_BOUNDARY}"
# What roles have as their boundary, and what the root gives the stacks of the roles for it under each choice.
PARAMETER = {"Ref": "PermissionsBoundaryArn"}
BOUNDARIES = ({"Ref": BOUNDARY}, {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::aws:policy/{NO_BOUNDARY}"})

NAMES = ("RoleName", "ManagedPolicyName", "UserName", "GroupName", "InstanceProfileName")
ANYBODY = frozenset({"*", "AWS:*"})


def _each(faulty: Callable[[Permission], Iterable[str]]) -> Check:
    """A check of every statement by itself; `faulty` gives the messages."""

    def check(templates: TemplateSet) -> Iterator[Fault]:
        for permission in permissions(templates):
            for message in faulty(permission):
                yield Fault(permission.holder, f"statement {permission.sid or 'without Sid'} {message}")

    return check


def everything(resource: str) -> bool:
    """Whether a rendered ARN names everything, or everything of a service: `*`, `arn:aws:s3:::*`."""
    return bool(re.fullmatch(r"\*|arn(:[^:]*){4}:\*", re.sub(r"\$\{[^}]*\}", "x", resource)))


def _action_wildcards(permission: Permission) -> Iterator[str]:
    # A boundary allows nothing by itself, and has 6,144 characters for the services of all roles.
    if permission.allows and permission.holder != LIMIT:
        for action in permission.actions:
            if set("*?") & set(action) and action not in ACTION_WILDCARDS:
                yield f"allows {action}"
        if permission.not_actions:
            yield f"allows everything but {', '.join(permission.not_actions)}"


def _wildcard_reasons(templates: TemplateSet) -> Iterator[Fault]:
    stated = permissions(templates)
    for permission in stated:
        wide = any(map(everything, permission.resources)) or bool(permission.not_resources)
        if wide and permission.kind != "key" and permission.sid not in templates.resource(permission.holder).wildcards:
            yield Fault(
                permission.holder,
                f"statement {permission.sid} stands on {', '.join(permission.resources)} without an entry in"
                " Metadata.Wildcards",
            )
    for resource in templates.resources():
        wide_sids = {
            permission.sid
            for permission in stated
            if permission.holder == resource.address and any(map(everything, permission.resources))
        }
        for sid in resource.wildcards.keys() - wide_sids:
            yield Fault(resource.address, f"Metadata.Wildcards has {sid}, which is no statement on everything")


def _pass_role(permission: Permission) -> Iterator[str]:
    if permission.allows and any(action.lower() == "iam:passrole" for action in permission.actions):
        if not any(condition.key.lower() == "iam:passedtoservice" for condition in permission.conditions):
            yield "passes roles without saying to which service (iam:PassedToService)"
        if any(everything(arn) or arn.endswith(":role/*") for arn in permission.resources):
            yield f"passes any role ({', '.join(permission.resources)})"


def _sids_and_reasons(templates: TemplateSet) -> Iterator[Fault]:
    seen: dict[str, dict[str, Permission]] = {}
    for permission in permissions(templates):
        sids = seen.setdefault(permission.holder, {})
        if not permission.sid:
            yield Fault(permission.holder, f"a statement in {permission.policy} has no Sid")
        elif not permission.reason.strip():
            yield Fault(permission.holder, f"statement {permission.sid} has no entry in Metadata.Reasons")
        other = sids.setdefault(permission.sid, permission)
        opposite = {name.removeprefix("not ") if name.startswith("not ") else f"not {name}" for name in other.when}
        if other is not permission and not opposite & set(permission.when):
            yield Fault(permission.holder, f"two statements are called {permission.sid}")
    for resource in templates.resources():
        for sid in resource.reasons.keys() - seen.get(resource.address, {}).keys():
            yield Fault(resource.address, f"Metadata.Reasons has {sid}, and there is no such statement")


def _open_trust(permission: Permission) -> Iterator[str]:
    if permission.kind == "trust" and permission.allows:
        for who in permission.principals:
            foreign = re.fullmatch(r"AWS:(arn:[^:]*:iam::)?\d{12}(:root)?", who.replace("${AWS::Partition}", "aws"))
            if who in ANYBODY or foreign:
                yield f"trusts {who}"
        if permission.not_principals:
            yield f"trusts everybody but {', '.join(permission.not_principals)}"


def _anybody(permission: Permission) -> Iterator[str]:
    if permission.allows and permission.kind in ("resource", "key"):
        if ANYBODY & set(permission.principals):
            yield "allows anybody"
        if permission.not_principals:
            yield f"allows everybody but {', '.join(permission.not_principals)}"


def _services(permission: Permission) -> list[str]:
    bound = any(condition.key.lower() in ON_BEHALF for condition in permission.conditions)
    services = (who.removeprefix("Service:") for who in permission.principals if who.startswith("Service:"))
    return list(services) if permission.allows and not bound else []


def _trusted_services(permission: Permission) -> Iterator[str]:
    for service in _services(permission) if permission.kind == "trust" else ():
        if service not in UNCONDITIONED_TRUST:
            yield f"lets {service} assume the role for anybody's account"


def _served_services(permission: Permission) -> Iterator[str]:
    for service in _services(permission) if permission.kind in ("resource", "key") else ():
        if (service, permission.kind) not in UNCONDITIONED_SERVICES:
            yield f"lets {service} act for anybody's account"


def _unnamed(templates: TemplateSet) -> Iterator[Fault]:
    for resource in templates.resources():
        if resource.type.startswith("AWS::IAM::"):
            yield from (
                Fault(resource.address, f"has the name {name}") for name in NAMES if name in resource.properties
            )


def _managed_policies(templates: TemplateSet) -> Iterator[Fault]:
    for resource in templates.resources("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group"):
        for listed in values(resource, "ManagedPolicyArns"):
            for arn in map(render, listed or ()):
                if ":iam::aws:policy/" in arn and arn not in MANAGED_POLICIES:
                    yield Fault(resource.address, f"has the policy {arn} attached")


def _bounded(templates: TemplateSet) -> Iterator[Fault]:
    for role in templates.resources("AWS::IAM::Role"):
        if role.template in ACCESS_ROOTS:
            continue
        if any(value != PARAMETER for value in values(role, "PermissionsBoundary")):
            yield Fault(role.address, f"has not the permissions boundary {PARAMETER['Ref']}")
    for root in (template for template in templates if template.name == ENVIRONMENT):
        for child in root.resources.values():
            if any(value not in (None, *BOUNDARIES) for value in values(child, "Parameters", PARAMETER["Ref"])):
                yield Fault(child.address, "is given another boundary for its roles than that of the stack `access`")


def _inside(templates: TemplateSet) -> Iterator[Fault]:
    stated = permissions(templates)
    limits = [action for permission in stated if permission.holder == LIMIT for action in permission.allowed_actions]
    for permission in stated:
        resource = templates.resource(permission.holder)
        if (
            resource.type == "AWS::IAM::Role"
            and resource.template not in ACCESS_ROOTS
            and permission.kind == "identity"
        ):
            for action in permission.allowed_actions:
                if not any(like(limit.lower(), action.lower()) for limit in limits):
                    yield Fault(permission.holder, f"statement {permission.sid} allows {action}, the boundary does not")


RULES = (
    Rule(
        "IAM001",
        "whoever holds it may do things that nobody has read, and more with every feature that AWS adds",
        "name each action; what AWS documents only as a wildcard belongs into ACTION_WILDCARDS with its reason",
        _each(_action_wildcards),
    ),
    Rule(
        "IAM002",
        "everything is rarely meant, and a reason that no statement needs hides the next one",
        "name the ARNs; where AWS supports none, say why in Metadata.Wildcards under the Sid; remove a stale entry",
        _wildcard_reasons,
    ),
    Rule(
        "IAM003",
        "a role passed to any service, or any role passed, is every permission in the account",
        "pass exactly the roles meant, on condition of iam:PassedToService",
        _each(_pass_role),
    ),
    Rule(
        "IAM004",
        "a statement without a name and a reason cannot be reviewed",
        "give each statement a Sid of its own and say in Metadata.Reasons under that Sid why it is there",
        _sids_and_reasons,
    ),
    Rule(
        "IAM005",
        "strangers could act as the role",
        "trust the one service or principal that needs it",
        _each(_open_trust),
    ),
    Rule(
        "IAM006",
        "a stranger could make the service act on our account (the confused deputy)",
        "add aws:SourceAccount or aws:SourceArn, or the service with its reason to UNCONDITIONED_TRUST",
        _each(_trusted_services),
    ),
    Rule(
        "IAM007",
        "a stranger could make the service act on our resource (the confused deputy)",
        "add aws:SourceAccount or aws:SourceArn, or the service with its reason to UNCONDITIONED_SERVICES",
        _each(_served_services),
    ),
    Rule("IAM008", "it is open to the world", "name the principals that need it", _each(_anybody)),
    Rule(
        "IAM009",
        "a fixed name is taken at the second try, collides between environments, and needs CAPABILITY_NAMED_IAM",
        "leave the name out",
        _unnamed,
    ),
    Rule(
        "IAM010",
        "AWS's managed policies are wide and grow without notice",
        "write the statements that are needed, or add the policy with its reason to MANAGED_POLICIES",
        _managed_policies,
    ),
    Rule(
        "IAM011",
        "a role without the boundary may be given any right by whoever deploys",
        "make the role with Stack.role, which gives it the boundary",
        _bounded,
    ),
    Rule(
        "IAM012",
        "the role lacks at run time what its own policy allows",
        "let the boundary allow it (generator/roots/access/boundary.py), or take it out of the role",
        _inside,
    ),
)
