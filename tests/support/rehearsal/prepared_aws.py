"""An AWS that answers what a test prepared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.rehearsal.permissions import PermissionChecker

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/builder"


@dataclass
class PreparedAws:
    """Answers by `service.operation`; an exception is raised. Keeps its calls."""

    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    region: str = "us-east-1"

    def call(self, service: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        name = f"{service}.{operation}"
        self.calls.append((name, arguments))
        if name not in self.answers:
            raise AwsError(name, "NotPrepared", "the test prepared no answer")
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return cast(dict[str, Any], json.loads(json.dumps(answer)))

    def pages(self, service: str, operation: str, /, **arguments: Any) -> Iterator[dict[str, Any]]:
        """One page."""
        yield self.call(service, operation, **arguments)


def aws(fake: PreparedAws) -> Aws:
    """The fake in the place of the real one."""
    return cast(Aws, fake)


def role_checker(
    *statements: Mapping[str, Any], trust: Mapping[str, Any] | None = None, **answers: Any
) -> PermissionChecker:
    """A checker over one role with these statements; `answers` with `__` in the place of the dot."""
    fake = PreparedAws({name.replace("__", "."): answer for name, answer in answers.items()})
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    fake.answers |= {
        "iam.get_role": {"Role": {"AssumeRolePolicyDocument": trust or {"Statement": []}}},
        "iam.list_role_policies": {"PolicyNames": ["Job"]},
        "iam.get_role_policy": {"PolicyDocument": document},
        "iam.list_attached_role_policies": {"AttachedPolicies": []},
        **{name: answer for name, answer in fake.answers.items() if name.startswith("iam.")},
    }
    return PermissionChecker(aws(fake), ACCOUNT)


def allow(sid: str, actions: list[str], resource: str) -> dict[str, Any]:
    """A statement that allows."""
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}
