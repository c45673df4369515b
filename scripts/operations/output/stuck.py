"""What stands in the way of a stack that could be neither updated nor restored, as lines for a terminal."""

from collections.abc import Iterator, Sequence

from generator.cfn.templates import Template
from scripts.deployment.stacks import Stack
from scripts.operations.diagnose.cause import sentence
from scripts.operations.diagnose.recovery import Stuck
from scripts.operations.output.terminal import Paint, plain


def stuck_lines(stack: Stack, failed: Sequence[Stuck], root: Template, paint: Paint = plain) -> Iterator[str]:
    """Each resource with its reason and what it is for, and the command that leaves it as it is."""
    for one in failed:
        yield f"  {paint(' > '.join(one.path), 'red')}  {one.type}"
        yield f"    reason: {one.reason}"
        if text := sentence(root, one.path):
            yield f"    what it is for: {text}"
    skippable = [one for one in failed if one.skip]
    if skippable and stack.status == "UPDATE_ROLLBACK_FAILED":
        options = " ".join(f"--skip {'.'.join(one.path)}" for one in skippable)
        yield "  Remove the reason and run `continue`. Where that is impossible, leave the resource as it is: it will"
        yield f"  not be what the template says until the next deployment has changed it. `continue {options}`"
