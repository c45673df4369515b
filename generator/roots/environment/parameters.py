"""What an environment may choose: the parameters of the root `environment`, with limits and defaults.

Defaults are production's; `params/` says what differs. Long because it is one table: a parameter is one entry.
"""

from __future__ import annotations

from generator.cfn.names import NOBODY
from generator.constructs.app_config import existing_secret, port
from generator.core import ports
from generator.core.names import (
    BEANSTALK,
    CLOUDFRONT,
    CODECOMMIT,
    CONNECTION,
    ECS,
    INTERNAL,
    NONE,
    PARALLEL,
    PUBLIC,
    PYTHON_VERSIONS,
    SEQUENTIAL,
)
from generator.core.ports import Port
from generator.core.settings import Computed, Setting, environment_name
from generator.project import Choice, Project

YES_NO = ("true", "false")
# Retention periods that CloudWatch Logs accepts, from two weeks to two years (schema of AWS::Logs::LogGroup).
LOG_PERIODS = ("14", "30", "60", "90", "120", "150", "180", "365", "400", "545", "731")
# CPU units and MiB that Fargate accepts (AmazonECS developerguide, fargate-tasks-services).
TASK_CPUS = ("256", "512", "1024", "2048", "4096")
TASK_MEMORIES = ("512", "1024", "2048", "3072", "4096", "5120", "6144", "7168", "8192")
# Severities of the findings of a basic scan (ECR API reference, ImageScanFinding), from the worst on; of those that are
# only informational or undefined no release has to wait.
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
MAIL = r"|[^@\s]+@[^@\s]+\.[^@\s]+"
CERTIFICATE = r"|arn:aws[a-z-]*:acm:us-east-1:\d{12}:certificate/[0-9a-f-]{36}"
NAME = r"[A-Za-z0-9_.-]{1,100}"


def settings(project: Project) -> list[Setting]:
    """Every parameter of an environment, in the order in which the console shows the groups."""
    return [
        *_environment(),
        *_source(),
        *_application(project),
        *_backend(),
        *_frontend(project),
        *_network(),
        *_releases(project),
        *_people(),
        *_keeping(project),
        *_computed(project),
    ]


def read_by_the_script(project: Project) -> list[Setting]:
    """What no resource takes: the deploy script judges by it (`scripts/operations/client_secrets.py`)."""
    if not project.shares_client_secrets:
        return []
    group, rule = "Beside other environments", "a sentence of 20 to 200 characters, or empty"
    return [Setting(ports.ACCOUNT_SHARED, group, "Why secrets are shared", "", pattern="|.{20,200}", rule=rule)]


def _environment() -> list[Setting]:
    group = "Environment"
    return [
        environment_name(group),
        Setting(ports.BRANCH, group, "Branch", pattern=r"[A-Za-z0-9._/-]{1,100}", rule="the name of a git branch"),
        Setting(ports.BACKEND_TARGET, group, "Backend", ECS, allowed=(ECS, BEANSTALK, NONE)),
        Setting(ports.FRONTEND_TARGET, group, "Frontend", CLOUDFRONT, allowed=(CLOUDFRONT, NONE)),
        *address(group),
    ]


def domain(name: Port, group: str, label: str) -> Setting:
    """A domain name, or none."""
    pattern = r"|([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+([a-z]{2,}|xn--[a-z0-9-]*[a-z0-9])"
    return Setting(name, group, label, "", pattern=pattern, rule="a domain name in lower case, or empty")


def address(group: str) -> list[Setting]:
    """The domain, which the root `edge` has too."""
    return [
        domain(ports.DOMAIN_NAME, group, "Own domain"),
        Setting(
            ports.HOSTED_ZONE_ID,
            group,
            "Hosted zone of the domain",
            "",
            pattern="|[A-Z0-9]{1,32}",
            rule="the id of a public hosted zone in this account, or empty",
        ),
        Setting(
            ports.CERTIFICATE_ARN,
            group,
            "Certificate of the domain",
            "",
            pattern=CERTIFICATE,
            rule="the ARN of an ACM certificate in us-east-1, or empty",
        ),
    ]


