"""The gate's cache: fresh only for exactly what passed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from generator.cfn.verdict import FILE, read_record, template_digests
from generator.gate import cache
from generator.gate.finding import Finding
from tests.support.gate import unverified_templates


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (
        "generator/a.py",
        "setup.cfg",
        "params/local.json",
        "buildspecs/backend.yml",
        "templates/storage.json",
    ):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("content")
    return tmp_path


def test_nothing_is_fresh_before_it_passed(root: Path) -> None:
    assert not cache.is_fresh(root)
    cache.remember_pass(root)
    assert cache.is_fresh(root)


@pytest.mark.parametrize(
    "name",
    [
        "generator/a.py",
        "generator/deep/new.py",
        "setup.cfg",
        "params/local.json",
        "buildspecs/backend.yml",
        "templates/storage.json",
        "templates/new.json",
        ".cfnlintrc.yaml",
        "templates/.cfnlintrc",
        "docs/permissions.md",
        "docs/permissions-ledger.md",
        "docs/parameters.md",
        "docs/reachability.md",
        "docs/runbook.md",
        "tests/generator/logical_ids.txt",
        "scripts/costs/rules.py",
        "scripts/local_aws/handlers/storage.py",
    ],
)
def test_a_change_of_what_counts_ends_it(root: Path, name: str) -> None:
    cache.remember_pass(root)
    (root / name).parent.mkdir(exist_ok=True, parents=True)
    (root / name).write_text("other")
    assert not cache.is_fresh(root)


TEMPLATES = {"storage.json": "content"}


@pytest.mark.parametrize(
    "name",
    [
        "generator/cfn/new.py",
        "generator/cfn/deep/policies.json",
        "generator/gate/new.py",
        "params/local.json",
        "docs/reachability.md",
    ],
)
def test_the_search_for_new_ways_is_made_again_where_anything_of_it_has_changed(root: Path, name: str) -> None:
    assert not cache.is_searched(root, TEMPLATES)
    cache.remember_searched(root, TEMPLATES)
    assert cache.is_searched(root, TEMPLATES)
    assert not cache.is_searched(root, {"storage.json": "other"})
    assert not cache.is_searched(root, {**TEMPLATES, "new.json": "content"})
    (root / name).parent.mkdir(exist_ok=True, parents=True)
    (root / name).write_text("other")
    assert not cache.is_searched(root, TEMPLATES)


def test_the_search_for_new_ways_is_code_of_the_folders_that_count() -> None:
    sources = (Path(__file__).parents[2] / "generator/gate/reachability").glob("*.py")
    imported = set(
        re.findall(r"^from (generator[.\w]*)", "\n".join(file.read_text() for file in sources), re.MULTILINE)
    )
    assert imported and all(name.startswith(("generator.cfn", "generator.gate")) for name in imported)


ROOT_TEMPLATE = '{"Resources": {"Site": {"Type": "AWS::CloudFormation::Stack"}}}'
CHILD = '{"Parameters": {"A": {"Type": "String"}}, "Outputs": {"B": {"Value": 1}}}'


@pytest.fixture
def nested(root: Path) -> Path:
    """Two templates, and a third that nests templates; cfn-lint has found nothing in them."""
    (root / "templates/root.json").write_text(ROOT_TEMPLATE)
    (root / "templates/site.json").write_text(CHILD)
    (root / "templates/storage.json").write_text("{}")
    assert cache.unlinted_templates(root) == ["root.json", "site.json", "storage.json"]
    cache.remember_linted(root)
    assert cache.unlinted_templates(root) == []
    return root


def test_cfn_lint_judges_again_what_has_changed(nested: Path) -> None:
    (nested / "templates/site.json").write_text(CHILD + "\n")
    (nested / "params/local.json").write_text("other")
    assert cache.unlinted_templates(nested) == ["site.json"]


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        CHILD.replace('"A"', '"C"'),
        CHILD.replace('"String"', '"Number"'),
        CHILD.replace('"B"', '"C"'),
        '{"Resources": {"X": {"Type": "AWS::CloudFormation::Stack"}}}',
    ],
)
def test_and_what_nests_it_when_its_interface_has_changed(nested: Path, content: str) -> None:
    (nested / "templates/site.json").write_text(content)
    assert cache.unlinted_templates(nested) == ["root.json", "site.json"]


def test_a_faulty_template_is_judged_again(nested: Path) -> None:
    cache.remember_linted(nested, {"site.json"})
    assert cache.unlinted_templates(nested) == ["site.json"]


def test_other_rules_judge_everything_again(nested: Path) -> None:
    (nested / "generator/gate").mkdir()
    (nested / "generator/gate/lint.py").write_text("other rules")
    assert cache.unlinted_templates(nested) == ["root.json", "site.json", "storage.json"]


def test_the_verdict_is_about_exact_bytes(root: Path) -> None:
    templates, record = root / "templates", root / FILE
    (templates / "site.json").write_text("{}")
    assert unverified_templates(record, templates) == ["site.json", "storage.json"]
    cache.remember_pass(root)
    assert unverified_templates(record, templates) == []
    (templates / "site.json").write_text("{}\n")
    assert unverified_templates(record, templates) == ["site.json"]
    (templates / "site.json").unlink()
    (templates / "new.json").write_text("{}")
    assert unverified_templates(record, templates) == ["new.json", "site.json"]


def test_what_does_not_pass_is_kept_with_what_is_wrong_until_it_passes(root: Path) -> None:
    warning = Finding("storage.json", "Logs", "W2001", "is not used", "remove it")
    fault = Finding("storage.json", "Logs", "STO001", f"is wrong {'x' * 1000}", "mend it")
    cache.remember_refusal(root, [warning, fault])
    refused = read_record(root / FILE)["refused"]
    assert refused["findings"] == [
        f"storage.json Logs: STO001 is wrong {'x' * 1000}"[:300],
        "storage.json Logs: W2001 is not used",
    ]
    assert refused["templates"] == template_digests(root / "templates") and not cache.is_fresh(root)
    cache.remember_pass(root)
    assert read_record(root / FILE)["refused"] == {}


def test_what_cfn_lint_alone_has_passed_has_no_verdict(nested: Path) -> None:
    assert unverified_templates(nested / FILE, nested / "templates") == ["root.json", "site.json", "storage.json"]


def test_removing_or_renaming_a_file_ends_it(root: Path) -> None:
    cache.remember_pass(root)
    (root / "templates/storage.json").rename(root / "templates/storage2.json")
    assert not cache.is_fresh(root)
    (root / "templates/storage2.json").rename(root / "templates/storage.json")
    assert cache.is_fresh(root)
    (root / "params/local.json").unlink()
    assert not cache.is_fresh(root)


def test_what_does_not_count_does_not_end_it(root: Path) -> None:
    cache.remember_pass(root)
    (root / "README.md").write_text("words")
    assert cache.is_fresh(root)


@pytest.mark.parametrize("tool", ["troposphere", "awacs", "cfn_lint", "PyYAML", "pyyaml"])
def test_another_version_of_a_tool_ends_it(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    site = tmp_path / "site"
    (site / "other-1.0.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    cache.remember_pass(root)
    (site / "other-1.0.dist-info").rename(site / "other-2.0.dist-info")
    assert cache.is_fresh(root)
    (site / f"{tool}-99.0.dist-info").mkdir()
    assert not cache.is_fresh(root)


def test_text_that_moves_from_one_file_to_the_next_ends_it(root: Path) -> None:
    first, second = root / "templates/a.json", root / "templates/b.json"
    first.write_text("x")
    second.write_text("y")
    cache.remember_pass(root)
    first.write_text("xtemplates/b.json 1\ny")
    second.unlink()
    assert not cache.is_fresh(root)


def test_the_tools_are_found_where_they_are_installed() -> None:
    installed = [
        info.name for folder in sys.path for tool in cache.TOOLS for info in Path(folder).glob(f"{tool}-*.dist-info")
    ]
    assert len(installed) == len(cache.TOOLS)


def test_another_python_ends_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.remember_pass(root)
    monkeypatch.setattr(sys, "version", "9.9")
    assert not cache.is_fresh(root)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"inputs": 1, "linted": [], "templates": 1}', '{"inputs": "x"}', "\udcff"]
)
def test_a_corrupt_cache_is_just_not_fresh(root: Path, text: str) -> None:
    cache.remember_pass(root)
    (root / FILE).write_bytes(text.encode(errors="surrogateescape"))
    assert not cache.is_fresh(root) and cache.unlinted_templates(root) == ["storage.json"]


def test_asking_imports_nothing_heavy() -> None:
    code = "import sys; from generator.gate import cache; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "generator.gate.cache" in loaded
    assert {"troposphere", "awacs", "cfnlint", "boto3", "importlib.metadata"} & set(loaded) == set()


def test_the_cache_is_ignored_by_git() -> None:
    ignored = (Path(__file__).parents[2] / ".gitignore").read_text().split()
    assert FILE.parts[0] in ignored
