"""What a service answers, compared with what was asked of it, and what moto cannot hold, type by type.

What is not named here and is not read back as it was asked for fails its resource.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jmespath

from scripts.local_aws.handlers import shapes

if TYPE_CHECKING:
    from scripts.local_aws.handlers.handler import ResourceHandler

Exceptions = Mapping[str, Mapping[str, str]]

# Types for which moto has no operation at all, with the id that stands for them.
TYPES: Mapping[str, str] = {
    "AWS::CloudFront::MonitoringSubscription": "only the stack's own record",
    "AWS::CloudFront::ResponseHeadersPolicy": "only the stack's own record and an id",
    "AWS::CloudFront::VpcOrigin": "only the stack's own record, an id and an ARN",
    "AWS::CodeBuild::ReportGroup": "only the stack's own record and an ARN",
}
WHOLE = "(the whole resource)"

# Properties that are not sent: moto refuses them or has no place for them. The stack alone remembers them.
WITHHELD: Exceptions = {
    "AWS::ApplicationAutoScaling::ScalableTarget": {"Tags": "the target without its tags"},
    "AWS::CertificateManager::Certificate": {
        "DomainValidationOptions": "the certificate, issued without a record in the hosted zone"
    },
    "AWS::CodeBuild::Project": {"Visibility": "the project alone: moto has no visibility"},
    "AWS::CloudFront::Function": {"AutoPublish": "the function as a draft: moto cannot publish it"},
}

# Properties that are sent and accepted, and that moto does not show again or shows otherwise.
NOT_SHOWN: Exceptions = {
    "AWS::Budgets::Budget": {
        "NotificationsWithSubscribers.Subscribers": "the notification without its subscribers",
        "ResourceTags": "the budget without its tags",
    },
    "AWS::CloudFront::Distribution": {
        "DistributionConfig.CacheBehaviors.FunctionAssociations": "the behaviour without its function",
        "DistributionConfig.DefaultCacheBehavior.FunctionAssociations": "the behaviour without its function",
        "DistributionConfig.Origins.OriginAccessControlId": "the origin without its access control",
        "DistributionConfig.Origins.S3OriginConfig": "the origin without it: it says only that no identity is used",
        "DistributionConfig.Origins.VpcOriginConfig": "the origin without its VPC origin",
    },
    "AWS::CloudWatch::Dashboard": {"Tags": "the dashboard without its tags"},
    "AWS::EC2::SecurityGroupIngress": {"Description": "the rule without the description, where it names a prefix list"},
    "AWS::ECS::Service": {
        "AvailabilityZoneRebalancing": "the service without it",
        "DeploymentConfiguration": "the service without alarms, circuit breaker and percentages",
        "EnableECSManagedTags": "the service without it",
        "EnableExecuteCommand": "the service without it",
        "ForceNewDeployment": "nothing: it starts a deployment and is not a state of the service",
        "HealthCheckGracePeriodSeconds": "the service without it",
    },
    "AWS::CodeBuild::Project": {"EncryptionKey": "the account's own S3 key"},
    "AWS::CodeCommit::Repository": {"Tags": "the repository without its tags"},
}


def unheld(handler: "ResourceHandler", state: Mapping[str, Any]) -> dict[str, str]:
    """The paths of properties that the service does not show as they were asked for, with what is kept instead; nothing
    for a path that is no named exception."""
    kind = handler.row.kind
    if kind in TYPES:
        return {WHOLE: TYPES[kind]}
    named = {**WITHHELD.get(kind, {}), **NOT_SHOWN.get(kind, {})}
    paths = [path for name, value in handler.properties.items() for path in _lost(handler, name, value, state)]
    return {path: next((named[place] for place in named if f"{path}.".startswith(f"{place}.")), "") for path in paths}


def _lost(handler: "ResourceHandler", name: str, value: Any, state: Mapping[str, Any]) -> list[str]:
    if name in WITHHELD.get(handler.row.kind, {}):
        return [name]
    keys = {key.lower(): key for key in state}
    if name in ("Tags", "ResourceTags"):
        shown = next((state[keys[key]] for key in ("tags", "tagset", "taglist", "resourcetags") if key in keys), None)
        return [] if shapes.tags(shown) == shapes.tags(value) else [name]
    if name in handler.row.seen:
        seen = handler.row.seen[name]
        if isinstance(seen, str):
            return shapes.lost(value, jmespath.search(seen, state), name)
        return [] if seen(value, state) else [name]
    if isinstance(value, str) and (
        value in handler.physical.split("|") or (name == handler.row.named and value in handler.physical)
    ):
        return []
    lost = []
    for key, inner in handler.prepared({name: value}).items():
        setting = next((setting for setting in handler.row.settings if setting.name == key), None)
        operation = handler.row.create if handler.takes(handler.row.create, key) or not setting else setting.put
        if not isinstance(operation, str):
            return [name]
        expected = handler.folded(operation, {key: inner})
        for member, part in expected.get(handler.row.wrap, expected).items():
            lost += shapes.lost(part, state.get(keys.get(member.lower(), "")), name)
    return lost
