"""IAM by intent: who may do what, on what, under which condition, because of what.

A `Grant` is one statement with its reason. Actions are awacs' module constants, which fail on a misspelled action
(`awacs.s3.GetObjct` is an `AttributeError`; `Action("s3", "GetObjct")` would pass). The reasons go into the
resource's Metadata under the statement's Sid, where reviewers and the project rules read them.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from awacs import sts
from awacs.aws import (
    Action,
    Allow,
    Condition,
    ConditionElement,
    Deny,
    PolicyDocument,
    Principal,
    Statement,
    StringEquals,
)
from troposphere import Ref, Sub

from generator.core.arns import Text

ACCOUNT = Ref("AWS::AccountId")


class GrantError(ValueError):
    """A statement that must not be written; the message names its Sid and says what is missing."""


class Anything(NamedTuple):
    """`Resource: "*"`, with the reason why AWS supports nothing narrower."""

    because: str


# What the reason of `*` says of actions that know nothing narrower (Service Authorization Reference, "The actions
# table": where the column of resource types is empty, the action "does not support resource-level permissions and you
# must specify all resources"). tests/design/test_access.py holds it against the copy of that reference in cfn-lint.
NO_RESOURCE_LEVEL = "no resource-level permission"


def unscoped(by: str = "AWS") -> Anything:
    """`Resource: "*"` for actions that support nothing else; `by` names their service for the reader."""
    return Anything(f"{by} supports {NO_RESOURCE_LEVEL} for what this allows")


class Grant(NamedTuple):
    """One policy statement and its reason; made by `allow()` and `deny()`."""

    sid: str
    effect: str
    actions: tuple[Action, ...]
    on: tuple[Text, ...] | Anything
    because: str
    when: tuple[ConditionElement, ...] = ()
    to: Principal | None = None

    def statement(self) -> Statement:
        """The awacs statement. A single resource or action stays a list, so that adding one is a one-line diff."""
        parts: dict[str, object] = {"Sid": self.sid, "Effect": self.effect, "Action": list(self.actions)}
        if self.on:
            parts["Resource"] = ["*"] if isinstance(self.on, Anything) else list(self.on)
        if self.to is not None:
            parts["Principal"] = self.to
        if self.when:
            parts["Condition"] = Condition(list(self.when))
        return Statement(**parts)


def listed(names: Iterable[str]) -> str:
    """What a statement is about, by name, for its reason: so that the reason says so when the facts get one more."""
    return ", ".join(names)


def allow(
    sid: str,
    actions: Sequence[Action],
    on: Sequence[Text] | Anything,
    because: str,
    when: Sequence[ConditionElement] = (),
    to: Principal | None = None,
) -> Grant:
    """Allows the actions on exactly these ARNs.

    `sid` is unique in its resource; `because` is a sentence for the reviewer; `when` are conditions that must all
    hold; `to` is a principal, for policies on resources only. Raises `GrantError` without action, ARN or reason, and
    for two conditions of one operator.
    """
    return _grant(Allow, sid, actions, on, because, when, to)


def deny(
    sid: str,
    actions: Sequence[Action],
    on: Sequence[Text] | Anything,
    because: str,
    when: Sequence[ConditionElement] = (),
    to: Principal | None = None,
) -> Grant:
    """Denies the actions, whatever else allows them. Arguments and errors as `allow()`."""
    return _grant(Deny, sid, actions, on, because, when, to)


def _grant(
    effect: str,
    sid: str,
    actions: Sequence[Action],
    on: Sequence[Text] | Anything,
    because: str,
    when: Sequence[ConditionElement],
    to: Principal | None,
) -> Grant:
    for what, value in (("action", actions), ("resource", on), ("reason", because)):
        if not value:
            raise GrantError(f"statement {sid} has no {what}")
    operators = [type(condition).__name__ for condition in when]
    for operator in operators:
        if operators.count(operator) > 1:  # awacs would write the last of them alone
            raise GrantError(f"statement {sid} has two conditions {operator}: write their keys into one")
    return Grant(sid, effect, tuple(actions), on if isinstance(on, Anything) else tuple(on), because, tuple(when), to)


def trust(service: str, because: str, when: Sequence[ConditionElement] | None = None) -> Grant:
    """Lets an AWS service, such as `codebuild`, assume the role, for this account only.

    `when` replaces the condition on `aws:SourceAccount` for services that send other keys or none.
    """
    if when is None:
        when = (same_account(),)
    # CodePipeline's trust check wants the plain string that the service's own documentation shows, not a list.
    principal = Principal("Service", f"{service}.amazonaws.com")
    return Grant("Assume", Allow, (sts.AssumeRole,), (), because, tuple(when), principal)


def service(name: str) -> Principal:
    """An AWS service as the principal of a policy on a resource."""
    return Principal("Service", f"{name}.amazonaws.com")


def same_account() -> ConditionElement:
    """The service acts for this account, not for a stranger's (the confused deputy)."""
    return StringEquals({"aws:SourceAccount": ACCOUNT})


def via(service_name: str) -> ConditionElement:
    """A KMS key used only through this regional service."""
    return StringEquals({"kms:ViaService": Sub(f"{service_name}.${{AWS::Region}}.amazonaws.com")})


def actions(names: Iterable[str]) -> list[Action]:
    """Actions that the project's facts name as `service:Action`.

    Raises `GrantError` for a service or action that awacs does not know.
    """
    known_actions = []
    for name in names:
        prefix, _, action = name.partition(":")
        try:
            known_actions.append(getattr(importlib.import_module(f"awacs.{prefix.replace('-', '_')}"), action))
        except (ModuleNotFoundError, AttributeError):
            raise GrantError(f"awacs knows no action {name}") from None
    return known_actions


def document(grants: Iterable[Grant]) -> PolicyDocument:
    """The policy document of some statements. Raises `GrantError` when two share a Sid."""
    grants = list(grants)
    sids = [grant.sid for grant in grants]
    for sid in sids:
        if sids.count(sid) > 1:
            raise GrantError(f"two statements are called {sid}")
    return PolicyDocument(Version="2012-10-17", Statement=[grant.statement() for grant in grants])
