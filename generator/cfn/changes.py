"""What a change set says about resources, as values: what happens to each, value by value; and how CloudFormation says
that there is nothing to do, or why it failed. Pure; secrets are masked."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from generator.cfn.masking import masked, named
from generator.cfn.unknown import is_unknown

Path = tuple[str, ...]  # logical ids from below the root stack down to a resource
# CloudFormation's only sign for "nothing to do": a FAILED change set with one of these reasons.
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
# Event types of `DescribeEvents` that say why a change set failed: botocore's model, `EventType`.
FAULTS = ("VALIDATION_ERROR", "HOOK_INVOCATION_ERROR")


@dataclass(frozen=True)
class Difference:
    """One value, before and after; empty where there is none. `certain` is false when it only might change."""

    name: str
    before: str
    after: str
    certain: bool = True
    recreates: str = "Never"  # Never, Conditionally, Always
    cause: str = ""


@dataclass(frozen=True)
class PlannedChange:
    """What happens to one resource. A nested stack has `children` instead of `differences`, and the `change_set` that
    brings them; of one in which nothing changes that is empty. `hooks` is how many hooks will look at it."""

    path: Path
    type: str
    action: str  # Add, Modify, Remove, Import, Dynamic
    replacement: str = ""  # of Modify: True, Conditional, False
    policy: str = ""  # what happens to the old resource: Delete, Retain, ReplaceAndDelete, …
    differences: tuple[Difference, ...] = ()
    children: tuple["PlannedChange", ...] = ()
    nested: bool = False
    physical_id: str = ""
    change_set: str = ""
    hooks: int = 0

    @property
    def certain(self) -> bool:
        """Something happens for sure; false when an upstream output might change, or only the template's address."""
        if self.action != "Modify":
            return True
        return any(each.certain for each in (self.children if self.nested else self.differences))

    @property
    def replaced(self) -> bool:
        """It is replaced, or may be, because of a value that changes for sure. A replacement that only hangs on what an
        upstream output might become is none: CloudFormation shows those for nothing
        (cloudformation-coverage-roadmap issue 759)."""
        forced = any(each.certain and each.recreates != "Never" for each in self.differences)
        return self.replacement in ("True", "Conditional") and forced

    @property
    def name(self) -> str:
        """What a person calls it: `Data.Clients`."""
        return ".".join(self.path)

    def leaves(self) -> Iterator["PlannedChange"]:
        """The changes below, nested stacks left out."""
        if not self.nested:
            yield self
        for child in self.children:
            yield from child.leaves()


def differences(
    before: Mapping[str, str], after: Mapping[str, str], hidden: Collection[str] = ()
) -> Iterator[Difference]:
    """The values that differ, masked, by name."""
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            old, new = (masked(name, side.get(name, ""), name in hidden) for side in (before, after))
            yield Difference(name, old, new)


@dataclass(frozen=True)
class Reading:
    """How changes are read: parameters that must not be shown, and for each nested stack of the root those that its
    siblings feed, which are uncertain, whatever a change set says of them."""

    hidden: Collection[str] = ()
    fed: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def is_fed(self, path: Path, name: str, cause: str) -> bool:
        """Whether a difference hangs on what a sibling gives: of a nested stack itself, or of a resource in it."""
        fed = self.fed.get(path[0], frozenset())
        return cause in fed if len(path) > 1 else name.removeprefix("Parameters.") in fed


def details(change: Mapping[str, Any], path: Path, reading: Reading) -> Iterator[Difference]:
    """A resource's changed values. One value can have two entries, for the template's and for the parameter's change:
    what is certain in one of them is certain. Source: User Guide, "Example change sets"."""
    contexts = (change.get(name) for name in ("BeforeContext", "AfterContext"))
    sides = [json.loads(context).get("Properties") for context in contexts if context]
    details: dict[str, Difference] = {}
    for detail in change.get("Details", ()):
        target = detail["Target"]
        if target["Attribute"] == "Metadata":
            continue  # what the template says about a resource is none of its values
        place = target.get("Path", "").removeprefix("/Properties/").strip("/")
        name = named(place, *sides) or target.get("Name") or target["Attribute"]
        before, after = target.get("BeforeValue", ""), target.get("AfterValue", "")
        cause, recreates = detail.get("CausingEntity", ""), target.get("RequiresRecreation", "Never")
        known = not is_unknown(after) and not reading.is_fed(path, name, cause)
        certain = detail.get("ChangeSource") != "Automatic" and known
        certain = certain and (detail.get("Evaluation") == "Static" or before != after)
        secretly = cause in reading.hidden or name.removeprefix("Parameters.") in reading.hidden
        old, new = masked(name, before, secretly), masked(name, after, secretly)
        if (key := place or name) not in details or (certain and not details[key].certain):
            details[key] = Difference(name, old, new, certain, recreates, cause)
    yield from details.values()


def planned_change(
    entry: Mapping[str, Any], path: Path, reading: Reading, children: tuple[PlannedChange, ...], change_set: str
) -> PlannedChange:
    """One of a change set's changes, as `DescribeChangeSet` gives it; of a nested stack `children` are the changes of
    its own change set, and `change_set` is that one's ARN, empty where nothing changes in it."""
    change = entry["ResourceChange"]
    return PlannedChange(
        path,
        change["ResourceType"],
        change["Action"],
        change.get("Replacement", ""),
        change.get("PolicyAction", ""),
        tuple(details(change, path, reading)),
        children,
        nested=bool(change.get("ChangeSetId")),
        physical_id=change.get("PhysicalResourceId", ""),
        change_set=change_set,
        hooks=entry.get("HookInvocationCount", 0),
    )


def is_unchanged(answer: Mapping[str, Any]) -> bool:
    """Whether a change set failed because there is nothing to do."""
    return any(text in answer.get("StatusReason", "") for text in NO_CHANGES)


def fault_text(event: Mapping[str, Any]) -> str:
    """An event of early validation (User Guide, "Validate stack deployments") or of a hook, as a line; empty for any
    other."""
    if event.get("EventType") not in FAULTS:
        return ""
    if event["EventType"] == "HOOK_INVOCATION_ERROR":
        reason = event.get("HookStatusReason", event.get("HookStatus", ""))
        return f"{event.get('LogicalResourceId', '')}: hook {event.get('HookType', '')} says {reason}"
    place = event.get("ValidationPath") or event.get("LogicalResourceId", "")
    return f"{place}: {event.get('ValidationStatusReason', event.get('ValidationName', ''))}"
