"""A review as an outline: sections and entries, the same for every renderer.

The verdict comes first. Environments to which the same happens share a section; the same change of many resources is
one entry; what only explains or repeats is folded.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from scripts.review import documents
from scripts.review.model import (
    ADDED,
    CHANGED,
    REMOVED,
    REPLACED,
    Deployed,
    EnvironmentReview,
    ParameterChange,
    QuotaChange,
    ReachChange,
    RequirementChange,
    ResourceChange,
    Review,
    ValueChange,
)
from scripts.review.verdict import ANY_ENVIRONMENT, BAD, GOOD, LOOK, alike, differs, dollars, verdict

DIGEST = re.compile(r"\b[0-9a-f]{16}\b")  # a computed value that stands for others: each environment has its own
MANY = 4  # resources with the same change that become one entry
SIGNS = {ADDED: "+", REMOVED: "-", REPLACED: "±", CHANGED: "~"}


class Detail(IntEnum):
    """How much an outline tells: everything, no inside of values, resources counted by stack."""

    FULL = 2
    NAMES = 1
    COUNTS = 0


@dataclass(frozen=True)
class Span:
    """A piece of a line: plain text, a value from outside (`code`), or what has to be seen (`strong`)."""

    text: str
    kind: str = "text"


@dataclass(frozen=True)
class Entry:
    """One line, the lines of a difference below it, and the places (`file:line`) that it is about."""

    spans: tuple[Span, ...]
    weight: str
    difference: tuple[str, ...]
    places: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A heading with entries and sections below it. `folded` sections are closed until somebody opens them."""

    title: str
    entries: tuple[Entry, ...]
    sections: tuple["Section", ...] = ()
    folded: bool = False


@dataclass(frozen=True)
class Outline:
    """The verdict's lines, then the sections."""

    verdict: tuple[Entry, ...]
    sections: tuple[Section, ...]


Groups = Sequence[tuple[list[str], EnvironmentReview]]


def outline(review: Review, detail: Detail = Detail.FULL, groups: Groups | None = None) -> Outline:
    """The outline of a review. Whoever makes several gives the same `groups`, of `alike_environments`."""
    lines = tuple(_entry(strong(f"{line.title}: "), text(line.text), weight=line.weight) for line in verdict(review))
    sections = [_environment(names, environment, detail) for names, environment in groups or alike_environments(review)]
    if review.deployed:
        sections.insert(0, _deployed(review.deployed))
    grants = (_entry(strong("broader: "), code(str(grant)), weight=BAD) for grant in review.latent_grants)
    for title, entries in (
        ("Who can reach what", list(map(_reach, review.reach))),
        ("Requirements", list(map(_requirement, review.requirements))),
        ("Limits that come near", list(map(_quota, review.quotas))),
        ("What may be chosen", [_value(change, detail) for change in review.choices]),
        ("Outputs, and what others read of the templates", [_value(change, detail) for change in review.interface]),
        ("In the templates, in no environment here", [*grants, *(_value(change, detail) for change in review.latent)]),
    ):
        if entries:
            sections.append(Section(title, tuple(entries), folded=len(entries) > MANY))
    if review.files:
        sections.append(_files(review.files, detail))
    return Outline(lines, tuple(sections))


def _deployed(deployed: Deployed) -> Section:
    """What is deployed, beside the change; what could not be asked is seen as well."""
    entries = []
    if deployed.status:
        commit = (code(deployed.commit[:12]),) if deployed.commit else (text("an unknown commit"),)
        entries.append(_entry(text("deployed from "), *commit, text(f" ({deployed.status})")))
    if deployed.missing:
        behind = f"{deployed.missing} of its commits are not in what is reviewed: deploying takes them back"
        entries.append(_entry(strong(behind), weight=BAD))
    for title, lines, weight in (
        ("changed outside the stacks, under the change: ", deployed.drifted, BAD),
        ("a plan says something else: ", deployed.different, BAD),
        ("since then: ", deployed.commits, GOOD),
        ("not known: ", deployed.unknown, LOOK),
    ):
        entries += [_entry(text(title), code(line), weight=weight) for line in lines]
    if deployed.drifted_elsewhere:
        entries.append(
            _entry(text(f"changed outside the stacks, elsewhere: {deployed.drifted_elsewhere}"), weight=LOOK)
        )
    if not (deployed.different or deployed.unknown):
        entries.append(_entry(text("a plan says the same")))
    return Section(f"What is deployed of {deployed.environment}", tuple(entries))


