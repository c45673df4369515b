"""Renders the templates: `python -m generator [--check] [--gate] [--list] [--base LEDGER] [--format …]`.

    (nothing)  render `templates/`, the pictures, `docs/permissions.md` with its ledger and `docs/reachability.md`, and
               say what changed
    --check    say whether they are stale, and write nothing
    --list     show stacks, resources and sizes of what lies in `templates/`
    --gate     render, then lint, project rules and parameter files; answers at once when nothing has changed
    --check --gate  both, and write nothing: what is stale, or else what the gate finds

    --format   with --gate: the findings on standard output as sarif, junit, json or github (annotations of its log)
    --out      with --format: a file to write them to instead
    --base     a permission ledger to compare with instead of the one that lies here, such as the main branch's

Exit status: 0 done or nothing to do; 1 stale, or the gate has findings, or the facts do not render, or there is no
template to show; 64 bad usage; 74 done, but the output could not be written; 130 interrupted.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import signal
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from generator.cfn import streams
from generator.cfn.verdict import FILE as VERDICT
from generator.gate import cache
from generator.gate.finding import FORMATS, TERMINAL, Finding

if TYPE_CHECKING:
    from generator.cfn.templates import TemplateSet

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES, PARAMS, LEDGER = ROOT / "templates", ROOT / "params", ROOT / "docs" / "permissions-ledger.md"
DOCS = ROOT / "docs"
REACHABILITY = ROOT / "docs" / "reachability.md"  # who can reach what
ARCHITECTURE, PICTURES = ROOT / "docs" / "architecture.svg", ROOT / "docs" / "pictures"
PAGE = ROOT / "docs" / "parameters.md"  # written by the gate, because it takes cfn-lint's schemas
GATE = "gate: cfn-lint, project rules, parameter files ..."
SHOWN_CHANGES, WIDTH = 12, 160
RULE_PARTS = 2
DONE, FINDINGS, USAGE, OUTPUT = 0, 1, 64, 74  # as in `scripts/deployment/errors.py`
INTERRUPTED = 128 + signal.SIGINT  # what a shell says of it
# Functions of `generator.project` that refuse a fact.
FACT_CHECKS = ("__post_init__", "must_match", "must_be_between", "refuse")
# Folders below `generator/` that check what a stack or a root asks for: the place to edit is in who asked.
CHECKING = ("generator", "core", "cfn")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main(words: list[str] | None = None) -> int:
    # Rendering and cfn-lint make millions of small objects: looking for garbage all the time costs a sixth.
    gc.set_threshold(100_000)
    parser = _Parser(prog="python -m generator", description="Renders the CloudFormation templates.")
    parser.add_argument("--check", action="store_true", help="fail if templates/ is out of date; writes nothing")
    parser.add_argument("--list", action="store_true", help="show stacks, resources and sizes")
    parser.add_argument("--gate", action="store_true", help="render, then lint, project rules, parameter files")
    parser.add_argument("--base", type=Path, default=LEDGER, metavar="LEDGER", help="permission ledger to compare with")
    parser.add_argument("--format", choices=(TERMINAL, *FORMATS), default=TERMINAL, help="how findings are shown")
    parser.add_argument("--out", type=Path, metavar="FILE", help="with --format: write the findings to this file")
    options = parser.parse_args(words)
    if options.list and (options.check or options.gate):
        parser.error("--list goes with nothing else")
    alone = options.gate and not options.check
    if (options.format != TERMINAL and not alone) or (options.out and options.format == TERMINAL):
        parser.error("--format goes with --gate alone, and --out with --format")
    if options.format != TERMINAL:
        return _gate_report(options.base, options.format, options.out)
    if options.list:
        return _show(_table)
    if options.check:
        return check(options.base, gate=options.gate)
    return FINDINGS if make_templates(options.base, gate=options.gate) else DONE


def _gate_report(base: Path, form: str, out: Path | None) -> int:
    """The gate for a program: its findings in a format, none too; what is done goes to standard error."""
    from generator.gate.report import report

    with redirect_stdout(sys.stderr):
        findings = make_templates(base, gate=True)
    text = report(findings, form, ROOT)
    if out:
        out.write_text(f"{text}\n", encoding="utf-8", newline="\n")
    elif text:
        print(text)
    return FINDINGS if findings else DONE


def _remember(remember: Callable[[], None]) -> None:
    """Writes down what has passed. Where that cannot be written it has passed all the same, and deploying asks for
    it."""
    try:
        remember()
    except OSError as error:
        what = f"gate: {error.filename or VERDICT} cannot be written ({error.strerror})"
        _say(f"{what}: the verdict is not kept, and nothing can be deployed with it", "yellow", sys.stderr)


def make_templates(base: Path, *, gate: bool) -> list[Finding]:
    """From the facts to templates that may be deployed: `make templates`.

    Renders; stops before any page is written when a permission was broadened beyond the ledger `base` for an old
    reason; writes templates and pages; then, with `gate`, looks for what is wrong with them. A pass is remembered with
    the bytes that passed, which the deploy script asks for. Returns what is wrong, shown already.
    """
    if gate and base == LEDGER and cache.is_fresh(ROOT):
        _say("templates: nothing has changed since the gate passed.", "green")
        return []
    files = _rendered_files()
    if isinstance(files, Finding):
        return [files]
    _write_templates(files)
    templates = _template_set(files)
    if unexplained := _unexplained_permissions(base, templates):
        _report(unexplained)
        _remember(partial(cache.remember_refusal, ROOT, unexplained))
        return unexplained
    if not gate:
        _write_pages(files, templates)
        return []
    # This module by its name: run as `__main__` it is another one, which a process that is not forked cannot import.
    from generator import __main__ as this
    from generator.gate import process

    # What takes longest and needs only the templates that lie there; the first two import cfn-lint. The rules come in
    # parts, so that neither process has long to do at the end while the other has nothing.
    parts = [partial(this._house_rules, number, RULE_PARTS) for number in range(RULE_PARTS)]
    with process.shared([this._linted, this._parameter_page, *parts]) as (linted, parameter_page, *house_rules):
        _write_pages(files, templates)
        with _working(GATE):
            findings = _gate_findings(files, templates, house_rules, linted)
            page = parameter_page()
    _write_page(PAGE, page, "parameters")
    return _judge(findings)


def _write_pages(files: Mapping[str, str], templates: TemplateSet) -> None:
    _write_ledger(templates)
    _write_reachability(files, templates)
    _write_ids(templates)


def _judge(findings: list[Finding]) -> list[Finding]:
    """Shows what the gate found. The record gets its verdict, which deploying and a review ask for."""
    if _report(findings):
        number = "1 finding; fix it" if len(findings) == 1 else f"{len(findings)} findings; fix them"
        _say(f"gate: {number} before deploying", "red", sys.stderr)
        _remember(partial(cache.remember_refusal, ROOT, findings))
        return findings
    _remember(partial(cache.remember_pass, ROOT))
    from generator.gate import parameter_files

    if silent := parameter_files.silent_environments(PARAMS):
        _say(f"gate: nobody gets the messages of {', '.join(silent)}: choose NotificationEmail or NotificationPhone")
    if unprotected := parameter_files.unprotected(PARAMS):
        _say(f"gate: branch and approval protection bind nobody: {'; '.join(unprotected)}")
    _say("gate: passed, no findings", "green")
    return []


def check(base: Path, *, gate: bool) -> int:
    """Whether the committed templates, the ledger and the pages are what the facts render to and, with `gate`, whether
    they pass it; writes nothing but the gate's record."""
    files = _rendered_files()
    if isinstance(files, Finding):
        return FINDINGS
    committed, templates = _committed_files(), _template_set(files)
    stale = sorted(name for name in {*files, *committed} if files.get(name) != committed.get(name))
    for name in stale:
        state = "is missing" if name not in committed else "is made by nothing" if name not in files else "is stale"
        print(f"templates/{name} {state}")
    pages = {**_permission_pages(templates), **_pictures(templates)}
    pages |= dict.fromkeys(_superfluous(pages), "")
    if not cache.is_searched(ROOT, files):
        pages |= _reachability_page(templates)
    if gate:
        from generator.gate import parameter_page

        pages |= {PAGE: parameter_page.page(templates)}
    stale_pages = [file for file, text in pages.items() if _text_of(file) != text]
    for file in stale_pages:
        print(f"{file.relative_to(ROOT)} is stale")
    print(f"{len(stale)} of {len(files)} templates are stale: run `make templates`" if stale else "templates: fresh")
    if stale or stale_pages:
        return FINDINGS
    if _report(_unexplained_permissions(base, templates)):
        return FINDINGS
    if not gate:
        return DONE
    with _working(GATE):
        findings = _gate_findings(files, templates, [_house_rules], _linted)
    return FINDINGS if _judge(findings) else DONE


