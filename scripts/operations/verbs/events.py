"""`events`: what happened, over all nested stacks, in the order of time."""

from argparse import ArgumentParser
from dataclasses import dataclass

from scripts.deployment.errors import Exit
from scripts.operations.diagnose import history
from scripts.operations.options import JSON, TERMINAL, format_argument
from scripts.operations.output.events import event_document, event_lines
from scripts.operations.run import Run, say
from scripts.terminal import results


@dataclass(frozen=True)
class Options:
    """What is shown of the events."""

    stack: str = ""
    operation: str = "last"
    since: str | None = None
    failed: bool = False
    format: str = TERMINAL


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
    format_argument(parser)


def run(run: Run, options: Options) -> Exit:
    """Every root's events, or those of one stack."""
    documents = {}
    since = history.since(options.since) if options.since else None
    for subject in history.subjects(run, options.stack):
        read = history.last_events if options.operation == "last" else history.all_events
        events = [
            event
            for event in read(run.at(subject.environment).aws, subject.stack)
            if (since is None or event.time >= since) and (event.failed or not options.failed)
        ]
        if options.format == JSON:
            documents[subject.name] = [event_document(event) for event in events]
        else:
            nothing = f"{subject.name}: {'no failures' if options.failed else 'no events'}"
            say(event_lines(subject.name, events) if events else [nothing])
    if options.format == JSON:
        results.show(documents)
    return Exit.DONE
