"""Stacks, resources, events and change sets in the output shapes of CloudFormation's API (botocore's service model)."""

import json
from collections.abc import Mapping
from typing import Any

from generator.cfn.templates import Template
from scripts.local_aws import change_sets, drift, schemas
from scripts.local_aws.account import ACCOUNTS, Account
from scripts.local_aws.faults import HOOK
from scripts.local_aws.values import Change, ChangeSet, Resource, Stack, Target


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", [])}


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _parameters(target: Target) -> list[dict[str, Any]]:
    found = []
    for name, value in target.given.items():
        hidden = str(target.template.parameters[name].get("NoEcho", "")).lower() == "true"
        entry = {"ParameterKey": name, "ParameterValue": "****" if hidden else value}
        if target.values[name] != value:
            entry["ResolvedValue"] = target.values[name]
        found.append(entry)
    return found


def stack(one: Stack) -> dict[str, Any]:
    """An entry of `DescribeStacks`."""
    target = one.target
    body = target.template.body if target else {}
    outputs = [
        {
            "OutputKey": key,
            "OutputValue": value,
            **_given({"Description": body.get("Outputs", {}).get(key, {}).get("Description")}),
        }
        for key, value in one.outputs.items()
    ]
    return {
        **_given(
            {
                "Description": body.get("Description"),
                "ChangeSetId": one.change_set,
                "StackStatusReason": one.reason,
                "RoleARN": one.settings.role,
                "LastUpdatedTime": one.updated,
                "DeletionTime": one.deleted,
                "ParentId": one.parent.id if one.parent else None,
                "RootId": one.root.id if one.parent else None,
                "LastOperations": one.last[:2],
            }
        ),
        "StackId": one.id,
        "StackName": one.name,
        "CreationTime": one.created,
        "StackStatus": one.status,
        "RollbackConfiguration": one.settings.triggers or {},
        "DisableRollback": one.disable_rollback,
        "NotificationARNs": list(one.settings.notifications or ()),
        "Capabilities": list(target.capabilities) if target else [],
        "Parameters": _parameters(target) if target else [],
        "Outputs": outputs,
        "Tags": _tags(target.tags) if target else [],
        "EnableTerminationProtection": one.root.protected,
        "DriftInformation": drift.of_stack(one),
    }


def stack_summary(one: Stack) -> dict[str, Any]:
    """An entry of `ListStacks`."""
    full = stack(one)
    same = ("StackId", "StackName", "CreationTime", "StackStatus", "DriftInformation", "StackStatusReason", "ParentId")
    optional = ("RootId", "DeletionTime", "LastUpdatedTime", "LastOperations")
    found = {name: full[name] for name in (*same, *optional) if name in full}
    return found | ({"TemplateDescription": full["Description"]} if "Description" in full else {})


def resource(owner: Stack, one: Resource) -> dict[str, Any]:
    """An entry of `DescribeStackResources`."""
    return {
        "StackName": owner.name,
        "StackId": owner.id,
        "LogicalResourceId": one.logical,
        "ResourceType": one.kind,
        "Timestamp": one.updated,
        "ResourceStatus": one.status,
        "DriftInformation": drift.of_resource(one),
        **_given({"PhysicalResourceId": one.physical, "ResourceStatusReason": one.reason}),
    }


def resource_summary(one: Resource) -> dict[str, Any]:
    """An entry of `ListStackResources`."""
    return {
        "LogicalResourceId": one.logical,
        "ResourceType": one.kind,
        "LastUpdatedTimestamp": one.updated,
        "ResourceStatus": one.status,
        "DriftInformation": drift.of_resource(one),
        **_given({"PhysicalResourceId": one.physical, "ResourceStatusReason": one.reason}),
    }


def resource_detail(owner: Stack, one: Resource) -> dict[str, Any]:
    """The answer of `DescribeStackResource`."""
    metadata = json.dumps(one.body["Metadata"]) if "Metadata" in one.body else None
    found = {**resource_summary(one), "StackName": owner.name, "StackId": owner.id}
    return found | _given({"Metadata": metadata})


def change_set(one: ChangeSet, values: bool) -> dict[str, Any]:
    """The answer of `DescribeChangeSet`."""
    settings = one.settings.over(one.stack.settings)
    return {
        "ChangeSetName": one.name,
        "ChangeSetId": one.id,
        "StackId": one.stack.id,
        "StackName": one.stack.name,
        "CreationTime": one.created,
        "ExecutionStatus": one.execution,
        "Status": one.status,
        "NotificationARNs": list(settings.notifications or ()),
        "RollbackConfiguration": settings.triggers or {},
        "Capabilities": list(one.target.capabilities),
        "Parameters": _parameters(one.target),
        "Tags": _tags(one.target.tags),
        # A change set that early validation refuses still shows its changes.
        "Changes": [
            change_sets.described(change, values) for change in one.changes if one.status != "FAILED" or one.faults
        ],
        "IncludeNestedStacks": one.include_nested,
        **_given({"Description": one.description, "StatusReason": one.reason, "OnStackFailure": one.on_failure}),
        **_given({"DeploymentMode": one.mode, "StackDriftStatus": one.drift}),
        **_given({"ImportExistingResources": one.root.import_existing or None}),
        **_ancestors(one),
    }


