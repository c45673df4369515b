"""Reads a change set, nested ones too: its changes, why it failed, what else CloudFormation says about it."""

import json
import re
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from generator.cfn.masking import masked
from generator.cfn.unknown import fed_by_siblings, is_unknown
from scripts.deployment.aws import Answer, Aws
from scripts.deployment.errors import RefusedError
from scripts.deployment.follow import pauses
from scripts.deployment.plan import Difference, Notice, Path, Plan, PlannedChange
from scripts.operations.diagnose.drift import expected

# CloudFormation's only sign for "nothing to do": a FAILED change set with one of these reasons.
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
# AWS neither updates a nested stack that is gone nor makes it again; a stack under a new logical id is a new resource.
DELETED_BY_HAND = (
    "Somebody deleted the nested stack. Give it a new logical id in generator/roots/ (with a line in "
    "generator/core/moves.py), render the templates and run the same command again: the update makes it anew and drops "
    "the old one. `apply --adopt` takes over the data that it retained."
)
# Event types of `DescribeEvents` that say why a change set failed: botocore's model, `EventType`.
FAULTS = ("VALIDATION_ERROR", "HOOK_INVOCATION_ERROR")
# What tells the elements of a list apart: variables and containers, tags, policies, statements, origins.
NAMING = ("Name", "Key", "PolicyName", "Sid", "Id")


def changed(
    aws: Aws, plan: Plan, hidden: Collection[str], template: Mapping[str, Any] | None = None
) -> tuple[tuple[PlannedChange, ...], tuple[Notice, ...], bool]:
    """The changes of a plan's change set, what CloudFormation says about them, and whether there are none.

    `hidden` are the parameters whose values must not be shown, `template` is the root's: what its nested stacks take
    from each other is uncertain, whatever the change set says of it. Raises `RefusedError` with the reason of a
    change set that failed.
    """
    answer = _settled(aws, plan.change_set)
    if answer["Status"] != "FAILED":
        notices: list[Notice] = []
        fed = fed_by_siblings(template or {})
        found = tuple(_changes(aws, answer, (), _Reading(hidden, fed), notices))
        return found, tuple(notices), False
    if _unchanged(answer):
        return (), (), True
    path, failed = _refusal(aws, answer, (plan.stack,))
    lines = list(_faults(aws, failed))
    remedy = DELETED_BY_HAND if any(re.search(r"Stack with id arn:\S+ does not exist", line) for line in lines) else ""
    raise RefusedError("\n".join([f"CloudFormation refuses the change set of {' > '.join(path)}:", *lines]), remedy)


def drift(aws: Aws, change_set: str, path: Path) -> Iterator[Notice]:
    """What a drift-aware change set says of resources that somebody changed, nested stacks included. Raises
    `RefusedError` for one that failed. Source: User Guide, "Using drift-aware change sets"."""
    answer = _settled(aws, change_set)
    if answer["Status"] == "FAILED" and not _unchanged(answer):
        where = " > ".join(path) or answer["StackName"]
        raise RefusedError(f"CloudFormation cannot detect the drift of {where}: {answer.get('StatusReason', '')}")
    for change in (one["ResourceChange"] for one in answer["Changes"]):
        here = (*path, change["LogicalResourceId"])
        if below := change.get("ChangeSetId"):
            yield from drift(aws, below, here)
        elif change.get("ResourceDriftStatus") == "DELETED":
            yield Notice("drift", ".".join(here), "it does not exist any more")
        elif change.get("ResourceDriftStatus") == "MODIFIED":
            for target in (one["Target"] for one in change.get("Details", ()) if "Drift" in one["Target"]):
                place = target.get("Path", target.get("Name", "")).removeprefix("/Properties")
                name, found = place.strip("/").replace("/", "."), target["Drift"]
                sides = (masked(name, found.get(side, "")) for side in ("PreviousValue", "ActualValue"))
                why = expected(change["ResourceType"], place)
                text = f"{name}: {' → '.join(side or '(none)' for side in sides)}"
                yield Notice("drift", ".".join(here), f"{text}, as expected: {why}" if why else text)


