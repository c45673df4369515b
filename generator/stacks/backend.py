"""The backend on ECS Fargate.

The first creation starts no task, because the registry is still empty and CloudFormation would wait for a steady
service in vain; the pipeline raises the count once an image runs. Afterwards the count is left out (autoscaling owns
it). The service refers to the task definition by `Ref`: by bare family it would pick up the revision of a failed
release. So the image is a parameter, which the deploy script keeps at what runs. Alarms that guard deployments stand
here, because a deployment must not refer to an alarm that does not exist yet.
"""

from __future__ import annotations

from troposphere import Equals, GetAtt, If, Not, NoValue, Ref, Sub, ecs, logs
from troposphere import applicationautoscaling as scaling

from generator import arns, ports
from generator.alarms import alarm
from generator.backend_roles import execution_role, task_role
from generator.configuration import ENCRYPTION_KEY, JWT_SECRET_KEY, keys
from generator.project import Project
from generator.stack import Stack, switched_on

GUARDED = ["NOT-3", "NOT-4", "PIP-6"]


def build(project: Project) -> Stack:
    stack = Stack("backend", __name__, "backend on ECS Fargate", project)
    bootstrap = stack.when("Bootstrap", Equals(stack.takes(ports.BOOTSTRAP), "true"))
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
    task = _task_definition(stack, project, bootstrap)
    service = stack.add(
        ecs.Service(
            "Service",
            AvailabilityZoneRebalancing="ENABLED",
            Cluster=Ref(cluster),
            DeploymentConfiguration=ecs.DeploymentConfiguration(
                Alarms=ecs.DeploymentAlarms(AlarmNames=_guards(stack), Enable=True, Rollback=True),
                DeploymentCircuitBreaker=ecs.DeploymentCircuitBreaker(Enable=True, Rollback=True),
                MaximumPercent=200,
                MinimumHealthyPercent=100,
            ),
            DesiredCount=If(bootstrap, 0, NoValue),
            EnableECSManagedTags=True,
            EnableExecuteCommand=False,
            # Values are read at task start; a change of them must start new tasks.
            ForceNewDeployment=ecs.ForceNewDeployment(
                EnableForceNewDeployment=True, ForceNewDeploymentNonce=stack.takes(ports.CONFIGURATION_DIGEST)
            ),
            HealthCheckGracePeriodSeconds=60,
            LaunchType="FARGATE",
            LoadBalancers=[
                ecs.LoadBalancer(
                    ContainerName=project.backend.container,
                    ContainerPort=project.backend.port,
                    TargetGroupArn=stack.takes(ports.TARGET_GROUP_ARN),
                )
            ],
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
            TaskDefinition=Ref(task),
        ),
        "Keeps the backend's tasks running and replaces them release by release.",
        ["PIP-3", "PIP-6", "PIP-9", "RUN-1", "RUN-7", "RUN-8"],
    )
    _autoscaling(stack, cluster, service, running)
    stack.gives(ports.RUNNING_CLUSTER, Ref(cluster))
    stack.gives(ports.RUNNING_SERVICE, GetAtt(service, "Name"))
    stack.gives(ports.SERVICE_ARN, Ref(service))
    return stack


