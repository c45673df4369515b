"""The VPC: two zones, a public and a private subnet in each, and the two security groups.

The tasks have no public address and leave through NAT, because the application calls services that have no VPC
endpoint. The load balancer's group admits CloudFront's prefix list on one port and nothing else; both groups stand
here, and their rules are resources of their own, because each group names the other. One NAT gateway is the cheap
choice, two survive the loss of a zone.
"""

from __future__ import annotations

from awacs import logs as do
from awacs.aws import ArnLike, StringEquals
from troposphere import Cidr, Equals, GetAtt, GetAZs, If, Ref, Select, Sub, Tags, ec2, logs

from generator import arns, iam, ports
from generator.names import LISTENER_PORT
from generator.project import Project
from generator.stack import Stack

SERVES = ["RUN-1"]


def build(project: Project) -> Stack:
    stack = Stack("network", __name__, "VPC in two zones, with security groups", project)
    vpc = stack.add(
        ec2.VPC(
            "Vpc",
            CidrBlock=stack.takes(ports.VPC_CIDR),
            EnableDnsHostnames=True,
            EnableDnsSupport=True,
            Tags=_named(""),
        ),
        "Network of the environment.",
        SERVES,
    )
    # CloudFront's VPC origins need an internet gateway attached, beside the NAT that needs its route.
    gateway = stack.add(
        ec2.InternetGateway("InternetGateway", Tags=_named("")), "Way out for the NAT gateways.", SERVES
    )
    attachment = stack.add(
        ec2.VPCGatewayAttachment("InternetAttachment", VpcId=Ref(vpc), InternetGatewayId=Ref(gateway)),
        "Attaches the internet gateway; CloudFront's VPC origins ask for it.",
        SERVES,
    )
    public = [_subnet(stack, vpc, f"PublicSubnet{zone}", index, index) for index, zone in enumerate("AB")]
    private = [_subnet(stack, vpc, f"PrivateSubnet{zone}", index, index + 2) for index, zone in enumerate("AB")]
    out = _table(stack, vpc, "PublicRoutes", public)
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
    tables = _private_routes(stack, vpc, attachment, public, private)
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
    _flow_log(stack, vpc)
    _groups(stack, vpc, project.backend.port)
    stack.gives(ports.VPC_ID, Ref(vpc))
    stack.gives(ports.PRIVATE_SUBNET_A, Ref(private[0]))
    stack.gives(ports.PRIVATE_SUBNET_B, Ref(private[1]))
    return stack


def _named(part: str) -> Tags:
    """The Name tag, which is what the console's lists show."""
    return Tags(Name=Sub(f"${{{ports.ENVIRONMENT.name}}}{part and '-' + part}"))


def _subnet(stack: Stack, vpc: ec2.VPC, title: str, zone: int, part: int) -> ec2.Subnet:
    """One of four equal parts of the VPC's first sixteen (a /20 of a /16), with room to add more."""
    return stack.add(
        ec2.Subnet(
            title,
            AvailabilityZone=Select(zone, GetAZs("")),
            CidrBlock=Select(part, Cidr(GetAtt(vpc, "CidrBlock"), 16, 12)),
            MapPublicIpOnLaunch=False,
            VpcId=Ref(vpc),
            Tags=_named(title),
        ),
        f"{'Public' if title.startswith('Public') else 'Private'} subnet in zone {'AB'[zone]}.",
        SERVES,
    )


def _table(stack: Stack, vpc: ec2.VPC, title: str, subnets: list[ec2.Subnet]) -> ec2.RouteTable:
    table = stack.add(
        ec2.RouteTable(title, VpcId=Ref(vpc), Tags=_named(title)),
        f"Routes of {' and '.join(subnet.title for subnet in subnets)}.",
        SERVES,
    )
    for subnet in subnets:
        stack.add(
            ec2.SubnetRouteTableAssociation(f"{subnet.title}Routes", RouteTableId=Ref(table), SubnetId=Ref(subnet)),
            f"Gives {subnet.title} its routes.",
            SERVES,
        )
    return table


