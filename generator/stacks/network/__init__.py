"""The VPC: two zones, a public and a private subnet in each, and the two security groups.

The tasks have no public address and leave through NAT, because the application calls services that have no VPC
endpoint: that is also why there is always a NAT gateway. The load balancer's group admits CloudFront's prefix list and
nothing else; both groups stand here, because each names the other. One NAT gateway is the cheap choice,
two survive the loss of a zone. A public load balancer stands in the public subnets. Which two zones they are, the
deploy script decides once: not every zone has what CloudFront and Fargate need, and the function that lists zones may
answer otherwise another day.
"""

from __future__ import annotations

from troposphere import Cidr, Equals, GetAtt, If, Ref, Select, Sub, ec2

from generator.core import ports
from generator.core.names import INSTANCE_PORT, PUBLIC
from generator.core.stack import Stack
from generator.project import Project
from generator.stacks.network import routes, traffic
from generator.stacks.network.routes import SERVES, named


def build(project: Project) -> Stack:
    stack = Stack("network", __name__, "VPC in two zones, with security groups", project)
    vpc = stack.add(
        ec2.VPC(
            "Vpc", CidrBlock=stack.takes(ports.VPC_CIDR), EnableDnsHostnames=True, EnableDnsSupport=True, Tags=named("")
        ),
        "Network of the environment.",
        SERVES,
    )
    # CloudFront's VPC origins need an internet gateway attached, beside the NAT that needs its route.
    gateway = stack.add(ec2.InternetGateway("InternetGateway", Tags=named("")), "Way out for the NAT gateways.", SERVES)
    attachment = stack.add(
        ec2.VPCGatewayAttachment("InternetAttachment", VpcId=Ref(vpc), InternetGatewayId=Ref(gateway)),
        "Attaches the internet gateway; CloudFront's VPC origins ask for it.",
        SERVES,
    )
    public = [_subnet(stack, vpc, f"PublicSubnet{zone}", index, index) for index, zone in enumerate("AB")]
    private = [_subnet(stack, vpc, f"PrivateSubnet{zone}", index, index + 2) for index, zone in enumerate("AB")]
    out = routes.table(stack, vpc, "PublicRoutes", public)
    stack.add(
        ec2.Route(
            "PublicDefault",
            DependsOn=attachment.title,
            RouteTableId=Ref(out),
            DestinationCidrBlock="0.0.0.0/0",
            GatewayId=Ref(gateway),
        ),
        "Public subnets reach the internet.",
        SERVES,
    )
    tables = routes.private(stack, vpc, attachment, public, private)
    for service in ("s3", "dynamodb"):
        stack.add(
            ec2.VPCEndpoint(
                f"{service.capitalize()}Endpoint",
                RouteTableIds=[Ref(table) for table in tables],
                ServiceName=Sub(f"com.amazonaws.${{AWS::Region}}.{service}"),
                VpcEndpointType="Gateway",
                VpcId=Ref(vpc),
            ),
            f"Keeps {service} traffic off the NAT gateways, for free.",
            SERVES,
        )
    traffic.flow_log(stack, vpc)
    is_public = stack.when("PublicLoadBalancer", Equals(stack.takes(ports.LOAD_BALANCER_SCHEME), PUBLIC))
    traffic.groups(stack, vpc, (project.backend.port, INSTANCE_PORT), project)
    stack.gives(ports.VPC_ID, Ref(vpc))
    stack.gives(ports.PRIVATE_SUBNET_A, Ref(private[0]))
    stack.gives(ports.PRIVATE_SUBNET_B, Ref(private[1]))
    for port, zone in ((ports.LOAD_BALANCER_SUBNET_A, 0), (ports.LOAD_BALANCER_SUBNET_B, 1)):
        stack.gives(port, If(is_public, Ref(public[zone]), Ref(private[zone])))
    return stack


def _subnet(stack: Stack, vpc: ec2.VPC, title: str, zone: int, part: int) -> ec2.Subnet:
    """One of four equal parts of the VPC's first sixteen (a /20 of a /16), with room to add more."""
    return stack.add(
        ec2.Subnet(
            title,
            AvailabilityZone=stack.takes((ports.ZONE_A, ports.ZONE_B)[zone]),
            CidrBlock=Select(part, Cidr(GetAtt(vpc, "CidrBlock"), 16, 12)),
            MapPublicIpOnLaunch=False,
            VpcId=Ref(vpc),
            Tags=named(title),
        ),
        f"{'Public' if title.startswith('Public') else 'Private'} subnet in zone {'AB'[zone]}.",
        SERVES,
    )
