"""The first five lines of a review: what a reviewer has to know before reading anything else."""

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from generator.cfn.broadening import Grant
from generator.cfn.environments import SHARED
from scripts.review.gate import PASSED
from scripts.review.model import (
    ADDED,
    CHANGED,
    REMOVED,
    REPLACED,
    TAKEN,
    CostChange,
    EnvironmentReview,
    QuotaChange,
    Review,
    Risk,
)

Entry = TypeVar("Entry", bound=Hashable)
ANY_ENVIRONMENT = "ENVIRONMENT"  # in place of an environment's name, where several are named
GOOD, LOOK, BAD = "good", "look", "bad"
MOST = 3  # entries of one kind that a verdict names; the others are counted
WORDS = {ADDED: "added", REPLACED: "REPLACED", REMOVED: "removed", CHANGED: "changed in place"}


class Line(NamedTuple):
    """One line of the verdict: its title, what it says, and how much it matters: good, look or bad."""

    title: str
    text: str
    weight: str


def verdict(review: Review) -> tuple[Line, ...]:
    """The five lines, always the same five, in this order."""
    return (_environments(review), _risks(review), _permissions(review), _application(review), _cost_and_gate(review))


def _environments(review: Review) -> Line:
    broken = [environment for environment in review.changed if environment.problems]
    if broken:
        text = "; ".join(
            f"{environment.name} cannot be compared ({environment.problems[0]})" for environment in broken[:MOST]
        )
        return Line("Environments", text + _more(len(broken)), BAD)
    hidden = [
        *_beside(review),
        *([f"{len(review.latent)} changes of resources that no environment here has"] if review.latent else []),
        *([f"{len(review.choices)} changes of what may be chosen"] if review.choices else []),
    ]
    if not review.changed:
        return Line("Environments", "; ".join(["none changes", *hidden]), LOOK if hidden else GOOD)
    sentences = [f"{_names(names, review)}: {text}" for text, names in _sentences(review.changed, _happens)]
    replaced = any(REPLACED in environment.counts or REMOVED in environment.counts for environment in review.changed)
    return Line("Environments", "; ".join([*sentences, *hidden]), LOOK if replaced or hidden else GOOD)


def _beside(review: Review) -> list[str]:
    """What is deployed of an environment, where that makes the change another one."""
    deployed = review.deployed
    if deployed is None:
        return []
    if deployed.contradicts:
        return [f"{deployed.environment} DIFFERS from what is deployed, see below"]
    return [f"{deployed.environment}: not everything is known of what is deployed"] if deployed.unknown else []


def _happens(environment: EnvironmentReview) -> str:
    if environment.state == ADDED:
        return "a new environment"
    if environment.state == REMOVED:
        return "its parameter file is gone; a living one stays until it is destroyed"
    parts = [f"{count} {WORDS[action]}" for action, count in environment.counts.items()]
    effects = dict.fromkeys(
        change.effect
        for change in environment.resources
        if change.effect == TAKEN or (change.action == CHANGED and change.effect != "in place")
    )
    parts += list(effects)
    parts += [
        f"{change.name} for users: {change.users}"
        for change in environment.parameters
        if change.loud and not change.users.startswith("nothing")
    ]
    return ", ".join(parts) or "parameters or settings alone, no resource"


def _risks(review: Review) -> Line:
    entries = []
    for (what, paths), names in _gathered(
        (risks, environment.name) for environment in review.changed for risks in alike(environment.risks)
    ):
        entries.append(f"{', '.join(paths[:MOST])}{_more(len(paths))} ({_names(names, review)}): {what}")
    if not entries:
        return Line("Data and addresses", "none at risk", GOOD)
    return Line("Data and addresses", "; ".join(entries[:MOST]) + _more(len(entries)), BAD)


def alike(risks: Iterable[Risk]) -> list[tuple[str, tuple[str, ...]]]:
    """What is at risk, with the resources to which the same happens."""
    return [(what, tuple(paths)) for what, paths in _gathered((risk.what, risk.path) for risk in risks)]


def _permissions(review: Review) -> Line:
    pairs = (
        (spoken(grant, environment.name), environment.name)
        for environment in review.changed
        for grant in environment.broader
    )
    entries = [f"{text} ({_names(names, review)})" for text, names in _gathered(pairs)]
    entries += [f"{_spoken(grant)} (in no environment here)" for grant in review.latent_grants]
    opened = [f"NEW WAY: {change} ({change.after})" for change in review.reach if change.opened]
    ways = "".join(f"; {text}" for text in opened[:MOST]) + _more(len(opened))
    if entries:
        broader = f"{len(entries)} broader: " + "; ".join(entries[:MOST]) + _more(len(entries))
        return Line("Permissions", broader + ways, BAD)
    narrower = any(environment.gained or environment.lost for environment in review.changed)
    text = "none broader" + ("; some are narrower or gone" if narrower else "") + ways
    return Line("Permissions", text, BAD if opened else GOOD)


