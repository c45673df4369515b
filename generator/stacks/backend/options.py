"""The options of the Elastic Beanstalk environment, by namespace.

Source: elasticbeanstalk dg, command-options-general; environments-cfg-alb-shared for the shared load balancer;
AWSHowTo.secrets.env-vars for the configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from troposphere import Equals, GetAtt, If, Join, NoValue, Ref, Sub, iam
from troposphere import elasticbeanstalk as eb

from generator.constructs import instances
from generator.constructs.app_config import keys, secret_arn
from generator.core import arns, ports
from generator.core.arns import Text
from generator.core.names import INSTANCE_PORT, LISTENER_PORT
from generator.core.stack import Stack, switched_on
from generator.project import Project

EB, AUTOSCALING = "aws:elasticbeanstalk", "aws:autoscaling"
# What requests from CloudFront have in their Host header without a domain of our own.
CLOUDFRONT_HOSTS = "*.cloudfront.net"
# GB, the least that the option takes; left out it would be the platform's own.
DISK_SIZE = "10"
# The rule's name among the options; Elastic Beanstalk makes no other.
RULE = "public"


def settings(
    stack: Stack, project: Project, profile: iam.InstanceProfile, service_role: iam.Role
) -> list[eb.OptionSetting | If]:
    """All options, in the order of the tables below."""
    tables = (_capacity, _network, _deployments, _operation)
    settings = [
        eb.OptionSetting(Namespace=namespace, OptionName=name, Value=value)
        for table in tables
        for namespace, options in table(stack, project).items()
        for name, value in options.items()
    ]
    role = GetAtt(service_role, "Arn")
    for namespace, name, value in (
        (f"{EB}:environment", "ServiceRole", role),
        (f"{EB}:managedactions", "ServiceRoleForManagedUpdates", role),
        (f"{AUTOSCALING}:launchconfiguration", "IamInstanceProfile", Ref(profile)),
    ):
        settings.append(eb.OptionSetting(Namespace=namespace, OptionName=name, Value=value))
    return [*settings, *_configuration(stack, project)]


def _capacity(stack: Stack, _: Project) -> Mapping[str, Mapping[str, Text]]:
    return {
        f"{AUTOSCALING}:asg": {
            "MinSize": stack.takes(ports.TASKS_MINIMUM),
            "MaxSize": stack.takes(ports.TASKS_MAXIMUM),
        },
        f"{AUTOSCALING}:trigger": {
            "MeasureName": "CPUUtilization",
            "Statistic": "Average",
            "Unit": "Percent",
            "UpperThreshold": "60",
            "LowerThreshold": "25",
        },
        "aws:ec2:instances": {"InstanceTypes": stack.takes(ports.INSTANCE_TYPE)},
        f"{AUTOSCALING}:launchconfiguration": {
            "DisableDefaultEC2SecurityGroup": "true",
            "DisableIMDSv1": "true",
            "RootVolumeSize": DISK_SIZE,
            "RootVolumeType": "gp3",
            "SecurityGroups": stack.takes(ports.TASK_GROUP),
        },
    }


def _network(stack: Stack, project: Project) -> Mapping[str, Mapping[str, Text]]:
    """Behind our load balancer, whose listener and group Elastic Beanstalk leaves alone.

    It adds a rule, and by default asks for its own name in the Host header (environments-cfg-alb-shared); CloudFront
    forwards the viewer's, so the rule names those hosts. Nobody but CloudFront reaches the load balancer.
    """
    domain = stack.takes(ports.DOMAIN_NAME)
    own = Sub(f"{CLOUDFRONT_HOSTS},${{{ports.DOMAIN_NAME.name}}}")
    return {
        "aws:ec2:vpc": {
            "AssociatePublicIpAddress": "false",
            "Subnets": Join(",", [stack.takes(ports.PRIVATE_SUBNET_A), stack.takes(ports.PRIVATE_SUBNET_B)]),
            "VPCId": stack.takes(ports.VPC_ID),
        },
        f"{EB}:environment": {
            "EnvironmentType": "LoadBalanced",
            "LoadBalancerIsShared": "true",
            "LoadBalancerType": "application",
        },
        "aws:elbv2:loadbalancer": {
            "SecurityGroups": stack.takes(ports.LOAD_BALANCER_GROUP),
            "SharedLoadBalancer": stack.takes(ports.LOAD_BALANCER_ARN),
        },
        f"aws:elbv2:listener:{LISTENER_PORT}": {"Rules": RULE},
        f"aws:elbv2:listenerrule:{RULE}": {
            "HostHeaders": If(stack.when("HasDomain", switched_on(domain, "")), own, CLOUDFRONT_HOSTS),
            "PathPatterns": "/*",
            "Priority": "1",
            "Process": "default",
        },
        f"{EB}:environment:process:default": {
            "DeregistrationDelay": "30",
            "HealthCheckInterval": "15",
            "HealthCheckPath": project.backend.health_path,
            "HealthCheckTimeout": "5",
            "HealthyThresholdCount": "2",
            "MatcherHTTPCode": "200",
            "Port": str(INSTANCE_PORT),
            "Protocol": "HTTP",
            "UnhealthyThresholdCount": "3",
        },
    }


def _deployments(stack: Stack, _: Project) -> Mapping[str, Mapping[str, Text]]:
    """New instances beside the old ones, for a release as for a change of the options: what fails leaves the old."""
    splitting = stack.when("Splitting", Equals(stack.takes(ports.DEPLOYMENT_STRATEGY), "CANARY"))
    return {
        f"{EB}:command": {"DeploymentPolicy": If(splitting, "TrafficSplitting", "Immutable")},
        f"{EB}:trafficsplitting": {
            "EvaluationTime": stack.takes(ports.CANARY_BAKE_MINUTES),
            "NewVersionPercent": stack.takes(ports.CANARY_PERCENT),
        },
        f"{AUTOSCALING}:updatepolicy:rollingupdate": {"RollingUpdateEnabled": "true", "RollingUpdateType": "Immutable"},
    }


def _operation(stack: Stack, _: Project) -> Mapping[str, Mapping[str, Text]]:
    return {
        f"{EB}:cloudwatch:logs": {
            "DeleteOnTerminate": "false",
            "RetentionInDays": stack.takes(ports.LOG_DAYS),
            "StreamLogs": "true",
        },
        f"{EB}:healthreporting:system": {"ConfigDocument": instances.PUBLISHED, "SystemType": "enhanced"},
        f"{EB}:managedactions": {"ManagedActionsEnabled": "true", "PreferredStartTime": "Sun:03:00"},
        f"{EB}:managedactions:platformupdate": {"InstanceRefreshEnabled": "true", "UpdateLevel": "minor"},
    }


def _configuration(stack: Stack, project: Project) -> Iterator[eb.OptionSetting | If]:
    """Each key from Parameter Store or Secrets Manager when an instance starts. A change of the digest makes Elastic
    Beanstalk read them again."""
    for name, value in (
        ("CONFIGURATION_DIGEST", stack.takes(ports.CONFIGURATION_DIGEST)),
        # uvicorn's own variable: it believes the proxy on its instance about the client's address.
        ("FORWARDED_ALLOW_IPS", "*"),
        # The design's own; the platform puts a release there.
        ("PYTHONPATH", "/var/app/current"),
    ):
        yield eb.OptionSetting(Namespace=f"{EB}:application:environment", OptionName=name, Value=value)
    secrets, tree = f"{EB}:application:environmentsecrets", stack.takes(ports.CONFIGURATION_TREE)
    for key in keys(project):
        source = arns.ssm_parameter(tree, f"/{key.variable}")
        entry = eb.OptionSetting(Namespace=secrets, OptionName=key.variable, Value=source)
        if key.optional:
            entry = If(stack.when(key.condition, switched_on(stack.takes(key.takes[0]), "")), entry, NoValue)
        yield entry
    for secret in project.secrets:
        yield eb.OptionSetting(Namespace=secrets, OptionName=secret.name, Value=stack.takes(secret_arn(secret)))
