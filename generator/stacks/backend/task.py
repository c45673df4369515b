"""How a task of the backend runs: image, size, configuration, roles, log."""

from __future__ import annotations

from troposphere import GetAtt, If, NoValue, Ref, Sub, ecs, logs

from generator.constructs.app_config import keys, secret_arn
from generator.core import arns, ports
from generator.core.stack import Stack, switched_on
from generator.project import Project
from generator.stacks.backend.roles import execution_role, task_role


def definition(stack: Stack, project: Project, running: str) -> ecs.TaskDefinition:
    """The task definition with its log group and roles. `running` is the condition under which an image exists."""
    group = stack.add(
        logs.LogGroup("TaskLogs", KmsKeyId=stack.takes(ports.KEY_ARN), RetentionInDays=stack.takes(ports.LOG_DAYS)),
        "What the application writes to its output.",
        ["RUN-12"],
    )
    execution = execution_role(stack, project, group)
    role = task_role(stack, project)
    family = stack.takes(ports.SERVICE_NAME)
    stack.gives(ports.TASK_FAMILY, family)
    stack.gives(ports.BACKEND_LOG_GROUP, Ref(group))
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
                        running,
                        stack.takes(ports.IMAGE),
                        Sub("${Registry}:none", Registry=stack.takes(ports.REGISTRY_URI)),
                    ),
                    LinuxParameters=ecs.LinuxParameters(InitProcessEnabled=True, **_privileges(project)),
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
                    **_identity(project),
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


# MiB of memory that a writable folder may take; it counts as memory of the task.
WRITABLE_SIZE = 64


def _privileges(project: Project) -> dict[str, object]:
    """No capabilities, and writable folders in memory, which every user may write whatever the image is.

    Sources: Amazon ECS API reference, KernelCapabilities (`drop`, on Fargate too) and Tmpfs; AWS What's New of
    2026-01-06, "Amazon ECS now supports tmpfs mounts on AWS Fargate and ECS Managed Instances". A volume would belong
    to root unless the Dockerfile says otherwise (ECS developer guide, bind-mounts). Fargate has no
    `dockerSecurityOptions`, and so no `no-new-privileges` (API reference, ContainerDefinition); without capabilities
    and without root nothing is left to gain.
    """
    if project.backend.unhardened:
        return {}
    return {
        "Capabilities": ecs.KernelCapabilities(Drop=["ALL"]),
        "Tmpfs": [
            ecs.Tmpfs(ContainerPath=path, MountOptions=["rw", "noexec", "nosuid", "nodev"], Size=WRITABLE_SIZE)
            for path in project.backend.writable
        ],
    }


def _identity(project: Project) -> dict[str, object]:
    """Not root, on a root file system that it cannot write."""
    if project.backend.unhardened:
        return {}
    return {"ReadonlyRootFilesystem": True, "User": project.backend.user}


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
    for secret in project.secrets:
        entries.append(ecs.Secret(Name=secret.name, ValueFrom=stack.takes(secret_arn(secret))))
    return entries
