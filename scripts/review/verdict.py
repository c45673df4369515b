"""The first five lines of a review: what a reviewer has to know before reading anything else."""

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from generator.cfn.broadening import Grant
from generator.cfn.names import SHARED
from generator.cfn.visible import visible
from scripts.review.gate import PASSED
from scripts.review.model import (
    ADDED,
    CHANGED,
    REMOVED,
    REPLACED,
    TAKEN,
    CostChange,
    EnvironmentReview,
    ParameterChange,
    QuotaChange,
    ResourceChange,
    Review,
    Risk,
    ValueChange,
)

Entry = TypeVar("Entry", bound=Hashable)
ANY_ENVIRONMENT = "ENVIRONMENT"  # in place of an environment's name, where several are named
GOOD, LOOK, BAD = WEIGHTS = ("good", "look", "bad")
PERMISSIONS = "Permissions and protection"
# Properties that are a program, or name one; all that is below a state machine's definition belongs to it.
PROGRAM = re.compile(
    r"(^|\.)(Image|ImageUri|BuildSpec|FunctionCode|Definition|DefinitionString|ZipFile|S3Key|Command)\b"
)
TOOLS = ("checks of pull requests", "rules of the gate", "scripts")  # kinds of files, of `revision.KINDS`
SOURCES = ("facts of the application", "generator")
REWRITTEN = re.compile(r"^[\w-]+\.Transform\b")  # CloudFormation runs a program over the template: nothing here is sure
MOST = 3  # entries of one kind that a verdict names; the others are counted
LINE_BREAKS = re.compile(r"[\r\n\t]")  # the characters without a picture that a value may well have
WORDS = {ADDED: "added", REPLACED: "REPLACED", REMOVED: "removed", CHANGED: "changed in place"}


class Line(NamedTuple):
    """One line of the verdict: its title, what it says, and how much it matters: good, look or bad."""

    title: str
    text: str
    weight: str


def verdict(review: Review) -> tuple[Line, ...]:
    """The five lines, always the same five, in this order."""
    lines = (_risks(review), _permissions(review), _application(review), _cost_and_gate(review))
    unknown = [environment.name for environment in review.changed if environment.problems]
    return (_environments(review), *(_without(line, unknown) for line in lines))


def _without(line: Line, unknown: Sequence[str]) -> Line:
    """A line that leaves out environments which could not be compared: then nothing in it is good."""
    if not unknown:
        return line
    return Line(
        line.title, f"{', '.join(unknown)} not known; {line.text}", LOOK if line.weight == GOOD else line.weight
    )


def _environments(review: Review) -> Line:
    broken = [environment for environment in review.changed if environment.problems]
    known = [environment for environment in review.changed if not environment.problems]
    hidden = [
        *_taken_back(review),
        *_beside(review),
        *_counted(len(review.latent), "resources that no environment here has"),
        *_counted(len(review.choices), "what may be chosen"),
        *_interface(review.interface),
        *_tools(review),
        *_not_rendered(review),
    ]
    version = [f"version {review.version.before} → {review.version.after}"] if review.version else []
    rewritten = any(REWRITTEN.search(change.place) for change in review.interface)
    least = BAD if broken or rewritten else LOOK if hidden else GOOD
    pairs = _sentences(known, _happens)
    if len(pairs) > MOST:  # each would be told by itself, and nobody would read to the end
        pairs = _sentences(known, _counts)
    sentences = [*_not_compared(broken, review), *(f"{_names(names, review)}: {text}" for text, names in pairs)]
    if not known and len(broken) < max(len(review.environments), 1):
        sentences.append("none of the others changes" if broken else "none changes")
    weight = max((least, *map(_weight, known)), key=WEIGHTS.index)
    return Line("Environments", "; ".join([*sentences, *hidden, *version]), weight)


