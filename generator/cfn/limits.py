"""What AWS refuses although its schema does not: limits between two values, forms of names, sizes of networks.

One table with its sources. The check of parameter files, and so the gate, asks with every value of an environment
spelled out (`breaches`), before anything happens; the local AWS asks with the values of a resource that it is about to
make (`of_resource`). A value that only AWS knows (`${...}`, a placeholder) is passed over. Pure.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from generator.cfn import graph
from generator.cfn.assertions import as_text
from generator.cfn.instance import resolved_templates
from generator.cfn.quotas import MANAGED_POLICIES
from generator.cfn.templates import Template

Properties = Mapping[str, Any]
Place = tuple[str, ...]
FARGATE: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4097, 1024)),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16385, 1024)),
    4096: tuple(range(8192, 30721, 1024)),
    8192: tuple(range(16384, 61441, 4096)),
    16384: tuple(range(32768, 122881, 8192)),
}
# Characters of a value in an action's configuration, counted after variables are put in (botocore,
# ActionConfigurationValue; awsdocs/aws-codepipeline-user-guide issue 24).
CONFIGURATION_VALUE = 1000
# Families whose letters behind the generation have a g (EC2 user guide, Instance type naming conventions), and a1.
GRAVITON = re.compile(r"(a1|[a-z]+\d+g[a-z0-9-]*)\.")
# Values of a root that are remembered from one environment to the next: about fifty environments, some dozens of MB.
REMEMBERED = 8_000
PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))


@dataclass(frozen=True)
class Breach:
    """One value that AWS refuses: the properties that it is about, why, and what is valid, as far as it can be listed.
    `places` are those of the properties, the one to change first."""

    places: tuple[Place, ...]
    message: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limit:
    """One row: the type of resource, what finds breaches among its properties, and where AWS says so. `advice` is what
    AWS takes and nobody can want: the check of files refuses it, the local AWS does not."""

    type: str
    find: Callable[[Properties], Iterator[Breach]]
    source: str
    advice: bool = False


@dataclass(frozen=True)
class Located:
    """A breach in an environment: the resource (`Backend.Task`), and the parameters of the root that its values come
    from, in the order of its places."""

    resource: str
    breach: Breach
    parameters: tuple[str, ...]


def of_resource(kind: str, properties: Properties) -> Iterator[Breach]:
    """What AWS refuses in the resolved properties of one resource."""
    for limit in _BY_TYPE.get(kind, ()):
        if not limit.advice:
            yield from limit.find(properties)


def breaches(root: Template, values: Mapping[str, str]) -> Sequence[Located]:
    """What AWS refuses, and what nobody can want, in a root and its nested stacks for these parameters. Raises
    `NotEvaluableError` for a condition that cannot be decided."""
    remembered = lru_cache(maxsize=64)(lambda items: tuple(_breaches(root, dict(items))))
    located: tuple[Located, ...] = root.results.setdefault(breaches, remembered)(frozenset(values.items()))
    return located


def _breaches(root: Template, values: Mapping[str, str]) -> Iterator[Located]:
    names: dict[tuple[str, str], tuple[str, str, Place]] = {}
    known: dict[Any, Any] = root.results.setdefault(_breaches, {})
    if len(known) > REMEMBERED:
        known.clear()
    for template in resolved_templates(root, values, known=known):
        path = "" if template.name == root.name else template.name
        for logical_id, resource in template.resources.items():
            where = f"{path}.{logical_id}".lstrip(".")
            for limit in _BY_TYPE.get(resource.type, ()):
                for breach in limit.find(resource.properties):
                    yield Located(where, breach, tuple(_feeders(root, path, logical_id, breach.places)))
            for place in [(name,) for name in UNIQUE.get(resource.type, ())]:
                name = _text(_at(resource.properties, place))
                own = (path, logical_id, place)
                if name and (other := names.setdefault((resource.type, name), own)) != own:
                    message = f"two resources of type {resource.type} are called {name}"
                    feeders = [*_feeders(root, path, logical_id, (place,)), *_feeders(root, *other[:2], (other[2],))]
                    yield Located(where, Breach((place,), message), tuple(dict.fromkeys(feeders)))


def _feeders(root: Template, path: str, logical_id: str, places: tuple[Place, ...]) -> Iterator[str]:
    """The parameters of the root that values of a resource come from."""
    chain = [root]
    for step in filter(None, path.split(".")):
        chain.append(next(child.template for child in chain[-1].children() if child.resource.logical_id == step))
    steps = list(filter(None, path.split(".")))
    for place in places:
        value = _at(dict(chain[-1].resources[logical_id].properties), place, nearest=True)
        names = _parameters_in(value, chain[-1])
        for template, step in zip(reversed(chain[:-1]), reversed(steps), strict=True):
            passed = template.resources[step].get("Parameters", default={})
            names = [name for inner in names if inner in passed for name in _parameters_in(passed[inner], template)]
        yield from names


def _parameters_in(value: Any, template: Template) -> list[str]:
    targets = [target for _, how, target, _ in graph.mentions(value) if how != "Condition"]
    return [name for name in dict.fromkeys(targets) if name in template.parameters]


def _at(value: Any, place: Place, nearest: bool = False) -> Any:
    """What stands at a place; None where nothing does, or with `nearest` the function that stands above it."""
    for step in place:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return value if nearest else None
    return value


def _text(value: Any) -> str | None:
    """A value as text; None for none, and for one that only AWS knows."""
    if not isinstance(value, str | int | float) or "${" in str(value) or "{{" in str(value):
        return None
    return as_text(value)


def _number(value: Any) -> float | None:
    text = _text(value)
    return float(text) if text is not None and re.fullmatch(r"-?\d+(\.\d+)?", text) else None


def _ordered(lower: str, upper: str, equal: bool = True) -> Callable[[Properties], Iterator[Breach]]:
    """A limit: the value at one dotted place is at most, or without `equal` below, that at another."""
    places = tuple(lower.split(".")), tuple(upper.split("."))

    def find(properties: Properties) -> Iterator[Breach]:
        low, high = (_number(_at(properties, place)) for place in places)
        if low is not None and high is not None and (low > high or (low == high and not equal)):
            relation = "at most" if equal else "below"
            yield Breach(places, f"{places[0][-1]} {low:g} must be {relation} {places[1][-1]} {high:g}")

    return find


def _formed(name: str, pattern: str, form: str) -> Callable[[Properties], Iterator[Breach]]:
    """A limit: the form of a name, as a regular expression and in words."""

    def find(properties: Properties) -> Iterator[Breach]:
        text = _text(properties.get(name))
        if text is not None and not re.fullmatch(pattern, text):
            yield Breach(((name,),), f"{text!r} is not a valid {name}: {form}")

    return find


def _fargate(properties: Properties) -> Iterator[Breach]:
    if "FARGATE" not in properties.get("RequiresCompatibilities", ()):
        return
    cpu, memory = (_number(properties.get(name)) for name in ("Cpu", "Memory"))
    if cpu is None or memory is None:
        return
    if int(cpu) not in FARGATE:
        yield Breach((("Cpu",),), f"Fargate has no Cpu {cpu:g}", tuple(map(str, FARGATE)))
    elif int(memory) not in FARGATE[int(cpu)]:
        choices = tuple(map(str, FARGATE[int(cpu)]))
        yield Breach((("Memory",), ("Cpu",)), f"Fargate has no Memory {memory:g} beside Cpu {cpu:g}", choices)


def _block(properties: Properties) -> Iterator[Breach]:
    text = _text(properties.get("CidrBlock"))
    if text is None:
        return
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        yield Breach((("CidrBlock",),), f"{text} is not a CIDR block: {error}")
        return
    if network.version != 4 or not 16 <= network.prefixlen <= 28:
        yield Breach((("CidrBlock",),), f"{text} must be an IPv4 block from /16 to /28")


def _private(properties: Properties) -> Iterator[Breach]:
    text = _text(properties.get("CidrBlock"))
    try:
        network = ipaddress.ip_network(text or "10.0.0.0/16")
    except ValueError:
        return  # told by `_block`
    if network.version == 4 and not any(network.subnet_of(private) for private in PRIVATE):  # type: ignore[arg-type]
        choices = tuple(map(str, PRIVATE))
        yield Breach(
            (("CidrBlock",),), f"{text} lies in no private range, so that addresses of others are cut off", choices
        )


def _policies(properties: Properties) -> Iterator[Breach]:
    if (count := len(properties.get("ManagedPolicyArns") or ())) > MANAGED_POLICIES:
        message = f"a role takes {MANAGED_POLICIES} managed policies by default, not {count}"
        yield Breach((("ManagedPolicyArns",),), message)


def _options(properties: Properties) -> Iterator[Breach]:
    """Elastic Beanstalk: the options of the Auto Scaling group."""
    places: dict[str, tuple[Place, float]] = {}
    for number, option in enumerate(properties.get("OptionSettings") or ()):
        value = _number(option.get("Value"))
        if option.get("Namespace") == "aws:autoscaling:asg" and value is not None:
            places[option.get("OptionName")] = (("OptionSettings", str(number), "Value"), value)
    if {"MinSize", "MaxSize"} <= places.keys() and places["MinSize"][1] > places["MaxSize"][1]:
        (low, least), (high, most) = places["MinSize"], places["MaxSize"]
        yield Breach((low, high), f"MinSize {least:g} must be at most MaxSize {most:g}")


def _architectures(properties: Properties) -> Iterator[Breach]:
    """Elastic Beanstalk: types of instances with another processor than the environment supports."""
    options = {
        (option.get("Namespace"), option.get("OptionName")): (number, _text(option.get("Value")))
        for number, option in enumerate(properties.get("OptionSettings") or ())
    }
    number, types = options.get(("aws:ec2:instances", "InstanceTypes"), (0, None))
    _, supported = options.get(("aws:ec2:instances", "SupportedArchitectures"), (0, "x86_64"))
    for name in (types or "").split(",") if supported == "x86_64" else ():
        if GRAVITON.match(name.strip()):
            message = f"{name.strip()} has a Graviton processor, and the environment supports x86_64"
            yield Breach((("OptionSettings", str(number), "Value"),), message)


def _domains(*path: str) -> Callable[[Properties], Iterator[Breach]]:
    """A limit: the lengths of domain names, in a list at a place or the one there."""

    def find(properties: Properties) -> Iterator[Breach]:
        value = _at(properties, path)
        for name in map(_text, value if isinstance(value, list) else [value]):
            if name is not None and (len(name) > 253 or any(len(label) > 63 for label in name.split("."))):
                yield Breach((path,), f"{name} is too long: a domain name has 253 characters, each of its parts 63")

    return find


def _patterns(properties: Properties) -> Iterator[Breach]:
    for number, trigger in enumerate(properties.get("Triggers") or ()):
        for place, push in enumerate((trigger.get("GitConfiguration") or {}).get("Push") or ()):
            patterns = (push.get("FilePaths") or {}).get("Excludes") or ()
            for entry, text in enumerate(map(_text, patterns)):
                if text is not None and len(text) > 255:
                    path = ("Triggers", str(number), "GitConfiguration", "Push", str(place), "FilePaths", "Excludes")
                    message = f"the patterns have {len(text)} characters together; a trigger takes 255"
                    yield Breach(((*path, str(entry)),), message)


def _references(properties: Properties) -> Iterator[Breach]:
    for stage_number, stage in enumerate(properties.get("Stages") or ()):
        for number, action in enumerate(stage.get("Actions") or ()):
            name = _text((action.get("Configuration") or {}).get("BranchName"))
            if name is not None and name.startswith("refs/"):
                place = ("Stages", str(stage_number), "Actions", str(number), "Configuration", "BranchName")
                short = re.sub("^refs/(heads|tags)/", "", name)
                yield Breach((place,), f"{name} is the full name of a reference: a branch is named as {short}")


def _branches(properties: Properties) -> Iterator[Breach]:
    for stage_number, stage in enumerate(properties.get("Stages") or ()):
        for number, action in enumerate(stage.get("Actions") or ()):
            place = ("Stages", str(stage_number), "Actions", str(number), "Configuration")
            configuration = action.get("Configuration") or {}
            name = _text(configuration.get("BranchName"))
            if name is not None and not is_branch(name):
                yield Breach(((*place, "BranchName"),), f"{name!r} is not the name of a git branch")
            for key, value in configuration.items():
                text = _text(value)
                if text is not None and len(text) > CONFIGURATION_VALUE:
                    message = f"{key} has {len(text)} characters; an action takes {CONFIGURATION_VALUE}"
                    yield Breach(((*place, key),), message)


def is_branch(name: str) -> bool:
    """Whether git takes a name for a branch. Source: git documentation, git-check-ref-format (--branch)."""
    parts = name.split("/")
    refused = re.search(r"\.\.|@\{|[\x00-\x20\x7f~^:?*\[\\]", name) or name.endswith((".", "/")) or name == "@"
    wrong = any(not part or part.startswith(".") or part.endswith(".lock") for part in parts)
    return not (refused or wrong or name.startswith("-") or name == "HEAD")


def _alarm(properties: Properties) -> Iterator[Breach]:
    periods, period = (_number(properties.get(name)) for name in ("EvaluationPeriods", "Period"))
    if periods is not None and period is not None:
        most = 604800 if period >= 3600 else 86400
        if periods * period > most:
            places = (("EvaluationPeriods",), ("Period",))
            yield Breach(places, f"EvaluationPeriods {periods:g} times Period {period:g} is above {most} seconds")


ALB_NAME = r"(?!internal-)[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
ALB_FORM = "up to 32 letters, digits and dashes, no dash first or last, no `internal-` first"
LIMITS = (
    Limit("AWS::ECS::TaskDefinition", _fargate, "ECS developer guide, task_definition_parameters, Task size"),
    Limit(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        _ordered("MinCapacity", "MaxCapacity"),
        "Application Auto Scaling API reference, RegisterScalableTarget: MaxCapacity",
    ),
    Limit("AWS::ElasticBeanstalk::Environment", _options, "EC2 Auto Scaling API reference, CreateAutoScalingGroup"),
    Limit(
        "AWS::ElasticBeanstalk::Environment",
        _architectures,
        "Elastic Beanstalk developer guide, aws:ec2:instances; EC2 user guide, Instance type naming conventions",
    ),
    Limit(
        "AWS::CloudFront::Distribution",
        _domains("DistributionConfig", "Aliases"),
        "RFC 1035, Size limits; ACM API reference, DomainNameString (botocore)",
    ),
    Limit(
        "AWS::CertificateManager::Certificate",
        _domains("DomainName"),
        "RFC 1035, Size limits; ACM API reference, DomainNameString (botocore)",
    ),
    Limit("AWS::EC2::VPC", _block, "VPC user guide, VPC CIDR blocks: IPv4 VPC CIDR blocks"),
    Limit("AWS::EC2::VPC", _private, "VPC user guide, VPC CIDR blocks: RFC 1918 ranges are recommended", advice=True),
    Limit("AWS::EC2::Subnet", _block, "VPC user guide, Subnet CIDR blocks"),
    Limit("AWS::IAM::Role", _policies, "IAM user guide, IAM and STS quotas: Managed policies per role, default 10"),
    Limit(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        _formed("Name", ALB_NAME, ALB_FORM),
        "Elastic Load Balancing API reference, CreateLoadBalancer: Name",
    ),
    Limit(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        _formed("Name", ALB_NAME, ALB_FORM),
        "Elastic Load Balancing API reference, CreateTargetGroup: Name",
    ),
    Limit(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        _ordered("HealthCheckTimeoutSeconds", "HealthCheckIntervalSeconds", equal=False),
        "Elastic Load Balancing user guide, Health checks: the interval is above the timeout",
    ),
    Limit(
        "AWS::S3::Bucket",
        _formed("BucketName", r"(?!xn--)[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]", "3 to 63 of a-z, 0-9, . and -"),
        "S3 user guide, General purpose bucket naming rules",
    ),
    Limit(
        "AWS::ElasticBeanstalk::Environment",
        _formed("EnvironmentName", r"[A-Za-z0-9][A-Za-z0-9-]{2,38}[A-Za-z0-9]", "4 to 40, no dash first or last"),
        "Elastic Beanstalk API reference, CreateEnvironment: EnvironmentName",
    ),
    Limit(
        "AWS::DynamoDB::Table",
        _formed("TableName", r"[A-Za-z0-9_.-]{3,255}", "3 to 255 of letters, digits, _, . and -"),
        "DynamoDB API reference, CreateTable: TableName",
    ),
    Limit("AWS::CodePipeline::Pipeline", _branches, "git-check-ref-format; CodePipeline user guide, Quotas"),
    Limit("AWS::CodePipeline::Pipeline", _patterns, "CodePipeline API reference, GitFilePathPattern (botocore)"),
    Limit(
        "AWS::CodePipeline::Pipeline",
        _references,
        "CodePipeline user guide, action-reference-CodeCommit: BranchName",
        advice=True,
    ),
    Limit("AWS::CloudWatch::Alarm", _alarm, "CloudWatch API reference, PutMetricAlarm: EvaluationPeriods, Period"),
    Limit(
        "AWS::CloudWatch::Alarm",
        _ordered("DatapointsToAlarm", "EvaluationPeriods"),
        "CloudWatch user guide, Evaluating an alarm: M out of N",
    ),
)
_BY_TYPE = {kind: [limit for limit in LIMITS if limit.type == kind] for kind in {limit.type for limit in LIMITS}}
# Names that one resource of its type has in an account and Region (S3: anywhere). Source: each service's Create call.
UNIQUE = {
    "AWS::CodeBuild::Project": ("Name",),
    "AWS::CodePipeline::Pipeline": ("Name",),
    "AWS::DynamoDB::Table": ("TableName",),
    "AWS::ECR::Repository": ("RepositoryName",),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("Name",),
    "AWS::ElasticLoadBalancingV2::TargetGroup": ("Name",),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::SNS::Topic": ("TopicName",),
    "AWS::SSM::Parameter": ("Name",),
}
