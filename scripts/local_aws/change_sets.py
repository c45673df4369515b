"""Planning: what an update or creation would change, nested stacks included, as CloudFormation previews it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from generator.cfn import graph
from generator.cfn.templates import STACK
from generator.cfn.unknown import is_unknown
from scripts.local_aws import drift, schemas, validation
from scripts.local_aws.account import Account
from scripts.local_aws.template import NOTHING, InvalidTemplateError, Scope
from scripts.local_aws.values import Change, ChangeSet, Resource, Stack, Target, identifier

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


def plan(account: Account, change_set: ChangeSet) -> ChangeSet:
    """Fills in the changes and the status; a plan that cannot be made is a change set that FAILED, with the reason."""
    try:
        scope = account.scope(change_set.stack, change_set.target, preview=True)
        for change in _changes(_Preview(account, change_set, scope)):
            change_set.changes.append(change)  # at once: what a failed plan made is deleted with it
        outputs = account.outputs(scope)
        if change_set.mode:
            drift.compare(account, change_set)
    except InvalidTemplateError as error:
        return fail(change_set, str(error))
    if why := validation.verdict(change_set):
        return fail(change_set, why)
    failed = [change.nested for change in change_set.changes if change.nested and change.nested.status == "FAILED"]
    if serious := [nested for nested in failed if nested.reason != NO_CHANGES]:
        return fail(change_set, f"Nested change set {serious[0].id} was not successfully created: Currently in FAILED.")
    change_set.changes = [change for change in change_set.changes if change.action]
    if change_set.kind == "IMPORT" and (why := validation.pure_import(change_set)):
        return fail(change_set, why)
    if not change_set.changes and change_set.kind == "UPDATE" and outputs == change_set.stack.outputs:
        return fail(change_set, NO_CHANGES)
    return change_set


def fail(change_set: ChangeSet, reason: str) -> ChangeSet:
    """A change set that FAILED with a reason."""
    change_set.status, change_set.reason, change_set.execution = "FAILED", reason, "UNAVAILABLE"
    return change_set


@dataclass
class _Preview:
    """A change set in the making: what its expressions are resolved against, and the changes so far by logical id."""

    account: Account
    change_set: ChangeSet
    scope: Scope
    changed: dict[str, Change] = field(default_factory=dict)


def _changes(preview: _Preview) -> Iterator[Change]:
    account, change_set, scope = preview.account, preview.change_set, preview.scope
    stack, template = change_set.stack, change_set.target.template
    present = [
        name for name in graph.order(graph.dependencies(template)) if scope.exists(template.resources[name].body)
    ]
    for name in present:
        body, existing = template.resources[name].body, stack.resources.get(name)
        properties = account.properties(scope, name)
        validation.syntax(change_set, name, body["Type"], properties)
        change = _change(preview, name, existing, properties)
        if body["Type"] == STACK:
            _nest(account, change_set, change, existing, properties)
        elif change.action == "Add" and not (existing and existing.physical):  # its own, which failed, goes first
            validation.existing(account, change_set, change, body)
        else:
            validation.emptiness(account, change_set, change)
        if existing and change.replacement != "True":
            # CloudFormation does not look into siblings: outputs of a nested stack that changes are not known here.
            hidden = change.action and existing.nested
            scope.existing[name] = (existing.physical, {} if hidden else existing.attributes)
        preview.changed[name] = change
        yield change
    for name, existing in stack.resources.items():
        if name not in present:
            kept = existing.body.get("DeletionPolicy", "Delete") != "Delete"
            removed = Change("Remove", name, existing.kind, existing.physical, before=existing.properties)
            removed.policy_action = "Retain" if kept else "Delete"
            if existing.nested:
                removed.nested = _removal(account, change_set, account.stacks[existing.physical])
            validation.emptiness(account, change_set, removed)
            yield removed


def _change(preview: _Preview, name: str, existing: Resource | None, after: Mapping[str, Any]) -> Change:
    body = preview.scope.template.resources[name].body
    kind = body["Type"]
    if existing is None or (existing.status == "CREATE_FAILED" and not existing.nested):
        return Change("Add", name, kind, after=after)
    change = Change("", name, kind, existing.physical, before=existing.properties, after=after)
    if existing.kind != kind:
        raise InvalidTemplateError(
            f"Update of resource type is not permitted. The new template modifies resource type of: [{name}]"
        )
    create_only = schemas.names(kind, "createOnlyProperties")
    conditional = schemas.names(kind, "conditionalCreateOnlyProperties")
    for place, before, value in _differences(existing.properties, after):
        path = ".".join(str(step) for step in place if not isinstance(step, int))
        always = any(path == name or path.startswith(f"{name}.") or name.startswith(f"{path}.") for name in create_only)
        recreation = "Always" if always else "Conditionally" if path.split(".")[0] in conditional else "Never"
        cause = _cause(preview, _written(body.get("Properties", {}), place))
        change.details.append(_detail(place, before, value, recreation) | cause)
    attributes = [detail["Target"]["Attribute"] for detail in change.details]
    for attribute in ("Metadata", "DeletionPolicy", "UpdateReplacePolicy", "CreationPolicy", "UpdatePolicy"):
        if existing.body.get(attribute) != body.get(attribute):
            attributes.append(attribute)
            target = {"Attribute": attribute, "RequiresRecreation": "Never"}
            change.details.append({"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"})
    if attributes:
        change.action, change.scope = "Modify", sorted(set(attributes))
        forced = [detail for detail in change.details if detail["Target"]["RequiresRecreation"] == "Always"]
        certain = any(detail["Evaluation"] == "Static" for detail in forced)
        possible = forced or any(detail["Target"]["RequiresRecreation"] == "Conditionally" for detail in change.details)
        change.replacement = "True" if certain else "Conditional" if possible else "False"
        if change.replacement == "True":
            kept = existing.body.get("UpdateReplacePolicy", "Delete") == "Retain"
            change.policy_action = "ReplaceAndRetain" if kept else "ReplaceAndDelete"
    return change


def _differences(
    before: Any, after: Any, place: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """The leaves that differ, with their places; `NOTHING` stands for a side that is absent."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _differences(before.get(key, NOTHING), after.get(key, NOTHING), (*place, key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differences(old, new, (*place, number))
    elif before != after or (before is NOTHING) != (after is NOTHING):
        yield place, before, after