def _linted() -> list[Finding]:
    """What cfn-lint finds: it looks only at what changed since it last found nothing there, and at what that feeds."""
    from generator.gate import lint

    return lint.lint(ROOT, only=cache.unlinted_templates(ROOT))


def _house_rules(part: int = 0, parts: int = 1) -> list[Finding]:
    """What breaks a project rule; of so many `parts` of the rules the one with this number."""
    from generator.cfn.templates import load
    from generator.gate import rules

    return rules.findings(load(TEMPLATES), rules.RULES[part::parts])


def _gate_findings(
    files: Mapping[str, str],
    templates: TemplateSet,
    house_rules: Sequence[Callable[[], list[Finding]]],
    linted: Callable[[], list[Finding]],
) -> list[Finding]:
    """What is wrong with the templates that lie in `templates/` and with the parameter files. `house_rules`, in parts,
    and `linted` are asked for last, because another process may be at them; the search for new ways is left out where
    nothing has changed that it depends on."""
    from generator.gate import beside, parameter_files
    from generator.gate.reachability import matrix
    from generator.gate.suppressions import suppressions

    values = parameter_files.findings(PARAMS, templates)
    # With values that are refused nobody knows which roles there would be.
    searched = values or cache.is_searched(ROOT, files)
    ways = [] if searched else matrix.findings(*matrix.make_matrices(templates, PARAMS))
    missing = beside.findings(ROOT, templates)
    by_rules = sorted(finding for part in house_rules for finding in part())
    by_lint = linted()
    _remember(partial(cache.remember_linted, ROOT, {Path(finding.file).name for finding in by_lint}))
    return [*suppressions(ROOT, templates), *by_lint, *by_rules, *missing, *values, *ways]