def spoken(grant: Grant, environment: str) -> str:
    """Who may do what on what, in one line; environments that differ in their own names alone say the same."""
    return re.sub(rf"\b{re.escape(environment)}\b", ANY_ENVIRONMENT, _spoken(grant))


def _spoken(grant: Grant) -> str:
    resources = f" on {', '.join(grant.resources[:2])}{_more(len(grant.resources), 2)}" if grant.resources else ""
    actions = f"{', '.join(grant.actions[:MOST])}{_more(len(grant.actions))}"
    who = f" for {', '.join(grant.principals)}" if grant.principals else ""
    only = " without a condition" if not grant.conditions and grant.effect == "Allow" and "*" in grant.actions else ""
    verb = {"Deny": "is no longer denied", "policy": "gets the policy", "boundary": "loses the boundary"}
    return f"{grant.holder} {verb.get(grant.effect, 'may')} {actions}{resources}{who}{only}"


def _application(review: Review) -> Line:
    pairs = (
        (f"{change.place}: {_short(change.before)} → {_short(change.after)}", environment.name)
        for environment in review.changed
        for change in environment.variables
    )
    entries = [f"{text} ({_names(names, review)})" for text, names in _gathered(pairs)]
    if not entries:
        return Line("Application", "gets the same values", GOOD)
    return Line("Application", "gets " + "; ".join(entries[:MOST]) + _more(len(entries)), LOOK)


def _cost_and_gate(review: Review) -> Line:
    priced = [environment for environment in review.changed if environment.cost.unknown or differs(environment.cost)]
    prices = _gathered(
        (environment.cost.unknown or dollars(environment.cost.difference or (0, 0)), environment.name)
        for environment in priced
    )
    entries = [f"{_names(names, review)} {text}" for text, names in prices]
    weight = LOOK if any(environment.cost.unknown for environment in priced) else GOOD
    cost = f"{', '.join(entries)} US dollars a month" if entries else "no difference"
    gate = review.gate
    if "buildspecs" in review.files and "templates" not in review.files:
        gate, weight = "the buildspecs change and the templates that carry them do not: run `make templates`", BAD
    if gate != PASSED and weight != BAD:
        weight = BAD if gate.startswith("refuses") else LOOK
    near = [change for change in review.quotas if change.new or change.exceeded]
    if near:
        weight = BAD if any(change.exceeded for change in near) or weight == BAD else LOOK
        gate += f"; {'; '.join(map(used, near[:MOST]))}{_more(len(near))}"
    return Line("Cost and gate", f"{cost}; gate: {gate}", weight)


def used(change: QuotaChange) -> str:
    """How much of a quota is used, before and after, in one line."""
    start = "TOO MANY" if change.exceeded else "near a limit"
    numbers = f"{change.before:,} → {change.after:,} of {change.most:,}"
    return f"{start}: {change.path} {numbers} {change.what}"


def differs(cost: CostChange) -> bool:
    """Whether a price changes by a cent or more."""
    return any(abs(level) >= 0.01 for level in cost.difference or ())


def dollars(levels: tuple[float, float]) -> str:
    """A difference at low and high usage."""
    low, high = (f"{level:+.2f}" for level in levels)
    return low if low == high else f"{low} to {high}"


def _names(names: Sequence[str], review: Review) -> str:
    """The names of environments, or how many they are when they are all that there are."""
    there = [environment.name for environment in review.environments if environment.name != SHARED]
    return f"all {len(there)} environments" if len(there) > 2 and set(names) == set(there) else ", ".join(names)


def _short(value: str | None) -> str:
    text = "(none)" if value is None else value
    return text if len(text) <= 60 else f"{text[:40]}…{text[-19:]}"


def _more(count: int, shown: int = MOST) -> str:
    return f" and {count - shown} more" if count > shown else ""


def _sentences(
    environments: Sequence[EnvironmentReview], say: Callable[[EnvironmentReview], str]
) -> list[tuple[str, list[str]]]:
    """What is said of environments, once for all of which the same is said."""
    return _gathered((say(environment), environment.name) for environment in environments)


def _gathered(pairs: Iterable[tuple[Entry, str]]) -> list[tuple[Entry, list[str]]]:
    """Each entry once, with the names of the environments that it is about."""
    names: dict[Entry, dict[str, None]] = {}
    for entry, name in pairs:
        names.setdefault(entry, {})[name] = None
    return [(entry, list(environments)) for entry, environments in names.items()]
