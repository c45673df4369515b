"""`docs/parameters.md`: every parameter that a person may choose, and what changing it does to an environment that
lives. Made from the rendered templates and the table of effects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generator.cfn.assertions import as_text
from generator.cfn.effects import ALLOWED, NOTICE, QUIET, REFUSED, Row
from generator.cfn.effects.outcomes import Outcome
from generator.cfn.effects.row import ANY, NOTHING
from generator.cfn.effects.rows import SAME_WAY
from generator.cfn.names import ACCESS, EDGE, ENVIRONMENT, SHARED, SHARED_ACCESS
from generator.cfn.templates import Template, TemplateSet
from generator.gate.effects import IN_PLACE, NO_RESOURCE, RootResources, kinds, resources_of, row_outcomes, shown

HEAD = """# Parameters

Made from the templates by `make templates`. One file in `params/` holds what an environment chooses; each root takes
those that it declares.

**Before you change one**, look at *changing it* and then at the lines of that change below the table: what has to come
before it and after it, what AWS does in which order, what users see and for how long, whether there is a way back.

- *in place*: a setting changes, and nothing is interrupted.
- *new tasks*: new tasks of the application start beside the old ones and answer before those end, without interruption.
- *cancels a release*: the pipeline itself changes; `--wait` waits for what it executes.
- *read first*: it interrupts or moves something, or costs, or is for somebody else to do first; the plan says the same.
  *to be named*: something is lost, and `--allow-…` has to name it. *refused*: a living environment cannot take it; its
  lines have the way that works. Of a parameter that can change in several ways, each of these words is true of one at
  least.

Commands are named here by their words: `access` is `make access ENV=…` or `delivery access …`, `apply` is `make deploy
ENV=…` or `delivery apply …`. Where a plan or a refusal says the same, it prints the command that you can type.

**How far this is tried.** Nothing here has been run on AWS (docs/unverified.md). Which resources change, in which
order, and what stays: `make soak` changes every parameter of each ready environment there and back on the local AWS,
and compares with this page. Where users are to notice nothing although something changes that requests go through,
*shown by* says what backs it:

- *requests*: a client asks for the page and the API without a pause while the local AWS carries out a change of that
  kind, and every request is answered (tests/system/test_asked_meanwhile.py). Tasks and instances are one process there,
  and a new one answers before the old one ends; a distribution is served as it is configured, from one request to the
  next. Not looked at: names, certificates, and what an edge location still has.
- *model*: at every event of the update on the local AWS it is asked whether the load balancer leads to a backend that
  is registered, whether it may reach it, and whether that has a way out (tests/local_aws/matrix.py). Not looked at: a
  load balancer that requests go through, and connections through a NAT gateway.
- *documentation*: AWS's pages alone. The local AWS has nothing like it.

