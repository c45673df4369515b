"""The buildspecs that stand inline in the templates, read with PyYAML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import yaml

from generator.cfn.intrinsics import choices, render
from generator.cfn.templates import Resource


@dataclass(frozen=True)
class Buildspec:
    """A buildspec as its text, and as what YAML makes of it; `fault` says why it is none, and is empty otherwise."""

    text: str
    body: Mapping[str, Any] = field(hash=False)
    fault: str = ""

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def commands(self) -> str:
        """The text without the lines that are comments."""
        return "\n".join(line for line in self.lines if not line.lstrip().startswith("#"))

    @property
    def comments(self) -> str:
        return "\n".join(line for line in self.lines if line.lstrip().startswith("#"))

    def names(self, *path: str) -> list[str]:
        """The keys, or the items of the list, at a path: `names("env", "exported-variables")`; empty without it."""
        value: Any = self.body
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return [str(name) for name in value] if isinstance(value, dict | list) else []

    @property
    def artifacts(self) -> list[str]:
        """The names of the secondary artifacts, sorted."""
        return sorted(self.names("artifacts", "secondary-artifacts"))

    @property
    def report_formats(self) -> dict[str, str]:
        """The format of each report, JUNITXML where none is written (codebuild user guide, build-spec-ref)."""
        reports = self.body.get("reports")
        entries = reports.items() if isinstance(reports, dict) else ()
        return {name: str((report or {}).get("file-format", "JUNITXML")) for name, report in entries}


def inline_buildspec(project: Resource) -> Buildspec | None:
    """The buildspec that a CodeBuild project carries; None when it only reads one from the source."""
    for _, spec in choices(project.get("Source", "BuildSpec")):
        text = render(spec)
        if "\n" in text:
            return parsed_buildspec(text)
    return None


@cache
def parsed_buildspec(text: str) -> Buildspec:
    """A buildspec's text, read. What is no YAML, or no object, has a `fault`."""
    try:
        body = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return Buildspec(text, {}, " ".join(str(error).split()))
    if not isinstance(body, dict):
        return Buildspec(text, {}, "is not an object with version and phases")
    return Buildspec(text, body)
