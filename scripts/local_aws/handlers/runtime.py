"""What runs, and load balancers before it: Elastic Load Balancing, ECS, Application Auto Scaling, Elastic Beanstalk."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore import xform_name

from scripts.local_aws.handlers import shapes
from scripts.local_aws.handlers.row import Read, Row, Setting, Tagging

if TYPE_CHECKING:
    from scripts.local_aws.handlers.handler import ResourceHandler

ECS_TAGS = Tagging({"resourceArn": "{id}"})
SERVICE = {"cluster": "{Cluster}", "service": "{id}"}
SCALED = {"ServiceNamespace": "{parts[2]}", "ResourceId": "{parts[0]}", "ScalableDimension": "{parts[1]}"}
CLUSTER_ARN = "arn:{partition}:ecs:{region}:{account}:cluster/{id}"


def _elb(kind: str, noun: str = "", **more: Any) -> Row:
    """A row by the load balancers' custom: everything is named by its ARN. The noun is the type's last word, unless
    another is given."""
    noun = noun or kind.rpartition(":")[2]
    verb, arn_name = xform_name(noun), f"{noun}Arn"
    reads = (
        Read(f"describe_{verb}s", f"{noun}s[0]", address={f"{arn_name}s": ["{id}"]}),
        Read("describe_tags", "TagDescriptions[0].Tags", "Tags", {"ResourceArns": ["{id}"]}),
        *more.pop("reads", ()),
    )
    more["attributes"] = {arn_name: "{id}", **more.get("attributes", {})}
    tagging = Tagging({"ResourceArns": ["{id}"]}, "add_tags", "remove_tags")
    names = (kind, "elbv2", f"create_{verb}", f"${noun}s[0].{arn_name}")
    return Row(*names, {arn_name: "{id}"}, reads, delete=f"delete_{verb}", tagging=tagging, **more)


def _among(name: str) -> Callable[[Any, Mapping[str, Any]], bool]:
    """Attributes of a load balancer or target group: those of the template among all there are."""
    return lambda attributes, state: shapes.tags(attributes).items() <= shapes.tags(state[name]).items()


def _redeploy(service: "ResourceHandler", _: Any) -> None:
    """ForceNewDeployment is no state: a change of its nonce starts a deployment, of the template's task definition
    whatever the pipeline has deployed since."""
    arguments = {"taskDefinition": service.properties["TaskDefinition"], "forceNewDeployment": True}
    service.call("update_service", {**service.address(None), **arguments})


def _forced(service: "ResourceHandler") -> dict[str, Any]:
    """CloudFormation sends every property with each change (cloudformation-coverage-roadmap issue 1529), so that one
    which forces deployments forces one whatever has changed. That last step is judgement: no source settles it."""
    force = service.properties.get("ForceNewDeployment", {}).get("EnableForceNewDeployment", False)
    return {"forceNewDeployment": force in (True, "true")}


def _is_ready(environment: "ResourceHandler") -> bool:
    return bool(environment.read()["Status"] == "Ready")


def _scaled(properties: dict[str, Any]) -> dict[str, Any]:
    """A policy names its target by the three parts of the target's id."""
    if "ScalingTargetId" not in properties:
        return properties
    resource, dimension, namespace = properties.pop("ScalingTargetId").split("|")
    return {**properties, "ResourceId": resource, "ScalableDimension": dimension, "ServiceNamespace": namespace}


def _delete_policy(policy: "ResourceHandler") -> None:
    named = ("PolicyName", "ServiceNamespace", "ResourceId", "ScalableDimension")
    policy.call("delete_scaling_policy", {key: policy.prepared(policy.properties)[key] for key in named})


APPLICATION, ENVIRONMENT = {"ApplicationName": "{id}"}, {"EnvironmentName": "{id}"}
EB_ARN = "arn:{partition}:elasticbeanstalk:{region}:{account}:environment/{ApplicationName}/{id}"
EB_SETTINGS = {"ApplicationName": "{ApplicationName}", "EnvironmentName": "{id}"}


def _options(environment: "ResourceHandler", options: Any) -> None:
    """All options of the template, and none that it no longer has."""
    answer = environment.call("describe_configuration_settings", environment.address(EB_SETTINGS))
    named = {(option["Namespace"], option["OptionName"]) for option in options or ()}
    gone = [
        {"Namespace": option["Namespace"], "OptionName": option["OptionName"]}
        for option in answer["ConfigurationSettings"][0]["OptionSettings"]
        if (option["Namespace"], option["OptionName"]) not in named
    ]
    environment.call(
        "update_environment",
        {**environment.address(ENVIRONMENT), "OptionSettings": list(options or ()), "OptionsToRemove": gone},
    )


def _tags(environment: "ResourceHandler", tags: Any) -> None:
    """All tags of the template, and none that it no longer has."""
    address = environment.address({"ResourceArn": EB_ARN})
    present = shapes.tags(environment.call("list_tags_for_resource", address)["ResourceTags"])
    new = shapes.tags(tags)
    changes = {
        "TagsToAdd": [{"Key": key, "Value": value} for key, value in new.items()],
        "TagsToRemove": sorted(present.keys() - new.keys()),
    }
    environment.call("update_tags_for_resource", {**address, **{name: some for name, some in changes.items() if some}})


def _same_options(options: Any, state: Any) -> bool:
    """Options have no order."""

    def key(option: Any) -> tuple[str, str]:
        return option["Namespace"], option["OptionName"]

    return sorted(map(dict, options), key=key) == sorted(map(dict, state["Options"]), key=key)


