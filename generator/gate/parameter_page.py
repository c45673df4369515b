"""`docs/parameters.md`: every parameter that a person may choose, and what changing it does to an environment that
lives. Made from the rendered templates and the table of effects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from generator.cfn.assertions import as_text
from generator.cfn.effects import ALLOWED, NOTICE, QUIET, REFUSED, Row
from generator.cfn.effects.outcomes import Outcome
from generator.cfn.effects.row import ANY
from generator.cfn.names import ACCESS, EDGE, ENVIRONMENT, SHARED, SHARED_ACCESS
from generator.cfn.templates import Template, TemplateSet
from generator.gate.effects import IN_PLACE, NO_RESOURCE, RootResources, kinds, resources_of, row_outcomes

HEAD = """# Parameters

Made from the templates by `make templates`. One file in `params/` holds what an environment chooses; each root takes
those that it declares.

**Before you change one**, look at *changing it* and then at its paragraph below the table, which says what AWS does in
which order, what users see and for how long, whether there is a way back, and what has to come before or after. The
plan says the same of the values that you change:

- *in place*: a setting changes and nothing is interrupted.
- *new tasks*: new tasks of the application start beside the old ones and answer before those end, without interruption.
- *cancels a release*: the pipeline itself changes; `--wait` waits for what it executes.
- *to be named*: something is lost, and `--allow-…` has to name it. *read first*: it interrupts, or something has to be
  done before or after. *refused*: a living environment cannot take it; the paragraph has the way that works.

**How far this is tried.** Nothing here has been run on AWS (docs/unverified.md). Which resources change, in which
order, and what stays: `make soak` changes every parameter of each ready environment there and back on the local AWS,
and compares with this page. What users see is tried by requests while new tasks start and while a backend goes, where
the tasks of a service are one process; for the rest a model asks whether the load balancer leads to a backend. By no
request looked at: a distribution that changes, the load balancer itself, Elastic Beanstalk's instances, connections
through a NAT gateway. Minutes are from AWS's documentation and from reports, not measured.
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
    words = dict.fromkeys(_class(word) for _, happened in effects for word in kinds(happened))
    happening = [word for word in words if word not in (IN_PLACE, NO_RESOURCE)] or [IN_PLACE]
    return "; ".join([*happening, *(text for level, text in LEVELS.items() if level in levels)])


def _class(word: str) -> str:
    """What happens, without the names of resources."""
    verb = word.partition(" ")[0]
    if verb == "replaces":
        return "replaces (kept)" if word.endswith("(kept)") else "replaces"
    return "adds or removes" if verb in ("adds", "removes") else word.partition(" (")[0]


def _paragraphs(happens: Mapping[str, Effects]) -> Iterator[str]:
    """What each change of the group does; parameters of which the same is said are told together."""
    names_by_text: dict[tuple[str, ...], list[str]] = {}
    for name, effects in happens.items():
        if lines := tuple(_lines(effects)):
            names_by_text.setdefault(lines, []).append(name)
    for lines, names in names_by_text.items():
        yield f"**{', '.join(f'`{name}`' for name in names)}**\n"
        yield from lines
        yield ""


def _lines(effects: Effects) -> Iterator[str]:
    idle: list[str] = []
    for number, (row, happened) in enumerate(effects):
        if row.level == QUIET and row.happens.startswith("nothing,") and not row.around:
            idle.append(_where(row) or row.change)
            continue
        resources = "; ".join(word for word in kinds(happened) if word.startswith(COMES_OR_GOES))
        loud = {ALLOWED: f"To be named with `{_option(row)}`. ", REFUSED: "Refused: "}.get(row.level, "")
        listed = f" Resources: {resources}." if resources and not row.was and row.parameter != "Environment" else ""
        yield f"- {_direction(row, others=number > 0)}: {loud}{row.text}{listed}"
    if idle:
        yield f"- Nothing happens {' or '.join(dict.fromkeys(idle))}."


def _option(row: Row) -> str:
    return f"--allow-{'delete' if row.deletes else 'replace'} {row.parameter}"


def _direction(row: Row, others: bool) -> str:
    """Of which change a row is, for a person; `others` came before it."""
    change = row.change
    if change == ANY:
        change = "any other value" if row.was or row.when else "any other change" if others else "any change"
    if "->" in change:
        change = " to ".join("any" if side.strip() == "*" else f"`{side.strip()}`" for side in change.split("->"))
    return f"*{change}{f', {where}' if (where := _where(row)) else ''}*"


def _where(row: Row) -> str:
    parts = [f"with {name} {' or '.join(values)}" for name, values in row.when.items() if values != row.was.get(name)]
    parts += [f"while {name} is {' or '.join(values)}" for name, values in row.was.items()]
    return ", ".join(parts)