def text(value: str) -> Span:
    """Our own words."""
    return Span(value)


def code(value: str) -> Span:
    """A name or value that comes from outside."""
    return Span(value, "code")


def strong(value: str) -> Span:
    """Our own words, to be seen."""
    return Span(value, "strong")


def _entry(*spans: Span, weight: str = GOOD, difference: Iterable[str] = ()) -> Entry:
    return Entry(tuple(spans), weight, tuple(difference))


def alike_environments(review: Review) -> Groups:
    """The environments by what happens to them, with the first of each group to show it."""
    groups: dict[str, tuple[list[str], EnvironmentReview]] = {}
    for environment in review.changed:
        nameless = replace(environment, name="", cost=replace(environment.cost, before=None, after=None))
        key = re.sub(rf"\b{re.escape(environment.name)}\b", ANY_ENVIRONMENT, repr(nameless))
        key = DIGEST.sub("DIGEST", key)
        groups.setdefault(key, ([], environment))[0].append(environment.name)
    return list(groups.values())


def _environment(names: Sequence[str], environment: EnvironmentReview, detail: Detail) -> Section:
    note = f" (shown as {environment.name})" if len(names) > 1 else ""
    entries = [_entry(text("cannot be compared: "), code(problem), weight=BAD) for problem in environment.problems]
    if environment.state in (ADDED, REMOVED):
        sentences = {ADDED: "new: it has a parameter file from now on", REMOVED: "its parameter file is gone"}
        entries.append(_entry(text(sentences[environment.state]), weight=LOOK))
    if environment.cost.difference and differs(environment.cost):
        entries.append(_entry(text(f"cost: {dollars(environment.cost.difference)} US dollars a month")))
    sections = [
        Section("Data and addresses at risk", tuple(_risk(what, paths) for what, paths in alike(environment.risks))),
        Section("Weaker protection", tuple(_risk(what, paths) for what, paths in alike(environment.weaker))),
        Section("Parameters", tuple(entry for each in environment.parameters for entry in _parameter(each))),
        Section("Tags and stack policy", tuple(_value(change, detail) for change in environment.settings)),
        Section("What the application gets", tuple(_value(change, detail) for change in environment.variables)),
        Section("Permissions", tuple(_permissions(environment))),
        *_resources(environment.resources, detail),
    ]
    return Section(
        f"{', '.join(names)}{note}", tuple(entries), tuple(part for part in sections if part.entries or part.sections)
    )


def _reach(change: ReachChange) -> Entry:
    """A way that is new, gone or of another kind."""
    title = strong("new way: ") if change.opened else text("")
    spans = (title, code(str(change)), text(": "), code(change.before), text(" → "), code(change.after))
    closed = change.after == "·"
    return _entry(*spans, weight=BAD if change.opened else GOOD if closed else LOOK)


def _requirement(change: RequirementChange) -> Entry:
    """A row that is new, gone, of another status, or of the same one with another text or proof."""
    if not change.before:
        return _entry(code(change.row), text(f": new, {change.after}"))
    if not change.after:
        return _entry(code(change.row), text(f": gone, it was {change.before}"), weight=LOOK)
    if change.before == change.after:
        return _entry(code(change.row), text(f": {change.after}, with another text, resource or proof"))
    weight = LOOK if change.before in ("covered", "changed") else GOOD
    return _entry(code(change.row), text(f": {change.before} → {change.after}"), weight=weight)


def _quota(change: QuotaChange) -> Entry:
    percent = f"{100 * change.after / change.most:.0f} %"
    numbers = f": {change.before:,} → {change.after:,} of {change.most:,} {change.what} ({percent})"
    names = (text(" in "), code(", ".join(change.environments))) if change.environments else ()
    weight = BAD if change.exceeded else LOOK
    start = (strong("too many: "),) if change.exceeded else ()
    return _entry(*start, code(change.path), text(numbers), *names, weight=weight)


def _risk(what: str, paths: Sequence[str]) -> Entry:
    many = (strong(f"{len(paths)} x "),) if len(paths) > 1 else ()
    return _entry(*many, code(", ".join(paths)), text(f": {what}"), weight=BAD)


