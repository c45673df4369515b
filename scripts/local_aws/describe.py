"""Stacks, resources, events and change sets in the output shapes of CloudFormation's API (botocore's service model)."""

import json
from collections.abc import Mapping
from typing import Any

from generator.cfn.templates import Template
from scripts.local_aws import change_sets, drift, schemas
from scripts.local_aws.account import ACCOUNTS, Account
from scripts.local_aws.faults import HOOK
from scripts.local_aws.values import Change, ChangeSet, Resource, Stack, Target


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", [])}


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _parameters(target: Target) -> list[dict[str, Any]]:
    entries = []
    for name, value in target.supplied.items():
        hidden = str(target.template.parameters[name].get("NoEcho", "")).lower() == "true"
        entry = {"ParameterKey": name, "ParameterValue": "****" if hidden else value}
        if target.values[name] != value:
            entry["ResolvedValue"] = target.values[name]
        entries.append(entry)
    return entries


def stack(stack: Stack) -> dict[str, Any]:
    """An entry of `DescribeStacks`."""
    target = stack.target
    body = target.template.body if target else {}
    outputs = [
        {
            "OutputKey": key,
            "OutputValue": value,
            **_present({"Description": body.get("Outputs", {}).get(key, {}).get("Description")}),
        }
        for key, value in stack.outputs.items()
    ]
    return {
        **_present(
            {
                "Description": body.get("Description"),
                "ChangeSetId": stack.change_set,
                "StackStatusReason": stack.reason,
                "RoleARN": stack.settings.role,
                "LastUpdatedTime": stack.updated,
                "DeletionTime": stack.deleted,
                "ParentId": stack.parent.id if stack.parent else None,
                "RootId": stack.root.id if stack.parent else None,
                "LastOperations": stack.last[:2],
            }
        ),
        "StackId": stack.id,
        "StackName": stack.name,
        "CreationTime": stack.created,
        "StackStatus": stack.status,
        "RollbackConfiguration": stack.settings.triggers or {},
        "DisableRollback": stack.disable_rollback,
        "NotificationARNs": list(stack.settings.notifications or ()),
        "Capabilities": list(target.capabilities) if target else [],
        "Parameters": _parameters(target) if target else [],
        "Outputs": outputs,
        "Tags": _tags(target.tags) if target else [],
        "EnableTerminationProtection": stack.root.protected,
        "DriftInformation": drift.of_stack(stack),
    }


def stack_summary(owner: Stack) -> dict[str, Any]:
    """An entry of `ListStacks`."""
    full = stack(owner)
    same = ("StackId", "StackName", "CreationTime", "StackStatus", "DriftInformation", "StackStatusReason", "ParentId")
    optional = ("RootId", "DeletionTime", "LastUpdatedTime", "LastOperations")
    entry = {name: full[name] for name in (*same, *optional) if name in full}
    return entry | ({"TemplateDescription": full["Description"]} if "Description" in full else {})


def resource(owner: Stack, resource: Resource) -> dict[str, Any]:
    """An entry of `DescribeStackResources`."""
    return {
        "StackName": owner.name,
        "StackId": owner.id,
        "LogicalResourceId": resource.logical,
        "ResourceType": resource.kind,
        "Timestamp": resource.updated,
        "ResourceStatus": resource.status,
        "DriftInformation": drift.of_resource(resource),
        **_present({"PhysicalResourceId": resource.physical, "ResourceStatusReason": resource.reason}),
    }


def resource_summary(resource: Resource) -> dict[str, Any]:
    """An entry of `ListStackResources`."""
    return {
        "LogicalResourceId": resource.logical,
        "ResourceType": resource.kind,
        "LastUpdatedTimestamp": resource.updated,
        "ResourceStatus": resource.status,
        "DriftInformation": drift.of_resource(resource),
        **_present({"PhysicalResourceId": resource.physical, "ResourceStatusReason": resource.reason}),
    }


def resource_detail(owner: Stack, resource: Resource) -> dict[str, Any]:
    """The answer of `DescribeStackResource`."""
    metadata = json.dumps(resource.body["Metadata"]) if "Metadata" in resource.body else None
    detail = {**resource_summary(resource), "StackName": owner.name, "StackId": owner.id}
    return detail | _present({"Metadata": metadata})


