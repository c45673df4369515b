"""`events`: what happened, over all nested stacks, in the order of time."""

from argparse import ArgumentParser

from scripts.deployment.errors import Exit
from scripts.operations.diagnose import history
from scripts.operations.output import formats
from scripts.operations.output.events import event_document, event_lines
from scripts.operations.run import Run, say


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of `events`."""
    parser.add_argument(
        "--stack", default="", metavar="PATH", help="one stack only, such as Backend (default: all roots)"
    )
    parser.add_argument(
        "--operation", choices=("last", "all"), default="last", help="the last operation, or all (default: last)"
    )
    parser.add_argument("--since", metavar="WHEN", help="30m, 2h, 7d, or a time such as 2026-11-23T12:00 (UTC)")
    parser.add_argument("--failed", action="store_true", help="failures only")
    formats.add(parser)


def run(run: Run) -> Exit:
    """Every root's events, or those of one stack."""
    given, documents = run.given, {}
    since = history.since(given.since) if given.since else None
    for subject in history.subjects(run, given.stack):
        read = history.last if given.operation == "last" else history.everything
        events = [
            one
            for one in read(run.of(subject.wanted).aws, subject.stack)
            if (since is None or one.time >= since) and (one.failed or not given.failed)
        ]
        if given.format == formats.JSON:
            documents[subject.name] = [event_document(one) for one in events]
        else:
            nothing = f"{subject.name}: {'no failures' if given.failed else 'no events'}"
            say(event_lines(subject.name, events) if events else [nothing])
    if given.format == formats.JSON:
        formats.show(documents)
    return Exit.DONE
