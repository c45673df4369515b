"""The small deploy script by itself: `scripts/deployment`, `generator/cfn`, templates and parameters, nothing else of
the repository, against a local AWS that runs outside of the copy."""

from __future__ import annotations

import ast
import io
import json
import os
import shutil
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.deployments import LOCAL, LocalAccount, account
from tests.support.gate import pass_gate

__all__ = ["account"]

LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}

# What the core holds today; it may only become smaller: lines, lines of them with code, files. 1,500 lines of code in a
# dozen files is the most that a reviewer reads in one sitting.
LINES, CODE, FILES = 1940, 1315, 12


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds only what the small script needs."""
    folder = tmp_path_factory.mktemp("alone")
    for name in ("scripts/deployment", "generator/cfn", "templates", "params"):
        shutil.copytree(ROOT / name, folder / name)
    for package in ("scripts", "generator"):
        shutil.copy(ROOT / package / "__init__.py", folder / package / "__init__.py")
    pass_gate(folder / "templates")
    return folder


def script(folder: Path, account: LocalAccount, *words: str) -> subprocess.CompletedProcess[str]:
    endpoint = account.aws.endpoint
    assert endpoint
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    settings = {**inherited, "AWS_ENDPOINT_URL": endpoint.url, "AWS_ACCESS_KEY_ID": endpoint.key}
    command = [sys.executable, "-m", "scripts.deployment", *words]
    return subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, timeout=300, check=False)


def test_the_core_is_small() -> None:
    files = sorted((ROOT / "scripts/deployment").rglob("*.py"))
    texts = [file.read_text(encoding="utf-8") for file in files]
    assert sum(map(lines_of_code, texts)) == CODE <= 1500
    assert len(files) == FILES <= 12 and sum(len(text.splitlines()) for text in texts) == LINES
    page = " ".join((ROOT / "docs/developing.md").read_text(encoding="utf-8").split())
    assert f"The core has {LINES:,} lines in {FILES} files, {CODE:,} of them code" in page


def lines_of_code(text: str) -> int:
    """How many lines of a module are neither empty nor comment nor docstring."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            lines.difference_update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(lines)


def test_lines_of_code_are_counted() -> None:
    assert lines_of_code('"""What it is for,\n\nin short."""\n\n# why\nx = """two\nlines"""\n') == 2
    assert lines_of_code('def f() -> int:\n    """A number."""\n    return 1  # for now\n') == 2


def test_it_creates_does_nothing_and_updates_without_the_rest(alone: Path, account: LocalAccount) -> None:
    created = script(alone, account, "apply", "local")
    assert created.returncode == 0, created.stdout + created.stderr
    assert set(account.stacks().values()) == {"CREATE_COMPLETE"} and LOCAL in account.stacks()
    assert f"\n  PublicUrl = {account.output('PublicUrl')}\n" in created.stdout
    again = script(alone, account, "apply", "local")
    assert again.returncode == 0 and f"{LOCAL}: no changes" in again.stdout, again.stdout + again.stderr
    file = alone / "params/local.json"
    body = json.loads(file.read_text(encoding="utf-8"))
    body["Parameters"]["LogRetentionDays"] = "30" if body["Parameters"].get("LogRetentionDays") != "30" else "60"
    file.write_text(json.dumps(body), encoding="utf-8")
    planned = script(alone, account, "plan", "local")
    assert planned.returncode == 2 and "LogRetentionDays" in planned.stdout, planned.stdout + planned.stderr
    assert account.change_sets() == []
    updated = script(alone, account, "apply", "local")
    assert updated.returncode == 0, updated.stdout + updated.stderr
    assert account.stacks()[LOCAL] == "UPDATE_COMPLETE"


def test_it_refuses_templates_that_the_gate_has_not_passed(alone: Path, account: LocalAccount) -> None:
    file = alone / "templates/data.json"
    before = file.read_text(encoding="utf-8")
    body = json.loads(before)
    body["Description"] += " Edited."
    file.write_text(json.dumps(body), encoding="utf-8")
    try:
        for verb in ("plan", "apply"):
            refused = script(alone, account, verb, "local")
            assert refused.returncode == 3 and "gate" in refused.stderr, refused.stdout + refused.stderr
    finally:
        file.write_text(before, encoding="utf-8")
    assert account.change_sets() == []
