"""What differs in the account from what the stacks say, nested stacks included: CloudFormation does not descend into
them by itself (User Guide, "Detect unmanaged configuration changes")."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from time import sleep

from generator.cfn.changes import is_unchanged
from generator.cfn.masking import masked
from generator.cfn.stacks import Stack
from generator.cfn.templates import STACK
from scripts.deployment.aws import Answer, Aws, pauses
from scripts.deployment.errors import RefusedError
from scripts.deployment.plan import Notice, complete, create, discard
from scripts.operations.all_resources import all_resources
from scripts.operations.image_first import unchanged

# What changes by itself in a living environment, by type and property: no surprise. The listener's
# and rule's weights are what a blue/green deployment moves (ECS developer guide, "Blue/green deployments").
EXPECTED = (
    ("AWS::ECS::Service", r"/TaskDefinition$", "the pipeline deploys a task definition with every release"),
    ("AWS::ECS::Service", r"/DesiredCount$", "autoscaling owns the number of tasks"),
    (
        "AWS::ElasticLoadBalancingV2::Listener",
        r"/DefaultActions/\d+/(ForwardConfig/|TargetGroupArn$)",
        "a blue/green deployment moves the weights",
    ),
    (
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        r"/Actions/\d+/(ForwardConfig/|TargetGroupArn$)",
        "a blue/green deployment moves the weights",
    ),
)
COMPARED = ("IN_SYNC", "MODIFIED", "DELETED")  # of `StackResourceDriftStatus` in botocore's model


@dataclass(frozen=True)
class Difference:
    """One property: `kind` is ADD, REMOVE or NOT_EQUAL; `why` says why the difference is expected, if it is."""

    property: str
    kind: str
    expected: str
    actual: str
    why: str


@dataclass(frozen=True)
class Drifted:
    """One resource that is not as its stack says; `status` is MODIFIED or DELETED."""

    path: tuple[str, ...]
    type: str
    physical_id: str
    status: str
    differences: tuple[Difference, ...]

    @property
    def surprising(self) -> bool:
        """Whether anything about it is not expected."""
        return self.status == "DELETED" or any(not difference.why for difference in self.differences)


@dataclass(frozen=True)
class Drift:
    """What was found in a root and all that it nests: how many resources were compared, which could not be (by type),
    and which stacks CloudFormation failed to look at, with its reason."""

    stack: str
    drifted: tuple[Drifted, ...]
    compared: int
    uncompared: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]

    @property
    def surprising(self) -> bool:
        return any(resource.surprising for resource in self.drifted)


def detect_drift(aws: Aws, root: Stack) -> Drift:
    """Compares every stack, all at once. It takes CloudFormation minutes; nothing is changed."""
    nested = [resource for resource in all_resources(aws, root.id) if resource.type == STACK and resource.physical_id]
    stacks = {(): root.id, **{stack.path: stack.physical_id for stack in nested}}
    # Each takes minutes, and all run by themselves once they have begun.
    begun = aws.at_once(lambda each: _begin(aws, each), list(stacks.values()))
    reasons = aws.at_once(lambda number: _wait(aws, number), begun)
    drifts = aws.at_once(lambda each: _resource_drifts(aws, each), list(stacks.values()))
    failed = [(" > ".join(path) or root.name, reason) for path, reason in zip(stacks, reasons, strict=True) if reason]
    seen = [(path, drift) for path, below in zip(stacks, drifts, strict=True) for drift in below]
    compared = [(path, drift) for path, drift in seen if drift["StackResourceDriftStatus"] in COMPARED]
    return Drift(
        root.name,
        tuple(_drifted(path, drift) for path, drift in compared if drift["StackResourceDriftStatus"] != "IN_SYNC"),
        len(compared),
        tuple(sorted({drift["ResourceType"] for _, drift in seen} - {drift["ResourceType"] for _, drift in compared})),
        tuple(failed),
    )


def _begin(aws: Aws, stack_id: str) -> str:
    return str(aws.call("cloudformation", "detect_stack_drift", StackName=stack_id)["StackDriftDetectionId"])


def _resource_drifts(aws: Aws, stack_id: str) -> list[Answer]:
    """What is known of the resources of a stack; a nested one is compared as a stack of its own."""
    pages = aws.pages("cloudformation", "describe_stack_resource_drifts", StackName=stack_id)
    return [drift for page in pages for drift in page["StackResourceDrifts"] if drift["ResourceType"] != STACK]


def _wait(aws: Aws, number: str) -> str:
    """Until a detection has ended; the reason when it failed, otherwise an empty text."""
    for pause in pauses():
        answer = aws.call("cloudformation", "describe_stack_drift_detection_status", StackDriftDetectionId=number)
        if answer["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            failed = answer["DetectionStatus"] == "DETECTION_FAILED"
            return str(answer.get("DetectionStatusReason", "AWS gives no reason")) if failed else ""
        sleep(pause)
    return ""


def _drifted(path: tuple[str, ...], answer: Answer) -> Drifted:
    kind = answer["ResourceType"]
    return Drifted(
        (*path, answer["LogicalResourceId"]),
        kind,
        answer.get("PhysicalResourceId", ""),
        answer["StackResourceDriftStatus"],
        tuple(
            Difference(
                difference["PropertyPath"],
                difference["DifferenceType"],
                masked(_dotted(difference["PropertyPath"]), difference["ExpectedValue"]),
                masked(_dotted(difference["PropertyPath"]), difference["ActualValue"]),
                expected(kind, difference["PropertyPath"]),
            )
            for difference in answer.get("PropertyDifferences", ())
        ),
    )


def _dotted(place: str) -> str:
    return place.strip("/").replace("/", ".")


def expected(kind: str, place: str) -> str:
    """Why a property of a resource of this type is expected to differ; empty when it is not."""
    return next(
        (why for resource_type, pattern, why in EXPECTED if resource_type == kind and re.match(pattern, place)), ""
    )


def drift_notices(aws: Aws, previous: Stack, prefix: str, description: str) -> tuple[Notice, ...]:
    """What is no longer as the stack left it, as a change set tells that would take it back; it is deleted at once and
    never executed: it would also take back what releases have done. Nothing else of the stack changes in it, so that it
    shows drift alone. `prefix` begins its name."""
    digest = hashlib.sha256(f"{previous.id} drift".encode()).hexdigest()
    request = {**unchanged(previous, {}), "DeploymentMode": "REVERT_DRIFT"}
    plan = create(aws, (previous.name, digest, prefix, description), previous, request)
    try:
        return tuple(_notices(aws, plan.change_set, ()))
    finally:
        discard(aws, plan)


def _notices(aws: Aws, change_set: str, path: tuple[str, ...]) -> Iterator[Notice]:
    """What a drift-aware change set says of resources that somebody changed, nested stacks included. Raises
    `RefusedError` for one that failed. Source: User Guide, "Using drift-aware change sets"."""
    answer = complete(aws, change_set)
    if answer["Status"] == "FAILED" and not is_unchanged(answer):
        where = " > ".join(path) or answer["StackName"]
        raise RefusedError(f"CloudFormation cannot detect the drift of {where}: {answer.get('StatusReason', '')}")
    for change in (entry["ResourceChange"] for entry in answer["Changes"]):
        here = (*path, change["LogicalResourceId"])
        if below := change.get("ChangeSetId"):
            yield from _notices(aws, below, here)
        elif change.get("ResourceDriftStatus") == "DELETED":
            yield Notice("drift", ".".join(here), "it does not exist any more")
        elif change.get("ResourceDriftStatus") == "MODIFIED":
            for target in (detail["Target"] for detail in change.get("Details", ()) if "Drift" in detail["Target"]):
                place = target.get("Path", target.get("Name", "")).removeprefix("/Properties")
                name, drift = place.strip("/").replace("/", "."), target["Drift"]
                sides = (masked(name, drift.get(side, "")) for side in ("PreviousValue", "ActualValue"))
                why = expected(change["ResourceType"], place)
                text = f"{name}: {' → '.join(side or '(none)' for side in sides)}"
                yield Notice("drift", ".".join(here), f"{text}, as expected: {why}" if why else text)
