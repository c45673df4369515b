"""What a deployment would do: the nested change set, read into one value."""

import hashlib
import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from scripts.deployment.aws import Answer, Aws
from scripts.deployment.errors import Refused
from scripts.deployment.follow import pauses
from scripts.deployment.package import Packaged
from scripts.deployment.stacks import OURS, Stack, create_change_set, delete_change_set, delete_empty

CREATE, UPDATE = "CREATE", "UPDATE"
CAPABILITIES = ["CAPABILITY_IAM"]  # roles are unnamed, so CAPABILITY_NAMED_IAM is not needed
# CloudFormation's only sign for "nothing to do": a FAILED change set with one of these reasons.
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
# What stands for a value that only the execution will know (cloudformation-coverage-roadmap issue 2113).
UNKNOWN = "{{changeSet:KNOWN_AFTER_APPLY}}"


@dataclass(frozen=True)
class Request:
    """What is asked of CloudFormation for one root stack; `role` is the role that CloudFormation acts with, empty for
    the caller's own rights. It stays with the stack, for its deletion too."""

    stack: str
    template: Packaged
    parameters: Mapping[str, str] = field(hash=False)
    tags: Mapping[str, str] = field(hash=False)
    role: str = ""

    @property
    def digest(self) -> str:
        """The same for the same templates (their address is made of their content), parameters and tags."""
        asked = [self.stack, self.template.key, dict(self.parameters), dict(self.tags)]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


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
    """What happens to one resource. A nested stack has `children` instead of `differences`."""

    path: tuple[str, ...]
    type: str
    action: str  # Add, Modify, Remove, Import, Dynamic
    replacement: str = ""  # of Modify: True, Conditional, False
    policy: str = ""  # what happens to the old resource: Delete, Retain, ReplaceAndDelete, …
    differences: tuple[Difference, ...] = ()
    children: tuple["PlannedChange", ...] = ()
    nested: bool = False

    @property
    def certain(self) -> bool:
        """Something happens for sure; false when an upstream output might change, or only the template's address."""
        if self.action != "Modify":
            return True
        return any(one.certain for one in (self.children if self.nested else self.differences))

    def leaves(self) -> Iterator["PlannedChange"]:
        """The changes below, nested stacks left out."""
        if not self.nested:
            yield self
        for child in self.children:
            yield from child.leaves()


@dataclass(frozen=True)
class Plan:
    """The whole: what executing `change_set` would do to `stack`."""

    stack: str
    stack_id: str
    kind: str
    change_set: str
    name: str
    digest: str
    changes: tuple[PlannedChange, ...] = ()
    parameters: tuple[Difference, ...] = ()
    tags: tuple[Difference, ...] = ()
    empty: bool = False

    def leaves(self) -> Iterator[PlannedChange]:
        for change in self.changes:
            yield from change.leaves()


def make(aws: Aws, request: Request, previous: Stack | None, description: str) -> Plan:
    """The change set of `request` as a plan; without changes an empty plan and no change set.

    `previous` is the stack as it stands, None when it is to be created. The caller discards or executes the plan.
    Raises `Refused` when CloudFormation refuses the change set; nothing is left behind then either.
    """
    kind = UPDATE if previous else CREATE
    name = f"{OURS}{request.digest[:8]}-{uuid.uuid4().hex[:8]}"
    made = create_change_set(
        aws,
        StackName=request.stack,
        ChangeSetName=name,
        ChangeSetType=kind,
        ClientToken=name,
        Description=description,
        TemplateURL=request.template.url,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in request.parameters.items()],
        Tags=[{"Key": key, "Value": value} for key, value in request.tags.items()],
        Capabilities=CAPABILITIES,
        IncludeNestedStacks=True,
        **({"RoleARN": request.role} if request.role else {}),
    )
    plan = Plan(request.stack, made["StackId"], kind, made["Id"], name, request.digest)
    finished = False
    try:
        answer = _settled(aws, made["Id"])
        none = answer["Status"] == "FAILED" and _unchanged(answer)
        if answer["Status"] == "FAILED" and not none:
            path, reason = _refusal(aws, answer, (request.stack,))
            raise Refused(f"CloudFormation refuses the change set of {' > '.join(path)}: {reason}")
        changes = () if none else tuple(_changes(aws, answer, ()))
        before = previous or Stack(request.stack, "", "")
        plan = Plan(
            *(plan.stack, plan.stack_id, kind, plan.change_set, name, plan.digest, changes),
            tuple(_differences(before.parameters, request.parameters)),
            tuple(_differences(before.tags, request.tags)),
            none or (previous is not None and _same(aws, changes, request, previous)),
        )
        finished = not plan.empty
    finally:
        if not finished:
            discard(aws, plan)
    return plan