def _source() -> list[Setting]:
    """Sources: AWS::CodePipeline::Pipeline, GitFilePathFilterCriteria; codepipeline userguide, syntax-glob."""
    group = "Source"
    return [
        Setting(ports.SOURCE_PROVIDER, group, "Provider", CODECOMMIT, allowed=(CODECOMMIT, CONNECTION)),
        Setting(
            ports.CONNECTION_ARN,
            group,
            "Connection",
            "",
            pattern=r"|arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}:connection/[0-9a-f-]{36}",
            rule="the ARN of a connection, or empty",
        ),
        Setting(
            ports.SOURCE_REPOSITORY,
            group,
            "Repository behind the connection",
            "",
            pattern=r"|[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+",
            rule="owner/name, with the groups between them at GitLab, or empty",
        ),
        Setting(
            ports.EXCLUDED_PATHS,
            group,
            "Paths that start no release",
            "docs/**",
            pattern=r"[A-Za-z0-9_./*?-]+(,[A-Za-z0-9_./*?-]+)*",
            rule="glob patterns with commas between them, such as docs/**,**.md",
        ),
    ]


def table_names(project: Project, group: str) -> list[Setting]:
    """The names of the project's tables, which the access root asks for too."""
    return [
        Setting(
            ports.table(table.logical),
            group,
            f"{table.logical} table",
            pattern="[A-Za-z0-9_.-]{3,255}",
            rule="3 to 255 letters, digits, dots, dashes or underscores",
        )
        for table in project.tables
    ]


def _application(project: Project) -> list[Setting]:
    group = "Application"
    return [
        *(_choice(choice, group) for variable in project.variables if (choice := variable.choice)),
        *(
            [Setting(ports.DATA_TABLES, group, "Tables", "CREATE", allowed=("CREATE", "EXISTING"))]
            if project.tables
            else []
        ),
        *table_names(project, group),
    ]


def _choice(choice: Choice, group: str) -> Setting:
    low_high = (choice.between[0], choice.between[1]) if choice.between else None
    return Setting(
        port(choice), group, choice.label, choice.default, choice.allowed, choice.pattern, choice.rule, low_high
    )


def _backend() -> list[Setting]:
    group = "Backend"
    return [
        Setting(ports.TASK_CPU, group, "CPU units", "512", allowed=TASK_CPUS),
        Setting(ports.TASK_MEMORY, group, "Memory (MiB)", "1024", allowed=TASK_MEMORIES),
        Setting(ports.TASKS_MINIMUM, group, "Tasks at least", "2", between=(1, 100)),
        Setting(ports.TASKS_MAXIMUM, group, "Tasks at most", "4", between=(1, 100)),
        Setting(ports.DEPLOYMENT_STRATEGY, group, "Strategy", "ROLLING", allowed=("ROLLING", "BLUE_GREEN", "CANARY")),
        Setting(ports.TARGET_GROUPS, group, "Target groups", "ONE", allowed=("ONE", "TWO")),
        # Both together stay below the hour that the deploy action waits at most.
        Setting(ports.BAKE_MINUTES, group, "Bake time (min)", "10", between=(1, 20)),
        Setting(ports.CANARY_PERCENT, group, "Canary (%)", "10", between=(1, 99)),
        # Three minutes are the least that Elastic Beanstalk evaluates.
        Setting(ports.CANARY_BAKE_MINUTES, group, "Canary time (min)", "10", between=(3, 20)),
        Setting(
            ports.INSTANCE_TYPE,
            group,
            "Instance type",
            "t3.small",
            pattern=r"[a-z][a-z0-9-]*\.[a-z0-9]+",
            rule="an EC2 instance type for x86, such as t3.small",
        ),
        # The newest good release is what runs, or one of the few before it after going back.
        Setting(ports.IMAGES_KEPT, group, "Images kept", "100", between=(50, 1000)),
        Setting(ports.DEPLOYMENT_TIMEOUT, group, "Deployment timeout (min)", "30", between=(5, 60)),
    ]


