"""Drift: what of a resource is no longer as its stack left it, read back from the service.

As on AWS, only what the template says is compared, and nothing inside nested stacks (user guide, "Detect unmanaged
configuration changes"). Named exceptions of `types.held` are not compared: moto never shows them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import jmespath

from scripts.local_aws.account import Account
from scripts.local_aws.api import PAGE, Answer, Request
from scripts.local_aws.handlers import readback, shapes
from scripts.local_aws.handlers.handler import ResourceHandler, handler_for
from scripts.local_aws.services import ResourceError
from scripts.local_aws.values import Change, ChangeSet, Drift, RefusedCallError, Resource, Stack, identifier, now

TAGS = ("tags", "tagset", "taglist", "resourcetags")
CHECKED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_FAILED", "DELETE_FAILED", "IMPORT_COMPLETE")


@dataclass
class Detection:
    """One run of drift detection over a stack."""

    id: str
    stack: Stack
    status: str = "DETECTION_IN_PROGRESS"
    reason: str = ""
    moment: Any = field(default_factory=now)

    def run(self, account: Account, names: list[str]) -> None:
        """Checks the resources with these logical ids, or all."""
        resources = list(self.stack.resources.values())
        drifts = [
            detect(account, resource) for resource in resources if resource.logical in (names or self.stack.resources)
        ]
        unknown = [drift.reason for drift in drifts if drift and drift.status == "UNKNOWN"]
        self.status = "DETECTION_FAILED" if unknown else "DETECTION_COMPLETE"
        self.reason = "; ".join(unknown)


def of_stack(stack: Stack) -> dict[str, Any]:
    """The drift of a stack, as far as its resources were checked."""
    checked = [resource.drift for resource in tuple(stack.resources.values()) if resource.drift]
    if not checked:
        return {"StackDriftStatus": "NOT_CHECKED"}
    drifted = any(drift.status in ("MODIFIED", "DELETED") for drift in checked)
    status = "DRIFTED" if drifted else "UNKNOWN" if any(drift.status == "UNKNOWN" for drift in checked) else "IN_SYNC"
    return {"StackDriftStatus": status, "LastCheckTimestamp": max(drift.moment for drift in checked)}


def of_resource(resource: Resource) -> dict[str, Any]:
    """The drift of a resource, as lists of resources show it."""
    if not resource.drift:
        return {"StackResourceDriftStatus": "NOT_CHECKED"}
    return {"StackResourceDriftStatus": resource.drift.status, "LastCheckTimestamp": resource.drift.moment}


def supported(resource: Resource) -> bool:
    """Whether a resource can be checked: it exists, is no nested stack, and moto holds its type."""
    return resource.status in CHECKED and not resource.nested and resource.kind not in readback.TYPES


def detect(account: Account, resource: Resource) -> Drift | None:
    """Checks a resource and keeps the result with it; None for one that cannot be checked."""
    if supported(resource):
        resource.drift = _compared(account, resource)
    return resource.drift


def _compared(account: Account, resource: Resource) -> Drift:
    try:
        handler = handler_for(account.services, resource.kind, account.dynamic(resource.properties), resource.physical)
        state = handler.read(whole=False)
    except ResourceError as error:
        gone = "does not exist" in str(error) or "HandlerErrorCode: NotFound" in str(error)
        return Drift("DELETED" if gone else "UNKNOWN", reason="" if gone else str(error))
    places = sorted(place for place, kept in readback.unheld(handler, state).items() if not kept)
    differences = tuple((place, _at(resource.properties, place), _actual(handler, state, place)) for place in places)
    return Drift("MODIFIED" if differences else "IN_SYNC", differences)


def _actual(handler: ResourceHandler, state: Mapping[str, Any], place: str) -> Any:
    """What the service shows for a place among the properties, in its own form; None for nothing."""
    name, _, rest = place.partition(".")
    if name in ("Tags", "ResourceTags"):
        return next((shapes.tags(value) for key, value in state.items() if key.lower() in TAGS), None)
    seen = handler.row.seen.get(name)
    if isinstance(seen, str):
        return _at(jmespath.search(seen, state), rest)
    part = _at(state, handler.row.rename.get(name, name))
    return _at(state.get(handler.row.wrap) if part is None else part, rest)


def _at(value: Any, place: str) -> Any:
    """What stands at a dotted place, whatever the case of its letters; inside a list, the list."""
    for step in filter(None, place.split(".")):
        if isinstance(value, dict):
            value = next((inner for key, inner in value.items() if key.lower() == step.lower()), None)
    return value


def shown(stack: Stack, resource: Resource, drift: Drift) -> dict[str, Any]:
    """An entry of `DescribeStackResourceDrifts`."""
    entry: dict[str, Any] = {
        "StackId": stack.id,
        "LogicalResourceId": resource.logical,
        "PhysicalResourceId": resource.physical,
        "ResourceType": resource.kind,
        "StackResourceDriftStatus": drift.status,
        "Timestamp": drift.moment,
    }
    if drift.reason:
        entry["DriftStatusReason"] = drift.reason
    if drift.status in ("IN_SYNC", "MODIFIED"):
        entry["ExpectedProperties"] = json.dumps(resource.properties, sort_keys=True)
        actual = json.loads(entry["ExpectedProperties"])
        for place, _, value in drift.differences:
            _put(actual, place.split("."), value)
        entry["ActualProperties"] = json.dumps(actual, sort_keys=True)
    if drift.status == "MODIFIED":
        entry["PropertyDifferences"] = [
            {
                "PropertyPath": "/" + place.replace(".", "/"),
                "ExpectedValue": _text(expected),
                "ActualValue": _text(value),
                "DifferenceType": "REMOVE" if value is None else "NOT_EQUAL",
            }
            for place, expected, value in drift.differences
        ]
    return entry


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _put(properties: dict[str, Any], place: list[str], value: Any) -> None:
    for step in place[:-1]:
        inner = properties.get(step)
        if not isinstance(inner, dict):
            return
        properties = inner
    if value is None:
        properties.pop(place[-1], None)
    else:
        properties[place[-1]] = json.loads(json.dumps(value, default=str))


def compare(account: Account, change_set: ChangeSet) -> None:
    """Adds to a drift-aware change set what drifted: to changes as a status, and as changes that would revert it."""
    changes = {change.logical: change for change in change_set.changes if change.action}
    for resource in change_set.stack.resources.values():
        drift = detect(account, resource)
        change = changes.get(resource.logical)
        if not drift or (change is None and drift.status == "IN_SYNC"):
            continue
        if change is None:
            change = Change(
                "Modify", resource.logical, resource.kind, resource.physical, "False", before=resource.properties
            )
            change.action, change.after = "Add" if drift.status == "DELETED" else "Modify", resource.properties
            change_set.changes = [other for other in change_set.changes if other.logical != resource.logical] + [change]
        change.drift = drift.status
        if drift.differences:
            change.scope = sorted({*change.scope, *(_attribute(place) for place, *_ in drift.differences)})
            change.details += [_reverted(place, expected, value, drift) for place, expected, value in drift.differences]
    change_set.drift = of_stack(change_set.stack)["StackDriftStatus"]


def _attribute(place: str) -> str:
    return "Tags" if place.startswith("Tags") else "Properties"


def _reverted(place: str, expected: Any, value: Any, drift: Drift) -> dict[str, Any]:
    target = {
        "Attribute": _attribute(place),
        "Name": place.partition(".")[0],
        "RequiresRecreation": "Never",
        "Path": "/Properties/" + place.replace(".", "/"),
        "BeforeValue": _text(value),
        "AfterValue": _text(expected),
        "BeforeValueFrom": "ACTUAL_STATE",
        "AfterValueFrom": "TEMPLATE",
        "AttributeChangeType": "Add" if value is None else "Modify",
        "Drift": {
            "PreviousValue": _text(expected),
            "ActualValue": _text(value),
            "DriftDetectionTimestamp": drift.moment,
        },
    }
    return {"Target": target, "Evaluation": "Static"}


def detect_stack_drift(request: Request) -> Answer:
    stack, names = request.stack(), request.get("LogicalResourceIds", [])
    if stack.status.endswith("_IN_PROGRESS") or stack.status == "DELETE_COMPLETE":
        raise RefusedCallError(f"Drift detection cannot be performed on stack [{stack.id}] in status {stack.status}")
    if unknown := set(names) - stack.resources.keys():
        raise RefusedCallError(f"Resources {sorted(unknown)} do not exist for stack {stack.name}")
    request.account.serial += 1
    detection = Detection(identifier(stack.id, "drift", request.account.serial), stack)
    request.account.detections[detection.id] = detection
    Thread(target=detection.run, args=(request.account, names), name=detection.id, daemon=True).start()
    return {"StackDriftDetectionId": detection.id}


def describe_stack_drift_detection_status(request: Request) -> Answer:
    detection = request.account.detections.get(request.get("StackDriftDetectionId"))
    if detection is None:
        raise RefusedCallError(f"No drift detection found for {request.get('StackDriftDetectionId')}")
    answer = {
        "StackId": detection.stack.id,
        "StackDriftDetectionId": detection.id,
        "DetectionStatus": detection.status,
        "Timestamp": detection.moment,
    }
    if detection.reason:
        answer["DetectionStatusReason"] = detection.reason
    if detection.status != "DETECTION_IN_PROGRESS":
        drifts = [resource.drift for resource in detection.stack.resources.values() if resource.drift]
        answer["StackDriftStatus"] = of_stack(detection.stack)["StackDriftStatus"]
        answer["DriftedStackResourceCount"] = sum(drift.status in ("MODIFIED", "DELETED") for drift in drifts)
    return answer


def detect_stack_resource_drift(request: Request) -> Answer:
    stack, name = request.stack(), request.get("LogicalResourceId")
    if name not in stack.resources:
        raise RefusedCallError(f"Resource {name} does not exist for stack {stack.name}")
    resource = stack.resources[name]
    drift = detect(request.account, resource)
    if drift is None:
        raise RefusedCallError(f"Resource type {resource.kind} is not supported for drift detection")
    return {"StackResourceDrift": shown(stack, resource, drift)}


def describe_stack_resource_drifts(request: Request) -> Answer:
    stack, statuses = request.stack(), request.get("StackResourceDriftStatusFilters", [])
    drifts = [
        shown(stack, resource, resource.drift)
        for resource in stack.resources.values()
        if resource.drift and (not statuses or resource.drift.status in statuses)
    ]
    return request.page("StackResourceDrifts", drifts, int(request.get("MaxResults") or PAGE))


OPERATIONS = (
    detect_stack_drift,
    describe_stack_drift_detection_status,
    detect_stack_resource_drift,
    describe_stack_resource_drifts,
)
