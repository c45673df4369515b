"""The backend on Elastic Beanstalk, the alternative to ECS with the same outputs.

The environment stands behind the load balancer of `ingress`: one of its own would be known only after it, while the
distribution, whose address the application is told, must exist before. It starts with AWS's sample application, which
answers every path, so that the first creation needs no bundle and the pipeline's first release is like any other. The
template names no version: an update of the infrastructure keeps the one that the pipeline deployed.
"""

from __future__ import annotations

from troposphere import GetAtt, Ref, Sub
from troposphere import elasticbeanstalk as eb

from generator.constructs.alarms import alarm
from generator.core import arns, ports
from generator.core.stack import Stack
from generator.project import Project
from generator.stacks.backend import options
from generator.stacks.backend.alarms import answers
from generator.stacks.backend.instances import instance_profile, service_role

VERSIONS_KEPT = 50
# 20 is Degraded, 25 Severe (elasticbeanstalk dg, health-enhanced-cloudwatch).
DEGRADED = 20


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
