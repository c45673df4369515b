"""What a service wants to stand before it takes something, and moto does not ask: so a missing `DependsOn` is found.

Each demand is refused in the service's own words, with the source of the fact.
"""

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from generator.cfn.evaluate import ALLOWED, Request, decide, statements
from generator.cfn.zones import gaps
from scripts.local_aws.services import ResourceError

if TYPE_CHECKING:
    from scripts.local_aws.handlers.handler import ResourceHandler

# Rules that a security group takes, each way; VPC user guide, "Amazon VPC quotas": 60 by default.
MOST_RULES = 60
# What a reference to one of AWS's own prefix lists counts; VPC user guide, "AWS-managed prefix lists".
WEIGHTS = {"com.amazonaws.global.cloudfront.origin-facing": 55}


def check(handler: "ResourceHandler") -> None:
    """Raises `ResourceError` when something does not stand that the service wants before this resource."""
    if demand := DEMANDS.get(handler.row.kind):
        demand(handler)


def _refuse(message: str, code: str = "InvalidRequest") -> NoReturn:
    raise ResourceError(f'Resource handler returned message: "{message}" (HandlerErrorCode: {code})')


def _attached(handler: "ResourceHandler", vpc: str) -> list[str]:
    """The internet gateways that are attached to a VPC."""
    filters = [{"Name": "attachment.vpc-id", "Values": [vpc]}]
    gateways = handler.services.call("ec2", "describe_internet_gateways", {"Filters": filters})["InternetGateways"]
    return [gateway["InternetGatewayId"] for gateway in gateways]


def _nat_gateway(handler: "ResourceHandler") -> None:
    """EC2 API reference, "Error codes": Gateway.NotAttached."""
    if handler.properties.get("ConnectivityType") == "private":
        return
    arguments = {"SubnetIds": [handler.properties["SubnetId"]]}
    vpc = handler.services.call("ec2", "describe_subnets", arguments)["Subnets"][0]["VpcId"]
    if not _attached(handler, vpc):
        _refuse(f"Network {vpc} has no Internet gateway attached (Service: Ec2, Status Code: 400)")


def _route(handler: "ResourceHandler") -> None:
    """EC2 refuses a route to a gateway that is not attached to the network of the route table. CloudFormation user
    guide, AWS::EC2::Route: such a route must depend on the attachment."""
    gateway, table = handler.properties.get("GatewayId", ""), handler.properties["RouteTableId"]
    if not gateway.startswith("igw-"):
        return
    tables = handler.services.call("ec2", "describe_route_tables", {"RouteTableIds": [table]})["RouteTables"]
    if gateway not in _attached(handler, tables[0]["VpcId"]):
        _refuse(f"route table {table} and network gateway {gateway} belong to different networks (Service: Ec2)")


def _rules(member: str) -> Callable[["ResourceHandler"], None]:
    """The rules of a group, the one that this replaces among them: it goes only when the new one stands."""

    def check_quota(handler: "ResourceHandler") -> None:
        group = handler.properties["GroupId"]
        filters = [{"Name": "group-id", "Values": [group]}]
        answer = handler.services.call("ec2", "describe_security_group_rules", {"Filters": filters})
        egress = member == "DestinationPrefixListId"
        rules = [rule for rule in answer["SecurityGroupRules"] if bool(rule.get("IsEgress")) is egress]
        lists = [*(rule.get("PrefixListId") for rule in rules), handler.properties.get(member)]
        if sum(_weight(handler, name) for name in lists) > MOST_RULES:
            _refuse("The maximum number of rules per security group has been reached.", "ServiceLimitExceeded")

    return check_quota


def _weight(handler: "ResourceHandler", prefix_list: str | None) -> int:
    if not prefix_list:
        return 1
    arguments = {"PrefixListIds": [prefix_list]}
    lists = handler.services.call("ec2", "describe_managed_prefix_lists", arguments)["PrefixLists"]
    return WEIGHTS.get(lists[0]["PrefixListName"], lists[0].get("MaxEntries") or 1) if lists else 1


def _service(handler: "ResourceHandler") -> None:
    """ECS developer guide, "Service event messages" and CreateService: a target group needs its load balancer. (moto
    has no zone without Fargate.)"""
    for balancer in handler.properties.get("LoadBalancers") or ():
        if arn := balancer.get("TargetGroupArn"):
            [group] = handler.services.call("elbv2", "describe_target_groups", {"TargetGroupArns": [arn]})[
                "TargetGroups"
            ]
            if not group.get("LoadBalancerArns"):
                _refuse(f"The target group with targetGroupArn {arn} does not have an associated load balancer.")


def _in_zones(handler: "ResourceHandler", names: Iterable[str]) -> None:
    """What a type lacks in a zone is refused; that services do so at the creation is a judgement (`zones.GAPS`)."""
    zones = handler.services.call("ec2", "describe_availability_zones", {})["AvailabilityZones"]
    named = set(names)
    ids = frozenset(zone["ZoneId"] for zone in zones if zone["ZoneName"] in named)
    for gap in gaps(handler.row.kind, ids):
        _refuse(f"{gap.feature} are not available in {', '.join(sorted(gap.zones & ids))}")


