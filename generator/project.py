"""The facts of the application. The only module that knows the Cloud Health Dashboard by name.

Another application of this kind (a Python API beside a single-page frontend) is another `Project` value: every
stack module takes it as its argument. Unknown facts are refused by the constructor; facts of the wrong type, and
values that no service would take (a path without its slash, a port that does not exist), by `_Facts`: each by its
name. The facts come from the user's design and from building and running the application.
"""

import re
from dataclasses import dataclass, fields
from types import GenericAlias
from typing import NoReturn, TypeVar, dataclass_transform, get_args, get_origin

Class = TypeVar("Class")


class FactError(ValueError):
    """A fact is of the wrong type, or has a value that cannot work; the message names the fact and what it must be.

    `fact` is the field's name, so that the line where its value is written can be found.
    """

    def __init__(self, owner: str, fact: str, problem: str) -> None:
        super().__init__(f"{owner}.{fact} {problem}")
        self.fact = fact


# What a text may be: its pattern, and the rule in words.
FOLDER = (r"(?!\.\.?(/|$))[\w.-]+(/(?!\.\.?(/|$))[\w.-]+)*", "be a folder below the repository's root, such as backend")
# An address that begins without its slash is refused by no template check, and matches nothing on AWS.
ADDRESS_PATH = (r"/[^\s#]*", "be a path that begins with /, such as /health")
PATH_PATTERN = (r"/[A-Za-z0-9_.*$/~\"'@:+&?-]*", "be a path pattern that begins with /, such as /api/*")
VARIABLE = (r"[A-Za-z_][A-Za-z0-9_]*", "be the name of an environment variable")
# Amazon DynamoDB developer guide, HowItWorks.NamingRulesDataTypes.
TABLE_NAME = (r"[A-Za-z0-9_.-]{3,255}", "be 3 to 255 letters, digits, underscores, dots or dashes")


@dataclass_transform(frozen_default=True, eq_default=False)
def facts(cls: type[Class]) -> type[Class]:
    """A dataclass that compares by identity, frozen for the type checker: each method that `dataclass` would write for
    the run time costs half a millisecond at every start."""
    return dataclass(eq=False, repr=False)(cls)


@facts
class _Facts:
    """Checks every field against its annotation, so that a wrong fact fails here and not in a template."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not _is(value, field.type):
                expected = getattr(field.type, "__name__", str(field.type))
                self.refuse(field.name, f"must be {expected}, got {value!r}")

    def must_match(self, name: str, pattern: str, rule: str) -> None:
        """Raises `FactError` unless the text of the named fact, or each of its texts, matches the whole pattern.

        `rule` completes the sentence "... must".
        """
        value = getattr(self, name)
        for text in value if isinstance(value, tuple) else (value,):
            if not re.fullmatch(pattern, text):
                self.refuse(name, f"must {rule}, got {text!r}")

    def must_be_between(self, name: str, low: int, high: int) -> None:
        """Raises `FactError` unless the number of the named fact lies between the two, themselves included."""
        if not low <= getattr(self, name) <= high:
            self.refuse(name, f"must be between {low} and {high}, got {getattr(self, name)}")

    def refuse(self, name: str, problem: str) -> NoReturn:
        """Raises `FactError` for the named fact."""
        raise FactError(type(self).__name__, name, problem)


def _is(value: object, hint: object) -> bool:
    if isinstance(hint, GenericAlias) and get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_is(item, get_args(hint)[0]) for item in value)
    if isinstance(hint, type):
        return isinstance(value, hint) and not (hint is int and isinstance(value, bool))
    return any(_is(value, option) for option in get_args(hint))


@facts
class Backend(_Facts):
    """The API: where it is, how it is started and how its health is read.

    `python` and `port` are the runtime's version and the listening port, `lint_columns` flake8's line length,
    `base_image` what the default Dockerfile starts from when the application has none; `${PythonVersion}` in it is the
    version that the tests run on.
    """

    directory: str
    module: str
    python: str
    port: int
    health_path: str
    container: str
    lint_columns: int
    base_image: str

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_match("directory", *FOLDER)
        self.must_match("module", r"\w+(\.\w+)*:\w+(\.\w+)*", "be module:attribute, such as app.main:app")
        self.must_match("python", r"3\.\d+", "be a version of Python, such as 3.11")
        self.must_be_between("port", 1, 65535)
        self.must_match("health_path", *ADDRESS_PATH)
        # Amazon ECS API reference, ContainerDefinition, name.
        self.must_match("container", r"[A-Za-z0-9_-]{1,255}", "be letters, digits, underscores or dashes")
        self.must_be_between("lint_columns", 40, 1000)
        self.must_match("base_image", r"[a-z0-9][^\s]*", "be the name of an image")


@facts
class BuildVariable(_Facts):
    """A build-time variable of the frontend; public, because it ends up in the browser. `value` may use
    `${Environment}`, the name of the environment."""

    name: str
    value: str

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_match("name", *VARIABLE)


@facts
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

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("directory", "output", "assets"):
            self.must_match(name, *FOLDER)
        self.must_match("node", r"\d+", "be a major version of Node.js, such as 22")
        self.must_match("variable_prefixes", *VARIABLE)
        # Amazon CloudFront developer guide, DownloadDistValuesCacheBehavior, path pattern.
        self.must_match("api_paths", *PATH_PATTERN)
        self.must_match(
            "content_policy", r"[a-z-]+( [^\s;,]+)*", "be one directive with its sources, such as img-src 'self' data:"
        )


@facts
class Index(_Facts):
    """A global secondary index over string attributes, projecting all of them; `range` is empty for none."""

    name: str
    hash: str
    range: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_match("name", *TABLE_NAME)


@facts
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

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_match("variable", *VARIABLE)
        self.must_match("logical", r"[A-Z][A-Za-z0-9]*", "be letters and digits, a capital first")
        self.must_match("name", *TABLE_NAME)


@facts
class SmokeRequest(_Facts):
    """A request that proves a release through its public address: what is sent and what must come back.

    `body` is a text that the answer must contain, empty for any answer.
    """

    method: str
    path: str
    status: int
    body: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_match("method", r"[A-Z]+", "be an HTTP method, such as GET")
        self.must_match("path", *ADDRESS_PATH)
        self.must_be_between("status", 100, 599)


@facts
class Reads(_Facts):
    """What the application reads in its own account: IAM actions as `service:Action`, and why."""

    actions: tuple[str, ...]
    because: str

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_match("actions", r"[a-z0-9-]+:[A-Za-z0-9]+", "be service:Action, such as s3:ListAllMyBuckets")


@facts
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
        self.must_match("name", r"[a-z][a-z0-9-]{2,40}", "be 3 to 41 lower-case letters, digits or dashes")
        self.must_match("short", r"[a-z][a-z0-9-]{2,20}", "be 3 to 21 lower-case letters, digits or dashes")
        self.must_match("client_secrets", r"[A-Za-z0-9/_+=.@-]+/", "be a prefix of names that ends with /")
        self.must_match("protected_branch", r"[^\s~^:?*\[\\]+", "be the name of a git branch")
        variables = [table.variable for table in self.tables]
        if len(set(variables)) != len(variables):
            self.refuse("tables", f"names a variable twice: {', '.join(variables)}")


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
