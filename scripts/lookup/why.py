"""Where something is made, why, who depends on it, what it costs and what changing it does: `delivery why NAME`.

NAME is a resource (`Data.Clients`, `data.Clients`, `Clients`), a parameter (`TaskCpu`), a permission (`s3:PutObject`),
a requirement (`BLD-8`) or a resource type (`AWS::KMS::Key`). Everything is read from the templates, the parameter files
and the table of requirements; no account is asked.
"""

import json
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from generator.cfn import graph, parameters
from generator.cfn.broadening import covers
from generator.cfn.effects import ALLOWED, REFUSED, ROWS, Row, rows_of
from generator.cfn.environments import SHARED, Environment, roots_of
from generator.cfn.instance import Instance
from generator.cfn.losses import keeps
from generator.cfn.parameters import ParameterFileError
from generator.cfn.permissions import Permission, permissions
from generator.cfn.schemas import SchemasError, create_only
from generator.cfn.templates import STACK, Resource, TemplatesError, TemplateSet, load
from scripts import cost
from scripts.costs.estimate import PriceMissingError, of_resource
from scripts.deployment.errors import Exit, RefusedError, UsageError
from scripts.review.places import resource_places
from scripts.terminal import console, results
from scripts.terminal.text import BOLD, Line, line

PROJECT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"  # of the prices
# Directions of a change, as the table of effects names them.
DIRECTIONS = {
    "any": "any other value",
    "set": "when it is set",
    "removed": "when it is emptied",
    "changed": "another value",
}
LOUD = {REFUSED: "refused: ", ALLOWED: "has to be named: "}
CLOSE = 5  # names that are offered for one that is not known


@dataclass(frozen=True)
class Fact:
    """One thing that is known: what it is about (`made in`), and what is known."""

    title: str
    text: str


@dataclass(frozen=True)
class Answer:
    """What is known of one thing. `kind` is resource, parameter, permission or requirement."""

    name: str
    kind: str
    facts: tuple[Fact, ...]


def arguments(parser: ArgumentParser) -> None:
    """What is asked for."""
    parser.add_argument("name", metavar="NAME", help="a resource, parameter, permission, requirement or resource type")
    parser.add_argument("--format", choices=("terminal", "json"), default="terminal", help="how it is shown")
    parser.add_argument("--project", type=Path, default=PROJECT, help="the checkout")


def run(options: Namespace) -> Exit:
    """Answers. Raises `UsageError` for a name that is nowhere, with names that are alike."""
    answers = Library(options.project).answers(options.name)
    if options.format == "json":
        results.show([asdict(answer) for answer in answers])
    else:
        console.show(_lines(answers))
    return Exit.DONE


def _lines(answers: list[Answer]) -> Iterator[Line]:
    for number, answer in enumerate(answers):
        if number:
            yield line("")
        yield line((answer.name, BOLD), f"  {answer.kind}")
        width = max(len(fact.title) for fact in answer.facts)
        for fact in answer.facts:
            yield line(f"{fact.title:{width}}  {fact.text}", depth=1)


