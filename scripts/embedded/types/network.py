"""Networks and load balancers."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from scripts.embedded import fold
from scripts.embedded.types.row import Read, Row, Setting, Tagging

if TYPE_CHECKING:
    from scripts.embedded.resources import Thing

EC2_TAGS = Tagging({"Resources": ["{id}"]}, "create_tags", "delete_tags")
BALANCER_TAGS = Tagging({"ResourceArns": ["{id}"]}, "add_tags", "remove_tags")
TAGS_OF_BALANCER = Read("describe_tags", "TagDescriptions[0].Tags", "Tags", {"ResourceArns": ["{id}"]})


def _rows(kind: str, service: str, create: str, identity: str, describe: str, answer: str, **more: Any) -> Row:
    """A row whose `describe` takes a list of ids, as EC2's and the load balancers' do."""
    ids = more.pop("ids")
    reads = (Read(describe, f"{answer}[0]", address={ids: ["{id}"]}), *more.pop("reads", ()))
    return Row(kind, service, create, identity, more.pop("address"), reads, **more)


def permission(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of a security group in the API's form."""
    found: dict[str, Any] = {"IpProtocol": str(rule["IpProtocol"])}
    found |= {name: int(rule[name]) for name in ("FromPort", "ToPort") if name in rule}
    note = {"Description": rule["Description"]} if "Description" in rule else {}
    places = {
        "CidrIp": ("IpRanges", "CidrIp"),
        "CidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
        "SourcePrefixListId": ("PrefixListIds", "PrefixListId"),
        "DestinationPrefixListId": ("PrefixListIds", "PrefixListId"),
        "SourceSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
        "DestinationSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    }
    for name in rule.keys() - {"IpProtocol", "FromPort", "ToPort", "Description", "GroupId"}:
        if name not in places:
            raise fold.NoPlace(f"{name} has no place in a security group's rule")
        where, key = places[name]
        found[where] = [{key: rule[name], **note}]
    return found


def _rules(direction: str) -> Callable[["Thing", Any], None]:
    """Makes the rules of a group what the template says; the rule that lets everything out goes first."""

    def put(group: "Thing", rules: Any) -> None:
        shown = group.read()["IpPermissions" + ("Egress" if direction == "egress" else "")]
        if shown:
            group.call(f"revoke_security_group_{direction}", {**group.address(None), "IpPermissions": shown})
        if rules:
            wanted = [permission(rule) for rule in rules]
            group.call(f"authorize_security_group_{direction}", {**group.address(None), "IpPermissions": wanted})

    return put


def _holds(member: str) -> Callable[[Any, Mapping[str, Any]], bool]:
    def holds(rules: Any, state: Mapping[str, Any]) -> bool:
        return all(any(not fold.lost(permission(rule), one) for one in state[member]) for rule in rules)

    return holds


NOTES = (
    "SecurityGroups[0].[IpPermissions, IpPermissionsEgress][][]"
    ".[UserIdGroupPairs, PrefixListIds, IpRanges, Ipv6Ranges][][].Description"
)


def _rule(direction: str, group: str) -> Row:
    kind, other = direction.title(), "Source" if direction == "ingress" else "Destination"
    return Row(
        f"AWS::EC2::SecurityGroup{kind}",
        "ec2",
        f"authorize_security_group_{direction}",
        "$SecurityGroupRules[0].SecurityGroupRuleId",
        {"GroupId": "{GroupId}", "SecurityGroupRuleIds": ["{id}"]},
        (
            Read("describe_security_group_rules", "SecurityGroupRules[0]", address={"SecurityGroupRuleIds": ["{id}"]}),
            Read("describe_security_groups", NOTES, "Notes", {"GroupIds": ["{GroupId}"]}),
        ),
        delete=f"revoke_security_group_{direction}",
        prepare=lambda rule: {"GroupId": rule["GroupId"], "IpPermissions": [permission(rule)]},
        seen={
            "GroupId": "GroupId",
            "IpProtocol": "IpProtocol",
            "FromPort": "FromPort",
            "ToPort": "ToPort",
            # moto shows a rule's description with its group only.
            "Description": lambda note, state: note in state["Notes"],
            "CidrIp": "CidrIpv4",
            f"{other}PrefixListId": "PrefixListId",
            f"{other}{group}": "ReferencedGroupInfo.GroupId",
        },
        attributes={"Id": "{id}"},
    )


def _release(address: "Thing") -> None:
    address.call("release_address", {"AllocationId": address.read()["AllocationId"]})


def _settings(name: str) -> Callable[[Any, Mapping[str, Any]], bool]:
    """Attributes of a load balancer or target group: those of the template among all there are."""
    return lambda wanted, state: fold.tags(wanted).items() <= fold.tags(state[name]).items()


def _vpc_attribute(name: str) -> Read:
    where = {"VpcId": "{id}", "Attribute": name[0].lower() + name[1:]}
    return Read("describe_vpc_attribute", f"{name}.Value", name, where)


VPC, SUBNET, GROUP, BALANCER, TARGETS = (
    {name: "{id}"} for name in ("VpcId", "SubnetId", "GroupId", "LoadBalancerArn", "TargetGroupArn")
)
ROUTE = {"RouteTableId": "{parts[0]}", "DestinationCidrBlock": "{parts[1]}"}

ROWS = (
    _rows(
        "AWS::EC2::VPC",
        "ec2",
        "create_vpc",
        "$Vpc.VpcId",
        "describe_vpcs",
        "Vpcs",
        ids="VpcIds",
        address=VPC,
        reads=(_vpc_attribute("EnableDnsSupport"), _vpc_attribute("EnableDnsHostnames")),
        delete="delete_vpc",
        rename={"EnableDnsSupport": "EnableDnsSupport.Value", "EnableDnsHostnames": "EnableDnsHostnames.Value"},
        settings=(
            Setting("EnableDnsSupport", "modify_vpc_attribute"),
            Setting("EnableDnsHostnames", "modify_vpc_attribute"),
        ),
        tagging=EC2_TAGS,
        attributes={"VpcId": "{id}", "CidrBlock": "$CidrBlock"},
        seen={"EnableDnsSupport": "EnableDnsSupport", "EnableDnsHostnames": "EnableDnsHostnames"},
    ),
    _rows(
        "AWS::EC2::Subnet",
        "ec2",
        "create_subnet",
        "$Subnet.SubnetId",
        "describe_subnets",
        "Subnets",
        ids="SubnetIds",
        address=SUBNET,
        delete="delete_subnet",
        rename={"MapPublicIpOnLaunch": "MapPublicIpOnLaunch.Value"},
        settings=(Setting("MapPublicIpOnLaunch", "modify_subnet_attribute"),),
        tagging=EC2_TAGS,
        attributes={
            "SubnetId": "{id}",
            "VpcId": "$VpcId",
            "CidrBlock": "$CidrBlock",
            "AvailabilityZone": "$AvailabilityZone",
        },
        seen={"MapPublicIpOnLaunch": "MapPublicIpOnLaunch"},
    ),
    _rows(
        "AWS::EC2::InternetGateway",
        "ec2",
        "create_internet_gateway",
        "$InternetGateway.InternetGatewayId",
        "describe_internet_gateways",
        "InternetGateways",
        ids="InternetGatewayIds",
        address={"InternetGatewayId": "{id}"},
        delete="delete_internet_gateway",
        tagging=EC2_TAGS,
        attributes={"InternetGatewayId": "{id}"},
    ),
    Row(
        "AWS::EC2::VPCGatewayAttachment",
        "ec2",
        "attach_internet_gateway",
        "{InternetGatewayId}|{VpcId}",
        {"InternetGatewayId": "{parts[0]}", "VpcId": "{parts[1]}"},
        (
            Read(
                "describe_internet_gateways",
                "InternetGateways[0].Attachments[?VpcId=='<1>'] | [0]",
                address={"InternetGatewayIds": ["{parts[0]}"]},
            ),
        ),
        delete="detach_internet_gateway",
    ),
    _rows(
        "AWS::EC2::EIP",
        "ec2",
        "allocate_address",
        "$PublicIp",
        "describe_addresses",
        "Addresses",
        ids="PublicIps",
        address={},
        delete=_release,
        tagging=Tagging({"Resources": ["$AllocationId"]}, "create_tags", "delete_tags"),
        attributes={"AllocationId": "$AllocationId", "PublicIp": "{id}"},
    ),
    _rows(
        "AWS::EC2::NatGateway",
        "ec2",
        "create_nat_gateway",
        "$NatGateway.NatGatewayId",
        "describe_nat_gateways",
        "NatGateways",
        ids="NatGatewayIds",
        address={"NatGatewayId": "{id}"},
        delete="delete_nat_gateway",
        tagging=EC2_TAGS,
        attributes={"NatGatewayId": "{id}"},
        seen={"AllocationId": "NatGatewayAddresses[0].AllocationId"},
    ),
    _rows(
        "AWS::EC2::RouteTable",
        "ec2",
        "create_route_table",
        "$RouteTable.RouteTableId",
        "describe_route_tables",
        "RouteTables",
        ids="RouteTableIds",
        address={"RouteTableId": "{id}"},
        delete="delete_route_table",
        tagging=EC2_TAGS,
        attributes={"RouteTableId": "{id}"},
    ),
    Row(
        "AWS::EC2::Route",
        "ec2",
        "create_route",
        "{RouteTableId}|{DestinationCidrBlock}",
        ROUTE,
        (
            Read(
                "describe_route_tables",
                "RouteTables[0].Routes[?DestinationCidrBlock=='<1>'] | [0]",
                address={"RouteTableIds": ["{parts[0]}"]},
            ),
        ),
        update="replace_route",
        delete="delete_route",
    ),
    Row(
        "AWS::EC2::SubnetRouteTableAssociation",
        "ec2",
        "associate_route_table",
        "$AssociationId",
        {"AssociationId": "{id}"},
        (
            Read(
                "describe_route_tables",
                "RouteTables[].Associations[] | [?RouteTableAssociationId=='<id>'] | [0]",
                address={"Filters": [{"Name": "association.route-table-association-id", "Values": ["{id}"]}]},
            ),
        ),
        delete="disassociate_route_table",
        attributes={"Id": "{id}"},
    ),
    _rows(
        "AWS::EC2::VPCEndpoint",
        "ec2",
        "create_vpc_endpoint",
        "$VpcEndpoint.VpcEndpointId",
        "describe_vpc_endpoints",
        "VpcEndpoints",
        ids="VpcEndpointIds",
        address={"VpcEndpointIds": ["{id}"]},
        delete="delete_vpc_endpoints",
        tagging=EC2_TAGS,
        attributes={"Id": "{id}"},
    ),
    _rows(
        "AWS::EC2::SecurityGroup",
        "ec2",
        "create_security_group",
        "$GroupId",
        "describe_security_groups",
        "SecurityGroups",
        ids="GroupIds",
        address=GROUP,
        delete="delete_security_group",
        named="GroupName",
        longest=255,
        rename={"GroupDescription": "Description"},
        settings=(
            Setting("SecurityGroupEgress", _rules("egress"), _rules("egress")),
            Setting("SecurityGroupIngress", _rules("ingress"), _rules("ingress")),
        ),
        tagging=EC2_TAGS,
        attributes={"GroupId": "{id}", "Id": "{id}", "VpcId": "$VpcId"},
        seen={"SecurityGroupEgress": _holds("IpPermissionsEgress"), "SecurityGroupIngress": _holds("IpPermissions")},
    ),
    _rule("ingress", "SecurityGroupId"),
    _rule("egress", "SecurityGroupId"),
    _rows(
        "AWS::EC2::FlowLog",
        "ec2",
        "create_flow_logs",
        "$FlowLogIds[0]",
        "describe_flow_logs",
        "FlowLogs",
        ids="FlowLogIds",
        address={"FlowLogIds": ["{id}"]},
        delete="delete_flow_logs",
        rename={"ResourceId": "ResourceIds"},
        tagging=EC2_TAGS,
        attributes={"Id": "{id}"},
        # The answer has no type; the id has.
        seen={
            "ResourceId": "ResourceId",
            "ResourceType": lambda kind, state: state["ResourceId"].startswith(kind.lower()),
        },
    ),
    _rows(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "elbv2",
        "create_load_balancer",
        "$LoadBalancers[0].LoadBalancerArn",
        "describe_load_balancers",
        "LoadBalancers",
        ids="LoadBalancerArns",
        address=BALANCER,
        reads=(Read("describe_load_balancer_attributes", "Attributes", "Attributes"), TAGS_OF_BALANCER),
        delete="delete_load_balancer",
        named="Name",
        longest=32,
        rename={"LoadBalancerAttributes": "Attributes"},
        settings=(
            Setting("LoadBalancerAttributes", "modify_load_balancer_attributes"),
            Setting("SecurityGroups", "set_security_groups"),
            Setting("Subnets", "set_subnets"),
        ),
        tagging=BALANCER_TAGS,
        attributes={
            "LoadBalancerArn": "{id}",
            "DNSName": "$DNSName",
            "LoadBalancerFullName": "{tail}",
            "LoadBalancerName": "$LoadBalancerName",
            "CanonicalHostedZoneID": "$CanonicalHostedZoneId",
        },
        seen={"Subnets": "AvailabilityZones[].SubnetId", "LoadBalancerAttributes": _settings("Attributes")},
    ),
    _rows(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "elbv2",
        "create_target_group",
        "$TargetGroups[0].TargetGroupArn",
        "describe_target_groups",
        "TargetGroups",
        ids="TargetGroupArns",
        address=TARGETS,
        reads=(Read("describe_target_group_attributes", "Attributes", "Attributes"), TAGS_OF_BALANCER),
        update="modify_target_group",
        delete="delete_target_group",
        named="Name",
        longest=32,
        rename={"TargetGroupAttributes": "Attributes"},
        settings=(Setting("TargetGroupAttributes", "modify_target_group_attributes"),),
        tagging=BALANCER_TAGS,
        attributes={"TargetGroupArn": "{id}", "TargetGroupFullName": "{last}", "TargetGroupName": "$TargetGroupName"},
        seen={"TargetGroupAttributes": _settings("Attributes")},
    ),
    _rows(
        "AWS::ElasticLoadBalancingV2::Listener",
        "elbv2",
        "create_listener",
        "$Listeners[0].ListenerArn",
        "describe_listeners",
        "Listeners",
        ids="ListenerArns",
        address={"ListenerArn": "{id}"},
        reads=(TAGS_OF_BALANCER,),
        update="modify_listener",
        delete="delete_listener",
        tagging=BALANCER_TAGS,
        attributes={"ListenerArn": "{id}"},
    ),
    _rows(
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        "elbv2",
        "create_rule",
        "$Rules[0].RuleArn",
        "describe_rules",
        "Rules",
        ids="RuleArns",
        address={"RuleArn": "{id}"},
        reads=(TAGS_OF_BALANCER,),
        update="modify_rule",
        delete="delete_rule",
        tagging=BALANCER_TAGS,
        attributes={"RuleArn": "{id}"},
        # A listener belongs to the rule's ARN.
        seen={
            "ListenerArn": lambda arn, state: state["RuleArn"].startswith(arn.replace(":listener/", ":listener-rule/"))
        },
    ),
)
