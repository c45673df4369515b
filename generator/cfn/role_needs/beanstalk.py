"""What Elastic Beanstalk needs: its deploy action, its instances, and the verification of a version. Rows as in
`rows.py`; `row.py` says what the columns mean."""

from collections.abc import Mapping

from generator.cfn.role_needs.row import ARN, PLACE, Row, of, via

APPLICATION, VERSIONS = (
    f"{ARN}:elasticbeanstalk:{PLACE}:application/<ApplicationName>",
    f"{ARN}:elasticbeanstalk:{PLACE}:applicationversion/<ApplicationName>/*",
)
ENVIRONMENT = f"{ARN}:elasticbeanstalk:{PLACE}:environment/<ApplicationName>/<EnvironmentName>"
BUCKET = f"{ARN}:s3:::elasticbeanstalk-${{AWS::Region}}-${{AWS::AccountId}}"
# That one, and those of AWS's own with the sample application and what environments start with.
AWS_BUCKETS = f"{ARN}:s3:::elasticbeanstalk-*/*"
LOGS = f"{ARN}:logs:{PLACE}:log-group:/aws/elasticbeanstalk/<EnvironmentName>/*"
STACK = f"{ARN}:cloudformation:{PLACE}:stack/awseb-*/*"
GROUPS, BALANCERS = f"{ARN}:autoscaling:{PLACE}", f"{ARN}:elasticloadbalancing:{PLACE}"
SAR = "SAR, AWS Elastic Beanstalk"
ACTION = "codepipeline user guide, action-reference-Beanstalk"
UPDATES = "AWS Managed Policy Reference, AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy"
WEB_TIER = "AWS Managed Policy Reference, AWSElasticBeanstalkWebTier"
SECRETS = "Elastic Beanstalk developer guide, AWSHowTo.secrets.IAM-permissions"
SERVICE_ROLE = "Elastic Beanstalk developer guide, iam-servicerole"
TYPE = "AWS::ElasticBeanstalk::Environment"

TRUST: Mapping[tuple[str, str], tuple[str, Mapping[str, str], str]] = {
    (TYPE, "OptionSettings"): ("elasticbeanstalk.amazonaws.com", {"sts:ExternalId": "elasticbeanstalk"}, SERVICE_ROLE),
    ("AWS::ElasticBeanstalk::Application", "ResourceLifecycleConfig"): (
        "elasticbeanstalk.amazonaws.com",
        {"sts:ExternalId": "elasticbeanstalk"},
        SERVICE_ROLE,
    ),
}

MANAGED: Mapping[str, tuple[str, str, str]] = {
    f"{ARN}:iam::aws:policy/service-role/AWSElasticBeanstalkEnhancedHealth": (
        TYPE,
        "OptionSettings",
        f"what the service needs for enhanced health, in a list that AWS keeps ({SERVICE_ROLE})",
    ),
    f"{ARN}:iam::aws:policy/AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy": (
        TYPE,
        "OptionSettings",
        f"what the service needs for managed platform updates, in a list that AWS keeps ({SERVICE_ROLE})",
    ),
}


def _rows(service: str, *groups: tuple[str, str], source: str = UPDATES) -> tuple[Row, ...]:
    """Rows of one service by one source, as (actions, on)."""
    return tuple(Row(of(service, actions), on, source) for actions, on in groups)


