"""What the parameters that change do to an environment that lives: the rows of the table of effects, which the page of
the parameters and the plan are made from, too."""

from collections.abc import Collection, Iterator, Mapping

from generator.cfn.effects import ALLOWED, LOWERED, NOTICE, QUIET, REFUSED, ROWS, Row, find, rows_of
from generator.cfn.environments import ENVIRONMENT
from generator.cfn.template_names import BOOTSTRAP
from generator.cfn.templates import Template
from scripts.review.model import Risk

Values = Mapping[str, Mapping[str, str]]
LOUDNESS = (QUIET, NOTICE, ALLOWED, REFUSED)
LIVING = {BOOTSTRAP: "false"}  # it has had its first release


def rows(before: Values, after: Values, roots: Mapping[str, Template]) -> dict[str, Row]:
    """The row of each parameter that changes, by its name; of one that several roots have, the loudest, and among those
    the environment's own, because that is what people use. `before` and `after` are the values of each root; a
    parameter that is new or gone has no row."""
    result = dict[str, Row]()
    for root, template in sorted(roots.items(), key=lambda entry: entry[0] != ENVIRONMENT):
        computed = template.metadata.get("Computed", {})
        covered = {name for how in computed.values() for name in how.get("Covers", ())}
        old, new = ({**values.get(root, {}), **LIVING} for values in (before, after))
        for name in old.keys() & new.keys() - computed.keys():
            row = find(rows_of(ROWS, template.name, name, covered), name, old, new)
            if row is not None and (name not in result or _louder(row, result[name])):
                result[name] = row
    return result


def _louder(row: Row, other: Row) -> bool:
    return LOUDNESS.index(row.level) > LOUDNESS.index(other.level)


def risks(chosen: Collection[Row]) -> Iterator[Risk]:
    """What a person has to name, or what is refused, on a living environment. What is kept for a shorter time the
    resources tell."""
    for row in sorted(chosen, key=lambda row: row.parameter):
        if row.level == REFUSED:
            yield Risk(row.parameter, "parameter", f"refused on a living environment: {row.happens}")
        elif row.level == ALLOWED and row.change != LOWERED:
            yield Risk(row.parameter, "parameter", f"{row.loss}: {'gone' if row.deletes else 'changed'}")