def _not_compared(broken: Sequence[EnvironmentReview], review: Review) -> Iterator[str]:
    """How many environments cannot be compared, with the first reason of each: nobody knows what happens there."""
    if broken:
        reasons = _sentences(broken, lambda environment: environment.problems[0])
        texts = [f"{_names(names, review)} ({reason})" for reason, names in reasons]
        yield (
            f"{len(broken)} of {len(review.environments)} cannot be compared: "
            f"{', '.join(texts[:MOST])}{_more(len(texts))}"
        )


def _interface(changes: Sequence[ValueChange]) -> Iterator[str]:
    """The outputs that are gone or another value, and what a template has otherwise, by name; outputs that are new are
    counted."""
    outputs = [change for change in changes if change.place.startswith("output ")]
    loud = [f"{change.place} changes" for change in changes if change not in outputs]
    loud += [f"{change.place} is gone" for change in outputs if not change.after]
    other = dict.fromkeys(" ".join(change.place.split()[:2]) for change in outputs if change.before and change.after)
    loud += [f"{place} is ANOTHER VALUE" for place in other]
    yield from loud[:MOST]
    yield from [f"{len(loud) - MOST} more of this kind"] if len(loud) > MOST else []
    yield from _counted(sum(not change.before for change in outputs), "outputs")


def _tools(review: Review) -> Iterator[str]:
    """That the change touches what checks it, or what deploys: no template shows what that does."""
    paths = [path for kind in TOOLS for path in review.files.get(kind, ())]
    if paths:
        yield f"WHAT CHECKS OR DEPLOYS changes: {', '.join(paths[:MOST])}{_more(len(paths))}"


def _not_rendered(review: Review) -> Iterator[str]:
    """That what templates are made from changes and they do not. A review reads committed templates: whether these
    would be others now, only rendering them anew can tell."""
    paths = [path for kind in SOURCES for path in review.files.get(kind, ())]
    if paths and "templates" not in review.files:
        what = f"WHAT TEMPLATES ARE MADE FROM changes ({', '.join(paths[:MOST])}{_more(len(paths))})"
        yield f"{what} and no template does: `python -m generator --check` decides"


def _taken_back(review: Review) -> Iterator[str]:
    """That the base is newer: what others merged since looks as if this change took it back."""
    if review.missing:
        commits = "1 commit" if review.missing == 1 else f"{review.missing:,} commits"
        yield f"{review.head} LACKS {commits} of {review.base}, whose changes are shown as taken back"


def _counted(count: int, what: str) -> list[str]:
    return [f"{count} {'change' if count == 1 else 'changes'} of {what}"] if count else []


def _weight(environment: EnvironmentReview) -> str:
    """How much it matters what happens to an environment."""
    if any(change.effect == TAKEN for change in environment.resources):
        return BAD  # it would not be carried out
    if environment.state in (ADDED, REMOVED) or {REPLACED, REMOVED} & environment.counts.keys():
        return LOOK
    if environment.settings or any(map(_runs, environment.resources)):
        return LOOK  # who may update what; or another program, which nobody can judge by its name
    return GOOD


def _beside(review: Review) -> list[str]:
    """What is deployed of an environment, where that makes the change another one."""
    deployed = review.deployed
    if deployed is None:
        return []
    if deployed.contradicts:
        return [f"{deployed.environment} DIFFERS from what is deployed, see below"]
    return [f"{deployed.environment}: not everything is known of what is deployed"] if deployed.unknown else []


def _happens(environment: EnvironmentReview) -> str:
    """What happens to an environment: its parameters, and the resources by name where they are few or may be lost."""
    return _sentence(environment, named=True)


def _counts(environment: EnvironmentReview) -> str:
    """The same in short: parameters and resources are counted."""
    return _sentence(environment, named=False)