Without *shown by*, nothing changes that a request goes through. Minutes are from AWS's documentation and from reports,
not measured.
"""
ROOTS = {
    ENVIRONMENT: "An environment",
    EDGE: "Resources in us-east-1",
    ACCESS: "Who may deploy and approve",
    SHARED: "What all environments share (`params/shared.json`)",
    SHARED_ACCESS: "Who may deploy what is shared (`params/shared.json`)",
}
LEVELS = {ALLOWED: "**to be named**", REFUSED: "**refused**", NOTICE: "**read first**"}
COMES_OR_GOES = ("adds", "removes", "replaces")
KEPT = " (kept)"  # of what stays behind
FIXED_NAME = "it has one value"


def page(templates: TemplateSet) -> str:
    """The page as text. Raises `NoSituationError` for a row of the table that can never hold."""
    return "\n".join([HEAD, *(line for root in ROOTS if root in templates for line in _root(templates[root]))])


def _root(root: Template) -> Iterator[str]:
    yield f"## {ROOTS[root.name]}\n"
    computed, instances = root.metadata.get("Computed", {}), resources_of(root)
    for group in root.metadata["AWS::CloudFormation::Interface"]["ParameterGroups"]:
        happens = {name: _effects(instances, name) for name in group["Parameters"]}
        if not happens:
            continue
        yield f"### {group['Label']['default']}\n"
        yield "| parameter | meaning | choices | default | changing it |"
        yield "|---|---|---|---|---|"
        yield from (_row(root, name, computed, effects) for name, effects in happens.items())
        yield ""
        yield from _paragraphs(happens)


# The rows of one parameter, each with what happens to the resources.
Effects = Sequence[tuple[Row, list[Outcome]]]


def _effects(instances: RootResources, parameter: str) -> Effects:
    # What is refused does nothing to a resource.
    return [
        (row, [] if row.level == REFUSED else row_outcomes(instances, parameter, row))
        for row in instances.rows(parameter)
    ]


def _row(root: Template, name: str, computed: Mapping[str, Any], effects: Effects) -> str:
    declared = root.parameters[name]
    cells = [
        f"`{name}`",
        declared.get("Description", ""),
        _choices(declared),
        f"found: {computed[name]['Found']}" if name in computed else _default(declared),
        _summary(effects),
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _choices(declared: Mapping[str, Any]) -> str:
    if "AllowedValues" in declared:
        return ", ".join(f"`{as_text(choice)}`" for choice in declared["AllowedValues"])
    if "MinValue" in declared:
        return f"{as_text(declared['MinValue'])} to {as_text(declared['MaxValue'])}"
    return str(declared.get("ConstraintDescription", "")).removeprefix("must be ")


def _default(declared: Mapping[str, Any]) -> str:
    if "Default" not in declared:
        return "must be given"
    return f"`{as_text(declared['Default'])}`" if declared["Default"] != "" else "empty"


def _summary(effects: Effects) -> str:
    """All rows of a parameter in a few words."""
    if not effects:
        return FIXED_NAME
    levels = {row.level for row, _ in effects}
    if levels == {REFUSED}:
        return LEVELS[REFUSED]
    if "Environment" in {row.parameter for row, _ in effects}:
        return "another name is another environment"
    # What comes with a backend is told of BackendTarget.
    own = [happened for row, happened in effects if not row.was] or [happened for _, happened in effects]
    words = dict.fromkeys(_class(word) for happened in own for word in kinds(happened))
    happening = [word for word in words if word not in (IN_PLACE, NO_RESOURCE)] or [IN_PLACE]
    return "; ".join([*happening, *(text for level, text in LEVELS.items() if level in levels)])


def _class(word: str) -> str:
    """What happens, without the names of resources."""
    verb = word.partition(" ")[0]
    if verb == "replaces":
        return "replaces, and leaves the old behind" if word.endswith(KEPT) else "replaces"
    return "adds or removes" if verb in ("adds", "removes") else word.partition(" (")[0]


def _paragraphs(happens: Mapping[str, Effects]) -> Iterator[str]:
    """What each change of the group does; parameters of which the same is said are told together, with the resources of
    each."""
    groups: dict[tuple[Change, ...], dict[str, tuple[str, ...]]] = {}
    for name, effects in happens.items():
        if entries := list(_changes(effects)):
            changes, resources = zip(*entries, strict=True)
            groups.setdefault(changes, {})[name] = resources
    for changes, names in groups.items():
        yield f"**{', '.join(f'`{name}`' for name in names)}**\n"
        for change, resources in zip(changes, zip(*names.values(), strict=True), strict=True):
            yield from change.lines(_joined(resources))
        yield ""


@dataclass(frozen=True)
class Change:
    """One change of a parameter on the page: `title` says which, `parts` what is told of it, each with its name; of one
    that is `idle` there is nothing more to tell."""

    title: str
    parts: tuple[tuple[str, str], ...] = ()
    idle: bool = False

    def lines(self, resources: str) -> Iterator[str]:
        """On one line what can be read on one; otherwise each part on its own."""
        parts = [*self.parts, *([("Resources", resources)] if resources else [])]
        if self.idle:
            yield f"- {self.title}."
        elif len(parts) == 1:
            yield f"- *{self.title}*: {parts[0][1]}"
        else:
            yield f"- *{self.title}*:"
            yield from (f"  - {name}: {text}" for name, text in parts)


def _is_idle(row: Row) -> bool:
    return row.level == QUIET and row.happens.startswith("nothing,") and not row.around


def _changes(effects: Effects) -> Iterator[tuple[Change, str]]:
    """What is told of a parameter, each change with what comes and goes: first where nothing happens, so that the rest
    is about the other cases."""
    rows = [row for row, _ in effects]
    if where := [_where(row) for row in rows if _is_idle(row) and (row.when or row.was)]:
        yield Change(f"Nothing happens {' or '.join(dict.fromkeys(where))}", idle=True), ""
    for number, (row, happened) in enumerate(effects):
        if not _is_idle(row):
            backed = shown(happened) if row.users.startswith(NOTHING) and _is_alone(row) else []
            yield Change(_direction(row, rows[:number]), tuple(_parts(row, backed))), _resources(row, happened)
        elif not (row.when or row.was):
            yield Change(_direction(row, rows[:number]), (("", _sentence(row.happens)),)), ""


def _parts(row: Row, backed: Sequence[str]) -> Iterator[tuple[str, str]]:
    """A row's sentences in the order in which somebody needs them who is about to make the change; `backed` is what
    shows that users notice nothing."""
    if row.level == REFUSED:
        yield "Refused", _sentence(row.happens)
        yield "Instead", _sentence(row.around)
        return
    usual = row.users == NOTHING and row.back == SAME_WAY and not row.around and row.level in (QUIET, NOTICE)
    if usual and not backed:
        yield "", f"{_sentence(row.happens)} Users notice nothing, and the way back is the same."
        return
    if row.level == ALLOWED:
        yield "To be named", f"`{_option(row)}`, because of {row.loss}."
    yield "What happens", _sentence(row.happens)
    yield "Users", _sentence(f"they notice {row.users}" if row.users.startswith(NOTHING) else row.users)
    if backed:
        yield "Shown by", f"{' and '.join(backed)}."
    if row.around:
        yield "Before and after", _sentence(row.around)
    yield "Way back", _sentence(row.back)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip('.')}."


def _is_alone(row: Row) -> bool:
    """Whether what happens is the doing of this parameter of this environment."""
    return not row.was and row.parameter != "Environment"


def _resources(row: Row, happened: list[Outcome]) -> str:
    """What comes and goes."""
    words = kinds(happened) if _is_alone(row) else []
    return "; ".join(_kept(word) for word in words if word.startswith(COMES_OR_GOES))


def _kept(word: str) -> str:
    """What stays behind is said first: it is what has to be known."""
    if not word.endswith(KEPT):
        return word
    verb, _, names = word.removesuffix(KEPT).partition(" ")
    return f"leaves behind {names}" if verb == "removes" else f"{verb} {names}, and leaves the old behind"


def _joined(resources: Sequence[str]) -> str:
    """The resources of several parameters of which the same is said: that of each where they differ in one name."""
    distinct = list(dict.fromkeys(resources))
    if len(distinct) == 1:
        return f"{distinct[0]}." if distinct[0] else ""
    words = [each.split() for each in distinct]
    places = [place for place, these in enumerate(zip(*words, strict=False)) if len(set(these)) > 1]
    if len({len(each) for each in words}) > 1 or len(places) != 1:
        return f"{' or '.join(distinct)}."
    [place] = places
    names = [each[place].rstrip(",;") for each in words]
    end = words[0][place][len(names[0]) :]
    return f"{' '.join([*words[0][:place], ', '.join(names[:-1]) + f' or {names[-1]}{end}', *words[0][place + 1 :]])}."


def _option(row: Row) -> str:
    return f"--allow-{'delete' if row.deletes else 'replace'} {row.parameter}"


def _direction(row: Row, before: Sequence[Row]) -> str:
    """Of which change a row is, for a person; `before` are the rows that were asked before it."""
    change, where = row.change, _where(row)
    if change == ANY:
        narrower = any(each.change != ANY for each in before)
        change = "any other change" if narrower else "" if where else "otherwise" if before else "any change"
    if "->" in change:
        change = " to ".join("any" if side.strip() == "*" else f"`{side.strip()}`" for side in change.split("->"))
    return ", ".join(filter(None, (change, where)))


def _where(row: Row) -> str:
    parts = [f"with {name} {' or '.join(values)}" for name, values in row.when.items() if values != row.was.get(name)]
    parts += [f"while {name} is {' or '.join(values)}" for name, values in row.was.items()]
    return " and ".join(parts)
