"""Markdown tables in the pages that are committed beside the templates."""

from collections.abc import Callable, Iterable, Sequence

from generator.cfn.permissions import Permission

ALL_BUT = "all but "


def row(cells: Iterable[str]) -> str:
    """A row, with the line break behind it."""
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


def head(columns: Sequence[str]) -> str:
    """The first two rows of a table."""
    return row(columns) + row(["---"] * len(columns))


def statement_row(
    permission: Permission, separator: str = ", ", shown: Callable[[str], str] = lambda name: name
) -> str:
    """A statement: its name, effect, who, actions, resources, conditions, when, and the reason. `separator` stands
    between several names in a cell, `shown` is how a name is written."""

    def side(named: tuple[str, ...], others: tuple[str, ...]) -> str:
        return separator.join(map(shown, named)) or (ALL_BUT + ", ".join(map(shown, others)) if others else "")

    cells = [
        f"{permission.sid} ({permission.kind})",
        permission.effect,
        side(permission.principals, permission.not_principals),
        side(permission.actions, permission.not_actions),
        side(permission.resources, permission.not_resources),
        "; ".join(map(str, permission.conditions)),
        ", ".join(permission.when),
        permission.reason,
    ]
    return row(cells)
