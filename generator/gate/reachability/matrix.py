"""Who can reach what, compared with what is accepted: the matrix, its page, and the findings of the gate."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from generator.cfn import parameters
from generator.cfn.environments import Environment, roots_of
from generator.cfn.names import PRODUCTION, SHARED
from generator.cfn.parameters import ParameterFile
from generator.cfn.reachability.account import build
from generator.cfn.reachability.search import Identity, Reach, reach
from generator.cfn.reachability.terms import Step
from generator.cfn.template_names import DOMAIN, ZONE
from generator.cfn.templates import TemplateSet
from generator.gate import tables
from generator.gate.finding import Finding
from generator.gate.reachability.accepted import KINDS, LIMIT, MEANT, OPEN, RULES, Rule

SOURCE = "generator/gate/reachability/accepted.py"
# Two environments that may stand in one account, beside what all of them share.
STAGING, BEANSTALK = "staging", "beanstalk"
NEW = "new"


@dataclass(frozen=True)
class Matrix:
    """The reach of an account, by the rules that accept its steps."""

    reach: Reach
    environments: tuple[str, ...]

    @cached_property
    def accepted(self) -> dict[Step, Rule | None]:
        """The rule that accepts each step; None for a step that no rule accepts."""

        def rule_for(step: Step) -> Rule | None:
            return next((rule for rule in RULES if _accepts(rule, step, self.environments)), None)

        return {step: rule_for(step) for step in self.reach.steps}

    def kind(self, step: Step) -> str:
        """What is said about a step: one of KINDS, or NEW."""
        rule = self.accepted[step]
        return rule.kind if rule else NEW

    def cell(self, identity: Identity, asset: str) -> tuple[str, tuple[Step, ...]]:
        """How an identity reaches an asset: the best kind of way there is, and the way; nothing where it does not."""
        allowed: set[str] = set()
        for kind in (*KINDS, NEW):
            allowed.add(kind)
            way = self.reach.path(identity.starts, asset, lambda step: self.kind(step) in allowed)
            if way is not None:
                return kind, way
        return "", ()

    def unaccepted(self) -> list[Step]:
        """The steps that no rule accepts and some identity can take."""
        places = self.reach.reachable(lambda _: True)
        return [step for step, rule in self.accepted.items() if rule is None and step.source in places]


def _accepts(rule: Rule, step: Step, environments: Sequence[str]) -> bool:
    return any(
        fnmatchcase(step.source, _put_in(rule.source, own, other))
        and fnmatchcase(step.target, _put_in(rule.target, own, other))
        and fnmatchcase(step.by, rule.by)
        for own in environments
        for other in environments
        if own != other
    )


def _put_in(pattern: str, own: str, other: str) -> str:
    return pattern.replace("{E}", own).replace("{O}", other)


def make_matrices(templates: TemplateSet, params: Path) -> tuple[Matrix, ...]:
    """The matrix of staging and production, and that of production beside an environment on Elastic Beanstalk where
    there is a file for one. Raises as `make_matrix`."""
    beside = [STAGING, *([BEANSTALK] if (params / f"{BEANSTALK}.json").is_file() else [])]
    return tuple(make_matrix(templates, params, (name, PRODUCTION)) for name in beside)


def make_matrix(templates: TemplateSet, params: Path, names: tuple[str, ...] = (STAGING, PRODUCTION)) -> Matrix:
    """The matrix of two environments in one account, with the values of their parameter files in `params` and a domain
    for each, in one hosted zone.

    Raises `ParameterFileError` for a file that cannot be read, `TemplatesError` for templates that cannot.
    """
    roots = list(_roots(templates, params, (SHARED, *names)))
    # The findings and the page ask for the same: it takes a second.
    key = (make_matrix, json.dumps([[root.file.parameters, root.file.tags] for root in roots]))
    if key not in templates.results:
        templates.results[key] = reach(build(roots))
    return Matrix(templates.results[key], names)


def _roots(templates: TemplateSet, params: Path, names: Iterable[str]) -> Iterator[Environment]:
    for name in names:
        file = parameters.read(params / f"{name}.json")
        for root in roots_of(name, templates).values():
            environment = Environment(name, root, _with_domain(file, name))
            if environment.needed:
                yield environment


def _with_domain(file: ParameterFile, name: str) -> ParameterFile:
    domain = {} if name == SHARED else {DOMAIN: f"{name}.example.com", ZONE: "Z1"}
    return replace(file, parameters={**file.parameters, **domain})


def findings(*matrices: Matrix) -> list[Finding]:
    """Every step that is not accepted, with the way that it opens."""
    return sorted({_new_path(matrix, step) for matrix in matrices for step in matrix.unaccepted()})


def _new_path(matrix: Matrix, step: Step) -> Finding:
    ways = []
    for identity in matrix.reach.identities:
        before = matrix.reach.path(identity.starts, step.source, lambda _: True)
        if before is None:
            continue
        for asset in matrix.reach.assets:
            after = matrix.reach.path((step.target,), asset, lambda _: True)
            if after is not None:
                known = matrix.cell(identity, asset)[0] != NEW  # what is reached already says less
                ways.append(((known, len(before) + len(after)), identity, asset, (*before, step, *after)))
    if not ways:
        text = f"{step.source} may become or write {step.target}: {step.how} ({step.by})"
    else:
        _, identity, asset, way = min(ways, key=lambda each: (each[0], each[1].label, each[2]))
        more = f"; {len(ways) - 1} more such ways lead through this step" if len(ways) > 1 else ""
        text = f"{identity.label} can reach {asset}: {spelled(identity, way)}{more}"
    fix = f"narrow the statement, or accept the step from {step.source!r} to {step.target!r} with a reason in {SOURCE}"
    template, _, where = step.by.partition(" ")[0].partition(".")
    return Finding(f"{template}.json", where, "REACH", text, fix)


def spelled(identity: Identity, way: Sequence[Step]) -> str:
    """A way in words, each step with its place."""
    start = way[0].source if way else identity.label
    first = "" if start == identity.label else f"is {start}; "
    return first + "; ".join(f"{step.how} [{step.by}] -> {step.target}" for step in way)


HEAD = """# Who can reach what

