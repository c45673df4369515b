"""The rendered set: the same bytes everywhere, equal to what is committed, far below CloudFormation's limits."""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from troposphere import encode_to_dict

from generator.__main__ import _print_changes
from generator.application import APPLICATION
from generator.cfn.quotas import PSEUDO
from generator.cfn.templates import TemplateSet, load
from generator.core import encoding, stack
from generator.core.moves import MOVES
from generator.render import render
from generator.roots import environment
from generator.version import VERSION
from tests.conftest import ROOT
from tests.support.policies import longest

IDS = Path(__file__).with_name("logical_ids.txt")
HASH_ALL = (
    "import hashlib, generator.render as r; "
    "print(hashlib.sha256(repr(sorted(r.render().files.items())).encode()).hexdigest())"
)


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return dict(render().files)


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_collected_after_a_render_as_before_it(enabled: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        render()
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


@pytest.mark.parametrize("before", ["{", "[]"])
def test_what_lay_there_and_is_no_template_hinders_nothing(
    files: dict[str, str], capsys: pytest.CaptureFixture[str], before: str
) -> None:
    """`--check` and `make templates` say what differs, if it can be said."""
    _print_changes({**files, "storage.json": before}, files)
    assert capsys.readouterr().out.startswith("  what lay there before cannot be compared: ")


@pytest.fixture(scope="module")
def templates(repository: Path) -> TemplateSet:
    return load(repository / "templates")


def test_the_committed_templates_are_a_fresh_render(files: dict[str, str], repository: Path) -> None:
    committed = {file.name: file.read_text(encoding="utf-8") for file in (repository / "templates").glob("*.json")}
    assert sorted(committed) == sorted(files)
    stale = [name for name, text in files.items() if committed[name] != text]
    assert not stale, f"run `make templates`: {stale}"


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"},
        {"PYTHONHASHSEED": "4242", "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu", "PYTHONUTF8": "0"},
    ],
)
def test_the_same_bytes_in_every_environment(
    variables: dict[str, str], files: dict[str, str], repository: Path
) -> None:
    import hashlib

    here = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()
    result = subprocess.run(
        [sys.executable, "-c", HASH_ALL],
        cwd=repository,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == here


def test_canonical_form(files: dict[str, str]) -> None:
    assert len(files) == 22
    for name, text in files.items():
        body = json.loads(text)
        assert text == json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False) + "\n", name
        assert body["Metadata"]["Generator"]["Module"].startswith("generator."), name


