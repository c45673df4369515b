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
from generator.cfn.names import ACCESS, ROLE_BOUNDARY
from generator.cfn.parameters import effective
from generator.cfn.templates import STACK, Template, TemplateSet, from_bodies, load
from generator.core.names import ARTIFACT_PREFIX, SEALED_BUNDLE
from generator.gate import rules
from generator.gate.lint import lint
from tests.conftest import ROOT
from tests.support.combinations import Pair, Rules, as_file, combinations, options, pairs

# What pairs of options say more than the ten environments of test_deploying.py takes a minute of a processor.
pytestmark = pytest.mark.soak
T = TypeVar("T")
PARTS = ("Resources", "Outputs")
# What project rules can judge: buildspecs in the templates, secrets that the environment makes.
SEEN = {"BuildspecSource": "INLINE", "ExistingEncryptionSecretArn": "", "ExistingJwtSecretArn": ""}


@pytest.fixture(scope="module")
def templates() -> TemplateSet:
    return load(ROOT / "templates")


@pytest.fixture(scope="module")
def root(templates: TemplateSet) -> Template:
    return templates["environment"]


@pytest.fixture(scope="module")
def rows(root: Template) -> list[dict[str, str]]:
    return combinations(root)


@pytest.fixture(scope="module")
def sets(root: Template, rows: list[dict[str, str]]) -> list[TemplateSet]:
    """The settled templates of every combination, each different set once."""
    return _sets(root, rows)


def _sets(root: Template, rows: list[dict[str, str]]) -> list[TemplateSet]:
    by_name: dict[str, TemplateSet] = {}
    for values in rows:
        provided = {**effective(as_file(root, values), root.body), **values, "AWS::Region": "eu-west-1"}
        bodies = {
            stack_instance.template.name: stack_instance.template.body
            for stack_instance in stack_instances(root, provided)
        }
        by_name.setdefault(json.dumps(bodies, sort_keys=True), from_bodies(bodies))
    return list(by_name.values())


def test_every_pair_is_combined_or_refused_with_a_reason(root: Template, rows: list[dict[str, str]]) -> None:
    choices, rules = options(root), Rules(root)
    expected = list(pairs(choices))
    present = {pair for values in rows for pair in pairs({name: [values[name]] for name in choices})}
    refused = {pair: rules.refuses(pair, choices) for pair in expected if pair not in present}
    print(f"{len(expected)} pairs of {len(choices)} options:", end=" ")
    print(f"{len(present)} in {len(rows)} combinations, {len(refused)} not")
    assert len(expected) > 1500 and len(refused) > 10
    assert not [pair for pair, why in refused.items() if not why]
    assert present | refused.keys() == set(expected)


def test_every_combination_is_a_file_that_passes(root: Template, rows: list[dict[str, str]]) -> None:
    assert len(rows) > 50
    tags = environments.own_tags(root)
    for values in rows:
        assert parameters.check(as_file(root, values), root.body, tags) == [], values


def test_what_makes_no_sense_is_refused_by_the_check(root: Template) -> None:
    choices, rules = options(root), Rules(root)
    requested: set[str] = set()
    for pair in pairs(choices):
        if why := rules.refuses(pair, choices):
            messages = [item.message for item in parameters.check(as_file(root, dict(pair)), root.body, ())]
            # A third option may decide it; with defaults for the others the check need not refuse yet.
            requested |= {name for name, asks in rules.asks.items() if why in messages and asks & {pair.first[0]}}
    assert len(requested) > 2


def nested(template_set: TemplateSet) -> set[str]:
    """What a root passes to its nested stacks, value by value."""
    return {
        json.dumps([child.resource.logical_id, name, value])
        for child in template_set["environment"].children()
        for name, value in (("", ""), *child.parameters.items())
    }


def names_needed_by(template: Template) -> dict[str, set[str]]:
    """The names that each resource and each output refers to, by `Resources.Name` and `Outputs.Name`."""
    by_name: dict[str, set[str]] = {f"{part}.{name}": set() for part in PARTS for name in template.body.get(part, {})}
    for reference in references(template):
        by_name[reference.source].add(reference.target)
    return by_name


def judged(template: Template) -> dict[str, str]:
    """What cfn-lint judges each resource and each output by, itself with the resources that it refers to, with its
    place (`Resources.Name`)."""
    resources, result = template.body["Resources"], {}
    for place, names in names_needed_by(template).items():
        part, _, name = place.partition(".")
        beside = [resources[name] for name in sorted(names & resources.keys())]
        result[json.dumps([name, template.body[part][name], beside], sort_keys=True)] = place
    return result


