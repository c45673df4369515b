"""What changing a parameter does to a living environment: one table, for each parameter of each root and each direction
of change.

`docs/parameters.md`, the plan's warnings, its refusals, the losses that a person has to name, and `delivery review` are
made from it. `rows_of` gives the rows of a parameter, `find` that of one change. What a change does to which resource
follows from the templates (`outcomes`); in which order AWS does it, what users see meanwhile and whether there is a way
back is written down in `generator/cfn/effects/rows.py`, each row with its source.
"""

from generator.cfn.effects.row import (
    ALLOWED,
    CHANGED,
    LOWERED,
    NOTICE,
    QUIET,
    RAISED,
    REFUSED,
    REMOVED,
    SET,
    Row,
    directions,
    find,
    matches,
    rows_of,
)
from generator.cfn.effects.rows import ROWS

__all__ = [
    "ALLOWED",
    "CHANGED",
    "LOWERED",
    "NOTICE",
    "QUIET",
    "RAISED",
    "REFUSED",
    "REMOVED",
    "ROWS",
    "SET",
    "Row",
    "directions",
    "find",
    "matches",
    "rows_of",
]