# fmt: off
ROWS = (
    _elb("AWS::ElasticLoadBalancingV2::LoadBalancer", named="Name", longest=32,
         reads=(Read("describe_load_balancer_attributes", "Attributes", "Attributes"),),
         rename={"LoadBalancerAttributes": "Attributes"},
         settings=(Setting("LoadBalancerAttributes", "modify_load_balancer_attributes"),
                   Setting("SecurityGroups", "set_security_groups"),
                   Setting("Subnets", "set_subnets")),
         attributes={"DNSName": "$DNSName", "LoadBalancerFullName": "{tail}", "LoadBalancerName": "$LoadBalancerName",
                     "CanonicalHostedZoneID": "$CanonicalHostedZoneId"},
         seen={"Subnets": "AvailabilityZones[].SubnetId", "LoadBalancerAttributes": _among("Attributes")}),
    _elb("AWS::ElasticLoadBalancingV2::TargetGroup", named="Name", longest=32, update="modify_target_group",
         reads=(Read("describe_target_group_attributes", "Attributes", "Attributes"),),
         rename={"TargetGroupAttributes": "Attributes"},
         settings=(Setting("TargetGroupAttributes", "modify_target_group_attributes"),),
         attributes={"TargetGroupFullName": "{last}", "TargetGroupName": "$TargetGroupName"},
         seen={"TargetGroupAttributes": _among("Attributes")}),
    _elb("AWS::ElasticLoadBalancingV2::Listener", update="modify_listener"),
    _elb("AWS::ElasticLoadBalancingV2::ListenerRule", "Rule", update="modify_rule",
         # A listener belongs to the rule's ARN.
         seen={"ListenerArn": lambda arn, state:
               state["RuleArn"].startswith(arn.replace(":listener/", ":listener-rule/"))}),
    Row("AWS::ECS::Cluster", "ecs", "create_cluster", "$cluster.clusterName", {"cluster": "{id}"},
        (Read("describe_clusters", "clusters[?status=='ACTIVE'] | [0]",
              address={"clusters": ["{id}"], "include": ["SETTINGS", "TAGS", "CONFIGURATIONS"]}),),
        update="update_cluster", delete="delete_cluster", named="ClusterName", longest=255,
        rename={"ClusterSettings": "settings"}, tagging=Tagging({"resourceArn": CLUSTER_ARN}),
        attributes={"Arn": "$clusterArn"}),
    Row("AWS::ECS::TaskDefinition", "ecs", "register_task_definition", "$taskDefinition.taskDefinitionArn",
        {"taskDefinition": "{id}"},
        (Read("describe_task_definition", "taskDefinition"),
         Read("list_tags_for_resource", "tags", "tags", {"resourceArn": "{id}"})),
        delete="deregister_task_definition", named="Family", longest=255, tagging=ECS_TAGS,
        attributes={"TaskDefinitionArn": "{id}"}),
    Row("AWS::ECS::Service", "ecs", "create_service", "$service.serviceArn", SERVICE,
        (Read("describe_services", "services[?status=='ACTIVE'] | [0]",
              address={"cluster": "{Cluster}", "services": ["{id}"], "include": ["TAGS"]}),),
        update="update_service", update_fixed=_forced, delete="delete_service",
        delete_address={**SERVICE, "force": True}, named="ServiceName", longest=255, tagging=ECS_TAGS,
        settings=(Setting("ForceNewDeployment", _redeploy, _redeploy),),
        attributes={"Name": "$serviceName", "ServiceArn": "{id}"},
        seen={"Cluster": lambda name, state: state["clusterArn"].endswith(f"/{name}")}),
    Row("AWS::ApplicationAutoScaling::ScalableTarget", "application-autoscaling", "register_scalable_target",
        "{ResourceId}|{ScalableDimension}|{ServiceNamespace}", SCALED,
        (Read("describe_scalable_targets", "ScalableTargets[0]",
              address={"ServiceNamespace": "{parts[2]}", "ResourceIds": ["{parts[0]}"]}),),
        update="register_scalable_target", delete="deregister_scalable_target", attributes={"Id": "{id}"}),
    Row("AWS::ApplicationAutoScaling::ScalingPolicy", "application-autoscaling", "put_scaling_policy", "$PolicyARN", {},
        (Read("describe_scaling_policies", "ScalingPolicies[?PolicyARN=='<id>'] | [0]",
              address={"ServiceNamespace": "ecs"}),),
        update="put_scaling_policy", delete=_delete_policy, prepare=_scaled, attributes={"Arn": "{id}"}),
    Row("AWS::ElasticBeanstalk::Application", "elasticbeanstalk", "create_application",
        "$Application.ApplicationName", APPLICATION,
        (Read("describe_applications", "Applications[0]", address={"ApplicationNames": ["{id}"]}),),
        update="update_application", delete="delete_application", named="ApplicationName", longest=100,
        settings=(Setting("ResourceLifecycleConfig", "update_application_resource_lifecycle"),)),
    Row("AWS::ElasticBeanstalk::Environment", "elasticbeanstalk", "create_environment", "$EnvironmentName", ENVIRONMENT,
        (Read("describe_environments", "Environments[0]", address={"EnvironmentNames": ["{id}"]}),
         Read("describe_configuration_settings", "ConfigurationSettings[0].OptionSettings", "Options", EB_SETTINGS),
         Read("list_tags_for_resource", "ResourceTags", "Tags", {"ResourceArn": EB_ARN})),
        update="update_environment", delete="terminate_environment", named="EnvironmentName", longest=40,
        settings=(Setting("OptionSettings", _options, _options), Setting("Tags", _tags, _tags)),
        attributes={"EndpointURL": "$CNAME"}, ready=_is_ready,
        seen={"OptionSettings": _same_options}),
)
# fmt: on
