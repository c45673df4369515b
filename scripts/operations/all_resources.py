"""What is in a stack and in all that it nests."""

from collections.abc import Iterator
from dataclasses import replace

from generator.cfn.stacks import StackResource
from generator.cfn.templates import STACK
from scripts.deployment.aws import Aws
from scripts.deployment.stacks import resources


def all_resources(aws: Aws, stack_id: str) -> Iterator[StackResource]:
    """What is in a stack, each nested stack followed by what is in it."""
    for resource in resources(aws, stack_id):
        yield resource
        if resource.type == STACK and resource.physical_id:
            for inner in all_resources(aws, resource.physical_id):
                yield replace(inner, path=(*resource.path, *inner.path))
