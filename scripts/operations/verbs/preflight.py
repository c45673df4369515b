"""`preflight`: everything that can be known before a deployment, read only.

A question that AWS does not answer is told as such, and never as a good sign.
"""

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict

from scripts.deployment import stacks
from scripts.deployment.errors import AwsError, Exit
from scripts.operations.output import formats
from scripts.operations.preflight import account, source
from scripts.operations.preflight.check import Check, Look, Looker, State
from scripts.operations.run import Run, say
from scripts.terminal import console
from scripts.terminal.text import GREEN, RED, YELLOW, Line, count, line

LOOKERS: tuple[Looker, ...] = (
    source.identity,
    source.permissions,
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
# What a person reads; programs get the values of `State`.
WORDS = {State.GOOD: "ok", State.KNOW: "warning", State.STOP: "error", State.UNKNOWN: "unknown"}
STYLES = {State.GOOD: GREEN, State.KNOW: YELLOW, State.STOP: RED, State.UNKNOWN: YELLOW}


def arguments(parser: ArgumentParser) -> None:
    """How to show it."""
    formats.add(parser)


def run(run: Run) -> Exit:
    """Looks at everything; 3 when something would stop the deployment."""
    stack = stacks.read(run.aws, run.wanted.stack)
    look = Look(run.aws, run.aws.identity(), run.roots, stack is not None, run.project)
    with console.working(f"checking what {run.wanted.stack} needs"):
        checks = list(found(look))
    if run.given.format == formats.JSON:
        formats.show([{**asdict(one), "state": one.state.value} for one in checks])
    else:
        say(lines(checks))
    return Exit.REFUSED if any(one.state is State.STOP for one in checks) else Exit.DONE


def found(look: Look) -> Iterator[Check]:
    """What every check finds."""
    for looker in LOOKERS:
        try:
            yield from looker(look)
        except AwsError as error:
            # What is no service's own answer, but a page of the server before it, is not repeated.
            said = error.message if "<html" not in error.message else "no answer of the service itself"
            what = looker.__name__.replace("_", " ")
            yield Check(what, State.UNKNOWN, f"{error.call}: {error.code}: {said}", error.remedy)


def lines(checks: list[Check]) -> Iterator[Line]:
    """Each check on a line, with what to do below it."""
    width = max(len(one.what) for one in checks)
    for one in checks:
        yield line((f"{WORDS[one.state]:7}", STYLES[one.state]), f"  {one.what:{width}}  {one.found}")
        yield from (line(text, depth=6) for text in one.remedy.splitlines())
    stops = sum(one.state is State.STOP for one in checks)
    unknown = sum(one.state is State.UNKNOWN for one in checks)
    yield line(f"{count(len(checks), 'check')}: {count(stops, 'error')}, {unknown} unknown")
