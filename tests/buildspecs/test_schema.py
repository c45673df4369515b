"""Our buildspecs are valid, and the schema sees the mistakes that people make."""

from copy import deepcopy
from typing import Any

import pytest
import yaml

from generator.gate.buildspec_schema import load, problems
from tests.support.buildspecs.running import NAMES, ROOT, buildspec, text


def test_the_folder_holds_our_buildspecs() -> None:
    files = sorted(path.name for path in (ROOT / "buildspecs").iterdir())
    assert files == sorted([*(f"{name}.yml" for name in NAMES), "base_images.json", "documents.py"])


@pytest.mark.parametrize("name", NAMES)
def test_ours_are_valid(name: str) -> None:
    assert problems(buildspec(name)) == []


def mutated(way: str, value: object, name: str = "frontend") -> dict[str, Any]:
    """One of our buildspecs with another value at a dotted path; None takes the key away."""
    spec = deepcopy(buildspec(name))
    *parents, last = way.split("/")
    inside: Any = spec
    for parent in parents:
        inside = inside[parent]
    if value is None:
        del inside[last]
    else:
        inside[last] = value
    return spec


@pytest.mark.parametrize(
    ("way", "value", "complaint"),
    [
        ("version", None, "version is missing"),
        ("version", 0.1, "version: must be 0.2"),
        ("phases", {}, "phases: needs one of install, pre_build, build, post_build"),
        ("phases/post-build", {"commands": ["true"]}, "unknown key 'post-build', did you mean 'post_build'?"),
        ("phases/build/command", ["true"], "unknown key 'command', did you mean 'commands'?"),
        ("phases/build/commands", None, "phases.build: commands is missing"),
        ("phases/build/commands", ["echo ok", {"echo a": "b"}], "phases.build.commands[1]: must be a text"),
        ("phases/build/commands", "make", "phases.build.commands: must be a list"),
        ("phases/build/runtime-versions", {"nodejs": 22}, "unknown key 'runtime-versions'"),
        ("phases/install/runtime-versions", {"python": 3.10}, "put it in quotes, YAML reads 3.10 as 3.1"),
        ("phases/build/on-failure", "STOP", "phases.build.on-failure: must be ABORT"),
        ("env/shell", "zsh", "env.shell: must be one of bash, /bin/sh"),
        ("env/exported_variables", ["A"], "did you mean 'exported-variables'?"),
        ("env/exported-variables", ["AWS_REGION"], "AWS_... cannot be exported"),
        ("env/variables", {"CODEBUILD_X": "1"}, "CODEBUILD_ is reserved"),
        ("env/variables", {"DEBUG": True}, "yes as true"),
        ("artifact", {}, "did you mean 'artifacts'?"),
        ("artifacts/files", None, "artifacts: files is missing"),
        ("artifacts/secondary-artifacts/FrontendAssets/files", None, "FrontendAssets: files is missing"),
        ("artifacts/secondary-artifacts/a b", {"files": ["x"]}, "artifact's name"),
        ("artifacts/discard-paths", "maybe", "artifacts.discard-paths: must be yes or no"),
        ("reports/tests/files", None, "reports.tests: files is missing"),
        ("reports/tests/file-format", "JUNIT", "reports.tests.file-format: must be one of"),
        ("reports/tests/file-type", "JUNITXML", "unknown key 'file-type'"),
        ("reports", {str(n): {"files": ["x"]} for n in range(6)}, "reports: at most 5 entries, got 6"),
        ("cache/paths", None, "cache: paths is missing"),
        ("cache/paths", ["/root/.npm"], "names a folder, its files are /root/.npm/**/*"),
        ("cache/paths", ["~/.npm/**/*"], "is not expanded"),
        ("cache/path", ["/root/.npm/**/*"], "did you mean 'paths'?"),
        ("cache/key", None, "fallback-keys are ignored without a key"),
        ("cache/fallback-keys", list("abcdef"), "at most 5 entries, got 6"),
        ("cache/action", "both", "cache.action: must be one of restore, save"),
    ],
)
def test_mistakes_are_seen(way: str, value: object, complaint: str) -> None:
    messages = problems(mutated(way, value))
    assert len(messages) == 1
    assert complaint in messages[0]


def test_report_formats_are_not_case_sensitive() -> None:
    assert problems(mutated("reports/tests/file-format", "JunitXml")) == []


@pytest.mark.parametrize("value", [None, [], "version: 0.2"])
def test_something_else_than_a_mapping_is_seen(value: object) -> None:
    assert problems(value) == [f"buildspec: must be a mapping, got {value!r}"]


def test_a_key_that_stands_twice_is_refused() -> None:
    with pytest.raises(yaml.YAMLError, match="'build' is there twice"):
        load(text("backend").replace("  post_build:", "  build:"))
