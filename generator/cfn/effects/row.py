"""One row of the table of effects, and how the row of a change is found. Pure."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from generator.cfn.assertions import as_text

# Directions of a change that are no pair of values. A text is set when it was empty, removed when it becomes empty;
# numbers are raised and lowered.
ANY, SET, REMOVED, CHANGED, RAISED, LOWERED = "any", "set", "removed", "changed", "raised", "lowered"
ARROW = "->"  # "ECS -> NONE"; `*` stands for any value
# How loud a change is: told by the page alone, by the plan too, to be named by a person, refused on a living
# environment.
QUIET, NOTICE, ALLOWED, REFUSED = "quiet", "notice", "allowed", "refused"
# What the application is told, whatever it is called there, changes as the digest over it does.
CONFIGURATION = "ConfigurationDigest"
NOTHING = "nothing"  # what users see of most changes
NUMBER = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True)
class Row:
    """What one change does.

    `parameter` is a name, or a pattern with `*`; `change` is a direction or a pair of values; `when` limits the row to
    values of other parameters, as they are afterwards (`was` as they are before). `happens` is what AWS does, in its
    order; `users` what they see and for how long; `back` whether a rollback, or the way back, restores what was;
    `around` what has to come before or after it. `level` is how loud it is. A change that is to be named has in `loss`
    what is lost ("the address"); for one that is refused `around` is the way that works. `source` says where that is
    known from.
    """

    parameter: str
    change: str
    happens: str
    users: str
    back: str
    source: str
    around: str = ""
    level: str = QUIET
    loss: str = ""
    root: str = "environment"
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    was: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

    @property
    def deletes(self) -> bool:
        """Whether what is lost has nothing in its place."""
        return self.change in (REMOVED, LOWERED)

    @property
    def text(self) -> str:
        """The whole row in sentences, as a plan or a page says it; what is refused has no effect to tell of."""
        parts: tuple[str, ...] = (self.happens, f"Instead: {self.around}")
        if self.level != REFUSED:
            around = f"Before and after: {self.around}" if self.around else ""
            users = "Users notice nothing" if self.users == NOTHING else f"Users: {self.users}"
            parts = (self.happens, users, f"Way back: {self.back}", around)
        return " ".join(f"{part[0].upper()}{part[1:].rstrip('.')}." for part in parts if part)


def matches(change: str, before: str, after: str) -> bool:
    """Whether a value that becomes another one is a change of this direction."""
    if before == after:
        return False
    if ARROW in change:
        sides = [side.strip() for side in change.split(ARROW)]
        return all(side in ("*", value) for side, value in zip(sides, (before, after), strict=True))
    if change in (RAISED, LOWERED):
        if not (NUMBER.fullmatch(before) and NUMBER.fullmatch(after)):
            return False
        return (float(after) > float(before)) is (change == RAISED)
    states = {SET: (False, True), REMOVED: (True, False), CHANGED: (True, True)}
    return change == ANY or (bool(before), bool(after)) == states[change]


def find(rows: Iterable[Row], parameter: str, before: Mapping[str, str], after: Mapping[str, str]) -> Row | None:
    """Of the rows of a parameter (`rows_of`) the one of its change between two sets of values: the first that fits.
    None where nothing changes."""
    for row in rows:
        if (
            matches(row.change, before.get(parameter, ""), after.get(parameter, ""))
            and all(after.get(name) in values for name, values in row.when.items())
            and all(before.get(name) in values for name, values in row.was.items())
        ):
            return row
    return None


def rows_of(rows: Iterable[Row], root: str, parameter: str, covered: Collection[str] = ()) -> list[Row]:
    """The rows of a parameter: those of its own name, else those of a pattern; for one of the application, which the
    digest covers (`covered`) and which has none of its own, those of the digest."""
    rows = [row for row in rows if row.root == root]
    own = [row for row in rows if row.parameter == parameter]
    own = own or [replace(row, parameter=parameter) for row in rows if fnmatchcase(parameter, row.parameter)]
    if own or parameter not in covered:
        return own
    return [replace(row, parameter=parameter) for row in rows if row.parameter == CONFIGURATION]


def directions(declared: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every direction in which a parameter can change, each as a pair of values; of numbers and texts one pair for each
    direction."""
    if "AllowedValues" in declared:
        choices = [as_text(choice) for choice in declared["AllowedValues"]]
        yield from ((before, after) for before in choices for after in choices if before != after)
    elif "MinValue" in declared:
        least, most = as_text(declared["MinValue"]), as_text(declared["MaxValue"])
        yield from ((least, most), (most, least))
    else:
        pattern = str(declared.get("AllowedPattern", ""))
        if not pattern or re.fullmatch(pattern, ""):
            yield from (("", "one"), ("one", ""))
        yield "one", "another"
