"""The nested stacks of an environment as an SVG: who needs whom from left to right, what changes in colour."""

import textwrap
from collections.abc import Mapping
from html import escape

from generator.cfn.graph import child_dependencies
from generator.cfn.templates import Template
from scripts.terminal.text import visible

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 156, 62, 56, 18, 12  # of a box and between boxes, in pixels
LINE = 24  # characters of a description on a line


def svg(root: Template, changes: Mapping[str, tuple[int, str]]) -> str:
    """The picture of a root's nested stacks. `changes` says for a stack how many resources change, and a class for its
    colour (good, look, bad)."""
    needs = child_dependencies(root)
    places = _places(needs)
    columns, rows = (max(place[axis] for place in places.values()) + 1 for axis in (0, 1))
    width = 2 * MARGIN + columns * WIDTH + (columns - 1) * GAP_X
    height = 2 * MARGIN + rows * HEIGHT + (rows - 1) * GAP_Y
    parts = [f'<svg viewBox="0 0 {width} {height:.0f}" role="img" aria-label="nested stacks and what they need">']
    for name in sorted(needs):
        for need in sorted(_direct(name, needs)):
            parts.append(_arrow(_corner(places[need]), _corner(places[name])))
    parts += [_box(root, name, _corner(places[name]), changes.get(name)) for name in sorted(needs)]
    return "\n".join([*parts, "</svg>"])


def _places(needs: Mapping[str, frozenset[str]]) -> dict[str, tuple[int, float]]:
    """Column and row of each stack: behind everything that it needs, each column centred, near what it needs."""
    columns: dict[str, int] = {}

    def column(name: str) -> int:
        if name not in columns:
            columns[name] = 1 + max((column(need) for need in needs[name]), default=-1)
        return columns[name]

    members: dict[int, list[str]] = {}
    for name in sorted(needs):
        members.setdefault(column(name), []).append(name)
    highest = max(map(len, members.values()))
    places: dict[str, tuple[int, float]] = {}
    for number in sorted(members):
        rows = {name: _middle([places[need][1] for need in _direct(name, needs)]) for name in members[number]}
        start = (highest - len(rows)) / 2
        for row, name in enumerate(sorted(rows, key=lambda name: (rows[name], name))):
            places[name] = (number, start + row)
    return places


def _middle(rows: list[float]) -> float:
    return sum(rows) / len(rows) if rows else 0.0


def _direct(name: str, needs: Mapping[str, frozenset[str]]) -> set[str]:
    """What a stack needs that nothing else of what it needs brings along."""

    def everything(start: str) -> set[str]:
        return {start}.union(*(everything(need) for need in needs[start]))

    return set(needs[name]) - {far for need in needs[name] for far in everything(need) - {need}}


def _corner(place: tuple[int, float]) -> tuple[float, float]:
    return MARGIN + place[0] * (WIDTH + GAP_X), MARGIN + place[1] * (HEIGHT + GAP_Y)


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    x1, y1, x2, y2 = start[0] + WIDTH, start[1] + HEIGHT / 2, end[0], end[1] + HEIGHT / 2
    bend = max(28.0, (x2 - x1) / 2)
    curve = f"C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
    return f'<path class="arrow" d="M{x1:.0f} {y1:.0f}{curve}"/>'


def _box(root: Template, name: str, corner: tuple[float, float], change: tuple[int, str] | None) -> str:
    x, y = corner
    resource = root.resources[name]
    optional = " optional" if resource.condition else ""
    count, weight = change or (0, "")
    descriptions = textwrap.wrap(resource.description.removeprefix("Nested stack: "), LINE)[:2]
    lines = "".join(
        f'<text class="says" x="{x + 10:.0f}" y="{y + 37 + 14 * number:.0f}">{_text(text)}</text>'
        for number, text in enumerate(descriptions)
    )
    badge = (
        f'<text class="badge" x="{x + WIDTH - 10:.0f}" y="{y + 21:.0f}" text-anchor="end">{count}</text>'
        if count
        else ""
    )
    body = (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
        f'<text class="name" x="{x + 10:.0f}" y="{y + 21:.0f}">{_text(name)}</text>{badge}{lines}'
    )
    return f'<a class="stack {weight}{optional}" href="#stack-{_text(name)}">{body}</a>'


def _text(value: str) -> str:
    return escape(visible(value), quote=True)
