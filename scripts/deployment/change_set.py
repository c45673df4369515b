"""Makes the nested change set of a request, and reads it into a plan."""

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from generator.cfn.masking import masked
from scripts.deployment import changes
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError, RefusedError
from scripts.deployment.follow import pauses
from scripts.deployment.package import Packaged
from scripts.deployment.plan import CREATE, UPDATE, Difference, Notice, Plan, PlannedChange
from scripts.deployment.stacks import OURS, SAVED, Stack, create_change_set, delete_change_set, delete_empty

CAPABILITIES = ["CAPABILITY_IAM"]  # roles are unnamed, so CAPABILITY_NAMED_IAM is not needed
SAVED_IMAGE = f"{SAVED}image-"
DELETION_SECONDS = 120.0  # that the deletion of a change set with its nested ones is waited for
AGAIN = "Make a new plan with `plan --out FILE`, and have it reviewed."


@dataclass(frozen=True)
class Request:
    """What is asked of CloudFormation for one root stack; `role` is the role that CloudFormation acts with, empty for
    the caller's own rights. It stays with the stack, for its deletion too. `hidden` are parameters that must not be
    shown (`NoEcho`), `options` more of what `CreateChangeSet` takes."""

    stack: str
    template: Packaged
    parameters: Mapping[str, str] = field(hash=False)
    tags: Mapping[str, str] = field(hash=False)
    role: str = ""
    hidden: frozenset[str] = frozenset()
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def digest(self) -> str:
        """The same for the same templates (their address is made of their content), parameters and tags."""
        asked = [self.stack, self.template.key, dict(self.parameters), dict(self.tags)]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def make(aws: Aws, request: Request, previous: Stack | None, description: str, prefix: str = OURS) -> Plan:
    """The change set of `request` as a plan; without changes an empty plan and no change set.

    `previous` is the stack as it stands, None when it is to be created. The caller discards or executes the plan.
    Raises `RefusedError` when CloudFormation refuses the change set; nothing is left behind then either.
    """
    asked = {
        "TemplateURL": request.template.url,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in request.parameters.items()],
        "Tags": [{"Key": key, "Value": value} for key, value in request.tags.items()],
        **({"RoleARN": request.role} if request.role else {}),
        **request.options,
    }
    plan = _create(aws, request.stack, previous, request.digest, description, prefix, asked)
    return _kept(aws, plan, lambda: _read(aws, plan, request, previous))


def make_image(aws: Aws, previous: Stack, image: tuple[Difference, ...], description: str, prefix: str = OURS) -> Plan:
    """A change of some parameters of the stack as it stands, and of nothing else."""
    changed = {one.name: one.after for one in image}
    digest = hashlib.sha256(json.dumps([previous.name, changed]).encode()).hexdigest()
    asked = _as_it_stands(previous, changed)
    plan = _create(aws, previous.name, previous, digest, description, prefix, asked)

    def reading() -> Plan:
        found, notices, none = changes.changed(aws, plan, frozenset())
        return replace(plan, changes=found, notices=notices, parameters=image, empty=none)

    return _kept(aws, plan, reading)


def drifted(aws: Aws, previous: Stack, description: str) -> tuple[Notice, ...]:
    """What is no longer as the stack left it, as a change set tells that would take it back; it is deleted at once and
    never executed: it would also take back what releases have done (CloudFormation user guide,
    drift-aware-change-sets). Nothing else of the stack changes in it, so that it shows drift alone."""
    digest = hashlib.sha256(f"{previous.id} drift".encode()).hexdigest()
    asked = {**_as_it_stands(previous, {}), "DeploymentMode": "REVERT_DRIFT"}
    made = _create(aws, previous.name, previous, digest, description, OURS, asked)
    try:
        return tuple(changes.drift(aws, made.change_set, ()))
    finally:
        discard(aws, made)


def _as_it_stands(previous: Stack, changed: Mapping[str, str]) -> dict[str, Any]:
    """The stack as it is, but for some parameters."""
    kept = {name: {"ParameterKey": name, "UsePreviousValue": True} for name in previous.parameters}
    new = {name: {"ParameterKey": name, "ParameterValue": value} for name, value in changed.items()}
    tags = [{"Key": key, "Value": value} for key, value in previous.tags.items()]
    return {"UsePreviousTemplate": True, "Parameters": [*(kept | new).values()], "Tags": tags}


