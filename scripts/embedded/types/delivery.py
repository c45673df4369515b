"""What runs, builds, releases, serves and watches: ECS, CodeBuild, CodePipeline, CloudFront, CloudWatch, Events."""

from typing import TYPE_CHECKING, Any

from scripts.embedded.types.row import Read, Row, Setting, Tagging

if TYPE_CHECKING:
    from scripts.embedded.resources import Thing

ECS_TAGS = Tagging({"resourceArn": "{id}"})
SERVICE = {"cluster": "{Cluster}", "service": "{id}"}
RULE = {"Rule": "{id}"}
RULE_ARN = "arn:{partition}:events:{region}:{account}:rule/{id}"
ALARM_ARN = "arn:{partition}:cloudwatch:{region}:{account}:alarm:{id}"
PIPELINE_ARN = "arn:{partition}:codepipeline:{region}:{account}:{id}"
BUDGET = {"AccountId": "{account}", "BudgetName": "{id}"}
SCALED = {"ServiceNamespace": "{parts[2]}", "ResourceId": "{parts[0]}", "ScalableDimension": "{parts[1]}"}


def _redeploy(service: "Thing", _: Any) -> None:
    """ForceNewDeployment is no state: a change of its nonce starts a deployment."""
    service.call("update_service", {**service.address(None), "forceNewDeployment": True})


def _restart(_: "Thing", on: Any) -> None:
    """Not a state of the pipeline: CloudFormation itself starts it after an update, which is not done here."""


def _delete_rule(rule: "Thing") -> None:
    if targets := rule.read()["Targets"]:
        rule.call("remove_targets", {**rule.address(None), "Ids": [one["Id"] for one in targets]})
    rule.call("delete_rule", {"Name": rule.physical})


def _scaled(properties: dict[str, Any]) -> dict[str, Any]:
    """A policy names its target by the three parts of the target's id."""
    if "ScalingTargetId" not in properties:
        return properties
    resource, dimension, namespace = properties.pop("ScalingTargetId").split("|")
    return {**properties, "ResourceId": resource, "ScalableDimension": dimension, "ServiceNamespace": namespace}


def _located(properties: dict[str, Any]) -> dict[str, Any]:
    """moto demands a location where a pipeline is source and destination; AWS ignores it there."""
    for name in ("Source", "Artifacts"):
        if properties.get(name, {}).get("Type") == "CODEPIPELINE":
            properties[name] = {"Location": "the-pipeline", **properties[name]}
    return properties


def _distribution(properties: dict[str, Any]) -> dict[str, Any]:
    """CloudFront's API nests the cached methods and wants switches said that CloudFormation leaves out."""
    config = dict(properties.get("DistributionConfig", {}))
    if not config:
        return properties
    behaviors = [config["DefaultCacheBehavior"], *config.get("CacheBehaviors", ())]
    said = []
    for one in behaviors:
        methods = {"Items": one.get("AllowedMethods", ["GET", "HEAD"])}
        cached = one.get("CachedMethods", ["GET", "HEAD"])
        methods = {
            "Quantity": len(methods["Items"]),
            **methods,
            "CachedMethods": {"Quantity": len(cached), "Items": cached},
        }
        said.append({**{key: value for key, value in one.items() if key != "CachedMethods"}, "AllowedMethods": methods})
    config["DefaultCacheBehavior"] = said[0]
    if said[1:]:
        config["CacheBehaviors"] = said[1:]
    if "Logging" in config:
        config["Logging"] = {"Enabled": True, "IncludeCookies": False, "Prefix": "", **config["Logging"]}
    return {**properties, "DistributionConfig": {"CallerReference": "cloudformation", "Comment": "", **config}}


def _tagged(arn: str) -> Read:
    return Read("list_tags_for_resource", "Tags.Items || Tags || tags", "Tags", {"ResourceARN": arn})


