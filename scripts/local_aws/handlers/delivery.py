"""What builds, releases, serves and watches: CodeBuild, CodePipeline, CloudFront, Route 53, CloudWatch, events."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from scripts.local_aws.handlers.row import Read, Row, Setting, Tagging
from scripts.local_aws.services import ResourceError

if TYPE_CHECKING:
    from scripts.local_aws.handlers.handler import ResourceHandler

RULE = {"Rule": "{id}"}
RULE_ARN = "arn:{partition}:events:{region}:{account}:rule/{id}"
ALARM_ARN = "arn:{partition}:cloudwatch:{region}:{account}:alarm:{id}"
PIPELINE_ARN = "arn:{partition}:codepipeline:{region}:{account}:{id}"
DISTRIBUTION_ARN = "arn:{partition}:cloudfront::{account}:distribution/{id}"
REPORTS_ARN = "arn:{partition}:codebuild:{region}:{account}:report-group/{Name}"


def _at_update(_: "ResourceHandler", on: Any) -> None:
    """RestartExecutionOnUpdate is no state: CloudFormation starts the pipeline after an update; not done here."""


def _delete_rule(rule: "ResourceHandler") -> None:
    if targets := rule.read()["Targets"]:
        rule.call("remove_targets", {**rule.address(None), "Ids": [target["Id"] for target in targets]})
    rule.call("delete_rule", {"Name": rule.physical})


def _targets(rule: "ResourceHandler", targets: Any) -> None:
    """Puts the targets and takes away those that are no longer wanted."""
    ids = [target["Id"] for target in targets]
    shown = rule.call("list_targets_by_rule", rule.address(None))["Targets"]
    if gone := [target["Id"] for target in shown if target["Id"] not in ids]:
        rule.call("remove_targets", {**rule.address(None), "Ids": gone})
    if targets:
        rule.call("put_targets", {**rule.folded("put_targets", {"Targets": targets}), **rule.address(None)})


def _states(properties: dict[str, Any]) -> dict[str, Any]:
    """The API takes the states of a state machine as a text."""
    if "Definition" in properties:
        properties["Definition"] = json.dumps(properties["Definition"])
    return properties


def _located(properties: dict[str, Any]) -> dict[str, Any]:
    """moto demands a location where a pipeline is source and destination; AWS ignores it there."""
    for name in ("Source", "Artifacts"):
        if properties.get(name, {}).get("Type") == "CODEPIPELINE":
            properties[name] = {"Location": "the-pipeline", **properties[name]}
    return properties


def _behavior(behavior: dict[str, Any]) -> dict[str, Any]:
    """A cache behaviour: the API nests the cached methods in the allowed ones."""
    allowed, cached = (behavior.get(name, ["GET", "HEAD"]) for name in ("AllowedMethods", "CachedMethods"))
    methods = {"Quantity": len(allowed), "Items": allowed, "CachedMethods": {"Quantity": len(cached), "Items": cached}}
    return {**{key: value for key, value in behavior.items() if key != "CachedMethods"}, "AllowedMethods": methods}


def _distribution(properties: dict[str, Any]) -> dict[str, Any]:
    """CloudFront's API wants said what CloudFormation leaves out."""
    if "DistributionConfig" not in properties:
        return properties
    config = {"Comment": "", **properties["DistributionConfig"]}
    config["DefaultCacheBehavior"] = _behavior(config["DefaultCacheBehavior"])
    if "CacheBehaviors" in config:
        config["CacheBehaviors"] = [_behavior(behavior) for behavior in config["CacheBehaviors"]]
    for origin in config["Origins"]:
        if "CustomOriginConfig" in origin:
            origin["CustomOriginConfig"] = {"HTTPPort": 80, "HTTPSPort": 443, **origin["CustomOriginConfig"]}
    if "Logging" in config:
        config["Logging"] = {"Enabled": True, "IncludeCookies": False, "Prefix": "", **config["Logging"]}
    return {**properties, "DistributionConfig": config}


