"""IAM's simulation of what a role may do, by the same evaluator that judges calls; moto has none.

Each action is asked for each resource. The context is what the caller gives, so that a condition whose key is not given
is not met, and the key is named. Source: botocore's model of IAM, SimulatePrincipalPolicy: with a list of resources the
missing keys stand beside each resource's result.
"""

from collections.abc import Sequence
from typing import Any

from generator.cfn.evaluate import ALLOWED, DENIED, NOT_ALLOWED, Request, decide
from generator.cfn.permissions import Permission
from scripts.local_aws.roles.judge import boundary, policies

# PolicyEvaluationDecisionType in botocore's model, the most restrictive last.
DECISIONS = {ALLOWED: "allowed", NOT_ALLOWED: "implicitDeny", DENIED: "explicitDeny"}


def install() -> None:
    """Puts the operation beside moto's."""
    from moto.core.responses import ActionResult
    from moto.iam.responses import IamResponse

    def simulate_principal_policy(self: Any) -> Any:
        context = {
            entry["ContextKeyName"]: list(entry.get("ContextKeyValues", ()))
            for entry in self._get_param("ContextEntries", [])
        }
        source = self._get_param("PolicySourceArn")
        attached, limit = policies(source), boundary(source)
        resources = self._get_param("ResourceArns", [])
        results = [
            evaluation(action, resources, context, attached.about(action), limit.about(action) if limit else None)
            for action in self._get_param("ActionNames")
        ]
        return ActionResult({"EvaluationResults": results, "IsTruncated": False})

    setattr(IamResponse, "simulate_principal_policy", simulate_principal_policy)  # noqa: B010


def evaluation(
    action: str,
    resources: Sequence[str],
    context: dict[str, list[str]],
    permissions: Sequence[Permission],
    limit: Sequence[Permission] | None,
) -> dict[str, Any]:
    """One of `EvaluationResults`; no resource stands for all. `limit` are the statements of the permissions boundary
    on the action, None for a role without one."""
    results = []
    for resource in resources or ["*"]:
        outcome = decide(Request(action, resource, context), permissions).outcome
        if limit is not None and outcome == ALLOWED:
            outcome = decide(Request(action, resource, context), limit).outcome
        missing = {
            condition.key
            for permission in permissions
            for condition in permission.conditions
            if condition.key.lower() not in {key.lower() for key in context}
        }
        results.append((resource, outcome, sorted(missing)))
    decision = max((outcome for _, outcome, _ in results), key=list(DECISIONS).index)
    top: dict[str, Any] = {"EvalActionName": action, "EvalResourceName": "*", "EvalDecision": DECISIONS[decision]}
    if not resources:
        return {**top, "MissingContextValues": results[0][2]}
    specific = [
        {"EvalResourceName": resource, "EvalResourceDecision": DECISIONS[outcome], "MissingContextValues": missing}
        for resource, outcome, missing in results
    ]
    return {**top, "ResourceSpecificResults": specific}
