"""Two environments of one account as their templates make them: every resource with its ARNs and tags, every role with
its policies, boundary and trust.

Values that only AWS gives are made up: an account, a Region, the random parts of names, which CloudFormation cuts as
it does on AWS. So a policy that is written for a name that does not hold the environment is seen as what it is.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from generator.cfn.environments import Environment
from generator.cfn.graph import SUBSTITUTION
from generator.cfn.instance import resolved_templates
from generator.cfn.intrinsics import render
from generator.cfn.names import EDGE
from generator.cfn.permissions import Permission, of
from generator.cfn.resource_arns import ARNS, LOWER_CASE, NAMES, REFERRED_BY_ARN, generated
from generator.cfn.templates import STACK, Resource, Template

PARTITION, REGION, EDGE_REGION, NUMBER = "aws", "eu-central-1", "us-east-1", "111122223333"
PSEUDO = {
    "AWS::AccountId": NUMBER,
    "AWS::Partition": PARTITION,
    "AWS::Region": REGION,
    "AWS::URLSuffix": "amazonaws.com",
}
POLICIES = ("identity", "trust")
# Types that are a part of another resource, whose ARN they are judged by.
PARTS = frozenset(
    {
        "AWS::CloudFront::MonitoringSubscription",
        "AWS::EC2::Route",
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::VPCGatewayAttachment",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::Subscription",
        "AWS::SNS::TopicPolicy",
    }
)
ROLE, MANAGED_POLICY, BUCKET = "AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::S3::Bucket"
RECORD = "AWS::Route53::RecordSet"
AWS_POLICIES = Path(__file__).with_name("aws_policies.json")


@dataclass(frozen=True)
class AccountResource:
    """One resource of one environment. `arns` begins with its own ARN; the others are parts of it, such as the objects
    of a bucket. `policy` is the policy that the resource carries itself."""

    environment: str
    address: str  # as in the ledger: `build.BackendBuildRole`
    type: str
    arns: tuple[str, ...]
    tags: Mapping[str, str] = field(hash=False)
    properties: Mapping[str, Any] = field(hash=False, repr=False)
    policy: tuple[Permission, ...] = field(default=(), hash=False, repr=False)

    @property
    def arn(self) -> str:
        return self.arns[0]

    @property
    def label(self) -> str:
        """What people call it: `build.BackendBuildRole of staging`."""
        return f"{self.address} of {self.environment}"


@dataclass(frozen=True)
class Principal:
    """Who may do something: a role of an environment, a person, or whoever stands for a boundary. `boundary` is None
    where there is none, `unread` names attached policies of AWS, whose text is not looked at."""

    label: str
    environment: str
    address: str
    arn: str
    identity: tuple[Permission, ...] = field(default=(), hash=False, repr=False)
    trust: tuple[Permission, ...] = field(default=(), hash=False, repr=False)
    boundary: tuple[Permission, ...] | None = field(default=None, hash=False, repr=False)
    boundary_arn: str = ""
    tags: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    unread: tuple[str, ...] = ()
    second_factor: bool = False


@dataclass(frozen=True)
class Account:
    """What the environments make. `stacks` are the root stacks as resources."""

    resources: tuple[AccountResource, ...]
    roles: tuple[Principal, ...]
    environments: tuple[str, ...]
    policies: Mapping[str, tuple[Permission, ...]] = field(hash=False, repr=False)  # managed ones of ours, by ARN

    @cached_property
    def by_service(self) -> Mapping[str, tuple[AccountResource, ...]]:
        """The resources by the service in their ARNs."""
        services: dict[str, list[AccountResource]] = {}
        for resource in self.resources:
            for service in dict.fromkeys(arn.split(":")[2] for arn in resource.arns):
                services.setdefault(service, []).append(resource)
        return {service: tuple(resources) for service, resources in services.items()}

    @cached_property
    def by_arn(self) -> Mapping[str, AccountResource]:
        return {arn: resource for resource in self.resources for arn in resource.arns}

    @cached_property
    def role_by_arn(self) -> Mapping[str, Principal]:
        return {role.arn: role for role in self.roles}

    def of_type(self, *types: str) -> tuple[AccountResource, ...]:
        return tuple(resource for resource in self.resources if resource.type in types)

    def role(self, environment: str, address: str) -> Principal | None:
        """The role at an address; None where the environment has none."""
        return next((role for role in self.roles if (role.environment, role.address) == (environment, address)), None)


def build(environments: Iterable[Environment]) -> Account:
    """The account with these roots in it: those of each environment, and of what all of them share.

    Raises `TemplatesError` for templates that cannot be read, `NotEvaluableError` for a condition that cannot be
    decided.
    """
    resources: list[AccountResource] = []
    outputs: dict[str, dict[str, str]] = {}  # by environment: what one root computes from another's
    for environment in environments:
        resources += _resources(environment, outputs.setdefault(environment.name, {}))
    extended = tuple(_with_parts(resources))
    policies = {
        resource.arn: tuple(p for p in resource.policy if p.kind == "identity")
        for resource in extended
        if resource.type == MANAGED_POLICY
    }
    roles = tuple(_role(resource, policies) for resource in extended if resource.type == ROLE)
    names = tuple(dict.fromkeys(resource.environment for resource in extended))
    return Account(tuple(extended), roles, names, policies)


def _resources(environment: Environment, outputs: dict[str, str]) -> list[AccountResource]:
    """The resources of one root and of what it nests, and the root stack itself. `outputs` are those of the roots
    before it, to which its own are added."""
    root = environment.root
    computed = {name: outputs.get(name, first) for name, first in environment.first_values.items()}
    spelled = resolved_templates(root, environment.values(computed), PSEUDO)
    if not len(spelled):
        return []
    region = EDGE_REGION if environment.region or root.name == EDGE else REGION
    templates = {root.name: root.name, **_templates_by_path(root)}
    facts = _Facts(environment, region)
    for resource in spelled.resources():
        facts.name(resource, resource.template if resource.template != root.name else "")
    outputs.update({name: str(facts.put_in(render(output["Value"]))) for name, output in root.outputs.items()})
    stack_tags = dict(environment.tags)
    resources = []
    for resource in spelled.resources():
        properties = facts.put_in(dict(resource.properties))
        path = resource.template if resource.template != root.name else ""
        # With the metadata, in which the reasons of statements stand.
        body = {**resource.body, "Properties": properties}
        own = Resource(templates[resource.template], resource.logical_id, body)
        resources.append(
            AccountResource(
                environment.name,
                own.address,
                own.type,
                facts.arns(own, path),
                {**stack_tags, **_tags(properties)},
                properties,
                tuple(of(own)),
            )
        )
    return [*(resource for resource in resources if resource.arns), _root_stack(environment, region)]


def _root_stack(environment: Environment, region: str) -> AccountResource:
    arn = f"arn:{PARTITION}:cloudformation:{region}:{NUMBER}:stack/{environment.stack}/made"
    return AccountResource(environment.name, f"{environment.root.name}.{environment.stack}", STACK, (arn,), {}, {})


def _templates_by_path(root: Template, path: str = "") -> dict[str, str]:
    """The name of the template of each nested stack, by its path."""
    names = {}
    for child in root.children():
        own = f"{path}{child.resource.logical_id}"
        names[own] = child.template.name
        names |= _templates_by_path(child.template, f"{own}.")
    return names


class _Facts:
    """What the names in one root's values stand for."""

    def __init__(self, environment: Environment, region: str) -> None:
        self.environment, self.region = environment, region
        self.ids: dict[str, str] = {}  # path and logical id -> name or id
        self.types: dict[str, str] = {}
        self.raw: dict[str, Mapping[str, Any]] = {}

    def name(self, resource: Resource, path: str) -> None:
        """Gives a resource its name or id."""
        key = f"{path}.{resource.logical_id}" if path else resource.logical_id
        self.types[key], self.raw[key] = resource.type, resource.properties
        stack = self.environment.stack
        for step in path.split(".") if path else ():
            stack = generated(stack, step, "", 128)
        if resource.type == STACK:
            name = generated(stack, resource.logical_id, "", 128)
        elif resource.type == "AWS::SecretsManager::Secret":  # its name does not begin with the stack's
            name = str(resource.properties.get("Name") or generated("", resource.logical_id, stack, 64)[1:])
        elif resource.type in NAMES:
            named, longest = NAMES[resource.type]
            name = str(resource.properties.get(named) or generated(stack, resource.logical_id, "", longest))
        else:
            name = f"{self.environment.name}-{key.replace('.', '-')}"
        self.ids[key] = name.lower() if resource.type in LOWER_CASE else name

    def put_in(self, value: Any) -> Any:
        """A value with names put in."""
        text = json.dumps(value)
        for _ in range(3):  # a name may be given by another resource's name
            text = SUBSTITUTION.sub(self._text, text)
        return json.loads(text)

    def _text(self, match: re.Match[str]) -> str:
        name = match[1]
        if name in PSEUDO:
            return self.region if name == "AWS::Region" else PSEUDO[name]
        if name in self.ids:
            if self.types[name] in REFERRED_BY_ARN and (arns := self._arns(name)):
                return arns[0]
            return self.ids[name]
        key, _, attribute = name.rpartition(".")
        if key in self.ids and attribute.endswith("Arn") and (arns := self._arns(key)):
            return arns[0]
        return self.ids.get(key, match[0]) if key else match[0]

    def arns(self, resource: Resource, path: str) -> tuple[str, ...]:
        """The ARNs of a resource; none for a type that has no ARN of its own."""
        return self._arns(f"{path}.{resource.logical_id}" if path else resource.logical_id)

    def _arns(self, key: str) -> tuple[str, ...]:
        place = {"region": self.region, "account": NUMBER, "id": self.ids[key]}
        arns = []
        for form in ARNS.get(self.types[key], ()):
            text = form
            for name in re.findall(r"\{(\w+)\}", form):
                value = place.get(name) or self.raw[key].get(name) or ("/" if name == "Path" else self.ids[key])
                text = text.replace(f"{{{name}}}", str(value[0] if isinstance(value, list) else value))
            # Services make ids of their own where a form says `new`.
            text = text.replace("/new", f"/{self.ids[key]}")
            if self.types[key] == "AWS::SecretsManager::Secret":
                text += "-AbCdEf"
            text = SUBSTITUTION.sub(self._text, text)
            arns.append(text if text.startswith("arn:") else f"arn:{PARTITION}:{text}")
        return tuple(arns)


