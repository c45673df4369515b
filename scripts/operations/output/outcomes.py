"""How an operation ended, and how stacks stand, as lines for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from generator.cfn.templates import Template
from scripts.deployment.execute import Outcome
from scripts.deployment.stacks import Stack
from scripts.operations.diagnose.cause import Cause
from scripts.operations.output.terminal import Paint, count, plain, short

ARN = 160  # characters; an output that is longer is a document


def outcome_lines(outcome: Outcome, paint: Paint = plain) -> Iterator[str]:
    """How it ended, with the one cause when it failed."""
    seconds = f"{outcome.seconds:.1f} s" if outcome.seconds < 100 else f"{outcome.seconds / 60:.0f} min"
    line = f"{outcome.stack} {outcome.held.meaning.text} ({outcome.status}, {seconds})"
    yield paint(line, "green" if outcome.good else "red")
    if outcome.cause:
        yield from cause_lines(outcome.cause, paint)
    if outcome.obstacle:
        yield "  rollback failed at:"
        yield from cause_lines(outcome.obstacle, paint)
    if outcome.retained:
        yield f"  retained, as the template says: {', '.join(' > '.join(path) for path in outcome.retained)}"
    if outcome.held.remedy:
        yield f"  {outcome.held.remedy}"


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """How it ended, for programs."""
    return {
        "stack": outcome.stack,
        "status": outcome.status,
        "meaning": outcome.held.meaning.text,
        "good": outcome.good,
        "seconds": round(outcome.seconds, 1),
        "cause": asdict(outcome.cause) if outcome.cause else None,
        "obstacle": asdict(outcome.obstacle) if outcome.obstacle else None,
        "retained": [list(path) for path in outcome.retained],
        "remedy": outcome.held.remedy,
    }


def cause_lines(cause: Cause, paint: Paint = plain) -> Iterator[str]:
    """The one cause: where, what for, why, where it is made, what to do."""
    yield paint(f"  {' > '.join(cause.path)}", "bold") + f"  {cause.type}"
    if cause.sentence:
        yield f"    purpose: {cause.sentence}"
    yield f"    reason: {cause.reason}"
    yield from (f"      {line}" for line in cause.said)
    if cause.place or cause.module:
        yield f"    defined in: {cause.place or cause.module}"
    if cause.remedy:
        yield f"    next step: {cause.remedy}"


def output_lines(stack: Stack, region: str, root: Template | None = None, paint: Paint = plain) -> Iterator[str]:
    """The outputs, and where the stack can be looked at: whole with what they are when the template is given, otherwise
    each on a line."""
    shown = dict(stack.outputs)
    if region:
        # The form of the console's addresses: CloudFormation User Guide, "Quick-create links", for stacks alike.
        console = f"https://{region}.console.aws.amazon.com/cloudformation/home?region={region}"
        shown["(console)"] = f"{console}#/stacks/stackinfo?stackId={stack.id}"
    width = max(map(len, shown), default=0)
    for name, value in sorted(shown.items()):
        about = root.outputs.get(name, {}).get("Description", "") if root else ""
        yield f"  {name:{width}}  {value if root else short(value, ARN)}" + (
            paint(f"  {about}", "dim") if about else ""
        )


def status_lines(stack: Stack | None, name: str, children: Mapping[str, str], paint: Paint = plain) -> Iterator[str]:
    """A stack and its nested stacks as they stand."""
    if stack is None:
        yield f"{name} does not exist"
        return
    yield (paint(f"{name} {stack.meaning.text}", "bold") + f" ({stack.status}, {stack.since})")
    yield from (f"  {child:{max(map(len, children))}}  {status}" for child, status in sorted(children.items()))
    if stack.remedy:
        yield f"  {stack.remedy}"


def local_aws_line(page: str, unheld: Sequence[Mapping[str, str]]) -> str:
    """Where the local AWS is, and how many of the deployed property values it does not simulate."""
    types = len({one["Type"] for one in unheld})
    values = f"{count(len(unheld), 'property value')} of {count(types, 'resource type')}"
    verb = "is" if len(unheld) == 1 else "are"
    simulated = f"{values} {verb} not simulated" if unheld else "all property values are simulated"
    return f"local AWS: {page}  {simulated}"
