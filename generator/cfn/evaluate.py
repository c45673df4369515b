"""Would IAM allow this call? A small evaluator over concrete policies: no intrinsics, real ARNs.

Sources: IAM user guide, reference_policies_evaluation-logic (an explicit deny wins, then an allow, else the call is
denied implicitly), reference_policies_elements_action, _notaction, _resource, _notresource, _principal and
reference_policies_elements_condition_operators. What is not modelled is an error, never a guess: other condition
operators, policy variables, NotPrincipal. Permissions boundaries, session policies and policies of the organisation
are not looked at; a caller whose principals have them must not rely on this.

Identity policies and the policy of the resource that is asked for may be given together, because inside one account
an allow in either is enough. A KMS key is the exception: its key policy has to allow, so it is asked by itself.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from generator.cfn.permissions import Condition, Permission, of
from generator.cfn.templates import Resource, TemplatesError

ALLOWED, DENIED, NOT_ALLOWED = "allowed", "explicitly denied", "implicitly denied"
Context = Mapping[str, str | Sequence[str]]
WILD = re.compile(r"[*?]")
# The calls on a role in which IAM knows the key iam:PermissionsBoundary (Service Authorization Reference, AWS Identity
# and Access Management, as the package parliament carries it): UpdateAssumeRolePolicy and UpdateRole are none of them.
KNOW_BOUNDARY = frozenset(
    {
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:DeleteRolePermissionsBoundary",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
    }
)


class EvaluationError(TemplatesError):
    """A policy that this evaluator must not judge; the message says why and what to do."""


class UnknownOperatorError(EvaluationError):
    """A condition operator that is not modelled."""

    def __init__(self, where: str, operator: str) -> None:
        modelled = ", ".join(sorted({*OPERATORS, *NEGATED}))
        super().__init__(
            f"{where} uses the condition operator {operator}, which generator/cfn/evaluate.py does not model; "
            f"it has {modelled}, each also with IfExists, {FOR_ALL} before those that are not negated, and Null: use "
            "one of these or add it"
        )


class PolicyVariableError(EvaluationError):
    """A policy variable such as `${aws:username}`."""

    def __init__(self, where: str, text: str) -> None:
        super().__init__(f"{where} has a policy variable in {text!r}, and none is modelled: write the value itself")


class UnknownElementError(EvaluationError):
    """An element of a statement that is not modelled."""

    def __init__(self, where: str, element: str) -> None:
        super().__init__(f"{where} uses {element}, which is not modelled: name those that are meant instead")


@dataclass(frozen=True)
class Request:
    """One call: `action` as `service:Action`, the ARN of the resource (`*` where the action has none), the keys of its
    context, and who calls. `principal` (`Service:codebuild.amazonaws.com`, `AWS:<ARN>`) matters to policies that
    name principals; the permissions of a role are those of the caller already.
    """

    action: str
    resource: str = "*"
    context: Context = field(default_factory=dict, hash=False)
    principal: str = ""


@dataclass(frozen=True)
class Decision:
    """What IAM would say: `outcome` is one of ALLOWED, DENIED, NOT_ALLOWED and `by` the statement that decided; `about`
    are the statements about the action of the request."""

    outcome: str
    by: Permission | None
    request: Request
    about: tuple[Permission, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.outcome == ALLOWED

    @property
    def missing(self) -> str:
        """The statement that would allow the call, as JSON; empty where no new statement would help."""
        if self.outcome != NOT_ALLOWED:
            return ""
        missing: dict[str, Any] = {"Effect": "Allow", "Action": self.request.action, "Resource": self.request.resource}
        if self.request.action.lower() == "sts:assumerole" and self.request.principal:
            kind, _, who = self.request.principal.partition(":")
            missing = {"Effect": "Allow", "Action": self.request.action, "Principal": {kind: who}}
        return json.dumps(missing)

    @property
    def near(self) -> tuple[str, ...]:
        """The statements that allow the action and yet do not apply to a call that nothing allows, each with the
        reason."""
        if self.outcome != NOT_ALLOWED:
            return ()
        keys = _lowered(self.request.context)
        return tuple(
            f"{permission.sid or 'a statement without Sid'} {_why_not(permission, self.request, keys)}"
            for permission in self.about
            if permission.allows
        )

    def __str__(self) -> str:
        if self.by is not None:
            return f"{self.outcome} by {self.by}"
        close = f"; close, but not it: {'; '.join(self.near)}" if self.near else ""
        return f"{self.outcome}, missing: {self.missing}{close}"


def statements(role: str, policies: Mapping[str, Any], trust: Mapping[str, Any] | None = None) -> list[Permission]:
    """The statements of concrete policy documents, as `decide` takes them.

    `role` is what messages call the holder, `policies` its policy documents by name, `trust` its trust policy. The
    policy of a bucket or topic is read in the same way, its Principals too.
    """
    inline = [{"PolicyName": name, "PolicyDocument": document} for name, document in policies.items()]
    properties = {"Policies": inline, **({"AssumeRolePolicyDocument": trust} if trust is not None else {})}
    holder = Resource("deployed", role, {"Type": "AWS::IAM::Role", "Properties": properties})
    return list(of(holder))


def decide(request: Request, permissions: Iterable[Permission]) -> Decision:
    """Judges one request by some statements: the trust policy when a role is to be assumed, else what the caller has.

    Raises `UnknownOperatorError`, `PolicyVariableError` and `UnknownElementError` for what it does not model, in any of
    the statements, applicable or not, so that the answer never depends on which request comes first.
    """
    permissions = tuple(permissions)
    for permission in permissions:
        check(permission)
    return judge(request, tuple(each for each in permissions if matches_action(each, request.action)))


def judge(request: Request, about: tuple[Permission, ...]) -> Decision:
    """`decide` for statements that are about the action of the request, and have been checked."""
    keys = _lowered(request.context) if any(permission.conditions for permission in about) else {}
    allowing: Permission | None = None
    for permission in about:
        if (allowing is None or not permission.allows) and _unmet(permission, request, keys) is None:
            if not permission.allows:
                return Decision(DENIED, permission, request, about)
            allowing = permission
    return Decision(ALLOWED if allowing else NOT_ALLOWED, allowing, request, about)


def matches_action(permission: Permission, action: str) -> bool:
    """Whether a statement is about an action; names compare without regard to case."""
    named = permission.actions or permission.not_actions
    return _names_action(named, action) == bool(permission.actions)


@lru_cache(maxsize=1 << 16)
def _names_action(patterns: tuple[str, ...], action: str) -> bool:
    return any(like(pattern.lower(), action.lower()) for pattern in patterns)


def like(pattern: str, text: str) -> bool:
    """Whether a pattern with `*` (any text) and `?` (any one character) matches the whole text, with regard to case."""
    return bool(_compiled(pattern, ".*").fullmatch(text))


@lru_cache(maxsize=1 << 14)
def _any_of(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether any of the patterns of a Resource element matches an ARN; most are plain text or its beginning.

    `*` stays inside its part between colons, unless it is the last character of it (IAM user guide,
    reference_policies_elements_resource).
    """
    plain = frozenset(pattern for pattern in patterns if not WILD.search(pattern))
    begins = tuple(pattern[:-1] for pattern in patterns if pattern.endswith("*") and not WILD.search(pattern[:-1]))
    others = [_compiled(each, "[^:]*") for each in patterns if each not in plain and each[:-1] not in begins]
    return lambda arn: arn in plain or arn.startswith(begins) or any(each.fullmatch(arn) for each in others)