def _tags(properties: Mapping[str, Any]) -> dict[str, str]:
    tags = properties.get("Tags", {})
    if isinstance(tags, list):
        return {str(tag["Key"]): str(tag["Value"]) for tag in tags}
    return {str(key): str(value) for key, value in tags.items()}


def _with_parts(resources: list[AccountResource]) -> Iterator[AccountResource]:
    """The resources with the parts that any policy names: a statement on `BUCKET/cache/*` is about objects, and each
    such place is a part that others may reach, too. A policy in a resource of its own is its target's."""
    patterns = {
        text
        for resource in resources
        for permission in resource.policy
        for text in (*permission.resources, *permission.not_resources)
        if text.startswith("arn:")
    }
    of_others = _carried(resources)
    for resource in (resource for resource in resources if resource.type not in PARTS):
        parts = [part for arn in resource.arns for part in _parts(arn, patterns)]
        parts += [part for arn in resource.arns for part in _known_parts(resource, arn)]
        policy = (*resource.policy, *of_others.get(resource.arn, ()))
        arns = tuple(dict.fromkeys([*resource.arns, *sorted(parts)]))
        yield AccountResource(
            resource.environment, resource.address, resource.type, arns, resource.tags, resource.properties, policy
        )


def _parts(arn: str, patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        if pattern.startswith((f"{arn}/", f"{arn}:")):
            yield pattern.replace("*", "any").replace("?", "a")


def _known_parts(resource: AccountResource, arn: str) -> Iterator[str]:
    """The stages and actions of a pipeline; an object of a bucket."""
    if resource.type == "AWS::CodePipeline::Pipeline":
        for stage in resource.properties["Stages"]:
            yield f"{arn}/{stage['Name']}"
            yield from (f"{arn}/{stage['Name']}/{action['Name']}" for action in stage["Actions"])
    if resource.type == BUCKET:
        yield f"{arn}/any"
    if resource.type == "AWS::Logs::LogGroup":
        yield f"{arn}:log-stream:any"


def _carried(resources: Iterable[AccountResource]) -> dict[str, list[Permission]]:
    """The statements of policies that are resources of their own, by the ARN of what they are about."""
    carried: dict[str, list[Permission]] = {}
    for resource in resources:
        if resource.type == "AWS::S3::BucketPolicy":
            targets = [f"arn:{PARTITION}:s3:::{resource.properties['Bucket']}"]
        elif resource.type == "AWS::SNS::TopicPolicy":
            targets = list(resource.properties["Topics"])
        else:
            continue
        for target in targets:
            carried.setdefault(target, []).extend(resource.policy)
    return carried


@cache
def aws_policies() -> Mapping[str, tuple[Permission, ...]]:
    """The statements of AWS's own policies that the templates attach, by ARN. Their text is AWS's, which may change it
    at any time; a test compares it with a copy that is renewed with its package."""
    documents = json.loads(AWS_POLICIES.read_text(encoding="utf-8"))
    policies = {}
    for path, policy in documents.items():
        inline = {"Policies": [{"PolicyName": path, "PolicyDocument": policy["Document"]}]}
        holder = Resource("aws", path.rpartition("/")[2], {"Type": ROLE, "Properties": inline})
        policies[f"arn:{PARTITION}:iam::aws:policy/{path}"] = tuple(of(holder))
    return policies


def _role(resource: AccountResource, policies: Mapping[str, tuple[Permission, ...]]) -> Principal:
    attached = [str(arn) for arn in resource.properties.get("ManagedPolicyArns", ())]
    identity = [permission for permission in resource.policy if permission.kind == "identity"]
    for arn in attached:
        identity += policies.get(arn) or aws_policies().get(arn, ())
    boundary = str(resource.properties.get("PermissionsBoundary", ""))
    return Principal(
        resource.label,
        resource.environment,
        resource.address,
        resource.arn,
        tuple(identity),
        tuple(permission for permission in resource.policy if permission.kind == "trust"),
        policies.get(boundary),  # one of AWS's own, such as AdministratorAccess, limits nothing here
        boundary if boundary in policies else "",
        resource.tags,
        tuple(arn for arn in attached if arn not in policies and arn not in aws_policies()),
    )
