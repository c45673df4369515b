"""Who depends on what: inside a template, between the children of a root, and across templates.

The forms of a reference are those of the CloudFormation user guide (intrinsic function reference): `Ref`,
`Fn::GetAtt` as list and dotted string, `Fn::Sub` as string and as list with own variables, `DependsOn`, and
`Condition` in its three uses (attribute of a resource, `{"Condition": name}` in conditions, first of `Fn::If`).
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from generator.cfn.places import Place, objects, spell
from generator.cfn.templates import STACK, Child, Template, TemplatesError

Graph = Mapping[str, Collection[str]]  # name -> the names that it needs

# `${Name}` or `${Name.Attribute}`; `${!Literal}` stands for the text itself.
SUBSTITUTION = re.compile(r"\$\{(?!!)\s*([^}\s]+)\s*\}")


class CycleError(TemplatesError):
    """Things that need each other in a circle."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        super().__init__(f"these need each other in a circle: {' -> '.join([*names, names[0]])}")


@dataclass(frozen=True)
class Reference:
    """One mention of a name. `source` is a section and name, `target` a logical id, parameter or condition."""

    source: str  # "Resources.Service", "Outputs.Name", "Conditions.Name"
    place: Place
    how: str  # Ref, GetAtt, Sub, DependsOn, Condition
    target: str
    attribute: str = ""

    def __str__(self) -> str:
        name = f"{self.target}.{self.attribute}" if self.attribute else self.target
        return f"{self.source} at {spell(self.place)}: {self.how} {name}"


def mentions(value: Any) -> Iterator[tuple[Place, str, str, str]]:
    """Every (place, how, target, attribute) in a value; pseudo parameters (`AWS::Region`) are no targets."""
    for place, inner in objects(value):
        if len(inner) != 1:
            continue
        [(function, argument)] = inner.items()
        match function, argument:
            case "Ref", str():
                mentioned = [("Ref", argument, "")]
            case "Fn::GetAtt", [str() as target, *rest]:
                mentioned = [("GetAtt", target, ".".join(map(str, rest)))]
            case "Fn::GetAtt", str():
                target, _, attribute = argument.partition(".")
                mentioned = [("GetAtt", target, attribute)]
            case "Fn::Sub", str():
                mentioned = [("Sub", *split(name)) for name in SUBSTITUTION.findall(argument)]
            case "Fn::Sub", [str() as text, dict() as own]:
                mentioned = [("Sub", *split(name)) for name in SUBSTITUTION.findall(text) if name not in own]
            case "Fn::If", [str() as condition, *_]:
                mentioned = [("Condition", condition, "")]
            case "Condition", str():
                mentioned = [("Condition", argument, "")]
            case _:
                mentioned = []
        yield from ((place, *mention) for mention in mentioned if not mention[1].startswith("AWS::"))


def split(name: str) -> tuple[str, str]:
    """`Bucket.Arn` as target and attribute."""
    target, _, attribute = name.partition(".")
    return target, attribute


def references(template: Template) -> list[Reference]:
    """Every reference in the resources, outputs and conditions of a template, in the order of the file."""
    references = []
    for resource in template.resources.values():
        source = f"Resources.{resource.logical_id}"
        if resource.condition:
            references.append(Reference(source, ("Condition",), "Condition", resource.condition))
        references += [Reference(source, ("DependsOn",), "DependsOn", target) for target in resource.depends_on]
        references += [Reference(source, *mention) for mention in mentions(resource.properties)]
    for name, output in template.outputs.items():
        if "Condition" in output:
            references.append(Reference(f"Outputs.{name}", ("Condition",), "Condition", output["Condition"]))
        references += [Reference(f"Outputs.{name}", *mention) for mention in mentions(output.get("Value"))]
    for name, condition in template.conditions.items():
        references += [Reference(f"Conditions.{name}", *mention) for mention in mentions(condition)]
    return references


def dependencies(template: Template) -> dict[str, frozenset[str]]:
    """Which resources of the template each resource needs."""
    needed: dict[str, set[str]] = {logical_id: set() for logical_id in template.resources}
    for reference in references(template):
        section, _, name = reference.source.partition(".")
        if section == "Resources" and reference.how != "Condition" and reference.target in needed:
            needed[name].add(reference.target)
    return {name: frozenset(targets) for name, targets in needed.items()}


def child_dependencies(root: Template) -> dict[str, frozenset[str]]:
    """Which nested stacks of the root each nested stack needs, also by way of the root's other resources."""
    direct = dependencies(root)
    stacks = {name for name in direct if root.resources[name].type == STACK}
    order(direct)  # a circle would make the walk below endless

    def reach(name: str) -> set[str]:
        return set().union(*({need} if need in stacks else reach(need) for need in direct[name]))

    return {name: frozenset(reach(name)) for name in direct if name in stacks}


def order(graph: Graph) -> list[str]:
    """The names so that each stands after what it needs, alphabetical where that leaves a choice.

    Raises `CycleError` with the names on one circle. Names that are needed but are no key count as given.
    """
    left = {name: {need for need in needs if need in graph} for name, needs in graph.items()}
    done: list[str] = []
    while left:
        ready = sorted(name for name, needs in left.items() if not needs - set(done))
        if not ready:
            raise CycleError(_circle({name: needs - set(done) for name, needs in left.items()}))
        done += ready
        for name in ready:
            del left[name]
    return done


def _circle(graph: Mapping[str, set[str]]) -> list[str]:
    """One circle in a graph of which every name needs another one in it."""
    trail = [min(graph)]
    while True:
        need = min(graph[trail[-1]])
        if need in trail:
            return trail[trail.index(need) :]
        trail.append(need)


@dataclass(frozen=True)
class Giver:
    """Where a child's parameter comes from: `("Outputs", "storage", "BucketArn")`, or a root's own entry."""

    section: str  # Outputs (of a sibling), Parameters or Resources (of the root)
    template: str
    name: str

    def __str__(self) -> str:
        return f"{self.template}.{self.section}.{self.name}"


def givers(root: Template, child: Child, parameter: str) -> tuple[Giver, ...]:
    """What a child's parameter is made of: sibling outputs, root parameters and root resources, each once.

    Empty for a literal or an account-wide value such as the region. Conditions are no givers: they choose.
    """
    siblings = {sibling.resource.logical_id: sibling for sibling in root.children()}
    distinct: dict[Giver, None] = {}
    for _, how, target, attribute in mentions(child.parameters.get(parameter)):
        if how == "Condition":
            continue
        if target in siblings and attribute.startswith("Outputs."):
            giver = Giver("Outputs", siblings[target].template.name, attribute.removeprefix("Outputs."))
        else:
            giver = Giver("Parameters" if target in root.parameters else "Resources", root.name, target)
        distinct[giver] = None
    return tuple(distinct)
