"""What a project rule is."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from generator.cfn.intrinsics import choices
from generator.cfn.templates import Resource, TemplateSet
from generator.gate.finding import Finding


@dataclass(frozen=True)
class Fault:
    """Where a rule is broken: an address such as `storage.Artifacts`, or a template's name, and what is wrong."""

    address: str
    message: str


Check = Callable[[TemplateSet], Iterable[Fault]]


@dataclass(frozen=True)
class Rule:
    """A project rule. `why` says what goes wrong without it, `fix` what to do, `check` finds the faults."""

    id: str
    why: str
    fix: str
    check: Check

    def findings(self, templates: TemplateSet) -> list[Finding]:
        """The faults of a set, each once, in the order in which they were found."""
        findings = []
        for fault in dict.fromkeys(self.check(templates)):
            name, _, where = fault.address.partition(".")
            findings.append(
                Finding(f"{name}.json", where or "template", self.id, f"{fault.message}; {self.why}", self.fix)
            )
        return findings


def values(resource: Resource, *place: str | int) -> Iterator[Any]:
    """The property at a place under each choice of the conditions that decide it; None where it is absent."""
    for _, chosen in choices({place[0]: resource.properties.get(str(place[0]))}):
        value: Any = chosen
        for step in place:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                value = None
        yield value


def must(kind: str, place: tuple[str | int, ...], message: str, good: Callable[[Any], bool]) -> Check:
    """A check that a property of every resource of a type is good, whatever the conditions choose."""

    def check(templates: TemplateSet) -> Iterator[Fault]:
        for resource in templates.resources(kind):
            if not all(good(value) for value in values(resource, *place)):
                yield Fault(resource.address, message)

    return check


def every(*checks: Check) -> Check:
    """All faults of several checks."""
    return lambda templates: (fault for check in checks for fault in check(templates))
