"""What can be said about an application of this kind: a Python API beside a single-page frontend.

The one that is delivered is the value `APPLICATION` in `application.py`; every stack module takes it as its argument.
Unknown facts are refused by the constructor; facts of the wrong type, and values that no service would take (a path
without its slash, a port that does not exist), by `_Facts`: each by its name.
"""

import re
from dataclasses import dataclass, fields
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
# Where a build writes to may lie beside the folder that it runs in.
OUTPUT = (rf"(\.\./)*{FOLDER[0]}", "be a folder, from the frontend's own, such as dist or ../backend/static")
# An address that begins without its slash is refused by no template check, and matches nothing on AWS.
ADDRESS_PATH = (r"/[^\s#]*", "be a path that begins with /, such as /health")
PATH_PATTERN = (r"/[A-Za-z0-9_.*$/~\"'@:+&?-]*", "be a path pattern that begins with /, such as /api/*")
VARIABLE = (r"[A-Za-z_][A-Za-z0-9_]*", "be the name of an environment variable")
LOGICAL = (r"[A-Z][A-Za-z0-9]*", "be letters and digits, a capital first")
# A DynamoDB attribute: its name, and `:N` or `:B` behind it when it is no text (API reference, AttributeDefinition).
ATTRIBUTE = (r"[A-Za-z0-9_.-]{1,255}(:[SNB])?", "be the name of an attribute, with :N or :B behind it for no text")
# What an environment knows of itself, for `${...}` in the value of a variable.
KNOWN = ("AWS::Region", "Environment", "PublicUrl")
# How a secret comes to its value.
GENERATED, FERNET, FILLED = "GENERATED", "FERNET", "FILLED"
# The logical stem of the Fernet key: the deploy script adopts an earlier one by it.
ENCRYPTION = "Encryption"
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
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_is(item, get_args(hint)[0]) for item in value)
    if isinstance(hint, type):
        return isinstance(value, hint) and not (hint is int and isinstance(value, bool))
    return any(_is(value, option) for option in get_args(hint))


@facts
class Backend(_Facts):
    """The API: where it is, how it is started and how its health is read.

    `python` and `port` are the runtime's version and the listening port, `health_answer` what the JSON object that
    `health_path` answers must say, as `key=text` (none: the status 200 is enough), `lint_columns` flake8's line length,
    `base_image` what the default Dockerfile starts from when the application has none; `${PythonVersion}` in it is the
    version that the tests run on. Its digest is in `buildspecs/base_images.json`.

    The container runs as user `user`, on a root file system that it cannot write, but for the folders `writable`, which
    are empty at its start. `unhardened` says why an application needs more: then it runs as its image says, with
    everything writable; empty for one that does not.
    """

    directory: str
    module: str
    python: str
    port: int
    health_path: str
    container: str
    lint_columns: int
    base_image: str
    health_answer: tuple[str, ...] = ()
    user: str = "10001"
    writable: tuple[str, ...] = ("/tmp",)
    unhardened: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.directory != ".":
            self.must_match("directory", *FOLDER)
        self.must_match("module", r"\w+(\.\w+)*:\w+(\.\w+)*", "be module:attribute, such as app.main:app")
        self.must_match("python", r"3\.\d+", "be a version of Python, such as 3.11")
        self.must_be_between("port", 1, 65535)
        self.must_match("health_path", *ADDRESS_PATH)
        self.must_match("health_answer", r"[\w.-]+=\S.*", "be key=text, such as status=healthy")
        # Amazon ECS API reference, ContainerDefinition, name.
        self.must_match("container", r"[A-Za-z0-9_-]{1,255}", "be letters, digits, underscores or dashes")
        self.must_be_between("lint_columns", 40, 1000)
        rule = "be the name of an image with its tag; its digest is in buildspecs/base_images.json"
        self.must_match("base_image", r"[a-z0-9][^\s@]*:[^\s@/]+", rule)
        # Amazon ECS API reference, ContainerDefinition, user: an id needs no entry in the image's list of users.
        self.must_match("user", r"[1-9]\d{0,9}", "be the id of a user that is not root")
        self.must_match("writable", r"/[\w.-]+(/[\w.-]+)*", "be the absolute path of a folder")


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
class PageHost(_Facts):
    """A host outside that the page may use: the directive of its content security policy, the origin, and the reason
    that a reviewer reads."""

    directive: str
    origin: str
    because: str

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_match("directive", r"[a-z]+-src|form-action|frame-ancestors", "be a directive, such as script-src")
        self.must_match("origin", r"(https|wss)://[A-Za-z0-9*.:-]+", "be an origin, such as https://maps.example.com")
        self.must_match("because", r".*\w.*", "say why the page needs it")


