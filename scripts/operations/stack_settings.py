"""How a root stack is kept, apart from its template: termination protection and stack policy, by calls of their own."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from generator.cfn.changes import Difference
from generator.cfn.stacks import Stack
from scripts.deployment.aws import Aws
from scripts.deployment.deploy_root import RootDeployment

PROTECTION, POLICY = "termination protection", "stack policy"
# A policy can be replaced but not taken away. Source: User Guide, "Prevent updates to stack resources".
ALLOW_ALL = {"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}


@dataclass(frozen=True)
class Settings:
    """How a root stack is kept, apart from its template and parameters: protected wherever it is a real
    account. `policy` is empty for none."""

    protected: bool
    policy: Mapping[str, Any] = field(hash=False)

    @classmethod
    def of(cls, root: RootDeployment) -> "Settings":
        """How the stack of a root is to be kept: protected wherever it is a real account, unless it is to go."""
        if not root.environment.needed:
            return UNPROTECTED
        policy = root.environment.file.stack_policy if root.environment.is_main else {}
        return cls(root.aws.endpoint is None, policy)

    def changes(self, aws: Aws, previous: Stack | None) -> list[Difference]:
        """What is to be changed about a stack that exists, or is new, by calls of its own."""
        changes, words = [], {True: "on", False: "off"}
        if self.protected != (previous.protected if previous else False):
            changes.append(Difference(PROTECTION, words[not self.protected], words[self.protected]))
        policy = _stack_policy(aws, previous) if previous else {}
        effective = self.policy or (ALLOW_ALL if policy else {})
        if policy != effective and not (policy == ALLOW_ALL and not self.policy):
            changes.append(Difference(POLICY, _policy_text(policy), _policy_text(effective)))
        return changes

    def apply(self, aws: Aws, stack_id: str, changes: Sequence[Difference]) -> None:
        """Changes what `changes` named. A policy is set on the root alone: it says which of its nested stacks may be
        updated; what is in them has policies of its own, of which there are none."""
        names = {each.name for each in changes}
        if PROTECTION in names:
            arguments = {"StackName": stack_id, "EnableTerminationProtection": self.protected}
            aws.call("cloudformation", "update_termination_protection", **arguments)
        if POLICY in names:
            body = json.dumps(self.policy or ALLOW_ALL)
            aws.call("cloudformation", "set_stack_policy", StackName=stack_id, StackPolicyBody=body)


# Nothing protects a stack that goes: termination protection is switched off, once somebody has agreed.
UNPROTECTED = Settings(protected=False, policy={})


def _stack_policy(aws: Aws, stack: Stack) -> Mapping[str, Any]:
    body = aws.call("cloudformation", "get_stack_policy", StackName=stack.id).get("StackPolicyBody", "{}")
    policy: Mapping[str, Any] = json.loads(body)
    return policy


def _policy_text(policy: Mapping[str, Any]) -> str:
    return json.dumps(policy, sort_keys=True) if policy else "none"
