"""What a branch changes about the templates, for a pull request: `python -m scripts.review BASE`.

The committed templates are compared with those of the working tree, as Markdown: property by property, permissions
gained and lost, and what holds data or an address and would be replaced or deleted. No account is asked: what a living
environment makes of it, `plan` tells.
"""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.cfn.broadening import Grant, compare
from generator.cfn.difference import Change
from generator.cfn.difference import compare as differences
from generator.cfn.places import spell
from generator.cfn.templates import TemplatesError, TemplateSet, from_bodies, load
from scripts import git
from scripts.deployment.errors import Exit, RefusedError
from scripts.deployment.guards import ADDRESSES, keeps
from scripts.deployment.plan import Difference
from scripts.local_aws import schemas
from scripts.operations.output.documents import inside, told
from scripts.operations.output.plan_markdown import code
from scripts.terminal import console
from scripts.terminal.endings import PROJECT

FOLDER = "templates"


@dataclass(frozen=True)
class Review:
    """Everything between two versions of the templates. `losses` are addresses with what happens to them."""

    base: str
    changes: tuple[Change, ...]
    gained: tuple[Grant, ...]
    lost: tuple[Grant, ...]
    losses: tuple[tuple[str, str], ...]


def review(base: str, before: TemplateSet, after: TemplateSet) -> Review:
    """Compares two versions; `base` is what the first is called."""
    gained, lost = compare(before, after)
    return Review(base, tuple(differences(before, after)), tuple(gained), tuple(lost), tuple(_losses(before, after)))


def _losses(before: TemplateSet, after: TemplateSet) -> Iterator[tuple[str, str]]:
    there = {resource.address: resource for resource in after.resources()}
    for old in before.resources():
        new = there.get(old.address)
        data = keeps(old) or (new is not None and keeps(new))
        if not (data or old.type in ADDRESSES):
            continue
        what = f"{old.type}, {'holds data' if data else 'users see its address'}"
        if new is None or new.type != old.type:
            yield old.address, f"{what}: deleted"
        elif paths := schemas.replaces(old.type, old.properties, new.properties):
            yield old.address, f"{what}: replaced, because of {', '.join(sorted(paths))}"
        if keeps(old) and new is not None and not keeps(new):
            yield old.address, f"{what}: no longer kept when it goes"


def markdown(found: Review) -> Iterator[str]:
    """A review as Markdown; what somebody has to agree to comes first."""
    yield f"# Templates against {found.base}"
    if not found.changes:
        yield from ("", "No differences.")
    yield from _section("Data and addresses", (f"- {code(where)}: {what}" for where, what in found.losses))
    signed = [*(("gained", one) for one in found.gained), *(("lost", one) for one in found.lost)]
    grants = (f"- {sign}{', **broader**' if one.broader else ''}: {code(str(one))}" for sign, one in signed)
    yield from _section("Permissions", grants)
    for name in dict.fromkeys(one.template for one in found.changes):
        changes = (one for one in found.changes if one.template == name)
        yield from _section(f"{name}.json", (line for one in changes for line in _change(one)))


def _section(title: str, entries: Iterator[str]) -> Iterator[str]:
    if lines := [*entries]:
        yield from ("", f"## {title}", "", *lines)


def _change(one: Change) -> Iterator[str]:
    kind = f" ({one.type})" if one.type else ""
    if not one.place:
        yield f"- {one.action} {one.what} {code(one.name or one.template)}{kind}"
        return
    before, after = ("" if side is None else _text(side) for side in (one.before, one.after))
    difference = Difference(spell(one.place), before, after)
    start = f"- {one.what} {code(one.name)}{kind} {code(difference.name)}"
    if lines := inside(difference):
        yield from (start, "", "  ```diff", *(f"  {line}" for line in lines), "  ```", "")
    else:
        yield f"{start}: {code(told(before))} → {code(told(after))}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def committed(folder: Path, base: str) -> TemplateSet:
    """The templates of a revision of the repository at `folder`. Raises `RefusedError`."""
    names = _git(folder, "ls-tree", "-r", "--name-only", base, "--", f"{FOLDER}/").split()
    bodies = {Path(name).stem: json.loads(_git(folder, "show", f"{base}:{name}")) for name in names}
    if not bodies:
        raise RefusedError(f"{base} has no {FOLDER}/ in {folder}.", "Name a revision that has, such as main.")
    return from_bodies(bodies)


def _git(folder: Path, *words: str) -> str:
    try:
        return git.text(folder, *words)
    except git.GitError as error:
        raise RefusedError(str(error), "" if error.missing else "Name a revision that git knows.") from error


def arguments(parser: ArgumentParser) -> None:
    """With what the working tree is compared."""
    parser.add_argument("base", metavar="BASE", help="a revision, such as main or the commit that is deployed")
    parser.add_argument("--project", type=Path, default=PROJECT, help="the working tree")


def run(options: Namespace) -> Exit:
    """Prints the review. Raises `RefusedError`."""
    try:
        changes = review(options.base, committed(options.project, options.base), load(options.project / FOLDER))
    except TemplatesError as error:
        raise RefusedError(str(error)) from error
    console.document("\n".join(markdown(changes)))
    return Exit.DONE


if __name__ == "__main__":
    from scripts.cli import entry

    entry("python -m scripts", "review")