def _record(properties: dict[str, Any]) -> dict[str, Any]:
    """The API knows records as changes of their zone. As CloudFormation's, a first change makes, and fails on another's
    record of that name and type."""
    record = {name: value for name, value in properties.items() if name not in ("HostedZoneId", "Comment")}
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    return {"HostedZoneId": properties.get("HostedZoneId"), "ChangeBatch": batch}


def _change_records(handler: "ResourceHandler", *changes: tuple[str, Any]) -> None:
    """Changes of a zone, all or none (Route 53 API reference, ChangeResourceRecordSets)."""
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record} for action, record in changes]}
    handler.call(
        "change_resource_record_sets", {"HostedZoneId": handler.properties["HostedZoneId"], "ChangeBatch": batch}
    )


def _update_record(handler: "ResourceHandler", batch: Any) -> None:
    """Of the properties of a record its zone alone is create-only in the schema of the type: another name is a change
    in place, which keeps the physical id (CloudFormation user guide, "Update behaviors of stack resources"). Route 53
    renames nothing, so that the old record goes and the new one comes in the same batch."""
    [change] = handler.folded(handler.row.create, {"ChangeBatch": batch})["ChangeBatch"]["Changes"]
    record, before = change["ResourceRecordSet"], handler.before
    if all(record[key] == before[key] for key in ("Name", "Type")):
        _change_records(handler, ("UPSERT", record))
    else:
        old = replace(handler, properties=dict(before)).read()
        _change_records(handler, ("DELETE", old), ("CREATE", record))


def _shown_record(record: "ResourceHandler") -> dict[str, Any]:
    """The record of a name and a type: where there is none, Route 53 shows the next one (API reference,
    ListResourceRecordSets). Raises `ResourceError`."""
    name, kind = record.properties["Name"], record.properties["Type"]
    where = {"HostedZoneId": record.properties["HostedZoneId"], "StartRecordName": name}
    answer = record.call("list_resource_record_sets", {**where, "StartRecordType": kind})
    for shown in answer["ResourceRecordSets"][:1]:
        if shown["Type"] == kind and _same_name(name, shown["Name"]):
            return dict(shown)
    raise ResourceError(f"{kind} record {name} does not exist (HandlerErrorCode: NotFound)")


def _same_name(value: str, shown: str) -> bool:
    """Route 53 shows names with the dot at their end."""
    return value.rstrip(".").lower() == shown.rstrip(".").lower()


