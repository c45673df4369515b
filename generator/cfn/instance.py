"""The templates as they are in one environment: conditions decided, parts left out gone, values known where possible.

Two readings, for two questions:

- `stack_instances`: the stacks that are made, as templates that CloudFormation would take. What only AWS will know (an
  output of a sibling, an account's id) stays an expression; a parameter that is fed with such a value counts, in a
  condition, as one that no condition compares with.
- `resolved_templates`: every value spelled out, the outputs of siblings put in, each nested stack under its logical id.
  What only AWS gives becomes a name: `{"Fn::GetAtt": ["Clients", "Arn"]}` in the nested stack `Data` is the text
  `${Data.Clients.Arn}`, wherever it is handed on to. So two versions of an environment can be compared value by value,
  across nested stacks and without an account.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from generator.cfn import assertions, graph
from generator.cfn.graph import SUBSTITUTION, mentions
from generator.cfn.intrinsics import OTHER, Names, decide, decided, render
from generator.cfn.places import objects
from generator.cfn.templates import STACK, Resource, Template, TemplateSet, UnknownNameError, from_bodies

SECTIONS = ("Conditions", "Rules")  # decided, so no longer there
OUTPUTS = "Outputs."  # what an attribute of a nested stack begins with that is one of its outputs
FORM = "AWS::CloudFormation::Interface"  # how the console asks for parameters, those that are gone among them


@dataclass(frozen=True)
class Instance:
    """One stack that is made: the way to it by logical ids, its template, and the values of its parameters."""

    path: tuple[str, ...]
    template: Template
    values: Mapping[str, str] = field(hash=False)

    def text(self, value: Any) -> str | None:
        """A property's value as text; None when something of it is known to AWS alone."""
        return known_text(value, self.values)

    def number(self, resource: Resource, *place: str | int, default: float) -> float:
        """The number at a place of a resource's properties; `default` where there is none."""
        value = resource.get(*place)
        text = None if value is None else self.text(value)
        return default if text is None else float(text)


def known_text(value: Any, values: Mapping[str, str]) -> str | None:
    """A value without conditions as text, with `values` put in for names; None when a name remains."""
    if not isinstance(value, str | int | float | dict):
        return None
    text = SUBSTITUTION.sub(lambda match: values.get(match[1], match[0]), render(value))
    return None if SUBSTITUTION.search(text) or OTHER in text else text


def stack_instances(root: Template, values: Mapping[str, str]) -> list[Instance]:
    """The root and every nested stack that exists under its parameters' `values`, parents first; nothing for a root of
    which nothing is left. Parameters that only a part left out would use are gone too, and so is what a parent passes
    for them.

    `values` may hold pseudo parameters (`AWS::Region`) too. The stacks of the last few `values` are remembered with the
    root, because one command asks for the same ones in several places: nobody may change what is in them. Raises
    `NotEvaluableError` for a condition that cannot be decided.
    """
    remembered = lru_cache(maxsize=16)(lambda items: tuple(_stack_instances(root, dict(items))))
    instances: tuple[Instance, ...] = root.results.setdefault(stack_instances, remembered)(frozenset(values.items()))
    return [*instances]


def _stack_instances(root: Template, values: Mapping[str, str]) -> list[Instance]:
    pseudo = {name: value for name, value in values.items() if name.startswith("AWS::")}
    decision = _Decision(pseudo)
    decision.add(root, (), dict(values))
    templates = from_bodies({name: body for name, body in decision.bodies.items() if body["Resources"]})
    return [
        Instance(path, templates[name], {**pseudo, **own}) for path, name, own in decision.stacks if name in templates
    ]


