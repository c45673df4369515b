"""An outline as lines for a terminal."""

from collections.abc import Iterator

from scripts.review.model import Review
from scripts.review.outline import Entry, Section, outline
from scripts.review.verdict import BAD, GOOD, LOOK
from scripts.terminal.text import BOLD, GREEN, RED, YELLOW, Line, line

STYLES = {GOOD: GREEN, LOOK: YELLOW, BAD: RED}
MARKS = {GOOD: "ok", LOOK: "look", BAD: "stop"}


def lines(review: Review) -> Iterator[Line]:
    """The verdict, then every section; nothing is folded on a terminal but what is harmless in many places."""
    content = outline(review)
    for entry in content.verdict:
        mark = (f"{MARKS[entry.weight]}: ", STYLES[entry.weight])
        yield line(mark, *((span.text, BOLD if span.kind == "strong" else "") for span in entry.spans))
    for section in content.sections:
        yield line("")
        yield from _section(section, 0)


def _section(section: Section, depth: int) -> Iterator[Line]:
    yield line((section.title, BOLD), depth=depth)
    for entry in section.entries:
        yield from _entry(entry, depth + 1)
    for inner in section.sections:
        yield from _section(inner, depth + 1)


def _entry(entry: Entry, depth: int) -> Iterator[Line]:
    inner = bool(entry.spans) and entry.spans[0].text.isspace()
    spans = entry.spans[1:] if inner else entry.spans
    style = STYLES[entry.weight] if entry.weight != GOOD else ""
    yield line(*((span.text, style) for span in spans), depth=depth + inner)
    for text in entry.difference:
        colour = GREEN if text[:1] == "+" else RED if text[:1] == "-" else ""
        yield line((text, colour), depth=depth + inner + 1)
