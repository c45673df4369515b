"""How an operation ended, and how stacks stand, as lines for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from generator.cfn.stacks import Stack
from generator.cfn.templates import Template
from scripts.operations.diagnose.cause import Cause, Diagnosis
from scripts.operations.following import FollowedOutcome
from scripts.operations.releases.documents import Documented
from scripts.terminal.text import BOLD, DIM, GREEN, RED, Line, count, line, short

SUCCESS = Diagnosis()
ARN = 160  # characters; an output that is longer is a document


def outcome_lines(outcome: FollowedOutcome, diagnosis: Diagnosis = SUCCESS) -> Iterator[Line]:
    """How it ended, with the one cause when it failed."""
    seconds = f"{outcome.seconds:.1f} s" if outcome.seconds < 100 else f"{outcome.seconds / 60:.0f} min"
    text = f"{outcome.stack.name} {outcome.stack.meaning.text} ({outcome.status}, {seconds})"
    yield line((text, GREEN if outcome.good else RED))
    if diagnosis.cause:
        # While the rollback has failed, a deployment is refused: what to do about the first cause comes later.
        first = diagnosis.cause if diagnosis.obstacle is None else replace(diagnosis.cause, remedy="")
        yield from cause_lines(first)
    if diagnosis.obstacle:
        yield line("rollback failed at:", depth=1)
        yield from cause_lines(diagnosis.obstacle)
    if outcome.retained:
        yield line(
            f"retained, as the template says: {', '.join(' > '.join(path) for path in outcome.retained)}", depth=1
        )
    if outcome.stack.remedy:
        yield line(outcome.stack.remedy, depth=1)


def outcome_document(outcome: FollowedOutcome, diagnosis: Diagnosis = SUCCESS) -> dict[str, Any]:
    """How it ended, for programs."""
    return {
        "stack": outcome.stack.name,
        "status": outcome.status,
        "meaning": outcome.stack.meaning.text,
        "good": outcome.good,
        "seconds": round(outcome.seconds, 1),
        "cause": _cause_document(diagnosis.cause),
        "obstacle": _cause_document(diagnosis.obstacle),
        "retained": [list(path) for path in outcome.retained],
        "remedy": outcome.stack.remedy,
    }


def _cause_document(cause: Cause | None) -> dict[str, Any] | None:
    if cause is None:
        return None
    document = asdict(cause)
    messages = document.pop("service_messages")
    return {**document, "said": messages}


def cause_lines(cause: Cause) -> Iterator[Line]:
    """The one cause: where, what for, why, where it is made, what to do."""
    yield line((" > ".join(cause.path), BOLD), f"  {cause.type}", depth=1)
    if cause.sentence:
        yield line(f"purpose: {cause.sentence}", depth=2)
    yield line(f"reason: {cause.reason}", depth=2)
    yield from (line(text, depth=3) for text in cause.service_messages)
    if cause.place or cause.module:
        yield line(f"defined in: {cause.place or cause.module}", depth=2)
    if cause.remedy:
        yield line(f"next step: {cause.remedy}", depth=2)


def output_lines(stack: Stack, region: str, root: Template | None = None) -> Iterator[Line]:
    """The outputs, and where the stack can be looked at: whole with what they are when the template is given, otherwise
    each on a line."""
    shown = {name: value if root else short(value, ARN) for name, value in stack.outputs.items()}
    if region:
        # The form of the console's addresses: CloudFormation User Guide, "Quick-create links", for stacks alike.
        console = f"https://{region}.console.aws.amazon.com/cloudformation/home?region={region}"
        shown["(console)"] = f"{console}#/stacks/stackinfo?stackId={stack.id}"
    width = max(map(len, shown), default=0)
    for name, value in sorted(shown.items()):
        about = root.outputs.get(name, {}).get("Description", "") if root else ""
        text = line(f"{name:{width}}  {value}", depth=1)
        yield text.followed_by((f"  {about}", DIM)) if about else text


def status_lines(stack: Stack | None, name: str, children: Mapping[str, str], remedy: str) -> Iterator[Line]:
    """A stack and its nested stacks as they stand, and what a person does about it."""
    if stack is None:
        yield line(f"{name} does not exist")
        return
    yield line((f"{name} {stack.meaning.text}", BOLD), f" ({stack.status}, {stack.since})")
    width = max(map(len, children), default=0)
    yield from (line(f"{child:{width}}  {status}", depth=1) for child, status in sorted(children.items()))
    if remedy:
        yield line(remedy, depth=1)


def release_lines(release: Documented) -> Iterator[Line]:
    """The last good image, and where the documents about it lie."""
    yield line(f"last good image: {release.image or release.problem}", depth=1)
    yield from (line(f"{place.name}: {place.uri}", depth=2) for place in release.places)


def status_document(stack: Stack | None, name: str, children: Mapping[str, str], remedy: str) -> dict[str, Any]:
    """A stack and its nested stacks as they stand, for programs; `status` is null for one that does not exist."""
    if stack is None:
        return {"stack": name, "status": None, "meaning": "", "since": "", "remedy": "", "nested": {}}
    words = {"meaning": stack.meaning.text, "since": stack.since, "remedy": remedy}
    return {"stack": name, "status": stack.status, **words, "nested": dict(children)}


def local_aws_line(page: str, unheld: Sequence[Mapping[str, str]]) -> str:
    """Where the local AWS is, and how many of the deployed property values it does not simulate."""
    types = len({value["Type"] for value in unheld})
    values = f"{count(len(unheld), 'property value')} of {count(types, 'resource type')}"
    verb = "is" if len(unheld) == 1 else "are"
    simulated = f"{values} {verb} not simulated" if unheld else "all property values are simulated"
    return f"local AWS: {page}  {simulated}"