def _leads_to(alias: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
    shown = state.get("AliasTarget", {})
    return _same_name(alias["DNSName"], shown.get("DNSName", "")) and alias["HostedZoneId"] == shown["HostedZoneId"]


def _reconfigure(distribution: "ResourceHandler", config: Any) -> None:
    row = distribution.row
    folded = distribution.folded(row.create, {"DistributionConfig": config})[row.wrap]["DistributionConfig"]
    state = distribution.read()
    folded["CallerReference"] = state["DistributionConfig"]["CallerReference"]
    distribution.call(
        "update_distribution", {**distribution.address(None), "IfMatch": state["ETag"], "DistributionConfig": folded}
    )


def _disable_and_delete(distribution: "ResourceHandler") -> None:
    state = distribution.read()
    off = {**state["DistributionConfig"], "Enabled": False}
    distribution.call(
        "update_distribution", {**distribution.address(None), "IfMatch": state["ETag"], "DistributionConfig": off}
    )
    distribution.call("delete_distribution", {**distribution.address(None), "IfMatch": distribution.read()["ETag"]})


def _code(function: "ResourceHandler") -> dict[str, Any]:
    return {"FunctionCode": function.call("get_function", function.address(None))["FunctionCode"].read().decode()}


def _notifications(budget: "ResourceHandler") -> dict[str, Any]:
    """A budget's notifications; moto tells them without their subscribers."""
    answer = budget.call("describe_notifications_for_budget", budget.address(None))
    return {"NotificationsWithSubscribers": [{"Notification": item} for item in answer.get("Notifications", ())]}


def _tags(member: str, arn: str) -> Read:
    return Read("list_tags_for_resource", "Tags.Items || Tags || tags", "Tags", {member: arn})


# fmt: off
ROWS = (
    Row("AWS::CodeBuild::Project", "codebuild", "create_project", "$project.name", {"name": "{id}"},
        (Read("batch_get_projects", "projects[0]", address={"names": ["{id}"]}),),
        delete="delete_project", named="Name", longest=150, prepare=_located, recreate=True,
        attributes={"Arn": "$arn"}),
    Row("AWS::CodeBuild::ReportGroup", "codebuild", "", REPORTS_ARN, {}, (),
        named="Name", longest=128, attributes={"Arn": "{id}"}),
    Row("AWS::CodePipeline::Pipeline", "codepipeline", "create_pipeline", "$pipeline.name", {},
        (Read("get_pipeline", "pipeline", address={"name": "{id}"}), _tags("resourceArn", PIPELINE_ARN)),
        update="update_pipeline", delete="delete_pipeline", delete_address={"name": "{id}"},
        named="Name", longest=100, wrap="pipeline",
        settings=(Setting("RestartExecutionOnUpdate", _at_update, _at_update),),
        seen={"RestartExecutionOnUpdate": lambda on, _: on in (False, "false")},
        tagging=Tagging({"resourceArn": PIPELINE_ARN}), attributes={"Arn": PIPELINE_ARN, "Version": "$version"}),
    Row("AWS::CloudFront::Distribution", "cloudfront", "create_distribution_with_tags", "$Distribution.Id",
        {"Id": "{id}"},
        (Read("get_distribution", "{ETag: ETag, DomainName: Distribution.DomainName, "
                                  "DistributionConfig: Distribution.DistributionConfig}"),
         _tags("Resource", DISTRIBUTION_ARN)),
        delete=_disable_and_delete, wrap="DistributionConfigWithTags", prepare=_distribution,
        rename={"DistributionConfig.IPV6Enabled": "IsIPV6Enabled",
                "DistributionConfig.Origins.OriginCustomHeaders": "CustomHeaders"},
        settings=(Setting("DistributionConfig", _reconfigure),),
        fixed={"DistributionConfigWithTags": {"DistributionConfig": {"CallerReference": "{unique}"}}},
        tagging=Tagging({"Resource": DISTRIBUTION_ARN}), attributes={"Id": "{id}", "DomainName": "$DomainName"}),
    Row("AWS::CloudFront::MonitoringSubscription", "cloudfront", "", "{DistributionId}", {}, ()),
    Row("AWS::CertificateManager::Certificate", "acm", "request_certificate", "$CertificateArn",
        {"CertificateArn": "{id}"},
        (Read("describe_certificate", "Certificate"), Read("list_tags_for_certificate", "Tags", "Tags")),
        delete="delete_certificate", seen={"ValidationMethod": "DomainValidationOptions[0].ValidationMethod"},
        tagging=Tagging({"CertificateArn": "{id}"}, "add_tags_to_certificate", "remove_tags_from_certificate"),
        attributes={"CertificateArn": "{id}"}),
    Row("AWS::Route53::RecordSet", "route53", "change_resource_record_sets", "{Name}", {},
        (Read(_shown_record),),
        delete=lambda handler: _change_records(handler, ("DELETE", handler.read())), prepare=_record,
        settings=(Setting("ChangeBatch", _update_record),),
        seen={"HostedZoneId": lambda zone, _: bool(zone), "Name": lambda name, state: _same_name(name, state["Name"]),
              "Type": "Type", "AliasTarget": _leads_to}),
    Row("AWS::CloudFront::Function", "cloudfront", "create_function", "$FunctionSummary.FunctionMetadata.FunctionARN",
        {"Name": "{Name}"},
        (Read("describe_function", "{ETag: ETag, FunctionConfig: FunctionSummary.FunctionConfig}"),
         Read(_code), _tags("Resource", "{id}")),
        delete="delete_function", delete_address={"Name": "{Name}", "IfMatch": "$ETag"},
        named="Name", recreate=True, tagging=Tagging({"Resource": "{id}"}),
        attributes={"FunctionARN": "{id}", "FunctionMetadata.FunctionARN": "{id}"}),
    Row("AWS::CloudFront::OriginAccessControl", "cloudfront", "create_origin_access_control", "$OriginAccessControl.Id",
        {"Id": "{id}"},
        (Read("get_origin_access_control",
              "{ETag: ETag, OriginAccessControlConfig: OriginAccessControl.OriginAccessControlConfig}"),),
        update="update_origin_access_control", update_fixed={"IfMatch": "$ETag"}, delete="delete_origin_access_control",
        delete_address={"Id": "{id}", "IfMatch": "$ETag"}, attributes={"Id": "{id}"}),
    Row("AWS::CloudFront::ResponseHeadersPolicy", "cloudfront", "", "{unique}", {}, (), attributes={"Id": "{id}"}),
    Row("AWS::CloudFront::VpcOrigin", "cloudfront", "", "vo_{unique}", {}, (),
        attributes={"Id": "{id}", "Arn": "arn:{partition}:cloudfront::{account}:vpcorigin/{id}"}),
    Row("AWS::CloudWatch::Alarm", "cloudwatch", "put_metric_alarm", "{AlarmName}", {},
        (Read("describe_alarms", "MetricAlarms[0]", address={"AlarmNames": ["{id}"]}), _tags("ResourceARN", ALARM_ARN)),
        update="put_metric_alarm", delete="delete_alarms", delete_address={"AlarmNames": ["{id}"]},
        named="AlarmName", longest=255, tagging=Tagging({"ResourceARN": ALARM_ARN}), attributes={"Arn": "$AlarmArn"}),
    Row("AWS::CloudWatch::Dashboard", "cloudwatch", "put_dashboard", "{DashboardName}", {"DashboardName": "{id}"},
        (Read("get_dashboard"),),
        update="put_dashboard", delete="delete_dashboards", delete_address={"DashboardNames": ["{id}"]},
        named="DashboardName", longest=255),
    Row("AWS::Events::Rule", "events", "put_rule", "{Name}", RULE,
        (Read("describe_rule", address={"Name": "{id}"}), Read("list_targets_by_rule", "Targets", "Targets"),
         _tags("ResourceARN", RULE_ARN)),
        update="put_rule", update_fixed={"Name": "{id}"}, delete=_delete_rule, named="Name",
        settings=(Setting("Targets", _targets, lambda rule, _: _targets(rule, ())),),
        seen={"Targets": "Targets"}, tagging=Tagging({"ResourceARN": RULE_ARN}), attributes={"Arn": "$Arn"}),
    Row("AWS::StepFunctions::StateMachine", "stepfunctions", "create_state_machine", "$stateMachineArn",
        {"stateMachineArn": "{id}"}, (Read("describe_state_machine"), _tags("resourceArn", "{id}")),
        update="update_state_machine", delete="delete_state_machine", prepare=_states, named="StateMachineName",
        longest=80, rename={"StateMachineName": "name", "StateMachineType": "type"},
        seen={"Definition": lambda states, state: json.loads(state["definition"]) == states,
              "StateMachineName": "name", "StateMachineType": "type"},
        tagging=Tagging({"resourceArn": "{id}"}), attributes={"Arn": "{id}", "Name": "$name"}),
    Row("AWS::Budgets::Budget", "budgets", "create_budget", "{Budget[BudgetName]}",
        {"AccountId": "{account}", "BudgetName": "{id}"},
        (Read("describe_budget", "Budget", "Budget"), Read(_notifications)),
        delete="delete_budget", fixed={"AccountId": "{account}"}, recreate=True),
)
# fmt: on
