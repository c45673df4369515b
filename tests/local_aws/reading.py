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

    def __init__(self, handler: ResourceHandler, scope: Scope, name: str) -> None:
        super().__init__()
        self.handler, self.scope, self.name = handler, scope, name

    def __contains__(self, key: object) -> bool:
        return key in self.handler.row.attributes

    def __getitem__(self, key: str) -> Any:
        self.handler.properties = self.scope.resolve(dict(self.scope.template.resources[self.name].properties))
        return self.handler.attributes(self.handler.read())[key]


def compared(aws: Aws, stack: str) -> tuple[set[Lost], set[Lost], set[str]]:
    """What is read back otherwise than the templates of a stack and its nested ones say; what the local AWS tells
    of that; and the types that were read."""
    services = Services(aws.endpoint.url, aws.endpoint.region, aws.endpoint.account, key=aws.endpoint.key)
    lost, kinds = set(), set()
    [shown] = aws.stacks.describe_stacks(StackName=stack)["Stacks"]
    for name, handler in leaves(aws, services, shown):
        kinds.add(handler.row.kind)
        lost |= {(name, handler.row.kind, path) for path in readback.unheld(handler, handler.read())}
    exceptions = [entry for entry in aws.endpoint.exceptions() if entry["Stack"].startswith(shown["StackName"])]
    return lost, {(entry["Resource"], entry["Type"], entry["Property"]) for entry in exceptions}, kinds


def leaves(aws: Aws, services: Services, stack: Any) -> Iterator[tuple[str, ResourceHandler]]:
    """Every resource that a described stack's template wants, nested ones too, with its resolved properties."""
    template = read(json.dumps(aws.stacks.get_template(StackName=stack["StackId"])["TemplateBody"]))
    supplied = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack["Parameters"]}
    pseudo = {
        "AWS::Region": services.region,
        "AWS::AccountId": services.account,
        "AWS::Partition": services.partition,
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": stack["StackName"],
        "AWS::StackId": stack["StackId"],
    }
    zones = tuple(f"{services.region}{letter}" for letter in "abc")
    scope = Scope(template, parameters(template, supplied, str), pseudo, zones=zones).check()
    resources = aws.resources(stack["StackId"])
    names = {name for name, resource in template.resources.items() if scope.exists(resource.body)}
    assert names == set(resources), f"{stack['StackName']}: resources are missing or too many"
    children = {}
    for name, resource in resources.items():
        physical, kind = resource["PhysicalResourceId"], resource["ResourceType"]
        if kind == STACK:
            [children[name]] = aws.stacks.describe_stacks(StackName=physical)["Stacks"]
            attributes = {f"Outputs.{key}": value for key, value in outputs(children[name]).items()}
            scope.existing[name] = (physical, attributes)
        else:
            scope.existing[name] = (physical, Attributes(handler_for(services, kind, {}, physical), scope, name))
    tags = {tag["Key"]: tag["Value"] for tag in stack["Tags"]}
    for name, resource in resources.items():
        if name in children:
            yield from leaves(aws, services, children[name])
            continue
        properties = tagged(resource["ResourceType"], scope.resolve(dict(template.resources[name].properties)), tags)
        if properties.get("SecretString", "").startswith(SECRET):
            secret, _, rest = properties["SecretString"].removeprefix(SECRET).partition("}}")
            seed = aws.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
            properties["SecretString"] = seed + rest
        yield name, handler_for(services, resource["ResourceType"], properties, resource["PhysicalResourceId"])
