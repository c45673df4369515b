"""Every pair of option values: combined, checked as a parameter file, settled over the templates, linted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TypeVar

import pytest

from generator.cfn import environments, parameters
from generator.cfn.graph import mentions, references
from generator.cfn.instance import stack_instances
from generator.cfn.parameters import effective
from generator.cfn.templates import STACK, Template, TemplateSet, from_bodies, load
from generator.gate import rules
from generator.gate.lint import lint
from tests.conftest import ROOT
from tests.options.combinations import Pair, Rules, as_file, combinations, options, pairs

T = TypeVar("T")
PARTS = ("Resources", "Outputs")
# What house rules can judge: buildspecs in the templates, secrets that the environment makes.
SEEN = {"BuildspecSource": "INLINE", "ExistingEncryptionSecretArn": ""}


@pytest.fixture(scope="module")
def templates() -> TemplateSet:
    return load(ROOT / "templates")


@pytest.fixture(scope="module")
def root(templates: TemplateSet) -> Template:
    return templates["environment"]


@pytest.fixture(scope="module")
def made(root: Template) -> list[dict[str, str]]:
    return combinations(root)


@pytest.fixture(scope="module")
def sets(root: Template, made: list[dict[str, str]]) -> list[TemplateSet]:
    """The settled templates of every combination, each different set once."""
    return _sets(root, made)


def _sets(root: Template, made: list[dict[str, str]]) -> list[TemplateSet]:
    found: dict[str, TemplateSet] = {}
    for values in made:
        given = {**effective(as_file(root, values), root.body), **values, "AWS::Region": "eu-west-1"}
        bodies = {one.template.name: one.template.body for one in stack_instances(root, given)}
        found.setdefault(json.dumps(bodies, sort_keys=True), from_bodies(bodies))
    return list(found.values())


def test_every_pair_is_combined_or_refused_with_a_reason(root: Template, made: list[dict[str, str]]) -> None:
    choices, rules = options(root), Rules(root)
    wanted = list(pairs(choices))
    held = {pair for values in made for pair in pairs({name: [values[name]] for name in choices})}
    refused = {pair: rules.refuses(pair, choices) for pair in wanted if pair not in held}
    print(f"{len(wanted)} pairs of {len(choices)} options: {len(held)} in {len(made)} combinations, {len(refused)} not")
    assert len(wanted) > 1500 and len(refused) > 10
    assert not [pair for pair, why in refused.items() if not why]
    assert held | refused.keys() == set(wanted)


def test_every_combination_is_a_file_that_passes(root: Template, made: list[dict[str, str]]) -> None:
    assert len(made) > 50
    tags = environments.own_tags(root)
    for values in made:
        assert parameters.check(as_file(root, values), root.body, tags) == [], values


def test_what_makes_no_sense_is_refused_by_the_check(root: Template) -> None:
    choices, rules = options(root), Rules(root)
    asked: set[str] = set()
    for pair in pairs(choices):
        if why := rules.refuses(pair, choices):
            said = [one.message for one in parameters.check(as_file(root, dict(pair)), root.body, ())]
            # A third option may decide it; with defaults for the others the check need not refuse yet.
            asked |= {name for name, asks in rules.asks.items() if why in said and asks & {pair.first[0]}}
    assert len(asked) > 2


def nested(one: TemplateSet) -> set[str]:
    """What a root passes to its nested stacks, value by value."""
    return {
        json.dumps([child.resource.logical_id, name, value])
        for child in one["environment"].children()
        for name, value in (("", ""), *child.parameters.items())
    }


def asked(template: Template) -> dict[str, set[str]]:
    """The names that each resource and each output refers to, by `Resources.Name` and `Outputs.Name`."""
    found: dict[str, set[str]] = {f"{part}.{name}": set() for part in PARTS for name in template.body.get(part, {})}
    for reference in references(template):
        found[reference.source].add(reference.target)
    return found


def judged(template: Template) -> dict[str, str]:
    """What cfn-lint judges each resource and each output by, itself with the resources that it refers to, with its
    place (`Resources.Name`)."""
    resources, found = template.body["Resources"], {}
    for place, names in asked(template).items():
        part, _, name = place.partition(".")
        beside = [resources[one] for one in sorted(names & resources.keys())]
        found[json.dumps([name, template.body[part][name], beside], sort_keys=True)] = place
    return found


def excerpt(template: Template, seen: set[str]) -> Template:
    """The template with what is not in `seen`, and what that needs."""
    needs = asked(template)
    kept = {place for text, place in judged(template).items() if text not in seen}
    left = [*kept]
    while left:
        more = {f"Resources.{name}" for name in needs[left.pop()] & template.resources.keys()} - kept
        kept |= more
        left += more
    if not any(place.startswith("Resources.") for place in kept):  # a template has some
        return template
    body = {
        part: {name: one for name, one in template.body.get(part, {}).items() if f"{part}.{name}" in kept}
        for part in PARTS
    }
    used = set().union(*(needs[place] for place in kept))
    parameters = {name: one for name, one in template.parameters.items() if name in used}
    return Template(template.name, {**template.body, **body, "Parameters": parameters})


def covering(things: Iterable[T], inside: Callable[[T], Collection[str]]) -> list[tuple[T, set[str]]]:
    """Those that hold everything that all hold, each with what those before it hold: the one with most that is new
    comes next."""
    left = [({*inside(one)}, one) for one in things]
    seen: set[str] = set()
    chosen = []
    while left:
        left.sort(key=lambda pair: len(pair[0] - seen))
        held, one = left.pop()
        if held - seen:
            chosen.append((one, set(seen)))
        seen |= held
    return chosen


def test_every_combination_is_clean(sets: list[TemplateSet], tmp_path: Path) -> None:
    """cfn-lint over each different resource of all combinations, among others as it was there, and each value that a
    nested stack is passed, in a root. What is left out is linted elsewhere: cfn-lint would say the same of it."""
    assert len(sets) > 20
    children = {json.dumps(one.body, sort_keys=True): one for every in sets for one in every if not one.children()}
    by_name = sorted({one.name for one in children.values()})
    linted = [
        excerpt(one, seen)
        for name in by_name
        for one, seen in covering([one for one in children.values() if one.name == name], judged)
    ]
    whole = set().union(*map(judged, children.values()))
    assert whole == set().union(*map(judged, linted))
    roots = [one for one, _ in covering(sets, nested)]
    for one in linted:
        write(tmp_path, one, {})
    (tmp_path / "nested").mkdir()  # read for the sake of its root, not linted
    for every in roots:
        names = {one.file: f"nested/{write(tmp_path / 'nested', one, {})}" for one in every if not one.children()}
        write(tmp_path, every["environment"], names)
    files = list(tmp_path.glob("*.json"))
    print(f"{len(sets)} sets, {len(children)} different children: {len(files)} linted, {len(roots)} of them roots")
    assert len(roots) > 3 and len(linted) > len(sets[0])
    findings = lint(tmp_path, ".")
    assert not findings, "\n".join(map(str, findings[:10]))


def write(folder: Path, template: Template, names: dict[str, str]) -> str:
    """Writes a template under a name of its own, its nested stacks by theirs."""
    body = json.loads(json.dumps(template.body))
    for resource in body["Resources"].values():
        if resource["Type"] == STACK:
            resource["Properties"]["TemplateURL"] = names[resource["Properties"]["TemplateURL"]]
    text = json.dumps(body, sort_keys=True)
    name = f"{template.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    (folder / name).write_text(text, encoding="utf-8")
    return name


def test_every_combination_is_wired(sets: list[TemplateSet]) -> None:
    """What nested stacks are passed is what they take, and what is read of them is what they give."""
    read = 0
    for one in sets:
        gives = {}
        for child in one["environment"].children():
            needed = {name for name, body in child.template.parameters.items() if "Default" not in body}
            assert needed <= set(child.parameters) <= child.template.parameters.keys(), child.resource.address
            gives[child.resource.logical_id] = {f"Outputs.{name}" for name in child.template.outputs}
        for _, how, target, attribute in mentions(one["environment"].body):
            if how == "GetAtt" and target in gives:
                assert attribute in gives[target], (target, attribute)
                read += 1
    assert read > len(sets)


def test_no_combination_asks_for_what_it_left_out(sets: list[TemplateSet]) -> None:
    for one in sets:
        for template in one:
            there = {*template.resources, *template.parameters}
            asked = {reference.target for reference in references(template) if reference.how != "Condition"}
            assert asked and asked <= there, (template.name, asked - there)


def test_every_combination_keeps_the_house_rules(root: Template, made: list[dict[str, str]]) -> None:
    """What the application's own buildspecs need, and a secret of before, no rule can see. A buildspec serves every
    choice, and so does a role whose project no stage runs: what they need is judged where all of it is there, which the
    gate does for the rest with the conditions in place."""
    judged = 0
    for one in _sets(root, [{**values, **SEEN} for values in made]):
        whole = {"backend", "site"} <= set(one.templates) and "ChangesBuild" in one["pipeline"].parameters
        judged += whole
        found = [finding for finding in rules.findings(one) if whole or finding.rule not in ("CON005", "CON006")]
        found = [finding for finding in found if not finding.message.startswith("lacks elasticbeanstalk:")]
        assert not found, "\n".join(map(str, found[:5]))
    assert judged > 3


def test_a_pair_reads_well() -> None:
    assert dict(Pair(("A", "1"), ("B", "2"))) == {"A": "1", "B": "2"}
