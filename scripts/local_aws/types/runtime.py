"""Load balancers and what runs behind them: Elastic Load Balancing, ECS, Application Auto Scaling."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore import xform_name

from scripts.local_aws import fold
from scripts.local_aws.types.row import Read, Row, Setting, Tagging

if TYPE_CHECKING:
    from scripts.local_aws.resources import Thing

ECS_TAGS = Tagging({"resourceArn": "{id}"})
SERVICE = {"cluster": "{Cluster}", "service": "{id}"}
SCALED = {"ServiceNamespace": "{parts[2]}", "ResourceId": "{parts[0]}", "ScalableDimension": "{parts[1]}"}
CLUSTER_ARN = "arn:{partition}:ecs:{region}:{account}:cluster/{id}"


def _elb(noun: str, kind: str = "", **more: Any) -> Row:
    """A row by the load balancers' custom: everything is named by its ARN."""
    verb, one = xform_name(noun), f"{noun}Arn"
    reads = (
        Read(f"describe_{verb}s", f"{noun}s[0]", address={f"{one}s": ["{id}"]}),
        Read("describe_tags", "TagDescriptions[0].Tags", "Tags", {"ResourceArns": ["{id}"]}),
        *more.pop("reads", ()),
    )
    more["attributes"] = {one: "{id}", **more.get("attributes", {})}
    tagging = Tagging({"ResourceArns": ["{id}"]}, "add_tags", "remove_tags")
    names = (f"AWS::ElasticLoadBalancingV2::{kind or noun}", "elbv2", f"create_{verb}", f"${noun}s[0].{one}")
    return Row(*names, {one: "{id}"}, reads, delete=f"delete_{verb}", tagging=tagging, **more)


def _among(name: str) -> Callable[[Any, Mapping[str, Any]], bool]:
    """Attributes of a load balancer or target group: those of the template among all there are."""
    return lambda wanted, state: fold.tags(wanted).items() <= fold.tags(state[name]).items()


def _redeploy(service: "Thing", _: Any) -> None:
    """ForceNewDeployment is no state: a change of its nonce starts a deployment, of the template's task definition
    whatever the pipeline has deployed since."""
    wanted = {"taskDefinition": service.properties["TaskDefinition"], "forceNewDeployment": True}
    service.call("update_service", {**service.address(None), **wanted})


def _scaled(properties: dict[str, Any]) -> dict[str, Any]:
    """A policy names its target by the three parts of the target's id."""
    if "ScalingTargetId" not in properties:
        return properties
    resource, dimension, namespace = properties.pop("ScalingTargetId").split("|")
    return {**properties, "ResourceId": resource, "ScalableDimension": dimension, "ServiceNamespace": namespace}


def _delete_policy(policy: "Thing") -> None:
    named = ("PolicyName", "ServiceNamespace", "ResourceId", "ScalableDimension")
    policy.call("delete_scaling_policy", {key: policy.prepared(policy.properties)[key] for key in named})


# fmt: off
ROWS = (
    _elb("LoadBalancer", named="Name", longest=32,
         reads=(Read("describe_load_balancer_attributes", "Attributes", "Attributes"),),
         rename={"LoadBalancerAttributes": "Attributes"},
         settings=(Setting("LoadBalancerAttributes", "modify_load_balancer_attributes"),
                   Setting("SecurityGroups", "set_security_groups"),
                   Setting("Subnets", "set_subnets")),
         attributes={"DNSName": "$DNSName", "LoadBalancerFullName": "{tail}", "LoadBalancerName": "$LoadBalancerName",
                     "CanonicalHostedZoneID": "$CanonicalHostedZoneId"},
         seen={"Subnets": "AvailabilityZones[].SubnetId", "LoadBalancerAttributes": _among("Attributes")}),
    _elb("TargetGroup", named="Name", longest=32, update="modify_target_group",
         reads=(Read("describe_target_group_attributes", "Attributes", "Attributes"),),
         rename={"TargetGroupAttributes": "Attributes"},
         settings=(Setting("TargetGroupAttributes", "modify_target_group_attributes"),),
         attributes={"TargetGroupFullName": "{last}", "TargetGroupName": "$TargetGroupName"},
         seen={"TargetGroupAttributes": _among("Attributes")}),
    _elb("Listener", update="modify_listener"),
    _elb("Rule", "ListenerRule", update="modify_rule",
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
        update="update_service", delete="delete_service", delete_address={**SERVICE, "force": True},
        named="ServiceName", longest=255, tagging=ECS_TAGS,
        settings=(Setting("ForceNewDeployment", _redeploy, _redeploy),),
        attributes={"Name": "$serviceName", "ServiceArn": "{id}"},
        seen={"Cluster": lambda name, state: state["clusterArn"].endswith(f"/{name}")}),
    Row("AWS::ApplicationAutoScaling::ScalableTarget", "application-autoscaling", "register_scalable_target",
        "{ResourceId}|{ScalableDimension}|{ServiceNamespace}", SCALED,
        (Read("describe_scalable_targets", "ScalableTargets[0]",
              address={"ServiceNamespace": "{parts[2]}", "ResourceIds": ["{parts[0]}"]}),),
        update="register_scalable_target", delete="deregister_scalable_target",
        tagging=Tagging({"ResourceARN": "$ScalableTargetARN"}), attributes={"Id": "{id}"}),
    Row("AWS::ApplicationAutoScaling::ScalingPolicy", "application-autoscaling", "put_scaling_policy", "$PolicyARN", {},
        (Read("describe_scaling_policies", "ScalingPolicies[?PolicyARN=='<id>'] | [0]",
              address={"ServiceNamespace": "ecs"}),),
        update="put_scaling_policy", delete=_delete_policy, prepare=_scaled, attributes={"Arn": "{id}"}),
)
# fmt: on