def _sentence(environment: EnvironmentReview, *, named: bool) -> str:
    if environment.state == ADDED:
        return "a new environment"
    if environment.state == REMOVED:
        return "its parameter file is gone; a living one stays until it is destroyed"
    parts = list(_parameters(environment.parameters)) if named else []
    for action, count in environment.counts.items():
        paths = [_path(change) for change in environment.resources if change.action == action]
        names = f" ({', '.join(paths[:MOST])}{_more(count)})" if named and (action != CHANGED or count <= MOST) else ""
        parts.append(f"{count} {WORDS[action]}{names}")
    effects = dict.fromkeys(
        change.effect
        for change in environment.resources
        if change.effect == TAKEN or (change.action == CHANGED and change.effect != "in place")
    )
    parts += list(effects)
    if programs := [change.path for change in environment.resources if _runs(change)]:
        parts.append(f"other code runs: {', '.join(programs[:MOST])}{_more(len(programs))}")
    kinds = (kind for kind in ("tag", "stack policy") for each in environment.settings if each.place.startswith(kind))
    parts += dict.fromkeys(f"{kind} changes" for kind in kinds)
    parts += [
        f"{change.name} for users: {change.users}"
        for change in environment.parameters
        if change.loud and not change.users.startswith("nothing")
    ]
    if not environment.resources:
        parts.append("no resource" if parts else "parameters alone, no resource")
    return ", ".join(parts)


def _runs(change: ResourceChange) -> bool:
    """Whether a resource that stays runs another program."""
    return change.action in (CHANGED, REPLACED) and any(PROGRAM.search(value.place) for value in change.values)


def _path(change: ResourceChange) -> str:
    return f"{change.before} → {change.path}" if change.before else change.path


def _parameters(changes: Sequence[ParameterChange]) -> Iterator[str]:
    """The parameters that get another value; those that are new or gone are changes of what may be chosen."""
    there = [change for change in changes if change.before is not None and change.after is not None]
    for change in there[:MOST]:
        default = " by default" if change.origin == "default" else ""
        yield f"{change.name} {_short(change.before)} → {_short(change.after)}{default}"
    if len(there) > MOST:
        yield f"{len(there) - MOST} more parameters"


def _risks(review: Review) -> Line:
    entries = _listed(review, lambda environment: environment.risks)
    if not entries:
        return Line("Data and addresses", "none at risk", GOOD)
    return Line("Data and addresses", "; ".join(entries[:MOST]) + _more(len(entries)), BAD)


def _listed(review: Review, risks: Callable[[EnvironmentReview], tuple[Risk, ...]]) -> list[str]:
    """What happens to which resources, in which environments."""
    pairs = ((entry, environment.name) for environment in review.changed for entry in _by_resources(risks(environment)))
    return [
        f"{', '.join(paths[:MOST])}{_more(len(paths))} ({_names(names, review)}): {what}"
        for (what, paths), names in _gathered(pairs)
    ]


def _by_resources(risks: Iterable[Risk]) -> list[tuple[str, tuple[str, ...]]]:
    """What happens to the same resources, in one entry."""
    gathered = _gathered((paths, what) for what, paths in alike(risks))
    return [(f"{', '.join(what[:MOST])}{_more(len(what))}", paths) for paths, what in gathered]


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
    weaker = _listed(review, lambda environment: environment.weaker)
    if weaker:
        ways += f"; WEAKER: {'; '.join(weaker[:MOST])}{_more(len(weaker))}"
    if entries:
        broader = f"{len(entries)} broader: " + "; ".join(entries[:MOST]) + _more(len(entries))
        return Line(PERMISSIONS, broader + ways, BAD)
    narrower = any(environment.gained or environment.lost for environment in review.changed)
    text = "none broader" + ("; some are narrower or gone" if narrower else "") + _of_new(review, "roles") + ways
    return Line(PERMISSIONS, text, BAD if opened or weaker else GOOD)


def spoken(grant: Grant, environment: str) -> str:
    """Who may do what on what, in one line; environments that differ in their own names alone say the same."""
    return re.sub(rf"\b{re.escape(environment)}\b", ANY_ENVIRONMENT, _spoken(grant))


