"""`explain`: why the last operation failed, told later."""

from argparse import ArgumentParser
from dataclasses import replace

from scripts.deployment import statuses
from scripts.deployment.errors import Exit
from scripts.deployment.execute import Outcome, ended
from scripts.operations.diagnose import history
from scripts.operations.diagnose.cause import Cause, Witness, template_at
from scripts.operations.diagnose.history import Subject
from scripts.operations.output import formats, outcomes
from scripts.operations.run import Run, say

GOOD = {*statuses.DEPLOYED, "DELETE_COMPLETE"}


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of `explain`."""
    parser.add_argument(
        "--stack", default="", metavar="PATH", help="one stack only, such as Backend (default: all roots)"
    )
    formats.add(parser)


def run(run: Run) -> Exit:
    """The last operation of every root, or of one stack."""
    found = [(subject, _outcome(run, subject)) for subject in history.subjects(run, run.given.stack)]
    if run.given.format == formats.JSON:
        formats.show({subject.name: outcomes.outcome_document(one) for subject, one in found})
        return Exit.DONE
    if not found:
        say([f"{run.wanted.stack} does not exist, and none was deleted in the last 90 days"])
    for _, outcome in found:
        say(outcomes.outcome_lines(outcome))
    return Exit.DONE


def _outcome(run: Run, subject: Subject) -> Outcome:
    aws = run.of(subject.wanted).aws
    events = history.last(aws, subject.stack)
    witness = Witness(aws, lambda _: None)
    witness(events)  # what is left of a failed service may still be asked
    template = template_at(subject.wanted.root, subject.path)
    seconds = (events[-1].time - events[0].time).total_seconds() if events else 0.0
    good = subject.stack.status in GOOD
    outcome = ended(events, subject.stack, good, subject.name, template or subject.wanted.root, seconds, witness.said)
    before = (subject.wanted.stack, *subject.path)
    return replace(outcome, cause=_under(outcome.cause, before), obstacle=_under(outcome.obstacle, before))


def _under(cause: Cause | None, before: tuple[str, ...]) -> Cause | None:
    return replace(cause, path=(*before, *cause.path[1:])) if cause else None
