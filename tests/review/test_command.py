"""`delivery review` on a small repository: what comes together in one review, and in which form it is shown."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from generator.cfn.effects import ALLOWED, NOTICE, QUIET, REFUSED
from generator.cfn.templates import Template
from scripts import cli
from scripts.review import chosen
from scripts.review.chosen import risks, rows
from scripts.review.command import review
from scripts.review.cost import cost
from scripts.review.model import CostChange, ValueChange
from scripts.review.places import placed, resource_places
from scripts.review.revision import read

TAGS = [{"Key": "Application", "Value": "shop"}]
SOURCE = "from troposphere import Template\n\n\ndef template():\n    t.add_resource(Bucket('Store'))\n"


def files(version: str = "1.0.0", *, nats: int = 1, store: str = "Store") -> dict[str, Any]:
    nat = {"Type": "AWS::EC2::NatGateway", "Properties": {"SubnetId": "s"}}
    stack = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "data.json", "Tags": TAGS}}
    generator = {"Version": version, "Module": "shop.environment"}
    return {
        "templates/environment.json": {
            "Metadata": {"Generator": generator},
            "Resources": {"Data": stack, **{f"Nat{number}": nat for number in range(nats)}},
        },
        "templates/data.json": {"Resources": {store: {"Type": "AWS::SNS::Topic", "Properties": {"Tags": TAGS}}}},
        "params/blue.json": {"Parameters": {}},
        "params/red.json": {"Parameters": {}, "Tags": {"Owner": "us"}},
    }


def put(folder: Path, content: dict[str, Any]) -> None:
    for name, body in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        text = body if isinstance(body, str) else json.dumps(body, indent=2)
        (folder / name).write_text(text, encoding="utf-8")


def git(folder: Path, *words: str) -> str:
    own = ["-c", "user.name=x", "-c", "user.email=x@x.test", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", str(folder), *own, *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path, files())
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "one"], ["tag", "base"]):
        git(tmp_path, *words)
    return tmp_path


def test_everything_of_a_change_comes_together(folder: Path) -> None:
    put(folder, files("1.1.0", nats=2))
    put(folder, {"docs/conformance.md": "| SRC-1 | covered | a |\n", "params/new.json": {"Parameters": {}}})
    (folder / "params/red.json").unlink()
    changes = review(folder, "base")
    assert (changes.base, changes.head, changes.missing) == ("base", "the working tree", 0)
    assert changes.gate == "not looked at: `make templates` runs it"
    assert changes.version == ValueChange("version", "1.0.0", "1.1.0")
    assert list(changes.files) == ["templates", "parameter files", "requirements"]
    assert [row.row for row in changes.requirements] == ["SRC-1"] and changes.reach == () and changes.deployed is None
    blue, new, red = changes.environments
    assert [change.path for change in blue.resources] == ["Nat1"]
    number = (folder / "templates/environment.json").read_text(encoding="utf-8").splitlines().index('    "Nat1": {') + 1
    assert blue.resources[0].places == (f"templates/environment.json:{number}",)
    # 730 hours at 0.045 dollars, and what every environment has of logs.
    assert blue.cost == CostChange((32.88, 35.65), (65.73, 68.5))
    assert (new.state, new.cost) == ("added", CostChange(None, (65.73, 68.5)))
    assert (red.state, red.cost) == ("removed", CostChange((32.88, 35.65), None))


def test_two_revisions_and_a_base_that_has_moved_on(folder: Path) -> None:
    put(folder, files(nats=2))
    git(folder, "commit", "-qam", "two")
    put(folder, files(nats=3))
    changes = review(folder, "main", "base")
    assert (changes.head, changes.missing) == ("base", 1)
    assert [change.path for change in changes.changed[0].resources] == ["Nat1"]
    assert changes.gate == "not looked at: check out base, then `make templates` runs it"


def test_where_neither_templates_nor_parameters_change_nothing_is_compared(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compare(*_: object) -> None:
        raise AssertionError("nothing is to be compared")

    monkeypatch.setattr("scripts.review.compare.compare", compare)
    put(folder, {"docs/reachability.md": "|  | data |\n| --- | --- |\n| a | · |\n"})
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "page")
    put(folder, {"docs/reachability.md": "|  | data |\n| --- | --- |\n| a | open |\n"})
    changes = review(folder, "HEAD")
    assert (changes.environments, list(changes.files)) == ((), ["reachability"])
    assert [str(change) for change in changes.reach] == ["a → data"]


def test_an_environment_without_a_price_says_so(folder: Path) -> None:
    content = files(nats=2)
    content["templates/data.json"]["Resources"]["Queue"] = {"Type": "AWS::SQS::Queue"}
    put(folder, content)
    why = "data.Queue is a AWS::SQS::Queue, which scripts/costs/rules.py neither prices nor names as free"
    assert review(folder, "base").changed[0].cost == CostChange((32.88, 35.65), None, why)
    assert cost("blue", read(folder, "")) == (None, why)


@pytest.mark.parametrize(
    ("words", "start"),
    [
        ([], "- ✅ **Environments:** none changes\n"),
        (["--format", "markdown"], "- ✅ **Environments:** none changes\n"),
        (["--format", "terminal"], "ok: Environments: none changes\n"),
        (["--format", "html"], "<!doctype html>\n"),
        (["--format", "json"], "{"),
    ],
)
def test_forms(words: list[str], start: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["review", "base", "--project", str(folder), *words]) == 0
    assert capsys.readouterr().out.startswith(start)


def test_on_a_terminal_it_is_shown_as_one_reads_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert cli.main(["review", "base", "--project", str(folder)]) == 0
    assert "- ✅" not in capsys.readouterr().out


def test_markdown_has_the_length_that_a_host_takes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = files()
    content["templates/environment.json"]["Outputs"] = {f"Output{number}": {"Value": "x"} for number in range(90)}
    put(folder, content)
    lengths = []
    for words in ([], ["--longest", "2000"], ["--longest", "2000", "--full"]):
        assert cli.main(["review", "base", "--project", str(folder), "--format", "markdown", *words]) == 0
        lengths.append(len(capsys.readouterr().out))
    assert lengths[0] == lengths[2] > 2000 >= lengths[1]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["nowhere"], "There is no revision nowhere here."),
        (["base", "nowhere"], "There is no revision nowhere here."),
        (["base", "--against", "green"], "There is no environment green.\nThere are: blue, red."),
    ],
)
def test_what_is_not_there_is_told(
    words: list[str], reason: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["review", *words, "--project", str(folder)]) in (3, 64)
    assert capsys.readouterr().err.startswith(reason)


def test_beside_what_is_deployed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that does not change is asked for all the same."""
    questions: list[Any] = []

    def deployed(project: Path, environment: Any, head: str, options: Any) -> None:
        questions.append((project, environment.name, environment.state, head, options.against))

    monkeypatch.setattr("scripts.review.against.deployed", deployed)
    put(folder, {"params/red.json": {"Parameters": {}, "Tags": {"Owner": "them"}}})
    for name in ("blue", "red"):
        assert cli.main(["review", "base", "--project", str(folder), "--against", name]) == 0
    assert cli.main(["review", "base", "main", "--project", str(folder), "--against", "red"]) == 0
    assert questions == [
        (folder, "blue", "unchanged", "", "blue"),
        (folder, "red", "changed", "", "red"),
        (folder, "red", "unchanged", "main", "red"),
    ]


