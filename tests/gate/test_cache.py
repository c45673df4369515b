"""The gate's cache: fresh only for exactly what passed."""

import subprocess
import sys
from pathlib import Path

import pytest

from generator.gate import cache


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
    cache.remember(root)
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
    ],
)
def test_a_change_of_what_counts_ends_it(root: Path, name: str) -> None:
    cache.remember(root)
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("other")
    assert not cache.is_fresh(root)


@pytest.mark.parametrize("content", ["other", "{", 'nests "AWS::CloudFormation::Stack"'])
def test_cfn_lint_judges_what_has_changed_and_what_nests_it(root: Path, content: str) -> None:
    (root / "templates/root.json").write_text('nests "AWS::CloudFormation::Stack"')
    (root / "templates/site.json").write_text("content")
    everything = ["root.json", "site.json", "storage.json"]
    assert cache.unlinted(root) == everything
    cache.remember_linted(root, {"site.json"})
    assert cache.unlinted(root) == ["site.json"]
    cache.remember_linted(root)
    cache.remember(root)
    (root / "params/local.json").write_text("other")
    assert cache.unlinted(root) == [] and not cache.is_fresh(root)
    (root / "templates/storage.json").write_text(content)
    assert cache.unlinted(root) == ["root.json", "storage.json"]
    cache.remember_linted(root)
    (root / "generator/gate").mkdir()
    (root / "generator/gate/lint.py").write_text("other rules")
    assert cache.unlinted(root) == everything


def test_removing_or_renaming_a_file_ends_it(root: Path) -> None:
    cache.remember(root)
    (root / "templates/storage.json").rename(root / "templates/storage2.json")
    assert not cache.is_fresh(root)
    (root / "templates/storage2.json").rename(root / "templates/storage.json")
    assert cache.is_fresh(root)
    (root / "params/local.json").unlink()
    assert not cache.is_fresh(root)


def test_what_does_not_count_does_not_end_it(root: Path) -> None:
    cache.remember(root)
    (root / "README.md").write_text("words")
    assert cache.is_fresh(root)


def test_another_version_of_a_tool_ends_it(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.remember(root)
    (tmp_path / "site" / "troposphere-99.0.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "site")])
    assert not cache.is_fresh(root)


def test_the_tools_are_found_where_they_are_installed() -> None:
    installed = [
        info.name for folder in sys.path for tool in cache.TOOLS for info in Path(folder).glob(f"{tool}-*.dist-info")
    ]
    assert len(installed) == len(cache.TOOLS)


def test_another_python_ends_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.remember(root)
    monkeypatch.setattr(sys, "version", "9.9")
    assert not cache.is_fresh(root)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"passed": 1, "linted": []}', '{"passed": "x"}', "\udcff"])
def test_a_corrupt_cache_is_just_not_fresh(root: Path, text: str) -> None:
    cache.remember(root)
    (root / cache.CACHE).write_bytes(text.encode(errors="surrogateescape"))
    assert not cache.is_fresh(root) and cache.unlinted(root) == ["storage.json"]


def test_asking_imports_nothing_heavy() -> None:
    code = "import sys; from generator.gate import cache; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "generator.gate.cache" in loaded
    assert {"troposphere", "awacs", "cfnlint", "boto3", "importlib.metadata"} & set(loaded) == set()


def test_the_cache_is_ignored_by_git() -> None:
    ignored = (Path(__file__).parents[2] / ".gitignore").read_text().split()
    assert f"{cache.CACHE.parts[0]}/" in ignored