def _task_definition(stack: Stack, project: Project, bootstrap: str) -> ecs.TaskDefinition:
    group = stack.add(
        logs.LogGroup("TaskLogs", KmsKeyId=stack.takes(ports.KEY_ARN), RetentionInDays=stack.takes(ports.LOG_DAYS)),
        "What the application writes to its output.",
        ["RUN-12"],
    )
    execution = execution_role(stack, group)
    role = task_role(stack, project)
    family = stack.takes(ports.SERVICE_NAME)
    stack.gives(ports.TASK_FAMILY, family)
    stack.gives(ports.TASK_ROLE_ARN, GetAtt(role, "Arn"))
    stack.gives(ports.EXECUTION_ROLE_ARN, GetAtt(execution, "Arn"))
    return stack.add(
        ecs.TaskDefinition(
            "Task",
            ContainerDefinitions=[
                ecs.ContainerDefinition(
                    # uvicorn's own variable: whatever Dockerfile the application has, it believes the load balancer
                    # about the client's address. Nobody else can reach the port.
                    Environment=[ecs.Environment(Name="FORWARDED_ALLOW_IPS", Value="*")],
                    Essential=True,
                    Image=If(
                        bootstrap,
                        Sub("${Registry}:none", Registry=stack.takes(ports.REGISTRY_URI)),
                        stack.takes(ports.IMAGE),
                    ),
                    LinuxParameters=ecs.LinuxParameters(InitProcessEnabled=True),
                    LogConfiguration=ecs.LogConfiguration(
                        LogDriver="awslogs",
                        Options={
                            "awslogs-group": Ref(group),
                            "awslogs-region": Ref("AWS::Region"),
                            "awslogs-stream-prefix": project.backend.container,
                        },
                    ),
                    Name=project.backend.container,
                    PortMappings=[ecs.PortMapping(ContainerPort=project.backend.port, Protocol="tcp")],
                    Secrets=_secrets(stack, project),
                    StopTimeout=30,
                )
            ],
            Cpu=stack.takes(ports.TASK_CPU),
            ExecutionRoleArn=GetAtt(execution, "Arn"),
            Family=family,
            Memory=stack.takes(ports.TASK_MEMORY),
            NetworkMode="awsvpc",
            RequiresCompatibilities=["FARGATE"],
            RuntimePlatform=ecs.RuntimePlatform(CpuArchitecture="X86_64", OperatingSystemFamily="LINUX"),
            TaskRoleArn=GetAtt(role, "Arn"),
        ),
        "How a task runs: image, size, configuration and roles. Releases swap the image only.",
        ["RUN-5", "RUN-6", "RUN-8", "RUN-11", "RUN-12"],
    )


def _secrets(stack: Stack, project: Project) -> list[object]:
    """The application's configuration, each key from Parameter Store or Secrets Manager at task start."""
    tree = stack.takes(ports.CONFIGURATION_TREE)
    entries: list[object] = []
    for key in keys(project):
        entry = ecs.Secret(Name=key.variable, ValueFrom=arns.ssm_parameter(tree, f"/{key.variable}"))
        if key.optional:
            condition = stack.when(key.condition, switched_on(stack.takes(key.takes[0]), ""))
            entry = If(condition, entry, NoValue)
        entries.append(entry)
    for name, port in ((JWT_SECRET_KEY, ports.JWT_SECRET_ARN), (ENCRYPTION_KEY, ports.ENCRYPTION_SECRET_ARN)):
        entries.append(ecs.Secret(Name=name, ValueFrom=stack.takes(port)))
    return entries


def _guards(stack: Stack) -> list[Ref]:
    """Alarms that stop a deployment and roll it back; each exists before the service does."""
    dimensions = {
        "LoadBalancer": stack.takes(ports.LOAD_BALANCER_METRIC),
        "TargetGroup": stack.takes(ports.TARGET_GROUP_METRIC),
    }
    balancer = {"LoadBalancer": dimensions["LoadBalancer"]}
    many = stack.takes(ports.ERROR_ALARM_COUNT)
    guards = [
        alarm(
            stack,
            "BackendErrors",
            "The backend answers with server errors.",
            GUARDED,
            ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "Sum"),
            dimensions,
            many,
        ),
        alarm(
            stack,
            "GatewayErrors",
            "The load balancer finds no task that answers.",
            GUARDED,
            ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", "Sum"),
            balancer,
            many,
        ),
        alarm(
            stack,
            "BackendLatency",
            "The slowest 5% of the backend's answers take too long.",
            GUARDED,
            ("AWS/ApplicationELB", "TargetResponseTime", "p95"),
            dimensions,
            stack.takes(ports.LATENCY_ALARM_SECONDS),
            periods=2,
        ),
        alarm(
            stack,
            "UnhealthyTasks",
            "A task fails its health check.",
            GUARDED,
            ("AWS/ApplicationELB", "UnHealthyHostCount", "Maximum"),
            dimensions,
            1,
            minutes=1,
            periods=3,
        ),
    ]
    return [Ref(guard) for guard in guards]


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