def test_templates_that_cannot_be_compared_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = files()
    content["templates/environment.json"]["Resources"]["Data"]["Properties"]["TemplateURL"] = "none.json"
    put(folder, content)
    assert cli.main(["review", "base", "--project", str(folder)]) == 3
    error = capsys.readouterr().err
    assert error.startswith("The templates cannot be compared: ") and "Run `make templates`." in error


def test_without_the_schemas_nothing_is_compared(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from generator.cfn.schemas import SchemasError

    def fails(*_: object) -> None:
        raise SchemasError("cfn-lint is not installed")

    put(folder, files(nats=2))
    for module in ("version", "compare"):  # in this order: the one imports the other
        monkeypatch.setattr(f"scripts.review.{module}.compare", fails)
    for verb in ("review", "version"):
        assert cli.main([verb, "base", "--project", str(folder)]) == 3
        assert capsys.readouterr().err == "cfn-lint is not installed\nRun `make templates`.\n"


def test_where_a_resource_stands(folder: Path) -> None:
    put(folder, files(store="Other"))
    templates = read(folder, "base").templates
    [change] = placed(review(folder, "base").changed[0], templates, folder).resources
    assert (change.path, change.before, change.places) == ("Data.Other", "Data.Store", ())
    put(folder, files())
    assert resource_places(templates, "data", "Store", folder) == ("templates/data.json:3",)
    assert (
        resource_places(templates, "data", "None", folder) == resource_places(templates, "none", "Store", folder) == ()
    )
    (folder / "templates/data.json").unlink()
    assert resource_places(templates, "data", "Store", folder) == ("templates/data.json",)
    module = folder / "shop/environment.py"
    module.parent.mkdir()
    module.write_text("def make(t):\n    t.add_resource(NatGateway('Nat0'))\n", encoding="utf-8")
    [rendered, source] = resource_places(templates, "environment", "Nat0", folder)
    assert rendered.startswith("templates/environment.json:") and source == "shop/environment.py:2"


# --- the version


@pytest.mark.parametrize(
    ("content", "log", "status", "shown"),
    [
        (files(), "", 0, "1.0.0: the templates are those of base\n"),
        (
            files("1.0.0", nats=2),
            "",
            3,
            "The set is version 1.0.0, and this change needs at least 1.1.0 (minor: Nat1 is new).\n"
            "Set VERSION in generator/version.py to 1.1.0, "
            "add it to CHANGELOG.md, and run `make templates`.\n",
        ),
        (files("1.0.9", nats=2), "", 3, "The set is version 1.0.9, and this change needs at least 1.1.0"),
        (
            files("1.1.0", nats=2),
            "",
            3,
            "CHANGELOG.md has no heading `## 1.1.0`.\nAdd it, with a line that says what changes.\n",
        ),
        (files("1.1.0", nats=2), "## 1.1.0\n", 0, "1.1.0: enough for a minor change (Nat1 is new)\n"),
        (files("2.0.0", nats=2), "# x\n## 2.0.0\n", 0, "2.0.0: enough for a minor change (Nat1 is new)\n"),
        (files("1.1", nats=2), "", 3, "The templates have no single version: 1.1.\n"),
        (files("", nats=2), "", 3, "The templates have no single version: none.\n"),
    ],
)
def test_the_version_of_a_change(
    content: dict[str, Any], log: str, status: int, shown: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(folder, content)
    if log:
        put(folder, {"CHANGELOG.md": log})
    assert cli.main(["version", "base", "--project", str(folder)]) == status
    output = capsys.readouterr()
    assert (output.err if status else output.out).startswith(shown)


def test_of_two_revisions_the_change_log_is_not_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(folder, files("1.1.0", nats=2))
    git(folder, "commit", "-qam", "two")
    assert cli.main(["version", "base", "main", "--project", str(folder), "--format", "json"]) == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert result == {"version": "1.1.0", "base": "1.0.0", "change": "minor", "because": "Nat1 is new"}
    (folder / "CHANGELOG.md").write_bytes(b"\xff## 1.1.0\n")
    assert cli.main(["version", "base", "--project", str(folder)]) == 3


# --- parameters and what they do


@pytest.mark.parametrize(
    ("name", "before", "after", "expected"),
    [
        ("VpcCidr", "10.0.0.0/16", "10.9.0.0/16", "refused on a living environment: "),
        ("DomainName", "a.test", "", "the address that users know: gone"),
        ("DomainName", "a.test", "b.test", "the address that users know: changed"),
        ("LogRetentionDays", "30", "14", None),
        ("LogLevel", "INFO", "DEBUG", None),
    ],
)
def test_what_a_parameter_does_to_an_environment_that_lives(
    name: str, before: str, after: str, expected: str | None
) -> None:
    from generator.cfn import environments
    from generator.cfn.templates import load
    from tests.conftest import ROOT

    roots = environments.roots_of("staging", load(ROOT / "templates"))
    chosen = rows({"environment": {name: before}}, {"environment": {name: after}}, roots)
    assert list(chosen) == [name]
    entries = list(risks(chosen.values()))
    if expected is None:
        assert entries == []
    else:
        [risk] = entries
        assert (risk.path, risk.type) == (name, "parameter") and expected in risk.what
    assert rows({"environment": {name: before}}, {"environment": {name: before}}, roots) == {}
    assert rows({"environment": {}}, {"environment": {name: after}}, roots) == {}


def test_of_a_parameter_of_several_roots_the_loudest_row_counts_and_among_equals_the_environments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    roots = {name: Template(name, {"Resources": {}}) for name in ("edge", "environment", "shared")}
    values = {name: {"Size": "1"} for name in roots}
    monkeypatch.setattr(chosen, "rows_of", lambda _, root, name, __: (root, name))
    for loud, expected in (
        ((QUIET, QUIET, QUIET), "environment"),
        ((NOTICE, QUIET, NOTICE), "edge"),
        ((QUIET, ALLOWED, REFUSED), "shared"),
        ((REFUSED, REFUSED, ALLOWED), "environment"),
    ):
        levels = dict(zip(roots, loud, strict=True))
        monkeypatch.setattr(
            chosen, "find", lambda rows, *_, levels=levels: SimpleNamespace(root=rows[0], level=levels[rows[0]])
        )
        row: Any = rows(values, values, roots)["Size"]
        assert (row.root, row.level) == (expected, levels[expected])
