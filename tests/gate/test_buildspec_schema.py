"""Every key that CodeBuild takes in a buildspec: one that has them all is valid, and each wrong value is told.

The mistakes that people make in ours are in tests/buildspecs/test_schema.py.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from generator.gate.buildspec_schema import load, problems

PHASE = {"run-as": "root", "on-failure": "RETRY-2", "commands": ["make"], "finally": ["true"]}
ARTIFACT = {
    "files": ["**/*"],
    "name": "out",
    "discard-paths": True,
    "base-directory": "dist",
    "exclude-paths": ["tmp/**/*"],
    "enable-symlinks": False,
    "s3-prefix": "x",
}
REPORT = {"files": ["*.xml"], "file-format": "junitxml", "base-directory": "out", "discard-paths": True}
WHOLE: dict[str, Any] = {
    "version": 0.2,
    "run-as": "root",
    "env": {
        "shell": "bash",
        "variables": {"A": "x", "B": 1},
        "parameter-store": {"C": "/c"},
        "secrets-manager": {"D": "d"},
        "exported-variables": ["A"],
        "git-credential-helper": True,
    },
    "proxy": {"upload-artifacts": True, "logs": False},
    "batch": {"anything": ["at", "all"]},
    "phases": {
        "install": {**PHASE, "runtime-versions": {"python": "3.12", "nodejs": 22}},
        "pre_build": PHASE,
        "build": PHASE,
        "post_build": PHASE,
    },
    "reports": {f"r{number}": REPORT for number in range(5)},
    "artifacts": {**ARTIFACT, "secondary-artifacts": {"One_1-a": ARTIFACT}},
    "cache": {
        "key": "k",
        "fallback-keys": ["a", "b", "c", "d", "e"],
        "action": "save",
        "paths": ["/root/.cache/**/*", "/root/file.txt"],
    },
}


def changed(way: str, value: Any) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads(json.dumps(WHOLE))  # so that no two phases are the same one
    *parents, last = way.split("/")
    inside = spec
    for parent in parents:
        inside = inside[parent]
    inside[last] = value
    return spec


def test_a_buildspec_with_every_key_is_valid() -> None:
    assert problems(WHOLE) == []
    assert problems({"version": "0.2", "phases": {"install": {"commands": ["true"]}}}) == []


OTHER = "artifacts.secondary-artifacts"
TEXT = "a command with ': ' in it needs quotes"
QUOTES = "put it in quotes, YAML reads 3.10 as 3.1 and yes as true"
VARIABLE = "must be a variable's name, CODEBUILD_ is reserved, got"


@pytest.mark.parametrize(
    ("way", "value", "problem"),
    [
        ("run-as", 1, f"run-as: must be a text, got 1; {TEXT}"),
        ("run-as", " ", f"run-as: must be a text, got ' '; {TEXT}"),
        ("env/shell", "zsh", "env.shell: must be one of bash, /bin/sh, got 'zsh'"),
        ("env/variables", {"1A": "x"}, f"env.variables key: {VARIABLE} '1A'"),
        ("env/variables", {"CODEBUILD_A": "x"}, f"env.variables key: {VARIABLE} 'CODEBUILD_A'"),
        ("env/variables", {"A": 1.5}, f"env.variables.A: must be a text, got 1.5; {QUOTES}"),
        ("env/variables", {"A": True}, f"env.variables.A: must be a text, got True; {QUOTES}"),
        ("env/variables", {}, "env.variables: must be a mapping with an entry or more, got {}"),
        ("env/parameter-store", {"A": ["x"]}, f"env.parameter-store.A: must be a text, got ['x']; {QUOTES}"),
        ("env/secrets-manager", ["A"], "env.secrets-manager: must be a mapping with an entry or more, got ['A']"),
        (
            "env/exported-variables",
            ["A", "AWS_X"],
            "env.exported-variables[1]: must be a variable's name, AWS_... cannot be exported, got 'AWS_X'",
        ),
        ("env/git-credential-helper", "yes", "env.git-credential-helper: must be yes or no, got 'yes'"),
        ("proxy/logs", 1, "proxy.logs: must be yes or no, got 1"),
        ("proxy/upload-artifacts", None, "proxy.upload-artifacts: must be yes or no, got None"),
        (
            "phases/build/on-failure",
            "STOP",
            "phases.build.on-failure: must be ABORT, CONTINUE, RETRY, RETRY-count, RETRY-regex, got 'STOP'",
        ),
        ("phases/build/finally", [], "phases.build.finally: must be a list with an entry or more, got []"),
        ("phases/post_build", {"finally": ["x"]}, "phases.post_build: commands is missing"),
        ("phases/pre_build", {"finally": ["x"]}, "phases.pre_build: commands is missing"),
        ("phases/build", ["make"], "phases.build: must be a mapping, got ['make']"),
        ("phases", {}, "phases: needs one of install, pre_build, build, post_build"),
        ("reports/r0", {"file-format": "JUNITXML"}, "reports.r0: files is missing"),
        (
            "reports/r0/file-format",
            "XML",
            "reports.r0.file-format: must be one of CUCUMBERJSON, JUNITXML, NUNITXML, NUNIT3XML, TESTNGXML,"
            " VISUALSTUDIOTRX, CLOVERXML, COBERTURAXML, JACOCOXML, SIMPLECOV, got 'XML'",
        ),
        ("reports/r5", REPORT, "reports: at most 5 entries, got 6"),
        ("artifacts/discard-paths", "no", "artifacts.discard-paths: must be yes or no, got 'no'"),
        ("artifacts/enable-symlinks", 0, "artifacts.enable-symlinks: must be yes or no, got 0"),
        ("artifacts/exclude-paths", "x", "artifacts.exclude-paths: must be a list with an entry or more, got 'x'"),
        (
            "artifacts/secondary-artifacts/a.b",
            ARTIFACT,
            f"{OTHER} key: must be an artifact's name of letters, digits, _ and -, got 'a.b'",
        ),
        ("artifacts/secondary-artifacts/One_1-a", {"name": "x"}, f"{OTHER}.One_1-a: files is missing"),
        ("cache/fallback-keys", list("abcdef"), "cache.fallback-keys: at most 5 entries, got 6"),
        ("cache/action", "keep", "cache.action: must be one of restore, save, got 'keep'"),
        ("cache", {"key": "k"}, "cache: paths is missing"),
        ("cache", {"fallback-keys": ["a"], "paths": ["/a.b"]}, "cache: fallback-keys are ignored without a key"),
        ("cache/paths", ["~/x/*"], "cache.paths[0]: '~/x/*' is not expanded, write /root/..."),
        ("cache/paths", ["$HOME/x/*"], "cache.paths[0]: '$HOME/x/*' is not expanded, write /root/..."),
        ("cache/paths", ["/root/.npm/"], "cache.paths[0]: '/root/.npm/' names a folder, its files are /root/.npm/**/*"),
        (
            "phase",
            {},
            "buildspec: unknown key 'phase', did you mean 'phases'? valid are version, run-as, env, proxy, batch, "
            "phases, reports, artifacts, cache",
        ),
        ("cache/zzz", 1, "cache: unknown key 'zzz', valid are key, fallback-keys, action, paths"),
        ("version", 0.1, "version: must be 0.2 (0.1 runs every command in a shell of its own), got 0.1"),
    ],
)
def test_a_wrong_value_is_told_with_its_place_and_what_would_be_right(way: str, value: Any, problem: str) -> None:
    assert problems(changed(way, value)) == [problem]


def test_what_is_no_mapping_and_what_is_missing() -> None:
    assert problems("text") == ["buildspec: must be a mapping, got 'text'"]
    assert problems({"env": {"shell": "bash"}}) == ["buildspec: version is missing", "buildspec: phases is missing"]


def test_a_key_twice_is_no_yaml_of_ours() -> None:
    assert load("a: 1\nb: [1, 2]\n") == {"a": 1, "b": [1, 2]}
    with pytest.raises(yaml.YAMLError, match="the key 'a' is there twice"):
        load("x:\n  a: 1\n  a: 2\n")