def excerpt(template: Template, seen: set[str]) -> Template:
    """The template with what is not in `seen`, and what that needs."""
    needs = names_needed_by(template)
    kept = {place for text, place in judged(template).items() if text not in seen}
    left = [*kept]
    while left:
        more = {f"Resources.{name}" for name in needs[left.pop()] & template.resources.keys()} - kept
        kept |= more
        left += more
    if not any(place.startswith("Resources.") for place in kept):  # a template has some
        return template
    body = {
        part: {name: item for name, item in template.body.get(part, {}).items() if f"{part}.{name}" in kept}
        for part in PARTS
    }
    used = set().union(*(needs[place] for place in kept))
    parameters = {name: item for name, item in template.parameters.items() if name in used}
    return Template(template.name, {**template.body, **body, "Parameters": parameters})


def covering(things: Iterable[T], inside: Callable[[T], Collection[str]]) -> list[tuple[T, set[str]]]:
    """Those that hold everything that all hold, each with what those before it hold: the one with most that is new
    comes next."""
    left = [({*inside(thing)}, thing) for thing in things]
    seen: set[str] = set()
    chosen = []
    while left:
        left.sort(key=lambda pair: len(pair[0] - seen))
        present, item = left.pop()
        if present - seen:
            chosen.append((item, set(seen)))
        seen |= present
    return chosen


def test_every_combination_is_clean(sets: list[TemplateSet], tmp_path: Path) -> None:
    """cfn-lint over each different resource of all combinations, among others as it was there, and each value that a
    nested stack is passed, in a root. What is left out is linted elsewhere: cfn-lint would say the same of it."""
    assert len(sets) > 20
    children = {json.dumps(item.body, sort_keys=True): item for every in sets for item in every if not item.children()}
    by_name = sorted({item.name for item in children.values()})
    linted = [
        excerpt(entry, seen)
        for name in by_name
        for entry, seen in covering([entry for entry in children.values() if entry.name == name], judged)
    ]
    whole = set().union(*map(judged, children.values()))
    assert whole == set().union(*map(judged, linted))
    roots = [item for item, _ in covering(sets, nested)]
    for item in linted:
        write(tmp_path, item, {})
    (tmp_path / "nested").mkdir()  # read for the sake of its root, not linted
    for every in roots:
        names = {item.file: f"nested/{write(tmp_path / 'nested', item, {})}" for item in every if not item.children()}
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
    for item in sets:
        gives = {}
        for child in item["environment"].children():
            needed = {name for name, body in child.template.parameters.items() if "Default" not in body}
            assert needed <= set(child.parameters) <= child.template.parameters.keys(), child.resource.address
            gives[child.resource.logical_id] = {f"Outputs.{name}" for name in child.template.outputs}
        for _, how, target, attribute in mentions(item["environment"].body):
            if how == "GetAtt" and target in gives:
                assert attribute in gives[target], (target, attribute)
                read += 1
    assert read > len(sets)


def test_no_combination_asks_for_what_it_left_out(sets: list[TemplateSet]) -> None:
    for item in sets:
        for template in item:
            there = {*template.resources, *template.parameters}
            requested = {reference.target for reference in references(template) if reference.how != "Condition"}
            assert requested and requested <= there, (template.name, requested - there)


def _seals(item: TemplateSet) -> bool:
    """Whether the pipeline has an action that seals what was built."""
    return '"SealBuild"' in json.dumps(item["pipeline"].resources["Pipeline"].body)


def test_every_combination_keeps_the_house_rules(
    templates: TemplateSet, root: Template, rows: list[dict[str, str]]
) -> None:
    """What the application's own buildspecs need, and a secret of before, no rule can see. A buildspec serves every
    choice, and so does a role whose project no stage runs: what they need is judged where all of it is there, which the
    gate does for the rest with the conditions in place. The project that seals serves both backends, too, and is there
    when nothing is to be sealed: then no action gives it its variables."""
    judged, bundles = 0, f"/{SEALED_BUNDLE[:ARTIFACT_PREFIX]}* "
    # The boundary of the roles comes from another root.
    access = templates[ACCESS]
    boundary = {**access.body, "Resources": {ROLE_BOUNDARY: access.resources[ROLE_BOUNDARY].body}, "Outputs": {}}
    for environment in _sets(root, [{**values, **SEEN} for values in rows]):
        item = from_bodies({**environment.bodies(), ACCESS: boundary})
        whole = {"backend", "site"} <= set(item.templates) and "ChangesBuild" in item["pipeline"].parameters
        judged += whole
        findings = [finding for finding in rules.findings(item) if whole or finding.rule not in ("CON005", "CON006")]
        findings = [
            finding
            for finding in findings
            if not finding.message.startswith("lacks elasticbeanstalk:")
            and not (finding.where == "SealRole" and bundles in finding.message)
            and not (finding.where == "Seal" and finding.rule == "CON007" and not _seals(item))
        ]
        assert not findings, "\n".join(map(str, findings[:5]))
    assert judged > 3


def test_a_pair_reads_well() -> None:
    assert dict(Pair(("A", "1"), ("B", "2"))) == {"A": "1", "B": "2"}
