"""Route tables of the VPC, and the NAT gateways through which private subnets reach the internet."""

from __future__ import annotations

from troposphere import Equals, GetAtt, If, Ref, Sub, Tags, ec2

from generator.core import ports
from generator.core.stack import Stack

SERVES = ["RUN-1"]


def named(part: str) -> Tags:
    """The Name tag, which is what the console's lists show."""
    return Tags(Name=Sub(f"${{{ports.ENVIRONMENT.name}}}{part and '-' + part}"))


def table(stack: Stack, vpc: ec2.VPC, title: str, subnets: list[ec2.Subnet]) -> ec2.RouteTable:
    """Adds a route table for the subnets, without routes."""
    routes = stack.add(
        ec2.RouteTable(title, VpcId=Ref(vpc), Tags=named(title)),
        f"Routes of {' and '.join(subnet.title for subnet in subnets)}.",
        SERVES,
    )
    for subnet in subnets:
        stack.add(
            ec2.SubnetRouteTableAssociation(f"{subnet.title}Routes", RouteTableId=Ref(routes), SubnetId=Ref(subnet)),
            f"Gives {subnet.title} its routes.",
            SERVES,
        )
    return routes


def private(
    stack: Stack,
    vpc: ec2.VPC,
    attachment: ec2.VPCGatewayAttachment,
    public_subnets: list[ec2.Subnet],
    private_subnets: list[ec2.Subnet],
) -> list[ec2.RouteTable]:
    """A NAT gateway for each zone, the second one by parameter, and the private subnets' routes to them."""
    second = stack.when("SecondNat", Equals(stack.takes(ports.NAT_GATEWAYS), "2"))
    nats, tables = [], []
    for zone, subnet in zip("AB", public_subnets, strict=True):
        condition = {} if zone == "A" else {"Condition": second}
        address = stack.add(
            ec2.EIP(
                f"NatAddress{zone}", Domain="vpc", DependsOn=attachment.title, Tags=named(f"nat-{zone}"), **condition
            ),
            f"Address that the tasks of zone {zone} are seen with.",
            SERVES,
        )
        nats.append(
            stack.add(
                ec2.NatGateway(
                    f"Nat{zone}",
                    AllocationId=GetAtt(address, "AllocationId"),
                    SubnetId=Ref(subnet),
                    Tags=named(f"nat-{zone}"),
                    **condition,
                ),
                f"Way out of private subnet {zone}.",
                SERVES,
            )
        )
    for zone, subnet in zip("AB", private_subnets, strict=True):
        routes = table(stack, vpc, f"PrivateRoutes{zone}", [subnet])
        nat = Ref(nats[0]) if zone == "A" else If(second, Ref(nats[1]), Ref(nats[0]))
        stack.add(
            ec2.Route(
                f"PrivateDefault{zone}", RouteTableId=Ref(routes), DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat
            ),
            f"Private subnet {zone} reaches the internet through NAT.",
            SERVES,
        )
        tables.append(routes)
    return tables