@cache
def _compiled(pattern: str, inside: str) -> re.Pattern[str]:
    text = ""
    for position, character in enumerate(pattern):
        last = pattern[position + 1 : position + 2] in ("", ":")
        text += {"*": ".*" if last else inside, "?": "."}.get(character, re.escape(character))
    return re.compile(text, re.DOTALL)


def _like_arn(pattern: str, arn: str) -> bool:
    """ArnEquals and ArnLike are the same: each of the six parts by itself, with wildcards."""
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) == 6 and all(map(like, patterns, parts))


def _is_less(expected: str, value: str) -> bool:
    """Whether a request's number is less than the policy's; what is no number is not."""
    try:
        return float(value) < float(expected)
    except ValueError:
        return False


# Operator -> does a value of the policy match a value of the request? Only those that our policies use.
OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda expected, value: expected == value,
    "StringLike": like,
    "ArnEquals": _like_arn,
    "ArnLike": _like_arn,
    "Bool": lambda expected, value: expected.lower() == value.lower(),
    "NumericLessThan": _is_less,
}
# Negated operators: no value of the policy matches, or the request lacks the key (IAM user guide,
# reference_policies_elements_condition_operators).
NEGATED = {"StringNotEquals": "StringEquals"}
# Before an operator: each value of the request matches one of the policy, and a request without the key does as well
# (IAM user guide, reference_policies_condition-single-vs-multi-valued-context-keys).
FOR_ALL = "ForAllValues:"


