"""`preflight`: everything that can be known before a deployment, read only.

A question that AWS does not answer is told as such, and never as a good sign.
"""

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass

from scripts.deployment import stacks
from scripts.deployment.errors import AwsError, Exit
from scripts.operations.options import JSON, TERMINAL, format_argument
from scripts.operations.preflight import account, source
from scripts.operations.preflight.check import Check, Looker, State, Survey
from scripts.operations.run import Run, say
from scripts.terminal import console, results
from scripts.terminal.text import GREEN, RED, YELLOW, Line, count, line

LOOKERS: tuple[Looker, ...] = (
    source.identity,
    source.permissions,
    source.protection,
    source.filled_secrets,
    source.repository,
    account.roles,
    account.quotas,
    account.prefix_list,
    account.zones,
    account.edge_logs,
    account.mail,
    account.messages,
    account.build_image,
    source.names,
)
# How JSON documents call them.
STATES = {State.GOOD: "good", State.WARNING: "to know", State.ERROR: "stops", State.UNKNOWN: "not told"}
STYLES = {State.GOOD: GREEN, State.WARNING: YELLOW, State.ERROR: RED, State.UNKNOWN: YELLOW}


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


def all_checks(survey: Survey) -> Iterator[Check]:
    """What every check finds."""
    for looker in LOOKERS:
        try:
            yield from looker(survey)
        except AwsError as error:
            # What is no service's own answer, but a page of the server before it, is not repeated.
            message = error.message if "<html" not in error.message else "no answer of the service itself"
            what = looker.__name__.replace("_", " ")
            yield Check(what, State.UNKNOWN, f"{error.call}: {error.code}: {message}", error.remedy)


def lines(checks: list[Check]) -> Iterator[Line]:
    """Each check on a line, with what to do below it."""
    width = max(len(check.what) for check in checks)
    for check in checks:
        yield line((f"{check.state.value:7}", STYLES[check.state]), f"  {check.what:{width}}  {check.detail}")
        yield from (line(text, depth=6) for text in check.remedy.splitlines())
    errors = sum(check.state is State.ERROR for check in checks)
    unknown = sum(check.state is State.UNKNOWN for check in checks)
    yield line(f"{count(len(checks), 'check')}: {count(errors, 'error')}, {unknown} unknown")
