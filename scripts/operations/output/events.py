"""The events of operations, as lines for a terminal and as a document."""

from collections.abc import Iterable, Iterator
from typing import Any

from scripts.operations.following import Event
from scripts.terminal.text import BOLD, PLAIN, RED, Line, line


def event_lines(root: str, events: Iterable[Event]) -> Iterator[Line]:
    """One line an event: when, what happened, where, and AWS's reason."""
    yield line((root, BOLD))
    for event in events:
        where = " > ".join(event.path) or root
        text = f"{event.time:%Y-%m-%d %H:%M:%S}  {event.status}  {where}  {event.type}"
        yield line((text, RED if event.failed else PLAIN), depth=1)
        if event.reason:
            yield line(event.reason, depth=3)


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