def test_resources_are_encoded_as_troposphere_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our encoder is quicker, and says the same."""
    resources: list[object] = []

    def spy(value: object) -> object:
        resources.append(value)
        return encoding.plain(value)

    monkeypatch.setattr(stack, "plain", spy)
    render()
    assert len(resources) > 200
    for resource in resources:
        assert encoding.plain(resource) == encode_to_dict(resource)


def test_only_roots_carry_the_version(templates: TemplateSet) -> None:
    """A release of the set must touch no child, or every deployment would show changes everywhere."""
    roots = {template.name for template in templates.roots()}
    assert roots == {"access", "edge", "environment", "shared", "shared-access"}
    for template in templates:
        version = template.metadata["Generator"].get("Version")
        assert version == (VERSION if template.name in roots else None), template.name


def test_children_are_addressed_relatively(templates: TemplateSet) -> None:
    stacks = list(templates.resources("AWS::CloudFormation::Stack"))
    assert len(stacks) == 17
    for nested in stacks:
        assert nested.properties["TemplateURL"] in {f"{template.name}.json" for template in templates}


def test_far_below_the_limits(files: dict[str, str], templates: TemplateSet) -> None:
    """Half of each quota at most (cloudformation userguide, cloudformation-limits)."""
    assert sum(len(template.resources) for template in templates) > 100
    names = {**PSEUDO, "Environment": "e" * 16}
    for template in templates:
        body = template.body
        assert len(files[f"{template.name}.json"].encode()) < 1_000_000 / 2, template.name
        for section, limit in (("Resources", 500), ("Parameters", 200), ("Outputs", 200)):
            assert len(body.get(section, {})) <= limit / 2, (template.name, section)
        references = files[f"{template.name}.json"].count("{{resolve:")
        assert references <= 30, template.name
        for resource in template.resources.values():
            inline = resource.properties.get("Policies", [])
            # 10,240 characters for all inline policies of a role (IAM userguide, reference_iam-quotas).
            assert len(json.dumps(longest(inline, names), separators=(",", ":"))) < 10_240, resource.address
    for nested in templates.resources("AWS::CloudFormation::Stack"):
        assert len(nested.properties["Parameters"]) <= 100, nested.address


def test_conditions_are_few(templates: TemplateSet) -> None:
    counts = {t.name: len(t.body.get("Conditions", {})) for t in templates if t not in templates.roots()}
    assert max(counts.values()) >= 3
    # An optional variable is there or not, and a secret is made or taken over: these follow from the facts.
    optional, secrets = sum(variable.optional for variable in APPLICATION.variables), len(APPLICATION.secrets)
    most = {"pipeline": 8, "backend": 4 + optional, "beanstalk": 2 + optional, "build": 6}
    most["configuration"] = optional + secrets
    assert {name: n for name, n in counts.items() if n > most.get(name, 4)} == {}


def test_logical_ids_are_stable(templates: TemplateSet) -> None:
    """A logical id that is renamed is a resource deleted and another made. `logical_ids.txt` only ever grows; an id
    that leaves the templates must stand in generator/core/moves.py with what that does to a living environment."""
    listed = IDS.read_text(encoding="utf-8").splitlines()
    assert len(listed) > 60 and listed == sorted(listed)
    rendered = sorted(f"{resource.address} {resource.type}" for resource in templates.resources())
    moved = {f"{move.template}.{move.before}" for move in MOVES}
    gone = [line for line in set(listed) - set(rendered) if line.split()[0] not in moved]
    assert not gone, f"add a line to generator/core/moves.py for each of {sorted(gone)}"
    new = sorted(set(rendered) - set(listed))
    assert not new, "`make templates` adds to tests/generator/logical_ids.txt:\n" + "\n".join(new)


def test_every_move_is_true(templates: TemplateSet) -> None:
    addresses = {resource.address for resource in templates.resources()}
    for move in MOVES:
        assert f"{move.template}.{move.before}" not in addresses, move
        assert not move.after or f"{move.template}.{move.after}" in addresses, move
        assert move.consequence, move


def test_a_command_that_a_move_names_is_one_of_make() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    commands = [command.split() for move in MOVES for command in re.findall(r"`([^`]+)`", move.consequence)]
    assert ["make", "access", "ENV=shared"] in commands
    assert all(command[0] == "make" and command[1] in targets for command in commands), commands


def test_a_child_that_is_not_needed_costs_nothing(templates: TemplateSet) -> None:
    """Every optional child stands behind one of the root's conditions."""
    conditional = {r.logical_id: r.body.get("Condition") for r in templates.resources("AWS::CloudFormation::Stack")}
    assert conditional == {
        "Encryption": "NewKey",
        "Storage": None,
        "Notifications": None,
        "Registry": "NewRegistry",
        "Signing": "SignsImages",
        "Data": "NewTables",
        "Network": "Backend",
        "Site": "Frontend",
        "Ingress": "Backend",
        "Delivery": None,
        "Address": "OwnZone",
        "Configuration": "Backend",
        "Backend": "OnEcs",
        "Beanstalk": "OnBeanstalk",
        "Build": None,
        "Pipeline": None,
        "Monitoring": None,
    }


def test_every_stack_is_made_by_its_own_module() -> None:
    """The module that `Metadata` names is where a reviewer finds the stack."""
    children = environment.children(APPLICATION)
    assert len(children) == 16
    for child in children:
        assert child.build(APPLICATION).module == child.build.__module__
