"""What a deployment would do, as one value, and how it is read from a change set. Nothing in a plan is a secret: what
looks like one is masked before it gets there.
"""

import hashlib
import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from generator.cfn.broadening import Grant
from generator.cfn.changes import (
    Difference,
    Path,
    PlannedChange,
    Reading,
    differences,
    fault_text,
    is_unchanged,
    planned_change,
)
from generator.cfn.losses import Loss
from generator.cfn.masking import scrubbed
from generator.cfn.packaging import Packaged, PackagedSet
from generator.cfn.stacks import Stack
from generator.cfn.unknown import fed_by_siblings
from scripts.deployment.aws import Answer, Aws, pauses
from scripts.deployment.environment import Computed
from scripts.deployment.errors import AwsError, RefusedError
from scripts.deployment.stacks import OURS, create_change_set, delete_change_set, delete_empty

DELETION_SECONDS = 120.0  # that the deletion of a change set with its nested ones is waited for
CREATE, UPDATE, DELETE = "CREATE", "UPDATE", "DELETE"
CREATED = "CREATE_COMPLETE"  # of a change set that can be executed
CAPABILITIES = ["CAPABILITY_IAM"]  # roles are unnamed, so CAPABILITY_NAMED_IAM is not needed


@dataclass(frozen=True)
class Refusal:
    """Why a plan must not be executed as it is: `where` is what it is about, `remedy` the way to do it instead.
    `waits` is true when waiting is enough, for what `awaited` names."""

    why: str
    where: str
    remedy: str
    waits: bool = False
    awaited: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.why}. {self.remedy}"


@dataclass(frozen=True)
class Notice:
    """What is said about a plan beyond its changes: a warning of CloudFormation's early validation, a hook, drift, a
    value that cannot be compared."""

    kind: str  # validation, hook, drift, comparison, effect, messages
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.where}: {self.text}"


@dataclass(frozen=True)
class Plan:
    """The whole: what executing `change_set` would do to `stack`; without one nothing changes in it, unless it is to be
    deleted (`kind` DELETE).

    `first` are the parameters that change first and by themselves, `follows` the resources that only might change and
    depend on what changes for sure, `setting_changes` what changes about how the stack is kept.
    """

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
    first: tuple[Difference, ...] = ()
    computed: tuple[Computed, ...] = ()
    follows: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()
    gained: tuple[Grant, ...] = ()
    lost: tuple[Grant, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    notices: tuple[Notice, ...] = ()
    setting_changes: tuple[Difference, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)  # what else was asked of CreateChangeSet
    stored: tuple[Packaged, ...] = ()  # the templates that CloudFormation takes from the packaging bucket

    def leaves(self) -> Iterator[PlannedChange]:
        """The resources that change, or might."""
        for change in self.changes:
            yield from change.leaves()

    @property
    def certain(self) -> tuple[PlannedChange, ...]:
        """The resources that change for sure."""
        return tuple(leaf for leaf in self.leaves() if leaf.certain)

    @property
    def broader(self) -> tuple[Grant, ...]:
        """The permissions that are broader than before; none when everything is new."""
        return tuple(each for each in (*self.gained, *self.lost) if each.broader) if self.kind == UPDATE else ()


@dataclass(frozen=True)
class Request:
    """What is asked of CloudFormation for one root stack. `role` is the role that CloudFormation acts with, empty for
    the caller's own rights; it stays with the stack. `hidden` are parameters that must not be shown (`NoEcho`),
    `options` more of what `CreateChangeSet` takes, `description` and `prefix` go into its description and name."""

    stack: str
    packaged: PackagedSet
    parameters: Mapping[str, str] = field(hash=False)
    tags: Mapping[str, str] = field(hash=False)
    role: str = ""
    hidden: frozenset[str] = frozenset()
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    description: str = ""
    prefix: str = OURS

    @property
    def digest(self) -> str:
        """The same for the same templates (their address is made of their content), parameters and tags."""
        content = [self.stack, self.packaged.root.key, dict(self.parameters), dict(self.tags)]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def arguments(self) -> dict[str, Any]:
        """Its part of `CreateChangeSet`."""
        return {
            "TemplateURL": self.packaged.root.url,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()],
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
            **({"RoleARN": self.role} if self.role else {}),
            **self.options,
        }


def make(aws: Aws, request: Request, previous: Stack | None) -> Plan:
    """The change set of `request` as a plan; without changes an empty plan and no change set.

    `previous` is the stack as it stands, None when it is to be created. The caller discards or executes the plan.
    Raises `RefusedError` when CloudFormation refuses the change set; nothing is left behind then either.
    """
    names = (request.stack, request.digest, request.prefix, request.description)
    plan = create(aws, names, previous, request.arguments)
    with discarded_on_error(aws, plan):
        return fill(aws, plan, request, previous)


def create(aws: Aws, names: tuple[str, str, str, str], previous: Stack | None, arguments: Mapping[str, Any]) -> Plan:
    """A new change set with those of all nested stacks, not read yet. `names` are the stack, a digest, the prefix of
    the change set's name and its description."""
    stack, digest, prefix, description = names
    kind, name = UPDATE if previous else CREATE, f"{prefix}{digest[:8]}-{uuid.uuid4().hex[:8]}"
    usual: dict[str, Any] = {"StackName": stack, "ChangeSetName": name, "ChangeSetType": kind, "ClientToken": name}
    usual |= {"Description": description, "Capabilities": CAPABILITIES, "IncludeNestedStacks": True}
    answer = create_change_set(aws, **usual | dict(arguments))
    return Plan(stack, answer["StackId"], kind, answer["Id"], name, digest)


