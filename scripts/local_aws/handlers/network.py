"""Networks: EC2's resources, which are named alike in CloudFormation and in the API."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore import xform_name

from scripts.local_aws.handlers import shapes
from scripts.local_aws.handlers.row import Read, Row, Setting, Tagging
from scripts.local_aws.services import ResourceError

if TYPE_CHECKING:
    from scripts.local_aws.handlers.handler import ResourceHandler

TAGS = Tagging({"Resources": ["{id}"]}, "create_tags", "delete_tags")
PLACES = {
    "CidrIp": ("IpRanges", "CidrIp"),
    "CidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "SourcePrefixListId": ("PrefixListIds", "PrefixListId"),
    "DestinationPrefixListId": ("PrefixListIds", "PrefixListId"),
    "SourceSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    "DestinationSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
}
# moto shows the description of a rule with its group only.
NOTES = (
    "SecurityGroups[0].[IpPermissions, IpPermissionsEgress][][]"
    ".[UserIdGroupPairs, PrefixListIds, IpRanges, Ipv6Ranges][][].Description"
)


def _ec2(kind: str, noun: str = "", **more: Any) -> Row:
    """A row by EC2's custom: CreateNoun gives Noun.NounId, DescribeNouns takes NounIds, DeleteNoun takes NounId. The
    noun is the type's last word, unless another is given."""
    noun = noun or kind.rpartition(":")[2]
    verb, id_name = xform_name(noun), f"{noun}Id"
    defaults = {
        "create": f"create_{verb}",
        "identity": f"${noun}.{id_name}",
        "address": {id_name: "{id}"},
        "delete": f"delete_{verb}",
        "tagging": TAGS,
        "attributes": {id_name: "{id}"},
    }
    # A gateway or endpoint that was deleted is shown for a while.
    look = Read(
        more.pop("describe", f"describe_{verb}s"),
        f"{more.pop('answer', noun)}s[?State!='deleted'] | [0]",
        address={more.pop("ids", f"{id_name}s"): ["{id}"]},
    )
    reads = (look, *more.pop("reads", ()))
    return Row(kind=kind, service="ec2", reads=reads, **{**defaults, **more})


