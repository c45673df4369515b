"""`make check` looks at what a change may reach, and says what it leaves out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.check import reach
from tests.check.__main__ import (
    ALWAYS,
    CheckError,
    Step,
    base_of,
    changed_paths,
    chosen_files,
    not_looked_at,
    run_all,
    still_steps,
)
from tests.check.reach import Source
from tests.conftest import ROOT, marker

COMMIT = ("-c", "user.name=n", "-c", "user.email=e@x.test", "-c", "commit.gpgsign=false", "commit", "-qm", "x")


@pytest.fixture(scope="module")
def sources() -> dict[str, Source]:
    return reach.read(ROOT)


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        file = folder / f"{name.replace('__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def test_a_change_reaches_whoever_imports_it_however_far(tmp_path: Path) -> None:
    write(
        tmp_path,
        scripts__low="",
        scripts__high="from scripts import low\n",
        scripts__other="",
        tests__support__shared="import scripts.high\n",
        tests__test_far="from tests.support.shared import x\n",
        tests__test_named="MODULE = 'scripts.low'\n",
        tests__test_other="import scripts.other\n",
        tests__test_page="PAGE = 'runbook.md'\n",
        tests__test_folder="from pathlib import Path\nFILES = Path('docs').glob('*')\n",
    )
    sources = reach.read(tmp_path)
    assert reach.reached(sources, ["scripts/low.py"]).keys() == {"tests/test_far.py", "tests/test_named.py"}
    assert reach.reached(sources, ["scripts/other.py"]) == {"tests/test_other.py": "scripts/other.py"}
    assert reach.reached(sources, ["docs/runbook.md"]).keys() == {"tests/test_page.py", "tests/test_folder.py"}
    assert reach.reached(sources, ["docs/other.md"]).keys() == {"tests/test_folder.py"}
    assert reach.reached(sources, ["tests/test_far.py"]).keys() == {"tests/test_far.py"}


def test_what_was_read_is_kept_and_read_again_when_it_changes(tmp_path: Path) -> None:
    write(tmp_path, tests__test_a="import scripts.low\n", scripts__low="")
    assert reach.reached(reach.read(tmp_path), ["scripts/low.py"]).keys() == {"tests/test_a.py"}
    kept = (tmp_path / reach.CACHE).read_bytes()
    assert reach.reached(reach.read(tmp_path), ["scripts/low.py"]).keys() == {"tests/test_a.py"}
    write(tmp_path, tests__test_a="", tests__test_b="import scripts.low\n")
    assert reach.reached(reach.read(tmp_path), ["scripts/low.py"]).keys() == {"tests/test_b.py"}
    for unreadable in (b"", b"[]", kept.replace(reach.READER.encode(), b"another reader")):
        (tmp_path / reach.CACHE).write_bytes(unreadable)
        assert reach.reached(reach.read(tmp_path), ["scripts/low.py"]).keys() == {"tests/test_b.py"}


def test_a_conftest_reaches_the_tests_below_it(tmp_path: Path) -> None:
    write(tmp_path, tests__a__conftest="import scripts.low\n", tests__a__test_a="", tests__test_b="", scripts__low="")
    sources = reach.read(tmp_path)
    for change in ("tests/a/conftest.py", "scripts/low.py"):
        assert reach.reached(sources, [change]).keys() == {"tests/a/test_a.py"}


@pytest.mark.parametrize(
    ("change", "test"),
    [
        ("scripts/operations/verbs/rollback.py", "tests/operations/test_rollback.py"),
        ("scripts/operations/verbs/rollback.py", "tests/system/test_answers.py"),
        ("scripts/deployment/plan.py", "tests/destructive/test_kills.py"),
        ("templates/site.json", "tests/design/test_edge.py"),
        ("scripts/set_up.py", "tests/cli/test_set_up.py"),
        ("scripts/deployment/plan.py", "tests/system/test_core_alone.py"),
        ("params/staging.json", "tests/costs/test_cost.py"),
        ("docs/runbook.md", "tests/design/test_documents.py"),
        ("buildspecs/verify.yml", "tests/buildspecs/test_verify.py"),
        ("Makefile", "tests/cli/test_make.py"),
        ("tests/review/golden/harmless_rename.md", "tests/review/test_verdict.py"),
    ],
)
def test_changes_of_this_repository_reach_their_tests(sources: dict[str, Source], change: str, test: str) -> None:
    assert (ROOT / change).exists() and (ROOT / test).exists()
    assert test in reach.reached(sources, [change])


def test_what_takes_seconds_runs_for_a_change_of_what_it_is_about(sources: dict[str, Source]) -> None:
    dear = "tests/gate/test_reachability.py"
    for change, runs in (
        ("generator/stacks/site.py", False),
        ("generator/gate/reachability/matrix.py", True),
        (dear, True),
    ):
        reached = reach.reached(sources, [change])
        assert dear in reached
        assert (dear in chosen_files(reached, reach.near(sources, [change]))) is runs, change


def test_what_always_runs_is_there_and_quick() -> None:
    assert not [path for path in ALWAYS if not (ROOT / path).is_file() or marker(ROOT / path) == "slow"]


def test_what_differs_is_committed_or_not(tmp_path: Path) -> None:
    for words in (["init", "-q", "-b", "main"], ["add", "-A"]):
        write(tmp_path, old="a = 1\n", kept="a = 1\n")
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    subprocess.run(["git", *COMMIT], cwd=tmp_path, check=True)
    subprocess.run(["git", "checkout", "-q", "-b", "mine"], cwd=tmp_path, check=True)
    write(tmp_path, committed="")
    subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)
    subprocess.run(["git", *COMMIT], cwd=tmp_path, check=True)
    write(tmp_path, new="", old="a = 2\n")
    (tmp_path / ".venv-checkov").symlink_to(tmp_path)  # as a worktree has whose environments are another's
    (tmp_path / ".gitignore").write_bytes((ROOT / ".gitignore").read_bytes())
    assert changed_paths(tmp_path, base_of(tmp_path, "")) == [".gitignore", "committed.py", "new.py", "old.py"]
    assert changed_paths(tmp_path, base_of(tmp_path, "HEAD")) == [".gitignore", "new.py", "old.py"]
    with pytest.raises(CheckError, match="nowhere is no revision"):
        base_of(tmp_path, "nowhere")


def test_every_step_is_run_and_one_that_fails_shows_why(capsys: pytest.CaptureFixture[str]) -> None:
    bad = Step("the second", [sys.executable, "-c", "import sys; print('because'); sys.exit(1)"])
    steps = [Step("the first", ["true"]), bad, Step("the third", ["true"])]
    assert not run_all(steps)
    shown = capsys.readouterr().out
    assert [line.split("(")[0].strip() for line in shown.splitlines()] == [
        "ok     the first",
        "FAILED the second",
        "because",
        "ok     the third",
    ]
    assert run_all(steps[::2])


def test_the_ledger_of_the_base_is_compared_with_where_there_is_one() -> None:
    assert "--base" in next(still_steps(ROOT, "HEAD")).command
    assert "--base" not in next(still_steps(ROOT, "nowhere")).command


def test_what_is_left_out_is_listed_with_what_reaches_it() -> None:
    reasons = {"tests/a/test_b.py": "x.py", "tests/test_c.py": "x.py"}
    assert list(not_looked_at([*reasons], reasons)) == [
        "not looked at: 2 test files that the change may reach (make test)",
        "  by x.py: a/b, c",
    ]
    assert list(not_looked_at([], {})) == ["not looked at: nothing that the change may reach"]
