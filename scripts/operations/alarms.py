"""The alarms that take an update back: those that guard the backend's releases, as far as they exist and stay."""

from collections.abc import Mapping
from typing import Any

from generator.cfn.losses import TemplatePair
from generator.cfn.templates import Template
from scripts.deployment.compare import Comparison
from scripts.deployment.deploy_root import RootDeployment
from scripts.deployment.stacks import resources

MOST_ALARMS = 5  # rollback triggers of one operation (API reference, RollbackConfiguration)
ALIVE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def rollback_options(root: RootDeployment, comparison: Comparison, watched: bool) -> Mapping[str, Any]:
    """The rollback triggers of an update, as a part of `CreateChangeSet`. What is not named stays as it was for this
    stack (API reference, `RollbackConfiguration`), so that none are named where none are meant; they are watched while
    the update runs and not longer. A creation is watched by none."""
    if root.previous is None:
        return {}
    endangered = comparison.pair is not None and is_endangered(root.environment.root, comparison.pair)
    arns = guarding(root) if watched and not endangered else ()
    triggers = [{"Arn": arn, "Type": "AWS::CloudWatch::Alarm"} for arn in arns]
    return {"RollbackConfiguration": {"RollbackTriggers": triggers, "MonitoringTimeInMinutes": 0}}


def guards(root: Template) -> dict[str, set[str]]:
    """The alarms that roll a service's deployment back: logical ids, by the nested stack that they are in."""
    names: dict[str, set[str]] = {}
    for child in root.children():
        for resource in child.template.resources.values():
            if resource.type == "AWS::ECS::Service":
                alarms = resource.get("DeploymentConfiguration", "Alarms", "AlarmNames", default=())
                names[child.resource.logical_id] = {alarm["Ref"] for alarm in alarms if isinstance(alarm, dict)}
    return names


def is_endangered(root: Template, pair: TemplatePair) -> bool:
    """Whether an update takes away an alarm that is to watch it, or replaces it under another name."""
    for child, names in guards(root).items():
        for name in names:
            versions = pair.versions((child, name))
            if pair.before_has((child, name)) and (len(versions) < 2 or _name(versions[0]) != _name(versions[1])):
                return True
    return False


def _name(alarm: Any) -> object:
    return alarm.get("AlarmName")


def guarding(root: RootDeployment) -> tuple[str, ...]:
    """The ARNs of the alarms that guard the backend and exist: a missing one would take the update back."""
    previous, names = root.previous, guards(root.environment.root)
    if not names or previous is None:
        return ()
    alarms = []
    for child in resources(root.aws, previous.id):
        if child.path[0] in names and child.physical_id:
            inside = resources(root.aws, child.physical_id)
            alive = (each for each in inside if each.status in ALIVE)
            alarms += [each.physical_id for each in alive if each.path[0] in names[child.path[0]]]
    # Form: Service Authorization Reference, "Amazon CloudWatch", resource type alarm.
    partition, _, region, account = previous.id.split(":")[1:5]
    arn = f"arn:{partition}:cloudwatch:{region}:{account}:alarm"
    return tuple(f"{arn}:{name}" for name in sorted(alarms)[:MOST_ALARMS])