def _private_routes(
    stack: Stack,
    vpc: ec2.VPC,
    attachment: ec2.VPCGatewayAttachment,
    public: list[ec2.Subnet],
    private: list[ec2.Subnet],
) -> list[ec2.RouteTable]:
    """A NAT gateway for each zone, the second one by parameter, and the private subnets' routes to them."""
    second = stack.when("SecondNat", Equals(stack.takes(ports.NAT_GATEWAYS), "2"))
    nats, tables = [], []
    for zone, subnet in zip("AB", public, strict=True):
        condition = {} if zone == "A" else {"Condition": second}
        address = stack.add(
            ec2.EIP(
                f"NatAddress{zone}", Domain="vpc", DependsOn=attachment.title, Tags=_named(f"nat-{zone}"), **condition
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
                    Tags=_named(f"nat-{zone}"),
                    **condition,
                ),
                f"Way out of private subnet {zone}.",
                SERVES,
            )
        )
    for zone, subnet in zip("AB", private, strict=True):
        table = _table(stack, vpc, f"PrivateRoutes{zone}", [subnet])
        nat = Ref(nats[0]) if zone == "A" else If(second, Ref(nats[1]), Ref(nats[0]))
        stack.add(
            ec2.Route(
                f"PrivateDefault{zone}",
                RouteTableId=Ref(table),
                DestinationCidrBlock="0.0.0.0/0",
                NatGatewayId=nat,
            ),
            f"Private subnet {zone} reaches the internet through NAT.",
            SERVES,
        )
        tables.append(table)
    return tables


def _flow_log(stack: Stack, vpc: ec2.VPC) -> None:
    """Sources: vpc userguide, flow-logs-iam-role (trust with source account and ARN; actions on the log group)."""
    group = stack.add(
        logs.LogGroup("FlowLogs", KmsKeyId=stack.takes(ports.KEY_ARN), RetentionInDays=stack.takes(ports.LOG_DAYS)),
        "Who spoke to whom in the VPC.",
        SERVES,
    )
    trust = iam.trust(
        "vpc-flow-logs",
        "flow logs of this account only",
        [
            StringEquals({"aws:SourceAccount": iam.ACCOUNT}),
            ArnLike({"aws:SourceArn": arns.arn("ec2", "vpc-flow-log/*")}),
        ],
    )
    grants = [
        iam.allow(
            "WriteFlowLogs",
            [do.CreateLogStream, do.PutLogEvents, do.DescribeLogStreams],
            [GetAtt(group, "Arn")],
            "the flow log writes its records to its own group",
        )
    ]
    role = stack.role("FlowLogRole", trust, grants, "Role that writes the flow log.", SERVES)
    stack.add(
        ec2.FlowLog(
            "FlowLog",
            DeliverLogsPermissionArn=GetAtt(role, "Arn"),
            LogGroupName=Ref(group),
            ResourceId=Ref(vpc),
            ResourceType="VPC",
            TrafficType="ALL",
        ),
        "Records accepted and rejected traffic of the VPC.",
        SERVES,
    )


def _groups(stack: Stack, vpc: ec2.VPC, port: int) -> None:
    balancer = stack.add(
        ec2.SecurityGroup("LoadBalancerGroup", GroupDescription="Load balancer: from CloudFront only", VpcId=Ref(vpc)),
        "Security group of the load balancer.",
        SERVES,
    )
    tasks = stack.add(
        ec2.SecurityGroup(
            "TaskGroup",
            GroupDescription="Tasks: from the load balancer only",
            SecurityGroupEgress=[
                ec2.SecurityGroupRule(
                    CidrIp="0.0.0.0/0", Description="AWS APIs over TLS", FromPort=443, IpProtocol="tcp", ToPort=443
                )
            ],
            VpcId=Ref(vpc),
        ),
        "Security group of the tasks.",
        SERVES,
    )
    rules: tuple[tuple[str, type, ec2.SecurityGroup, dict[str, object], int, str], ...] = (
        (
            "FromCloudFront",
            ec2.SecurityGroupIngress,
            balancer,
            {"SourcePrefixListId": stack.takes(ports.PREFIX_LIST)},
            LISTENER_PORT,
            "CloudFront to the load balancer",
        ),
        (
            "ToTasks",
            ec2.SecurityGroupEgress,
            balancer,
            {"DestinationSecurityGroupId": GetAtt(tasks, "GroupId")},
            port,
            "Load balancer to the tasks",
        ),
        (
            "FromLoadBalancer",
            ec2.SecurityGroupIngress,
            tasks,
            {"SourceSecurityGroupId": GetAtt(balancer, "GroupId")},
            port,
            "Load balancer to the tasks",
        ),
    )
    for title, kind, group, peer, number, says in rules:
        stack.add(
            kind(
                title,
                Description=says,
                FromPort=number,
                GroupId=GetAtt(group, "GroupId"),
                IpProtocol="tcp",
                ToPort=number,
                **peer,
            ),
            f"{says}, on port {number} only.",
            SERVES,
        )
    stack.gives(ports.LOAD_BALANCER_GROUP, GetAtt(balancer, "GroupId"))
    stack.gives(ports.TASK_GROUP, GetAtt(tasks, "GroupId"))
