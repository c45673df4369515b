"""What CloudFormation looks at before a change set can be executed, and which existing resources it takes over.

Early validation: user guide, "Validate stack deployments" (property syntax and name conflicts fail the change set, a
bucket that is not empty and is to be deleted is a warning); messages: rain pull request 744. Whether the
name of a resource of the same stack that goes in the same update is a conflict is written nowhere; here it is: the
creation fails either way (serverless issue 1677, cloudformation-coverage-roadmap issue 363). Import: "Import AWS
resources into a CloudFormation stack automatically" (a static name in the template, a primary identifier that is not
read-only, a deletion policy that retains, no other stack; nested stacks from the root's change set) and "manually".
"""

from collections.abc import Mapping
from typing import Any

from generator.cfn.unknown import is_unknown
from scripts.local_aws import schemas
from scripts.local_aws.account import Account
from scripts.local_aws.handlers import ROWS, readback
from scripts.local_aws.handlers.handler import ResourceHandler
from scripts.local_aws.services import ResourceError
from scripts.local_aws.template import InvalidTemplateError
from scripts.local_aws.values import RETAINED, Change, ChangeSet, Fault

# Types that early validation passes over (CloudFormation user guide, validate-stack-deployments).
UNSEEN = frozenset(
    (
        "AWS::Budgets::Budget",
        "AWS::CertificateManager::Certificate",
        "AWS::CodeBuild::Project",
        "AWS::CodeBuild::ReportGroup",
        "AWS::CodeCommit::Repository",
        "AWS::CodeDeploy::DeploymentGroup",
        "AWS::ElasticLoadBalancingV2::ListenerCertificate",
        "AWS::Route53::RecordSet",
    )
)
HOOKS = {"PROPERTY_VALIDATION": "PropertyValidation", "NAME_CONFLICT_VALIDATION": "ResourceExistenceCheck"}
BUCKET = "AWS::S3::Bucket"
REVISED = ("AWS::ECS::TaskDefinition",)  # types whose name takes one revision after another


def syntax(change_set: ChangeSet, name: str, kind: str, properties: Mapping[str, Any]) -> None:
    """Notes what the schema of a type refuses."""
    for message in schemas.faults(kind, properties) if _seen(change_set, kind) else ():
        place = f"/Resources/{name}/Properties{message.split(':')[0].lstrip('#')}"
        change_set.faults.append(Fault(name, kind, "PROPERTY_VALIDATION", "FAIL", message, place))


def existing(account: Account, change_set: ChangeSet, change: Change, body: Mapping[str, Any]) -> None:
    """Makes an addition an import where an existing resource is to be taken over, or notes the conflict of names.
    Raises `InvalidTemplateError` for a resource that cannot be taken over."""
    if physical := change_set.imports.get(change.logical, ""):
        if not _there(account, change, physical):
            raise InvalidTemplateError(
                f"Resource {change.kind} with identifier {physical} was not found ({change.logical})"
            )
    else:
        key = identifier(change.kind)
        physical = str((change.after or {}).get(key, "")) if key else ""
        static = isinstance(body.get("Properties", {}).get(key), str)
        importing = change_set.root.import_existing and static
        looked_at = importing or _seen(change_set, change.kind)
        if not physical or is_unknown(physical) or not looked_at or not _there(account, change, physical):
            return
        if not importing:
            why = f"Resource of type '{change.kind}' with identifier '{physical}' already exists."
            place = f"/Resources/{change.logical}"
            fault = Fault(change.logical, change.kind, "NAME_CONFLICT_VALIDATION", "FAIL", why, place)
            change_set.faults.append(fault)
            return
        if body.get("DeletionPolicy") not in RETAINED:
            retaining = " or ".join(RETAINED)
            raise InvalidTemplateError(
                f"Resource {change.logical} is to be imported: its DeletionPolicy must be {retaining}"
            )
    for stack in account.stacks.values():
        if any((resource.kind, resource.physical) == (change.kind, physical) for resource in stack.resources.values()):
            raise InvalidTemplateError(f"Resource {physical} of {change.logical} already belongs to stack {stack.id}")
    change.action, change.physical = "Import", physical