ROWS = (
    Row(
        "AWS::ECS::Cluster",
        "ecs",
        "create_cluster",
        "$cluster.clusterName",
        {"cluster": "{id}"},
        (
            Read(
                "describe_clusters",
                "clusters[?status=='ACTIVE'] | [0]",
                address={"clusters": ["{id}"], "include": ["SETTINGS", "TAGS", "CONFIGURATIONS"]},
            ),
        ),
        update="update_cluster",
        delete="delete_cluster",
        named="ClusterName",
        longest=255,
        rename={"ClusterSettings": "settings"},
        tagging=Tagging({"resourceArn": "arn:{partition}:ecs:{region}:{account}:cluster/{id}"}),
        attributes={"Arn": "$clusterArn"},
    ),
    Row(
        "AWS::ECS::TaskDefinition",
        "ecs",
        "register_task_definition",
        "$taskDefinition.taskDefinitionArn",
        {"taskDefinition": "{id}"},
        (
            Read("describe_task_definition", "taskDefinition", address={"taskDefinition": "{id}", "include": ["TAGS"]}),
            Read("list_tags_for_resource", "tags", "tags", {"resourceArn": "{id}"}),
        ),
        delete="deregister_task_definition",
        named="Family",
        longest=255,
        tagging=ECS_TAGS,
        attributes={"TaskDefinitionArn": "{id}"},
    ),
    Row(
        "AWS::ECS::Service",
        "ecs",
        "create_service",
        "$service.serviceArn",
        SERVICE,
        (
            Read(
                "describe_services",
                "services[?status=='ACTIVE'] | [0]",
                address={"cluster": "{Cluster}", "services": ["{id}"], "include": ["TAGS"]},
            ),
        ),
        update="update_service",
        delete="delete_service",
        delete_address={**SERVICE, "force": True},
        named="ServiceName",
        longest=255,
        settings=(Setting("ForceNewDeployment", _redeploy, _redeploy),),
        tagging=ECS_TAGS,
        attributes={"Name": "$serviceName", "ServiceArn": "{id}"},
        seen={"Cluster": lambda name, state: state["clusterArn"].endswith(f"/{name}")},
    ),
    Row(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "application-autoscaling",
        "register_scalable_target",
        "{ResourceId}|{ScalableDimension}|{ServiceNamespace}",
        SCALED,
        (
            Read(
                "describe_scalable_targets",
                "ScalableTargets[0]",
                address={
                    "ServiceNamespace": "{parts[2]}",
                    "ResourceIds": ["{parts[0]}"],
                    "ScalableDimension": "{parts[1]}",
                },
            ),
        ),
        update="register_scalable_target",
        delete="deregister_scalable_target",
        tagging=Tagging({"ResourceARN": "$ScalableTargetARN"}),
        attributes={"Id": "{id}"},
    ),
    Row(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "application-autoscaling",
        "put_scaling_policy",
        "$PolicyARN",
        {},
        (
            Read(
                "describe_scaling_policies",
                "ScalingPolicies[?PolicyARN=='<id>'] | [0]",
                address={"ServiceNamespace": "ecs"},
            ),
        ),
        update="put_scaling_policy",
        delete=lambda one: one.call(
            "delete_scaling_policy",
            {
                key: one.prepared(one.properties)[key]
                for key in ("PolicyName", "ServiceNamespace", "ResourceId", "ScalableDimension")
            },
        ),
        prepare=_scaled,
        attributes={"Arn": "{id}"},
    ),
    Row(
        "AWS::CodeBuild::Project",
        "codebuild",
        "create_project",
        "$project.name",
        {"name": "{id}"},
        (Read("batch_get_projects", "projects[0]", address={"names": ["{id}"]}),),
        delete="delete_project",
        named="Name",
        longest=150,
        prepare=_located,
        recreate=True,
        attributes={"Arn": "$arn"},
    ),
    Row(
        "AWS::CodePipeline::Pipeline",
        "codepipeline",
        "create_pipeline",
        "$pipeline.name",
        {},
        (
            Read("get_pipeline", "pipeline", address={"name": "{id}"}),
            Read("list_tags_for_resource", "tags", "tags", {"resourceArn": PIPELINE_ARN}),
        ),
        update="update_pipeline",
        delete="delete_pipeline",
        delete_address={"name": "{id}"},
        named="Name",
        longest=100,
        wrap="pipeline",
        settings=(Setting("RestartExecutionOnUpdate", _restart, _restart),),
        seen={"RestartExecutionOnUpdate": lambda on, _: on in (False, "false")},
        tagging=Tagging({"resourceArn": PIPELINE_ARN}),
        attributes={"Arn": PIPELINE_ARN, "Version": "$version"},
    ),
    Row(
        "AWS::CloudFront::Distribution",
        "cloudfront",
        "create_distribution_with_tags",
        "$Distribution.Id",
        {"Id": "{id}"},
        (
            Read("get_distribution", "{ETag: ETag, ARN: Distribution.ARN, DomainName: Distribution.DomainName}"),
            Read("get_distribution", "Distribution.DistributionConfig", "DistributionConfig"),
            Read(
                "list_tags_for_resource",
                "Tags.Items",
                "Tags",
                {"Resource": "arn:{partition}:cloudfront::{account}:distribution/{id}"},
            ),
        ),
        delete=lambda one: _disable_and_delete(one),
        wrap="DistributionConfigWithTags",
        prepare=_distribution,
        rename={"DistributionConfig.IPV6Enabled": "IsIPV6Enabled"},
        settings=(Setting("DistributionConfig", lambda one, config: _reconfigure(one, config)),),
        tagging=Tagging({"Resource": "arn:{partition}:cloudfront::{account}:distribution/{id}"}),
        attributes={"Id": "{id}", "DomainName": "$DomainName"},
    ),
    Row(
        "AWS::CloudFront::Function",
        "cloudfront",
        "create_function",
        "$FunctionSummary.FunctionMetadata.FunctionARN",
        {"Name": "{Name}"},
        (
            Read(
                "describe_function",
                "{ETag: ETag, FunctionConfig: FunctionSummary.FunctionConfig, "
                "FunctionARN: FunctionSummary.FunctionMetadata.FunctionARN}",
            ),
            Read(
                lambda one: {
                    "FunctionCode": one.call("get_function", one.address(None))["FunctionCode"].read().decode()
                }
            ),
            Read("list_tags_for_resource", "Tags.Items", "Tags", {"Resource": "{id}"}),
        ),
        delete="delete_function",
        delete_address={"Name": "{Name}", "IfMatch": "$ETag"},
        named="Name",
        recreate=True,
        tagging=Tagging({"Resource": "{id}"}),
        attributes={"FunctionARN": "{id}", "FunctionMetadata.FunctionARN": "{id}"},
    ),
    Row(
        "AWS::CloudFront::OriginAccessControl",
        "cloudfront",
        "create_origin_access_control",
        "$OriginAccessControl.Id",
        {"Id": "{id}"},
        (
            Read(
                "get_origin_access_control",
                "{ETag: ETag, OriginAccessControlConfig: OriginAccessControl.OriginAccessControlConfig}",
            ),
        ),
        update="update_origin_access_control",
        delete="delete_origin_access_control",
        delete_address={"Id": "{id}", "IfMatch": "$ETag"},
        attributes={"Id": "{id}"},
    ),
    Row(
        "AWS::CloudWatch::Alarm",
        "cloudwatch",
        "put_metric_alarm",
        "{AlarmName}",
        {},
        (
            Read("describe_alarms", "MetricAlarms[0]", address={"AlarmNames": ["{id}"]}),
            _tagged(ALARM_ARN),
        ),
        update="put_metric_alarm",
        delete="delete_alarms",
        delete_address={"AlarmNames": ["{id}"]},
        named="AlarmName",
        longest=255,
        tagging=Tagging({"ResourceARN": ALARM_ARN}),
        attributes={"Arn": "$AlarmArn"},
    ),
    Row(
        "AWS::CloudWatch::Dashboard",
        "cloudwatch",
        "put_dashboard",
        "{DashboardName}",
        {"DashboardName": "{id}"},
        (Read("get_dashboard"),),
        update="put_dashboard",
        delete="delete_dashboards",
        delete_address={"DashboardNames": ["{id}"]},
        named="DashboardName",
        longest=255,
    ),
    Row(
        "AWS::Events::Rule",
        "events",
        "put_rule",
        "{Name}",
        RULE,
        (
            Read("describe_rule", address={"Name": "{id}"}),
            Read("list_targets_by_rule", "Targets", "Targets"),
            _tagged(RULE_ARN),
        ),
        update="put_rule",
        delete=_delete_rule,
        named="Name",
        settings=(Setting("Targets", "put_targets"),),
        tagging=Tagging({"ResourceARN": RULE_ARN}),
        attributes={"Arn": "$Arn"},
    ),
    Row(
        "AWS::CloudFront::VpcOrigin",
        "cloudfront",
        "",
        "vo_{unique}",
        {},
        (),
        attributes={"Id": "{id}", "Arn": "arn:{partition}:cloudfront::{account}:vpcorigin/{id}"},
    ),
    Row(
        "AWS::CodeBuild::ReportGroup",
        "codebuild",
        "",
        "arn:{partition}:codebuild:{region}:{account}:report-group/{Name}",
        {},
        (),
        attributes={"Arn": "{id}"},
        named="Name",
        longest=128,
    ),
    Row(
        "AWS::Budgets::Budget",
        "budgets",
        "create_budget",
        "{Budget[BudgetName]}",
        BUDGET,
        (
            Read("describe_budget", "Budget", "Budget"),
            Read(lambda one: _notifications(one)),
        ),
        delete="delete_budget",
        fixed={"AccountId": "{account}"},
        recreate=True,
    ),
)


def _reconfigure(one: "Thing", config: Any) -> None:
    folded = one.folded(one.row.create, {"DistributionConfig": config})[one.row.wrap]["DistributionConfig"]
    tag = one.read()["ETag"]
    one.call("update_distribution", {**one.address(None), "IfMatch": tag, "DistributionConfig": folded})


def _disable_and_delete(one: "Thing") -> None:
    config = one.read()["DistributionConfig"]
    if config["Enabled"]:
        _off = {**config, "Enabled": False}
        one.call(
            "update_distribution", {**one.address(None), "IfMatch": one.read()["ETag"], "DistributionConfig": _off}
        )
    one.call("delete_distribution", {**one.address(None), "IfMatch": one.read()["ETag"]})


def _notifications(one: "Thing") -> dict[str, Any]:
    """A budget's notifications; moto tells them without their subscribers."""
    answer = one.call("describe_notifications_for_budget", one.address(None))
    return {"NotificationsWithSubscribers": [{"Notification": item} for item in answer.get("Notifications", ())]}