def discard(aws: Aws, plan: Plan) -> None:
    """Takes the change set away, and the empty stack that a first one brings with it unless another one needs it."""
    if plan.change_set:
        delete_change_set(aws, plan.change_set)
        if plan.kind == CREATE:
            _wait_until_deleted(aws, plan.change_set)
            delete_empty(aws, plan.stack_id)


def _wait_until_deleted(aws: Aws, change_set: str) -> None:
    """Nested change sets are deleted after the root's own, with the stacks that wait for them in REVIEW_IN_PROGRESS; a
    root stack that is deleted before may leave those behind."""
    until = time.monotonic() + DELETION_SECONDS
    for pause in pauses():
        try:
            answer = aws.call("cloudformation", "describe_change_set", ChangeSetName=change_set)
        except AwsError as error:
            if error.code in ("ChangeSetNotFound", "ValidationError"):  # the latter when its stack is gone with it
                return
            raise
        if answer.get("Status") not in ("DELETE_PENDING", "DELETE_IN_PROGRESS") or time.monotonic() > until:
            return
        time.sleep(pause)


@contextmanager
def discarded_on_error(aws: Aws, plan: Plan) -> Iterator[None]:
    """Takes the change set away when what is done with it in here fails."""
    try:
        yield
    except BaseException:
        discard(aws, plan)
        raise


def fill(aws: Aws, plan: Plan, request: Request, previous: Stack | None) -> Plan:
    """The plan with what its change set says. Raises `RefusedError` for one that failed."""
    before = previous or Stack(request.stack, "", "")
    return replace(
        with_changes(aws, plan, Reading(request.hidden, fed_by_siblings(request.packaged.root.body))),
        parameters=tuple(differences(before.parameters, request.parameters, request.hidden)),
        tags=tuple(differences(before.tags, request.tags)),
        options=request.options,
        stored=request.packaged.templates,
    )


# --- reading a change set, nested ones too


def with_changes(aws: Aws, plan: Plan, reading: Reading) -> Plan:
    """The plan with the changes of its change set, or `empty` when there are none, and the change set is taken away.
    Raises `RefusedError` with the reason of a change set that failed."""
    answer = complete(aws, plan.change_set)
    if answer["Status"] == CREATED:
        return replace(plan, changes=tuple(_changes(aws, answer, (), reading)))
    if is_unchanged(answer):
        discard(aws, plan)
        return replace(plan, empty=True)
    raise _refused(aws, *_origin(aws, answer, (plan.stack,)))


def complete(aws: Aws, change_set: str) -> Answer:
    """The change set, all pages of it, once it is created or has failed, or goes because somebody deletes it."""
    waits = pauses()
    while True:
        pages = aws.pages("cloudformation", "describe_change_set", ChangeSetName=change_set, IncludePropertyValues=True)
        answer = next(pages)
        if answer["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            changes = [change for page in (answer, *pages) for change in page.get("Changes", ())]
            return {**answer, "Changes": changes}
        time.sleep(next(waits))


def _changes(aws: Aws, answer: Answer, path: Path, reading: Reading) -> Iterator[PlannedChange]:
    ids = [id for entry in answer["Changes"] if (id := entry["ResourceChange"].get("ChangeSetId"))]
    nested = dict(zip(ids, aws.at_once(partial(complete, aws), ids), strict=True))
    for entry in answer["Changes"]:
        here = (*path, entry["ResourceChange"]["LogicalResourceId"])
        below, children = entry["ResourceChange"].get("ChangeSetId", ""), tuple[PlannedChange, ...]()
        if child := nested.get(below):
            if child["Status"] != CREATED and not is_unchanged(child):
                raise _refused(aws, here, child)
            below = below if child["Status"] == CREATED else ""
            children = tuple(_changes(aws, child, here, reading))
        yield planned_change(entry, here, reading, children, below)


def _origin(aws: Aws, answer: Answer, path: Path) -> tuple[Path, Answer]:
    """Where a change set really failed: the reason of a root names the ARN of the child's change set, no more."""
    for arn in re.findall(r"arn:[\w-]+:cloudformation:[\w:/-]+:changeSet/[\w/-]+", answer.get("StatusReason", "")):
        child = complete(aws, arn)
        if arn != answer["ChangeSetId"] and child["Status"] != CREATED and not is_unchanged(child):
            return _origin(aws, child, (*path, child["StackName"]))
    return path, answer


def _refused(aws: Aws, path: Path, failed: Answer) -> RefusedError:
    """What early validation and hooks found in a change set that failed, with their places; else its own reason."""
    pages = aws.pages("cloudformation", "describe_events", ChangeSetName=failed["ChangeSetId"])
    texts = [text for page in pages for event in page.get("OperationEvents", ()) if (text := fault_text(event))]
    lines = [f"  {scrubbed(text)}" for text in texts or [str(failed.get("StatusReason", failed["Status"]))]]
    return RefusedError("\n".join([f"CloudFormation refuses the change set of {' > '.join(path)}:", *lines]))
