"""What a deployment would do, as one value. Pure; `plan.py` makes it from a change set, `assess.py` judges it, the
modules in `show/` render it. Nothing in it is a secret: what looks like one is masked before it gets here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from generator.cfn.broadening import Grant

if TYPE_CHECKING:
    from scripts.deployment.computed import Computed
    from scripts.deployment.settings import Settings

CREATE, UPDATE = "CREATE", "UPDATE"
Path = tuple[str, ...]  # logical ids from below the root stack down to a resource


@dataclass(frozen=True)
class Difference:
    """One value, before and after; empty where there is none. `certain` is false when it only might change."""

    name: str
    before: str
    after: str
    certain: bool = True
    recreates: str = "Never"  # Never, Conditionally, Always
    cause: str = ""


@dataclass(frozen=True)
class PlannedChange:
    """What happens to one resource. A nested stack has `children` instead of `differences`."""

    path: Path
    type: str
    action: str  # Add, Modify, Remove, Import, Dynamic
    replacement: str = ""  # of Modify: True, Conditional, False
    policy: str = ""  # what happens to the old resource: Delete, Retain, ReplaceAndDelete, …
    differences: tuple[Difference, ...] = ()
    children: tuple["PlannedChange", ...] = ()
    nested: bool = False
    physical_id: str = ""

    @property
    def certain(self) -> bool:
        """Something happens for sure; false when an upstream output might change, or only the template's address."""
        if self.action != "Modify":
            return True
        return any(one.certain for one in (self.children if self.nested else self.differences))

    @property
    def replaced(self) -> bool:
        """It is replaced, or may be, because of a value that changes for sure. A replacement that only hangs on what
        an upstream output might become is none: CloudFormation shows those for nothing
        (cloudformation-coverage-roadmap issue 759)."""
        forced = any(one.certain and one.recreates != "Never" for one in self.differences)
        return self.replacement in ("True", "Conditional") and forced

    @property
    def name(self) -> str:
        """What a person calls it: `Data.Clients`."""
        return ".".join(self.path)

    def leaves(self) -> Iterator["PlannedChange"]:
        """The changes below, nested stacks left out."""
        if not self.nested:
            yield self
        for child in self.children:
            yield from child.leaves()


@dataclass(frozen=True)
class Loss:
    """Something that holds data, or that users see, is deleted or replaced; it needs explicit approval."""

    name: str  # "Data.Clients"
    type: str
    how: str  # replaced, deleted, unprotected
    why: str  # what it holds or who sees it

    def __str__(self) -> str:
        return f"{self.name} ({self.type}, {self.why}) would be {self.how}. To allow this: {self.option}"

    @property
    def option(self) -> str:
        """The option of `apply` that names it."""
        return f"--allow-{'replace' if self.how == 'replaced' else 'delete'} {self.name}"


@dataclass(frozen=True)
class Refusal:
    """Why a plan must not be executed as it is: `where` is what it is about, `remedy` the way to do it instead.
    `waits` is true when waiting is enough."""

    why: str
    where: str
    remedy: str
    waits: bool = False


@dataclass(frozen=True)
class Notice:
    """What CloudFormation says about a change set beyond its changes: a warning of its early validation, a hook that
    will look at it, a resource that somebody changed by hand."""

    kind: str  # validation, hook, drift
    where: str
    text: str


@dataclass(frozen=True)
class Plan:
    """The whole: what executing `change_set` would do to `stack`.

    `image` are the parameters that change first and by themselves, so that no rollback brings back an older image than
    the one that runs (RUN-8), `found` are the values that the
    script found itself, `follows` the resources among `folded` that are given something new by what changes for sure.
    `settings` is how the stack is kept, `kept` what changes about that.
    """

    stack: str
    stack_id: str
    kind: str
    change_set: str
    name: str
    digest: str
    changes: tuple[PlannedChange, ...] = ()
    parameters: tuple[Difference, ...] = ()
    tags: tuple[Difference, ...] = ()
    empty: bool = False
    image: tuple[Difference, ...] = ()
    found: tuple["Computed", ...] = ()
    follows: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()
    gained: tuple[Grant, ...] = ()
    lost: tuple[Grant, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    notices: tuple[Notice, ...] = ()
    settings: "Settings | None" = None
    kept: tuple[Difference, ...] = ()

    def leaves(self) -> Iterator[PlannedChange]:
        for change in self.changes:
            yield from change.leaves()

    @property
    def certain(self) -> tuple[PlannedChange, ...]:
        """The resources that change for sure."""
        return tuple(leaf for leaf in self.leaves() if leaf.certain)

    @property
    def folded(self) -> tuple[PlannedChange, ...]:
        """The resources that change only if a value does that they are given from elsewhere in the plan."""
        return tuple(leaf for leaf in self.leaves() if not leaf.certain)

    @property
    def broader(self) -> tuple[Grant, ...]:
        """The permissions that are broader than before; none when everything is new."""
        return tuple(one for one in (*self.gained, *self.lost) if one.broader) if self.kind == UPDATE else ()


@dataclass(frozen=True)
class NotPlanned:
    """A root of which nothing can be planned yet, and why."""

    stack: str
    reason: str