@dataclass
class _Decision:
    """The bodies of the templates of one environment, and its stacks as (path, template, values that are known)."""

    pseudo: Mapping[str, str]
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    stacks: list[tuple[tuple[str, ...], str, dict[str, str]]] = field(default_factory=list)

    def add(self, template: Template, path: tuple[str, ...], values: Mapping[str, str]) -> None:
        """Decides a template for the values of its parameters, and every one that it nests."""
        effective = {name: values.get(name, template.defaults.get(name, OTHER)) for name in template.parameters}
        outcome = assertions.conditions(template.body, effective, self.pseudo)
        resources = _existing(template, "Resources", outcome)
        for body in resources.values():
            _forget_what_is_gone(body, resources)
        own = {name: value for name, value in effective.items() if value != OTHER}
        self.stacks.append((path, template.name, own))
        for child in template.children():
            name = child.resource.logical_id
            if name in resources:
                passed = resources[name]["Properties"].get("Parameters", {})
                texts = {key: known_text(value, {**self.pseudo, **own}) for key, value in passed.items()}
                self.add(child.template, (*path, name), {k: OTHER if t is None else t for k, t in texts.items()})
                taken = self.bodies[child.template.name]["Parameters"]
                kept = {key: value for key, value in passed.items() if key in taken}
                resources[name]["Properties"]["Parameters"] = kept
        self.bodies[template.name] = _decided_body(template, resources, _existing(template, "Outputs", outcome))


def _existing(template: Template, section: str, outcome: Mapping[str, bool]) -> dict[str, Any]:
    """The entries of a section that exist under an outcome of the conditions, decided by it."""
    return {
        name: decide({key: value for key, value in body.items() if key != "Condition"}, outcome)
        for name, body in template.body.get(section, {}).items()
        if outcome.get(body.get("Condition", ""), True)
    }


def _forget_what_is_gone(body: dict[str, Any], resources: Mapping[str, Any]) -> None:
    """Takes reasons of statements and dependencies out of a resource that are not there any more."""
    if explained := {"Reasons", "Wildcards"} & body.get("Metadata", {}).keys():
        sids = {value["Sid"] for _, value in objects(body.get("Properties")) if "Sid" in value}
        kept = {about: {sid: why for sid, why in body["Metadata"][about].items() if sid in sids} for about in explained}
        body["Metadata"] = {**body["Metadata"], **kept}
    if "DependsOn" in body:
        body["DependsOn"] = [name for name in Resource("", "", body).depends_on if name in resources]


