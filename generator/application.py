"""The application that is delivered: the only module that knows the Cloud Health Dashboard.

Another application of this kind is another value here; `delivery onboard` writes it from the application's folder.
The facts come from the user's design and from building and running the application.
"""

from generator.project import (
    FERNET,
    GENERATED,
    Backend,
    BuildVariable,
    Choice,
    Frontend,
    Index,
    Project,
    Reach,
    Reads,
    Secret,
    SmokeRequest,
    Table,
    Variable,
)

APPLICATION = Project(
    name="cloud-health-dashboard",
    short="cloud-health",
    title="Cloud Health Dashboard",
    description="Cloud Health Dashboard - AWS Monitoring Application",
    backend=Backend(
        directory="backend",
        module="app.main:app",
        python="3.11",
        port=8000,
        health_path="/health",
        health_answer=("status=healthy", "database=connected"),
        container="backend",
        lint_columns=120,
        base_image="public.ecr.aws/docker/library/python:${PythonVersion}-slim",
    ),
    frontend=Frontend(
        directory="frontend",
        node="22",
        output="build",
        assets="static",
        # Relative, so that the page calls the API on its own origin. The design, the team's plan and the application
        # as it is use three names for the same address.
        variables=(
            BuildVariable("REACT_APP_API_URL", "/api/v1"),
            BuildVariable("REACT_APP_API_BASE_URL", "/api/v1"),
            BuildVariable("REACT_APP_BASE_URL", "/api/v1"),
            BuildVariable("REACT_APP_ENVIRONMENT", "${Environment}"),
        ),
        variable_prefixes=("REACT_APP_", "VITE_"),
        api_paths=("/api/*", "/health"),
    ),
    variables=(
        # Anything but production selects development settings in the application, in every deployed environment.
        Variable("ENVIRONMENT", "ApplicationMode", "production"),
        Variable(
            "DEBUG",
            "DebugSwitch",
            choice=Choice("Debug", "Debug", "DEBUG of the application", "false", allowed=("true", "false")),
        ),
        Variable(
            "LOG_LEVEL",
            "LogLevelName",
            choice=Choice(
                "LogLevel",
                "Log level",
                "LOG_LEVEL of the application",
                "INFO",
                allowed=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
            ),
        ),
        Variable("YOUR_AWS_REGION", "RegionName", "${AWS::Region}"),
        Variable("FRONTEND_URL", "FrontendAddress", "${PublicUrl}"),
        # The application parses a JSON array; a plain address makes the process exit at start.
        Variable("CORS_ORIGINS", "AllowedOrigins", '["${PublicUrl}"]'),
        Variable(
            "DYNAMODB_TABLE_PREFIX",
            "TablePrefixName",
            choice=Choice(
                "TablePrefix",
                "Table prefix",
                "DYNAMODB_TABLE_PREFIX of the design; the application does not read it",
                "prod",
                pattern="[A-Za-z0-9_.-]{1,100}",
                rule="1 to 100 letters, digits, . _ -",
            ),
        ),
        Variable(
            "METRICS_COLLECTION_INTERVAL",
            "MetricsInterval",
            choice=Choice(
                "MetricsCollectionInterval",
                "Metrics interval (s)",
                "METRICS_COLLECTION_INTERVAL of the application in seconds",
                "300",
                between=(10, 86400),
            ),
        ),
        Variable(
            "SES_SENDER_EMAIL",
            "Sender",
            choice=Choice(
                "SenderEmail",
                "Sender of mail",
                "Verified SES address that the application sends mail from; empty for no mail",
                "",
                pattern=r"|[^@\s]+@[^@\s]+\.[^@\s]+",
                rule="a mail address verified in SES, or empty",
            ),
            optional=True,
        ),
        Variable(
            "REDIS_URL",
            "Redis",
            choice=Choice(
                "RedisUrl",
                "Redis",
                "REDIS_URL of the application; empty for none",
                "",
                pattern=r"|rediss?://[^@\s]+",
                rule="redis:// or rediss:// without a password, or empty",
            ),
            optional=True,
        ),
    ),
    secrets=(
        Secret(
            "JWT_SECRET_KEY", "Jwt", GENERATED, "Signs the sessions of the application; a new one logs everybody out."
        ),
        Secret(
            "ENCRYPTION_KEY",
            "Encryption",
            FERNET,
            "Fernet key with which the application encrypts its clients' credentials.",
        ),
    ),
    reaches=(Reach("REDIS_URL", "Redis", 6379, "ToRedis"),),
    tables=(
        Table(
            "CLIENTS_TABLE",
            "Clients",
            "CloudHealthClients",
            (Index("AwsAccountIdIndex", "aws_account_id"), Index("EmailIndex", "email")),
        ),
        Table("METRICS_TABLE", "Metrics", "CloudHealthMetrics", (Index("MetricNameIndex", "gsi1_pk", "sk"),), "ttl"),
        Table("COSTS_TABLE", "Costs", "CloudHealthCosts", ttl="ttl"),
        Table("SECURITY_TABLE", "Security", "SecurityFindings"),
        Table("RECOMMENDATIONS_TABLE", "Recommendations", "Recommendations"),
    ),
    mail="SES_SENDER_EMAIL",
    client_secrets="cloud-health/",
    client_roles="clients choose account and name of the role that they let the dashboard assume; its trust policy "
    "decides",
    reads=Reads(
        actions=(
            "cloudwatch:GetMetricData",
            "cloudwatch:GetMetricStatistics",
            "cloudwatch:ListMetrics",
            "ec2:DescribeInstances",
            "ec2:DescribeRegions",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeVolumes",
            "s3:ListAllMyBuckets",
            "guardduty:ListDetectors",
            "ce:GetCostAndUsage",
            "ce:GetCostForecast",
            "securityhub:GetFindings",
            "iam:GetAccountSummary",
            "iam:ListUsers",
        ),
        because="the dashboard shows the health, cost and findings of its own account as it does of its clients'",
    ),
    smoke=(
        SmokeRequest("GET", "/health", 200, '"database"'),
        SmokeRequest("GET", "/api/v1/email/verify?token=smoke-test", 400),
    ),
    protected_branch="main",
)