# Its own scripts, styles and API, and nobody else's. Styles that a component library writes into the page are inline,
# small images are data (react-scripts, IMAGE_INLINE_SIZE_LIMIT); scripts are always files.
CONTENT_POLICY = (
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
)


@facts
class Frontend(_Facts):
    """The single-page application: `output` is the build's folder, `assets` the hashed files below it, and
    `variable_prefixes` are the beginnings of names that the build puts into the page, `content_policy` the directives
    of the content security policy that the page works under, if not those of `CONTENT_POLICY`."""

    directory: str
    node: str
    output: str
    assets: str
    variables: tuple[BuildVariable, ...]
    variable_prefixes: tuple[str, ...]
    api_paths: tuple[str, ...]
    content_policy: tuple[str, ...] = CONTENT_POLICY
    hosts: tuple[PageHost, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("directory", "assets"):
            if name != "directory" or self.directory != ".":
                self.must_match(name, *FOLDER)
        self.must_match("output", *OUTPUT)
        above = self.output.count("../")
        if above > (0 if self.directory == "." else self.directory.count("/") + 1):
            self.refuse("output", f"must be inside of the repository, got {self.output!r} from {self.directory!r}")
        self.must_match("node", r"\d+", "be a major version of Node.js, such as 22")
        self.must_match("variable_prefixes", *VARIABLE)
        # Amazon CloudFront developer guide, DownloadDistValuesCacheBehavior, path pattern.
        self.must_match("api_paths", *PATH_PATTERN)
        self.must_match(
            "content_policy", r"[a-z-]+( [^\s;,]+)*", "be one directive with its sources, such as img-src 'self' data:"
        )

    @property
    def policy(self) -> str:
        """The content security policy: the directives, with each host outside that has a reason."""
        words = {name: sources for name, *sources in (directive.split() for directive in self.content_policy)}
        for host in self.hosts:
            # A directive that is named replaces the default, so it begins as the default is.
            sources = words.setdefault(host.directive, list(words.get("default-src", ["'self'"])))
            words[host.directive] = [*(source for source in sources if source != "'none'"), host.origin]
        return "; ".join(" ".join((name, *sources)) for name, sources in words.items())


@facts
class Index(_Facts):
    """A global secondary index, projecting all attributes; `range` is empty for none. Keys as in `Table`."""

    name: str
    hash: str
    range: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_match("name", *TABLE_NAME)
        self.must_match("hash", *ATTRIBUTE)
        if self.range:
            self.must_match("range", *ATTRIBUTE)


@facts
class Table(_Facts):
    """A DynamoDB table.

    `variable` is the environment variable that carries its name, `logical` the stem of its logical ids, `name` the
    application's own default, `ttl` the attribute with an expiry time, empty for none; `partition` and `sort` are its
    keys (`sort` empty for none): an attribute's name, with `:N` (number) or `:B` (binary) behind it unless it is text.
    """

    variable: str
    logical: str
    name: str
    indexes: tuple[Index, ...] = ()
    ttl: str = ""
    partition: str = "pk"
    sort: str = "sk"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_match("variable", *VARIABLE)
        self.must_match("logical", *LOGICAL)
        self.must_match("name", *TABLE_NAME)
        self.must_match("partition", *ATTRIBUTE)
        if self.sort:
            self.must_match("sort", *ATTRIBUTE)
        types: dict[str, str] = {}
        for text in self.key_attributes():
            attribute, _, kind = text.partition(":")
            if types.setdefault(attribute, kind or "S") != (kind or "S"):
                self.refuse("indexes", f"gives the attribute {attribute} two types")

    def key_attributes(self) -> list[str]:
        """Every attribute that the table or an index has as a key, as it is written here."""
        indexes = [text for index in self.indexes for text in (index.hash, index.range)]
        return [text for text in (self.partition, self.sort, *indexes) if text]


@facts
class Choice(_Facts):
    """A value that each environment chooses in its parameter file: a parameter of the root `environment`.

    `parameter` is its name there, `label` what the console calls it, `meaning` one sentence for people. Exactly one of
    `allowed` (the choices), `between` (smallest and largest number) and `pattern` limits the value; a pattern comes
    with `rule`, which completes the sentence "must be ...".
    """

    parameter: str
    label: str
    meaning: str
    default: str
    allowed: tuple[str, ...] = ()
    between: tuple[int, ...] = ()
    pattern: str = ""
    rule: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_match("parameter", *LOGICAL)
        limits = [name for name in ("allowed", "between", "pattern") if getattr(self, name)]
        if len(limits) != 1:
            self.refuse(limits[1] if limits else "pattern", "must be the only one of allowed, between and pattern")
        if self.between and not (len(self.between) == 2 and self.between[0] <= self.between[1]):
            self.refuse("between", f"must be the smallest and the largest number, got {self.between!r}")
        if self.pattern:
            try:
                re.compile(self.pattern)
            except re.error as error:
                self.refuse("pattern", f"is not a regular expression: {error}")
            if not self.rule:
                self.refuse("rule", "must say in words what the pattern asks for")
        if not self.takes(self.default):
            self.refuse("default", f"must be a value that the limits allow, got {self.default!r}")

    def takes(self, value: str) -> bool:
        """Whether the limits allow a value."""
        if self.allowed:
            return value in self.allowed
        if self.between:
            return bool(re.fullmatch(r"-?\d+", value)) and self.between[0] <= int(value) <= self.between[1]
        return re.fullmatch(self.pattern, value) is not None


@facts
class Variable(_Facts):
    """A plain value that the application reads from its environment.

    `logical` names its resource. Either every environment has the same `value`, in which `${PublicUrl}`,
    `${Environment}` and `${AWS::Region}` stand for what the environment knows of itself; or each chooses its own.
    An `optional` one is not set while its parameter is empty (Parameter Store holds no empty values).
    """

    name: str
    logical: str
    value: str = ""
    choice: Choice | None = None
    optional: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_match("name", *VARIABLE)
        self.must_match("logical", *LOGICAL)
        if bool(self.value) == bool(self.choice):
            self.refuse("value", "must be given, unless there is a choice: one of the two")
        if self.choice and self.choice.parameter == self.logical:
            self.refuse("logical", f"must be other than the parameter's name {self.logical}")
        if unknown := [name for name in re.findall(r"\$\{([^}]*)\}", self.value) if name not in KNOWN]:
            self.refuse("value", f"knows {', '.join(KNOWN)}, not ${{{unknown[0]}}}")
        if self.optional and not (self.choice and self.choice.takes("")):
            self.refuse("optional", "needs a choice that may be empty")
        if self.choice and not self.optional and self.choice.takes(""):
            self.refuse("optional", "must be True where the choice may be empty: Parameter Store holds no empty value")


@facts
class Secret(_Facts):
    """A secret that the application reads from its environment. `why` is one sentence: what losing or changing it does.

    GENERATED: random letters and digits, `length` of them, which a person may exchange. FERNET: a key of that form,
    made once and never exchanged, because a new one could not read what the old one wrote; one at most, whose
    `logical` is `Encryption`. FILLED: a person gives it (`delivery config ENVIRONMENT --secret NAME`), before the
    first release.
    """

    name: str
    logical: str
    kind: str
    why: str
    length: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_match("name", *VARIABLE)
        self.must_match("logical", *LOGICAL)
        self.must_match("kind", f"{GENERATED}|{FERNET}|{FILLED}", f"be {GENERATED}, {FERNET} or {FILLED}")
        self.must_be_between("length", 16, 4096)
        if self.kind == FERNET and self.logical != ENCRYPTION:
            self.refuse("logical", f"must be {ENCRYPTION} for a {FERNET} key, by which an earlier one is adopted")


@facts
class Reach(_Facts):
    """Something in the VPC that the tasks reach on a port, while the optional variable that names it has a value.
    `logical` names the rule's resource."""

    variable: str
    service: str
    port: int
    logical: str

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_match("variable", *VARIABLE)
        self.must_match("logical", *LOGICAL)
        self.must_be_between("port", 1, 65535)


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
class AcceptedFinding(_Facts):
    """A finding of the scan of images that stops no release: the name that the scanner gives it, such as
    CVE-2023-45853, and why the application is safe with it."""

    name: str
    because: str

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_match("name", r"[A-Z]+-[A-Za-z0-9-]+", "be the name of a finding, such as CVE-2023-45853")
        self.must_match("because", r".*\w.*", "say why the application is safe with it")


@facts
class Reads(_Facts):
    """What the application reads in its own account: IAM actions as `service:Action`, none or several, and why."""

    actions: tuple[str, ...]
    because: str

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_match("actions", r"[a-z0-9-]+:[A-Za-z0-9]+", "be service:Action, such as s3:ListAllMyBuckets")


@facts
class Project(_Facts):
    """Everything the stacks need to know about one application.

    `name` names the repository, the pipeline and the stacks; `short` the cluster and the parameter tree; `title` is
    what people read. `mail` is the optional variable whose value is the address that the application sends mail from,
    `client_secrets` the name prefix of the secrets that it makes for its clients, in which `${Environment}` stands for
    the environment where the application puts it, `client_secrets_tagged` whether it gives each of them the tags
    `Application` (this `name`) and `Environment` when it makes it, `client_roles` the reason why it
    enters other accounts through roles that their owners name; each empty for an application that does no such thing.
    `accepted_findings` are findings of the scan of images with which a release may go on.
    """

    name: str
    short: str
    title: str
    description: str
    backend: Backend
    frontend: Frontend
    variables: tuple[Variable, ...]
    smoke: tuple[SmokeRequest, ...]
    secrets: tuple[Secret, ...] = ()
    tables: tuple[Table, ...] = ()
    reaches: tuple[Reach, ...] = ()
    reads: Reads | None = None
    mail: str = ""
    client_secrets: str = ""
    client_secrets_tagged: bool = False
    client_roles: str = ""
    accepted_findings: tuple[AcceptedFinding, ...] = ()
    protected_branch: str = "main"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_match("name", r"[a-z][a-z0-9-]{2,40}", "be 3 to 41 lower-case letters, digits or dashes")
        self.must_match("short", r"[a-z][a-z0-9-]{2,20}", "be 3 to 21 lower-case letters, digits or dashes")
        if self.client_secrets:
            pattern = r"([A-Za-z0-9/_+=.@-]|\$\{Environment\})+/"
            self.must_match("client_secrets", pattern, "be a prefix of names that ends with /")
        elif self.client_secrets_tagged:
            self.refuse("client_secrets_tagged", "is for an application with client_secrets")
        self.must_match("protected_branch", r"[^\s~^:?*\[\\]+", "be the name of a git branch")
        if not self.variables:
            self.refuse("variables", "must have one at least, such as the mode that the application runs in")
        both: list[Variable | Secret] = [*self.variables, *self.secrets]
        self._once("variables", [fact.name for fact in both])
        self._once("variables", [fact.logical for fact in both])
        self._once("variables", [choice.parameter for fact in self.variables if (choice := fact.choice)])
        self._once("tables", [fact.variable for fact in self.tables] + [fact.name for fact in self.variables])
        self._once("tables", [fact.logical for fact in self.tables])
        self._once("accepted_findings", [fact.name for fact in self.accepted_findings])
        for fact, name in (("mail", self.mail), *(("reaches", reach.variable) for reach in self.reaches)):
            if name and not any(variable.optional and variable.name == name for variable in self.variables):
                self.refuse(fact, f"must name an optional variable, got {name!r}")

    @property
    def shares_client_secrets(self) -> bool:
        """Whether neither names nor tags of its clients' secrets tell the environments apart."""
        apart = self.client_secrets_tagged or "${Environment}" in self.client_secrets
        return bool(self.client_secrets) and not apart

    def _once(self, fact: str, names: list[str]) -> None:
        if twice := sorted({name for name in names if names.count(name) > 1}):
            self.refuse(fact, f"names something twice: {', '.join(twice)}")

    def variable(self, name: str) -> Variable:
        """The plain variable of that name. Raises `StopIteration` when there is none."""
        return next(variable for variable in self.variables if variable.name == name)
