"""How a root stack is kept, apart from its template and parameters: termination protection, stack policy, topics that
are told, and the alarms that take an update back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from generator.cfn.environments import ENVIRONMENT, SHARED
from generator.cfn.templates import Template
from scripts.deployment.aws import Aws
from scripts.deployment.environment import Environment
from scripts.deployment.plan import Difference, Plan
from scripts.deployment.stacks import Stack
from scripts.operations.diagnose.inventory import resources

PROTECTION, POLICY = "termination protection", "stack policy"
# A policy can be replaced but not taken away. Source: User Guide, "Prevent updates to stack resources".
ALLOW_ALL = {"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}
MOST_ALARMS = 5  # CloudFormation API reference, RollbackConfiguration
NOBODY = "nobody"  # instead of a topic
ALIVE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


@dataclass(frozen=True)
class Settings:
    """What is wanted of a root. `policy` is empty for none, `topics` None to leave them as they are, `alarms` are ARNs,
    None to leave them too."""

    protected: bool
    policy: Mapping[str, Any] = field(hash=False)
    topics: tuple[str, ...] | None = None
    alarms: tuple[str, ...] | None = None

    @property
    def request(self) -> dict[str, Any]:
        """Their part of `CreateChangeSet`. What is not named stays as it was for this stack (API reference,
        `RollbackConfiguration`); the alarms are watched while the update runs and not longer."""
        asked: dict[str, Any] = {}
        if self.topics is not None:
            asked["NotificationARNs"] = list(self.topics)
        if self.alarms is not None:
            triggers = [{"Arn": arn, "Type": "AWS::CloudWatch::Alarm"} for arn in self.alarms]
            asked["RollbackConfiguration"] = {"RollbackTriggers": triggers, "MonitoringTimeInMinutes": 0}
        return asked


def wanted(
    aws: Aws, environment: Environment, previous: Stack | None, topics: Sequence[str] | None, watched: bool
) -> Settings:
    """The settings of a root: protected wherever it is a real account, the policy of the parameter file for the root
    that the file is named after, and on updates, when `watched`, the alarms that guard its backend."""
    named = environment.root.name in (SHARED, ENVIRONMENT)
    alarms = _alarms(aws, environment.root, previous) if previous and watched else ()
    return Settings(
        protected=aws.endpoint is None,
        policy=environment.file.stack_policy if named else {},
        topics=tuple(topics) if topics is not None else None,
        alarms=alarms if previous else None,
    )


def pending(aws: Aws, settings: Settings, previous: Stack | None) -> list[Difference]:
    """What is to be changed about a stack that exists, or is new."""
    found = []
    if settings.protected != (previous.protected if previous else False):
        words = {True: "on", False: "off"}
        found.append(Difference(PROTECTION, words[not settings.protected], words[settings.protected]))
    held = _policy(aws, previous) if previous else {}
    effective = settings.policy or (ALLOW_ALL if held else {})
    if held != effective and not (held == ALLOW_ALL and not settings.policy):
        found.append(Difference(POLICY, _text(held), _text(effective)))
    return found


def settle(aws: Aws, stack_id: str, settings: Settings, differences: Sequence[Difference]) -> None:
    """Changes what `pending` named. A policy is set on the root alone: it says which of its nested stacks may be
    updated; what is in them has policies of its own, of which there are none."""
    names = {one.name for one in differences}
    if PROTECTION in names:
        aws.call(
            "cloudformation",
            "update_termination_protection",
            StackName=stack_id,
            EnableTerminationProtection=settings.protected,
        )
    if POLICY in names:
        body = json.dumps(settings.policy or ALLOW_ALL)
        aws.call("cloudformation", "set_stack_policy", StackName=stack_id, StackPolicyBody=body)


def endangered(plan: Plan, root: Template) -> bool:
    """Whether executing `plan` would take away an alarm that is to watch the execution."""
    watching = {(child, name) for child, names in guards(root).items() for name in names}
    return any(
        one.path in watching and (one.action == "Remove" or one.replacement in ("True", "Conditional"))
        for one in plan.leaves()
    )


def _policy(aws: Aws, stack: Stack) -> Mapping[str, Any]:
    body = aws.call("cloudformation", "get_stack_policy", StackName=stack.id).get("StackPolicyBody", "{}")
    policy: Mapping[str, Any] = json.loads(body)
    return policy


def _text(policy: Mapping[str, Any]) -> str:
    return json.dumps(policy, sort_keys=True) if policy else "none"


def guards(root: Template) -> dict[str, set[str]]:
    """The alarms that roll a service's deployment back: logical ids, by the nested stack that holds them."""
    found: dict[str, set[str]] = {}
    for child in root.children():
        for resource in child.template.resources.values():
            if resource.type == "AWS::ECS::Service":
                names = resource.get("DeploymentConfiguration", "Alarms", "AlarmNames", default=())
                found[child.resource.logical_id] = {one["Ref"] for one in names if isinstance(one, dict)}
    return found


def _alarms(aws: Aws, root: Template, previous: Stack) -> tuple[str, ...]:
    """The ARNs of the alarms that guard the backend and exist: a missing one would take the update back
    (CloudFormation API reference, RollbackConfiguration)."""
    wanted_in = guards(root)
    if not wanted_in:
        return ()
    found = []
    for child in resources(aws, previous.id, deep=False):
        if child.path[0] in wanted_in and child.physical_id:
            inside = resources(aws, child.physical_id, deep=False)
            alive = (one for one in inside if one.status in ALIVE)
            found += [one.physical_id for one in alive if one.path[0] in wanted_in[child.path[0]]]
    # Form: Service Authorization Reference, "Amazon CloudWatch", resource type alarm.
    partition, _, region, account = previous.id.split(":")[1:5]
    return tuple(f"arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}" for name in sorted(found)[:MOST_ALARMS])
