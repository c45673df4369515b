"""Rules on what a real account asks for, and no emulator: rights of the caller, quotas, texts after substitution."""

import re
from collections.abc import Iterator, Mapping

from generator.cfn.broadening import covers
from generator.cfn.caller_rights import KEY_CREATION, CallerRight, deployers, holders, needed
from generator.cfn.limits import CONFIGURATION_VALUE
from generator.cfn.names import ACCESS_ROOTS, SHARED, SHARED_ACCESS
from generator.cfn.permissions import Permission, of
from generator.cfn.places import walk
from generator.cfn.templates import TemplateSet
from generator.gate.pipeline_model import PIPELINE
from generator.gate.rules.rule import Fault, Rule, values

# A role takes ten by default (IAM user guide, reference_iam-quotas), and there are accounts that attach one of their
# own to every role.
MANAGED_POLICIES = 9
TAG = "aws:resourcetag/"


def _callers(templates: TemplateSet) -> Iterator[Fault]:
    """What deploying the set asks of the caller, against the statements of the role that CloudFormation acts as."""
    required = list(needed(templates))
    for role in deployers(templates):
        permissions = [
            permission
            for holder in holders(templates, role)
            for permission in of(holder)
            if permission.kind == "identity"
        ]
        for address, right in required:
            template = address.partition(".")[0]
            # An administrator deploys the access roots, with rights of their own.
            its_own = (template == SHARED) is (role.template == SHARED_ACCESS) and template not in ACCESS_ROOTS
            for action in right.actions if its_own else ():
                if not any(_gives(permission, action, right) for permission in permissions):
                    yield Fault(
                        role.address, f"may not {action} on {right.on}, which {address} asks for ({right.source})"
                    )


def _gives(permission: Permission, action: str, right: CallerRight) -> bool:
    """Whether a statement gives the right, on everything where the action knows no resource. What exists already may be
    told by its tag; any other key of a condition has to be one that comes with the call."""
    if not permission.allows or action not in permission.actions:
        return False
    named = any(
        arn == "*" if right.on == "*" else covers(arn, right.on) or covers(right.on, arn)
        for arn in permission.resources
    )
    return named and all(
        condition.key.lower().startswith(TAG) or right.when.get(condition.key) in condition.values
        for condition in permission.conditions
    )


def _new_keys(templates: TemplateSet) -> Iterator[Fault]:
    for role in deployers(templates):
        for holder in holders(templates, role):
            for permission in of(holder):
                early = sorted(KEY_CREATION & set(permission.actions))
                if (
                    permission.allows
                    and early
                    and any(each.key.lower().startswith(TAG) for each in permission.conditions)
                ):
                    yield Fault(
                        holder.address,
                        f"statement {permission.sid} asks for a tag of the key before {', '.join(early)}",
                    )


def _attached(templates: TemplateSet) -> Iterator[Fault]:
    for role in templates.resources("AWS::IAM::Role"):
        for policies in values(role, "ManagedPolicyArns"):
            if len(policies or ()) > MANAGED_POLICIES:
                yield Fault(role.address, f"has {len(policies)} managed policies")


# Functions whose value another day may be another one, although nothing in the template has changed.
UNSTEADY: Mapping[str, str] = {
    "Fn::GetAZs": "the order is not guaranteed, new zones are added to it, and it holds those alone that have a "
    "default subnet (CloudFormation user guide, intrinsic-function-reference-getavailabilityzones)"
}


def _unsteady(templates: TemplateSet) -> Iterator[Fault]:
    for resource in templates.resources():
        for _, value in walk(dict(resource.properties)):
            for name in UNSTEADY.keys() & (value.keys() if isinstance(value, dict) else set()):
                yield Fault(resource.address, f"depends on {name}: {UNSTEADY[name]}")


# How long a variable of the pipeline can become, by its name: CodePipeline's own, and those that our buildspecs cut. A
# commit message has no limit, so it is none of them.
VARIABLES: Mapping[str, int] = {
    "CommitId": 64,
    "PipelineExecutionId": 36,
    "BACKEND_DIGEST": 32,
    "FRONTEND_DIGEST": 32,
    "CHANGED": 24,
    "BACKEND_CHANGED": 5,
    "FRONTEND_CHANGED": 5,
    "PAGE": 300,
    "SUMMARY": 200,
    "TITLE": 200,
}
REFERENCE = re.compile(r"#\{[^}.]+\.([^}]+)\}")


def _long_values(templates: TemplateSet) -> Iterator[Fault]:
    for pipeline in templates.resources(PIPELINE):
        for place, value in walk(dict(pipeline.properties)):
            if "Configuration" not in place[:-1] or not isinstance(value, str):
                continue
            named = REFERENCE.findall(value)
            for unknown in [name for name in named if name not in VARIABLES]:
                yield Fault(pipeline.address, f"puts {unknown}, whose length nobody limits, into a configuration value")
            length = len(REFERENCE.sub("", value)) + sum(VARIABLES.get(name, 0) for name in named)
            if named and length > CONFIGURATION_VALUE:
                yield Fault(pipeline.address, f"has a configuration value of up to {length} characters")


# The parameter with which the names of an environment's things begin or end.
ENVIRONMENT = "Environment"


def _environment_names(templates: TemplateSet) -> Iterator[Fault]:
    for root in templates.roots():
        declared = root.parameters.get(ENVIRONMENT, {})
        pattern = declared.get("AllowedPattern", ".*")
        if "AllowedValues" not in declared and any(re.fullmatch(pattern, name) for name in ("eu-2", "eu-")):
            yield Fault(root.name, f"lets {ENVIRONMENT} have a dash")


RULES = (
    Rule(
        "ACC001",
        "deploying with the role fails in the middle, refused",
        "give the right in generator/roots/access/handler_permissions/, or correct the row in "
        "generator/cfn/caller_rights.py with its source",
        _callers,
    ),
    Rule(
        "ACC002",
        "the tags of a new key count up to five minutes later (kms developerguide, abac), and a refusal is final",
        "leave the tag out of what is called while a key is new, and keep it where something is changed or deleted",
        _new_keys,
    ),
    Rule(
        "ACC003",
        f"an account that attaches a policy to every role cannot take one that has more than {MANAGED_POLICIES}",
        "merge two of them, or write one into the role",
        _attached,
    ),
    Rule(
        "ACC004",
        "an update of something else would replace what depends on it",
        "make it a parameter that the deploy script computes once and keeps",
        _unsteady,
    ),
    Rule(
        "ACC005",
        f"an action fails, and the release with it, when a value of its configuration gets longer than "
        f"{CONFIGURATION_VALUE} characters",
        "export a variable that the buildspec cuts, and write its length into VARIABLES",
        _long_values,
    ),
    Rule(
        "ACC006",
        "permissions on `eu-*` are permissions on `eu-2-*` as well, and Elastic Beanstalk takes no name with a dash at "
        "its end",
        "let the pattern of the parameter refuse dashes",
        _environment_names,
    ),
)