def permission(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of a security group in the API's form."""
    entry: dict[str, Any] = {"IpProtocol": str(rule["IpProtocol"])}
    entry |= {name: int(rule[name]) for name in ("FromPort", "ToPort") if name in rule}
    note = {"Description": rule["Description"]} if "Description" in rule else {}
    for name in rule.keys() - {"IpProtocol", "FromPort", "ToPort", "Description", "GroupId"}:
        if name not in PLACES:
            raise shapes.NoPlaceError(f"{name} has no place in a security group's rule")
        where, key = PLACES[name]
        entry[where] = [{key: rule[name], **note}]
    return entry


def _rules(direction: str) -> Setting:
    """A group's own rules: rules that are resources of their own stay beside them. The rule that lets everything out,
    which every new group has, goes with the first of them. A rule that is there already is passed over, though it may
    be another resource's (cloudformation-coverage-roadmap issues 1532 and 1534)."""
    name, member = f"SecurityGroup{direction.title()}", f"IpPermissions{'Egress' if direction == 'egress' else ''}"

    def put(group: "ResourceHandler", rules: Any) -> None:
        old, new = group.before.get(name) or (), rules or ()
        gone = [permission(rule) for rule in old if rule not in new]
        if not old and direction == "egress":
            gone = group.read()[member]
        if gone:
            group.call(f"revoke_security_group_{direction}", {**group.address(None), "IpPermissions": gone})
        for rule in new:
            if rule not in old:
                _authorize(group, direction, rule)

    return Setting(name, put, lambda group, _: put(group, ()))


def _authorize(group: "ResourceHandler", direction: str, rule: Mapping[str, Any]) -> None:
    arguments = {**group.address(None), "IpPermissions": [permission(rule)]}
    try:
        group.call(f"authorize_security_group_{direction}", arguments)
    except ResourceError as error:
        if "already exists" not in str(error):
            raise


def _holds(member: str) -> Callable[[Any, Mapping[str, Any]], bool]:
    """Whether a group shows its own rules; rules of their own may stand beside them."""
    return lambda rules, state: all(
        any(not shapes.lost(permission(rule), shown) for shown in state[member]) for rule in rules
    )


def _rule(kind: str, direction: str, other: str) -> Row:
    """A rule as a resource of its own."""
    return Row(
        kind,
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
        seen={name: name for name in ("GroupId", "IpProtocol", "FromPort", "ToPort")}
        | {"CidrIp": "CidrIpv4", f"{other}PrefixListId": "PrefixListId"}
        | {f"{other}SecurityGroupId": "ReferencedGroupInfo.GroupId"}
        | {"Description": lambda note, state: note in state["Notes"]},
        attributes={"Id": "{id}"},
    )


def _release(address: "ResourceHandler") -> None:
    address.call("release_address", {"AllocationId": address.read()["AllocationId"]})


def _attribute(name: str) -> Read:
    """A VPC's attribute: one call each."""
    where = {"VpcId": "{id}", "Attribute": name[0].lower() + name[1:]}
    return Read("describe_vpc_attribute", f"{name}.Value", name, where)


DNS = ("EnableDnsSupport", "EnableDnsHostnames")
GATEWAY = {"InternetGatewayId": "{parts[0]}", "VpcId": "{parts[1]}"}
ROUTE = {"RouteTableId": "{parts[0]}", "DestinationCidrBlock": "{parts[1]}"}

# fmt: off
ROWS = (
    _ec2("AWS::EC2::VPC", "Vpc",
         reads=tuple(_attribute(name) for name in DNS),
         rename={name: f"{name}.Value" for name in DNS},
         settings=tuple(Setting(name, "modify_vpc_attribute", default=name == DNS[0]) for name in DNS),
         attributes={"VpcId": "{id}", "CidrBlock": "$CidrBlock"},
         seen={name: name for name in DNS}),
    _ec2("AWS::EC2::Subnet",
         rename={"MapPublicIpOnLaunch": "MapPublicIpOnLaunch.Value"},
         settings=(Setting("MapPublicIpOnLaunch", "modify_subnet_attribute", default=False),),
         attributes={"SubnetId": "{id}"} | {name: f"${name}" for name in ("VpcId", "CidrBlock", "AvailabilityZone")},
         seen={"MapPublicIpOnLaunch": "MapPublicIpOnLaunch"}),
    _ec2("AWS::EC2::InternetGateway"),
    Row("AWS::EC2::VPCGatewayAttachment", "ec2", "attach_internet_gateway", "{InternetGatewayId}|{VpcId}", GATEWAY,
        (Read("describe_internet_gateways", "InternetGateways[0].Attachments[?VpcId=='<1>'] | [0]",
              address={"InternetGatewayIds": ["{parts[0]}"]}),),
        delete="detach_internet_gateway"),
    _ec2("AWS::EC2::EIP", "Address", describe="describe_addresses", answer="Addresse", ids="PublicIps", address={},
         create="allocate_address", identity="$PublicIp", delete=_release,
         tagging=Tagging({"Resources": ["$AllocationId"]}, "create_tags", "delete_tags"),
         attributes={"AllocationId": "$AllocationId", "PublicIp": "{id}"}),
    _ec2("AWS::EC2::NatGateway", seen={"AllocationId": "NatGatewayAddresses[0].AllocationId"}),
    _ec2("AWS::EC2::RouteTable"),
    Row("AWS::EC2::Route", "ec2", "create_route", "{RouteTableId}|{DestinationCidrBlock}", ROUTE,
        (Read("describe_route_tables", "RouteTables[0].Routes[?DestinationCidrBlock=='<1>'] | [0]",
              address={"RouteTableIds": ["{parts[0]}"]}),),
        update="replace_route", delete="delete_route"),
    Row("AWS::EC2::SubnetRouteTableAssociation", "ec2", "associate_route_table", "$AssociationId",
        {"AssociationId": "{id}"},
        (Read("describe_route_tables", "RouteTables[].Associations[] | [?RouteTableAssociationId=='<id>'] | [0]",
              address={"Filters": [{"Name": "association.route-table-association-id", "Values": ["{id}"]}]}),),
        delete="disassociate_route_table", attributes={"Id": "{id}"}),
    _ec2("AWS::EC2::VPCEndpoint", "VpcEndpoint", address={"VpcEndpointIds": ["{id}"]}, delete="delete_vpc_endpoints",
         attributes={"Id": "{id}"}),
    _ec2("AWS::EC2::SecurityGroup", ids="GroupIds", identity="$GroupId", address={"GroupId": "{id}"},
         named="GroupName", longest=255,
         rename={"GroupDescription": "Description"},
         settings=(_rules("egress"), _rules("ingress")),
         attributes={"GroupId": "{id}", "Id": "{id}", "VpcId": "$VpcId"},
         seen={"SecurityGroupEgress": _holds("IpPermissionsEgress"), "SecurityGroupIngress": _holds("IpPermissions")}),
    _rule("AWS::EC2::SecurityGroupIngress", "ingress", "Source"),
    _rule("AWS::EC2::SecurityGroupEgress", "egress", "Destination"),
    _ec2("AWS::EC2::FlowLog", create="create_flow_logs", identity="$FlowLogIds[0]", address={"FlowLogIds": ["{id}"]},
         delete="delete_flow_logs", rename={"ResourceId": "ResourceIds"}, attributes={"Id": "{id}"},
         # The answer has no type; the id has.
         seen={"ResourceId": "ResourceId",
               "ResourceType": lambda kind, state: state["ResourceId"].startswith(kind.lower())}),
)
# fmt: on