def discard(aws: Aws, plan: Plan) -> None:
    """Takes the change set away, and the empty stack that a first one brings with it."""
    delete_change_set(aws, plan.change_set)
    if plan.kind == CREATE:
        delete_empty(aws, plan.stack_id)


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


def _refusal(aws: Aws, answer: Answer, path: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Where a change set really failed: the reason of a root names the ARN of the child's change set, no more."""
    reason = answer.get("StatusReason", "no reason given")
    for arn in re.findall(r"arn:[\w-]+:cloudformation:[\w:/-]+:changeSet/[\w/-]+", reason):
        child = _settled(aws, arn)
        if arn != answer["ChangeSetId"] and child["Status"] == "FAILED" and not _unchanged(child):
            return _refusal(aws, child, (*path, child["StackName"]))
    return path, reason


def _changes(aws: Aws, answer: Answer, path: tuple[str, ...]) -> Iterator[PlannedChange]:
    for change in (one["ResourceChange"] for one in answer["Changes"]):
        here = (*path, change["LogicalResourceId"])
        children: tuple[PlannedChange, ...] = ()
        if below := change.get("ChangeSetId"):
            child = _settled(aws, below)
            if child["Status"] == "FAILED" and not _unchanged(child):
                raise Refused(f"CloudFormation refuses the change set of {' > '.join(here)}: {child['StatusReason']}")
            children = tuple(_changes(aws, child, here))
        yield PlannedChange(
            here,
            change["ResourceType"],
            change["Action"],
            change.get("Replacement", ""),
            change.get("PolicyAction", ""),
            tuple(_details(change)),
            children,
            nested=bool(below),
        )


def _details(change: Answer) -> Iterator[Difference]:
    """A resource's changed values. One value can have two entries, for the template's and for the parameter's change:
    what is certain in one of them is certain. Source: User Guide, "Example change sets"."""
    found: dict[str, Difference] = {}
    for detail in change.get("Details", ()):
        target = detail["Target"]
        name = target.get("Path", "").removeprefix("/Properties/").strip("/").replace("/", ".")
        name = name or target.get("Name") or target["Attribute"]
        before, after = target.get("BeforeValue", ""), target.get("AfterValue", "")
        known = UNKNOWN not in after
        certain = detail.get("ChangeSource") != "Automatic" and known
        certain = certain and (detail.get("Evaluation") == "Static" or before != after)
        one = Difference(
            name, before, after, certain, target.get("RequiresRecreation", "Never"), detail.get("CausingEntity", "")
        )
        if name not in found or (certain and not found[name].certain):
            found[name] = one
    yield from found.values()


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield Difference(name, before.get(name, ""), after.get(name, ""))


def _same(aws: Aws, changes: tuple[PlannedChange, ...], request: Request, previous: Stack) -> bool:
    """Whether changes that all only *might* happen cannot: the stack holds this template (its children's addresses
    are made of their content), these parameters and these tags, so no output upstream can change."""
    if any(change.certain for change in changes):
        return False
    if dict(previous.parameters) != dict(request.parameters) or dict(previous.tags) != dict(request.tags):
        return False
    held = aws.call("cloudformation", "get_template", StackName=previous.id, TemplateStage="Original")["TemplateBody"]
    return bool(held == json.loads(request.template.content))
