"""The backend on ECS Fargate.

The first creation starts no task, because the registry is still empty and CloudFormation would wait for a steady
service in vain; the pipeline raises the count once an image runs. Afterwards the count is left out (autoscaling owns
it). The service refers to the task definition by `Ref`: by bare family it would pick up the revision of a failed
release. So the image is a parameter, which the deploy script keeps at what runs. Alarms that guard deployments stand
here, because a deployment must not refer to an alarm that does not exist yet.
"""

from __future__ import annotations

from troposphere import Equals, GetAtt, If, Not, NoValue, Ref, Sub, ecs
from troposphere import applicationautoscaling as scaling

from generator.core import ports
from generator.core.stack import Stack
from generator.project import Project
from generator.stacks.backend import strategy, task


def build(project: Project) -> Stack:
    stack = Stack("backend", __name__, "backend on ECS Fargate", project)
    running = stack.when("Running", Not(Equals(stack.takes(ports.BOOTSTRAP), "true")))
    cluster = stack.add(
        ecs.Cluster(
            "Cluster",
            ClusterName=stack.takes(ports.CLUSTER_NAME),
            ClusterSettings=[ecs.ClusterSetting(Name="containerInsights", Value="enabled")],
        ),
        "Cluster of the backend.",
        ["PIP-3"],
    )
    definition = task.definition(stack, project, running)
    service = stack.add(
        ecs.Service(
            "Service",
            AvailabilityZoneRebalancing="ENABLED",
            Cluster=Ref(cluster),
            DeploymentConfiguration=strategy.deployments(stack, running),
            DesiredCount=If(running, NoValue, 0),
            EnableECSManagedTags=True,
            EnableExecuteCommand=False,
            # Values are read at task start; a change of them must start new tasks.
            ForceNewDeployment=ecs.ForceNewDeployment(
                EnableForceNewDeployment=True, ForceNewDeploymentNonce=stack.takes(ports.CONFIGURATION_DIGEST)
            ),
            HealthCheckGracePeriodSeconds=60,
            LaunchType="FARGATE",
            LoadBalancers=[strategy.targets(stack, project)],
            NetworkConfiguration=ecs.NetworkConfiguration(
                AwsvpcConfiguration=ecs.AwsvpcConfiguration(
                    AssignPublicIp="DISABLED",
                    SecurityGroups=[stack.takes(ports.TASK_GROUP)],
                    Subnets=[stack.takes(ports.PRIVATE_SUBNET_A), stack.takes(ports.PRIVATE_SUBNET_B)],
                )
            ),
            PlatformVersion="LATEST",
            PropagateTags="SERVICE",
            ServiceName=stack.takes(ports.SERVICE_NAME),
            TaskDefinition=Ref(definition),
        ),
        "Keeps the backend's tasks running and replaces them release by release.",
        ["PIP-3", "PIP-6", "PIP-9", "RUN-1", "RUN-7", "RUN-8"],
    )
    _autoscaling(stack, cluster, service, running)
    stack.gives(ports.RUNNING_CLUSTER, Ref(cluster))
    stack.gives(ports.RUNNING_SERVICE, GetAtt(service, "Name"))
    stack.gives(ports.SERVICE_ARN, Ref(service))
    return stack


def _autoscaling(stack: Stack, cluster: ecs.Cluster, service: ecs.Service, running: str) -> None:
    """No scalable target during bootstrap: its minimum would start tasks for which there is no image."""
    target = stack.add(
        scaling.ScalableTarget(
            "Scaling",
            Condition=running,
            MaxCapacity=stack.takes(ports.TASKS_MAXIMUM),
            MinCapacity=stack.takes(ports.TASKS_MINIMUM),
            ResourceId=Sub(f"service/${{{cluster.title}}}/${{{service.title}.Name}}"),
            ScalableDimension="ecs:service:DesiredCount",
            ServiceNamespace="ecs",
        ),
        "Range in which the number of tasks follows the load.",
        ["RUN-7", "RUN-12"],
    )
    for title, metric, percent in (
        ("CpuScaling", "ECSServiceAverageCPUUtilization", 60),
        ("MemoryScaling", "ECSServiceAverageMemoryUtilization", 75),
    ):
        stack.add(
            scaling.ScalingPolicy(
                title,
                Condition=running,
                PolicyName=title,
                PolicyType="TargetTrackingScaling",
                ScalingTargetId=Ref(target),
                TargetTrackingScalingPolicyConfiguration=scaling.TargetTrackingScalingPolicyConfiguration(
                    PredefinedMetricSpecification=scaling.PredefinedMetricSpecification(PredefinedMetricType=metric),
                    ScaleInCooldown=300,
                    ScaleOutCooldown=60,
                    TargetValue=percent,
                ),
            ),
            f"Keeps the tasks at {percent}% of their {'CPU' if title.startswith('Cpu') else 'memory'}.",
            ["RUN-12"],
        )
