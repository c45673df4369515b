"""Who may speak to whom in the VPC, and the record of who did."""

from __future__ import annotations

from collections.abc import Sequence

from awacs import logs as do
from awacs.aws import ArnLike
from troposphere import GetAtt, Ref, ec2, logs

from generator.constructs.app_config import key
from generator.core import arns, iam, ports
from generator.core.arns import Text
from generator.core.names import LISTENER_PORT, PUBLIC_LISTENER_PORT
from generator.core.stack import Stack, switched_on
from generator.project import Project, Reach

SERVES = ["RUN-1"]
HTTPS_PORT = 443


def flow_log(stack: Stack, vpc: ec2.VPC) -> None:
    """Records all traffic of the VPC in a log group.

    Source: vpc userguide, flow-logs-iam-role (trust with source account and ARN; actions on the log group).
    """
    group = stack.add(
        logs.LogGroup("FlowLogs", KmsKeyId=stack.takes(ports.KEY_ARN), RetentionInDays=stack.takes(ports.LOG_DAYS)),
        "Who spoke to whom in the VPC.",
        SERVES,
    )
    trust = iam.trust(
        "vpc-flow-logs",
        "flow logs of this account only",
        [iam.same_account(), ArnLike({"aws:SourceArn": arns.arn("ec2", "vpc-flow-log/*")})],
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


def groups(stack: Stack, vpc: ec2.VPC, ports_of_backend: Sequence[int], project: Project) -> None:
    """The security groups of load balancer and tasks; `ports_of_backend` are those of the tasks and of the proxy on
    instances.

    Each group's way out stands inside it, because a group without one may reach everything. The way in to the tasks is
    a resource of its own: the groups name each other. No rule follows a parameter: ports and lists of a rule cannot be
    changed, so a second rule would be made before the first one goes, and CloudFront's list fits once (schema of
    AWS::EC2::SecurityGroupIngress, createOnlyProperties); and a backend that moves serves until it is gone.
    """
    tasks = stack.add(
        ec2.SecurityGroup(
            "TaskGroup",
            GroupDescription="Tasks: from the load balancer only",
            SecurityGroupEgress=[_out("AWS APIs over TLS", HTTPS_PORT, CidrIp="0.0.0.0/0")],
            VpcId=Ref(vpc),
        ),
        "Security group of the tasks.",
        SERVES,
    )
    balancer = stack.add(
        ec2.SecurityGroup(
            "LoadBalancerGroup",
            GroupDescription="Load balancer: from CloudFront only",
            SecurityGroupEgress=[
                _out("To the backend", port, DestinationSecurityGroupId=GetAtt(tasks, "GroupId"))
                for port in ports_of_backend
            ],
            VpcId=Ref(vpc),
        ),
        "Security group of the load balancer.",
        SERVES,
    )
    # The list weighs 55 of a group's 60 rules, and weighs as much for several ports as for one: so one rule has those
    # of both kinds of load balancer, each of which listens on one of them.
    stack.add(
        ec2.SecurityGroupIngress(
            "FromCloudFront",
            Description="CloudFront to the load balancer",
            FromPort=LISTENER_PORT,
            GroupId=GetAtt(balancer, "GroupId"),
            IpProtocol="tcp",
            SourcePrefixListId=stack.takes(ports.PREFIX_LIST),
            ToPort=PUBLIC_LISTENER_PORT,
        ),
        "CloudFront to the load balancer, on the port of its listener, internal or public.",
        SERVES,
    )
    from_balancer = {"SourceSecurityGroupId": GetAtt(balancer, "GroupId")}
    for title, port in zip(("FromLoadBalancer", "FromLoadBalancerToProxy"), ports_of_backend, strict=True):
        _in(stack, title, tasks, port, "Load balancer to the backend", from_balancer)
    for reach in project.reaches:
        _reach(stack, vpc, tasks, project, reach)
    stack.gives(ports.LOAD_BALANCER_GROUP, GetAtt(balancer, "GroupId"))
    stack.gives(ports.TASK_GROUP, GetAtt(tasks, "GroupId"))


def _out(says: str, port: Text | int, **peer: object) -> ec2.SecurityGroupRule:
    return ec2.SecurityGroupRule(Description=says, FromPort=port, IpProtocol="tcp", ToPort=port, **peer)


def _in(
    stack: Stack, title: str, group: ec2.SecurityGroup, port: Text | int, says: str, peer: dict[str, object]
) -> None:
    stack.add(
        ec2.SecurityGroupIngress(
            title,
            Description=says,
            FromPort=port,
            GroupId=GetAtt(group, "GroupId"),
            IpProtocol="tcp",
            ToPort=port,
            **peer,
        ),
        f"{says}, on one port only.",
        SERVES,
    )


def _reach(stack: Stack, vpc: ec2.VPC, tasks: ec2.SecurityGroup, project: Project, reach: Reach) -> None:
    """The way to something inside the VPC, such as a Redis, for an environment that has one."""
    source = key(project.variable(reach.variable))
    condition = stack.when(source.condition, switched_on(stack.takes(source.takes[0]), ""))
    stack.add(
        ec2.SecurityGroupEgress(
            reach.logical,
            CidrIp=GetAtt(vpc, "CidrBlock"),
            Condition=condition,
            Description=f"{reach.service} inside the VPC",
            FromPort=reach.port,
            GroupId=GetAtt(tasks, "GroupId"),
            IpProtocol="tcp",
            ToPort=reach.port,
        ),
        f"Tasks reach a {reach.service} inside the VPC, on port {reach.port} only.",
        ["RUN-1", "RUN-5"],
    )
