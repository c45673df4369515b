"""What is in a stack and in all that it nests."""

from collections.abc import Iterator
from dataclasses import replace

from generator.cfn.stacks import StackResource
from generator.cfn.templates import STACK
from scripts.deployment.aws import Aws
from scripts.deployment.stacks import resources


def all_resources(aws: Aws, stack_id: str) -> Iterator[StackResource]:
    """What is in a stack, each nested stack followed by what is in it."""
    listed = list(resources(aws, stack_id))
    nested = [each.physical_id for each in listed if each.type == STACK and each.physical_id]
    below = dict(zip(nested, aws.at_once(lambda each: list(all_resources(aws, each)), nested), strict=True))
    for resource in listed:
        yield resource
        for inner in below.get(resource.physical_id, ()):
            yield replace(inner, path=(*resource.path, *inner.path))
