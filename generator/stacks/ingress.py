"""The internal load balancer in front of the tasks.

Internal: CloudFront reaches it through a VPC origin, so that it needs neither certificate nor public address. The
default action is a 404 and the traffic goes through a rule, because ECS blue/green shifts the weights of a rule, and
a default action has none to shift; both target groups exist for the same reason (ECS developerguide,
alb-resources-for-blue-green). Rolling deployments use the first.
"""

from __future__ import annotations

from troposphere import GetAtt, Ref
from troposphere import elasticloadbalancingv2 as elb

from generator import ports
from generator.names import LISTENER_PORT, LOAD_BALANCER_LOGS
from generator.project import Project
from generator.stack import Stack

SERVES = ["RUN-1"]


def build(project: Project) -> Stack:
    stack = Stack("ingress", __name__, "internal load balancer", project)
    balancer = stack.add(
        elb.LoadBalancer(
            "LoadBalancer",
            LoadBalancerAttributes=[
                elb.LoadBalancerAttributes(Key=key, Value=value)
                for key, value in (
                    ("access_logs.s3.enabled", "true"),
                    ("access_logs.s3.bucket", stack.takes(ports.LOG_BUCKET_NAME)),
                    ("access_logs.s3.prefix", LOAD_BALANCER_LOGS),
                    ("routing.http.drop_invalid_header_fields.enabled", "true"),
                )
            ],
            Scheme="internal",
            SecurityGroups=[stack.takes(ports.LOAD_BALANCER_GROUP)],
            Subnets=[stack.takes(ports.PRIVATE_SUBNET_A), stack.takes(ports.PRIVATE_SUBNET_B)],
            Type="application",
        ),
        "Internal load balancer that CloudFront forwards API requests to.",
        SERVES,
    )
    first, second = (_target_group(stack, project, title) for title in ("FirstTargets", "SecondTargets"))
    listener = stack.add(
        elb.Listener(
            "Listener",
            DefaultActions=[
                elb.Action(
                    Type="fixed-response",
                    FixedResponseConfig=elb.FixedResponseConfig(ContentType="text/plain", StatusCode="404"),
                )
            ],
            LoadBalancerArn=Ref(balancer),
            Port=LISTENER_PORT,
            Protocol="HTTP",
        ),
        "Takes what CloudFront sends inside the VPC, after TLS ended at the edge.",
        SERVES,
    )
    stack.add(
        elb.ListenerRule(
            "ProductionRule",
            Actions=[
                elb.ListenerRuleAction(
                    Type="forward",
                    ForwardConfig=elb.ForwardConfig(
                        TargetGroups=[
                            elb.TargetGroupTuple(TargetGroupArn=Ref(group), Weight=weight)
                            for group, weight in ((first, 1), (second, 0))
                        ]
                    ),
                )
            ],
            Conditions=[elb.Condition(Field="path-pattern", PathPatternConfig=elb.PathPatternConfig(Values=["/*"]))],
            ListenerArn=Ref(listener),
            Priority=1,
        ),
        "Sends every request to the running tasks; a blue/green deployment moves its weights.",
        ["RUN-1", "PIP-9"],
    )
    stack.gives(ports.LOAD_BALANCER_ARN, Ref(balancer))
    stack.gives(ports.LOAD_BALANCER_DNS, GetAtt(balancer, "DNSName"))
    stack.gives(ports.LOAD_BALANCER_METRIC, GetAtt(balancer, "LoadBalancerFullName"))
    stack.gives(ports.TARGET_GROUP_ARN, Ref(first))
    stack.gives(ports.TARGET_GROUP_METRIC, GetAtt(first, "TargetGroupFullName"))
    return stack


def _target_group(stack: Stack, project: Project, title: str) -> elb.TargetGroup:
    backend = project.backend
    return stack.add(
        elb.TargetGroup(
            title,
            HealthCheckIntervalSeconds=15,
            HealthCheckPath=backend.health_path,
            HealthCheckTimeoutSeconds=5,
            HealthyThresholdCount=2,
            Matcher=elb.Matcher(HttpCode="200"),
            Port=backend.port,
            Protocol="HTTP",
            # A task that leaves finishes its requests; half a minute is more than the API's longest answer.
            TargetGroupAttributes=[elb.TargetGroupAttribute(Key="deregistration_delay.timeout_seconds", Value="30")],
            TargetType="ip",
            UnhealthyThresholdCount=3,
            VpcId=stack.takes(ports.VPC_ID),
        ),
        f"{title.removesuffix('Targets')} of two target groups for the tasks.",
        ["RUN-1", "PIP-9"],
    )