def _vpc_origin(handler: "ResourceHandler") -> None:
    """The zones of the load balancer that CloudFront is to reach."""
    arn = handler.properties["VpcOriginEndpointConfig"]["Arn"]
    if ":loadbalancer/" in arn:
        [balancer] = handler.services.call("elbv2", "describe_load_balancers", {"LoadBalancerArns": [arn]})[
            "LoadBalancers"
        ]
        _in_zones(handler, [zone["ZoneName"] for zone in balancer["AvailabilityZones"]])


def _logged_bucket(handler: "ResourceHandler") -> None:
    """S3 user guide, "Enabling Amazon S3 server access logging": the policy of the target bucket lets the logging
    service in; S3 API reference, PutBucketLogging: InvalidTargetBucketForLogging."""
    logging = handler.properties.get("LoggingConfiguration") or {}
    if target := logging.get("DestinationBucketName"):
        name = handler.physical or handler.properties.get("BucketName", "")
        context = {"aws:SourceArn": f"arn:aws:s3:::{name}", "aws:SourceAccount": handler.services.account}
        if not _may_put(handler, target, f"{logging.get('LogFilePrefix', '')}log", "logging.s3.amazonaws.com", context):
            _refuse(
                "You must either provide the necessary permissions to the logging service using a bucket policy or "
                "give the log-delivery group WRITE and READ_ACP permissions to the target bucket"
            )


def _balancer(handler: "ResourceHandler") -> None:
    """Elastic Load Balancing user guide, "Enable access logs for your Application Load Balancer": the policy first."""
    listed = handler.properties.get("LoadBalancerAttributes") or ()
    attributes = {entry["Key"]: str(entry["Value"]) for entry in listed}
    if attributes.get("access_logs.s3.enabled") == "true":
        bucket, prefix = attributes["access_logs.s3.bucket"], attributes.get("access_logs.s3.prefix", "")
        key = "/".join(filter(None, (prefix, "AWSLogs", handler.services.account, "log")))
        principal = "logdelivery.elasticloadbalancing.amazonaws.com"
        if not _may_put(handler, bucket, key, principal, {"aws:SourceAccount": handler.services.account}):
            _refuse(f"Access Denied for bucket: {bucket}. Please check S3bucket permission")


def _may_put(handler: "ResourceHandler", bucket: str, key: str, service: str, context: dict[str, str]) -> bool:
    try:
        text = handler.services.call("s3", "get_bucket_policy", {"Bucket": bucket})["Policy"]
    except ResourceError:
        return False
    known = {**context, "aws:SecureTransport": "true"}
    request = Request("s3:PutObject", f"arn:aws:s3:::{bucket}/{key}", known, f"Service:{service}")
    return decide(request, statements(bucket, {"bucket policy": json.loads(text)})).outcome == ALLOWED


def _assumed_by(service: str, member: str, source: str) -> Callable[["ResourceHandler"], None]:
    """The role of a resource has to exist and to trust the service, which tries it at once. `source` is the end of the
    resource's own ARN before its name."""

    def check_trust(handler: "ResourceHandler") -> None:
        arn: Any = handler.properties.get(member, "")
        if not isinstance(arn, str) or ":role/" not in arn:
            return
        services, name = handler.services, handler.properties.get("Name", "")
        try:
            role = services.call("iam", "get_role", {"RoleName": arn.rpartition("/")[2]})["Role"]
        except ResourceError:
            _refuse(f"{service} is not authorized to perform: sts:AssumeRole on {arn}")
        own = f"arn:{services.partition}:{handler.row.service}:{services.region}:{services.account}:{source}{name}"
        context = {"aws:SourceAccount": services.account, "aws:SourceArn": own}
        request = Request("sts:AssumeRole", arn, context, f"Service:{service}")
        if decide(request, statements(arn, {}, role["AssumeRolePolicyDocument"])).outcome != ALLOWED:
            _refuse(f"{service} is not authorized to perform: sts:AssumeRole on {arn}")

    return check_trust


DEMANDS: dict[str, Callable[["ResourceHandler"], None]] = {
    "AWS::CloudFront::VpcOrigin": _vpc_origin,
    "AWS::CodeBuild::Project": _assumed_by("codebuild.amazonaws.com", "ServiceRole", "project/"),
    "AWS::CodePipeline::Pipeline": _assumed_by("codepipeline.amazonaws.com", "RoleArn", ""),
    "AWS::EC2::NatGateway": _nat_gateway,
    "AWS::EC2::Route": _route,
    "AWS::EC2::SecurityGroupEgress": _rules("DestinationPrefixListId"),
    "AWS::EC2::SecurityGroupIngress": _rules("SourcePrefixListId"),
    "AWS::ECS::Service": _service,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _balancer,
    "AWS::S3::Bucket": _logged_bucket,
    # AWS Step Functions API reference, CreateStateMachine: the service has to be able to assume the role.
    "AWS::StepFunctions::StateMachine": _assumed_by("states.amazonaws.com", "RoleArn", "stateMachine:"),
}
