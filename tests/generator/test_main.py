"""`python -m generator` in this process, with stand-ins for what takes long: which steps it takes in which order, what
it says of them, and its exit status. The command as a user runs it: test_command.py."""

from __future__ import annotations

import contextlib
import errno
import gc
import io
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from generator import __main__ as generator
from generator import render
from generator.cfn.difference import compare
from generator.cfn.parameters import ParameterFileError
from generator.cfn.templates import from_bodies
from generator.cfn.verdict import FILE as VERDICT
from generator.gate import (
    beside,
    cache,
    ledger,
    lint,
    parameter_files,
    parameter_page,
    permissions_page,
    process,
    reasons,
    rules,
    suppressions,
)
from generator.gate.finding import Finding
from generator.gate.reachability import matrix

FILES = {"environment.json": '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'}
TEMPLATES = from_bodies({"environment": json.loads(FILES["environment.json"])})
FAULT = Finding("site.json", "Site", "STO001", "is public", "close it")
SECOND = Finding("data.json", "Orders", "STO002", "keeps nothing", "")
FAULT_LINES = "site.json Site: STO001 is public\n    fix: close it\n"


class Terminal(io.StringIO):
    """An output that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The generator in an empty checkout."""
    docs = tmp_path / "docs"
    for name, path in {
        "ROOT": tmp_path,
        "TEMPLATES": tmp_path / "templates",
        "PARAMS": tmp_path / "params",
        "DOCS": docs,
        "LEDGER": docs / "permissions-ledger.md",
        "REACHABILITY": docs / "reachability.md",
        "ARCHITECTURE": docs / "architecture.svg",
        "PICTURES": docs / "pictures",
        "PAGE": docs / "parameters.md",
    }.items():
        monkeypatch.setattr(generator, name, path)
    before = gc.get_threshold()
    yield tmp_path
    gc.set_threshold(*before)


Replace = Callable[..., None]


@pytest.fixture
def steps() -> list[Any]:
    return []


@pytest.fixture
def replace(monkeypatch: pytest.MonkeyPatch, steps: list[Any]) -> Replace:
    """Puts stand-ins in the place of functions of a module: each writes down its name and arguments, and returns its
    value."""

    def put(module: Any, **values: Any) -> None:
        for name, value in values.items():

            def stand_in(*words: object, _name: str = name, _value: Any = value, **named: object) -> Any:
                steps.append((_name, *words, named) if named else (_name, *words) if words else _name)
                return _value

            monkeypatch.setattr(module, name, stand_in)

    return put


# --- the command line


@pytest.mark.parametrize(
    ("words", "step"),
    [
        ([], ("make_templates", "LEDGER", {"gate": False})),
        (["--gate"], ("make_templates", "LEDGER", {"gate": True})),
        (["--base", "other.md"], ("make_templates", Path("other.md"), {"gate": False})),
        (["--gate", "--format", "terminal"], ("make_templates", "LEDGER", {"gate": True})),
        (["--check"], ("check", "LEDGER", {"gate": False})),
        (["--check", "--gate", "--base", "other.md"], ("check", Path("other.md"), {"gate": True})),
        (["--list"], ("_show", generator._table)),
        (["--gate", "--format", "json"], ("_gate_report", "LEDGER", "json", None)),
        (
            ["--gate", "--format", "sarif", "--out", "a.sarif", "--base", "b.md"],
            ("_gate_report", Path("b.md"), "sarif", Path("a.sarif")),
        ),
    ],
)
def test_each_option_has_its_step(words: list[str], step: tuple[Any, ...], replace: Replace, steps: list[Any]) -> None:
    replace(generator, make_templates=[], check=7, _show=7, _gate_report=7)
    assert generator.main(words) == (0 if step[0] == "make_templates" else 7)
    assert steps == [tuple(generator.LEDGER if word == "LEDGER" else word for word in step)]
    assert gc.get_threshold()[0] == 100_000