def _settled(aws: Aws, change_set: str) -> Answer:
    """The change set, all pages of it, once it is made or has failed."""
    waits = pauses()
    while True:
        asked = {"ChangeSetName": change_set, "IncludePropertyValues": True}
        pages = aws.pages("cloudformation", "describe_change_set", **asked)
        answer = next(pages)
        if answer["Status"] in ("CREATE_COMPLETE", "FAILED"):
            changes = [change for page in (answer, *pages) for change in page.get("Changes", ())]
            return {**answer, "Changes": changes}
        time.sleep(next(waits))


def _unchanged(answer: Answer) -> bool:
    return any(text in answer.get("StatusReason", "") for text in NO_CHANGES)


def _refusal(aws: Aws, answer: Answer, path: Path) -> tuple[Path, Answer]:
    """Where a change set really failed: the reason of a root names the ARN of the child's change set, no more."""
    for arn in re.findall(r"arn:[\w-]+:cloudformation:[\w:/-]+:changeSet/[\w/-]+", answer.get("StatusReason", "")):
        child = _settled(aws, arn)
        if arn != answer["ChangeSetId"] and child["Status"] == "FAILED" and not _unchanged(child):
            return _refusal(aws, child, (*path, child["StackName"]))
    return path, answer


def _faults(aws: Aws, failed: Answer) -> Iterator[str]:
    """What early validation and hooks found in a change set that failed, with their places; else its own reason."""
    told = [text for one in _events(aws, failed["ChangeSetId"]) if (text := _fault(one))]
    yield from (f"  {text}" for text in told or [failed.get("StatusReason", "no reason given")])


def _events(aws: Aws, change_set: str) -> list[Answer]:
    pages = aws.pages("cloudformation", "describe_events", ChangeSetName=change_set)
    return [event for page in pages for event in page.get("OperationEvents", ()) if event.get("EventType") in FAULTS]


def _fault(event: Answer) -> str:
    """One event of early validation (User Guide, "Validate stack deployments") or of a hook, as a line."""
    if event["EventType"] == "HOOK_INVOCATION_ERROR":
        reason = event.get("HookStatusReason", event.get("HookStatus", ""))
        return f"{event.get('LogicalResourceId', '')}: hook {event.get('HookType', '')} says {reason}"
    place = event.get("ValidationPath") or event.get("LogicalResourceId", "")
    return f"{place}: {event.get('ValidationStatusReason', event.get('ValidationName', ''))}"


@dataclass(frozen=True)
class _Reading:
    """How changes are read: parameters that must not be shown, and those of nested stacks that siblings feed."""

    hidden: Collection[str]
    fed: Mapping[str, frozenset[str]]

    def is_fed(self, path: Path, name: str, cause: str) -> bool:
        """Whether a difference hangs on what a sibling gives: of a nested stack itself, or of a resource in it."""
        fed = self.fed.get(path[0], frozenset())
        return cause in fed if len(path) > 1 else name.removeprefix("Parameters.") in fed


def _changes(aws: Aws, answer: Answer, path: Path, reading: _Reading, notices: list[Notice]) -> Iterator[PlannedChange]:
    for entry in answer["Changes"]:
        change = entry["ResourceChange"]
        here = (*path, change["LogicalResourceId"])
        children: tuple[PlannedChange, ...] = ()
        if below := change.get("ChangeSetId"):
            child = _settled(aws, below)
            if child["Status"] == "FAILED" and not _unchanged(child):
                lines = _faults(aws, child)
                raise RefusedError("\n".join([f"CloudFormation refuses the change set of {' > '.join(here)}:", *lines]))
            children = tuple(_changes(aws, child, here, reading, notices))
        yield PlannedChange(
            here,
            change["ResourceType"],
            change["Action"],
            change.get("Replacement", ""),
            change.get("PolicyAction", ""),
            tuple(_details(change, here, reading)),
            children,
            nested=bool(below),
            physical_id=change.get("PhysicalResourceId", ""),
        )
    notices += _notices(aws, answer, path)