def _frontend(project: Project) -> list[Setting]:
    group = "Frontend"
    name, rule = "[A-Za-z0-9_-]{1,50}", "the name of a folder"
    part = "[A-Za-z0-9_-][A-Za-z0-9._-]{0,49}"
    output = f"([.][.]/){{0,5}}{part}(/{part}){{0,5}}"
    prefixes = project.frontend.variable_prefixes
    # A name ends in what its value is: TOKEN_ENDPOINT is an address, and KEYCLOAK no key. Keys that are made to be
    # public say so.
    public = "[A-Z0-9_]*(PUBLIC|PUBLISHABLE|SITE_KEY)"
    never = f"(?!(?!{public})([A-Z0-9_]*_)?(SECRET|PASSWORD|PASSWD|TOKEN|CREDENTIAL|KEY)S?=)"
    variable = f"({'|'.join(prefixes)}){never}[A-Z0-9_]+=[A-Za-z0-9_./:@%+?&=~#; -]*"
    return [
        Setting(ports.FRONTEND_OUTPUT, group, "Build output", project.frontend.output, pattern=output, rule="a folder"),
        Setting(ports.FRONTEND_ASSETS, group, "Hashed files", project.frontend.assets, pattern=name, rule=rule),
        Setting(
            ports.BUILD_VARIABLES,
            group,
            "Build variables",
            "",
            pattern=f"|{variable}(,{variable})*",
            rule=f"NAME=value,NAME=value, names in capitals start with {' or '.join(prefixes)} and name no secret "
            "(those of public keys end in PUBLIC_KEY, PUBLISHABLE_KEY or SITE_KEY), values have no comma; or empty",
        ),
        Setting(
            ports.PRICE_CLASS,
            group,
            "Edge locations",
            "PriceClass_100",
            allowed=("PriceClass_100", "PriceClass_200", "PriceClass_All"),
        ),
        Setting(
            ports.TRANSFER_ACCELERATION, group, "Transfer acceleration", "Off", allowed=("Off", "Enabled", "Suspended")
        ),
    ]


def _network() -> list[Setting]:
    group = "Network"
    return [
        Setting(
            ports.VPC_CIDR,
            group,
            "Address range",
            "10.20.0.0/16",
            pattern=r"(10|172|192)(\.\d{1,3}){3}/16",
            rule="a private IPv4 range of size /16, such as 10.20.0.0/16",
            fixed="the network would be replaced under what runs in it, which cannot work: make a second environment, "
            "or destroy this one first",
        ),
        Setting(
            ports.NAT_GATEWAYS,
            group,
            "NAT gateways",
            "2",
            allowed=("1", "2"),
            rule="1 or 2; without one the tasks could not reach what the application calls, much of which has no VPC "
            "endpoint",
        ),
        Setting(
            ports.LOAD_BALANCER_SCHEME,
            group,
            "Load balancer",
            INTERNAL,
            allowed=(INTERNAL, PUBLIC),
            fixed="the load balancer would be replaced, and its target groups belong to one load balancer alone: "
            "make a second environment, or destroy this one first",
        ),
        Setting(
            ports.LOAD_BALANCER_CERTIFICATE,
            group,
            "Certificate of the load balancer",
            "",
            pattern=r"|arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[0-9a-f-]{36}",
            rule="the ARN of an ACM certificate in the environment's Region, or empty",
        ),
    ]


