"""How ECS replaces tasks: rolling, or by shifting traffic from one target group to another.

Rolling deployments are stopped by the circuit breaker and the alarms; it exists for them alone. Shifting ones keep the
old tasks for a bake time in which an alarm takes the traffic back. The first release is rolling in any case: with no
task there is nothing to shift from, and AWS's pages disagree on which group it would end in. A living service is
given the second target group, the rule and the role first (`TargetGroups`), and the strategy afterwards, as AWS asks
(ECS developerguide, update-rolling-to-bluegreen); on the way back the three stay, because the tasks may be in the
second group.
Sources: ECS developerguide, alb-resources-for-blue-green, AmazonECSInfrastructureRolePolicyForLoadBalancers and
deployment-circuit-breaker; schema of AWS::ECS::Service.
"""

from __future__ import annotations

from troposphere import And, Condition, Equals, GetAtt, If, Not, NoValue, Sub, ecs

from generator.core import arns, ports
from generator.core.iam import trust
from generator.core.stack import Stack
from generator.project import Project
from generator.stacks.backend.alarms import guards

ROLLING, CANARY, TWO = "ROLLING", "CANARY", "TWO"


def deployments(stack: Stack, running: str) -> ecs.DeploymentConfiguration:
    """How the service replaces its tasks. `running` is the condition under which there has been a release."""
    strategy = stack.takes(ports.DEPLOYMENT_STRATEGY)
    bake, canary_bake = (stack.takes(ports.BAKE_MINUTES), stack.takes(ports.CANARY_BAKE_MINUTES))
    shifting = stack.when("Shifting", And(Condition(running), Not(Equals(strategy, ROLLING))))
    canary = stack.when("Canary", And(Condition(shifting), Equals(strategy, CANARY)))
    minutes = If(canary, Sub(f"${{{ports.BAKE_MINUTES.name}}} ${{{ports.CANARY_BAKE_MINUTES.name}}}"), bake)
    stack.gives(ports.SHIFT_MINUTES, If(shifting, minutes, "0"))
    return ecs.DeploymentConfiguration(
        Alarms=ecs.DeploymentAlarms(AlarmNames=guards(stack), Enable=True, Rollback=True),
        BakeTimeInMinutes=If(shifting, bake, NoValue),
        CanaryConfiguration=If(
            canary,
            ecs.CanaryConfiguration(
                CanaryBakeTimeInMinutes=canary_bake, CanaryPercent=stack.takes(ports.CANARY_PERCENT)
            ),
            NoValue,
        ),
        DeploymentCircuitBreaker=If(shifting, NoValue, ecs.DeploymentCircuitBreaker(Enable=True, Rollback=True)),
        MaximumPercent=200,
        MinimumHealthyPercent=100,
        Strategy=If(shifting, strategy, ROLLING),
    )


def targets(stack: Stack, project: Project) -> ecs.LoadBalancer:
    """Where the service registers its tasks, and what ECS may shift between."""
    two = stack.when("TwoTargetGroups", Equals(stack.takes(ports.TARGET_GROUPS), TWO))
    role = stack.role(
        "ShiftRole",
        # AWS documents the trust policy of the infrastructure role without a condition (infrastructure_IAM_role).
        trust("ecs", "ECS moves traffic between the two target groups", ()),
        [],
        "Role with which ECS moves the weights of the production rule and registers tasks.",
        ["PIP-8", "PIP-9"],
        two,
        managed=[arns.aws_policy("AmazonECSInfrastructureRolePolicyForLoadBalancers")],
    )
    return ecs.LoadBalancer(
        AdvancedConfiguration=If(
            two,
            ecs.AdvancedConfiguration(
                AlternateTargetGroupArn=stack.takes(ports.ALTERNATE_TARGET_GROUP_ARN),
                ProductionListenerRule=stack.takes(ports.PRODUCTION_RULE_ARN),
                RoleArn=GetAtt(role, "Arn"),
            ),
            NoValue,
        ),
        ContainerName=project.backend.container,
        ContainerPort=project.backend.port,
        TargetGroupArn=stack.takes(ports.TARGET_GROUP_ARN),
    )