def again(aws: Aws, plan: Plan, request: Request | None, previous: Stack | None) -> Plan:
    """A change set that exists already, read as if it had just been made; without a request it is the image's own.
    Raises `RefusedError` when it is gone or cannot be executed any more."""
    try:
        held = aws.call("cloudformation", "describe_change_set", ChangeSetName=plan.change_set)
    except AwsError as error:
        # Code: `ChangeSetNotFoundException` in botocore's model of CloudFormation.
        if error.code != "ChangeSetNotFound":
            raise
        raise RefusedError(f"The reviewed change set of {plan.stack} does not exist any more.", AGAIN) from error
    if held["ExecutionStatus"] != "AVAILABLE":
        raise RefusedError(f"The reviewed change set of {plan.stack} is {held['ExecutionStatus']}.", AGAIN)
    if request:
        return _read(aws, plan, request, previous)
    found, notices, none = changes.changed(aws, plan, frozenset())
    return replace(plan, changes=found, notices=notices, empty=none)


def discard(aws: Aws, plan: Plan) -> None:
    """Takes the change set away, and the empty stack that a first one brings with it unless another one needs it."""
    delete_change_set(aws, plan.change_set)
    if plan.kind == CREATE:
        _wait_until_deleted(aws, plan.change_set)
        delete_empty(aws, plan.stack_id)


def _wait_until_deleted(aws: Aws, change_set: str) -> None:
    """Nested change sets are deleted after the root's own, with the stacks that wait for them in REVIEW_IN_PROGRESS; a
    root stack that is deleted before may leave those behind."""
    until = time.monotonic() + DELETION_SECONDS
    waits = pauses()
    while time.monotonic() < until:
        try:
            answer = aws.call("cloudformation", "describe_change_set", ChangeSetName=change_set)
        except AwsError as error:
            if error.code in ("ChangeSetNotFound", "ValidationError"):  # the latter when its stack is gone with it
                return
            raise
        if answer.get("Status") not in ("DELETE_PENDING", "DELETE_IN_PROGRESS"):
            return
        time.sleep(next(waits))


def _create(
    aws: Aws, stack: str, previous: Stack | None, digest: str, description: str, prefix: str, asked: dict[str, Any]
) -> Plan:
    kind = UPDATE if previous else CREATE
    name = f"{prefix}{digest[:8]}-{uuid.uuid4().hex[:8]}"
    made = create_change_set(
        aws,
        StackName=stack,
        ChangeSetName=name,
        ChangeSetType=kind,
        ClientToken=name,
        Description=description,
        Capabilities=CAPABILITIES,
        IncludeNestedStacks=True,
        **asked,
    )
    return Plan(stack, made["StackId"], kind, made["Id"], name, digest)


def _kept(aws: Aws, plan: Plan, reading: Callable[[], Plan]) -> Plan:
    """The plan as read; a change set that has no changes or cannot be read is taken away."""
    finished = False
    try:
        found = reading()
        finished = not found.empty
        return found
    finally:
        if not finished:
            discard(aws, plan)


def _read(aws: Aws, plan: Plan, request: Request, previous: Stack | None) -> Plan:
    found, notices, none = changes.changed(aws, plan, request.hidden, request.template.body)
    before = previous or Stack(request.stack, "", "")
    return replace(
        plan,
        changes=found,
        notices=notices,
        parameters=tuple(_differences(before.parameters, request.parameters, request.hidden)),
        tags=tuple(_differences(before.tags, request.tags, ())),
        empty=none or (previous is not None and _same(aws, found, request, previous)),
    )


def _differences(before: Mapping[str, str], after: Mapping[str, str], hidden: Collection[str]) -> Iterator[Difference]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            old, new = (masked(name, one.get(name, ""), name in hidden) for one in (before, after))
            yield Difference(name, old, new)


def _same(aws: Aws, found: tuple[PlannedChange, ...], request: Request, previous: Stack) -> bool:
    """Whether changes that all only *might* happen cannot: the stack holds this template (its children's addresses
    are made of their content), these parameters and these tags, so no output upstream can change."""
    if any(change.certain for change in found):
        return False
    if dict(previous.parameters) != dict(request.parameters) or dict(previous.tags) != dict(request.tags):
        return False
    held = aws.call("cloudformation", "get_template", StackName=previous.id, TemplateStage="Original")["TemplateBody"]
    return bool(held == request.template.body)