def _releases(project: Project) -> list[Setting]:
    group = "Releases"
    return [
        Setting(ports.BUILD_LAYOUT, group, "Builds", SEQUENTIAL, allowed=(SEQUENTIAL, PARALLEL)),
        Setting(ports.ONLY_CHANGED, group, "Only what has changed", "false", allowed=YES_NO),
        Setting(ports.EXECUTION_MODE, group, "Execution mode", "QUEUED", allowed=("QUEUED", "SUPERSEDED")),
        # The design's number. At most 8 hours, so that a watch stays far below the events that it may have.
        Setting(ports.EXECUTION_TIMEOUT, group, "Execution timeout (min)", "60", between=(10, 480)),
        Setting(ports.APPROVAL, group, "Approval", "false", allowed=YES_NO),
        Setting(ports.APPROVAL_TIMEOUT, group, "Approval timeout (min)", "1440", between=(5, 86400)),
        Setting(ports.TESTS_BLOCK, group, "Failing tests block", "true", allowed=YES_NO),
        Setting(ports.LINT_BLOCKS, group, "Lint findings block", "false", allowed=YES_NO),
        Setting(ports.SCAN_FINDINGS_BLOCK, group, "Scan findings block", "CRITICAL", allowed=(*SEVERITIES, NONE)),
        Setting(ports.BUILDSPEC_SOURCE, group, "Buildspecs", "INLINE", allowed=("INLINE", "REPOSITORY")),
        Setting(
            ports.BUILD_IMAGE,
            group,
            "Build image",
            "aws/codebuild/standard:7.0",
            allowed=(
                "aws/codebuild/standard:7.0",
                "aws/codebuild/standard:8.0",
                "aws/codebuild/amazonlinux-x86_64-standard:5.0",
            ),
        ),
        Setting(
            ports.BUILD_COMPUTE,
            group,
            "Build compute",
            "BUILD_GENERAL1_SMALL",
            allowed=("BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_MEDIUM", "BUILD_GENERAL1_LARGE"),
        ),
        # Below the limit of the whole execution, so that a build that hangs fails by its own name.
        Setting(ports.BUILD_TIMEOUT, group, "Build timeout (min)", "30", between=(5, 480)),
        Setting(ports.PYTHON_VERSION, group, "Python", project.backend.python, allowed=PYTHON_VERSIONS),
        Setting(ports.NODE_VERSION, group, "Node.js", project.frontend.node, allowed=("18", "20", "22", "24")),
    ]


def _people() -> list[Setting]:
    group = "People"
    return [
        *subscribers(group),
        Setting(ports.BUILD_ALARM_SECONDS, group, "Build alarm (s)", "600", between=(60, 28800)),
        Setting(ports.ERROR_ALARM_COUNT, group, "Errors in 5 min", "5", between=(1, 100000)),
        Setting(ports.BUDGET_AMOUNT, group, "Monthly budget (USD)", "212", between=(1, 1000000)),
    ]


def subscribers(group: str) -> list[Setting]:
    """Who gets the messages, and from which latency on; the root `edge` has them too."""
    return [
        Setting(
            ports.NOTIFICATION_EMAIL,
            group,
            "Mail address",
            "",
            pattern=f"|{NOBODY}{MAIL}",
            rule=f"a mail address, {NOBODY} to send none on purpose, or empty",
        ),
        Setting(
            ports.NOTIFICATION_PHONE,
            group,
            "Phone",
            "",
            pattern=r"|\+[1-9]\d{6,14}",
            rule="a phone number in E.164 form, such as +441632960961, or empty",
        ),
        Setting(ports.LATENCY_ALARM_SECONDS, group, "Latency alarm (s)", "2", between=(1, 60)),
    ]


def _keeping(project: Project) -> list[Setting]:
    group = "Keeping"
    return [
        Setting(ports.ARTIFACT_DAYS, group, "Artifacts (days)", "90", between=(30, 3650)),
        Setting(ports.LOG_DAYS, group, "Logs (days)", "90", allowed=LOG_PERIODS),
        Setting(ports.DELETION_PROTECTION, group, "Deletion protection", "false", allowed=YES_NO),
        Setting(
            ports.EXISTING_KEY,
            group,
            "Existing key",
            "",
            pattern=r"|arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[0-9a-f-]{36}",
            rule="the ARN of a KMS key, or empty",
        ),
        *(
            Setting(
                existing_secret(secret),
                group,
                f"Existing {secret.logical.lower()} secret",
                "",
                pattern=r"|arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]+",
                rule="the ARN of a secret, or empty",
            )
            for secret in project.secrets
        ),
        Setting(
            ports.EXISTING_REPOSITORY,
            group,
            "Existing image repository",
            "",
            pattern=r"|[a-z0-9][a-z0-9._/-]{1,255}",
            rule="the name of an ECR repository, or empty",
        ),
    ]


