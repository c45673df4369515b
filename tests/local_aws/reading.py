"""Reads every resource of a stack back through its own service and compares it with the template, from outside."""

import json
from collections.abc import Iterator
from typing import Any

from scripts.local_aws.handlers import readback
from scripts.local_aws.handlers.handler import ResourceHandler, handler_for
from scripts.local_aws.schemas import tagged
from scripts.local_aws.services import Services
from scripts.local_aws.template import Scope, parameters, read
from tests.local_aws.support import Aws, outputs

STACK = "AWS::CloudFormation::Stack"
SECRET = "{{resolve:secretsmanager:"
Lost = tuple[str, str, str]  # logical id, type, path of the property


class Attributes(dict[str, Any]):
    """The attributes of a resource, read from its service when one is asked for."""

    def __init__(self, made: ResourceHandler, scope: Scope, name: str) -> None:
        super().__init__()
        self.made, self.scope, self.name = made, scope, name

    def __contains__(self, key: object) -> bool:
        return key in self.made.row.attributes

    def __getitem__(self, key: str) -> Any:
        self.made.properties = self.scope.resolve(dict(self.scope.template.resources[self.name].properties))
        return self.made.attributes(self.made.read())[key]


def compared(aws: Aws, stack: str) -> tuple[set[Lost], set[Lost], set[str]]:
    """What is read back otherwise than the templates of a stack and its nested ones say; what the local AWS tells
    of that; and the types that were read."""
    services = Services(aws.endpoint.url, aws.endpoint.region, aws.endpoint.account)
    lost, kinds = set(), set()
    [shown] = aws.stacks.describe_stacks(StackName=stack)["Stacks"]
    for name, made in leaves(aws, services, shown):
        kinds.add(made.row.kind)
        lost |= {(name, made.row.kind, path) for path in readback.unheld(made, made.read())}
    told = [one for one in aws.endpoint.exceptions() if one["Stack"].startswith(shown["StackName"])]
    return lost, {(one["Resource"], one["Type"], one["Property"]) for one in told}, kinds


def leaves(aws: Aws, services: Services, stack: Any) -> Iterator[tuple[str, ResourceHandler]]:
    """Every resource that a described stack's template wants, nested ones too, with its resolved properties."""
    template = read(json.dumps(aws.stacks.get_template(StackName=stack["StackId"])["TemplateBody"]))
    given = {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}
    pseudo = {
        "AWS::Region": services.region,
        "AWS::AccountId": services.account,
        "AWS::Partition": services.partition,
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": stack["StackName"],
        "AWS::StackId": stack["StackId"],
    }
    zones = tuple(f"{services.region}{letter}" for letter in "abc")
    scope = Scope(template, parameters(template, given, str), pseudo, zones=zones).check()
    resources = aws.resources(stack["StackId"])
    wanted = {name for name, one in template.resources.items() if scope.exists(one.body)}
    assert wanted == set(resources), f"{stack['StackName']}: resources are missing or too many"
    children = {}
    for name, one in resources.items():
        physical, kind = one["PhysicalResourceId"], one["ResourceType"]
        if kind == STACK:
            [children[name]] = aws.stacks.describe_stacks(StackName=physical)["Stacks"]
            found = {f"Outputs.{key}": value for key, value in outputs(children[name]).items()}
            scope.found[name] = (physical, found)
        else:
            scope.found[name] = (physical, Attributes(handler_for(services, kind, {}, physical), scope, name))
    tags = {tag["Key"]: tag["Value"] for tag in stack["Tags"]}
    for name, one in resources.items():
        if name in children:
            yield from leaves(aws, services, children[name])
            continue
        properties = tagged(one["ResourceType"], scope.resolve(dict(template.resources[name].properties)), tags)
        if properties.get("SecretString", "").startswith(SECRET):
            secret, _, rest = properties["SecretString"].removeprefix(SECRET).partition("}}")
            seed = aws.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
            properties["SecretString"] = seed + rest
        yield name, handler_for(services, one["ResourceType"], properties, one["PhysicalResourceId"])
