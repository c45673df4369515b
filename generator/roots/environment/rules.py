"""Choices that make no sense together, refused before anything is made.

CloudFormation evaluates a template's Rules over the parameters alone, when a change set is created; the parameter
check evaluates the same Rules over the files in `params/`, without AWS.
"""

from __future__ import annotations

from collections.abc import Sequence

from troposphere import And, AWSHelperFn, Equals, Not, Or, Ref, Template

from generator.cfn.names import NOBODY, PRODUCTION
from generator.core import conditions, ports
from generator.core.names import BEANSTALK, CODECOMMIT, CONNECTION, ECS, INTERNAL, NONE, PUBLIC
from generator.core.ports import Port
from generator.core.settings import refuse_unless
from generator.project import Project
from generator.roots.environment.parameters import TASK_MEMORIES

# What memory (MiB) Fargate takes with each number of CPU units (AmazonECS developerguide, task_definition_parameters).
FARGATE = {
    cpu: [memory for memory in TASK_MEMORIES if least <= int(memory) <= most]
    for cpu, least, most in (
        ("256", 512, 2048),
        ("512", 1024, 4096),
        ("1024", 2048, 8192),
        ("2048", 4096, 16384),
        ("4096", 8192, 30720),
    )
}


def _is(port: Port, value: str) -> Equals:
    return Equals(Ref(port.name), value)


def _listed(values: Sequence[str]) -> str:
    return f"{', '.join(values[:-1])} or {values[-1]}" if len(values) > 1 else values[0]


def _one_of(port: Port, values: Sequence[str]) -> AWSHelperFn:
    return Or(*(_is(port, value) for value in values)) if len(values) > 1 else _is(port, values[0])


def add_to(template: Template, project: Project) -> None:
    """Adds the rules. Each says what is wrong and what to choose instead."""
    conditions.never_neither(template)
    if project.shares_client_secrets:
        refuse_unless(
            template,
            "ClientSecretsAreOfABackend",
            Or(_is(ports.ACCOUNT_SHARED, ""), Not(_is(ports.BACKEND_TARGET, NONE))),
            "AccountSharedBecause is for an environment with a backend: leave it empty",
        )
    for name, claim, says in (
        (
            "DomainWithCertificate",
            Or(
                And(*(_is(port, "") for port in (ports.DOMAIN_NAME, ports.CERTIFICATE_ARN, ports.HOSTED_ZONE_ID))),
                And(
                    Not(_is(ports.DOMAIN_NAME, "")),
                    Or(Not(_is(ports.CERTIFICATE_ARN, "")), Not(_is(ports.HOSTED_ZONE_ID, ""))),
                ),
            ),
            "DomainName comes with HostedZoneId, in which a certificate is made, or with CertificateArn; give none of "
            "them for the CloudFront address",
        ),
        (
            "PublicLoadBalancerHasTls",
            Or(
                And(_is(ports.LOAD_BALANCER_SCHEME, INTERNAL), _is(ports.LOAD_BALANCER_CERTIFICATE, "")),
                And(
                    _is(ports.LOAD_BALANCER_SCHEME, PUBLIC),
                    Or(Not(_is(ports.LOAD_BALANCER_CERTIFICATE, "")), Not(_is(ports.HOSTED_ZONE_ID, ""))),
                    Not(_is(ports.DOMAIN_NAME, "")),
                    Not(_is(ports.BACKEND_TARGET, NONE)),
                ),
            ),
            "LoadBalancerScheme PUBLIC needs a backend, DomainName and HostedZoneId or LoadBalancerCertificateArn (for "
            "that domain, in the environment's Region), or tokens would travel in clear; INTERNAL takes no certificate",
        ),
        (
            "ConnectionWithRepository",
            Or(
                And(
                    _is(ports.SOURCE_PROVIDER, CODECOMMIT),
                    _is(ports.CONNECTION_ARN, ""),
                    _is(ports.SOURCE_REPOSITORY, ""),
                ),
                And(
                    _is(ports.SOURCE_PROVIDER, CONNECTION),
                    Not(_is(ports.CONNECTION_ARN, "")),
                    Not(_is(ports.SOURCE_REPOSITORY, "")),
                ),
            ),
            "SourceProvider CONNECTION needs ConnectionArn and SourceRepository, and CODECOMMIT takes neither",
        ),
        (
            "SomebodyIsTold",
            Or(
                Not(_is(ports.ENVIRONMENT, PRODUCTION)),
                Not(_is(ports.NOTIFICATION_EMAIL, "")),
                Not(_is(ports.NOTIFICATION_PHONE, "")),
            ),
            f"{PRODUCTION} needs NotificationEmail or NotificationPhone, or nobody would learn of a failed release; "
            f"NotificationEmail {NOBODY} says that this is wanted",
        ),
        (
            "ShiftingNeedsTwoTargetGroups",
            Or(
                _is(ports.DEPLOYMENT_STRATEGY, "ROLLING"),
                _is(ports.TARGET_GROUPS, "TWO"),
                _is(ports.BACKEND_TARGET, BEANSTALK),
            ),
            "DeploymentStrategy BLUE_GREEN and CANARY need TargetGroups TWO: on a living service, apply that first",
        ),
        (
            "BeanstalkDeploysItsOwnWay",
            Or(
                Not(_is(ports.BACKEND_TARGET, BEANSTALK)),
                And(
                    Not(_is(ports.DEPLOYMENT_STRATEGY, "BLUE_GREEN")),
                    _is(ports.TARGET_GROUPS, "ONE"),
                    _is(ports.LOAD_BALANCER_SCHEME, INTERNAL),
                ),
            ),
            "BackendTarget BEANSTALK deploys ROLLING (immutable) or CANARY (traffic splitting), with TargetGroups ONE"
            " and LoadBalancerScheme INTERNAL: its rule cannot ask for the secret header of a public load balancer",
        ),
        (
            "Node18NeedsAnOldImage",
            Or(
                And(Not(_is(ports.NODE_VERSION, "18")), Not(_is(ports.NODE_VERSION, "20"))),
                Not(_is(ports.BUILD_IMAGE, "aws/codebuild/standard:8.0")),
            ),
            "NodeVersion 18 and 20 are not in aws/codebuild/standard:8.0: choose 22 or 24, or standard:7.0",
        ),
    ):
        refuse_unless(template, name, claim, says)
    for cpu, memories in FARGATE.items():
        refuse_unless(
            template,
            f"Memory{cpu}",
            Or(
                Not(_is(ports.TASK_CPU, cpu)), Not(_is(ports.BACKEND_TARGET, ECS)), _one_of(ports.TASK_MEMORY, memories)
            ),
            f"TaskCpu {cpu} goes with TaskMemory {_listed(memories)} on Fargate",
        )
