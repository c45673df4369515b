"""An outline as Markdown for a comment: the verdict in the first five lines, the rest folded, never too long.

Nothing that a pull request puts into names or values becomes markup: values stand in code spans that they cannot end,
our own words are escaped, links, mentions, images, pictures of a name and formulas included.
"""

import re
from collections.abc import Iterator, Sequence

from generator.cfn.visible import visible
from scripts.review.model import Review
from scripts.review.outline import Detail, Entry, Outline, Section, Span, alike_environments, outline
from scripts.review.verdict import BAD, GOOD, LOOK
from scripts.terminal.markup import code, escaped

LIMIT = 60_000  # characters; a comment on GitHub takes 65,536
MARKS = {GOOD: "✅", LOOK: "🔶", BAD: "🛑"}


def markdown(review: Review, limit: int = LIMIT) -> str:
    """The review as Markdown of at most `limit` characters: with everything, or with as much detail as fits. What is
    left out is said, with the command that shows it."""
    groups = alike_environments(review)
    whole = _text(outline(review, groups=groups))
    for detail in sorted(Detail, reverse=True):
        lines = whole if detail == Detail.FULL else _text(outline(review, detail, groups))
        room = limit if detail == Detail.FULL else limit - len(_left_out(review, 0))
        if sum(map(len, lines)) + len(lines) <= room:
            break
    else:
        lines = _cut(lines, limit - len(_left_out(review, 10**9)))
    if len(lines) < len(whole) or lines != whole:
        lines = [*lines, _left_out(review, max(len(whole) - len(lines), 1))]
    return "\n".join(lines) + "\n"


def _left_out(review: Review, count: int) -> str:
    head = f" {review.head}" if " " not in review.head else ""
    return f"\n{count} lines are left out here; the whole is shown by {code(f'delivery review {review.base}{head}')}."


def _cut(lines: Sequence[str], limit: int) -> list[str]:
    kept, length, opened = [], 0, 0
    for line in lines:
        length += len(line) + 1
        if length > limit - 40 * (opened + 1):
            break
        kept.append(line)
        opened += line.count("<details>") - line.count("</details>")
    return [*kept, *["", "</details>"] * opened]


def _text(content: Outline) -> list[str]:
    lines = [f"- {MARKS[entry.weight]} {_spans(entry.spans)}" for entry in content.verdict]
    for section in content.sections:
        lines += _section(section, 2)
    return lines


def _section(section: Section, level: int) -> Iterator[str]:
    if section.folded:
        yield from ("", f"<details><summary>{_html(section.title)}</summary>", "")
    else:
        yield from ("", f"{'#' * min(level, 6)} {escaped(section.title)}", "")
    for entry in section.entries:
        yield from _entry(entry)
    for inner in section.sections:
        yield from _section(inner, level + 1)
    if section.folded:
        yield from ("", "</details>")


def _entry(entry: Entry) -> Iterator[str]:
    first = entry.spans[0].text if entry.spans else ""
    depth = "  " if first.isspace() else ""
    mark = f"{MARKS[entry.weight]} " if entry.weight == BAD else ""
    yield f"{depth}- {mark}{_spans(entry.spans).lstrip()}"
    if entry.difference:
        inner = [visible(line) for line in entry.difference]
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", "\n".join(inner))), default=0))
        yield from ("", f"{depth}  {fence}diff", *(f"{depth}  {line}" for line in inner), f"{depth}  {fence}", "")


def _spans(spans: Sequence[Span]) -> str:
    return "".join(_span(span) for span in spans)


def _span(span: Span) -> str:
    if span.kind == "code":
        return code(span.text)
    body = escaped(span.text)
    if span.kind == "strong" and body.strip():
        before, after = body[: len(body) - len(body.lstrip())], body[len(body.rstrip()) :]
        return f"{before}**{body.strip()}**{after}"
    return body


def _html(text: str) -> str:
    from html import escape

    return escape(visible(text)).replace("@", "@\u200b")
