"""What changes in the templates and shows in no environment of this repository: behind a condition that none of them
meets, in what a parameter may be, in a rule. Somebody's next parameter file may meet it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from generator.cfn import broadening, difference
from generator.cfn.difference import Change
from generator.cfn.environments import ENVIRONMENT
from generator.cfn.places import spell
from generator.cfn.templates import TemplateSet
from scripts.review.model import EnvironmentReview, ValueChange
from scripts.review.rights import ROOTS

# Sections that say what may be chosen; conditions and outputs show in what they decide.
CHOICES = ("parameter", "rule")
COMPUTED = "Computed"
EXPLAINING = ("Metadata", "Description", "DependsOn")  # the last: an order, and nothing that a resource is


def choices(before: TemplateSet, after: TemplateSet) -> Iterator[ValueChange]:
    """What may be chosen differently: parameters with their limits and defaults, and the rules between them."""
    for change in _differences(before, after):
        if change.what in CHOICES and not _explains(change):
            yield _value(change)


def interface(before: TemplateSet, after: TemplateSet) -> Iterator[ValueChange]:
    """What others have of the templates: outputs of the roots, and what a template tells CloudFormation (a transform,
    which is a program that rewrites it) or the deploy script (where computed parameters come from)."""
    for change in _differences(before, after):
        output = change.what == "output" and change.template in ROOTS and not _explains(change)
        attribute = change.what == "template attribute" and (
            change.place[:1] not in (("Metadata",), ("Description",)) or change.place[:2] == ("Metadata", COMPUTED)
        )
        if output:
            yield _value(change)
        elif attribute:
            yield replace(_value(change), place=f"{change.template}.{spell(change.place)}")


def resources(
    before: TemplateSet, after: TemplateSet, environments: Iterable[EnvironmentReview]
) -> Iterator[ValueChange]:
    """Changes of resources that no environment has."""
    shown = _shown(after, environments) | _shown(before, environments)
    for change in _differences(before, after):
        if change.what in ("resource", "template") and not _explains(change) and change.address not in shown:
            yield _value(change)


def broader(
    before: TemplateSet, after: TemplateSet, environments: Iterable[EnvironmentReview]
) -> Iterator[broadening.Grant]:
    """Permissions that become broader where no environment has them."""
    shown = _shown(after, environments) | _shown(before, environments)
    yield from (grant for grant in broadening.broadened(before, after) if grant.holder not in shown)


def _differences(before: TemplateSet, after: TemplateSet) -> list[Change]:
    """Every difference of two sets, found once."""
    key = (difference.compare, id(after))
    if key not in before.results:
        before.results[key] = after, difference.compare(before, after)  # with the set, so that the id stays its own
    changes: list[Change] = before.results[key][1]
    return changes


def _shown(templates: TemplateSet, environments: Iterable[EnvironmentReview]) -> set[str]:
    """The addresses of resources that change in some environment, or are renamed there."""
    children = {}
    if ENVIRONMENT in templates:
        children = {child.resource.logical_id: child.template.name for child in templates[ENVIRONMENT].children()}
    addresses = set()
    for environment in environments:
        for change in environment.resources:
            for path in filter(None, (change.path, change.before)):
                stack, _, name = path.rpartition(".")
                addresses.add(f"{children.get(stack, stack) or ENVIRONMENT}.{name}")
    return addresses


def _explains(change: Change) -> bool:
    return bool(change.place) and change.place[0] in EXPLAINING


def _value(change: Change) -> ValueChange:
    from scripts.review.compare import shown_text

    place = f"{change.what} {change.address} {spell(change.place)}".strip()
    if not change.place:
        return ValueChange(place, *(("there", None) if change.action == "removed" else (None, "there")))
    return ValueChange(place, shown_text(place, change.before), shown_text(place, change.after))
