"""Bucket policies as S3 judges them: moto leaves conditions aside, so a policy that denies plain HTTP would deny all.

Loopback stands in for TLS here: nothing leaves the machine, so `aws:SecureTransport` is true. The statements are
judged by the project's own evaluator.
"""

import json
from typing import Any

from generator.cfn.evaluate import ALLOWED, DENIED, Request, decide, statements

CONTEXT = {"aws:SecureTransport": "true"}


def install() -> None:
    """Puts our judgement in place of moto's."""
    from moto.s3.models import FakeBucket

    setattr(FakeBucket, "get_permission", _permission)  # noqa: B010


def _permission(bucket: Any, action: str, resource: str) -> Any:
    from moto.iam.access_control import PermissionResult

    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(bucket.policy)
    request = Request(action, resource, CONTEXT, f"AWS:arn:aws:iam::{bucket.account_id}:root")
    outcome = decide(request, statements(bucket.name, {"bucket policy": policy})).outcome
    known = {ALLOWED: PermissionResult.PERMITTED, DENIED: PermissionResult.DENIED}
    return known.get(outcome, PermissionResult.NEUTRAL)
