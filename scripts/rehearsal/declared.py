"""What was deployed and the local AWS does not hold, as the templates of the stacks say it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from generator.cfn.assertions import conditions
from generator.cfn.intrinsics import decide
from generator.cfn.places import walk
from scripts.deployment.aws import Aws


@dataclass(frozen=True)
class Declared:
    """A resource as its stack's template declares it, with the conditions decided by the stack's parameters."""

    aws: Aws
    stack: str
    properties: Mapping[str, Any]

    def find(self, *keys: str) -> Iterator[Mapping[str, Any]]:
        """Every object in the properties that has all these keys."""
        for _, value in walk(dict(self.properties)):
            if isinstance(value, dict) and value.keys() >= set(keys):
                yield value

    def attribute(self, value: Any) -> str:
        """The physical id of the resource that `Ref` or `Fn::GetAtt` names; any other value as text."""
        match value:
            case {"Ref": str() as name} | {"Fn::GetAtt": [str() as name, _]}:
                answer = self.aws.call(
                    "cloudformation", "describe_stack_resource", StackName=self.stack, LogicalResourceId=name
                )
                return str(answer["StackResourceDetail"]["PhysicalResourceId"])
        return str(value)


def declared(aws: Aws, physical: str) -> Declared:
    """The declaration of a resource by its physical id; an empty one for what no stack made."""
    found = aws.call("cloudformation", "describe_stack_resources", PhysicalResourceId=physical)["StackResources"]
    if not found:
        return Declared(aws, "", {})
    stack, name = found[0]["StackName"], found[0]["LogicalResourceId"]
    body = aws.call("cloudformation", "get_template", StackName=stack)["TemplateBody"]
    template = json.loads(body) if isinstance(body, str) else body
    given = aws.call("cloudformation", "describe_stacks", StackName=stack)["Stacks"][0].get("Parameters", ())
    values = {one["ParameterKey"]: one.get("ParameterValue", "") for one in given}
    properties = template["Resources"][name]["Properties"]
    return Declared(aws, stack, decide(properties, conditions(template, values)))
