"""The load balancer in front of the tasks: internal, or public by parameter.

Internal, CloudFront reaches it through a VPC origin, so that it needs neither certificate nor public address. Public,
it takes TLS only, with a certificate for the domain that CloudFront forwards in the Host header, and answers only to
who knows a generated secret: the prefix list on its group admits anybody's distribution.

The default action is a 404 and the traffic goes through a rule, because ECS blue/green shifts the weights of a rule,
and a default action has none to shift; both target groups exist for the same reason (ECS developerguide,
alb-resources-for-blue-green). Rolling deployments use the first. The rule is never edited again: ECS alternates
between the groups, and an update that sent the weights of the template would take the traffic to tasks that are gone
(aws-cdk issue 36649). Other paths or hosts get rules of their own.

Elastic Beanstalk makes target group and rule itself; a rule of ours before it would take all requests.
"""

from __future__ import annotations

from troposphere import And, Condition, Equals, GetAtt, If, NoValue, Ref, Sub, secretsmanager
from troposphere import elasticloadbalancingv2 as elb

from generator.constructs import certificates
from generator.core import conditions, ports
from generator.core.names import LISTENER_PORT, LOAD_BALANCER_LOGS, ORIGIN_HEADER, PUBLIC, PUBLIC_LISTENER_PORT
from generator.core.stack import Stack
from generator.project import Project

SERVES = ["RUN-1"]
# Elastic Beanstalk numbers its rules at a shared load balancer from the lowest on, and a priority is unique while one
# backend takes the other's place (elasticbeanstalk dg, environments-cfg-alb-shared; elasticloadbalancing API reference,
# PriorityInUse). The rule of a service that shifts traffic is never changed, so it is right from the start.
PRODUCTION_PRIORITY = 1000
# The console's default, and what AWS recommends: TLS 1.2 with forward secrecy, or 1.3
# (elasticloadbalancing application userguide, describe-ssl-policies).
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"


def build(project: Project) -> Stack:
    stack = Stack("ingress", __name__, "load balancer", project)
    protected = conditions.protected(stack)
    public = stack.when("Public", Equals(stack.takes(ports.LOAD_BALANCER_SCHEME), PUBLIC))
    balancer = stack.add(
        elb.LoadBalancer(
            "LoadBalancer",
            LoadBalancerAttributes=[
                elb.LoadBalancerAttributes(Key=key, Value=value)
                for key, value in (
                    ("deletion_protection.enabled", If(protected, "true", "false")),
                    ("access_logs.s3.enabled", "true"),
                    ("access_logs.s3.bucket", stack.takes(ports.LOG_BUCKET_NAME)),
                    ("access_logs.s3.prefix", LOAD_BALANCER_LOGS),
                    ("routing.http.drop_invalid_header_fields.enabled", "true"),
                )
            ],
            Scheme=If(public, "internet-facing", "internal"),
            SecurityGroups=[stack.takes(ports.LOAD_BALANCER_GROUP)],
            Subnets=[stack.takes(ports.LOAD_BALANCER_SUBNET_A), stack.takes(ports.LOAD_BALANCER_SUBNET_B)],
            Type="application",
        ),
        "Load balancer that CloudFront forwards API requests to.",
        SERVES,
    )
    ecs = conditions.on_ecs(stack)
    first, second = (_target_group(stack, project, title, ecs) for title in ("FirstTargets", "SecondTargets"))
    listener = stack.add(
        elb.Listener(
            "Listener",
            Certificates=If(public, [elb.Certificate(CertificateArn=_certificate(stack, public))], NoValue),
            DefaultActions=[
                elb.Action(
                    Type="fixed-response",
                    FixedResponseConfig=elb.FixedResponseConfig(ContentType="text/plain", StatusCode="404"),
                )
            ],
            LoadBalancerArn=Ref(balancer),
            Port=If(public, PUBLIC_LISTENER_PORT, LISTENER_PORT),
            Protocol=If(public, "HTTPS", "HTTP"),
            SslPolicy=If(public, TLS_POLICY, NoValue),
        ),
        "Takes what CloudFront sends: inside the VPC after TLS ended at the edge, or over TLS again.",
        SERVES,
    )
    rule = stack.add(
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
            Conditions=[
                elb.Condition(Field="path-pattern", PathPatternConfig=elb.PathPatternConfig(Values=["/*"])),
                If(public, _from_our_distribution(stack, public), NoValue),
            ],
            Condition=ecs,
            ListenerArn=Ref(listener),
            Priority=PRODUCTION_PRIORITY,
        ),
        "Sends every request to the running tasks; a blue/green deployment moves its weights.",
        ["RUN-1", "PIP-9"],
    )
    stack.gives(ports.LOAD_BALANCER_ARN, Ref(balancer))
    stack.gives(ports.LOAD_BALANCER_DNS, GetAtt(balancer, "DNSName"))
    stack.gives(ports.LOAD_BALANCER_METRIC, GetAtt(balancer, "LoadBalancerFullName"))
    for port, value in (
        (ports.TARGET_GROUP_ARN, Ref(first)),
        (ports.TARGET_GROUP_METRIC, GetAtt(first, "TargetGroupFullName")),
        (ports.ALTERNATE_TARGET_GROUP_ARN, Ref(second)),
        (ports.ALTERNATE_TARGET_GROUP_METRIC, GetAtt(second, "TargetGroupFullName")),
        (ports.PRODUCTION_RULE_ARN, Ref(rule)),
    ):
        stack.gives(port, If(ecs, value, ""))
    return stack


def _certificate(stack: Stack, public: str) -> If:
    """The certificate that was given, or one that is made in the domain's hosted zone."""
    certificate = stack.takes(ports.LOAD_BALANCER_CERTIFICATE)
    needed = stack.when("NeedsCertificate", And(Condition(public), Equals(certificate, "")))
    says = "Certificate with which the load balancer answers CloudFront for the domain."
    return If(needed, Ref(certificates.add(stack, needed, says, SERVES)), certificate)


def _from_our_distribution(stack: Stack, public: str) -> elb.Condition:
    """The condition that a request carries the secret header (AmazonCloudFront DeveloperGuide,
    restrict-access-to-load-balancer). The secret is generated, and read by dynamic references alone."""
    secret = stack.add(
        secretsmanager.Secret(
            "OriginSecret",
            Condition=public,
            Description=f"{ORIGIN_HEADER} that CloudFront sends the load balancer",
            GenerateSecretString=secretsmanager.GenerateSecretString(
                ExcludePunctuation=True, IncludeSpace=False, PasswordLength=64
            ),
            KmsKeyId=stack.takes(ports.KEY_ARN),
        ),
        "Tells our distribution from everybody else's.",
        SERVES,
    )
    stack.gives(ports.ORIGIN_SECRET_ARN, If(public, Ref(secret), ""))
    return elb.Condition(
        Field="http-header",
        HttpHeaderConfig=elb.HttpHeaderConfig(
            HttpHeaderName=ORIGIN_HEADER, Values=[Sub(f"{{{{resolve:secretsmanager:${{{secret.title}}}}}}}")]
        ),
    )


def _target_group(stack: Stack, project: Project, title: str, condition: str) -> elb.TargetGroup:
    backend = project.backend
    return stack.add(
        elb.TargetGroup(
            title,
            Condition=condition,
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
