"""What the templates allow and deny: every IAM statement in them as one flat, comparable value.

Policy documents are found wherever they stand, by their shape (an object whose `Statement` holds an `Effect`), so
that none can hide; `PLACES` says what kind of policy a place holds, and a document in a place that it does not know
is an error. Intrinsics are rendered as text: `{"Ref": "KeyArn"}` is `${KeyArn}`, `{"Fn::GetAtt": ["Bucket", "Arn"]}`
is `${Bucket.Arn}`. Where `Fn::If` chooses, each choice is a permission of its own with `when` saying which.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from generator.cfn.intrinsics import choices, render
from generator.cfn.places import Place, spell, walk
from generator.cfn.templates import Resource, TemplatesError, TemplateSet, once

# Resource type and first property -> kind of policy. Sources: the property lists of the CloudFormation resource
# schemas (those that cfn-lint carries) for the places; the IAM user guide, "Policies and permissions", for the kinds.
PLACES: Mapping[tuple[str, str], str] = {
    ("AWS::IAM::Role", "AssumeRolePolicyDocument"): "trust",
    ("AWS::IAM::Role", "Policies"): "identity",
    ("AWS::IAM::User", "Policies"): "identity",
    ("AWS::IAM::Group", "Policies"): "identity",
    ("AWS::IAM::Policy", "PolicyDocument"): "identity",
    ("AWS::IAM::ManagedPolicy", "PolicyDocument"): "identity",
    ("AWS::IAM::RolePolicy", "PolicyDocument"): "identity",
    ("AWS::S3::BucketPolicy", "PolicyDocument"): "resource",
    ("AWS::SNS::TopicPolicy", "PolicyDocument"): "resource",
    ("AWS::SQS::QueuePolicy", "PolicyDocument"): "resource",
    ("AWS::KMS::Key", "KeyPolicy"): "key",
    ("AWS::ECR::Repository", "RepositoryPolicyText"): "resource",
    ("AWS::SecretsManager::ResourcePolicy", "ResourcePolicy"): "resource",
    ("AWS::DynamoDB::Table", "ResourcePolicy"): "resource",
    ("AWS::Logs::LogGroup", "ResourcePolicyDocument"): "resource",
    ("AWS::EC2::VPCEndpoint", "PolicyDocument"): "endpoint",
}


class UnknownPolicyPlaceError(TemplatesError):
    """A policy document where `PLACES` knows none."""

    def __init__(self, resource: Resource, place: Place) -> None:
        super().__init__(
            f"{resource.address} ({resource.type}) holds a policy at {spell(place)}, a place that "
            "generator/cfn/permissions.py does not know: add it to PLACES with its kind"
        )


class Condition(NamedTuple):
    """One key of a statement's Condition block."""

    operator: str
    key: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.key} {self.operator} {', '.join(self.values)}"


@dataclass(frozen=True, order=True)
class Permission:
    """One statement, under one choice of the conditions that it depends on. All tuples are sorted."""

    holder: str  # address of the resource that carries the policy: "build.BackendRole"
    kind: str  # trust, identity, resource, key, endpoint
    policy: str  # name of an inline policy, else the property that holds the document
    sid: str
    effect: str
    principals: tuple[str, ...] = ()  # "Service:ecs-tasks.amazonaws.com", "AWS:${...}", "*"
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    not_principals: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    when: tuple[str, ...] = ()  # conditions of the template: "HasBackend", "not HasBackend"
    reason: str = ""

    @property
    def allows(self) -> bool:
        return self.effect == "Allow"

    @property
    def allowed_actions(self) -> tuple[str, ...]:
        """The actions of a statement that allows; none of one that denies."""
        return self.actions if self.allows else ()

    def __str__(self) -> str:
        who = f" to {', '.join(self.principals)}" if self.principals else ""
        what = ", ".join(self.actions) or f"everything but {', '.join(self.not_actions)}"
        where = ", ".join(self.resources) or (self.not_resources and f"all but {', '.join(self.not_resources)}")
        on = f" on {where}" if where else ""
        only = f" if {' and '.join(map(str, self.conditions))}" if self.conditions else ""
        under = f" [{', '.join(self.when)}]" if self.when else ""
        return f"{self.holder} {self.sid}: {self.effect} {what}{who}{on}{only}{under}"


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(sorted(render(item) for item in (value if isinstance(value, list) else [value])))


def _principals(value: Any) -> tuple[str, ...]:
    if isinstance(value, dict):
        return tuple(sorted(f"{kind}:{text}" for kind, named in value.items() for text in _texts(named)))
    return _texts(value)


def _is_policy(value: Mapping[str, Any]) -> bool:
    return any(isinstance(inner, dict) and "Effect" in inner for _, inner in walk(value["Statement"]))


class _Stated(NamedTuple):
    place: Place  # of the policy document, below Properties
    policy: str
    when: tuple[str, ...]
    statement: Mapping[str, Any]


def _statements(value: Any, place: Place, policy: str, when: tuple[str, ...], inside: bool) -> Iterator[_Stated]:
    """Every statement in a value; `inside` once the value is what a policy document has as its `Statement`."""
    match value:
        case {"Fn::If": [str() as condition, yes, no]}:
            yield from _statements(yes, place, policy, (*when, condition), inside)
            yield from _statements(no, place, policy, (*when, f"not {condition}"), inside)
        case list():
            for position, inner in enumerate(value):
                yield from _statements(inner, place if inside else (*place, position), policy, when, inside)
        case {"Effect": _} if inside:
            for under, statement in choices(value, when):
                yield _Stated(place, policy, under, statement)
        case {"Statement": statement} if _is_policy(value):
            yield from _statements(statement, place, policy, when, inside=True)
        case dict():
            for key, inner in value.items():
                name = render(value["PolicyName"]) if "PolicyName" in value else policy or key
                yield from _statements(inner, (*place, key), name, when, inside)


def of(resource: Resource) -> Iterator[Permission]:
    """The permissions that one resource carries. Raises `UnknownPolicyPlaceError`."""
    if '"Statement"' not in json.dumps(resource.properties):  # most resources have none, and are many
        return
    under = (resource.condition,) if resource.condition else ()
    for place, policy, when, statement in _statements(dict(resource.properties), (), "", under, inside=False):
        kind = PLACES.get((resource.type, str(place[0])))
        if kind is None:
            raise UnknownPolicyPlaceError(resource, place)
        sid = str(statement.get("Sid", ""))
        conditions = (
            Condition(operator, key, _texts(values))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
        yield Permission(
            holder=resource.address,
            kind=kind,
            policy=policy,
            sid=sid,
            effect=statement["Effect"],
            principals=_principals(statement.get("Principal")),
            not_principals=_principals(statement.get("NotPrincipal")),
            actions=_texts(statement.get("Action")),
            not_actions=_texts(statement.get("NotAction")),
            resources=_texts(statement.get("Resource")),
            not_resources=_texts(statement.get("NotResource")),
            conditions=tuple(sorted(conditions)),
            when=when,
            reason=resource.reasons.get(sid, ""),
        )


@once
def permissions(templates: TemplateSet) -> tuple[Permission, ...]:
    """Every permission of the set, template by template. Raises `UnknownPolicyPlaceError`."""
    return tuple(permission for resource in templates.resources() for permission in of(resource))
