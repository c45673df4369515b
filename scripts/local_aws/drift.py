"""Drift: what of a resource is no longer as its stack left it, read back from the service.

As on AWS, only what the template says is compared, and nothing inside nested stacks (user guide, "Detect unmanaged
configuration changes"). Named exceptions of `types.held` are not compared: moto never shows them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jmespath

from scripts.local_aws import fold, readback
from scripts.local_aws.account import Account
from scripts.local_aws.resources import Thing, thing
from scripts.local_aws.services import Failed
from scripts.local_aws.stacks import Change, ChangeSet, Drift, Resource, Stack, now
from scripts.local_aws.types import held

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
        found = [detect(account, one) for one in resources if one.logical in (names or self.stack.resources)]
        unknown = [drift.reason for drift in found if drift and drift.status == "UNKNOWN"]
        self.status = "DETECTION_FAILED" if unknown else "DETECTION_COMPLETE"
        self.reason = "; ".join(unknown)


def of_stack(stack: Stack) -> dict[str, Any]:
    """The drift of a stack, as far as its resources were checked."""
    checked = [one.drift for one in tuple(stack.resources.values()) if one.drift]
    if not checked:
        return {"StackDriftStatus": "NOT_CHECKED"}
    drifted = any(drift.status in ("MODIFIED", "DELETED") for drift in checked)
    status = "DRIFTED" if drifted else "UNKNOWN" if any(one.status == "UNKNOWN" for one in checked) else "IN_SYNC"
    return {"StackDriftStatus": status, "LastCheckTimestamp": max(drift.moment for drift in checked)}


def of_resource(one: Resource) -> dict[str, Any]:
    """The drift of a resource, as lists of resources show it."""
    if not one.drift:
        return {"StackResourceDriftStatus": "NOT_CHECKED"}
    return {"StackResourceDriftStatus": one.drift.status, "LastCheckTimestamp": one.drift.moment}


def supported(one: Resource) -> bool:
    """Whether a resource can be checked: it exists, is no nested stack, and moto holds its type."""
    return one.status in CHECKED and not one.nested and one.kind not in held.TYPES


def detect(account: Account, one: Resource) -> Drift | None:
    """Checks a resource and keeps the result with it; None for one that cannot be checked."""
    if supported(one):
        one.drift = _compared(account, one)
    return one.drift


def _compared(account: Account, one: Resource) -> Drift:
    try:
        made = thing(account.services, one.kind, account.dynamic(one.properties), one.physical)
        state = made.read(whole=False)
    except Failed as error:
        gone = "does not exist" in str(error) or "HandlerErrorCode: NotFound" in str(error)
        return Drift("DELETED" if gone else "UNKNOWN", reason="" if gone else str(error))
    places = sorted(place for place, kept in readback.unheld(made, state).items() if not kept)
    differences = tuple((place, _at(one.properties, place), _actual(made, state, place)) for place in places)
    return Drift("MODIFIED" if differences else "IN_SYNC", differences)


def _actual(made: Thing, state: Mapping[str, Any], place: str) -> Any:
    """What the service shows for a place among the properties, in its own form; None for nothing."""
    name, _, rest = place.partition(".")
    if name in ("Tags", "ResourceTags"):
        return next((fold.tags(value) for key, value in state.items() if key.lower() in TAGS), None)
    seen = made.row.seen.get(name)
    if isinstance(seen, str):
        return _at(jmespath.search(seen, state), rest)
    found = _at(state, made.row.rename.get(name, name))
    return _at(state.get(made.row.wrap) if found is None else found, rest)


def _at(value: Any, place: str) -> Any:
    """What stands at a dotted place, whatever the case of its letters; inside a list, the list."""
    for step in filter(None, place.split(".")):
        if isinstance(value, dict):
            value = next((inner for key, inner in value.items() if key.lower() == step.lower()), None)
    return value


def shown(stack: Stack, one: Resource, drift: Drift) -> dict[str, Any]:
    """An entry of `DescribeStackResourceDrifts`."""
    found: dict[str, Any] = {
        "StackId": stack.id,
        "LogicalResourceId": one.logical,
        "PhysicalResourceId": one.physical,
        "ResourceType": one.kind,
        "StackResourceDriftStatus": drift.status,
        "Timestamp": drift.moment,
    }
    if drift.reason:
        found["DriftStatusReason"] = drift.reason
    if drift.status in ("IN_SYNC", "MODIFIED"):
        found["ExpectedProperties"] = json.dumps(one.properties, sort_keys=True)
        actual = json.loads(found["ExpectedProperties"])
        for place, _, value in drift.differences:
            _put(actual, place.split("."), value)
        found["ActualProperties"] = json.dumps(actual, sort_keys=True)
    if drift.status == "MODIFIED":
        found["PropertyDifferences"] = [
            {
                "PropertyPath": "/" + place.replace(".", "/"),
                "ExpectedValue": _text(expected),
                "ActualValue": _text(value),
                "DifferenceType": "REMOVE" if value is None else "NOT_EQUAL",
            }
            for place, expected, value in drift.differences
        ]
    return found


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
    for one in change_set.stack.resources.values():
        drift = detect(account, one)
        change = changes.get(one.logical)
        if not drift or (change is None and drift.status == "IN_SYNC"):
            continue
        if change is None:
            change = Change("Modify", one.logical, one.kind, one.physical, "False", before=one.properties)
            change.action, change.after = "Add" if drift.status == "DELETED" else "Modify", one.properties
            change_set.changes = [other for other in change_set.changes if other.logical != one.logical] + [change]
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
