"""`explain`: why the last operation failed, told later."""

from argparse import ArgumentParser
from dataclasses import dataclass, replace

from generator.cfn.statuses import DEPLOYED
from scripts.deployment.errors import Exit
from scripts.operations.diagnose import history
from scripts.operations.diagnose.cause import Cause, Diagnosis, FailureObserver, diagnose, template_at
from scripts.operations.diagnose.history import Subject
from scripts.operations.following import FollowedOutcome
from scripts.operations.options import JSON, TERMINAL, format_argument
from scripts.operations.output import outcomes
from scripts.operations.run import Run, say
from scripts.terminal import results

GOOD = {*DEPLOYED, "DELETE_COMPLETE"}


@dataclass(frozen=True)
class Options:
    """What is explained, and how it is shown."""

    stack: str = ""
    format: str = TERMINAL


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of `explain`."""
    parser.add_argument(
        "--stack", default="", metavar="PATH", help="one stack only, such as Backend (default: all roots)"
    )
    format_argument(parser)


def run(run: Run, options: Options) -> Exit:
    """The last operation of every root, or of one stack."""
    ends = [(subject, _ended(run, subject)) for subject in history.subjects(run, options.stack)]
    if options.format == JSON:
        documents = {subject.name: outcomes.outcome_document(*end) for subject, end in ends}
        results.show(documents)
        return Exit.DONE
    if not ends:
        say([f"{run.environment.stack} does not exist, and none was deleted in the last 90 days"])
    for _, (outcome, diagnosis) in ends:
        say(outcomes.outcome_lines(outcome, diagnosis))
    return Exit.DONE


def _ended(run: Run, subject: Subject) -> tuple[FollowedOutcome, Diagnosis]:
    aws = run.at(subject.environment).aws
    events = history.last_events(aws, subject.stack)
    observer = FailureObserver(aws, lambda _: None)
    observer.see(events)  # what is left of a failed service may still be asked
    template = template_at(subject.environment.root, subject.path) or subject.environment.root
    seconds = (events[-1].time - events[0].time).total_seconds() if events else 0.0
    stack, good = replace(subject.stack, name=subject.name), subject.stack.status in GOOD
    outcome = FollowedOutcome(stack, good, seconds, tuple(events))
    diagnosis = diagnose(outcome, template, observer.service_messages)
    before = (subject.environment.stack, *subject.path)
    return outcome, Diagnosis(_under(diagnosis.cause, before), _under(diagnosis.obstacle, before))


def _under(cause: Cause | None, before: tuple[str, ...]) -> Cause | None:
    return replace(cause, path=(*before, *cause.path[1:])) if cause else None