Made from the templates by `make templates`. Staging and production stand in one account here, each with the values of
its file in `params/` and a domain in the same hosted zone. The search starts at somebody who has one job and follows
what the policies allow: assuming a role, passing one, making or changing one, starting a build with another buildspec,
and writing what somebody else executes or believes. Boundaries, explicit denies, conditions, tags and patterns of ARNs
count. A way that is not accepted in `generator/gate/reachability/accepted.py` fails the gate.

- `·` no way.
- **meant**: the way is the job.
- **limit**: known, and not to be closed with AWS's means in one account. An account for each environment closes it.
- **open**: a fault that is known; the number is its row in the findings.

"""
BESIDE = """
## With the backend on Elastic Beanstalk

Production beside the environment `beanstalk`, in an account of their own.

"""
MARK = {"": "·", NEW: "**new**"}
ORDER = {
    OPEN: ("Open", "Faults that are known and not closed yet, each with the shortest way."),
    LIMIT: ("What one account cannot keep apart", "Known ways that no policy closes without stopping the work itself."),
    MEANT: ("What is meant", "The shortest way of each job."),
}
NOT_READ = """
## What is not looked at

Policies of an organisation and session policies; what AWS changes in its own managed policies, which are read as they
were when the set was made; faults of AWS and of the programs themselves; what a person is talked into; the bucket in
which Elastic Beanstalk keeps the bundles of all its environments. Names that AWS makes are made up as CloudFormation
cuts them. What anybody with rights of their own in the account may do is theirs.
"""


def page(matrices: Sequence[Matrix]) -> str:
    """The page as it is committed: the table of each account, the ways of the first, and of the others those that are
    more than meant and new with them."""
    matrix, *others = matrices
    assets, identities = matrix.reach.assets, matrix.reach.identities
    cells = _cells(matrix)
    lines = [HEAD, *_table(matrix, cells), *(line for other in others for line in _beside(other))]
    for kind in (OPEN, LIMIT, MEANT):
        ways = [(i, a, *cells[i.label, a]) for i in identities for a in assets if cells[i.label, a][0] == kind]
        if not ways:
            continue
        title, text = ORDER[kind]
        lines.append(f"\n## {title}\n\n{text}\n\n")
        lines += [_way(identity, asset, way) for identity, asset, _, way in ways]
    lines.append(_steps(matrices))
    lines.append(NOT_READ)
    if unread := sorted({text for each in matrices for text in each.reach.unread}):
        lines.append("\nPolicies of AWS on our roles that are not read:\n\n")
        lines += [f"- {text}\n" for text in unread]
    return "".join(lines).rstrip() + "\n"


Cells = dict[tuple[str, str], tuple[str, tuple[Step, ...]]]


def _cells(matrix: Matrix) -> Cells:
    reach = matrix.reach
    return {(i.label, asset): matrix.cell(i, asset) for i in reach.identities for asset in reach.assets}


def _table(matrix: Matrix, cells: Cells) -> Iterator[str]:
    assets = matrix.reach.assets
    yield tables.head(["", *assets])
    for identity in matrix.reach.identities:
        yield tables.row([f"**{identity.label}**", *(_mark(matrix, *cells[identity.label, asset]) for asset in assets)])


def _beside(matrix: Matrix) -> Iterator[str]:
    """The same of an account with an environment that has its backend on Elastic Beanstalk, with what is not meant."""
    cells, reach = _cells(matrix), matrix.reach
    yield BESIDE
    yield from _table(matrix, cells)
    ways = [(i, a, *cells[i.label, a]) for i in reach.identities for a in reach.assets]
    new = [(i, asset, way) for i, asset, kind, way in ways if kind in (OPEN, LIMIT) and BEANSTALK in i.label]
    yield "\nWhat is not meant of it:\n\n" if new else ""
    yield from (_way(identity, asset, way) for identity, asset, way in new)


def _mark(matrix: Matrix, kind: str, way: Sequence[Step]) -> str:
    if kind == OPEN:
        rows = {rule.row for step in way if (rule := matrix.accepted[step]) and rule.kind == OPEN}
        return f"**open** {', '.join(sorted(rows))}"
    return MARK.get(kind, kind)


def _way(identity: Identity, asset: str, way: Sequence[Step]) -> str:
    lines = [f"- **{identity.label} → {asset}**\n"]
    if not way:
        return lines[0]
    place = way[0].source
    if place != identity.label:
        lines.append(f"  1. is {place}\n")
    lines += [f"  1. {step.how} (`{step.by}`), and so reaches **{step.target}**\n" for step in way]
    return "".join(lines)


def _steps(matrices: Sequence[Matrix]) -> str:
    """Every rule with the steps that it accepts, counted."""
    lines = [
        "\n## Every step that is accepted\n\nOne row a rule, with the number of steps in both accounts.\n\n",
        tables.head(("from", "to", "by", "steps", "kind", "because")),
    ]
    for rule in RULES:
        number = sum(accepted is rule for matrix in matrices for accepted in matrix.accepted.values())
        lines.append(tables.row((rule.source, rule.target, f"`{rule.by}`", str(number), _kind(rule), rule.reason)))
    return "".join(lines)


def _kind(rule: Rule) -> str:
    return f"open {rule.row}".rstrip() if rule.kind == OPEN else rule.kind