def test_findings_are_a_failure(replace: Replace) -> None:
    replace(generator, make_templates=[FAULT])
    assert generator.main([]) == generator.main(["--gate"]) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--list", "--check"], "--list goes with nothing else"),
        (["--list", "--gate"], "--list goes with nothing else"),
        (["--format", "json"], "--format goes with --gate alone, and --out with --format"),
        (["--gate", "--check", "--format", "json"], "--format goes with --gate alone, and --out with --format"),
        (["--gate", "--out", "x"], "--format goes with --gate alone, and --out with --format"),
        (["--lst"], "unrecognized arguments: --lst"),
        (
            ["--gate", "--format", "xml"],
            "argument --format: invalid choice: 'xml' (choose from 'terminal', 'sarif', 'junit', 'json', 'github')",
        ),
    ],
)
def test_bad_usage(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        generator.main(words)
    assert ended.value.code == 64
    usage, _, error = capsys.readouterr().err.partition("\npython -m generator: ")
    assert usage.startswith("usage: python -m generator [-h] [--check]") and error == f"{message}\n"


def test_the_help_has_a_line_for_each_option(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    with pytest.raises(SystemExit) as ended:
        generator.main(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0 and "\nRenders the CloudFormation templates.\n" in text
    options = [re.split(r" {2,}", line.strip()) for line in text.partition("options:\n")[2].splitlines()]
    assert options[1:] == [
        ["--check", "fail if templates/ is out of date; writes nothing"],
        ["--list", "show stacks, resources and sizes"],
        ["--gate", "render, then lint, project rules, parameter files"],
        ["--base LEDGER", "permission ledger to compare with"],
        ["--format {terminal,sarif,junit,json,github}"],
        ["how findings are shown"],
        ["--out FILE", "with --format: write the findings to this file"],
    ]


# --- the gate for programs


@pytest.mark.parametrize(("findings", "status"), [([], 0), ([FAULT], 1)])
@pytest.mark.parametrize("into_file", [False, True])
def test_findings_for_a_program_stand_alone_on_standard_output_or_in_a_file(
    findings: list[Finding],
    status: int,
    into_file: bool,
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def make(base: Path, *, gate: bool) -> list[Finding]:
        assert base == Path("base.md") and gate
        print("what is done")
        return findings

    monkeypatch.setattr(generator, "make_templates", make)
    file = checkout / "out.json" if into_file else None
    assert generator._gate_report(Path("base.md"), "json", file) == status
    output = capsys.readouterr()
    text = file.read_text(encoding="utf-8") if file else output.out
    assert output.err == "what is done\n" and (not file or output.out == "")
    assert text.endswith("\n") and json.loads(text)["passed"] is not findings
    assert [each["rule"] for each in json.loads(text)["findings"]] == [each.rule for each in findings]


def test_no_annotations_are_no_empty_line(replace: Replace, capsys: pytest.CaptureFixture[str]) -> None:
    replace(generator, make_templates=[])
    assert generator._gate_report(Path("base.md"), "github", None) == 0
    assert capsys.readouterr().out == ""


# --- make templates


@pytest.fixture
def making(replace: Replace) -> Replace:
    """Stand-ins for all that `make_templates` calls; a test replaces those that do something else."""
    replace(cache, is_fresh=False, remember_refusal=None, remember_pass=None)
    replace(
        generator,
        _rendered_files=FILES,
        _write_templates=None,
        _template_set=TEMPLATES,
        _unexplained_permissions=[],
        _write_ledger=None,
        _write_reachability=None,
        _write_ids=None,
        _write_page=None,
        _gate_findings=[],
    )
    replace(parameter_files, silent_environments=[], unprotected=[])
    return replace


def names(steps: list[Any]) -> list[str]:
    return [step if isinstance(step, str) else step[0] for step in steps]


RENDERED = ["_rendered_files", "_write_templates", "_template_set", "_unexplained_permissions"]
PAGES = ["_write_ledger", "_write_reachability", "_write_ids"]


@pytest.mark.usefixtures("making")
def test_templates_and_pages_are_written_in_their_order(steps: list[Any]) -> None:
    assert generator.make_templates(Path("base.md"), gate=False) == []
    assert steps == [
        "_rendered_files",
        ("_write_templates", FILES),
        ("_template_set", FILES),
        ("_unexplained_permissions", Path("base.md"), TEMPLATES),
        ("_write_ledger", TEMPLATES),
        ("_write_reachability", FILES, TEMPLATES),
        ("_write_ids", TEMPLATES),
    ]


def test_the_gate_answers_at_once_where_nothing_has_changed(
    making: Replace, steps: list[Any], checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    making(cache, is_fresh=True)
    assert generator.make_templates(generator.LEDGER, gate=True) == []
    assert steps == [("is_fresh", checkout)]
    assert capsys.readouterr().out == "templates: nothing has changed since the gate passed.\n"


@pytest.mark.parametrize(("base", "gate"), [("base.md", False), ("LEDGER", False)])
def test_without_the_gate_or_with_another_ledger_nothing_is_taken_for_fresh(
    base: str, gate: bool, making: Replace, steps: list[Any]
) -> None:
    making(cache, is_fresh=True)
    generator.make_templates(generator.LEDGER if base == "LEDGER" else Path(base), gate=gate)
    assert names(steps) == RENDERED + PAGES


def test_facts_that_do_not_render_end_it(making: Replace, steps: list[Any]) -> None:
    making(generator, _rendered_files=FAULT)
    assert generator.make_templates(Path("base.md"), gate=True) == [FAULT]
    assert steps == ["_rendered_files"]


def test_a_permission_without_a_reason_ends_it_before_any_page(
    making: Replace, steps: list[Any], checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    making(generator, _unexplained_permissions=[FAULT, SECOND])
    assert generator.make_templates(Path("base.md"), gate=True) == [FAULT, SECOND]
    assert names(steps) == [*RENDERED, "remember_refusal"] and steps[-1] == (
        "remember_refusal",
        checkout,
        [FAULT, SECOND],
    )
    assert capsys.readouterr().err == f"{FAULT_LINES}data.json Orders: STO002 keeps nothing\n"


@pytest.fixture
def beside_it(monkeypatch: pytest.MonkeyPatch, steps: list[Any]) -> None:
    """The process that works beside this one, as a context that says when it is entered and left."""

    @contextlib.contextmanager
    def shared(work: list[Callable[[], Any]]) -> Iterator[list[Callable[[], str]]]:
        steps.append(
            ("shared", *work[:2], *((each.func, *each.args) for each in work[2:] if isinstance(each, partial)))
        )
        yield [lambda: "what cfn-lint finds", lambda: "the page", lambda: "a broken rule", lambda: "another one"]
        steps.append("ended")

    def gate_findings(
        files: object, templates: object, house_rules: list[Callable[[], Any]], linted: Callable[[], Any]
    ) -> list[Finding]:
        steps.append(("_gate_findings", files, templates, [part() for part in house_rules], linted()))
        return []

    monkeypatch.setattr(process, "shared", shared)
    monkeypatch.setattr(generator, "_gate_findings", gate_findings)


@pytest.mark.usefixtures("making", "beside_it")
def test_the_gate_looks_at_templates_while_cfn_lint_works_beside_it(
    steps: list[Any], checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generator.make_templates(Path("base.md"), gate=True) == []
    assert names(steps[:4]) == RENDERED and steps[4:] == [
        (
            "shared",
            generator._linted,
            generator._parameter_page,
            (generator._house_rules, 0, 2),
            (generator._house_rules, 1, 2),
        ),
        ("_write_ledger", TEMPLATES),
        ("_write_reachability", FILES, TEMPLATES),
        ("_write_ids", TEMPLATES),
        ("_gate_findings", FILES, TEMPLATES, ["a broken rule", "another one"], "what cfn-lint finds"),
        "ended",
        ("_write_page", checkout / "docs/parameters.md", "the page", "parameters"),
        ("remember_pass", checkout),
        ("silent_environments", checkout / "params"),
        ("unprotected", checkout / "params"),
    ]
    assert capsys.readouterr().out == f"{generator.GATE}\ngate: passed, no findings\n"


@pytest.mark.usefixtures("making")
@pytest.mark.parametrize(
    ("findings", "text"),
    [
        ([FAULT], f"{FAULT_LINES}gate: 1 finding; fix it before deploying\n"),
        (
            [SECOND, FAULT],
            f"data.json Orders: STO002 keeps nothing\n{FAULT_LINES}gate: 2 findings; fix them before deploying\n",
        ),
    ],
)
def test_a_refusal_is_said_and_remembered(
    findings: list[Finding], text: str, steps: list[Any], checkout: Path, capsys: Any
) -> None:
    assert generator._judge(findings) == findings
    assert steps == [("remember_refusal", checkout, findings)]
    assert capsys.readouterr() == ("", text)


def test_a_pass_says_whom_nobody_hears_and_what_binds_nobody(making: Replace, capsys: Any) -> None:
    making(parameter_files, silent_environments=["one", "two"], unprotected=["one (a test)", "two (alone)"])
    assert generator._judge([]) == []
    assert capsys.readouterr().out.splitlines() == [
        "gate: nobody gets the messages of one, two: choose NotificationEmail or NotificationPhone",
        "gate: branch and approval protection bind nobody: one (a test); two (alone)",
        "gate: passed, no findings",
    ]


@pytest.mark.parametrize(("name", "shown"), [("elsewhere/gate.json", "elsewhere/gate.json"), (None, VERDICT)])
def test_a_verdict_that_cannot_be_kept_is_a_warning(name: str | None, shown: object, capsys: Any) -> None:
    """A full disk, a cache that is read-only: what has passed has passed."""

    def remember() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)

    generator._remember(remember)
    assert capsys.readouterr() == (
        "",
        f"gate: {shown} cannot be written (No space left on device): the verdict is not kept, and nothing can be "
        "deployed with it\n",
    )


# --- the gate itself


@pytest.fixture
def gate(replace: Replace) -> Replace:
    replace(parameter_files, findings=[])
    replace(cache, is_searched=False, remember_linted=None)
    replace(matrix, make_matrices=("first", "second"))
    replace(suppressions, suppressions=[Finding("a", "", "SUPPRESSION", "", "")])
    return replace


def house_rules() -> list[Finding]:
    return [Finding("a", "", "RULE1", "", ""), Finding("b", "", "RULE3", "", "")]


def more_house_rules() -> list[Finding]:
    return [Finding("a", "", "RULE2", "", "")]


def linted() -> list[Finding]:
    return [Finding("templates/site.json", "", "E1", "", ""), Finding("templates/data.json", "", "E2", "", "")]


def rules_of_findings(monkeypatch: pytest.MonkeyPatch, steps: list[Any]) -> list[str]:
    """The rules of what the gate finds, where the search and the files beside have a finding each."""

    def ways(*matrices: object) -> list[Finding]:
        steps.append(("ways", *matrices))
        return [Finding("a", "", "REACH", "", "")]

    def missing(*words: object) -> list[Finding]:
        steps.append(("missing", *words))
        return [Finding("a", "", "MOVE", "", "")]

    monkeypatch.setattr(matrix, "findings", ways)
    monkeypatch.setattr(beside, "findings", missing)
    return [
        finding.rule for finding in generator._gate_findings(FILES, TEMPLATES, [house_rules, more_house_rules], linted)
    ]


# The rules of the findings in their order, without those of parameter files and of the search.
ALWAYS = ["SUPPRESSION", "E1", "E2", "RULE1", "RULE2", "RULE3", "MOVE"]


@pytest.mark.usefixtures("gate")
def test_the_gate_has_all_findings_in_one_list(
    steps: list[Any], monkeypatch: pytest.MonkeyPatch, checkout: Path
) -> None:
    assert rules_of_findings(monkeypatch, steps) == [*ALWAYS, "REACH"]
    assert steps == [
        ("findings", checkout / "params", TEMPLATES),
        ("is_searched", checkout, FILES),
        ("make_matrices", TEMPLATES, checkout / "params"),
        ("ways", "first", "second"),
        ("missing", checkout, TEMPLATES),
        ("remember_linted", checkout, {"site.json", "data.json"}),
        ("suppressions", checkout, TEMPLATES),
    ]


def test_nobody_is_searched_for_twice(gate: Replace, steps: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    gate(cache, is_searched=True)
    assert rules_of_findings(monkeypatch, steps) == ALWAYS
    assert "make_matrices" not in names(steps)


def test_nobody_is_searched_for_with_values_that_are_refused(
    gate: Replace, steps: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate(parameter_files, findings=[Finding("a", "", "PARAMS", "", "")])
    assert rules_of_findings(monkeypatch, steps) == [*ALWAYS, "PARAMS"]
    assert "make_matrices" not in names(steps)


def test_cfn_lint_looks_at_what_it_has_not_judged(replace: Replace, steps: list[Any], checkout: Path) -> None:
    replace(cache, unlinted_templates=["site.json"])
    replace(lint, lint=[FAULT])
    assert generator._linted() == [FAULT]
    assert steps == [("unlinted_templates", checkout), ("lint", checkout, {"only": ["site.json"]})]


def test_permissions_are_compared_with_the_text_of_the_ledger(
    replace: Replace, steps: list[Any], checkout: Path
) -> None:
    replace(reasons, findings=[FAULT])
    (checkout / "base.md").write_text("a ledger", encoding="utf-8")
    assert generator._unexplained_permissions(checkout / "base.md", TEMPLATES) == [FAULT]
    generator._unexplained_permissions(checkout / "gone.md", TEMPLATES)
    assert steps == [("findings", "a ledger", TEMPLATES), ("findings", "", TEMPLATES)]


# --- check


@pytest.fixture
def checking(replace: Replace, checkout: Path) -> Replace:
    """A checkout in which everything is fresh, and stand-ins for what says so."""
    (checkout / "docs").mkdir()
    (checkout / "templates").mkdir()
    for name, text in FILES.items():
        (checkout / "templates" / name).write_text(text, encoding="utf-8")
    for name in ("page.md", "picture.svg", "reach.md", "parameters.md"):
        (checkout / "docs" / name).write_text(f"{name}\n", encoding="utf-8")
    pages = {name: {checkout / "docs" / name: f"{name}\n"} for name in ("page.md", "picture.svg", "reach.md")}
    replace(
        generator,
        _rendered_files=FILES,
        _permission_pages=pages["page.md"],
        _pictures=pages["picture.svg"],
        _reachability_page=pages["reach.md"],
        _superfluous=[],
        _unexplained_permissions=[],
        _gate_findings=[],
        _judge=[],
    )
    replace(parameter_page, page="parameters.md\n")
    replace(cache, is_searched=False)
    return replace


@pytest.mark.usefixtures("checking")
def test_a_fresh_checkout_is_checked_without_the_gate(steps: list[Any], capsys: Any) -> None:
    assert generator.check(Path("base.md"), gate=False) == 0
    assert capsys.readouterr() == ("templates: fresh\n", "")
    assert names(steps) == [
        "_rendered_files", "_permission_pages", "_pictures", "_superfluous", "is_searched", "_reachability_page",
        "_unexplained_permissions",
    ]  # fmt: skip
    assert steps[-1][1] == Path("base.md")


def test_the_gate_is_the_last_check(checking: Replace, steps: list[Any], capsys: Any) -> None:
    assert generator.check(Path("base.md"), gate=True) == 0
    assert capsys.readouterr().out == f"templates: fresh\n{generator.GATE}\n"
    assert names(steps)[-3:] == ["_unexplained_permissions", "_gate_findings", "_judge"]
    assert steps[-2][1] == FILES and steps[-2][3:] == ([generator._house_rules], generator._linted)
    checking(generator, _judge=[FAULT])
    assert generator.check(Path("base.md"), gate=True) == 1


def test_facts_that_do_not_render_fail_the_check(checking: Replace, steps: list[Any]) -> None:
    checking(generator, _rendered_files=FAULT)
    assert generator.check(Path("base.md"), gate=False) == 1 and steps == ["_rendered_files"]


def test_a_permission_without_a_reason_fails_the_check(checking: Replace, steps: list[Any], capsys: Any) -> None:
    checking(generator, _unexplained_permissions=[FAULT])
    assert generator.check(Path("base.md"), gate=True) == 1
    assert capsys.readouterr() == ("templates: fresh\n", FAULT_LINES) and "_gate_findings" not in names(steps)


def test_templates_that_are_stale_are_named(checking: Replace, steps: list[Any], checkout: Path, capsys: Any) -> None:
    checking(generator, _rendered_files={"site.json": "{}", "edge.json": "{}", "fresh.json": "{}"})
    for name, text in (("site.json", "{}\n"), ("fresh.json", "{}")):
        (checkout / "templates" / name).write_text(text, encoding="utf-8")
    checking(generator, _template_set=TEMPLATES)
    assert generator.check(Path("base.md"), gate=True) == 1
    assert capsys.readouterr().out.splitlines() == [
        "templates/edge.json is missing",
        "templates/environment.json is made by nothing",
        "templates/site.json is stale",
        "3 of 3 templates are stale: run `make templates`",
    ]
    assert "_unexplained_permissions" not in names(steps)


@pytest.mark.usefixtures("checking")
@pytest.mark.parametrize(
    ("name", "gate", "status"),
    [
        ("page.md", False, 1),
        ("picture.svg", False, 1),
        ("reach.md", False, 1),
        ("parameters.md", True, 1),
        ("parameters.md", False, 0),  # it takes the schemas of cfn-lint, which the gate has
    ],
)
def test_a_page_that_is_stale_is_named(name: str, gate: bool, status: int, checkout: Path, capsys: Any) -> None:
    (checkout / "docs" / name).write_text("another", encoding="utf-8")
    assert generator.check(Path("base.md"), gate=gate) == status
    stale = f"docs/{name} is stale\n" if status else ""
    assert capsys.readouterr().out == f"{stale}templates: fresh\n"


def test_a_page_that_nothing_writes_is_stale(checking: Replace, checkout: Path, capsys: Any) -> None:
    (checkout / "docs/old.md").write_text("old", encoding="utf-8")
    checking(generator, _superfluous=[checkout / "docs/old.md"])
    assert generator.check(Path("base.md"), gate=False) == 1
    assert capsys.readouterr().out == "docs/old.md is stale\ntemplates: fresh\n"


def test_the_page_of_a_search_that_need_not_be_made_again_is_not_compared(
    checking: Replace, checkout: Path, steps: list[Any]
) -> None:
    (checkout / "docs/reach.md").write_text("another", encoding="utf-8")
    checking(cache, is_searched=True)
    assert generator.check(Path("base.md"), gate=False) == 0 and "_reachability_page" not in names(steps)


# --- rendering, and the place to edit


def test_the_files_are_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "render", lambda: render.RenderedSet(FILES))
    assert generator._rendered_files() == FILES


def module(checkout: Path, name: str, text: str) -> dict[str, Any]:
    """A module of the checkout's generator, run; its functions raise there."""
    file = checkout / "generator" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    content: dict[str, Any] = {}
    exec(compile(text, str(file), "exec"), content)  # as Python runs a file, with its lines in a traceback
    return content


def refusal(monkeypatch: pytest.MonkeyPatch, raising: Callable[[], object], capsys: Any) -> str:
    """What is said of facts for which `raising` is all that rendering does."""
    monkeypatch.setattr(render, "render", raising)
    finding = generator._rendered_files()
    assert isinstance(finding, Finding)
    output = capsys.readouterr()
    assert output.out == "" and output.err.startswith(f"{finding.file}:{finding.where.removeprefix('line ')}: ")
    assert (finding.rule, finding.fix) == ("RENDER", "") and f": {finding.message}\n    " in output.err
    return str(output.err)


def test_an_error_names_the_line_of_the_stack_and_not_that_of_its_helper(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    helper = module(checkout, "core/arns.py", "def needed(value):\n    raise ValueError(value)\n")
    stack = module(checkout, "stacks/site.py", "def build(needed):\n    return 1, needed('no bucket')\n")
    message = refusal(monkeypatch, lambda: stack["build"](helper["needed"]), capsys)
    assert message == "generator/stacks/site.py:2: ValueError: no bucket\n    return 1, needed('no bucket')\n"
    message = refusal(monkeypatch, lambda: helper["needed"]("no stack"), capsys)
    assert message == "generator/core/arns.py:2: ValueError: no stack\n    raise ValueError(value)\n", (
        "there is no other"
    )


FACTS = """\
def application(make):
    return make(
        name="shop",
        health_path="health",
    )
"""
CHECK = """\
def refuse():
    error = ValueError("must begin with a slash")
    error.fact = {fact!r}
    raise error

def __post_init__(**values):
    refuse()
"""


@pytest.mark.parametrize(
    ("fact", "line", "text"),
    [("health_path", 4, 'health_path="health",'), ("name", 3, 'name="shop",'), ("other", 2, "return make(")],
)
def test_a_fact_that_is_refused_is_named_by_the_line_of_its_value(
    fact: str, line: int, text: str, checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    facts = module(checkout, "application.py", FACTS)
    checks = module(checkout, "project.py", CHECK.format(fact=fact))
    message = refusal(monkeypatch, lambda: facts["application"](checks["__post_init__"]), capsys)
    assert message == f"generator/application.py:{line}: ValueError: must begin with a slash\n    {text}\n"


# --- what is written


def test_a_page_is_written_where_its_text_is_another(checkout: Path, capsys: Any) -> None:
    file = checkout / "docs/page.md"
    generator._write_page(file, "a\n", "pages")
    assert (file.read_bytes(), capsys.readouterr().out) == (b"a\n", "pages: docs/page.md written\n")
    os.utime(file, (1, 1))
    generator._write_page(file, "a\n", "pages")
    assert (file.stat().st_mtime, capsys.readouterr().out) == (1, "")
    generator._write_page(file, "b\n", "pages")
    assert file.read_bytes() == b"b\n"


def test_a_file_that_is_no_text_equals_nothing(checkout: Path) -> None:
    (checkout / "page.md").write_bytes(b"\xffa")
    assert generator._text_of(checkout / "page.md") == "\ufffda" and generator._text_of(checkout / "gone.md") == ""


def test_ledger_pages_and_pictures_are_written_and_the_superfluous_go(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    docs = checkout / "docs"
    folder = docs / permissions_page.FOLDER
    for file in (docs / "pictures/old.svg", folder / "old.md", docs / "pictures/kept.txt"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("old", encoding="utf-8")
    new = {folder / "new.md": "page"}
    monkeypatch.setattr(generator, "_pictures", lambda _templates: {docs / "pictures/site.svg": "picture"})
    monkeypatch.setattr(generator, "_permission_pages", lambda _templates: {docs / "permissions-ledger.md": "l", **new})
    generator._write_ledger(TEMPLATES)
    where = folder.relative_to(checkout)
    assert capsys.readouterr().out.splitlines() == [
        "pictures: docs/pictures/site.svg written",
        "permissions: docs/permissions-ledger.md written",
        f"permissions: {where}/new.md written",
        *(f"{name} removed" for name in sorted([f"{where}/old.md", "docs/pictures/old.svg"])),
    ]
    assert sorted(file.name for file in docs.rglob("*.*")) == [
        "kept.txt",
        "new.md",
        "permissions-ledger.md",
        "site.svg",
    ]


def test_the_ledger_and_the_pages_that_people_read(monkeypatch: pytest.MonkeyPatch, checkout: Path) -> None:
    monkeypatch.setattr(ledger, "markdown", lambda templates: f"ledger of {len(templates)}")
    monkeypatch.setattr(permissions_page, "pages", lambda templates: {"permissions.md": f"page of {len(templates)}"})
    assert generator._permission_pages(TEMPLATES) == {
        checkout / "docs/permissions-ledger.md": "ledger of 1",
        checkout / "docs/permissions.md": "page of 1",
    }


def test_each_stack_has_a_picture_and_all_of_them_another(checkout: Path) -> None:
    child = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "site.json"}}
    bucket = {"Type": "AWS::S3::Bucket"}
    templates = from_bodies(
        {"environment": {"Resources": {"Site": child}}, "site": {"Resources": {"A": bucket, "B": bucket}}}
    )
    pictures = generator._pictures(templates)
    assert list(pictures) == [checkout / "docs/architecture.svg", checkout / "docs/pictures/site.svg"]
    for text, title in zip(pictures.values(), ("The stacks of one environment", "Site: 2 resources"), strict=True):
        assert f">{title}</text>" in text and text.endswith("</svg>\n")


def test_logical_ids_are_listed_where_there_is_a_list(checkout: Path, capsys: Any) -> None:
    generator._write_ids(TEMPLATES)
    file = checkout / beside.IDS
    assert not file.exists()
    file.parent.mkdir(parents=True)
    file.write_text("data.Orders AWS::DynamoDB::Table\n", encoding="utf-8")
    generator._write_ids(TEMPLATES)
    assert file.read_text(encoding="utf-8") == ("data.Orders AWS::DynamoDB::Table\nenvironment.Topic AWS::SNS::Topic\n")
    assert capsys.readouterr().out == f"logical ids: {beside.IDS} written\n"


def test_the_page_of_parameters_is_that_of_the_templates_that_lie_there(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "templates").mkdir()
    (checkout / "templates/environment.json").write_text(FILES["environment.json"], encoding="utf-8")
    monkeypatch.setattr(parameter_page, "page", lambda templates: ", ".join(each.name for each in templates))
    assert generator._parameter_page() == "environment"


def test_project_rules_are_about_the_templates_that_lie_there_all_of_them_or_in_parts(checkout: Path) -> None:
    (checkout / "templates").mkdir()
    topic = {"Type": "AWS::SNS::Topic", "DeletionPolicy": "Retain"}
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {}}
    body = {"Resources": {"Topic": topic, "Bucket": bucket}}
    (checkout / "templates/environment.json").write_text(json.dumps(body), encoding="utf-8")
    findings = generator._house_rules()
    parts = [generator._house_rules(number, generator.RULE_PARTS) for number in range(generator.RULE_PARTS)]
    assert len(parts) > 1 and all(parts) and sorted(finding for part in parts for finding in part) == findings
    assert findings == rules.findings(from_bodies({"environment": body}))


# --- who can reach what


@pytest.mark.parametrize(
    ("searched", "findings", "remembered"), [(False, [], True), (False, [FAULT], False), (True, [], False)]
)
def test_the_search_is_remembered_where_it_has_no_new_way(
    searched: bool, findings: list[Finding], remembered: bool, replace: Replace, steps: list[Any], checkout: Path
) -> None:
    replace(cache, is_searched=searched, remember_searched=None)
    replace(matrix, make_matrices=("one",), findings=findings, page="the page")
    generator._write_reachability(FILES, TEMPLATES)
    file = checkout / "docs/reachability.md"
    assert (file.read_text(encoding="utf-8") if file.exists() else "") == ("" if searched else "the page")
    assert (("remember_searched", checkout, FILES) in steps) is remembered
    assert searched or steps[1:4] == [
        ("make_matrices", TEMPLATES, checkout / "params"),
        ("page", ("one",)),
        ("make_matrices", TEMPLATES, checkout / "params"),
    ]


def test_there_is_no_page_while_a_parameter_file_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ParameterFileError("staging.json", "is no JSON")

    monkeypatch.setattr(matrix, "make_matrices", refuse)
    assert generator._reachability_page(TEMPLATES) == {}


# --- what is shown


def test_a_long_change_is_cut_and_many_are_counted(capsys: Any) -> None:
    def files(value: str, number: int) -> dict[str, str]:
        topics = {f"T{n:02}": {"Type": "T", "Properties": {"Name": value}} for n in range(number)}
        return {"a.json": json.dumps({"Resources": topics})}

    before, after = files("x" * 200, 12), files("y", 12)
    generator._print_changes(before, after)
    lines = capsys.readouterr().out.splitlines()
    changes = list(map(str, compare(generator._template_set(before), generator._template_set(after))))
    assert lines == [f"  {text[:160]} ..." for text in changes] and len(lines) == 12
    exact = files("x" * (160 - len(changes[0]) + 200), 14)
    generator._print_changes(exact, files("y", 14))
    *lines, last = capsys.readouterr().out.splitlines()
    assert {len(line) for line in lines} == {2 + 160} and len(lines) == 12
    assert last == "  and 2 more: git diff templates/"


def test_a_text_is_one_line_where_nobody_reads_along(capsys: Any) -> None:
    generator._say("a [bold]text[/bold] " * 20, "red")
    generator._say("an error", "red", sys.stderr)
    assert capsys.readouterr() == ("a [bold]text[/bold] " * 20 + "\n", "an error\n")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "24")
    return Terminal()


def test_a_text_on_a_terminal_is_folded_between_words_and_has_its_colour(terminal: Terminal) -> None:
    generator._say("  three words that a line-of-a-terminal [lacks] :smile: 12\nmore", "red", terminal)
    lines = terminal.getvalue().splitlines()
    assert all(line.startswith("\x1b[31m") and line.endswith("\x1b[0m") for line in lines)
    plain = [re.sub(r"\x1b\[\d*m", "", line) for line in lines]
    assert plain == ["  three words that a", "    line-of-a-terminal", "    [lacks] :smile: 12", "more"]


def test_a_word_that_is_longer_than_the_line_stays_whole(terminal: Terminal) -> None:
    generator._say("generator/stacks/pipeline/permissions.py:12: no", out=terminal)
    assert terminal.getvalue().splitlines() == ["generator/stacks/pipeline/permissions.py:12:", "  no"]


def test_work_is_said_before_it_is_done(capsys: Any) -> None:
    with generator._working("looking ..."):
        assert capsys.readouterr().out == "looking ...\n"
    assert capsys.readouterr().out == ""


def test_work_on_a_terminal_is_a_line_that_goes_away(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", terminal)
    with generator._working("[looking] ..."):
        time.sleep(0)
    shown = terminal.getvalue()
    assert "[looking] ..." in shown and "0:00:00" in shown
    assert shown.endswith("\x1b[1A\x1b[2K"), "the cursor stands where the line was"


def test_the_list_has_a_line_for_each_template(checkout: Path, capsys: Any) -> None:
    (checkout / "templates").mkdir()
    body = {
        "Resources": {"A": {"Type": "T"}, "B": {"Type": "T"}},
        "Parameters": {"P": {"Type": "String"}},
        "Outputs": {f"O{number}": {"Value": ""} for number in range(3)},
    }
    for name, content in (("one", body), ("two", {"Resources": {"A": {"Type": "T"}}})):
        (checkout / f"templates/{name}.json").write_text(json.dumps(content).ljust(1536), encoding="utf-8")
    assert generator._show(generator._table) == 0
    assert capsys.readouterr().out == (
        "template         resources  parameters  outputs    KiB\n"
        "one                      2           1        3    1.5\n"
        "two                      1           0        0    1.5\n"
    )


def test_a_template_that_cannot_be_read_is_named(checkout: Path, capsys: Any) -> None:
    (checkout / "templates").mkdir()
    (checkout / "templates/site.json").write_text("{", encoding="utf-8")
    assert generator._show(generator._table) == 1
    output = capsys.readouterr()
    assert output.out == "" and output.err.startswith("site.json:1: no JSON")


def test_an_interrupt_has_a_line_and_a_status(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def main() -> int:
        print("begun", end="")
        raise KeyboardInterrupt

    monkeypatch.setattr(generator, "main", main)
    assert generator._interruptible() == 130
    assert capsys.readouterr() == ("begun", "Interrupted; the same command again goes on from there.\n")
    monkeypatch.setattr(generator, "main", lambda: 64)
    assert generator._interruptible() == 64