def _detail(place: tuple[Any, ...], before: Any, after: Any, recreation: str) -> dict[str, Any]:
    kind = "Add" if before is NOTHING else "Remove" if after is NOTHING else "Modify"
    target = {
        "Attribute": "Tags" if place[0] == "Tags" else "Properties",
        "Name": place[0],
        "RequiresRecreation": recreation,
        "Path": "/Properties/" + "/".join(map(str, place)),
        "AttributeChangeType": kind,
    }
    if before is not NOTHING:
        target["BeforeValue"] = before if isinstance(before, str) else json.dumps(before, sort_keys=True)
    if after is not NOTHING:
        target["AfterValue"] = after if isinstance(after, str) else json.dumps(after, sort_keys=True)
    return {"Target": target, "Evaluation": "Dynamic" if is_unknown(target.get("AfterValue", "")) else "Static"}


def _written(raw: Any, place: tuple[Any, ...]) -> Any:
    """What the template has at a place of the resolved properties, or the function that stands above it."""
    for step in place:
        inside = step in raw if isinstance(raw, dict) else isinstance(raw, list) and step < len(raw)
        if not inside:
            break
        raw = raw[step]
    return raw


def _cause(preview: _Preview, raw: Any) -> dict[str, str]:
    """Where a change comes from: a parameter, another resource or its attribute, or the template itself. A nested
    change set takes what its parent hands to it for the value, placeholders too, where previews are spurious."""
    change_set, changed = preview.change_set, preview.changed
    spurious = {"Evaluation": "Static"} if preview.account.behaviour.spurious and change_set.parent else {}
    before = change_set.stack.target.values if change_set.stack.target else {}
    for _, how, target, attribute in graph.mentions(raw):
        if target in change_set.target.values and before.get(target) != change_set.target.values[target]:
            return {"ChangeSource": "ParameterReference", "CausingEntity": target, **spurious}
        if how != "Condition" and target in changed and changed[target].action:
            entity = f"{target}.{attribute}" if attribute else target
            return {"ChangeSource": "ResourceAttribute" if attribute else "ResourceReference", "CausingEntity": entity}
    return {"ChangeSource": "DirectModification"}


