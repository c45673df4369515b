"""`drift`: what was changed outside the stacks."""

from argparse import ArgumentParser

from scripts.deployment import stacks
from scripts.deployment.errors import Exit, ManualActionRequiredError
from scripts.operations.diagnose import drift
from scripts.operations.output import drifts, formats
from scripts.operations.run import Run, say
from scripts.terminal import console


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of `drift`."""
    formats.add(parser)


def run(run: Run) -> Exit:
    """Every root with its nested stacks: 2 when something has drifted, 4 when a stack could not be compared."""
    found = []
    for wanted in run.roots.values():
        aws = run.of(wanted).aws
        stack = stacks.read(aws, wanted.stack)
        if stack and not stack.meaning.ended:
            raise ManualActionRequiredError(f"{stack.name} {stack.meaning.text} ({stack.status}).", stack.remedy)
        if stack:
            with console.working(f"comparing {stack.name} with what is there"):
                found.append(drift.find(aws, stack))
    if run.given.format == formats.JSON:
        formats.show([drifts.drift_document(one) for one in found])
    else:
        for one in found:
            say(drifts.drift_lines(one))
        if not found:
            say([f"{run.wanted.stack} does not exist"])
    if any(one.surprising for one in found):
        return Exit.CHANGES
    return Exit.MANUAL if any(one.failed for one in found) else Exit.DONE