def change_set(change_set: ChangeSet, values: bool) -> dict[str, Any]:
    """The answer of `DescribeChangeSet`."""
    settings = change_set.settings.over(change_set.stack.settings)
    return {
        "ChangeSetName": change_set.name,
        "ChangeSetId": change_set.id,
        "StackId": change_set.stack.id,
        "StackName": change_set.stack.name,
        "CreationTime": change_set.created,
        "ExecutionStatus": change_set.execution,
        "Status": change_set.status,
        "NotificationARNs": list(settings.notifications or ()),
        "RollbackConfiguration": settings.triggers or {},
        "Capabilities": list(change_set.target.capabilities),
        "Parameters": _parameters(change_set.target),
        "Tags": _tags(change_set.target.tags),
        # A change set that early validation refuses still shows its changes.
        "Changes": [
            change_sets.described(change, values)
            for change in change_set.changes
            if change_set.status != "FAILED" or change_set.faults
        ],
        "IncludeNestedStacks": change_set.include_nested,
        **_present(
            {
                "Description": change_set.description,
                "StatusReason": change_set.reason,
                "OnStackFailure": change_set.on_failure,
            }
        ),
        **_present({"DeploymentMode": change_set.mode, "StackDriftStatus": change_set.drift}),
        **_present({"ImportExistingResources": change_set.root.import_existing or None}),
        **_ancestors(change_set),
    }


def _ancestors(change_set: ChangeSet) -> dict[str, str]:
    return (
        {"ParentChangeSetId": change_set.parent.id, "RootChangeSetId": change_set.root.id} if change_set.parent else {}
    )


def summary(planned: ChangeSet) -> dict[str, Any]:
    """An entry of `ListChangeSets`."""
    full = change_set(planned, False)
    names = ("StackId", "StackName", "ChangeSetId", "ChangeSetName", "ExecutionStatus", "Status", "StatusReason")
    more = ("CreationTime", "Description", "IncludeNestedStacks", "ParentChangeSetId", "RootChangeSetId")
    return {name: full[name] for name in (*names, *more) if name in full}


def validation(change_set: ChangeSet) -> list[dict[str, Any]]:
    """What `DescribeEvents` says about a change set: what early validation found."""
    return [
        {
            "EventId": f"{change_set.id.rpartition('/')[2]}-{number}",
            "StackId": change_set.stack.id,
            "EventType": "VALIDATION_ERROR",
            "OperationType": "CREATE_CHANGESET",
            "LogicalResourceId": fault.logical,
            "ResourceType": fault.kind,
            "Timestamp": change_set.created,
            "ValidationFailureMode": fault.mode,
            "ValidationName": fault.name,
            "ValidationStatus": "FAILED",
            "ValidationStatusReason": fault.reason,
            "ValidationPath": fault.place,
        }
        for number, fault in enumerate(change_set.faults)
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
        "ResourceTypes": sorted({resource.type for resource in read.resources.values()}),
        "ResourceIdentifierSummaries": [
            {"ResourceType": kind, "LogicalResourceIds": names, "ResourceIdentifiers": schemas.identifiers(kind)}
            for kind, names in _by_type(read).items()
            if schemas.identifiers(kind)
        ],
        "Version": "2010-09-09",
        "DeclaredTransforms": [],
        **_present({"Description": read.body.get("Description"), "CapabilitiesReason": reason}),
    }


def _by_type(read: Template) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name, resource in read.resources.items():
        names.setdefault(resource.type, []).append(name)
    return names


def all_exceptions() -> list[dict[str, str]]:
    """Every property of an existing resource, of all accounts and Regions, that moto does not hold."""
    return [entry for account in tuple(ACCOUNTS.values()) for entry in exceptions(account)]


def exceptions(account: Account) -> list[dict[str, str]]:
    """Every property of an existing resource that moto does not hold, with what is kept instead."""
    entries = []
    for owner in tuple(account.stacks.values()):
        for resource in tuple(owner.resources.values()) if owner.status != "DELETE_COMPLETE" else ():
            for path, kept in resource.unheld.items():
                entry = {"Stack": owner.name, "Resource": resource.logical, "Type": resource.kind, "Property": path}
                entries.append({**entry, "Kept": kept})
    return entries
