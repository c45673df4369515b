"""The backend on Elastic Beanstalk, the alternative to ECS with the same outputs.

The environment stands behind the load balancer of `ingress`: one of its own would be known only after it, while the
distribution, whose address the application is told, must exist before. It starts with AWS's sample application, which
answers every path, so that the first creation needs no bundle and the pipeline's first release is like any other. The
template names no version: an update of the infrastructure keeps the one that the pipeline deployed.
"""

from __future__ import annotations

from troposphere import GetAtt, Ref, Sub, cloudwatch
from troposphere import elasticbeanstalk as eb

from generator.constructs import instances
from generator.constructs.alarms import add, alarm
from generator.core import arns, ports
from generator.core.stack import Stack
from generator.project import Project
from generator.stacks.backend import options
from generator.stacks.backend.alarms import answers
from generator.stacks.backend.instances import instance_profile, service_role

VERSIONS_KEPT = 50
# 20 is Degraded, 25 Severe (elasticbeanstalk dg, health-enhanced-cloudwatch).
DEGRADED = 20
# Percent of an instance's CPU that is idle, the counterpart of the 90% at which the tasks on ECS are busy; percent of
# its disk that is used.
IDLE, FULL = 10, 90


def build(project: Project) -> Stack:
    stack = Stack("beanstalk", __name__, "backend on Elastic Beanstalk", project)
    role = service_role(stack)
    application = stack.add(
        eb.Application(
            "Application",
            ApplicationName=stack.takes(ports.APPLICATION_NAME),
            Description=project.description,
            ResourceLifecycleConfig=eb.ApplicationResourceLifecycleConfig(
                ServiceRole=GetAtt(role, "Arn"),
                VersionLifecycleConfig=eb.ApplicationVersionLifecycleConfig(
                    MaxCountRule=eb.MaxCountRule(DeleteSourceFromS3=True, Enabled=True, MaxCount=VERSIONS_KEPT)
                ),
            ),
        ),
        "Holds the versions of the backend.",
        ["PIP-3", "DSN-17"],
    )
    profile, instance_role = instance_profile(stack, project, application)
    environment = stack.add(
        eb.Environment(
            "BackendEnvironment",
            ApplicationName=Ref(application),
            Description=project.description,
            EnvironmentName=stack.takes(ports.BEANSTALK_NAME),
            OptionSettings=options.settings(stack, project, profile, role),
            PlatformArn=stack.takes(ports.PLATFORM_ARN),
            Tier=eb.Tier(Name="WebServer", Type="Standard"),
        ),
        "Keeps the backend's instances running and replaces them release by release.",
        ["PIP-3", "PIP-6", "PIP-9", "RUN-1", "RUN-5", "RUN-11", "RUN-12", "DSN-17"],
    )
    answers(stack, "Beanstalk")
    alarm(
        stack,
        "EnvironmentHealth",
        "Elastic Beanstalk finds the environment degraded.",
        ["NOT-4", "NOT-5"],
        ("AWS/ElasticBeanstalk", "EnvironmentHealth", "Maximum"),
        {"EnvironmentName": Ref(environment)},
        DEGRADED,
        minutes=1,
        periods=3,
    )
    _limits(stack, environment)
    stack.gives(ports.RUNNING_CLUSTER, Ref(application))
    stack.gives(ports.RUNNING_SERVICE, Ref(environment))
    # Elastic Beanstalk streams each log file of an instance to the group /aws/elasticbeanstalk/ENVIRONMENT + path, and
    # writes the output of the Procfile's process `web` to this file (elasticbeanstalk dg, AWSHowTo.cloudwatchlogs).
    stack.gives(
        ports.BACKEND_LOG_GROUP,
        Sub("/aws/elasticbeanstalk/${Environment}/var/log/web.stdout.log", Environment=Ref(environment)),
    )
    stack.gives(ports.SERVICE_ARN, arns.beanstalk_environment(Ref(application), Ref(environment)))
    stack.gives(ports.SHIFT_MINUTES, "0")
    stack.gives(ports.TASK_ROLE_ARN, GetAtt(instance_role, "Arn"))
    stack.gives(ports.EXECUTION_ROLE_ARN, GetAtt(role, "Arn"))
    return stack


def _limits(stack: Stack, environment: eb.Environment) -> None:
    """The alarms on what the instances have left, as those of the tasks on ECS."""
    for title, says, function, metric, operator, limit in (
        (
            "InstanceCpu",
            "The instances run out of CPU, and autoscaling does not help.",
            "AVG",
            instances.CPU_IDLE,
            "LessThanOrEqualToThreshold",
            IDLE,
        ),
        (
            "InstanceDisk",
            "The disk of an instance is nearly full.",
            "MAX",
            instances.DISK_USED,
            "GreaterThanOrEqualToThreshold",
            FULL,
        ),
    ):
        add(
            stack,
            title,
            says,
            ["NOT-5", "DSN-17"],
            None,
            ComparisonOperator=operator,
            EvaluationPeriods=3,
            Metrics=[
                cloudwatch.MetricDataQuery(
                    Id="instances",
                    Expression=Sub(instances.query(function, metric, "${Name}"), Name=Ref(environment)),
                    Label=title,
                    Period=300,
                    ReturnData=True,
                )
            ],
            Threshold=limit,
        )