def _notices(aws: Aws, answer: Answer, path: Path) -> Iterator[Notice]:
    """The hooks that will look at a change set's resources, and what early validation warns of. That is a bucket that
    is not empty (CloudFormation user guide, validate-stack-deployments), so it is asked only where a bucket goes."""
    changes = answer["Changes"]
    if any(one.get("HookInvocationCount") for one in changes):
        for page in aws.pages("cloudformation", "describe_change_set_hooks", ChangeSetName=answer["ChangeSetId"]):
            for hook in page.get("Hooks", ()):
                target = hook.get("TargetDetails", {}).get("ResourceTargetDetails", {}).get("LogicalResourceId", "")
                fails = "stops" if hook.get("FailureMode") == "FAIL" else "warns about"
                yield Notice("hook", ".".join((*path, target)), f"{hook['TypeName']} {fails} it if it is not content")
    resources = [one["ResourceChange"] for one in changes]
    if any((one["ResourceType"], one["Action"]) == ("AWS::S3::Bucket", "Remove") for one in resources):
        for event in _events(aws, answer["ChangeSetId"]):
            yield Notice("validation", ".".join((*path, event.get("LogicalResourceId", ""))), _fault(event))


def _details(change: Answer, path: Path, reading: _Reading) -> Iterator[Difference]:
    """A resource's changed values. One value can have two entries, for the template's and for the parameter's change:
    what is certain in one of them is certain. Source: User Guide, "Example change sets"."""
    found: dict[str, Difference] = {}
    for detail in change.get("Details", ()):
        target = detail["Target"]
        if target["Attribute"] == "Metadata":
            continue  # what the template says about a resource is none of its values
        place = target.get("Path", "").removeprefix("/Properties/").strip("/")
        name = _called(place, change) or target.get("Name") or target["Attribute"]
        before, after = target.get("BeforeValue", ""), target.get("AfterValue", "")
        cause, hidden = detail.get("CausingEntity", ""), reading.hidden
        known = not is_unknown(after) and not reading.is_fed(path, name, cause)
        certain = detail.get("ChangeSource") != "Automatic" and known
        certain = certain and (detail.get("Evaluation") == "Static" or before != after)
        secretly = cause in hidden or name.removeprefix("Parameters.") in hidden
        one = Difference(
            name,
            masked(name, before, secretly),
            masked(name, after, secretly),
            certain,
            target.get("RequiresRecreation", "Never"),
            cause,
        )
        if (key := place or name) not in found or (certain and not found[key].certain):
            found[key] = one
    yield from found.values()


def _called(place: str, change: Answer) -> str:
    """A path with dots, and with the names of list elements in the place of their numbers, where the element before and
    the one after have the same: an option of Elastic Beanstalk, a variable, a tag."""
    contexts = (change.get(name) for name in ("BeforeContext", "AfterContext"))
    sides = [json.loads(context).get("Properties") for context in contexts if context]
    parts = []
    for part in place.split("/"):
        names = set()
        if part.isdigit():
            sides = [one[int(part)] for one in sides if isinstance(one, list) and int(part) < len(one)]
            names = {_own(one) for one in sides}
        else:
            sides = [one[part] for one in sides if isinstance(one, dict) and part in one]
        parts.append(names.pop() or part if len(names) == 1 else part)
    return ".".join(parts)


def _own(element: object) -> str:
    """What a list element is called; empty when it has no name, or none yet."""
    if not isinstance(element, dict):
        return ""
    if "OptionName" in element:  # unique in its namespace only
        return f"{element.get('Namespace')}.{element['OptionName']}"
    name = next((str(element[key]) for key in NAMING if key in element), "")
    return "" if is_unknown(name) else name