def _ancestors(one: ChangeSet) -> dict[str, str]:
    return {"ParentChangeSetId": one.parent.id, "RootChangeSetId": one.root.id} if one.parent else {}


def summary(one: ChangeSet) -> dict[str, Any]:
    """An entry of `ListChangeSets`."""
    full = change_set(one, False)
    names = ("StackId", "StackName", "ChangeSetId", "ChangeSetName", "ExecutionStatus", "Status", "StatusReason")
    more = ("CreationTime", "Description", "IncludeNestedStacks", "ParentChangeSetId", "RootChangeSetId")
    return {name: full[name] for name in (*names, *more) if name in full}


def validation(one: ChangeSet) -> list[dict[str, Any]]:
    """What `DescribeEvents` says about a change set: what early validation found."""
    return [
        {
            "EventId": f"{one.id.rpartition('/')[2]}-{number}",
            "StackId": one.stack.id,
            "EventType": "VALIDATION_ERROR",
            "OperationType": "CREATE_CHANGESET",
            "LogicalResourceId": fault.logical,
            "ResourceType": fault.kind,
            "Timestamp": one.created,
            "ValidationFailureMode": fault.mode,
            "ValidationName": fault.name,
            "ValidationStatus": "FAILED",
            "ValidationStatusReason": fault.reason,
            "ValidationPath": fault.place,
        }
        for number, fault in enumerate(one.faults)
    ]


def operation_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """A stack event as `DescribeEvents` shows it."""
    kind = "HOOK_INVOCATION_ERROR" if event.get("HookStatus", "").endswith("FAILED") else "STACK_EVENT"
    return {**{key: value for key, value in event.items() if key != "StackName"}, "EventType": kind}


def hook(change: Change) -> dict[str, Any]:
    """The hook of the plan of faults as `DescribeChangeSetHooks` shows it."""
    target = {"LogicalResourceId": change.logical, "ResourceType": change.kind, "ResourceAction": change.action}
    return {
        "InvocationPoint": "PRE_PROVISION",
        "FailureMode": "FAIL",
        "TypeName": HOOK,
        "TargetDetails": {"TargetType": "RESOURCE", "ResourceTargetDetails": target},
    }


def template(read: Template, capabilities: list[str], kinds: list[str]) -> dict[str, Any]:
    """The answer of `GetTemplateSummary`."""
    parameters = []
    for name, body in read.parameters.items():
        entry = {"ParameterKey": name, "ParameterType": body["Type"], "Description": body.get("Description")}
        choices = body.get("AllowedValues")
        entry["DefaultValue"] = str(body["Default"]) if "Default" in body else None
        shown = {key: value for key, value in entry.items() if value is not None}
        shown["NoEcho"] = str(body.get("NoEcho", "")).lower() == "true"
        shown["ParameterConstraints"] = {"AllowedValues": list(map(str, choices))} if choices else {}
        parameters.append(shown)
    reason = f"The following resource(s) require capabilities: [{', '.join(kinds)}]" if capabilities else None
    return {
        "Parameters": parameters,
        "Capabilities": capabilities,
        "ResourceTypes": sorted({one.type for one in read.resources.values()}),
        "ResourceIdentifierSummaries": [
            {"ResourceType": kind, "LogicalResourceIds": names, "ResourceIdentifiers": schemas.identifiers(kind)}
            for kind, names in _by_type(read).items()
            if schemas.identifiers(kind)
        ],
        "Version": "2010-09-09",
        "DeclaredTransforms": [],
        **_given({"Description": read.body.get("Description"), "CapabilitiesReason": reason}),
    }


def _by_type(read: Template) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, one in read.resources.items():
        found.setdefault(one.type, []).append(name)
    return found


def all_exceptions() -> list[dict[str, str]]:
    """Every property of an existing resource, of all accounts and Regions, that moto does not hold."""
    return [entry for account in tuple(ACCOUNTS.values()) for entry in exceptions(account)]


def exceptions(account: Account) -> list[dict[str, str]]:
    """Every property of an existing resource that moto does not hold, with what is kept instead."""
    found = []
    for owner in tuple(account.stacks.values()):
        for one in tuple(owner.resources.values()) if owner.status != "DELETE_COMPLETE" else ():
            for path, kept in one.unheld.items():
                entry = {"Stack": owner.name, "Resource": one.logical, "Type": one.kind, "Property": path}
                found.append({**entry, "Kept": kept})
    return found
