"""Who may speak to whom in the VPC, and the record of who did."""

from __future__ import annotations

from awacs import logs as do
from awacs.aws import ArnLike, StringEquals
from troposphere import GetAtt, Ref, ec2, logs

from generator import arns, iam, ports
from generator.names import LISTENER_PORT
from generator.stack import Stack

SERVES = ["RUN-1"]


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


def groups(stack: Stack, vpc: ec2.VPC, port: int) -> None:
    """The security groups of load balancer and tasks; `port` is the tasks'. Their rules are resources of their own,
    because each group names the other."""
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
