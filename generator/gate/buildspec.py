"""The buildspecs that stand inline in the templates. No YAML parser: `generator.cfn` has the standard library only, and
our buildspecs keep to the block style (keys and `- ` items, one a line) that this reads."""

from typing import NamedTuple

from generator.cfn.intrinsics import choices, render
from generator.cfn.templates import Resource


def inline(project: Resource) -> list[str] | None:
    """The lines of a CodeBuild project's buildspec in the template; None when it only reads one from the source."""
    for _, spec in choices(project.get("Source", "BuildSpec")):
        text = render(spec)
        if "\n" in text:
            return text.splitlines()
    return None


def entries(lines: list[str], *way: str) -> list[str]:
    """The keys or list items directly below a key, `entries(lines, "env", "exported-variables")`; empty without it."""
    block = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    for key in way:
        margin = min(map(_margin, block), default=0)
        starts = [number for number, line in enumerate(block) if line.rstrip() == " " * margin + f"{key}:"]
        if not starts:
            return []
        below = block[starts[0] + 1 :]
        ends = (number for number, line in enumerate(below) if _margin(line) <= margin)
        block = below[: next(ends, len(below))]
    margin = min(map(_margin, block), default=0)
    return [line.strip().removeprefix("- ").split(":")[0] for line in block if _margin(line) == margin]


class Made(NamedTuple):
    """What a buildspec makes: the variables that it exports, and its secondary artifacts, sorted."""

    variables: frozenset[str]
    artifacts: list[str]


def made(lines: list[str]) -> Made:
    """What a buildspec makes, by its lines."""
    artifacts = entries(lines, "artifacts", "secondary-artifacts")
    return Made(frozenset(entries(lines, "env", "exported-variables")), sorted(artifacts))


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip())