def _is_modelled(operator: str) -> bool:
    name = operator.removeprefix(FOR_ALL).removesuffix("IfExists")
    return operator == "Null" or name in OPERATORS or (name in NEGATED and not operator.startswith(FOR_ALL))


def holds(condition: Condition, context: Context) -> bool:
    """Whether one key of a Condition block is met. Raises `UnknownOperatorError`.

    Values are alternatives. A key that the request lacks is not met, except with IfExists; Null asks just that. A key
    with several values is met by any of them, as IAM compares where no set operator is written.
    """
    return _holds(condition, _lowered(context))


def _lowered(context: Context) -> Context:
    """By keys in lower case: IAM compares keys without regard to case."""
    return {key.lower(): value for key, value in context.items()}


def _holds(condition: Condition, keys: Context) -> bool:
    sent = keys.get(condition.key.lower())
    if condition.operator == "Null":
        return ("true" if sent is None else "false") in [value.lower() for value in condition.values]
    if not _is_modelled(condition.operator):
        raise UnknownOperatorError(condition.key, condition.operator)
    name = condition.operator.removeprefix(FOR_ALL).removesuffix("IfExists")
    if sent is None:
        return name != condition.operator or name in NEGATED
    values = [sent] if isinstance(sent, str) else sent
    matches = OPERATORS[NEGATED.get(name, name)]
    if condition.operator.startswith(FOR_ALL):
        return all(any(matches(expected, value) for expected in condition.values) for value in values)
    return any(matches(expected, value) for expected in condition.values for value in values) != (name in NEGATED)


@lru_cache(maxsize=1 << 12)  # a statement is asked for many calls
def check(permission: Permission) -> None:
    """Raises for a statement that is not modelled, as `decide`."""
    where = f"{permission.holder} {permission.sid}".strip()
    if permission.not_principals:
        raise UnknownElementError(where, "NotPrincipal")
    for condition in permission.conditions:
        if not _is_modelled(condition.operator):
            raise UnknownOperatorError(where, condition.operator)
    for text in (
        *permission.resources,
        *permission.not_resources,
        *(v for c in permission.conditions for v in c.values),
    ):
        # Not `${AWS::Region}`: CloudFormation replaces its pseudo parameters before IAM sees them.
        if re.search(r"\$\{([*?$]\}|[\w-]+:(?!:))", text):
            raise PolicyVariableError(where, text)


PRINCIPAL, RESOURCE = "principal", "resource"


def _unmet(permission: Permission, request: Request, keys: Context) -> str | Condition | None:
    """What keeps a statement about the action from the request: PRINCIPAL, RESOURCE or a condition; None where it
    applies. `keys` is the context of the request by its keys in lower case."""
    if permission.principals and not any(_is(who, request.principal) for who in permission.principals):
        return PRINCIPAL
    if not is_for(permission, request.resource):
        return RESOURCE
    return next((condition for condition in permission.conditions if not _holds(condition, keys)), None)


def is_for(permission: Permission, arn: str) -> bool:
    """Whether a statement is about a resource, whatever its conditions say."""
    named = permission.resources or permission.not_resources
    return not named or _any_of(named)(arn) == bool(permission.resources)


def _why_not(permission: Permission, request: Request, keys: Context) -> str:
    """What keeps a statement from the request that it does not apply to, in words."""
    unmet = _unmet(permission, request, keys)
    if unmet == PRINCIPAL:
        return f"is for {', '.join(permission.principals)}, not for {request.principal or 'a caller unnamed'}"
    if unmet == RESOURCE:
        named = permission.resources or permission.not_resources
        return f"is for {'all but ' if permission.not_resources else ''}{', '.join(named)}"
    return f"wants {unmet}"


def _is(principal: str, caller: str) -> bool:
    """Whether a Principal element names the caller; an account names every principal that it has."""
    if principal == "*":
        return True
    if principal == "AWS:*":
        return caller.startswith("AWS:")
    account = re.fullmatch(r"AWS:(?:arn:[^:]*:iam::)?(\d{12})(?::root)?", principal)
    if account and re.match(rf"AWS:arn:[^:]*:(iam|sts)::{account[1]}:", caller):
        return True
    return bool(caller) and principal == caller