def _parameter(change: ParameterChange) -> Iterator[Entry]:
    origin = {"file": "in the parameter file", "default": "by its default", "gone": "no longer a parameter"}
    yield _entry(
        code(change.name),
        text(": "),
        *_sides(change.before, change.after),
        text(f" ({origin[change.origin]})"),
        weight=LOOK,
    )
    if change.loud:
        yield _entry(text("   "), text(change.effect), weight=LOOK)
    elif change.users:
        yield _entry(text("   "), text(f"Users: {change.users}. Way back: {change.back}."))


def _sides(before: str | None, after: str | None) -> tuple[Span, ...]:
    first, second = (text("(none)") if side is None else code(side) for side in documents.pair(before, after))
    return first, text(" → "), second


def _value(change: ValueChange, detail: Detail) -> Entry:
    if detail < Detail.FULL:
        return _entry(code(change.place))
    if inside := documents.inside(change.before, change.after):
        return _entry(code(change.place), difference=inside)
    return _entry(code(change.place), text(": "), *_sides(change.before, change.after))


def _permissions(environment: EnvironmentReview) -> Iterator[Entry]:
    """The broader ones first; the same grant of several statements once."""
    signed = [("gained", grant) for grant in environment.gained] + [("lost", grant) for grant in environment.lost]
    for word, grant in sorted(signed, key=lambda pair: not pair[1].broader):
        start = strong("broader: ") if grant.broader else text(f"{word}: ")
        yield _entry(start, code(str(grant)), weight=BAD if grant.broader else GOOD)


def _resources(changes: Sequence[ResourceChange], detail: Detail) -> Iterator[Section]:
    """A section for each nested stack, what is replaced or removed first."""
    stacks: dict[str, list[ResourceChange]] = {}
    for change in changes:
        stacks.setdefault(change.path.rpartition(".")[0] or "root stack", []).append(change)
    for stack, members in stacks.items():
        if detail == Detail.COUNTS:
            yield Section(stack, (_entry(text(f"{len(members)} resources")),), folded=True)
            continue
        entries = tuple(_grouped(members, detail))
        harmless = all(change.action in (CHANGED, ADDED) and not change.value for change in members)
        yield Section(
            f"{stack}: {len(members)} {'resource' if len(members) == 1 else 'resources'}", entries, folded=harmless
        )


def _grouped(changes: Sequence[ResourceChange], detail: Detail) -> Iterator[Entry]:
    order = [REPLACED, REMOVED, ADDED, CHANGED]
    groups: dict[tuple[object, ...], list[ResourceChange]] = {}
    for change in sorted(changes, key=lambda change: (order.index(change.action), change.path)):
        places = tuple(value.place for value in change.values)
        groups.setdefault((change.type, change.action, change.effect, places), []).append(change)
    for members in groups.values():
        if len(members) >= MANY:
            yield _many(members)
        else:
            for change in members:
                yield from _resource(change, detail)


def _many(members: Sequence[ResourceChange]) -> Entry:
    first = members[0]
    places = ", ".join(dict.fromkeys(value.place for value in first.values))
    spans = [strong(f"{SIGNS[first.action]} {len(members)} x "), text(f"{first.type}, {first.effect}")]
    spans += [text(": "), code(places)] if places else []
    names = ", ".join(change.path.rpartition(".")[2] for change in members)
    return _entry(*spans, text(" on "), code(names))


def _resource(change: ResourceChange, detail: Detail) -> Iterator[Entry]:
    name = change.path.rpartition(".")[2]
    spans = [strong(f"{SIGNS[change.action]} "), code(name), text(f" ({change.type}): {change.effect}")]
    if change.because:
        spans += [text(" because of "), code(", ".join(change.because))]
    if change.before:
        spans += [text(", was "), code(change.before)]
    if change.value:
        spans += [text(", "), strong(change.value)]
    weight = (
        BAD if change.value and change.action in (REPLACED, REMOVED) else LOOK if change.action != CHANGED else GOOD
    )
    yield replace(_entry(*spans, weight=weight), places=change.places)
    for value in change.values:
        inner = _value(value, detail)
        yield replace(inner, spans=(text("   "), *inner.spans))


def _files(files: Mapping[str, Sequence[str]], detail: Detail) -> Section:
    entries = []
    for kind, paths in files.items():
        shown = paths if detail == Detail.FULL and len(paths) <= 12 else ()
        spans = [text(f"{kind}: {len(paths)}")]
        spans += [text(" "), code(", ".join(shown))] if shown else []
        entries.append(_entry(*spans))
    return Section("Files touched", tuple(entries), folded=True)
