"""The roles of an access root: they lie under an IAM path of their own, which no deployment reaches."""

from __future__ import annotations

from collections.abc import Sequence

from troposphere import Ref, Sub, iam

from generator.core import paths
from generator.core.iam import Grant, document
from generator.core.iam import trust as trust_service
from generator.core.stack import Stack
from generator.roots.access import trust
from generator.roots.access.trust import Way


def role(
    stack: Stack,
    title: str,
    ways: Sequence[Way],
    grants: Sequence[Grant],
    says: str,
    serves: Sequence[str],
    managed: Sequence[iam.ManagedPolicy] = (),
) -> iam.Role:
    """A role that people or CI take in these ways. `managed` are policies beside the one in the role itself."""
    attached = {"ManagedPolicyArns": [Ref(policy) for policy in managed]} if managed else {}
    return stack.add(
        iam.Role(
            title,
            AssumeRolePolicyDocument=trust.document(ways),
            Path=Sub(paths.path(stack.project.name, "-access")),
            Policies=[iam.Policy(PolicyName="Job", PolicyDocument=document(grants))],
            **attached,
        ),
        says,
        serves,
        [*(way.grant for way in ways), *grants],
    )


def execution_role(
    stack: Stack,
    name: str,
    inline: Sequence[Grant],
    managed: Sequence[iam.ManagedPolicy] = (),
    what: str = "the resources of the environment",
) -> iam.Role:
    """The role that CloudFormation deploys with: `inline` stand in a policy called after `name` in the role itself;
    `what` is deployed with it."""
    attached = {"ManagedPolicyArns": [Ref(policy) for policy in managed]} if managed else {}
    trusted = trust_service(
        "cloudformation", "CloudFormation deploys with the rights of this role, not with the deployer's", []
    )
    return stack.add(
        iam.Role(
            "ExecutionRole",
            AssumeRolePolicyDocument=document([trusted]),
            Path=Sub(paths.path(stack.project.name, "-access")),
            Policies=[iam.Policy(PolicyName=f"Deploying{name}", PolicyDocument=document(inline))],
            **attached,
        ),
        f"Makes, changes and deletes {what}.",
        ["STK-1", "DEP-8"],
        [trusted, *inline],
    )
