"""What stands in the way of a stack that could be neither updated nor restored, as lines for a terminal."""

from collections.abc import Iterator, Sequence

from generator.cfn.stacks import Stack
from generator.cfn.templates import Template
from scripts.operations.diagnose.cause import sentence
from scripts.operations.diagnose.recovery import Stuck
from scripts.terminal.text import RED, Line, line


def stuck_lines(stack: Stack, failed: Sequence[Stuck], root: Template) -> Iterator[Line]:
    """Each resource with its reason and what it is for, and the command that leaves it as it is."""
    for resource in failed:
        yield line((" > ".join(resource.path), RED), f"  {resource.type}", depth=1)
        yield line(f"reason: {resource.reason}", depth=2)
        if text := sentence(root, resource.path):
            yield line(f"purpose: {text}", depth=2)
    if text := advice(stack, failed):
        yield line(text, depth=1)


def advice(stack: Stack, failed: Sequence[Stuck]) -> str:
    """How the rollback goes on, with what can be skipped by its name; empty where nothing can be."""
    skippable = [resource for resource in failed if resource.skip]
    if not skippable or stack.status != "UPDATE_ROLLBACK_FAILED":
        return ""
    options = " ".join(f"--skip {'.'.join(resource.path)}" for resource in skippable)
    what = "these resources" if len(skippable) > 1 else "this resource"
    text = f"Fix the cause, then run `continue`. To give up on {what}: `continue {options}`."
    return f"{text} What is skipped stays out of sync until a deployment changes it."
