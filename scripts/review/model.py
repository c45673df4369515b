"""What a pull request does to each environment, as values: `compare` makes them, the renderers show them.

Everything here follows from two revisions of the repository; no account is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from generator.cfn.broadening import Grant
from generator.cfn.effects import QUIET

ADDED, REMOVED, CHANGED, REPLACED = "added", "removed", "changed", "replaced"
UNCHANGED = "unchanged"
# How CloudFormation carries out a new logical id for something that keeps its own name: not at all.
TAKEN = "refused: it would be created while the old one has its name"
NEAR = 0.8  # the part of a quota from which on its use is shown
RENDERED_FROM = ("generator/", "buildspecs/", "setup.cfg")  # setup.cfg: the versions of the tools
HOLDS_DATA, HAS_ADDRESS = "holds data", "people know its address"


@dataclass(frozen=True)
class ValueChange:
    """One value before and after; None where there is none. `place` is the way to it."""

    place: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class ParameterChange:
    """A parameter of an environment whose value changes. `origin` says where the new value comes from: `file`,
    `default`, or `gone` when the templates do not have it any more. The others are what the table of effects has about
    the change on a living environment (`generator.cfn.effects.Row`), empty for a parameter that is new or gone: how
    loud it is, all of it in sentences, what users see, and the way back."""

    name: str
    before: str | None
    after: str | None
    origin: str
    level: str = ""
    effect: str = ""
    users: str = ""
    back: str = ""

    @property
    def loud(self) -> bool:
        """Whether a plan tells of the change, too, asks for its name, or refuses it."""
        return self.level not in ("", QUIET)


@dataclass(frozen=True)
class ResourceChange:
    """What happens to one resource of one environment.

    `path` are logical ids from below the root stack; `before` is the path in the base where it was renamed.
    `effect` says how AWS carries it out; `because` are the create-only properties that force a replacement.
    `value` is why its loss would hurt (holds data, has an address) or empty; `kept` whether the old resource survives;
    `places` are the lines of the rendered template and of the generator that make it, as `file:line`.
    """

    path: str
    type: str
    action: str
    effect: str
    values: tuple[ValueChange, ...] = ()
    because: tuple[str, ...] = ()
    value: str = ""
    kept: bool = False
    before: str = ""
    places: tuple[str, ...] = ()


@dataclass(frozen=True)
class Risk:
    """Data or an address that is deleted, replaced, unprotected, or kept for a shorter time; or a protection that
    becomes weaker."""

    path: str
    type: str
    what: str


@dataclass(frozen=True)
class QuotaChange:
    """A quota of AWS of which more is used than before, and now more than the part `NEAR`. `environments` are those in
    which it is so, none for a template; where the figures differ between them, the highest ones stand here."""

    path: str
    what: str
    before: int
    after: int
    most: int
    environments: tuple[str, ...] = ()

    @property
    def exceeded(self) -> bool:
        """Whether AWS refuses it."""
        return self.after > self.most

    @property
    def new(self) -> bool:
        """Whether the change is what brings it near."""
        return self.before <= NEAR * self.most


@dataclass(frozen=True)
class CostChange:
    """US dollars a month at low and high usage; None where an environment does not exist or a price is missing, and
    `unknown` says which."""

    before: tuple[float, float] | None = None
    after: tuple[float, float] | None = None
    unknown: str = ""

    @property
    def difference(self) -> tuple[float, float] | None:
        """What is added, low and high; None when one side is not known."""
        if self.before is None or self.after is None:
            return None
        return self.after[0] - self.before[0], self.after[1] - self.before[1]


@dataclass(frozen=True)
class EnvironmentReview:
    """What the change does to one environment. `state` is added, removed, changed or unchanged. `weaker` are
    protections that the change weakens, `variables` what the application is told. `problems` say why something could
    not be compared: then nothing here is complete."""

    name: str
    state: str
    parameters: tuple[ParameterChange, ...] = ()
    settings: tuple[ValueChange, ...] = ()
    resources: tuple[ResourceChange, ...] = ()
    risks: tuple[Risk, ...] = ()
    weaker: tuple[Risk, ...] = ()
    gained: tuple[Grant, ...] = ()
    lost: tuple[Grant, ...] = ()
    variables: tuple[ValueChange, ...] = ()
    cost: CostChange = field(default_factory=CostChange)
    problems: tuple[str, ...] = ()

    @property
    def broader(self) -> tuple[Grant, ...]:
        """The permissions that become broader."""
        return tuple(grant for grant in (*self.gained, *self.lost) if grant.broader)

    @property
    def counts(self) -> dict[str, int]:
        """How many resources are added, replaced, removed and changed, in this order; zeros left out."""
        actions = [change.action for change in self.resources]
        return {name: actions.count(name) for name in (ADDED, REPLACED, REMOVED, CHANGED) if name in actions}


@dataclass(frozen=True)
class Deployed:
    """What is deployed of one environment, beside its review. `commit` is what the last deployment was made from,
    `commits` lead from there to the new revision, newest first, and `missing` counts those of what is deployed that the
    new revision does not have. `drifted` are resources under the change that were changed outside the stacks,
    `drifted_elsewhere` counts the others. `different` says where a plan and the review differ, `unknown` what could not
    be asked, with the reason."""

    environment: str
    status: str = ""
    commit: str = ""
    commits: tuple[str, ...] = ()
    missing: int = 0
    drifted: tuple[str, ...] = ()
    drifted_elsewhere: int = 0
    different: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def contradicts(self) -> bool:
        """Whether what is deployed makes the change another one than the review says."""
        return bool(self.missing or self.drifted or self.different)


@dataclass(frozen=True)
class RequirementChange:
    """A row of the requirements that the change touches, with its status before and after; empty where there is no such
    row."""

    row: str
    before: str
    after: str


@dataclass(frozen=True)
class ReachChange:
    """A cell of the matrix of who can reach what, as it was and is: the dot says that there is no way."""

    identity: str
    asset: str
    before: str
    after: str

    @property
    def opened(self) -> bool:
        """Whether there was no way, and now there is."""
        return self.before == "·"

    def __str__(self) -> str:
        return f"{self.identity} → {self.asset}"


@dataclass(frozen=True)
class Review:
    """The whole: `base` and `head` are what the revisions are called, `gate` the gate's verdict on the new templates,
    `choices` what parameters and rules allow differently, `interface` outputs of the roots and what a template has for
    CloudFormation or the deploy script, `latent` and `latent_grants` what changes in templates and in
    no environment here, `quotas` what comes near to a quota of AWS, `requirements` the rows that it touches, `reach`
    who can reach what otherwise than before, `files` how many files of each kind it touches, `version` the version of
    the set where it changes, `deployed` what is deployed of the environment that was asked for, `missing` how many
    commits of the base the head does not have: what those changed, the review shows as taken back."""

    base: str
    head: str
    environments: tuple[EnvironmentReview, ...] = ()
    choices: tuple[ValueChange, ...] = ()
    interface: tuple[ValueChange, ...] = ()
    latent: tuple[ValueChange, ...] = ()
    latent_grants: tuple[Grant, ...] = ()
    quotas: tuple[QuotaChange, ...] = ()
    requirements: tuple[RequirementChange, ...] = ()
    reach: tuple[ReachChange, ...] = ()
    gate: str = ""
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    version: ValueChange | None = None
    deployed: Deployed | None = None
    missing: int = 0

    @property
    def changed(self) -> tuple[EnvironmentReview, ...]:
        """The environments that the change does something to, or that could not be compared."""
        return tuple(environment for environment in self.environments if environment.state != UNCHANGED)

    @property
    def by_hand(self) -> bool:
        """Whether templates change and nothing does that they are rendered from."""
        return "templates" in self.files and not any(
            path.startswith(RENDERED_FROM) for paths in self.files.values() for path in paths
        )
