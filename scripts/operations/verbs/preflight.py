"""`preflight`: everything that can be known before a deployment, read only.

A question that AWS does not answer is told as such, and never as a good sign.
"""

from argparse import ArgumentParser
from dataclasses import dataclass

from scripts.deployment import stacks
from scripts.deployment.errors import Exit
from scripts.operations.options import JSON, TERMINAL, format_argument
from scripts.operations.preflight.check import Check, State, Survey
from scripts.operations.preflight.checks import all_checks, lines
from scripts.operations.run import Run, say
from scripts.terminal import console, results

# How JSON documents call them.
STATES = {State.GOOD: "good", State.WARNING: "to know", State.ERROR: "stops", State.UNKNOWN: "not told"}


@dataclass(frozen=True)
class Options:
    """How it is shown."""

    format: str = TERMINAL


def arguments(parser: ArgumentParser) -> None:
    """How to show it."""
    format_argument(parser)


def _document(check: Check) -> dict[str, str]:
    """A check for programs."""
    state = STATES[check.state]
    return {"what": check.what, "state": state, "found": check.detail, "remedy": check.remedy}


def run(run: Run, options: Options) -> Exit:
    """Looks at everything; 3 when something would stop the deployment."""
    stack = stacks.read(run.aws, run.environment.stack)
    survey = Survey(run.aws, run.aws.identity(), run.roots, stack is not None, run.project)
    with console.working(f"checking what {run.environment.stack} needs"):
        checks = list(all_checks(survey))
    if options.format == JSON:
        results.show([_document(check) for check in checks])
    else:
        say(lines(checks))
    return Exit.REFUSED if any(check.state is State.ERROR for check in checks) else Exit.DONE
