"""The facts of the application. The only module that knows the Cloud Health Dashboard by name.

Another application of this kind (a Python API beside a single-page frontend) is another `Project` value: every
stack module takes it as its argument. Unknown facts are refused by the constructor, ill-typed ones by `_Facts`,
both by name. The facts come from the user's design and from building and running the application.
"""

import re
from dataclasses import dataclass, fields
from types import GenericAlias
from typing import get_args, get_origin


class FactError(ValueError):
    """A fact is missing, misspelled or of the wrong type; the message names the fact and what it must be."""


@dataclass(frozen=True)
class _Facts:
    """Checks every field against its annotation, so that a wrong fact fails here and not in a template."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not _is(value, field.type):
                wanted = getattr(field.type, "__name__", str(field.type))
                raise FactError(f"{type(self).__name__}.{field.name} must be {wanted}, got {value!r}")

    def must_match(self, name: str, pattern: str) -> None:
        """Raises `FactError` unless the text of the named fact matches the whole pattern."""
        value = getattr(self, name)
        if not re.fullmatch(pattern, value):
            raise FactError(f"{type(self).__name__}.{name} must match {pattern}, got {value!r}")


def _is(value: object, hint: object) -> bool:
    if isinstance(hint, GenericAlias) and get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_is(item, get_args(hint)[0]) for item in value)
    if isinstance(hint, type):
        return isinstance(value, hint) and not (hint is int and isinstance(value, bool))
    return any(_is(value, option) for option in get_args(hint))


@dataclass(frozen=True)
class Backend(_Facts):
    """The API: where it is, how it is started and how its health is read.

    `python` and `port` are the runtime's version and the listening port, `lint_columns` flake8's line length,
    `base_image` what the default Dockerfile starts from when the application has none.
    """

    directory: str
    module: str
    python: str
    port: int
    health_path: str
    container: str
    lint_columns: int
    base_image: str


@dataclass(frozen=True)
class BuildVariable(_Facts):
    """A build-time variable of the frontend; public, because it ends up in the browser. `value` may use
    `${Environment}`, the name of the environment."""

    name: str
    value: str


@dataclass(frozen=True)
class Frontend(_Facts):
    """The single-page application: `output` is the build's folder, `assets` the hashed files below it, and
    `variable_prefixes` are the beginnings of names that the build puts into the page, `content_policy` the directives
    of the content security policy that the page works under."""

    directory: str
    node: str
    output: str
    assets: str
    variables: tuple[BuildVariable, ...]
    variable_prefixes: tuple[str, ...]
    api_paths: tuple[str, ...]
    content_policy: tuple[str, ...]


@dataclass(frozen=True)
class Index(_Facts):
    """A global secondary index over string attributes, projecting all of them; `range` is empty for none."""

    name: str
    hash: str
    range: str = ""


@dataclass(frozen=True)
class Table(_Facts):
    """A DynamoDB table with string keys `pk` and `sk`.

    `variable` is the environment variable that carries its name, `logical` the stem of its logical ids, `name` the
    application's own default, `ttl` the attribute with an expiry time, empty for none.
    """

    variable: str
    logical: str
    name: str
    indexes: tuple[Index, ...] = ()
    ttl: str = ""


@dataclass(frozen=True)
class SmokeRequest(_Facts):
    """A request that proves a release through its public address: what is sent and what must come back.

    `body` is a text that the answer must contain, empty for any answer.
    """

    method: str
    path: str
    status: int
    body: str = ""


@dataclass(frozen=True)
class Reads(_Facts):
    """What the application reads in its own account: IAM actions as `service:Action`, and why."""

    actions: tuple[str, ...]
    because: str


@dataclass(frozen=True)
class Project(_Facts):
    """Everything the stacks need to know about one application.

    `name` names the repository, the pipeline and the stacks; `short` the cluster and the parameter tree; `title` is
    what people read. `client_secrets` is the name prefix of the secrets that the application makes for its clients.
    """

    name: str
    short: str
    title: str
    description: str
    backend: Backend
    frontend: Frontend
    tables: tuple[Table, ...]
    client_secrets: str
    reads: Reads
    smoke: tuple[SmokeRequest, ...]
    protected_branch: str

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_match("name", r"[a-z][a-z0-9-]{2,40}")
        self.must_match("short", r"[a-z][a-z0-9-]{2,20}")
        self.must_match("client_secrets", r"[A-Za-z0-9/_+=.@-]+/")
        variables = [table.variable for table in self.tables]
        if len(set(variables)) != len(variables):
            raise FactError(f"Project.tables names a variable twice: {', '.join(variables)}")


CLOUD_HEALTH_DASHBOARD = Project(
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
        container="backend",
        lint_columns=120,
        base_image="public.ecr.aws/docker/library/python:3.11-slim",
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
        # Its own scripts, styles and API, and nobody else's. Styles that a component library writes into the page are
        # inline, small images are data (react-scripts, IMAGE_INLINE_SIZE_LIMIT); scripts are always files.
        content_policy=(
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        ),
    ),
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
    client_secrets="cloud-health/",
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
