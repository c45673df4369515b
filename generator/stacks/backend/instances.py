"""The roles of Elastic Beanstalk: the service's own, and that of the instances, which the application runs as.

The instances may do exactly what the application may, read its configuration, and report: health, logs, and the bundle
they start from. AWS's policy for them (AWSElasticBeanstalkWebTier) would allow every environment's bucket, logs and
health, and foundation models besides. The account's one bucket has the bundles of all environments: an application that
could write there could replace what another environment's next instance starts.
"""

from __future__ import annotations

from awacs import elasticbeanstalk as beanstalk
from awacs import logs, s3, ssm
from awacs.aws import StringEquals, StringNotEquals
from troposphere import Ref, iam
from troposphere import elasticbeanstalk as eb

from generator.core import arns, ports
from generator.core.iam import Grant, allow, trust
from generator.core.names import BEANSTALK_RUNTIME
from generator.core.stack import Stack
from generator.project import Project
from generator.stacks.backend.roles import application, read_configuration, send_mail


def service_role(stack: Stack) -> iam.Role:
    """The role with which Elastic Beanstalk watches the environment and updates its platform. Source: elasticbeanstalk
    dg, iam-servicerole (trust with the external id, and the two policies)."""
    return stack.role(
        "ServiceRole",
        trust(
            "elasticbeanstalk",
            "Elastic Beanstalk watches and updates this environment",
            [StringEquals({"sts:ExternalId": "elasticbeanstalk"})],
        ),
        [],
        "Role with which Elastic Beanstalk watches the environment and updates its platform.",
        ["PIP-8", "DSN-17"],
        managed=[
            arns.aws_policy("service-role/AWSElasticBeanstalkEnhancedHealth"),
            arns.aws_policy("AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy"),
        ],
    )


def instance_profile(
    stack: Stack, project: Project, application_: eb.Application
) -> tuple[iam.InstanceProfile, iam.Role]:
    """The profile of the instances, and its role."""
    role = stack.role(
        "InstanceRole",
        # The trust policy that AWS documents for an instance profile has no condition.
        trust("ec2", "the application runs on instances of this account", ()),
        [
            *application(stack, project),
            # Source: elasticbeanstalk dg, AWSHowTo.secrets.IAM-permissions.
            *read_configuration(stack, project, [ssm.GetParameter], ", and Elastic Beanstalk reads one at a time"),
            *_reporting(stack, application_),
        ],
        "What the application itself may do, and what its instance needs to start and report.",
        ["PIP-8", "RUN-6", "DSN-17"],
        optional=send_mail(stack, project),
    )
    profile = iam.InstanceProfile("InstanceProfile", Roles=[Ref(role)])
    return stack.add(profile, "Gives the role to the instances.", ["PIP-8", "DSN-17"]), role


def _reporting(stack: Stack, application_: eb.Application) -> list[Grant]:
    """Source: AWSElasticBeanstalkWebTier, as the AWS Managed Policy Reference has it, on this environment alone; and
    below which prefixes, the policy that Elastic Beanstalk itself writes to its bucket for the roles of instances. The
    agent downloads `resources/environments/ID/_runtime/_versions/APPLICATION/LABEL`, where the id is AWS's to give."""
    environment = stack.takes(ports.BEANSTALK_NAME)
    bucket = arns.beanstalk_bucket()
    return [
        allow(
            "ReportHealth",
            [beanstalk.PutInstanceStatistics],
            [arns.beanstalk_application(Ref(application_)), arns.beanstalk_environment(Ref(application_), environment)],
            "the agent on the instance reports its health",
        ),
        allow(
            "WriteLogs",
            [logs.CreateLogStream, logs.DescribeLogGroups, logs.DescribeLogStreams, logs.PutLogEvents],
            [arns.beanstalk_logs(environment)],
            "the instance streams its logs to the environment's groups",
        ),
        allow("FindBundles", [s3.GetBucketLocation, s3.ListBucket], [bucket], "bundles and logs lie in this bucket"),
        allow(
            "ReadBundle",
            [s3.GetObject, s3.GetObjectVersion],
            [arns.objects(bucket, f"{BEANSTALK_RUNTIME}/*")],
            "the instance reads the bundle that it starts; an environment's id is given by AWS",
        ),
        allow(
            "PutLogs",
            [s3.PutObject],
            [arns.objects(bucket, f"{BEANSTALK_RUNTIME}/logs/*")],
            "the instance puts the logs that somebody asks for, and writes nothing else",
        ),
        allow(
            "ReadPlatform",
            [s3.GetObject],
            [arns.beanstalk_buckets()],
            "the sample application and parts of the platform lie in buckets of AWS's own",
            [StringNotEquals({"aws:ResourceAccount": Ref("AWS::AccountId")})],
        ),
    ]