class Library:
    """The templates, parameter files and requirements of a checkout. Raises `RefusedError` when they cannot be read."""

    def __init__(self, project: Path) -> None:
        self.project = project
        try:
            self.templates: TemplateSet = load(project / "templates")
            self.files = {file.stem: parameters.read(file) for file in sorted((project / "params").glob("*.json"))}
        except (TemplatesError, ParameterFileError) as error:
            raise RefusedError(str(error)) from error
        self.children = {
            child.resource.logical_id: child.template.name for root in self.templates for child in root.children()
        }

    def answers(self, name: str) -> list[Answer]:
        """Everything that a name means. Raises `UsageError`."""
        readers: list[tuple[str, Callable[[str], Iterator[Answer]]]] = [
            (r"[\w*-]+:[\w*]+", self._permissions),
            (r"[A-Z]{2,4}-\d+", self._requirements),
            (r"AWS::\w+::\w+", self._types),
            (r"[\w.]+", self._resources),
            (r"\w+", self._parameters),
        ]
        answers = [answer for pattern, ask in readers if re.fullmatch(pattern, name) for answer in ask(name)]
        if not answers:
            close = get_close_matches(name, self._names(), CLOSE, 0.6)
            meant = f"Did you mean {', '.join(close)}?" if close else "Names are those of the templates."
            raise UsageError(f"There is nothing called {name} in the templates.", meant)
        return answers

    def _names(self) -> list[str]:
        stacks = {template: path for path, template in self.children.items()}
        names = {parameter for template in self.templates for parameter in template.parameters}
        for resource in self.templates.resources():
            names |= {resource.logical_id, f"{stacks.get(resource.template, resource.template)}.{resource.logical_id}"}
        return sorted(names | {action for permission in permissions(self.templates) for action in permission.actions})

    def _resources(self, name: str) -> Iterator[Answer]:
        stack, _, logical_id = name.rpartition(".")
        template = self.children.get(stack, stack)
        for resource in self.templates.resources():
            if resource.logical_id == logical_id and template in ("", resource.template):
                yield Answer(resource.address, f"resource, {resource.type}", tuple(self._resource(resource)))

    def _types(self, name: str) -> Iterator[Answer]:
        for resource in self.templates.resources(name):
            yield Answer(resource.address, f"resource, {resource.type}", tuple(self._resource(resource)))

    def _resource(self, resource: Resource) -> Iterator[Fact]:
        template = self.templates[resource.template]
        yield Fact("purpose", resource.description or "not described")
        if resource.requirements:
            yield Fact("requirements", ", ".join(resource.requirements))
        rendered, *source = resource_places(self.templates, template.name, resource.logical_id, self.project)
        yield Fact("made in", f"{source[0] if source else template.module}; rendered to {rendered}")
        yield Fact("exists", f"when {resource.condition}" if resource.condition else "always")
        needs = graph.dependencies(template)
        yield Fact("needs", ", ".join(sorted(needs[resource.logical_id])) or "nothing in its stack")
        users = [name for name, others in needs.items() if resource.logical_id in others]
        outputs = sorted(
            {
                r.source.partition(".")[2]
                for r in graph.references(template)
                if r.source.startswith("Outputs.") and r.target == resource.logical_id
            }
        )
        yield Fact("used by", ", ".join(sorted(users)) or "nothing in its stack")
        if outputs:
            yield Fact("given on", f"as {', '.join(outputs)}{self._takers(resource.template, outputs)}")
        yield Fact("costs", self._costs(resource))
        yield from self._changing(resource)

    @cached_property
    def _stacks(self) -> dict[str, list[Instance]]:
        """The settled stacks of each environment, after its first release."""
        return {
            name: list(
                cost.stacks(
                    {
                        root: Environment(name, template, self.files[name])
                        for root, template in roots_of(name, self.templates).items()
                    },
                    REGION,
                )
            )
            for name in self.files
            if name != SHARED
        }

    def _costs(self, resource: Resource) -> str:
        """What the resource costs where it is made, environments with one figure together. Raises `RefusedError`."""
        figures = dict[str, list[str]]()
        for name, stacks in self._stacks.items():
            try:
                level = of_resource(stacks, resource.template, resource.logical_id)
            except PriceMissingError as error:
                raise RefusedError(str(error), "Add it, with its date and source.") from error
            if level is not None:
                low, high = f"{level.low:.2f}", f"{level.high:.2f}"
                figures.setdefault(low if low == high else f"{low} to {high}", []).append(name)
        if figures.keys() <= {"0.00"}:
            return "nothing by itself" if figures else "nothing: no environment here has it"
        paid = [f"{text} in {', '.join(names)}" for text, names in figures.items()]
        return f"US dollars a month, before what is free: {'; '.join(paid)}"

    def _takers(self, template: str, outputs: list[str]) -> str:
        """The nested stacks that are given outputs of another one."""
        takers = set()
        for root in self.templates:
            names = [child.resource.logical_id for child in root.children() if child.template.name == template]
            for child in root.children():
                for _, how, target, attribute in graph.mentions(child.parameters):
                    if how == "GetAtt" and target in names and attribute.removeprefix("Outputs.") in outputs:
                        takers.add(child.resource.logical_id)
        return f" to {', '.join(sorted(takers))}" if takers else ""

    def _changing(self, resource: Resource) -> Iterator[Fact]:
        try:
            fixed = [".".join(path) for path in create_only(resource.type)]
        except SchemasError as error:
            raise RefusedError(str(error), "Run `make templates`.") from error
        here = [path for path in fixed if path.partition(".")[0] in resource.properties]
        if resource.type != STACK:
            yield Fact(
                "replaced by", f"a change of {', '.join(here)}" if here else "no change of a property that it has"
            )
        if keeps(resource):
            policies = [
                f"{name} {resource.body[name]}"
                for name in ("DeletionPolicy", "UpdateReplacePolicy")
                if name in resource.body
            ]
            yield Fact("kept", ", ".join(policies))
        may = [permission for permission in permissions(self.templates) if permission.holder == resource.address]
        if may:
            yield Fact("policies", f"{len(may)} statements: docs/permissions.md, or `delivery why` with an action")

    def _parameters(self, name: str) -> Iterator[Answer]:
        for root in self.templates:
            if name in root.parameters and (root.children() or root.name in ("shared", "access", "edge")):
                yield Answer(f"{root.name}.{name}", "parameter", tuple(self._parameter(root.name, name)))

    def _parameter(self, root: str, name: str) -> Iterator[Fact]:
        declared = self.templates[root].parameters[name]
        yield Fact("meaning", str(declared.get("Description", "not described")))
        if computed := self.templates[root].metadata.get("Computed", {}).get(name):
            yield Fact("value", f"computed by the deploy script: {computed.get('Found', '')}")
        else:
            yield Fact("default", json.dumps(declared["Default"]) if "Default" in declared else "none: must be given")
        if "AllowedValues" in declared:
            yield Fact("valid", ", ".join(map(str, declared["AllowedValues"])))
        if fixed := self.templates[root].metadata.get("Fixed", {}).get(name):
            yield Fact("fixed", f"cannot be changed on a living environment: {fixed}")
        values = {
            environment: file.parameters[name]
            for environment, file in self.files.items()
            if name in file.parameters
            and root in {each.name for each in roots_of(environment, self.templates).values()}
        }
        yield Fact("set in", ", ".join(f"{where} = {value}" for where, value in values.items()) or "no parameter file")
        users = sorted({r.source.partition(".")[2] for r in graph.references(self.templates[root]) if r.target == name})
        yield Fact("used by", ", ".join(users) or "rules alone")
        yield from self._effects(root, name)

    def _effects(self, root: str, name: str) -> Iterator[Fact]:
        """What a change does to a living environment, in the sentences of docs/parameters.md and of a plan."""
        computed = self.templates[root].metadata.get("Computed", {})
        covered = {each for how in computed.values() for each in how.get("Covers", ())}
        rows = rows_of(ROWS, root, name, covered)
        for row in rows:
            yield Fact("changing it", f"{_direction(row)}: {LOUD.get(row.level, '')}{row.text}")
        if not rows:
            yield Fact("changing it", "docs/parameters.md")

    def _permissions(self, name: str) -> Iterator[Answer]:
        for permission in permissions(self.templates):
            if any(covers(action.lower(), name.lower()) for action in permission.actions):
                yield Answer(
                    permission.holder,
                    f"{permission.kind} statement {permission.sid}".strip(),
                    tuple(_permission(permission)),
                )

    def _requirements(self, name: str) -> Iterator[Answer]:
        table = self.project / "docs/conformance.md"
        rows = table.read_text(encoding="utf-8").splitlines() if table.is_file() else []
        serving = [resource.address for resource in self.templates.resources() if name in resource.requirements]
        for row in rows:
            cells = [cell.strip() for cell in row.strip("|").split("|")]
            if len(cells) >= 5 and cells[0] == name:
                facts = [Fact("status", cells[1]), Fact("what and why", cells[2]), Fact("proof", cells[4])]
                yield Answer(name, "requirement", (*facts, Fact("resources", ", ".join(serving) or cells[3])))


def _direction(row: Row) -> str:
    """Which change a row of the table of effects is about."""
    beside = [f"{name} is {' or '.join(values)}" for name, values in row.when.items()]
    before = [f"{name} was {' or '.join(values)}" for name, values in row.was.items()]
    limits = " and ".join([*beside, *before])
    return DIRECTIONS.get(row.change, row.change) + (f" while {limits}" if limits else "")


def _permission(permission: Permission) -> Iterator[Fact]:
    yield Fact(
        "allows" if permission.allows else "denies",
        ", ".join(permission.actions) or f"all but {', '.join(permission.not_actions)}",
    )
    if permission.principals:
        yield Fact("for", ", ".join(permission.principals))
    if permission.resources:
        yield Fact("on", ", ".join(permission.resources))
    if permission.conditions:
        yield Fact("if", " and ".join(map(str, permission.conditions)))
    if permission.when:
        yield Fact("when", ", ".join(permission.when))
    yield Fact("reason", permission.reason or "none written: it follows from the kind of policy")