def _decided_body(template: Template, resources: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    rest = {name: body for name, body in template.body.items() if name not in SECTIONS}
    used = {target for _, _, target, _ in mentions([resources, outputs])}
    return {
        **rest,
        "Resources": resources,
        "Outputs": outputs,
        "Parameters": {name: how for name, how in template.parameters.items() if name in used},
        "Metadata": {name: value for name, value in template.metadata.items() if name != FORM},
    }


def resolved_templates(
    root: Template,
    values: Mapping[str, str],
    pseudo: Mapping[str, str] | None = None,
    known: dict[Any, Any] | None = None,
) -> TemplateSet:
    """The root, under its own name, and every nested stack that exists, under its path (`Data`), as templates whose
    resources exist and whose properties hold no function that can be carried out without AWS.

    `values` holds every parameter of the root, `pseudo` what is known of the pseudo parameters that conditions use.
    Whoever spells one root out many times gives the same `known`, in which nested stacks, resources and outputs are
    remembered by what they are given: the results share them, so nobody may change them. Raises
    `assertions.NotEvaluableError` for a condition that cannot be decided, `UnknownNameError` for a template that is
    missing.
    """
    bodies: dict[str, Any] = {}
    remembers = known is not None
    _Spelled(root, root.name, values, pseudo or {}, bodies, {} if known is None else known, remembers).build()
    return from_bodies(bodies)


class _Inputs(NamedTuple):
    """What of a value differs from one environment to the next: the names of parameters and conditions, and the outputs
    of nested stacks as (logical id, output). Everything else that it mentions stands for the same everywhere."""

    names: tuple[str, ...]
    outputs: tuple[tuple[str, str], ...]


def _inputs(template: Template, source: str, value: Any) -> _Inputs:
    inputs: _Inputs | None = template.results.get((_inputs, source))
    if inputs is None:
        names, outputs = set(), set()
        for _, how, target, attribute in mentions(value):
            if attribute.startswith(OUTPUTS):
                outputs.add((target, attribute.removeprefix(OUTPUTS)))
            elif how == "Condition" or target in template.parameters:
                names.add(target)
        inputs = template.results[_inputs, source] = _Inputs(tuple(sorted(names)), tuple(sorted(outputs)))
    return inputs


@dataclass
class _Spelled(Names):
    """One stack whose values are spelled out; `path` is empty for the root's own names. `nested` holds the outputs of
    its nested stacks."""

    template: Template
    name: str
    values: Mapping[str, str]
    pseudo: Mapping[str, str]
    bodies: dict[str, Any]
    known: dict[Any, Any]
    remembers: bool
    path: str = ""
    nested: dict[str, dict[str, Any]] = field(default_factory=dict)
    outcome: Mapping[str, bool] = field(default_factory=dict)

    def build(self) -> dict[str, Any]:
        """Adds the stack, and those below it, to `bodies`; returns its outputs."""
        self.outcome = assertions.conditions(self.template.body, self.values, self.pseudo)
        resources = {}
        for logical_id in self._order():
            body = self.template.resources[logical_id].body
            if not self._exists(body):
                continue
            properties = self._evaluated(f"Resources.{logical_id}", body.get("Properties") or {})
            if body["Type"] == STACK:
                self.nested[logical_id] = self._nest(logical_id, properties)
            resources[logical_id] = {**body, "Properties": properties}
            resources[logical_id].pop("Condition", None)
        if resources:  # a template without resources is none
            self.bodies[self.name] = {"Resources": resources}
        outputs = self.template.outputs.items()
        return {
            name: self._evaluated(f"Outputs.{name}", output["Value"])
            for name, output in outputs
            if self._exists(output)
        }

    def _evaluated(self, source: str, value: Any) -> Any:
        """A value of the template with its functions carried out; the same one for the same inputs."""
        if not self.remembers:
            return decided(value, self)
        names, outputs = _inputs(self.template, source, value)
        inputs = (
            *map(self.values.get, names),
            *map(self.outcome.get, names),
            *(self._output(*each) for each in outputs),
        )
        key = (self.path, self.template.name, source, *inputs)
        if key not in self.known:
            self.known[key] = decided(value, self)
        return self.known[key]

    def _output(self, name: str, output: str) -> str | None:
        """An output of a nested stack as a part of a key; None when it does not give it here."""
        value = self.nested.get(name, {}).get(output)
        return value if value is None or isinstance(value, str) else json.dumps(value)

    def _order(self) -> list[str]:
        """The outputs of a nested stack have to be known before whoever is given them; nothing else needs an order."""
        if self.template.name not in self.known:
            nests = any(resource.type == STACK for resource in self.template.resources.values())
            order = graph.order(graph.dependencies(self.template)) if nests else sorted(self.template.resources)
            self.known[self.template.name] = order
        return [*self.known[self.template.name]]

    def _exists(self, body: Mapping[str, Any]) -> bool:
        return "Condition" not in body or self.outcome[body["Condition"]]

    def _nest(self, logical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        name, family = str(properties["TemplateURL"]).removesuffix(".json"), self.template.family
        if name not in family:
            raise UnknownNameError(f"template for {self.path}{logical_id}, whose TemplateURL is", name, list(family))
        passed = properties.get("Parameters", {}).items()
        texts = {key: ",".join(map(str, value)) if isinstance(value, list) else str(value) for key, value in passed}
        values = {**family[name].defaults, **texts}
        below = f"{self.path}{logical_id}"
        key = (below, name, frozenset(values.items()))
        if key not in self.known:
            bodies: dict[str, Any] = {}
            nested = _Spelled(family[name], below, values, self.pseudo, bodies, self.known, self.remembers, f"{below}.")
            self.known[key] = bodies, nested.build()
        remembered: tuple[dict[str, Any], dict[str, Any]] = self.known[key]
        self.bodies.update(remembered[0])
        return remembered[1]

    def holds(self, condition: str) -> bool:
        return self.outcome[condition]

    def reference(self, name: str) -> Any:
        if name.startswith("AWS::"):
            return f"${{{name}}}"
        if name in self.template.parameters:
            kind = self.template.parameters[name]["Type"]
            parts = assertions.members(kind, self.values[name])
            return parts if assertions.is_list(kind) else parts[0]
        return f"${{{self.path}{name}}}"

    def attribute(self, name: str, attribute: str) -> Any:
        output = attribute.removeprefix(OUTPUTS)
        # An output that the nested stack does not give here stays a name: its condition does not hold.
        if output != attribute and output in self.nested.get(name, {}):
            return self.nested[name][output]
        return f"${{{self.path}{name}.{attribute}}}"