ROWS: Mapping[str, tuple[Row, ...]] = {
    "action ElasticBeanstalk": (
        # The bundle alone; its key begins with the pipeline's name and the artifact's, both cut.
        *_rows("s3", ("GetObject GetObjectVersion", f"{ARN}:s3:::<Bucket>/*/<Artifact>*"), source=ACTION),
        *_rows(
            "elasticbeanstalk",
            ("CreateApplicationVersion DescribeApplicationVersions", APPLICATION),
            ("CreateApplicationVersion DescribeApplicationVersions", VERSIONS),
            (
                "DescribeConfigurationSettings DescribeEnvironmentHealth DescribeEnvironmentResources"
                " DescribeEnvironments DescribeEvents DescribeInstancesHealth UpdateEnvironment",
                ENVIRONMENT,
            ),
            source=f"{ACTION}; {SAR}",
        ),
        *_rows(
            "s3",
            ("GetBucketLocation GetBucketPolicy ListBucket PutBucketPolicy", BUCKET),
            ("DeleteObject GetObject GetObjectAcl GetObjectVersion PutObject PutObjectAcl", f"{BUCKET}/*"),
            ("GetObject", AWS_BUCKETS),
        ),
        *_rows(
            "cloudformation",
            (
                "CancelUpdateStack DescribeStackEvents DescribeStackResource DescribeStackResources DescribeStacks"
                " GetTemplate ListStackResources UpdateStack",
                STACK,
            ),
        ),
        *(
            row
            for kind in ("autoScalingGroup", "launchConfiguration")
            for row in _rows(
                "autoscaling",
                (
                    "AttachInstances CreateAutoScalingGroup CreateOrUpdateTags DeleteAutoScalingGroup DeletePolicy"
                    " DetachInstances PutNotificationConfiguration PutScalingPolicy ResumeProcesses SetDesiredCapacity"
                    " SuspendProcesses"
                    " TerminateInstanceInAutoScalingGroup UpdateAutoScalingGroup",
                    f"{GROUPS}:{kind}:*:{kind}Name/awseb-*",
                ),
            )
        ),
        Row(("ec2:RunInstances",), "*", UPDATES, {"ec2:LaunchTemplate": f"{ARN}:ec2:{PLACE}:launch-template/*"}),
        *_rows(
            "ec2",
            (
                "CreateLaunchTemplate CreateLaunchTemplateVersion DeleteLaunchTemplate DeleteLaunchTemplateVersions",
                f"{ARN}:ec2:{PLACE}:launch-template/*",
            ),
        ),
        Row(("ec2:CreateTags",), "*", UPDATES, {"ec2:CreateAction": "RunInstances"}),
        Row(
            ("ec2:TerminateInstances",),
            f"{ARN}:ec2:{PLACE}:instance/*",
            UPDATES,
            {"ec2:ResourceTag/aws:cloudformation:stack-id": STACK},
        ),
        *_rows(
            "elasticloadbalancing", ("AddTags DeregisterTargets RegisterTargets", f"{BALANCERS}:targetgroup/awseb-*")
        ),
        *_rows(
            "elasticloadbalancing",
            ("CreateTargetGroup DeleteTargetGroup", f"{BALANCERS}:targetgroup/awseb-*"),
            ("ModifyRule", f"{BALANCERS}:listener-rule/app/*"),
            source="Elastic Beanstalk developer guide, using-features.rolling-version-deploy (traffic splitting)",
        ),
        *_rows("cloudwatch", ("PutMetricAlarm", f"{ARN}:cloudwatch:{PLACE}:alarm:awseb-*")),
        *_rows("logs", ("CreateLogGroup PutRetentionPolicy", LOGS), ("DescribeLogGroups", "*")),
        *_rows(
            "autoscaling",
            (
                "DescribeAutoScalingGroups DescribeAutoScalingInstances DescribeLaunchConfigurations"
                " DescribeLoadBalancers DescribeNotificationConfigurations DescribeScalingActivities"
                " DescribeScheduledActions",
                "*",
            ),
        ),
        *_rows(
            "ec2",
            (
                "DescribeAvailabilityZones DescribeImages DescribeInstances DescribeLaunchTemplateVersions"
                " DescribeLaunchTemplates DescribeSecurityGroups DescribeSubnets DescribeVpcs",
                "*",
            ),
        ),
        *_rows(
            "elasticloadbalancing",
            ("DescribeListeners DescribeLoadBalancers DescribeRules DescribeTargetGroups DescribeTargetHealth", "*"),
        ),
    ),
    "bundle with a key": via("s3", "Decrypt DescribeKey", ACTION),
    "role of an instance": (
        Row(("iam:PassRole",), "<Role>", UPDATES, {"iam:PassedToService": "elasticbeanstalk.amazonaws.com"}),
    ),
    # The instances.
    "instance": (
        *_rows(
            "elasticbeanstalk",
            ("PutInstanceStatistics", APPLICATION),
            ("PutInstanceStatistics", ENVIRONMENT),
            source=WEB_TIER,
        ),
        *_rows("logs", ("CreateLogStream DescribeLogGroups DescribeLogStreams PutLogEvents", LOGS), source=WEB_TIER),
        *_rows(
            "s3",
            ("GetBucketLocation ListBucket", BUCKET),
            # The prefixes are those of the policy that Elastic Beanstalk writes to its bucket for instances' roles.
            ("GetObject GetObjectVersion", f"{BUCKET}/resources/environments/*"),
            ("PutObject", f"{BUCKET}/resources/environments/logs/*"),
            source=WEB_TIER,
        ),
        Row(("s3:GetObject",), AWS_BUCKETS, WEB_TIER, {"aws:ResourceAccount": "an account of AWS"}),
    ),
    "instance parameter": (Row(("ssm:GetParameter",), "<ValueFrom>", SECRETS),),
    # The verification.
    **{
        f"aws elasticbeanstalk {command}": _rows("elasticbeanstalk", (action, on), source=SAR)
        for command, action, on in (
            (
                "describe-application-versions",
                "DescribeApplicationVersions",
                f"{ARN}:elasticbeanstalk:{PLACE}:applicationversion/<--application-name>/*",
            ),
            (
                "describe-configuration-settings",
                "DescribeConfigurationSettings",
                f"{ARN}:elasticbeanstalk:{PLACE}:environment/<--application-name>/<--environment-name>",
            ),
            (
                "describe-environments",
                "DescribeEnvironments",
                f"{ARN}:elasticbeanstalk:{PLACE}:environment/<--application-name>/<--environment-names>",
            ),
            (
                "describe-instances-health",
                "DescribeInstancesHealth",
                f"{ARN}:elasticbeanstalk:{PLACE}:environment/*/<--environment-name>",
            ),
        )
    },
}