def _computed(project: Project) -> list[Setting]:
    group = "Set by the deploy script"
    return [
        Setting(
            ports.REPOSITORY_NAME,
            group,
            "Repository",
            pattern=NAME,
            rule="the name of a CodeCommit repository",
            computed=Computed("output RepositoryName of the stack `shared`", project.name),
        ),
        Setting(
            ports.SIGNING_PROFILE,
            group,
            "Signing profile",
            pattern=r"|arn:aws[a-z-]*:signer:[a-z0-9-]+:\d{12}:/signing-profiles/[a-zA-Z0-9_]{2,64}",
            rule="the ARN of a signing profile, or empty",
            computed=Computed("output SigningProfileArn of the stack `shared`; empty while ImageSigning is false", ""),
        ),
        Setting(
            ports.PREFIX_LIST,
            group,
            "CloudFront prefix list",
            pattern=r"pl-[0-9a-f]{8,17}",
            rule="the id of a managed prefix list",
            computed=Computed(
                "ec2 describe-managed-prefix-lists, name com.amazonaws.global.cloudfront.origin-facing", "pl-00000000"
            ),
        ),
        *(
            Setting(
                port,
                group,
                f"{ordinal} zone",
                pattern=r"[a-z]{2}(-[a-z]+)+-\d[a-z]",
                rule="the name of an availability zone, such as us-east-1a",
                computed=Computed(
                    "ec2 describe-availability-zones, by zone id without those that lack VPC origins, Fargate or the "
                    "instance type; kept for the life of the environment",
                    first,
                ),
                fixed="all four subnets would be replaced while their address ranges are taken: make a second "
                "environment, or destroy this one first",
            )
            for port, ordinal, first in ((ports.ZONE_A, "First", "us-east-1a"), (ports.ZONE_B, "Second", "us-east-1b"))
        ),
        Setting(
            ports.EDGE_CERTIFICATE,
            group,
            "Certificate of the root edge",
            pattern=CERTIFICATE,
            rule="the ARN of an ACM certificate in us-east-1, or empty",
            computed=Computed(
                "output EdgeCertificateArn of the root `edge`, which makes a certificate for HostedZoneId without "
                "CertificateArn; else empty",
                "",
            ),
        ),
        Setting(
            ports.ACCESS_BOUNDARY,
            group,
            "Boundary of roles",
            pattern=r"|arn:aws[a-z-]*:iam::\d{12}:policy/[A-Za-z0-9+=,.@_/-]+",
            rule="the ARN of a managed policy, or empty",
            computed=Computed(
                "output RoleBoundaryArn of the root `access`; empty without it: then nothing limits the roles", ""
            ),
        ),
        Setting(
            ports.PLATFORM_ARN,
            group,
            "Beanstalk platform",
            pattern=r"none|arn:aws[a-z-]*:elasticbeanstalk:[a-z0-9-]+::platform/[A-Za-z0-9 .]+/[0-9.]+",
            rule="the ARN of a platform version, or none",
            computed=Computed(
                "elasticbeanstalk list-platform-versions, the newest of Python on Amazon Linux 2023; none on ECS",
                "none",
            ),
        ),
        Setting(
            ports.BOOTSTRAP,
            group,
            "First creation",
            allowed=YES_NO,
            computed=Computed(
                "true until the verification has recorded a first good image in LastImageParameter", "true"
            ),
        ),
        Setting(
            ports.IMAGE,
            group,
            "Running image",
            pattern=r"none|[a-z0-9][a-z0-9./_-]*(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})",
            rule="an image with its tag or digest, or none",
            computed=Computed(
                "image of the service's task definition, when the backend changes; else as it was", "none"
            ),
        ),
        Setting(
            ports.CONFIGURATION_DIGEST,
            group,
            "Configuration",
            pattern="[0-9a-f]{16}",
            rule="16 hexadecimal digits",
            computed=Computed(
                "first 16 digits of the SHA-256 over the values that reach the application",
                "0" * 16,
                [*(setting.port.name for setting in _application(project)), ports.DOMAIN_NAME.name],
            ),
        ),
    ]
