"""AWS's own managed policies: moto has them all, and loads them at its start or never. Here each is loaded when it is
attached."""

import json
from functools import cache
from typing import Any


@cache
def _known() -> dict[str, Any]:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    found: dict[str, Any] = json.loads(aws_managed_policies_data)
    return found


def document(name: str) -> dict[str, Any]:
    """What a policy of AWS's says."""
    found: dict[str, Any] = _known()[name]["Document"]
    return found


def install() -> None:
    """Lets roles take AWS's policies."""
    from moto.iam.models import AWSManagedPolicy, IAMBackend

    attach = IAMBackend.attach_role_policy

    def attached(backend: Any, policy_arn: str, role_name: str) -> None:
        name = policy_arn.rpartition("/")[2]
        if ":iam::aws:policy/" in policy_arn and policy_arn not in backend.managed_policies and name in _known():
            policy = AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, _known()[name])
            backend.managed_policies[policy.arn] = policy
        attach(backend, policy_arn, role_name)

    setattr(IAMBackend, "attach_role_policy", attached)  # noqa: B010
