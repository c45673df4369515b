"""A review as one page: no file, font or script from elsewhere; light and dark, from a phone to a wide screen."""

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from generator.cfn.environments import ENVIRONMENT
from generator.cfn.picture import stacks_picture
from generator.cfn.templates import TemplateSet
from generator.cfn.visible import visible
from scripts.review.model import REMOVED, REPLACED, TAKEN, Review
from scripts.review.outline import Entry, Section, Span, outline
from scripts.review.table import KINDS, Row, rows
from scripts.review.verdict import BAD, GOOD, LOOK

COLUMNS = ("Name", "Kind", "What happens", "Detail", "Environments")
MARKS = {GOOD: "ok", LOOK: "look", BAD: "stop"}
STYLE = Path(__file__).with_name("page.css")
SCRIPT = Path(__file__).with_name("page.js")
TOOLS = (
    '<p class="tools"><input id="filter" type="search" placeholder="Show only lines with …" aria-label="filter">'
    '<button id="open" type="button">Open all</button></p>'
)
# The page shows what a pull request says: nothing in it may load or send anything.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


def page(review: Review, templates: TemplateSet, links: str = "") -> str:
    """The page. `templates` are the new ones: the picture is drawn from them. `links` is the address under which the
    files of the new revision are shown (`https://host/owner/name/blob/COMMIT`); without one, places are texts."""
    content = outline(review)
    parts = [
        *_head(review),
        '<main><ul class="verdict">',
        *map(_verdict, content.verdict),
        "</ul>",
        *_picture(review, templates),
        TOOLS,
        *_table(rows(review), links),
        *(line for section in content.sections for line in _section(section, 2, links)),
        f"</main><script>{SCRIPT.read_text(encoding='utf-8')}</script></body></html>",
    ]
    return "\n".join(parts)


def _head(review: Review) -> Iterator[str]:
    head, base = _text(review.head), _text(review.base)
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield f"<title>Review: {head} against {base}</title>"
    yield f"<style>{STYLE.read_text(encoding='utf-8')}</style></head><body>"
    yield f"<header><h1>Review</h1><p><code>{head}</code> against <code>{base}</code></p></header>"


def _verdict(entry: Entry) -> str:
    mark = f'<b class="mark">{MARKS[entry.weight]}</b>'
    return f'<li class="{entry.weight}">{mark}<span>{_spans(entry.spans)}</span></li>'


def _picture(review: Review, templates: TemplateSet) -> Iterator[str]:
    if ENVIRONMENT not in templates:
        return
    yield from ('<figure id="picture">', stacks_picture(templates[ENVIRONMENT], _changes(review)), "<figcaption>")
    yield "Blue: requests. Green: releases. Dotted: may use. Grey: is needed by. A dashed box can be left out."
    yield "The number counts the resources that change."
    yield "</figcaption></figure>"


def _changes(review: Review) -> Mapping[str, tuple[int, str]]:
    """By nested stack: in how many of its resources something happens, and how much it matters."""
    stacks: dict[str, dict[str, str]] = {}
    order = (GOOD, LOOK, BAD)
    for environment in review.changed:
        stops = {grant.holder for grant in environment.broader} | {risk.path for risk in environment.risks}
        for change in environment.resources:
            stack, _, name = change.path.partition(".")
            hurts = change.action in (REPLACED, REMOVED)
            bad = change.path in stops or change.effect == TAKEN or (hurts and change.value)
            weight = BAD if bad else LOOK if hurts else GOOD
            members = stacks.setdefault(stack, {})
            members[name] = max(weight, members.get(name, GOOD), key=order.index)
    return {stack: (len(members), max(members.values(), key=order.index)) for stack, members in stacks.items()}


def _table(lines: Sequence[Row], links: str) -> Iterator[str]:
    """The changes as a table, with a choice of environment and kind; nothing where there are none."""
    if not lines:
        return
    names = sorted({name for row in lines for name in row.environments})
    kinds = [kind for kind in KINDS if any(row.kind == kind for row in lines)]
    yield '<section id="changes"><div class="tools"><h2>All changes</h2>'
    yield from _choice("environment", "All environments", names)
    yield from _choice("kind", "All kinds", kinds)
    yield f'<output id="count">{len(lines)} of {len(lines)}</output></div><div class="rows"><table>'
    heads = "".join(f'<th scope="col">{title}</th>' for title in COLUMNS)
    yield f"<thead><tr>{heads}</tr></thead><tbody>"
    yield from (_row(row, names, links) for row in lines)
    yield "</tbody></table></div></section>"


def _choice(name: str, everything: str, values: Sequence[str]) -> Iterator[str]:
    options = "".join(f'<option value="{_text(value)}">{_text(value)}</option>' for value in values)
    yield f'<select id="{name}" aria-label="{name}"><option value="">{everything}</option>{options}</select>'


def _row(row: Row, names: Sequence[str], links: str) -> str:
    everywhere = "all" if len(names) > 1 and len(row.environments) == len(names) else ", ".join(row.environments)
    places = "".join(f" {_place(place, links)}" for place in row.places)
    cells = (
        f"<code>{_text(row.name)}</code>{places}",
        _text(row.kind),
        _text(row.what),
        f"<span>{_text(row.detail)}</span>",
        _text(everywhere),
    )
    labelled = "".join(f'<td data-label="{title}">{cell}</td>' for title, cell in zip(COLUMNS, cells, strict=True))
    within = _text(json.dumps(row.environments))
    return f'<tr class="{row.weight}" data-kind="{_text(row.kind)}" data-environments="{within}">{labelled}</tr>'


def _section(section: Section, level: int, links: str) -> Iterator[str]:
    name = section.title.partition(":")[0]
    opened = "" if section.folded else " open"
    mark = f' data-stack="{_text(name)}"' if level > 2 else ""
    yield f'<details class="level{level}"{mark}{opened}><summary>{_text(section.title)}</summary>'
    if section.entries:
        yield "<ul>"
        yield from (_entry(entry, links) for entry in section.entries)
        yield "</ul>"
    for inner in section.sections:
        yield from _section(inner, level + 1, links)
    yield "</details>"


def _entry(entry: Entry, links: str) -> str:
    inner = " inner" if entry.spans and entry.spans[0].text.isspace() else ""
    lines = "".join(f'<span class="{_sign(line)}">{_text(line)}\n</span>' for line in entry.difference)
    difference = f"<pre>{lines}</pre>" if lines else ""
    places = "".join(f" {_place(place, links)}" for place in entry.places)
    return f'<li class="{entry.weight}{inner}">{_spans(entry.spans)}{places}{difference}</li>'


def _place(place: str, links: str) -> str:
    file, _, number = place.partition(":")
    if not links.startswith("https://"):
        return f'<small class="place">{_text(place)}</small>'
    address = f"{links.rstrip('/')}/{file}#L{number}"
    return f'<a class="place" rel="noreferrer" href="{_text(address)}">{_text(place)}</a>'


def _sign(line: str) -> str:
    return {"+": "added", "-": "removed"}.get(line[:1], "same")


def _spans(spans: Sequence[Span]) -> str:
    tags = {"code": "code", "strong": "b"}
    return "".join(
        f"<{tags[span.kind]}>{_text(span.text)}</{tags[span.kind]}>" if span.kind in tags else _text(span.text)
        for span in spans
    )


def _text(value: str) -> str:
    return escape(visible(value), quote=True)
