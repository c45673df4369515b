"""Renders the templates: `python -m generator [--check | --list | --picture | --gate] [--base LEDGER]`.

    (nothing)  render `templates/` and `docs/permissions.md`, and say what changed
    --check    say whether they are stale, and write nothing
    --list     show stacks, resources and sizes of what lies in `templates/`
    --picture  draw the stacks of `templates/` as Mermaid text
    --gate     render, then lint, house rules and parameter files; answers at once when nothing has changed

    --base     a permission ledger to compare with instead of the one that lies here, such as the main branch's

Exit status: 0 done or nothing to do; 1 stale, or the gate found something, or the facts do not render; 64 bad usage.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from generator.gate import cache

if TYPE_CHECKING:
    from generator.cfn.templates import TemplateSet

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES, PARAMS, LEDGER = ROOT / "templates", ROOT / "params", ROOT / "docs" / "permissions.md"
PAGE = ROOT / "docs" / "parameters.md"  # written by the gate, because it takes cfn-lint's schemas
SHOWN, WIDTH = 12, 160
DONE, FOUND, USAGE = 0, 1, 64
# Functions of `generator.project` that refuse a fact.
FACT_CHECKS = ("__post_init__", "must_match", "must_be_between", "refuse")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main(words: list[str] | None = None) -> int:
    parser = _Parser(prog="python -m generator", description="Renders the CloudFormation templates.")
    verbs = parser.add_mutually_exclusive_group()
    verbs.add_argument("--check", action="store_true", help="say whether templates/ is stale; write nothing")
    verbs.add_argument("--list", action="store_true", help="show stacks, resources and sizes")
    verbs.add_argument("--picture", action="store_true", help="draw the stacks as Mermaid text")
    verbs.add_argument("--gate", action="store_true", help="render, lint, house rules, parameter files")
    parser.add_argument("--base", type=Path, default=LEDGER, metavar="LEDGER", help="permission ledger to compare with")
    chosen = parser.parse_args(words)
    if chosen.list:
        return _list()
    if chosen.picture:
        return _picture()
    if chosen.gate and cache.is_fresh(ROOT):
        print("templates: nothing has changed since the gate passed.")
        return DONE
    files = _render()
    if files is None:
        return FOUND
    if chosen.check:
        return _check(files) or _explained(files, chosen.base)
    _write(files)
    if _explained(files, chosen.base) == FOUND:
        return FOUND
    _record(files)
    return _gate() if chosen.gate else DONE


def _render() -> Mapping[str, str] | None:
    """The rendered files, or None after the reason was printed with the line of ours to look at.

    Whatever goes wrong while building is a fault in the facts or in a stack module, troposphere's own refusals
    (a misspelled property, a value of the wrong type) included.
    """
    try:
        from generator.render import render

        return render().files
    except Exception as error:
        file, line, text = _place(error)
        print(f"{file.relative_to(ROOT)}:{line}: {type(error).__name__}: {error}\n    {text}", file=sys.stderr)
        return None


def _place(error: Exception) -> tuple[Path, int, str]:
    """File, line and text of the place to edit, for an error that was raised while the templates were built."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(ROOT / "generator")]
    if fact := getattr(error, "fact", None):
        # The checks of the facts raise; the call that gave the value is the place, and in it the value's own line.
        frame = [frame for frame in ours if frame.name not in FACT_CHECKS][-1]
        first, last = int(frame.lineno or 1), int(frame.end_lineno or frame.lineno or 1)
        lines = Path(frame.filename).read_text(encoding="utf-8").splitlines()
        named = (line for line in range(first, last + 1) if re.match(rf"\s*{fact}\s*=", lines[line - 1]))
        line = next(named, first)
        return Path(frame.filename), line, lines[line - 1].strip()
    # The vocabulary raises; the stack, root or part of one that called it is the place to edit.
    frame = ([frame for frame in ours if Path(frame.filename).parent.name != "generator"] or ours)[-1]
    return Path(frame.filename), int(frame.lineno or 1), frame.line or ""


def _rendered(files: Mapping[str, str]) -> TemplateSet:
    from generator.cfn.templates import from_bodies

    return from_bodies({name.removesuffix(".json"): json.loads(text) for name, text in files.items()})


def _explained(files: Mapping[str, str], base: Path) -> int:
    """Whether each broadened permission has a new reason. Says what has none, and the ledger stays as it is."""
    from generator.gate import reasons

    findings = reasons.check(base.read_text(encoding="utf-8") if base.exists() else "", _rendered(files))
    for finding in findings:
        print(finding, file=sys.stderr)
    return FOUND if findings else DONE


