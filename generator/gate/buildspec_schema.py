"""What a buildspec may say: version 0.2 as AWS CodeBuild documents it, narrowed to how ours are written.

Source: AWS CodeBuild User Guide, "Build specification reference for CodeBuild" (build-spec-ref.html) for keys,
formats and limits; "Amazon S3 caching" (caching-s3.html) for cache keys. `batch` is accepted unread: ours have none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches

import yaml

Check = Callable[[str, object], Iterator[str]]

TEST_FORMATS = ("CUCUMBERJSON", "JUNITXML", "NUNITXML", "NUNIT3XML", "TESTNGXML", "VISUALSTUDIOTRX")
COVERAGE_FORMATS = ("CLOVERXML", "COBERTURAXML", "JACOCOXML", "SIMPLECOV")
REPORT_GROUPS_OF_A_PROJECT = 5
FALLBACK_KEYS = 5


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which a repeated key is an error: of two `build:` phases the first would vanish without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        names = [key.value for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {name!r} is there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def load(text: str) -> object:
    """The YAML of a buildspec. Raises `yaml.YAMLError` with the line, also for a repeated key."""
    return yaml.load(text, _UniqueKeys)


def problems(buildspec: object) -> list[str]:
    """Everything that is wrong with a buildspec, each with its path and what would be right; empty when it is valid."""
    return list(_BUILDSPEC("", buildspec))


def _anything(_where: str, _value: object) -> Iterator[str]:
    return iter(())


def _text(where: str, value: object) -> Iterator[str]:
    if not isinstance(value, str) or not value.strip():
        yield f"{where}: must be a text, got {value!r}; a command with ': ' in it needs quotes"


def _scalar(where: str, value: object) -> Iterator[str]:
    if not isinstance(value, str | int) or isinstance(value, bool):
        yield f"{where}: must be a text, got {value!r}; put it in quotes, YAML reads 3.10 as 3.1 and yes as true"


def _yes_or_no(where: str, value: object) -> Iterator[str]:
    if not isinstance(value, bool):
        yield f"{where}: must be yes or no, got {value!r}"


def _one_of(*choices: str) -> Check:
    def check(where: str, value: object) -> Iterator[str]:
        if value not in choices:
            yield f"{where}: must be one of {', '.join(choices)}, got {value!r}"

    return check


def _matching(pattern: str, meaning: str) -> Check:
    def check(where: str, value: object) -> Iterator[str]:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            yield f"{where}: must be {meaning}, got {value!r}"

    return check


def _list_of(item: Check, most: int | None = None) -> Check:
    def check(where: str, value: object) -> Iterator[str]:
        if not isinstance(value, list) or not value:
            yield f"{where}: must be a list with an entry or more, got {value!r}"
            return
        if most is not None and len(value) > most:
            yield f"{where}: at most {most} entries, got {len(value)}"
        for number, entry in enumerate(value):
            yield from item(f"{where}[{number}]", entry)

    return check


def _map_of(name: Check, item: Check, most: int | None = None) -> Check:
    def check(where: str, value: object) -> Iterator[str]:
        if not isinstance(value, dict) or not value:
            yield f"{where}: must be a mapping with an entry or more, got {value!r}"
            return
        if most is not None and len(value) > most:
            yield f"{where}: at most {most} entries, got {len(value)}"
        for key, entry in value.items():
            yield from name(f"{where} key", key)
            yield from item(f"{where}.{key}", entry)

    return check


def _keys(known: dict[str, Check], required: tuple[str, ...] = (), least: int = 0) -> Check:
    def check(where: str, value: object) -> Iterator[str]:
        here = where or "buildspec"
        if not isinstance(value, dict):
            yield f"{here}: must be a mapping, got {value!r}"
            return
        for key in required:
            if key not in value:
                yield f"{here}: {key} is missing"
        if len(value) < least:
            yield f"{here}: needs one of {', '.join(known)}"
        for key, entry in value.items():
            if key in known:
                yield from known[key](f"{where}.{key}".lstrip("."), entry)
            else:
                near = get_close_matches(str(key), known, 1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                yield f"{here}: unknown key {key!r}, {hint}valid are {', '.join(known)}"

    return check


def _version(where: str, value: object) -> Iterator[str]:
    if str(value) != "0.2":
        yield f"{where}: must be 0.2 (0.1 runs every command in a shell of its own), got {value!r}"


def _report_format(where: str, value: object) -> Iterator[str]:
    formats = TEST_FORMATS + COVERAGE_FORMATS
    if not isinstance(value, str) or value.upper() not in formats:
        yield f"{where}: must be one of {', '.join(formats)}, got {value!r}"


def _cached(where: str, value: object) -> Iterator[str]:
    yield from _text(where, value)
    if isinstance(value, str):
        if value.startswith(("~", "$HOME")):
            yield f"{where}: {value!r} is not expanded, write /root/..."
        if not value.endswith("*") and "." not in value.rsplit("/", 1)[-1].lstrip("."):
            yield f"{where}: {value!r} names a folder, its files are {value.rstrip('/')}/**/*"


def _cache(where: str, value: object) -> Iterator[str]:
    keys: dict[str, Check] = {
        "key": _text,
        "fallback-keys": _list_of(_text, FALLBACK_KEYS),
        "action": _one_of("restore", "save"),
        "paths": _list_of(_cached),
    }
    yield from _keys(keys, required=("paths",))(where, value)
    if isinstance(value, dict) and "fallback-keys" in value and "key" not in value:
        yield f"{where}: fallback-keys are ignored without a key"


_VARIABLE = _matching(r"(?!CODEBUILD_)[A-Za-z_][A-Za-z0-9_]*", "a variable's name, CODEBUILD_ is reserved")
_EXPORTED = _matching(r"(?!AWS_)[A-Za-z_][A-Za-z0-9_]*", "a variable's name, AWS_... cannot be exported")
_ON_FAILURE = _matching(r"ABORT|CONTINUE|RETRY(-.+)?", "ABORT, CONTINUE, RETRY, RETRY-count, RETRY-regex")

_ENV = _keys(
    {
        "shell": _one_of("bash", "/bin/sh"),
        "variables": _map_of(_VARIABLE, _scalar),
        "parameter-store": _map_of(_VARIABLE, _scalar),
        "secrets-manager": _map_of(_VARIABLE, _scalar),
        "exported-variables": _list_of(_EXPORTED),
        "git-credential-helper": _yes_or_no,
    }
)
_PHASE: dict[str, Check] = {
    "run-as": _text,
    "on-failure": _ON_FAILURE,
    "commands": _list_of(_text),
    "finally": _list_of(_text),
}
_PHASES = _keys(
    {
        "install": _keys({**_PHASE, "runtime-versions": _map_of(_text, _scalar)}),
        "pre_build": _keys(_PHASE, required=("commands",)),
        "build": _keys(_PHASE, required=("commands",)),
        "post_build": _keys(_PHASE, required=("commands",)),
    },
    least=1,
)
_REPORT = _keys(
    {"files": _list_of(_text), "file-format": _report_format, "base-directory": _text, "discard-paths": _yes_or_no},
    required=("files",),
)
_ARTIFACT: dict[str, Check] = {
    "files": _list_of(_text),
    "name": _text,
    "discard-paths": _yes_or_no,
    "base-directory": _text,
    "exclude-paths": _list_of(_text),
    "enable-symlinks": _yes_or_no,
    "s3-prefix": _text,
}
# The identifiers are the names of pipeline artifacts (API_OutputArtifact.html).
_IDENTIFIER = _matching(r"[A-Za-z0-9_-]{1,100}", "an artifact's name of letters, digits, _ and -")
_BUILDSPEC = _keys(
    {
        "version": _version,
        "run-as": _text,
        "env": _ENV,
        "proxy": _keys({"upload-artifacts": _yes_or_no, "logs": _yes_or_no}),
        "batch": _anything,
        "phases": _PHASES,
        "reports": _map_of(_text, _REPORT, REPORT_GROUPS_OF_A_PROJECT),
        "artifacts": _keys(
            {**_ARTIFACT, "secondary-artifacts": _map_of(_IDENTIFIER, _keys(_ARTIFACT, required=("files",)))},
            required=("files",),
        ),
        "cache": _cache,
    },
    required=("version", "phases"),
)