def _unexplained_permissions(base: Path, templates: TemplateSet) -> list[Finding]:
    """Each permission that is broader than in the ledger `base`, for a reason that stood there already."""
    from generator.gate import reasons

    return reasons.findings(_text_of(base), templates)


def _report(findings: Sequence[Finding]) -> bool:
    """Prints the findings; whether there are any."""
    for finding in findings:
        _say(str(finding), out=sys.stderr)
    return bool(findings)


def _rendered_files() -> Mapping[str, str] | Finding:
    """The rendered files by name, or, after it was printed, why there are none, with the line of ours to look at.

    Whatever goes wrong while building is a fault in the facts or in a stack module, troposphere's own refusals
    (a misspelled property, a value of the wrong type) included.
    """
    try:
        from generator.render import render

        return render().files
    except Exception as error:
        file, line, text = _place_to_edit(error)
        name, message = file.relative_to(ROOT).as_posix(), f"{type(error).__name__}: {error}"
        _say(f"{name}:{line}: {message}\n    {text}", "red", sys.stderr)
        return Finding(name, f"line {line}", "RENDER", message, "")


def _place_to_edit(error: Exception) -> tuple[Path, int, str]:
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
    frame = ([frame for frame in ours if Path(frame.filename).parent.name not in CHECKING] or ours)[-1]
    return Path(frame.filename), int(frame.lineno or 1), frame.line or ""


def _template_set(files: Mapping[str, str]) -> TemplateSet:
    from generator.cfn.templates import from_bodies

    return from_bodies({name.removesuffix(".json"): json.loads(text) for name, text in files.items()})


def _text_of(file: Path) -> str:
    """The text of a file; empty when there is none. What is no UTF-8 becomes a text that equals nothing rendered."""
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


def _committed_files() -> dict[str, str]:
    return {file.name: _text_of(file) for file in sorted(TEMPLATES.glob("*.json"))}


def _write_templates(files: Mapping[str, str]) -> None:
    """Writes what differs, removes what nothing makes any more, and says what changed in the reviewer's terms."""
    committed = _committed_files()
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
    if committed:
        _print_changes(committed, files)


def _print_changes(committed: Mapping[str, str], files: Mapping[str, str]) -> None:
    from generator.cfn.difference import compare
    from generator.cfn.templates import TemplatesError

    try:
        before, after = _template_set(committed), _template_set(files)
    except (ValueError, TemplatesError) as error:
        print(f"  what lay there before cannot be compared: {error}")
        return
    changes = [str(change) for change in compare(before, after)]
    for line in changes[:SHOWN_CHANGES]:
        print(f"  {line}" if len(line) <= WIDTH else f"  {line[:WIDTH]} ...")
    if len(changes) > SHOWN_CHANGES:
        print(f"  and {len(changes) - SHOWN_CHANGES} more: git diff templates/")


def _write_ledger(templates: TemplateSet) -> None:
    """The exact ledger, the pages that people read, and the pictures."""
    pictures, pages = _pictures(templates), _permission_pages(templates)
    for file, text in pictures.items():
        _write_page(file, text, "pictures")
    for file, text in pages.items():
        _write_page(file, text, "permissions")
    for file in _superfluous({**pictures, **pages}):
        file.unlink()
        print(f"{file.relative_to(ROOT)} removed")


def _write_reachability(files: Mapping[str, str], templates: TemplateSet) -> None:
    """The page that says who can reach what. The search takes seconds: it is left out while nothing that it depends on
    has changed since it found no new way."""
    from generator.gate.reachability import matrix

    if cache.is_searched(ROOT, files):
        return
    for file, text in _reachability_page(templates).items():
        _write_page(file, text, "reachability")
        if not matrix.findings(*matrix.make_matrices(templates, PARAMS)):
            _remember(partial(cache.remember_searched, ROOT, files))