def _record(files: Mapping[str, str]) -> None:
    """Writes the permission ledger."""
    from generator.gate import ledger

    text = ledger.markdown(_rendered(files))
    if not LEDGER.exists() or LEDGER.read_text(encoding="utf-8") != text:
        LEDGER.parent.mkdir(exist_ok=True)
        LEDGER.write_text(text, encoding="utf-8", newline="\n")
        print(f"permissions: {LEDGER.relative_to(ROOT)} written")


def _committed() -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(TEMPLATES.glob("*.json"))}


def _check(files: Mapping[str, str]) -> int:
    from generator.gate import ledger

    committed = _committed()
    stale = sorted(name for name in {*files, *committed} if files.get(name) != committed.get(name))
    for name in stale:
        state = "is missing" if name not in committed else "is made by nothing" if name not in files else "is stale"
        print(f"templates/{name} {state}")
    old = not LEDGER.exists() or LEDGER.read_text(encoding="utf-8") != ledger.markdown(_rendered(files))
    if old:
        print(f"{LEDGER.relative_to(ROOT)} is stale")
    print(f"{len(stale)} of {len(files)} templates are stale: run `make templates`" if stale else "templates: fresh")
    return FOUND if stale or old else DONE


def _write(files: Mapping[str, str]) -> None:
    """Writes what differs, removes what nothing makes any more, and says what changed in the reviewer's terms."""
    from generator.cfn.difference import compare
    from generator.cfn.templates import TemplatesError

    committed = _committed()
    if committed == dict(files):
        print(f"templates: {len(files)} rendered, none changed")
        return
    TEMPLATES.mkdir(exist_ok=True)
    for name, text in files.items():
        if committed.get(name) != text:
            (TEMPLATES / name).write_text(text, encoding="utf-8", newline="\n")
    for name in committed.keys() - files.keys():
        (TEMPLATES / name).unlink()
    print(f"templates: {len(files)} rendered, {sum(committed.get(n) != t for n, t in files.items())} changed")
    try:
        before, after = (_rendered(side) for side in (committed, files))
    except (ValueError, TemplatesError) as error:
        print(f"  what lay there before cannot be compared: {error}")
        return
    changes = [str(change) for change in compare(before, after)] if committed else []
    for line in changes[:SHOWN]:
        print(f"  {line}" if len(line) <= WIDTH else f"  {line[:WIDTH]} ...")
    if len(changes) > SHOWN:
        print(f"  and {len(changes) - SHOWN} more: git diff templates/")


def _gate() -> int:
    """Lint, house rules and parameter files; remembers a pass, so that the next call answers at once."""
    from generator.cfn.templates import load
    from generator.gate import lint, parameter_files, parameter_page, run

    print("gate: cfn-lint, house rules, parameter files ...", flush=True)
    # cfn-lint makes millions of small objects: looking for garbage all the time costs a sixth.
    gc.set_threshold(100_000)
    templates = load(TEMPLATES)
    text = parameter_page.page(templates)
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        PAGE.write_text(text, encoding="utf-8", newline="\n")
        print(f"parameters: {PAGE.relative_to(ROOT)} written")
    linted = lint.lint(ROOT, only=cache.unlinted(ROOT))
    cache.remember_linted(ROOT, {Path(finding.file).name for finding in linted})
    findings = [*linted, *run.check(templates), *parameter_files.check(PARAMS, templates)]
    for finding in findings:
        print(finding, file=sys.stderr)
    if findings:
        print(f"gate: {len(findings)} findings; nothing may be deployed until they are gone", file=sys.stderr)
        return FOUND
    cache.remember(ROOT)
    print("gate: passed, no findings")
    return DONE


def _list() -> int:
    from generator.cfn.templates import load

    templates = load(TEMPLATES)
    print(f"{'template':<16}{'resources':>10}{'parameters':>12}{'outputs':>9}{'KiB':>7}")
    for name, template in templates.templates.items():
        size = (TEMPLATES / f"{name}.json").stat().st_size / 1024
        body = template.body
        counts = [len(body.get(section, {})) for section in ("Resources", "Parameters", "Outputs")]
        print(f"{name:<16}{counts[0]:>10}{counts[1]:>12}{counts[2]:>9}{size:>7.1f}")
    return DONE


def _picture() -> int:
    from generator.cfn.templates import load
    from generator.picture import mermaid

    print(mermaid(load(TEMPLATES)), end="")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