def refuse_existing(handler: ResourceHandler) -> None:
    """Raises `ResourceError` for a resource whose template names it and that exists, of this stack or of nobody:
    CloudFormation CLI user guide, "Resource type handler contract" (create handlers answer AlreadyExists); the words:
    widdix/mastodon-on-aws issue 27. Several calls would go well on AWS, too: S3 answers its owner's second CreateBucket
    in us-east-1 with success, PutMetricAlarm and PutRule change what is there."""
    row = handler.row
    by_name = row.kind not in REVISED and any(
        place == "{id}" and not member.lower().endswith("arn") for member, place in row.address.items()
    )
    key = identifier(row.kind) or (row.named if by_name else "")
    name = handler.properties.get(key, "")
    if isinstance(name, str) and name and ResourceHandler(handler.services, row, handler.properties, name).exists():
        what = f"Resource of type '{row.kind}' with identifier '{name}' already exists."
        raise ResourceError(f'Resource handler returned message: "{what}" (HandlerErrorCode: AlreadyExists)')


def identifier(kind: str) -> str:
    """The one property that identifies a resource and that its template can name; empty where there is none."""
    primary = schemas.identifiers(kind)
    free = len(primary) == 1 and primary[0] not in schemas.names(kind, "readOnlyProperties")
    return primary[0] if free and kind in ROWS and kind not in readback.TYPES else ""


def _there(account: Account, change: Change, physical: str) -> bool:
    if change.kind not in ROWS:
        return False
    handler = ResourceHandler(account.services, ROWS[change.kind], dict(change.after or {}), physical)
    # A row may look its resource up by name: an identifier that AWS makes up has to be in what it finds.
    return handler.exists() and (bool(identifier(change.kind)) or physical in handler.read().values())


def _seen(change_set: ChangeSet, kind: str) -> bool:
    return kind not in UNSEEN and change_set.root.validated


def emptiness(account: Account, change_set: ChangeSet, change: Change) -> None:
    """Notes a bucket that is to be deleted and holds something."""
    deleted = change.policy_action in ("Delete", "ReplaceAndDelete")
    if change.kind != BUCKET or not deleted or not change_set.root.validated:
        return
    try:
        answer = account.services.call("s3", "list_object_versions", {"Bucket": change.physical, "MaxKeys": 1})
    except ResourceError:  # it is gone already
        return
    if answer.get("Versions") or answer.get("DeleteMarkers"):
        why = (
            f"The bucket '{change.physical}' is not empty. You must either delete all objects and versions or use the "
            "deletion policy to retain it, otherwise the delete operation will fail."
        )
        place = f"/Resources/{change.logical}"
        change_set.faults.append(Fault(change.logical, change.kind, "BUCKET_EMPTINESS_VALIDATION", "WARN", why, place))


def verdict(change_set: ChangeSet) -> str:
    """Why a change set fails by what was noted; empty when it does not."""
    hooks = sorted(
        {f"AWS::EarlyValidation::{HOOKS[fault.name]}" for fault in change_set.faults if fault.mode == "FAIL"}
    )
    if not hooks:
        return ""
    advice = "To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information."
    return f"The following hook(s)/validation failed: [{', '.join(hooks)}]. {advice}"


def pure_import(change_set: ChangeSet) -> str:
    """Why a change set of type IMPORT fails: it does anything else; empty when it does not."""
    by: dict[str, list[str]] = {}
    for change in change_set.changes:
        by.setdefault(change.action, []).append(change.logical)
    if missing := by.get("Add"):
        return f"Resources [{', '.join(missing)}] is missing from ResourceToImport list"
    if modified := sorted(by.get("Modify", []) + by.get("Remove", [])):
        what = "Update, create or delete operations cannot be executed during import operations."
        names = ", ".join(modified)
        return f"You have modified resources [{names}] in your template that are not being imported. {what}"
    return ""