def _spoken(grant: Grant) -> str:
    resources = f" on {', '.join(grant.resources[:2])}{_more(len(grant.resources), 2)}" if grant.resources else ""
    actions = f"{', '.join(grant.actions[:MOST])}{_more(len(grant.actions))}"
    who = f" for {', '.join(grant.principals)}" if grant.principals else ""
    only = " without a condition" if not grant.conditions and grant.effect == "Allow" and "*" in grant.actions else ""
    verb = {"Deny": "is no longer denied", "policy": "gets the policy", "boundary": "loses the boundary"}
    return f"{grant.holder} {verb.get(grant.effect, 'may')} {actions}{resources}{who}{only}{grant.loosened}"


def _of_new(review: Review, what: str) -> str:
    """That a new environment has something of its own, which nothing here can be compared with."""
    names = [environment.name for environment in review.changed if environment.state == ADDED]
    return f"; {', '.join(names)}: {what} of its own" if names else ""


def _application(review: Review) -> Line:
    pairs = (
        (f"{change.place}: {_short(change.before)} → {_short(change.after)}", environment.name)
        for environment in review.changed
        for change in environment.variables
    )
    entries = [f"{text} ({_names(names, review)})" for text, names in _gathered(pairs)]
    if not entries:
        return Line("Application", f"gets the same values{_of_new(review, 'values')}", GOOD)
    text = "gets " + "; ".join(entries[:MOST]) + _more(len(entries))
    changes = [change for environment in review.changed for change in environment.variables]
    if any(_hides(change.after or "") for change in changes):
        return Line("Application", f"{text}; HIDDEN CHARACTERS in a value", BAD)
    return Line("Application", text, LOOK)


def _hides(value: str) -> bool:
    """Whether a value has characters that no screen shows, such as those that turn text round."""
    plain = LINE_BREAKS.sub("", value)
    return visible(plain) != plain


def _cost_and_gate(review: Review) -> Line:
    priced = [each for each in review.changed if not each.cost.unknown and _costs(each)]
    prices = _gathered((_costs(each), each.name) for each in priced)
    entries = [f"{_names(names, review)} {text}" for text, names in prices]
    cost = f"{', '.join(entries)} US dollars a month" if entries else ""
    unknown = _gathered((each.cost.unknown, each.name) for each in review.changed if each.cost.unknown)
    unpriced = [f"cost of {_names(names, review)} not known ({why})" for why, names in unknown]
    weight = LOOK if unknown else GOOD
    cost = "; ".join(filter(None, (cost, *unpriced))) or "no difference"
    gate = review.gate
    if "buildspecs" in review.files and "templates" not in review.files:
        gate, weight = "the buildspecs change and the templates that carry them do not: run `make templates`", BAD
    elif review.by_hand:
        gate, weight = "the templates change and nothing that they are rendered from: run `make templates`", BAD
    if gate != PASSED and weight != BAD:
        weight = BAD if gate.startswith("refuses") else LOOK
    near = [change for change in review.quotas if change.new or change.exceeded]
    if near:
        weight = BAD if any(change.exceeded for change in near) or weight == BAD else LOOK
        gate += f"; {'; '.join(map(used, near[:MOST]))}{_more(len(near))}"
    return Line("Cost and gate", f"{cost}; gate: {gate}", weight)


def _costs(environment: EnvironmentReview) -> str:
    """What an environment costs more or less in a month, and a new one as a whole; empty where nothing differs."""
    if environment.state == ADDED and environment.cost.after:
        return dollars(environment.cost.after)
    return dollars(environment.cost.difference or (0, 0)) if differs(environment.cost) else ""


def used(change: QuotaChange) -> str:
    """How much of a quota is used, before and after, in one line."""
    start = "TOO MANY" if change.exceeded else "near a limit"
    numbers = f"{change.before:,} → {change.after:,} of {change.most:,}"
    return f"{start}: {change.path} {numbers} {change.what}"


def differs(cost: CostChange) -> bool:
    """Whether a price changes by a cent or more."""
    return any(round(level, 2) for level in cost.difference or ())


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
