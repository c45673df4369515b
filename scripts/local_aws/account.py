"""One account in one region: its stacks and change sets, and what templates mean in it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import RLock, Timer
from typing import Any
from urllib.parse import unquote, urlparse

from moto.utilities.utils import get_partition

from generator.cfn import assertions
from generator.cfn.quotas import TEMPLATE_BYTES
from generator.cfn.templates import STACK, Template
from scripts.local_aws import schemas
from scripts.local_aws import template as templates
from scripts.local_aws.services import Application, ResourceError, Services
from scripts.local_aws.template import NOTHING, InvalidTemplateError, Scope
from scripts.local_aws.values import (
    Behaviour,
    ChangeSet,
    Operation,
    RefusedCallError,
    Resource,
    Stack,
    Target,
    identifier,
)

IAM_NAMES = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Policy": "",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
}
STACK_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")


@dataclass
class Account:
    """The state; `lock` is held while a call reads or plans."""

    services: Services
    stacks: dict[str, Stack] = field(default_factory=dict)
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    lock: RLock = field(default_factory=RLock)
    behaviour: Behaviour = field(default_factory=Behaviour)
    serial: int = 0
    detections: dict[str, Any] = field(default_factory=dict)  # of drift, by id
    # (stack's id, client request token) -> what it started: kind of operation, its subject and its id
    tokens: dict[tuple[str, str], tuple[str, str, str]] = field(default_factory=dict)

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a stack or change set, with an id of its own."""
        self.serial += 1
        services = self.services
        prefix = f"arn:{services.partition}:cloudformation:{services.region}:{services.account}"
        return f"{prefix}:{kind}/{name}/{identifier(services.account, services.region, name, self.serial)}"

    def new(self, name: str, parent: Stack | None = None, logical: str = "") -> Stack:
        """A stack in REVIEW_IN_PROGRESS. Raises `RefusedCallError` for a name that AWS does not allow."""
        if not STACK_NAME.fullmatch(name):
            raise RefusedCallError(
                f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint"
            )
        stack = Stack(name, self.arn("stack", name), parent, logical)
        self.stacks[stack.id] = stack
        return stack

    def nested(self, parent: Stack, logical: str) -> Stack:
        """A new nested stack under the name that CloudFormation generates."""
        random = identifier(parent.id, logical, self.serial).replace("-", "")[:12].upper()
        return self.new(f"{parent.name[:90]}-{logical[:24]}-{random}", parent, logical)

    def nested_stack(self, resource: Resource) -> Stack:
        """The nested stack of a resource. Raises `InvalidTemplateError` for one that was deleted behind its parent's
        back. AWS's words are those of DescribeStacks on a stack that is gone; which it says here is not documented."""
        stack = self.stacks[resource.physical]
        if stack.status == "DELETE_COMPLETE":
            raise InvalidTemplateError(f"Stack with id {stack.id} does not exist (nested stack {resource.logical})")
        return stack

    def has_role(self, role: str) -> bool:
        """Whether an IAM role exists, by its ARN."""
        try:
            self.services.call("iam", "get_role", {"RoleName": role.rpartition("/")[2]})
        except ResourceError:
            return False
        return ":role/" in role

    def alarm_state(self, arn: str) -> str:
        """The state of a CloudWatch alarm by its ARN; empty when there is none. moto makes no composite ones."""
        answer = self.services.call("cloudwatch", "describe_alarms", {"AlarmNames": [arn.rpartition(":alarm:")[2]]})
        return next((str(alarm["StateValue"]) for alarm in answer["MetricAlarms"]), "")

    def find(self, name: str) -> Stack:
        """The stack with a name or id; a deleted one only by id. Raises `RefusedCallError`."""
        for stack in reversed(tuple(self.stacks.values())):
            if name == stack.id or (name == stack.name and stack.status != "DELETE_COMPLETE"):
                return stack
        raise RefusedCallError(f"Stack with id {name} does not exist")

    def change_set(self, stack: Stack, name: str, kind: str, target: Target) -> ChangeSet:
        """A new change set, kept."""
        change_set = ChangeSet(name, self.arn("changeSet", name), stack, kind, target)
        self.change_sets[change_set.id] = change_set
        return change_set

    def find_change_set(self, name: str, stack: str | None) -> ChangeSet:
        """By ARN, or by name and stack. Raises `RefusedCallError`."""
        if name in self.change_sets:
            return self.change_sets[name]
        if name.startswith("arn:"):
            raise RefusedCallError(f"ChangeSet [{name}] does not exist", "ChangeSetNotFoundException")
        if stack is None:
            raise RefusedCallError("StackName must be specified if ChangeSetName is not specified as an ARN.")
        owner = self.find(stack)
        for change_set in self.change_sets.values():
            if change_set.name == name and change_set.stack is owner:
                return change_set
        raise RefusedCallError(f"ChangeSet [{name}] does not exist", "ChangeSetNotFoundException")

    def delete_change_set(self, change_set: ChangeSet) -> None:
        """As `forget`, in the time that the deletion of nested change sets takes."""
        seconds = self.behaviour.deletion_seconds
        if not seconds or not change_set.below:
            self.forget(change_set)
            return
        for member in change_set.family():
            member.status, member.execution = "DELETE_IN_PROGRESS", "UNAVAILABLE"
        timer = Timer(seconds, self.forget, (change_set,))
        timer.daemon = True
        timer.start()

    def forget(self, change_set: ChangeSet) -> None:
        """Deletes a root's change set with those of its nested stacks, and the stacks that exist only because of it; it
        is without effect on a root that was deleted meanwhile: AWS can leave its children in REVIEW_IN_PROGRESS."""
        if change_set.root.stack.status == "DELETE_COMPLETE":
            return
        for member in change_set.family():
            self.change_sets.pop(member.id, None)
            if member.reviewed and member.stack.status == "REVIEW_IN_PROGRESS":
                member.stack.event(Operation(identifier(member.id)), None, "DELETE_COMPLETE")

    def template(self, url: str) -> str:
        """The template at an S3 address, path or virtual-host style. Raises `InvalidTemplateError`."""
        bucket, key = s3_object(url)
        if not bucket or not key:
            raise InvalidTemplateError(f"TemplateURL must be a supported URL: {url}")
        try:
            body = self.services.call("s3", "get_object", {"Bucket": bucket, "Key": key})["Body"].read()
        except ResourceError as error:
            raise InvalidTemplateError(f"S3 error: {error}; TemplateURL {url}") from error
        if len(body) > TEMPLATE_BYTES:
            raise InvalidTemplateError(f"Template may not exceed {TEMPLATE_BYTES} bytes in size.")
        return str(body.decode())

    def target(
        self, text: str, supplied: Mapping[str, str], tags: Mapping[str, str], capabilities: tuple[str, ...]
    ) -> Target:
        """A template with parameters. Raises `InvalidTemplateError`."""
        template = templates.read(text)
        for name, resource in template.resources.items():
            try:
                schemas.schema(resource.type)
            except schemas.UnknownTypeError as error:
                raise InvalidTemplateError(
                    f"Template format error: Unrecognized resource types: [{resource.type}] ({name})"
                ) from error
        if long := [name for name, value in supplied.items() if len(value.encode()) > templates.LONGEST_VALUE]:
            raise InvalidTemplateError(f"Parameter '{long[0]}' may not exceed {templates.LONGEST_VALUE} bytes in size.")
        values = templates.parameters(template, supplied, self._ssm)
        defaults = {
            name: assertions.as_text(body["Default"]) for name, body in template.parameters.items() if "Default" in body
        }
        return Target(text, template, {**defaults, **supplied}, values, dict(tags), capabilities)

    def nested_target(self, properties: Mapping[str, Any], parent: Target) -> Target:
        """What a nested stack is to become, from the resolved properties of its resource."""
        supplied = {}
        for name, value in properties.get("Parameters", {}).items():
            supplied[name] = ",".join(map(str, value)) if isinstance(value, list) else assertions.as_text(value)
        tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", ())}
        return self.target(self.template(properties["TemplateURL"]), supplied, tags, parent.capabilities)

    def scope(self, stack: Stack, target: Target, preview: bool) -> Scope:
        """What the expressions of a stack's template are resolved against, conditions and rules already evaluated."""
        services = self.services
        pseudo = {
            "AWS::AccountId": services.account,
            "AWS::Partition": services.partition,
            "AWS::Region": services.region,
            "AWS::StackId": stack.id,
            "AWS::StackName": stack.name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        zones = tuple(f"{services.region}{letter}" for letter in "abc")
        return Scope(
            target.template, target.values, pseudo, target.tags, zones, preview, self.behaviour.unknown
        ).check()

    def check_rules(self, stack: Stack, target: Target) -> None:
        """Asks the rules of a template before anything begins. Raises `InvalidTemplateError` for one that does not
        hold, and for a condition that cannot be evaluated.

        "If a parameter value isn't valid, CloudFormation doesn't create or update the stack" (CloudFormation template
        reference, "Rule functions"); it fails "immediately" (AWS Service Catalog administrator guide, "Template
        constraint rules"). Whether CreateChangeSet refuses such values, or the change set fails, is written nowhere:
        here the change set fails.
        """
        self.scope(stack, target, preview=True)

    def properties(self, scope: Scope, logical: str) -> dict[str, Any]:
        """The resolved properties of a resource, with the stack's tags. Raises `InvalidTemplateError`."""
        body = scope.template.resources[logical].body
        try:
            properties = scope.resolve(dict(body.get("Properties", {})))
        except InvalidTemplateError as error:
            raise InvalidTemplateError(f"{error} (resource {logical})") from error
        return schemas.tagged(body["Type"], properties, scope.tags)

    def outputs(self, scope: Scope) -> dict[str, str]:
        """The outputs whose conditions hold."""
        outputs = {}
        for name, body in scope.template.outputs.items():
            if scope.exists(body):
                value = scope.resolve(body["Value"])
                if value is NOTHING or isinstance(value, list | dict):
                    raise InvalidTemplateError(
                        f"Template format error: Output {name} is malformed: {value!r} is not a string"
                    )
                outputs[name] = assertions.as_text(value)
        return outputs

    def dynamic(self, value: Any) -> Any:
        """A value with its dynamic references replaced by what they refer to. Raises `ResourceError`."""
        if isinstance(value, dict):
            return {key: self.dynamic(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.dynamic(inner) for inner in value]
        return templates.DYNAMIC.sub(self._refer, value) if isinstance(value, str) else value

    def _refer(self, match: re.Match[str]) -> str:
        if match[1] != "secretsmanager":
            return self._ssm(match[2])
        secret, key = match[2], ""
        if parts := re.fullmatch(r"(.*?):SecretString(?::([^:]*))?(?::[^:]*)*", match[2]):
            secret, key = parts[1], parts[2] or ""
        text = self.services.call("secretsmanager", "get_secret_value", {"SecretId": secret})["SecretString"]
        return str(json.loads(text)[key] if key else text)

    def _ssm(self, name: str) -> str:
        try:
            answer = self.services.call("ssm", "get_parameter", {"Name": name, "WithDecryption": True})
        except ResourceError as error:
            raise InvalidTemplateError(
                f"Unable to fetch parameters [{name}] from parameter store for this account."
            ) from error
        return str(answer["Parameter"]["Value"])

    def capabilities(self, template: Template) -> tuple[list[str], list[str]]:
        """The capabilities that a template and those nested in it need, and the types that need them."""
        needed, kinds = set(), set()
        for resource in template.resources.values():
            if resource.type in IAM_NAMES:
                named = resource.properties.get(IAM_NAMES[resource.type] or "-") is not None
                needed.add("CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM")
                kinds.add(resource.type)
            elif (
                resource.type == STACK
                and isinstance(url := resource.get("TemplateURL"), str)
                and url.startswith("http")
            ):
                more, others = self.capabilities(templates.read(self.template(url)))
                needed.update(more)
                kinds.update(others)
        if "CAPABILITY_NAMED_IAM" in needed:
            needed.discard("CAPABILITY_IAM")
        return sorted(needed), sorted(kinds)


@dataclass
class _ToCome:
    """What accounts begin with."""

    behaviour: Behaviour = field(default_factory=Behaviour)


accounts_to_come = _ToCome()


def s3_object(url: str) -> tuple[str, str]:
    """Bucket and key of an S3 address, path or virtual-host style; both empty where it is none."""
    parsed = urlparse(url)
    host, path = parsed.hostname or "", unquote(parsed.path).lstrip("/")
    virtual = re.match(r"(.+)\.s3[.-]", host)
    bucket, _, key = (virtual[1], "", path) if virtual else path.partition("/")
    return (bucket, key) if parsed.scheme in ("http", "https") else ("", "")


ACCOUNTS: dict[tuple[str, str], Account] = {}
SERVED: list[tuple[str, Application]] = []  # where the services answer, and what does; set by `application.make`


def account(number: str, region: str) -> Account:
    """The state of an account in a region, made at the first call."""
    if (number, region) not in ACCOUNTS:
        [(endpoint, services)] = SERVED
        served = Services(endpoint, region, number, get_partition(region), services)
        ACCOUNTS[number, region] = Account(served, behaviour=accounts_to_come.behaviour)
    return ACCOUNTS[number, region]
