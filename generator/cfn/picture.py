"""Pictures as SVG: the nested stacks of an environment, and the resources of one stack.

What is needed stands left of what needs it; who sends requests, who releases, and who may use what is drawn over it.

Everything follows from the templates: an arrow stands for references, and what kind it is, the type of the resource in
which they stand. The review draws its changes into the same picture.
"""

import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from generator.cfn.graph import child_dependencies, dependencies, givers, references
from generator.cfn.templates import Child, Template

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 156, 62, 44, 20, 14  # of a box and between boxes, in pixels
LINE = 24  # characters of a description on a line
NEEDS, REQUEST, RELEASE, PERMISSION = "needs", "request", "release", "permission"
# What an arrow means, as the legend says it.
LEGEND = {REQUEST: "requests", RELEASE: "releases", PERMISSION: "may use (permissions)", NEEDS: "is needed by"}
# The kind of what a resource refers to in another stack, by its type. A distribution and a record lead to what they
# name; a service stands behind the target group that it names.
REQUESTING = ("AWS::CloudFront::Distribution", "AWS::CloudFront::VpcOrigin", "AWS::Route53::RecordSet")
SERVING = ("AWS::ECS::Service", "AWS::ElasticBeanstalk::Environment")
RELEASING = ("AWS::CodePipeline::Pipeline",)
ROLES = ("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
KEY = "AWS::KMS::Key"
# Who stands outside, and the type of the resource that they meet.
ACTORS = {"viewers": ("AWS::CloudFront::Distribution", REQUEST), "git push": ("AWS::CodePipeline::Pipeline", RELEASE)}
STYLE = """
svg { background: #fff; --text: #1c2430; --dim: #5b6675; --line: #b9c2cd; --soft: #f5f7fa;
  --request: #2456b3; --release: #1a7f4b; --permission: #b3541e; }
@media (prefers-color-scheme: dark) { svg { background: #12161c; --text: #e3e8ef; --dim: #98a3b3; --line: #45505e;
  --soft: #1a2029; --request: #8ab4ff; --release: #5fd394; --permission: #f0a36b; } }
text { fill: var(--text); font: 12px system-ui, sans-serif; }
.name { font-weight: 700; font-size: 14px; } .says { fill: var(--dim); font-size: 11px; }
.title { font-size: 17px; font-weight: 700; }
rect { fill: var(--soft); stroke: var(--line); stroke-width: 1.5; } .optional rect { stroke-dasharray: 5 4; }
.actor rect { fill: none; stroke: var(--dim); }
.arrow { fill: none; stroke: var(--dim); stroke-width: 1.1; opacity: .4; }
.arrow.request { stroke: var(--request); stroke-width: 2.2; opacity: 1; }
.arrow.release { stroke: var(--release); stroke-width: 2.2; opacity: 1; }
.arrow.permission { stroke: var(--permission); stroke-width: 1.4; stroke-dasharray: 2 3; opacity: .9; }
.tip.needs { fill: var(--dim); } .tip.request { fill: var(--request); } .tip.release { fill: var(--release); }
.tip.permission { fill: var(--permission); }
"""
Changes = Mapping[str, tuple[int, str]]


@dataclass(frozen=True)
class Box:
    """One thing: its name, what it is for, whether an environment may be without it, and what kind of box it is
    (`stack`, `resource`, `actor`)."""

    name: str
    description: str
    optional: bool = False
    kind: str = "stack"


@dataclass(frozen=True)
class Arrow:
    """From one box to another; `kind` is one of `LEGEND`."""

    start: str
    end: str
    kind: str = NEEDS


def stacks_picture(root: Template, changes: Changes | None = None, *, title: str = "") -> str:
    """The nested stacks of a root. `changes` says for a stack how many resources change, and a class for its colour
    (good, look, bad). With a `title` the picture stands for itself, with a legend and colours of its own."""
    needs = child_dependencies(root)
    children = {child.resource.logical_id: child for child in root.children()}
    boxes = [
        Box(name, root.resources[name].description.removeprefix("Nested stack: "), bool(root.resources[name].condition))
        for name in sorted(needs)
    ]
    arrows = list(dict.fromkeys(_between(root, children)))
    drawn = {frozenset((arrow.start, arrow.end)) for arrow in arrows if arrow.kind != PERMISSION}
    arrows = [arrow for arrow in arrows if arrow.kind != PERMISSION or frozenset((arrow.start, arrow.end)) not in drawn]
    drawn |= {frozenset((arrow.start, arrow.end)) for arrow in arrows}
    plain = [Arrow(need, name) for name in sorted(needs) for need in sorted(_direct(name, needs))]
    actors = {}
    for actor, (kind, how) in ACTORS.items():
        for name, child in children.items():
            if any(resource.type == kind for resource in child.template.resources.values()):
                actors[actor] = name
                arrows.append(Arrow(actor, name, how))
    arrows = [*(arrow for arrow in plain if frozenset((arrow.start, arrow.end)) not in drawn), *arrows]
    return _draw(boxes, needs, arrows, actors, changes or {}, title)


def resources_picture(template: Template, title: str) -> str:
    """The resources of one stack, by what they need of each other."""
    needs = dependencies(template)
    boxes = [
        Box(
            name,
            template.resources[name].type.removeprefix("AWS::"),
            bool(template.resources[name].condition),
            "resource",
        )
        for name in sorted(needs)
    ]
    arrows = [Arrow(need, name) for name in sorted(needs) for need in sorted(_direct(name, needs))]
    return _draw(boxes, needs, arrows, {}, {}, title)


def _between(root: Template, children: Mapping[str, Child]) -> Iterator[Arrow]:
    """The arrows between nested stacks that are more than a need."""
    by_template = {child.template.name: name for name, child in children.items()}
    keys = {name for name, child in children.items() if any(r.type == KEY for r in child.template.resources.values())}
    for name, child in children.items():
        sources = {
            parameter: {
                by_template[each.template] for each in givers(root, child, parameter) if each.section == "Outputs"
            }
            for parameter in child.parameters
        }
        for reference in references(child.template):
            section, _, resource = reference.source.partition(".")
            if section != "Resources" or reference.how == "Condition":
                continue
            kind = child.template.resources[resource].type
            for other in sorted(sources.get(reference.target, ())):
                if kind in REQUESTING and "Logging" not in reference.place:
                    yield Arrow(name, other, REQUEST)
                elif kind in SERVING and "Balanc" in str(reference.place):
                    yield Arrow(other, name, REQUEST)
                elif kind in RELEASING and other not in keys and _acts(reference.place):
                    yield Arrow(name, other, RELEASE)
                elif kind in ROLES and other not in keys:  # the key is everybody's: it would hide the rest
                    yield Arrow(name, other, PERMISSION)


def _acts(place: Sequence[str | int]) -> bool:
    """Whether a place in a pipeline is what an action works on."""
    return "Configuration" in place


def _draw(
    boxes: Sequence[Box],
    needs: Mapping[str, Iterable[str]],
    arrows: Sequence[Arrow],
    actors: Mapping[str, str],
    changes: Changes,
    title: str,
) -> str:
    places = _places(needs, set(actors.values()))
    top = (46 if title else 0) + (HEIGHT / 2 + 26 if actors else 0)
    corners = {
        name: (MARGIN + column * (WIDTH + GAP_X), MARGIN + top + row * (HEIGHT + GAP_Y))
        for name, (column, row) in places.items()
    }
    for actor, name in actors.items():
        corners[actor] = corners[name][0], MARGIN + (46 if title else 0)
    width = MARGIN + max(x for x, _ in corners.values()) + WIDTH
    height = MARGIN + max(y for _, y in corners.values()) + HEIGHT
    label = _text(title or "nested stacks and what they need")
    size = f' xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"' if title else ""
    parts = [f'<svg{size} viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{label}">']
    if title:
        parts += [f"<style>{STYLE}</style>", f'<text class="title" x="{MARGIN}" y="30">{_text(title)}</text>']
    kinds = [kind for kind in LEGEND if any(arrow.kind == kind for arrow in arrows)]
    for kind in kinds:
        tip = f'<path class="tip {kind}" d="M0 0L8 4L0 8z"/>'
        parts.append(
            f'<marker id="{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"'
            f' markerUnits="userSpaceOnUse">{tip}</marker>'
        )
    parts += [_arrow(arrow, corners, arrow.start in actors) for arrow in arrows]
    everything = [*boxes, *(Box(actor, "", kind="actor") for actor in actors)]
    parts += [_box(box, corners[box.name], changes.get(box.name)) for box in everything]
    if title and len(kinds) > 1:
        parts += _legend(kinds, width)
    return "\n".join([*parts, "</svg>"])


def _places(needs: Mapping[str, Iterable[str]], first: Iterable[str]) -> dict[str, tuple[int, float]]:
    """Column and row of each box: behind everything that it needs, each column centred, near what it needs; those in
    `first` at the top."""
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
        above = number and set(first) & rows.keys()
        start = 0.0 if above else (highest - len(rows)) / 2
        for row, name in enumerate(sorted(rows, key=lambda name: (name not in first, rows[name], name))):
            places[name] = (number, start + row)
    return places


def _middle(rows: list[float]) -> float:
    return sum(rows) / len(rows) if rows else 0.0


def _direct(name: str, needs: Mapping[str, Iterable[str]]) -> set[str]:
    """What a box needs that nothing else of what it needs brings along."""

    def everything(start: str) -> set[str]:
        return {start}.union(*(everything(need) for need in needs[start]))

    return set(needs[name]) - {far for need in needs[name] for far in everything(need) - {need}}


def _arrow(arrow: Arrow, corners: Mapping[str, tuple[float, float]], down: bool) -> str:
    (x1, y1), (x2, y2) = corners[arrow.start], corners[arrow.end]
    if down:
        middle, bottom = x1 + WIDTH / 2, y1 + HEIGHT / 2
        way = f"M{middle:.0f} {bottom:.0f}L{middle:.0f} {y2:.0f}"
    else:  # who needs something stands right of it, so never in the same column
        right = x2 > x1
        # Arrows against the direction of the needs keep to the lower part of a box.
        height = HEIGHT * (0.5 if right else 0.72)
        start_x, end_x = (x1 + WIDTH, x2) if right else (x1, x2 + WIDTH)
        bend = max(30.0, abs(end_x - start_x) / 2) * (1 if right else -1)
        way = (
            f"M{start_x:.0f} {y1 + height:.0f}C{start_x + bend:.0f} {y1 + height:.0f}"
            f" {end_x - bend:.0f} {y2 + height:.0f} {end_x:.0f} {y2 + height:.0f}"
        )
    return f'<path class="arrow {arrow.kind}" marker-end="url(#{arrow.kind})" d="{way}"/>'


def _box(box: Box, corner: tuple[float, float], change: tuple[int, str] | None) -> str:
    x, y = corner
    if box.kind == "actor":
        height, middle = HEIGHT / 2, x + WIDTH / 2
        return (
            f'<g class="actor"><rect x="{x:.0f}" y="{y:.0f}" width="{WIDTH}" height="{height:.0f}" rx="15"/>'
            f'<text class="name" text-anchor="middle" x="{middle:.0f}" y="{y + 20:.0f}">{_text(box.name)}</text></g>'
        )
    count, weight = change or (0, "")
    lines = "".join(
        f'<text class="says" x="{x + 10:.0f}" y="{y + 37 + 14 * number:.0f}">{_text(text)}</text>'
        for number, text in enumerate(textwrap.wrap(box.description, LINE, max_lines=2, placeholder=" …"))
    )
    badge = (
        f'<text class="badge" x="{x + WIDTH - 10:.0f}" y="{y + 21:.0f}" text-anchor="end">{count}</text>'
        if count
        else ""
    )
    name = box.name if len(box.name) <= LINE - 4 else f"{box.name[: LINE - 5]}…"
    body = (
        f"<title>{_text(box.name)}: {_text(box.description)}</title>"
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
        f'<text class="name" x="{x + 10:.0f}" y="{y + 21:.0f}">{_text(name)}</text>{badge}{lines}'
    )
    optional = " optional" if box.optional else ""
    if box.kind == "resource":
        return f'<g class="resource{optional}">{body}</g>'
    return f'<a class="stack {weight}{optional}" href="#stack-{_text(box.name)}">{body}</a>'


def _legend(kinds: Sequence[str], width: float) -> Iterator[str]:
    place = width - MARGIN
    for kind in reversed(kinds):
        place -= 7.0 * len(LEGEND[kind]) + 50
        yield f'<path class="arrow {kind}" marker-end="url(#{kind})" d="M{place:.0f} 26L{place + 34:.0f} 26"/>'
        yield f'<text x="{place + 42:.0f}" y="30">{LEGEND[kind]}</text>'


def _text(value: str) -> str:
    """A text in which nothing is markup, and every character can be seen."""
    shown = (
        sign.encode("unicode_escape").decode() if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") else sign
        for sign in value
    )
    return escape("".join(shown), quote=True)