def _permission_pages(templates: TemplateSet) -> dict[Path, str]:
    """The ledger, and the pages that people read, by their files."""
    from generator.gate import ledger, permissions_page

    pages = {DOCS / path: text for path, text in permissions_page.pages(templates).items()}
    return {LEDGER: ledger.markdown(templates), **pages}


def _superfluous(pages: Mapping[Path, str]) -> list[Path]:
    """Pages of permissions and pictures of stacks that no template has any more."""
    from generator.gate import permissions_page

    written = {*(DOCS / permissions_page.FOLDER).glob("*.md"), *PICTURES.glob("*.svg")}
    return sorted(written - pages.keys())


def _write_ids(templates: TemplateSet) -> None:
    """The list of logical ids, with those that are new; a copy of the repository without the tests has none."""
    from generator.gate import beside

    if (ROOT / beside.IDS).is_file():
        _write_page(ROOT / beside.IDS, beside.logical_ids(_text_of(ROOT / beside.IDS), templates), "logical ids")


def _parameter_page() -> str:
    from generator.cfn.templates import load
    from generator.gate import parameter_page

    return parameter_page.page(load(TEMPLATES))


def _reachability_page(templates: TemplateSet) -> dict[Path, str]:
    """The page that says who can reach what, by its file; none while a parameter file cannot be read, which the gate
    says."""
    from generator.cfn.parameters import ParameterFileError
    from generator.gate.reachability import matrix

    try:
        return {REACHABILITY: matrix.page(matrix.make_matrices(templates, PARAMS))}
    except ParameterFileError:
        return {}


def _pictures(templates: TemplateSet) -> dict[Path, str]:
    """The pictures of `docs/` by file: the stacks of an environment, and the resources of each."""
    from generator.cfn.picture import resources_picture, stacks_picture

    root = templates["environment"]
    pictures = {ARCHITECTURE: stacks_picture(root, title="The stacks of one environment")}
    for child in root.children():
        title = f"{child.resource.logical_id}: {len(child.template.resources)} resources"
        pictures[PICTURES / f"{child.template.name}.svg"] = resources_picture(child.template, title)
    return {file: f"{text}\n" for file, text in pictures.items()}


def _write_page(file: Path, text: str, title: str) -> None:
    if _text_of(file) == text:
        return
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8", newline="\n")
    print(f"{title}: {file.relative_to(ROOT)} written")


def _say(text: str, style: str = "", out: TextIO | None = None) -> None:
    """Prints a text; on a terminal in colour and folded between words."""
    out = out or sys.stdout
    if not out.isatty():
        print(text, file=out, flush=True)
        return
    from rich.console import Console
    from rich.text import Text

    terminal = Console(file=out, markup=False, highlight=False, emoji=False)
    for line in text.splitlines():
        indent = " " * (len(line) - len(line.lstrip()))
        folded = textwrap.wrap(
            line.lstrip(),
            terminal.width,
            initial_indent=indent,
            subsequent_indent=f"{indent}  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for piece in folded:
            terminal.print(Text(piece, style), crop=False, no_wrap=True, overflow="ignore")


@contextmanager
def _working(what: str) -> Iterator[None]:
    """Says what is done; on a terminal also for how long, in a line that goes away."""
    if not sys.stdout.isatty():
        print(what, flush=True)
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False, table_column=Column(overflow="fold")),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(), transient=True) as progress:
        progress.add_task(what, total=None)
        yield


def _show(text_of: Callable[[TemplateSet], str]) -> int:
    """Prints something about the templates that lie in `templates/`."""
    from generator.cfn.templates import TemplatesError, load

    try:
        print(text_of(load(TEMPLATES)), end="")
    except TemplatesError as error:
        print(error, file=sys.stderr)
        return FINDINGS
    return DONE


def _table(templates: TemplateSet) -> str:
    """Stacks, resources and sizes."""
    lines = [f"{'template':<16}{'resources':>10}{'parameters':>12}{'outputs':>9}{'KiB':>7}"]
    for name, template in templates.templates.items():
        size = (TEMPLATES / template.file).stat().st_size / 1024
        counts = [len(template.body.get(section, {})) for section in ("Resources", "Parameters", "Outputs")]
        lines.append(f"{name:<16}{counts[0]:>10}{counts[1]:>12}{counts[2]:>9}{size:>7.1f}")
    return "\n".join(lines) + "\n"


def _interruptible() -> int:
    try:
        return main()
    except KeyboardInterrupt:
        sys.stdout.flush()
        _say("Interrupted; the same command again goes on from there.", "yellow", sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    streams.end_with(_interruptible, (DONE,), OUTPUT)
