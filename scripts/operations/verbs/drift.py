"""`drift`: what was changed outside the stacks."""

from argparse import ArgumentParser
from dataclasses import dataclass

from scripts.deployment import stacks
from scripts.deployment.errors import Exit
from scripts.operations.diagnose import drift
from scripts.operations.options import JSON, TERMINAL, format_argument
from scripts.operations.output import drifts
from scripts.operations.run import Run, say
from scripts.terminal import console, results


@dataclass(frozen=True)
class Options:
    """How it is shown."""

    format: str = TERMINAL


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of `drift`."""
    format_argument(parser)


def run(run: Run, options: Options) -> Exit:
    """Every root with its nested stacks: 2 when something has drifted, 4 when a stack could not be compared."""
    drifts_found = []
    for root in run.roots.values():
        aws = run.at(root).aws
        stack = stacks.read(aws, root.stack)
        if stack and not stack.meaning.ended:
            raise stacks.manual_action(stack)
        if stack:
            with console.working(f"comparing {stack.name} with what is there"):
                drifts_found.append(drift.detect_drift(aws, stack))
    if options.format == JSON:
        results.show([drifts.drift_document(each) for each in drifts_found])
    else:
        for each in drifts_found:
            say(drifts.drift_lines(each))
        if not drifts_found:
            say([f"{run.environment.stack} does not exist"])
    if any(each.surprising for each in drifts_found):
        return Exit.CHANGES
    return Exit.MANUAL if any(each.failed for each in drifts_found) else Exit.DONE
