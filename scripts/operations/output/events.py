"""The events of operations, as lines for a terminal and as a document."""

from collections.abc import Iterable, Iterator
from typing import Any

from scripts.deployment.follow import Event
from scripts.operations.output.terminal import Paint, plain


def event_lines(root: str, events: Iterable[Event], paint: Paint = plain) -> Iterator[str]:
    """One line an event: when, what happened, where, and AWS's reason."""
    yield paint(root, "bold")
    for event in events:
        where = " > ".join(event.path) or root
        line = f"  {event.time:%Y-%m-%d %H:%M:%S}  {event.status}  {where}  {event.type}"
        yield paint(line, "red") if event.failed else line
        if event.reason:
            yield f"      {event.reason}"


def event_document(event: Event) -> dict[str, Any]:
    """One event for programs."""
    return {
        "time": event.time.isoformat(),
        "path": list(event.path),
        "type": event.type,
        "status": event.status,
        "reason": event.reason,
        "physical_id": event.physical_id,
    }