def _nest(
    account: Account, parent: ChangeSet, change: Change, existing: Resource | None, properties: Mapping[str, Any]
) -> None:
    """A nested stack's own change set; without `IncludeNestedStacks` an existing one counts as changed."""
    if is_unknown(properties.get("TemplateURL", "")):
        raise InvalidTemplateError(f"TemplateURL of {change.logical} is not known before the execution")
    if not parent.include_nested:
        if existing and not change.action:
            change.action, change.scope, change.replacement = "Modify", ["Properties"], "False"
            target = {"Attribute": "Properties", "RequiresRecreation": "Never"}
            change.details = [{"Target": target, "Evaluation": "Dynamic", "ChangeSource": "Automatic"}]
        return
    if existing:
        account.nested_stack(existing)
    child_target = account.nested_target(properties, parent.target)
    stack = account.stacks[existing.physical] if existing else account.nested(parent.stack, change.logical)
    kind = "UPDATE" if existing else "CREATE"
    nested = _child(account, parent, stack, child_target, kind)
    change.nested, change.physical = plan(account, nested), stack.id
    if existing and nested.reason != NO_CHANGES and not change.action:
        change.action, change.scope, change.replacement = "Modify", ["Properties"], "False"
        part = {"Attribute": "Properties", "RequiresRecreation": "Never"}
        change.details = [{"Target": part, "Evaluation": "Dynamic", "ChangeSource": "Automatic"}]


def _child(account: Account, parent: ChangeSet, stack: Stack, target: Target, kind: str) -> ChangeSet:
    name = f"{parent.name[:100]}-{stack.logical[:14]}-{identifier(parent.id, stack.id)[:12]}"
    child = account.change_set(stack, name, kind, target)
    child.include_nested, child.parent, child.reviewed, child.mode = True, parent, kind == "CREATE", parent.mode
    child.execution = "UNAVAILABLE"
    parent.below.append(child)
    return child


def _removal(account: Account, parent: ChangeSet, stack: Stack) -> ChangeSet:
    """The change set of a nested stack that goes: everything in it is removed."""
    assert stack.target is not None
    child = _child(account, parent, stack, stack.target, "UPDATE")
    for resource in stack.resources.values():
        removed = Change("Remove", resource.logical, resource.kind, resource.physical, before=resource.properties)
        removed.policy_action = "Retain" if resource.body.get("DeletionPolicy", "Delete") != "Delete" else "Delete"
        validation.emptiness(account, child, removed)
        child.changes.append(removed)
    return child


def described(change: Change, values: bool) -> dict[str, Any]:
    """A change in the form of `DescribeChangeSet`; property values only when asked for."""
    entry: dict[str, Any] = {
        "Action": change.action,
        "LogicalResourceId": change.logical,
        "ResourceType": change.kind,
        "Scope": change.scope,
        "Details": [_shown(detail, values) for detail in change.details],
    }
    optional = {
        "PhysicalResourceId": change.physical if change.action != "Add" or change.nested else "",
        "Replacement": change.replacement if change.action == "Modify" else "",
        "PolicyAction": change.policy_action,
        "ChangeSetId": change.nested.id if change.nested else "",
        "ResourceDriftStatus": change.drift,
    }
    if values:
        for name, properties in (("BeforeContext", change.before), ("AfterContext", change.after)):
            if properties is not None:
                optional[name] = json.dumps({"Properties": properties}, sort_keys=True)
    return {"Type": "Resource", "ResourceChange": entry | {key: value for key, value in optional.items() if value}}


def _shown(detail: Mapping[str, Any], values: bool) -> dict[str, Any]:
    hidden = () if values else ("Path", "BeforeValue", "AfterValue", "AttributeChangeType")
    return {**detail, "Target": {key: value for key, value in detail["Target"].items() if key not in hidden}}
